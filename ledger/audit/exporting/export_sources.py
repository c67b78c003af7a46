"""Where an export comes from: the ledger's database, frozen at one instant, or a log that is served over HTTP.

Both say which journals there are, what their newest checkpoint is (the one that is shown: with a quorum of the
operator's policy if there is one, else the newest published), and give tiles and bundles beneath it. What they give is
believed by nobody: `ledger.audit.export` proves it against that checkpoint before it is written.

The database is read in the reader's role and one repeatable-read transaction, so that a stream may go on meanwhile.
Raises StoreUnavailable when a source does not answer. Must not know folders.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, LiteralString, NamedTuple, Protocol

import psycopg

from contracts import entry as entries
from contracts.entry import Kind, StoredEvent
from contracts.events import JOURNALS_MAX
from ledger.audit.sources import notes as cut
from ledger.audit.sources.http_paths import HttpPaths
from ledger.audit.sources.paths import ALL_VKEYS, texts
from ledger.errors import Unfit
from ledger.log import checkpoint as checkpoints
from ledger.log.note import NOTE_BYTES_MAX
from ledger.log.prover import verify_tiles, with_parents
from ledger.log.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    decode_bundle,
    encode_bundle,
    tile_at,
)
from ledger.store import cosignatures, database, tiles

if TYPE_CHECKING:
    from ledger.audit.sources.paths import Paths

VKEYS_BYTES_MAX: Final = 1 << 16
EARLIER_AT_ONCE: Final = 200
_LEDGER: LiteralString = "SELECT name, journals FROM ledger WHERE id = 1"
_LEAVES: LiteralString = (
    'SELECT leaf FROM entries WHERE journal = %s AND "index" >= %s AND "index" < %s ORDER BY "index"'
)
_EARLIER: LiteralString = "SELECT note FROM checkpoints WHERE journal = %s AND size < %s ORDER BY size"


class Shown(NamedTuple):
    """A journal as its source shows it: number, the newest checkpoint's note, the verifier keys, one a line."""

    journal: int
    note: bytes
    vkeys: str


class Source(Protocol):
    """What an export is made from. Order: any; a question may be asked again."""

    def shown(self) -> list[Shown]:
        """Give all journals, by number."""
        ...

    def earlier(self, journal: int, size: int) -> Iterator[bytes]:
        """Give the notes of the checkpoints below a size that the source keeps, by size."""
        ...

    def tiles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these tiles of hashes; short or left out where something is missing."""
        ...

    def bundles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these bundles of entries; left out where something is missing."""
        ...


