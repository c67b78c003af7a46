"""Which version is in force: the versions that one journal's entries have enacted, immutable, with their plans.

In force on a day is the latest `from` not after it, and of those the highest revision enacted. A month takes the
version in force on its last day, a gig the one on its local day of attribution. A version enacted later may reach back
into windows in which gigs were already accrued: `reaches_back` says how far, so that accounts folded before can tell
that they are stale. Upholds L4: the same versions enacted in the same order give the same plans.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Final

from ledger.domain.earning import Gig
from ledger.domain.period import BLOCK_SECONDS, Window, block_day, local_day, midnight, parse_period, window_span
from ledger.domain.plan import Group, Plan, compile_version
from ledger.domain.scheme import Version

_MEMO_MAX: Final = 100_000


class EnactError(ValueError):
    """A version that may not be enacted; the message says why. The registry is as it was."""


class Registry:
    """The enacted versions, oldest enactment first. Empty when made; `enact` gives the next one."""

    def __init__(self, enacted: Iterable[Version] = (), *, drafts: bool = False, as_of: date | None = None) -> None:
        """Enact these versions in order. `drafts` lets drafts act and `as_of` judges every window by one day:
        both for trials (cases, the simulator), never for a journal. Raises EnactError.
        """
        self.enacted: tuple[Version, ...] = ()
        self.generation = ""
        self._drafts = drafts
        self._as_of = as_of
        self._versions: dict[str, list[Version]] = {}
        self._groups: dict[tuple[str, str], tuple[Group, ...]] = {}
        self._kinds: dict[str, tuple[Window, ...]] = {}
        self._generations: dict[str, int] = {"": 0}
        self._bound: dict[tuple[str, str, int, str, str], Plan] = {}
        self._memo: dict[tuple[str | None, str, str, int], tuple[Plan, ...]] = {}
        self._reach: dict[str, int | None] = {}
        for version in enacted:
            self._add(version)

    def enact(self, version: Version) -> Registry:
        """Give the registry with this version enacted too; itself when this very text already is.

        Raises EnactError for a draft, for another text under an enacted version's id, and for a currency or time
        zone other than the scheme's earlier versions have.
        """
        if any(version == known for known in self._versions.get(version.scheme, ())):
            return self
        return Registry((*self.enacted, version), drafts=self._drafts, as_of=self._as_of)

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

    def plans(self, gig: Gig) -> tuple[Plan, ...]:
        """Give the plans that cover this gig, ordered by scheme id, then as the version's text orders its rules."""
        key = (gig.zone, gig.currency, gig.platform, gig.occurred_at // BLOCK_SECONDS)
        known = self._memo.get(key)
        return known if known is not None else self._find(gig, key)

    def window_plans(self, scheme: str, window: str, platform: str) -> tuple[Plan, ...]:
        """Give the plans that govern a window (as written in a contribution), whatever a gig's zone may be.

        Only those with a standing; for a posting whose gig no version covers any more.
        """
        if scheme not in self._versions:
            return ()
        span = parse_period(window)
        if span.first == span.last:
            return ()
        return tuple(plan for plan in self._of(scheme, span.last, platform) if plan.window == window and plan.key)

    def reaches_back(self, generation: str) -> int | None:
        """Give the earliest instant (epoch seconds) whose standings changed since a generation, or None for none.

        A generation that this registry never was changes everything: 0.
        """
        if generation not in self._reach:
            self._reach[generation] = self._since(generation)
        return self._reach[generation]

    def _since(self, generation: str) -> int | None:
        known = self._generations.get(generation)
        if known is None:
            return 0
        return min(
            (
                midnight(version.time_zone, window_span(group.window, version.start).first)
                for version in self.enacted[known:]
                for group in self._touched(version)
                if group.window is not Window.GIG
            ),
            default=None,
        )

    def _touched(self, version: Version) -> Iterable[Group]:
        # A version also ends what the versions before it kept: their windows change with it.
        for other in self._versions[version.scheme]:
            if other.start <= version.start:
                yield from self._groups[other.scheme, other.id]

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
        self.generation = sha256(f"{self.generation}{what} {version.digest}".encode()).hexdigest()[:16]
        self._generations[self.generation] = len(self.enacted)
        own = [*self._versions.get(version.scheme, ()), version]
        self._versions[version.scheme] = sorted(own, key=lambda v: (v.start, v.revision))
        self._versions = dict(sorted(self._versions.items()))
        groups = self._groups[version.scheme, version.id] = compile_version(version)
        kinds = (*self._kinds.get(version.scheme, ()), *(group.window for group in groups))
        self._kinds[version.scheme] = tuple(dict.fromkeys(kinds))

    def _find(self, gig: Gig, key: tuple[str | None, str, str, int]) -> tuple[Plan, ...]:
        found: list[Plan] = []
        whole_block = True
        for scheme, versions in self._versions.items():
            if versions[0].currency != gig.currency:
                continue
            day = block_day(versions[0].time_zone, key[3])
            if day is None:
                whole_block, day = False, local_day(versions[0].time_zone, gig.occurred_at)
            for plan in self._of(scheme, day, gig.platform):
                version = plan.group.version
                if version.covers_zone(gig.zone) and version.covers_platform(gig.platform):
                    found.append(plan)
        plans = tuple(found)
        if whole_block:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()
            self._memo[key] = plans
        return plans

    def _of(self, scheme: str, day: date, platform: str) -> list[Plan]:
        found = []
        for window in self._kinds[scheme]:
            version = self.in_force(scheme, window_span(window, day).last)
            if version is None:
                continue
            groups = self._groups[scheme, version.id]
            found += [
                self._bind(group, place, day, platform) for place, group in enumerate(groups) if group.window is window
            ]
        return found

    def _bind(self, group: Group, place: int, day: date, platform: str) -> Plan:
        first = window_span(group.window, day).first.isoformat()
        key = (group.version.scheme, group.version.id, place, first, platform)
        plan = self._bound.get(key)
        if plan is None:
            if len(self._bound) >= _MEMO_MAX:
                self._bound.clear()
            plan = self._bound[key] = group.bind(day, platform)
        return plan
