"""Receipts: a file that proves, offline and for as long as its keys are known, that an entry is in a log.

It holds the entry's index, the inclusion proof and the checkpoint that the log and its witnesses signed; the entry
itself is not in it, so that its exact bytes are handed out beside. Formatter and parser stand side by side; the parser
formats again what it read and compares. `extra` is whatever someone added: nothing vouches for it.

Upholds L8 (whoever is shown an entry can cite a signed checkpoint over it). ReceiptError is the only exception of this
room. Knows bytes and hashes only; of a policy it knows the two questions that it asks.
Source: c2sp.org/tlog-proof (main), "Format" and "Verifying a tlog proof".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from ledger.log import note
from ledger.log.checkpoint import Checkpoint, parse_any
from ledger.log.merkle import HASH_BYTES, leaf_hash
from ledger.log.note import NOTE_BYTES_MAX, NoteError, NoteVerifier, Signature
from ledger.log.proof import INCLUSION_HASHES_MAX, ProofError, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX = 48_000  # a line of it stays below 64 KiB, where a known reader of such files ends
_HEAD_BYTES_MAX = 64 * 1024 + 64 * 45
RECEIPT_BYTES_MAX = _HEAD_BYTES_MAX + NOTE_BYTES_MAX
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


class ReceiptError(ValueError):
    """A receipt that is not one, or that does not prove what it should."""


class Quorum(Protocol):
    """What a receipt asks of a trust policy about its checkpoint (`policy.Policy` is one)."""

    def cosigned(self, text: str, signatures: Iterable[Signature]) -> Collection[bytes]:
        """Give the names of the witnesses whose signatures these are; raises NoteError for one that does not verify."""
        ...

    def reached(self, cosigned: Collection[bytes]) -> bool:
        """Tell whether these witnesses are enough."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry's index, its inclusion proof (leaf side first, 32 bytes each), a checkpoint's note, what was added."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def format(self) -> bytes:
        """Give the file, as `parse` reads it back.

        Raises ReceiptError, in this order: `extra` of no byte or more than 48,000; a hash that is not 32 bytes, or more
        than 63; what `claimed` refuses.
        """
        if self.extra is not None and not 1 <= len(self.extra) <= EXTRA_BYTES_MAX:
            raise ReceiptError(f"receipt extra: expected 1 to {EXTRA_BYTES_MAX} bytes, got {len(self.extra)}")
        if len(self.path) > INCLUSION_HASHES_MAX:
            raise ReceiptError(f"receipt: expected at most {INCLUSION_HASHES_MAX} hashes, got {len(self.path)}")
        for each in self.path:
            if len(each) != HASH_BYTES:
                raise ReceiptError(f"receipt hash: expected {HASH_BYTES} bytes, got {len(each)}")
        self.claimed()
        lines = [HEADER, *([] if self.extra is None else [f"extra {_base64(self.extra)}"]), f"index {self.index}"]
        return "\n".join((*lines, *map(_base64, self.path), "", "")).encode() + self.checkpoint

    @classmethod
    def parse(cls, content: bytes) -> Receipt:
        """Give the receipt whose `format` is exactly `content`; its checkpoint is well formed, and nobody's yet.

        Raises ReceiptError, in this order: more than about 1.1 MB; no blank line where the checkpoint begins; another
        first line; an index that is no plain decimal; what is no canonical base64; what `format` refuses.
        """
        if len(content) > RECEIPT_BYTES_MAX:
            raise ReceiptError(f"receipt: expected at most {RECEIPT_BYTES_MAX} bytes, got {len(content)}")
        blank = content.find(b"\n\n", 0, _HEAD_BYTES_MAX)
        if blank < 0:
            raise ReceiptError(f"receipt: expected a blank line within {_HEAD_BYTES_MAX} bytes, got none")
        try:
            first, *lines = content[:blank].decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise ReceiptError(
                f"receipt: expected ASCII above the checkpoint, got another byte at {error.start}"
            ) from None
        if first != HEADER:
            raise ReceiptError(f"receipt: expected a first line {HEADER!r}, got {first[:80]!r}")
        extra = _decode(lines.pop(0)[6:], "receipt extra") if lines and lines[0].startswith("extra ") else None
        found = _INDEX.fullmatch(lines[0]) if lines else None
        if found is None:
            raise ReceiptError(f"receipt: expected a line `index <decimal>`, got {''.join(lines[:1])[:80]!r}")
        if len(lines) - 1 > INCLUSION_HASHES_MAX:
            raise ReceiptError(f"receipt: expected at most {INCLUSION_HASHES_MAX} hashes, got {len(lines) - 1}")
        path = tuple(_decode(line, "receipt hash") for line in lines[1:])
        receipt = cls(int(found[1]), path, content[blank + 2 :], extra)
        if receipt.format() != content:
            raise ReceiptError("receipt: expected its one written form, got another spelling of it")
        return receipt

    def claimed(self) -> Checkpoint:
        """Give the checkpoint that the receipt is under, its signatures unread.

        Raises ReceiptError for what is no signed note with a checkpoint, or one that does not reach the index.
        """
        try:
            checkpoint = parse_any(note.parse(self.checkpoint).text)
        except NoteError as error:
            raise ReceiptError(f"receipt checkpoint: {error}") from error
        if not 0 <= self.index < checkpoint.size:
            raise ReceiptError(
                f"receipt index: expected below the checkpoint's size {checkpoint.size}, got {self.index}"
            )
        return checkpoint

    def verify(self, leaf: bytes, verifiers: Iterable[NoteVerifier], quorum: Quorum | None = None) -> Checkpoint:
        """Give the checkpoint under which the log holds exactly these bytes at `index`, having verified it.

        The steps of "Verifying a tlog proof"; each refuses with ReceiptError:
        1 the leaf hash is SHA-256(0x00 || leaf);
        2 the checkpoint is signed by a key of `verifiers` that is named as its origin; each such signature must hold;
        3 where a policy is given, the cosignatures of its witnesses hold and are a quorum;
        4 the path leads from the leaf hash at `index` to the checkpoint's root.
        """
        hashed = leaf_hash(leaf)
        checkpoint = self.claimed()
        text, signatures = note.parse(self.checkpoint)
        own = [verifier for verifier in verifiers if verifier.name == checkpoint.origin]
        if not own:
            raise ReceiptError(
                f"receipt checkpoint: expected an origin with a known key, got {checkpoint.origin[:80]!r}"
            )
        try:
            note.verify(text, signatures, own)
            if quorum is not None and not quorum.reached(cosigned := quorum.cosigned(text, signatures)):
                raise ReceiptError(
                    f"receipt checkpoint: expected cosignatures of a quorum, got {len(cosigned)} of witnesses"
                )
            verify_inclusion(hashed, self.index, checkpoint.size, self.path, checkpoint.root)
        except NoteError as error:
            raise ReceiptError(f"receipt checkpoint: {error}") from error
        except ProofError as error:
            raise ReceiptError(f"receipt: {error}") from error
        return checkpoint


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(text: str, what: str) -> bytes:
    try:
        return note.decode_base64(text, what)
    except NoteError as error:
        raise ReceiptError(str(error)) from error
