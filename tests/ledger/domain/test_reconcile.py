"""Each hypothesis explains the trips it speaks of and no others before it; nothing is counted twice or not at all."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.money import Mode, Rate
from ledger.domain.reconcile import CENT_OFF, HYPOTHESES, NONE_LEVIED, POSTED, UNEXPLAINED, Levy, Trip, reconcile, words

LEVY = Levy(frozenset({"fare", "toll", "tip", "refund"}), Rate(1, 40), Mode.HALF_UP, 1)


def trip(levied: int, fare: int = 1000, toll: int = 0, tip: int = 0, taxed: Fraction | None = None) -> Trip:
    """A trip in cents; what Iuran posts is 2.5 % of all of it, half a cent up."""
    parts = (("fare", fare), ("toll", toll), ("tip", tip), ("reimbursement", 5000))
    return Trip("uber", 1, parts, LEVY.of(fare + toll + tip), levied, taxed)


@pytest.mark.parametrize(
    ("story", "verdict"),
    [
        (trip(25), POSTED),
        (trip(0), "none_levied"),
        (trip(0, taxed=Fraction(0)), "exempt"),
        (trip(0, taxed=Fraction(1000)), "none_levied"),
        (trip(34, fare=837, tip=500), "tip_apart"),  # 20.925 and 12.5 cents are 21 and 13; together 33.4
        (trip(25, tip=200), "without_tips"),
        (trip(30, toll=400, tip=200), "without_tolls"),
        (trip(25, toll=400, tip=200), "fare_alone"),
        (trip(41, fare=997, taxed=Fraction(147 * 100000, 8875)), "other_fare"),
        (trip(46, fare=807, tip=500, taxed=Fraction(117 * 100000, 8875)), "other_fare_tip_apart"),
        (trip(12, fare=500), "half_even"),  # 12.5 cents: 12 is even
        (trip(19, fare=790), "rounded_down"),  # 19.75 cents
        (trip(26), CENT_OFF),
        (trip(99), UNEXPLAINED),
    ],
)
def test_the_first_hypothesis_that_gives_the_amount_is_the_verdict(story: Trip, verdict: str) -> None:
    ((told, key),) = reconcile([story], LEVY).verdicts
    assert (told, key) == (story, verdict)
    assert words(key)


def test_a_trip_without_the_other_tax_is_not_explained_by_it() -> None:
    found = reconcile([trip(41, fare=997)], LEVY)
    assert found.verdicts[0][1] == UNEXPLAINED
    assert not found.alone["uber", "other_fare"]


def test_a_negative_fare_owes_nothing_and_other_kinds_are_not_in_the_base() -> None:
    assert LEVY.of(-18) == LEVY.of(-1800) == 0
    assert trip(0).total(LEVY.kinds) == 1000
    assert trip(0).total(None) == 6000


def test_each_trip_may_have_a_rate_of_its_own() -> None:
    dearer = LEVY._replace(rate=Rate(3, 100))
    tipped = Trip("uber", 2, (("fare", 1000), ("tip", 200)), 36, 30)
    assert reconcile([tipped, tipped], [dearer, LEVY]).first == {
        ("uber", "without_tips"): 1,
        ("uber", "tip_apart"): 1,  # at 2.5 %: 25 and 5, which the posted 36 is not
    }
    with pytest.raises(ValueError, match="argument 2"):
        reconcile([tipped], [LEVY, LEVY])


cents = st.integers(0, 20_000)
stories = st.builds(
    lambda platform, fare, toll, tip, levied: trip(levied, fare, toll, tip)._replace(platform=platform),
    st.sampled_from(["uber", "lyft"]),
    cents,
    st.integers(0, 700),
    st.integers(0, 500),
    st.integers(0, 600),
)


@given(st.lists(stories, max_size=30))
def test_every_trip_is_counted_once_and_what_is_reproduced_needs_no_explanation(trips: list[Trip]) -> None:
    found = reconcile(trips, LEVY)
    assert sum(found.first.values()) == len(trips) == found.trips()
    assert found.reproduced() == sum(each.posted == each.levied for each in trips)
    odd = sum(found.tally(found.first, key) for key in (NONE_LEVIED, CENT_OFF, UNEXPLAINED))
    assert found.reproduced() + found.explained() + odd == len(trips)
    for platform in found.platforms:
        assert all(found.first[platform, each.key] <= found.alone[platform, each.key] for each in HYPOTHESES)
        key, count = found.closest(platform)
        assert count == found.alone[platform, key] >= found.reproduced(platform)
