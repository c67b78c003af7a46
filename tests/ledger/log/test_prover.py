"""Proofs made from tiles: those that the standard defines, from few tiles; and no forged tile believed.

Trees to 100 leaves are proven exhaustively, sizes around full tiles and up to 2**63 - 1 by tiles of uniform trees.
"""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.merkle import EMPTY_ROOT, SIZE_MAX, TreeError
from ledger.log.proof import ProofError, verify_consistency, verify_inclusion
from ledger.log.prover import (
    fold_consistency,
    fold_inclusion,
    fold_root,
    needs_consistency,
    needs_inclusion,
    needs_root,
    verify_tiles,
    with_parents,
)
from ledger.log.tiles import ENTRIES, Tile, TileError, encode_bundle, tiles_of_level, tiles_of_size
from tests.ledger.log.trees import WORLD, leaf, leaf_hash, mth, path, proof, uniform, uniform_root, uniform_tile

SIZES = st.one_of(st.integers(1, 70_000), st.integers(1, SIZE_MAX), st.integers(0, 62).map(lambda bit: 1 << bit))
NEAR_TILES = [255, 256, 257, 511, 512, 513, 600]


@cache
def tile_of(tile: Tile) -> bytes:
    """The tile's bytes by definition, of the tree of trees.py."""
    first, span = tile.number * 256, 256**tile.level
    return b"".join(mth((first + i) * span, (first + i + 1) * span) for i in range(tile.width))


def read(tiles: tuple[Tile, ...]) -> dict[Tile, bytes]:
    return {tile: tile_of(tile) for tile in tiles}


def uniformly(tiles: tuple[Tile, ...]) -> dict[Tile, bytes]:
    return {tile: uniform_tile(tile) for tile in tiles}


@pytest.mark.parametrize("sizes", [range(1, WORLD + 1), NEAR_TILES], ids=["to 100", "around full tiles"])
def test_every_proof_is_the_standards(sizes: list[int]) -> None:
    for n in sizes:
        some = range(n) if n <= WORLD else [0, 1, 37, 254, *(m for m in (255, 256, 257, 511, 512) if m < n), n - 1]
        for m in some:
            assert fold_inclusion(m, n, read(needs_inclusion(m, n))) == path(m, 0, n)
            assert fold_consistency(m + 1, n, read(needs_consistency(m + 1, n))) == proof(m + 1, n)
        assert fold_consistency(0, n, read(needs_consistency(0, n))) == []
        assert fold_root(n, read(needs_root(n))) == mth(0, n)
    assert (needs_root(0), fold_root(0, {})) == ((), EMPTY_ROOT)


