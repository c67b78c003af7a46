"""What all keys of notes share: a name, an id of 4 bytes, and one written form of the public half.

The id covers name, algorithm and public key; it tells keys apart and proves nothing. The written form is the verifier
key, `name+hex id+base64(type || public key)`; `keys.parse_vkey` reads it back. Knows no algorithm.
Source: c2sp.org/signed-note@v1.0.0, "Signatures", "Signature types" and "Verifier keys".
"""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import ClassVar, Final

from ledger.log.note import KEY_ID_BYTES, NoteError, check_name

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MLDSA44: Final = 0x06


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Give the 4 bytes by which signature lines cite a key: SHA-256(name || 0x0A || type || key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:KEY_ID_BYTES]


class NamedKey:
    """A public key of one algorithm under its name; equal where algorithm, name and key are equal."""

    __slots__ = ("key_id", "name", "public_key")

    algorithm: ClassVar[int]
    public_key_bytes: ClassVar[int]

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take a key name and the public key's bytes; raises NoteError if either is not one."""
        self.name = check_name(name)
        if len(public_key) != self.public_key_bytes:
            raise NoteError(f"public key of {name[:80]}: expected {self.public_key_bytes} bytes, got {len(public_key)}")
        self.public_key = public_key
        self.key_id = key_id(name, self.algorithm, public_key)

    def vkey(self) -> str:
        """Give the written form, as `keys.parse_vkey` reads it."""
        typed = bytes([self.algorithm]) + self.public_key
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(typed).decode()}"

    def _identity(self) -> tuple[int, str, bytes]:
        return self.algorithm, self.name, self.public_key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedKey) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vkey()!r})"
