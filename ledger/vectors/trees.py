"""Vectors of trees: roots, inclusion and consistency proofs, and the tiles they are read from.

Three trees: the eight leaves of Certificate Transparency's test suite; leaves that are their own index in decimal; and
trees of up to 2**63 - 1 leaves that are all alike. Source: RFC 6962 section 2.1; c2sp.org/tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256

from ledger.log.edge import Edge
from ledger.log.merkle import EMPTY_ROOT, SIZE_MAX, Frontier, leaf_hash, node_hash
from ledger.log.prover import (
    fold_consistency,
    fold_inclusion,
    fold_root,
    needs_consistency,
    needs_inclusion,
    needs_root,
)
from ledger.log.tiles import Tile, tiles_of_size
from ledger.vectors.cases import Case, bad, file_of, flipped, good, in_base64

CT_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ALIKE = b"alike"
_PLACES = (
    *((0, 1), (0, 2), (1, 2), (0, 3), (2, 3), (0, 7), (3, 7), (4, 7), (6, 7), (37, 100), (64, 100), (99, 100)),
    *((0, 256), (255, 256), (256, 257), (0, 70_000), (300, 70_000), (65_536, 70_000), (69_999, 70_000)),
)
_STEPS = (
    *((1, 1), (1, 2), (3, 7), (4, 7), (6, 7), (64, 100), (65, 100), (99, 100), (100, 100), (255, 256), (256, 257)),
    *((0, 0), (0, 1), (0, 100), (256, 70_000), (257, 70_000), (65_535, 65_536), (65_536, 70_000), (69_999, 70_000)),
)
_LARGE = ((0, SIZE_MAX), (2**62 + 12_345, SIZE_MAX), (SIZE_MAX - 1, SIZE_MAX), (2**53 + 1, 2**53 + 2))

Reader = Callable[[Sequence[Tile]], Mapping[Tile, bytes]]


@cache
def decimal_leaves(size: int) -> list[bytes]:
    """Give the leaf hashes of the tree whose leaves are their own index in decimal."""
    return [leaf_hash(b"%d" % index) for index in range(size)]


@cache
def decimal_tiles(size: int) -> dict[Tile, bytes]:
    """Give all tiles of that tree."""
    edge, full = Edge().grow(Frontier().grow(decimal_leaves(size))[1])
    tiles = {Tile(tile.level, tile.number): tile.hashes for tile in full} | edge.partials()
    return {tile: tiles[tile] for tile in tiles_of_size(size)}


def decimal(size: int) -> Reader:
    """Give a reader of that tree's tiles."""
    return lambda tiles: {tile: decimal_tiles(size)[tile] for tile in tiles}


def alike(tiles: Sequence[Tile]) -> dict[Tile, bytes]:
    """Read the tiles of a tree whose leaves are all alike."""
    return {tile: _alike(8 * tile.level) * tile.width for tile in tiles}


def decimal_root(size: int) -> bytes:
    """Give the root of the tree whose leaves are their own index in decimal."""
    return fold_root(size, decimal(size)(needs_root(size)))


def path_of(index: int, size: int, read: Reader) -> list[bytes]:
    """Give the inclusion proof of a leaf from a tree's tiles."""
    return fold_inclusion(index, size, read(needs_inclusion(index, size)))


def consistency_hashes(old: int, new: int) -> list[bytes]:
    """Give the consistency proof of the tree whose leaves are their own index in decimal."""
    return fold_consistency(old, new, decimal(new)(needs_consistency(old, new)))


def trees() -> str:
    """Give the file of roots."""
    ct = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]
    cases = [
        good(
            "the eight leaves of Certificate Transparency",
            leaves=list(CT_LEAVES),
            leaf_hashes=[each.hex() for each in ct],
            roots=[Frontier().append(ct[:size]).root().hex() for size in range(9)],
        )
    ]
    cases += [
        good(f"decimal leaves, size {size}", leaf_rule="decimal", size=str(size), root=decimal_root(size).hex())
        for size in (0, 1, 2, 3, 7, 8, 100, 255, 256, 257, 65_535, 65_536, 65_537, 70_000)
    ]
    cases += [
        good(f"leaves alike, size {size}", leaf_rule="alike", size=str(size), root=_alike_root(size).hex())
        for size in (1, 2, 2**32, 2**32 + 1, 2**53 + 2, SIZE_MAX)
    ]
    return file_of("roots of trees, by size", "RFC 6962 section 2.1", cases)


