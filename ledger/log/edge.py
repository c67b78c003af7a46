"""The right edge of a log's tiles: the partial row of each tile level, kept while the tree grows.

`merkle.Frontier.grow` says which nodes of tiles are new; `Edge.grow` lays them at the end of their rows and gives out
each row that became a full tile. Nothing is hashed here: a full tile's root is a new node of the level above.
Whoever opens a log rebuilds its edge from what is stored and compares `Edge.frontier` with the frontier that is stored.

Upholds L2 (a full tile is given out once and never changes) and L5 (rows are as wide as the size says).
Knows hashes only. Source: c2sp.org/tlog-tiles@v0.1.0, "Partial Tiles".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.log.merkle import HASH_BYTES, TILE_HEIGHT, Frontier, TreeError
from ledger.log.tiles import TILE_BYTES, TILE_WIDTH, Tile, levels_of_size, partial_tiles


class FullTile(NamedTuple):
    """A tile of 256 hashes: level, number within it, the root over its hashes (32 bytes), the hashes (8,192 bytes)."""

    level: int
    number: int
    root: bytes
    hashes: bytes


class Edge(NamedTuple):
    """The tree's size, and for each of its tile levels the hashes of the partial tile (empty where all are full)."""

    size: int = 0
    rows: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, size: int, rows: Sequence[bytes]) -> Edge:
        """Give the edge of a tree of this size with these rows, lowest level first.

        Raises TreeError if they are more or fewer than its levels, or one is not as wide as the size says.
        """
        widths = [HASH_BYTES * _width(size, level) for level in range(levels_of_size(size))]
        if [len(row) for row in rows] != widths:
            raise TreeError(f"tile rows at size {size}: expected {widths} bytes, got {[len(row) for row in rows]}")
        return cls(size, tuple(rows))

    def grow(self, nodes: Mapping[int, Sequence[bytes]]) -> tuple[Edge, list[FullTile]]:
        """Give the edge after these new nodes, as `Frontier.grow` gives them, and the tiles that became full by them.

        Tiles come level by level, left to right. Raises TreeError if the nodes do not follow on this edge.
        """
        size = self.size + len(nodes.get(0, ()))
        rows: list[bytes] = []
        full: list[FullTile] = []
        for level in range(levels_of_size(size)):
            row = b"".join([self.rows[level] if level < len(self.rows) else b"", *nodes.get(level, ())])
            risen = nodes.get(level + 1, ())
            number = (self.size >> TILE_HEIGHT * level) // TILE_WIDTH
            for count, root in enumerate(risen):
                hashes = row[count * TILE_BYTES : (count + 1) * TILE_BYTES]
                full.append(FullTile(level, number + count, root, hashes))
            rows.append(row[len(risen) * TILE_BYTES :])
        return Edge.of(size, rows), full

    def partials(self) -> dict[Tile, bytes]:
        """Give the partial tiles of the tree, lowest level first; an empty row is none."""
        return {tile: self.rows[tile.level] for tile in partial_tiles(self.size)}

    def frontier(self) -> Frontier:
        """Give the frontier of the same tree, worked out from the rows."""
        return frontier_of(self.size, self.rows)


def frontier_of(size: int, rows: Sequence[bytes]) -> Frontier:
    """Give the frontier of a tree of this size from its partial rows of hashes, lowest tile level first."""
    peaks: tuple[bytes, ...] = ()
    for row in rows:
        hashes = [row[at : at + HASH_BYTES] for at in range(0, len(row), HASH_BYTES)]
        peaks = Frontier().append(hashes).peaks + peaks
    return Frontier(size, peaks)


def _width(size: int, level: int) -> int:
    return (size >> TILE_HEIGHT * level) % TILE_WIDTH
