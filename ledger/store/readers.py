"""What readers see of the journals: only what stands under a published checkpoint, in one statement per question.

Upholds L8 (signed before shown): every statement joins the journal's head and stops at `published_size`, so whatever
it gives can be cited with the checkpoint of that size. Connections take the reader's role and are read-only,
so that no question can become a write (L2). A worker's entries lie in one journal and are found through the index on
(journal, worker, index).

Every question may be asked again: a connection that broke is replaced and the question repeated once. Knows nothing of
HTTP, tokens or who may see what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from contracts.entry import Kind, decode
from ledger.errors import InvariantError, StoreUnavailable, Unfit
from ledger.keyring import ring_of
from ledger.log.tiles import Tile
from ledger.store import cosignatures, tiles
from ledger.store.rows import KIND_NUMBERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from ledger.store.cosignatures import Newest, ShownHead

CONNECTIONS_MAX: Final = 8
WAIT_SECONDS: Final = 5.0
PAGE_ROWS: Final = 200

_ROLE: LiteralString = (
    # settings before the role: it may then change nothing but these for its own session
    "SET application_name = 'iuran-reader'; SET default_transaction_read_only = on; SET statement_timeout = '10s'; "
    "SET enable_seqscan = off; SET jit = off; SET ROLE iuran_reader"
)
_NEWEST: LiteralString = (
    'SELECT h.published_size, e."index", e.leaf FROM heads h LEFT JOIN LATERAL ('
    'SELECT "index", leaf FROM entries WHERE journal = h.journal AND worker = %s AND "index" < h.published_size '
    'ORDER BY "index" DESC LIMIT 1) e ON true WHERE h.journal = %s'
)
_ENTRY: LiteralString = (
    "SELECT e.leaf FROM heads h JOIN entries e ON e.journal = h.journal "
    'WHERE h.journal = %s AND e."index" = %s AND e."index" < h.published_size'
)
_OF_EVENT: LiteralString = (
    'SELECT e.journal, e."index", e.leaf FROM entries e JOIN heads h ON h.journal = e.journal '
    'WHERE e.event_key = ANY(%s::uuid[]) AND e."index" < h.published_size ORDER BY e.journal, e."index"'
)
_REJECTED: LiteralString = (
    # by the key (journal, topic, partition, offset): as long as the page, however much was refused of others
    'SELECT r.journal, r."index", r."offset", r.detail, r.erased_at IS NOT NULL, e.leaf FROM heads h, LATERAL ('
    "SELECT * FROM rejections r WHERE r.journal = h.journal AND r.topic = %(topic)s AND r.partition = h.journal "
    'AND r."offset" > CASE WHEN h.journal = %(journal)s THEN %(offset)s ELSE -1 END AND r."index" < h.published_size '
    'AND (%(code)s::text IS NULL OR r.code = %(code)s) ORDER BY r."offset" LIMIT %(limit)s) r '
    'JOIN entries e ON e.journal = r.journal AND e."index" = r."index" WHERE h.journal >= %(journal)s '
    'ORDER BY r.journal, r."offset" LIMIT %(limit)s'
)
_PAGE: LiteralString = (
    'SELECT "index", leaf FROM entries WHERE worker = %s AND journal = %s AND "index" > %s AND "index" < %s '
    'ORDER BY "index" LIMIT %s'
)
_SNAPSHOT: LiteralString = "SELECT as_of, account FROM standings WHERE journal = %s AND worker = %s AND as_of < %s"
_ACTS: LiteralString = (
    'SELECT e."index", e.leaf FROM heads h JOIN entries e ON e.journal = h.journal AND e.kind > 1 AND e.worker IS NULL '
    'WHERE h.journal = %s AND e."index" < h.published_size AND e."index" < %s ORDER BY e."index"'
)
_KEY_ACTS: LiteralString = (
    "SELECT e.leaf FROM heads h JOIN entries e ON e.journal = h.journal AND e.kind > 1 AND e.worker IS NULL "
    'WHERE h.journal = %s AND e.kind = ANY(%s) AND e."index" < h.published_size ORDER BY e."index"'
)
_KEY_KINDS: Final = [KIND_NUMBERS[Kind.LEDGER], KIND_NUMBERS[Kind.KEY]]
_HEAD: LiteralString = (
    "SELECT h.published_size, c.note, h.vkey FROM heads h "
    "LEFT JOIN checkpoints c ON c.journal = h.journal AND c.size = h.published_size WHERE h.journal = %s"
)
_EARLIER: LiteralString = (
    "SELECT size, note FROM checkpoints WHERE journal = %s AND size > %s AND size < %s ORDER BY size LIMIT %s"
)
_SIZE: LiteralString = "SELECT published_size FROM heads WHERE journal = %s"
_BUNDLE: LiteralString = (
    'SELECT leaf FROM entries WHERE journal = %s AND "index" >= %s AND "index" < %s ORDER BY "index"'
)
_SCHEMA: LiteralString = "SELECT version_num FROM alembic_version"


class Shown(NamedTuple):
    """Where a journal stands as far as readers may know: the size of its newest published checkpoint."""

    journal: int
    size: int


class Stored(NamedTuple):
    """A stored entry: its index in the journal and its exact leaf bytes."""

    leaf_index: int
    leaf: bytes


class Head(NamedTuple):
    """A journal's newest published checkpoint (size 0 and None before the first) and its verifier keys, one a line."""

    size: int
    note: bytes | None
    vkeys: str


