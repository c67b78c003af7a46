"""`iuran audit export`: a folder from which everything can be verified with no network and no database, years later.

Per journal: the verifier keys, the newest checkpoint, the earlier ones, all tiles and bundles of entries beneath it;
besides the schemes' recorded texts and a manifest. contracts/formats/export.md says what is where. Nothing is written
that was not proven before: tiles against the root of the signed checkpoint, bundles against their tiles, an older
export in the folder as contained in the newer tree.

Done again, it goes on: what is in the folder and proves right is kept, whoever wrote it, and the rest is fetched. The
manifest is taken away before the first file that an older export shares is replaced, and written last, so that a
folder with a manifest is whole. Upholds L2, L5, L6 and L8 by refusing to write what breaks them. Memory is flat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contracts import entry as entries
from contracts.entry import Entry, EntryError, Kind, StoredEvent
from ledger.audit import notes
from ledger.audit.export_folder import MANIFEST
from ledger.audit.proven import ProvenTiles
from ledger.errors import LedgerError
from ledger.keyring import ring_of
from ledger.log import keys
from ledger.log.checkpoint import Checkpoint, claimed, open_checkpoint
from ledger.log.merkle import leaf_hash
from ledger.log.note import NOTE_BYTES_MAX, NoteError
from ledger.log.proof import ProofError, verify_consistency
from ledger.log.prover import fold_consistency, needs_consistency
from ledger.log.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    TILE_BYTES,
    Tile,
    TileError,
    decode_bundle,
    levels_of_size,
    tile_at,
    tiles_of_level,
)

if TYPE_CHECKING:
    from ledger.audit.export_folder import ExportFolder
    from ledger.audit.export_sources import Shown, Source
    from ledger.log.keys import LogVerifier

FORMAT: Final = "iuran-export/v1"
BUNDLES_AT_ONCE: Final = 16
EARLIER_BYTES_MAX: Final = 1 << 32
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_NOTED: Final = tuple(f'"kind":"{kind}"'.encode() for kind in (Kind.LEDGER, Kind.KEY, Kind.SCHEME))
"""Stand in entries whose acts are kept; where one stands in another entry, that is read for nothing."""

Advance = Callable[[int], None]


class ExportError(LedgerError):
    """What a source gives is not what its checkpoint signs, or not what an older export holds; the law stands first."""


class Exported(NamedTuple):
    """What the folder then holds: journals, entries, and schemes' versions."""

    ledger: str
    journals: int
    entries: int
    schemes: int


class _Log(NamedTuple):
    """One journal on its way: as its source shows it, its checkpoint, and the notes that the folder had."""

    shown: Shown
    checkpoint: Checkpoint
    kept: Mapping[int, bytes]

    @property
    def root(self) -> str:
        """Where its files lie."""
        return f"log/{self.shown.journal}"


