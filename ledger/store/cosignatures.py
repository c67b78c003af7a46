"""Cosignatures as rows: what witnesses signed, which sizes made a quorum, and the checkpoint that is shown with them.

A witness is kept under a number; its newest size and its signature at a size are each one look-up. Rows are written by
whoever asks witnesses, after verification, and never changed (L2). Nothing here is part of a journal's commit: losing a
row loses a cosignature that can be asked for again.

`Book` is for the asking side, one connection in the writer's role; `SHOWN`, `shown` and the rest are the readers'.
Upholds L6 (growth is proven from stored tiles) and L8 (what is shown stands under the published size).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

import psycopg

from ledger.errors import InvariantError, StoreUnavailable
from ledger.log import note as notes
from ledger.log.note import KEY_ID_BYTES, Signature
from ledger.log.proof import ProofError
from ledger.log.prover import fold_consistency, needs_consistency
from ledger.log.tiles import Tile, TileError
from ledger.store import database, tiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SHOWN: Final[LiteralString] = (
    "SELECT c.size, c.note, h.vkey, q.size, "
    "ARRAY(SELECT w.vkey FROM witnesses w JOIN cosignatures s ON s.journal = h.journal AND s.witness = w.id "
    "AND s.size = c.size ORDER BY w.id), "
    "ARRAY(SELECT s.signature FROM witnesses w JOIN cosignatures s ON s.journal = h.journal AND s.witness = w.id "
    "AND s.size = c.size ORDER BY w.id) "
    "FROM heads h LEFT JOIN LATERAL (SELECT size FROM quorums WHERE journal = h.journal AND size <= h.published_size "
    "ORDER BY size DESC LIMIT 1) q ON true "
    "LEFT JOIN checkpoints c ON c.journal = h.journal AND c.size = coalesce(q.size, h.published_size) "
    "WHERE h.journal = %s"
)
"""Gives what `shown` takes, of the newest checkpoint with a quorum, or the newest published where there is none."""
NEWEST: Final[LiteralString] = (
    "SELECT w.vkey, n.size, n.signature FROM witnesses w LEFT JOIN LATERAL (SELECT size, signature FROM cosignatures "
    "WHERE journal = %(journal)s AND witness = w.id AND size <= (SELECT published_size FROM heads "
    "WHERE journal = %(journal)s) ORDER BY size DESC LIMIT 1) n ON true ORDER BY w.id"
)
"""Gives what `newest` takes: each witness with its newest cosignature of a journal, if it has one."""
_KNOWN: LiteralString = (
    "SELECT w.id, (SELECT max(size) FROM cosignatures WHERE journal = %s AND witness = w.id) FROM witnesses w"
)


class ShownHead(NamedTuple):
    """A journal's checkpoint as it is shown: with the cosignatures it has, its verifier keys, and whether a quorum."""

    size: int
    note: bytes
    vkeys: str
    quorum: bool


class Newest(NamedTuple):
    """A witness's verifier key and, of one journal, the newest size it cosigned and when (POSIX seconds)."""

    vkey: str
    size: int | None
    signed_at: int | None


def shown(row: Sequence[Any]) -> ShownHead | None:
    """Give the checkpoint that a row of SHOWN says; None before the first."""
    size, note, vkeys, quorum, signed_by, signatures = row
    if note is None:
        return None
    pairs = zip(signed_by, signatures, strict=True)
    lines = [Signature(vkey.partition("+")[0], bytes(s[:KEY_ID_BYTES]), bytes(s[KEY_ID_BYTES:])) for vkey, s in pairs]
    return ShownHead(size, bytes(note) + notes.format_signatures(lines).encode(), vkeys, quorum is not None)


def newest(row: Sequence[Any]) -> Newest:
    """Give what a row of NEWEST says."""
    vkey, size, signature = row
    signed_at = None if signature is None else int.from_bytes(signature[KEY_ID_BYTES : KEY_ID_BYTES + 8], "big")
    return Newest(vkey, size, signed_at)


class Book:
    """What the asking side keeps and looks up. Any number of calls at once, which take turns at one connection.

    Every call raises StoreUnavailable when the database does not answer, and connects anew the next time. Durable at
    return; doing it again changes nothing.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def register(self, vkeys: Sequence[str]) -> dict[str, int]:
        """Give the number of each of these verifier keys, new ones included."""
        await self._rows(
            "INSERT INTO witnesses (vkey) SELECT v FROM unnest(%s::text[]) v "
            "WHERE v NOT IN (SELECT vkey FROM witnesses) ON CONFLICT (vkey) DO NOTHING RETURNING id",
            [list(vkeys)],
        )
        rows = await self._rows("SELECT vkey, id FROM witnesses WHERE vkey = ANY(%s)", [list(vkeys)])
        return dict(rows)

    async def known(self, journal: int) -> dict[int, int]:
        """Give the newest size of this journal that each witness has cosigned; those that never did are not in it."""
        rows = await self._rows(_KNOWN, [journal])
        return {number: size for number, size in rows if size is not None}

    async def growth(self, journal: int, old: int, new: int) -> list[bytes]:
        """Give the consistency proof from size `old` to `new` of a journal, made of stored tiles.

        Raises InvariantError (L6) if the tiles that a signed size must have are not there.
        """
        wanted = needs_consistency(old, new)
        found: dict[Tile, bytes] = {}
        if wanted:
            rows = await self._rows(tiles.CUT, tiles.wanted(journal, wanted))
            found = {Tile(level, number, width): bytes(hashes) for level, number, width, hashes in rows}
        try:
            return fold_consistency(old, new, found)
        except (ProofError, TileError) as error:
            raise InvariantError("L6", f"journal {journal}: growth from {old} to {new}: {error}") from error

    async def keep(self, journal: int, size: int, signatures: Mapping[int, Signature]) -> None:
        """Keep verified cosignatures over the checkpoint of this size, by their witnesses' numbers."""
        await self._rows(
            "INSERT INTO cosignatures SELECT %s, w, %s, s FROM unnest(%s::smallint[], %s::bytea[]) AS t(w, s) "
            "ON CONFLICT DO NOTHING RETURNING 1",
            [journal, size, list(signatures), [s.key_id + s.signature for s in signatures.values()]],
        )

    async def cosigned(self, journal: int, size: int, witnesses: Iterable[int]) -> frozenset[int]:
        """Give which of these witnesses have cosigned the checkpoint of this size."""
        rows = await self._rows(
            "SELECT witness FROM cosignatures WHERE journal = %s AND size = %s AND witness = ANY(%s)",
            [journal, size, list(witnesses)],
        )
        return frozenset(witness for (witness,) in rows)

    async def reached(self, journal: int, size: int) -> None:
        """Keep that the checkpoint of this size has a quorum."""
        await self._rows("INSERT INTO quorums VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1", [journal, size])

    async def close(self) -> None:
        """Let go of the database."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _rows(self, statement: LiteralString, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        async with self._turn:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await database.connect_async(self._url, "writer")
                return await (await self._connection.execute(statement, values)).fetchall()
            except psycopg.OperationalError as error:
                await self.close()
                raise StoreUnavailable(f"cosignatures: expected an answer, got {str(error).strip()}") from error
