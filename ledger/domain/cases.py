"""Cases, run: a story of gigs against the versions of one scheme, and each row of its answer held against what came.

The same accrual as the journal's, on a trial registry in which drafts act and all versions are enacted beforehand. A
failing row is a result (`Check.holds` is False), a case that cannot be run one too (`CaseResult.error`); only a file
that cannot be read raises. Pure: text and versions in, results out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final, NamedTuple

from ledger.domain.accrual import Contribution, accrue
from ledger.domain.casefile import Case, CaseEvent, Row, instant, later
from ledger.domain.document import Document
from ledger.domain.earning import Component, Gig, Segment
from ledger.domain.ids import payer_kind
from ledger.domain.money import format_amount, parse_amount
from ledger.domain.period import Window, local_day, parse_period
from ledger.domain.plan import Plan
from ledger.domain.quantity import decimal_places, exact
from ledger.domain.registry import Registry
from ledger.domain.shapes import lookup
from ledger.domain.standing import Account

WORKER: Final = "W-case"
NO_ROW: Final = "no row"


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


class _Told(NamedTuple):
    """A gig of the story: its event, its own id, its local day, the plans that covered it, and what it posted."""

    event: CaseEvent
    id: str
    day: date
    gig: Gig
    plans: tuple[Plan, ...]
    postings: list[Contribution]


def run_case(case: Case, documents: Mapping[str, Document], minor_digits: Mapping[str, int]) -> CaseResult:
    """Give how the case went against these schemes, by id; `minor_digits` are ISO 4217's, by currency."""
    document = documents.get(case.scheme)
    try:
        if document is None:
            raise ValueError(
                f"scheme: expected one of {', '.join(sorted(documents)) or 'none'}, got {case.scheme[:40]!r}"
            )
        if case.parameters:
            raise ValueError(f"parameters: {case.scheme} has no open parameter {case.parameters[0][:40]!r}")
        story = _Story(case, document, minor_digits)
        return CaseResult(case, tuple(story.checks()), "")
    except ValueError as error:
        return CaseResult(case, (), str(error))


