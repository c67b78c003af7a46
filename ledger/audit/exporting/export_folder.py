"""The folder of an export while it is written: files appear whole or not at all, and are on the disk before they count.

A file is drafted beside its place, synced, and moved there; a draft that was left behind counts for nothing and is
written over or swept away. Drafts of one `put` are synced side by side while the caller fetches what comes next, which
is what makes many files fast; never more than one `put` is under way. One process writes a folder at a time (a lock
that ends with it). Must not know what the files mean.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from ledger.durable import put, sync_folder
from ledger.errors import Unfit

MANIFEST: Final = "manifest.json"
DRAFT: Final = ".draft"
_SYNCED_AT_ONCE: Final = 8
_PIECE_BYTES: Final = 1 << 20
_KNOWN: Final = frozenset({MANIFEST, f".{MANIFEST}{DRAFT}", "log", "schemes"})


class ExportFolder:
    """A folder that this process alone writes; see `opened`."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._pool = pool
        self._made: set[Path] = set()
        self._unsynced: set[Path] = set()
        self._under_way: list[Future[None]] = []

    def __str__(self) -> str:
        return str(self._folder)

    def read(self, path: str, bytes_max: int) -> bytes | None:
        """Give a file's content, at most one byte more than `bytes_max`; None if it is not there."""
        try:
            with self._folder.joinpath(path).open("rb") as file:
                return file.read(bytes_max + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stream(self, path: str) -> Iterator[bytes]:
        """Give a file's content in pieces; nothing if it is not there."""
        with suppress(FileNotFoundError, NotADirectoryError), self._folder.joinpath(path).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def digest(self, path: str) -> str:
        """Give the SHA-256 (hex) of a file's bytes; of none if it is not there."""
        found = sha256()
        for piece in self.stream(path):
            found.update(piece)
        return found.hexdigest()

    def draft(self, path: str, pieces: Iterable[bytes]) -> str:
        """Draft a file that may be longer than memory; give the SHA-256 (hex) of its bytes.

        It lies on the disk and counts for nothing until `accept` moves it to its place.
        """
        found = sha256()
        with self._draft_of(path).open("wb") as file:
            for piece in pieces:
                found.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return found.hexdigest()

    def accept(self, path: str) -> None:
        """Move a draft to its place; its name lasts once `settle` returned."""
        place = self._folder.joinpath(path)
        self._make(place.parent)
        self._draft_of(path).replace(place)
        self._unsynced.add(place.parent)

    def discard(self, path: str) -> None:
        """Remove a draft that was not accepted, if there is one."""
        self._draft_of(path).unlink(missing_ok=True)

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write these files by path, each whole or not at all; they are there, and last, once `settle` returned.

        Those put before are written first. Raises OSError for one of them, or of these when it is their turn.
        """
        self._finish()
        for path in files:
            self._make(self._folder.joinpath(path).parent)
        self._under_way = [self._pool.submit(self._write, path, content) for path, content in files.items()]

    def settle(self) -> None:
        """Return once everything that was put is on the disk, names included."""
        self._finish()
        list(self._pool.map(sync_folder, sorted(self._unsynced)))
        self._unsynced.clear()

    def take_away(self, path: str) -> None:
        """Remove a file, durably; nothing happens if it is not there."""
        place = self._folder.joinpath(path)
        place.unlink(missing_ok=True)
        if place.parent.is_dir():
            sync_folder(place.parent)

    def sweep(self, below: str, keep: Callable[[str], bool]) -> None:
        """Remove the files below a path that `keep` does not want (drafts are never wanted), and folders left empty."""
        start = self._folder.joinpath(below)
        for place, _, names in os.walk(start, topdown=False):
            here = Path(place)
            for name in names:
                path = here.joinpath(name)
                if name.endswith(DRAFT) or not keep(path.relative_to(self._folder).as_posix()):
                    path.unlink()
            if here != start and not any(here.iterdir()):
                here.rmdir()

    def _draft_of(self, path: str) -> Path:
        # not beside its place: where nothing changes, nothing shall be touched there
        return self._folder.joinpath(f".{path.replace('/', '-')}{DRAFT}")

    def _finish(self) -> None:
        under_way, self._under_way = self._under_way, []
        for writing in under_way:
            writing.result()

    def _make(self, place: Path) -> None:
        if place in self._made:
            return
        if not place.is_dir():
            self._make(place.parent)
            place.mkdir(exist_ok=True)
            self._unsynced.add(place.parent)
        self._made.add(place)

    def _write(self, path: str, content: bytes) -> None:
        place = self._folder.joinpath(path)
        draft = place.with_name(f".{place.name}{DRAFT}")
        put(place, draft, content)
        self._unsynced.add(place.parent)


@contextmanager
def opened(folder: Path) -> Iterator[ExportFolder]:
    """Open a folder for writing, making it if need be.

    Raises Unfit if it holds something else than an export, or another process writes it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise Unfit(f"{folder}: expected a folder to write to, got {error.strerror}") from error
    if there and not there & _KNOWN:
        raise Unfit(f"{folder}: expected an empty folder or an export, got other files; name a folder of its own")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unfit(f"{folder}: expected nobody to write it, got another export under way") from None
        with ThreadPoolExecutor(_SYNCED_AT_ONCE, "export") as pool:
            yield ExportFolder(folder, pool)
    except OSError as error:
        raise Unfit(f"{folder}: expected to write, got {error.strerror or error}") from error
    finally:
        os.close(descriptor)
