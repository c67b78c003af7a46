"""Every vector against the door that reads its format, from the files alone, as a stranger would."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import contracts
from contracts import canonical, entry, signing
from contracts.canonical import CanonicalError
from contracts.entry import EntryError
from contracts.forms import FormError
from ledger.log import keys, note, policy
from ledger.log.checkpoint import Checkpoint, parse_any
from ledger.log.keys import parse_vkey
from ledger.log.merkle import Frontier, leaf_hash, node_hash
from ledger.log.note import NoteError
from ledger.log.policy import PolicyError
from ledger.log.proof import ProofError, verify_consistency, verify_inclusion
from ledger.log.receipt import Receipt, ReceiptError
from ledger.log.tiles import ENTRIES, Tile, TileError, decode_bundle, encode_bundle, tiles_of_size
from ledger.log.witness import (
    NEVER,
    SIZE_TYPE,
    Answer,
    Latest,
    Submission,
    WitnessError,
    judge,
    open_cosignatures,
    open_size,
    read,
    timestamp_of,
)
from ledger.vectors.trees import decimal_leaves, decimal_tiles
from tests.ledger.log.trees import split

HOME = Path(contracts.__file__).parent / "vectors"
Case = dict[str, Any]


def octets(case: Case, member: str = "content") -> bytes:
    encoded = case.get(f"{member}_base64")
    return case[member].encode() if encoded is None else base64.b64decode(encoded)


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def root_of_rule(rule: str, size: int) -> bytes:
    if rule == "decimal":
        return Frontier().append(decimal_leaves(size)).root()
    alike = [leaf_hash(b"alike")]
    while len(alike) < 64:
        alike.append(node_hash(alike[-1], alike[-1]))

    def root(n: int) -> bytes:
        return alike[n.bit_length() - 1] if n & (n - 1) == 0 else node_hash(root(split(n)), root(n - split(n)))

    return root(size)


def tree(case: Case) -> None:
    if "leaves" in case:
        found = [leaf_hash(leaf) for leaf in hashes(case["leaves"])]
        assert found == hashes(case["leaf_hashes"])
        assert [Frontier().append(found[:n]).root() for n in range(len(found) + 1)] == hashes(case["roots"])
    else:
        assert root_of_rule(case["leaf_rule"], int(case["size"])).hex() == case["root"]


def inclusion(case: Case) -> None:
    leaf, root = hashes([case["leaf_hash"], case["root"]])
    verify_inclusion(leaf, int(case["index"]), int(case["size"]), hashes(case["path"]), root)


def consistency(case: Case) -> None:
    old, new = hashes([case["old_root"], case["new_root"]])
    verify_consistency(int(case["old_size"]), old, int(case["new_size"]), new, hashes(case["path"]))


def tiles(case: Case) -> None:
    size = int(case["size"])
    if "path" in case:
        content = decimal_tiles(size)[Tile.parse(case["path"])]
        assert sha256(content).hexdigest() == case["sha256"]
        assert base64.b64decode(case.get("tile_base64", "")) in (content, b"")
        return
    every = list(tiles_of_size(size))
    full = [tile.level for tile in every if not tile.partial]
    assert [full.count(level) for level in range(len(case["full_by_level"]))] == case["full_by_level"]
    assert [tile.path() for tile in every if tile.partial] == case["partial"]


def tile_path(case: Case) -> None:
    tile = Tile.parse(case["path"])
    level = ENTRIES if case["level"] == "entries" else case["level"]
    assert tile == (level, int(case["number"]), case["width"])


def bundle(case: Case) -> None:
    content = base64.b64decode(case["bundle_base64"])
    entries = decode_bundle(content, case["width"])
    assert entries == [base64.b64decode(each) for each in case["entries_base64"]]
    assert encode_bundle(entries) == content


def verifier_key(case: Case) -> None:
    key = parse_vkey(case["vkey"])
    assert (key.name, key.key_id.hex(), key.algorithm) == (case["key_name"], case["key_id_hex"], case["type"])
    assert key.public_key == base64.b64decode(case["public_key_base64"])


def signed_note(case: Case) -> None:
    known = [parse_vkey(vkey) for vkey in case["vkeys"]]
    opened = note.open(octets(case), known)
    assert opened.text == case["text"]
    by = {(key.name, key.key_id) for key in map(parse_vkey, case["verified_by"])}
    assert {(s.name, s.key_id) for s in opened.signatures} == by


def checkpoint(case: Case) -> None:
    head = parse_any(case["text"])
    assert head == (case["origin"], int(case["size"]), bytes.fromhex(case["root_hex"]))
    try:
        ours = Checkpoint.parse(case["text"]) == head
    except NoteError:
        ours = False
    assert ours == case["ours"]


def mldsa44(case: Case) -> None:
    key = parse_vkey(case["vkey"])
    assert isinstance(key, keys.MlDsaVerifier)
    signature = base64.b64decode(case["signature_base64"])
    if not key.verify(case["checkpoint"].encode(), int(case["timestamp"]).to_bytes(8, "big") + signature):
        raise NoteError("signature")
    key._key.verify(signature, bytes.fromhex(case["signed_message_hex"]))


def cosignature(case: Case) -> None:
    key = parse_vkey(case["vkey"])
    opened = note.open(octets(case), [key])
    (signature,) = opened.signatures
    assert timestamp_of(signature) == int(case["timestamp"])
    if "signed_message" in case:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(
            signature.signature[8:], case["signed_message"].encode()
        )


def trust_policy(case: Case) -> None:
    parsed = policy.parse(octets(case, "policy"))
    for told in case["quorums"]:
        assert parsed.reached([name.encode() for name in told["cosigned"]]) == told["quorum"]


def tlog_proof(case: Case) -> None:
    quorum = policy.parse(case["policy"].encode()) if "policy" in case else None
    Receipt.parse(octets(case, "proof")).verify(case["entry"].encode(), map(parse_vkey, case["vkeys"]), quorum)


def canonical_json(case: Case) -> None:
    assert canonical.decode(octets(case, "canonical")) == case["value"]
    assert canonical.encode(case["value"]) == octets(case, "canonical")


def leaf(case: Case) -> None:
    content = case["entry"].encode()
    assert entry.encode(entry.decode(content)) == content
    assert leaf_hash(content).hex() == case["leaf_hash"]


def event_key(case: Case) -> None:
    assert entry.event_key(int(case["journal"]), case["source"], case["id"]).hex() == case["event_key_hex"]


def salt(case: Case) -> None:
    place = (int(case[name]) for name in ("partition", "offset", "part"))
    assert entry.salt(bytes.fromhex(case["secret_hex"]), case["topic"], *place) == case["salt"]


def event_signature(case: Case) -> None:
    told = {name: case["event"][name] for name in ("source", "type", "subject", "time")}
    signed = signing.message(case["event"]["id"], **told, data_json=canonical.encode(case["event"]["data"]))
    assert signed == case["signed_message"].encode()
    signature = signing.parse_signature(case["signature"])
    Ed25519PublicKey.from_public_bytes(base64.b64decode(case["public_key_base64"])).verify(signature, signed)


def witness_answer(case: Case) -> None:
    if case["status"] == 409:
        assert case["content_type"] == SIZE_TYPE
        assert open_size(octets(case, "answer")) == int(case.get("size", "-1"))
        return
    known = {verifier.key_id: verifier for verifier in map(parse_vkey, case["vkeys"])}
    verified = open_cosignatures(octets(case, "answer"), case["checkpoint"], known.values())
    assert [known[signature.key_id].vkey() for signature in verified] == case.get("verified_by")


DOORS: dict[str, Callable[[Case], None]] = {
    "trees": tree,
    "inclusion": inclusion,
    "consistency": consistency,
    "tiles": tiles,
    "tile-paths": tile_path,
    "entry-bundles": bundle,
    "verifier-keys": verifier_key,
    "notes": signed_note,
    "checkpoints": checkpoint,
    "mldsa44": mldsa44,
    "cosignatures": cosignature,
    "policies": trust_policy,
    "witness-answers": witness_answer,
    "tlog-proofs": tlog_proof,
    "canonical-json": canonical_json,
    "entries": leaf,
    "event-keys": event_key,
    "salts": salt,
    "event-signatures": event_signature,
}
REFUSALS = (
    ProofError,
    TileError,
    NoteError,
    PolicyError,
    ReceiptError,
    WitnessError,
    CanonicalError,
    EntryError,
    FormError,
)


def cases_of(name: str) -> list[Case]:
    written = json.loads((HOME / f"{name}.json").read_text(encoding="utf-8"))
    assert (written["format"], sorted(written)) == ("iuran-vectors/v1", ["about", "cases", "format", "source"])
    return list(written["cases"])


def test_every_file_has_a_door() -> None:
    assert {path.stem for path in HOME.glob("*.json")} == {*DOORS, "witness-requests"}


@pytest.mark.parametrize("name", DOORS)
def test_good_cases_are_accepted_as_they_say(name: str) -> None:
    good = [case for case in cases_of(name) if case["valid"]]
    assert good
    for case in good:
        DOORS[name](case)


@pytest.mark.parametrize("name", DOORS)
def test_bad_cases_are_refused(name: str) -> None:
    for case in cases_of(name):
        if not case["valid"]:
            with pytest.raises((*REFUSALS, InvalidSignature)):
                DOORS[name](case)
                pytest.fail(f"{name}: {case['name']} was accepted")


def test_witnesses_answer_as_the_cases_say() -> None:
    for case in cases_of("witness-requests"):
        logs = {origin: [parse_vkey(vkey) for vkey in vkeys] for origin, vkeys in case["logs"].items()}
        told = case["cosigned_before"]
        latest = NEVER if told is None else Latest(int(told["size"]), bytes.fromhex(told["root_hex"]))
        answer: Submission | Answer | None = read(octets(case, "request"), logs)
        if isinstance(answer, Submission):
            answer = judge(answer, latest)
        status = 200 if answer is None else answer.status  # type: ignore[union-attr]
        assert (status, status == 200) == (case["status"], case["valid"]), case["name"]
        if isinstance(answer, Answer) and status == 409:
            assert (answer.content_type, answer.body.decode()) == (case["content_type"], case["body"])
