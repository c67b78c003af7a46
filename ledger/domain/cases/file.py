"""Case files, read: a story of events in the scheme's own words, and the rows of its answer.

Every scalar is text typed by its key; unknown keys are refused, and so is a story that contradicts itself: a gig
adjusted that never came, a gig reversed twice, a row about an event that is not in the list. All problems of a file are
named at once, each with its line and what to write instead. Cases enter behind the intake: platform names, ids and
times are not checked against the events' contract. Must not know what any of it earns: the story is told in
`ledger.domain.cases.story`, the answer compared in `ledger.domain.cases.run`. Source: contracts/schemes/README.md,
"Cases".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from ledger.domain import attributes
from ledger.domain.cases import words as casewords
from ledger.domain.cases.words import COUNT, MEMBERS, NAME, TRUTH
from ledger.domain.language.document import read_yaml
from ledger.domain.language.tree import Node, Reading

GIG: Final = "gig.completed"
ADJUSTED: Final = "gig.adjusted"
REVERSED: Final = "gig.reversed"
CHANGED: Final = "worker.changed"
CLOSED: Final = "period.closed"
REMITTED: Final = "remittance.received"
OPENED: Final = "dispute.opened"
DECIDED: Final = "dispute.decided"

_ANSWERS: Final = ("expect", "expect_none", "expect_notice", "expect_inputs")
_TOP: Final = ("scheme", "events")
_TOP_MORE: Final = (
    *_ANSWERS,
    *("worker", "platforms", "parameters", "schemes_as_of", "id", "title", "basis", "source"),
)
_EVERY_EVENT: Final = ("type", "id", "platform", "repeat", "every")
_GIG_MORE: Final = (
    *("service", "vehicle", "zone", "gross", "components", "commission", "engaged_seconds", "distance_m"),
    *("segments", "payment_due_on", "currency", "rate", "rate_date", "accepted_at", "declared"),
)
_EVENTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    GIG: (("at",), _GIG_MORE),
    ADJUSTED: (("at", "gig", "components"), ("payment_due_on",)),
    REVERSED: (("gig",), ("at",)),
    CHANGED: (("at", "set"), ()),
    CLOSED: (("period",), ("at",)),
    REMITTED: (("at", "period", "amount"), ("payer", "fund")),
    OPENED: ((), ("at", "gig")),
    DECIDED: (("finding", "suspended_from", "suspended_days"), ("at", "gig")),
}
"""Keys by type of event: those that must stand, those that may. Whoever needs no time (a close, a reversal, a dispute)
may leave `at` out."""
_DEFAULT_PLATFORM: Final = "A"
_ROW_KEYS: Final[tuple[str, ...]] = ("period", "gig", "after", "fund", "payer", "platform", "state", "unit")
_NOTICE_KEYS: Final[tuple[str, ...]] = ("period", "gig", "platform", "fund", "amount", "value", "date")
_INPUT_KEYS: Final[tuple[str, ...]] = ("period", "gig", "platform")
_STATES: Final = ("accrued", "withheld", "returned", "remitted", "credit", "due", "drawn")
_DURATION: Final = re.compile(
    r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?",
    re.ASCII,
)
_AT: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?", re.ASCII)
_PAYER: Final = re.compile(r"worker|platform|customer|none|subsidy:[A-Z][A-Z0-9-]*", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CaseEvent(NamedTuple):
    """One event of the story, before the scheme's defaults. `members` are its own keys, typed but for money: text.

    `platform` is None where the event speaks of none (a close of all, a worker's change). `names` are the ids of its
    copies: its own id, or `1/1` to `1/N`; `gig` is the copy that it refers to.
    """

    number: int
    line: int
    type: str
    id: str
    platform: str | None
    at: str
    repeat: int
    every: str
    gig: str
    members: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """The ids of the copies, in order."""
        return [f"{self.id}/{copy}" for copy in range(1, self.repeat + 1)] if self.repeat > 1 else [self.id]


class Row(NamedTuple):
    """One row of an answer: its selectors as written, and what is expected by name (`amount`, or inputs)."""

    line: int
    selectors: dict[str, str]
    expected: dict[str, str]


class Case(NamedTuple):
    """One case as written. `worker` and `platforms` hold attributes as texts, truths and lists of texts."""

    id: str
    file: str
    line: int
    scheme: str
    basis: str
    as_of: date | None
    worker: dict[str, Any]
    platforms: dict[str, dict[str, Any]]
    parameters: dict[str, str]
    events: tuple[CaseEvent, ...]
    expect: tuple[Row, ...]
    expect_none: bool
    expect_notice: tuple[Row, ...]
    expect_inputs: tuple[Row, ...]

    @property
    def rows(self) -> int:
        """How many things the case expects: each row, and each input, is one."""
        inputs = sum(len(row.expected) for row in self.expect_inputs)
        return len(self.expect) + self.expect_none + len(self.expect_notice) + inputs


def read_cases(text: str, name: str) -> list[Case]:
    """Give the cases of a file. Raises SchemeError with all problems of all its cases."""
    reading = Reading(name)
    trees = [tree for tree in read_yaml(text, name) if tree.value != ""]
    stem = name.rsplit("/", 1)[-1]
    cases = [_case(reading, tree, f"{stem}#{number}") for number, tree in enumerate(trees, 1)]
    if not trees:
        reading.wrong(
            Node("", 1), "file: expected at least one case, got none", "write `scheme:`, `events:`, `expect:`"
        )
    reading.close()
    return cases


def instant(text: str, time_zone: str) -> int:
    """Give the epoch seconds of `at`: ISO 8601 with offset, or a day (12:00 in the time zone). Raises ValueError."""
    if _AT.fullmatch(text) is None:
        raise ValueError(f"at: expected a day, or a time with its offset, got {text[:40]!r}")
    moment = datetime.fromisoformat(text)
    if len(text) == 10:
        moment = moment.replace(hour=12, tzinfo=ZoneInfo(time_zone))
    return (moment - _EPOCH) // timedelta(seconds=1)


def later(start: int, every: str, time_zone: str) -> int:
    """Give the instant that lies a duration after another on the clock of the time zone. Raises ValueError.

    A day after 10:00 is 10:00, also where clocks are changed in between; a month after the 31st is the last day.
    """
    match = _DURATION.fullmatch(every)
    if match is None:
        raise ValueError(f"every: expected a duration such as P1D or PT30M, got {every[:40]!r}")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    zone = ZoneInfo(time_zone)
    local = datetime.fromtimestamp(start, zone).replace(tzinfo=None)
    if years or months:
        month = local.year * 12 + local.month - 1 + years * 12 + months
        first = local.replace(year=month // 12, month=month % 12 + 1, day=1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        local = first.replace(day=min(local.day, last.day))
    local += timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return (local.replace(tzinfo=zone) - _EPOCH) // timedelta(seconds=1)


def _case(reading: Reading, tree: Node, default_id: str) -> Case:
    top = reading.mapping(tree, "case", _TOP, _TOP_MORE)
    none = top.get("expect_none")
    if not set(_ANSWERS) & (set(top) - ({"expect_none"} if none is not None and none.value == "false" else set())):
        reading.wrong(tree, "case: expected an answer, got none", f"add one of {', '.join(_ANSWERS)}")
    _only_text(reading, top)
    nodes = reading.items(top.get("events"), "events")
    events = tuple(_event(reading, node, number) for number, node in enumerate(nodes, 1))
    gigs = _Gigs(reading, events)
    basis = {word: word for word in ("published", "derived", "memory")}
    return Case(
        id=reading.text(top.get("id"), "id") or default_id,
        file=reading.file,
        line=tree.line,
        scheme=reading.text(top.get("scheme"), "scheme"),
        basis=reading.choice(top.get("basis"), "basis", basis, "derived"),
        as_of=casewords.day(reading, top.get("schemes_as_of"), "schemes_as_of"),
        worker=casewords.worker_attributes(reading, top.get("worker"), "worker"),
        platforms={
            name: casewords.attribute_set(reading, node, f"platform {name}", attributes.PLATFORM)
            for name, node in casewords.mapping(reading, top.get("platforms"), "platforms").items()
        },
        parameters={
            name: casewords.decimal(reading, node, f"parameter {name}")
            for name, node in casewords.mapping(reading, top.get("parameters"), "parameters").items()
        },
        events=tuple(gigs.refer(event) for event in events),
        expect=tuple(_row(reading, node, gigs) for node in reading.items(top.get("expect"), "expect")),
        expect_none=reading.choice(top.get("expect_none"), "expect_none", TRUTH, False),
        expect_notice=tuple(_notice(reading, node, gigs) for node in _list(reading, top, "expect_notice")),
        expect_inputs=tuple(_inputs(reading, node, gigs) for node in _list(reading, top, "expect_inputs")),
    )


def _list(reading: Reading, top: Mapping[str, Node], key: str) -> list[Node]:
    return reading.items(top.get(key), key)


def _only_text(reading: Reading, top: Mapping[str, Node]) -> None:
    for key in ("title", "source"):
        reading.text(top.get(key), key)


class _Gigs:
    """The events by id, for whoever refers to one: `gig:` of later events and of rows, `after:` of rows."""

    def __init__(self, reading: Reading, events: tuple[CaseEvent, ...]) -> None:
        self.reading = reading
        self.count = len(events)
        self.repeats: dict[str, int] = {}
        self.came: dict[str, int] = {}
        self.reversed: set[str] = set()
        for event in events:
            if event.id in self.repeats:
                self._wrong(event.line, f"event {event.number}: the id {event.id!r} stands twice", "give each its own")
            self.repeats[event.id] = event.repeat
            if event.type == GIG:
                self.came.update(dict.fromkeys(event.names, event.number))

    def refer(self, event: CaseEvent) -> CaseEvent:
        """Give the event with the one gig that it names; notes one that never came, or was reversed before."""
        name = event.gig
        if not name:
            return event
        if name not in self.came and name.endswith("/1") and self.repeats.get(name[:-2]) == 1:
            name = name[:-2]
        what = f"event {event.number}: {event.type}"
        if self.repeats.get(name, 0) > 1:
            copies = f"{name}/1 to {name}/{self.repeats[name]}"
            self._wrong(event.line, f"{what}: expected one copy, got all of {name!r}", f"write one of {copies}")
        elif self.came.get(name, event.number) >= event.number:
            self._wrong(event.line, f"{what}: gig {name!r} never came before it", "name the id of an earlier gig")
        elif name in self.reversed and event.type in (ADJUSTED, REVERSED):
            self._wrong(event.line, f"{what}: gig {name!r} was reversed before", "a gig is reversed once, at the end")
        if event.type == REVERSED:
            if event.repeat > 1:
                self._wrong(event.line, f"{what}: a gig is reversed once, got repeat {event.repeat}", "leave it out")
            self.reversed.add(name)
        return event._replace(gig=name)

    def selects(self, node: Node, name: str) -> str:
        """Give the name by which postings are selected: an event's id, or one copy of a repeated event."""
        base, _, copy = name.rpartition("/")
        if name in self.repeats:
            return name
        repeat = self.repeats.get(base, 0)
        if not (COUNT.fullmatch(copy) and int(copy) <= repeat):
            self.reading.wrong(node, f"gig: expected the id of an event, got {name[:40]!r}", "write its id, or 1/7")
            return ""
        return name if repeat > 1 else base

    def _wrong(self, line: int, what: str, mend: str) -> None:
        self.reading.wrong(Node("", line), what, mend)


def _event(reading: Reading, node: Node, number: int) -> CaseEvent:
    type_node = node.value.get("type") if isinstance(node.value, dict) else None
    kind = reading.choice(type_node, "type", {name: name for name in _EVENTS}, GIG)
    required, optional = _EVENTS[kind]
    own = reading.mapping(node, f"event {number}", required, (*_EVERY_EVENT, *optional))
    if kind == GIG and "gross" in own and "components" in own:
        reading.wrong(node, f"event {number}: expected either gross or components, got both", "keep one of them")
    members = {key: MEMBERS[key](reading, own[key], key) for key in (*required, *optional) if key in own}
    for key in ("at", "gig"):
        members.pop(key, None)
    named = reading.text(own.get("platform"), "platform")
    free = kind in (CLOSED, CHANGED) or "payer" in members or (kind in (OPENED, DECIDED) and "gig" in own)
    platform = named or (None if free and members.get("payer") != "platform" else _DEFAULT_PLATFORM)
    return CaseEvent(
        number,
        node.line,
        kind,
        reading.text(own.get("id"), "id") or str(number),
        platform,
        _moment(reading, own.get("at")),
        int(reading.word(own.get("repeat"), "repeat", COUNT, "100") or "1"),
        reading.word(own.get("every"), "every", _DURATION, "P1D") or "PT0S",
        reading.text(own.get("gig"), "gig"),
        members,
    )


def _moment(reading: Reading, node: Node | None) -> str:
    written = reading.word(node, "at", _AT, "2025-03-04 or 2025-03-04T10:00+08:00")
    try:
        if not written or instant(written, "UTC") >= 0:
            return written
        what, mend = f"at: expected a time from 1970 on, got {written}", "write a day on which the scheme was in force"
    except ValueError:
        what, mend = f"at: expected a time of the calendar, got {written}", "mend the time"
    reading.wrong(node or Node("", 1), what, mend)
    return ""


def _row(reading: Reading, node: Node, gigs: _Gigs) -> Row:
    own = reading.mapping(node, "row", ("amount",), _ROW_KEYS)
    selectors = {key: reading.text(own[key], key) for key in _ROW_KEYS if key in own}
    reading.choice(own.get("state"), "state", {word: word for word in _STATES}, "accrued")
    reading.choice(own.get("unit"), "unit", {word: word for word in ("money", "hours", "days")}, "money")
    reading.word(own.get("payer"), "payer", _PAYER, "worker or subsidy:PP50")
    if "after" in own:
        after = reading.word(own["after"], "after", COUNT, "2")
        if after and int(after) > gigs.count:
            what = f"after: expected the number of an event, 1 to {gigs.count}, got {after}"
            reading.wrong(own["after"], what, "count events from 1")
    _where(reading, own, selectors, gigs)
    return Row(node.line, selectors, {"amount": casewords.decimal(reading, own.get("amount"), "amount")})


def _notice(reading: Reading, node: Node, gigs: _Gigs) -> Row:
    own = reading.mapping(node, "notice", ("kind",), _NOTICE_KEYS)
    kind = reading.word(own.get("kind"), "kind", NAME, "shortfall")
    given = {key: reading.text(own[key], key) for key in _NOTICE_KEYS if key in own}
    _where(reading, own, given, gigs)
    selectors = {"kind": kind} | {key: given[key] for key in ("period", "gig", "platform", "fund") if key in given}
    if "amount" in own:
        casewords.decimal(reading, own["amount"], "amount")
    casewords.day(reading, own.get("date"), "date")
    return Row(node.line, selectors, {key: given[key] for key in ("amount", "value", "date") if key in given})


def _inputs(reading: Reading, node: Node, gigs: _Gigs) -> Row:
    own = casewords.mapping(reading, node, "row of expect_inputs")
    given = {key: reading.text(child, key) for key, child in own.items()}
    selectors = {key: given.pop(key) for key in _INPUT_KEYS if key in given}
    _where(reading, own, selectors, gigs)
    if "gig" in selectors and "period" in selectors:
        reading.wrong(node, "row of expect_inputs: expected gig or period, got both", "keep one of them")
    for name in given:
        if NAME.fullmatch(name) is None:
            reading.wrong(own[name], f"input: expected a name such as base, got {name[:40]!r}", "write its name")
    if not given:
        reading.wrong(node, "row of expect_inputs: expected names with values, got none", 'write {gig: 1, base: "40"}')
    return Row(node.line, selectors, given)


def _where(reading: Reading, own: Mapping[str, Node], selectors: dict[str, str], gigs: _Gigs) -> None:
    if selectors.get("period"):
        casewords.period(reading, own["period"], "period")
    if selectors.get("gig"):
        selectors["gig"] = gigs.selects(own["gig"], selectors["gig"])
