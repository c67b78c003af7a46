"""Programmes: what a city's texts say, from which days, and every slip with its line and mend.

The laws: a city that keeps the scheme's id keeps its digest; what a city does not state is the scheme's to the letter;
on each day the city has the scheme's text of that day with the city's figures; no gig lies in two cities.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from contracts.events import SCHEME_TEXT_MAX
from ledger.domain.ids import zone_covers
from ledger.domain.language import parse
from ledger.domain.language.document import Document, load_document
from ledger.domain.language.programme import CITY, PROGRAMME, SHARE, Programme, is_programme, load_programme
from ledger.domain.language.tree import SchemeError
from ledger.domain.money import Rate
from ledger.domain.period import midnight
from ledger.domain.registry import Registry
from ledger.domain.scheme import Cap, Citation, Version
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.worlds import SHIPPED, gig

PATH = SHIPPED / "programmes" / "ID-GIG-15.yaml"
PILOT = load_document((SHIPPED / "ID-JK-PILOT.yaml").read_text(encoding="utf-8"), "ID-JK-PILOT.yaml", EXPONENTS)

EACH = 'window: month, platforms: together, rounding: {mode: down, step: "1"}'
BASE = """
scheme: X-BASE
title: base
status: example
currency: IDR
time_zone: Asia/Jakarta
time_zones: {XX-E: Asia/Jayapura}
zones: [XX]
funds: {A: "first", B: "second"}
sources: {act: {title: the act}, order: {title: an order}}
versions:
  - from: 2026-01-01
    source: act
    note: first text
    parameters: {city_rate: {value: open, at_most: "0.02"}, free: "100"}
    measures: {pay: {include: all}}
    adds_up: {A: "0.03"}
    lines:
      saved: {subtract: [pay, free], at_least: "0"}
    rules:
      - {fund: A, payer: worker, base: pay, rate: "0.02", ~}
      - {fund: A, payer: "subsidy:HOME", base: pay, rate: {value: "0.01", source: order}, cap: "50", ~}
      - {fund: B, payer: platform, base: pay, rate: city_rate, ~}
      - {fund: B, payer: "subsidy:HOME", amount: saved, ~}
    notices:
      - {kind: eligible, window: month, platforms: together, on: close, truth: {saved: {above: "0"}}}
  - from: 2026-01-01
    revision: 2
    source: act
    measures: {pay: {include: all}}
    rules:
      - {fund: A, payer: worker, base: pay, rate: "0.03", ~}
      - {fund: A, payer: "subsidy:HOME", base: pay, rate: "0.01", cap: "50", ~}
  - from: 2027-01-01
    source: order
    zones: [XX-A]
    platforms: [gojek]
    measures: {pay: {include: [fare]}}
    rules:
      - {fund: A, payer: worker, base: pay, rate: "0.04", ~}
      - {fund: A, payer: "subsidy:HOME", base: pay, rate: "0.02", ~}
""".replace("~", EACH)
ONE = BASE.replace("X-BASE", "X-ONE").replace(
    BASE[BASE.index("  - from: 2026-01-01\n    revision") : BASE.index("  - from: 2027")], ""
)
BASES = {
    "X-BASE": load_document(BASE, "base.yaml", EXPONENTS),
    "X-ONE": load_document(ONE, "one.yaml", EXPONENTS),
    "X-TWO": load_document(
        ONE.replace("X-ONE", "X-TWO").replace('    adds_up: {A: "0.03"}\n', ""), "two.yaml", EXPONENTS
    ),
    "ID-JK-PILOT": PILOT,
}
OWN = """\
programme: X-CITIES
title: cities
status: example
scheme: ID-JK-PILOT
first: ID-JK
sources:
  decree: {title: a decree}
  bylaw: {title: a bylaw}
source: decree
cities:
  - zone: ID-JK
    name: Jakarta
    scheme: ID-JK-PILOT
    from: 2026-01-01
    co_financing:
      - {fund: JHT, payer: "subsidy:JKT", rate: "0.010", cap: "10000"}
  - zone: ID-JB-BDG
    name: Bandung
    scheme: ID-BDG-PILOT
    from: 2026-07-01
    until: 2027-06-30
    confidence: unverified
    co_financing:
      - {fund: JHT, payer: "subsidy:JKT", paid_by: "subsidy:BDG", rate: "0.005", cap: {value: "5000", source: bylaw}}
