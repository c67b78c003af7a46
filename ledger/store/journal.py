"""The one writer of a journal: entries, positions, rejections, tiles and signed checkpoint in one transaction.

Upholds L2 (only inserts), L3 (a compare-and-swap on the head's commit count: of two writers one is refused, and an
event key that was taken refuses the batch), L5 (indexes are dense because the head counts them), L6 (nothing is
signed below or beside the checkpoint last published outside) and L7 (what is signed is committed with its
signature). A journal is opened, and claimed, by `ledger.store.opening`.

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

from ledger.errors import Fenced, InvariantError, KeysTaken, StoreUnavailable
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.log.merkle import leaf_hashes
from ledger.store.rows import copy_buffer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.entry import Position
    from ledger.log.edge import Edge, FullTile
    from ledger.log.merkle import Frontier
    from ledger.store.keystore import LogSigner

# one statement, as each costs a journey to the server and back: the swap, and hanging on it the checkpoint (if any
# entry was added), the tiles that became full (if any) and the positions
_SWAP = (
    "WITH swapped AS (UPDATE heads SET size = %(size)s, commits = commits + 1, frontier = %(frontier)s "
    "WHERE journal = %(journal)s AND commits = %(commits)s RETURNING journal), "
    "signed AS (INSERT INTO checkpoints (journal, size, note) "
    "SELECT journal, %(size)s, %(note)s::bytea FROM swapped WHERE %(note)s::bytea IS NOT NULL), "
    "tiled AS (INSERT INTO tiles (journal, level, number, root, hashes) "
    "SELECT journal, tile.* FROM swapped, unnest(%(levels)s::smallint[], %(numbers)s::bigint[], %(roots)b::bytea[], "
    "%(rows)b::bytea[]) AS tile), "  # as bytes: written out in text, twelve tiles cost 2 ms
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
    "UPDATE heads SET published_size = %(size)s "
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
    """Where a journal stands: its commits, its tree, and the right edge of its tiles, which is of the same tree."""

    commits: int
    frontier: Frontier
    edge: Edge


class Journal:
    """An opened, claimed journal. Not for concurrent use: one batch at a time."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection,
        number: int,
        signers: Sequence[LogSigner],
        head: Head,
        published: Checkpoint | None,
    ) -> None:
        self.connection = connection
        self.number = number
        self.head = head
        self.positions: dict[str, Position] = {}
        self._signers = signers
        self._published = published

    @property
    def origin(self) -> str:
        """The log's origin, which is the name of its keys."""
        return self._signers[0].name

    @property
    def size(self) -> int:
        """Number of committed entries; the next entry's index."""
        return self.head.frontier.size

    async def append(self, batch: Batch) -> bytes | None:
        """Commit a batch; give its signed checkpoint, or None when the batch adds no entry (duplicates only).

        Raises Fenced, KeysTaken, StoreUnavailable (see the module) and InvariantError for L6.
        """
        # 1 grow the tree, lay the tiles that became full, sign by every key, in memory. A crash here leaves nothing but
        # signatures that nobody saw: the records come again, and the checkpoint over them is signed anew.
        frontier, nodes = self.head.frontier.grow(leaf_hashes(batch.leaves))
        edge, full = self.head.edge.grow(nodes)
        note = self._sign(frontier) if batch.leaves else None
        try:
            async with self.connection.transaction():
                # 2 swap the head first, with checkpoint, tiles and positions: it locks the row, so of two writers the
                # later waits and is then refused. A crash between here and the end of the transaction leaves nothing,
                # no tile either; PostgreSQL rolls back.
                swapped = await self.connection.execute(_SWAP, self._swap(frontier, note, full, batch.positions))
                if await swapped.fetchone() is None:
                    raise Fenced(f"journal {self.number}: expected its head at commit {self.head.commits}, got another")
                await self._write(batch)
            # 3 the commit has returned: all of it is durable. A crash from here on leaves a checkpoint that is not
            # yet published; whoever opens the journal next loads the tiles' edge and publishes its head.
        except pg.UniqueViolation as error:
            if error.diag.constraint_name != _EVENT_KEY:
                # a row of this index, size or offset that the head does not count: looking keys up would not mend it
                raise InvariantError("L5", f"journal {self.number}: {str(error).strip()}") from error
            raise KeysTaken(f"journal {self.number}: expected new event keys, got some that were taken") from error
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"journal {self.number}: {str(error).strip()}", outcome_known=False) from error
        self.head = Head(self.head.commits + 1, frontier, edge)
        self.positions.update(batch.positions)
        return note

    def _swap(
        self, frontier: Frontier, note: bytes | None, full: Sequence[FullTile], positions: Mapping[str, Position]
    ) -> dict[str, Any]:
        return {
            "size": frontier.size,
            "frontier": frontier.encode(),
            "journal": self.number,
            "commits": self.head.commits,
            "note": note,
            "levels": [tile.level for tile in full],
            "numbers": [tile.number for tile in full],
            "roots": [tile.root for tile in full],
            "rows": [tile.hashes for tile in full],
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
        return sign_checkpoint(Checkpoint(self.origin, frontier.size, frontier.root()), self._signers)

    async def published(self, note: bytes, size: int) -> None:
        """Say that a checkpoint now stands on `iuran.checkpoints`: readers may cite it from here on (L8).

        Only moves forward; loses nothing when it fails, as the next opening says it again.
        """
        try:
            await self.connection.execute(_PUBLISHED, {"size": size, "journal": self.number})
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
