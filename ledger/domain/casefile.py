"""Case files, read: a story of gigs in the scheme's own words, and the rows of its answer.

Every scalar is text typed by its key; unknown keys are refused, and what the engine cannot run yet is named as such
instead of being passed over. Cases enter behind the intake: platform names, ids and times are not checked against the
events' contract. Running them is `ledger.domain.cases`. Source: the format in contracts/schemes/README.md.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from ledger.domain import quantity
from ledger.domain.document import read_yaml
from ledger.domain.tree import Node, Reading

_TOP: Final = ("scheme", "events")
_TOP_MORE: Final = (
    *("expect", "expect_none", "expect_notice", "expect_inputs", "worker", "platforms", "parameters"),
    *("schemes_as_of", "id", "title", "basis", "source"),
)
_ATTRIBUTES: Final = (
    *("born", "opted_in", "income", "basis", "programmes", "sector", "state_paid", "service_class", "plan", "pays"),
    *("subsidy", "sponsor", "salary", "productive", "tier", "activity"),
)
_PLATFORM_ATTRIBUTES: Final = ("turnover", "payouts", "first_enrolment", "collects", "flat_fee", "service_fee_pct")
_GIG_KEYS: Final[tuple[str, ...]] = (
    *(
        "type",
        "at",
        "id",
        "platform",
        "repeat",
        "every",
        "service",
        "vehicle",
        "zone",
        "gross",
        "components",
        "commission",
    ),
    *("engaged_seconds", "distance_m", "segments", "payment_due_on", "currency"),
)
_OTHER_TYPES: Final = (
    *("gig.adjusted", "gig.reversed", "worker.changed", "period.closed", "remittance.received", "dispute.opened"),
    "dispute.decided",
)
_ROW_KEYS: Final[tuple[str, ...]] = ("period", "gig", "after", "fund", "payer", "platform", "state", "unit")
_STATES: Final = ("accrued", "withheld", "returned", "remitted", "credit", "due", "drawn")
_DURATION: Final = re.compile(
    r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATER: Final = "corrections, closes, attributes and remittances are not supported yet"


class CaseEvent(NamedTuple):
    """One gig.completed of the story, before the scheme's defaults; `members` are its fields as text."""

    number: int
    id: str
    platform: str
    at: str
    repeat: int
    every: str
    members: dict[str, Any]


class Row(NamedTuple):
    """One row of an answer: its selectors, and the figures expected (`amount`, or inputs by name)."""

    line: int
    selectors: dict[str, str]
    expected: dict[str, str]


class Case(NamedTuple):
    """One case as written. `parameters` are named only: no scheme has an open parameter yet."""

    id: str
    file: str
    line: int
    scheme: str
    basis: str
    as_of: date | None
    events: tuple[CaseEvent, ...]
    expect: tuple[Row, ...]
    expect_none: bool
    expect_inputs: tuple[Row, ...]
    parameters: tuple[str, ...]


def read_cases(text: str, name: str) -> list[Case]:
    """Give the cases of a file. Raises SchemeError with all problems of all its cases."""
    reading = Reading(name)
    trees = [tree for tree in read_yaml(text, name) if tree.value != ""]
    stem = name.rsplit("/", 1)[-1]
    cases = [_case(reading, tree, f"{stem}#{number}") for number, tree in enumerate(trees, 1)]
    reading.close()
    return cases


