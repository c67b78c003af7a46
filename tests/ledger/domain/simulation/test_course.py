"""A simulation is the engine's own accrual, added up: nothing more, nothing lost, in whatever order workers come."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.accrual import accrue
from ledger.domain.closing import close
from ledger.domain.earning import Adjustment, Component, Exchange, Gig
from ledger.domain.ids import payer_kind
from ledger.domain.posting import Outcome
from ledger.domain.simulation.counting import EARNINGS, GIGS, NEITHER, Place, Purse
from ledger.domain.simulation.course import Course
from ledger.domain.simulation.deciles import deciles
from ledger.domain.simulation.tally import ALL, LOOKS, Tally
from ledger.domain.simulation.trial import AFTER, BEFORE, Trial, assume
from ledger.domain.standing import Account
from ledger.domain.story import Adjusted, Reversed
from tests.ledger.domain.simulation.trials import MONTHS, TRIED, WORKERS, measured, named, shipped, trial
from tests.ledger.domain.worlds import GIGS as GIG
from tests.ledger.domain.worlds import MARCH, gig

TRIALS = {name: trial(shipped(name) if name != "X-TRIED" else TRIED) for name in ("X-TRIED", "ID-PERPRES-OJOL")}


def plain(own: Trial, side: int, workers: dict[str, list[Gig]]) -> Counter[tuple[str, str, str, str]]:
    """Add up what the engine posts on a side, worker by worker, without any of the simulator."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    sides = own.sides()

    def take(outcome: Outcome) -> None:
        for posting in outcome.contributions:
            found[posting.fund, payer_kind(posting.payer), posting.state, posting.unit] += posting.amount

    for worker, gigs in workers.items():
        account = Account(worker)
        for one in gigs:
            take(accrue(one, account, sides.going[side]))
        take(close(MONTHS, None, account, sides.closed[side]))
    return +found


@settings(deadline=None, max_examples=60)
@given(WORKERS, st.sampled_from(sorted(TRIALS)))
def test_a_simulation_is_the_sum_of_a_plain_fold(workers: dict[str, list[Gig]], name: str) -> None:
    own = TRIALS[name]
    tally = Tally()
    for worker, gigs in workers.items():
        tally.add(measured(own, worker, named(gigs)))
    for side in (BEFORE, AFTER):
        total = Counter({purse: pair[side] for (look, purse), pair in tally.amounts.items() if look == (ALL, "")})
        assert +total == plain(own, side, workers)


@settings(deadline=None, max_examples=40)
@given(WORKERS)
def test_every_way_of_looking_has_the_same_sum(workers: dict[str, list[Gig]]) -> None:
    own = TRIALS["X-TRIED"]
    tally, rows = Tally(), []
    for worker, gigs in workers.items():
        row = tally.add(measured(own, worker, named(gigs)))
        rows += [] if row is None else [row]
    sums = {look: Counter[tuple[object, int]]() for look in LOOKS}
    counts = {look: [0, 0, 0] for look in LOOKS}
    for ((look, _), purse), pair in tally.amounts.items():
        for side, amount in enumerate(pair):
            sums[look][purse, side] += amount
    for (look, _), own_counts in tally.counts.items():
        counts[look] = [a + own_counts[b] for a, b in zip(counts[look], (GIGS, EARNINGS, NEITHER), strict=True)]
    assert all(sums[look] == sums[ALL] for look in LOOKS)
    assert all(counts[look] == counts[ALL] for look in LOOKS)
    assert counts[ALL][0] == tally.gigs == sum(len(gigs) for gigs in workers.values())
    groups = deciles(sorted(rows), len(rows), "IDR")
    grouped: Counter[tuple[object, int]] = Counter()
    for group in groups:
        for purse, pair in group.amounts.items():
            for side, amount in enumerate(pair):
                grouped[purse, side] += amount
    assert grouped == sums[ALL]
    assert sum(group.workers for group in groups) == tally.concerned


