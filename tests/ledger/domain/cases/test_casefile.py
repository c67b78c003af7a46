"""Case files: what every key is read as, what is refused and how, and the clock of repeated events."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.cases.file import Case, instant, later, read_cases
from ledger.domain.language.tree import SchemeError

ANSWER = "expect_none: true\n"


def read(text: str) -> Case:
    """Give the one case of a text, of scheme X-TEST unless it says another."""
    head = "" if "scheme:" in text else "scheme: X-TEST\n"
    (case,) = read_cases(head + text, "case.yaml")
    return case


def events(*written: str, answer: str = ANSWER) -> Case:
    """Give the case with these events, each one line of YAML."""
    return read("events:\n" + "".join(f"  - {event}\n" for event in written) + answer)


def problems(text: str) -> list[tuple[int, str]]:
    """Give line and text of every problem of a file; at least one."""
    with pytest.raises(SchemeError) as caught:
        read_cases(text, "case.yaml")
    assert all(problem.file == "case.yaml" and problem.mend for problem in caught.value.problems)
    return [(problem.line, problem.what) for problem in caught.value.problems]


def test_a_whole_case_is_read_as_written() -> None:
    case = read(
        """
scheme: SG-CPF-PW
id: all-of-it
title: everything at once
basis: published
source: https://example.org
worker: {born: 1996-04, opted_in: 2025-01-10, programmes: [JKK, JKM], state_paid: true, plan: 2, salary: "800"}
platforms: {A: {turnover: "10000000000", flat_fee: false, collects: maximum}}
parameters: {minimum_wage: "16.90"}
schemes_as_of: 2025-06-30
events:
  - {at: 2025-03-04T10:00+08:00, gross: "10.00", repeat: 3, every: PT1H}
  - {type: gig.adjusted, at: 2025-03-05, gig: 1/2, components: [{kind: tip, amount: "-1.5", purpose: earning}]}
  - {type: worker.changed, at: 2025-03-06, set: {plan: 4, activity: [commerce]}}
  - {type: remittance.received, at: 2025-04-01, payer: worker, period: 2025-03, amount: "5", fund: CPF}
  - {type: dispute.opened, gig: 1/1}
  - {type: dispute.decided, platform: B, finding: unfounded, suspended_from: 2025-03-10, suspended_days: 40}
  - {type: gig.reversed, gig: 1/3}
  - {type: period.closed, period: FY2025-26}
expect:
  - {gig: 1/1, after: 7, period: 2025-Q1, fund: CPF.OA, payer: "subsidy:PP50", platform: A, state: due, unit: days,
     amount: "-0.5"}
expect_notice:
  - {kind: due, period: 2025-03, fund: CPF, date: 2025-04-14}
expect_inputs:
  - {period: 2025-03, platform: A, net_earnings: "650", opted_in_from: 2025-05}
