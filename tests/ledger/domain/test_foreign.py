"""Pay in another currency: read at the gig's own recorded rate as if it had been paid so, or not covered, out loud."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.earning import Adjustment, Component, Exchange
from ledger.domain.explain import explain, explain_event, plain
from ledger.domain.language.tree import SchemeError
from ledger.domain.money import Mode
from ledger.domain.reckoning.foreign import converted, in_place
from ledger.domain.registry import Registry
from ledger.domain.scheme import Citation, Rounding
from ledger.domain.standing import Account
from ledger.domain.story import Adjusted, Completed, Told
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.worlds import MARCH, SHIPPED, gig, load, registry, rule, scheme_text

DOLLARS = Exchange(Fraction("16250.5"), date(2026, 2, 27), 2)
DINARS = Exchange(Fraction("53250.75"), date(2026, 2, 27), 3)
CENT = Rounding(Mode.HALF_UP, Fraction(1, 100), Citation("", True, ""))
PILOT = registry((SHIPPED / "ID-JK-PILOT.yaml").read_text())
LAW = PILOT.versions("ID-JK-PILOT")[0]
RATES = st.fractions(Fraction(1, 10_000), 60_000, max_denominator=10_000)
AMOUNTS = st.integers(-10_000_000, 10_000_000)
PAY = st.lists(st.builds(Component, st.sampled_from(("fare", "tip", "refund")), AMOUNTS, st.none()), min_size=1)


@given(AMOUNTS, RATES, st.sampled_from(Mode), st.sampled_from(("0.01", "1", "100")))
def test_an_amount_is_converted_exactly_and_rounded_once(minor: int, rate: Fraction, mode: Mode, step: str) -> None:
    """To a multiple of the step, not further away than one step; its opposite is converted to the opposite."""
    rounding = Rounding(mode, Fraction(step), CENT.cite)
    found = Fraction(in_place(minor, Exchange(rate, date(2026, 1, 1), 3), rounding, 100), 100)
    exact = Fraction(minor, 1000) * rate
    assert (found / Fraction(step)).denominator == 1
    assert abs(found - exact) < Fraction(step)
    assert mode is not Mode.HALF_UP or abs(found - exact) <= Fraction(step) / 2
    assert mode is not Mode.DOWN or abs(found) <= abs(exact)
    assert in_place(-minor, Exchange(rate, date(2026, 1, 1), 3), rounding, 100) == -found * 100


@settings(max_examples=200, deadline=None)
@given(PAY, st.integers(0, 5_000), RATES, st.lists(PAY, max_size=2), st.booleans())
def test_a_gig_paid_in_other_money_posts_what_it_would_have_in_the_schemes_own(
    pay: list[Component], kept: int, rate: Fraction, additions: list[list[Component]], taken_back: bool
) -> None:
    """So do its additions, at the gig's rate whatever the day, and its reversal (L9)."""
    paid = gig(
        currency="KWD", components=tuple(pay), commission_minor=kept, exchange=Exchange(rate, date(2026, 2, 1), 3)
    )
    abroad, here = Teller(PILOT), Teller(PILOT)
    assert abroad.gig("G-1", paid) == here.gig("G-1", converted(paid, LAW))
    for components in additions:
        extra = Adjustment(tuple(components), MARCH + 90 * 86_400, None)
        own = converted(paid._replace(components=extra.components), LAW).components
        assert abroad.adjust("G-1", extra) == here.adjust("G-1", extra._replace(components=own))
    if taken_back:
        assert abroad.reverse("G-1") == here.reverse("G-1")
    assert abroad.account == here.account == abroad.folded()


def test_without_a_rate_nothing_is_posted_and_a_notice_says_which_money_it_was() -> None:
    teller = Teller(PILOT)
    assert teller.gig("G-1", gig(currency="USD")) == []
    assert [(said.scheme, said.kind, said.value, said.window) for said in teller.said] == [
        ("ID-JK-PILOT", "rate_missing", "USD", "2026-03-01")
    ]
    assert teller.account.standings == {}
    assert teller.adjust("G-1", Adjustment((Component("tip", 500, None),), MARCH, None)) == []
    assert teller.reverse("G-1") == []
    assert teller.folded() == teller.account


