"""The lines of a version, compiled: named values worked out one from another, exactly, for one window at a time.

A `View` is what lines read: the worker's account, one window, and the gig, remittance or dispute at hand. Each name is
worked out once per view. No value (an attribute that nobody stated, a table without a row) is carried on as None; a
parameter that no instrument has set yet, and a table that refuses to guess, are noted in the view. Upholds L10:
fractions only, rounded where a line says so. Knows no posting: that is `ledger.domain.accrual`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.domain import ids
from ledger.domain.attributes import Month, Value
from ledger.domain.money import round_steps
from ledger.domain.period import Span
from ledger.domain.reckoning.foreign import converted, is_foreign

if TYPE_CHECKING:
    from ledger.domain.earning import Gig
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.scheme import DueDay, Line, Operand, Rounding, Table, Test, Version
    from ledger.domain.standing import Account, Standing

Reader: TypeAlias = "Callable[[View], Value]"
NONE: Final = "none"
ANY: Final = "any"


class View:
    """What is read while one window of one worker is worked out. `unset` and `unknown`: names that had no figure.

    `memo` holds what names read, `sums` what lines came to in whole numbers (`ledger.domain.reckoning.compiling`).
    """

    __slots__ = ("account", "facts", "gig", "memo", "plan", "registry", "standing", "sums", "unknown", "unset")

    def __init__(
        self,
        account: Account,
        registry: Registry,
        plan: Plan,
        standing: Standing,
        gig: Gig | None = None,
        facts: Mapping[str, Value] | None = None,
    ) -> None:
        self.account, self.registry, self.plan, self.standing, self.gig = account, registry, plan, standing, gig
        self.facts = facts or {}
        self.memo: dict[str, Value] = {}
        self.sums: dict[str, Fraction | int | None] = {}
        self.unset: dict[str, None] = {}
        self.unknown: dict[str, None] = {}

    def read(self, name: str) -> Value:
        """Give what a name reads in this window."""
        memo = self.memo
        if name in memo:
            return memo[name]
        value = memo[name] = self.plan.group.sheet.reader(name)(self)
        return value

    @property
    def minor(self) -> int:
        """How many minor units make one of the currency's."""
        version: Version = self.plan.group.version
        return 10**version.minor_digits  # type: ignore[no-any-return]

    @property
    def span(self) -> Span:
        """The days of the window."""
        return self.plan.span


class Sheet:
    """A version's lines, tables and conditions, compiled once."""

    def __init__(self, version: Version) -> None:
        self.version: Version = version
        self._readers: dict[str, Reader] = {}
        parts = (version.parameters, version.measures, version.lines)
        self._names = frozenset(part.name for several in parts for part in several)
        self._tables = {table.name: compile_table(table, self) for table in version.tables}
        for parameter in version.parameters:
            self._readers[parameter.name] = _parameter(version.scheme, parameter.name, parameter.value)
        for measure in version.measures:
            self._readers[measure.name] = _measure(measure.name)
        for line in version.lines:
            self._readers[line.name] = self._line(line)

    def reader(self, name: str) -> Reader:
        """Give the function that reads a name. Raises ValueError for a name that nothing defines."""
        known = self._readers.get(name)
        if known is None:
            known = self._readers[name] = _builtin(name)
        return known

    def operand(self, operand: Operand) -> Reader:
        """Give the function that reads an operand: the figure itself, or what its name reads."""
        if isinstance(operand, str):
            return lambda view: view.read(operand)
        return lambda _: operand

    def conditions(self, tests: Sequence[Test]) -> Callable[[View], bool]:
        """Give the function that tells whether all conditions hold."""
        compiled = [self.condition(test) for test in tests]
        if not compiled:
            return lambda _: True
        return lambda view: all(holds(view) for holds in compiled)

    def condition(self, test: Test) -> Callable[[View], bool]:
        """Give the function that tells whether one condition holds."""
        value, relation = test.value, test.relation
        words = tuple(value) if isinstance(value, tuple) else None
        other = self._other(value)

        def holds(view: View) -> bool:
            found = view.read(test.name)
            if relation == "known":
                return (found is not None) == (value in (True, "true"))
            return found is not None and meets(test.name, relation, found, other(view), words)

        return holds

    def _other(self, value: Any) -> Reader:
        if isinstance(value, str) and self.is_name(value):
            return lambda view: view.read(value)
        return lambda _: value

    def is_name(self, text: str) -> bool:
        """Tell whether a text is a name that can be read, and no word."""
        return text in self._names or text.split(".", maxsplit=1)[0] in (
            "window",
            "worker",
            "platform",
            "first_day",
            "remittance",
        )

    def table(self, name: str, column: int) -> Reader:
        """Give the function that looks a table's column up."""
        lookup = self._tables[name]
        return lambda view: lookup(view, column)

    def _line(self, line: Line) -> Reader:
        work = self._work(line)
        least = None if line.at_least is None else self.operand(line.at_least)
        most = None if line.at_most is None else self.operand(line.at_most)
        rounding = line.rounding
        if least is None and most is None and rounding is None:
            return work

        def worked(view: View) -> Value:
            value = work(view)
            if value is None or isinstance(value, str | bool | tuple):
                return value
            if least is not None:
                value = _extreme(max, (value, least(view)))
            if most is not None and value is not None:
                value = _extreme(min, (value, most(view)))
            return rounded(value, rounding) if rounding is not None and isinstance(value, Fraction) else value

        return worked

    def _work(self, line: Line) -> Reader:
        of = [self.operand(operand) for operand in line.of]
        if line.op == "lookup":
            return self.table(line.table, line.column)
        if line.op == "choose":
            return self._choose(line)
        if line.op == "due":
            if line.due is None:
                raise ValueError(f"line {line.name}: expected a day that it is due, got none")
            due = line.due
            return lambda view: due_day(view.span.last, due)
        if line.op == "posted":
            return lambda view: Fraction(view.registry.posted(view, line), view.minor)
        if line.op == "starts":
            return lambda view: _starts([read(view) for read in of], line.cutoff_day)
        if line.op == "months_or_part":
            return lambda view: _months_or_part(of[0](view), of[1](view))
        if line.op == "value":
            return of[0]
        operation = OPERATIONS[line.op]
        return lambda view: _arithmetic(operation, [read(view) for read in of])

    def _choose(self, line: Line) -> Reader:
        branches = [(self.conditions(choice.when), self.operand(choice.then)) for choice in line.choices]

        def chosen(view: View) -> Value:
            for holds, then in branches:
                if holds(view):
                    return then(view)
            return None

        return chosen


