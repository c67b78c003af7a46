"""ML-DSA-44 keys (signature type 0x06): what outlives Ed25519 signs a tree head, not a text.

The signed message is a structure made from the checkpoint: who signs, when, which log, and which leaves have which
root. A note that is no checkpoint cannot be signed, and extension lines of one are covered by no such signature.
A line carries the time before the signature. A log that signs its own checkpoints puts 0 (it reads no clock); a
cosigner states with another time that this was the largest tree it knew then (`at`).

Signing is randomised: the same message gives other bytes each time. Knows no clock.
Source: c2sp.org/tlog-cosignature (main; v1.1.0-rc.1), "Format" and "ML-DSA-44 signed message"; FIPS 204, with an
empty context.
"""

from __future__ import annotations

from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from ledger.log import pem, stamp
from ledger.log.checkpoint import Checkpoint, parse_any
from ledger.log.note import NoteError
from ledger.log.vkey import MLDSA44, NamedKey

SIGNATURE_BYTES = 2420
_LABEL = b"subtree/v1\n\0"
_OPAQUE_BYTES_MAX = 255


class MlDsaVerifier(NamedKey):
    """An ML-DSA-44 public key under its name, which vouches for the tree head that a note's text states."""

    __slots__ = ("_key",)

    algorithm: ClassVar[int] = MLDSA44
    public_key_bytes: ClassVar[int] = 1312

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take a key name of at most 255 bytes and 1,312 bytes of key; raises NoteError if either is not one."""
        super().__init__(name, public_key)
        _opaque(name, "key name")
        self._key = MLDSA44PublicKey.from_public_bytes(public_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (time and signature: 2,428 bytes) is this key's over the checkpoint `message`.

        A text that is no checkpoint has no signature. Extension lines are not looked at.
        """
        try:
            timestamp, bare = stamp.split(signature, SIGNATURE_BYTES)
            structure = cosigned_message(self.name, timestamp, _head(message))
        except NoteError:
            return False
        try:
            self._key.verify(bare, structure)
        except InvalidSignature:
            return False
        return True


class MlDsaSigner:
    """An ML-DSA-44 private key under its name; signs the tree head that a note's text states, at a fixed time."""

    __slots__ = ("_key", "key_id", "name", "timestamp", "verifier")

    def __init__(self, name: str, key: MLDSA44PrivateKey, timestamp: int = 0) -> None:
        """Take a key name, a private key, and POSIX seconds or 0; raises NoteError if the name or time is not one."""
        self.verifier = MlDsaVerifier(name, key.public_key().public_bytes_raw())
        self.name = self.verifier.name
        self.key_id = self.verifier.key_id
        self.timestamp = stamp.check(timestamp)
        self._key = key

    def at(self, timestamp: int) -> MlDsaSigner:
        """Give the same key signing at this time: POSIX seconds, or 0 for no statement as to the largest tree.

        Raises NoteError for a time outside 0..2**63 - 1.
        """
        return MlDsaSigner(self.name, self._key, timestamp)

    def sign(self, message: bytes) -> bytes:
        """Give the time and the signature (2,428 bytes) over the checkpoint `message`; other bytes each time.

        Raises NoteError if the text is no checkpoint, or its origin is longer than 255 bytes.
        """
        structure = cosigned_message(self.name, self.timestamp, _head(message))
        return stamp.join(self.timestamp, self._key.sign(structure))

    def vkey(self) -> str:
        """Give the written form of the public half."""
        return self.verifier.vkey()

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """Give the private key as PEM PKCS#8, encrypted if there is a passphrase: for a file of mode 0600 only."""
        return pem.write(self._key, passphrase)

    def __repr__(self) -> str:
        return f"MlDsaSigner({self.vkey()!r}, timestamp={self.timestamp})"


def cosigned_message(cosigner: str, timestamp: int, head: Checkpoint) -> bytes:
    """Give the bytes that are signed: label, cosigner, time, origin, 0, size and root, lengths in one byte each.

    Raises NoteError for a cosigner or an origin that is empty or longer than 255 bytes.
    """
    return b"".join((
        _LABEL,
        _opaque(cosigner, "key name"),
        timestamp.to_bytes(8, "big"),
        _opaque(head.origin, "checkpoint origin"),
        bytes(8),
        head.size.to_bytes(8, "big"),
        head.root,
    ))  # fmt: skip


def _opaque(text: str, what: str) -> bytes:
    content = text.encode()
    if not 0 < len(content) <= _OPAQUE_BYTES_MAX:
        raise NoteError(f"{what}: expected 1 to {_OPAQUE_BYTES_MAX} bytes, got {len(content)}")
    return bytes([len(content)]) + content


def _head(message: bytes) -> Checkpoint:
    try:
        return parse_any(message.decode())
    except UnicodeDecodeError as error:
        raise NoteError(f"note text: expected UTF-8, got another byte at {error.start}") from error
