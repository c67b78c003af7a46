"""Proofs of the tree, verified: that a leaf lies in it, and that it contains an earlier tree.

A verifier knows the sizes and roots from signed checkpoints and believes nothing else; a proof is a list of hashes
whose number the sizes fix, so a proof too long is refused before it is read. One thing no such proof can tell: where
two sizes cut the tree alike beside the path, the hashes are the same, and it is the signature over size and root that
holds the size.

Upholds L6 (a checkpoint contains the earlier ones). Knows hashes and sizes only; proofs are made in `prover`.
Source: RFC 6962 sections 2.1.1 and 2.1.2; RFC 9162 sections 2.1.3.2 and 2.1.4.2; c2sp.org/tlog-witness for size 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX, node_hash

INCLUSION_HASHES_MAX = 63
CONSISTENCY_HASHES_MAX = 64


class ProofError(ValueError):
    """A proof that does not hold, or sizes and indexes that none could be about."""


def verify_inclusion(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Return if the tree of `size` leaves with this root has this leaf hash at `index`; `path` is leaf side first.

    Raises ProofError, in this order: a size not within 1..2**63 - 1; an index not within 0..size - 1; another number
    of hashes than the path has; a hash that is not 32 bytes; another root.
    """
    check_index(index, size)
    turns, length = _way(index, size, 0)
    _check_length("inclusion proof", path, length)
    _check_hashes((leaf_hash, root, *path))
    found = leaf_hash
    for sibling in path:
        found = node_hash(sibling, found) if turns & 1 else node_hash(found, sibling)
        turns >>= 1
    _check_root("root hash", found, root)


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Return if the tree of `new` leaves contains, as its first leaves, the tree of `old` leaves.

    Any tree contains the empty one and itself, with an empty proof. Raises ProofError, in this order: a size not within
    0..2**63 - 1; an old size above the new; another number of hashes than the proof has; one size with two roots (they
    are compared, whatever they are: nothing is hashed); a hash that is not 32 bytes; size 0 with another root than the
    empty tree's; another old root; another new root.
    """
    check_sizes(old, new)
    if old in (0, new):
        _verify_bare(old, old_root, new, new_root, path)
        return
    perfect = old & -old
    whole = old == perfect  # a perfect old tree is a node of the new one: its root need not be sent
    turns, length = _way(old - 1, new, perfect.bit_length() - 1)
    _check_length("consistency proof", path, length if whole else length + 1)
    _check_hashes((old_root, new_root, *path))
    was = now = old_root if whole else path[0]
    for sibling in path if whole else path[1:]:
        if turns & 1:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
        else:
            now = node_hash(now, sibling)
        turns >>= 1
    _check_root("old root", was, old_root)
    _check_root("new root", now, new_root)


def check_index(index: int, size: int) -> None:
    """Raise ProofError unless the size is within 1..2**63 - 1 and the index within 0..size - 1."""
    if not 1 <= size <= SIZE_MAX:
        raise ProofError(f"tree size: expected 1 to {SIZE_MAX}, got {size}")
    if not 0 <= index < size:
        raise ProofError(f"leaf index: expected 0 to {size - 1}, got {index}")


def check_sizes(old: int, new: int) -> None:
    """Raise ProofError unless both sizes are within 0..2**63 - 1 and the old one is not above the new."""
    for size in (old, new):
        if not 0 <= size <= SIZE_MAX:
            raise ProofError(f"tree size: expected 0 to {SIZE_MAX}, got {size}")
    if old > new:
        raise ProofError(f"old size: expected at most the new size {new}, got {old}")


def _verify_bare(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """The two kinds of growth that take no proof: from the empty tree, and by nothing."""
    _check_length("consistency proof", path, 0)
    if old == new > 0:
        _check_root(f"root of size {new}", new_root, old_root)
        return
    _check_hashes((old_root, new_root))
    for what, size, root in (("old root", old, old_root), ("new root", new, new_root)):
        if size == 0:
            _check_root(f"{what} at size 0", root, EMPTY_ROOT)


def _way(index: int, size: int, rise: int) -> tuple[int, int]:
    """Give the way from the node of height `rise` above leaf `index` to the root: its turns, and how many there are.

    A turn is 1 where the sibling stands on the left, the lowest bit first. Up to where the ways of `index` and of the
    last leaf meet there is a sibling at each level; above, at the right edge, only left ones, where the bit is set.
    """
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    below = inner - rise
    return (index >> rise & (1 << below) - 1) | (1 << border) - 1 << below, below + border


def _check_length(what: str, path: Sequence[bytes], length: int) -> None:
    if len(path) != length:
        raise ProofError(f"{what}: expected {length} hashes, got {len(path)}")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    lengths = set(map(len, hashes))
    if lengths != {HASH_BYTES}:
        raise ProofError(
            f"hash: expected {HASH_BYTES} bytes, got {', '.join(map(str, sorted(lengths - {HASH_BYTES})))}"
        )


def _check_root(what: str, found: bytes, expected: bytes) -> None:
    if found != expected:
        raise ProofError(f"{what}: expected {expected.hex()}, got {found.hex()}")
