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

import heapq
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contracts import entry as entries
from contracts.entry import Entry, EntryError, Kind, StoredEvent
from ledger.audit.exporting.export_folder import MANIFEST
from ledger.audit.sources import notes
from ledger.audit.sources.proven import ProvenTiles
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
    from ledger.audit.exporting.export_folder import ExportFolder
    from ledger.audit.exporting.export_sources import Shown, Source
    from ledger.log.keys import LogVerifier

FORMAT: Final = "iuran-export/v1"
BUNDLES_AT_ONCE: Final = 16
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
    """One journal on its way: as its source shows it, its checkpoint, and the newest one that the folder had."""

    shown: Shown
    checkpoint: Checkpoint
    kept: Checkpoint | None

    @property
    def root(self) -> str:
        """Where its files lie."""
        return f"log/{self.shown.journal}"

    @property
    def earlier(self) -> str:
        """Where its earlier checkpoints lie."""
        return f"{self.root}/checkpoints"


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
        drafts = {log.earlier: self._folder.draft(log.earlier, self._earlier(log)) for log in self._logs}
        files = dict(self._small_files(drafts))
        changed = [path for path, digest in drafts.items() if self._folder.digest(path) != digest]
        if changed or any(self._folder.read(path, len(content)) != content for path, content in files.items()):
            manifest = files.pop(MANIFEST)
            self._folder.take_away(MANIFEST)
            # before the newest checkpoint, which is among them, is replaced: what was seen once is never lost
            for path in changed:
                self._folder.accept(path)
            self._folder.settle()
            self._folder.put(files)
            self._folder.settle()
            for log in self._logs:
                self._folder.sweep(f"{log.root}/tile", lambda path, log=log: _belongs(path, log))  # type: ignore[misc]
            self._folder.sweep("schemes", lambda path: path in files)
            self._folder.put({MANIFEST: manifest})
            self._folder.settle()
        for path in drafts:
            self._folder.discard(path)
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
        except (NoteError, ProofError, TileError, UnicodeDecodeError) as error:
            raise ExportError(f"{where}: {error}") from error
        return log

    def _kept(self, root: str, verifiers: list[LogVerifier]) -> Checkpoint | None:
        """Give the newest checkpoint of an older export; each must be signed by a key that the journal has now."""
        kept: Checkpoint | None = None
        for note in self._kept_notes(root):
            checkpoint = open_checkpoint(note, verifiers)
            if kept is not None and checkpoint.size < kept.size:
                raise NoteError(
                    f"{root}/checkpoints: expected sizes that grow, got {checkpoint.size} after {kept.size}"
                )
            kept = checkpoint
        return kept

    def _kept_notes(self, root: str) -> Iterator[bytes]:
        """Give the notes of an older export, by size; its newest may come twice, where a later export was cut short."""
        newest = self._folder.read(f"{root}/checkpoint", NOTE_BYTES_MAX)
        earlier = notes.notes_of(self._folder.stream(f"{root}/checkpoints"))
        return heapq.merge(earlier, [] if newest is None else [newest], key=_size)

    def _check_growth(self, log: _Log) -> None:
        """Raise ProofError unless the newest checkpoint that the folder has is contained in the one to export."""
        if log.kept is None:
            return
        old, new = log.kept, log.checkpoint
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

    def _small_files(self, drafts: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """Give all files but tiles, bundles and `drafts` (their digests); the manifest, which tells of all, last."""
        logs: list[dict[str, Any]] = []
        for log in self._logs:
            files = {
                "vkey": self._vkeys(log).encode() + b"\n",
                "checkpoint": log.shown.note,
            }
            yield from ((f"{log.root}/{name}", content) for name, content in files.items())
            point = log.checkpoint
            logs.append(
                {
                    "journal": log.shown.journal,
                    "origin": point.origin,
                    "size": point.size,
                    "root": point.root.hex(),
                    "sha256": {name: sha256(content).hexdigest() for name, content in files.items()}
                    | {"checkpoints": drafts[log.earlier]},
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

    def _earlier(self, log: _Log) -> Iterator[bytes]:
        """Give the notes below the exported size, by size: those that the folder had, and the source's others."""
        theirs, before = self._source.earlier(log.shown.journal, log.checkpoint.size), 0
        try:
            for note in heapq.merge(self._kept_notes(log.root), theirs, key=_size):
                size = _size(note)
                if before < size < log.checkpoint.size:
                    yield note
                    before = size
        except (NoteError, UnicodeDecodeError) as error:
            raise ExportError(f"L6 journal {log.shown.journal}: checkpoints: {error}") from error


def _size(note: bytes) -> int:
    return claimed(note).size


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
