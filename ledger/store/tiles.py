"""Tiles as rows: the right edge loaded when a journal is opened, and any tile cut from what is stored.

A row of `tiles` is a full tile of 256 hashes with the root over them, written by the commit that filled it. What is
not full is not stored: at level 0 it is the leaf hashes of the newest entries, above it the roots of the full tiles
of the level below; a narrower tile than the stored one is its beginning. So a tile of any width that a tree of this
journal ever had can be given, at the cost of one tile.

Upholds L5 (a missing row is found, not skipped) and L6 (the edge must be of the tree that the head signed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString

from ledger.errors import Unfit
from ledger.log.edge import Edge
from ledger.log.merkle import HASH_BYTES, TreeError
from ledger.log.tiles import levels_of_size, partial_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from ledger.log.merkle import Frontier
    from ledger.log.tiles import Tile

CUT: Final[LiteralString] = (
    "SELECT w.level, w.number, w.width, coalesce("
    "(SELECT substr(t.hashes, 1, 32 * w.width) FROM tiles t "
    "WHERE t.journal = %(journal)s AND t.level = w.level AND t.number = w.number), "
    # the leaf hash of RFC 6962 worked out by the server: 32 bytes of an entry travel instead of all
    "CASE w.level WHEN 0 THEN (SELECT string_agg(sha256('\\x00'::bytea || e.leaf), ''::bytea ORDER BY e.\"index\") "
    'FROM entries e WHERE e.journal = %(journal)s AND e."index" >= w.number * 256 '
    'AND e."index" < w.number * 256 + w.width) '
    "ELSE (SELECT string_agg(t.root, ''::bytea ORDER BY t.number) FROM tiles t WHERE t.journal = %(journal)s "
    "AND t.level = w.level - 1 AND t.number >= w.number * 256 AND t.number < w.number * 256 + w.width) END, "
    "''::bytea) FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[], %(widths)s::int[]) "
    "AS w(level, number, width)"
)
"""Gives (level, number, width, hashes) of each wanted tile; too few hashes where something is missing."""
_NEWEST: LiteralString = (
    "SELECT w.level, (SELECT max(number) FROM tiles t WHERE t.journal = %s AND t.level = w.level) "
    "FROM generate_series(0, 8) AS w(level) ORDER BY 1"
)


def wanted(journal: int, tiles: Sequence[Tile]) -> dict[str, object]:
    """Give what CUT takes for these tiles of hashes (no entry bundles)."""
    return {
        "journal": journal,
        "levels": [tile.level for tile in tiles],
        "numbers": [tile.number for tile in tiles],
        "widths": [tile.width for tile in tiles],
    }


async def load_edge(connection: psycopg.AsyncConnection, number: int, frontier: Frontier) -> Edge:
    """Give the right edge of a journal's tiles, which is of the tree that `frontier` is of.

    Raises Unfit when tiles are missing or too many, or are not those of the tree.
    """
    size = frontier.size
    newest = await (await connection.execute(_NEWEST, (number,))).fetchall()
    for level, found in newest:
        full = size >> 8 * (level + 1)
        if (-1 if found is None else found) != full - 1:
            raise _unfit(number, f"expected {full} tiles of level {level}, the newest {full - 1}, got {found}")
    rows = [b""] * levels_of_size(size)
    cursor = await connection.execute(CUT, wanted(number, partial_tiles(size)))
    async for level, _, width, hashes in cursor:
        if len(hashes) != HASH_BYTES * width:
            raise _unfit(number, f"expected {width} hashes at the right end of level {level}, got {len(hashes)} bytes")
        rows[level] = bytes(hashes)
    try:
        edge = Edge.of(size, rows)
    except TreeError as error:
        raise _unfit(number, str(error)) from error
    if edge.frontier() != frontier:
        raise _unfit(number, "expected the right end of its tiles to be of the tree at its head, got another")
    return edge


def _unfit(number: int, detail: str) -> Unfit:
    return Unfit(
        f"journal {number}: tiles: {detail}; entries or tiles were changed behind the ledger's back: "
        "run `iuran audit verify`"
    )
