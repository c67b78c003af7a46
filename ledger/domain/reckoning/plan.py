"""Plans: a version compiled for one window on one platform, so that accruing a gig is a walk over flat tuples.

What a version measures and posts over the same window, one platform or all together, shares one standing and makes one
group. A rule may read measures of another group: a coarser window, the window before, all platforms together, or the
months (days) that a rolling window is summed from. Compiled once per version, bound once per window and platform, then
only read. Knows shapes and versions, not which version is in force: that is the registry's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.domain import ids, scheme
from ledger.domain.period import DAY, DAYS, GIG, MONTHS, RUNNING, Span, Window, window_label, window_span
from ledger.domain.posting import ACCRUED, Name
from ledger.domain.reckoning.foreign import converted, unpriced
from ledger.domain.reckoning.lines import Sheet, View, window_words
from ledger.domain.reckoning.shapes import Assess, DayOf, assess, counted_day, unit_of
from ledger.domain.reckoning.totals import Total, compile_total
from ledger.domain.scheme import Measure, Notice, Rule, Version

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.earning import Gig
    from ledger.domain.registry import Registry

_TOTALS_MAX: Final = 1_000
RUNNING_KEY: Final = "running"
GroupKey = tuple[Window, bool]


class Read(NamedTuple):
    """Where a measure's total is found: the group that keeps it, whether the window before, how many windows summed."""

    group: GroupKey
    previous: bool
    windows: int


class Line(NamedTuple):
    """One rule, bound: `payer` is None where it depends on the worker; `account` keys the balance.

    `total(inputs, seen)`: what its window has come to; it sees the gig where it is `free`, else a view.
    """

    total: Callable[[Sequence[Any], Any], int]
    free: bool
    fund: str
    payer_kind: str
    payer: str | None
    account: tuple[str, str, str]
    state: str
    unit: str


class Quick(NamedTuple):
    """What of a line the hot path walks over: its place among the lines, its total, where it posts to."""

    at: int
    total: Callable[[Sequence[Any], Any], int]
    fund: str
    payer: str | None
    account: tuple[str, str, str]
    unit: str


