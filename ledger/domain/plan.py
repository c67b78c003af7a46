"""Plans: a version compiled for one window on one platform, so that accruing a gig is a walk over flat tuples.

What a version measures and posts over the same window, one platform or all together, shares one standing and makes one
group. A rule may read measures of another group: a coarser window, the window before, all platforms together, or the
months (days) that a rolling window is summed from. Compiled once per version, bound once per window and platform, then
only read. Knows shapes and versions, not which version is in force: that is the registry's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.domain import ids, scheme
from ledger.domain.lines import Sheet, View
from ledger.domain.period import DAY, DAYS, GIG, MONTHS, RUNNING, Span, Window, window_label, window_span
from ledger.domain.scheme import Measure, Notice, Rule, Version
from ledger.domain.shapes import Assess, DayOf, Shape, assess, compile_rule, counted_day, unit_of

if TYPE_CHECKING:
    from ledger.domain.attributes import Value

RUNNING_KEY: Final = "running"
GroupKey = tuple[Window, bool]


class Read(NamedTuple):
    """Where a measure's total is found: the group that keeps it, whether the window before, how many windows summed."""

    group: GroupKey
    previous: bool
    windows: int


class Line(NamedTuple):
    """One rule, bound: `payer` is None where it depends on the worker; `account` keys the balance.

    `base` is the place of the one measure that the shape reads (-1: it reads a view).
    """

    base: int
    total: Shape
    fund: str
    payer_kind: str
    payer: str | None
    account: tuple[str, str, str]
    state: str
    unit: str


class Plan(NamedTuple):
    """One version over one window on one platform. `key` names the standing; None: a gig keeps none.

    `window` is the label of postings; `platform` is "" where platforms are pooled; `fast`: its lines are all one
    measure's percentages, settled gig by gig.
    """

    scheme: str
    version: str
    window: str
    key: tuple[str, str, str] | None
    fast: bool
    assess: tuple[Assess, ...]
    lines: tuple[Line, ...]
    group: Group
    span: Span
    platform: str


