"""What a row says it corrects, held against its leaf: the column `refers_to`, by which a gig's corrections are found.

An adjustment or a reversal names its gig in its event; a correction of a gig's own window names the gig's entry in its
reason; no other entry has the column. Whoever altered it could hide a correction from the stream, which would then
take back too little (L9). Upholds L2 as an auditor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from contracts.entry import Entry, EntryError, Kind, Reason, StoredEvent, event_key, read
from ledger.audit.findings import Findings

LeavesAt = Callable[[Sequence[int]], Mapping[int, bytes]]
"""Gives stored leaves by index, as far as there are any."""

_OF_GIGS: Final = (Kind.ADJUSTMENT, Kind.REVERSAL)
_ASKED_AT_ONCE: Final = 256


class References:
    """The column of one journal's rows, in order of index; `settle` after every few rows."""

    def __init__(self, journal: int, findings: Findings, leaves_at: LeavesAt | None = None) -> None:
        self._journal = journal
        self._add = findings.add
        self._leaves_at = leaves_at
        self._record: tuple[str, int] | None = None
        self._gig: bytes | None = None
        self._asked: list[tuple[int, int, bytes | None]] = []

    def kept(self) -> tuple[tuple[str, int] | None, bytes | None]:
        """Give the newest record that corrects a gig, and that gig's key: parts of the record may be still to come."""
        return self._record, self._gig

    def resume(self, record: tuple[str, int] | None, gig: bytes | None) -> None:
        """Go on behind what was kept."""
        self._record, self._gig = record, gig

    def check(self, index: int, entry: Entry, column: bytes | None) -> None:
        """Check the column beside an entry, at once or, where another entry must be read for it, with `settle`."""
        if entry.kind == Kind.CORRECTION and isinstance(entry.reason, Reason) and isinstance(entry.reason.gig, int):
            self._asked.append((index, entry.reason.gig, column))
            return
        if column != (self._gig_of(entry) if entry.kind in _OF_GIGS else None):
            self._wrong(index)

    def settle(self) -> None:
        """Read the entries that corrections refer to, and hold the columns against them."""
        asked, self._asked = self._asked, []
        if self._leaves_at is None:
            return
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            some = asked[start : start + _ASKED_AT_ONCE]
            leaves = self._leaves_at([gig for _, gig, _ in some])
            for index, gig, column in some:
                if column != self._key_of(leaves.get(gig)):
                    self._wrong(index)

    def _gig_of(self, entry: Entry) -> bytes | None:
        """Give the key of the gig that a record corrects: its event stands in one part, what goes on in the next."""
        record = (entry.cause.topic, entry.cause.offset)
        if isinstance(entry.event, StoredEvent):
            told: Any = msgspec.json.decode(entry.event.data)
            self._record = record
            self._gig = event_key(self._journal, str(entry.cause.source), str(told.get("gig")))
        return self._gig if record == self._record else None

    def _key_of(self, leaf: bytes | None) -> bytes | None:
        try:
            cause = None if leaf is None else read(leaf).cause
        except EntryError:
            return None
        return None if cause is None else event_key(self._journal, str(cause.source), str(cause.id))

    def _wrong(self, index: int) -> None:
        self._add("L2", index, "column refers_to: expected the key of the gig that the entry corrects, got another")
