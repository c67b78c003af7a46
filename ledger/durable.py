"""Files that are whole or not there, and last: what is written is on the disk before it stands under its name.

A rename lasts once the folder that it happened in is synced. Must not know what files hold.
"""

from __future__ import annotations

import os
from pathlib import Path


def put(path: Path, draft: Path, content: bytes) -> None:
    """Put content in a file's place, whole: written and synced as `draft`, in the same folder, then renamed.

    The new name lasts once `sync_folder` returned. Raises OSError.
    """
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def sync_folder(folder: Path) -> None:
    """Return when a folder's names are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