def inclusion() -> str:
    """Give the file of inclusion proofs."""
    cases = [
        _inclusion(good, f"decimal leaves, {index} of {size}", _decimal_hash(index), index, size, decimal(size))
        for index, size in _PLACES
    ]
    cases += [
        _inclusion(good, f"leaves alike, {index} of {size}", _alike(0), index, size, alike) for index, size in _LARGE
    ]
    base = _inclusion(bad, "", _decimal_hash(37), 37, 100, decimal(100))
    path, root = base["path"], base["root"]
    spoilt: dict[str, Case] = {
        "another leaf": {"leaf_hash": _decimal_hash(36).hex()},
        "a bit of the leaf hash": {"leaf_hash": flipped(_decimal_hash(37), 31).hex()},
        "a leaf hash of 31 bytes": {"leaf_hash": base["leaf_hash"][:-2]},
        "the next index": {"index": "38"},
        "an index that is the size": {"index": "100"},
        "an index beyond the size": {"index": "101"},
        "an index that is right modulo 2**64": {"index": str(2**64 + 37)},
        "size 0": {"size": "0", "path": []},
        "a size that has a shorter path": {"size": "64"},
        "a size that is right modulo 2**64": {"size": str(2**64 + 100)},
        "a size of 2**63": {"size": str(2**63), "path": [*path, *[path[0]] * 56]},
        "no path": {"path": []},
        "a path without its first hash": {"path": path[1:]},
        "a path without its last hash": {"path": path[:-1]},
        "a path with a hash more": {"path": [*path, path[0]]},
        "a path with a hash more in front": {"path": [path[0], *path]},
        "a path of 64 hashes": {"path": [path[0]] * 64},
        "a path turned round": {"path": path[::-1]},
        "a bit of the first hash": {"path": [flipped(bytes.fromhex(path[0])).hex(), *path[1:]]},
        "a bit of the last hash": {"path": [*path[:-1], flipped(bytes.fromhex(path[-1]), 31, 7).hex()]},
        "a hash of 31 bytes": {"path": [path[0][:-2], *path[1:]]},
        "a hash of 33 bytes": {"path": [path[0] + "00", *path[1:]]},
        "a bit of the root": {"root": flipped(bytes.fromhex(root), 31).hex()},
        "the root of another size": {"root": decimal_root(99).hex()},
        "a root of 31 bytes": {"root": root[:-2]},
        "an inner node in place of the leaf": {"leaf_hash": path[1], "index": "18", "path": path[1:]},
    }
    cases += [{**base, **members, "name": name} for name, members in spoilt.items()]
    return file_of(
        "inclusion proofs, the leaf's sibling first", "RFC 6962 section 2.1.1; RFC 9162 section 2.1.3.2", cases
    )


