"""What names read, in whole numbers: a version's lines, tables and conditions compiled for one window of one platform.

What stands fast for the window (figures, its days, the platform's attributes, parameters) is worked out at once, and
branches that cannot be taken fall away; what is left reads the window's inputs and the gig alone (`free`), or a view:
the worker's attributes, other windows. Knows no rule and no rounding but those of lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.domain.attributes import WORKER
from ledger.domain.earning import Gig
from ledger.domain.reckoning import fixed
from ledger.domain.reckoning.fixed import Fixed, Holds
from ledger.domain.reckoning.foreign import converted, is_foreign
from ledger.domain.reckoning.lines import age_months, meets
from ledger.domain.reckoning.shapes import unit_of, word_of

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.reckoning.lines import View
    from ledger.domain.reckoning.plan import Group
    from ledger.domain.scheme import Choice, Line, Operand, Table, Test

Known: TypeAlias = "Mapping[str, Value]"
"""What names read that stands fast for a window."""
_RELATIONS: Final = ("above", "from", "to", "below", "is")
_FIELDS: Final = {
    f"gig.{word}": Gig._fields.index(word) for word in ("service", "vehicle", "zone", "platform", "currency")
}
"""The words of a gig by which a table may find a row without a view, and where they stand in it."""
_WORDS_MAX: Final = 10_000


class Unfit(Exception):
    """What is asked for can't be said in whole numbers, or not without a view."""