@pytest.mark.parametrize(
    ("zones", "said", "covered", "spoken"),
    [
        ("zones: [ID]", "", True, True),
        ("", "", False, False),
        ("", '    foreign_pay: {rounding: {mode: down, step: "1"}}\n', True, True),
        ("zones: [ID]", "    foreign_pay: refuse\n", False, False),
        ("zones: [US]", "", False, False),
    ],
)
def test_which_versions_take_a_recorded_rate(zones: str, said: str, covered: bool, spoken: bool) -> None:
    """One that names its zones, as a rate is one to the money of a place; without zones, one that says how."""
    text = scheme_text(rule(rounding='{mode: half_up, step: "0.01"}')).replace("currency:", f"{zones}\ncurrency:", 1)
    law = registry(text.replace("    source: own\n", f"    source: own\n{said}", 1))
    paid = gig(currency="USD", components=(Component("fare", 1001, None),), exchange=DOLLARS)
    teller = Teller(law)
    posted = [posting.amount for posting in teller.gig("G-1", paid)]
    pay = 16266751 if "down" not in said else 16266700  # 10.01 x 16250.5 is 162667.505
    assert posted == ([round(Fraction(pay, 100) + Fraction(1, 10**9))] if covered else [])
    assert [own.kind for own in Teller(law).said] == []
    silent = Teller(law)
    silent.gig("G-2", paid._replace(exchange=None))
    assert [own.kind for own in silent.said] == (["rate_missing"] if spoken else [])


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{}", "expected key 'rounding'"),
        ("at_sight", "expected keys and values"),
        ('{rounding: {mode: down, step: "0.001"}}', "at most 2 decimals"),
        ('{rounding: {mode: down, step: "0"}}', "expected more than 0"),
    ],
)
def test_a_slip_in_foreign_pay_is_named(written: str, told: str) -> None:
    text = scheme_text(rule()).replace("    source: own\n", f"    source: own\n    foreign_pay: {written}\n", 1)
    with pytest.raises(SchemeError, match=told):
        load(text)


def test_a_rate_changes_nothing_for_pay_in_the_schemes_own_money() -> None:
    assert Teller(PILOT).gig("G", gig(exchange=DOLLARS)) == Teller(PILOT).gig("G", gig())


def test_ordinary_gigs_are_measured_by_the_versions_own_measures() -> None:
    """Pay in another currency costs nothing where there is none."""
    plan, foreign = PILOT.plans(gig())[0], PILOT.plans(gig(currency="USD", exchange=DOLLARS))[0]
    assert plan.assess is plan.group.assess
    assert foreign.group is plan.group
    assert foreign.assess is not plan.group.assess


def test_other_schemes_take_no_notice() -> None:
    """A gig in dollars in New York is no business of Jakarta's, rate or none."""
    law = Registry([*PILOT.enacted, *load((SHIPPED / "US-NY-BCF.yaml").read_text()).versions])
    teller = Teller(law)
    assert {own.scheme for own in teller.gig("G", gig(10_000, currency="USD", zone="US-NY"))} == {"US-NY-BCF"}
    assert teller.said == []


def test_the_explanation_tells_the_rate_and_both_amounts() -> None:
    paid = gig(
        currency="USD",
        exchange=DOLLARS,
        components=(Component("fare", 10_000, None), Component("tip", 500, None)),
        commission_minor=1_000,
    )
    text = plain(explain(paid, Account("W-1"), PILOT))
    assert (
        "the gig was paid in USD: USD 1 is IDR 16,250.5, the rate of 2026-02-27 recorded with it; each amount is "
        "converted alone, rounded half up to 0.01." in text
    )
    assert "fare IDR 1,625,050 (USD 100) counts" in text
    assert "the platform's commission IDR 162,505 (USD 10) is taken off" in text


def test_the_explanation_tells_that_a_rate_is_missing() -> None:
    steps = explain(gig(currency="EUR"), Account(), PILOT)
    assert [(step.what, step.text) for step in steps] == [
        ("not_covered", "ID-JK-PILOT does not cover this gig: it was paid in EUR and no rate to IDR was recorded."),
        ("notice", "notice: the gig was paid in EUR and has no rate to IDR; it is not guessed."),
    ]


def test_an_addition_is_explained_in_its_own_money() -> None:
    paid = gig(currency="KWD", components=(Component("fare", 10_000, None),), exchange=DINARS)
    teller = Teller(PILOT)
    teller.gig("gojek/G-1", paid)
    added = Adjusted("gojek/G-1", Adjustment((Component("tip", 1_250, None),), MARCH, None))
    story = [Told(Completed("gojek/G-1", paid), tuple(teller.postings()))]
    assert "Added to the gig G-1: tip KWD 1.250." in plain(explain_event(added, teller.account, PILOT, story))
