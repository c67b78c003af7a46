"""Payments in any order with what they pay for: nothing paid is lost, no fund lends, nobody pays for somebody else.

Months of one worker under schemes with several funds, parts of funds, and caps over platforms: gigs, payments before,
after and beyond what is owed, for all funds or one, corrections that lower what was paid, and closes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain.earning import Adjustment, Component
from ledger.domain.ids import payer_kind
from ledger.domain.period import parse_period
from ledger.domain.registry import Registry
from ledger.domain.story import Remitted
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.worlds import SHIPPED, gig, load

FUNDS = {
    "ID-BPU": (None, "JKK", "JKM"),
    "ID-JK-PILOT": (None, "JKK", "JKM", "JHT"),
    "SG-CPF-PW": (None, "CPF", "CPF.MA"),
    "CO-LEY2466": (None, "HEALTH", "PENSION"),
}
RATES = {("CO-LEY2466", name): Fraction(rate, 100) for name, rate in (("health_rate", 12), ("pension_rate", 16))}
WORLDS = {
    scheme: Registry(load((SHIPPED / f"{scheme}.yaml").read_text()).versions, parameters=RATES) for scheme in FUNDS
}
PLACES = {"SG-CPF-PW": ("SG", "SGD"), "CO-LEY2466": ("CO", "COP")}
MONTHS = ("2026-01", "2026-02", "2026-03")
MIDDAY = {month: 1_767_225_600 + 86_400 * days for month, days in zip(MONTHS, (9, 40, 68), strict=True)}
Step = Callable[[Teller], object]


@st.composite
def months(draw: st.DrawFn) -> tuple[str, list[Step]]:
    """Give a scheme and what happens in three months, each closed after the one before."""
    scheme = draw(st.sampled_from(sorted(FUNDS)))
    steps: list[Step] = [lambda teller: teller.change({"basis": "1000000", "born": "1996-04"}, date(2025, 1, 1))]
    known: list[str] = []
    for month in MONTHS:
        for number in range(draw(st.integers(1, 4))):
            kind = draw(st.sampled_from(("gig", "gig", "pay", "pay", "adjust", "reverse")))
            if kind == "gig" or (kind != "pay" and not known):
                known.append(f"{month}/{number}")
                steps.append(_gig(scheme, known[-1], month, draw(st.sampled_from(("gojek", "grab"))), draw(AMOUNTS)))
            elif kind == "pay":
                payer, fund = draw(st.sampled_from(("worker", "gojek", "grab"))), draw(st.sampled_from(FUNDS[scheme]))
                period = draw(st.sampled_from((month, month, *MONTHS, "2026-Q1")))
                steps.append(
                    _pay(Remitted(*_of(payer), scheme, fund, parse_period(period), draw(PAID), date(2026, 4, 1)))
                )
            elif kind == "adjust":
                steps.append(_adjust(draw(st.sampled_from(known)), draw(AMOUNTS)))
            else:
                steps.append(_reverse(known.pop(draw(st.integers(0, len(known) - 1)))))
        steps.append(lambda teller, month=month: teller.close(parse_period(month)))  # type: ignore[misc]
    return scheme, steps


AMOUNTS = st.integers(50_000, 90_000_000)
PAID = st.one_of(st.integers(1, 3_000_000), st.sampled_from((680_000, 840_000, 1_680_000, 5_040_000)))


def _of(payer: str) -> tuple[str, str]:
    return ("worker", "") if payer == "worker" else ("platform", payer)


def _gig(scheme: str, name: str, month: str, platform: str, amount: int) -> Step:
    zone, currency = PLACES.get(scheme, ("ID-JK", "IDR"))
    own = gig(amount, zone=zone, currency=currency, platform=platform, vehicle="bicycle", occurred_at=MIDDAY[month])
    return lambda teller: teller.gig(name, own)


def _adjust(name: str, amount: int) -> Step:
    return lambda teller: teller.adjust(
        name, Adjustment((Component("refund", -amount // 2, None),), MIDDAY["2026-03"], None)
    )


def _reverse(name: str) -> Step:
    return lambda teller: teller.reverse(name)


def _pay(paid: Remitted) -> Step:
    return lambda teller: teller.remit(paid)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(months())
def test_nothing_paid_is_lost_and_nobody_pays_for_somebody_else(told: tuple[str, list[Step]]) -> None:
    scheme, steps = told
    teller = Teller(WORLDS[scheme])
    for step in steps:
        step(teller)
    paid = sum(fact.amount_minor for fact, _ in teller.story if isinstance(fact, Remitted))
    by_state: Counter[str] = Counter()
    credit: Counter[tuple[str, str]] = Counter()
    lain: Counter[tuple[str, ...]] = Counter()
    for own in teller.postings():
        by_state[own.state] += own.amount
        if own.state == "credit":
            credit[own.fund, own.payer] += own.amount
        if own.state in ("accrued", "remitted") and not own.payer.startswith("subsidy:"):
            whose = own.payer if payer_kind(own.payer) == "platform" else "worker"
            lain[own.fund, whose, own.window] += own.amount if own.state == "accrued" else -own.amount
    assert by_state["remitted"] + by_state["credit"] == paid
    assert [key for key, amount in credit.items() if amount < 0] == [], "a fund lent what it had not"
    assert [key for key, owed in lain.items() if owed < 0 and key[1] == "worker"] == [], "more was laid than was owed"
    assert teller.folded() == teller.account


def test_what_is_due_lies_below_nothing_while_money_paid_ahead_waits() -> None:
    """`due` is accrued, less remitted and credit: a bill of so much less, until the month closes and draws on it."""
    teller = Teller(WORLDS["ID-BPU"])
    teller.change({"basis": "1000000"}, date(2025, 1, 1))

    def states() -> tuple[int, int, int]:
        total: Counter[str] = Counter()
        for own in teller.postings():
            total[own.state] += own.amount if own.payer.startswith("worker:") else 0
        due = total["accrued"] - total["remitted"] - total["credit"]
        return due, total["credit"], total["accrued"]

    teller.remit(Remitted("worker", "", "ID-BPU", None, parse_period("2026-01"), 5_000_000, date(2026, 1, 2)))
    assert states() == (-5_000_000, 5_000_000, 0)
    teller.close(parse_period("2026-01"))
    due, credit, owed = states()
    assert owed > 0
    assert (due, credit) == (owed - 5_000_000, 5_000_000 - owed)