def consistency() -> str:
    """Give the file of consistency proofs."""
    cases = [
        _growth(good, f"decimal leaves, {old} to {new}", old, new, decimal(new), decimal_root) for old, new in _STEPS
    ]
    cases += [
        _growth(good, f"leaves alike, {old} to {new}", old, new, alike, _alike_root) for old, new in _LARGE if old
    ]
    base = _growth(bad, "", 65, 100, decimal(100), decimal_root)
    path, empty = base["path"], EMPTY_ROOT.hex()
    spoilt: dict[str, Case] = {
        "the old size next": {"old_size": "66"},
        "an old size above the new": {"old_size": "101"},
        "an old size that is right modulo 2**64": {"old_size": str(2**64 + 65)},
        "a new size that is right modulo 2**64": {"new_size": str(2**64 + 100)},
        "an old size of 0 with a proof": {"old_size": "0", "old_root": empty},
        "an old size of 0 with another root": {"old_size": "0", "path": []},
        "a new size of 0 with another root": {"old_size": "0", "old_root": empty, "new_size": "0", "path": []},
        "one size with two roots": {"old_size": "100", "path": []},
        "one size with a proof": {"old_size": "100", "old_root": base["new_root"], "path": path[:1]},
        "no proof": {"path": []},
        "a proof without its first hash": {"path": path[1:]},
        "a proof without its last hash": {"path": path[:-1]},
        "a proof with a hash more": {"path": [*path, path[0]]},
        "a proof of 65 hashes": {"path": [path[0]] * 65},
        "a proof turned round": {"path": path[::-1]},
        "a bit of the first hash": {"path": [flipped(bytes.fromhex(path[0])).hex(), *path[1:]]},
        "a bit of the last hash": {"path": [*path[:-1], flipped(bytes.fromhex(path[-1]), 31, 7).hex()]},
        "a hash of 31 bytes": {"path": [path[0][:-2], *path[1:]]},
        "a hash of 33 bytes": {"path": [path[0] + "00", *path[1:]]},
        "a bit of the old root": {"old_root": flipped(bytes.fromhex(base["old_root"])).hex()},
        "a bit of the new root": {"new_root": flipped(bytes.fromhex(base["new_root"])).hex()},
        "the roots exchanged": {"old_root": base["new_root"], "new_root": base["old_root"]},
        "the old root of another log": {"old_root": sha256(b"another").hexdigest()},
    }
    cases += [{**base, **members, "name": name} for name, members in spoilt.items()]
    return file_of(
        "consistency proofs", "RFC 6962 section 2.1.2; RFC 9162 section 2.1.4.2; c2sp.org/tlog-witness", cases
    )


def tiles() -> str:
    """Give the file of tiles: which a tree has, and what is in some of them."""
    cases = []
    for size in (0, 1, 255, 256, 257, 511, 512, 65_536, 70_000, 2**24):
        partial = [tile.path() for tile in needs_root(size)]
        full = [(size >> 8 * level) // 256 for level in range(8) if size >> 8 * level]
        cases.append(good(f"tiles of size {size}", size=str(size), full_by_level=full, partial=partial))
    content = decimal_tiles(70_000)
    for tile in (Tile(0, 0), Tile(0, 272), Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)):
        digest = sha256(content[tile]).hexdigest()
        members = {"leaf_rule": "decimal", "size": "70000", "path": tile.path(), "sha256": digest}
        small = {"tile_base64": in_base64(content[tile])} if tile.width < 20 else {}
        cases.append(good(f"decimal leaves, {tile.path()}", **members, **small))
    return file_of("tiles of trees, and their bytes", "c2sp.org/tlog-tiles, Merkle Tree and Partial Tiles", cases)


def _decimal_hash(index: int) -> bytes:
    return leaf_hash(b"%d" % index)


@cache
def _alike(height: int) -> bytes:
    return leaf_hash(ALIKE) if height == 0 else node_hash(_alike(height - 1), _alike(height - 1))


def _alike_root(size: int) -> bytes:
    return fold_root(size, alike(needs_root(size)))


def _inclusion(kind: Callable[..., Case], name: str, leaf: bytes, index: int, size: int, read: Reader) -> Case:
    return kind(
        name,
        leaf_hash=leaf.hex(),
        index=str(index),
        size=str(size),
        path=[each.hex() for each in path_of(index, size, read)],
        root=fold_root(size, read(needs_root(size))).hex(),
    )


def _growth(
    kind: Callable[..., Case], name: str, old: int, new: int, read: Reader, root: Callable[[int], bytes]
) -> Case:
    return kind(
        name,
        old_size=str(old),
        old_root=root(old).hex(),
        new_size=str(new),
        new_root=root(new).hex(),
        path=[each.hex() for each in fold_consistency(old, new, read(needs_consistency(old, new)))],
    )
