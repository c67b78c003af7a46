"""Cases, run: what a row adds up, how figures are compared, and whole stories through the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from ledger.domain.cases.file import Case, read_cases
from ledger.domain.cases.run import Check, checks, run_case
from ledger.domain.cases.story import Notice, Posting
from ledger.domain.language.document import load_document
from ledger.domain.notices import Said
from ledger.domain.posting import Contribution
from ledger.domain.quantity import decimal_places


@dataclass
class Told:
    """A story as if told: what came, without an engine."""

    postings: list[Posting] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)
    scheme: Any = field(default_factory=lambda: SimpleNamespace(minor_digits=2))

    def inputs(self, selectors: dict[str, str], name: str) -> list[Any]:
        """Give the values set for a name."""
        return self.values[name]


def posting(amount: int, number: int = 1, names: tuple[str, ...] = ("1",), platform: str = "A", **own: str) -> Posting:
    """Give one posting of event 1 for a fund F of the gig's day, paid by the platform, unless said otherwise."""
    whole = {"fund": "F", "payer": "platform:A", "window": "2025-03-04", "unit": "SGD", "state": "accrued"} | own
    return Posting(number, names, platform, Contribution("X-TEST", "v", amount=amount, platform=platform, **whole))


def case(answer: str, events: int = 3) -> Case:
    """Give a case of three gigs with this answer."""
    story = "".join("  - {at: 2025-03-04, repeat: 9}\n" for _ in range(events))
    (read,) = read_cases(f"scheme: X-TEST\nevents:\n{story}{answer}\n", "case.yaml")
    return read


def check(answer: str, told: Told) -> Check:
    """Give the only check of an answer."""
    (only,) = checks(case(answer), told)  # type: ignore[arg-type]
    return only


ALL = [
    posting(100, names=("1", "1/1")),
    posting(200, names=("1", "1/7")),
    posting(400, 2, ("2",), "B", payer="platform:B"),
    posting(800, 2, ("2",), "B", payer="worker:W-case", fund="F.OA"),
    posting(1600, 3, ("3",), "", payer="subsidy:PP50", window="2025-03", fund="FF"),
    posting(3200, 3, ("3",), window="2025-Q1", state="remitted"),
    posting(6400, 3, ("3",), window="2025-03", state="credit"),
    posting(9000, 3, ("3",), unit="hours"),
    posting(2, 3, ("3",), unit="days", payer="measure:X-TEST/F"),
]


@pytest.mark.parametrize(
    ("selectors", "amount"),
    [
        ("", "31"),
        ("gig: 1,", "3"),
        ("gig: 1/7,", "2"),
        ("gig: 1/8,", "0"),
        ("after: 1,", "3"),
        ("after: 2,", "15"),
        ("fund: F,", "15"),
        ("fund: F.OA,", "8"),
        ("fund: G,", "0"),
        ("payer: worker,", "8"),
        ("payer: platform,", "7"),
        ("payer: 'subsidy:PP50',", "16"),
        ("platform: B,", "12"),
        ("period: 2025-03-04,", "15"),
        ("period: 2025-03,", "31"),
        ("period: 2025-W10,", "15"),
        ("period: 2025-04,", "0"),
        ("state: remitted,", "32"),
        ("state: remitted, period: 2025-03,", "0"),
        ("state: due,", "-65"),
        ("state: withheld,", "0"),
        ("unit: hours,", "2.5"),
        ("unit: days,", "2"),
        ("unit: days, payer: none,", "2"),
        ("unit: days, payer: platform,", "0"),
    ],
)
def test_a_row_adds_up_what_its_selectors_match(selectors: str, amount: str) -> None:
    told = Told(postings=ALL)
    assert check(f'expect: [{{{selectors} amount: "{amount}"}}]', told).holds
    off = str(Fraction(amount) + 1)
    wrong = check(f'expect: [{{{selectors} amount: "{off if "/" not in off else "9"}"}}]', told)
    assert not wrong.holds
    assert Fraction(wrong.got) == Fraction(amount)


def test_amounts_are_compared_as_numbers() -> None:
    told = Told(postings=[posting(4100)])
    assert [
        check(f'expect: [{{amount: "{text}"}}]', told).holds for text in ("41", "41.00", "41.000", "41.001", "42")
    ] == [*(True, True, True, False, False)]


def test_no_posting_at_all() -> None:
    assert check("expect_none: true", Told()).holds
    assert not check("expect_none: true", Told(postings=[posting(1, state="remitted")])).holds


