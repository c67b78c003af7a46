"""Small streams of records for tests of what becomes of them: schemes, a feed that numbers offsets, Hypothesis stories.

A *story* is a list of steps in the domain's words (a gig, the same again, the same id with other content, bad input,
offsets that never came, a scheme enacted); `records_of` tells it as the records of one journal. What a story's
records must become is known from the story alone, so a test need not believe the code that it tests. Everything is
partition 0 of a ledger with one journal unless a feed says otherwise. No server is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from contracts import events
from contracts.codec import Gate, Record
from contracts.currencies import EXPONENTS
from contracts.topics import partition_of
from ledger.domain.language.document import load_document
from ledger.domain.scheme import Version

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties over whole stories; no wall clock judges them."""
FEWER = settings(FEW, max_examples=10)

CONTROL = "iuran.control"
GOJEK = "gigs.gojek"
GRAB = "gigs.grab"
TOPICS = (CONTROL, GOJEK, GRAB)
RECEIVED_MS = 1_775_001_600_000
"""2026-04-01T00:00:00Z: after every gig of a story."""


def gates(journals: int = 1, prefix: str = "") -> dict[str, Gate]:
    """The gates of a ledger with two platforms."""
    return {
        prefix + CONTROL: Gate(None, journals),
        prefix + GOJEK: Gate("gojek", journals),
        prefix + GRAB: Gate("grab", journals),
    }


# -- schemes -----------------------------------------------------------------------------------------------------------

_POOL = """
scheme: XX-POOL
title: "a share of the month's pay, pooled over platforms, with a cap (made up)"
status: example
currency: IDR
time_zone: UTC
zones: [ID-JK]
sources: {own: {title: "made up"}}
versions:
  - from: 2026-01-01
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: A, payer: platform, window: month, platforms: together, base: pay, rate: "0.01", cap: "500",
         rounding: {mode: down, step: "1"}}
  - from: 2026-01-01
    revision: 2
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: A, payer: platform, window: month, platforms: together, base: pay, rate: "0.03", cap: "900",
         rounding: {mode: down, step: "1"}}
      - {fund: B, payer: worker, window: month, platforms: together, base: pay, rate: "0.005",
         rounding: {mode: down, step: "0.01"}}
  - from: 2026-03-01
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: B, payer: worker, window: month, platforms: together, base: pay, rate: "0.02",
         rounding: {mode: down, step: "0.01"}}
"""
_GIGWISE = """
scheme: XX-GIGWISE
title: "a share of each gig (made up)"
status: example
currency: IDR
time_zone: UTC
sources: {own: {title: "made up"}}
versions:
  - from: 2026-01-01
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: C, payer: customer, window: gig, base: pay, rate: "0.1", rounding: {mode: up, step: "1"}}
"""
POOL: tuple[Version, ...] = load_document(_POOL, "pool.yaml", EXPONENTS).versions
GIGWISE: Version = load_document(_GIGWISE, "gigwise.yaml", EXPONENTS).versions[0]
VERSIONS: tuple[Version, ...] = (POOL[0], GIGWISE, POOL[1], POOL[2])
"""In the order in which a story enacts them: the third and fourth reach back into windows with gigs in them."""


# -- records -----------------------------------------------------------------------------------------------------------