class Compiling:
    """One group's names, compiled as they are asked for; `free`: nothing may be read but inputs and the gig."""

    def __init__(self, group: Group, known: Known, free: bool) -> None:
        self.group, self.known, self.free = group, known, free
        self.lines = {line.name: line for line in group.version.lines}
        self.tables = {table.name: table for table in group.version.tables}
        self.made: dict[str, Fixed] = {}

    # -- what is reckoned with -----------------------------------------------------------------------------------------

    def operand(self, operand: Operand) -> Fixed:
        """Give a figure, or what a name reads."""
        if isinstance(operand, Fraction):
            return fixed.figure(operand)
        if operand in self.known:
            value = self.known[operand]
            if isinstance(value, Fraction | int) and not isinstance(value, bool):
                return fixed.figure(Fraction(value))
            raise Unfit
        if operand in self.lines:
            return self._named(operand)
        if operand in self.group.reads:
            return self._measure(operand)
        if operand == "gig.commission" and self.free:
            return Fixed(10**self.group.version.minor_digits, self._commission, True)
        return self._seen(operand)

    def _commission(self, _: Sequence[Any], gig: Gig) -> int:
        foreign = is_foreign(gig, self.group.version)
        return (converted(gig, self.group.version) if foreign else gig).commission_minor

    def _seen(self, name: str) -> Fixed:
        """Give what a name reads through a view, where that is a number."""
        if self.free:
            raise Unfit
        if name == "age":
            return Fixed(12, lambda _, view: age_months(view), False)
        whose, _, what = name.partition(".")
        if name not in self.lines and name != "gig.commission" and (whose != "worker" or WORKER[what] != "decimal"):
            raise Unfit

        def read(_: Sequence[Any], view: View) -> Fraction | int | None:
            value = view.read(name)
            return value if isinstance(value, Fraction | int) and not isinstance(value, bool) else None

        return Fixed(1, read, False)

    def _measure(self, name: str) -> Fixed:
        group, read, measure = self.group, self.group.reads[name], self.group.version.measure(name)
        unit = unit_of(measure.what, group.version.minor_digits)
        if read.group == group.key and not read.previous and read.windows == 1:
            place = group.places[name]
            if measure.what == "pay" and measure.share is not None:
                table = self.tables[measure.share]
                rows = [*(value for row in table.rows for value in row.values), table.otherwise]
                parts = lcm(*(value.denominator for value in rows if isinstance(value, Fraction)), 1)
                return Fixed(unit.denominator * parts, lambda inputs, _: int(inputs[place] * parts), True)
            return fixed.plain(unit.denominator, fixed.Share(place, unit.numerator))
        if self.free:
            raise Unfit
        many = unit.numerator
        return Fixed(unit.denominator, lambda _, view: group.stored(name, view) * many, True)

    def _named(self, name: str) -> Fixed:
        """Give a line's value; through a view it is worked out once, however many read it."""
        if name not in self.made:
            value = self._line(self.lines[name])
            self.made[name] = value if self.free else fixed.kept(name, value)
        return self.made[name]

    def _line(self, line: Line) -> Fixed:
        value = self._work(line)
        if line.at_least is not None:
            value = fixed.greatest([value, self.operand(line.at_least)])
        if line.at_most is not None:
            value = fixed.least([value, self.operand(line.at_most)])
        if line.rounding is not None and line.rounding.step:
            value = fixed.rounded(value, line.rounding.mode, line.rounding.step)
        return value

    def _work(self, line: Line) -> Fixed:
        if line.op == "value":
            return self.operand(line.of[0])
        if line.op == "lookup":
            return self.table(line.table, line.column)
        if line.op == "choose":
            return self._choose(line.choices)
        if line.op == "posted" and not self.free:
            scale = 10**self.group.version.minor_digits
            return Fixed(scale, lambda _, view: view.registry.posted(view, line), True)
        if line.op == "divide":
            return fixed.quotient(self.operand(line.of[0]), self.operand(line.of[1]))
        if line.op in _OPERATIONS:
            return _OPERATIONS[line.op]([self.operand(operand) for operand in line.of])
        if line.op == "months_or_part":
            return self._seen(line.name)
        raise Unfit

    def _choose(self, choices: Sequence[Choice]) -> Fixed:
        branches: list[tuple[Holds, Fixed]] = []
        for choice in choices:
            holds = self.conditions(choice.when)
            if holds is not False:
                branches.append((holds, self.operand(choice.then)))
            if holds is True:
                break
        return fixed.first(branches)

    def table(self, name: str, column: int) -> Fixed:
        """Give a column of the row that fits."""
        table = self.tables[name]
        if self.free and table.otherwise != "refuse" and all(by in _FIELDS for by in table.by):
            return self._by_words(table, column)
        branches: list[tuple[Holds, Fixed]] = []
        for row in table.rows:
            holds = self.conditions(row.tests)
            if holds is not False:
                branches.append((holds, self.operand(row.values[column])))
            if holds is True:
                break
        if isinstance(table.otherwise, Fraction):
            branches.append((True, fixed.figure(table.otherwise)))
        if table.otherwise != "refuse" or any(holds is True for holds, _ in branches):
            return fixed.first(branches)
        if self.free:
            raise Unfit
        by = table.by

        def refuse(_: Sequence[Any], view: View) -> None:
            if all(view.read(key) is not None for key in by):
                view.unknown[name] = None

        return fixed.first(branches, refuse)

    def _by_words(self, table: Table, column: int) -> Fixed:
        """Give a column of a table that words of the gig alone find; each set of words is looked up once."""
        rows = [(row.tests, self.operand(row.values[column])) for row in table.rows]
        rows += [((), fixed.figure(table.otherwise))] if isinstance(table.otherwise, Fraction) else []
        if any(value.figure is None for _, value in rows):
            raise Unfit
        scale = lcm(*(value.scale for _, value in rows))
        words_of = itemgetter(*(_FIELDS[by] for by in table.by))
        known: dict[Any, int | None] = {}

        def look_up(_: Sequence[Any], gig: Any) -> int | None:
            words = words_of(gig)
            try:
                return known[words]
            except KeyError:
                if len(known) >= _WORDS_MAX:
                    known.clear()
                known[words] = found = find({by: word_of(gig, by.partition(".")[2]) for by in table.by})
                return found

        def find(words: Mapping[str, str | None]) -> int | None:
            for tests, value in rows:
                if all(_word_meets(test, words[test.name]) for test in tests):
                    return fixed.rescaled(value, scale).figure
            return None

        return Fixed(scale, look_up, isinstance(table.otherwise, Fraction))

    # -- conditions ----------------------------------------------------------------------------------------------------

    def conditions(self, tests: Sequence[Test]) -> Holds:
        """Give whether all conditions hold: at once, or by what is asked then. What never holds is not read on."""
        found: list[Holds] = []
        for test in tests:
            found.append(self._condition(test))
            if found[-1] is False:
                return False
        return fixed.every(found)

    def _condition(self, test: Test) -> Holds:
        name, relation, value = test.name, test.relation, test.value
        named = isinstance(value, str) and self.group.sheet.is_name(value)
        words = value if isinstance(value, tuple) else None
        if name in self.known and (not named or value in self.known):
            mine, other = self.known[name], self.known[value] if named else value  # type: ignore[index]
            if relation == "known":
                return (mine is not None) == (value in (True, "true"))
            return mine is not None and meets(name, relation, mine, other, words)
        try:
            if relation == "known":
                return fixed.known(self.operand(name), value in (True, "true"))
            if relation in _RELATIONS and (isinstance(value, Fraction) or named):
                return fixed.compared(self.operand(name), self.operand(value), relation)  # type: ignore[arg-type]
        except Unfit:
            pass  # days and words are no numbers: they are compared as they are read
        if name in _FIELDS and not named and relation != "known" and self.free:
            what = name.partition(".")[2]
            return lambda _, gig: _word_meets(test, word_of(gig, what))
        if self.free:
            raise Unfit
        holds = self.group.sheet.condition(test)
        return lambda _, view: holds(view)


def _word_meets(test: Test, word: str | None) -> bool:
    words = test.value if isinstance(test.value, tuple) else None
    return word is not None and meets(test.name, test.relation, word, test.value, words)


_OPERATIONS: Final[Mapping[str, Callable[[Sequence[Fixed]], Fixed]]] = {
    "add": fixed.total,
    "subtract": fixed.difference,
    "times": fixed.product,
    "least": fixed.least,
    "greatest": fixed.greatest,
}