@pytest.mark.parametrize(
    ("seconds", "expected", "holds"),
    [
        (9000, "2.5", True),
        (9000, "2.50", True),
        (9000, "2.51", False),
        (9001, "2.5", False),
        (120_000, "33.33", True),
        (120_000, "33.34", False),
        (120_000, "33", False),
        (8_640, "2", False),
        (2, "0.000694", True),  # 2.5 seconds, posted as 2
        (-3600, "-1", True),
        (0, "0", True),
    ],
)
def test_hours_are_decimals_of_an_hour(seconds: int, expected: str, holds: bool) -> None:
    told = Told(postings=[posting(seconds, unit="hours")])
    assert check(f'expect: [{{unit: hours, amount: "{expected}"}}]', told).holds is holds


@given(st.integers(0, 10**7), st.integers(2, 6))
def test_hours_written_from_what_was_posted_hold(seconds: int, places: int) -> None:
    hours = Fraction((2 * seconds * 10**places + 3600) // 7200, 10**places)
    told = Told(postings=[posting(seconds, unit="hours")])
    assert check(f'expect: [{{unit: hours, amount: "{decimal_places(hours, places)}"}}]', told).holds


EXCESS = Said("X-TEST", "v", "excess", "2025-03", "A", "F.OA", Fraction("11.905"), None, None)
GIVEN = Told(
    notices=[
        Notice(1, ("1", "1/2"), EXCESS),
        Notice(2, ("2",), EXCESS._replace(kind="eligible", platform="", fund="", amount=None, value=True)),
        Notice(3, ("3",), EXCESS._replace(kind="coverage", amount=None, value="work_risk")),
        Notice(3, ("3",), EXCESS._replace(kind="due", amount=None, date=date(2025, 4, 14))),
    ]
)


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        ("kind: excess", True),
        ('kind: excess, period: 2025-03, platform: A, fund: F, gig: 1/2, amount: "11.91"', True),
        ('kind: excess, amount: "11.905"', True),
        ('kind: excess, amount: "11.90"', False),
        ('kind: excess, amount: "12"', False),
        ("kind: excess, period: 2025, gig: 1", True),
        ("kind: excess, period: 2025-04", False),
        ("kind: excess, platform: B", False),
        ("kind: excess, fund: G", False),
        ("kind: excess, gig: 2", False),
        ("kind: shortfall", False),
        ("kind: eligible, value: true", True),
        ("kind: eligible, value: false", False),
        ("kind: coverage, value: work_risk", True),
        ("kind: coverage, value: full", False),
        ("kind: due, date: 2025-04-14", True),
        ("kind: due, date: 2025-04-15", False),
        ('kind: due, amount: "1"', False),
    ],
)
def test_a_notice_must_have_been_given(row: str, holds: bool) -> None:
    assert check(f"expect_notice: [{{{row}}}]", GIVEN).holds is holds


def test_a_notice_that_was_not_given_is_told_beside_those_that_were() -> None:
    got = check('expect_notice: [{kind: excess, amount: "12"}]', GIVEN).got
    assert got == "2025-03 A F.OA: amount 11.905"
    assert check("expect_notice: [{kind: breach}]", GIVEN).got == "not given"


@pytest.mark.parametrize(
    ("value", "expected", "holds"),
    [
        (Fraction("85.945"), "85.95", True),
        (Fraction("85.945"), "85.945", True),
        (Fraction("85.945"), "85.94", False),
        (Fraction(2, 3), "0.67", True),
        (650, "650", True),
        (650, "650.00", True),
        (650, "651", False),
        (Fraction("-0.5"), "-1", True),
        (Fraction(3), "three", False),
        ("full", "full", True),
        ("full", "work_risk", False),
        ("16.90", "16.9", True),
        (True, "true", True),
        (date(2025, 5, 1), "2025-05-01", True),
        (date(2025, 5, 1), "2025-05", True),
        (date(2025, 5, 2), "2025-05", False),
        (("JKK", "JKM"), "JKK, JKM", True),
        (None, "0", False),
    ],
)
def test_inputs_are_compared_at_the_decimals_written(value: Any, expected: str, holds: bool) -> None:
    row = f'expect_inputs: [{{gig: 1, base: "{expected}"}}]'
    found = check(row, Told(values={"base": [value]}))
    assert found.holds is holds
    assert found.holds is (found.got == expected)


def test_all_values_of_an_input_must_agree_and_there_must_be_one() -> None:
    row = 'expect_inputs: [{gig: 1, base: "40"}]'
    assert check(row, Told(values={"base": [40, Fraction(40)]})).holds
    assert not check(row, Told(values={"base": [40, 41]})).holds
    assert check(row, Told(values={"base": []})).got == "no value"
    assert check("expect_inputs: [{gig: 1, cap: no value}]", Told(values={"cap": []})).holds