"""


def read(text: str) -> Programme:
    """Give the programme of a text over the two bases."""
    return load_programme(text, "own.yaml", BASES)


def problems(text: str) -> list[str]:
    """Give what is wrong with a text, one line a problem."""
    with pytest.raises(SchemeError) as raised:
        read(text)
    return [str(problem) for problem in raised.value.problems]


def city_of(*lines: str, scheme: str = "X-BASE", start: str = "2026-07-01") -> Document:
    """Give the scheme of one city of a programme over a base; `lines` are more of the city's keys."""
    more = "".join(f"    {line}\n" for line in lines)
    head = (
        OWN[: OWN.index("first:")].replace("ID-JK-PILOT", scheme) + OWN[OWN.index("sources:") : OWN.index("  - zone")]
    )
    text = f"{head}  - zone: XX-C\n    name: Ceres\n    scheme: X-CERES\n    from: {start}\n{more}"
    return read(text).documents[0]


@pytest.fixture(scope="module")
def shipped() -> Programme:
    """Give the shipped programme."""
    return load_programme(PATH.read_text(encoding="utf-8"), str(PATH), {"ID-JK-PILOT": PILOT})


def test_the_first_city_is_the_shipped_scheme_itself(shipped: Programme) -> None:
    assert shipped.documents[0] == PILOT
    assert shipped.documents[0].versions[0].digest == PILOT.versions[0].digest
    assert shipped.cities[0].zone == "ID-JK"


def test_fifteen_cities_whose_texts_are_ordinary_versions(shipped: Programme) -> None:
    assert len(shipped.cities) == len({city.scheme for city in shipped.cities}) == 15
    for city, document in zip(shipped.cities, shipped.documents, strict=True):
        assert document.scheme == city.scheme
        assert document.versions[0].start == city.start
        for version in document.versions:
            assert parse(version.text, "again") == version
            assert len(version.text.encode()) <= SCHEME_TEXT_MAX
            assert version.zones == (city.zone,)
    assert min(city.start for city in shipped.cities[1:]) > shipped.cities[0].start


def test_only_what_the_city_states_is_another(shipped: Programme) -> None:
    bandung = next(document for document in shipped.documents if document.scheme == "ID-BDG-PILOT").versions[0]
    for theirs, ours in zip(PILOT.versions[0].rules, bandung.rules, strict=True):
        if theirs.payer != "subsidy:JKT":
            assert ours == theirs
    cofinanced = bandung.rules[3]
    assert (cofinanced.payer, cofinanced.rate, cofinanced.rounding) == (
        "subsidy:BDG",
        PILOT.versions[0].rules[3].rate,
        PILOT.versions[0].rules[3].rounding,
    )
    assert cofinanced.cap is not None
    assert (cofinanced.cap.amount, cofinanced.cap.cite.source) == (Fraction(8000), "programme")
    assert (bandung.measures, bandung.currency, bandung.status) == (PILOT.versions[0].measures, "IDR", "example")


def test_each_figure_keeps_the_source_it_has() -> None:
    version = read(OWN).documents[1].versions[0]
    assert (version.cite.source, version.cite.verified) == ("decree", False)
    assert f"programme X-CITIES; ID-JK-PILOT 2026-01-01, sha256 {PILOT.versions[0].digest}" in version.cite.note
    taken, ours = version.rules[0], version.rules[3]
    assert (taken.cite.source, taken.cite.verified, taken.rate_cite.source) == ("example", True, "example")
    assert taken.cap is not None
    assert taken.cap.cite.source == "bpu"
    assert (ours.rate_cite.source, ours.rate_cite.verified) == ("decree", False)
    assert ours.cap is not None
    assert (ours.cap.cite.source, ours.cap.cite.verified) == ("bylaw", False)
    assert {source.key for source in version.sources} == {"example", "bpu", "decree", "bylaw"}


def test_a_city_ends_with_a_version_without_rules() -> None:
    begun, ended = read(OWN).documents[1].versions
    assert (begun.id, ended.id) == ("2026-07-01", "2027-07-01")
    assert (ended.rules, ended.notices) == ((), ())
    assert parse(ended.text, "again") == ended
    document = city_of("until: 2026-08-31")  # of a scheme that names its funds
    assert [version.id for version in document.versions] == ["2026-07-01", "2026-07-01.2", "2026-09-01"]


