"""What an audit is handed, as values: a journal's end, its entries in lots, its refused records.

Every place that can be audited (a database, a folder, a server) gives these and nothing else, so that the checks are
the same for all. What a place does not keep is None there and is not asked for: only a database has columns beside the
leaves. Must not know where anything comes from, nor any law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Head(NamedTuple):
    """What is said of a journal's end: size, encoded frontier (where kept), and what was published last (a note)."""

    journal: int
    size: int
    frontier: bytes | None
    published_size: int = 0
    published: bytes | None = None


class Column(NamedTuple):
    """What a database keeps beside a leaf: kind as a word, worker, event key and `refers_to` (16 bytes each)."""

    kind: str | None
    worker: str | None
    event_key: bytes | None
    refers_to: bytes | None = None


class Columns(NamedTuple):
    """The columns beside several leaves, one after the other; workers' names are UTF-8."""

    kinds: Sequence[str]
    workers: Sequence[bytes | None]
    event_keys: Sequence[bytes | None]
    refers_to: Sequence[bytes | None]

    def only(self, place: int) -> Columns:
        """Give the columns of one of them, as columns."""
        to = place + 1
        return Columns(
            self.kinds[place:to], self.workers[place:to], self.event_keys[place:to], self.refers_to[place:to]
        )

    def at(self, place: int) -> Column:
        """Give the columns of one of them."""
        worker = self.workers[place]
        name = None if worker is None else worker.decode(errors="replace")
        return Column(self.kinds[place], name, self.event_keys[place], self.refers_to[place])


class Rows(NamedTuple):
    """Leaves with the indexes `start`, `start` + 1 and so on; `columns` None where none are kept.

    A leaf may be cut after one byte more than an entry may have.
    """

    start: int
    leaves: Sequence[bytes]
    columns: Columns | None = None

    @property
    def end(self) -> int:
        """The index after the last."""
        return self.start + len(self.leaves)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A stored refused record: the entry that refuses it, where it came from, why, and its value as it came.

    `erased`: key, value and headers were emptied since; `emptied` says whether they really are.
    """

    index: int
    topic: str
    partition: int
    offset: int
    code: str
    value: bytes | None
    erased: bool = False
    emptied: bool = False
