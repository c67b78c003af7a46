"""The Merkle tree over the leaves of one journal, as the little that must be kept to grow it.

A tree of n leaves is a row of perfect subtrees, one for each bit of n, largest first; their roots (the peaks) are all
that is needed to append more leaves and to give the root. `Frontier` is that row: at most 64 hashes, whatever the size.

Upholds L5 (the size is the next leaf's index) and L6 (a frontier only grows; the earlier one is left as it was).
Knows bytes and hashes only. Proofs are made elsewhere, from stored hashes.
Source: RFC 6962 section 2.1 (leaf 0x00, node 0x01, SHA-256); the compact range as in golang.org/x/mod sumdb/tlog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
SIZE_BYTES = 8
SIZE_MAX = 2**63 - 1
TILE_HEIGHT = 8
EMPTY_ROOT = sha256().digest()
_PREFIXED = sha256(b"\x00")


class TreeError(ValueError):
    """Bytes or sizes that are no tree of ours; the only exception this module raises for bad input."""


def leaf_hash(leaf: bytes) -> bytes:
    """Give SHA-256(0x00 || leaf), 32 bytes."""
    return sha256(b"\x00" + leaf).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """Give the `leaf_hash` of each, a tenth sooner than one by one: no leaf is copied behind its prefix."""
    hashes = []
    copy = _PREFIXED.copy
    for leaf in leaves:
        hashed = copy()
        hashed.update(leaf)
        hashes.append(hashed.digest())
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give SHA-256(0x01 || left || right), 32 bytes, of two hashes of 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


class Frontier(NamedTuple):
    """The tree's size and the roots of its perfect subtrees, largest (oldest) first; one peak per bit of the size."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf_hashes: Sequence[bytes]) -> Frontier:
        """Give the frontier of the tree with these leaf hashes (32 bytes each) added, in order; raises as `grow`."""
        return self.grow(leaf_hashes)[0]

    def grow(self, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, Mapping[int, list[bytes]]]:
        """Give the frontier with these leaf hashes (32 bytes each) added, and the new nodes that stand in tiles.

        The nodes come by tile level (tree level 0, 8, 16, ...), left to right, as they fell out of the one pass that
        each new node is hashed in; at level 0 they are the leaf hashes. A level without a new node is left out.
        Raises TreeError if a hash is not 32 bytes long or the size would pass 2**63 - 1.
        """
        size = self.size + len(leaf_hashes)
        if size > SIZE_MAX:
            raise TreeError(f"tree size: expected at most {SIZE_MAX}, got {size}")
        if not {HASH_BYTES}.issuperset(map(len, leaf_hashes)):
            raise TreeError(f"leaf hash: expected {HASH_BYTES} bytes, got lengths {sorted(set(map(len, leaf_hashes)))}")
        kept = list(self.peaks)
        risen: list[bytes] = []  # new peaks, smallest first
        nodes: dict[int, list[bytes]] = {}
        left, row, level = self.size, list(leaf_hashes), 0
        # Level by level: `row` holds the nodes of this level that are new; an odd peak to their left joins them,
        # an odd node at their right end becomes a peak, and what remains pairs up into the next level's row.
        while row:
            if level % TILE_HEIGHT == 0:
                nodes[level // TILE_HEIGHT] = row.copy()
            if left & 1:
                row.insert(0, kept.pop())
            if len(row) & 1:
                risen.append(row.pop())
            pairs = iter(row)
            row = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=True)]
            left >>= 1
            level += 1
        return Frontier(size, (*kept, *reversed(risen))), nodes

    def root(self) -> bytes:
        """Give the tree's root hash, 32 bytes; SHA-256 of nothing for the empty tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = node_hash(peak, root)
        return root

    def encode(self) -> bytes:
        """Give the stored form: the size as 8 bytes big-endian, then the peaks, largest first, 32 bytes each."""
        return self.size.to_bytes(SIZE_BYTES, "big") + b"".join(self.peaks)

    @classmethod
    def decode(cls, encoded: bytes) -> Frontier:
        """Give the frontier that `encode` wrote.

        Raises TreeError if the length does not fit the size (one peak per bit set) or the size passes 2**63 - 1.
        That the peaks belong to the leaves only a comparison of `root` with a signed checkpoint can tell.
        """
        if len(encoded) < SIZE_BYTES:
            raise TreeError(f"frontier: expected at least {SIZE_BYTES} bytes, got {len(encoded)}")
        size = int.from_bytes(encoded[:SIZE_BYTES], "big")
        if size > SIZE_MAX:
            raise TreeError(f"tree size: expected at most {SIZE_MAX}, got {size}")
        expected = SIZE_BYTES + HASH_BYTES * size.bit_count()
        if len(encoded) != expected:
            raise TreeError(f"frontier of size {size}: expected {expected} bytes, got {len(encoded)}")
        starts = range(SIZE_BYTES, expected, HASH_BYTES)
        return cls(size, tuple(encoded[start : start + HASH_BYTES] for start in starts))
