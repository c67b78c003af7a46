"""L12 against the broker: a journal that stands still while its topics go on has dropped what it never says it read.

What the journals hold can't show it: up to the last record that was read, every count adds up. So the topics' ends are
read first, then how far the journals had read, then, after a while, how far they have come. Records that were on the
broker before the first look and are not read at the second must be on their way: a journal that moved meanwhile, in
any topic or by an entry, is merely behind. One that did not, while stream processes hold the journals, stands still.
Where no stream process runs the same records wait, and nobody claims to have read them: a warning, and a finding for
who asks to be strict. Pure; `unread` asks. Upholds L12 as an auditor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.audit.findings import Finding

Place = tuple[str, int]
"""A topic and the partition of it that feeds the journal of the same number."""

STANDING_STILL: Final = "which has not moved while stream processes run: the journal stands still"
NOBODY_READS: Final = "and no stream process holds it: the records wait"


class Look(NamedTuple):
    """How far the journals had come at one moment: next offsets by place, sizes by journal."""

    read: Mapping[Place, int]
    sizes: Mapping[int, int]


class Unread(NamedTuple):
    """A record that the broker held before the first look and that its journal has not read at the second.

    `offset` is the record's own, `read` the journal's next offset, `end` the partition's end. `held`: at both looks
    stream processes held the journals, none of them being handed over.
    """

    topic: str
    journal: int
    read: int
    offset: int
    end: int
    held: bool


def behind(ends: Mapping[Place, int], look: Look) -> dict[Place, int]:
    """Give the places that are not read to these ends, each with the offset that is to be read next."""
    return {place: read for place, end in ends.items() if (read := look.read.get(place, 0)) < end}


def unmoved(ends: Mapping[Place, int], first: Look, then: Look) -> dict[Place, int]:
    """Give the places behind at both looks, of journals that did not move at all between them."""
    sizes, places = first.sizes.keys() | then.sizes.keys(), first.read.keys() | then.read.keys()
    moved = {journal for journal in sizes if first.sizes.get(journal) != then.sizes.get(journal)}
    moved |= {place[1] for place in places if first.read.get(place, 0) != then.read.get(place, 0)}
    return {place: read for place, read in behind(ends, first).items() if place[1] not in moved}


def check(unread: Iterable[Unread], journals: Sequence[int], *, strict: bool) -> tuple[list[Finding], list[str]]:
    """Give (findings, warnings) on what these journals have not read."""
    told = [(one.held, _finding(one)) for one in sorted(unread) if one.journal in journals]
    findings = [finding for held, finding in told if held or strict]
    return findings, [str(finding) for held, finding in told if not (held or strict)]


def found(
    waiting: Mapping[Place, int], records: Mapping[Place, int], ends: Mapping[Place, int], *, held: bool
) -> Iterator[Unread]:
    """Give what waits where the broker really has a record: ends count what ends a transaction, which nobody reads."""
    for (topic, journal), read in waiting.items():
        offset = records.get((topic, journal))
        if offset is not None:
            yield Unread(topic, journal, read, offset, ends[topic, journal], held)


def _finding(one: Unread) -> Finding:
    detail = f"position of {one.topic}: expected {one.offset + 1} or later, since the broker held records up to "
    detail += f"{one.end} before this audit began, got {one.read}, {STANDING_STILL if one.held else NOBODY_READS}"
    return Finding("L12", one.journal, None, detail)