class Group:
    """What a version keeps and posts over one window, pooled or not; not yet bound to a day."""

    def __init__(self, compiled: Compiled, key: GroupKey) -> None:
        self.compiled, self.version, self.sheet = compiled, compiled.version, compiled.sheet
        self.key = key
        self.window, self.pooled = key
        self.measures: tuple[Measure, ...] = tuple(compiled.kept[key])
        self.places = {measure.name: place for place, measure in enumerate(self.measures)}
        self.rules: tuple[Rule, ...] = tuple(rule for rule in self.version.rules if (rule.window, rule.pooled) == key)
        self.notices: tuple[Notice, ...] = tuple(
            notice for notice in self.version.notices if (notice.window, notice.pooled) == key
        )
        self.reads: Mapping[str, Read] = compiled.reads[key]
        self.assess: tuple[Assess, ...] = tuple(assess(m, self.version) for m in self.measures)
        self.days: tuple[tuple[int, DayOf], ...] = tuple(
            (place, counted_day(m, self.version)) for place, m in enumerate(self.measures) if m.what == "days"
        )
        self.sums = tuple(place for place, m in enumerate(self.measures) if m.what == "pay")
        self.holds = tuple(self.sheet.conditions(rule.when) if rule.when else None for rule in self.rules)
        self.when = tuple(rule.on for rule in self.rules)
        self.notice_holds = tuple(self.sheet.conditions(notice.when) for notice in self.notices)
        self.refusing = tuple(
            (m.share, self.sheet.table(m.share, 0))
            for m in self.measures
            if m.share is not None and self.version.table(m.share).otherwise == "refuse"
        )
        self.own = tuple(self._is_own(rule) for rule in self.rules)
        self.shapes: tuple[tuple[int, Shape], ...] = tuple(compile_rule(rule, self) for rule in self.rules)
        self.waits = all(on != "gig" for on in (*self.when, *(n.on for n in self.notices))) and not self.refusing
        self.on_close = any(rule.on == "close" for rule in self.rules) or any(n.on == "close" for n in self.notices)
        self.fast = (
            all(base >= 0 for base, _ in self.shapes)
            and not self.notices
            and not self.days
            and not self.refusing
            and self.window != RUNNING
            and not compiled.tracks_first
        )

    @property
    def flat(self) -> bool:
        """Whether nothing here is measured: what is posted does not hang on how many gigs there were."""
        return not self.reads

    @property
    def acts(self) -> bool:
        """Whether anything is posted or said over this window; else it only keeps what others read."""
        return bool(self.rules or self.notices)

    def _is_own(self, rule: Rule) -> bool:
        """Tell whether a rule is about a platform as a whole: it reads the platform's figures, and nobody's work."""
        names = self.compiled.closure(_named(rule))
        about = [
            name for name in names if name in self.compiled.measures or name.partition(".")[0] in ("worker", "gig")
        ]
        return not about and "age" not in names and any(name.startswith("platform.") for name in names)

    def can_read(self, name: str) -> bool:
        """Tell whether every measure behind a name is one that this group keeps or reads."""
        needed = [each for each in self.compiled.closure([name]) if each in self.compiled.measures]
        return (self.acts or name in self.places) and all(each in self.reads for each in needed)

    def bind(self, day: date, platform: str) -> Plan:
        """Give the plan for the window that holds this local day, on this platform."""
        version, label = self.version, window_label(self.window, day)
        names = RUNNING_KEY if self.window == RUNNING else label
        place = "" if self.pooled else platform
        lines = tuple(
            self._line(rule, base, shape, platform) for rule, (base, shape) in zip(self.rules, self.shapes, strict=True)
        )
        key = None if self.window == GIG else (version.scheme, names, place)
        span = window_span(self.window, day)
        return Plan(version.scheme, version.id, label, key, self.fast, self.assess, lines, self, span, place)

    def _line(self, rule: Rule, base: int, shape: Shape, platform: str) -> Line:
        scheme = self.version.scheme
        unit = self.version.currency if rule.unit == "money" else rule.unit
        kind = PAYER_KINDS.get(rule.payer, rule.payer)
        payer: str | None = None
        if rule.payer == "none":
            payer = f"measure:{scheme}/{rule.fund}"
        elif rule.payer not in (ids.WORKER, "sponsor"):
            payer = ids.payer_of(rule.payer, "", platform)
        return Line(base, shape, rule.fund, kind, payer, (scheme, rule.fund, unit), rule.state, unit)

    def measured(self, name: str, view: View) -> Value:
        """Give a measure's total over the window that this group reads it over, in the measure's unit."""
        read = self.reads[name]
        measure = self.version.measure(name)
        if read.group == self.key and not read.previous and read.windows == 1:
            raw = view.standing.inputs[self.places[name]]
        else:
            raw = self._elsewhere(name, read, view)
        return Fraction(raw) * unit_of(measure.what, self.version.minor_digits)

    def _elsewhere(self, name: str, read: Read, view: View) -> Fraction | int:
        window, pooled = read.group
        span = view.plan.span
        total: Fraction | int = 0
        for day in _days_of(window, span, read):
            label = window_label(window, day)
            key = (self.version.scheme, label, "" if pooled else view.plan.platform)
            standing = view.account.standings.get(key)
            if standing is not None:
                group = view.registry.group(self.version.scheme, standing.version, read.group)
                if group is not None and name in group.places:
                    total += standing.inputs[group.places[name]]
        return total


def _days_of(window: Window, span: Span, read: Read) -> Iterable[date]:
    """Give a day of each window that is read: the one that holds the last day, the one before it, or several."""
    day = span.last
    if read.previous:
        day = window_span(window, day).first - timedelta(days=1)
    for _ in range(read.windows):
        yield day
        day = window_span(window, day).first - timedelta(days=1)


