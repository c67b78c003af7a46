"""Folding: a worker's account from the facts of their entries, taking postings as they were written.

Inputs are measured under the registry as it is now; postings stay what they were. So an account folded after a version
was enacted shows the difference between what is due and what was posted, and `correction.restate` posts it. Over one
worker's entries under one registry, folding ends in the account that accruing made. Upholds L4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, assert_never

from ledger.domain.closing import open_closed, opens, platforms_of
from ledger.domain.correction import forget_first, take_pay
from ledger.domain.credit import CREDIT, REMITTED, note
from ledger.domain.dispute import decide
from ledger.domain.earning import addition
from ledger.domain.period import is_day, midnight
from ledger.domain.posting import ACCRUED, Contribution, Outcome, name_of
from ledger.domain.reckoning.plan import RUNNING_KEY
from ledger.domain.remittance import take_remittance
from ledger.domain.settling import is_quick, open_standing, place_of, plans_of, settle, settle_others, take
from ledger.domain.story import Adjusted, Chain, Changed, Closed, Completed, Decided, Remitted, Restated, Reversed, Told

if TYPE_CHECKING:
    from ledger.domain.earning import Gig
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account


class UntoldGig(Exception):
    """A fact speaks of a gig that came before the part of the story at hand: fold it from the beginning."""


class Fold:
    """A fold going on: the account, and the gigs so far by name."""

    def __init__(self, account: Account, registry: Registry) -> None:
        """Go on from an account that stands under this registry, or an empty one. Raises StaleStanding."""
        self.whole = not account.newest >= 0
        account.catch_up(registry)
        self.account, self.registry = account, registry
        self.adding_up = registry.adding_up()
        self.gigs: dict[str, Chain] = {}

    def take_all(self, story: Iterable[Told]) -> Account:
        """Take facts in, in journal order; give the account. Raises UntoldGig."""
        for told in story:
            self.take(told)
        return self.account

    def take(self, told: Told) -> None:
        """Take one fact and its postings in. Raises UntoldGig, the account half changed."""
        fact, contributions = told
        gig: Gig | None = None
        if isinstance(fact, Completed):
            gig = fact.gig
            self.gigs[fact.name] = Chain(gig, (), contributions, fact.name)
            self._complete(gig)
        elif isinstance(fact, Adjusted):
            gig = self._adjust(fact)
        elif isinstance(fact, Reversed):
            gig = self._reverse(fact)
        elif isinstance(fact, Changed):
            for name, raw in fact.attributes.items():
                self.account.state_attribute(name, raw, fact.from_day)
            open_closed(self.registry.readers(fact.attributes), self.account, self.registry)
        elif isinstance(fact, Closed):
            self._close(fact)
        elif isinstance(fact, Remitted):
            take_remittance(fact, self.account, self.registry, Outcome([], []), written=True)
        elif isinstance(fact, Decided):
            decide(fact, self.account, self.registry, written=True)
        elif not isinstance(fact, Restated):
            assert_never(fact)
        platform = "" if gig is None else gig.platform
        for posting in contributions:
            self._post(posting, platform)
        if isinstance(fact, Changed):
            self._say_again(self.registry.readers(fact.attributes))
        elif isinstance(fact, Restated):
            open_closed(self.registry.schemes(), self.account, self.registry)
            self._say_again(self.registry.schemes())
        elif self.adding_up:
            self._say_again(self.adding_up)

    def _complete(self, gig: Gig) -> None:
        self.account.worker = gig.worker
        self.account.reach(gig.occurred_at)
        plans = self.registry.plans(gig)
        for plan in plans:
            take(plan, gig, self.account, self.registry)
        self._say(plans, gig)

    def _adjust(self, fact: Adjusted) -> Gig:
        chain = self._chain(fact.name)
        extra = addition(chain.gig, fact.adjustment)
        longer = chain._replace(adjustments=(*chain.adjustments, fact.adjustment))
        self.gigs[fact.name] = longer
        plans = []
        for plan in self.registry.plans(chain.gig):
            if plan.group.by_gig:
                take(plan, longer.whole, self.account, self.registry, before=chain.whole)
                plans.append(plan)
        for plan in self.registry.plans(extra):
            if not plan.group.by_gig:
                take_pay(plan, extra, self.account, self.registry, 1)
                plans.append(plan)
        self._say(plans, longer.whole)
        return chain.gig

    def _reverse(self, fact: Reversed) -> Gig:
        chain = self._chain(fact.name)
        del self.gigs[fact.name]
        plans = [*self.registry.plans(chain.gig)]
        for plan in plans:
            due = not plan.group.by_gig
            take(plan, chain.gig if due else chain.whole, self.account, self.registry, -1)
        for adjustment in chain.adjustments:
            extra = addition(chain.gig, adjustment)
            for plan in self.registry.plans(extra):
                if not plan.group.by_gig:
                    take_pay(plan, extra, self.account, self.registry, -1)
                    plans.append(plan)
        if any(plan.group.tracks_first for plan in plans):
            if not self.whole:
                raise UntoldGig(f"{fact.name}: expected a whole story, as a scheme asks when platforms were joined")
            forget_first(chain.gig, self.account, self.registry, [own.gig for own in self.gigs.values()])
        self._say(plans, chain.gig)
        return chain.gig

    def _chain(self, name: str) -> Chain:
        chain = self.gigs.get(name)
        if chain is None:
            raise UntoldGig(f"{name}: expected its gig in the story, got none")
        return chain

    def _close(self, fact: Closed) -> None:
        for scheme in self.registry.schemes():
            names = platforms_of(scheme, self.account, self.registry, fact.platform)
            for plan in self.registry.plans_within(scheme, fact.period, names):
                standing = None if plan.key is None else self.account.standings.get(plan.key)
                if standing is None:
                    if not opens(plan, self.account):
                        continue
                    standing = open_standing(plan, self.account, self.registry)
                standing.closed = True
                self.account.reach(midnight(plan.group.version.time_zone, plan.span.last))
                settle(plan, self.account, self.registry, Outcome([], []), on="close", written=True)

    def _say(self, plans: Sequence[Plan], gig: Gig) -> None:
        """Remember what was said of these windows; a gig's own window keeps no memory."""
        kept = [plan for plan in plans if plan.key is not None and not is_quick(plan, self.account)]
        if not kept and not self.account.joining:
            return
        for plan in kept:
            settle(plan, self.account, self.registry, Outcome([], []), gig=gig, written=True)
        if self.account.joining or any(plan.group.compiled.reaches for plan in kept):
            settle_others(tuple(plans), self.account, self.registry, Outcome([], []), written=True)

    def _say_again(self, schemes: Iterable[str]) -> None:
        settle_others((), self.account, self.registry, Outcome([], []), written=True, schemes=set(schemes))

    def _post(self, posting: Contribution, platform: str) -> None:
        scheme, _, fund, _, _, amount, unit, state, on = posting
        if state == ACCRUED:
            self.account.add_balance((scheme, fund, unit), amount)
        elif state in (REMITTED, CREDIT):
            note(posting, self.account)
            return
        else:
            self.account.add_other((scheme, fund, unit), state, amount)
        self._place(posting, on or platform)

    def _place(self, posting: Contribution, platform: str) -> None:
        """Count a posting as made: in the rule that now makes such postings, or as an orphan where there is none."""
        registry, account, name = self.registry, self.account, name_of(posting)
        if is_day(posting.window) and name in registry.runs(posting.scheme):
            day = date.fromisoformat(posting.window)
            keys = [(posting.scheme, RUNNING_KEY, whose) for whose in dict.fromkeys((platform, ""))]
            plans = [plan for key in keys for plan in plans_of(key, account, registry, day)]
            placed = next(((plan, at) for plan in plans if (at := place_of(plan, name)) is not None), None)
        else:
            plans = []
            placed = registry.place_of(posting.scheme, posting.window, platform, name)
            if placed is None and not is_day(posting.window):
                found = registry.window_plans(posting.scheme, posting.window, platform)
                plans = [plan for plan in found if plan.group.rules]
        if placed is not None and placed[0].key is not None:
            own = account.standings.get(placed[0].key) or open_standing(placed[0], account, registry)
            own.posted[placed[1]] += posting.amount
            return
        for plan in plans:
            if plan.key is not None and plan.key in account.standings:
                orphans = account.standings[plan.key].orphans
                orphans[name] = orphans.get(name, 0) + posting.amount
                if not orphans[name]:
                    del orphans[name]
                return


def fold(story: Iterable[Told], account: Account, registry: Registry) -> Account:
    """Give the account after these facts. Raises StaleStanding, and UntoldGig with the account half changed."""
    return Fold(account, registry).take_all(story)
