"""Accrual: posting = f(version, attributes, standing) - already posted in the window. The hot path.

`accrue` decides a gig and posts. Where all that a gig settles in a window hangs on the window's sums and the gig alone,
that is a walk over flat tuples; every other window is settled by `ledger.domain.settling`. Upholds L4 (no clock, no
order but the caller's), L10 (whole minor units; one rounding, of the window's total). A cap pooled over platforms falls
on them in journal order: the payer of an increment is the current gig's platform. Raises StaleStanding before anything
changed; what to do then is said in `ledger.domain.standing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain.posting import ACCRUED, Contribution, Outcome
from ledger.domain.settling import open_standing, settle, settle_others, take, take_back

if TYPE_CHECKING:
    from ledger.domain.earning import Gig
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account

__all__ = ["Contribution", "Outcome", "accrue"]

_new = tuple.__new__


def accrue(gig: Gig, account: Account, registry: Registry) -> Outcome:
    """Give what this gig adds (or takes back), and post it to the account; nothing when no scheme covers the gig.

    Ordered by scheme id, then as the version's text orders its rules. Raises StaleStanding, the account unchanged.
    """
    plans = registry.plans(gig)
    if account.generation != registry.generation:
        account.catch_up(registry)
    account.newest = max(account.newest, gig.occurred_at)
    account.worker = gig.worker
    postings: list[Contribution] = []
    outcome = _new(Outcome, (postings, []))
    balances = account.balances
    platform = gig.platform
    worker = "worker:" + gig.worker
    slow: list[Plan] = []
    for plan in plans:
        scheme, version, window, key, fast, careful, assess, lines, _, _, _, _ = plan
        standing = None
        if fast and key is not None:
            standing = account.standings.get(key)
            if standing is None:
                standing = open_standing(plan, account, registry)
        if not fast or (careful and standing is not None and standing.closed):
            take(plan, gig, account, registry)
            slow.append(plan)
            continue
        if standing is None:
            inputs = [base(gig) for base in assess]
        else:
            inputs = standing.inputs
            for at, base in enumerate(assess):
                inputs[at] += base(gig)
            posted = standing.posted
            if careful:
                standing.platform = platform
                standing.gigs += 1
        for at, total, fund, payer, balance, unit in lines:
            amount = total(inputs, gig)
            if standing is not None:
                due = amount
                amount -= posted[at]
                if amount:
                    posted[at] = due
            if amount:
                whose = payer or worker
                postings.append(
                    _new(Contribution, (scheme, version, fund, whose, window, amount, unit, ACCRUED, platform))
                )
                if balance in balances:
                    balances[balance] += amount
                else:
                    account.add_balance(balance, amount)
                    balances = account.balances
        if standing is not None and standing.orphans:
            take_back(plan, account, standing, platform, postings)
            balances = account.balances
    if slow:
        _settle_slow(slow, plans, gig, account, registry, outcome)
    return outcome


def _settle_slow(
    slow: list[Plan], plans: tuple[Plan, ...], gig: Gig, account: Account, registry: Registry, outcome: Outcome
) -> None:
    # everything is measured before anything is settled: a rule may read another window than its own
    quick = bool(outcome.contributions)
    for plan in slow:
        settle(plan, account, registry, outcome, gig=gig)
    if account.joining or any(plan.group.compiled.reaches for plan in slow):
        settle_others(plans, account, registry, outcome)
    if quick:
        outcome.contributions.sort(key=_scheme)


def _scheme(posting: Contribution) -> str:
    return posting.scheme