def test_later_texts_and_revisions_of_the_scheme_come_too() -> None:
    document = city_of('co_financing: [{fund: A, payer: "subsidy:HOME", paid_by: "subsidy:CER"}]')
    assert [version.id for version in document.versions] == ["2026-07-01", "2026-07-01.2", "2027-01-01"]
    assert [version.rules[0].rate for version in document.versions] == [(1, 50), (3, 100), (1, 25)]
    assert all(version.rules[1].payer == "subsidy:CER" for version in document.versions)
    assert len(document.versions[0].notices) == 1
    assert [version.zones for version in document.versions] == [("XX-C",)] * 3
    assert [version.platforms for version in document.versions] == [(), (), ("gojek",)]
    late = city_of(start="2027-03-01")
    assert [(version.id, version.rules[0].rate) for version in late.versions] == [("2027-03-01", (1, 25))]


def test_a_share_may_begin_later_replaces_the_earlier_one_whole_and_may_end() -> None:
    document = city_of(
        "co_financing:",
        '  - {fund: JHT, payer: "subsidy:JKT", paid_by: "subsidy:CER", cap: "20"}',
        '  - {fund: JHT, payer: "subsidy:JKT", rate: "0.02", from: 2026-10-01}',
        '  - {fund: JHT, payer: "subsidy:JKT", from: 2026-12-01}',
        scheme="ID-JK-PILOT",
        start="2026-08-01",
    )
    rules = [(version.id, version.rules[3]) for version in document.versions]
    assert [(day, rule.payer, rule.rate, rule.cap) for day, rule in rules] == [
        ("2026-08-01", "subsidy:CER", Rate(1, 100), Cap(Fraction(20), None, Citation("decree", True, ""))),
        ("2026-10-01", "subsidy:JKT", Rate(1, 50), PILOT.versions[0].rules[3].cap),
        ("2026-12-01", "subsidy:JKT", Rate(1, 100), PILOT.versions[0].rules[3].cap),
    ]
    assert rules[2][1] == PILOT.versions[0].rules[3]


def test_open_parameters_are_set_within_their_bounds() -> None:
    document = city_of('parameters: {city_rate: {value: "0.015", source: bylaw, note: "by the council"}}')
    given = next(each for each in document.versions[0].parameters if each.name == "city_rate")
    assert (given.value, given.at_most, given.cite.source) == (Fraction("0.015"), Fraction("0.02"), "bylaw")
    free = next(each for each in document.versions[0].parameters if each.name == "free")
    assert (free.value, free.cite.source) == (Fraction(100), "act")


def test_a_rule_with_an_amount_may_have_another_payer_and_a_checked_sum_another_total() -> None:
    document = city_of(
        'adds_up: {A: "0.025"}',
        "co_financing:",
        '  - {fund: A, payer: "subsidy:HOME", rate: "0.005"}',
        '  - {fund: A, payer: "subsidy:HOME", from: 2027-01-01}',
        '  - {fund: B, payer: "subsidy:HOME", paid_by: "sponsor"}',
        '  - {fund: B, payer: "subsidy:HOME", from: 2027-01-01}',
        start="2026-07-01",
        scheme="X-ONE",
    )
    assert [rule.payer for rule in document.versions[0].rules if rule.fund == "B"] == ["platform", "sponsor"]


def test_days_are_those_of_the_city() -> None:
    assert city_of().versions[0].time_zone == "Asia/Jakarta"
    assert city_of("time_zone: Asia/Makassar").versions[0].time_zone == "Asia/Makassar"
    east = OWN.replace("scheme: ID-JK-PILOT\nfirst: ID-JK\n", "scheme: X-BASE\n", 1)
    text = east[: east.index("  - zone")] + "  - {zone: XX-E-01, name: East, scheme: X-EAST, from: 2026-07-01}\n"
    assert read(text).documents[0].versions[0].time_zone == "Asia/Jayapura"


# -- in force ---------------------------------------------------------------------------------------------------------


