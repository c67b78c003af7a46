"""The door to keys: make one, load one, read a verifier key. Which algorithms there are is said here.

0x01 Ed25519 signs a note's text; 0x04 is an Ed25519 cosigner's; 0x06 ML-DSA-44 signs a checkpoint's tree head, as the
log's own (time 0) or a cosigner's. One public key serves one name and one type. No private byte ever shows in a
message or a repr.

A further algorithm is another pair with the same members (`note.NoteSigner`, `note.NoteVerifier`) and a line in
`_VERIFIERS`; what it signs and what its line carries is its own affair.
Source: c2sp.org/signed-note@v1.0.0, "Signature types" and "Verifier keys"; c2sp.org/tlog-cosignature, "Format".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, overload

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ledger.log import pem as pkcs8
from ledger.log.cosignature import Cosigner, CosignerVerifier
from ledger.log.ed25519 import Signer, Verifier
from ledger.log.mldsa import MlDsaSigner, MlDsaVerifier
from ledger.log.note import NoteError, check_name, decode_base64
from ledger.log.vkey import COSIGNATURE, ED25519, MLDSA44, key_id

__all__ = [
    "COSIGNATURE",
    "ED25519",
    "MLDSA44",
    "AnySigner",
    "AnyVerifier",
    "Cosigner",
    "CosignerVerifier",
    "LogVerifier",
    "MlDsaSigner",
    "MlDsaVerifier",
    "Signer",
    "Verifier",
    "WitnessVerifier",
    "generate",
    "key_id",
    "load_pem",
    "parse_log_vkey",
    "parse_vkey",
    "parse_witness_vkey",
]

AnySigner: TypeAlias = Signer | Cosigner | MlDsaSigner
AnyVerifier: TypeAlias = Verifier | CosignerVerifier | MlDsaVerifier
LogVerifier: TypeAlias = Verifier | MlDsaVerifier
WitnessVerifier: TypeAlias = CosignerVerifier | MlDsaVerifier

_VERIFIERS: dict[int, Callable[[str, bytes], AnyVerifier]] = {
    ED25519: Verifier,
    COSIGNATURE: CosignerVerifier,
    MLDSA44: MlDsaVerifier,
}


@overload
def generate(name: str, algorithm: Literal[0x01] = 0x01) -> Signer: ...
@overload
def generate(name: str, algorithm: Literal[0x04]) -> Cosigner: ...
@overload
def generate(name: str, algorithm: Literal[0x06]) -> MlDsaSigner: ...
def generate(name: str, algorithm: int = ED25519) -> AnySigner:
    """Give a new key of this algorithm (0x01, 0x04 or 0x06) under this name; raises NoteError if either is not one."""
    check_name(name)
    if algorithm == ED25519:
        return Signer(name, Ed25519PrivateKey.generate())
    if algorithm == COSIGNATURE:
        return Cosigner(name, Ed25519PrivateKey.generate())
    if algorithm == MLDSA44:
        return MlDsaSigner(name, MLDSA44PrivateKey.generate())
    raise _unknown(name, algorithm)


@overload
def load_pem(name: str, pem: bytes, algorithm: Literal[0x01] = 0x01, passphrase: bytes | None = None) -> Signer: ...
@overload
def load_pem(name: str, pem: bytes, algorithm: Literal[0x04], passphrase: bytes | None = None) -> Cosigner: ...
@overload
def load_pem(name: str, pem: bytes, algorithm: Literal[0x06], passphrase: bytes | None = None) -> MlDsaSigner: ...
def load_pem(name: str, pem: bytes, algorithm: int = ED25519, passphrase: bytes | None = None) -> AnySigner:
    """Give the signer of this algorithm whose private key `pem` holds (PEM PKCS#8).

    Raises NoteError, without a word of the content, if it holds anything else, is encrypted and no passphrase is
    given (or the wrong one), or is not encrypted and one is given.
    """
    if algorithm == ED25519:
        return Signer(name, pkcs8.read_ed25519(pem, name, passphrase))
    if algorithm == COSIGNATURE:
        return Cosigner(name, pkcs8.read_ed25519(pem, name, passphrase))
    if algorithm == MLDSA44:
        return MlDsaSigner(name, pkcs8.read_mldsa44(pem, name, passphrase))
    raise _unknown(name, algorithm)


def parse_vkey(text: str) -> AnyVerifier:
    """Give the verifier written as `name+hex8+base64(type || key)`.

    Raises NoteError, in this order: not three parts; no key name; not base64; an algorithm other than 0x01, 0x04 and
    0x06; a key of another length or one that no honest signer has; an id that is not this key's; another spelling of
    the same key.
    """
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    if not encoded:
        raise NoteError(f"verifier key: expected `name+id+key`, got {text[:80]!r}")
    check_name(name)
    content = decode_base64(encoded, f"verifier key of {name[:80]}")
    make = _VERIFIERS.get(content[0])
    if make is None:
        raise _unknown(name, content[0])
    verifier = make(name, content[1:])
    if verifier.vkey() != text:
        raise NoteError(f"verifier key: expected {verifier.vkey()[:200]}, got {text[:200]}")
    return verifier


def parse_log_vkey(text: str) -> LogVerifier:
    """Give the verifier of a log's own checkpoints; raises NoteError as `parse_vkey`, and for type 0x04."""
    verifier = parse_vkey(text)
    if isinstance(verifier, CosignerVerifier):
        raise NoteError(f"key of {verifier.name[:80]}: expected a log's, 0x01 or 0x06, got a cosigner's, 0x04")
    return verifier


def parse_witness_vkey(text: str) -> WitnessVerifier:
    """Give the verifier of a witness's cosignatures; raises NoteError as `parse_vkey`, and for type 0x01."""
    verifier = parse_vkey(text)
    if isinstance(verifier, Verifier):
        raise NoteError(f"key of {verifier.name[:80]}: expected a witness's, 0x04 or 0x06, got a plain one, 0x01")
    return verifier


def _unknown(name: str, algorithm: int) -> NoteError:
    known = ", ".join(f"0x{one:02x}" for one in _VERIFIERS)
    return NoteError(f"key of {name[:80]}: expected algorithm {known}, got 0x{algorithm:02x}")
