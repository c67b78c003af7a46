"""Every kind of bad input among good gigs, sent to a running stream process: refused as stated, counted, and passed by.

The kinds stand in one table, each with the code it must get. Each is sent between two good gigs of the same partition,
so whatever stopped the partition, or swallowed a neighbour, would show. A refusal must stand in five places that
agree: an entry with the code and the record's hash, a row with its bytes and headers, a copy on `iuran.rejected` with
Spring's header names, the metrics, and the counts under the signature (L12). The same gig again is a counted duplicate.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.entry import Entry, Refusal
from deploy.embedded.stack import Servers
from tests.support.ledgers import SmallLedger, found, gig
from tests.support.running import (
    Sent,
    Series,
    accrued_ids,
    findings,
    journal_entries,
    sending,
    streams,
    until,
    until_settled,
)

WORKER = "W-ann"
FARE = "20000"
DUPLICATE = "duplicate"
Headers = tuple[tuple[str, bytes | None], ...]


class Kind(NamedTuple):
    """One kind of bad input: its value and key, the code it must get, and how its record is otherwise odd."""

    code: str
    value: bytes | None
    key: bytes | None = WORKER.encode()
    elsewhere: bool = False
    headers: Headers = (("trace", b"\x00\xff"), ("trace", b"twice"))


def _bytes(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event).encode()


def _with(code: str, key: bytes | None = WORKER.encode(), **members: Any) -> Kind:
    """A good gig with members of its envelope replaced."""
    return Kind(code, _bytes(gig("BAD", WORKER, FARE) | members), key)


def _of(code: str, **members: Any) -> Kind:
    """A good gig with members of its data replaced."""
    return Kind(code, _bytes(gig("BAD", WORKER, FARE, **members)))


def _paying(code: str, amount: Any) -> Kind:
    return _of(code, components=[{"kind": "fare", "amount": amount}])


def _respelt(code: str, old: str, new: bytes) -> Kind:
    """A good gig, of which one piece of text is replaced by bytes that no encoder would write."""
    value = _bytes(gig("BAD", WORKER, FARE, engaged_seconds=900))
    assert old.encode() in value
    return Kind(code, value.replace(old.encode(), new))


class RawName(str):
    """A header's name whose bytes on the wire are those behind its surrogate escapes; only kafka-python sends it."""

    def encode(self, encoding: str = "utf-8", errors: str = "") -> bytes:
        """The bytes."""
        return super().encode(encoding, "surrogateescape")


def name_bytes(name: str) -> bytes:
    """A header's name as it is on the wire."""
    return name.encode(errors="surrogateescape")


def _headed(*headers: tuple[str, bytes | None]) -> Kind:
    return Kind("malformed", b"headed", headers=headers)


KINDS: dict[str, Kind] = {
    "no JSON": Kind("malformed", b"{"),
    "JSON, but no object": Kind("malformed", b"[]"),
    "an empty value": Kind("malformed", b""),
    "a null value": Kind("malformed", None),
    "invalid UTF-8": _respelt("malformed", FARE, b"2\xff00"),
    "a byte order mark": _respelt("malformed", '{"specversion"', b'\xef\xbb\xbf{"specversion"'),
    "NaN": _respelt("malformed", "900", b"NaN"),
    "1e400": _respelt("malformed", "900", b"1e400"),
    "a lone surrogate": _with("malformed", note="\ud800"),
    "a name twice": _respelt("malformed", '"id": "BAD"', b'"id": "BAD", "id": "BAD2"'),
    "nesting too deep": Kind("malformed", b"[" * 8000 + b"]" * 8000),
    "900 KB": Kind("too_large", b'{"id": "' + b"x" * 900_000 + b'"}'),
    "10,000 components": _of("too_large", components=[{"kind": "fare", "amount": "1"}] * 10_000),
    "an unknown type": _with("unknown_type", type="gig.vanished.v1"),
    "no components": _of("schema_violation", components=[]),
    "65 components": _of("schema_violation", components=[{"kind": "fare", "amount": "1"}] * 65),
    "unknown members of data": _of("schema_violation", nik="3171"),
    "a float for money": _paying("schema_violation", 18500.0),
    "a number for money": _paying("schema_violation", 18500),
    "hexadecimal money": _paying("schema_violation", "0x1F"),
    "money with an exponent": _paying("schema_violation", "1e3"),
    "money with spaces": _paying("schema_violation", " 18500"),
    "money in other digits": _paying("schema_violation", "١٨٥٠٠"),
    "money in full-width digits": _paying("schema_violation", "１８５００"),
    "a time without zone": _with("schema_violation", time="2026-03-01T08:15:30"),
    "30 February": _with("schema_violation", time="2026-02-30T08:15:30Z"),
    "NUL in an id": _with("schema_violation", id="G-\0"),
    "another platform's source": _with("source_mismatch", source="urn:iuran:platform:grab"),
    "a null key": _with("key_mismatch", None),
    "a key that is not the subject": _with("key_mismatch", b"W-ben"),
    "the wrong partition": Kind("wrong_partition", _bytes(gig("BAD", WORKER, FARE)), elsewhere=True),
    "an unknown currency": _of("unknown_currency", currency="XXZ"),
    "a negative fare": _paying("amount_out_of_range", "-1"),
    "an absurd fare": _paying("amount_out_of_range", "9" * 16),
    "a fare too fine": _paying("amount_out_of_range", "0.001"),
    "the year 9999": _with("time_out_of_range", time="9999-12-31T23:59:59Z"),
    "the year 1999": _with("time_out_of_range", time="1999-12-31T23:59:59Z"),
    "other content under an accepted id": Kind("equivocation", _bytes(gig("first", WORKER, "1"))),
    "the same gig again": Kind(DUPLICATE, _bytes(gig("first", WORKER, FARE))),
    "the same gig in another spelling": Kind(
        DUPLICATE, json.dumps(gig("first", WORKER, FARE), sort_keys=True, indent=1).encode()
    ),
    "NUL in a header's name": _headed(("a\0b", b"x")),
    "a header without name or value": _headed(("", None), ("é", b"")),
    "a header's name that is no UTF-8": _headed((RawName("\udcff\udc80"), b"x"), ("then", b"y")),
}
REFUSED = {name: kind for name, kind in KINDS.items() if kind.code != DUPLICATE}