@given(
    begun=st.integers(0, 30),
    ended=st.none() | st.integers(0, 30),
    shared=st.lists(st.integers(0, 30), max_size=3, unique=True),
    day=st.dates(date(2025, 11, 1), date(2029, 12, 31)),
)
@settings(max_examples=60, deadline=None)
def test_on_each_day_the_city_has_the_schemes_text_with_the_citys_figures(
    begun: int, ended: int | None, shared: list[int], day: date
) -> None:
    start, last = month(begun), None if ended is None else month(begun + ended + 1) - timedelta(days=1)
    days = [start, *(month(number) for number in sorted(shared) if month(number) > start)]
    days = [each for each in days if last is None or each <= last]
    lines = [
        f"  - {{fund: A, payer: worker, paid_by: customer, rate: '0.0{at + 1}', from: {each}}}"
        for at, each in enumerate(days)
    ]
    document = city_of(*([f"until: {last}"] if last else []), "co_financing:", *lines, start=str(start), scheme="X-TWO")
    ours = Registry(document.versions).in_force("X-CERES", day)
    theirs = Registry(BASES["X-TWO"].versions).in_force("X-TWO", day)
    if day < start:
        assert ours is None
        return
    assert ours is not None
    assert theirs is not None
    if last is not None and day > last:
        assert ours.rules == ()
        return
    rate = Fraction(max(at for at, each in enumerate(days) if each <= day) + 1, 100)
    assert (ours.rules[0].payer, Fraction(*ours.rules[0].rate)) == ("customer", rate)  # type: ignore[misc]
    assert ours.rules[1:] == theirs.rules[1:]
    assert [measure.include for measure in ours.measures] == [measure.include for measure in theirs.measures]


