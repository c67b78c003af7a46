"""Cosignatures: what is signed, which times, and that a log's key and a cosigner's never pass for each other."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.log import keys, note
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.note import NoteError

ORIGIN = "example.com/behind-the-sofa"
WITNESS = "witness.example.com/w1"
LOG = keys.generate(ORIGIN)
COSIGNER = keys.generate(WITNESS, keys.COSIGNATURE)
HEAD = Checkpoint(ORIGIN, 20852163, bytes(range(32)))
TEXT = HEAD.format().encode()

# The example of c2sp.org/tlog-cosignature; its keys are not published, its lines are.
SPEC_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0"
    "xUe+mbIUBkBIfZ+qnA==\n"
)


def test_the_id_covers_name_type_and_key() -> None:
    """tlog-cosignature, Format: the key ID for Ed25519 cosignatures MUST be computed so."""
    expected = sha256(WITNESS.encode() + b"\n\x04" + COSIGNER.verifier.public_key).digest()[:4]
    assert COSIGNER.key_id == expected
    assert keys.parse_vkey(COSIGNER.vkey()) == COSIGNER.verifier
    assert base64.b64decode(COSIGNER.vkey().split("+", 2)[2])[0] == 4


def test_what_is_signed_is_header_time_and_text() -> None:
    """tlog-cosignature, Ed25519 signed message: two lines, then the whole note body."""
    content = COSIGNER.at(1679315147).sign(TEXT)
    assert content[:8] == (1679315147).to_bytes(8, "big")
    signed = b"cosignature/v1\ntime 1679315147\n" + TEXT
    Ed25519PublicKey.from_public_bytes(COSIGNER.verifier.public_key).verify(content[8:], signed)
    assert COSIGNER.at(1679315147).sign(TEXT) == content


def test_the_specifications_line_has_this_form() -> None:
    """tlog-cosignature, Format: the signature MUST be a `timestamped_signature` structure."""
    content = base64.b64decode(SPEC_LINE.split(" ")[2])
    assert len(content) == 4 + 8 + 64
    assert int.from_bytes(content[4:12], "big") == 1679315147


def test_extension_lines_are_covered() -> None:
    """tlog-cosignature, Ed25519 signed message: extension lines, if present, MUST be included in the message."""
    extended = TEXT + b"extension\n"
    content = COSIGNER.at(9).sign(extended)
    assert COSIGNER.verifier.verify(extended, content)
    assert not COSIGNER.verifier.verify(TEXT, content)


@pytest.mark.parametrize("timestamp", [-1, 0, 2**63])
def test_times_are_bounded_and_a_cosigner_always_states_one(timestamp: int) -> None:
    """tlog-cosignature, Format: the timestamp MUST NOT exceed 2^63 - 1."""
    with pytest.raises(NoteError, match="timestamp"):
        COSIGNER.at(timestamp)
    with pytest.raises(NoteError, match="timestamp"):
        COSIGNER.sign_at(timestamp, TEXT)


def test_a_time_above_the_bound_does_not_verify_though_it_was_signed() -> None:
    assert COSIGNER.verifier.verify(TEXT, COSIGNER.at(2**63 - 1).sign(TEXT))
    late = COSIGNER._key.sign(b"cosignature/v1\ntime %d\n" % 2**63 + TEXT)
    assert not COSIGNER.verifier.verify(TEXT, (2**63).to_bytes(8, "big") + late)


@pytest.mark.parametrize("text", [b"text\n", b"", b"\xff\n", TEXT[:-1], TEXT + b"\n", TEXT.replace(b"\n", b"\r\n")])
def test_only_checkpoints_are_cosigned(text: bytes) -> None:
    with pytest.raises(NoteError):
        COSIGNER.at(1).sign(text)


def test_a_log_key_is_no_cosigner_and_a_cosigner_no_log() -> None:
    """signed-note, Verifier keys: a different key ID MUST be used for each signature type."""
    pem = LOG.pem()
    cosigner = keys.load_pem(ORIGIN, pem, keys.COSIGNATURE)
    assert cosigner.verifier.public_key == LOG.verifier.public_key
    assert cosigner.key_id != LOG.key_id
    assert cosigner.verifier != LOG.verifier
    plain, cosigned = LOG.sign(TEXT), cosigner.at(5).sign(TEXT)
    for content in (plain, bytes(8) + plain, (5).to_bytes(8, "big") + plain):
        assert not cosigner.verifier.verify(TEXT, content)
    for content in (cosigned, cosigned[8:]):
        assert not LOG.verifier.verify(TEXT, content)
    signed = note.sign(TEXT.decode(), [cosigner.at(5)])
    with pytest.raises(NoteError, match="known key"):
        open_checkpoint(signed, [LOG.verifier])
    with pytest.raises(NoteError, match="known key"):
        note.open(sign_checkpoint(HEAD, [LOG]), [cosigner.verifier])


def test_logs_and_witnesses_have_keys_of_their_types() -> None:
    """tlog-cosignature, Format; tlog-policy, Public key representation: a type fit for the respective function."""
    ml = keys.generate(WITNESS, keys.MLDSA44)
    assert keys.parse_log_vkey(LOG.vkey()) == LOG.verifier
    assert keys.parse_witness_vkey(COSIGNER.vkey()) == COSIGNER.verifier
    assert keys.parse_log_vkey(ml.vkey()) == keys.parse_witness_vkey(ml.vkey()) == ml.verifier
    with pytest.raises(NoteError, match="expected a log's"):
        keys.parse_log_vkey(COSIGNER.vkey())
    with pytest.raises(NoteError, match="expected a witness's"):
        keys.parse_witness_vkey(LOG.vkey())


def test_a_checkpoint_with_cosignatures_opens_with_the_logs_key_and_with_each_witness() -> None:
    ml = keys.generate("witness.example.com/pq", keys.MLDSA44)
    signed = note.sign(TEXT.decode(), [LOG, COSIGNER.at(3), ml.at(4)])
    assert open_checkpoint(signed, [LOG.verifier, COSIGNER.verifier, ml.verifier]) == HEAD
    assert open_checkpoint(signed, [LOG.verifier]) == HEAD
    assert len(note.open(signed, [COSIGNER.verifier, ml.verifier]).signatures) == 2
    with pytest.raises(NoteError, match="checkpoint origin"):
        open_checkpoint(signed, [COSIGNER.verifier, ml.verifier])


def test_every_flipped_bit_is_refused() -> None:
    content = COSIGNER.at(1679315147).sign(TEXT)
    for position in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[position] ^= 1 << bit
            assert not COSIGNER.verifier.verify(TEXT, bytes(changed))


@given(st.binary(max_size=100))
def test_other_bytes_do_not_verify(content: bytes) -> None:
    assert not COSIGNER.verifier.verify(TEXT, content)


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_a_cosignature_holds_for_its_own_time(timestamp: int, other: int) -> None:
    content = COSIGNER.at(timestamp).sign(TEXT)
    assert COSIGNER.verifier.verify(TEXT, content)
    moved = other.to_bytes(8, "big") + content[8:]
    assert COSIGNER.verifier.verify(TEXT, moved) == (other == timestamp)
