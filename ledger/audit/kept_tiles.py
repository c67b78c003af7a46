"""Tiles as they are kept beside the leaves of a log, and what of an earlier tree can be read from them.

A tree that has grown still holds every earlier one: the hashes at whose sizes it ended stand at the beginnings of its
tiles. What is read is bound to the root of the tree at hand, so that whoever keeps the tiles need not be believed.
Upholds L6 as an auditor. Must not know entries or keys. Source: c2sp.org/tlog-tiles@v0.1.0; RFC 6962 section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.log.edge import Edge
from ledger.log.merkle import HASH_BYTES
from ledger.log.proof import ProofError
from ledger.log.prover import fold_root, needs_root, verify_tiles, with_parents
from ledger.log.tiles import Tile, TileError, tile_at


class KeptTile(NamedTuple):
    """A tile as it is kept beside the leaves: its hashes, and the root over them where that is kept too."""

    hashes: bytes
    root: bytes | None = None


Tiles = Callable[[Sequence[Tile]], Sequence[KeptTile | None]]
"""Gives tiles as they are kept; None for one that is not there."""


def root_within(size: int, edge: Edge, tiles: Tiles) -> bytes | None:
    """Give the root (32 bytes) that the tree of this edge had at a size up to its own, by the full tiles that are kept.

    None where a tile is missing, or is not of that tree.
    """
    earlier = needs_root(size)
    wide = {tile: tile_at(tile.level, tile.number, edge.size) for tile in earlier}
    found = dict(edge.partials())
    full = [tile for tile in with_parents(wide.values(), edge.size) if tile not in found]
    found |= {tile: kept.hashes for tile, kept in zip(full, tiles(full), strict=True) if kept is not None}
    try:
        verify_tiles(edge.size, edge.frontier().root(), found)
        return fold_root(size, {tile: found[wide[tile]][: HASH_BYTES * tile.width] for tile in earlier})
    except (KeyError, ProofError, TileError):
        return None
