"""Ed25519 cosigners (signature type 0x04): a time, and that this was the largest consistent tree known then.

What is signed is a header line, the time, and the checkpoint's whole text; the line carries the time before the
signature. Neither the cosigner's name nor that of the log's key is covered, so one key serves one cosigner alone.
A log's own signature (0x01) never passes for a cosignature, nor the other way round: types, ids and texts differ.
The post-quantum kind is `mldsa` with a time.

Knows no clock: the time comes from the caller. Whether a text is a checkpoint is asked when signing, and of what is
verified by whoever opens it.
Source: c2sp.org/tlog-cosignature@v1.0.1, "Format" and "Ed25519 signed message".
"""

from __future__ import annotations

from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.log import pem, stamp
from ledger.log.checkpoint import parse_any
from ledger.log.ed25519 import SIGNATURE_BYTES, check_public_key, verifies
from ledger.log.note import NoteError
from ledger.log.vkey import COSIGNATURE, NamedKey


class CosignerVerifier(NamedKey):
    """A cosigner's Ed25519 public key under its name."""

    __slots__ = ("_key",)

    algorithm: ClassVar[int] = COSIGNATURE
    public_key_bytes: ClassVar[int] = 32

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take a key name and 32 bytes; raises NoteError if either is not one."""
        super().__init__(name, public_key)
        self._key = check_public_key(public_key, name)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (time and signature: 72 bytes) is this key's over the checkpoint `message`."""
        try:
            timestamp, bare = stamp.split(signature, SIGNATURE_BYTES)
        except NoteError:
            return False
        return verifies(self._key, bare, cosigned_message(timestamp, message))


class Cosigner:
    """A cosigner's Ed25519 private key under its name; `at` a time it signs."""

    __slots__ = ("_key", "key_id", "name", "verifier")

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take a key name and a private key; raises NoteError if the name is not one."""
        self.verifier = CosignerVerifier(name, key.public_key().public_bytes_raw())
        self.name = self.verifier.name
        self.key_id = self.verifier.key_id
        self._key = key

    def at(self, timestamp: int) -> StampedCosigner:
        """Give the signer for this time, POSIX seconds; raises NoteError unless it is within 1..2**63 - 1."""
        return StampedCosigner(self, timestamp)

    def sign_at(self, timestamp: int, message: bytes) -> bytes:
        """Give the time and the signature (72 bytes) over the checkpoint `message`; the same bytes for the same.

        Raises NoteError for a time that is not within 1..2**63 - 1 and for a text that is no checkpoint.
        """
        if timestamp == 0:
            raise NoteError("timestamp: expected 1 or more, got 0")
        try:
            parse_any(message.decode())
        except UnicodeDecodeError as error:
            raise NoteError(f"note text: expected UTF-8, got another byte at {error.start}") from error
        return stamp.join(timestamp, self._key.sign(cosigned_message(stamp.check(timestamp), message)))

    def vkey(self) -> str:
        """Give the written form of the public half."""
        return self.verifier.vkey()

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """Give the private key as PEM PKCS#8, encrypted if there is a passphrase: for a file of mode 0600 only."""
        return pem.write(self._key, passphrase)

    def __repr__(self) -> str:
        return f"Cosigner({self.vkey()!r})"


class StampedCosigner:
    """A cosigner at one time: a signer of notes."""

    __slots__ = ("_cosigner", "key_id", "name", "timestamp")

    def __init__(self, cosigner: Cosigner, timestamp: int) -> None:
        """Take a cosigner and POSIX seconds; raises NoteError unless they are within 1..2**63 - 1."""
        if stamp.check(timestamp) == 0:
            raise NoteError("timestamp: expected 1 or more, got 0")
        self._cosigner, self.timestamp = cosigner, timestamp
        self.name, self.key_id = cosigner.name, cosigner.key_id

    def sign(self, message: bytes) -> bytes:
        """Give the time and the signature (72 bytes) over the checkpoint; raises NoteError for another text."""
        return self._cosigner.sign_at(self.timestamp, message)


def cosigned_message(timestamp: int, message: bytes) -> bytes:
    """Give the bytes that are signed: `cosignature/v1`, `time <seconds>`, and the checkpoint's text, a line each."""
    return b"cosignature/v1\ntime %d\n%b" % (timestamp, message)
