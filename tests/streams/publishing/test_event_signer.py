"""A platform's own side of signing: keys in files' forms, and headers that the ledger takes."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as other_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from contracts.events import Event
from contracts.examples import EXAMPLES
from ledger.signatures import PlatformKey, taken_from
from streams.publishing.signing import EventSigner, public_text
from tests.streams.publishing.samples import heard
from tests.support.signing import private_key, signature_of
from tests.support.signing import public_text as expected_text
from tests.support.strategies import Feed

VALUE = EXAMPLES["gig.completed.v1"]


def event() -> Event:
    got = heard("gojek", b"W-7f3a", VALUE)
    assert isinstance(got, Event)
    return got


def test_the_header_is_what_an_independent_hand_signs() -> None:
    name, value = EventSigner(private_key()).header(event())
    assert (name, value.decode()) == ("iuran-signature", signature_of(VALUE))


def test_what_is_signed_is_taken_under_the_public_key_and_no_other() -> None:
    signer = EventSigner.generate()
    record = Feed().record("gigs.gojek", VALUE, b"W-7f3a", (signer.header(event()),))
    assert taken_from(record, event(), PlatformKey(signer.public_text(), True)) == record.headers[0][1].decode()
    assert taken_from(record, event(), PlatformKey(expected_text(), True)).code == "signature_invalid"  # type: ignore[union-attr]


@pytest.mark.parametrize("passphrase", [None, b"a long one"])
def test_a_private_key_comes_back_from_its_file(passphrase: bytes | None) -> None:
    signer = EventSigner.generate()
    again = EventSigner.from_pem(signer.pem(passphrase), passphrase)
    assert again.public_text() == signer.public_text()
    for wrong in (b"another", b"a long one" if passphrase is None else None):
        with pytest.raises(ValueError, match="private key of the platform: expected"):
            EventSigner.from_pem(signer.pem(passphrase), wrong)


def test_no_private_byte_shows() -> None:
    signer = EventSigner(private_key())
    told = base64.b64encode(private_key().private_bytes_raw()).decode()
    assert told not in repr(signer) and private_key().private_bytes_raw().hex() not in repr(signer)
    with pytest.raises(ValueError) as refusal:
        EventSigner.from_pem(signer.pem()[:-40])
    assert told[:12] not in str(refusal.value)


def test_public_keys_in_either_form() -> None:
    signer = EventSigner(private_key())
    for content in (signer.public_pem(), expected_text().encode(), expected_text().encode() + b"\n"):
        assert public_text(content) == expected_text()


FOREIGN = other_key(SECP256R1())
BAD_KEYS = {
    "empty": b"",
    "a private key": EventSigner(private_key()).pem(),
    "another algorithm's private key": FOREIGN.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    "another algorithm": FOREIGN.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "31 bytes": base64.b64encode(bytes(31)),
    "of small order": base64.b64encode(bytes(32)),
    "hexadecimal": bytes(range(32)).hex().encode(),
    "no ASCII": b"\xff" * 44,
    "half a PEM": EventSigner(private_key()).public_pem()[:60],
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_what_is_no_public_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"signing key: expected .* public key, .*got "):
        public_text(BAD_KEYS[name])
