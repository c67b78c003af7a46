"""What a walk must remember of a journal to go on from a size: values alone, as `--keep` writes them down.

Everything that the checks hold at the end of a walk without findings, and nothing that they learn again by themselves
(what was read once and is known by its bytes). What grows: the workers' balances, 24 bytes an event, 40 bytes a
checkpoint. The tree's frontier is not written: it follows from the rows of its tiles. Each keeper of the checks gives
its own part and takes it back. Holds workers' pseudonyms and balances: not for the public. Must not know files.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct


class KeptKey(Struct, frozen=True, array_like=True):
    """One key of the journal, as `ledger.keyring.Key`, and the largest size of the tree that it signed."""

    vkey: str
    since: int
    until: int | None
    trusted: tuple[int, str] | None
    reach: int


class KeptTopic(Struct, frozen=True, array_like=True):
    """Where one topic's partition stands: the newest entry's index, offset, part of how many, and its record's hash."""

    index: int
    offset: int
    part: int
    parts: int
    sha256: str


class KeptBalances(Struct, frozen=True, array_like=True):
    """Each worker's funds, in order, as (number of the fund, accrued) one after the other; what is beside them."""

    funds: list[tuple[str, str, str]]
    workers: dict[str, list[int]]
    others: dict[str, list[tuple[str, str, str, str, int]]]
    sponsors: list[str]


class KeptEvents(Struct, frozen=True, array_like=True):
    """Digests (16 bytes each) and marked indexes (8, little-endian) of events, heap after heap; how many in each."""

    counts: list[int]
    keys: bytes
    indexes: bytes


class KeptTree(Struct, frozen=True, array_like=True):
    """The tree's size, the partial rows of its tiles, and (size, 8 bytes, root, 32) of each checkpoint that agreed."""

    size: int
    rows: list[bytes]
    roots: bytes


class KeptJournal(Struct, frozen=True, array_like=True):
    """One journal as it was verified: `note` is the checkpoint of its size, which it was verified against."""

    journal: int
    note: bytes
    opening: dict[str, Any]
    schemes: list[tuple[str, str, str]]
    speakers: list[tuple[str, str]]
    refused_entries: int
    record: tuple[str, int] | None
    gig: bytes | None
    tree: KeptTree
    keys: list[KeptKey]
    topics: dict[str, KeptTopic]
    balances: KeptBalances
    events: KeptEvents
    platforms: list[tuple[str, str, bool]]

    @property
    def size(self) -> int:
        """How many entries were verified."""
        return self.tree.size

    def encode(self) -> bytes:
        """Give the bytes that `decode` reads."""
        return _encode(self)

    @classmethod
    def decode(cls, encoded: bytes) -> KeptJournal:
        """Give what `encode` wrote. Raises msgspec.MsgspecError for other bytes."""
        return _decode(encoded)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeptJournal).decode
