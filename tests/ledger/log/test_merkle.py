"""The tree against RFC 6962's own recursive definition, its published vectors, and the stored form's one spelling."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.merkle import EMPTY_ROOT, SIZE_MAX, Frontier, TreeError, leaf_hash, leaf_hashes, node_hash

WORLD = 300
HASHES = [leaf_hash(n.to_bytes(2, "big")) for n in range(WORLD)]
WIDE = [leaf_hash(n.to_bytes(4, "big")) for n in range(997)]

# The eight leaves of the Certificate Transparency test suite and the roots of the trees of size 0 to 8.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root_by_definition(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word: split at the largest power of two below n."""
    n = len(hashes)
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return hashes[0]
    k = 1 << ((n - 1).bit_length() - 1)
    return sha256(b"\x01" + root_by_definition(hashes[:k]) + root_by_definition(hashes[k:])).digest()


def test_hashes_carry_their_prefixes() -> None:
    assert leaf_hash(b"") == sha256(b"\x00").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


@given(st.lists(st.binary(max_size=200)))
def test_leaves_hashed_together_are_those_hashed_one_by_one(leaves: list[bytes]) -> None:
    assert leaf_hashes(leaves) == [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def test_roots_of_certificate_transparency() -> None:
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]
    assert [Frontier().append(hashes[:n]).root().hex() for n in range(9)] == CT_ROOTS
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


def test_every_size_and_every_split_gives_the_defined_root() -> None:
    whole = [Frontier().append(HASHES[:n]) for n in range(WORLD + 1)]
    for n, frontier in enumerate(whole):
        assert (frontier.size, len(frontier.peaks)) == (n, n.bit_count())
        assert frontier.root() == root_by_definition(HASHES[:n])
        for k in range(n + 1):
            assert whole[k].append(HASHES[k:n]) == frontier


@given(st.lists(st.integers(0, 40), max_size=8))
def test_any_sequence_of_batches_is_one_batch(cuts: list[int]) -> None:
    frontier, start = Frontier(), 0
    for cut in cuts:
        frontier = frontier.append(HASHES[start : min(WORLD, start + cut)])
        start = min(WORLD, start + cut)
    assert frontier == Frontier().append(HASHES[:start])


@given(st.lists(st.integers(0, 700), max_size=6))
@settings(max_examples=40)
def test_growing_gives_each_node_of_the_tiles_once_and_no_frontier_but_appends(cuts: list[int]) -> None:
    """Nodes at tree levels 0 and 8: each complete one comes out with the batch that completes it, left to right."""
    frontier, size = Frontier(), 0
    nodes: dict[int, list[bytes]] = {}
    for cut in cuts:
        batch = [WIDE[n % len(WIDE)] for n in range(size, size + cut)]
        grown, new = frontier.grow(batch)
        assert grown == frontier.append(batch)
        for level, hashes in new.items():
            assert hashes
            nodes.setdefault(level, []).extend(hashes)
        frontier, size = grown, size + cut
    leaves = [WIDE[n % len(WIDE)] for n in range(size)]
    assert nodes.get(0, []) == leaves
    assert nodes.get(1, []) == [root_by_definition(leaves[n : n + 256]) for n in range(0, size - 255, 256)]
    assert set(nodes) <= {0, 1}


def test_growing_names_the_third_level_of_tiles_at_65536_leaves() -> None:
    frontier, nodes = Frontier().grow([HASHES[0]] * 65_537)
    assert {level: len(hashes) for level, hashes in nodes.items()} == {0: 65_537, 1: 256, 2: 1}
    assert nodes[2] == [frontier.peaks[0]]
    assert Frontier().grow([]) == (Frontier(), {})


def test_appending_leaves_the_earlier_frontier_as_it_was() -> None:
    before = Frontier().append(HASHES[:7])
    kept = before.encode()
    before.append(HASHES[7:20])
    assert before.encode() == kept


@given(st.integers(0, WORLD))
@settings(max_examples=50)
def test_stored_form_is_read_back_and_no_other_is(size: int) -> None:
    frontier = Frontier().append(HASHES[:size])
    encoded = frontier.encode()
    assert Frontier.decode(encoded) == frontier
    for other in (encoded + b"\x00", encoded[:-1], encoded + b"\x00" * 32):
        with pytest.raises(TreeError):
            Frontier.decode(other)


def test_sizes_that_no_database_could_hold_are_refused() -> None:
    with pytest.raises(TreeError, match="tree size"):
        Frontier.decode((SIZE_MAX + 1).to_bytes(8, "big") + b"\x00" * 32)
    with pytest.raises(TreeError, match="tree size"):
        Frontier(SIZE_MAX, (b"\x00" * 32,) * 63).append(HASHES[:1])


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(TreeError, match="leaf hash"):
        Frontier().append([HASHES[0], b"short"])
