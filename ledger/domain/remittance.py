"""Remittances: money really paid in, laid against what accrued in the windows of a period, oldest first.

What is paid beyond that, or before anything accrued, is credit: it stands in the window it was paid for, is drawn when
that window closes, and what is left goes on to the next. Interest on what came late is a rule of the scheme. Whole
minor units only (L10); nothing paid is ever lost: the sum of remitted and credit is what was paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.domain.ids import PLATFORM_PAYER, WORKER, payer_kind
from ledger.domain.period import parse_period, window_label
from ledger.domain.posting import ACCRUED, Contribution, Outcome
from ledger.domain.settling import open_standing, settle

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account
    from ledger.domain.story import Remitted, Told

CREDIT: Final = "credit"
REMITTED: Final = "remitted"


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
    posting = _Posting(paid.scheme, version, paid.platform, account, registry, outcome)
    left = paid.amount_minor
    for (window, fund, owing), owed in _owed(paid, payer, plans, story).items():
        part = min(left, owed)
        if part > 0:
            posting(fund, owing, window, part, REMITTED)
            left -= part
    if left:
        window, fund = _home(paid, registry, payer)
        posting(fund, payer, window, left, CREDIT)
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


def _windows(paid: Remitted, registry: Registry) -> list[Plan]:
    return registry.plans_within(paid.scheme, paid.period, [paid.platform] if paid.platform else [])


def draw(plan: Plan, account: Account, registry: Registry, outcome: Outcome) -> None:
    """Use what was paid ahead for a window that has just closed; carry what is left to the next window of its kind."""
    standing = None if plan.key is None else account.standings.get(plan.key)
    ahead = [key for key, credit in account.paid.items() if key[:2] == (plan.scheme, plan.window) and credit]
    for scheme, window, payer, fund in ahead:
        own = [(at, line) for at, line in enumerate(plan.lines) if _pays(line.payer_kind, payer)]
        if fund or standing is None or not own:
            continue
        whose = payer.partition(":")[2] if payer_kind(payer) == PLATFORM_PAYER else ""
        posting = _Posting(scheme, plan.version, whose, account, registry, outcome)
        left, home = account.paid[scheme, window, payer, ""], own[0][1].fund
        for at, line in own:
            owed = standing.posted[at] - account.paid.get((scheme, window, payer, line.fund), 0)
            part = min(left, owed)
            if line.state == ACCRUED and part > 0:
                posting(home, payer, window, -part, CREDIT)
                posting(line.fund, payer, window, part, REMITTED)
                left -= part
        if left:
            posting(home, payer, window, -left, CREDIT)
            posting(home, payer, window_label(plan.group.window, plan.span.last + timedelta(days=1)), left, CREDIT)


def _pays(kind: str, payer: str) -> bool:
    return payer_kind(payer) == kind


def _owed(paid: Remitted, payer: str, plans: Sequence[Plan], story: Sequence[Told]) -> dict[tuple[str, str, str], int]:
    """Give what is still owed, by window, fund and payer: oldest window first, funds as the rules order them."""
    order = {line.fund: at for plan in reversed(plans) for at, line in enumerate(plan.lines)}
    sums: dict[tuple[str, str, str], int] = {}
    for _, contributions in story:
        for posting in contributions:
            about = posting.payer == payer or (paid.payer != WORKER and posting.platform == paid.platform)
            money = posting.unit not in ("hours", "days") and not posting.payer.startswith("subsidy:")
            if posting.scheme != paid.scheme or not about or not money or (paid.fund and posting.fund != paid.fund):
                continue
            if posting.state in (ACCRUED, REMITTED) and paid.period.holds(parse_period(posting.window)):
                key = (posting.window, posting.fund, posting.payer)
                sums[key] = sums.get(key, 0) + (posting.amount if posting.state == ACCRUED else -posting.amount)
    ordered = sorted(sums, key=lambda key: (parse_period(key[0]).last, order.get(key[1], len(order)), key))
    return {key: sums[key] for key in ordered}


def release(account: Account, registry: Registry, outcome: Outcome) -> None:
    """Turn what was paid in for a window beyond what it now comes to into credit: a correction has lowered it."""
    for (scheme, window, payer, fund), paid in [*account.paid.items()]:
        if not fund or paid <= 0:
            continue
        for plan in registry.window_plans(scheme, window, payer.partition(":")[2]):
            standing = None if plan.key is None else account.standings.get(plan.key)
            lines = [
                (at, line)
                for at, line in enumerate(plan.lines)
                if line.fund == fund and line.state == ACCRUED and _pays(line.payer_kind, payer)
            ]
            if standing is None or not standing.closed or not lines:
                continue
            excess = paid - max(0, sum(standing.posted[at] for at, _ in lines))
            if excess > 0:
                whose = payer.partition(":")[2] if payer_kind(payer) == PLATFORM_PAYER else ""
                posting = _Posting(scheme, plan.version, whose, account, registry, outcome)
                posting(fund, payer, window, -excess, REMITTED)
                posting(fund, payer, _next_open(plan, registry), excess, CREDIT)


def _next_open(plan: Plan, registry: Registry) -> str:
    """Give the label of the next window of a plan's kind that is not closed: a credit there is still to be drawn."""
    day = plan.span.last + timedelta(days=1)
    while True:
        label = window_label(plan.group.window, day)
        after = [
            own for own in registry.window_plans(plan.scheme, label, plan.platform) if own.group.key == plan.group.key
        ]
        if not after or not registry.is_closed(after[0]):
            return label
        day = after[0].span.last + timedelta(days=1)


def _home(paid: Remitted, registry: Registry, payer: str) -> tuple[str, str]:
    """Give the window and fund in which a credit stands: the first open window of the period or after it."""
    plans = [plan for plan in _windows(paid, registry) if any(_pays(line.payer_kind, payer) for line in plan.lines)]
    if plans:
        line = next(line for line in plans[-1].lines if _pays(line.payer_kind, payer))
        still = [plan.window for plan in plans if not registry.is_closed(plan)]
        return still[0] if still else _next_open(plans[-1], registry), paid.fund or line.fund
    rules = next(v.rules for v in registry.versions(paid.scheme) if v.id == _version(paid, registry))
    fund = next((rule.fund for rule in rules if rule.payer == payer_kind(payer)), rules[0].fund if rules else "")
    return paid.period.last.isoformat(), paid.fund or fund


def _version(paid: Remitted, registry: Registry) -> str:
    version = registry.in_force(paid.scheme, paid.period.last) or registry.versions(paid.scheme)[0]
    return version.id


class _Posting(NamedTuple):
    """How a payment is posted under one version."""

    scheme: str
    version: str
    platform: str
    account: Account
    registry: Registry
    outcome: Outcome

    def __call__(self, fund: str, payer: str, window: str, amount: int, state: str) -> None:
        """Post an amount as remitted or as credit, and remember how much of the window is paid."""
        unit = self.registry.versions(self.scheme)[-1].currency
        own = (self.scheme, self.version, fund, payer, window, amount, unit, state, self.platform)
        posting = Contribution(*own)
        self.outcome.contributions.append(posting)
        note(posting, self.account)


def note(posting: Contribution, account: Account) -> None:
    """Take a payment's posting into the account."""
    account.add_other((posting.scheme, posting.fund, posting.unit), posting.state, posting.amount)
    key = (posting.scheme, posting.window, posting.payer, "" if posting.state == CREDIT else posting.fund)
    account.paid[key] = account.paid.get(key, 0) + posting.amount
