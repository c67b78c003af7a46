"""Trees, proofs, tiles' paths and receipts held against golang.org/x/mod/sumdb/tlog and transparency-dev/merkle.

Proofs are compared byte for byte, and verdicts on altered ones must agree; where a library refuses what the
specifications ask for, that is written down.
"""

from __future__ import annotations

import base64
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log import keys, note, prover
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.merkle import EMPTY_ROOT, Frontier, leaf_hash
from ledger.log.proof import ProofError, verify_consistency, verify_inclusion
from ledger.log.receipt import Receipt, ReceiptError
from ledger.log.tiles import Tile, TileError
from tests.support.exports import tile_files
from tests.support.foreign import Oracle, unbase64

SMALL = 18
LEAVES = [b"leaf %d" % n for n in range(SMALL)]


def root_of(leaves: list[bytes]) -> bytes:
    return Frontier().append([leaf_hash(leaf) for leaf in leaves]).root()


ROOTS = [root_of(LEAVES[:size]) for size in range(SMALL + 1)]
TILES = {Tile.parse(path): content for size in range(1, SMALL + 1) for path, content in tile_files(LEAVES[:size])}


def inclusion(index: int, size: int) -> list[bytes]:
    return prover.fold_inclusion(index, size, TILES)


def consistency(old: int, new: int) -> list[bytes]:
    return prover.fold_consistency(old, new, TILES)


def test_the_reference_tree_that_merkle_ships(oracle: Oracle) -> None:
    told = oracle.ask("reference")
    leaves = unbase64(told["leaves"])
    assert [root_of(leaves[:size]) for size in range(len(leaves) + 1)] == unbase64(told["roots"])
    assert [leaf_hash(leaf) for leaf in leaves] == unbase64(told["nodes"][0])
    assert unbase64(told["roots"])[0] == EMPTY_ROOT


def test_every_root_of_a_small_tree(oracle: Oracle) -> None:
    for size in range(SMALL + 1):
        told = oracle.ask("root", leaves=LEAVES[:size])
        assert unbase64([told["tlog"], told["merkle"]]) == [ROOTS[size]] * 2


def test_every_proof_of_a_small_tree_is_theirs_byte_for_byte(oracle: Oracle) -> None:
    for size in range(1, SMALL + 1):
        for index in range(size):
            path = unbase64(oracle.ask("prove-inclusion", leaves=LEAVES[:size], size=size, index=index)["path"])
            assert path == inclusion(index, size)
            verify_inclusion(leaf_hash(LEAVES[index]), index, size, path, ROOTS[size])
        for old in range(1, size + 1):
            path = unbase64(oracle.ask("prove-consistency", leaves=LEAVES[:size], size=size, old=old)["path"])
            assert path == consistency(old, size)
            verify_consistency(old, ROOTS[old], size, ROOTS[size], path)


def included(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(leaf_hash(leaf), index, size, path, root)
    except ProofError:
        return False
    return True


def grown(old: int, old_root: bytes, new: int, root: bytes, path: list[bytes]) -> bool:
    try:
        verify_consistency(old, old_root, new, root, path)
    except ProofError:
        return False
    return True


EDITS = st.sampled_from(("none", "bit", "drop", "double", "swap", "more"))


def edited(path: list[bytes], how: str, data: st.DataObject) -> list[bytes]:
    path = list(path)
    if how == "more":
        path.insert(data.draw(st.integers(0, len(path))), sha256(b"more").digest())
    elif path and how != "none":
        at = data.draw(st.integers(0, len(path) - 1))
        if how == "bit":
            one = bytearray(path[at])
            one[data.draw(st.integers(0, 31))] ^= 1
            path[at] = bytes(one)
        elif how == "swap":
            path[at], path[-1] = path[-1], path[at]
        else:
            path[at : at + 1] = [] if how == "drop" else [path[at]] * 2
    return path


@given(EDITS, st.data())
@settings(max_examples=150, deadline=None)
def test_verdicts_on_inclusion_proofs_agree(oracle: Oracle, how: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, SMALL))
    index = data.draw(st.integers(0, size - 1))
    path = edited(inclusion(index, size), how, data)
    leaf = LEAVES[data.draw(st.sampled_from((index, index, (index + 1) % SMALL)))]
    place, among = data.draw(st.sampled_from(((index, size), (index, size), (index ^ 1, size), (index, size + 1))))
    root = data.draw(st.sampled_from((ROOTS[size], ROOTS[size], ROOTS[size - 1])))
    ours = included(leaf, place, among, path, root)
    told = oracle.ask("check-inclusion", leaf=leaf, index=place, size=among, path=path, root=root)
    assert told == {"tlog": ours, "merkle": ours}


