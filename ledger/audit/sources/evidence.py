"""What an audit reads from the ledger's database: one frozen view of it, each journal as a stream in order.

`frozen` opens a repeatable-read, read-only transaction and lends it out by its snapshot's name, so that several
processes walk several journals of one and the same instant while a stream goes on writing. Within it a journal comes
through server-side cursors in the binary protocol: memory stays flat however long it is, and no stored value is
longer in memory than an entry may be, whoever put it there.

Believes nothing and judges nothing: rows go to the checks as they are stored. Takes the reader's role; needs no right
to write (L2). Must not know laws or findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from contracts.entry import LEAF_BYTES_MAX, Position
from ledger.audit.kept_tiles import KeptTile
from ledger.audit.rows import Columns, Head, RefusedRow, Rows
from ledger.audit.sources.source import Fault, Stored, StoredHead
from ledger.errors import Unfit
from ledger.log.note import NOTE_BYTES_MAX
from ledger.log.tiles import Tile
from ledger.store import cosignatures, database
from ledger.store.rows import KIND_NUMBERS

ROWS_AT_ONCE: Final = 1024
NOTES_AT_ONCE: Final = 64
REFUSED_AT_ONCE: Final = 16
"""Refused records are as long as the broker lets them be: few in memory at a time."""

_TABLES: Final[tuple[LiteralString, ...]] = ("entries", "checkpoints", "positions", "rejections", "tiles")
KINDS: Final = {number: str(kind) for kind, number in KIND_NUMBERS.items()}
"""The word for each number in the column `kind`."""
_IN_ORDER: LiteralString = "SET enable_seqscan = off; SET enable_sort = off"
"""In order of the key, not sorted: a sort would write all of a journal to disk first."""
_LEDGER: LiteralString = "SELECT name, journals, topic_prefix FROM ledger WHERE id = 1"
_TABLES_THERE: LiteralString = "SELECT to_regclass('ledger') IS NOT NULL"
_HEADS: LiteralString = (
    "SELECT h.journal, h.size, h.frontier, h.published_size, c.note, h.vkey FROM heads h "
    "LEFT JOIN checkpoints c ON c.journal = h.journal AND c.size = h.published_size ORDER BY h.journal"
)
_POSITIONS: LiteralString = "SELECT topic, next_offset, duplicates, gap FROM positions WHERE journal = %s"
_REFUSED_COUNT: LiteralString = "SELECT count(*) FROM rejections WHERE journal = %s"
_ENTRIES: LiteralString = (
    'SELECT "index", CASE WHEN octet_length(leaf) < %(most)s THEN leaf '
    "ELSE coalesce(substring(leaf FOR %(most)s), '') END, kind, textsend(worker), uuid_send(event_key), "
    'uuid_send(refers_to) FROM entries WHERE journal = %(journal)s AND "index" >= %(start)s ORDER BY "index"'
)
_LEAVES: LiteralString = 'SELECT "index", substring(leaf FOR %s) FROM entries WHERE journal = %s AND "index" = ANY(%s)'
_TILES: LiteralString = (
    "SELECT t.level, t.number, substring(t.hashes FOR 8193), substring(t.root FOR 33) "
    "FROM unnest(%s::smallint[], %s::bigint[]) AS w(level, number) "
    "JOIN tiles t ON t.journal = %s AND t.level = w.level AND t.number = w.number"
)
_TILE_COUNTS: LiteralString = "SELECT level, count(*) FROM tiles WHERE journal = %s GROUP BY level"
_CHECKPOINTS: LiteralString = (
    "SELECT size, substring(note FOR %s) FROM checkpoints WHERE journal = %s AND size > %s ORDER BY size"
)
_NOTE_AT: LiteralString = "SELECT substring(note FOR %s) FROM checkpoints WHERE journal = %s AND size = %s"
_REFUSED: LiteralString = (
    'SELECT "index", topic, partition, "offset", code, value, erased_at IS NOT NULL, '
    "key IS NULL AND value IS NULL AND headers = '[]' FROM rejections "
    'WHERE journal = %s AND "index" >= %s ORDER BY "index"'
)
_EARLIER: LiteralString = (
    'SELECT "index", substring(leaf FOR %s) FROM entries WHERE worker = %s AND journal = %s AND "index" < %s '
    'ORDER BY "index"'
)
_OF_GIG: LiteralString = (
    'SELECT substring(leaf FOR %s) FROM (SELECT "index", leaf FROM entries WHERE event_key = %s AND "index" < %s '
    'UNION ALL SELECT "index", leaf FROM entries WHERE refers_to = %s AND "index" < %s) own ORDER BY "index"'
)


class View(NamedTuple):
    """Where to read, for any process: the database's address and the name of the lent snapshot."""

    url: str
    snapshot: str

    def journal(self, number: int) -> AbstractContextManager[JournalRows]:
        """Open one journal. Raises StoreUnavailable, also from what is read within the context."""
        return journal(self, number)


