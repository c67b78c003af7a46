"""Cases, run: each row of a case's answer held against what its story came to.

A failing row is a result (`Check.holds` is False), a case that cannot be run one too (`CaseResult.error`); only a file
that cannot be read raises, in `ledger.domain.cases.file`. Amounts are compared as numbers; hours, which are posted as
whole seconds rounded down, as decimals of an hour; inputs at the decimals written, rounded half up. Pure: cases and
versions in, results out. Source: contracts/schemes/README.md, "Cases".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final, NamedTuple

from ledger.domain import ids
from ledger.domain.cases.file import Case, Row
from ledger.domain.cases.story import Notice, Posting, Story
from ledger.domain.language.document import Document
from ledger.domain.money import format_amount
from ledger.domain.period import parse_period
from ledger.domain.quantity import DECIMAL, decimal_places, exact

_HOUR: Final = 3600
_SIGNS: Final[Mapping[str, Mapping[str, int]]] = {"due": {"accrued": 1, "remitted": -1, "credit": -1}}
_NONE: Final = "no value"


class Check(NamedTuple):
    """One thing expected and what came, as text; `line` in the case file."""

    line: int
    what: str
    expected: str
    got: str
    holds: bool


class CaseResult(NamedTuple):
    """How one case went: its checks, or why it could not be run."""

    case: Case
    checks: tuple[Check, ...]
    error: str

    @property
    def holds(self) -> bool:
        """Whether it ran and every check held."""
        return not self.error and all(check.holds for check in self.checks)


def run_case(case: Case, documents: Mapping[str, Document], minor_digits: Mapping[str, int]) -> CaseResult:
    """Give how the case went against these schemes, by id; `minor_digits` are ISO 4217's, by currency."""
    document = documents.get(case.scheme)
    if document is None:
        known = ", ".join(sorted(documents)) or "none"
        return CaseResult(case, (), f"scheme: expected one of {known}, got {case.scheme[:40]!r}")
    try:
        story = Story(case, document.versions, minor_digits)
        return CaseResult(case, tuple(checks(case, story)), "")
    except ValueError as error:
        return CaseResult(case, (), str(error))


def checks(case: Case, story: Story) -> Iterator[Check]:
    """Give the check of every row, in the order of the file. Raises ValueError for an input that no version knows."""
    for row in case.expect:
        yield _total(row, story)
    if case.expect_none:
        count = len(story.postings)
        yield Check(case.line, "expect_none", "no posting", f"{count or 'no'} posting{'s'[: count > 1]}", not count)
    for row in case.expect_notice:
        yield _notice(row, story)
    for row in case.expect_inputs:
        for name, expected in row.expected.items():
            yield _input(row, story, name, expected)


def _total(row: Row, story: Story) -> Check:
    unit, expected = row.selectors.get("unit", "money"), row.expected["amount"]
    state = row.selectors.get("state", "accrued")
    signs = _SIGNS.get(state, {state: 1})
    total = sum(
        signs[p.contribution.state] * p.contribution.amount
        for p in story.postings
        if p.contribution.state in signs and _selects(row.selectors, p)
    )
    digits = story.scheme.minor_digits
    wanted = Fraction(exact(expected))
    if unit == "money":
        got, holds = format_amount(total, digits), wanted * 10**digits == total
    elif unit == "hours":
        got, holds = _hours(total, expected)
    else:
        got, holds = str(total), wanted == total
    return Check(row.line, _what(row), expected, got, holds)


def _hours(seconds: int, expected: str) -> tuple[str, bool]:
    """Give posted seconds as hours, and whether they are the hours expected.

    What was expected may be a third of an hour, which no decimal says: then its last decimal is taken as rounded. With
    fewer than two decimals it is not: 2 hours are not 2.4.
    """
    places = len(expected.partition(".")[2])
    wanted = Fraction(exact(expected))
    rounded = decimal_places(Fraction(seconds, _HOUR), places)
    holds = wanted * _HOUR // 1 == seconds or (places >= 2 and Fraction(rounded) == wanted)
    return (expected if holds else decimal_places(Fraction(seconds, _HOUR), max(places, 4))), holds


def _selects(selectors: Mapping[str, str], posting: Posting) -> bool:
    own = posting.contribution
    return (
        (own.unit if own.unit in ("hours", "days") else "money") == selectors.get("unit", "money")
        and posting.number <= int(selectors.get("after", posting.number))
        and ("gig" not in selectors or selectors["gig"] in posting.names)
        and ("fund" not in selectors or _in_fund(own.fund, selectors["fund"]))
        and selectors.get("payer", _payer(own.payer)) == _payer(own.payer)
        and selectors.get("platform", posting.platform) == posting.platform
        and ("period" not in selectors or _within(own.window, selectors["period"]))
    )