class Rejected(NamedTuple):
    """A refused record: where it stands, why it was refused, whether its bytes were erased, and the leaf saying so."""

    journal: int
    leaf_index: int
    offset: int
    detail: str
    erased: bool
    leaf: bytes


class Cited(NamedTuple):
    """A published checkpoint that an answer may cite: its size and its note."""

    size: int
    note: bytes


class Readers:
    """The questions, over a pool of connections. `open` before the first one, `close` at the end; any number at once.

    Every question raises StoreUnavailable when the database does not answer in time.
    """

    def __init__(self, url: str, connections_max: int = CONNECTIONS_MAX) -> None:
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection] = AsyncConnectionPool(
            url,
            min_size=min(2, connections_max),
            max_size=connections_max,
            timeout=WAIT_SECONDS,
            kwargs={"autocommit": True},
            configure=_take_role,
            open=False,
        )
        self._schema: str | None = None

    async def open(self) -> None:
        """Open connections; remember the schema found (start-up has checked it). Raises StoreUnavailable."""
        await self._pool.open()
        self._schema = await self._schema_now()

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def check(self) -> None:
        """Return if the database answers and has the schema it had at start-up; raises StoreUnavailable or Unfit."""
        found = await self._schema_now()
        if found != self._schema:
            raise Unfit(f"database schema: expected {self._schema}, got {found}; start again with its release")

    async def newest(self, journal: int, worker: str) -> tuple[Shown, Stored] | None:
        """Give a worker's newest shown entry with the published size that covers it; None for one without entries."""
        rows = await self._ask(_NEWEST, (worker, journal))
        if not rows or rows[0][1] is None:
            return None
        size, index, leaf = rows[0]
        return Shown(journal, size), Stored(index, bytes(leaf))

    async def entry(self, journal: int, index: int) -> bytes | None:
        """Give the exact bytes of an entry; None for one that is not there or not yet under a published checkpoint."""
        rows = await self._ask(_ENTRY, (journal, index))
        return bytes(rows[0][0]) if rows else None

    async def of_event(self, keys: Sequence[bytes]) -> list[tuple[int, Stored]]:
        """Give the shown entries that these event keys (16 bytes each) occupy, as (journal, entry), by journal."""
        rows = await self._ask(_OF_EVENT, ([key.hex() for key in keys],))
        return [(journal, Stored(index, bytes(leaf))) for journal, index, leaf in rows]

    async def rejected(
        self, topic: str, after: tuple[int, int], rows_max: int, code: str | None = None
    ) -> list[Rejected]:
        """Give what was refused of a topic's records behind `after` (journal, offset), by journal and offset.

        At most `rows_max`; `code`: only what was refused for this reason.
        """
        values = {"topic": topic, "journal": after[0], "offset": after[1], "code": code, "limit": rows_max}
        rows = await self._ask(_REJECTED, values)
        return [Rejected(n, index, offset, detail, gone, bytes(leaf)) for n, index, offset, detail, gone, leaf in rows]

    async def page(self, journal: int, worker: str, after: int, before: int, rows_max: int = PAGE_ROWS) -> list[Stored]:
        """Give a worker's entries with after < index < before, by index, at most `rows_max`.

        The caller has `before` from a published size (`newest`): it is not asked for again.
        """
        rows = await self._ask(_PAGE, (worker, journal, after, before, rows_max))
        return [Stored(index, bytes(leaf)) for index, leaf in rows]

    async def pages(self, journal: int, worker: str, after: int, before: int) -> AsyncIterator[list[Stored]]:
        """Give all of a worker's entries between two indexes, page by page; others are served in between."""
        while rows := await self.page(journal, worker, after, before):
            yield rows
            after = rows[-1].leaf_index

    async def snapshot(self, journal: int, worker: str, before: int) -> tuple[int, bytes] | None:
        """Give a worker's kept account from before an index, as (index, account); None when there is none so old."""
        rows = await self._ask(_SNAPSHOT, (journal, worker, before))
        return (rows[0][0], bytes(rows[0][1])) if rows else None

    async def acts(self, journal: int, before: int) -> list[Stored]:
        """Give the operator's acts in a journal before an index, oldest first."""
        rows = await self._ask(_ACTS, (journal, before))
        return [Stored(index, bytes(leaf)) for index, leaf in rows]

    async def head(self, journal: int) -> Head | None:
        """Give a journal's newest published checkpoint and verifier keys; None when there is no such journal."""
        rows = await self._ask(_HEAD, (journal,))
        if not rows:
            return None
        size, note, vkeys = rows[0]
        return Head(size, None if note is None else bytes(note), vkeys)

    async def revoked(self, journal: int) -> frozenset[str]:
        """Give the verifier keys of a journal that its shown entries revoke.

        Raises InvariantError (L4) for acts about keys that no journal would have entered.
        """
        rows = await self._ask(_KEY_ACTS, (journal, _KEY_KINDS))
        try:
            ring = ring_of(decode(bytes(leaf)) for (leaf,) in rows)
        except ValueError as error:
            raise InvariantError("L4", f"journal {journal}: {error}") from error
        return frozenset(key.verifier.vkey() for key in ring.keys if key.trusted is not None)

    async def shown(self, journal: int) -> ShownHead | None:
        """Give the newest checkpoint with a quorum of cosignatures, else the newest published; None without any.

        It carries the cosignatures it has.
        """
        rows = await self._ask(cosignatures.SHOWN, (journal,))
        return cosignatures.shown(rows[0]) if rows else None

    async def earlier(self, journal: int, after: int, below: int, rows_max: int) -> list[Cited]:
        """Give the signed checkpoints of sizes after < size < below, by size, at most `rows_max`.

        The caller has `below` from a published size (`shown`): it is not asked for again.
        """
        rows = await self._ask(_EARLIER, (journal, after, below, rows_max))
        return [Cited(size, bytes(note)) for size, note in rows]

    async def witnesses(self, journal: int) -> list[Newest]:
        """Give each witness ever asked, with its newest cosignature of a published checkpoint of this journal."""
        rows = await self._ask(cosignatures.NEWEST, {"journal": journal})
        return [cosignatures.newest(row) for row in rows]

    async def cited(self, journal: int, index: int) -> Cited:
        """Give the checkpoint under which a shown entry is proven: the one that `shown` gives, if it covers the entry.

        Else the newest published one, which does: raises InvariantError (L8) if not.
        """
        shown = await self.shown(journal)
        if shown is not None and shown.size > index:
            return Cited(shown.size, shown.note)
        head = await self.head(journal)
        if head is None or head.note is None or head.size <= index:
            raise InvariantError("L8", f"journal {journal} entry {index}: expected a published checkpoint, got none")
        return Cited(head.size, head.note)

    async def published_size(self, journal: int) -> int:
        """Give the size of a journal's newest published checkpoint; 0 when there is none or no such journal."""
        rows = await self._ask(_SIZE, (journal,))
        return int(rows[0][0]) if rows else 0

    async def bundle(self, journal: int, tile: Tile) -> list[bytes]:
        """Give the exact bytes of the entries of a bundle, by index; fewer where not all are stored.

        The caller has made sure that it lies under a published size (`Tile.within`): it is not asked for again.
        """
        rows = await self._ask(_BUNDLE, (journal, tile.start, tile.end))
        return [bytes(row[0]) for row in rows]

    async def tiles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give the hashes of these tiles (no entry bundles), in one statement; short where something is not stored.

        The caller has made sure that they lie under a published size (`Tile.within`): it is not asked for again.
        """
        rows = await self._ask(tiles.CUT, tiles.wanted(journal, wanted))
        return {Tile(level, number, width): bytes(hashes) for level, number, width, hashes in rows}

    async def _schema_now(self) -> str | None:
        rows = await self._ask(_SCHEMA, ())
        return str(rows[0][0]) if rows else None

    async def _ask(self, statement: LiteralString, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            try:
                return await self._ask_once(statement, values)
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                # the server was started again since this connection was made, and perhaps since the others were
                await self._pool.check()
                return await self._ask_once(statement, values)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise StoreUnavailable(f"database: expected an answer, got {str(error).strip()}") from error

    async def _ask_once(
        self, statement: LiteralString, values: Sequence[Any] | Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(statement, values)
            return await cursor.fetchall()


async def _take_role(connection: psycopg.AsyncConnection) -> None:
    await connection.execute(_ROLE)
