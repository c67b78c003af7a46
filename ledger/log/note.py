"""Signed notes: a text, and lines in which keys vouch for it.

Formatter and parser stand side by side; the parser formats again what it read and compares, so that a note has one
written form only. `open` gives out nothing that no known key has vouched for.

What a key signs is its algorithm's affair: a signer is handed the note's text and gives the bytes of its line, which
may sign another structure made from the text and carry more than a signature (a time stamp, say).
NoteError is the only exception of this room's parsers. Knows text and signatures only.
Source: c2sp.org/signed-note@v1.0.0.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100  # the specification asks verifiers for a limit of at least 16
KEY_ID_BYTES = 4
_DASH = "\N{EM DASH} "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_NOT_IN_NAMES = re.compile("[\x00-\x1f+\ud800-\udfff]")


class NoteError(ValueError):
    """A note, key or checkpoint that is not what it must be, or that no known key has signed."""


class NoteSigner(Protocol):
    """A key that can vouch for a note's text."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """Give what follows the key id in the signature line, for the note text `message` (UTF-8)."""
        ...


class NoteVerifier(Protocol):
    """A key whose signature lines can be checked."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature`, what follows the key id in the line, vouches for the note text `message`."""
        ...


class Signature(NamedTuple):
    """One signature line: the key's name, its id (4 bytes) and what its algorithm wrote after the id."""

    name: str
    key_id: bytes
    signature: bytes


class Unopened(NamedTuple):
    """A note as it was written: its text, final newline included, and its signature lines, none of them verified."""

    text: str
    signatures: tuple[Signature, ...]


class Opened(NamedTuple):
    """The verified part of a note: its text, final newline included, and the signatures of known keys."""

    text: str
    signatures: tuple[Signature, ...]


def check_name(name: str) -> str:
    """Give the key name back if it is one: not empty, no Unicode space, no plus, no control character, no surrogate.

    Raises NoteError otherwise.
    """
    if not name or _NOT_IN_NAMES.search(name) or any(map(str.isspace, name)):
        raise NoteError(f"key name: expected one or more characters without spaces and plus, got {name[:80]!r}")
    return name


def check_text(text: str) -> bytes:
    """Give the text's bytes if it can stand in a note.

    Raises NoteError, in this order: no final newline; a control character other than newline; a lone surrogate.
    """
    if not text.endswith("\n"):
        raise NoteError("note text: expected a final newline, got none")
    if _CONTROL.search(text):
        raise NoteError("note text: expected no control characters but newline, got one")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NoteError(f"note text: expected no lone surrogate, got one at {error.start}") from error


