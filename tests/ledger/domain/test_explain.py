"""Explanations tell what was posted, all of it and nothing else, change nothing, and can be read.

The property runs over every shipped scheme, drafts too: each event of a story is explained from the account before it,
and what is told (posted now, due, posted before) must be what the engine does. The stories below are read by people:
their lines stand here as they are shown.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain.earning import Adjustment, Component
from ledger.domain.explain import Step, explain, explain_event, plain
from ledger.domain.explain.words import exact_posted, speak_number
from ledger.domain.ids import payer_kind
from ledger.domain.period import parse_period
from ledger.domain.posting import Contribution, Outcome
from ledger.domain.registry import Registry
from ledger.domain.standing import Account, StaleStanding
from ledger.domain.story import Fact, Remitted, Restated
from tests.ledger.domain.stories import Story, stories
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.test_laws import DOCUMENTS, WORLDS, funds, world
from tests.ledger.domain.worlds import MARCH, gig, load, registry, rule, scheme_text

EXAMPLES = settings(
    max_examples=int(os.environ.get("EX", "60")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
RESULTS = ("posting", "taken_back", "paid")
DAY = 86_400


class Explained(Teller):
    """A teller that holds every event's explanation against what the event did."""

    def __init__(self, world: Registry, worker: str = "W-1") -> None:
        super().__init__(world, worker)
        self.before = self.account.copy()
        self.told: list[list[Step]] = []
        self._restated: tuple[Account, list] | None = None

    def enact(self, registry: Registry) -> list[Contribution]:
        self.registry = registry
        self._restated = (self.folded(), list(self.story))
        return super().enact(registry)

    def _keep(self, fact: Fact, outcome: Outcome) -> list[Contribution]:
        before, story = self.before, self.story
        if isinstance(fact, Restated) and self._restated is not None:
            before, story = self._restated
        kept = before.dump()
        steps = explain_event(fact, before, self.registry, story)
        assert before.dump() == kept
        hold(steps, outcome, self.registry)
        self.told.append(steps)
        super()._keep(fact, outcome)
        self.before = self.account.copy()
        return outcome.contributions


def hold(steps: Sequence[Step], outcome: Outcome, world: Registry) -> None:
    """The postings told are the postings made; what is due less what was posted is what is posted."""
    versions = {(version.scheme, version.id): version for version in world.enacted}
    made: Counter[tuple[str, ...]] = Counter()
    for own in outcome.contributions:
        amount = exact_posted(own.amount, own.unit, versions[own.scheme, own.version])
        made[own.scheme, own.version, own.fund, own.payer, own.window, amount] += 1
    told = Counter(
        (step.scheme, step.version, step.fund, step.payer, step.window, step.numbers["posting"])
        for step in steps
        if step.what in RESULTS and set(step.numbers["posting"]) - set("0.")
    )
    assert told == made
    sums: dict[tuple[str, ...], Fraction] = {}
    for step in steps:
        if step.what == "posting" and "due" in step.numbers and "nobody is known" not in step.text:
            due, before = step.numbers["due"], step.numbers["posted_before"]
            key = (step.scheme, step.version, step.fund, payer_kind(step.payer), step.window, due, before)
            sums[key] = sums.get(key, Fraction(0)) + Fraction(step.numbers["posting"])
    for key, posted in sums.items():
        assert posted % (Fraction(key[-2]) - Fraction(key[-1])) == 0 if key[-2] != key[-1] else posted == 0, key
    assert Counter(s.numbers["kind"] for s in steps if s.what == "notice") == Counter(s.kind for s in outcome.said)
    assert all(step.source for step in steps)
    assert plain(steps) or not world.enacted


def tell(story: Story) -> Explained:
    teller = Explained(WORLDS[story.currency])
    for step in story.steps:
        step(teller, frozenset())
    return teller


@EXAMPLES
@given(stories(funds))
def test_the_postings_told_are_the_postings_made(story: Story) -> None:
    tell(story)


@EXAMPLES
@given(stories(funds, pays=False), st.data())
def test_corrections_that_later_versions_make_due_are_told(story: Story, data: st.DataObject) -> None:
    late = data.draw(st.sampled_from(WORLDS[story.currency].schemes()))
    half = data.draw(st.integers(0, len(story.steps)))
    teller = Explained(world(story.currency, without=late))
    for step in story.steps[:half]:
        step(teller, frozenset())
    registry = teller.registry
    for version in WORLDS[story.currency].versions(late):
        registry = registry.enact(version)
    teller.enact(registry)


