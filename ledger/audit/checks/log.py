"""The log alone: payload bytes to leaves, leaves to tree and tiles, root to signatures; nothing that entries say.

But for the keys: entry 0 and the `key` entries say which keys must have signed a checkpoint of a size, so these few are
read. Five times as fast as all of `checks`. Upholds L2, L5, L6 and L7 as an auditor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from contracts.entry import EntryError, Kind, StoredEvent, decode
from ledger.audit.checks.growth import Growth
from ledger.audit.checks.journal_keys import JournalKeys
from ledger.audit.checks.references import LeavesAt
from ledger.audit.findings import Finding, Findings
from ledger.audit.kept_tiles import Tiles
from ledger.audit.rows import Head, Rows
from ledger.log.policy import Policy

_BEHIND_KIND: Final = len(b',"received_at":"2026-03-01T08:15:31.123Z","salt":""}') + 32
_MARKS: Final = {kind: f'"kind":"{kind}"'.encode() for kind in Kind}


def is_of_kind(leaf: bytes, kind: Kind) -> bool:
    """Tell whether a canonical leaf of a kind of act says so in its place: before the time and the salt, at the end."""
    return leaf.endswith(_MARKS[kind], 0, -_BEHIND_KIND)


class LogCheck:
    """One journal's log walked from its first entry to its head; called as a JournalCheck is."""

    def __init__(self, journal: int) -> None:
        self.journal = journal
        self.opening: dict[str, Any] | None = None
        """What entry 0 says of the ledger, once it was seen."""
        self.entries = 0
        self.checkpoints = 0
        self.findings = Findings(journal)
        self._keys = JournalKeys(journal, self.findings)
        self._growth = Growth(self.findings, self._keys)

    def start(
        self,
        head: Head,
        listed: Sequence[str],
        outside: Mapping[str, bytes] | None = None,
        tiles: Tiles | None = None,
        partial_tiles: bool = False,
        leaves_at: LeavesAt | None = None,  # noqa: ARG002 - as a JournalCheck takes it
        trusted: Sequence[str] = (),
        policy: Policy | None = None,
    ) -> None:
        """Begin, as a JournalCheck does."""
        self._keys.start(listed, trusted, policy)
        self._growth = Growth(self.findings, self._keys, tiles, partial_tiles)
        self._growth.begin(head, outside or {})

    def rows(self, rows: Rows) -> None:
        """Check stored rows."""
        self.entries += len(rows.leaves)
        if rows.start == 0 and rows.leaves:
            self._open(rows.leaves[0])
        for place, leaf in enumerate(rows.leaves):
            if is_of_kind(leaf, Kind.KEY):
                self._change_keys(rows.start + place, leaf)
        self._growth.leaves(rows.start, rows.leaves)

    def checkpoint(self, size: int, note: bytes) -> None:
        """Check a stored checkpoint: signature, growth, and its root once the tree has that size."""
        self.checkpoints += 1
        self._growth.checkpoint(size, note)

    def finish(self, head: Head, full_tiles: Mapping[int, int] | None = None) -> list[Finding]:
        """End: hold the head against the walk, and give all findings by index."""
        self._growth.finish(head.size, head.frontier, full_tiles)
        self._keys.finish(head.size)
        return self.findings.ordered()

    def root(self) -> bytes:
        """Give the root of the tree over the entries seen so far (32 bytes); after a gap, of those before it."""
        return self._growth.root()

    def _open(self, leaf: bytes) -> None:
        try:
            entry = decode(leaf)
            opening: Any = msgspec.json.decode(entry.event.data) if isinstance(entry.event, StoredEvent) else {}
            own = [str(vkey) for vkey in opening["own"]]
            int(opening["journals"]), list(opening["vkeys"])
        except (EntryError, KeyError, TypeError, ValueError) as error:
            self.findings.add("L4", 0, f"entry 0: expected to open journal {self.journal}, got {error}")
            return
        self.opening = opening
        self._keys.opened(own)

    def _change_keys(self, index: int, leaf: bytes) -> None:
        try:
            self._keys.act(index, decode(leaf))
        except EntryError as error:
            self.findings.add("L4", index, str(error))
