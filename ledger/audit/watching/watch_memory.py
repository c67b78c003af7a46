"""What a watcher keeps in its folder: of each journal the newest checkpoint that held, and evidence of what did not.

`log-<n>.json` is replaced whole and synced, so that a watcher killed at any instant has the last one or the one
before, either of which is a checkpoint that held. `evidence/` gets a folder for each contradiction: the signed notes,
older first, and in words what they show; finding the same again writes the same files. One watcher at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ledger.audit.watching.watch import Seen
from ledger.durable import put, sync_folder
from ledger.errors import Unfit
from ledger.log.checkpoint import claimed
from ledger.log.note import NoteError

if TYPE_CHECKING:
    from ledger.audit.watching.watch import Raised

FORMAT: Final = "iuran-watch/v1"
_FILE: Final = re.compile(r"log-(0|[1-9][0-9]{0,4})\.json", re.ASCII)


class Memory:
    """A watcher's folder, open; see `opened`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def journals(self) -> list[int]:
        """Give the journals of which something is kept."""
        found = (_FILE.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in found if match is not None)

    def seen(self, journal: int) -> Seen | None:
        """Give what is kept of a journal; raises Unfit for a file that this room did not write."""
        path = self._path(journal)
        try:
            kept: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Unfit(f"{path}: expected what a watcher keeps, got {error}") from error
        try:
            if kept["format"] != FORMAT:
                raise ValueError(f"format {kept['format']!r}")
            seen = Seen(journal, tuple(kept["vkeys"]), str(kept["checkpoint"]).encode(), int(kept["grown_at"]))
            claimed(seen.note)
        except (KeyError, TypeError, ValueError, NoteError) as error:
            raise Unfit(f"{path}: expected what a watcher keeps, got {error}; restore it from a backup") from error
        return seen

    def keep(self, seen: Seen) -> None:
        """Keep this of a journal; durable at return."""
        kept = {
            "format": FORMAT,
            "vkeys": list(seen.vkeys),
            "checkpoint": seen.note.decode(),
            "grown_at": seen.grown_at,
        }
        _replace(self._path(seen.journal), (json.dumps(kept, indent=1) + "\n").encode())

    def keep_evidence(self, raised: Raised) -> Path:
        """Keep the notes of a contradiction and say what they show; give their folder. Durable at return."""
        digest = sha256(b"\0".join(raised.evidence)).hexdigest()[:16]
        name = f"log-{raised.journal}-{raised.kind.replace(' ', '-')}-{digest}"
        folder = self._folder.joinpath("evidence", name)
        folder.mkdir(parents=True, exist_ok=True)
        for number, note in enumerate(raised.evidence):
            _replace(folder.joinpath(f"checkpoint-{number + 1}"), note)
        _replace(folder.joinpath("finding.txt"), f"{raised}\n".encode())
        sync_folder(folder.parent)
        sync_folder(self._folder)
        return folder

    def _path(self, journal: int) -> Path:
        return self._folder.joinpath(f"log-{journal}.json")


@contextmanager
def opened(folder: Path) -> Iterator[Memory]:
    """Open a watcher's folder, making it if need be; raises Unfit if it cannot be had or another watcher has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unfit(f"{folder}: expected a folder for what is seen, got {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unfit(
                f"{folder}: expected one watcher, got another at work; give --state a folder of its own"
            ) from None
        yield Memory(folder)
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    put(path, draft, content)
    sync_folder(path.parent)
