"""The witness protocol as values: what is asked, what is answered and in which order it is refused.

A witness remembers, of each log it knows, the newest tree head it cosigned, and cosigns a later one only if it contains
that one. Two steps, because the second must see nothing change under it:

    read     what the request says and whether a trusted key of its log signed it: 400, 404, 403, 400
    judge    against the newest head, in the same transaction that will keep the new one: 409, 422, or nothing against

`cosign` then makes the lines; whoever keeps heads must have made the new one durable before an answer leaves (L6, L7).
`open_cosignatures` is the other side: of an answer only verified lines come out.
Strict pairs stand side by side. WitnessError is the only exception of the parsers. Knows no clock, store or network.
Source: c2sp.org/tlog-witness@v1.0.0, "add-checkpoint".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ledger.log import note, stamp
from ledger.log.checkpoint import Checkpoint, parse_any
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX
from ledger.log.note import NoteError, NoteSigner, NoteVerifier, Signature
from ledger.log.proof import ProofError, verify_consistency

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = 1 << 17  # sixteen signatures of the largest kind, a proof, and room
ANSWER_BYTES_MAX = 1 << 16
TEXT_TYPE = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"
_SIZE = re.compile(rb"0|[1-9][0-9]{0,18}")


class WitnessError(ValueError):
    """A request or an answer of the witness protocol that is not one, or an answer that proves nothing."""


class Request(NamedTuple):
    """A checkpoint to be cosigned: the size the witness is thought to know, the growth from there, and the note."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def format(self) -> bytes:
        """Give the request's body; raises WitnessError for sizes, proofs or notes that `parse` would refuse."""
        proof = b"".join(base64.b64encode(line) + b"\n" for line in self.proof)
        body = b"old %d\n%b\n%b" % (self.old, proof, self.note)
        if Request.parse(body) != self:
            raise WitnessError("request: expected hashes and a note, got what reads otherwise")
        return body

    @classmethod
    def parse(cls, body: bytes) -> Request:
        """Give the request whose `format` is exactly `body`; the note is not looked into.

        Raises WitnessError, in this order: more than 128 KiB; no empty line after the proof; an old size line that is
        none, or a size above 2**63 - 1; more than 63 proof lines; one that is not canonical base64 of 32 bytes.
        """
        if len(body) > REQUEST_BYTES_MAX:
            raise WitnessError(f"request: expected at most {REQUEST_BYTES_MAX} bytes, got {len(body)}")
        head, blank, content = body.partition(b"\n\n")
        if not blank:
            raise WitnessError("request: expected an empty line after the proof, got none")
        first, *lines = head.split(b"\n")
        old = _size(first.removeprefix(b"old ")) if first.startswith(b"old ") else None
        if old is None:
            raise WitnessError(f"old size line: expected `old ` and a decimal up to {SIZE_MAX}, got {first[:40]!r}")
        if len(lines) > PROOF_LINES_MAX:
            raise WitnessError(f"proof: expected at most {PROOF_LINES_MAX} lines, got {len(lines)}")
        return cls(old, tuple(map(_hash, lines)), content)


class Latest(NamedTuple):
    """The newest tree head of a log that the witness cosigned; a log it never cosigned has `NEVER`."""

    size: int
    root: bytes


NEVER = Latest(0, EMPTY_ROOT)


class Answer(NamedTuple):
    """What a witness says: HTTP status, content type and body."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE


class Submission(NamedTuple):
    """A request that a trusted key of its log has signed: not yet compared with what the witness knows."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    text: str
    signatures: tuple[Signature, ...]


class Cosigned(NamedTuple):
    """What `cosign` made: the lines to answer with, and the note to keep and to show to who asks."""

    answer: Answer
    note: bytes


def read(body: bytes, logs: Mapping[str, Sequence[NoteVerifier]]) -> Submission | Answer:
    """Give what a request asks, or the refusal; `logs` are the trusted keys of each origin.

    In this order: 400 for what is no request or no checkpoint; 404 for an unknown origin; 403 if no trusted key has
    signed or one has that does not verify; 400 for an old size above the checkpoint's. Unknown keys are ignored.
    """
    try:
        request = Request.parse(body)
        text, signatures = note.parse(request.note)
        checkpoint = parse_any(text)
    except (WitnessError, NoteError) as error:
        return _refuse(400, error)
    verifiers = logs.get(checkpoint.origin)
    if verifiers is None:
        return _refuse(404, "origin: expected a log that this witness knows, got another")
    try:
        trusted = note.verify(text, signatures, verifiers)
    except NoteError as error:
        return _refuse(403, error)
    if request.old > checkpoint.size:
        return _refuse(400, f"old size: expected at most {checkpoint.size}, got {request.old}")
    return Submission(request.old, request.proof, checkpoint, text, trusted)