def instant(text: str, time_zone: str) -> int:
    """Give the epoch seconds of `at`: ISO 8601 with offset, or a day (12:00 in the time zone). Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if len(text) == 10:
        moment = moment.replace(hour=12, tzinfo=ZoneInfo(time_zone))
    if moment.tzinfo is None:
        raise ValueError(f"at: expected a time with its offset, got {text[:40]!r}")
    return (moment - _EPOCH) // timedelta(seconds=1)


def later(start: int, every: str, time_zone: str) -> int:
    """Give the instant that lies a duration after another in local time. Raises ValueError."""
    match = _DURATION.fullmatch(every)
    if match is None:
        raise ValueError(f"every: expected a duration such as P1D or PT30M, got {every[:40]!r}")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    local = datetime.fromtimestamp(start, ZoneInfo(time_zone))
    month = local.year * 12 + local.month - 1 + years * 12 + months
    first = local.replace(year=month // 12, month=month % 12 + 1, day=1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    moved = first.replace(day=min(local.day, last.day)) + timedelta(weeks=weeks, days=days)
    # Calendar parts move the clock on the wall, the time part moves both alike.
    spent = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return (moved.astimezone(UTC) + spent - _EPOCH) // timedelta(seconds=1)


def _case(reading: Reading, tree: Node, default_id: str) -> Case:
    top = reading.mapping(tree, "case", _TOP, _TOP_MORE)
    if not {"expect", "expect_none", "expect_notice", "expect_inputs"} & set(top):
        reading.wrong(tree, "case: expected an answer, got none", "add `expect:`, `expect_none:` or `expect_inputs:`")
    if "expect_notice" in top:
        reading.wrong(top["expect_notice"], "expect_notice: notices are not supported yet", "leave this case out")
    if "worker" in top:
        reading.mapping(top["worker"], "worker", (), _ATTRIBUTES)
    if "platforms" in top and isinstance(top["platforms"].value, dict):
        for name, node in top["platforms"].value.items():
            reading.mapping(node, f"platform {name}", (), _PLATFORM_ATTRIBUTES)
    parameters = top.get("parameters")
    as_of = reading.text(top.get("schemes_as_of"), "schemes_as_of")
    words = {"published": "published", "derived": "derived", "memory": "memory"}
    events = reading.items(top.get("events"), "events")
    return Case(
        id=reading.text(top.get("id"), "id") or default_id,
        file=reading.file,
        line=tree.line,
        scheme=reading.text(top.get("scheme"), "scheme"),
        basis=reading.choice(top.get("basis"), "basis", words, "derived"),
        as_of=_as_of(reading, top["schemes_as_of"], as_of) if as_of else None,
        events=tuple(_event(reading, node, number) for number, node in enumerate(events, 1)),
        expect=tuple(_row(reading, node) for node in reading.items(top.get("expect"), "expect")),
        expect_none=reading.choice(top.get("expect_none"), "expect_none", {"true": True, "false": False}, False),
        expect_inputs=tuple(
            _inputs(reading, node) for node in reading.items(top.get("expect_inputs"), "expect_inputs")
        ),
        parameters=tuple(parameters.value) if parameters is not None and isinstance(parameters.value, dict) else (),
    )


def _as_of(reading: Reading, node: Node, text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        reading.wrong(node, f"schemes_as_of: expected a day, got {text[:40]!r}", "write it as 2026-01-31")
        return None


def _event(reading: Reading, node: Node, number: int) -> CaseEvent:
    kind = node.value.get("type") if isinstance(node.value, dict) else None
    name = reading.text(kind, "type") or "gig.completed"
    if name in _OTHER_TYPES:
        reading.wrong(node, f"event {number}: {name} is not supported yet", f"{_LATER}: leave this case out")
        return CaseEvent(number, str(number), "A", "", 0, "PT0S", {})
    if name != "gig.completed":
        reading.wrong(node, f"event {number}: unknown type {name[:40]!r}", f"write gig.completed ({_LATER})")
        return CaseEvent(number, str(number), "A", "", 0, "PT0S", {})
    own = reading.mapping(node, f"event {number}", ("at",), _GIG_KEYS)
    if ("gross" in own) == ("components" in own):
        reading.wrong(node, f"event {number}: expected either gross or components", 'write `gross: "40.00"`')
    repeat = reading.word(own.get("repeat"), "repeat", re.compile(r"[1-9][0-9]{0,5}", re.ASCII), "100") or "1"
    members: dict[str, Any] = {key: _member(reading, key, own[key]) for key in _GIG_KEYS[6:] if key in own}
    return CaseEvent(
        number,
        reading.text(own.get("id"), "id") or str(number),
        reading.text(own.get("platform"), "platform") or "A",
        reading.text(own.get("at"), "at"),
        int(repeat),
        reading.text(own.get("every"), "every") or "PT0S",
        members,
    )


def _member(reading: Reading, key: str, node: Node) -> Any:
    if key == "components":
        parts = [
            reading.mapping(part, "component", ("kind", "amount"), ("purpose",)) for part in reading.items(node, key)
        ]
        return [{name: reading.text(value, name) for name, value in part.items()} for part in parts]
    if key == "segments":
        keys = ("engaged_seconds", "distance_m")
        parts = [reading.mapping(part, "segment", ("zone",), keys) for part in reading.items(node, key)]
        return [{name: reading.text(value, name) for name, value in part.items()} for part in parts]
    return reading.text(node, key)


def _row(reading: Reading, node: Node) -> Row:
    own = reading.mapping(node, "row", ("amount",), _ROW_KEYS)
    state = reading.choice(own.get("state"), "state", {word: word for word in _STATES}, "accrued")
    if state != "accrued":
        reading.wrong(own["state"], f"state: {state} is not supported yet", "expect accrued, or leave this case out")
    reading.choice(own.get("unit"), "unit", {word: word for word in ("money", "hours", "days")}, "money")
    amount = reading.text(own.get("amount"), "amount")
    if amount and quantity.DECIMAL.fullmatch(amount) is None:
        reading.wrong(own["amount"], f"amount: expected a decimal, got {amount[:40]!r}", 'write it as "0.50"')
    selectors: dict[str, str] = {key: reading.text(own[key], key) for key in _ROW_KEYS if key in own}
    return Row(node.line, selectors, {"amount": amount})


def _inputs(reading: Reading, node: Node) -> Row:
    if not isinstance(node.value, dict):
        reading.wrong(node, "expect_inputs: expected keys and values", "write {gig: 1, base: ...}")
        return Row(node.line, {}, {})
    given = {key: reading.text(child, key) for key, child in node.value.items()}
    selectors: dict[str, str] = {key: given.pop(key) for key in ("period", "gig", "platform") if key in given}
    return Row(node.line, selectors, given)