class Feed:
    """Gives records of one partition, offsets counted per topic."""

    def __init__(self, journal: int = 0, journals: int = 1, prefix: str = "") -> None:
        self.journal = journal
        self.journals = journals
        self.prefix = prefix
        self.next: dict[str, int] = {}

    def record(
        self, topic: str, value: bytes | None, key: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> Record:
        """The next record of a topic."""
        topic = self.prefix + topic
        offset = self.next.get(topic, 0)
        self.next[topic] = offset + 1
        return Record(topic, self.journal, offset, RECEIVED_MS + offset, key, value, headers)

    def skip(self, topic: str, offsets: int) -> None:
        """Let offsets of a topic never come."""
        topic = self.prefix + topic
        self.next[topic] = self.next.get(topic, 0) + offsets

    def gig(
        self, gig_id: str, worker: str = "W-one", fare: str = "20000", topic: str = GOJEK, **changes: Any
    ) -> Record:
        """A good gig; `changes` replace members of the envelope, those of `data` under `data`."""
        return self.record(topic, gig_value(gig_id, worker, fare, topic, **changes), worker.encode())

    def again(self, record: Record) -> Record:
        """The same key and value under a new offset."""
        return self.record(record.topic.removeprefix(self.prefix), record.value, record.key)

    def act(self, type: str, id: str, subject: str, data: events.Data, time: str = "2026-01-01T00:00:00Z") -> Record:
        """An operator's act."""
        value = events.envelope(type=type, source=events.OPERATOR_SOURCE, id=id, subject=subject, time=time, data=data)
        return self.record(CONTROL, value, subject.encode())

    def opened(self, name: str, vkeys: Sequence[str], own: Sequence[str] = ()) -> Record:
        """What entry 0 of the journal is made of; `own` are its keys, by default the one in `vkeys`."""
        data = events.LedgerOpened(
            engine="1",
            journal=self.journal,
            journals=self.journals,
            ledger=name,
            own=tuple(own) or (vkeys[self.journal],),
            vkeys=tuple(vkeys),
        )
        return self.act(events.LEDGER_OPENED, "ledger.opened", name, data)

    def enacted(self, version: Version, name: str = "test.localhost", **changes: str) -> Record:
        """A version of a scheme becomes law; `changes` replace members of the data."""
        members = {"scheme": version.scheme, "sha256": version.digest, "text": version.text, "version": version.id}
        act = f"scheme/{version.scheme}/{version.id}"
        return self.act(events.SCHEME_ENACTED, act, name, events.SchemeEnacted(**(members | changes)))

    def platforms(
        self, type: str, id: str, worker: str, data: dict[str, Any], topic: str = GOJEK, **more: Any
    ) -> Record:
        """Another event of a platform about a worker: what adjusts or reverses a gig."""
        event = {
            "specversion": "1.0",
            "id": id,
            "source": f"urn:iuran:platform:{topic.rpartition('.')[2]}",
            "type": type,
            "subject": worker,
            "time": "2026-03-09T08:00:00Z",
            "data": data,
        }
        return self.record(topic, json.dumps(event | more).encode(), worker.encode())

    def adjusted(
        self, gig: str, worker: str, amount: str, kind: str = "tip", topic: str = GOJEK, **more: Any
    ) -> Record:
        """An adjustment of a gig by one component; its id is the gig's and the amount unless `id` is given."""
        data = {"gig": gig, "components": [{"kind": kind, "amount": amount}]} | more.pop("data", {})
        return self.platforms(events.GIG_ADJUSTED, more.pop("id", f"{gig}/{amount}"), worker, data, topic, **more)

    def reversed(self, gig: str, worker: str, topic: str = GOJEK, **more: Any) -> Record:
        """A reversal of a gig."""
        return self.platforms(events.GIG_REVERSED, more.pop("id", f"{gig}/x"), worker, {"gig": gig}, topic, **more)

    def platform(self, platform: str, **attributes: Any) -> Record:
        """A platform becomes known, with these attributes."""
        number = self.next.get(self.prefix + CONTROL, 0)
        data = events.PlatformChanged(
            attributes=attributes, platform=platform, status="active", topic=f"{self.prefix}gigs.{platform}"
        )
        return self.act(events.PLATFORM_CHANGED, f"{platform}/{number}", platform, data)

    def closed(self, period: str, offsets: dict[str, int] | None = None, platform: str | None = None) -> Record:
        """A period is closed; `offsets` by topic, those reached so far unless given."""
        reached = {topic: end for topic, end in self.next.items() if not topic.endswith(CONTROL)}
        more = {} if platform is None else {"platform": platform}
        data = events.PeriodClosed(offsets=reached if offsets is None else offsets, period=period, **more)
        subject = platform or "test.localhost"
        return self.act(events.PERIOD_CLOSED, f"close/{period}/{platform}", subject, data, "2026-04-01T00:00:00Z")

    def workers_own(
        self, type: str, id: str, worker: str, data: events.Data, time: str = "2026-03-09T08:00:00Z"
    ) -> Record:
        """What the operator makes known of one worker."""
        return self.act(type, id, worker, data, time)

    def workers(self, count: int) -> list[str]:
        """Pseudonyms whose records belong in this journal."""
        named = (f"W-w{number:03}" for number in range(10_000))
        mine = (worker for worker in named if partition_of(worker.encode(), self.journals) == self.journal)
        return [next(mine) for _ in range(count)]


def gig_value(gig_id: str, worker: str, fare: str, topic: str = GOJEK, **changes: Any) -> bytes:
    """The value of a good gig's record: a motorcycle ride in Jakarta."""
    data = {
        "service": "ride",
        "vehicle": "motorcycle",
        "zone": "ID-JK",
        "currency": "IDR",
        "components": [{"kind": "fare", "amount": fare}],
    } | changes.pop("data", {})
    envelope = {
        "specversion": "1.0",
        "id": gig_id,
        "source": f"urn:iuran:platform:{topic.rpartition('.')[2]}",
        "type": "gig.completed.v1",
        "subject": worker,
        "time": "2026-03-05T08:15:30Z",
        "data": data,
    }
    return json.dumps(envelope | changes).encode()


class Bad(NamedTuple):
    """Bad input: what it is called, how a good gig's (value, key) is spoilt, the code it must get."""

    name: str
    value: bytes | None
    key: bytes | None
    code: str


def _spoilt(name: str, code: str, key: bytes | None = b"W-bad", **changes: Any) -> Bad:
    return Bad(name, gig_value("B-1", "W-bad", "1000", **changes), key, code)


BAD: tuple[Bad, ...] = (
    Bad("no JSON", b"{", b"W-bad", "malformed"),
    Bad("invalid UTF-8", b'{"id": "\xff"}', b"W-bad", "malformed"),
    Bad("null value", None, b"W-bad", "malformed"),
    Bad("empty value", b"", b"W-bad", "malformed"),
    Bad("900 KB", b"[" + b"1," * 450_000 + b"1]", b"W-bad", "too_large"),
    Bad("deep nesting", b"[" * 8000 + b"]" * 8000, b"W-bad", "malformed"),
    Bad("NaN", gig_value("B-1", "W-bad", "1000").replace(b'"1000"', b"NaN"), b"W-bad", "malformed"),
    Bad("1e400", gig_value("B-1", "W-bad", "1000").replace(b'"1000"', b"1e400"), b"W-bad", "malformed"),
    Bad("a lone surrogate", gig_value("B-1", "W-bad", "1000", note="\ud800"), b"W-bad", "malformed"),
    _spoilt("another type", "unknown_type", type="gig.vanished.v1"),
    _spoilt("a float for money", "schema_violation", data={"components": [{"kind": "fare", "amount": 18500.0}]}),
    _spoilt("no components", "schema_violation", data={"components": []}),
    _spoilt("10,000 members", "too_large", data={"components": [{"kind": "fare", "amount": "1"}] * 10_000}),
    _spoilt("unknown members", "schema_violation", data={"nik": "3171"}),
    _spoilt("a time without zone", "schema_violation", time="2026-03-05T08:15:30"),
    _spoilt("30 February", "schema_violation", time="2026-02-30T08:15:30Z"),
    _spoilt("NUL in an id", "schema_violation", id="G-\0"),
    _spoilt("another platform's source", "source_mismatch", source="urn:iuran:platform:grab"),
    _spoilt("null key", "key_mismatch", key=None),
    _spoilt("another key", "key_mismatch", key=b"W-other"),
    _spoilt("unknown currency", "unknown_currency", data={"currency": "XXZ"}),
    _spoilt("negative fare", "amount_out_of_range", data={"components": [{"kind": "fare", "amount": "-1"}]}),
    _spoilt("too fine", "amount_out_of_range", data={"components": [{"kind": "fare", "amount": "0.001"}]}),
    _spoilt("absurd", "amount_out_of_range", data={"components": [{"kind": "fare", "amount": "9" * 16}]}),
    _spoilt("the year 9999", "time_out_of_range", time="9999-03-05T08:15:30Z"),
)
"""What must end as one recorded rejection each, whatever stands around it."""


# -- stories -----------------------------------------------------------------------------------------------------------

Step = tuple[str, Any]
Story = list[Step]

WORKERS = ("W-ann", "W-ben", "W-cut")
DAYS = ("2026-01-31", "2026-02-01", "2026-02-14", "2026-03-01", "2026-03-05")

_GIG = st.tuples(
    st.just("gig"),
    st.tuples(
        st.sampled_from((GOJEK, GRAB)),
        st.sampled_from(WORKERS),
        st.integers(1, 60_000).map(str),
        st.sampled_from(DAYS),
        st.sampled_from(("ID-JK", "ID-JK-01", "ID-JB")),
    ),
)
_AGAIN = st.tuples(st.just("again"), st.integers(0, 30))
_OTHER = st.tuples(st.just("other"), st.integers(0, 30))
_BAD = st.tuples(st.just("bad"), st.integers(0, len(BAD) - 1))
_GAP = st.tuples(st.just("gap"), st.tuples(st.sampled_from((GOJEK, GRAB)), st.integers(1, 5)))
_ENACT = st.tuples(st.just("enact"), st.none())

GIG_STEPS: st.SearchStrategy[Step] = _GIG
STEPS: st.SearchStrategy[Step] = st.one_of(_GIG, _GIG, _GIG, _AGAIN, _OTHER, _BAD, _GAP, _ENACT)
STORIES: st.SearchStrategy[Story] = st.lists(STEPS, min_size=1, max_size=30)


class Told(NamedTuple):
    """A story told: its records in journal order, and what each must become by the story alone.

    `fates` are `accrued`, `act`, `duplicate`, or `rejected:<code>`.
    """

    records: list[Record]
    fates: list[str]


def records_of(story: Iterable[Step], feed: Feed | None = None) -> Told:
    """Tell a story. `again` and `other` speak of an earlier gig, by its number modulo those there are."""
    feed = feed or Feed()
    records: list[Record] = []
    fates: list[str] = []
    gigs: list[Record] = []
    versions = list(VERSIONS)
    for number, (kind, what) in enumerate(story):
        if kind == "gig":
            topic, worker, fare, day, zone = what
            gig = feed.gig(f"G-{number}", worker, fare, topic, time=f"{day}T10:00:00Z", data={"zone": zone})
            gigs.append(gig)
            records.append(gig)
            fates.append("accrued")
        elif kind == "again" and gigs:
            records.append(feed.again(gigs[what % len(gigs)]))
            fates.append("duplicate")
        elif kind == "other" and gigs:
            first = gigs[what % len(gigs)]
            value = json.loads(first.value or b"")
            value["data"]["commission"] = "1"
            spoilt = first._replace(value=json.dumps(value).encode())
            records.append(feed.again(spoilt))
            fates.append("rejected:equivocation")
        elif kind == "bad":
            bad = BAD[what]
            records.append(feed.record(GOJEK, bad.value, bad.key))
            fates.append(f"rejected:{bad.code}")
        elif kind == "gap":
            feed.skip(*what)
        elif kind == "enact" and versions:
            records.append(feed.enacted(versions.pop(0)))
            fates.append("act")
    return Told(records, fates)


def cut(records: Sequence[Record], lengths: Iterable[int]) -> list[list[Record]]:
    """Cut records into batches of these lengths, the rest in one."""
    batches, at = [], 0
    for length in lengths:
        if at >= len(records):
            break
        batches.append(list(records[at : at + length]))
        at += length
    if at < len(records):
        batches.append(list(records[at:]))
    return batches


CUTS: st.SearchStrategy[list[int]] = st.lists(st.integers(1, 6), max_size=30)
