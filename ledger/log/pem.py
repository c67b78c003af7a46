"""Private keys as PEM PKCS#8, with a passphrase or without. No private byte ever shows in a message.

A passphrase is stretched by PBKDF2 with the few rounds that are customary in this format: take a random one of 128 bits
from a file, not a word that somebody remembers.
Source: RFC 5958, RFC 7468, RFC 8018; RFC 9881 for ML-DSA (the seed is what is kept).
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.log.note import NoteError


def write(key: Ed25519PrivateKey | MLDSA44PrivateKey, passphrase: bytes | None = None) -> bytes:
    """Give the private key as PEM PKCS#8, encrypted if there is a passphrase; raises NoteError for an empty one."""
    if passphrase == b"":
        raise NoteError("passphrase: expected one or more bytes, got none")
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def read_ed25519(content: bytes, whose: str, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Give the Ed25519 private key that `content` holds.

    Raises NoteError, without a word of the content, if it holds anything else, is encrypted and no passphrase is
    given (or the wrong one), or is not encrypted and one is given.
    """
    key = _read(content, whose, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteError(f"private key of {whose}: expected Ed25519, got another algorithm")
    return key


def read_mldsa44(content: bytes, whose: str, passphrase: bytes | None = None) -> MLDSA44PrivateKey:
    """Give the ML-DSA-44 private key that `content` holds; raises NoteError as `read_ed25519`."""
    key = _read(content, whose, passphrase)
    if not isinstance(key, MLDSA44PrivateKey):
        raise NoteError(f"private key of {whose}: expected ML-DSA-44, got another algorithm")
    return key


def _read(content: bytes, whose: str, passphrase: bytes | None) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(content, password=passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the cause might quote what it could not read.
        how = "with the passphrase given" if passphrase is not None else "without a passphrase"
        raise NoteError(f"private key of {whose}: expected PEM PKCS#8 {how}, got something else") from None
