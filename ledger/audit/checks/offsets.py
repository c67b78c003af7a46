"""L12 and the causes of L3: every offset up to a topic's newest entry is an entry or is counted in a `since`.

Fed the cause of each entry in order of index. After a wrong number it goes on from what the entry says, so that one
wrong entry makes few findings. Upholds L3 and L12 as an auditor. Memory: a topic.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.entry import Cause, Position
from contracts.topics import CONTROL
from ledger.audit.findings import Findings
from ledger.audit.keeping.kept import KeptTopic


class Partition:
    """Where one topic's partition stands: the newest entry's index, offset and part, and its record's hash (hex)."""

    __slots__ = ("index", "offset", "part", "parts", "sha256")

    def __init__(self) -> None:
        self.index: int | None = None
        self.offset = -1
        self.part = self.parts = 1
        self.sha256 = b""


class Offsets:
    """L12 and the causes of L3: every offset up to a topic's newest entry is an entry or is counted in a `since`."""

    def __init__(self, findings: Findings) -> None:
        self._add = findings.add
        self._topics: dict[str, Partition] = {}

    def partition(self, topic: str) -> Partition | None:
        """Give where a topic's partition stands; None for one that had no entry."""
        return self._topics.get(topic)

    def kept(self) -> dict[str, KeptTopic]:
        """Give what `resume` takes."""
        return {
            topic: KeptTopic(seen.index, seen.offset, seen.part, seen.parts, seen.sha256.decode())
            for topic, seen in self._topics.items()
            if seen.index is not None
        }

    def resume(self, kept: Mapping[str, KeptTopic]) -> None:
        """Become what was kept."""
        for topic, stood in kept.items():
            seen = self._topics[topic] = Partition()
            seen.index, seen.offset, seen.part, seen.parts = stood.index, stood.offset, stood.part, stood.parts
            seen.sha256 = stood.sha256.encode()

    def check(self, index: int, cause: Cause, journal: int) -> None:
        """Take the cause of the next entry."""
        seen = self._topics.get(cause.topic)
        if seen is None:
            seen = self._topics[cause.topic] = Partition()
        part, parts = cause.part
        since, record = cause.since, cause.sha256.encode()
        if cause.partition != journal:
            self._add(
                "L12", index, f"cause: expected partition {journal}, which feeds this journal, got {cause.partition}"
            )
        if part == 1:
            self._check_whole(cause.topic, seen)
            self._check_next(index, cause, seen)
        elif (part, parts, cause.offset, record) != (seen.part + 1, seen.parts, seen.offset, seen.sha256):
            detail = f"cause: expected part {seen.part + 1} of {seen.parts} at offset {seen.offset} of {cause.topic}"
            if seen.part == seen.parts:
                detail = "cause: expected part 1 of a new record"
            self._add("L3", index, f"{detail}, got part {part} of {parts} at offset {cause.offset}")
        elif since.duplicates or since.gap:
            self._add("L12", index, "since: expected nothing between two parts of one record, got a count")
        if not 1 <= part <= parts:
            self._add("L3", index, f"cause: expected part k of m, got {part} of {parts}")
        seen.index, seen.offset, seen.part, seen.parts, seen.sha256 = index, cause.offset, part, parts, record

    def finish(self, positions: Mapping[str, Position] | None, size: int) -> None:
        """Hold the positions' unsigned counts, where they are known, against the newest entries.

        `size` is the journal's. Without positions nobody can tell whether the parts of a close that are missing at the
        very end are still to come.
        """
        for topic in sorted(self._topics.keys() | (positions or {}).keys()):
            seen = self._topics.get(topic) or Partition()
            if positions is None:
                if seen.index != size - 1 or not topic.endswith(CONTROL):
                    self._check_whole(topic, seen)
                continue
            under_way = positions.get(topic)
            if seen.part < seen.parts and seen.index == size - 1 and under_way and under_way.next_offset <= seen.offset:
                continue  # a close whose other parts are still to come: its record does not count as read yet
            self._check_whole(topic, seen)
            newest = "no entry" if seen.index is None else f"entry {seen.index} at offset {seen.offset}"
            stored = positions.get(topic)
            if stored is None:
                detail = f"position of {topic}: expected one at least {seen.offset + 1} after {newest}, got none"
                self._add("L12", None, detail, size)
                continue
            expected = seen.offset + 1 + stored.duplicates + stored.gap
            if min(stored.duplicates, stored.gap) < 0 or stored.next_offset != expected:
                counts = f"{stored.duplicates} duplicates and gap {stored.gap} since {newest}"
                detail = f"position of {topic}: expected next offset {expected} with {counts}, got {stored.next_offset}"
                self._add("L12", None, detail, size)

    def _check_whole(self, topic: str, seen: Partition) -> None:
        if seen.part != seen.parts:
            detail = f"cause: expected {seen.parts} parts of the record at offset {seen.offset} of {topic}"
            self._add("L3", seen.index, f"{detail}, got {seen.part}")

    def _check_next(self, index: int, cause: Cause, seen: Partition) -> None:
        since = cause.since
        expected = seen.offset + 1 + since.duplicates + since.gap
        if cause.offset == expected and since.duplicates >= 0 and since.gap >= 0:
            return
        if cause.offset <= seen.offset:
            detail = f"cause: expected an offset of {cause.topic} after {seen.offset}, got {cause.offset}, used before"
            self._add("L3", index, detail)
            return
        counts = f"{since.duplicates} duplicates and gap {since.gap}"
        detail = f"since: expected offset {expected} of {cause.topic}, which is {seen.offset} + 1 with {counts}"
        self._add("L12", index, f"{detail}, got {cause.offset}")
