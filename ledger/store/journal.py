"""The one writer of a journal: entries, positions, rejections, tree and signed checkpoint in one transaction.

Upholds L2 (only inserts), L3 (a compare-and-swap on the head's commit count: of two writers one is refused, and an
event key that was taken refuses the batch), L5 (indexes are dense because the head counts them), L6 (nothing is
signed below or beside the checkpoint last published outside) and L7 (what is signed is committed with its
signature). Whoever opens a journal claims it: the claim moves the commit count, so the writer before is fenced.

Durability: when `append` returns, the batch survives a crash of any process and of the database server (fsync and
synchronous_commit on). Order: batches commit in the order appended. Errors: `Fenced`, `KeysTaken` and
`StoreUnavailable(outcome_known=True)` mean surely not done; `StoreUnavailable(outcome_known=False)` means: open the
journal again and look at its positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import psycopg
from psycopg import errors as pg
from psycopg.types.json import Jsonb

from contracts.entry import Position
from ledger.errors import Fenced, InvariantError, KeysTaken, StoreUnavailable, Unfit
from ledger.log.checkpoint import Checkpoint, claimed, open_checkpoint, sign_checkpoint
from ledger.log.merkle import Frontier, TreeError, leaf_hash
from ledger.store.rows import copy_buffer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.log.keys import Signer, Verifier

_CLAIM = "UPDATE heads SET commits = commits + 1 WHERE journal = %s RETURNING size, commits, frontier, vkey"
# one statement, as each costs a journey to the server and back: the swap, and hanging on it the checkpoint (if any
# entry was added) and the positions
_SWAP = (
    "WITH swapped AS (UPDATE heads SET size = %(size)s, commits = commits + 1, frontier = %(frontier)s "
    "WHERE journal = %(journal)s AND commits = %(commits)s RETURNING journal), "
    "signed AS (INSERT INTO checkpoints (journal, size, note) "
    "SELECT journal, %(size)s, %(note)s::bytea FROM swapped WHERE %(note)s::bytea IS NOT NULL), "
    "placed AS (INSERT INTO positions (journal, topic, next_offset, duplicates, gap) "
    "SELECT journal, at.* FROM swapped, unnest(%(topics)s::text[], %(offsets)s::bigint[], %(duplicates)s::bigint[], "
    "%(gaps)s::bigint[]) AS at ON CONFLICT (journal, topic) DO UPDATE SET next_offset = excluded.next_offset, "
    "duplicates = excluded.duplicates, gap = excluded.gap) "
    "SELECT journal FROM swapped"
)
_COPY = 'COPY entries (journal, kind, "index", event_key, worker, refers_to, leaf) FROM STDIN (FORMAT BINARY)'
_EVENT_KEY = "entries_event_key"
_REJECTION = (
    'INSERT INTO rejections (journal, "index", topic, partition, "offset", timestamp_ms, code, detail, key, value, '
    "headers, recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())"
)
_TAKE_UP = (
    "INSERT INTO positions (journal, topic, next_offset, duplicates, gap) VALUES (%s, %s, 0, 0, 0) "
    "ON CONFLICT (journal, topic) DO NOTHING"
)
_STANDING = (
    "INSERT INTO standings (journal, worker, as_of, account) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (journal, worker) DO UPDATE SET as_of = excluded.as_of, account = excluded.account"
)
# not worth an fsync of its own: what a crash forgets here is said again when the journal is opened next
_PUBLISHED = (
    "UPDATE heads SET published_size = %(size)s, published = %(note)s "
    "FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unsynced "
    "WHERE journal = %(journal)s AND published_size <= %(size)s"
)


class RejectedRecord(NamedTuple):
    """A refused record with its bytes, as it goes into `rejections`.

    `headers` are [name, value] in hex, the value None where it was null: names may hold what JSONB can't (NUL).
    """

    leaf_index: int
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    code: str
    detail: str
    key: bytes | None
    value: bytes | None
    headers: list[list[str | None]]


class Snapshot(NamedTuple):
    """A worker's account as of an entry's index."""

    worker: str
    as_of: int
    account: bytes


class Batch(Protocol):
    """What one commit writes: `rows` are `copy_row` bytes of `leaves`, index by index from the head's size."""

    @property
    def rows(self) -> Sequence[bytes]: ...
    @property
    def leaves(self) -> Sequence[bytes]: ...
    @property
    def positions(self) -> Mapping[str, Position]: ...
    @property
    def rejected(self) -> Sequence[RejectedRecord]: ...
    @property
    def snapshots(self) -> Sequence[Snapshot]: ...


class Head(NamedTuple):
    """Where a journal stands."""

    commits: int
    frontier: Frontier


