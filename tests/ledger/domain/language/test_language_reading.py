"""What is read: each part of the language comes out as its value, from the file and back from its canonical text."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from ledger.domain.attributes import Month
from ledger.domain.language import parse
from ledger.domain.language.reach import holds
from ledger.domain.language.tree import SchemeError
from ledger.domain.money import Mode, Rate
from ledger.domain.period import parse_window
from ledger.domain.scheme import Choice, DueDay, Rounding, Test, Version
from tests.ledger.domain.language.texts import EVERYTHING, read
from tests.ledger.domain.worlds import SHIPPED, load, rule, scheme_text

Test.__test__ = False  # type: ignore[attr-defined]
PARTS = ("parameters", "measures", "tables", "lines", "rules", "notices", "sources", "cite", "start", "time_zones")
WHOLE = read(EVERYTHING)


def line(name: str):
    return next(each for each in WHOLE.lines if each.name == name)


def same(one: Version, other: Version) -> bool:
    """Two versions are equal when their texts are; here all that they say is compared too."""
    return one == other and all(getattr(one, part) == getattr(other, part) for part in PARTS)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_versions_are_their_canonical_text(path: Path) -> None:
    for version in load(path.read_text(encoding="utf-8")).versions:
        again = parse(version.text, "canonical")
        assert same(version, again)
        assert (again.id, again.digest) == (version.id, version.digest)
        assert version.minor_digits == EXPONENTS[version.currency]


def test_everything_comes_back_from_its_canonical_text() -> None:
    assert same(WHOLE, parse(WHOLE.text, "canonical"))
    assert WHOLE.id == "2026-01-01"
    assert WHOLE.attribution == "payment_due"
    assert WHOLE.time_zones == (("US-UT", "America/Denver"),)


@pytest.mark.parametrize(
    "spelt", [" {}", "{}", "[]", "nope", '{"a":1}', '{"a":1.5}', '{"a":"1","a":"2"}', '{"a":null}', '{"a":true}']
)
def test_parse_refuses_all_but_canonical_text(spelt: str) -> None:
    with pytest.raises(SchemeError):
        parse(spelt, "canonical")


def test_another_spelling_of_a_canonical_text_is_refused() -> None:
    for spelt in (
        json.dumps(json.loads(WHOLE.text), sort_keys=True),
        json.dumps(json.loads(WHOLE.text), sort_keys=True, separators=(",", ":")).replace("law", "\\u006caw", 1),
        WHOLE.text + "\n",
    ):
        with pytest.raises(SchemeError):
            parse(spelt, "canonical")


def test_a_version_that_was_tampered_with_is_refused() -> None:
    whole = json.loads(WHOLE.text)
    whole["sources"]["spare"] = {"title": "cited by nobody"}
    with pytest.raises(SchemeError):
        parse(json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False), "canonical")


def test_a_digest_knows_nothing_of_other_versions() -> None:
    """Sources, funds and zones that only another version names leave this one's text alone."""
    more = "  - {from: 2027-01-01, source: new, zones: [ID-JB], rules: []}\n"
    alone = load(scheme_text(rule(), zones="[ID-JK]", funds="{A: own}")).versions[0]
    beside = scheme_text(rule(), zones="[ID-JK]", funds="{A: own, B: other}", more=more)
    both = load(beside.replace("{own: {title: own}}", "{own: {title: own}, new: {title: new}}"))
    assert both.versions[0].digest == alone.digest
    assert json.loads(both.versions[1].text).keys() & {"zones", "funds"} == {"funds"}
    assert both.versions[1].zones == ("ID-JB",)


def test_order_of_names_and_of_keys_means_nothing() -> None:
    other = EVERYTHING.replace('      free: {value: "200", note: left alone}\n', "").replace(
        "      wage: open\n", '      free: {note: left alone, value: "200"}\n      wage: open\n'
    )
    assert same(WHOLE, read(other))


def test_operands_are_figures_or_names_and_keep_their_source() -> None:
    assert line("due_share").of == ("pay", "rate", Fraction(1, 2))
    assert line("due_share").cite == (type(WHOLE.cite))("order", False, "half")
    assert line("above").at_least == 0
    assert line("above").at_most == "due_share"
    assert line("above").cite.verified
    assert {source.key for source in WHOLE.sources} == {"law", "order"}


def test_operations_come_out_as_written() -> None:
    assert (line("rate").table, line("rate").column) == ("rates", 0)
    assert line("by").due == DueDay(1, 14, 0, True)
    assert line("also_by").due == DueDay(0, 0, 5, False)
    assert (line("starts").of, line("starts").cutoff_day) == (("worker.opted_in", "first_day"), 15)
    assert (line("paid").fund, line("paid").payer, line("paid").window) == ("A", "worker", parse_window("quarter"))
    assert line("whole").rounding == Rounding(Mode.DOWN, Fraction(1), line("whole").cite)
    born = Test("worker.born", "from", Month(1995, 1, 1))
    assert line("owed").choices == (Choice((Test("pay", "to", Fraction(50)), born), Fraction(0)), Choice((), "per_day"))
    assert line("level").choices[0].then == "partial"