class _Story:
    """The story told: every gig accrued, in the order of receipt."""

    def __init__(self, case: Case, document: Document, minor_digits: Mapping[str, int]) -> None:
        self.case = case
        self.minor_digits = minor_digits
        self.scheme = document.versions[0]
        self.account = Account()
        registry = Registry(document.versions, drafts=True, as_of=case.as_of)
        self.told: list[_Told] = []
        for event in case.events:
            at = instant(event.at, self.scheme.time_zone)
            for copy in range(1, event.repeat + 1):
                gig = self._gig(event, at)
                name = f"{event.id}/{copy}" if event.repeat > 1 else event.id
                day = local_day(self.scheme.time_zone, at)
                plans = registry.plans(gig)
                self.told.append(_Told(event, name, day, gig, plans, accrue(gig, self.account, registry)))
                at = later(at, event.every, self.scheme.time_zone)

    def checks(self) -> list[Check]:
        """Give every row's check, in the order of the file."""
        checks = [self._row(row) for row in self.case.expect]
        if self.case.expect_none:
            posted = sum(len(told.postings) for told in self.told)
            checks.append(
                Check(self.case.line, "expect_none", "no posting", f"{posted or 'no'} posting(s)", posted == 0)
            )
        for row in self.case.expect_inputs:
            checks += self._inputs(row)
        return checks

    def _gig(self, event: CaseEvent, at: int) -> Gig:
        own: dict[str, Any] = event.members
        currency = own.get("currency", self.scheme.currency)
        if currency not in self.minor_digits:
            raise ValueError(f"currency: expected an ISO 4217 code, got {currency[:40]!r}")
        digits = self.minor_digits[currency]
        parts = own.get("components") or [{"kind": "fare", "amount": own.get("gross", "0")}]
        segments = tuple(
            Segment(part["zone"], exact(part.get("engaged_seconds", "0")), exact(part.get("distance_m", "0")))
            for part in own.get("segments", ())
        )
        due = own.get("payment_due_on")
        return Gig(
            worker=WORKER,
            platform=event.platform,
            service=own.get("service", "ride"),
            vehicle=own.get("vehicle"),
            zone=own.get("zone", self.scheme.zones[0] if self.scheme.zones else None),
            currency=currency,
            components=tuple(
                Component(part["kind"], parse_amount(part["amount"], digits), part.get("purpose")) for part in parts
            ),
            commission_minor=parse_amount(own.get("commission", "0"), digits),
            engaged_seconds=sum(s.engaged_seconds for s in segments) or exact(own.get("engaged_seconds", "0")),
            distance_m=sum(s.distance_m for s in segments) or exact(own.get("distance_m", "0")),
            segments=segments,
            occurred_at=at,
            payment_due_on=date.fromisoformat(due) if due else local_day(self.scheme.time_zone, at),
        )

    def _row(self, row: Row) -> Check:
        minor = sum(p.amount for told in self.told for p in told.postings if self._matches(row.selectors, told, p))
        got = format_amount(minor, self.scheme.minor_digits)
        expected = row.expected["amount"]
        holds = Fraction(exact(expected)) * 10**self.scheme.minor_digits == minor
        what = ", ".join(f"{key} {value}" for key, value in row.selectors.items()) or "all postings"
        return Check(row.line, what, expected, got, holds)

    def _matches(self, selectors: Mapping[str, str], told: _Told, posting: Contribution) -> bool:
        unit = selectors.get("unit", "money")
        fund = selectors.get("fund", posting.fund)
        return (
            unit == "money"
            and int(selectors.get("after", told.event.number)) >= told.event.number
            and ("gig" not in selectors or self._is_gig(selectors["gig"], told))
            and selectors.get("platform", told.gig.platform) == told.gig.platform
            and selectors.get("payer", payer_kind(posting.payer)) == payer_kind(posting.payer)
            and (posting.fund == fund or posting.fund.startswith(fund + "."))
            and ("period" not in selectors or parse_period(selectors["period"]).holds(parse_period(posting.window)))
        )

    def _is_gig(self, name: str, told: _Told) -> bool:
        if name not in {own.id for own in self.told} | {own.event.id for own in self.told}:
            raise ValueError(f"gig: expected the id of an event, got {name[:40]!r}")
        return name in (told.id, told.event.id)

    def _inputs(self, row: Row) -> list[Check]:
        selectors, checks = row.selectors, []
        if ("gig" in selectors) == ("period" in selectors):
            raise ValueError("expect_inputs: expected either gig or period in each row")
        for name, expected in row.expected.items():
            found = self._found(selectors, name)
            where = ", ".join(f"{key} {value}" for key, value in selectors.items())
            got = [_written(value, expected) for value in found] or ["nothing"]
            wrong = [text for text in got if not _same(text, expected)]
            checks.append(Check(row.line, f"{name} ({where})", expected, (wrong or got)[0], not wrong))
        return checks

    def _found(self, selectors: Mapping[str, str], name: str) -> list[Fraction | str]:
        """Give every value that an input of this name had: of each gig selected, or of each window selected."""
        scale = 10**self.scheme.minor_digits
        found: list[Fraction | str] = []
        known = False
        windows = set()
        for told in self.told:
            platform = selectors.get("platform", told.gig.platform)
            if platform != told.gig.platform or ("gig" in selectors and not self._is_gig(selectors["gig"], told)):
                continue
            for plan in told.plans:
                version = plan.group.version
                names = [base.name for base in plan.group.bases]
                known = known or name in names or any(table.name == name for table in version.tables)
                if "gig" in selectors:
                    if name in names:
                        found.append(Fraction(plan.assess[names.index(name)](told.gig), scale))
                    for table in version.tables:
                        if table.name == name:
                            cap = lookup(table)(told.gig)
                            found.append(NO_ROW if cap is None else Fraction(cap, scale))
                elif plan.key in self.account.standings and plan.key not in windows:
                    windows.add(plan.key)
                    if name in names and parse_period(selectors["period"]).holds(parse_period(plan.window)):
                        standing = self.account.standings[plan.key]
                        found.append(Fraction(standing.inputs[names.index(name)], scale))
                elif plan.group.window is Window.GIG and name in names:
                    raise ValueError(f"expect_inputs: {name} is a gig's input: name the gig, not a period")
        if not known:
            raise ValueError(f"expect_inputs: {self.case.scheme} has no input {name[:40]!r} for the gigs selected")
        return found


def _written(value: Fraction | str, expected: str) -> str:
    """Give a value at the decimals in which the expectation is written, rounded half up."""
    if isinstance(value, str):
        return value
    return decimal_places(value, len(expected.partition(".")[2]))


def _same(got: str, expected: str) -> bool:
    try:
        return Fraction(exact(got)) == Fraction(exact(expected))
    except ValueError:
        return got == expected
