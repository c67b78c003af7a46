"""Disputes decided: what a scheme owes to a worker who was suspended without reason.

The window is the rolling one that ended the day before the suspension began. Each decision adds to what earlier ones
posted. Who decided, and why, stands in the event; this knows the finding and the days only.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from ledger.domain.posting import Outcome
from ledger.domain.settling import open_standing, settle

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account
    from ledger.domain.story import Decided


def decide(decided: Decided, account: Account, registry: Registry, *, written: bool = False) -> Outcome:
    """Give what a decision posts, scheme by scheme; `written`: that stands in the journal already.

    Raises StaleStanding, the account unchanged.
    """
    account.catch_up(registry)
    outcome = Outcome([], [])
    facts: dict[str, Value] = {
        "dispute.finding": decided.finding,
        "dispute.suspended_from": decided.suspended_from,
        "dispute.suspended_days": Fraction(decided.suspended_days),
    }
    before = decided.suspended_from - timedelta(days=1)
    for scheme in registry.schemes():
        for plan in registry.disputable(scheme, before, decided.platform):
            if plan.key not in account.standings:
                open_standing(plan, account, registry)
            settle(plan, account, registry, outcome, on="dispute", facts=facts, written=written)
    return outcome