def test_rows_hold_flat_tests_under_full_names() -> None:
    first, second = WHOLE.table("rates").rows
    assert first.tests == (Test("age", "to", Fraction(35)), Test("worker.plan", "is", Fraction(1)))
    assert second.tests[:2] == (Test("age", "above", Fraction(35)), Test("age", "to", Fraction(60)))
    assert second.tests[3] == Test("worker.sector", "in", ("transport", "other"))
    assert first.values == (Fraction(1, 10), Fraction(1, 50), Fraction(3, 25))
    assert (first.cite.source, second.cite.source) == ("order", "law")
    assert WHOLE.table("words").rows[1].values == ("none",)
    assert WHOLE.table("keep").otherwise == 1


def test_measures_and_parameters() -> None:
    fares, days, before = (WHOLE.measure(name) for name in ("fares", "days", "before"))
    assert fares.include == {"fare", "cancellation_fee:earning"}
    assert fares.where == (
        Test("service", "is", "ride"),
        Test("vehicle", "in", ("car", "van")),
        Test("earning", "is", True),
    )
    assert (days.what, days.apart, days.pooled, days.window) == ("days", True, True, None)
    assert (before.window, before.previous, before.pooled) == (parse_window("quarter"), True, None)
    found = {each.name: (each.value, each.at_least, each.at_most) for each in WHOLE.parameters}
    assert found == {
        "wage": (None, None, None),
        "share": (None, Fraction(1, 100), Fraction(1, 50)),
        "free": (200, None, None),
        "plain": (5, None, None),
    }


def test_rules_and_notices() -> None:
    first, second, relief, share, _, hours, interest = WHOLE.rules
    assert (first.rate, first.cap.table) == (Rate(1, 100), "caps")
    assert (second.rate_cite.source, second.cap.amount, second.rounding.step) == ("order", 1, Fraction(1, 100))
    assert relief.rounding.step == 0
    assert relief.when[-1] == Test("worker.state_paid", "is", False)
    assert Test("window.last", "from", date(2026, 1, 1)) in relief.when
    assert (share.rate, share.state, share.pooled) == ("share", "withheld", False)
    assert (hours.unit, hours.rounding.step, hours.payer) == ("hours", Fraction(1, 3600), "none")
    assert (interest.on, interest.payer) == ("remittance", "sponsor")
    coverage, taken, eligible, due, breach = WHOLE.notices
    assert (coverage.value, taken.amount, coverage.fund) == ("level", "paid", "A")
    assert eligible.truth and eligible.when == (Test("days", "from", Fraction(90)),)
    assert (due.date, breach.amount, breach.window.text) == ("also_by", "gig.commission", "gig")


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("year", "quarter", True), ("quarter", "year", False), ("FY", "quarter", True), ("year", "FY", False),
        ("month", "week", False), ("P12M", "year", True), ("P3M", "month", True), ("P30D", "month", False),
        ("P30D", "P30D", True), ("P30D", "P31D", False), ("running", "year", True), ("year", "running", False),
        ("month", "day", True), ("week:mondayT04:00", "day", False), ("week", "gig", True), ("gig", "day", False),
        ("fortnight:2021-01-04T04:00", "week:mondayT04:00", True), ("fortnight:2021-01-04T04:00", "week", False),
        ("fortnight:2021-01-05T04:00", "week:mondayT04:00", False),
        ("fortnight:2021-01-04T00:00", "month", False),
    ],
)  # fmt: skip
def test_windows_within_windows(outer: str, inner: str, expected: bool) -> None:
    assert holds(parse_window(outer), parse_window(inner)) is expected


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True).map(sorted),
    st.lists(st.integers(1, 999), min_size=6, max_size=6),
)
def test_generated_tables_come_back(bounds: list[int], values: list[int]) -> None:
    """Bands without gaps are read and come back; the same bands with one of them written twice are refused."""
    rows = [
        f'{{age: {{above: "{low}", to: "{high}"}}, value: "0.{value:03}"}}'
        for low, high, value in zip(bounds, bounds[1:], values, strict=False)
    ]

    def text(rows: list[str]) -> str:
        table = f"    tables: {{bands: {{by: [age], otherwise: nothing, rows: [{', '.join(rows)}]}}}}\n"
        own = rule(amount="owed", window="day, platforms: each").replace(', base: pay, rate: "0.01"', "")
        lines = "    lines: {owed: {times: [pay, share]}, share: {lookup: bands}}\n"
        return scheme_text(own).replace("    rules:", f"{table}{lines}    rules:")

    version = load(text(rows)).versions[0]
    assert same(version, parse(version.text, "canonical"))
    assert [row.values[0] for row in version.table("bands").rows] == [
        Fraction(value, 1000) for value in values[: len(rows)]
    ]
    with pytest.raises(SchemeError, match="stands in two rows"):
        load(text([*rows, rows[0]]))
