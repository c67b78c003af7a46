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
from typing import Any, Final, Literal, NamedTuple, NoReturn, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from contracts import canonical

FORMAT: Final = "iuran-entry/v1"
ENGINE: Final = "1"
LEAF_BYTES_MAX: Final = 65_535


class EntryError(ValueError):
    """Bytes that are no entry; the message says what was expected."""


class Kind(StrEnum):
    """What caused the entry: a gig, what corrects one, what is known of a worker, a close, an act, or a refusal."""

    ACCRUAL = "accrual"
    REJECTION = "rejection"
    LEDGER = "ledger"
    SCHEME = "scheme"
    PLATFORM = "platform"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"
    WORKER = "worker"
    DISPUTE = "dispute"
    REMITTANCE = "remittance"
    CLOSE = "close"
    CORRECTION = "correction"
    NOTICE = "notice"
    KEY = "key"


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
    """The Kafka record behind the entry; `sha256` is of the record's value, hex; `part` is [k, m].

    `signature` is the platform's over the event (contracts/signing.py), base64, in the part that has the event.
    """

    id: str | UnsetType = UNSET
    offset: int
    part: tuple[int, int]
    partition: int
    sha256: str
    signature: str | UnsetType = UNSET
    since: Since
    source: str | UnsetType = UNSET
    topic: str


class StoredEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The event as accepted; `data` are the canonical bytes of its members as received."""

    data: msgspec.Raw
    subject: str
    time: str
    type: str


State: TypeAlias = Literal["credit", "drawn", "remitted", "returned", "withheld"]
"""The states of a posting that are written; accrued is not, so that there is one spelling of it."""


class ContributionRow(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One posting: `amount` in minor units of `unit` (whole seconds of hours, whole days), negative when taken back.

    `state` is accrued where it is left out; `platform`, on whose gigs it lies, is the one that reports, or all
    together where the operator does.
    """

    amount: int
    fund: str
    payer: str
    platform: str | UnsetType = UNSET
    scheme: str
    state: State | UnsetType = UNSET
    unit: str
    version: str
    window: str


