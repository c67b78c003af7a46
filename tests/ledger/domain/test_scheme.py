"""The language of schemes: what is refused and how, canonical text, registry, periods, numbers, cases, the command."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from contracts.currencies import EXPONENTS
from deploy.cli.scheme import app
from ledger.domain.casefile import instant, later, read_cases
from ledger.domain.cases import run_case
from ledger.domain.money import Mode, format_amount, parse_amount, round_steps
from ledger.domain.period import Window, block_day, local_day, parse_period, window_label
from ledger.domain.quantity import decimal_places, exact
from ledger.domain.registry import EnactError, Registry
from ledger.domain.scheme import parse
from ledger.domain.tree import SchemeError
from tests.ledger.domain.worlds import SHIPPED, gig, load, registry, rule, scheme_text

RUN = CliRunner()
MONTH = {"window": "month", "platforms": "together"}


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_versions_are_their_canonical_text(path: Path) -> None:
    for version in load(path.read_text()).versions:
        again = parse(version.text, "canonical")
        assert (again, again.rules, again.tables, again.bases) == (
            version,
            version.rules,
            version.tables,
            version.bases,
        )
        assert (again.id, again.digest, again.sources) == (version.id, version.digest, version.sources)
        assert version.minor_digits == EXPONENTS[version.currency]


@pytest.mark.parametrize(
    "spelt", [" {}", "{}", "[]", "nope", '{"a":1}', '{"a":1.5}', '{"a":"1","a":"2"}', '{"a":null}']
)
def test_parse_refuses_all_but_canonical_text(spelt: str) -> None:
    with pytest.raises(SchemeError):
        parse(spelt, "canonical")


def test_another_spelling_of_a_canonical_text_is_refused() -> None:
    text = load(scheme_text(rule())).versions[0].text
    with pytest.raises(SchemeError):
        parse(json.dumps(json.loads(text), sort_keys=True), "canonical")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (scheme_text(rule(rate="0.01")), "float"),
        (scheme_text(rule(rate='"1.5"')), "share from 0 to 1"),
        (scheme_text(rule(rate='"-0.1"')), "share from 0 to 1"),
        (scheme_text(rule(rate='"1e-2"')), "expected a decimal"),
        (scheme_text(rule(payer="state")), "payer"),
        (scheme_text(rule(window="week")), "gig | month"),
        (scheme_text(rule(window="month")), "expected key 'platforms'"),
        (scheme_text(rule(platforms="each")), "a gig lies on one platform"),
        (scheme_text(rule(cap='"-1"')), "0 or more"),
        (scheme_text(rule(cap='"0.50"')), "multiple of the rounding step"),
        (scheme_text(rule(cap="{table: caps}")), "no table 'caps'"),
        (scheme_text(rule(rounding="{mode: nearest, step: 1}")), "down | up | half_up | half_even"),
        (scheme_text(rule(rounding="{mode: down, step: 0}")), "more than 0"),
        (scheme_text(rule(base="gross")), "base: expected pay"),
        (scheme_text(rule(source="law")), "is not under `sources:`"),
        (scheme_text(rule(fnd="A")), "did you mean 'fund'"),
        (scheme_text(rule() + "\n" + rule()), "stands twice"),
        (scheme_text(rule(), currency="XXX"), "currency: unknown"),
        (scheme_text(rule(), time_zone="Asia/Batavia2"), "time_zone: unknown"),
        (scheme_text(rule(), start="2026-02-30"), "day of the calendar"),
        (scheme_text(rule(), start="20260201"), "2026-01-31"),
        (scheme_text(rule(), title="&t test"), "anchor or alias"),
        (scheme_text(rule()) + "title: again\n", "stands twice"),
        (scheme_text(rule(), more="  - {from: 2026-01-01, source: own, rules: []}\n"), "expected one later"),
        ("a: [", "no YAML"),
        ("", "expected one scheme"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_mend(text: str, what: str) -> None:
    with pytest.raises(SchemeError) as caught:
        load(text)
    assert what in str(caught.value)
    assert all(problem.file == "test.yaml" and problem.line >= 1 and problem.mend for problem in caught.value.problems)


def test_all_problems_are_reported_at_once_at_their_lines() -> None:
    with pytest.raises(SchemeError) as caught:
        load(scheme_text(rule(rate="0.01", payer="state") + "\n" + rule(fund="b", window="week")))
    assert [problem.line for problem in caught.value.problems] == [12, 12, 13, 13]


def test_rows_that_overlap_are_refused() -> None:
    table = "    tables: {cap: {by: [service, vehicle], otherwise: post nothing, rows: [{service: ride, vehicle: car, "
    table += 'value: "1"}, {service: ride, vehicle: any, value: "2"}]}}\n'
    text = scheme_text(rule(cap="{table: cap}")).replace("    rules:", table + "    rules:")
    with pytest.raises(SchemeError, match="stands in two rows"):
        load(text)


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
    assert [window_label(w, date(2026, 3, 1)) for w in (Window.GIG, Window.MONTH)] == ["2026-03-01", "2026-03"]


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


def test_durations_follow_the_clock_on_the_wall() -> None:
    start = instant("2025-03-08T10:00-05:00", "America/New_York")
    assert later(start, "P1D", "America/New_York") - start == 23 * 3600
    assert later(instant("2025-01-31", "Asia/Jakarta"), "P1M", "Asia/Jakarta") == instant("2025-02-28", "Asia/Jakarta")


def case_of(text: str) -> str:
    """Give `holds`, `fails`, or the reason why the case was not run."""
    documents = {"X-TEST": load(scheme_text(rule(), zones="[ID-JK]", status="draft"))}
    result = run_case(read_cases(f"scheme: X-TEST\n{text}", "case.yaml")[0], documents, EXPONENTS)
    return result.error or ("holds" if result.holds else "fails")


GIG_EVENT = 'events: [{at: 2026-03-01, gross: "300"}]\n'


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (GIG_EVENT + 'expect: [{amount: "3.0"}]', "holds"),
        (GIG_EVENT + 'expect: [{amount: "4"}]', "fails"),
        (GIG_EVENT + 'expect: [{payer: worker, amount: "0"}, {unit: hours, amount: "0"}]', "holds"),
        (GIG_EVENT + "expect_none: true", "fails"),
        (GIG_EVENT + 'expect_inputs: [{gig: 1, pay: "300"}]', "holds"),
        (GIG_EVENT + 'expect_inputs: [{gig: 1, pay: "301"}]', "fails"),
        (GIG_EVENT + 'expect_inputs: [{gig: 1, floor: "1"}]', "no input 'floor'"),
        (GIG_EVENT + 'expect: [{gig: 9, amount: "0"}]', "expected the id of an event"),
        (GIG_EVENT + 'parameters: {rate: "1"}\nexpect_none: true', "no open parameter 'rate'"),
        ('events: [{at: 2026-03-01T10:00, gross: "3"}]\nexpect_none: true', "time with its offset"),
    ],
)
def test_cases_hold_fail_or_say_why_not(text: str, outcome: str) -> None:
    assert outcome in case_of(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("events: [{type: period.closed, period: 2026-01}]\nexpect_none: true", "period.closed is not supported yet"),
        ("events: [{type: gig.adjusted, gig: 1}]\nexpect_none: true", "gig.adjusted is not supported yet"),
        (GIG_EVENT + "expect_notice: [{kind: due}]", "notices are not supported yet"),
        (GIG_EVENT + 'expect: [{state: remitted, amount: "1"}]', "state: remitted is not supported yet"),
        (GIG_EVENT + "expekt: []\nexpect_none: true", "unknown key 'expekt'"),
        (GIG_EVENT, "expected an answer"),
        ("events: [{at: 2026-03-01}]\nexpect_none: true", "either gross or components"),
    ],
)
def test_case_files_are_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(SchemeError, match=what):
        case_of(text)


def test_shipped_cases_hold_and_a_wrong_figure_exits_1_side_by_side(tmp_path: Path) -> None:
    good = RUN.invoke(app, ["test"])
    assert good.exit_code == 0, good.output
    shipped = (SHIPPED / "cases" / "US-NY-BCF" / "us-blackcar.yaml").read_text()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(shipped.replace('payer: customer, amount: "0.50"', 'payer: customer, amount: "0.51"', 1))
    bad = RUN.invoke(app, ["test", str(wrong)])
    assert bad.exit_code == 1
    assert "0.51" in bad.output
    assert "0.50" in bad.output


def test_schemes_of_a_folder_are_tried_instead_of_the_shipped(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(scheme_text(rule(**MONTH)))
    case = tmp_path / "cases" / "x.yaml"
    case.parent.mkdir()
    case.write_text(f'scheme: X-TEST\n{GIG_EVENT}expect: [{{period: 2026-03, amount: "3"}}]\n')
    assert RUN.invoke(app, ["test", str(case), "--schemes", str(tmp_path)]).exit_code == 0
    assert RUN.invoke(app, ["test", str(case)]).exit_code == 1


def test_list_show_and_check(tmp_path: Path) -> None:
    listed = json.loads(RUN.invoke(app, ["list", "--json"]).output)
    assert {row["scheme"] for row in listed} >= {"ID-JK-PILOT", "US-NY-BCF", "IN-KA-WELFARE-FEE"}
    shown = RUN.invoke(app, ["show", "US-NY-BCF", "--version", "2020-11-01", "--canonical"]).output
    assert parse(shown, "shown").id == "2020-11-01"
    bad = tmp_path / "bad.yaml"
    bad.write_text(scheme_text(rule(rate="0.01")))
    checked = RUN.invoke(app, ["check", str(bad)])
    assert checked.exit_code == 1
    assert f"{bad}:12: rate: expected a decimal in quotes" in checked.output
