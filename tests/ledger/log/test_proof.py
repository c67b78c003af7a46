"""Proofs verified: every proof of every tree up to 100 leaves, and nothing that differs from one in a single bit.

The proofs come from the standard's own definitions. Flipping each of the 256 bits of each hash of all 10,100 proofs
takes minutes, so that all of them are flipped in one proof of each shape (a verifier does the same work for all of one
shape), and in each other proof eight of each hash, other ones from proof to proof. FLIPS=256 in the environment flips
all of them everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.merkle import EMPTY_ROOT, SIZE_MAX
from ledger.log.proof import (
    CONSISTENCY_HASHES_MAX,
    INCLUSION_HASHES_MAX,
    ProofError,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger.log.test_merkle import CT_LEAVES, CT_ROOTS
from tests.ledger.log.trees import WORLD, growth, leaf_hash, mth, path, proof, sides, uniform, uniform_root

STRIDE = 256 // int(os.environ.get("FLIPS", "8"))
ROOTS = [mth(0, n) for n in range(WORLD + 1)]
X = bytes(32)

# RFC 6962 section 2.1.3's tree of seven leaves, its proofs written down there by the names of their nodes.
D7_PATHS = {0: "b h l", 3: "c g l", 4: "f j k", 6: "i k"}
D7_PROOFS = {3: "c d g l", 4: "l", 6: "i j k"}
D7_NODES = {"b": (1, 2), "c": (2, 3), "d": (3, 4), "f": (5, 6), "g": (0, 2), "h": (2, 4), "i": (4, 6), "j": (6, 7)}
D7_NODES |= {"k": (0, 4), "l": (4, 7)}


def included(leaf: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(leaf, index, size, hashes, root)
    except ProofError:
        return False
    return True


def grown(old: int, old_root: bytes, new: int, new_root: bytes, hashes: Sequence[bytes]) -> bool:
    try:
        verify_consistency(old, old_root, new, new_root, hashes)
    except ProofError:
        return False
    return True


def flips(value: bytes, turn: int, stride: int) -> Iterator[bytes]:
    """Give `value` with one bit flipped, each `stride`-th from `turn` on."""
    number = int.from_bytes(value, "big")
    return ((number ^ 1 << bit).to_bytes(32, "big") for bit in range(turn % stride, 256, stride))


def one_bit_away(number: int) -> Iterator[int]:
    return (number ^ 1 << bit for bit in range(64))


def test_rfc6962_2_1_1_every_inclusion_proof_to_100_leaves_and_no_bit_beside() -> None:
    """RFC 6962 section 2.1.1: the path, the leaf, the root, the index; the size as far as a path can tell."""
    seen: set[str] = set()
    for n in range(1, WORLD + 1):
        for m in range(n):
            leaf, hashes, root, shape = leaf_hash(m), path(m, 0, n), ROOTS[n], sides(m, n)
            stride = STRIDE if shape in seen else 1
            seen.add(shape)
            assert included(leaf, m, n, hashes, root)
            for at, each in enumerate(hashes):
                for other in flips(each, n + m + at, stride):
                    assert not included(leaf, m, n, [*hashes[:at], other, *hashes[at + 1 :]], root)
            for other in flips(root, n + m, stride):
                assert not included(leaf, m, n, hashes, other)
            for other in flips(leaf, n + m, stride):
                assert not included(other, m, n, hashes, root)
            for index in one_bit_away(m):
                assert not included(leaf, index, n, hashes, root)
            for size in one_bit_away(n):
                alike = m < size < 256 and sides(m, size) == shape
                assert included(leaf, m, size, hashes, root) == alike
            for wrong in (hashes[1:], hashes[:-1], [*hashes, X], [X, *hashes], hashes * 2):
                assert wrong == hashes or not included(leaf, m, n, wrong, root)


def test_rfc6962_2_1_2_every_consistency_proof_to_100_leaves_and_no_bit_beside() -> None:
    """RFC 6962 section 2.1.2: the proof, both roots; the sizes as far as a proof can tell."""
    seen: set[str] = set()
    for n in range(1, WORLD + 1):
        for m in range(1, n + 1):
            hashes, old, new, shape = proof(m, n), ROOTS[m], ROOTS[n], growth(m, n)
            stride = STRIDE if shape in seen else 1
            seen.add(shape)
            assert grown(m, old, n, new, hashes)
            for at, each in enumerate(hashes):
                for other in flips(each, n + m + at, stride):
                    assert not grown(m, old, n, new, [*hashes[:at], other, *hashes[at + 1 :]])
            for other in flips(old, n + m, stride):
                assert not grown(m, other, n, new, hashes)
            for other in flips(new, n + m, stride):
                assert not grown(m, old, n, other, hashes)
            for size in one_bit_away(m):
                alike = 0 < size <= n and growth(size, n) == shape
                assert grown(size, old, n, new, hashes) == alike
            for size in one_bit_away(n):
                alike = m <= size < 256 and growth(m, size) == shape
                assert grown(m, old, size, new, hashes) == alike
            for wrong in (hashes[1:], hashes[:-1], [*hashes, X], [X, *hashes], hashes * 2):
                assert wrong == hashes or not grown(m, old, n, new, wrong)


def test_rfc6962_2_1_3_the_example_of_seven_leaves() -> None:
    """RFC 6962 section 2.1.3: the proofs that the standard writes out."""
    for m, names in D7_PATHS.items():
        hashes = [mth(*D7_NODES[name]) for name in names.split()]
        assert path(m, 0, 7) == hashes
        verify_inclusion(leaf_hash(m), m, 7, hashes, ROOTS[7])
    for m, names in D7_PROOFS.items():
        hashes = [mth(*D7_NODES[name]) for name in names.split()]
        assert proof(m, 7) == hashes
        verify_consistency(m, ROOTS[m], 7, ROOTS[7], hashes)


def test_certificate_transparencys_published_proofs() -> None:
    """The inclusion and consistency proofs of the reference tree of eight leaves, as its test suite publishes them."""
    leaves = [sha256(b"\x00" + bytes.fromhex(leaf)).digest() for leaf in CT_LEAVES]
    roots = [bytes.fromhex(root) for root in CT_ROOTS]
    for index, size, published in CT_PATHS:
        verify_inclusion(leaves[index], index, size, [bytes.fromhex(h) for h in published], roots[size])
    for old, new, published in CT_PROOFS:
        verify_consistency(old, roots[old], new, roots[new], [bytes.fromhex(h) for h in published])


CT_PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CT_PROOFS = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def test_tlog_witness_any_tree_contains_the_empty_one_with_an_empty_proof() -> None:
    """tlog-witness "add-checkpoint": old size 0 takes an empty proof and no other; the empty tree has one root."""
    for n in range(WORLD + 1):
        verify_consistency(0, EMPTY_ROOT, n, ROOTS[n], [])
        with pytest.raises(ProofError, match="consistency proof: expected 0 hashes, got 1"):
            verify_consistency(0, EMPTY_ROOT, n, ROOTS[n], [X])
    with pytest.raises(ProofError, match="old root at size 0"):
        verify_consistency(0, X, 5, ROOTS[5], [])
    with pytest.raises(ProofError, match="old root at size 0"):
        verify_consistency(0, X, 0, X, [])
    with pytest.raises(ProofError, match="new root at size 0"):
        verify_consistency(0, EMPTY_ROOT, 0, X, [])


@pytest.mark.parametrize(
    ("old", "new", "hashes", "what"),
    [
        (-1, 5, [], "tree size: expected 0 to"),
        (5, SIZE_MAX + 1, [], "tree size: expected 0 to"),
        (SIZE_MAX + 1, SIZE_MAX + 1, [], "tree size: expected 0 to"),
        (6, 5, [], "old size: expected at most the new size 5, got 6"),
        (5, 0, [], "old size: expected at most the new size 0, got 5"),
        (5, 5, [X], "consistency proof: expected 0 hashes, got 1"),
        (5, 5, [], "root of size 5"),
        (3, 7, [], "consistency proof: expected 4 hashes, got 0"),
        (3, 7, [X] * 5, "consistency proof: expected 4 hashes, got 5"),
        (3, 7, [X] * 100_000, "consistency proof: expected 4 hashes, got 100000"),
        (3, 7, [X, X, X[:31], X], "hash: expected 32 bytes, got 31"),
        (3, 7, [X, X, X + X, X], "hash: expected 32 bytes, got 64"),
        (4, 7, [X], "new root: expected"),
        (3, 7, [X] * 4, "old root: expected"),
    ],
)
def test_consistency_is_refused_in_order(old: int, new: int, hashes: list[bytes], what: str) -> None:
    with pytest.raises(ProofError, match=what):
        verify_consistency(old, ROOTS[1], new, ROOTS[2], hashes)


@pytest.mark.parametrize(
    ("index", "size", "leaf", "hashes", "what"),
    [
        (0, 0, X, [], "tree size: expected 1 to"),
        (0, -1, X, [], "tree size: expected 1 to"),
        (0, SIZE_MAX + 1, X, [], "tree size: expected 1 to"),
        (5, 5, X, [], "leaf index: expected 0 to 4, got 5"),
        (-1, 5, X, [], "leaf index: expected 0 to 4, got -1"),
        (4, 5, X, [], "inclusion proof: expected 1 hashes, got 0"),
        (0, 5, X, [X] * 4, "inclusion proof: expected 3 hashes, got 4"),
        (0, 5, X, [X] * 100_000, "inclusion proof: expected 3 hashes, got 100000"),
        (0, 5, X[1:], [X] * 3, "hash: expected 32 bytes, got 31"),
        (0, 5, X, [X, b"", X], "hash: expected 32 bytes, got 0"),
        (0, 5, X, [X] * 3, "root hash: expected"),
    ],
)
def test_inclusion_is_refused_in_order(index: int, size: int, leaf: bytes, hashes: list[bytes], what: str) -> None:
    with pytest.raises(ProofError, match=what):
        verify_inclusion(leaf, index, size, hashes, ROOTS[1])


def test_roots_of_another_length_are_refused() -> None:
    with pytest.raises(ProofError, match="hash: expected 32 bytes, got 33"):
        verify_inclusion(X, 0, 1, [], X + b"\0")
    with pytest.raises(ProofError, match="hash: expected 32 bytes, got 31"):
        verify_consistency(4, X[1:], 5, X, [X])
    with pytest.raises(ProofError, match="hash: expected 32 bytes, got 31"):
        verify_consistency(0, EMPTY_ROOT, 5, X[1:], [])


def test_rfc9162_2_1_4_2_of_one_size_the_roots_are_compared_and_nothing_else() -> None:
    """As testdata/consistency/additional of transparency-dev/merkle has it: two roots that are alike, and no hash."""
    verify_consistency(1, b"don't care 2", 1, b"don't care 2", [])
    with pytest.raises(ProofError, match="root of size 1: expected"):
        verify_consistency(1, b"don't care 1", 1, b"don't care 2", [])


@given(st.integers(1, SIZE_MAX).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))), st.integers(0))
@settings(max_examples=200)
def test_rfc6962_2_1_1_paths_of_the_largest_trees(place: tuple[int, int], draw: int) -> None:
    """Siblings of any content, folded upwards as the standard places them, and any bit of them flipped."""
    m, n = place
    shape = sides(m, n)
    hashes = [sha256(b"%d" % at).digest() for at in range(len(shape))]
    root = leaf = leaf_hash(0)
    for side, sibling in zip(shape, hashes, strict=True):
        root = sha256(b"\x01" + (sibling + root if side == "L" else root + sibling)).digest()
    assert len(hashes) <= INCLUSION_HASHES_MAX
    verify_inclusion(leaf, m, n, hashes, root)
    if hashes:
        at, bit = draw % len(hashes), draw % 256
        other = (int.from_bytes(hashes[at], "big") ^ 1 << bit).to_bytes(32, "big")
        assert not included(leaf, m, n, [*hashes[:at], other, *hashes[at + 1 :]], root)
        assert not included(leaf, m ^ 1, n, hashes, root)


@given(st.integers(1, SIZE_MAX).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))), st.integers(0))
@settings(max_examples=200)
def test_rfc6962_2_1_2_growth_of_the_largest_trees(place: tuple[int, int], draw: int) -> None:
    """Trees whose leaves are all alike have roots at any size; their proofs by the standard's definition."""
    m, n = place
    hashes = uniform_proof(m, n, True)
    assert len(hashes) <= CONSISTENCY_HASHES_MAX
    verify_consistency(m, uniform_root(m), n, uniform_root(n), hashes)
    if hashes:
        at, bit = draw % len(hashes), draw % 256
        other = (int.from_bytes(hashes[at], "big") ^ 1 << bit).to_bytes(32, "big")
        assert not grown(m, uniform_root(m), n, uniform_root(n), [*hashes[:at], other, *hashes[at + 1 :]])


def uniform_proof(m: int, n: int, whole: bool) -> list[bytes]:
    if m == n:
        return [] if whole else [uniform_root(n)]
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        return [*uniform_proof(m, k, whole), uniform_root(n - k)]
    return [*uniform_proof(m - k, n - k, False), uniform(k.bit_length() - 1)]
