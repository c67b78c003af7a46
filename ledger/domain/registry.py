"""Which version is in force: the versions that one journal's entries have enacted, immutable, with their plans.

In force on a day is the latest `from` not after it, and of those the highest revision enacted. A window takes the
version in force on its last day, a gig the one on its local day of attribution. Beside the versions stands what other
acts have said: platforms' attributes, and which periods are closed. An act may reach back into windows in which
something was already accrued: `reaches_back` says how far, so that accounts folded before can tell that they are stale.
Upholds L4: the same acts in the same order give the same plans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.domain.attributes import PLATFORM, Value, read
from ledger.domain.earning import Gig
from ledger.domain.period import (
    BLOCK_SECONDS,
    DAYS,
    GIG,
    MONTHS,
    RUNNING,
    Span,
    Window,
    block_day,
    local_day,
    midnight,
    parse_period,
    shifted_day,
    window_label,
    window_span,
    windows_within,
)
from ledger.domain.posting import Name
from ledger.domain.reckoning.plan import RUNNING_KEY, Compiled, Group, GroupKey, Plan, covers, unpriced_group
from ledger.domain.reckoning.shapes import zone_time
from ledger.domain.scheme import Line, Version
from ledger.domain.stated import Acts

if TYPE_CHECKING:
    from ledger.domain.reckoning.lines import View

_MEMO_MAX: Final = 100_000
_WITHIN_MAX: Final = 1_000
_Covered: TypeAlias = tuple[str, Window, date, str, str | None, tuple[str | None, ...]]
_Place: TypeAlias = tuple[str | None, tuple[str | None, ...], str, bool, str, int, date | None]
"""What decides which plans cover a gig: zone, zones of its segments, currency, whether it has no rate, platform, block
of time, day due."""


class EnactError(ValueError):
    """A version that may not be enacted; the message says why. The registry is as it was."""


class Registry:
    """The enacted versions, oldest enactment first. Empty when made; `enact` gives the next one."""

    def __init__(
        self,
        enacted: Iterable[Version] = (),
        *,
        drafts: bool = False,
        as_of: date | None = None,
        parameters: Mapping[tuple[str, str], Fraction] | None = None,
        platforms: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Enact these versions in order. `drafts` lets drafts act and `as_of` judges every window by one day; with
        `parameters` and `platforms` (attributes as written), from the beginning: all for trials (cases, the
        simulator), never for a journal. Raises EnactError, and ValueError for an attribute of another form.
        """
        self.enacted: tuple[Version, ...] = ()
        self.generation = ""
        self._drafts = drafts
        self._as_of = as_of
        self._versions: dict[str, list[Version]] = {}
        self._compiled: dict[tuple[str, str], Compiled] = {}
        self._kinds: dict[str, tuple[Window, ...]] = {}
        self._steps: list[tuple[str, int | None]] = [("", None)]
        self._bound: dict[tuple[str, str, GroupKey, str, str], Plan] = {}
        self._memo: dict[_Place, tuple[Plan, ...]] = {}
        self._reach: dict[str, int | None] = {}
        self._dated: dict[tuple[str, Window, date, str], tuple[Plan, ...]] = {}
        self._covered: dict[_Covered, list[Plan]] = {}
        self._within: dict[tuple[str, Span, tuple[str, ...]], tuple[Plan, ...]] = {}
        self._places: dict[tuple[str, str, str, Name], tuple[Plan, int] | None] = {}
        self._rolling: dict[tuple[str, str], list[Plan]] = {}
        self._runs: dict[str, frozenset[Name]] = {}
        self._due = False
        stated = {
            name: {key: ((1, value),) for key, value in attributes.items()}
            for name, attributes in (platforms or {}).items()
        }
        self.acts = Acts({key: ((1, value),) for key, value in (parameters or {}).items()}, stated)
        for attributes in (platforms or {}).values():
            for name, raw in attributes.items():
                read(PLATFORM, name, raw)
        for version in enacted:
            self._add(version)

    # -- acts --------------------------------------------------------------------------------------------------------

    def enact(self, version: Version) -> Registry:
        """Give the registry with this version enacted too; itself when this very text already is.

        Raises EnactError for a draft, for another text under an enacted version's id, and for a currency or time
        zone other than the scheme's earlier versions have.
        """
        if any(version == known for known in self._versions.get(version.scheme, ())):
            return self
        twin = self._twin()
        twin._add(version)
        return twin

    def close(self, period: Span, platform: str | None) -> Registry:
        """Give the registry in which the windows within a period are closed, on one platform or on all (None).

        Changes no figure by itself: the generation stays.
        """
        twin = self._twin()
        twin.acts = replace(self.acts, closes=(*self.acts.closes, (period, platform)))
        # which plans there are hangs on no close
        twin._bound, twin._memo, twin._dated = self._bound, self._memo, self._dated
        twin._within, twin._places, twin._covered = self._within, self._places, self._covered
        return twin

    def state(self, platform: str, attributes: Mapping[str, Any], from_day: date) -> Registry:
        """Give the registry in which a platform's attributes are as stated from a day on. Raises ValueError."""
        own = dict(self.acts.platforms.get(platform, {}))
        for name, raw in attributes.items():
            read(PLATFORM, name, raw)
            since = from_day.toordinal()
            rest = [item for item in own.get(name, ()) if item[0] != since]
            own[name] = tuple(sorted([*rest, (since, raw)], key=lambda item: item[0]))
        twin = self._twin()
        twin.acts = replace(self.acts, platforms={**self.acts.platforms, platform: own})
        if any(compiled.reads_platforms for compiled in self._compiled.values()):
            twin._advance(f"{platform} {sorted(attributes.items())} {from_day}", 0)
        return twin

    # -- what is in force --------------------------------------------------------------------------------------------

    def schemes(self) -> tuple[str, ...]:
        """The ids of all schemes with an enacted version, sorted."""
        return tuple(self._versions)

    def versions(self, scheme: str) -> tuple[Version, ...]:
        """The scheme's enacted versions by (from, revision); () for an unknown one."""
        return tuple(self._versions.get(scheme, ()))

    def in_force(self, scheme: str, day: date) -> Version | None:
        """Give the scheme's version in force on a local day, or None."""
        found = None
        for version in self._versions.get(scheme, ()):
            if version.start <= (self._as_of or day):
                found = version
        return found

    def compiled(self, version: Version) -> Compiled:
        """Give a version of this registry with its groups."""
        return self._compiled[version.scheme, version.id]

    def readers(self, attributes: Iterable[str]) -> set[str]:
        """Give the schemes that read one of these attributes of a worker."""
        names = frozenset(attributes)
        return {version.scheme for version in self.enacted if self.compiled(version).attributes & names}

    def runs(self, scheme: str) -> frozenset[Name]:
        """Give what a scheme's rules post that runs on, under whatever version: fund, kind of payer, state and unit."""
        known = self._runs.get(scheme)
        if known is None:
            known = frozenset().union(*(self.compiled(version).runs for version in self.versions(scheme)))
            self._runs[scheme] = known
        return known

    def adding_up(self) -> set[str]:
        """Give the schemes in which rules or notices read what other rules have posted."""
        return {version.scheme for version in self.enacted if self.compiled(version).adds_up}

    def group(self, scheme: str, version: str, key: GroupKey) -> Group | None:
        """Give a version's group of this window, pooled or not; None where it has none."""
        compiled = self._compiled.get((scheme, version))
        return None if compiled is None else compiled.groups.get(key)

    def parameter(self, scheme: str, name: str, day: date) -> Fraction | None:
        """Give what a trial says of a parameter on a day; None where it says nothing, as in every journal."""
        return self.acts.parameter(scheme, name, day)

    def platform_attribute(self, platform: str, name: str, day: date) -> Value:
        """Give a platform's attribute as it stands on a day, else its default."""
        return self.acts.platform_attribute(platform, name, day)

    def is_closed(self, plan: Plan) -> bool:
        """Tell whether the window's period is closed on its platform; what runs on never is."""
        if plan.group.window in (RUNNING, MONTHS, DAYS):
            return False
        return any(span.holds(plan.span) and platform in (None, plan.platform) for span, platform in self.acts.closes)

    # -- plans -------------------------------------------------------------------------------------------------------

    def plans(self, gig: Gig) -> tuple[Plan, ...]:
        """Give the plans that cover this gig, ordered by scheme id, then as the version's text orders its rules.

        Among them, of a version that would cover it but for its currency, what says so (`plan.unpriced_group`).
        """
        due = gig.payment_due_on if self._due else None
        zones = tuple([part.zone for part in gig.segments]) if gig.segments else ()
        block = gig.occurred_at // BLOCK_SECONDS
        key = (gig.zone, zones, gig.currency, gig.exchange is None, gig.platform, block, due)
        known = self._memo.get(key)
        return known if known is not None else self._find(gig, key)

    def window_plans(self, scheme: str, window: str, platform: str) -> tuple[Plan, ...]:
        """Give the plans that govern a window (as written in a contribution), whatever a gig's zone may be.

        Only those with a standing; for a posting whose gig no version covers any more.
        """
        if scheme not in self._versions:
            return ()
        span = parse_period(window)
        found: list[Plan] = []
        for kind in self._kinds[scheme]:
            if kind != GIG and window_label(kind, span.last) == window:
                found += self._of_kind(scheme, kind, span.last, platform)
        return tuple(found)

    def plans_within(self, scheme: str, period: Span, platforms: Iterable[str]) -> tuple[Plan, ...]:
        """Give the plans of all windows that lie within a period, oldest first, shorter before longer.

        Pooled ones once, the others for each of these platforms.
        """
        names = tuple(platforms)
        known = self._within.get((scheme, period, names))
        if known is None:
            if len(self._within) >= _WITHIN_MAX:
                self._within.clear()
            known = self._within[scheme, period, names] = self._all_within(scheme, period, names or ("",))
        return known

    def _all_within(self, scheme: str, period: Span, platforms: tuple[str, ...]) -> tuple[Plan, ...]:
        found: dict[tuple[str, str, str] | None, Plan] = {}
        for kind in self._kinds.get(scheme, ()):
            for day in windows_within(kind, period):
                for platform in platforms:
                    for plan in self._of_kind(scheme, kind, day, platform):
                        found.setdefault(plan.key, plan)
        return tuple(sorted(found.values(), key=lambda plan: (plan.span.last, plan.span.last - plan.span.first)))

    def place_of(self, scheme: str, window: str, platform: str, name: Name) -> tuple[Plan, int] | None:
        """Give the plan and the rule that now make such postings as one entered in a window that ends; else None."""
        key = (scheme, window, platform, name)
        if key not in self._places:
            if len(self._places) >= _MEMO_MAX:
                self._places.clear()
            plans = self.window_plans(scheme, window, platform)
            kept = [plan for plan in plans if plan.key is not None and name in plan.group.names]
            self._places[key] = (kept[0], kept[0].group.names.index(name)) if kept else None
        return self._places[key]

    def disputable(self, scheme: str, day: date, platform: str) -> list[Plan]:
        """Give the plans of the windows ending on a day in which a decided dispute is settled."""
        found: list[Plan] = []
        for kind in self._kinds.get(scheme, ()):
            if kind != GIG:
                found += self._of_kind(scheme, kind, day, platform)
        return [plan for plan in found if any(rule.on == "dispute" for rule in plan.group.rules)]

    def closed_rolling(self, scheme: str, platform: str) -> list[Plan]:
        """Give the plans of a scheme's rolling windows that closes have closed, on a platform ("": pooled)."""
        found = self._rolling.get((scheme, platform))
        if found is None:
            found = self._rolling[scheme, platform] = [
                plan
                for period, own in self.acts.closes
                if own in (None, platform)
                for plan in self.plans_within(scheme, period, [platform] if platform else [])
                if plan.group.window.rolling and plan.group.on_close and plan.platform == platform
            ]
        return found

    def plan_of(self, key: tuple[str, str, str], running_day: date | None = None) -> list[Plan]:
        """Give the plans (one, as a rule) whose standing has this key; a running one's as of a day."""
        scheme, label, platform = key
        if label.startswith("~") or scheme not in self._versions:
            return []
        if label == RUNNING_KEY:
            plans = [] if running_day is None else self._of_kind(scheme, RUNNING, running_day, platform)
        else:
            plans = list(self.window_plans(scheme, label, platform))
        return [plan for plan in plans if plan.key == key]

    def running(self, key: tuple[str, str, str], version: str, day: date) -> list[Plan]:
        """Give the plan of a running window as of a day, under the version that its newest gig was measured under."""
        scheme, _, platform = key
        group = self.group(scheme, version, (RUNNING, not platform))
        return [] if group is None else [self._bind(group, day, platform)]

    def reaches_back(self, generation: str) -> int | None:
        """Give the earliest instant (epoch seconds) whose standings changed since a generation, or None for none.

        A generation that this registry never was changes everything: 0.
        """
        if generation not in self._reach:
            known = [at for at, (name, _) in enumerate(self._steps) if name == generation]
            reaches = [reach for _, reach in self._steps[known[0] + 1 :] if reach is not None] if known else [0]
            self._reach[generation] = min(reaches, default=None)
        return self._reach[generation]

    def posted(self, view: View, line: Line) -> int:
        """Give what rules of a fund and payer have posted in the shorter windows that lie within a view's window.

        In minor units.
        """
        plan = view.plan
        total = 0
        for day in windows_within(line.window or plan.group.window, plan.span):
            for other in self._of_kind(plan.scheme, line.window or plan.group.window, day, plan.platform):
                standing = None if other.key is None else view.account.standings.get(other.key)
                if standing is None or standing.version != other.version:
                    continue
                for place, rule in enumerate(other.group.rules):
                    part = rule.fund == line.fund or rule.fund.startswith(line.fund + ".")
                    if part and rule.payer == line.payer and rule.state == "accrued":
                        total += standing.posted[place]
        return total

    # -- within ------------------------------------------------------------------------------------------------------

    def _twin(self) -> Registry:
        twin = Registry(drafts=self._drafts, as_of=self._as_of)
        twin.enacted, twin.generation, twin.acts = self.enacted, self.generation, self.acts
        twin._versions = {scheme: list(versions) for scheme, versions in self._versions.items()}
        twin._compiled, twin._kinds = dict(self._compiled), dict(self._kinds)
        twin._steps, twin._due = list(self._steps), self._due
        return twin

    def _advance(self, what: str, reach: int | None) -> None:
        self.generation = sha256(f"{self.generation}{what}".encode()).hexdigest()[:16]
        self._steps.append((self.generation, reach))

    def _add(self, version: Version) -> None:
        what = f"{version.scheme} {version.id}"
        if version.status == "draft" and not self._drafts:
            raise EnactError(f"{what}: expected a scheme that is law or an example, got a draft")
        for known in self._versions.get(version.scheme, ()):
            if known.id == version.id:
                raise EnactError(f"{what}: expected the text with digest {known.digest}, got {version.digest}")
            if (known.currency, known.time_zone) != (version.currency, version.time_zone):
                raise EnactError(f"{what}: expected {known.currency} and {known.time_zone} as in {known.id}")
        self.enacted = (*self.enacted, version)
        versions = [*self._versions.get(version.scheme, ()), version]
        self._versions[version.scheme] = sorted(versions, key=lambda v: (v.start, v.revision))
        self._versions = dict(sorted(self._versions.items()))
        compiled = self._compiled[version.scheme, version.id] = Compiled(version)
        every = [self.compiled(known) for known in self._versions[version.scheme]]
        if any(own.crosses for own in every):
            for own in every:  # made anew, not changed: earlier registries, which this version is not in, hold it too
                if not own.reaches:
                    self._compiled[version.scheme, own.version.id] = Compiled(own.version, crossed=True)
        kinds = (*self._kinds.get(version.scheme, ()), *(window for window, _ in compiled.groups))
        self._kinds[version.scheme] = tuple(dict.fromkeys(kinds))
        self._due = self._due or version.attribution == "payment_due"
        firsts = [window_span(group.window, version.start).first for group in self._touched(version)]
        firsts += [since for since, _ in compiled.before.values()]
        reach = midnight(version.time_zone, min(firsts, default=version.start))
        self._advance(f"{what} {version.digest}", reach)

    def _touched(self, version: Version) -> Iterator[Group]:
        # A version also ends what the versions before it kept: their windows change with it.
        for other in self._versions[version.scheme]:
            if other.start <= version.start:
                yield from self._compiled[other.scheme, other.id].groups.values()

    def _find(self, gig: Gig, key: _Place) -> tuple[Plan, ...]:
        found: list[Plan] = []
        whole_block = True
        for scheme, versions in self._versions.items():
            foreign = versions[0].currency != gig.currency
            if foreign and not any(version.foreign_pay for version in versions):
                continue
            zone_name = zone_time(versions[-1], gig.zone)
            day = block_day(zone_name, gig.occurred_at // BLOCK_SECONDS)
            if day is None:
                whole_block, day = False, local_day(zone_name, gig.occurred_at)
            due = (gig.payment_due_on or day) if versions[-1].attribution == "payment_due" else day
            if foreign and gig.exchange is None:
                found += self._unpriced(scheme, due, gig)
                continue
            for kind in self._kinds[scheme]:
                own = shifted_day(zone_name, gig.occurred_at, kind.clock_seconds) if kind.clock_seconds else due
                plans = self._covering(scheme, kind, own, gig, key)
                if foreign:
                    plans = [plan.group.priced(plan) for plan in plans if plan.group.version.foreign_pay is not None]
                found += plans
        covering = tuple(found)
        if whole_block:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()
            self._memo[key] = covering
        return covering

    def _covering(self, scheme: str, kind: Window, day: date, gig: Gig, key: _Place) -> list[Plan]:
        """Give the plans of a kind of window that holds a day and cover a gig; known for all blocks of the day."""
        place = (scheme, kind, day, gig.platform, gig.zone, key[1])
        known = self._covered.get(place)
        if known is None:
            if len(self._covered) >= _MEMO_MAX:
                self._covered.clear()
            plans = self._of_kind(scheme, kind, day, gig.platform)
            known = self._covered[place] = [plan for plan in plans if covers(plan, gig)]
        return known

    def _unpriced(self, scheme: str, day: date, gig: Gig) -> list[Plan]:
        """Give what a scheme has to say of a gig that it would cover, had a rate been recorded with it."""
        version = self.in_force(scheme, day)
        if version is None or version.foreign_pay is None or not (version.rules or version.notices):
            return []
        plan = unpriced_group(version).bind(day, gig.platform, self)
        return [plan] if covers(plan, gig) else []

    def _of_kind(self, scheme: str, kind: Window, day: date, platform: str) -> tuple[Plan, ...]:
        """Give the plans of a kind of window that holds a day; without a platform only those that pool all of them."""
        known = self._dated.get((scheme, kind, day, platform))
        if known is None:
            if len(self._dated) >= _MEMO_MAX:
                self._dated.clear()
            known = self._dated[scheme, kind, day, platform] = self._all_of_kind(scheme, kind, day, platform)
        return known

    def _all_of_kind(self, scheme: str, kind: Window, day: date, platform: str) -> tuple[Plan, ...]:
        last = window_span(kind, day).last
        version = self.in_force(scheme, last)
        groups = {} if version is None else self._compiled[scheme, version.id].groups
        kept = [group for key, group in groups.items() if key[0] == kind and (platform or key[1] or kind == GIG)]
        for key, (since, group) in self._to_come(scheme, last).items():
            if key[0] == kind and since <= last and key not in groups and (platform or key[1]):
                kept.append(group)
        return tuple(self._bind(group, day, platform) for group in kept)

    def _to_come(self, scheme: str, day: date) -> Mapping[GroupKey, tuple[date, Group]]:
        """Give what the scheme's next version reads of days before it began; in a trial as of a day, nothing."""
        later = [version.start for version in self._versions.get(scheme, ()) if version.start > day]
        following = self.in_force(scheme, min(later)) if later and self._as_of is None else None
        return {} if following is None else self._compiled[scheme, following.id].before

    def _bind(self, group: Group, day: date, platform: str) -> Plan:
        last = window_span(group.window, day).last
        key = (group.version.scheme, group.version.id, group.key, last.isoformat(), platform)
        plan = self._bound.get(key)
        if plan is None:
            if len(self._bound) >= _MEMO_MAX:
                self._bound.clear()
            plan = self._bound[key] = group.bind(last, platform, self)
        return plan