@contextmanager
def frozen(url: str) -> Iterator[Stored]:
    """Freeze a view of the ledger in this database; it lasts as long as the context.

    Raises Unfit when there is no ledger, StoreUnavailable when the database does not answer.
    """
    with database.reading(url, _IN_ORDER, frozen=True) as connection:
        row = _one(connection, "SELECT pg_export_snapshot()")
        view = View(url, str(row[0]))
        if not _one(connection, _TABLES_THERE)[0] or not (ledger := _one(connection, _LEDGER)):
            raise Unfit("database: expected a ledger, got none; make one with `iuran ledger init`")
        heads = tuple(_head(connection, row) for row in connection.execute(_HEADS).fetchall())
        known = {stored.head.journal for stored in heads}
        strangers = tuple((t, n) for t in _TABLES for n in _journals_in(connection, t) if n not in known)
        yield Stored(view, str(ledger[0]), int(ledger[1]), str(ledger[2]), heads, strangers)


@contextmanager
def journal(view: View, number: int) -> Iterator[JournalRows]:
    """Open one journal in a frozen view. Raises StoreUnavailable, also from what is read within the context."""
    with database.reading(view.url, _IN_ORDER, frozen=True) as connection:
        # the name comes from the server itself; the statement takes no parameters
        connection.execute(psycopg.sql.SQL("SET TRANSACTION SNAPSHOT {}").format(view.snapshot))
        yield JournalRows(connection, number)


def _head(connection: psycopg.Connection, row: Sequence[Any]) -> StoredHead:
    number, size, frontier, published_size, published, vkey = row
    note = None if published is None else bytes(published)
    shown = cosignatures.shown(_one(connection, cosignatures.SHOWN, (number,)))
    return StoredHead(
        Head(number, size, bytes(frontier), published_size, note), str(vkey), None if shown is None else shown.note
    )


