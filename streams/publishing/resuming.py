"""Where a run of `iuran publish` stood: one small JSON file per (file, platform, map), replaced after each chunk.

The journal is an optimisation and never the truth: if it is lost, everything is sent again and the ledger counts
duplicates (L3). It names the topic's id, so that progress on one ledger never counts for another. Written to a new
file, synced, then renamed: a crash leaves the old or the new journal, never half of one.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

FORMAT: Final = "iuran-publish/v1"


class Progressed(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run came: rows up to `ordinal` (bad and other platforms' ones included) are done with."""

    topic_id: str
    format: str = FORMAT
    file: str = ""
    platform: str = ""
    ordinal: int = 0
    published: int = 0
    finished: bool = False


class Journal:
    """The journal of one run; `path` is `<folder>/<sha256 of file, platform and map>.json`."""

    def __init__(self, folder: Path, file_digest: str, platform: str, map_digest: str) -> None:
        name = sha256("\n".join((file_digest, platform, map_digest)).encode()).hexdigest()
        self.path = folder / f"{name}.json"

    def read(self, topic_id: str) -> Progressed:
        """Give the progress on this topic; the beginning if there is none, or none that can be read."""
        try:
            stood = msgspec.json.decode(self.path.read_bytes(), type=Progressed)
        except (FileNotFoundError, msgspec.DecodeError):
            return Progressed(topic_id=topic_id)
        return stood if stood.topic_id == topic_id and stood.format == FORMAT else Progressed(topic_id=topic_id)

    def write(self, progressed: Progressed) -> None:
        """Replace the journal; durable at return. Raises OSError if the folder cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}.new")
        with fresh.open("wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(progressed), indent=2) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.path)
