"""The time in front of a cosignature: 8 bytes, big-endian, POSIX seconds, at most 2**63 - 1.

Both kinds of cosignature carry it, in the line and in what is signed. Zero is a value of the format and means that no
statement is made about the largest tree; who must not use it says so. Knows no clock.
Source: c2sp.org/tlog-cosignature, "Format" (`timestamped_signature`).
"""

from __future__ import annotations

from ledger.log.note import NoteError

STAMP_BYTES = 8
STAMP_MAX = 2**63 - 1


def check(timestamp: int) -> int:
    """Give the time back; raises NoteError if it is not within 0..2**63 - 1."""
    if not 0 <= timestamp <= STAMP_MAX:
        raise NoteError(f"timestamp: expected 0 to {STAMP_MAX}, got {timestamp}")
    return timestamp


def join(timestamp: int, signature: bytes) -> bytes:
    """Give what stands after the key id in a line: the time, then the signature; raises NoteError as `check`."""
    return check(timestamp).to_bytes(STAMP_BYTES, "big") + signature


def split(content: bytes, signature_bytes: int) -> tuple[int, bytes]:
    """Give the time and the signature of these many bytes.

    Raises NoteError, in this order: another length; a time above 2**63 - 1.
    """
    if len(content) != STAMP_BYTES + signature_bytes:
        raise NoteError(f"cosignature: expected {STAMP_BYTES + signature_bytes} bytes, got {len(content)}")
    return check(int.from_bytes(content[:STAMP_BYTES], "big")), content[STAMP_BYTES:]
