"""The laws of accrual: equal folds, cumulative equality, order, caps, and what a later revision does."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.accrual import Contribution
from ledger.domain.accrual import accrue as accrue_one
from ledger.domain.earning import Gig
from ledger.domain.fold import fold
from ledger.domain.ids import payer_kind
from ledger.domain.registry import Registry
from ledger.domain.standing import Account, StaleStanding
from ledger.domain.story import Completed, Told
from tests.ledger.domain.worlds import GIGS, MARCH, gig, load, registry, rule, scheme_text, shipped

WORLD = shipped()
DAY = 86_400
MONTHLY = {"window": "month", "platforms": "together"}
KINDS = Counter[tuple[str, str, str, str]]


def accrue(own: Gig, account: Account, world: Registry) -> list[Contribution]:
    """Give the postings of one gig."""
    return accrue_one(own, account, world).contributions


def folded(gigs: list[Gig], posted: list[list[Contribution]], world: Registry) -> Account:
    """Give the account that these gigs' entries fold to."""
    told = [Told(Completed(f"G-{n}", own), tuple(p)) for n, (own, p) in enumerate(zip(gigs, posted, strict=True))]
    return fold(told, Account(gigs[0].worker if gigs else ""), world)


def by_kind(postings: list[Contribution]) -> KINDS:
    totals: KINDS = Counter()
    for own in postings:
        totals[own.scheme, own.fund, own.window, payer_kind(own.payer)] += own.amount
    return Counter({key: total for key, total in totals.items() if total})


def run(gigs: list[Gig], account: Account, world: Registry = WORLD) -> list[list[Contribution]]:
    return [accrue(own, account, world) for own in gigs]


@settings(max_examples=300, deadline=None)
@given(st.lists(GIGS, max_size=25))
def test_accruing_and_folding_end_in_equal_accounts(gigs: list[Gig]) -> None:
    account = Account(gigs[0].worker if gigs else "")
    posted = run(gigs, account)
    assert all(posting.amount for several in posted for posting in several)
    account.catch_up(WORLD)
    assert folded(gigs, posted, WORLD) == account
    assert list(account.balances) == sorted(account.balances)
    assert Account.load(json.loads(json.dumps(account.dump()))) == account