class Plan(NamedTuple):
    """One version over one window on one platform. `key` names the standing; None: a gig keeps none.

    `window` is the label of postings; `platform` is "" where platforms are pooled. `fast`: a gig settles it by walking
    over `quick`, its lines that act on gigs; where it is also `careful`, only while the window is not closed, and gigs
    are counted.
    """

    scheme: str
    version: str
    window: str
    key: tuple[str, str, str] | None
    fast: bool
    careful: bool
    assess: tuple[Assess, ...]
    quick: tuple[Quick, ...]
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
        self.by_gig = self.version.attribution == "completed" or self.window == GIG
        """Whether what is added to a gig counts on the gig's day; else on the day on which it falls due."""
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
        self.names: tuple[Name, ...] = tuple(self._name(rule) for rule in self.rules)
        moments = (*self.when, *(notice.on for notice in self.notices))
        self.waits = all(on != "gig" for on in moments) and not self.refusing
        self.on_close = "close" in moments
        self.given = tuple(name for rule in self.rules for name in compiled.closure(named(rule)) if self._stands(name))
        self._totals: dict[tuple[Value, ...], tuple[Total, ...]] = {}
        self.measures_only = False
        """Whether the version is not in force here: gigs are measured for its later windows."""
        self.careful = any(on != "gig" for on in moments)
        self.calm = (
            all(notice.on != "gig" for notice in self.notices)
            and all(state == ACCRUED for _, _, state, _ in self.names)
            and not (self.days or self.refusing or any(self.own) or compiled.tracks_first)
            and not (self.window == RUNNING or self.window.rolling)
            and (not self.flat or self.window == GIG or self.waits)
            and all(rule.payer != "sponsor" for rule in self.rules)
        )

    def quiet(self) -> Group:
        """Give this group where its version is not in force: it measures for later windows to read, nothing else."""
        own = copy(self)
        own.rules, own.notices, own.refusing = (), (), ()
        own.holds, own.when, own.notice_holds, own.own, own.names, own.given = (), (), (), (), (), ()
        own.waits, own.on_close, own.careful, own.calm, own.measures_only = True, False, False, False, True
        own._totals = {}
        return own

    @property
    def tracks_first(self) -> bool:
        """Whether a gig here counts for when its platform was joined."""
        return self.compiled.tracks_first and not self.measures_only

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
        names = self.compiled.closure(named(rule))
        about = [
            name for name in names if name in self.compiled.measures or name.partition(".")[0] in ("worker", "gig")
        ]
        return not about and "age" not in names and any(name.startswith("platform.") for name in names)

    def _stands(self, name: str) -> bool:
        """Tell whether what a name reads stands fast for a window: its days, the platform's attributes, parameters."""
        whose, _, what = name.partition(".")
        if whose == "platform":
            return not self.pooled or self.window == GIG
        return (whose == "window" and what != "") or name in self.compiled.parameters

    def can_read(self, name: str) -> bool:
        """Tell whether every measure behind a name is one that this group keeps or reads."""
        needed = [each for each in self.compiled.closure([name]) if each in self.compiled.measures]
        return (self.acts or name in self.places) and all(each in self.reads for each in needed)

    def bind(self, day: date, platform: str, registry: Registry) -> Plan:
        """Give the plan for the window that holds this local day, on this platform, under the acts of a registry."""
        version, label = self.version, window_label(self.window, day)
        names = RUNNING_KEY if self.window == RUNNING else label
        place = "" if self.pooled else platform
        key = None if self.window == GIG else (version.scheme, names, place)
        span = window_span(self.window, day)
        totals = self._compiled({name: self._known(name, span.last, place, span, registry) for name in self.given})
        lines = tuple(
            self._line(name, rule, total, platform)
            for name, rule, total in zip(self.names, self.rules, totals, strict=True)
        )
        acting = [(at, line) for at, line in enumerate(lines) if self.when[at] == "gig"]
        fast = self.calm and all(line.free for _, line in acting)
        fast = fast and not self.compiled.crossed and not (self.careful and (self.compiled.crosses or key is None))
        quick = tuple(Quick(at, own.total, own.fund, own.payer, own.account, own.unit) for at, own in acting)
        nothing = (0,) * len(self.assess)
        # where nothing comes to something, gigs are counted: a window whose gigs are all taken back owes nothing
        careful = self.careful or (fast and key is not None and any(own.total(nothing, None) for own in quick))
        own = (version.scheme, version.id, label, key, fast, careful, self.assess, quick, lines, self, span, place)
        return Plan(*own)

    def priced(self, plan: Plan) -> Plan:
        """Give a plan of this group for gigs paid in another currency, with a rate recorded."""
        pays = [measure.what == "pay" for measure in self.measures]
        taken = [_converting(base, self.version) if pay else base for base, pay in zip(plan.assess, pays, strict=True)]
        return plan._replace(assess=tuple(taken))

    def _known(self, name: str, day: date, platform: str, span: Span, registry: Registry) -> Value:
        """Give what a name reads that stands fast for a window."""
        whose, _, what = name.partition(".")
        if whose == "platform":
            return registry.platform_attribute(platform, what, day) if what else platform or None
        if whose == "window":
            return window_words(what, span)
        own = registry.parameter(self.version.scheme, name, day)
        return self.compiled.parameters[name].value if own is None else own

    def _compiled(self, known: Mapping[str, Value]) -> tuple[Total, ...]:
        """Give the rules' totals for what stands fast; windows alike share them."""
        key = tuple(known.values())
        totals = self._totals.get(key)
        if totals is None:
            if len(self._totals) >= _TOTALS_MAX:
                self._totals.clear()
            totals = self._totals[key] = tuple(compile_total(rule, self, known) for rule in self.rules)
        return totals

    def _name(self, rule: Rule) -> Name:
        unit = self.version.currency if rule.unit == "money" else rule.unit
        return rule.fund, PAYER_KINDS.get(rule.payer, rule.payer), rule.state, unit

    def _line(self, name: Name, rule: Rule, total: Total, platform: str) -> Line:
        scheme, (fund, kind, state, unit) = self.version.scheme, name
        payer: str | None = None
        if rule.payer == "none":
            payer = f"measure:{scheme}/{fund}"
        elif rule.payer not in (ids.WORKER, "sponsor"):
            payer = ids.payer_of(rule.payer, "", platform)
        return Line(total.work, total.free, fund, kind, payer, (scheme, fund, unit), state, unit)

    def measured(self, name: str, view: View) -> Value:
        """Give a measure's total over the window that this group reads it over, in the measure's unit."""
        measure = self.version.measure(name)
        return Fraction(self.stored(name, view)) * unit_of(measure.what, self.version.minor_digits)

    def stored(self, name: str, view: View) -> Fraction | int:
        """Give a measure's total over that window in what is stored: minor units, seconds, metres, pieces."""
        read = self.reads[name]
        if read.group == self.key and not read.previous and read.windows == 1:
            return view.standing.inputs[self.places[name]]
        return self._elsewhere(name, read, view)

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