class BalanceRow(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A worker's lifetime totals in one fund after the entry, by state, in minor units of `unit`; 0 where left out."""

    accrued: int
    credit: int = 0
    drawn: int = 0
    fund: str
    remitted: int = 0
    returned: int = 0
    scheme: str
    unit: str
    withheld: int = 0


class NoticeRow(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a scheme says to the worker about a window, with nothing posted: `amount` as exact text in `unit`s."""

    amount: str | UnsetType = UNSET
    date: str | UnsetType = UNSET
    fund: str | UnsetType = UNSET
    kind: str
    platform: str | UnsetType = UNSET
    scheme: str
    unit: str | UnsetType = UNSET
    value: str | bool | UnsetType = UNSET
    version: str
    window: str


class Reason(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Why something was corrected without an event of its own: the version of a scheme that makes it due.

    `gig` is there where a gig's own window is corrected: the index of the gig's entry.
    """

    gig: int | UnsetType = UNSET
    scheme: str
    version: str


class Refusal(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Why a record was refused: a code of `contracts.rejections`."""

    code: str


class Entry(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One entry; which members are there depends on `kind` (contracts/formats/entry.md).

    `worker` is there where the entry speaks of a worker and its `event` stands in another part of the same cause.
    """

    balances: list[BalanceRow] | UnsetType = UNSET
    cause: Cause
    contributions: list[ContributionRow] | UnsetType = UNSET
    engine: str
    event: StoredEvent | UnsetType = UNSET
    format: str
    index: int
    journal: int
    kind: str
    notices: list[NoticeRow] | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    received_at: str
    refers_to: list[int] | UnsetType = UNSET
    rejection: Refusal | UnsetType = UNSET
    salt: str
    worker: str | UnsetType = UNSET


encode = msgspec.json.Encoder().encode
"""Canonical bytes of an Entry (or of one of its parts)."""


@lru_cache(maxsize=1 << 10)
def balances_form(funds: tuple[tuple[str, str, str], ...]) -> bytes:
    """Give the text of balances of these funds (scheme, fund, unit), without brackets, with `%d` for each amount.

    Only what accrued is listed. Most workers have the same funds, so the text is made once for all of them.
    """
    rows = (encode(BalanceRow(accrued=0, fund=fund, scheme=scheme, unit=unit)) for scheme, fund, unit in funds)
    return b",".join(rows).replace(b"%", b"%%").replace(b'{"accrued":0,', b'{"accrued":%d,')


class _Fraction(ValueError):
    """Leaves the decoder of event.data at the first number that is no integer; never leaves this module."""


def _refuse_fraction(_: str) -> NoReturn:
    raise _Fraction


_decode = msgspec.json.Decoder(Entry).decode
_decode_any = msgspec.json.Decoder(float_hook=_refuse_fraction).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_long_number = re.compile(rb"[0-9]{16}").search

_E, _C, _B, _R, _W, _N, _T, _Y = (1 << place for place in range(8))
"""event, contributions, balances, rejection, worker, notices, refers_to, reason (why)"""
_POSTED: Final = _C | _B
_GOES_ON: Final = _W | _POSTED
"""What a further part of a record posts for a worker, when one entry can't hold it or the event is not the worker's."""
_MEMBERS: Final[dict[str, frozenset[int]]] = {
    Kind.ACCRUAL: frozenset({_E | _POSTED, _GOES_ON}),
    Kind.REJECTION: frozenset({_R}),
    Kind.LEDGER: frozenset({_E}),
    Kind.SCHEME: frozenset({_E}),
    Kind.PLATFORM: frozenset({_E}),
    Kind.ADJUSTMENT: frozenset({_E | _POSTED | _T, _GOES_ON}),
    Kind.REVERSAL: frozenset({_E | _POSTED | _T, _GOES_ON}),
    Kind.WORKER: frozenset({_E | _POSTED, _E | _POSTED | _T, _GOES_ON}),
    Kind.DISPUTE: frozenset({_E | _POSTED, _E | _POSTED | _T, _GOES_ON}),
    Kind.REMITTANCE: frozenset({_E, _E | _POSTED, _GOES_ON}),
    Kind.CLOSE: frozenset({_E, _GOES_ON}),
    Kind.CORRECTION: frozenset({_GOES_ON | _T | _Y}),
    Kind.NOTICE: frozenset({_W | _B | _N}),
    Kind.KEY: frozenset({_E}),
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
    shapes = _MEMBERS.get(entry.kind)
    if shapes is None:
        raise EntryError(f"entry: expected kind {', '.join(Kind)}, got {entry.kind[:40]!r}")
    if _shape(entry) not in shapes:
        raise EntryError(f"entry: expected the members of kind {entry.kind}, got others")
    if isinstance(entry.event, StoredEvent) and not _is_canonical(bytes(entry.event.data)):
        raise EntryError("entry: expected canonical JSON in event.data, got another spelling")
    return entry


def _shape(entry: Entry) -> int:
    """Give which members are there, as the sum of their bits."""
    bits = 0
    if entry.event is not UNSET:
        bits = _E
    if entry.contributions is not UNSET:
        bits |= _C
    if entry.balances is not UNSET:
        bits |= _B
    if entry.rejection is not UNSET:
        bits |= _R
    if entry.worker is not UNSET:
        bits |= _W
    if entry.notices is not UNSET:
        bits |= _N
    if entry.refers_to is not UNSET:
        bits |= _T
    if entry.reason is not UNSET:
        bits |= _Y
    return bits


def worker_of(entry: Entry) -> str | None:
    """Give the worker whose balances an entry shows; None for an entry that shows none."""
    if entry.balances is UNSET:
        return None
    if isinstance(entry.worker, str):
        return entry.worker
    return entry.event.subject if isinstance(entry.event, StoredEvent) else None


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


class Salter:
    """Makes salts of one topic's partition, the same as `salt` does: what they have in common is hashed once."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes, topic: str, partition: int) -> None:
        inner, outer = _pads(secret)
        self._inner = sha256(inner + f"iuran-salt/v1\n{topic}\n{partition}\n".encode())
        self._outer = sha256(outer)

    def first(self, offset: bytes) -> bytes:
        """Give the salt (16 bytes) of the first entry of the record at an offset, which is written in decimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(offset + b"\n1")
        outer.update(inner.digest())
        return outer.digest()[:16]


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