@settings(deadline=None, max_examples=40)
@given(WORKERS, st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_and_sharing_out_of_workers_change_nothing(
    workers: dict[str, list[Gig]], random: Random, parts: int
) -> None:
    own = TRIALS["X-TRIED"]
    whole = Tally()
    each = {worker: measured(own, worker, named(gigs)) for worker, gigs in workers.items()}
    for one in each.values():
        whole.add(one)
    names = list(each)
    random.shuffle(names)
    shares = [Tally() for _ in range(parts)]
    for number, worker in enumerate(names):
        shares[number % parts].add(each[worker])
    merged = Tally()
    for share in reversed(shares):
        merged.merge(share)
    assert merged == whole


@settings(deadline=None, max_examples=40)
@given(st.lists(GIG.map(lambda g: g._replace(worker="W-1")), min_size=1, max_size=6), st.data())
def test_a_reversed_gig_counts_as_if_it_had_never_been(gigs: list[Gig], data: st.DataObject) -> None:
    own = TRIALS["X-TRIED"]
    facts = named(gigs)
    gone = data.draw(st.integers(0, len(facts) - 1))
    with_it = measured(own, "W-1", [*facts, Reversed(f"{gigs[gone].platform}/{gone}")], remember=True)
    without = measured(own, "W-1", facts[:gone] + facts[gone + 1 :])
    assert (with_it.gigs, with_it.earnings, with_it.other_currency) == (
        without.gigs,
        without.earnings,
        without.other_currency,
    )
    assert purses(with_it.cells) == purses(without.cells)


def purses(cells: dict[tuple[Place, Purse], list[int]]) -> dict[Purse, list[int]]:
    """Add cells up by what they hold; which month or platform a pooled cap falls on is a question of order."""
    found: dict[Purse, list[int]] = {}
    for (_, purse), pair in cells.items():
        own = found.setdefault(purse, [0, 0])
        own[0] += pair[0]
        own[1] += pair[1]
    return {purse: pair for purse, pair in found.items() if any(pair)}


def test_what_is_added_to_a_gig_counts_with_it() -> None:
    own = TRIALS["X-TRIED"]
    first, second = named([gig(1_000_000), gig(500_000, platform="grab")])
    tip = Adjusted("gojek/0", Adjustment((Component("tip", 200_000, None),), MARCH + 86_400, None))
    adjusted = measured(own, "W-1", [first, second, tip], remember=True)
    whole = measured(own, "W-1", named([gig(1_200_000), gig(500_000, platform="grab")]))
    assert adjusted.earnings == whole.earnings
    assert purses(adjusted.cells) == purses(whole.cells)
    unheard = measured(own, "W-1", [first, second, tip._replace(name="gojek/none")], remember=True)
    assert unheard == measured(own, "W-1", [first, second], remember=True)


@settings(deadline=None, max_examples=40)
@given(st.lists(GIG.map(lambda g: g._replace(worker="W-1")), min_size=1, max_size=8), st.data())
def test_a_course_goes_on_from_where_it_was_dumped(gigs: list[Gig], data: st.DataObject) -> None:
    own = TRIALS[data.draw(st.sampled_from(sorted(TRIALS)))]
    facts = named(gigs)
    cut = data.draw(st.integers(0, len(facts)))
    first = Course("W-1", own, own.sides())
    for fact in facts[:cut]:
        first.take(fact)
    second = Course("W-1", own, own.sides(), dumped=first.dump())
    for fact in facts[cut:]:
        second.take(fact)
    second.close(MONTHS)
    assert second.measured() == measured(own, "W-1", facts)


def test_gigs_that_no_side_covers_are_counted_and_concern_nobody() -> None:
    own = TRIALS["X-TRIED"]
    foreign = measured(own, "W-1", named([gig(zone="US-NY", currency="USD")]))
    assert (foreign.gigs, foreign.other_currency, foreign.earnings, foreign.concerned) == (1, 1, 0, False)
    tally = Tally()
    assert tally.add(foreign) is None
    assert (tally.outside, tally.concerned, tally.workers) == (1, 0, 1)


def test_an_assumption_holds_for_every_worker_from_the_beginning() -> None:
    facts = named([gig(1_000_000)])
    lowest = measured(trial(shipped("ID-PERPRES-OJOL"), None), "W-1", facts)
    assumed = trial(shipped("ID-PERPRES-OJOL"), None)._replace(assumed=assume(["worker.basis=2000000"]))
    higher = measured(assumed, "W-1", facts)
    jkk = ("JKK", "platform", "accrued", "IDR")
    assert purses(lowest.cells)[jkk] == [0, 1_000_000]
    assert purses(higher.cells)[jkk] == [0, 2_000_000]


def test_a_broken_limit_is_counted_with_its_amount() -> None:
    facts = named([gig(1_000_000, commission_minor=250_000), gig(1_000_000, commission_minor=50_000)])
    said = measured(trial(shipped("ID-PERPRES-OJOL"), None), "W-1", facts).said
    assert said == {(AFTER, "breach", ""): (1, Fraction(1_500))}


def test_a_close_of_nothing_posts_nothing_that_waits_for_one() -> None:
    open_ended = measured(trial(shipped("ID-PERPRES-OJOL"), None, closes=None), "W-1", named([gig(1_000_000)]))
    assert purses(open_ended.cells) == {}
    assert open_ended.concerned


def test_a_posting_counts_in_the_month_of_its_window_or_of_the_gig_that_caused_it() -> None:
    january, february = MARCH - 40 * 86_400, MARCH - 10 * 86_400
    facts = named([gig(1_000_000, occurred_at=january), gig(3_000_000, occurred_at=february, platform="grab")])
    cells = measured(trial(closes=None), "W-1", facts).cells
    found = {(fund, place[0], place[2]): pair[AFTER] for (place, (fund, *_)), pair in cells.items() if pair[AFTER]}
    assert found["B", "gojek", "2026-01"] == 15_000
    assert found["B", "grab", "2026-02"] == 45_000
    # one quarter, pooled: what the second gig adds lies in its own month and on its platform
    assert found["D", "gojek", "2026-01"] == 1_000
    assert found["D", "grab", "2026-02"] == 3_000


def test_what_is_posted_at_a_close_counts_in_its_own_month_and_in_the_zone_of_the_last_gig() -> None:
    january = MARCH - 40 * 86_400
    facts = named([gig(occurred_at=january, zone="ID-JK-01"), gig(occurred_at=january, zone="ID-JK-02"), gig()])
    cells = measured(trial(shipped("ID-PERPRES-OJOL"), None), "W-1", facts).cells
    assert {place for place, _ in cells} == {("gojek", "ID-JK", "2026-01"), ("gojek", "ID-JK", "2026-03")}


def test_pay_in_other_money_is_earned_at_its_rate_and_else_counted_apart() -> None:
    own = trial(shipped("ID-PERPRES-OJOL"))
    rate = Exchange(Fraction("16000"), date(2026, 3, 1), 2)
    paid = gig(currency="USD", components=(Component("fare", 1_000, None),), commission_minor=100, exchange=rate)
    found = measured(own, "W-1", named([paid, paid._replace(exchange=None)]))
    assert (found.gigs, found.other_currency, found.earnings) == (2, 1, 9 * 16_000 * 100)
    assert [counts[NEITHER] for counts in found.places.values()] == [1]
