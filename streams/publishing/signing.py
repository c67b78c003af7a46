"""A platform's side of signing: its private key, each event's header, and the public key that it gives the operator.

    signer = EventSigner.from_pem(Path("gojek.key.pem").read_bytes())
    with Publisher(..., platform="gojek", signer=signer) as publisher: ...

A private key is PEM PKCS#8 (Ed25519), with a passphrase or without; a public key is read as PEM (what
`openssl pkey -pubout` prints) or as the one line of base64 that `platform.changed` has. No private byte ever shows in a
message. Knows no files: who has the bytes looks after who else could read them.
Source: contracts/formats/signature.md; RFC 5958, RFC 8410.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from contracts.signing import HEADER, format_signature, message
from ledger.log import pem
from ledger.signatures import PlatformKey

if TYPE_CHECKING:
    from contracts.events import Event


class EventSigner:
    """A platform's private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> EventSigner:
        """Give a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, content: bytes, passphrase: bytes | None = None) -> EventSigner:
        """Give the signer whose key `content` holds.

        Raises ValueError, without a word of the content, if it holds anything else, or is encrypted otherwise.
        """
        return cls(pem.read_ed25519(content, "the platform", passphrase))

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """Give the private key as PEM PKCS#8, for a file of mode 0600; ValueError for an empty passphrase."""
        return pem.write(self._key, passphrase)

    def public_pem(self) -> bytes:
        """Give the public key as PEM, which is no secret."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def public_text(self) -> str:
        """Give the public key as `platform.changed` has it."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def header(self, event: Event) -> tuple[str, bytes]:
        """Give the header that goes with an accepted event's record: about 0.05 ms of a core."""
        signed = message(event.id, event.source, event.type, event.subject, event.time, event.data_json)
        return HEADER, format_signature(self._key.sign(signed)).encode()

    def __repr__(self) -> str:
        return f"EventSigner({self.public_text()!r})"


def public_text(content: bytes) -> str:
    """Give the public key of a file, PEM or one line of base64, as `platform.changed` has it.

    Raises ValueError for anything else, a private key above all, and for a key under which anyone can sign.
    """
    if b"PRIVATE" in content:
        raise ValueError("signing key: expected a public key, got a private one: keep that to yourself")
    try:
        text = content.decode("ascii").strip()
        if text.startswith("-----"):
            key = load_pem_public_key(content)
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError("another algorithm")
            text = base64.b64encode(key.public_bytes_raw()).decode()
        return PlatformKey(text, False).text
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(
            f"signing key: expected an Ed25519 public key, PEM or the base64 of its 32 bytes, got {error}"
        ) from error
