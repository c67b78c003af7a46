"""Remittances: money really paid in, laid against what accrued in the windows of a period, oldest first.

What is paid beyond that, or before anything accrued, is credit (`ledger.domain.credit`): it stands in the window it was
paid for. Interest on what came late is a rule of the scheme. Whole minor units only (L10); nothing paid is ever lost:
the sum of remitted and credit is what was paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ledger.domain.credit import CREDIT, REMITTED, Owed, Payment, holds, is_within, next_open, owed_for, pays
from ledger.domain.ids import PLATFORM_PAYER, WORKER, payer_kind
from ledger.domain.period import parse_period
from ledger.domain.posting import Contribution, Outcome
from ledger.domain.settling import open_standing, settle

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account
    from ledger.domain.story import Remitted, Told


def remit(paid: Remitted, account: Account, registry: Registry, story: Sequence[Told]) -> Outcome:
    """Give what a payment posts: remitted, oldest window first and funds in the order of the rules; the rest is credit.

    A platform pays in all that lies on its gigs: its own share, what it charged to customers and what it withheld from
    the worker; each stays under its payer. `story`: the worker's facts so far. Raises StaleStanding, and ValueError for
    a scheme that no act has enacted.
    """
    if not registry.versions(paid.scheme):
        raise ValueError(f"remittance: expected one of {', '.join(registry.schemes()) or 'none'}, got {paid.scheme!r}")
    account.catch_up(registry)
    outcome = Outcome([], [])
    payer = f"{WORKER}:{account.worker}" if paid.payer == WORKER else f"{PLATFORM_PAYER}:{paid.platform}"
    plans = _windows(paid, registry)
    version = plans[-1].version if plans else _version(paid, registry)
    payment = Payment(paid.scheme, version, paid.platform, account, registry, outcome)
    left = paid.amount_minor
    for (window, fund, owing), owed in _owed(paid, payer, plans, story).items():
        part = min(left, owed)
        if part > 0:
            payment.post(fund, owing, window, part, REMITTED)
            left -= part
    if left:
        window, fund = _home(paid, registry, payer)
        payment.post(fund, payer, window, left, CREDIT)
    take_remittance(paid, account, registry, outcome)
    return outcome


def take_remittance(
    paid: Remitted, account: Account, registry: Registry, outcome: Outcome, *, written: bool = False
) -> None:
    """Settle the rules that act on a payment, such as interest on what came late; `written`: that is done already."""
    payer = f"{WORKER}:{account.worker}" if paid.payer == WORKER else f"{PLATFORM_PAYER}:{paid.platform}"
    facts: dict[str, Value] = {
        "remittance.amount": Fraction(paid.amount_minor, 10 ** registry.versions(paid.scheme)[-1].minor_digits),
        "remittance.fund": _home(paid, registry, payer)[1],
        "remittance.date": paid.paid_on,
        "remittance.period_last": paid.period.last,
    }
    for plan in _windows(paid, registry):
        if any(rule.on == "remittance" for rule in plan.group.rules):
            if plan.key not in account.standings:
                open_standing(plan, account, registry)
            settle(plan, account, registry, outcome, on="remittance", facts=facts, written=written)


def _windows(paid: Remitted, registry: Registry) -> Sequence[Plan]:
    return registry.plans_within(paid.scheme, paid.period, [paid.platform] if paid.platform else [])


def _owed(paid: Remitted, payer: str, plans: Sequence[Plan], story: Sequence[Told]) -> Owed:
    """Give what is still owed, by window, fund and payer: oldest window first, funds as the rules order them."""

    def about(posting: Contribution) -> bool:
        named = paid.fund is None or is_within(paid.fund, posting.fund)
        return posting.scheme == paid.scheme and named and holds(paid.period, posting)

    postings = [posting for told in story for posting in told.contributions]
    owed = owed_for(payer, paid.platform if paid.payer != WORKER else "", postings, about)
    order = {line.fund: at for plan in reversed(plans) for at, line in enumerate(plan.lines)}
    ordered = sorted(owed, key=lambda key: (parse_period(key[0]).last, order.get(key[1], len(order)), key))
    return {key: owed[key] for key in ordered}


def _home(paid: Remitted, registry: Registry, payer: str) -> tuple[str, str]:
    """Give the window and fund in which a credit stands: the first open window of the period or after it."""
    plans = [plan for plan in _windows(paid, registry) if any(pays(line.payer_kind, payer) for line in plan.lines)]
    if plans:
        line = next(line for line in plans[-1].lines if pays(line.payer_kind, payer))
        still = [plan.window for plan in plans if not registry.is_closed(plan)]
        return still[0] if still else next_open(plans[-1], registry), paid.fund or line.fund
    rules = next(v.rules for v in registry.versions(paid.scheme) if v.id == _version(paid, registry))
    fund = next((rule.fund for rule in rules if rule.payer == payer_kind(payer)), rules[0].fund if rules else "")
    return paid.period.last.isoformat(), paid.fund or fund


def _version(paid: Remitted, registry: Registry) -> str:
    version = registry.in_force(paid.scheme, paid.period.last) or registry.versions(paid.scheme)[0]
    return version.id
