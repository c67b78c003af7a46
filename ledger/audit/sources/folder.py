"""An exported folder as a source: verified with no network and no database.

A folder may come from anybody, on any medium. So every file is opened below the folder without following a link
anywhere on the way, must be a regular file, and is read up to the bytes that it may have; nothing that stands in a
file becomes a path. What is there beside an export's own files is not looked at, but for logs that no entry 0 knows.

Source: SPEC section 5 (layout), c2sp.org/tlog-tiles@v0.1.0 (paths). Must not know laws or findings.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from contracts.events import JOURNALS_MAX
from ledger.audit.rows import Head
from ledger.audit.sources.paths import ALL, Below, Query, Wanted
from ledger.audit.sources.source import Stored, StoredHead
from ledger.audit.sources.tiled import VKEYS_BYTES_MAX, TiledJournal
from ledger.errors import Unfit
from ledger.log.checkpoint import claimed
from ledger.log.note import NOTE_BYTES_MAX, NoteError

FORMAT: Final = "iuran-export/v1"
MANIFEST: Final = "manifest.json"
SCHEMES: Final = "schemes"
_MANIFEST_BYTES_MAX: Final = 1 << 24
_PIECE_BYTES: Final = 1 << 16
_NAMES_MAX: Final = 1 << 16
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class ExportedLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One log of an export: its journal, origin, size and root (hex) of its checkpoint, digests of its small files."""

    journal: Annotated[int, Meta(ge=0, lt=JOURNALS_MAX)]
    origin: str
    root: str
    size: Annotated[int, Meta(ge=0)]
    sha256: dict[str, str] = msgspec.field(default_factory=dict)


class ExportedScheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a scheme of an export: where its text is, and the text's SHA-256 (hex)."""

    file: str
    scheme: str
    sha256: str
    version: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an export says that it is; it comes last, so a folder without one is not finished."""

    format: str
    journals: Annotated[int, Meta(ge=1, le=JOURNALS_MAX)]
    ledger: str
    logs: Annotated[list[ExportedLog], Meta(max_length=JOURNALS_MAX)]
    schemes: list[ExportedScheme]


class FolderPaths:
    """The files below a folder, by path."""

    together = 1

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give each path's content, of which at most one byte more than its limit; None for one that is not there.

        Raises Unfit for a link, for what is no regular file, and for what can't be read.
        """
        return [self._read(path, bytes_max) for path, bytes_max in paths]

    def stream(self, path: str, query: Query = ALL) -> Iterator[bytes]:  # noqa: ARG002 - all of it is here
        """Give a path's content in pieces; nothing for one that is not there. Raises Unfit as `read`."""
        descriptor = self._open(path)
        if descriptor is None:
            return
        with os.fdopen(descriptor, "rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def listed(self, path: str) -> list[str]:
        """Give the names in a folder, in order; none for one that is not there."""
        descriptor = self._open(path, os.O_DIRECTORY)
        if descriptor is None:
            return []
        try:
            with os.scandir(descriptor) as entries:
                names = [entry.name for entry in islice(entries, _NAMES_MAX + 1)]
        finally:
            os.close(descriptor)
        if len(names) > _NAMES_MAX:
            raise Unfit(f"{self._folder}/{path}: expected at most {_NAMES_MAX} files, got more")
        return sorted(names)

    def _read(self, path: str, bytes_max: int) -> bytes | None:
        descriptor = self._open(path)
        if descriptor is None:
            return None
        with os.fdopen(descriptor, "rb") as file:
            # room is made for what is asked for: a bundle may have 16 MB and has one in fifty of it
            return file.read(min(os.fstat(descriptor).st_size, bytes_max) + 1)

    def _open(self, path: str, kind: int = 0) -> int | None:
        """Open a path step by step, each below the one before, so that no link is followed and nothing left."""
        *folders, name = path.split("/")
        try:
            at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            for step in folders:
                below = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = below
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | kind
            descriptor = os.open(name, flags, dir_fd=at)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            what = "a link or no folder" if error.errno in (errno.ELOOP, errno.ENOTDIR) else error.strerror
            raise Unfit(f"{self._folder}/{path}: expected a file of the export, got {what}") from error
        finally:
            os.close(at)
        if not kind and not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Unfit(f"{self._folder}/{path}: expected a regular file, got something else")
        return descriptor


class FolderView(NamedTuple):
    """An exported folder, as it travels between processes, and the heads as they were read at first."""

    folder: str
    heads: tuple[Head, ...]

    @contextmanager
    def journal(self, number: int) -> Iterator[TiledJournal]:
        """Open one journal. Raises Unfit, also from what is read within the context."""
        head = next(head for head in self.heads if head.journal == number)
        yield TiledJournal(number, Below(FolderPaths(self.folder), f"log/{number}/"), head)


class Export(NamedTuple):
    """An exported folder: the ledger it holds, and what its manifest says."""

    stored: Stored
    manifest: Manifest
    paths: FolderPaths


def opened(folder: Path) -> Export:
    """Open an exported folder. Raises Unfit for one that is no finished export, or holds what must not be read."""
    if not folder.is_dir():
        raise Unfit(f"{folder}: expected an exported folder, got none; make one with `iuran audit export {folder}`")
    paths = FolderPaths(str(folder))
    manifest = _manifest(folder, paths)
    numbers = sorted(int(name) for name in paths.listed("log") if _NUMBER.fullmatch(name))
    heads = tuple(_head(folder, paths, number) for number in numbers if number < manifest.journals)
    view = FolderView(str(folder), tuple(stored.head for stored in heads))
    strangers = tuple((f"log/{number}", number) for number in numbers if number >= manifest.journals)
    return Export(Stored(view, manifest.ledger, manifest.journals, "", heads, strangers), manifest, paths)


def _manifest(folder: Path, paths: FolderPaths) -> Manifest:
    content = paths.read([(MANIFEST, _MANIFEST_BYTES_MAX)])[0]
    if content is None:
        raise Unfit(
            f"{folder}: expected {MANIFEST}, which an export ends with, got none; "
            f"finish it with `iuran audit export {folder}`"
        )
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(f"{folder}/{MANIFEST}: expected what an export says of itself, got {error}") from error
    if manifest.format != FORMAT:
        raise Unfit(f"{folder}/{MANIFEST}: expected format {FORMAT}, got {manifest.format[:40]!r}")
    return manifest


def _head(folder: Path, paths: FolderPaths, number: int) -> StoredHead:
    prefix = f"log/{number}/"
    note, vkeys = paths.read([(prefix + "checkpoint", NOTE_BYTES_MAX), (prefix + "vkey", VKEYS_BYTES_MAX)])
    if note is None or vkeys is None:
        raise Unfit(f"{folder}/log/{number}: expected checkpoint and vkey, got one of them or none")
    return head_of(number, note, vkeys, f"{folder}/log/{number}")


def head_of(number: int, note: bytes, vkeys: bytes, where: str) -> StoredHead:
    """Give a journal's end as its checkpoint and list of keys say it; raises Unfit for what is neither."""
    try:
        size = claimed(note).size
        listed = vkeys.decode()
    except (NoteError, UnicodeDecodeError) as error:
        raise Unfit(f"{where}: expected a checkpoint and verifier keys, got {error}") from error
    return StoredHead(Head(number, size, None, size, note), listed.removesuffix("\n"), note)