def meets(name: str, relation: str, found: Value, other: Value, words: tuple[str, ...] | None = None) -> bool:
    """Tell whether what was found stands in a relation to another value; values of different kinds never do."""
    if relation == "has":
        return isinstance(found, tuple) and other in found
    if relation == "in":
        if name.endswith("zone") and isinstance(found, str):
            return any(ids.zone_covers(word, found) for word in words or ())
        return found in (words or ())
    if relation == "is":
        if name.endswith("zone") and isinstance(found, str) and isinstance(other, str):
            return ids.zone_covers(other, found)
        return found == other
    if isinstance(found, date) and isinstance(other, date):
        return _compares(relation, found.toordinal(), other.toordinal())
    if isinstance(found, Fraction | int) and isinstance(other, Fraction | int):
        return _compares(relation, found, other)
    return False


def _compares(relation: str, left: Fraction | int, right: Fraction | int) -> bool:
    if relation == "above":
        return left > right
    if relation == "from":
        return left >= right
    return left <= right if relation == "to" else left < right


def compile_table(table: Table, sheet: Sheet) -> Callable[[View, int], Value]:
    """Give the function that finds a table's row for a view and reads a column of it."""
    rows = [(row.tests, row.values) for row in table.rows]
    by, otherwise = table.by, table.otherwise

    def lookup(view: View, column: int) -> Value:
        """Give a column of the first row that fits, or what stands where none does."""
        keys = {name: view.read(name) for name in by}
        for tests, values in rows:
            if all(_row_meets(test, keys[test.name]) for test in tests):
                value = values[column]
                return view.read(value) if isinstance(value, str) and sheet.is_name(value) else value
        if isinstance(otherwise, Fraction):
            return otherwise
        if otherwise == "refuse" and None not in keys.values():
            view.unknown[table.name] = None
        return None

    return lookup


def _row_meets(test: Test, key: Value) -> bool:
    words = test.value if isinstance(test.value, tuple) else None
    return key is not None and meets(test.name, test.relation, key, test.value, words)


def rounded(value: Fraction, rounding: Rounding) -> Fraction:
    """Give a number rounded to a multiple of the step; one below nothing as its opposite is. Step 0: as it is."""
    if not rounding.step:
        return value
    steps = Fraction(abs(value), rounding.step)
    whole = round_steps(steps.numerator, steps.denominator, rounding.mode) * rounding.step
    return -whole if value < 0 else whole


