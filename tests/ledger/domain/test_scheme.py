"""Versions in force, their scope, periods of time, and exact numbers."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.cases.file import instant
from ledger.domain.money import Mode, format_amount, parse_amount, round_steps
from ledger.domain.period import GIG, MONTH, block_day, local_day, parse_period, window_label
from ledger.domain.quantity import decimal_places, exact
from ledger.domain.registry import EnactError, Registry
from tests.ledger.domain.worlds import MARCH, gig, load, registry, rule, scheme_text


def test_registry_refuses_drafts_and_another_text_under_an_enacted_id() -> None:
    first = load(scheme_text(rule())).versions[0]
    world = Registry([first])
    assert world.enact(first) is world
    with pytest.raises(EnactError, match="digest"):
        world.enact(load(scheme_text(rule(rate='"0.02"'))).versions[0])
    with pytest.raises(EnactError, match="draft"):
        Registry().enact(load(scheme_text(rule(), status="draft")).versions[0])
    with pytest.raises(EnactError, match="IDR"):
        world.enact(load(scheme_text(rule(), currency="USD", start="2027-01-01")).versions[0])


def test_in_force_is_the_latest_from_then_the_highest_revision() -> None:
    more = "".join(
        f"  - {{from: {day}, source: own, rules: []{extra}}}\n"
        for day, extra in (("2026-01-01", ", revision: 2"), ("2026-05-01", ""))
    )
    world = registry(scheme_text(rule(), more=more))
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 4, 30), date(2026, 5, 1))
    assert [v.id if (v := world.in_force("X-TEST", d)) else None for d in days] == [
        None,
        "2026-01-01.2",
        "2026-01-01.2",
        "2026-05-01",
    ]


def test_enacting_a_version_that_reads_further_leaves_the_registry_before_as_it_was() -> None:
    first = load(scheme_text(rule(window="month, platforms: each"))).versions[0]
    further = "measures: {pay: {include: all, window: quarter, platforms: each}}"
    text = scheme_text(rule(window="month, platforms: each"), start="2026-02-01")
    world = Registry([first])
    next_one = world.enact(
        load(text.replace("measures: {pay: {include: all, less: [commission]}}", further)).versions[0]
    )
    assert next_one.compiled(first).reaches
    assert not next_one.plans(gig(occurred_at=MARCH - 40 * 86_400))[0].fast
    assert not world.compiled(first).reaches
    assert world.plans(gig())[0].fast


def test_scope_by_zone_on_boundaries_and_by_platform() -> None:
    world = registry(scheme_text(rule(), zones="[ID-JK]", platforms="[gojek]"))
    places = ("ID-JK", "ID-JK-01", "ID-JKX", "ID", None)
    assert [bool(world.plans(gig(zone=place))) for place in places] == [True, True, False, False, False]
    assert not world.plans(gig(platform="grab"))


def test_clocks_set_back_over_midnight_are_asked_instant_by_instant() -> None:
    """St. John's, 1 November 2009: at 00:01 the clocks went back to 23:01 of the day before."""
    turn = instant("2009-11-01T02:31:00+00:00", "America/St_Johns")
    assert local_day("America/St_Johns", turn - 1) == date(2009, 11, 1)
    assert local_day("America/St_Johns", turn) == date(2009, 10, 31)
    assert block_day("America/St_Johns", turn // 900) is None
    world = registry(scheme_text(rule(), time_zone="America/St_Johns", start="2000-01-01"))
    assert [world.plans(gig(occurred_at=at))[0].window for at in (turn - 1, turn)] == ["2009-11-01", "2009-10-31"]


@settings(deadline=None)
@given(st.integers(946_684_800, 2_000_000_000), st.sampled_from(("Asia/Jakarta", "America/New_York", "Asia/Kathmandu")))
def test_a_block_has_the_day_of_each_of_its_instants(at: int, zone: str) -> None:
    assert block_day(zone, at // 900) in (local_day(zone, at), None)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025-03-04", "2025-03-04", "2025-03-04"),
        ("2025-W10", "2025-03-03", "2025-03-09"),
        ("2025-03-10/P2W", "2025-03-10", "2025-03-23"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025-Q4", "2025-10-01", "2025-12-31"),
        ("2025", "2025-01-01", "2025-12-31"),
        ("FY2025-26", "2025-04-01", "2026-03-31"),
        ("P12M/2026-02", "2025-03-01", "2026-02-28"),
        ("P90D/2026-06-30", "2026-04-02", "2026-06-30"),
    ],
)
def test_periods(text: str, first: str, last: str) -> None:
    assert parse_period(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("text", ["", "2025-13", "FY2025-27", "2025-Q5", "٢٠٢٥", "2025-02-30"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError):
        parse_period(text)


def test_labels_of_windows() -> None:
    assert [window_label(w, date(2026, 3, 1)) for w in (GIG, MONTH)] == ["2026-03-01", "2026-03"]


@settings(deadline=None)
@given(st.integers(-(10**15), 10**15), st.integers(0, 3))
def test_money_text_round_trips(minor: int, digits: int) -> None:
    assert parse_amount(format_amount(minor, digits), digits) == minor


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 10**5) | st.just(2))
def test_roundings_by_their_definition(numerator: int, denominator: int) -> None:
    value = Fraction(numerator, denominator)
    assert round_steps(numerator, denominator, Mode.DOWN) == value // 1
    assert round_steps(numerator, denominator, Mode.UP) == -(-value // 1)
    assert round_steps(numerator, denominator, Mode.HALF_UP) == (value + Fraction(1, 2)) // 1
    assert round_steps(numerator, denominator, Mode.HALF_EVEN) == round(value)


@pytest.mark.parametrize("text", ["1e3", "+1", " 1", "01", ".5", "1.", "1_0", "NaN", "٣", "0x1", ""])
def test_what_is_no_decimal(text: str) -> None:
    with pytest.raises(ValueError):
        exact(text)


def test_decimals_round_half_up_away_from_zero() -> None:
    texts = [decimal_places(Fraction(n, 1000), 2) for n in (5, -5, 4, -4)]
    assert texts == ["0.01", "-0.01", "0.00", "0.00"]
