"""Platforms' signatures, checked from the entries alone: each kept one, and those that are missing.

A platform's keys come from the `platform` entries of the journal itself, each in force from the entry after it. So an
operator who makes up a gig of a platform that signs all it sends, or changes one, or drops or alters its signature, is
found here, and a platform whose signature is in an entry can't deny the event. What is broken is L4: under the keys
that the journal records, the stream would not have made these bytes of any record.

What can't be found: a signature that was left out of a gig of a platform that may also send unsigned; and a key that
the operator registered in the platform's name, which only the platform can tell from its own.
Costs about 0.11 ms for each signature. Must not know where entries come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.entry import Kind, StoredEvent
from contracts.events import platform_source
from ledger.intake import platform_of_entry
from ledger.signatures import PlatformKey, changed, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.entry import Entry
    from ledger.audit.findings import Findings


class Signatures:
    """The signatures of one journal, entry by entry in order of index."""

    def __init__(self, findings: Findings) -> None:
        self.keys: dict[str, PlatformKey] = {}
        """The keys in force, by platform's source."""
        self._add = findings.add

    def kept(self) -> list[tuple[str, str, bool]]:
        """Give what `resume` takes: (source, key as text, whether it must sign) of each platform with a key."""
        return [(source, key.text, key.only) for source, key in self.keys.items()]

    def resume(self, kept: Iterable[tuple[str, str, bool]]) -> None:
        """Go on under these keys. Raises ValueError for a text that is no key."""
        self.keys = {source: PlatformKey(text, only) for source, text, only in kept}

    def check(self, index: int, entry: Entry) -> None:
        """Check an entry's signature under the keys in force before it, then let the entry act."""
        cause = entry.cause
        key = self.keys.get(cause.source) if isinstance(cause.source, str) else None
        if key is not None or isinstance(cause.signature, str):
            problem = problem_of(entry, key)
            if problem is not None:
                self._add("L4", index, f"platform signature: {problem}")
        if entry.kind == Kind.PLATFORM and isinstance(entry.event, StoredEvent):
            self._take(index, entry)

    def _take(self, index: int, entry: Entry) -> None:
        try:
            stated = platform_of_entry(entry)
            if stated is None:
                return
            source = platform_source(stated.platform)
            key = changed(self.keys.get(source), stated.signing_key, stated.signed_only)
        except ValueError as error:
            self._add("L4", index, f"platform: expected an act that could be taken in, got {error}")
            return
        if key is not None:
            self.keys[source] = key
