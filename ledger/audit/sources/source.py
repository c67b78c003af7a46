"""Where an audit reads from: the ledger's database, an exported folder, or the API of a running ledger.

Whatever it is, it is described once (`Stored`) and lends out its journals one by one (`View`), also to other
processes. A source believes nothing and judges nothing: what it gives is checked by others. What it can't read it says
in `faults`, and goes on as far as that makes sense; only what keeps it from reading at all is raised.

Port: everything is given as it was at one instant, or as of one signed size; order is by index or size; any of the
streams may be read between the others' items. `StoreUnavailable` means that the source did not answer, and asking
again may help. Must not know laws or findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from contracts.entry import Position
from ledger.audit.kept_tiles import KeptTile
from ledger.audit.rows import Head, RefusedRow, Rows
from ledger.log.tiles import Tile


class Fault(NamedTuple):
    """What can't be read as it should: the index of an entry, or None, and what was expected and got."""

    place: int | None
    detail: str


class JournalSource(Protocol):
    """One journal, open for reading."""

    number: int
    faults: list[Fault]

    @property
    def partial_tiles(self) -> bool:
        """Whether the partial tiles of the journal's size are kept too."""
        ...

    def rows(self, start: int = 0) -> Iterator[Rows]:
        """Give the entries from index `start` on, several at a time."""
        ...

    def checkpoints(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Give (size, note) of the signed checkpoints above a size, each larger than the one before."""
        ...

    def refused(self, start: int = 0) -> Iterator[RefusedRow]:
        """Give the refused records of the entries from an index on; none where they are not kept."""
        ...

    def refused_count(self) -> int | None:
        """How many refused records are kept; None where none are."""
        ...

    def positions(self) -> Mapping[str, Position] | None:
        """Give how far each topic's partition is read; None where that is not kept."""
        ...

    def tiles(self, tiles: Sequence[Tile]) -> Sequence[KeptTile | None]:
        """Give tiles of hashes as they are kept; None for one that is not there."""
        ...

    def note_at(self, size: int) -> bytes | None:
        """Give the signed checkpoint of a size; None where none is kept."""
        ...

    def tile_counts(self) -> Mapping[int, int] | None:
        """How many full tiles are kept, by level; None where nobody can count them."""
        ...

    def leaves_at(self, indexes: Sequence[int]) -> Mapping[int, bytes]:
        """Give the leaves at these indexes, as far as they are there."""
        ...

    def lookup(self) -> Lookup | None:
        """Give what finds entries by worker and gig; None where there is no index of them."""
        ...


class Lookup(Protocol):
    """Finds a worker's or a gig's entries, where the source has an index of them."""

    def earlier(self, worker: str, before: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, leaf) of a worker's entries below an index, in order."""
        ...

    def of_gig(self, key: bytes, before: int) -> Iterator[bytes]:
        """Give the leaves that hold a gig (by its event key) or speak of it, below an index, in order."""
        ...


class View(Protocol):
    """A source, as it travels between processes."""

    def journal(self, number: int) -> AbstractContextManager[JournalSource]:
        """Open one journal. Raises StoreUnavailable, also from what is read within the context."""
        ...


class StoredHead(NamedTuple):
    """A journal's end as its source says it, and the verifier keys that the source lists, one a line.

    `shown` is the checkpoint that outsiders are shown, with the cosignatures it has: the newest one with a quorum, else
    the newest.
    """

    head: Head
    vkey: str
    shown: bytes | None = None


class Stored(NamedTuple):
    """The ledger as its source describes it: what the journals' own entries are then held against.

    `strangers` are (what, journal) of what belongs to a journal that the source does not have.
    """

    view: View
    name: str
    journals: int
    topic_prefix: str
    heads: tuple[StoredHead, ...]
    strangers: tuple[tuple[str, int], ...]

    def entries(self, journals: Sequence[int] | None = None) -> int:
        """How many entries the heads of these journals (of all) count."""
        return sum(h.head.size for h in self.heads if journals is None or h.head.journal in journals)
