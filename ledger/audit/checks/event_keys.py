"""L3: no event twice in a journal, and no gig under workers of two journals; 24 bytes an event.

Kept is the first half of SHA-256 over an event's source and id, which is the same in every journal, and the entry's
index; in 256 heaps by the digest's first byte, so that looking for what came twice needs a 256th of it at a time.
Upholds L3 as an auditor. Knows neither entries nor findings.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import chain
from typing import Final

from ledger.audit.keeping.kept import KeptEvents

KEY_BYTES: Final = 16
HEAPS: Final = 256
NO_GIG: Final = 1 << 63
"""Added to the index of an event that is no gig's: only gigs are compared between journals."""

Place = tuple[int, int]
"""Journal, index."""


def digest_of(source: str, event_id: str) -> bytes:
    """Give the 16 bytes by which an event is known here, whatever journal it is in."""
    return sha256(f"{source}\n{event_id}".encode()).digest()[:KEY_BYTES]


class EventKeys:
    """The events of one journal; `take` each, then ask."""

    def __init__(self) -> None:
        self.keys = [bytearray() for _ in range(HEAPS)]
        self.indexes = [array("Q") for _ in range(HEAPS)]

    def take(self, index: int, digest: bytes, gig: bool) -> None:
        """Take the event at an index, by its digest."""
        heap = digest[0]
        self.keys[heap] += digest
        self.indexes[heap].append(index if gig else index | NO_GIG)

    def kept(self) -> KeptEvents:
        """Give what `resume` takes."""
        indexes = array("Q", (index for heap in self.indexes for index in heap))
        if sys.byteorder == "big":
            indexes.byteswap()
        return KeptEvents([len(heap) for heap in self.indexes], b"".join(self.keys), indexes.tobytes())

    def resume(self, kept: KeptEvents) -> None:
        """Become what was kept. Raises ValueError for what no `kept` gives."""
        whole = array("Q")
        whole.frombytes(kept.indexes)
        if sys.byteorder == "big":
            whole.byteswap()
        if len(kept.counts) != HEAPS or (len(whole) * KEY_BYTES, len(whole)) != (len(kept.keys), sum(kept.counts)):
            raise ValueError(f"events: expected {HEAPS} heaps of keys and as many indexes, got others")
        at = 0
        for heap, count in enumerate(kept.counts):
            self.keys[heap] = bytearray(kept.keys[at * KEY_BYTES : (at + count) * KEY_BYTES])
            self.indexes[heap] = whole[at : at + count]
            at += count

    def met_again(self) -> Iterator[tuple[int, int]]:
        """Give (index, index of the first) of each event that an earlier entry has too."""
        for heap in range(HEAPS):
            if _all_differ([self.halves(heap)]):
                continue
            first: dict[bytes, int] = {}
            for key, marked in zip(self._cut(heap), self.indexes[heap], strict=True):
                index = marked & ~NO_GIG
                if first.setdefault(key, index) != index:
                    yield index, first[key]

    def gigs(self, heap: int) -> list[tuple[bytes, int]]:
        """Give (digest, index) of the gigs in one heap."""
        return [(k, i) for k, i in zip(self._cut(heap), self.indexes[heap], strict=True) if not i & NO_GIG]

    def halves(self, heap: int) -> list[int]:
        """Give the first half of each digest in a heap: where no two are the same, no two digests are."""
        return memoryview(self.keys[heap]).cast("Q")[::2].tolist()

    def _cut(self, heap: int) -> list[bytes]:
        keys = bytes(self.keys[heap])
        return [keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES)]


def gigs_met_again(journals: Sequence[tuple[int, EventKeys]]) -> Iterator[tuple[Place, Place]]:
    """Give each gig whose id an earlier journal has too, as (place there, place here)."""
    if len(journals) < 2:
        return
    for heap in range(HEAPS):
        if _all_differ([events.halves(heap) for _, events in journals]):
            continue
        first: dict[bytes, Place] = {}
        for journal, events in journals:
            for key, index in events.gigs(heap):
                place = first.setdefault(key, (journal, index))
                if place[0] != journal:
                    yield place, (journal, index)


def _all_differ(several: Sequence[list[int]]) -> bool:
    return len(set(chain.from_iterable(several))) == sum(map(len, several))
