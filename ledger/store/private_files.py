"""Files that are their owner's alone: read only if nobody else can, written whole or not at all, never written over.

A folder of mode 0700 with files of mode 0600. What is written is synced, with its folder's entry, before the call
returns. A draft is linked into place, so that of two calls at once one is refused and neither half of one stays.

Every refusal is a KeyFileError that says which file and what to do, and holds nothing of a file's content. Knows no
keys; what the bytes mean is the caller's affair.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from ledger.durable import sync_folder
from ledger.errors import Unfit

FILE_BYTES_MAX: Final = 64 * 1024


class KeyFileError(Unfit):
    """A key file is missing, foreign or open to others; the message says which and what to do."""


class FileTaken(KeyFileError):
    """A file that was to be made is there already."""


def make_folder(folder: Path) -> None:
    """Make the folder if it is not there, and check it. Raises KeyFileError if others can look into it."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """Raise KeyFileError unless the folder is there and its owner's alone."""
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        raise KeyFileError(
            f"{folder}: expected the folder of keys, got none; restore it from its backup, "
            "or make a new ledger with `iuran ledger init`"
        ) from None
    if not stat.S_ISDIR(mode):
        raise KeyFileError(f"{folder}: expected the folder of keys, got something else")
    _check_mode(folder, mode, 0o700)


def read(path: Path) -> bytes:
    """Give a file's content. Raises KeyFileError if it is missing, open to others, no regular file or too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: expected a key file, got none; restore it from its backup") from None
    except OSError as error:
        raise KeyFileError(f"{path}: expected a readable key file, got {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        # The mode of what was opened, not of what stands under the name by now.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileError(f"{path}: expected a regular file, got something else")
        _check_mode(path, mode, 0o600)
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise KeyFileError(f"{path}: expected at most {FILE_BYTES_MAX} bytes, got more")
    return content


def write_new(path: Path, content: bytes) -> None:
    """Make the file, whole and synced, or leave things as they are; raises FileTaken if it is there already."""
    draft = _drafted(path, content)
    try:
        # A link, unlike a rename, fails where the name is taken: two calls at once cannot write over each other.
        os.link(draft, path)
    except FileExistsError:
        raise FileTaken(
            f"{path}: expected no such file, got one made meanwhile; is another `ledger init` running?"
        ) from None
    finally:
        draft.unlink()
    sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Put other content in a file's place, whole and synced: a reader sees the one or the other.

    For what can be made again, and never for a private key.
    """
    draft = _drafted(path, content)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _drafted(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        draft.unlink()
        raise
    return draft


def _check_mode(path: Path, mode: int, allowed: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(
            f"{path}: expected mode {allowed:04o}, got {stat.S_IMODE(mode):04o}, open to others; "
            f"`chmod {allowed:o} {path}`, and think who may have read it"
        )