"""
    )
    assert (case.id, case.basis, case.as_of) == ("all-of-it", "published", date(2025, 6, 30))
    assert case.worker == {
        "born": "1996-04",
        "opted_in": "2025-01-10",
        "programmes": ["JKK", "JKM"],
        "state_paid": True,
        "plan": "2",
        "salary": "800",
    }
    assert case.platforms == {"A": {"turnover": "10000000000", "flat_fee": False, "collects": "maximum"}}
    assert case.parameters == {"minimum_wage": "16.90"}
    assert [event.type.partition(".")[2] for event in case.events] == [
        *("completed", "adjusted", "changed", "received", "opened", "decided", "reversed", "closed")
    ]
    assert [event.platform for event in case.events] == ["A", "A", None, None, None, "B", "A", None]
    assert [event.gig for event in case.events] == ["", "1/2", "", "", "1/1", "", "1/3", ""]
    assert case.events[0].names == ["1/1", "1/2", "1/3"]
    assert case.events[1].members == {"components": [{"kind": "tip", "amount": "-1.5", "purpose": "earning"}]}
    assert case.events[2].members == {"set": {"plan": "4", "activity": ["commerce"]}}
    assert case.events[5].members["suspended_from"] == date(2025, 3, 10)
    assert case.expect[0].selectors["gig"] == "1/1"
    assert case.expect[0].expected == {"amount": "-0.5"}
    assert case.expect_notice[0].selectors == {"kind": "due", "period": "2025-03", "fund": "CPF"}
    assert case.expect_notice[0].expected == {"date": "2025-04-14"}
    assert case.expect_inputs[0].expected == {"net_earnings": "650", "opted_in_from": "2025-05"}
    assert case.rows == 4


def test_defaults() -> None:
    event = events("{at: 2025-03-04}").events[0]
    assert (event.id, event.type, event.platform, event.repeat, event.every) == ("1", "gig.completed", "A", 1, "PT0S")
    assert event.members == {}
    case = read("events: []\nexpect_none: true")
    assert (case.id, case.basis, case.worker, case.platforms) == ("case.yaml#1", "derived", {}, {})
    two = read_cases("scheme: A\nevents: []\nexpect_none: true\n---\nscheme: B\nevents: []\nexpect: []\n", "d/x.yaml")
    assert [(case.id, case.scheme, case.line) for case in two] == [("x.yaml#1", "A", 1), ("x.yaml#2", "B", 5)]


def test_time_and_distance_are_exact() -> None:
    event = events(
        "{at: 2025-03-04, engaged_seconds: 1800, distance_m: '1609.344', segments: [{zone: US-WA, distance_m: '0.5'}]}"
    )
    assert event.events[0].members == {
        "engaged_seconds": 1800,
        "distance_m": Fraction("1609.344"),
        "segments": [{"zone": "US-WA", "distance_m": Fraction(1, 2)}],
    }


@pytest.mark.parametrize("written", ["1/1", "G", "G/1"])
def test_a_gig_that_came_once_has_one_copy(written: str) -> None:
    name, gig = ("1", "{at: 2025-03-04}") if written == "1/1" else ("G", "{id: G, at: 2025-03-04}")
    case = events(gig, f"{{type: gig.reversed, gig: {written}}}", answer=f'expect: [{{gig: {written}, amount: "0"}}]\n')
    assert case.events[1].gig == name
    assert case.expect[0].selectors["gig"] == name


TWICE = "{at: 2025-03-04, repeat: 2}"


@pytest.mark.parametrize(
    ("written", "line", "what"),
    [
        (["{type: gig.reversed, gig: 7}"], 3, "gig '7' never came"),
        (["{type: gig.reversed, gig: 2}", "{at: 2025-03-04}"], 3, "gig '2' never came before it"),
        (["{at: 2025-03-04}", "{type: period.closed, period: 2025}", "{type: gig.reversed, gig: 2}"], 5, "never came"),
        ([TWICE, "{type: gig.reversed, gig: 1}"], 4, "expected one copy"),
        ([TWICE, "{type: gig.reversed, gig: 1/3}"], 4, "gig '1/3' never came"),
        ([TWICE, "{type: gig.reversed, gig: 1/2}", "{type: gig.reversed, gig: 1/2}"], 5, "was reversed before"),
        (["{at: 2025-03-04}", "{type: gig.reversed, gig: 1, repeat: 2}"], 4, "reversed once"),
        (
            [TWICE, "{type: gig.reversed, gig: 1/2}", "{type: gig.adjusted, at: 2025-03-05, gig: 1/2, components: []}"],
            5,
            "was reversed before",
        ),
        (["{id: 2, at: 2025-03-04}", "{at: 2025-03-04}"], 4, "the id '2' stands twice"),
        (["{at: 2025-03-04, gross: '1', components: []}"], 3, "either gross or components"),
        (["{at: 2025-03-04T10:00, gross: '1'}"], 3, "at: expected"),
        (["{at: 2025-02-30, gross: '1'}"], 3, "time of the calendar"),
        (["{gross: '1'}"], 3, "expected key 'at'"),
        (["{at: 2025-03-04, gros: '1'}"], 3, "unknown key 'gros'"),
        (["{at: 2025-03-04, gross: 1e3}"], 3, "gross: expected"),
        (["{at: 2025-03-04, engaged_seconds: -1}"], 3, "0 or more"),
        (["{at: 2025-03-04, repeat: 0}"], 3, "repeat"),
        (["{at: 2025-03-04, every: 1h}"], 3, "every"),
        (["{type: gig.done, at: 2025-03-04}"], 3, "type: expected gig.completed"),
        (["{type: period.closed, period: 2025-13}"], 3, "period"),
        (["{type: period.closed, period: 2025-01, gross: '1'}"], 3, "unknown key 'gross'"),
        (["{type: worker.changed, at: 2025-03-04, set: {borne: 1996-04}}"], 3, "unknown key 'borne'"),
        (["{type: worker.changed, at: 2025-03-04, set: {born: 1996}}"], 3, "born: expected a month"),
        (["{type: worker.changed, at: 2025-03-04, set: {state_paid: perhaps}}"], 3, "state_paid"),
        (["{type: worker.changed, at: 2025-03-04, set: {programmes: JKK}}"], 3, "programmes: expected a list"),
        (["{type: dispute.decided, finding: maybe, suspended_from: 2025-03-04, suspended_days: 3}"], 3, "finding"),
        (["{at: 2025-03-04, payment_due_on: 2025-02-29}"], 3, "day of the calendar"),
        (["{at: 1969-12-31, gross: '1'}"], 3, "expected a time from 1970 on"),
        (["{type: remittance.received, at: 2025-03-04, period: 2025-02, amount: '0'}"], 3, "expected more than 0"),
    ],
)
def test_a_story_that_cannot_be_is_refused_at_its_line(written: list[str], line: int, what: str) -> None:
    text = "scheme: X-TEST\nevents:\n" + "".join(f"  - {event}\n" for event in written) + ANSWER
    assert any(at == line and what in said for at, said in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("", "expected an answer"),
        ("expect_none: false", "expected an answer"),
        ("expekt: []\nexpect_none: true", "unknown key 'expekt'"),
        ("expect: [{fund: A}]", "expected key 'amount'"),
        ("expect: [{amount: 1.5.0}]", "amount: expected"),
        ("expect: [{state: paid, amount: '1'}]", "state: expected accrued"),
        ("expect: [{unit: seconds, amount: '1'}]", "unit: expected money"),
        ("expect: [{payer: city, amount: '1'}]", "payer"),
        ("expect: [{after: 2, amount: '1'}]", "after: expected the number of an event, 1 to 1"),
        ("expect: [{gig: 2, amount: '1'}]", "gig: expected the id of an event"),
        ("expect: [{gig: 1/0, amount: '1'}]", "gig: expected the id of an event"),
        ("expect: [{period: March, amount: '1'}]", "period: expected"),
        ("expect_notice: [{period: 2025}]", "expected key 'kind'"),
        ("expect_notice: [{kind: due, date: soon}]", "date"),
        ("expect_notice: [{kind: due, payer: worker}]", "unknown key 'payer'"),
        ("expect_inputs: [{gig: 1, period: 2025, base: '1'}]", "gig or period"),
        ("expect_inputs: [{gig: 1}]", "expected names with values"),
        ("expect_inputs: [{gig: 1, Base: '1'}]", "input: expected a name"),
        ("expect_none: yes", "expect_none"),
        ("basis: guess\nexpect_none: true", "basis"),
        ("worker: {height: 2}\nexpect_none: true", "unknown key 'height'"),
        ("platforms: {A: {size: 2}}\nexpect_none: true", "unknown key 'size'"),
        ("platforms: [A]\nexpect_none: true", "platforms: expected keys and values"),
        ("parameters: {rate: much}\nexpect_none: true", "parameter rate"),
        ("schemes_as_of: 2025\nexpect_none: true", "schemes_as_of"),
        ("scheme: Y\nexpect_none: true", "stands twice"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(answer: str, what: str) -> None:
    text = f"scheme: X-TEST\nevents: [{{at: 2025-03-04}}]\n{answer}"
    assert any(what in said for _, said in problems(text)), problems(text)


def test_all_problems_of_all_cases_are_named_at_once() -> None:
    text = "scheme: A\nevents: []\n---\nscheme: B\nevents: [{gros: '1'}]\nexpect_none: true\n"
    assert [line for line, _ in problems(text)] == [1, 5, 5]
    assert problems("")[0][1].startswith("file: expected at least one case")


def test_the_time_of_an_event() -> None:
    assert instant("2025-03-04T10:00+08:00", "UTC") == instant("2025-03-04T02:00:00Z", "Asia/Jakarta")
    assert instant("2025-03-04", "Asia/Jakarta") == instant("2025-03-04T12:00+07:00", "UTC")
    for wrong in ("2025-03-04T10:00", "20250304", "2025-W10-1", "2025-03-04 10:00Z", "now"):
        with pytest.raises(ValueError, match="at: expected"):
            instant(wrong, "UTC")


@pytest.mark.parametrize(
    ("start", "every", "end"),
    [
        ("2025-03-08T10:00-05:00", "P1D", "2025-03-09T10:00-04:00"),  # clocks go forward in between
        ("2025-03-08T10:00-05:00", "PT24H", "2025-03-09T10:00-04:00"),
        ("2025-01-31", "P1M", "2025-02-28"),
        ("2025-05-31", "P1M", "2025-06-30"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2025-03-04", "P1W", "2025-03-11"),
        ("2025-03-04T10:00-05:00", "P1DT1H30M10S", "2025-03-05T11:30:10-05:00"),
    ],
)
def test_durations_follow_the_clock_on_the_wall(start: str, every: str, end: str) -> None:
    zone = "America/New_York"
    assert later(instant(start, zone), every, zone) == instant(end, zone)


@settings(deadline=None)
@given(st.integers(0, 2_000_000_000), st.integers(1, 400))
def test_days_are_added_to_the_clock_on_the_wall(start: int, days: int) -> None:
    zone = "Asia/Kathmandu"  # has no summer time: every day has its 24 hours
    if start > 600_000_000:  # but once moved its clock, in 1986
        assert later(start, f"P{days}D", zone) - start == days * 86_400


@pytest.mark.parametrize("every", ["", "P", "PT", "P1H", "1D", "P-1D", "P1.5D"])
def test_what_is_no_duration(every: str) -> None:
    with pytest.raises(ValueError, match="every: expected"):
        later(0, every, "UTC")