# -- stories ---------------------------------------------------------------------------------------------------------


def one(scheme: str, **parameters: str) -> Registry:
    """Give a registry with one shipped scheme, with values for its open parameters."""
    versions = [version for own in DOCUMENTS if own.scheme == scheme for version in own.versions]
    return Registry(versions, parameters={(scheme, name): Fraction(value) for name, value in parameters.items()})


def lines(steps: Sequence[Step]) -> list[str]:
    return [line.strip() for line in plain(steps).splitlines()]


def in_order(text: Sequence[str], *expected: str) -> None:
    """Each line stands in the text, one after the other."""
    at = 0
    for line in expected:
        assert line in text[at:], f"{line!r} is missing in {text[at:]}"
        at = text.index(line, at) + 1


def test_the_pilot_says_what_counts_what_is_capped_and_who_pays() -> None:
    teller = Explained(one("ID-JK-PILOT"))
    parts = (Component("fare", 1_850_000, None), Component("tip", 200_000, None))
    teller.gig("gojek/G-1", gig(components=parts, commission_minor=370_000))
    teller.gig("grab/G-2", gig(120_000_000, platform="grab"))
    in_order(
        lines(teller.told[0]),
        "ID-JK-PILOT covers this gig (version 2026-01-01, an example and no law): Jakarta pilot: each gig pays a "
        "little into the month's contributions (example, no law).",
        "- fare IDR 18,500 counts.",
        "- tip IDR 2,000 counts.",
        "- the platform's commission IDR 3,700 is taken off.",
        "- of this gig IDR 16,800 counts (pay).",
        "- in 2026-03, on all platforms together: IDR 0 before, IDR 16,800 with this gig.",
        "- JKK, paid by the platform: 1 % of pay, IDR 16,800, is IDR 168.",
        "- at most IDR 10,000 a month: not reached.",
        "=> JKK: IDR 168 is added for you, paid by gojek.",
        "=> JHT: IDR 336 is added for you, paid by you.",
        "=> JHT: IDR 168 is added for you, paid by the subsidy JKT.",
    )
    in_order(
        lines(teller.told[1]),
        "- in 2026-03, on all platforms together: IDR 16,800 before, IDR 1,216,800 with this gig.",
        "- at most IDR 10,000 a month: reached.",
        "=> JKK: IDR 9,832 is added for you, paid by grab (IDR 10,000 less IDR 168 already posted).",
    )


def test_a_reversal_and_a_payment_are_told() -> None:
    teller = Explained(one("ID-JK-PILOT"))
    teller.gig("gojek/G-1", gig(1_680_000))
    teller.gig("gojek/G-2", gig(120_000_000))
    teller.adjust("gojek/G-2", Adjustment((Component("refund", -50_000, None),), MARCH + DAY, None))
    teller.reverse("gojek/G-2")
    teller.remit(Remitted("platform", "gojek", "ID-JK-PILOT", None, parse_period("2026-03"), 20_000, date(2026, 4, 10)))
    in_order(lines(teller.told[2]), "Added to the gig G-2: refund -IDR 500.")
    in_order(
        lines(teller.told[3]),
        "The gig G-2 is taken back whole; its windows are settled as if it had not been.",
        "- pay in 2026-03, on all platforms together: IDR 1,216,300 before, IDR 16,800 now.",
        "=> JKK: IDR 9,832 is taken back from what gojek paid (IDR 168 is due, IDR 10,000 was posted).",
    )
    in_order(
        lines(teller.told[4]),
        "gojek paid IDR 200 to ID-JK-PILOT on 2026-04-10, for 2026-03-01 to 2026-03-31.",
        "=> JKK of 2026-03: IDR 168 of what gojek owed is paid.",
        "=> JKM of 2026-03: IDR 32 of what gojek owed is paid.",
    )


