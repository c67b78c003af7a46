"""Stories of one worker, drawn: gigs, additions, reversals, dated attributes, payments, decisions and closes.

For tests of the laws, over shipped schemes and over generated ones. A step is told to a `Teller`; one about a gig that
is left out of the telling does nothing, so that the same story can be told without it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ledger.domain.earning import Adjustment, Component, Exchange, Gig, Segment
from ledger.domain.period import Span, parse_period
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from ledger.domain.story import Decided, Remitted
from tests.ledger.domain.teller import Sums, Teller, sums
from tests.ledger.domain.worlds import gig

EXAMPLES = settings(  # the same ones in each run, so that none fails by chance; EX=5000 looks further, at others
    max_examples=int(os.environ.get("EX", "300")),
    derandomize="EX" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
START = date(2026, 3, 30)
NOON = 1_774_857_600  # 2026-03-30T08:00Z
ZONES = {
    "IDR": ["ID-JK", "ID-JB"],
    "MYR": ["MY"],
    "SGD": ["SG"],
    "INR": ["IN-KA", "IN"],
    "USD": ["US-CA", "US-WA", "US-WA-SEATTLE", "US-MA", "US-PA", "US-UT", "US-NY", "US"],
    "BRL": ["BR"],
    "MXN": ["MX"],
    "CLP": ["CL"],
    "KRW": ["KR"],
    "CNY": ["CN-11"],
    "COP": ["CO"],
    "PHP": ["PH"],
}
PLACES = [(zone, currency) for currency, zones in ZONES.items() for zone in zones]
Place = tuple[str, str]
Funds = Callable[[str], dict[str, set[str]]]
"""By currency, each scheme's funds, with their parents."""
COMPONENT = st.builds(
    Component,
    st.sampled_from(("fare", "surge", "incentive", "tip", "toll")),
    st.integers(0, 900_000),
    st.none(),
)
TAKEN = st.builds(Component, st.sampled_from(("penalty", "refund")), st.integers(-90_000, -1), st.none())


PAID: list[tuple[str, Exchange | None]] = [
    ("KWD", Exchange(Fraction("53250.75"), START, 3)),
    ("JPY", Exchange(Fraction("0.0091"), START, 0)),
    ("KWD", None),
]
"""In which other money a gig is paid, and at which rate."""


def gigs(place: tuple[str, str]) -> st.SearchStrategy[Gig]:
    """Give gigs of one country, some of them paid in another currency: with a rate, or without."""
    own_money: list[tuple[str, Exchange | None]] = [(place[1], None)]
    zones = ZONES[place[1]]
    return st.builds(
        lambda paid, **own: gig(currency=paid[0], exchange=paid[1], **own),
        paid=st.sampled_from(own_money * 6 + PAID),
        zone=st.sampled_from(zones),
        platform=st.sampled_from(("gojek", "grab", "doordash", "lyft")),
        service=st.sampled_from(("ride", "delivery", "cleaning")),
        vehicle=st.sampled_from(("car", "motorcycle", "bicycle", None)),
        components=st.lists(COMPONENT, min_size=1, max_size=3).map(tuple),
        commission_minor=st.integers(0, 50_000),
        engaged_seconds=st.integers(0, 200_000),
        distance_m=st.integers(0, 50_000),
        segments=st.lists(
            st.builds(Segment, st.sampled_from(zones), st.integers(0, 9_000), st.integers(0, 9_000)), max_size=2
        ).map(tuple),
        occurred_at=st.integers(NOON - 40 * 86_400, NOON + 40 * 86_400),
        payment_due_on=st.one_of(st.none(), st.integers(0, 60).map(lambda days: START + timedelta(days=days))),
    )


ADJUSTMENTS = st.builds(
    Adjustment,
    st.lists(st.one_of(COMPONENT, TAKEN), min_size=1, max_size=2).map(tuple),
    st.just(NOON + 50 * 86_400),
    st.one_of(st.none(), st.integers(0, 60).map(lambda days: START + timedelta(days=days))),
)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "born": st.sampled_from(("1996-04", "1979-06", "1971-03")),
        "opted_in": st.sampled_from(("2026-01", "2026-03-10", "2026-03-20")),
        "basis": st.sampled_from(("1000000", "20700000")),
        "programmes": st.sampled_from((["JKK", "JKM"], ["JKK", "JKM", "JHT"])),
        "sector": st.sampled_from(("transport", "other")),
        "state_paid": st.booleans(),
        "service_class": st.sampled_from(("I", "III")),
        "plan": st.sampled_from(("1", "4")),
        "pays": st.sampled_from(("month", "job", "year")),
        "subsidy": st.sampled_from(("none", "PENJANAGIG", "SKSPS-90")),
        "sponsor": st.sampled_from(("grab", "gojek")),
        "salary": st.sampled_from(("0", "2500")),
        "productive": st.booleans(),
        "tier": st.just("top"),
        "activity": st.sampled_from((["services"], [])),
    },
)
PERIODS = st.sampled_from(("2026-02", "2026-03", "2026-04", "2026-Q1", "FY2025-26", "P12M/2026-03", "2026"))
Step = Callable[[Teller, frozenset[str]], None]


