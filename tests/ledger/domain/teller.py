"""A worker's story told to the engine, event by event, as the pipeline tells it: account, registry, and what was said.

For tests of the laws. Each step keeps the story, so that whatever needs it (a reversal, a payment) has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from ledger.domain.accrual import accrue
from ledger.domain.closing import close
from ledger.domain.correction import adjust, change, restate, reverse
from ledger.domain.dispute import decide
from ledger.domain.earning import Adjustment, Gig
from ledger.domain.fold import fold
from ledger.domain.ids import payer_kind
from ledger.domain.notices import Said
from ledger.domain.period import Span
from ledger.domain.posting import Contribution, Outcome
from ledger.domain.registry import Registry
from ledger.domain.remittance import remit
from ledger.domain.standing import Account
from ledger.domain.story import (
    Adjusted,
    Changed,
    Closed,
    Completed,
    Decided,
    Fact,
    Remitted,
    Restated,
    Reversed,
    Told,
    chains,
)


class Teller:
    """One worker, one registry, one story."""

    def __init__(self, registry: Registry, worker: str = "W-1") -> None:
        self.registry = registry
        self.account = Account(worker)
        self.account.catch_up(registry)
        self.story: list[Told] = []
        self.said: list[Said] = []

    def gig(self, name: str, gig: Gig) -> list[Contribution]:
        return self._keep(Completed(name, gig), accrue(gig, self.account, self.registry))

    def adjust(self, name: str, adjustment: Adjustment) -> list[Contribution]:
        chain = chains(self.story)[name]
        return self._keep(Adjusted(name, adjustment), adjust(chain, adjustment, self.account, self.registry))

    def reverse(self, name: str) -> list[Contribution]:
        chain = chains(self.story)[name]
        return self._keep(Reversed(name), reverse(chain, self.account, self.registry, self.story))

    def change(self, attributes: Mapping[str, Any], from_day: date) -> list[Contribution]:
        done = change(attributes, from_day, self.account, self.registry, self.story)
        return self._keep(Changed(attributes, from_day), done)

    def close(self, period: Span, platform: str | None = None) -> list[Contribution]:
        self.registry = self.registry.close(period, platform)
        return self._keep(Closed(period, platform), close(period, platform, self.account, self.registry))

    def remit(self, paid: Remitted) -> list[Contribution]:
        return self._keep(paid, remit(paid, self.account, self.registry, self.story))

    def decide(self, decided: Decided) -> list[Contribution]:
        return self._keep(decided, decide(decided, self.account, self.registry))

    def enact(self, registry: Registry) -> list[Contribution]:
        """Go on under a registry with more in it: fold anew, and post what that makes due."""
        self.registry = registry
        self.account = self.folded()
        postings: list[Contribution] = []
        for name, outcome in restate(self.account, self.registry, list(self.story)):
            postings += self._keep(Restated(name), outcome)
        return postings

    def folded(self) -> Account:
        return fold(self.story, Account(self.account.worker), self.registry)

    def postings(self) -> list[Contribution]:
        return [posting for told in self.story for posting in told.contributions]

    def _keep(self, fact: Fact, outcome: Outcome) -> list[Contribution]:
        self.story.append(Told(fact, tuple(outcome.contributions)))
        self.said += outcome.said
        return outcome.contributions


Sums = Counter[tuple[str, ...]]


def sums(postings: list[Contribution], registry: Registry, *, payers: bool = True) -> Sums:
    """Add postings up by scheme, fund, payer (or its kind), window, unit and state; what runs on has no window."""
    running = {(version.scheme, name) for version in registry.enacted for name in registry.compiled(version).daily}
    totals: Sums = Counter()
    for own in postings:
        kind = payer_kind(own.payer)
        runs = (own.scheme, (own.fund, kind, own.state, own.unit)) in running
        window = "" if runs else own.window
        totals[own.scheme, own.fund, own.payer if payers else kind, window, own.unit, own.state] += own.amount
    return Counter({key: total for key, total in totals.items() if total})
