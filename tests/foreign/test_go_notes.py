"""Notes, keys, checkpoints and cosignatures held against Go's libraries, in both directions.

What ours signs theirs open, what theirs sign ours opens, and whatever ours accepts theirs accept with the same meaning.
The other way round ours is stricter, and where is written down here: a note of ours has one spelling.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log import keys, note, policy
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.note import NoteError
from tests.support.foreign import Oracle

ORIGIN, WITNESS = "example.com/log/7", "witness.example/w1"
HEAD = Checkpoint(ORIGIN, 4711, bytes(range(32)))
LOG, LOG_PQ = keys.generate(ORIGIN), keys.generate(ORIGIN, keys.MLDSA44)
COSIGNER, COSIGNER_PQ = keys.generate(WITNESS, keys.COSIGNATURE), keys.generate(WITNESS, keys.MLDSA44)
TIME = 1_772_352_931
SIGNED = sign_checkpoint(HEAD, [LOG, LOG_PQ])
COSIGNED = SIGNED + note.sign(HEAD.format(), [COSIGNER.at(TIME), COSIGNER_PQ.at(TIME)]).split(b"\n\n")[1]
ALL = [LOG, LOG_PQ, COSIGNER, COSIGNER_PQ]

# The example in the documentation of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def signer_id(key: Any) -> str:
    return f"{key.name}+{key.key_id.hex()}"


def kind(key: Any) -> str:
    return type(key).__name__


def test_the_example_in_gos_documentation_opens_in_both(oracle: Oracle) -> None:
    opened = note.open(PETERS.encode(), [keys.parse_vkey(PETER)])
    assert oracle.ask("open", vkeys=[PETER], note=PETERS.encode())["text"] == opened.text


@pytest.mark.parametrize("key", ALL, ids=kind)
def test_a_verifier_key_of_ours_is_one_of_theirs(key: Any, oracle: Oracle) -> None:
    assert oracle.ask("vkey", vkeys=[key.vkey()]) == {"name": key.name, "id": key.key_id.hex()}


@pytest.mark.parametrize(
    "known", [*([key] for key in ALL), [LOG, COSIGNER], ALL], ids=lambda known: " ".join(map(kind, known))
)
def test_a_checkpoint_of_ours_opens_whichever_of_its_keys_they_know(known: list[Any], oracle: Oracle) -> None:
    told = oracle.ask("open", vkeys=[key.vkey() for key in known], note=COSIGNED)
    assert told["text"] == HEAD.format()
    assert told["signers"] == [signer_id(key) for key in known]
    assert told["unknown"] == len(ALL) - len(known)
    times = {signer_id(COSIGNER): TIME, signer_id(COSIGNER_PQ): TIME, signer_id(LOG_PQ): 0, signer_id(LOG): -1}
    assert told["times"] == [times[one] for one in told["signers"]]


@pytest.mark.parametrize("key", ALL, ids=kind)
def test_a_signature_of_ours_that_was_altered_is_refused_by_both(key: Any, oracle: Oracle) -> None:
    altered = bytearray(COSIGNED)
    line = base64.b64encode(key.key_id + b"\0\0").decode()[:5].encode()
    at = next(n for n in range(len(altered)) if altered.startswith(key.name.encode() + b" " + line, n))
    place = at + len(key.name) + 30
    altered[place] = ord("A") if altered[place] != ord("A") else ord("B")
    told = oracle.ask("open", vkeys=[key.vkey()], note=bytes(altered))
    assert told == {"error": f"invalid signature for key {signer_id(key)}"}
    with pytest.raises(NoteError, match="expected a valid one"):
        note.open(bytes(altered), [key.verifier])


def private(name: str, key: Any, kind: int) -> str:
    """A private key as Go's libraries write it; the id in it is the public half's."""
    signer = keys.Signer(name, key) if kind == 1 else keys.MlDsaSigner(name, key)
    typed = base64.b64encode(bytes([kind]) + key.private_bytes_raw()).decode()
    return f"PRIVATE+KEY+{name}+{signer.key_id.hex()}+{typed}"


def test_what_they_sign_opens_here(oracle: Oracle) -> None:
    secret = Ed25519PrivateKey.generate()
    signed = base64.b64decode(oracle.ask("sign", skey=private(ORIGIN, secret, 1), text=HEAD.format())["note"])
    assert open_checkpoint(signed, [keys.Signer(ORIGIN, secret).verifier]) == HEAD
    assert signed == sign_checkpoint(HEAD, [keys.Signer(ORIGIN, secret)])
    quantum = MLDSA44PrivateKey.generate()
    signed = base64.b64decode(oracle.ask("sign", skey=private(WITNESS, quantum, 6), text=HEAD.format())["note"])
    verifier = keys.MlDsaSigner(WITNESS, quantum).verifier
    assert note.open(signed, [verifier]).text == HEAD.format()


def test_a_post_quantum_key_that_they_made_reads_here(oracle: Oracle) -> None:
    made = oracle.ask("mldsa", name=WITNESS)
    verifier = keys.parse_vkey(made["vkey"])
    assert verifier.vkey() == made["vkey"]
    signed = base64.b64decode(oracle.ask("sign", skey=made["skey"], text=HEAD.format())["note"])
    assert note.open(signed, [verifier]).signatures[0].name == WITNESS


SPELLINGS: dict[str, tuple[bytes, bool]] = {
    "CR before a newline": (SIGNED.replace(b"\n", b"\r\n", 1), False),
    "a tab": (SIGNED.replace(b"4711", b"4711\t"), False),
    "no blank line": (SIGNED.replace(b"\n\n", b"\n"), False),
    "no newline at the end": (SIGNED[:-1], False),
    "no signature": (SIGNED[: SIGNED.index(b"\n\n") + 2], False),
    "a hyphen for the dash": (SIGNED.replace("—".encode(), b"-"), False),
    "a text after the signatures": (SIGNED + b"tail\n", False),
    "two spaces in a signature line": (SIGNED.replace(b"/7 ", b"/7  ", 1), False),
    "no UTF-8": (SIGNED.replace(b"4711", b"47\xff11"), False),
    "a line of the signer repeated": (SIGNED + SIGNED[SIGNED.index("—".encode()) :], True),
    "101 signature lines": (SIGNED + SIGNED[SIGNED.rindex("—".encode()) :] * 99, False),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_note_of_another_form_is_taken_by_both_or_by_neither(name: str, oracle: Oracle) -> None:
    signed, taken = SPELLINGS[name]
    told = oracle.ask("open", vkeys=[LOG.vkey()], note=signed)
    assert ("text" in told) == taken
    try:
        note.open(signed, [LOG.verifier])
    except NoteError:
        assert not taken


LAX: dict[str, str] = {
    "a sign before the size": "+4711",
    "zeros before the size": "004711",
    "a size of 2^63": str(2**63),
}


@pytest.mark.parametrize("name", LAX)
def test_a_checkpoint_that_ours_refuses_and_theirs_may_read(name: str, oracle: Oracle) -> None:
    text = HEAD.format().replace("4711", LAX[name])
    with pytest.raises(NoteError):
        Checkpoint.parse(text)
    told = oracle.ask("checkpoint", text=text)
    assert ("error" in told) == (name == "a sign before the size")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_ours_opens_they_open_alike(oracle: Oracle, data: st.DataObject) -> None:
    changed = bytearray(COSIGNED)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(changed) - 1))
        edit = data.draw(st.sampled_from(("flip", "drop", "double")))
        if edit == "flip":
            changed[at] ^= 1 << data.draw(st.integers(0, 7))
        else:
            changed[at : at + 1] = b"" if edit == "drop" else changed[at : at + 1] * 2
    known = data.draw(st.lists(st.sampled_from(ALL), min_size=1, unique_by=signer_id))
    told = oracle.ask("open", vkeys=[key.vkey() for key in known], note=bytes(changed))
    try:
        opened = note.open(bytes(changed), [key.verifier for key in known])
    except NoteError:
        return
    assert told["text"] == opened.text
    assert told["signers"] == [f"{one.name}+{one.key_id.hex()}" for one in opened.signatures]


def test_a_policy_is_reached_here_where_it_is_reached_there(oracle: Oracle) -> None:
    cosigners = [keys.generate(f"witness.example/{n}", keys.COSIGNATURE) for n in range(3)]
    lines = [f"log {LOG.vkey()}", *(f"witness w{n} {c.vkey()} http://w{n}.example/" for n, c in enumerate(cosigners))]
    for group in ("any w0 w1 w2", "2 w0 w1 w2", "all w0 w1 w2", "3 w2 w1 w0"):
        content = "\n".join([*lines, f"group g {group}", "quorum g", ""]).encode()
        for signing in range(8):
            stamped = [c.at(TIME) for n, c in enumerate(cosigners) if signing >> n & 1]
            more = note.sign(HEAD.format(), stamped).split(b"\n\n")[1] if stamped else b""
            reached = policy.parse(content).open(SIGNED + more).quorum
            assert oracle.ask("policy", policy=content.decode(), note=SIGNED + more) == {"reached": reached}