def _payer(payer: str) -> str:
    kind = ids.payer_kind(payer)
    return "none" if kind in ("", "measure") else kind


def _in_fund(fund: str, wanted: str) -> bool:
    return fund == wanted or fund.startswith(wanted + ".")


def _within(window: str, period: str) -> bool:
    return parse_period(period).holds(parse_period(window))


def _notice(row: Row, story: Story) -> Check:
    meant = [notice for notice in story.notices if notice.said.kind == row.selectors["kind"]]
    near = [notice for notice in meant if _speaks_of(row.selectors, notice)]
    holds = any(_says(row.expected, notice, story.scheme.minor_digits) for notice in near)
    texts = dict.fromkeys(_spoken(notice) for notice in near or meant)
    got = "; ".join(list(texts)[:3]) + (f"; {len(texts) - 3} more" if len(texts) > 3 else "")
    expected = ", ".join(f"{key} {value}" for key, value in row.expected.items()) or "given"
    return Check(row.line, f"notice {_what(row)}", expected, "given" if holds else got or "not given", holds)


def _speaks_of(selectors: Mapping[str, str], notice: Notice) -> bool:
    said = notice.said
    return (
        ("gig" not in selectors or selectors["gig"] in notice.names)
        and ("fund" not in selectors or _in_fund(said.fund, selectors["fund"]))
        and selectors.get("platform", said.platform) == said.platform
        and ("period" not in selectors or (said.window != "" and _within(said.window, selectors["period"])))
    )


def _says(expected: Mapping[str, str], notice: Notice, minor_digits: int) -> bool:
    said = notice.said
    return (
        ("amount" not in expected or _same_amount(said.amount, expected["amount"], minor_digits))
        and ("value" not in expected or _agree(said.value, expected["value"])[1])
        and ("date" not in expected or _agree(said.date, expected["date"])[1])
    )


def _same_amount(amount: Fraction | None, expected: str, minor_digits: int) -> bool:
    if amount is None:
        return False
    places = len(expected.partition(".")[2])
    # A notice's amount need not be rounded; where the case writes all decimals of the currency, the last is taken so.
    rounded = Fraction(decimal_places(amount, places)) if places >= minor_digits else amount
    return rounded == Fraction(exact(expected))


def _spoken(notice: Notice) -> str:
    said = notice.said
    where = [
        f"{said.window or 'ever'}",
        *([said.platform] if said.platform else []),
        *([said.fund] if said.fund else []),
    ]
    amount = "" if said.amount is None else f" amount {_plain(said.amount)}"
    value = "" if said.value is None else f" value {_agree(said.value, '')[0]}"
    return f"{' '.join(where)}:{amount}{value}{f' date {said.date}' if said.date else ''}"


def _input(row: Row, story: Story, name: str, expected: str) -> Check:
    found = [_agree(value, expected) for value in story.inputs(row.selectors, name)]
    got = ", ".join(dict.fromkeys(text for text, _ in found)) or _NONE
    # Nothing to be found may be what is expected: a table without a row, an attribute unknown.
    holds = all(same for _, same in found) if found else expected == _NONE
    return Check(row.line, f"input {name} ({_what(row)})", expected, got, holds)


def _agree(value: Any, expected: str) -> tuple[str, bool]:
    """Give a value as text, as exactly as the expectation is written, and whether it is what was expected."""
    if value is None:
        return _NONE, False
    if isinstance(value, bool):
        return ("true" if value else "false"), expected == ("true" if value else "false")
    if isinstance(value, date):
        # A first of the month may be written as the month.
        same = expected == value.isoformat() or (value.day == 1 and expected == value.isoformat()[:7])
        return (expected if same else value.isoformat()), same
    wanted = Fraction(exact(expected)) if DECIMAL.fullmatch(expected) else None
    if isinstance(value, str):
        if wanted is None or DECIMAL.fullmatch(value) is None:
            return value, value == expected
        value = Fraction(exact(value))
    if isinstance(value, (tuple, list)):
        text = ", ".join(str(item) for item in value)
        return text, text == expected
    if wanted is None:
        return _plain(value), False
    rounded = decimal_places(value, len(expected.partition(".")[2]))
    return (rounded if Fraction(rounded) == wanted else _plain(value)), Fraction(rounded) == wanted


def _plain(value: Fraction | int) -> str:
    return decimal_places(value, 6).rstrip("0").rstrip(".")


def _what(row: Row) -> str:
    return ", ".join(f"{key} {value}" for key, value in row.selectors.items()) or "all postings"
