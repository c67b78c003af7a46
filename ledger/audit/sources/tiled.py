"""A journal read by the paths of c2sp.org/tlog-tiles: an exported folder and a running log look alike from here.

Whatever a path holds may be anything: it is read up to the bytes that it may have, and what is not as it should be is
a fault, after which reading ends or goes on behind it. A journal ends at the size of its newest checkpoint, so no path
beyond it is asked for, and after a bundle that is missing none: a size that was made up costs one look.

Must not know folders or HTTP. Source: c2sp.org/tlog-tiles@v0.1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from contracts.entry import Position
from ledger.audit.kept_tiles import KeptTile
from ledger.audit.rows import Head, RefusedRow, Rows
from ledger.audit.sources.notes import notes_of
from ledger.audit.sources.paths import Paths
from ledger.audit.sources.source import Fault
from ledger.log.checkpoint import claimed
from ledger.log.note import NoteError
from ledger.log.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    TileError,
    decode_bundle,
    tile_at,
)

BUNDLES_KEPT: Final = 16
VKEYS_BYTES_MAX: Final = 1 << 16
_FAULTS_MAX: Final = 100


class TiledJournal:
    """One journal behind paths; `head` is its end, as its checkpoint says."""

    partial_tiles = True

    def __init__(self, number: int, paths: Paths, head: Head) -> None:
        self.number = number
        self.faults: list[Fault] = []
        self._paths = paths
        self._head = head
        self._kept: dict[int, list[bytes]] = {}

    def rows(self, start: int = 0) -> Iterator[Rows]:
        """Give the entries from index `start` on, a bundle at a time."""
        size = self._head.size
        first, end = start // TILE_WIDTH, -(-size // TILE_WIDTH)
        together = self._paths.together
        for number in range(first, end, together):
            tiles = [tile_at(ENTRIES, n, size) for n in range(number, min(end, number + together))]
            for tile, content in zip(tiles, self._read(tiles, BUNDLE_BYTES_MAX), strict=True):
                leaves = self._leaves(tile, content)
                if leaves is None:
                    return
                skipped = max(0, start - tile.start)
                yield Rows(tile.start + skipped, leaves[skipped:])

    def checkpoints(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Give the earlier checkpoints, where they are kept, and the newest."""
        before = after
        for note in self._notes(after, self._head.size):
            size = self._size(note)
            if len(self.faults) >= _FAULTS_MAX:
                break  # who sends no checkpoints need not be listened to for ever
            if size is None:
                continue
            if size > before:
                before = size
                yield size, note
            elif size > after:
                self._fault(None, f"checkpoints: expected one above size {before} after it, got {size}")
        if self._head.published is not None and self._head.size > before:
            yield self._head.size, self._head.published

    def refused(self, start: int = 0) -> Iterator[RefusedRow]:  # noqa: ARG002 - as the port has it
        """Give nothing: refused records are not part of a log."""
        return iter(())

    def refused_count(self) -> int | None:
        """Give None: refused records are not part of a log."""
        return None

    def positions(self) -> Mapping[str, Position] | None:
        """Give None: positions are not part of a log."""
        return None

    def tiles(self, tiles: Sequence[Tile]) -> list[KeptTile | None]:
        """Give these tiles as far as they are there."""
        return [None if content is None else KeptTile(content) for content in self._read(tiles, TILE_BYTES)]

    def lookup(self) -> None:
        """Give None: a log has no index."""

    def note_at(self, size: int) -> bytes | None:
        """Give the signed checkpoint of a size, as far as one is kept."""
        if self._head.published is not None and size == self._head.size:
            return self._head.published
        return next((note for note in self._notes(size - 1, size + 1) if self._size(note) == size), None)

    def tile_counts(self) -> Mapping[int, int] | None:
        """Give None: nobody is told which paths there are."""
        return None

    def leaves_at(self, indexes: Sequence[int]) -> dict[int, bytes]:
        """Give the leaves at these indexes, as far as they are there."""
        found: dict[int, bytes] = {}
        for index in indexes:
            if 0 <= index < self._head.size:
                leaves = self._bundle(index // TILE_WIDTH)
                if leaves is not None:
                    found[index] = leaves[index % TILE_WIDTH]
        return found

    def _bundle(self, number: int) -> list[bytes] | None:
        """Give a bundle's entries; the few read last are kept."""
        leaves = self._kept.pop(number, None)
        if leaves is None:
            tile = tile_at(ENTRIES, number, self._head.size)
            content = self._read([tile], BUNDLE_BYTES_MAX)[0]
            try:
                leaves = None if content is None else decode_bundle(content, tile.width)
            except TileError:  # named where all entries are read
                leaves = None
        if leaves is not None:
            if len(self._kept) >= BUNDLES_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = leaves
        return leaves

    def _leaves(self, tile: Tile, content: bytes | None) -> list[bytes] | None:
        if content is None:
            self._fault(tile.start, f"{tile.path()}: expected a bundle of {tile.width} entries, got none")
            return None
        try:
            return decode_bundle(content, tile.width)
        except TileError as error:
            self._fault(tile.start, f"{tile.path()}: {error}")
            return None

    def _read(self, tiles: Sequence[Tile], bytes_max: int) -> list[bytes | None]:
        return self._paths.read([(tile.path(), bytes_max) for tile in tiles])

    def _notes(self, after: int, below: int) -> Iterator[bytes]:
        """Give the earlier checkpoints between two sizes, and others where the source gives all of them."""
        try:
            yield from notes_of(self._paths.stream("checkpoints", {"after": max(0, after), "below": below}))
        except NoteError as error:
            self._fault(None, str(error))

    def _size(self, note: bytes) -> int | None:
        try:
            return claimed(note).size
        except (NoteError, UnicodeDecodeError) as error:
            self._fault(None, f"checkpoints: expected signed checkpoints, got {error}")
            return None

    def _fault(self, index: int | None, detail: str) -> None:
        if len(self.faults) < _FAULTS_MAX:
            self.faults.append(Fault(index, detail))
