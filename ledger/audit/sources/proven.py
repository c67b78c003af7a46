"""Tiles of one signed tree, believed only once they are proven against its root.

Tiles may come from a place nearby first (a folder that somebody may have changed) and from the source for what is
missing; if what was nearby does not prove right, all is asked of the source again. Upper tiles are kept between
questions, so that a walk along the leaves fetches each tile once. Upholds L6; knows hashes only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ledger.log.merkle import HASH_BYTES
from ledger.log.proof import ProofError
from ledger.log.prover import verify_tiles, with_parents
from ledger.log.tiles import Tile, TileError

Fetch = Callable[[Sequence[Tile]], Mapping[Tile, bytes]]
Nearby = Callable[[Tile], bytes | None]


def nowhere(_: Tile) -> None:
    """Have no tile nearby."""


class ProvenTiles:
    """The tiles of the tree of this size and root."""

    def __init__(self, size: int, root: bytes, fetch: Fetch, nearby: Nearby = nowhere) -> None:
        self._size = size
        self._root = root
        self._fetch = fetch
        self._nearby = nearby
        self._upper: dict[Tile, bytes] = {}

    def tiles(self, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these tiles of hashes.

        Raises TileError for one that is missing, cut or not of that tree, ProofError for one that is another's.
        """
        needed = with_parents(wanted, self._size)
        found = {tile: self._upper[tile] for tile in needed if tile in self._upper}
        rest = [tile for tile in needed if tile not in found]
        near = {tile: content for tile in rest if (content := self._nearby(tile)) is not None and _whole(tile, content)}
        missing = [tile for tile in rest if tile not in near]
        fetched = self._fetch(missing) if missing else {}
        proven = {**found, **near, **fetched}
        try:
            verify_tiles(self._size, self._root, proven)
        except (ProofError, TileError):
            if not near:
                raise
            proven = {**found, **self._fetch(rest)}
            verify_tiles(self._size, self._root, proven)
        self._upper = {tile: content for tile, content in proven.items() if tile.level > 0 or tile.partial}
        return {tile: proven[tile] for tile in wanted}


def _whole(tile: Tile, content: bytes) -> bool:
    return len(content) == tile.width * HASH_BYTES
