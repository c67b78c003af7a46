"""The ledger's entries into the spool: each journal read once, in order, as far as its published checkpoint says.

What lies beyond the newest published checkpoint is not simulated, as it is not shown (L8); the answer names the
checkpoints that it stands on. Takes the reader's role, through a server-side cursor: no right to write, and memory that
does not grow. What the operator's acts said (versions enacted, platforms' attributes) is read apart, before the facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from contracts import forms
from contracts.entry import Entry, EntryError, Kind, StoredEvent
from contracts.entry import read as read_entry
from contracts.events import GIG_COMPLETED
from contracts.topics import partition_of
from deploy.simulate.facts import TAKEN
from deploy.simulate.spool import Fact, Writer
from ledger.audit.parallel import Advance
from ledger.domain.scheme import Version
from ledger.domain.simulation.trial import Stated
from ledger.errors import InvariantError, Unfit
from ledger.intake import platform_of_entry, version_of_entry
from ledger.log.checkpoint import claimed
from ledger.store import database
from ledger.store.rows import KIND_NUMBERS

ROWS_AT_ONCE: Final = 500
_LEDGER: LiteralString = "SELECT name FROM ledger WHERE id = 1"
_THERE: LiteralString = "SELECT to_regclass('ledger') IS NOT NULL"
_HEADS: LiteralString = (
    "SELECT h.journal, h.published_size, c.note, h.vkey FROM heads h "
    "LEFT JOIN checkpoints c ON c.journal = h.journal AND c.size = h.published_size ORDER BY h.journal"
)
_ENTRIES: LiteralString = (
    'SELECT "index", leaf FROM entries WHERE journal = %s AND "index" >= %s AND "index" < %s ORDER BY "index"'
)
_ACTS: LiteralString = (
    'SELECT "index", leaf FROM entries WHERE journal = %s AND "index" < %s AND kind > 1 AND worker IS NULL '
    'AND kind = ANY(%s) ORDER BY "index"'
)
_ACT_KINDS: Final = (KIND_NUMBERS[Kind.SCHEME], KIND_NUMBERS[Kind.PLATFORM])
_WORKERS: LiteralString = (
    'SELECT "index", leaf FROM entries WHERE worker = %s AND journal = %s AND "index" < %s ORDER BY "index"'
)


class Head(NamedTuple):
    """A journal as far as it may be shown: its published size, what its checkpoint says, and its verifier key."""

    journal: int
    size: int
    checkpoint: str
    vkey: str


class Ledger(NamedTuple):
    """The ledger as it is shown now."""

    url: str
    name: str
    heads: tuple[Head, ...]


class Journal(NamedTuple):
    """A journal to read from an index on, into the spool."""

    url: str
    head: Head
    start: int
    folder: Path
    shards: int


class Acts(NamedTuple):
    """What the operator's acts have said so far: versions enacted, oldest first, and platforms' attributes by day."""

    versions: tuple[Version, ...]
    platforms: tuple[Stated, ...]


class Told(NamedTuple):
    """What a journal held: facts, gigs, and the first and last instant of these."""

    facts: int
    gigs: int
    first: int | None
    last: int | None


def shown(url: str) -> Ledger:
    """Give the ledger of a database as it is shown now. Raises Unfit where there is none, StoreUnavailable."""
    with database.reading(url) as connection:
        there = connection.execute(_THERE).fetchone()
        row = connection.execute(_LEDGER).fetchone() if there and there[0] else None
        if row is None:
            raise Unfit("database: expected a ledger, got none; make one with `iuran ledger init`")
        heads = tuple(
            Head(int(number), int(size), _cited(note), str(vkey))
            for number, size, note, vkey in connection.execute(_HEADS)
        )
    return Ledger(url, str(row[0]), heads)


def acts(ledger: Ledger) -> Acts:
    """Give what the acts of the ledger's journals say; the same stands in each of them. Raises as `read`."""
    versions: dict[Version, None] = {}
    platforms: dict[Stated, None] = {}
    with database.reading(ledger.url) as connection:
        for head in ledger.heads:
            for index, leaf in connection.execute(_ACTS, (head.journal, head.size, list(_ACT_KINDS))):
                entry = _entry(head.journal, index, bytes(leaf))
                version, stated = version_of_entry(entry), platform_of_entry(entry)
                if version is not None:
                    versions.setdefault(version)
                if stated is not None and stated.attributes:
                    own = tuple(sorted(stated.attributes.items()))
                    platforms.setdefault(Stated(stated.platform, own, stated.from_day))
    return Acts(tuple(versions), tuple(platforms))


def read(journal: Journal, advance: Advance) -> Told:
    """Read a journal's entries into the spool. Raises StoreUnavailable, InvariantError (L4) for what is no entry."""
    number, size = journal.head.journal, journal.head.size
    writer = Writer(journal.folder, number, journal.shards)
    facts = gigs = 0
    first: int | None = None
    last: int | None = None
    with database.reading(journal.url) as connection:
        for rows in _stream(connection, _ENTRIES, (number, journal.start, size)):
            for index, leaf in rows:
                entry = _entry(number, index, leaf)
                fact = _fact(index, entry)
                if fact is None or not isinstance(entry.event, StoredEvent):
                    continue
                writer.add(entry.event.subject, fact)
                facts += 1
                if fact.type == GIG_COMPLETED:
                    gigs += 1
                    at = forms.parse_instant(fact.time)
                    first = at if first is None else min(first, at)
                    last = at if last is None else max(last, at)
            advance(len(rows))
    writer.flush()
    return Told(facts, gigs, first, last)


def facts_of_worker(ledger: Ledger, worker: str) -> list[Fact]:
    """Give all of a worker's facts, as far as they are shown. Raises as `read`."""
    found: list[Fact] = []
    head = ledger.heads[partition_of(worker.encode(), len(ledger.heads))]
    with database.reading(ledger.url) as connection:
        for index, leaf in connection.execute(_WORKERS, (worker, head.journal, head.size)):
            fact = _fact(index, _entry(head.journal, index, bytes(leaf)))
            found += [] if fact is None else [fact]
    return found


def _stream(
    connection: psycopg.Connection, query: LiteralString, values: tuple[Any, ...]
) -> Iterator[list[tuple[Any, ...]]]:
    with connection.cursor(name="simulated", binary=True) as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield rows


def _entry(journal: int, index: int, leaf: bytes) -> Entry:
    try:
        return read_entry(leaf)
    except EntryError as error:
        raise InvariantError("L4", f"journal {journal} entry {index}: {error}") from error


def _fact(index: int, entry: Entry) -> Fact | None:
    """Give the fact that an entry's own event is; None for another kind, and for a further part of one."""
    event, cause = entry.event, entry.cause
    if not isinstance(event, StoredEvent) or event.type not in TAKEN or entry.kind == Kind.REJECTION:
        return None
    return Fact(index, event.type, str(cause.source), str(cause.id), event.time, bytes(event.data))


def _cited(note: bytes | None) -> str:
    if note is None:
        return "no checkpoint yet"
    checkpoint = claimed(bytes(note))
    return f"{checkpoint.origin}, size {checkpoint.size}, root {checkpoint.root.hex()}"