def month(number: int) -> date:
    """Give the first day of a month, counted from January 2026."""
    return date(2026 + number // 12, number % 12 + 1, 1)


def test_a_gig_lies_in_one_city_and_a_worker_of_two_cities_has_both(shipped: Programme) -> None:
    registry = Registry(version for document in shipped.documents for version in document.versions)
    noon = midnight("Asia/Jakarta", date(2027, 4, 10)) + 43_200
    for city in shipped.cities:
        for zone in (city.zone, f"{city.zone}-01"):
            plans = registry.plans(gig(zone=zone, occurred_at=noon))
            assert {plan.scheme for plan in plans} == {city.scheme}
    teller = Teller(registry)
    posted = [teller.gig("G-1", gig(10_000_000, zone="ID-JB-BDG", occurred_at=noon))]
    posted += [teller.gig("G-2", gig(10_000_000, zone="ID-JI-SBY", occurred_at=noon + 60))]
    posted += [teller.gig("G-3", gig(10_000_000, zone="ID-JB", occurred_at=noon + 120))]
    payers = [{own.payer for own in each if own.payer.startswith("subsidy")} for each in posted]
    assert payers == [{"subsidy:BDG"}, {"subsidy:SBY"}, set()]
    assert [{own.scheme for own in each} for each in posted] == [{"ID-BDG-PILOT"}, {"ID-SBY-PILOT"}, set()]


# -- what is wrong ----------------------------------------------------------------------------------------------------

BANDUNG = "  - {zone: ID-JB-BDG, name: Twin, scheme: ID-TWIN, from: 2026-07-01}\n"
SLIPS = [
    ("scheme: ID-JK-PILOT\nfirst", "scheme: ID-JKT-PILOT\nfirst", 4, "scheme: unknown 'ID-JKT-PILOT'"),
    ("programme: X-CITIES", "programme: X-BASE", 1, "programme: X-BASE is a scheme"),
    ("status: example", "status: in force", 3, "status: the scheme ID-JK-PILOT is 'example', got 'in force'"),
    ("first: ID-JK", "first: ID-SU", 5, "first: no city has the zone ID-SU"),
    ("first: ID-JK", "first: ID-JB-BDG", 14, "from: 2026-01-01 is before Bandung's 2026-07-01"),
    ("title: cities", "titel: cities", 2, "unknown key 'titel'"),
    ("source: decree", "source: decrees", 9, "'decrees' is not under `sources:`"),
    ("decree: {title: a decree}\n", "bpu: {title: a decree}\n", 7, "'bpu' is another document in ID-JK-PILOT"),
    ("zone: ID-JB-BDG", "zone: jb-bdg", 17, "city Bandung: zone: expected something like ID-JB-BDG"),
    ("zone: ID-JB-BDG", "zone: ID-JK", 17, "city Bandung: ID-JK stands twice (line 11)"),
    ("zone: ID-JB-BDG", "zone: ID-JK-01", 17, "city Bandung: ID-JK-01 and ID-JK (Jakarta, line 11) overlap"),
    ("zone: ID-JB-BDG", "zone: ID", 17, "city Bandung: ID and ID-JK (Jakarta, line 11) overlap"),
    ("scheme: ID-BDG-PILOT", "scheme: X-BASE", 19, "scheme X-BASE stands in base.yaml too"),
    ("scheme: ID-BDG-PILOT", "scheme: ID-JK-PILOT", 19, "scheme ID-JK-PILOT is that of Jakarta (line 11)"),
    ("from: 2026-07-01", "from: 2025-07-01", 20, "2025-07-01 is before the first version of ID-JK-PILOT"),
    ("from: 2026-07-01", "from: 2025-07-01", 20, "is before Jakarta's 2026-01-01, which is first"),
    ("from: 2026-07-01", "from: 2026-07-15", 20, "2026-07-15 cuts the month of 2026-07-01 to 2026-07-31"),
    ("from: 2026-07-01", "from: 2026-02-30", 20, "expected a day of the calendar, got 2026-02-30"),
    ("until: 2027-06-30", "until: 9999-12-31", 21, "until: expected a day of the calendar, got 9999-12-31"),
    ("until: 2027-06-30", "until: 2026-06-30", 21, "until: expected 2026-07-01 or later, got 2026-06-30"),
    ("until: 2027-06-30", "until: 2027-06-15", 21, "the day after until: 2027-06-16 cuts the month"),
    ("until: 2027-06-30", "time_zone: Bandung", 21, "time_zone: unknown 'Bandung'"),
    ("until: 2027-06-30", 'adds_up: {JHT: "0.03"}', 21, "adds_up: the shares of JHT come to 0.025, expected 0.03"),
    ("until: 2027-06-30", 'parameters: {city_rate: "0.01"}', 21, "has no open parameter 'city_rate'"),
    ("until: 2027-06-30", 'adds_up: {JKK: "0.01"}', 21, "adds_up: no co_financing speaks of JKK"),
    ("until: 2027-06-30", "adds_up: []", 21, "adds_up: expected funds and their totals"),
    ("until: 2027-06-30", "parameters: []", 21, "parameters: expected names and figures"),
    ('JHT, payer: "subsidy:JKT", paid', 'JHT, payer: "subsidy:JK", paid', 24, "no rule JHT by subsidy:JK"),
    ('paid_by: "subsidy:BDG"', "paid_by: the city", 24, "payer: expected something like worker"),
    ('paid_by: "subsidy:BDG"', "paid_by: worker", 24, "rules: JHT by worker stands twice"),
    ('rate: "0.005"', 'rate: "5"', 24, "rate: expected a share from 0 to 1"),
    ('rate: "0.005"', 'rate: "0.99"', 24, "the payers of JHT pay more than the whole of pay together"),
    ('rate: "0.005"', 'rate: "-0.005"', 24, "expected 0 or more"),
    ('rate: "0.005"', "rate: 0.005", 24, 'expected a decimal in quotes, got the float 0.005; write "0.005"'),
    ('value: "5000"', 'value: "5000.5"', 24, "cap: expected a multiple of the rounding step"),
    ("source: bylaw", "source: byelaw", 24, "'byelaw' is not under `sources:`; did you mean 'bylaw'?"),
    ('rate: "0.005"', "window: week", 24, "no rule JHT by subsidy:JKT over a week"),
    ('rate: "0.005"', "from: 2026-06-01", 24, "expected the city's day 2026-07-01 or later, got 2026-06-01"),
    ('rate: "0.005"', "from: 2026-08-09", 24, "2026-08-09 cuts the month of 2026-08-01"),
    ('rate: "0.005"', "from: 2027-08-01", 24, "from 2027-08-01 is after 2027-06-30"),
    ('rate: "0.010"', 'rate: "0.02"', 16, "rate: ID-JK-PILOT itself says 0.01, got 0.02"),
    ('rate: "0.010"', "rate: 0.010", 16, 'expected a decimal in quotes, got the float 0.010; write "0.010"'),
    ('cap: "10000"', 'paid_by: "subsidy:DKI"', 16, "paid_by: ID-JK-PILOT itself says subsidy:JKT"),
    (', rate: "0.010", cap: "10000"', "", 16, "expected what is different, got nothing"),
    ('cap: "10000"', "from: 2026-03-01", 16, "ID-JK-PILOT has no version from 2026-03-01"),
    ("from: 2026-01-01", "from: 2026-02-01", 14, "ID-JK-PILOT is the scheme itself, from 2026-01-01"),
    ("from: 2026-01-01", "from: 2026-01-01\n    until: 2026-12-31", 15, "whose text says no until of the city's"),
    ("cities:\n", f"cities:\n{BANDUNG}", 18, "city Bandung: ID-JB-BDG stands twice (line 11)"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "told"), SLIPS, ids=[f"{slip[1]}"[:40] for slip in SLIPS])
def test_each_slip_is_named_with_line_and_mend(right: str, wrong: str, line: int, told: str) -> None:
    assert right in OWN
    found = [each for each in problems(OWN.replace(right, wrong, 1)) if each.startswith(f"own.yaml:{line}: ")]
    assert any(told in each and "; " in each for each in found), problems(OWN.replace(right, wrong, 1))


def test_all_problems_are_named_at_once() -> None:
    text = OWN.replace("from: 2026-07-01", "from: 2026-07-15").replace("first: ID-JK", "first: ID-SU")
    text = text.replace('rate: "0.010"', 'rate: "0.03"')
    assert [re.match(r"own.yaml:(\d+)", each)[1] for each in problems(text)] == ["5", "16", "20"]  # type: ignore[index]
    assert len(problems(OWN.replace("cities:", "citys:"))) == 2
    assert len(problems(OWN.replace("confidence: unverified", "confidence: verifyed"))) == 1  # it stands in two texts


def test_a_line_that_reads_what_the_old_payer_posted_is_not_left_behind() -> None:
    text = BASE.replace(
        'saved: {subtract: [pay, free], at_least: "0"}',
        'paid: {posted: {fund: A, payer: "subsidy:HOME", window: month}}\n      saved: {add: [paid, pay, free]}',
    )
    longer = EACH.replace("month", "quarter")
    text = text.replace("kind: eligible, window: month", "kind: eligible, window: quarter")
    text = text.replace("amount: saved, ~", f"amount: saved, {longer}").replace(
        f"amount: saved, {EACH}", f"amount: saved, {longer}"
    )
    base = load_document(text, "base.yaml", EXPONENTS)
    more = '    co_financing: [{fund: A, payer: "subsidy:HOME", paid_by: "subsidy:CER"}]\n'
    head = OWN[: OWN.index("first:")].replace("ID-JK-PILOT", "X-BASE") + OWN[OWN.index("sources:") : OWN.index("  - z")]
    own = f"{head}  - zone: XX-C\n    name: Ceres\n    scheme: X-CERES\n    from: 2026-07-01\n{more}"
    with pytest.raises(SchemeError, match="the line paid reads what subsidy:HOME has posted"):
        load_programme(own, "own.yaml", {"X-BASE": base})


def test_a_programme_is_known_by_its_key() -> None:
    assert is_programme(OWN)
    assert not is_programme(BASE)
    assert not is_programme("scheme: X\ntitle: programme: none\n  programme: X\n")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_is_a_programme_or_problems(data: st.DataObject) -> None:
    lines = OWN.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change: Callable[[str], str] = data.draw(st.sampled_from(CHANGES))
        lines[at] = change(lines[at])
    try:
        programme = read("".join(lines))
    except SchemeError as error:
        assert all(problem.file == "own.yaml" and problem.line >= 1 and problem.mend for problem in error.problems)
        return
    zones = [city.zone for city in programme.cities]
    assert not any(zone_covers(one, other) for one in zones for other in zones if one is not other)
    assert len(programme.documents) == len(programme.cities)


CHANGES: list[Callable[[str], str]] = [
    lambda line: "",
    lambda line: line * 2,
    lambda line: re.sub(r": .*", ": []", line),
    lambda line: re.sub(r": .*", ": {}", line),
    lambda line: re.sub(r": .*", ": x", line),
    lambda line: re.sub(r": .*", ":", line),
    lambda line: line.replace("ID-J", "ID-K"),
    lambda line: line.replace("0", "1"),
    lambda line: f"  {line}",
    lambda line: line.replace("{", "["),
]


def test_the_page_says_every_key_as_the_reader_knows_it() -> None:
    page = (SHIPPED / "PROGRAMMES.md").read_text(encoding="utf-8")
    for form in (PROGRAMME, CITY, SHARE):
        for key in form.keys:
            assert f"| `{key.name}`{' *' if key.required else ''} | {key.says} |" in page


def test_the_texts_say_strings_only(shipped: Programme) -> None:
    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            return [leaf for child in value.values() for leaf in leaves(child)]
        return [leaf for child in value for leaf in leaves(child)] if isinstance(value, list) else [value]

    versions: list[Version] = [version for document in shipped.documents for version in document.versions]
    assert all(isinstance(leaf, str) for version in versions for leaf in leaves(json.loads(version.text)))