class Story(NamedTuple):
    """Steps to tell in one currency, and the names of the gigs that some step reverses."""

    steps: list[Step]
    gone: frozenset[str]
    currency: str


@st.composite
def stories(
    draw: st.DrawFn, funds: Funds, places: Sequence[Place] = PLACES, *, acts: bool = True, pays: bool = True
) -> Story:
    """Give a story of one worker in one country; payments are for a scheme of its currency, for all funds or one."""
    place = draw(st.sampled_from(places))
    steps: list[Step] = []
    known: list[str] = []
    gone: list[str] = []
    for number in range(draw(st.integers(1, 9))):
        kinds = [
            "gig",
            "gig",
            "gig",
            *(["adjust", "reverse"] if known else []),
            *(["change", "close", "decide"] if acts else []),
            *(["pay"] if acts and pays else []),
        ]
        kind = draw(st.sampled_from(kinds))
        if kind == "gig":
            known.append(f"G-{number}")
            steps.append(_gig(known[-1], draw(gigs(place))))
        elif kind == "adjust":
            steps.append(_adjust(draw(st.sampled_from(known)), draw(ADJUSTMENTS)))
        elif kind == "reverse":
            name = draw(st.sampled_from(known))
            known.remove(name)
            gone.append(name)
            steps.append(_reverse(name))
        elif kind == "change":
            steps.append(_change(draw(ATTRIBUTES), START + timedelta(days=draw(st.integers(-60, 60)))))
        elif kind == "pay":
            payer = draw(st.sampled_from(("worker", "platform")))
            scheme = draw(st.sampled_from(sorted(funds(place[1]))))
            fund = draw(st.sampled_from([None, *sorted(funds(place[1])[scheme])]))
            steps.append(_pay(scheme, payer, fund, parse_period(draw(PERIODS)), draw(st.integers(1, 3_000_000))))
        elif kind == "decide":
            steps.append(_decide(START + timedelta(days=draw(st.integers(-20, 40))), draw(st.integers(1, 20))))
        else:
            steps.append(close_of(draw(PERIODS)))
    return Story(steps, frozenset(gone), place[1])


def _gig(name: str, own: Gig) -> Step:
    return lambda teller, without: None if name in without else (teller.gig(name, own), None)[1]


def _adjust(name: str, adjustment: Adjustment) -> Step:
    return lambda teller, without: None if name in without else (teller.adjust(name, adjustment), None)[1]


def _reverse(name: str) -> Step:
    return lambda teller, without: None if name in without else (teller.reverse(name), None)[1]


def _change(attributes: dict[str, Any], day: date) -> Step:
    return lambda teller, _: (teller.change(attributes, day), None)[1]


def close_of(period: str) -> Step:
    return lambda teller, _: (teller.close(parse_period(period)), None)[1]


def _pay(scheme: str, payer: str, fund: str | None, period: Span, amount: int) -> Step:
    platform = "gojek" if payer == "platform" else ""
    paid = Remitted(payer, platform, scheme, fund, period, amount, START + timedelta(days=100))
    return lambda teller, _: (teller.remit(paid), None)[1]


def _decide(day: date, days: int) -> Step:
    return lambda teller, _: (teller.decide(Decided("gojek", "unfounded", day, days)), None)[1]


def tell(story: Story, registry: Registry, without: frozenset[str] = frozenset()) -> Teller:
    """Tell a story under a registry, whole or without some gigs."""
    teller = Teller(registry)
    for step in story.steps:
        step(teller, without)
    return teller


def accrued(teller: Teller, *, payers: bool = True) -> Sums:
    """Give the sums of everything but payments: how those were laid against what was owed then is history."""
    found = sums(teller.postings(), teller.registry, payers=payers)
    return Counter({key: total for key, total in found.items() if key[-1] not in ("remitted", "credit")})


def same_account(folded: Account, account: Account) -> None:
    """Compare window by window, so that a failure shows which."""
    one, other = folded.dump(), account.dump()
    for mine, theirs in zip(one["standings"], other["standings"], strict=True):
        assert mine == theirs
    assert one == other