class Journal:
    """An opened, claimed journal. Not for concurrent use: one batch at a time."""

    def __init__(
        self, connection: psycopg.AsyncConnection, number: int, signer: Signer, head: Head, published: Checkpoint | None
    ) -> None:
        self.connection = connection
        self.number = number
        self.head = head
        self.positions: dict[str, Position] = {}
        self._signer = signer
        self._published = published

    @property
    def size(self) -> int:
        """Number of committed entries; the next entry's index."""
        return self.head.frontier.size

    async def append(self, batch: Batch) -> bytes | None:
        """Commit a batch; give its signed checkpoint, or None when the batch adds no entry (duplicates only).

        Raises Fenced, KeysTaken, StoreUnavailable (see the module) and InvariantError for L6.
        """
        # 1 grow and sign, in memory. A crash here leaves nothing: the records come again.
        frontier = self.head.frontier.append([leaf_hash(leaf) for leaf in batch.leaves])
        note = self._sign(frontier) if batch.leaves else None
        try:
            async with self.connection.transaction():
                # 2 swap the head first: it locks the row, so of two writers the later waits and is then refused.
                # A crash between here and the end of the transaction leaves nothing; PostgreSQL rolls back.
                swapped = await self.connection.execute(_SWAP, self._swap(frontier, note, batch.positions))
                if await swapped.fetchone() is None:
                    raise Fenced(f"journal {self.number}: expected its head at commit {self.head.commits}, got another")
                await self._write(batch)
            # 3 the commit has returned: all of it is durable. A crash from here on leaves a checkpoint that is not
            # yet published; whoever opens the journal next publishes its head.
        except pg.UniqueViolation as error:
            if error.diag.constraint_name != _EVENT_KEY:
                # a row of this index, size or offset that the head does not count: looking keys up would not mend it
                raise InvariantError("L5", f"journal {self.number}: {str(error).strip()}") from error
            raise KeysTaken(f"journal {self.number}: expected new event keys, got some that were taken") from error
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"journal {self.number}: {str(error).strip()}", outcome_known=False) from error
        self.head = Head(self.head.commits + 1, frontier)
        self.positions.update(batch.positions)
        return note

    def _swap(self, frontier: Frontier, note: bytes | None, positions: Mapping[str, Position]) -> dict[str, Any]:
        return {
            "size": frontier.size,
            "frontier": frontier.encode(),
            "journal": self.number,
            "commits": self.head.commits,
            "note": note,
            "topics": list(positions),
            "offsets": [position.next_offset for position in positions.values()],
            "duplicates": [position.duplicates for position in positions.values()],
            "gaps": [position.gap for position in positions.values()],
        }

    async def _write(self, batch: Batch) -> None:
        async with self.connection.cursor() as cursor:
            if batch.rows:
                async with cursor.copy(_COPY) as copy:
                    await copy.write(copy_buffer(batch.rows))
            if batch.rejected:
                await cursor.executemany(_REJECTION, [(self.number, *r[:-1], Jsonb(r.headers)) for r in batch.rejected])
            if batch.snapshots:
                await cursor.executemany(_STANDING, [(self.number, *s) for s in batch.snapshots])

    def _sign(self, frontier: Frontier) -> bytes:
        if self._published is not None and frontier.size <= self._published.size:
            raise InvariantError(
                "L6", f"journal {self.number}: expected to sign above size {self._published.size}, got {frontier.size}"
            )
        return sign_checkpoint(Checkpoint(self._signer.name, frontier.size, frontier.root()), [self._signer])

    async def published(self, note: bytes, size: int) -> None:
        """Say that a checkpoint now stands on `iuran.checkpoints`: readers may cite it from here on (L8).

        Only moves forward; loses nothing when it fails, as the next opening says it again.
        """
        try:
            await self.connection.execute(_PUBLISHED, {"size": size, "note": note, "journal": self.number})
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"journal {self.number}: {str(error).strip()}", outcome_known=False) from error
        if self._published is None or size > self._published.size:
            self._published = claimed(note)

    async def take_up(self, topics: Sequence[str]) -> None:
        """Note that this journal reads these topics from here on; those it reads already stay where they are."""
        try:
            async with self.connection.cursor() as cursor:
                await cursor.executemany(_TAKE_UP, [(self.number, topic) for topic in topics])
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"journal {self.number}: {str(error).strip()}", outcome_known=False) from error


