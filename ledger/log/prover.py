"""Proofs made from tiles, and tiles proven against a root: need, then fold.

Each proof comes in two halves: `needs_*` lists the tiles it takes, whoever holds the tiles fetches them in one go, and
`fold_*` makes the proof of their bytes. An inclusion proof takes two tiles a level at most, one on the leaf's way up
and one at the right edge: no more than log2(size) in all. `verify_tiles` believes no tile: it takes the right edge
against the root and each full tile, or bundle of entries, against its parent.

Upholds L6 with `proof`, which verifies what is made here. Knows tiles, hashes and sizes only.
Source: RFC 6962 sections 2.1.1 and 2.1.2; c2sp.org/tlog-tiles@v0.1.0; the authentication of tiles as in
golang.org/x/mod sumdb/tlog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from ledger.log.edge import frontier_of
from ledger.log.merkle import HASH_BYTES, SIZE_MAX, TILE_HEIGHT, Frontier, TreeError, leaf_hashes, node_hash
from ledger.log.proof import ProofError, check_index, check_sizes
from ledger.log.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Tile,
    TileError,
    decode_bundle,
    levels_of_size,
    partial_tiles,
    tile_at,
)

Range = tuple[int, int]


def needs_inclusion(index: int, size: int) -> tuple[Tile, ...]:
    """Give the tiles that the inclusion proof of leaf `index` in a tree of this size takes; none for the only leaf.

    Raises ProofError if the tree has no such leaf.
    """
    return _needs(_inclusion(index, size), size)


def fold_inclusion(index: int, size: int, tiles: Mapping[Tile, bytes]) -> list[bytes]:
    """Give the inclusion proof of leaf `index`, the leaf's sibling first.

    Raises ProofError if the tree has no such leaf, TileError for a tile that is missing or of another length.
    """
    return _fold(_inclusion(index, size), size, tiles)


def needs_consistency(old: int, new: int) -> tuple[Tile, ...]:
    """Give the tiles of the tree of `new` leaves that the proof of its growth from `old` takes.

    None if the sizes are equal or the old one is 0. Raises ProofError if the old size is above the new.
    """
    return _needs(_consistency(old, new), new)


def fold_consistency(old: int, new: int, tiles: Mapping[Tile, bytes]) -> list[bytes]:
    """Give the consistency proof from `old` to `new`, in the order of RFC 6962.

    Raises ProofError if the old size is above the new, TileError for a tile that is missing or of another length.
    """
    return _fold(_consistency(old, new), new, tiles)


def needs_root(size: int) -> tuple[Tile, ...]:
    """Give the tiles that the root of a tree of this size takes: its partial ones, eight at most."""
    return partial_tiles(_checked(size))


def fold_root(size: int, tiles: Mapping[Tile, bytes]) -> bytes:
    """Give the root of a tree of this size, 32 bytes; raises TileError for a tile that is missing or cut."""
    rows = [b""] * levels_of_size(size)
    for tile in needs_root(size):
        rows[tile.level] = _hashes(tile, tiles)
    return frontier_of(size, rows).root()


def with_parents(tiles: Iterable[Tile], size: int) -> tuple[Tile, ...]:
    """Give these tiles and bundles of a tree of this size with those that bind them to its root, each once.

    Raises TileError for a tile that is not as wide as it is in that tree, or not in it.
    """
    needed = dict.fromkeys(needs_root(size))
    for tile in tiles:
        below: Tile | None = _of_tree(tile, size)
        while below is not None and below not in needed:
            needed[below] = None
            below = _parent(below, size)
    return tuple(needed)


def verify_tiles(size: int, root: bytes, tiles: Mapping[Tile, bytes]) -> None:
    """Return if all these tiles and bundles, complete as `with_parents` lists them, belong to the tree of this root.

    Raises TileError for a tile that is missing, not of that tree or of another length, and for a malformed bundle;
    ProofError if the right edge has another root, a tile another than its parent says, or a bundle other leaves.
    """
    edge = fold_root(size, tiles)
    if edge != root:
        raise ProofError(f"tiles of size {size}: expected root {root.hex()}, got {edge.hex()}")
    for tile, content in tiles.items():
        parent = _parent(_of_tree(tile, size), size)
        if parent is None:
            continue
        if tile.level == ENTRIES:
            found = b"".join(leaf_hashes(decode_bundle(content, tile.width)))
            expected = _hashes(parent, tiles)
        else:
            found = _subtree(_hashes(tile, tiles))
            at = tile.number % TILE_WIDTH * HASH_BYTES
            expected = _hashes(parent, tiles)[at : at + HASH_BYTES]
        if found != expected:
            raise ProofError(f"{tile.path()}: expected what {parent.path()} says of it, got another")


def _inclusion(index: int, size: int) -> list[Range]:
    """PATH(index, D[size]) as ranges of leaves, the leaf's sibling first."""
    check_index(index, size)
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def _consistency(old: int, new: int) -> list[Range]:
    """PROOF(old, D[new]) as ranges of leaves, in the proof's order."""
    check_sizes(old, new)
    if old == 0:
        return []
    ranges: list[Range] = []
    start, end = 0, new
    while end != old:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return ranges[::-1]