class DatabaseSource:
    """The ledger's database at one instant."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def shown(self) -> list[Shown]:
        """Give all journals; raises Unfit if there is no ledger, or a journal has not been published yet."""
        row = self._connection.execute(_LEDGER).fetchone()
        if row is None:
            raise Unfit("database: expected a ledger, got none; make one with `iuran ledger init`")
        return [self._shown(number) for number in range(int(row[1]))]

    def earlier(self, journal: int, size: int) -> Iterator[bytes]:
        """Give the notes of all checkpoints below a size."""
        with self._connection.cursor(name="earlier", binary=True) as cursor:
            cursor.execute(_EARLIER, (journal, size))
            while rows := cursor.fetchmany(EARLIER_AT_ONCE):
                yield from (bytes(note) for (note,) in rows)

    def tiles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these tiles, cut from what is stored."""
        rows = self._connection.execute(tiles.CUT, tiles.wanted(journal, wanted), binary=True).fetchall()
        return {Tile(level, number, width): bytes(hashes) for level, number, width, hashes in rows}

    def bundles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these bundles; those that follow on each other are read in one go."""
        found: dict[Tile, bytes] = {}
        for start, end, run in _runs(wanted):
            rows = self._connection.execute(_LEAVES, (journal, start, end), binary=True).fetchall()
            leaves = [leaf for (leaf,) in rows]
            if len(leaves) == end - start:
                found.update({t: encode_bundle(leaves[t.start - start : t.start - start + t.width]) for t in run})
        return found

    def _shown(self, number: int) -> Shown:
        row = self._connection.execute(cosignatures.SHOWN, (number,), binary=True).fetchone()
        head = None if row is None else cosignatures.shown(row)
        if head is None:
            raise Unfit(f"journal {number}: expected a published checkpoint, got none; let a stream run first")
        return Shown(number, head.note, head.vkeys)


class HttpSource:
    """A log that is served: the API of a running ledger (bundles need an auditor's token), or a served export."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def shown(self) -> list[Shown]:
        """Give as many journals as entry 0 of journal 0 names; raises Unfit for what cannot be read."""
        first = self._shown(0)
        return [first, *(self._shown(number) for number in range(1, self._journals(first)))]

    def earlier(self, journal: int, size: int) -> Iterator[bytes]:
        """Give the notes below a size that are served; an address without any has none."""
        path, before = f"log/{journal}/checkpoints", 0
        for note in cut.notes_of(self._paths.stream(path, {"below": size})):
            own = checkpoints.claimed(note).size
            if own <= before:
                raise Unfit(f"{self._paths}/{path}: expected sizes that grow, got {own} after {before}")
            before = own
            if own < size:
                yield note

    def tiles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these tiles."""
        return self._read(journal, wanted, TILE_BYTES)

    def bundles(self, journal: int, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        """Give these bundles."""
        return self._read(journal, wanted, BUNDLE_BYTES_MAX)

    def _read(self, journal: int, wanted: Sequence[Tile], bytes_max: int) -> dict[Tile, bytes]:
        found = self._paths.read([(f"log/{journal}/{tile.path()}", bytes_max) for tile in wanted])
        return {tile: content for tile, content in zip(wanted, found, strict=True) if content is not None}

    def _shown(self, number: int) -> Shown:
        root = f"log/{number}"
        wanted = [(f"{root}/checkpoint", NOTE_BYTES_MAX), (f"{root}/{ALL_VKEYS}", VKEYS_BYTES_MAX)]
        note, vkeys = self._paths.read(wanted)
        if note is None:
            raise Unfit(f"{self._paths}/{root}/checkpoint: expected a signed checkpoint, got none")
        return Shown(number, note, texts(vkeys, f"{self._paths}/{root}/vkey").removesuffix("\n"))

    def _journals(self, shown: Shown) -> int:
        """Give the number of journals that entry 0 names, proven against the checkpoint."""
        try:
            checkpoint = checkpoints.claimed(shown.note)
            bundle = tile_at(ENTRIES, 0, checkpoint.size)
            wanted = with_parents([bundle], checkpoint.size)
            found = self.tiles(0, [tile for tile in wanted if tile.level != ENTRIES]) | self.bundles(0, [bundle])
            if bundle not in found:
                raise Unfit(f"{self._paths}: expected bundles of entries, got none; give an auditor's token")
            verify_tiles(checkpoint.size, checkpoint.root, found)
            opening = entries.decode(decode_bundle(found[bundle], bundle.width)[0])
        except (ValueError, UnicodeDecodeError) as error:
            raise Unfit(f"{self._paths}: entry 0 of journal 0: {error}") from error
        count = journals_named(opening)
        if not 1 <= count <= JOURNALS_MAX:
            raise Unfit(f"{self._paths}: entry 0: expected 1 to {JOURNALS_MAX} journals, got {count}")
        return count


def journals_named(opening: entries.Entry) -> int:
    """Give how many journals an entry 0 names; raises Unfit for an entry that opens no ledger."""
    if opening.kind != Kind.LEDGER or not isinstance(opening.event, StoredEvent):
        raise Unfit(f"entry 0: expected the entry that opens the journal, got one of kind {opening.kind}")
    named = json.loads(bytes(opening.event.data)).get("journals")
    if not isinstance(named, int):
        raise Unfit("entry 0: expected the number of journals, got none")
    return named


@contextmanager
def of_database(url: str) -> Iterator[DatabaseSource]:
    """Open the database as it stands now. Raises StoreUnavailable, also from what is read within the context."""
    try:
        with database.reading(url, frozen=True) as connection:
            yield DatabaseSource(connection)
    except psycopg.errors.UndefinedTable as error:
        raise Unfit("database: expected a ledger, got none; make one with `iuran ledger init`") from error


@contextmanager
def of_address(url: str, token: str | None) -> Iterator[HttpSource]:
    """Open a served log."""
    paths = HttpPaths(url, token)
    try:
        yield HttpSource(paths)
    finally:
        paths.close()


def _runs(wanted: Sequence[Tile]) -> Iterator[tuple[int, int, list[Tile]]]:
    """Give bundles that follow on each other as (first index, index after the last, the bundles)."""
    run: list[Tile] = []
    for tile in wanted:
        if run and tile.start != run[-1].start + TILE_WIDTH:
            yield run[0].start, run[-1].start + run[-1].width, run
            run = []
        run.append(tile)
    if run:
        yield run[0].start, run[-1].start + run[-1].width, run
