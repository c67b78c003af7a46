"""The keys of the vectors. Their seeds are printed here and in the README: nobody may trust them anywhere else.

Ed25519 signs the same bytes each time. ML-DSA-44 does not: what it once signed is kept in `mldsa44.json` and taken from
there, so that the files stay as they are; a signature that is missing there, or does not verify, is made anew.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ledger.log.checkpoint import Checkpoint, parse_any
from ledger.log.cosignature import Cosigner
from ledger.log.keys import Signer
from ledger.log.mldsa import MlDsaSigner, cosigned_message
from ledger.log.note import Signature
from ledger.vectors.cases import Case, bad, file_of, flipped, good, in_base64
from ledger.vectors.trees import decimal_root

KEPT: Final = "mldsa44.json"
HOME: Final = Path(__file__).parents[2] / "contracts" / "vectors"
ORIGIN: Final = "vectors.example/log/0"
TIME: Final = 1_790_000_000


def seed(name: str) -> bytes:
    """Give the 32 bytes from which the key of this name is made: SHA-256 of `iuran-vectors ` and the name."""
    return sha256(f"iuran-vectors {name}".encode()).digest()


def ed25519(name: str) -> Ed25519PrivateKey:
    """Give the Ed25519 key of a name."""
    return Ed25519PrivateKey.from_private_bytes(seed(name))


LOG: Final = Signer(ORIGIN, ed25519("log"))
ROTATED: Final = Signer(ORIGIN, ed25519("log, rotated"))
OTHER_LOG: Final = Signer("vectors.example/log/1", ed25519("other log"))
W1: Final = Cosigner("witness.example/w1", ed25519("w1"))
W2: Final = Cosigner("witness.example/w2", ed25519("w2"))
LOG_MLDSA: Final = MlDsaSigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(seed("log, ML-DSA-44")))
W3_MLDSA: Final = MlDsaSigner("witness.example/w3", MLDSA44PrivateKey.from_seed_bytes(seed("w3")), TIME)

HEAD: Final = Checkpoint(ORIGIN, 100, decimal_root(100))
HEAD_LARGER: Final = Checkpoint(ORIGIN, 257, decimal_root(257))
_SIGNED: Final = tuple((signer, head) for signer in (LOG_MLDSA, W3_MLDSA) for head in (HEAD, HEAD_LARGER))


class Kept:
    """An ML-DSA-44 signer that signs each text once and for all."""

    def __init__(self, signer: MlDsaSigner, kept: dict[str, bytes]) -> None:
        self.name, self.key_id, self.signer = signer.name, signer.key_id, signer
        self._kept = kept

    def sign(self, message: bytes) -> bytes:
        """Give the kept line of this key over the checkpoint `message`, or one that is kept from now on."""
        place = place_of(self.signer, message.decode())
        if not self.signer.verifier.verify(message, self._kept.get(place, b"")):
            self._kept[place] = self.signer.sign(message)
        return self._kept[place]


def place_of(signer: MlDsaSigner, text: str) -> str:
    """Give the name of the case that keeps a signer's signature over a checkpoint's text."""
    return f"{signer.name} at {signer.timestamp} over size {parse_any(text).size}"


def load_kept() -> dict[str, bytes]:
    """Give the signatures that `mldsa44.json` keeps, time and signature, by the names of their cases."""
    path = HOME / KEPT
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else []
    return {
        case["name"]: int(case["timestamp"]).to_bytes(8, "big") + base64.b64decode(case["signature_base64"])
        for case in cases
    }


def line(signer: Signer | Kept, text: str) -> Signature:
    """Give a signer's line over a text, as one of a note's signatures."""
    return Signature(signer.name, signer.key_id, signer.sign(text.encode()))


def mldsa44(kept: dict[str, bytes]) -> str:
    """Give the file of bare ML-DSA-44 signatures with what they sign."""
    cases: list[Case] = []
    for signer, head in _SIGNED:
        stamped = Kept(signer, kept).sign(head.format().encode())
        message = cosigned_message(signer.name, signer.timestamp, head)
        members = {
            "vkey": signer.vkey(),
            "checkpoint": head.format(),
            "timestamp": str(signer.timestamp),
            "signed_message_hex": message.hex(),
            "signature_base64": in_base64(stamped[8:]),
        }
        cases.append(good(place_of(signer, head.format()), **members))
    base = {name: value for name, value in cases[0].items() if name not in ("name", "valid")}
    signature = base64.b64decode(base["signature_base64"])
    for name, members in {
        "a bit of the signature": {"signature_base64": in_base64(flipped(signature, 1000))},
        "a signature cut short": {"signature_base64": in_base64(signature[:-1])},
        "another time": {"timestamp": "1"},
        "another size": {"checkpoint": HEAD._replace(size=101).format()},
        "another origin": {"checkpoint": HEAD._replace(origin=OTHER_LOG.name).format()},
        "another root": {"checkpoint": HEAD._replace(root=flipped(HEAD.root)).format()},
        "another key": {"vkey": W3_MLDSA.vkey()},
    }.items():
        cases.append(bad(name, **{**base, "signed_message_hex": "", **members}))
    return file_of(
        "ML-DSA-44 signatures (type 0x06) over tree heads, and the message that is signed",
        "c2sp.org/tlog-cosignature@v1.1.0-rc.1, ML-DSA-44 signed message; FIPS 204, empty context",
        cases,
    )
