"""Roots of earlier trees read from the tiles of a later one: each right, and none from tiles of another tree."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger.audit.kept_tiles import KeptTile, root_within
from ledger.log.edge import Edge
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.tiles import Tile

SIZES = (1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, 66_000)


class Kept:
    """A tree's edge and its full tiles, as a log keeps them; `asked` counts tiles that were looked at."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self.edge, full = Edge().grow(Frontier().grow(hashes)[1])
        self.tiles = {Tile(tile.level, tile.number): tile.hashes for tile in full}
        self.asked = 0

    def __call__(self, wanted: Sequence[Tile]) -> list[KeptTile | None]:
        self.asked += len(wanted)
        found = [self.tiles.get(tile) for tile in wanted]
        return [None if hashes is None else KeptTile(hashes) for hashes in found]


@pytest.fixture(scope="module")
def hashes() -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(SIZES[-1])]


def test_the_root_of_every_earlier_size_is_that_of_the_tree_then(hashes: list[bytes]) -> None:
    roots = {size: Frontier().append(hashes[:size]).root() for size in SIZES}
    for whole in SIZES:
        kept = Kept(hashes[:whole])
        for size in (size for size in SIZES if size <= whole):
            kept.asked = 0
            assert root_within(size, kept.edge, kept) == roots[size], (size, whole)
            assert kept.asked <= 4, (size, whole)


def test_a_tile_that_is_missing_or_another_gives_no_root(hashes: list[bytes]) -> None:
    for whole in (257, 600, 65_537):
        kept = Kept(hashes[:whole])
        for tile, good in list(kept.tiles.items()):
            if tile.level == 0 and tile.number > 1:
                continue
            size = min(whole, tile.start + 77)
            for bad in (None, good[:-32], good[:32] + bytes(32) + good[64:], bytes(32) + good[32:]):
                kept.tiles.pop(tile) if bad is None else kept.tiles.update({tile: bad})
                assert root_within(size, kept.edge, kept) is None, (whole, tile)
            kept.tiles[tile] = good
            assert root_within(size, kept.edge, kept) is not None
