"""The right edge: tiles full and partial as the specification defines them, from any batches of leaves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.edge import Edge, FullTile
from ledger.log.merkle import Frontier, TreeError, leaf_hash
from ledger.log.tiles import Tile, partial_tiles, tiles_of_size

LEAVES = [leaf_hash(n.to_bytes(4, "big")) for n in range(997)]


def leaves(start: int, end: int) -> list[bytes]:
    return [LEAVES[n % len(LEAVES)] for n in range(start, end)]


def node(level: int, number: int) -> bytes:
    """MTH(D[number * 256**level : (number + 1) * 256**level])."""
    return Frontier().append(leaves(number << 8 * level, (number + 1) << 8 * level)).root()


def by_definition(tile: Tile) -> bytes:
    return b"".join(node(tile.level, tile.number * 256 + i) for i in range(tile.width))


@given(st.lists(st.integers(0, 900), max_size=6))
@settings(max_examples=30)
def test_merkle_tree_any_batches_give_the_defined_tiles(batches: list[int]) -> None:
    """tlog-tiles "Merkle Tree": MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]) for i from 0 to 255."""
    frontier, edge = Frontier(), Edge()
    full: list[FullTile] = []
    for batch in batches:
        frontier, nodes = frontier.grow(leaves(edge.size, edge.size + batch))
        edge, new = edge.grow(nodes)
        full += new
        assert (edge.size, edge.frontier()) == (frontier.size, frontier)
        assert Edge.of(edge.size, edge.rows) == edge
    expected = {tile: by_definition(tile) for tile in tiles_of_size(edge.size)}
    assert edge.partials() == {tile: data for tile, data in expected.items() if tile.partial}
    assert {Tile(t.level, t.number): t.hashes for t in full} == {t: d for t, d in expected.items() if not t.partial}
    assert [t.root for t in full] == [node(t.level + 1, t.number) for t in full]


def test_partial_tiles_are_not_hashed_into_the_level_above() -> None:
    """tlog-tiles "Partial Tiles": 1 to 255 hashes, MUST NOT be hashed into a tile at the level above."""
    edge = Edge()
    frontier = Frontier()
    for size in range(1, 514):
        frontier, nodes = frontier.grow(leaves(size - 1, size))
        edge, full = edge.grow(nodes)
        assert len(full) == (size % 256 == 0)
        assert [len(row) // 32 for row in edge.rows] == ([size] if size < 256 else [size % 256, size // 256])
        assert all(0 < len(content) < 8192 for content in edge.partials().values())


def test_merkle_tree_full_tiles_are_8192_bytes_and_come_out_level_by_level() -> None:
    """tlog-tiles "Merkle Tree": full tiles MUST be exactly 256 hashes wide, or 8,192 bytes."""
    frontier, nodes = Frontier().grow(leaves(0, 65_535))
    edge, full = Edge().grow(nodes)
    assert (len(full), [len(row) // 32 for row in edge.rows]) == (255, [255, 255])
    frontier, nodes = frontier.grow(leaves(65_535, 65_537))
    edge, full = edge.grow(nodes)
    assert [(t.level, t.number, len(t.hashes)) for t in full] == [(0, 255, 8192), (1, 0, 8192)]
    assert full[1].root == frontier.peaks[0]
    assert tuple(edge.partials()) == partial_tiles(65_537) == (Tile(0, 256, 1), Tile(2, 0, 1))
    assert edge.frontier() == frontier


def test_growing_by_nothing_is_no_change() -> None:
    edge = Edge().grow(Frontier().grow(leaves(0, 300))[1])[0]
    assert edge.grow({}) == (edge, [])
    assert Edge().grow({}) == (Edge(), [])


def test_rows_of_another_width_are_refused() -> None:
    """L5: a row is as wide as the size says."""
    edge = Edge().grow(Frontier().grow(leaves(0, 300))[1])[0]
    for size, rows in (
        (300, edge.rows[:1]),
        (301, edge.rows),
        (300, (*edge.rows, b"")),
        (0, edge.rows),
        (556, edge.rows),
    ):
        with pytest.raises(TreeError, match="tile rows"):
            Edge.of(size, rows)


def test_nodes_that_do_not_follow_are_refused() -> None:
    before, nodes = Frontier().grow(leaves(0, 300))
    edge = Edge().grow(nodes)[0]
    after = before.grow(leaves(300, 600))[1]
    assert edge.grow(after)[0].size == 600
    short = [*after[0][:-1], b"short"]
    for wrong in (
        {0: after[0]},
        {1: after[1]},
        {0: short, 1: after[1]},
        {**after, 1: after[1] * 2},
        {**after, 2: after[1]},
    ):
        with pytest.raises(TreeError, match="tile rows"):
            edge.grow(wrong)