@given(EDITS, st.data())
@settings(max_examples=150, deadline=None)
def test_verdicts_on_consistency_proofs_agree(oracle: Oracle, how: str, data: st.DataObject) -> None:
    new = data.draw(st.integers(1, SMALL))
    old = data.draw(st.integers(1, new))
    path = edited(consistency(old, new), how, data)
    old_root, root = ROOTS[data.draw(st.sampled_from((old, old, old - 1)))], ROOTS[new]
    ours = grown(old, old_root, new, root, path)
    told = oracle.ask("check-consistency", old=old, size=new, path=path, old_root=old_root, root=root)
    assert told == {"tlog": ours, "merkle": ours}


def test_growth_from_nothing_needs_no_proof(oracle: Oracle) -> None:
    """c2sp.org/tlog-witness: the empty tree is consistent with any tree, so no proof is necessary.

    tlog does not answer the question; merkle v0.0.2 does not look at the root of the empty tree.
    """
    assert grown(0, EMPTY_ROOT, 5, ROOTS[5], [])
    assert not grown(0, ROOTS[1], 5, ROOTS[5], [])
    for old_root in (EMPTY_ROOT, ROOTS[1]):
        told = oracle.ask("check-consistency", old=0, size=5, path=[], old_root=old_root, root=ROOTS[5])
        assert told == {"tlog": False, "merkle": True}


def test_a_proof_across_three_levels_of_tiles(oracle: Oracle) -> None:
    leaves = [n.to_bytes(3, "big") for n in range(65_536 + 300)]
    tiles = {Tile.parse(path): content for path, content in tile_files(leaves)}
    size = len(leaves)
    root = root_of(leaves)
    for index in (0, 255, 256, 65_535, 65_536, size - 1):
        path = prover.fold_inclusion(index, size, tiles)
        told = oracle.ask("check-inclusion", leaf=leaves[index], index=index, size=size, path=path, root=root)
        assert told == {"tlog": True, "merkle": True}
    for old in (1, 255, 256, 65_536, 65_537, size):
        path = prover.fold_consistency(old, size, tiles)
        old_root = root_of(leaves[:old])
        told = oracle.ask("check-consistency", old=old, size=size, path=path, old_root=old_root, root=root)
        assert told == {"tlog": True, "merkle": True}


PATHS = ("tile/0/000", "tile/63/x123/x456/789.p/255", "tile/1/x001/000.p/1", "tile/9/999")


@given(st.sampled_from(PATHS), st.data())
@settings(max_examples=200, deadline=None)
def test_paths_of_tiles_are_read_alike(oracle: Oracle, path: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(5, len(path)))
    path = path[:at] + data.draw(st.sampled_from(("", "0", "x", "/", ".p/", "256", "-", "+1"))) + path[at:]
    told = oracle.ask("tile", tile=path.replace("tile/", "tile/8/", 1))
    try:
        tile = Tile.parse(path)
    except TileError:
        assert "error" in told or told["level"] > 63
    else:
        assert told == {"level": tile.level, "number": tile.number, "width": tile.width}


SIGNER = keys.generate("example.com/log")
RECEIPT = Receipt(
    11, tuple(inclusion(11, SMALL)), sign_checkpoint(Checkpoint(SIGNER.name, SMALL, ROOTS[SMALL]), [SIGNER]), b"extra"
).format()


def test_a_receipt_is_read_alike(oracle: Oracle) -> None:
    ours, told = Receipt.parse(RECEIPT), oracle.ask("receipt", document=RECEIPT)
    assert told["index"] == ours.index
    assert unbase64(told["path"]) == list(ours.path)
    assert unbase64([told["checkpoint"], told["extra"], told["written"]]) == [ours.checkpoint, ours.extra, RECEIPT]


@given(st.integers(0, len(RECEIPT) - 1), st.sampled_from((b"", b"\n", b" ", b"0", b"=")))
@settings(max_examples=100, deadline=None)
def test_whatever_receipt_ours_reads_they_read_alike(oracle: Oracle, at: int, put: bytes) -> None:
    changed = RECEIPT[:at] + put + RECEIPT[at + 1 :]
    try:
        ours = Receipt.parse(changed)
    except ReceiptError:
        return
    told = oracle.ask("receipt", document=changed)
    assert (told["index"], unbase64(told["path"])) == (ours.index, list(ours.path))
    assert base64.b64decode(told["checkpoint"]) == ours.checkpoint
    assert note.parse(ours.checkpoint).text
