"""Keys: ids and written forms from the specification, strict parsing, and silence about private bytes."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from ledger.log import keys
from ledger.log.note import NoteError

SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NAME = "iuran.localhost/log/3"


def test_the_specifications_key_has_its_id() -> None:
    verifier = keys.parse_vkey(SPEC_VKEY)
    assert (verifier.name, verifier.key_id.hex()) == ("example.com/foo", "530d903a")
    assert verifier.vkey() == SPEC_VKEY


def test_the_id_covers_name_algorithm_and_key() -> None:
    verifier = keys.generate(NAME).verifier
    assert verifier.key_id == sha256(NAME.encode() + b"\n\x01" + verifier.public_key).digest()[:4]
    renamed = keys.Verifier("iuran.localhost/log/4", verifier.public_key)
    assert renamed.key_id != verifier.key_id
    assert renamed != verifier


def test_a_key_comes_back_from_its_pem_and_its_vkey() -> None:
    signer = keys.generate(NAME)
    again = keys.load_pem(NAME, signer.pem())
    assert again.vkey() == signer.vkey()
    verifier = keys.parse_vkey(signer.vkey())
    assert verifier == signer.verifier
    assert len({verifier, signer.verifier}) == 1
    assert verifier.verify(b"text\n", again.sign(b"text\n"))
    assert not verifier.verify(b"text", again.sign(b"text\n"))
    assert not verifier.verify(b"text\n", again.sign(b"text\n")[:-1])


def test_neither_repr_nor_message_shows_a_private_byte() -> None:
    signer = keys.generate(NAME)
    body = signer.pem().decode().splitlines()[1]
    assert body not in repr(signer)
    with pytest.raises(NoteError) as caught:
        keys.load_pem(NAME, signer.pem().replace(b"PRIVATE KEY", b"PRIVATE KEX"))
    assert body not in str(caught.value)
    assert caught.value.__cause__ is None


def test_private_keys_of_another_kind_are_refused() -> None:
    curve = generate_private_key(SECP256R1())
    for pem in (
        curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")),
        b"",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
    ):
        with pytest.raises(NoteError, match="private key of"):
            keys.load_pem(NAME, pem)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u2028b", "a\x00b", "a\ud800"])
def test_names_with_spaces_or_plus_are_no_names(name: str) -> None:
    with pytest.raises(NoteError, match="key name"):
        keys.generate(name)


MLDSA = b"\x06" + bytes(1312)
SHORT = b"\x01" + bytes(31)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        SPEC_VKEY.replace("530d903a", "530D903A"),
        SPEC_VKEY.replace("530d903a", "530d903b"),
        SPEC_VKEY.replace("530d903a", "0530d903a"),
        SPEC_VKEY.replace("foo", "fop"),
        SPEC_VKEY.replace("example.com/foo", ""),
        SPEC_VKEY + "\n",
        SPEC_VKEY + "+",
        SPEC_VKEY[:-1],
        SPEC_VKEY[:-1] + "l",
        SPEC_VKEY + "====",
        "example.com/foo+530d903a+====",
        "example.com/föo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2ké",
        f"a+{keys.key_id('a', 6, MLDSA[1:]).hex()}+{base64.b64encode(MLDSA).decode()}",
        f"a+{keys.key_id('a', 1, SHORT[1:]).hex()}+{base64.b64encode(SHORT).decode()}",
    ],
)
def test_other_spellings_and_algorithms_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        keys.parse_vkey(text)


@given(st.text(max_size=80))
def test_any_text_parses_or_raises_note_error(text: str) -> None:
    with pytest.raises(NoteError):
        keys.parse_vkey(text)