def test_singapore_at_720_is_phased_in() -> None:
    teller = Explained(one("SG-CPF-PW"))
    teller.change({"born": "1996-04"}, date(2020, 1, 1))
    for number in range(9):
        own = gig(10_000, currency="SGD", zone="SG", vehicle="bicycle", occurred_at=1_741_050_000 + number * DAY)
        teller.gig(f"gojek/{number}", own)
    text = lines(teller.told[-1])
    in_order(
        text,
        "- of this gig SGD 80 counts (net_earnings): times 0.8, the row of the table keep for bicycle.",
        "- in 2025-03, on gojek: SGD 640 before, SGD 720 with this gig.",
        "- worker.born = 1996-04, stated from 2020-01-01.",
        "- covered = 1, as worker.born (1996-04) is not before 1995-01.",
        "- age = 28 years and 11 months in the window's last month.",
        "- increased_worker_rate = 0.105: in the table increased_worker by age (28 years and 11 months), row age is at "
        "most 35.",
        "- above_500 = net_earnings - 500 = 720 - 500 = 220.",
        "- phased = 3 × above_500 = 3 × 220 = 660. (not verified in a source)",
        "- assessed = phased = 660, as net_earnings (720) is at most 750.",
        "- worker_due = worker_rate × assessed = 0.105 × 660 = 69.30.",
        "- worker_dropped, rounded down to 1: 69.",
        "- total_raw = worker_raw + platform_raw = 69.30 + 25.20 = 94.50.",
        "- total, rounded half up to 1: 95.",
        "- ma_part = to_ma × total = 4/7 (about 0.5714) × 95 = 380/7 (about 54.2857).",
    )
    assert any("the only one that had begun by 2025-03-31; 2026-01-01 begins later" in line for line in text)
    source = next(step.source for step in teller.told[-1] if step.what == "lookup")
    assert "https://" in source


def test_prop_22s_floor_is_worked_out_at_the_close() -> None:
    teller = Explained(one("US-CA-PROP22", minimum_wage="16.78", per_mile="0.36"))
    own = gig(6_000, currency="USD", zone="US-CA", occurred_at=1_735_750_800, engaged_seconds=14_400, distance_m=24_140)
    teller.gig("gojek/1", own._replace(distance_m=Fraction("24140.16")))
    teller.close(parse_period("2024-12-30/P2W"))
    assert "- worked out when 2024-12-30/P2W is closed: TOP-UP by the platform. (not verified in a source)" in lines(
        teller.told[0]
    )
    in_order(
        lines(teller.told[1]),
        "2024-12-30 to 2025-01-12 is closed, on all platforms.",
        "- minimum_wage = 16.78, as an instrument sets it.",
        "- hours of 2024-12-30/P2W, on gojek = 4 hours.",
        "- time_part = minimum_wage × 1.2 × hours = 16.78 × 1.2 × 4 = 80.544.",
        "- time_part, rounded half up to 0.01: 80.54.",
        "- mile_part = per_mile × miles = 0.36 × 15 = 5.40.",
        "- floor = time_part + mile_part = 80.54 + 5.40 = 85.94.",
        "- top_up = floor - pay = 85.94 - 60 = 25.94.",
        "- top_up: at least 0: not reached.",
        "=> TOP-UP: USD 25.94 is added for you, paid by gojek. (not verified in a source)",
    )


def test_a_parameter_that_nobody_has_set_is_said() -> None:
    teller = Explained(one("US-CA-PROP22"))
    teller.gig("gojek/1", gig(6_000, currency="USD", zone="US-CA", engaged_seconds=3_600))
    teller.close(parse_period("2026-02-23/P2W"))
    in_order(
        lines(teller.told[1]),
        "- minimum_wage: no instrument has set this figure yet, so nothing is worked out from it.",
        "- time_part has no value, as minimum_wage has none.",
    )
    assert any("no instrument has set minimum_wage yet" in line for line in lines(teller.told[1]))