def _converting(base: Assess, version: Version) -> Assess:
    return lambda gig: base(converted(gig, version))


@lru_cache(maxsize=256)
def unpriced_group(version: Version) -> Group:
    """Give the window of a gig whose pay a version cannot read: it says so, and posts nothing."""
    return Compiled(unpriced(version), unpriced=True).groups[GIG, False]


def covers(plan: Plan, gig: Gig) -> bool:
    """Tell whether a plan's version covers a gig: its platform, and its zone or one of its segments'."""
    version = plan.group.version
    if not version.covers_platform(gig.platform):
        return False
    return version.covers_zone(gig.zone) or any(version.covers_zone(part.zone) for part in gig.segments)


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
    """A version with all its groups. `unpriced`: what is left of it for a gig whose pay it cannot read; `crossed`:
    another version of the scheme reads beyond its own windows, whether this one does or not.
    """

    def __init__(self, version: Version, *, unpriced: bool = False, crossed: bool = False) -> None:
        self.version, self.unpriced, self.crossed = version, unpriced, crossed
        self.sheet = Sheet(version)
        self._lines = {line.name: line for line in version.lines}
        self._tables = {table.name: table for table in version.tables}
        self.measures = {measure.name: measure for measure in version.measures}
        self.parameters = {parameter.name: parameter for parameter in version.parameters}
        self.kept: dict[GroupKey, dict[Measure, None]] = {}
        self.reads: dict[GroupKey, dict[str, Read]] = {}
        self.names: set[str] = set()
        items: list[Rule | Notice] = [*version.rules, *version.notices]
        for item in items:
            key = (item.window, item.pooled)
            self.kept.setdefault(key, {})
            self.reads.setdefault(key, {})
            for name in self.closure(named(item)):
                self.names.add(name)
                if name in self.measures:
                    self._keep(self.measures[name], key)
        for measure in version.measures:
            if measure.share is not None:
                self.names.update(self._tables[measure.share].by)
        self.tracks_first = "first_day" in self.names
        self.adds_up = any(line.op == "posted" for line in version.lines)
        """Whether something reads what rules have posted over shorter windows."""
        self.crosses = self.adds_up or any(
            read.group != key or read.previous or read.windows > 1
            for key, reads in self.reads.items()
            for read in reads.values()
        )
        self.groups = {key: Group(self, key) for key in self.kept}
        self.before = self._before()
        self.reads_platforms = any(name.startswith("platform.") for name in self.names)
        self.runs = frozenset(
            name for (window, _), group in self.groups.items() if window == RUNNING for name in group.names
        )
        self.daily = frozenset(
            name for (window, _), group in self.groups.items() if window in (RUNNING, DAY) for name in group.names
        )
        self.attributes = frozenset(name.partition(".")[2] for name in self.names if name.startswith("worker.")) | (
            {"born"} if "age" in self.names else set()
        )

    def _before(self) -> dict[GroupKey, tuple[date, Group]]:
        """Give what is read of days before the version's first window: by group, since which day, and what measures."""
        found: dict[GroupKey, date] = {}
        for key, reads in self.reads.items():
            if key[0] in (GIG, RUNNING):
                continue
            for read in reads.values():
                if read.previous or read.windows > 1:
                    days = _days_of(read.group[0], window_span(key[0], self.version.start), read)
                    first = min(window_span(read.group[0], day).first for day in days)
                    found[read.group] = min(first, found.get(read.group, first))
        return {key: (first, self.groups[key].quiet()) for key, first in found.items()}

    @property
    def reaches(self) -> bool:
        """Whether a gig of this version may change what other windows of the scheme come to."""
        return self.crosses or self.crossed

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


def named(item: Rule | Notice) -> list[str]:
    """Give the names that a rule or notice reads itself."""
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