def test_an_inclusion_proof_takes_at_most_log2_of_the_size_in_tiles() -> None:
    """Every leaf of every tree to 300 leaves, and the places in larger ones where most tiles meet."""
    large = [513, 65_537, 65_793, 10**7, 2**24 + 1, 2**24 + 65_793, 2**32 + 2**24 + 65_793, SIZE_MAX]
    for n in [*range(1, 301), *large]:
        for m in range(n) if n <= 300 else [0, 1, 255, 256, 511, n // 2, n - 2, n - 1]:
            needed = needs_inclusion(m, n)
            assert len(needed) <= n.bit_length() - 1
            assert all(tile.within(n) for tile in needed)


@given(SIZES.flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
@settings(max_examples=150)
def test_rfc6962_proofs_of_the_largest_trees_verify(place: tuple[int, int]) -> None:
    m, n = place
    needed = needs_inclusion(m, n)
    assert len(needed) <= n.bit_length() - 1
    verify_inclusion(uniform(0), m, n, fold_inclusion(m, n, uniformly(needed)), uniform_root(n))
    grown = fold_consistency(m, n, uniformly(needs_consistency(m, n)))
    assert len(needs_consistency(m, n)) <= 16
    verify_consistency(m, uniform_root(m), n, uniform_root(n), grown)
    assert fold_root(n, uniformly(needs_root(n))) == uniform_root(n)


@given(SIZES.flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
@settings(max_examples=60)
def test_partial_tiles_needed_are_those_of_the_signed_size(place: tuple[int, int]) -> None:
    """tlog-tiles "Partial Tiles": no partial tile is fetched but those that the checkpoint's size requires to exist."""
    m, n = place
    partial = set(needs_root(n))
    for tile in (*needs_inclusion(m, n), *needs_consistency(m, n), *with_parents(needs_inclusion(m, n), n)):
        assert not tile.partial or tile in partial


def test_tiles_verify_against_their_root_with_all_that_binds_them() -> None:
    for n in [1, 2, 100, *NEAR_TILES]:
        every = read(tuple(tiles_of_size(n)))
        verify_tiles(n, mth(0, n), every)
        for tile in every:
            needed = with_parents([tile], n)
            assert set(needed) <= set(every)
            verify_tiles(n, mth(0, n), read(needed))
        for bundle in tiles_of_level(ENTRIES, n):
            entries = encode_bundle([leaf(m) for m in range(bundle.start, bundle.end)])
            needed = with_parents([bundle], n)
            assert bundle in needed
            rest = read(tuple(tile for tile in needed if tile != bundle))
            verify_tiles(n, mth(0, n), {**rest, bundle: entries})
            forged = encode_bundle([leaf(m + (m == bundle.end - 1)) for m in range(bundle.start, bundle.end)])
            with pytest.raises(ProofError, match=bundle.path()):
                verify_tiles(n, mth(0, n), {**rest, bundle: forged})
    verify_tiles(0, EMPTY_ROOT, {})


def test_no_changed_byte_of_any_tile_is_believed() -> None:
    n = 600
    every = read(tuple(tiles_of_size(n)))
    for tile, content in every.items():
        for at in range(0, len(content), 37):
            forged = bytearray(content)
            forged[at] ^= 1 << at % 8
            with pytest.raises(ProofError, match=r"expected root|expected what"):
                verify_tiles(n, mth(0, n), {**every, tile: bytes(forged)})
    with pytest.raises(ProofError, match="expected root"):
        verify_tiles(n, mth(0, n - 1), every)


@given(st.integers(257, SIZE_MAX), st.data())
@settings(max_examples=60)
def test_no_forged_hash_on_a_leafs_way_in_the_largest_trees_is_believed(n: int, data: st.DataObject) -> None:
    m = data.draw(st.integers(0, n - 1))
    needed = with_parents(needs_inclusion(m, n), n)
    tiles = uniformly(needed)
    verify_tiles(n, uniform_root(n), tiles)
    tile = data.draw(st.sampled_from(needed))
    at = data.draw(st.integers(0, len(tiles[tile]) - 1))
    forged = bytearray(tiles[tile])
    forged[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ProofError):
        verify_tiles(n, uniform_root(n), {**tiles, tile: bytes(forged)})


def test_tiles_missing_cut_or_of_another_tree_are_refused() -> None:
    n = 600
    every = read(tuple(tiles_of_size(n)))
    for tile, content in every.items():
        for wrong in (content[:-1], content[:-32], content + bytes(32), b""):
            with pytest.raises(TileError, match=f"{tile.path()}: expected"):
                verify_tiles(n, mth(0, n), {**every, tile: wrong})
    for m in (0, 300, 599):
        needed = read(needs_inclusion(m, n))
        for tile in needed:
            with pytest.raises(TileError, match=f"{tile.path()}: expected its bytes, got none"):
                fold_inclusion(m, n, {other: content for other, content in needed.items() if other != tile})
    for tile in with_parents([Tile(0, 5)], 65_793):
        rest = uniformly(tuple(other for other in with_parents([Tile(0, 5)], 65_793) if other != tile))
        if tile != Tile(0, 5):
            with pytest.raises(TileError, match=f"{tile.path()}: expected its bytes, got none"):
                verify_tiles(65_793, uniform_root(65_793), rest)
    with pytest.raises(TileError, match="got none"):
        fold_root(n, {})
    with pytest.raises(TileError, match="as wide as in the tree of size 600"):
        with_parents([Tile(0, 2, 10)], n)
    with pytest.raises(TileError, match="as wide as in the tree of size 600"):
        verify_tiles(n, mth(0, n), {**every, Tile(0, 2, 10): tile_of(Tile(0, 2, 10))})
    for tile in (Tile(0, 3, 1), Tile(2, 0, 1), Tile(ENTRIES, 3), Tile(0, -1)):
        with pytest.raises(TileError, match="got one beyond it"):
            with_parents([tile], n)


def test_indexes_and_sizes_that_cannot_be_are_refused() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5), (0, SIZE_MAX + 1)):
        with pytest.raises(ProofError, match=r"tree size|leaf index"):
            needs_inclusion(index, size)
        with pytest.raises(ProofError, match=r"tree size|leaf index"):
            fold_inclusion(index, size, {})
    for old, new in ((-1, 5), (6, 5), (5, SIZE_MAX + 1)):
        with pytest.raises(ProofError, match=r"tree size|old size"):
            needs_consistency(old, new)
        with pytest.raises(ProofError, match=r"tree size|old size"):
            fold_consistency(old, new, {})
    for size in (-1, SIZE_MAX + 1):
        with pytest.raises(TreeError, match="tree size"):
            needs_root(size)


def test_leaves_of_the_world_hash_as_the_log_hashes_them() -> None:
    assert tile_of(Tile(0, 0, 2)) == leaf_hash(0) + leaf_hash(1)