def test_indonesias_relief_has_the_relief_as_payer() -> None:
    teller = Explained(one("ID-BPU"))
    teller.change({"basis": "1000000", "sector": "transport"}, date(2026, 1, 1))
    teller.close(parse_period("2026-01"))
    in_order(
        lines(teller.told[0]),
        "From 2026-01-01: basis is 1000000, sector is transport.",
        "Nothing that was posted changes.",
    )
    in_order(
        lines(teller.told[1]),
        "- JKK, paid by you: applies, as worker.programmes (JKK, JKM) has JKK and worker.state_paid is false.",
        "- jkk = basis × 0.01 = 1,000,000 × 0.01 = 10,000.",
        "- jkk: at least 10,000 and at most 207,000: not reached.",
        "- relief = 0.5, as window.last (2026-01-31) is not before 2026-01-01, window.last (2026-01-31) is not after "
        "2027-03-31, worker.sector is transport and worker.state_paid is false.",
        "- jkk_own = jkk - jkk_relief = 10,000 - 5,000 = 5,000.",
        "=> JKK: IDR 5,000 is added for you, paid by you.",
        "- JHT, paid by you: nothing, as it asks that worker.programmes (JKK, JKM) has JHT.",
        "=> JKK: IDR 5,000 is added for you, paid by the subsidy PP50.",
    )


def test_a_black_car_trip_says_why_the_tip_does_not_count_and_that_it_is_not_verified() -> None:
    parts = (Component("fare", 2_345, None), Component("tip", 500, None))
    trip = gig(currency="USD", zone="US-NY-NYC", platform="uber", components=parts)
    text = lines(explain(trip, Account(), one("US-NY-BCF")))
    assert text[0].startswith(
        "US-NY-BCF covers this gig (version 2024-01-01, the latest of 4 that had begun by 2026-02-28): "
    )
    in_order(
        text,
        "- tip USD 5 does not count: this scheme leaves tip out. (not verified in a source)",
        "- BCF, paid by the customer: 2.75 % of base, USD 23.45, is USD 0.644875. (not verified in a source)",
        "- BCF, rounded half up to 0.01: USD 0.64. (not verified in a source)",
        "=> BCF: USD 0.64 is added for you, paid by the customer of uber. (not verified in a source)",
    )


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({"zone": "US-NY"}, "it covers ID-JK and the gig was in US-NY"),
        ({"zone": None}, "it covers ID-JK and the gig names no zone"),
        ({"occurred_at": MARCH - 400 * DAY}, "its first version holds from 2026-01-01 and the gig was on 2025-01-25"),
    ],
)
def test_a_gig_that_nothing_covers_says_why(own: dict[str, object], reason: str) -> None:
    steps = explain(gig(**own), Account(), one("ID-JK-PILOT"))
    assert [(step.what, step.text) for step in steps] == [
        ("not_covered", f"ID-JK-PILOT does not cover this gig: {reason}.")
    ]


def test_every_enacted_scheme_has_its_say_on_a_gig() -> None:
    world = WORLDS["IDR"]
    assert {step.scheme for step in explain(gig(), Account(), world)} == set(world.schemes())
    assert explain(gig(), Account(), Registry()) == []


def test_a_table_without_a_row_posts_nothing_and_says_so() -> None:
    more = "    tables:\n      caps: {by: [gig.vehicle], otherwise: nothing, rows: [{vehicle: car, value: '5'}]}\n"
    text = scheme_text(rule(cap="{table: caps}")).replace("    rules:\n", f"{more}    rules:\n")
    steps = lines(explain(gig(vehicle="truck"), Account(), registry(text)))
    assert "- A: the table caps has no row for gig.vehicle (truck), so nothing is posted." in steps
    capped = lines(explain(gig(1_000_000), Account(), registry(text.replace("vehicle: car", "vehicle: motorcycle"))))
    in_order(
        capped,
        "- at most IDR 5 a gig (in the table caps by gig.vehicle (motorcycle), row vehicle is motorcycle): reached.",
        "=> A: IDR 5 is added for you, paid by gojek.",
    )


def test_a_stale_account_is_not_explained_from() -> None:
    account = Account()
    monthly = scheme_text(rule(window="month", platforms="together"))
    teller = Explained(registry(monthly))
    teller.gig("gojek/1", gig())
    account = teller.account
    later = teller.registry.enact(load(monthly.replace("X-TEST", "X-LATE")).versions[0])
    with pytest.raises(StaleStanding):
        explain(gig(), account, later)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (Fraction(10, 3), "10/3 (about 3.3333)"),
        (Fraction(-1, 2), "-0.50"),
        (Fraction(1_234_567), "1,234,567"),
        (Fraction("0.644875"), "0.644875"),
        (Fraction(-1_234_500, 100), "-12,345"),
    ],
)
def test_numbers_are_exact_in_words(number: Fraction, said: str) -> None:
    assert speak_number(number, 2) == said