def due_day(last: date, due: DueDay) -> date:
    """Give the last day to pay for a window that ended on a day; weekends are no working days, holidays not known."""
    if due.working_days:
        day, left = last, due.working_days
        while left:
            day += timedelta(days=1)
            left -= day.weekday() < 5
        return day
    month = last.year * 12 + last.month - 1 + due.months
    first = date(month // 12, month % 12 + 1, 1)
    end = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    day = end if due.day == 0 else first.replace(day=min(due.day, end.day))
    while due.roll and day.weekday() > 4:
        day += timedelta(days=1)
    return day


def _starts(values: Sequence[Value], cutoff_day: int) -> date | None:
    """Give the latest of the first days from which dated choices hold: a month its own, a day by the cutoff."""
    starts = []
    for value in values:
        if isinstance(value, Month):
            starts.append(date(value.year, value.month, 1))
        elif isinstance(value, date):
            month = value.year * 12 + value.month - 1 + (1 if value.day <= cutoff_day else 2)
            starts.append(date(month // 12, month % 12 + 1, 1))
    return max(starts, default=None)


def _months_or_part(since: Value, until: Value) -> Fraction | None:
    if not isinstance(since, date) or not isinstance(until, date):
        return None
    if until <= since:
        return Fraction(0)
    months = (until.year - since.year) * 12 + until.month - since.month
    if (since + timedelta(days=1)).day != 1:
        months += until.day > since.day
    return Fraction(months)


def _arithmetic(operation: Callable[[Sequence[Any]], Value], values: Sequence[Value]) -> Value:
    if any(value is None for value in values):
        return None
    if any(isinstance(value, str | bool | tuple) for value in values):
        raise ValueError(f"line: expected numbers to reckon with, got {values}")
    return operation(values)


def _extreme(choose: Callable[[Sequence[Any]], Any], values: Sequence[Value]) -> Value:
    if any(value is None for value in values):
        return None
    chosen: Value = choose(values)
    return chosen


def _times(values: Sequence[Fraction]) -> Fraction:
    product = Fraction(1)
    for value in values:
        product *= value
    return product


def _divide(values: Sequence[Fraction]) -> Fraction | None:
    return Fraction(values[0], values[1]) if values[1] else None


OPERATIONS: Final[Mapping[str, Callable[[Sequence[Any]], Value]]] = {
    "add": lambda values: sum(values, Fraction(0)),
    "subtract": lambda values: Fraction(values[0]) - values[1],
    "times": _times,
    "divide": _divide,
    "least": min,
    "greatest": max,
}


def _measure(name: str) -> Reader:
    return lambda view: view.plan.group.measured(name, view)


def _parameter(scheme: str, name: str, value: Fraction | None) -> Reader:
    def read(view: View) -> Value:
        own = view.registry.parameter(scheme, name, view.plan.span.last)
        if own is None:
            own = value
        if own is None:
            view.unset[name] = None
        return own

    return read


def _builtin(name: str) -> Reader:
    whose, _, what = name.partition(".")
    if whose == "worker":
        return lambda view: view.account.attribute(what, view.span.last)
    if whose == "platform" and what:
        return lambda view: view.registry.platform_attribute(view.plan.platform, what, view.span.last)
    known = BUILTINS.get(name)
    if known is not None:
        return known
    if whose in ("remittance", "dispute"):
        return lambda view: view.facts.get(name)
    raise ValueError(f"name: expected one that the scheme defines, got {name[:60]!r}")


def age_months(view: View) -> int | None:
    """Give the worker's age in the window's last month, in months; None where the birth month is not known."""
    born = view.account.attribute("born", view.span.last)
    if not isinstance(born, date):
        return None
    last = view.span.last
    return (last.year - born.year) * 12 + last.month - born.month


def _age(view: View) -> Value:
    months = age_months(view)
    return None if months is None else Fraction(months, 12)


def window_words(what: str, span: Span) -> Value:
    """Give what `window.<what>` reads of a window of these days: first, last, days, weeks or months."""
    first, last = span
    if what in ("first", "last"):
        return first if what == "first" else last
    if what == "months":
        return Fraction((last.year - first.year) * 12 + last.month - first.month + 1)
    days = Fraction((last - first).days + 1)
    return days if what == "days" else Fraction(days, 7)


def commission(view: View) -> int:
    """Give what the platform kept of the gig, in minor units of the version's currency."""
    gig, version = view.gig, view.plan.group.version
    if gig is None:
        raise ValueError("commission: expected a gig, got none")
    return (converted(gig, version) if gig.exchange is not None and is_foreign(gig, version) else gig).commission_minor


def _of_gig(what: Callable[[Gig], Value]) -> Reader:
    return lambda view: None if view.gig is None else what(view.gig)


BUILTINS: Final[Mapping[str, Reader]] = {
    "age": _age,
    **{
        f"window.{what}": lambda view, what=what: window_words(what, view.span)  # type: ignore[misc]
        for what in ("first", "last", "days", "weeks", "months")
    },
    "platform": lambda view: view.plan.platform or None,
    "first_day": lambda view: view.account.joined(view.plan.scheme, view.plan.platform),
    "gig.service": _of_gig(lambda gig: gig.service),
    "gig.vehicle": _of_gig(lambda gig: gig.vehicle or NONE),
    "gig.zone": _of_gig(lambda gig: gig.zone),
    "gig.platform": _of_gig(lambda gig: gig.platform),
    "gig.currency": _of_gig(lambda gig: gig.currency),
    "gig.commission": lambda view: None if view.gig is None else Fraction(commission(view), view.minor),
}