SCHEME = """
scheme: X-STORY
title: a small scheme in which every event shows
status: draft
currency: SGD
time_zone: Asia/Singapore
zones: [SG]
sources: {own: {title: own}}
versions:
  - from: 2025-01-01
    source: own
    parameters: {fee: open}
    measures: {pay: {include: all, less: [commission]}, hours: {sum: hours}}
    lines:
      flat: {times: [worker.plan, "2"]}
      charge: {value: fee}
      rest: {value: hours}
    rules:
      - {fund: GIG, payer: platform, window: gig, base: pay, rate: "0.01", rounding: {mode: half_up, step: "0.01"}}
      - {fund: MONTH, payer: worker, window: month, platforms: each, base: pay, rate: "0.10",
         rounding: {mode: down, step: "1"}}
      - {fund: FLAT, payer: worker, window: month, platforms: together, on: close, when: {worker.plan: {known: true}},
         amount: flat, rounding: {mode: down, step: "0.01"}}
      - {fund: FEE, payer: worker, window: month, platforms: together, on: close, amount: charge,
         rounding: {mode: down, step: "0.01"}}
      - {fund: REST, payer: platform, window: running, platforms: each, unit: hours, amount: rest}
    notices:
      - {kind: usable, window: running, platforms: each, truth: {hours: {from: "2"}}}
  - from: 2026-01-01
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: GIG, payer: platform, window: gig, base: pay, rate: "0.02", rounding: {mode: half_up, step: "0.01"}}
"""


def run(text: str) -> list[Check]:
    """Give the checks of a case of X-STORY. Raises AssertionError when it could not be run."""
    (read,) = read_cases(f"scheme: X-STORY\n{text}", "case.yaml")
    result = run_case(read, {"X-STORY": load_document(SCHEME, "x.yaml", EXPONENTS)}, EXPONENTS)
    assert not result.error, result.error
    return list(result.checks)


STORIES = {
    "copies": """
events:
  - {at: 2025-01-30, gross: "10.00", repeat: 3, every: P1D}
expect:
  - {gig: 1, fund: GIG, amount: "0.30"}
  - {gig: 1/3, fund: GIG, amount: "0.10"}
  - {period: 2025-01, fund: GIG, amount: "0.20"}
  - {period: 2025-02, fund: MONTH, amount: "1"}
""",
    "components, commission and platforms": """
events:
  - at: 2025-01-30
    platform: B
    components: [{kind: fare, amount: "12"}, {kind: penalty, amount: "-1"}]
    commission: "1"
  - {at: 2025-01-30T23:59:59+08:00}
expect:
  - {fund: GIG, platform: B, payer: platform, amount: "0.10"}
  - {fund: GIG, platform: A, amount: "0"}
  - {fund: MONTH, payer: worker, platform: B, amount: "1"}
expect_inputs:
  - {gig: 1, pay: "10.00"}
  - {period: 2025-01, platform: B, pay: "10"}
""",
    "adjusted and reversed": """
events:
  - {at: 2025-01-30, gross: "10.00", repeat: 2}
  - {type: gig.adjusted, at: 2025-02-02, gig: 1/2, components: [{kind: tip, amount: "5.00"}]}
  - {type: gig.reversed, gig: 1/1}
expect:
  - {after: 1, fund: GIG, amount: "0.20"}
  - {after: 2, fund: GIG, amount: "0.25"}
  - {gig: 1/2, fund: GIG, amount: "0.15"}
  - {gig: 1, after: 2, fund: GIG, amount: "0.25"}
  - {gig: 1/1, fund: GIG, amount: "0"}
  - {gig: 2, fund: GIG, amount: "0.05"}
  - {fund: MONTH, period: 2025-01, amount: "1"}
expect_inputs:
  - {gig: 1/2, pay: "15"}
""",
    "flat amounts need no gig": """
worker: {plan: 1}
events:
  - {type: worker.changed, at: 2025-02-01, set: {plan: 3}}
  - {type: period.closed, period: 2025-Q1}
expect:
  - {after: 1, amount: "0"}
  - {period: 2025-01, fund: FLAT, payer: worker, amount: "2"}
  - {period: 2025-Q1, fund: FLAT, amount: "14"}
expect_notice:
  - {kind: parameter_unset, value: fee}
""",
    "open parameters": """
parameters: {fee: "0.50"}
events:
  - {type: period.closed, period: 2025-01}
expect:
  - {fund: FEE, amount: "0.50"}
  - {fund: FLAT, amount: "0"}
""",
    "hours, running": """
events:
  - {at: 2025-01-30, engaged_seconds: 3600, repeat: 2, every: P1D}
  - {at: 2025-02-02, engaged_seconds: "0.5", platform: B}
expect:
  - {fund: REST, platform: A, unit: hours, amount: "2"}
  - {period: 2025-01-30, unit: hours, amount: "1"}
expect_inputs:
  - {platform: A, hours: "2"}
expect_notice:
  - {kind: usable, platform: A, value: true}
""",
    "each window by the version of its day": """
events:
  - {at: 2025-12-31, gross: "10.00"}
  - {at: 2026-01-01, gross: "10.00"}
expect:
  - {gig: 1, fund: GIG, amount: "0.10"}
  - {gig: 2, fund: GIG, amount: "0.20"}
""",
    "what only gigs have is added up over a period": """
events:
  - {at: 2026-01-30, gross: "10.00", repeat: 3, every: P1D}
  - {at: 2026-01-30, platform: B, gross: "1.00"}
expect_inputs:
  - {period: 2026-01, platform: A, pay: "20"}
  - {period: 2026-02, platform: A, pay: "10"}
  - {period: 2026-Q1, pay: "31"}
""",
    "all by the version of one day": """
schemes_as_of: 2026-06-30
events:
  - {at: 2025-12-31, gross: "10.00"}
expect:
  - {amount: "0.20"}
""",
    "what no scheme covers": """
events:
  - {at: 2024-12-31, gross: "10.00"}
  - {at: 2025-03-04, zone: MY, gross: "10.00"}
  - {at: 2025-03-04, currency: USD, gross: "10.00"}
  - {type: dispute.opened, gig: 2}
expect_none: true
""",
    "paid in": """
events:
  - {at: 2025-01-30, gross: "100.00"}
  - {type: period.closed, period: 2025-01}
  - {type: remittance.received, at: 2025-02-10, payer: worker, period: 2025-01, fund: MONTH, amount: "4"}
expect:
  - {fund: MONTH, state: remitted, payer: worker, amount: "4"}
  - {fund: MONTH, state: due, payer: worker, amount: "6"}
  - {after: 2, fund: MONTH, state: due, payer: worker, amount: "10"}
""",
}


