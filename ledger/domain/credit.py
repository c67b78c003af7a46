"""Credit: money paid ahead, or beyond what was owed. It is drawn when its window closes; the rest goes on to the next.

Each fund first draws what was paid for it, then what is left of it goes to the payer's other funds. A platform's money
pays all that lies on its gigs: its own share, what it charged to customers and what it withheld from workers, each
under its payer. Where a correction lowers what was paid already, the difference becomes credit. Upholds L10: whole
minor units, and remitted and credit always come to what was paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ledger.domain.ids import PLATFORM_PAYER, WORKER, payer_kind
from ledger.domain.period import Span, parse_period, window_label
from ledger.domain.posting import ACCRUED, Contribution, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account, Standing
    from ledger.domain.story import Told

CREDIT: Final = "credit"
REMITTED: Final = "remitted"
AHEAD: Final = "+"
"""Before the fund, in a key of what was paid: it was paid ahead, and is credit."""
Owed: TypeAlias = dict[tuple[str, str, str], int]
"""What is owed, by window, fund and who owes it."""


class Payment(NamedTuple):
    """How a payment is posted under one version; `platform` is whose it is, "" for a worker's."""

    scheme: str
    version: str
    platform: str
    account: Account
    registry: Registry
    outcome: Outcome

    def post(self, fund: str, payer: str, window: str, amount: int, state: str) -> None:
        """Post an amount as remitted or as credit, and remember how much of the window is paid."""
        unit = self.registry.versions(self.scheme)[-1].currency
        own = (self.scheme, self.version, fund, payer, window, amount, unit, state, self.platform)
        posting = Contribution(*own)
        self.outcome.contributions.append(posting)
        note(posting, self.account)


def note(posting: Contribution, account: Account) -> None:
    """Take a payment's posting into the account."""
    account.add_other((posting.scheme, posting.fund, posting.unit), posting.state, posting.amount)
    fund = AHEAD + posting.fund if posting.state == CREDIT else posting.fund
    key = (posting.scheme, posting.window, posting.payer, fund)
    account.paid[key] = account.paid.get(key, 0) + posting.amount


def draw(
    scheme: str,
    window: str,
    to_come: Sequence[str],
    account: Account,
    registry: Registry,
    outcome: Outcome,
    story: Sequence[Told],
) -> None:
    """Use what was paid ahead for a window that has just been closed; carry what is left to the next of its kind that
    is open, or among those `to_come`, which are drawn next.

    What a worker owes stands in the account. What lies on a platform's gigs is told by `story` and by what is being
    posted now; without a story a platform's money stays where it is. So does all of it while the window is open on
    another platform.
    """
    for key in sorted(key for key, v in account.paid.items() if key[:2] == (scheme, window) and v):
        if not key[3].startswith(AHEAD):
            continue
        payer, home, whose = key[2], key[3].removeprefix(AHEAD), whose_of(key[2])
        plans = [*_plans(scheme, window, payer, account, registry)]
        if not plans or (whose and not story):
            continue
        plan = plans[-1][0]
        payment = Payment(scheme, plan.version, whose, account, registry, outcome)
        if whose:
            now = [posting for told in story for posting in told.contributions] + outcome.contributions
            due = owed_for(payer, whose, now, lambda posting: (posting.scheme, posting.window) == (scheme, window))
        else:
            due = _owed_by_worker(scheme, window, payer, plans, account)
        order = {line.fund: at for own, _ in reversed(plans) for at, line in enumerate(own.lines)}
        for _, fund, owing in sorted(due, key=lambda own: (not is_within(home, own[1]), order.get(own[1], 0), own)):
            part = min(account.paid[key], due[window, fund, owing])
            if part > 0:
                payment.post(home, payer, window, -part, CREDIT)
                payment.post(fund, owing, window, part, REMITTED)
        if account.paid[key] and all(standing.closed for _, standing in plans):
            left = account.paid[key]
            payment.post(home, payer, window, -left, CREDIT)
            payment.post(home, payer, next_open(plan, registry, to_come), left, CREDIT)