PAYER_KINDS: Final = {"sponsor": ids.PLATFORM_PAYER, "none": "measure"}


class Compiled:
    """A version with all its groups."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.sheet = Sheet(version)
        self._lines = {line.name: line for line in version.lines}
        self._tables = {table.name: table for table in version.tables}
        self.measures = {measure.name: measure for measure in version.measures}
        self.kept: dict[GroupKey, dict[Measure, None]] = {}
        self.reads: dict[GroupKey, dict[str, Read]] = {}
        self.names: set[str] = set()
        items: list[Rule | Notice] = [*version.rules, *version.notices]
        for item in items:
            key = (item.window, item.pooled)
            self.kept.setdefault(key, {})
            self.reads.setdefault(key, {})
            for name in self.closure(_named(item)):
                self.names.add(name)
                if name in self.measures:
                    self._keep(self.measures[name], key)
        for measure in version.measures:
            if measure.share is not None:
                self.names.update(self._tables[measure.share].by)
        self.tracks_first = "first_day" in self.names
        self.groups = {key: Group(self, key) for key in self.kept}
        self.crosses = any(
            read.group != key or read.previous or read.windows > 1
            for key, reads in self.reads.items()
            for read in reads.values()
        ) or any(line.op == "posted" for line in version.lines)
        self.reads_platforms = any(name.startswith("platform.") for name in self.names)
        self.daily = frozenset(
            (line.fund, line.payer_kind, line.state, line.unit)
            for (window, _), group in self.groups.items()
            if window in (RUNNING, DAY)
            for line in group.bind(version.start, "").lines
        )
        self.attributes = frozenset(name.partition(".")[2] for name in self.names if name.startswith("worker.")) | (
            {"born"} if "age" in self.names else set()
        )

    def _keep(self, measure: Measure, reader: GroupKey) -> None:
        window, pooled = reader
        target = measure.window or window
        count = 1
        if target.rolling:
            count = target.count
            target = MONTHS if target.kind == "months" else DAYS
        key = (target, pooled if measure.pooled is None else measure.pooled)
        if target == GIG:
            key = (GIG, False)
        self.kept.setdefault(key, {})[measure] = None
        self.reads.setdefault(key, {})
        self.reads[reader][measure.name] = Read(key, measure.previous, count)
        if key not in ((window, pooled),):
            self.reads[key].setdefault(measure.name, Read(key, False, 1))

    def closure(self, names: Iterable[str]) -> dict[str, None]:
        """Give these names and all that they are worked out from."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name in found:
                continue
            found[name] = None
            if name in self._lines:
                waiting += _of_line(self._lines[name])
            if name in self._tables:
                waiting += self._tables[name].by
            if name in self._lines and self._lines[name].table:
                waiting.append(self._lines[name].table)
            if name in self._tables:
                table = self._tables[name]
                waiting += [value for row in table.rows for value in row.values if isinstance(value, str)]
                waiting += [t.value for row in table.rows for t in row.tests if isinstance(t.value, str)]
        return found


def _named(item: Rule | Notice) -> list[str]:
    names = [test.name for test in item.when]
    names += [test.value for test in item.when if isinstance(test.value, str)]
    if isinstance(item, Rule):
        names += [name for name in (item.amount, item.base) if name is not None]
        names += [item.rate] if isinstance(item.rate, str) else []
        names += [item.cap.table] if item.cap is not None and item.cap.table is not None else []
    else:
        names += [each for each in (item.amount, item.value, item.date) if isinstance(each, str)]
    return names


def _of_line(line: scheme.Line) -> list[str]:
    operands = [*line.of, line.at_least, line.at_most, *(choice.then for choice in line.choices)]
    names = [operand for operand in operands if isinstance(operand, str)]
    for choice in line.choices:
        names += [test.name for test in choice.when]
        names += [test.value for test in choice.when if isinstance(test.value, str)]
    return names