@pytest.mark.parametrize("name", STORIES)
def test_stories_told_to_the_engine_hold(name: str) -> None:
    assert [check for check in run(STORIES[name]) if not check.holds] == []


@pytest.mark.parametrize("name", [name for name in STORIES if "amount:" in STORIES[name]])
def test_every_wrong_amount_of_a_story_is_seen(name: str) -> None:
    (read,) = read_cases(f"scheme: X-STORY\n{STORIES[name]}", "case.yaml")
    off = [row._replace(expected={"amount": str(Fraction(row.expected["amount"]) + 1)}) for row in read.expect]
    off = [row for row in off if "/" not in row.expected["amount"]]
    result = run_case(
        read._replace(expect=tuple(off), expect_inputs=(), expect_notice=(), expect_none=False),
        {"X-STORY": load_document(SCHEME, "x.yaml", EXPONENTS)},
        EXPONENTS,
    )
    assert len(result.checks) == len(off)
    assert not any(check.holds for check in result.checks)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('parameters: {rate: "1"}\nevents: []\nexpect_none: true', "line 1: parameters: X-STORY has fee, got 'rate'"),
        (
            'events:\n  - {at: 2025-03-04, gross: "1.005"}\nexpect_none: true',
            "line 3: event 1: amount: expected at most 2",
        ),
        (
            'events: [{at: 2025-03-04, currency: XXQ, gross: "1"}]\nexpect_none: true',
            "event 1: currency: expected an ISO",
        ),
        ('events: [{at: 2025-03-04, gross: "1"}]\nexpect_inputs: [{gig: 1, floor: "1"}]', "floor"),
        (
            'events: [{type: remittance.received, at: 2025-03-04, period: 2025-02, amount: "1", fund: XX}]\nexpect: []',
            "event 1: fund: expected one of ",
        ),
    ],
)
def test_a_case_that_cannot_be_run_says_why(text: str, what: str) -> None:
    (read,) = read_cases(f"scheme: X-STORY\n{text}", "case.yaml")
    documents = {"X-STORY": load_document(SCHEME, "x.yaml", EXPONENTS)}
    assert what in run_case(read, documents, EXPONENTS).error
    assert "scheme: expected one of none, got 'X-STORY'" in run_case(read, {}, EXPONENTS).error
