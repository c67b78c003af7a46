"""What a fact does to a worker, whatever it is: the one place that says which function works which fact out.

The stream decides through it, the audit works postings out again through it, and explanations do an event again through
it, so that the three can't differ (L4). Knows neither records nor entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ledger.domain.accrual import accrue
from ledger.domain.closing import close
from ledger.domain.correction import adjust, change, restate, reverse
from ledger.domain.dispute import decide
from ledger.domain.posting import Outcome
from ledger.domain.remittance import remit
from ledger.domain.story import Adjusted, Changed, Closed, Completed, Decided, Remitted, Restated, Reversed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account
    from ledger.domain.story import Chain, Fact, Told


def act(fact: Fact, account: Account, registry: Registry, story: Sequence[Told], chain: Chain | None = None) -> Outcome:
    """Give what a fact posts and says, and post it to the account.

    `story`: the worker's facts so far, for reversals, changes, remittances and restatements; `chain`: the gig that is
    adjusted or reversed. Raises StaleStanding, the account unchanged, and ValueError for a correction without its gig
    and for what the functions of single facts refuse.
    """
    if isinstance(fact, Completed):
        return accrue(fact.gig, account, registry)
    if isinstance(fact, Adjusted | Reversed):
        if chain is None:
            raise ValueError(f"{fact.name}: expected its gig in the story and not reversed, got none")
        if isinstance(fact, Adjusted):
            return adjust(chain, fact.adjustment, account, registry)
        return reverse(chain, account, registry, story)
    if isinstance(fact, Changed):
        return change(fact.attributes, fact.from_day, account, registry, story)
    if isinstance(fact, Closed):
        return close(fact.period, fact.platform, account, registry, story)
    if isinstance(fact, Remitted):
        return remit(fact, account, registry, story)
    if isinstance(fact, Decided):
        return decide(fact, account, registry)
    if isinstance(fact, Restated):
        return dict(restate(account, registry, story)).get(fact.name, Outcome([], []))
    assert_never(fact)
