"""Every parser of the log against hostile bytes: its own exception and no other, one spelling, memory in proportion.

A parser is a line in DOORS and with it a fuzz target; FUZZ_EXAMPLES in the environment says how long each is tried.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.audit.receipts import parse_keys
from ledger.audit.sources.notes import notes_of
from ledger.log import keys, note, policy
from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_any, sign_checkpoint
from ledger.log.merkle import Frontier, TreeError
from ledger.log.note import NoteError
from ledger.log.policy import PolicyError
from ledger.log.proof import ProofError, verify_consistency, verify_inclusion
from ledger.log.prover import verify_tiles
from ledger.log.receipt import Receipt, ReceiptError
from ledger.log.tiles import Tile, TileError, decode_bundle, encode_bundle
from ledger.log.witness import Request, WitnessError, open_cosignatures, open_size
from tests.ledger.log.hostile import Door, changed, knock, monsters, peak_bytes
from tests.ledger.log.trees import leaf, leaf_hash, mth, path, proof

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "80"))
ORIGIN = "iuran.localhost/log/3"
SIGNER, SECOND = keys.generate(ORIGIN), keys.generate(ORIGIN, keys.MLDSA44)
WITNESS = keys.generate("witness.example/w1", keys.COSIGNATURE)
OWN = [SIGNER.verifier, SECOND.verifier]
HEAD = Checkpoint(ORIGIN, 100, mth(0, 100))
SIGNED = sign_checkpoint(HEAD, [SIGNER, SECOND])
RECEIPTS = [Receipt(m, tuple(path(m, 0, 100)), SIGNED, extra).format() for m, extra in ((37, None), (99, b"more"))]
POLICY = f"log {SIGNER.vkey()}\nwitness a {WITNESS.vkey()} https://w.example\ngroup g 1 a\nquorum g\n".encode()
ASKED = Request(37, tuple(proof(37, 100)), SIGNED).format()
LINE = note.Signature(WITNESS.name, WITNESS.key_id, WITNESS.at(1_790_000_000).sign(HEAD.format().encode()))
COSIGNED = note.format_signatures([LINE]).encode()
ENTRIES = [leaf(0), b"", leaf(2)]


def text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def octets(content: str) -> bytes:
    return content.encode(errors="surrogateescape")


def proven(content: bytes) -> Checkpoint:
    return Receipt.parse(content).verify(leaf(37), OWN)


DOORS = [
    Door(
        "tile path",
        lambda c: Tile.parse(text(c)),
        TileError,
        [b"tile/0/x001/234.p/17", b"tile/entries/000", b"tile/63/x999/x999/999"],
        lambda t: octets(t.path()),
    ),
    Door("entry bundle", lambda c: decode_bundle(c, 3), TileError, [encode_bundle(ENTRIES)], encode_bundle),
    Door("frontier", Frontier.decode, TreeError, [Frontier().append([leaf_hash(0)] * 7).encode()], Frontier.encode),
    Door("receipt", Receipt.parse, ReceiptError, RECEIPTS, Receipt.format),
    Door("receipt, verified", proven, ReceiptError, RECEIPTS),
    Door("note", note.parse, NoteError, [SIGNED], lambda n: note.format(*n)),
    Door("note, opened", lambda c: note.open(c, OWN), NoteError, [SIGNED]),
    Door(
        "checkpoint",
        lambda c: Checkpoint.parse(text(c)),
        NoteError,
        [HEAD.format().encode()],
        lambda c: octets(c.format()),
    ),
    Door("checkpoint of any log", lambda c: parse_any(text(c)), NoteError, [HEAD.format().encode() + b"more\n"]),
    Door("checkpoint, opened", lambda c: open_checkpoint(c, OWN), NoteError, [SIGNED]),
    Door(
        "verifier key",
        lambda c: keys.parse_vkey(text(c)),
        NoteError,
        [octets(key.vkey()) for key in (SIGNER, SECOND, WITNESS)],
        lambda v: octets(v.vkey()),
    ),
    Door("private key", lambda c: keys.load_pem(ORIGIN, c), NoteError, [SIGNER.pem(), SECOND.pem()]),
    Door("witness request", Request.parse, WitnessError, [ASKED], Request.format),
    Door("witness answer", lambda c: open_cosignatures(c, HEAD.format(), [WITNESS.verifier]), WitnessError, [COSIGNED]),
    Door("witness size", open_size, WitnessError, [b"4711\n", b"0\n"], lambda size: b"%d\n" % size),
    Door("policy", policy.parse, PolicyError, [POLICY]),
    Door(
        "signature lines",
        lambda c: note.parse_signatures(text(c)),
        NoteError,
        [COSIGNED],
        lambda s: octets(note.format_signatures(s)),
    ),
    Door("checkpoints, one after the other", lambda c: list(notes_of([c])), NoteError, [SIGNED * 2], b"".join),
    Door("verifier keys of a file", lambda c: parse_keys(text(c)), NoteError, [octets(f"{SIGNER.vkey()}\n")]),
]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_good_bytes_are_read(door: Door) -> None:
    for seed in door.seeds:
        assert knock(door, seed) or door.name in ("receipt, verified", "private key")


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
@given(data=st.data())
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_good_bytes_changed_are_refused_or_have_one_spelling(door: Door, data: st.DataObject) -> None:
    knock(door, data.draw(changed(door.seeds)))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
@given(content=st.binary(max_size=300))
@settings(max_examples=EXAMPLES // 2)
def test_any_bytes_are_refused_or_have_one_spelling(door: Door, content: bytes) -> None:
    knock(door, content)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_monsters_take_memory_in_proportion(door: Door) -> None:
    for monster in monsters(door):
        took = peak_bytes(lambda monster=monster: knock(door, monster))  # type: ignore[misc]
        assert took < 24 * len(monster) + (1 << 20)


SOME_HASHES = st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=40), max_size=8)
SOME_SIZES = st.integers(-2, 130) | st.integers(-(2**70), 2**70)
SOME_ROOTS = st.sampled_from([mth(0, 5), mth(0, 100), bytes(32), b""])


@given(SOME_SIZES, SOME_SIZES, SOME_HASHES, SOME_ROOTS, SOME_ROOTS)
def test_any_sizes_and_hashes_prove_or_raise_proof_error(
    a: int, b: int, hashes: list[bytes], one: bytes, other: bytes
) -> None:
    for verify in (
        lambda: verify_inclusion(one, a, b, hashes, other),
        lambda: verify_consistency(a, one, b, other, hashes),
    ):
        try:
            verify()
        except ProofError as error:
            assert len(str(error)) < 300


@given(
    st.integers(0, 700),
    st.dictionaries(
        st.builds(Tile, st.integers(-1, 2), st.integers(0, 3), st.integers(1, 256)), st.binary(max_size=70)
    ),
)
def test_any_tiles_verify_or_raise_their_own(size: int, tiles: dict[Tile, bytes]) -> None:
    with pytest.raises((TileError, ProofError)):
        verify_tiles(size, bytes(32), tiles)


def loud(content: bytes) -> None:
    raise ValueError(content)


def test_the_knock_can_fail() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        knock(Door("another exception", int, TileError, [b"1"]), b"x")
    with pytest.raises(AssertionError, match="expected the bytes that were read"):
        knock(Door("another spelling", int, ValueError, [b"1"], lambda n: b"%d" % n), b"01")
    with pytest.raises(AssertionError, match="expected ValueError itself"):
        knock(Door("a kind of it", bytes.decode, ValueError, [b"1"]), b"\xff")
    with pytest.raises(AssertionError, match="at most 1,000 characters"):
        knock(Door("the whole input in a message", loud, ValueError, [b"1"]), b"x" * 2000)
    assert peak_bytes(lambda: bytes(1 << 20)) > 1 << 20
