"""The entry: what one leaf of a journal's log says, as canonical JSON bytes (`iuran-entry/v1`).

The members stand in alphabetical order in each struct, names are ASCII and numbers are integers below 2^53, so that
msgspec's encoding of these structs already is RFC 8785; `decode` re-encodes and compares, so no second spelling of an
entry passes. `contracts/formats/entry.md` shows a complete one with its leaf hash. Upholds L4 (no clock, no free text
of ours), L11 (a worker by pseudonym only, content salted) and L12 (`since` puts refusals and gaps under the
signature).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple, NoReturn

import msgspec
from msgspec import UNSET, UnsetType

from contracts import canonical

FORMAT: Final = "iuran-entry/v1"
ENGINE: Final = "1"
LEAF_BYTES_MAX: Final = 65_535


class EntryError(ValueError):
    """Bytes that are no entry; the message says what was expected."""


class Kind(StrEnum):
    """What caused the entry: a gig accrued, a record refused, or an operator's act."""

    ACCRUAL = "accrual"
    REJECTION = "rejection"
    LEDGER = "ledger"
    SCHEME = "scheme"
    PLATFORM = "platform"


class Position(NamedTuple):
    """How far a topic's partition is read; `duplicates` and `gap` are those since the topic's newest entry.

    They become that partition's next `since` (L12).
    """

    next_offset: int = 0
    duplicates: int = 0
    gap: int = 0


class Since(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What the topic's partition gave since its previous entry: duplicates counted, offsets that never came."""

    duplicates: int
    gap: int


class Cause(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The Kafka record behind the entry; `sha256` is of the record's value, hex; `part` is [k, m]."""

    id: str | UnsetType = UNSET
    offset: int
    part: tuple[int, int]
    partition: int
    sha256: str
    since: Since
    source: str | UnsetType = UNSET
    topic: str


class StoredEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The event as accepted; `data` are the canonical bytes of its members as received."""

    data: msgspec.Raw
    subject: str
    time: str
    type: str


class ContributionRow(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One posting: `amount` in minor units of `unit`, negative when taken back."""

    amount: int
    fund: str
    payer: str
    scheme: str
    unit: str
    version: str
    window: str


class BalanceRow(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A worker's lifetime total in one fund after the entry, minor units of `unit`."""

    accrued: int
    fund: str
    scheme: str
    unit: str


class Refusal(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Why a record was refused: a code of `contracts.rejections`."""

    code: str


class Entry(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One entry; which members are there depends on `kind` (contracts/formats/entry.md)."""

    balances: list[BalanceRow] | UnsetType = UNSET
    cause: Cause
    contributions: list[ContributionRow] | UnsetType = UNSET
    engine: str
    event: StoredEvent | UnsetType = UNSET
    format: str
    index: int
    journal: int
    kind: str
    received_at: str
    rejection: Refusal | UnsetType = UNSET
    salt: str


encode = msgspec.json.Encoder().encode
"""Canonical bytes of an Entry (or of one of its parts)."""


class _Fraction(ValueError):
    """Leaves the decoder of event.data at the first number that is no integer; never leaves this module."""


def _refuse_fraction(_: str) -> NoReturn:
    raise _Fraction


_decode = msgspec.json.Decoder(Entry).decode
_decode_any = msgspec.json.Decoder(float_hook=_refuse_fraction).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_long_number = re.compile(rb"[0-9]{16}").search

_MEMBERS: Final[dict[str, tuple[bool, bool, bool, bool]]] = {
    # kind -> (event, contributions, balances, rejection) are there
    Kind.ACCRUAL: (True, True, True, False),
    Kind.REJECTION: (False, False, False, True),
    Kind.LEDGER: (True, False, False, False),
    Kind.SCHEME: (True, False, False, False),
    Kind.PLATFORM: (True, False, False, False),
}


def decode(leaf: bytes) -> Entry:
    """Give the entry that these leaf bytes are the canonical form of.

    Raises EntryError, in this order, when they are no entry (a member missing, unknown or of another type), not
    canonical, of another format, or have not the members of their kind. Whether numbers and texts make sense (their
    range, the forms of salt and hashes) is not asked here: an audit names that by its law.
    """
    try:
        entry = _decode(leaf)
    except (ValueError, RecursionError) as error:
        raise EntryError(f"entry: expected {FORMAT}, got {error}") from error
    if encode(entry) != leaf:
        raise EntryError("entry: expected canonical JSON (RFC 8785), got another spelling")
    if entry.format != FORMAT:
        raise EntryError(f"entry: expected format {FORMAT}, got {entry.format[:40]!r}")
    expected = _MEMBERS.get(entry.kind)
    if expected is None:
        raise EntryError(f"entry: expected kind {', '.join(Kind)}, got {entry.kind[:40]!r}")
    if expected != (
        entry.event is not UNSET,
        entry.contributions is not UNSET,
        entry.balances is not UNSET,
        entry.rejection is not UNSET,
    ):
        raise EntryError(f"entry: expected the members of kind {entry.kind}, got others")
    if isinstance(entry.event, StoredEvent) and not _is_canonical(bytes(entry.event.data)):
        raise EntryError("entry: expected canonical JSON in event.data, got another spelling")
    return entry


def read(leaf: bytes) -> Entry:
    """Give the entry in bytes that our own writer stored: a third of the cost of `decode`, which proves the spelling.

    Raises EntryError when they are no entry.
    """
    try:
        return _decode(leaf)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EntryError(f"entry: expected {FORMAT}, got {error}") from error


def _is_canonical(data: bytes) -> bool:
    """Tell whether bytes are a JSON object in its RFC 8785 form, with integers below 2^53 as its only numbers."""
    try:
        if not data.isascii() or _long_number(data):
            # here msgspec's order of names and range of integers may not be RFC 8785's: ask the slow strict decoder
            return isinstance(canonical.decode(data), dict)
        value: Any = _decode_any(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _encode_sorted(value) == data


def event_key(journal: int, source: str, event_id: str) -> bytes:
    """Give the 16 bytes under which an accepted event's id is taken for ever in a journal (L3).

    Truncated SHA-256: a platform that looks for collisions among its own ids needs 2^64 of them, and then only has
    its own second gig refused.
    """
    return sha256(f"{journal}\n{source}\n{event_id}".encode()).digest()[:16]


def salt(secret: bytes, topic: str, partition: int, offset: int, part: int) -> str:
    """Give the 128-bit salt of an entry, hex: HMAC-SHA-256 under the journal's secret over the entry's cause.

    A replay of the same records gives the same salt, and who sees only leaf hashes learns nothing (L4, L11).
    """
    message = f"iuran-salt/v1\n{topic}\n{partition}\n{offset}\n{part}".encode()
    # RFC 2104 written out: the library's call costs several times the two hashes that it makes
    inner, outer = _pads(secret)
    return sha256(outer + sha256(inner + message).digest()).digest()[:16].hex()


@lru_cache(maxsize=1024)
def _pads(secret: bytes) -> tuple[bytes, bytes]:
    block = (sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


@lru_cache(maxsize=4096)
def _second(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def received_at(timestamp_ms: int) -> str:
    """Write the broker's time of a record (milliseconds since 1970) as RFC 3339 in UTC with milliseconds."""
    second, ms = divmod(timestamp_ms, 1000)
    return f"{_second(second)}.{ms:03d}Z"