class Export:
    """One run: `begin`, then `write`."""

    def __init__(self, source: Source, folder: ExportFolder) -> None:
        self._source = source
        self._folder = folder
        self._logs: list[_Log] = []
        self._schemes: dict[tuple[str, str, str], bytes] = {}
        self._of_keys: dict[int, list[Entry]] = {}

    def begin(self) -> int:
        """Read heads and what the folder has; give the number of entries to export.

        Raises ExportError (L6) for a checkpoint that nobody signed, or one that does not contain what the folder has.
        """
        self._logs = [self._log(shown) for shown in self._source.shown()]
        return sum(log.checkpoint.size for log in self._logs)

    def write(self, advance: Advance) -> Exported:
        """Bring the folder to what `begin` found; `advance` is told of entries done."""
        for log in self._logs:
            self._tiles(log, advance)
        self._folder.settle()
        files = dict(self._small_files())
        if any(self._folder.read(path, len(content)) != content for path, content in files.items()):
            manifest = files.pop(MANIFEST)
            self._folder.take_away(MANIFEST)
            self._folder.put(files)
            self._folder.settle()
            for log in self._logs:
                self._folder.sweep(f"{log.root}/tile", lambda path, log=log: _belongs(path, log))  # type: ignore[misc]
            self._folder.sweep("schemes", lambda path: path in files)
            self._folder.put({MANIFEST: manifest})
            self._folder.settle()
        name = self._logs[0].checkpoint.origin.rpartition("/log/")[0]
        size = sum(log.checkpoint.size for log in self._logs)
        return Exported(name, len(self._logs), size, len(self._schemes))

    # -- heads -------------------------------------------------------------------------------------------------------

    def _log(self, shown: Shown) -> _Log:
        where = f"L6 journal {shown.journal}"
        try:
            verifiers = [keys.parse_log_vkey(line) for line in shown.vkeys.split("\n")]
            checkpoint = open_checkpoint(shown.note, verifiers)
            log = _Log(shown, checkpoint, self._kept(f"log/{shown.journal}", verifiers))
            self._check_growth(log)
        except (NoteError, ProofError, TileError) as error:
            raise ExportError(f"{where}: {error}") from error
        return log

    def _kept(self, root: str, verifiers: list[LogVerifier]) -> dict[int, bytes]:
        """Give the notes of an older export, by size; each must be signed by a key that the journal has now."""
        kept: dict[int, bytes] = {}
        earlier = self._folder.read(f"{root}/checkpoints", EARLIER_BYTES_MAX) or b""
        newest = self._folder.read(f"{root}/checkpoint", NOTE_BYTES_MAX)
        for note in (*notes.notes_of([earlier]), *([] if newest is None else [newest])):
            kept[open_checkpoint(note, verifiers).size] = note
        return kept

    def _check_growth(self, log: _Log) -> None:
        """Raise ProofError unless the newest checkpoint that the folder has is contained in the one to export."""
        if not log.kept:
            return
        old, new = claimed(log.kept[max(log.kept)]), log.checkpoint
        if old.size > new.size:
            raise ProofError(f"checkpoint: expected size {old.size} or more, which {self._folder} has, got {new.size}")
        wanted = needs_consistency(old.size, new.size)
        hashes = self._proven(log).tiles(wanted) if wanted else {}
        path = fold_consistency(old.size, new.size, hashes)
        verify_consistency(old.size, old.root, new.size, new.root, path)

    # -- tiles -------------------------------------------------------------------------------------------------------

    def _proven(self, log: _Log) -> ProvenTiles:
        number = log.shown.journal
        return ProvenTiles(
            log.checkpoint.size,
            log.checkpoint.root,
            lambda wanted: self._source.tiles(number, wanted),
            lambda tile: self._folder.read(f"{log.root}/{tile.path()}", TILE_BYTES),
        )

    def _tiles(self, log: _Log, advance: Advance) -> None:
        proven, size = self._proven(log), log.checkpoint.size
        try:
            for several in _several(tiles_of_level(0, size)):
                hashes = proven.tiles(several)
                files: dict[str, bytes] = {}
                for bundle, content, fresh in self._bundles(log, several, hashes):
                    self._note_acts(log, content, bundle.width)
                    if fresh:
                        files[f"{log.root}/{bundle.path()}"] = content
                self._put(log, hashes, files)
                advance(sum(tile.width for tile in several))
            for level in range(1, levels_of_size(size)):
                for several in _several(tiles_of_level(level, size)):
                    self._put(log, proven.tiles(several), {})
        except (ProofError, TileError) as error:
            raise ExportError(f"L2 journal {log.shown.journal}: {error}") from error

    def _put(self, log: _Log, hashes: Mapping[Tile, bytes], files: dict[str, bytes]) -> None:
        for tile, content in hashes.items():
            path = f"{log.root}/{tile.path()}"
            if self._folder.read(path, TILE_BYTES) != content:
                files[path] = content
        self._folder.put(files)

    def _bundles(
        self, log: _Log, several: list[Tile], hashes: Mapping[Tile, bytes]
    ) -> Iterator[tuple[Tile, bytes, bool]]:
        """Give the bundles over these level-0 tiles, proven, and whether each is new to the folder."""
        bundles = {tile_at(ENTRIES, tile.number, log.checkpoint.size): hashes[tile] for tile in several}
        kept: dict[Tile, bytes] = {}
        for bundle, expected in bundles.items():
            content = self._folder.read(f"{log.root}/{bundle.path()}", BUNDLE_BYTES_MAX)
            if content is not None and _leaves_of(content, bundle) == expected:
                kept[bundle] = content
        missing = [bundle for bundle in bundles if bundle not in kept]
        found = self._source.bundles(log.shown.journal, missing) if missing else {}
        for bundle, expected in bundles.items():
            if bundle in kept:
                yield bundle, kept[bundle], False
                continue
            if bundle not in found:
                detail = f"{bundle.path()}: expected {bundle.width} entries, got fewer"
                raise ExportError(f"L5 journal {log.shown.journal}: {detail}")
            if _leaves_of(found[bundle], bundle) != expected:
                raise ProofError(f"{bundle.path()}: expected the entries that its checkpoint signs, got others")
            yield bundle, found[bundle], True

    def _note_acts(self, log: _Log, bundle: bytes, width: int) -> None:
        """Keep the texts of the schemes that entries of a bundle enact, and what they say of the journal's keys."""
        if not any(mark in bundle for mark in _NOTED):
            return
        for leaf in decode_bundle(bundle, width):
            if any(mark in leaf for mark in _NOTED):
                with suppress(EntryError):
                    self._note_act(log, entries.decode(leaf))

    def _note_act(self, log: _Log, entry: Entry) -> None:
        if entry.kind in (Kind.LEDGER, Kind.KEY):
            self._of_keys.setdefault(log.shown.journal, []).append(entry)
        if entry.kind != Kind.SCHEME or not isinstance(entry.event, StoredEvent):
            return
        act = json.loads(bytes(entry.event.data))
        scheme, version, text = (str(act.get(name)) for name in ("scheme", "version", "text"))
        if not (_FILE_NAME.fullmatch(scheme) and _FILE_NAME.fullmatch(version)):
            detail = "expected a scheme's id and version that can name a file, got others"
            raise ExportError(f"L2 journal {log.shown.journal} entry {entry.index}: {detail}")
        self._schemes[scheme, version, sha256(text.encode()).hexdigest()] = text.encode()

    # -- small files -------------------------------------------------------------------------------------------------

    def _small_files(self) -> Iterator[tuple[str, bytes]]:
        """Give all files but tiles and bundles; the manifest, which tells of the others, last."""
        logs: list[dict[str, Any]] = []
        for log in self._logs:
            files = {
                "vkey": self._vkeys(log).encode() + b"\n",
                "checkpoint": log.shown.note,
                "checkpoints": b"".join(self._earlier(log)),
            }
            yield from ((f"{log.root}/{name}", content) for name, content in files.items())
            point = log.checkpoint
            logs.append(
                {
                    "journal": log.shown.journal,
                    "origin": point.origin,
                    "size": point.size,
                    "root": point.root.hex(),
                    "sha256": {name: sha256(content).hexdigest() for name, content in files.items()},
                }
            )
        schemes: list[dict[str, str]] = []
        paths: set[str] = set()
        for (scheme, version, digest), text in sorted(self._schemes.items()):
            path = f"schemes/{scheme}@{version}.json"
            if path in paths:
                path = f"schemes/{scheme}@{version}.{digest[:16]}.json"
            paths.add(path)
            yield path, text
            schemes.append({"scheme": scheme, "version": version, "sha256": digest, "file": path})
        ledger = self._logs[0].checkpoint.origin.rpartition("/log/")[0]
        manifest = {
            "format": FORMAT,
            "ledger": ledger,
            "journals": len(logs),
            "logs": logs,
            "schemes": schemes,
        }
        yield MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode()

    def _vkeys(self, log: _Log) -> str:
        """Give the verifier keys as the exported entries leave them: a source may list those that came later too."""
        try:
            listed = ring_of(self._of_keys.get(log.shown.journal, ())).listed()
        except ValueError:  # no journal enters such acts: whoever verifies is told
            listed = ()
        return "\n".join(listed) or log.shown.vkeys

    def _earlier(self, log: _Log) -> Iterable[bytes]:
        """Give the notes below the exported size, by size: the source's, and those that the folder had."""
        found = {size: note for size, note in log.kept.items() if size < log.checkpoint.size}
        for note in self._source.earlier(log.shown.journal, log.checkpoint.size):
            found.setdefault(claimed(note).size, note)
        return [found[size] for size in sorted(found)]


def _several(tiles: Iterator[Tile]) -> Iterator[list[Tile]]:
    while several := list(islice(tiles, BUNDLES_AT_ONCE)):
        yield several


def _belongs(path: str, log: _Log) -> bool:
    """Tell whether a path below a log's `tile/` is one of a tree of the exported size."""
    try:
        tile = Tile.parse(path.removeprefix(f"{log.root}/"))
        return tile == tile_at(tile.level, tile.number, log.checkpoint.size)
    except TileError:
        return False


def _leaves_of(content: bytes, bundle: Tile) -> bytes | None:
    """Give the leaf hashes of a bundle, one after the other; None for bytes that are no such bundle."""
    try:
        return b"".join(map(leaf_hash, decode_bundle(content, bundle.width)))
    except TileError:
        return None