async def open_journal(
    connection: psycopg.AsyncConnection, number: int, signer: Signer, verifier: Verifier, outside: bytes | None
) -> Journal:
    """Claim journal `number` and check it against `outside`, the newest checkpoint on `iuran.checkpoints`.

    Raises Unfit when the database has no such journal, another key, or stands below or beside what was published
    (a restored backup, a clone, another ledger's database), StoreUnavailable when it does not answer.
    """
    try:
        async with connection.transaction():
            row = await (await connection.execute(_CLAIM, (number,))).fetchone()
            if row is None:
                raise Unfit(f"database: expected journal {number}, got none; run `iuran ledger init`")
            head = _head_of(number, row, verifier)
            published = None if outside is None else _opened(outside, verifier, number)
            await _check_entries(connection, number, head, verifier)
            if published is not None:
                await _check_published(connection, number, head, published)
            rows = await connection.execute(
                "SELECT topic, next_offset, duplicates, gap FROM positions WHERE journal = %s", (number,)
            )
            positions = {str(t): Position(int(n), int(d), int(g)) async for t, n, d, g in rows}
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {number}: {str(error).strip()}", outcome_known=False) from error
    journal = Journal(connection, number, signer, head, published)
    journal.positions = positions
    return journal


def _head_of(number: int, row: Sequence[Any], verifier: Verifier) -> Head:
    size, commits, frontier, vkey = row
    if vkey != verifier.vkey():
        raise Unfit(
            f"journal {number}: expected the key {vkey} that the database registered, got {verifier.vkey()}; this is "
            "another ledger's database or another ledger's keys: set IURAN_DATABASE_URL and IURAN_HOME to the same one"
        )
    try:
        head = Head(int(commits), Frontier.decode(bytes(frontier)))
    except TreeError as error:
        raise Unfit(f"journal {number}: {error}; run `iuran audit verify`") from error
    if size != head.frontier.size:
        raise Unfit(
            f"journal {number}: expected its head at size {head.frontier.size}, as its frontier says, got {size}; "
            "run `iuran audit verify`"
        )
    return head


def _opened(note: bytes, verifier: Verifier, number: int) -> Checkpoint:
    try:
        return open_checkpoint(note, [verifier])
    except ValueError as error:
        raise Unfit(
            f"journal {number}: expected the last published checkpoint signed by {verifier.vkey()}, got {error}; "
            "the topic iuran.checkpoints belongs to another ledger, or the key under keys/ is not this journal's"
        ) from error


async def _check_entries(connection: psycopg.AsyncConnection, number: int, head: Head, verifier: Verifier) -> None:
    """L5: the newest entry is leaf size-1 and the newest checkpoint, signed, is of the head's size and root."""
    row = await (
        await connection.execute(
            'SELECT (SELECT max("index") FROM entries WHERE journal = %s), '
            "(SELECT note FROM checkpoints WHERE journal = %s ORDER BY size DESC LIMIT 1)",
            (number, number),
        )
    ).fetchone()
    newest, note = (None, None) if row is None else row
    size = head.frontier.size
    if (-1 if newest is None else newest) != size - 1:
        raise Unfit(
            f"journal {number}: expected {size} entries, the newest at index {size - 1}, got {newest}; "
            "entries were added or removed behind the ledger's back: run `iuran audit verify`"
        )
    try:
        newest_signed = None if note is None else open_checkpoint(bytes(note), [verifier])
    except ValueError as error:
        raise Unfit(f"journal {number}: newest checkpoint: {error}; run `iuran audit verify`") from error
    expected = Checkpoint(verifier.name, size, head.frontier.root()) if size else None
    if newest_signed != expected:
        raise Unfit(f"journal {number}: expected a checkpoint of its head at size {size}; run `iuran audit verify`")


async def _check_published(connection: psycopg.AsyncConnection, number: int, head: Head, published: Checkpoint) -> None:
    """L6: the tree contains the one that was last published outside."""
    size = head.frontier.size
    if size < published.size:
        raise Unfit(
            f"journal {number}: expected at least the {published.size} entries that were published, got {size}; "
            "the database was restored from an older backup, or is not this ledger's: restore the newest one"
        )
    root = head.frontier.root()
    if size > published.size:
        root = await root_at(connection, number, published.size)
    if root != published.root:
        raise Unfit(
            f"journal {number}: expected the tree of size {published.size} that was published, got another; "
            "the database is a clone that went its own way: keep both, and run `iuran audit verify`"
        )


async def root_at(connection: psycopg.AsyncConnection, number: int, size: int) -> bytes:
    """Give the root of a journal's first `size` entries: from the checkpoint of that size, else from the entries."""
    row = await (
        await connection.execute("SELECT note FROM checkpoints WHERE journal = %s AND size = %s", (number, size))
    ).fetchone()
    if row is not None:
        return claimed(bytes(row[0])).root
    frontier = Frontier(0, ())
    async with connection.cursor(name=f"leaves_{number}") as cursor:
        cursor.itersize = 1000
        await cursor.execute(
            'SELECT leaf FROM entries WHERE journal = %s AND "index" < %s ORDER BY "index"', (number, size)
        )
        while rows := await cursor.fetchmany(1000):
            frontier = frontier.append([leaf_hash(bytes(row[0])) for row in rows])
    return frontier.root()