def _nodes(span: Range) -> Iterable[tuple[int, int]]:
    """Give the perfect subtrees of a range that begins at a multiple of their sizes: (level, number), largest first."""
    start, end = span
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _place(level: int, number: int, size: int) -> tuple[Tile, int, int]:
    """Give the tile in which a node stands, and where in its bytes the hashes beneath it begin and end."""
    tall, within = divmod(level, TILE_HEIGHT)
    first = number << within
    at = first % TILE_WIDTH
    return tile_at(tall, first // TILE_WIDTH, size), at * HASH_BYTES, (at + (1 << within)) * HASH_BYTES


def _needs(spans: list[Range], size: int) -> tuple[Tile, ...]:
    return tuple(dict.fromkeys(_place(level, number, size)[0] for span in spans for level, number in _nodes(span)))


def _fold(spans: list[Range], size: int, tiles: Mapping[Tile, bytes]) -> list[bytes]:
    proof: list[bytes] = []
    for span in spans:
        hashes = []
        for level, number in _nodes(span):
            tile, start, end = _place(level, number, size)
            hashes.append(_subtree(_hashes(tile, tiles)[start:end]))
        found = hashes.pop()
        while hashes:
            found = node_hash(hashes.pop(), found)
        proof.append(found)
    return proof


def _hashes(tile: Tile, tiles: Mapping[Tile, bytes]) -> bytes:
    content = tiles.get(tile)
    if content is None:
        raise TileError(f"{tile.path()}: expected its bytes, got none")
    if len(content) != tile.width * HASH_BYTES:
        raise TileError(f"{tile.path()}: expected {tile.width * HASH_BYTES} bytes, got {len(content)}")
    return content


def _subtree(hashes: bytes) -> bytes:
    """The root over 1, 2, 4, ... 256 hashes."""
    return Frontier().append([hashes[a:b] for a, b in pairwise(range(0, len(hashes) + 1, HASH_BYTES))]).root()


def _of_tree(tile: Tile, size: int) -> Tile:
    if tile_at(tile.level, tile.number, size) != tile:
        raise TileError(f"{tile.path()}: expected a tile as wide as in the tree of size {size}, got another width")
    return tile


def _parent(tile: Tile, size: int) -> Tile | None:
    """The tile that says what this one hashes to; none for a partial one, which the root binds."""
    if tile.level == ENTRIES:
        return tile._replace(level=0)
    return None if tile.partial else tile_at(tile.level + 1, tile.number // TILE_WIDTH, size)


def _checked(size: int) -> int:
    if not 0 <= size <= SIZE_MAX:
        raise TreeError(f"tree size: expected 0 to {SIZE_MAX}, got {size}")
    return size