class Letter(NamedTuple):
    """A record on the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class Run(NamedTuple):
    """What was sent, and what came of it."""

    ledger: SmallLedger
    sent: dict[str, Sent]
    good: set[str]
    before: list[int]
    metrics: Counter[Series]
    letters: dict[tuple[str, int, int], Letter]


@pytest.fixture(scope="module")
def run(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    ledger = found(servers, tmp_path_factory.mktemp("ledger"), journals=2)
    before = [len(ledger.leaves(journal)) for journal in range(2)]
    with streams(ledger, 1) as running:
        until(running[0].is_ready, "the stream ready", running)
        sent, good = asyncio.run(_send(ledger))
        until_settled(ledger, running)
        letters: dict[tuple[str, int, int], Letter] = {}

        def copied() -> bool:
            letters.update(asyncio.run(_letters(ledger)))
            return len(letters) >= len(REFUSED)

        until(copied, "a copy of each refused record", running)
        metrics = running[0].metrics()
        assert running[0].left == []
    yield Run(ledger, sent, good, before, metrics, letters)


async def _send(ledger: SmallLedger) -> tuple[dict[str, Sent], set[str]]:
    """Send each kind between good gigs; give where it went, and the ids of the good ones."""
    topic = f"{ledger.settings.topic_prefix}gigs.gojek"
    own = ledger.journal_of(WORKER)
    good: set[str] = set()
    futures = {}
    servers = ledger.broker.bootstrap_servers
    async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id=ledger.settings.topic_prefix) as producer:

        async def send_good(name: str) -> None:
            good.add(name)
            await producer.send(topic, _bytes(gig(name, WORKER, FARE)), key=WORKER.encode(), partition=own)

        async with producer.transaction():
            await send_good("first")
        # the marker of the transaction's end has taken an offset: a gap that must be counted
        async with producer.transaction():
            for number, (name, kind) in enumerate(KINDS.items()):
                if isinstance(kind.headers[0][0], RawName):
                    continue
                await send_good(f"G-{number}-before")
                partition = 1 - own if kind.elsewhere else own
                futures[name] = await producer.send(
                    topic, kind.value, key=kind.key, partition=partition, headers=list(kind.headers)
                )
                await send_good(f"G-{number}-after")
    placed = {name: await future for name, future in futures.items()}
    with sending(ledger) as send:
        for name, kind in KINDS.items():
            if name not in placed:
                placed[name] = send(topic, kind.value, kind.key, list(kind.headers), own).get(timeout=10)
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        good.add(codec)
        async with AIOKafkaProducer(bootstrap_servers=servers, compression_type=codec) as squeezing:
            await squeezing.send_and_wait(topic, _bytes(gig(codec, WORKER, FARE)), WORKER.encode(), own)
    ledger.publish(*(gig(f"last-{worker}", worker, FARE) for worker in (WORKER, "W-ben", "W-cut", "W-dee")))
    good.update(f"last-{worker}" for worker in (WORKER, "W-ben", "W-cut", "W-dee"))
    return {name: Sent(place.topic, place.partition, place.offset) for name, place in placed.items()}, good


async def _letters(ledger: SmallLedger) -> dict[tuple[str, int, int], Letter]:
    """All copies on the dead-letter topic, by the place of the record that was refused."""
    place = TopicPartition(f"{ledger.settings.topic_prefix}iuran.rejected", 0)
    letters = {}
    async with AIOKafkaConsumer(bootstrap_servers=ledger.broker.bootstrap_servers, group_id=None) as consumer:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for record in (await consumer.getmany(place, timeout_ms=500)).get(place, []):
                told = dict(record.headers)
                topic = told["kafka_dlt-original-topic"].decode()
                (partition,) = struct.unpack(">i", told["kafka_dlt-original-partition"])
                (offset,) = struct.unpack(">q", told["kafka_dlt-original-offset"])
                letters[topic, partition, offset] = Letter(record.key, record.value, tuple(record.headers))
    return letters


def _entry_of(run: Run, sent: Sent) -> Entry:
    entries = journal_entries(run.ledger, sent.partition)
    (entry,) = [e for e in entries if (e.cause.topic, e.cause.offset) == (sent.topic, sent.offset)]
    return entry


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_an_entry_a_row_and_a_copy(run: Run, name: str) -> None:
    kind, sent = KINDS[name], run.sent[name]
    entry = _entry_of(run, sent)
    assert isinstance(entry.rejection, Refusal)
    assert entry.rejection.code == kind.code
    assert entry.cause.sha256 == sha256(kind.value or b"").hexdigest()

    with psycopg.connect(run.ledger.url) as connection:
        row: Any = connection.execute(
            "SELECT code, key, value, headers, timestamp_ms, detail FROM rejections "
            'WHERE journal = %s AND "index" = %s',
            (sent.partition, entry.index),
        ).fetchone()
    code, key, value, headers, timestamp_ms, detail = row
    assert code == kind.code
    assert (key, value) == (kind.key, kind.value)
    assert [[bytes.fromhex(n), None if v is None else bytes.fromhex(v)] for n, v in headers] == [
        [name_bytes(header), content] for header, content in kind.headers
    ]

    letter = run.letters[sent]
    assert (letter.key, letter.value) == (kind.key, kind.value)
    assert letter.headers == (
        *((name_bytes(header).decode(errors="replace"), content) for header, content in kind.headers),
        ("kafka_dlt-original-topic", sent.topic.encode()),
        ("kafka_dlt-original-partition", struct.pack(">i", sent.partition)),
        ("kafka_dlt-original-offset", struct.pack(">q", sent.offset)),
        ("kafka_dlt-original-timestamp", struct.pack(">q", timestamp_ms)),
        ("kafka_dlt-original-timestamp-type", b"LogAppendTime"),
        ("kafka_dlt-exception-fqcn", f"iuran.rejected.{code}".encode()),
        ("kafka_dlt-exception-message", detail.encode()),
    )


def test_good_gigs_around_them_are_accrued_exactly_once(run: Run) -> None:
    accrued = accrued_ids(run.ledger)
    assert {event for _, event in accrued} == run.good
    assert set(accrued.values()) == {1}


def test_counts_under_the_signature_add_up_to_the_offsets(run: Run) -> None:
    """L12, and with it all that an audit checks; the ends of the topics included."""
    assert findings(run.ledger) == []
    counts = [entry.cause.since for journal in (0, 1) for entry in journal_entries(run.ledger, journal)]
    duplicates = sum(kind.code == DUPLICATE for kind in KINDS.values())
    assert sum(since.duplicates for since in counts) == duplicates
    transactions_ends = 3  # one after "first", and one in each partition after the others
    assert sum(since.gap for since in counts) == transactions_ends


def test_metrics_agree_with_the_ledgers_own_counts(run: Run) -> None:
    entered = [entry for journal in (0, 1) for entry in journal_entries(run.ledger, journal)[run.before[journal] :]]
    codes = Counter(entry.rejection.code for entry in entered if isinstance(entry.rejection, Refusal))
    assert codes == Counter(kind.code for kind in REFUSED.values())

    assert _counted(run, "iuran_rejections_total", "platform", "code") == {("gojek", c): n for c, n in codes.items()}
    outcomes = _counted(run, "iuran_events_total", "platform", "outcome")
    assert outcomes == {
        ("gojek", "accrued"): sum(entry.kind == "accrual" for entry in entered),
        ("gojek", "duplicate"): sum(entry.cause.since.duplicates for entry in entered),
        ("gojek", "rejected"): len(REFUSED),
    }
    assert _counted(run, "iuran_entries_total", "journal", "kind") == Counter(
        (str(entry.journal), entry.kind) for entry in entered
    )
    posted: Counter[tuple[str, ...]] = Counter()
    for entry in entered:
        for row in entry.contributions or ():
            direction = "added" if row.amount > 0 else "taken_back"
            posted[row.scheme, row.fund, row.payer.partition(":")[0], row.unit, direction] += abs(row.amount)
    labels = ("scheme", "fund", "payer", "currency", "direction")
    assert posted
    assert _counted(run, "iuran_contribution_minor_total", *labels) == posted
    assert _counted(run, "iuran_journal_tree_size", "journal") == {
        (str(journal),): len(run.ledger.leaves(journal)) for journal in (0, 1)
    }


def _counted(run: Run, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """A metric summed up by some of its labels."""
    summed: Counter[tuple[str, ...]] = Counter()
    for (found_name, found_labels), value in run.metrics.items():
        if found_name == name:
            summed[tuple(dict(found_labels)[label] for label in labels)] += value
    return summed
