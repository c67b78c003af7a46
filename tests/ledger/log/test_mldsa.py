"""ML-DSA-44: a log signs its tree head beside Ed25519, and who knows only one of the two still opens."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log import keys, mldsa, note
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.note import NoteError

ORIGIN = "iuran.localhost/log/3"
ED = keys.generate(ORIGIN)
ML = keys.generate(ORIGIN, keys.MLDSA44)
HEAD = Checkpoint(ORIGIN, 5, bytes(range(32)))
TEXT = HEAD.format().encode()
BOTH = sign_checkpoint(HEAD, [ED, ML])


def test_the_id_covers_name_type_and_key() -> None:
    """tlog-cosignature, Format: the key ID for ML-DSA-44 cosignatures MUST be computed so."""
    public = ML.verifier.public_key
    assert len(public) == 1312
    assert ML.key_id == sha256(ORIGIN.encode() + b"\n\x06" + public).digest()[:4]
    assert keys.parse_vkey(ML.vkey()) == ML.verifier
    written = base64.b64encode(b"\x06" + public).decode()
    assert ML.vkey() == f"{ORIGIN}+{ML.key_id.hex()}+{written}"


def test_what_is_signed_is_the_structure_byte_by_byte() -> None:
    """tlog-cosignature, ML-DSA-44 signed message: label, cosigner, time, origin, start, end, hash."""
    line = ML.at(1679315147).sign(TEXT)
    assert len(line) == 8 + 2420
    assert int.from_bytes(line[:8], "big") == 1679315147
    name = ORIGIN.encode()
    signed = (
        b"subtree/v1\n\0"
        + bytes([len(name)])
        + name
        + (1679315147).to_bytes(8, "big")
        + bytes([len(name)])
        + name
        + bytes(8)
        + (5).to_bytes(8, "big")
        + HEAD.root
    )
    MLDSA44PublicKey.from_public_bytes(ML.verifier.public_key).verify(line[8:], signed)
    assert mldsa.cosigned_message(ORIGIN, 1679315147, HEAD) == signed


def test_a_checkpoint_carries_both_and_opens_with_either_or_both() -> None:
    lines = BOTH.decode().split("\n\n")[1].splitlines()
    assert [len(base64.b64decode(line.split(" ")[2])) for line in lines] == [4 + 64, 4 + 8 + 2420]
    for verifiers in ([ED.verifier], [ML.verifier], [ML.verifier, ED.verifier]):
        assert open_checkpoint(BOTH, verifiers) == HEAD
    with pytest.raises(NoteError, match="known key"):
        open_checkpoint(BOTH, [keys.generate(ORIGIN, keys.MLDSA44).verifier])


def test_the_logs_own_line_states_no_time() -> None:
    """tlog-cosignature, ML-DSA-44 signed message: the timestamp MAY be zero."""
    opened = note.open(BOTH, [ML.verifier])
    assert opened.signatures[0].signature[:8] == bytes(8)
    assert ML.sign(TEXT) != ML.sign(TEXT)


def test_a_note_that_is_no_checkpoint_is_not_signed() -> None:
    for text in ("text\n", "a\n05\n" + base64.b64encode(bytes(32)).decode() + "\n", "a\n5\nYQ==\n"):
        with pytest.raises(NoteError, match="checkpoint"):
            note.sign(text, [ML])
        assert not ML.verifier.verify(text.encode(), ML.sign(TEXT))
    with pytest.raises(NoteError, match="UTF-8"):
        ML.sign(b"\xff\n")
    assert not ML.verifier.verify(b"\xff\n", ML.sign(TEXT))


def test_extension_lines_are_not_covered_and_our_checkpoints_have_none() -> None:
    """tlog-cosignature, ML-DSA-44 signed message: no statement is made about extension lines."""
    extended = TEXT + b"extension\n"
    assert ML.verifier.verify(extended, ML.sign(TEXT))
    signed = note.sign(extended.decode(), [ML])
    assert note.open(signed, [ML.verifier]).text == extended.decode()
    with pytest.raises(NoteError, match="no extension lines"):
        open_checkpoint(signed, [ML.verifier])


def test_names_and_origins_fit_one_length_byte() -> None:
    """tlog-cosignature, ML-DSA-44 signed message: opaque cosigner_name<1..2^8-1>, log_origin<1..2^8-1>."""
    longest, longer = "é" * 127 + "e", "é" * 128
    assert len(longest.encode()) == 255
    assert keys.generate(longest, keys.MLDSA44).verifier.name == longest
    with pytest.raises(NoteError, match="expected 1 to 255 bytes, got 256"):
        keys.generate(longer, keys.MLDSA44)
    foreign = Checkpoint(longer, 5, HEAD.root).format().encode()
    with pytest.raises(NoteError, match="checkpoint origin: expected 1 to 255 bytes, got 256"):
        ML.sign(foreign)
    assert not ML.verifier.verify(foreign, ML.sign(TEXT))


@pytest.mark.parametrize("timestamp", [-1, 2**63])
def test_times_are_bounded(timestamp: int) -> None:
    """tlog-cosignature, Format: the timestamp MUST NOT exceed 2^63 - 1."""
    with pytest.raises(NoteError, match="timestamp"):
        ML.at(timestamp)


def test_a_time_above_the_bound_does_not_verify_though_it_was_signed() -> None:
    content = ML.at(2**63 - 1).sign(TEXT)
    assert ML.verifier.verify(TEXT, content)
    late = (2**63).to_bytes(8, "big")
    signed = ML._key.sign(mldsa.cosigned_message(ORIGIN, 2**63, HEAD))
    assert not ML.verifier.verify(TEXT, late + signed)


@settings(max_examples=60)
@given(st.integers(0, 2427), st.integers(0, 7))
def test_every_flipped_bit_is_refused(position: int, bit: int) -> None:
    content = bytearray(SIGNED)
    content[position] ^= 1 << bit
    assert not ML.verifier.verify(TEXT, bytes(content))


SIGNED = ML.at(77).sign(TEXT)


@given(st.binary(max_size=3000))
def test_other_bytes_do_not_verify(content: bytes) -> None:
    assert not ML.verifier.verify(TEXT, content)
    assert not ML.verifier.verify(content, SIGNED)


def test_another_head_origin_or_cosigner_does_not_verify() -> None:
    for other in (HEAD._replace(size=6), HEAD._replace(root=bytes(32)), HEAD._replace(origin="iuran.localhost/log/4")):
        assert not ML.verifier.verify(other.format().encode(), SIGNED)
    assert not keys.MlDsaVerifier("another", ML.verifier.public_key).verify(TEXT, SIGNED)
    assert ML.verifier.verify(TEXT, SIGNED)


@pytest.mark.parametrize("algorithm", [keys.ED25519, keys.COSIGNATURE, keys.MLDSA44])
@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_key_comes_back_from_its_pem(algorithm: int, passphrase: bytes | None) -> None:
    signer = keys.generate(ORIGIN, algorithm)  # type: ignore[call-overload]
    pem = signer.pem(passphrase)
    assert keys.load_pem(ORIGIN, pem, algorithm, passphrase).vkey() == signer.vkey()  # type: ignore[call-overload]
    for wrong in (b"another", None if passphrase else b"correct horse", b""):
        with pytest.raises(NoteError, match="private key of") as caught:
            keys.load_pem(ORIGIN, pem, algorithm, wrong)  # type: ignore[call-overload]
        assert pem.decode().splitlines()[1] not in str(caught.value)
        assert caught.value.__cause__ is None
    assert pem.decode().splitlines()[1] not in repr(signer)


def test_a_file_of_the_other_algorithm_is_refused() -> None:
    with pytest.raises(NoteError, match="expected Ed25519, got another"):
        keys.load_pem(ORIGIN, ML.pem())
    with pytest.raises(NoteError, match="expected Ed25519, got another"):
        keys.load_pem(ORIGIN, ML.pem(), keys.COSIGNATURE)
    with pytest.raises(NoteError, match="expected ML-DSA-44, got another"):
        keys.load_pem(ORIGIN, ED.pem(), keys.MLDSA44)
    with pytest.raises(NoteError, match="passphrase: expected one or more bytes"):
        ML.pem(b"")
    for algorithm in (0, 2, 5, 7, 255):
        with pytest.raises(NoteError, match="expected algorithm 0x01, 0x04, 0x06"):
            keys.generate(ORIGIN, algorithm)  # type: ignore[call-overload]
        with pytest.raises(NoteError, match="expected algorithm 0x01, 0x04, 0x06"):
            keys.load_pem(ORIGIN, ED.pem(), algorithm)  # type: ignore[call-overload]