def decode_base64(text: str, what: str) -> bytes:
    """Give the bytes of canonical RFC 4648 section 4 base64, padding included; `what` names it in the NoteError."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NoteError(f"{what}: expected base64, got {error}") from error
    if base64.b64encode(decoded).decode() != text:
        raise NoteError(f"{what}: expected canonical base64, got another spelling of it")
    return decoded


def sign(text: str, signers: Sequence[NoteSigner]) -> bytes:
    """Give the note over `text`, which ends with a newline, with one signature line per signer, in their order.

    Raises NoteError if the text cannot stand in a note, there is no signer, or two signers share name and key id.
    """
    message = check_text(text)
    if not 0 < len({(s.name, s.key_id) for s in signers}) == len(signers) <= SIGNATURES_MAX:
        raise NoteError(f"signers: expected 1 to {SIGNATURES_MAX} different keys, got {len(signers)}")
    lines = [Signature(check_name(s.name), s.key_id, s.sign(message)) for s in signers]
    return format(text, lines)


def open(note: bytes, verifiers: Iterable[NoteVerifier]) -> Opened:
    """Give the text and the signatures of known keys, of which there is at least one.

    Signatures of unknown keys are ignored, also where they share a name or an id with a known one; of several by the
    same known key each is verified and the first given out. Raises NoteError, in this order: two verifiers that cannot
    be told apart; a malformed note; a known key's signature that does not verify; no signature of a known key.
    """
    known = _known(verifiers)
    parsed = parse(note)
    return Opened(parsed.text, _verified(parsed.text, parsed.signatures, known))


def verify(text: str, signatures: Iterable[Signature], verifiers: Iterable[NoteVerifier]) -> tuple[Signature, ...]:
    """Give the signatures of known keys over `text`, of which there is at least one; the rules are those of `open`.

    Raises NoteError, in this order: two verifiers that cannot be told apart; a known key's signature that does not
    verify; no signature of a known key.
    """
    return _verified(text, signatures, _known(verifiers))


def parse(note: bytes) -> Unopened:
    """Give what a note says and who is said to have signed it, nothing of it verified: for `verify` and for routing.

    Raises NoteError, in this order: more than 1 MiB; no UTF-8; no blank line; a text that cannot stand in a note; what
    `parse_signatures` refuses; another spelling of the same note.
    """
    if len(note) > NOTE_BYTES_MAX:
        raise NoteError(f"note: expected at most {NOTE_BYTES_MAX} bytes, got {len(note)}")
    try:
        content = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError(f"note: expected UTF-8, got another byte at {error.start}") from error
    blank = content.rfind("\n\n")
    if blank < 0:
        raise NoteError("note: expected a blank line between text and signatures, got none")
    text = content[: blank + 1]
    check_text(text)
    return Unopened(text, parse_signatures(content[blank + 2 :]))


def format(text: str, signatures: Iterable[Signature]) -> bytes:
    """Give the note of a text and its signature lines: the inverse of `parse`."""
    return f"{text}\n{format_signatures(signatures)}".encode()


def format_signatures(signatures: Iterable[Signature]) -> str:
    """Give the signature lines, each ending with a newline."""
    return "".join(f"{_DASH}{s.name} {base64.b64encode(s.key_id + s.signature).decode()}\n" for s in signatures)


def parse_signatures(lines_text: str) -> tuple[Signature, ...]:
    """Give the signatures written as lines, one or more, each ending with a newline; none of them is verified.

    Raises NoteError, in this order: no line or an unfinished one; more than 100; a line that is not em dash, key name
    and base64 of more than 4 bytes; another spelling of the same lines.
    """
    lines = lines_text.split("\n")
    if len(lines) < 2 or lines.pop() != "":
        raise NoteError("note: expected signature lines, each ending with a newline, got none or an unfinished one")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError(f"note: expected at most {SIGNATURES_MAX} signatures, got {len(lines)}")
    signatures = tuple(map(_parse_signature, lines))
    if format_signatures(signatures) != lines_text:
        raise NoteError("note: expected its one written form, got another spelling of it")
    return signatures


def _known(verifiers: Iterable[NoteVerifier]) -> dict[tuple[str, bytes], NoteVerifier]:
    known: dict[tuple[str, bytes], NoteVerifier] = {}
    for verifier in verifiers:
        if (verifier.name, verifier.key_id) in known:
            raise NoteError(
                f"verifiers: expected different keys, got two with name {verifier.name[:80]} and the same id"
            )
        known[verifier.name, verifier.key_id] = verifier
    return known


def _verified(
    text: str, signatures: Iterable[Signature], known: Mapping[tuple[str, bytes], NoteVerifier]
) -> tuple[Signature, ...]:
    message, strangers = text.encode(), 0
    verified: dict[tuple[str, bytes], Signature] = {}
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            strangers += 1
            continue
        if not key.verify(message, signature.signature):
            raise NoteError(
                f"signature of {key.name[:80]} {key.key_id.hex()}: expected a valid one, got one that is not"
            )
        verified.setdefault((signature.name, signature.key_id), signature)
    if not verified:
        raise NoteError(f"signatures: expected one of a known key, got {strangers} of unknown keys")
    return tuple(verified.values())


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteError("signature line: expected em dash, key name and base64 with one space between, got another")
    content = decode_base64(encoded, "signature")
    if len(content) <= KEY_ID_BYTES:
        raise NoteError(f"signature: expected more than {KEY_ID_BYTES} bytes, got {len(content)}")
    return Signature(check_name(name), content[:KEY_ID_BYTES], content[KEY_ID_BYTES:])
