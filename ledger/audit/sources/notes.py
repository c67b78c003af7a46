"""`checkpoints`: the signed notes of one log, one after the other, as an export keeps them; joined and cut.

A note ends after its last signature line; as a signature line begins with an em dash and a space, and no origin holds a
space, the next note's first line cannot be taken for one. So notes are joined by nothing and cut without doubt.
Reads whatever it is given, a note at a time. Source: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.log.note import NOTE_BYTES_MAX, NoteError

_SIGNATURE: Final = "\N{EM DASH} ".encode()


def notes_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the notes of a file that comes in pieces, in its order; whether they are well formed is not asked.

    Raises NoteError for bytes at the end that are no note, and for a note longer than one may be.
    """
    note: list[bytes] = []
    size, signed, blank = 0, False, False
    for line in _lines(pieces):
        if signed and not line.startswith(_SIGNATURE):
            yield b"".join(note)
            note, size, signed, blank = [], 0, False, False
        note.append(line)
        size += len(line)
        if size > NOTE_BYTES_MAX:
            raise NoteError(f"checkpoints: expected notes of at most {NOTE_BYTES_MAX} bytes, got a longer one")
        signed = signed or (blank and line.startswith(_SIGNATURE))
        blank = line == b"\n"
    if note and not (signed and note[-1].endswith(b"\n")):
        raise NoteError(f"checkpoints: expected whole notes, got {size} bytes at the end that are none")
    if note:
        yield b"".join(note)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
        if len(rest) > NOTE_BYTES_MAX:
            raise NoteError(f"checkpoints: expected lines of at most {NOTE_BYTES_MAX} bytes, got a longer one")
    if rest:
        yield rest
