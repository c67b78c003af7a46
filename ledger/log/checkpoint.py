"""Checkpoints: origin, size and root of a log's tree, as the text of a signed note.

Ours are three lines and no more: extension lines are refused, because ML-DSA-44 signatures would not cover them, and
the origin is fit for a key name. What any log may write besides, `parse_any` reads (for who verifies foreign logs).
Formatter and parser stand side by side; the parser formats again and compares.

Upholds L6 with its caller: this room says what a checkpoint is, and whoever signs must have made sure that it contains
the last one (no log may ever sign two that disagree). Knows no journal and no store.
Source: c2sp.org/tlog-checkpoint@v1.0.0.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger.log import note
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX
from ledger.log.note import NoteError, NoteSigner, NoteVerifier

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Checkpoint(NamedTuple):
    """A tree head: the log's origin, the number of leaves, and the root hash (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def format(self) -> str:
        """Give the note text: three lines, each ending with a newline.

        Raises NoteError if the origin is not fit for a key name, the root at size 0 not the empty tree's, the size
        not within 0..2**63 - 1, or the root not 32 bytes.
        """
        note.check_name(self.origin)
        check_empty_root(self)
        return self._lines()

    def _lines(self) -> str:
        if not 0 <= self.size <= SIZE_MAX:
            raise NoteError(f"checkpoint size: expected 0 to {SIZE_MAX}, got {self.size}")
        if len(self.root) != HASH_BYTES:
            raise NoteError(f"checkpoint root: expected {HASH_BYTES} bytes, got {len(self.root)}")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Give the checkpoint whose `format` is exactly `text`.

        Raises NoteError, in this order: fewer than three lines; extension lines; a size that is no plain decimal;
        a root that is no canonical base64; what `format` refuses.
        """
        lines = _lines_of(text)
        if len(lines) > 3:
            raise NoteError(f"checkpoint: expected no extension lines, got {len(lines) - 3}")
        checkpoint = cls(*_parts(lines))
        if checkpoint.format() != text:
            raise NoteError("checkpoint: expected its one written form, got another spelling of it")
        return checkpoint


def parse_any(text: str) -> Checkpoint:
    """Give origin, size and root of any log's checkpoint: the origin may hold spaces, extension lines may follow.

    Extension lines are not given out: who needs them has the text, and an ML-DSA-44 signature does not cover them.
    Any root is let through at size 0: who verifies growth refuses all but the empty tree's.
    Raises NoteError, in this order: a control character; fewer than three lines; an empty extension line; a size that
    is no plain decimal or above 2**63 - 1; a root that is not canonical base64 of 32 bytes; an empty origin.
    """
    note.check_text(text)
    lines = _lines_of(text)
    if "" in lines[3:]:
        raise NoteError("checkpoint: expected extension lines that are not empty, got an empty one")
    checkpoint = Checkpoint(*_parts(lines[:3]))
    if not checkpoint.origin:
        raise NoteError("checkpoint origin: expected one or more characters, got none")
    if not text.startswith(checkpoint._lines()):
        raise NoteError("checkpoint: expected its one written form, got another spelling of it")
    return checkpoint


def check_empty_root(checkpoint: Checkpoint) -> None:
    """Raise NoteError if a checkpoint of size 0 has another root than the empty tree's."""
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise NoteError("checkpoint root: expected the empty tree's root at size 0, got another")


def _lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "":
        raise NoteError(f"checkpoint: expected three lines, each ending with a newline, got {len(lines) - 1}")
    return lines


def _parts(lines: list[str]) -> tuple[str, int, bytes]:
    origin, size, root = lines
    if not _SIZE.fullmatch(size):
        raise NoteError(f"checkpoint size: expected a decimal without leading zeros, got {size[:80]!r}")
    return origin, int(size), note.decode_base64(root, "checkpoint root")


def claimed(note_bytes: bytes) -> Checkpoint:
    """Give the checkpoint that a note claims, its signatures unread: for notes that were opened before, or will be.

    Raises NoteError for a text that is no checkpoint, UnicodeDecodeError for bytes that are no text.
    """
    return Checkpoint.parse(note_bytes.decode().split("\n\n", 1)[0] + "\n")


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[NoteSigner]) -> bytes:
    """Give the signed note over the checkpoint, one line per signer (the log's own: all named as the origin).

    Raises NoteError if the checkpoint is not well formed or a signer has another name than the origin.
    """
    for signer in signers:
        if signer.name != checkpoint.origin:
            raise NoteError(f"signer: expected key name {checkpoint.origin}, got {signer.name}")
    return note.sign(checkpoint.format(), signers)


def open_checkpoint(note_bytes: bytes, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
    """Give the checkpoint that a key named as its origin has signed.

    Raises NoteError, in this order: what `note.open` refuses; what `Checkpoint.parse` refuses; an origin that is not
    the name of a key that signed.
    """
    opened = note.open(note_bytes, verifiers)
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin not in {signature.name for signature in opened.signatures}:
        raise NoteError(f"checkpoint origin: expected the signing key's name, got {checkpoint.origin[:80]}")
    return checkpoint