def judge(submission: Submission, latest: Latest) -> Answer | None:
    """Give the refusal of a submission against the newest head cosigned (`NEVER` at first), or None if it may be.

    In this order: 409, with the size known here, for another old size; 422 for size 0 with another root than the empty
    tree's; for a proof where there is nothing to prove (old size 0); for the same size with another root; and for a
    proof that does not hold. Upholds L6: what this lets pass contains `latest`.
    """
    old, checkpoint = submission.old, submission.checkpoint
    if old != latest.size:
        return Answer(409, b"%d\n" % latest.size, SIZE_TYPE)
    try:
        verify_consistency(old, latest.root, checkpoint.size, checkpoint.root, submission.proof)
    except ProofError as error:
        return _refuse(422, error)
    return None


def cosign(submission: Submission, signers: Sequence[NoteSigner]) -> Cosigned:
    """Give the answer 200 and the note to keep: the text, the trusted signatures of the log, the witness's lines.

    `signers` are the witness's keys at the time of now. Call it only where `judge` had nothing against it, and let the
    answer out only once the note is durable. Raises NoteError if a signer cannot sign this checkpoint.
    """
    message = submission.text.encode()
    lines = [Signature(signer.name, signer.key_id, signer.sign(message)) for signer in signers]
    answer = Answer(200, note.format_signatures(lines).encode())
    return Cosigned(answer, note.format(submission.text, (*submission.signatures, *lines)))


def open_cosignatures(answer: bytes, text: str, verifiers: Iterable[NoteVerifier]) -> tuple[Signature, ...]:
    """Give the cosignatures over a checkpoint's `text` by known keys, of which there is at least one.

    Lines of unknown keys are ignored. Raises WitnessError, in this order: more than 64 KiB; no UTF-8; what are no
    signature lines; a known key's line that does not verify; no line of a known key; a time of zero.
    """
    if len(answer) > ANSWER_BYTES_MAX:
        raise WitnessError(f"answer: expected at most {ANSWER_BYTES_MAX} bytes, got {len(answer)}")
    try:
        verified = note.verify(text, note.parse_signatures(answer.decode()), verifiers)
    except UnicodeDecodeError as error:
        raise WitnessError(f"answer: expected UTF-8, got another byte at {error.start}") from None
    except NoteError as error:
        raise WitnessError(f"answer: {error}") from None
    for signature in verified:
        if timestamp_of(signature) == 0:
            raise WitnessError(f"cosignature of {signature.name}: expected a time, got zero")
    return verified


def timestamp_of(signature: Signature) -> int:
    """Give the time, in POSIX seconds, that a verified cosignature states."""
    return int.from_bytes(signature.signature[: stamp.STAMP_BYTES], "big")


def open_size(answer: bytes) -> int:
    """Give the size that a witness answers with 409: the tree size it has cosigned; raises WitnessError for another."""
    size = _size(answer[:-1]) if answer.endswith(b"\n") else None
    if size is None:
        raise WitnessError(f"size: expected a decimal up to {SIZE_MAX} and a newline, got {answer[:40]!r}")
    return size


def _size(digits: bytes) -> int | None:
    if not _SIZE.fullmatch(digits) or int(digits) > SIZE_MAX:
        return None
    return int(digits)


def _hash(line: bytes) -> bytes:
    try:
        decoded = base64.b64decode(line, validate=True)
    except ValueError:
        decoded = b""
    if len(decoded) != HASH_BYTES or base64.b64encode(decoded) != line:
        raise WitnessError(f"proof line: expected canonical base64 of {HASH_BYTES} bytes, got {line[:80]!r}")
    return decoded


def _refuse(status: int, why: object) -> Answer:
    return Answer(status, f"{why}\n".encode())
