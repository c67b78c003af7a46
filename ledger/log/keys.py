"""Keys that sign notes: Ed25519, and the place where further algorithms come in.

A key is known by its name and by an id of 4 bytes that covers name, algorithm and public key. A verifier key is
written `name+hex id+base64(type || public key)`; a private key travels as PEM PKCS#8, unencrypted, and what keeps
it from others is the file's mode. No private byte ever shows in a message or a repr.

A further algorithm is another pair with the same members (`note.NoteSigner`, `note.NoteVerifier`) and a line in
`_ALGORITHMS`; what it signs and what its line carries is its own affair.
Source: c2sp.org/signed-note@v1.0.0, "Signature types" and "Verifier keys"; RFC 8032; RFC 5958.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.log.note import KEY_ID_BYTES, NoteError, check_name, decode_base64

ED25519 = 0x01
_ED25519_KEY_BYTES = 32


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Give the 4 bytes by which signature lines cite a key: SHA-256(name || 0x0A || type || key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:KEY_ID_BYTES]


class Verifier:
    """An Ed25519 public key under its name; equal where name and key are equal."""

    __slots__ = ("_key", "key_id", "name", "public_key")

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take a key name and 32 bytes; raises NoteError if either is not one."""
        self.name = check_name(name)
        if len(public_key) != _ED25519_KEY_BYTES:
            raise NoteError(f"public key of {name}: expected {_ED25519_KEY_BYTES} bytes, got {len(public_key)}")
        self.public_key = public_key
        self.key_id = key_id(name, ED25519, public_key)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (64 bytes) is this key's over `message`."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def vkey(self) -> str:
        """Give the written form, as `parse_vkey` reads it."""
        return _format_vkey(self.name, self.key_id, bytes([ED25519]) + self.public_key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verifier) and (self.name, self.public_key) == (other.name, other.public_key)

    def __hash__(self) -> int:
        return hash((self.name, self.public_key))

    def __repr__(self) -> str:
        return f"Verifier({self.vkey()!r})"


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

    def pem(self) -> bytes:
        """Give the private key as PEM PKCS#8, unencrypted: for a file of mode 0600 and nothing else."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def __repr__(self) -> str:
        return f"Signer({self.vkey()!r})"


def generate(name: str) -> Signer:
    """Give a new Ed25519 key under this name; raises NoteError if the name is not one."""
    return Signer(name, Ed25519PrivateKey.generate())


def load_pem(name: str, pem: bytes) -> Signer:
    """Give the signer whose private key `pem` holds (PEM PKCS#8, unencrypted, Ed25519).

    Raises NoteError, without a word of the content, if it holds anything else.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the cause might quote what it could not read.
        raise NoteError(f"private key of {name}: expected PEM PKCS#8 without a password, got something else") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteError(f"private key of {name}: expected Ed25519, got another algorithm")
    return Signer(name, key)


def parse_vkey(text: str) -> Verifier:
    """Give the verifier written as `name+hex8+base64(type || key)`.

    Raises NoteError, in this order: not three parts; no key name; not base64; an algorithm other than Ed25519;
    a key of another length; an id that is not this key's; another spelling of the same key.
    """
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    if not encoded:
        raise NoteError(f"verifier key: expected `name+id+key`, got {text!r}")
    check_name(name)
    content = decode_base64(encoded, f"verifier key of {name}")
    make = _ALGORITHMS.get(content[0])
    if make is None:
        known = ", ".join(f"0x{algorithm:02x}" for algorithm in _ALGORITHMS)
        raise NoteError(f"verifier key of {name}: expected algorithm {known}, got 0x{content[0]:02x}")
    verifier = make(name, content[1:])
    if verifier.vkey() != text:
        raise NoteError(f"verifier key: expected {verifier.vkey()}, got {text}")
    return verifier


def _format_vkey(name: str, identity: bytes, typed_key: bytes) -> str:
    return f"{name}+{identity.hex()}+{base64.b64encode(typed_key).decode()}"


_ALGORITHMS: dict[int, Callable[[str, bytes], Verifier]] = {ED25519: Verifier}
