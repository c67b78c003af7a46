"""Accrual: posting = f(version, attributes, standing) - already posted in the window. The hot path.

`accrue` decides a gig and posts; `refold` takes the same gig from its entry again, adding inputs by assessment and
postings as they were written. Over one worker's entries, in order and under one registry, both end in equal accounts.
Upholds L4 (no clock, no order but the caller's), L10 (integers of minor units; one rounding, of the window's total).
A cap pooled over platforms falls on them in journal order: the payer of an increment is the current gig's platform.
Both raise StaleStanding before anything changed; what to do then is said in `ledger.domain.standing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger.domain.earning import Gig
from ledger.domain.ids import payer_kind, payer_of
from ledger.domain.plan import Plan
from ledger.domain.registry import Registry
from ledger.domain.standing import Account, Standing


class Contribution(NamedTuple):
    """One posting, named as in the entry. `amount` in minor units of `unit` (a currency), never 0, negative when
    taken back; `payer` such as `platform:gojek`; `window` as written in `ledger.domain.period`.
    """

    scheme: str
    version: str
    fund: str
    payer: str
    window: str
    amount: int
    unit: str


_new = tuple.__new__


def accrue(gig: Gig, account: Account, registry: Registry) -> list[Contribution]:
    """Give what this gig adds (or takes back), and post it to the account; [] when no scheme covers the gig.

    Ordered by scheme id, then as the version's text orders its rules. Raises StaleStanding, the account unchanged.
    """
    plans = registry.plans(gig)
    if account.generation != registry.generation:
        account.catch_up(registry)
    account.newest = max(account.newest, gig.occurred_at)
    postings: list[Contribution] = []
    balances = account.balances
    worker = ""
    for scheme, version, window, unit, key, assess, lines, _ in plans:
        if key is None:
            standing = None
            inputs = [base(gig) for base in assess]
        else:
            standing = account.standings.get(key)
            if standing is None:
                standing = account.standings[key] = Standing(version, [0] * len(assess), [0] * len(lines))
            inputs = standing.inputs
            for at, base in enumerate(assess):
                inputs[at] += base(gig)
            posted = standing.posted
        at = -1
        for base_at, total, fund, _, payer, balance in lines:
            at += 1
            amount = total(inputs[base_at], gig)
            if standing is not None:
                due = amount
                amount -= posted[at]
                if amount:
                    posted[at] = due
            if amount:
                if payer is None:
                    payer = worker = worker or "worker:" + gig.worker
                postings.append(_new(Contribution, (scheme, version, fund, payer, window, amount, unit)))
                if balance in balances:
                    balances[balance] += amount
                else:
                    account.add_balance(balance, amount)
                    balances = account.balances
        if standing is not None and standing.orphans:
            postings += _take_back(gig, account, standing, scheme, version, window)
            balances = account.balances
    return postings


def refold(gig: Gig, contributions: Sequence[Contribution], account: Account, registry: Registry) -> None:
    """Take a gig and the contributions its entry holds into the account, the registry being the one to fold under.

    Raises StaleStanding, the account unchanged.
    """
    if account.generation != registry.generation:
        account.catch_up(registry)
    account.newest = max(account.newest, gig.occurred_at)
    plans = [plan for plan in registry.plans(gig) if plan.key is not None]
    for plan in plans:
        standing = _standing(account, plan)
        for at, base in enumerate(plan.assess):
            standing.inputs[at] += base(gig)
    for posting in contributions:
        account.add_balance((posting.scheme, posting.fund, posting.unit), posting.amount)
        governing = [plan for plan in plans if (plan.scheme, plan.window) == (posting.scheme, posting.window)]
        _post_as_written(
            account, posting, governing or registry.window_plans(posting.scheme, posting.window, gig.platform)
        )


def _standing(account: Account, plan: Plan) -> Standing:
    if plan.key is None:
        raise ValueError(f"standing of {plan.scheme}: expected a window that keeps one, got {plan.window}")
    standing = account.standings.get(plan.key)
    if standing is None:
        standing = Standing(plan.version, [0] * len(plan.assess), [0] * len(plan.lines))
        account.standings[plan.key] = standing
    return standing


def _post_as_written(account: Account, posting: Contribution, plans: Iterable[Plan]) -> None:
    """Count a posting as made: in the line that now makes such postings, or as an orphan where there is none."""
    kind = payer_kind(posting.payer)
    standing: Standing | None = None
    for plan in plans:
        standing = standing or _standing(account, plan)
        for at, line in enumerate(plan.lines):
            if (line.fund, line.payer_kind, plan.unit) == (posting.fund, kind, posting.unit):
                _standing(account, plan).posted[at] += posting.amount
                return
    if standing is not None:
        orphan = (posting.fund, kind, posting.unit)
        left = standing.orphans.pop(orphan, 0) + posting.amount
        if left:
            standing.orphans[orphan] = left


def _take_back(
    gig: Gig, account: Account, standing: Standing, scheme: str, version: str, window: str
) -> list[Contribution]:
    """Post back what an earlier version posted for funds and payers that this one does not have."""
    postings = []
    for (fund, kind, unit), posted in sorted(standing.orphans.items()):
        if posted:
            payer = payer_of(kind, gig.worker, gig.platform)
            postings.append(Contribution(scheme, version, fund, payer, window, -posted, unit))
            account.add_balance((scheme, fund, unit), -posted)
    standing.orphans = {}
    return postings