class JournalRows:
    """One journal's rows, each kind a stream of its own in order; any of them may be read between the others' rows."""

    partial_tiles = False

    def __init__(self, connection: psycopg.Connection, number: int) -> None:
        self.number = number
        self.faults: list[Fault] = []
        self._connection = connection

    def rows(self, start: int = 0) -> Iterator[Rows]:
        """Give the entries from index `start` on, in order, ROWS_AT_ONCE at a time or as far as there is no gap.

        A leaf is cut after one byte more than an entry may have.
        """
        values = {"most": LEAF_BYTES_MAX + 1, "journal": self.number, "start": start}
        for rows in self._stream("entries", _ENTRIES, values, ROWS_AT_ONCE):
            indexes, leaves, kinds, workers, keys, refers = zip(*rows, strict=True)
            columns = Columns([KINDS.get(kind) or str(kind) for kind in kinds], workers, keys, refers)
            if indexes[-1] - indexes[0] == len(rows) - 1:
                yield Rows(indexes[0], leaves, columns)
            else:
                for n, index in enumerate(indexes):
                    yield Rows(index, leaves[n : n + 1], columns.only(n))

    def leaves_at(self, indexes: Sequence[int]) -> dict[int, bytes]:
        """Give the leaves at these indexes, as far as they are there."""
        rows = self._connection.execute(_LEAVES, (LEAF_BYTES_MAX + 1, self.number, list(indexes)))
        return {int(index): bytes(leaf) for index, leaf in rows}

    def tiles(self, tiles: Sequence[Tile]) -> list[KeptTile | None]:
        """Give these tiles as far as they are stored; all of them full ones."""
        values = ([tile.level for tile in tiles], [tile.number for tile in tiles], self.number)
        with self._connection.cursor(binary=True) as cursor:
            stored = cursor.execute(_TILES, values)
            kept = {(level, number): KeptTile(hashes, root) for level, number, hashes, root in stored}
        return [kept.get((tile.level, tile.number)) for tile in tiles]

    def lookup(self) -> JournalRows:
        """Give itself: the database has indexes by worker and by gig."""
        return self

    def note_at(self, size: int) -> bytes | None:
        """Give the stored checkpoint of a size."""
        row = _one(self._connection, _NOTE_AT, (NOTE_BYTES_MAX + 1, self.number, size))
        return bytes(row[0]) if row else None

    def tile_counts(self) -> dict[int, int]:
        """How many tiles are stored, by level."""
        return {int(level): int(count) for level, count in self._connection.execute(_TILE_COUNTS, (self.number,))}

    def checkpoints(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Give (size, note) of the checkpoints above a size, in order."""
        values = (NOTE_BYTES_MAX + 1, self.number, after)
        for rows in self._stream("checkpoints", _CHECKPOINTS, values, NOTES_AT_ONCE):
            yield from rows

    def refused(self, start: int = 0) -> Iterator[RefusedRow]:
        """Give the refused records of the entries from an index on, in order."""
        for rows in self._stream("refused", _REFUSED, (self.number, start), REFUSED_AT_ONCE):
            yield from (RefusedRow(*row) for row in rows)

    def refused_count(self) -> int:
        """How many refused records are stored."""
        return int(_one(self._connection, _REFUSED_COUNT, (self.number,))[0])

    def positions(self) -> dict[str, Position]:
        """Give how far each topic's partition is read, and what is not yet under a signature."""
        rows = self._connection.execute(_POSITIONS, (self.number,))
        return {str(topic): Position(int(n), int(d), int(g)) for topic, n, d, g in rows}

    def earlier(self, worker: str, before: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, leaf) of a worker's entries below an index, in order."""
        values = (LEAF_BYTES_MAX + 1, worker, self.number, before)
        for rows in self._stream("earlier", _EARLIER, values, ROWS_AT_ONCE):
            yield from rows

    def of_gig(self, key: bytes, before: int) -> Iterator[bytes]:
        """Give the leaves that hold a gig (by its event key) or speak of it, below an index, in order."""
        values = (LEAF_BYTES_MAX + 1, key.hex(), before, key.hex(), before)
        for rows in self._stream("of_gig", _OF_GIG, values, ROWS_AT_ONCE):
            yield from (bytes(row[0]) for row in rows)

    def _stream(
        self, name: str, query: LiteralString, values: Sequence[Any] | Mapping[str, Any], at_once: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        with self._connection.cursor(name=name, binary=True) as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(at_once):
                yield rows


def _one(connection: psycopg.Connection, query: LiteralString, values: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    return connection.execute(query, values).fetchone() or ()


def _journals_in(connection: psycopg.Connection, table: LiteralString) -> list[int]:
    """Give the journals that a table has rows of, by one look into its key for each instead of reading all of it."""
    rows = connection.execute(
        f"WITH RECURSIVE found AS (SELECT min(journal) AS journal FROM {table} UNION ALL "
        f"SELECT (SELECT min(t.journal) FROM {table} t WHERE t.journal > found.journal) FROM found "
        "WHERE found.journal IS NOT NULL) SELECT journal FROM found WHERE journal IS NOT NULL"
    )
    return [int(row[0]) for row in rows]