@settings(max_examples=300, deadline=None)
@given(st.lists(GIGS, max_size=20), st.randoms())
def test_order_never_changes_totals_by_kind_of_payer(gigs: list[Gig], random: object) -> None:
    shuffled = list(gigs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    once, again = Account(), Account()
    first = by_kind([p for posted in run(gigs, once) for p in posted])
    assert first == by_kind([p for posted in run(shuffled, again) for p in posted])
    assert once.balances == {key: once.balances[key] for key in again.balances if again.balances[key]} | {
        key: 0 for key, value in once.balances.items() if not value
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(GIGS, max_size=20))
def test_cumulative_equality_and_caps_of_the_pilot(gigs: list[Gig]) -> None:
    """Upholds SPEC's core: postings of a window sum to f of its total, worked out here by the plain definition."""
    gigs = [own for own in gigs if (own.zone or "").startswith("ID-JK")]
    postings = [p for posted in run(gigs, Account()) for p in posted]
    months: Counter[str] = Counter()
    for own in gigs:
        plan = WORLD.plans(own)
        if plan:
            months[plan[0].window] += sum(c.amount_minor for c in own.components) - own.commission_minor
    caps = {
        ("JKK", "platform"): 10_000,
        ("JKM", "platform"): 6_800,
        ("JHT", "worker"): 20_000,
        ("JHT", "subsidy:JKT"): 10_000,
    }
    expected: KINDS = Counter()
    for month, pay in months.items():
        for (fund, kind), cap in caps.items():
            percent = 2 if kind == "worker" else 1
            rupiah = min(cap, max(0, Fraction(pay * percent, 10_000)) // 1)
            if rupiah:
                expected["ID-JK-PILOT", fund, month, kind] = rupiah * 100
    assert by_kind(postings) == expected


@pytest.mark.parametrize(
    ("currency", "step", "amount", "expected"),
    [("JPY", "1", 150, 2), ("KWD", '"0.001"', 1_550, 16), ("USD", '"0.01"', 1_950, 20), ("IDR", "1", 15_050, 200)],
)
def test_currencies_of_0_2_and_3_digits(currency: str, step: str, amount: int, expected: int) -> None:
    world = registry(scheme_text(rule(rounding=f"{{mode: half_up, step: {step}}}"), currency=currency))
    posted = accrue(gig(amount, currency=currency), Account(), world)
    assert [(p.amount, p.unit, p.window) for p in posted] == [(expected, currency, "2026-03-01")]


@settings(deadline=None)
@given(st.lists(st.integers(0, 5_000_000), max_size=15), st.sampled_from(("down", "up", "half_up", "half_even")))
def test_rounding_is_conserved_in_each_mode(amounts: list[int], mode: str) -> None:
    """The parts of a month sum to the rounded whole: within one step of the exact figure, whatever the parts."""
    world = registry(scheme_text(rule(rounding=f"{{mode: {mode}, step: 1}}", rate='"0.0275"', **MONTHLY)))
    account = Account()
    posted = sum(p.amount for amount in amounts for p in accrue(gig(amount), account, world))
    raw = Fraction(sum(amounts) * 275, 10_000)
    over = posted - raw  # in sen; a rupiah is 100
    within = {"down": -100 < over <= 0, "up": 0 <= over < 100}
    assert posted % 100 == 0
    assert within.get(mode, -50 <= over <= 50)


def test_each_platform_has_a_cap_of_its_own_where_the_scheme_says_so() -> None:
    own = {"window": "month", "platforms": "each", "cap": "50"}
    account = Account()
    world = registry(scheme_text(rule(**own)))
    gigs = [gig(1_000_000), gig(1_000_000, platform="grab"), gig(1_000_000)]
    assert [[p.payer for p in posted] for posted in run(gigs, account, world)] == [
        ["platform:gojek"],
        ["platform:grab"],
        [],
    ]
    assert account.balances == {("X-TEST", "A", "IDR"): 10_000}


def revised(first: str, second: str) -> tuple[Registry, Registry]:
    more = (
        "  - from: 2026-01-01\n    revision: 2\n    source: own\n    measures: {pay: {include: all}}\n    rules:\n"
        + second
    )
    versions = load(scheme_text(first, more=more)).versions
    return Registry(versions[:1]), Registry(versions)


def test_a_revision_makes_the_account_stale_and_a_fresh_fold_posts_the_difference() -> None:
    before, after = revised(rule(**MONTHLY), rule(rate='"0.02"', **MONTHLY))
    account = Account()
    gigs = [gig(1_000_000), gig(1_000_000, platform="grab")]
    posted = run(gigs, account, before)
    kept = account.copy()
    assert account.is_stale(after)
    with pytest.raises(StaleStanding):
        accrue(gig(0), account, after)
    with pytest.raises(StaleStanding):
        fold([], account, after)
    assert account == kept
    fresh = folded(gigs, posted, after)
    assert [(p.version, p.amount) for p in accrue(gig(0), fresh, after)] == [("2026-01-01.2", 20_000)]


def test_what_a_revision_no_longer_has_is_taken_back() -> None:
    before, after = revised(rule(**MONTHLY), rule(fund="B", payer="worker", **MONTHLY))
    posted = accrue(gig(1_000_000), Account(), before)
    fresh = folded([gig(1_000_000)], [posted], after)
    assert Account.load(fresh.dump()) == fresh
    taken = accrue(gig(0), fresh, after)
    assert [(p.fund, p.payer, p.amount) for p in taken] == [
        ("B", "worker:W-1", 10_000),
        ("A", "platform:gojek", -10_000),
    ]
    assert accrue(gig(0), fresh, after) == []


def test_a_version_of_the_future_leaves_accounts_fresh() -> None:
    more = "  - from: 2026-04-01\n    source: own\n    measures: {pay: {include: all}}\n    rules:\n" + rule(**MONTHLY)
    versions = load(scheme_text(rule(**MONTHLY), more=more)).versions
    account = Account()
    accrue(gig(occurred_at=MARCH + 30 * DAY), account, Registry(versions[:1]))
    assert not account.is_stale(Registry(versions))
    assert accrue(gig(1_000_000, occurred_at=MARCH + 32 * DAY), account, Registry(versions))[0].version == "2026-04-01"


def test_a_version_from_mid_month_governs_the_whole_month() -> None:
    more = "  - from: 2026-03-20\n    source: own\n    measures: {pay: {include: all}}\n    rules:\n" + rule(**MONTHLY)
    versions = load(scheme_text(rule(**MONTHLY), more=more)).versions
    account = Account()
    accrue(gig(), account, Registry(versions[:1]))
    assert account.is_stale(Registry(versions))
    assert accrue(gig(1_000_000), Account(), Registry(versions))[0].version == "2026-03-20"


def test_a_scheme_enacted_after_a_gig_in_its_window_makes_the_account_stale() -> None:
    pilot = load(scheme_text(rule(**MONTHLY))).versions
    account = Account()
    assert accrue(gig(), account, Registry()) == []
    assert account.is_stale(Registry(pilot))
    assert account.is_stale(registry(scheme_text(rule())))  # a gig's own window is worked out again, too