def owed_for(
    payer: str, platform: str, postings: Sequence[Contribution], about: Callable[[Contribution], bool]
) -> Owed:
    """Give what a payer may still pay of these postings: a platform (named, or "") all that lies on its gigs.

    What it pays for others is no more than they still owe over all platforms: they may have paid it themselves.
    """
    mine: Owed = {}
    whole: Owed = {}
    for posting in postings:
        money = posting.unit not in ("hours", "days") and not posting.payer.startswith("subsidy:")
        if not money or posting.state not in (ACCRUED, REMITTED) or not about(posting):
            continue
        key = (posting.window, posting.fund, posting.payer)
        amount = posting.amount if posting.state == ACCRUED else -posting.amount
        whole[key] = whole.get(key, 0) + amount
        if posting.payer == payer or (platform and posting.platform == platform):
            mine[key] = mine.get(key, 0) + amount
    return {key: min(amount, whole[key]) for key, amount in mine.items()}


def _owed_by_worker(
    scheme: str, window: str, worker: str, plans: Sequence[tuple[Plan, Standing]], account: Account
) -> Owed:
    """Give what a worker still owes in the closed windows of a label, over all platforms."""
    owed: Owed = {}
    for plan, standing in plans:
        for at, line in enumerate(plan.lines if standing.closed else ()):
            if line.payer_kind == WORKER and line.state == ACCRUED and line.unit not in ("hours", "days"):
                key = (window, line.fund, worker)
                owed.setdefault(key, -account.paid.get((scheme, window, worker, line.fund), 0))
                owed[key] += standing.posted[at]
    return owed


def release(account: Account, registry: Registry, outcome: Outcome) -> None:
    """Turn what was paid in for a window beyond what it now comes to into credit: a correction has lowered it."""
    for (scheme, window, payer, fund), paid in [*account.paid.items()]:
        if fund.startswith(AHEAD) or paid <= 0:
            continue
        plans = [*_plans(scheme, window, payer, account, registry)]
        sums = [
            standing.posted[at]
            for plan, standing in plans
            for at, line in enumerate(plan.lines)
            if line.fund == fund and line.state == ACCRUED and pays(line.payer_kind, payer)
        ]
        excess = paid - max(0, sum(sums))
        if sums and excess > 0 and all(standing.closed for _, standing in plans):
            plan = plans[-1][0]
            payment = Payment(scheme, plan.version, whose_of(payer), account, registry, outcome)
            payment.post(fund, payer, window, -excess, REMITTED)
            payment.post(fund, payer, next_open(plan, registry), excess, CREDIT)


def _plans(
    scheme: str, window: str, payer: str, account: Account, registry: Registry
) -> Iterator[tuple[Plan, Standing]]:
    """Give the windows of a label that the account keeps and this payer pays into, in the order of platforms."""
    whose = whose_of(payer)
    for key in sorted(key for key in account.standings if key[:2] == (scheme, window)):
        if key[2] not in ("", whose) and whose:
            continue
        for plan in registry.plan_of(key):
            if any(pays(line.payer_kind, payer) or whose for line in plan.lines):
                yield plan, account.standings[key]


def next_open(plan: Plan, registry: Registry, to_come: Sequence[str] = ()) -> str:
    """Give the label of the next window of a plan's kind in which a credit is still to be drawn: not closed, or one of
    those to come.
    """
    day = plan.span.last + timedelta(days=1)
    while True:
        label = window_label(plan.group.window, day)
        after = [
            own for own in registry.window_plans(plan.scheme, label, plan.platform) if own.group.key == plan.group.key
        ]
        if not after or label in to_come or not registry.is_closed(after[0]):
            return label
        day = after[0].span.last + timedelta(days=1)


def pays(kind: str, payer: str) -> bool:
    """Tell whether a kind of payer is this payer's."""
    return payer_kind(payer) == kind


def whose_of(payer: str) -> str:
    """Give the platform that a payer is; "" for a worker."""
    return payer.partition(":")[2] if payer_kind(payer) == PLATFORM_PAYER else ""


def is_within(fund: str, part: str) -> bool:
    """Tell whether a fund is this one or has it as a part: `CPF` has `CPF.OA`."""
    return part == fund or part.startswith(fund + ".")


def holds(period: Span, posting: Contribution) -> bool:
    """Tell whether a posting's window lies within a period."""
    return period.holds(parse_period(posting.window))
