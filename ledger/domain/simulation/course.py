"""One worker's facts, taken through both sides of a trial in the order of receipt.

The accrual is the engine's own: the same functions as in the stream, on accounts of this simulation alone (L4). What
moves only money that was paid in (remittances) is no part of a trial. Periods are closed once, at the end, oldest
window first. What no single gig caused lies on the platform of the worker's last gig, in its zone. This is the only
file of the simulator that calls the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.domain.accrual import accrue
from ledger.domain.closing import close
from ledger.domain.correction import adjust, change, reverse
from ledger.domain.dispute import decide
from ledger.domain.earning import Gig, adjusted
from ledger.domain.period import Span
from ledger.domain.posting import Outcome
from ledger.domain.reckoning.foreign import converted, is_foreign
from ledger.domain.registry import Registry
from ledger.domain.simulation.counting import Counting, Measured, Place, month_at, month_of
from ledger.domain.simulation.trial import Sides, Trial, raw_of
from ledger.domain.standing import Account
from ledger.domain.story import Adjusted, Chain, Changed, Completed, Decided, Fact, Reversed, Told

_BEGINNING: Final = date.min


class _Known(NamedTuple):
    """A gig that may still be corrected: as it stands, and how it was counted."""

    gig: Gig
    place: Place
    covered: list[bool]


class Course:
    """A worker under way: one account for each side."""

    def __init__(
        self,
        worker: str,
        trial: Trial,
        sides: Sides,
        *,
        remember: bool = False,
        dumped: list[Any] | None = None,
    ) -> None:
        """`remember`: corrections are to come, which read the whole story; most workers have none. `dumped`: go on
        from where an earlier course of the same worker and trial stood; it can't be corrected further back.
        """
        self._accounts = (Account(worker), Account(worker))
        self._counting = Counting(worker, trial.tried.currency)
        self._sides = sides
        self._time_zone = trial.tried.time_zone
        self._law = trial.tried.acting()
        self._remember = remember
        self._stories: tuple[list[Told], list[Told]] = ([], [])
        self._chains: tuple[dict[str, Chain], dict[str, Chain]] = ({}, {})
        self._known: dict[str, _Known] = {}
        self._zones: dict[str, str] = {}
        self._last = ""
        if dumped is not None:
            accounts, counted, zones, self._last = dumped
            self._accounts = (Account.load(accounts[0]), Account.load(accounts[1]))
            self._counting.load(counted)
            self._zones = dict(map(tuple, zones))
        elif trial.assumed.attributes:
            stated = {name: raw_of(name, value) for name, value in trial.assumed.attributes}
            self.take(Changed(stated, _BEGINNING))

    def take(self, fact: Fact) -> None:
        """Take the next fact. What speaks of a gig that never came is left out, as the ledger refuses it."""
        if isinstance(fact, Completed):
            self._complete(fact)
        elif isinstance(fact, Adjusted | Reversed):
            if fact.name in self._known:
                self._correct(fact)
        elif isinstance(fact, Changed):
            attributes, day = fact.attributes, fact.from_day
            self._both(
                fact, self._place("", day), lambda side, a, law: change(attributes, day, a, law, self._stories[side])
            )
        elif isinstance(fact, Decided):
            self._both(fact, self._place(fact.platform, fact.suspended_from), lambda _, a, law: decide(fact, a, law))

    def close(self, period: Span) -> None:
        """Close a period on all platforms, as the sides' closed registries say."""
        place = self._place("", period.last)
        for side, registry in enumerate(self._sides.closed):
            self._counting.outcome(side, close(period, None, self._accounts[side], registry), place)

    def dump(self) -> list[Any]:
        """Give where the course stands as texts, integers and lists, for a later run to go on from."""
        accounts = [account.dump() for account in self._accounts]
        return [accounts, self._counting.dump(), sorted(map(list, self._zones.items())), self._last]

    def measured(self) -> Measured:
        """Give what became of the worker so far."""
        return self._counting.measured()

    def _complete(self, fact: Completed) -> None:
        gig = fact.gig
        place = (gig.platform, gig.zone or "", month_at(self._time_zone, gig.occurred_at))
        self._last = gig.platform
        self._zones[gig.platform] = place[1]
        covered = [False, False]
        for side, registry in enumerate(self._sides.going):
            plans = registry.plans(gig)
            if plans:
                covered[side] = any(not plan.group.compiled.unpriced for plan in plans)
                outcome = accrue(gig, self._accounts[side], registry)
                self._counting.outcome(side, outcome, place)
                if self._remember:
                    self._stories[side].append(Told(fact, tuple(outcome.contributions)))
                    self._chains[side][fact.name] = Chain(gig, (), tuple(outcome.contributions), fact.name)
        self._counting.gig(self._read(gig), place, covered)
        if self._remember:
            self._known[fact.name] = _Known(gig, place, covered)

    def _correct(self, fact: Adjusted | Reversed) -> None:
        """Take an addition to a gig, or the reversal of one, on each side that covers the gig."""
        known = self._known[fact.name]
        for side, registry in enumerate(self._sides.going):
            chain = self._chains[side].get(fact.name)
            if chain is None:
                continue
            if isinstance(fact, Adjusted):
                outcome = adjust(chain, fact.adjustment, self._accounts[side], registry)
                added, posted = (*chain.adjustments, fact.adjustment), (*chain.posted, *outcome.contributions)
                self._chains[side][fact.name] = Chain(chain.gig, added, posted, fact.name)
            else:
                outcome = reverse(chain, self._accounts[side], registry, self._stories[side])
                del self._chains[side][fact.name]
            self._stories[side].append(Told(fact, tuple(outcome.contributions)))
            self._counting.outcome(side, outcome, known.place)
        self._counting.gig(self._read(known.gig), known.place, known.covered, -1)
        if isinstance(fact, Adjusted):
            whole = adjusted(known.gig, (fact.adjustment,))
            self._counting.gig(self._read(whole), known.place, known.covered)
            self._known[fact.name] = known._replace(gig=whole)
        else:
            del self._known[fact.name]

    def _read(self, gig: Gig) -> Gig:
        """Give a gig in the trial's currency, where it has a rate to it that the law tried takes."""
        law = self._law
        foreign = is_foreign(gig, law) and gig.exchange is not None and law.foreign_pay is not None
        return converted(gig, law) if foreign else gig

    def _both(self, fact: Fact, place: Place, act: Callable[[int, Account, Registry], Outcome]) -> None:
        for side, registry in enumerate(self._sides.going):
            outcome = act(side, self._accounts[side], registry)
            self._counting.outcome(side, outcome, place)
            if self._remember:
                self._stories[side].append(Told(fact, tuple(outcome.contributions)))

    def _place(self, platform: str, day: date) -> Place:
        own = platform or self._last
        return own, self._zones.get(own, ""), month_of(day)
