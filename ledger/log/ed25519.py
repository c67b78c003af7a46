"""Ed25519 keys that sign the text of a note as it is (signature type 0x01).

Deterministic: the same text gives the same 64 bytes. Verifying is what OpenSSL does, without a cofactor, and refuses a
scalar that is not reduced; what it would let pass and we do not are the public keys that are no honest key's: points
written in a second spelling, and the eight points of small order, under which one signature fits many texts.
Source: c2sp.org/signed-note@v1.0.0, "Ed25519 signatures"; RFC 8032 sections 5.1.3 and 5.1.7.
"""

from __future__ import annotations

from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.log import pem
from ledger.log.note import NoteError
from ledger.log.vkey import ED25519, NamedKey

SIGNATURE_BYTES = 64
_P = 2**255 - 19
_SIGN_BIT = 1 << 255
# The y coordinates of the points of order 1, 2, 4 and (two of them, each the other's negative) 8.
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = frozenset({1, _P - 1, 0, _ORDER_8, _P - _ORDER_8})


def check_public_key(public_key: bytes, whose: str) -> Ed25519PublicKey:
    """Give the key written in these 32 bytes; `whose` names it in the message.

    Raises NoteError for another length, a coordinate not below 2**255 - 19 (RFC 8032 section 5.1.3 step 1), and a
    point of small order. Bytes that are no point at all are let through: nothing verifies under them.
    """
    if len(public_key) != 32:
        raise NoteError(f"public key of {whose[:80]}: expected 32 bytes, got {len(public_key)}")
    y = int.from_bytes(public_key, "little") & ~_SIGN_BIT
    if y >= _P:
        raise NoteError(f"public key of {whose[:80]}: expected the one written form of a point, got another spelling")
    if y in _SMALL_ORDER:
        raise NoteError(
            f"public key of {whose[:80]}: expected a point of large order, got one that fits many signatures"
        )
    return Ed25519PublicKey.from_public_bytes(public_key)


class Verifier(NamedKey):
    """An Ed25519 public key under its name, which vouches for a note's text itself."""

    __slots__ = ("_key",)

    algorithm: ClassVar[int] = ED25519
    public_key_bytes: ClassVar[int] = 32

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take a key name and 32 bytes; raises NoteError if either is not one."""
        super().__init__(name, public_key)
        self._key = check_public_key(public_key, name)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (64 bytes) is this key's over `message`."""
        return verifies(self._key, signature, message)


class Signer:
    """An Ed25519 private key under its name; signs the note's text itself."""

    __slots__ = ("_key", "key_id", "name", "verifier")

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take a key name and a private key; raises NoteError if the name is not one."""
        self.verifier = Verifier(name, key.public_key().public_bytes_raw())
        self.name = self.verifier.name
        self.key_id = self.verifier.key_id
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Give the 64 bytes of the signature over `message`; the same bytes for the same message."""
        return self._key.sign(message)

    def vkey(self) -> str:
        """Give the written form of the public half."""
        return self.verifier.vkey()

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """Give the private key as PEM PKCS#8, encrypted if there is a passphrase: for a file of mode 0600 only."""
        return pem.write(self._key, passphrase)

    def __repr__(self) -> str:
        return f"Signer({self.vkey()!r})"


def verifies(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` is the key's over `message`; one of another length than 64 bytes is not."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
