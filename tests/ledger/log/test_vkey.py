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
    """signed-note, Verifier keys, Example."""
    verifier = keys.parse_vkey(SPEC_VKEY)
    assert (verifier.name, verifier.key_id.hex()) == ("example.com/foo", "530d903a")
    assert verifier.vkey() == SPEC_VKEY


def test_the_id_covers_name_algorithm_and_key() -> None:
    """signed-note, Ed25519 signatures: how the key ID is made."""
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
    """signed-note, Format: key names MUST be non-empty and MUST NOT contain Unicode spaces or plus."""
    with pytest.raises(NoteError, match="key name"):
        keys.generate(name)


MLDSA = b"\x06" + bytes(1311)
UNKNOWN = b"\x02" + bytes(32)
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
        f"a+{keys.key_id('a', 2, UNKNOWN[1:]).hex()}+{base64.b64encode(UNKNOWN).decode()}",
        f"a+{keys.key_id('a', 1, SHORT[1:]).hex()}+{base64.b64encode(SHORT).decode()}",
    ],
)
def test_other_spellings_and_algorithms_are_refused(text: str) -> None:
    """signed-note, Verifier keys: three parts; name and ID MUST match those used in the signatures."""
    with pytest.raises(NoteError):
        keys.parse_vkey(text)


@given(st.text(max_size=80))
def test_any_text_parses_or_raises_note_error(text: str) -> None:
    with pytest.raises(NoteError):
        keys.parse_vkey(text)


P = 2**255 - 19
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7


@pytest.mark.parametrize("sign", [0, 1 << 255])
@pytest.mark.parametrize("y", [0, 1, P - 1, ORDER_8, P - ORDER_8, P, P + 1, 2**255 - 1])
def test_ed25519_keys_that_no_honest_signer_has_are_refused(y: int, sign: int) -> None:
    """RFC 8032 section 5.1.3: a coordinate not below p is no point; and one of small order vouches for many texts."""
    public = (y | sign).to_bytes(32, "little")
    with pytest.raises(NoteError, match="public key of"):
        keys.Verifier(NAME, public)
    with pytest.raises(NoteError, match="public key of"):
        keys.CosignerVerifier(NAME, public)


def test_the_points_of_small_order_are_those() -> None:
    """The coordinates refused are those of the curve's points whose eighth multiple is the neutral element."""
    d = -121665 * pow(121666, -1, P) % P

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        product = d * a[0] * b[0] * a[1] * b[1] % P
        x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P) % P
        return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P

    root = pow(2, (P - 1) // 4, P)
    square = (ORDER_8**2 - 1) * pow(d * ORDER_8**2 + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * root % P
    assert x * x % P == square
    point, met = (x, ORDER_8), set()
    for _ in range(8):
        met.add(point[1])
        point = add(point, (x, ORDER_8))
    assert point == (x, ORDER_8)
    assert met == {0, 1, P - 1, ORDER_8, P - ORDER_8}


def test_an_unreduced_scalar_does_not_verify() -> None:
    """RFC 8032 section 5.1.7: S is below the group's order, so that a signature has one written form."""
    signer, order = keys.generate(NAME), 2**252 + 27742317777372353535851937790883648493
    signature = signer.sign(b"text\n")
    grown = int.from_bytes(signature[32:], "little") + order
    assert not signer.verifier.verify(b"text\n", signature[:32] + grown.to_bytes(32, "little"))
