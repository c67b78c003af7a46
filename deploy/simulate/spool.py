"""Facts on their way from a source to the process that measures their workers: temporary files, shared out by worker.

A source of any length goes through here with memory for some thousands of facts: several readers write at once, each
into files of its own, and each shard then holds all facts of its workers, small enough to be opened whole. Within a
worker the order of the source is kept (`order`, ascending). The files are msgpack, length-prefixed blocks of (worker,
fact) pairs; they live in a temporary folder and nobody else reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final
from zlib import crc32

import msgspec

SHARD_BYTES: Final = 6_000_000
"""What a shard should hold at most: it is opened whole."""
SHARDS_MAX: Final = 4096
HELD_MAX: Final = 20_000
"""Facts that a writer holds in memory before it writes them out."""
_LENGTH: Final = 4


class Fact(msgspec.Struct, array_like=True, gc=False):
    """One event as it came: `order` its place in the source, `time` as written, `data` its JSON members."""

    order: int
    type: str
    source: str
    id: str
    time: str
    data: bytes


_Block = list[tuple[str, msgspec.Raw]]
_encode = msgspec.msgpack.Encoder().encode
_open_block = msgspec.msgpack.Decoder(_Block).decode
_open_fact = msgspec.msgpack.Decoder(Fact).decode


def shards_for(source_bytes: int, cores: int) -> int:
    """Give the number of shards for a source of so many bytes, uncompressed: some for each core at least."""
    return max(4 * cores, min(SHARDS_MAX, source_bytes // SHARD_BYTES + 1))


class Writer:
    """One reader's way into the shards; `part` numbers the readers, in the order of what they read."""

    def __init__(self, folder: Path, part: int, shards: int) -> None:
        self._folder, self._part, self._shards = folder, part, shards
        self._held: dict[int, _Block] = {}
        self._count = 0

    def add(self, worker: str, fact: Fact) -> None:
        """Take a worker's next fact."""
        shard = crc32(worker.encode()) % self._shards
        self._held.setdefault(shard, []).append((worker, msgspec.Raw(_encode(fact))))
        self._count += 1
        if self._count >= HELD_MAX:
            self.flush()

    def flush(self) -> None:
        """Write out what is held. Call it at the end."""
        for shard, block in self._held.items():
            with (self._folder / f"{shard:04}.{self._part:04}").open("ab") as stream:
                put_block(stream, _encode(block))
        self._held.clear()
        self._count = 0


def workers_of(folder: Path, shard: int) -> Iterator[tuple[str, list[Fact]]]:
    """Give the workers of a shard in order of their pseudonyms, each with all facts in the order of the source."""
    found: dict[str, list[msgspec.Raw]] = {}
    for path in sorted(folder.glob(f"{shard:04}.*")):
        for block in blocks(path):
            for worker, raw in _open_block(block):
                found.setdefault(worker, []).append(raw)
    for worker in sorted(found):
        yield worker, sorted((_open_fact(raw) for raw in found.pop(worker)), key=_order)


def shards_in(folder: Path) -> list[int]:
    """Give the shards that hold anything, in order."""
    return sorted({int(path.name[:4]) for path in folder.iterdir()})


def put_block(stream: BinaryIO, block: bytes) -> None:
    """Write a block with its length before it."""
    stream.write(len(block).to_bytes(_LENGTH, "big") + block)


def blocks(path: Path) -> Iterator[bytes]:
    """Give the blocks of a file in order."""
    with path.open("rb") as stream:
        while length := stream.read(_LENGTH):
            yield stream.read(int.from_bytes(length, "big"))


def _order(fact: Fact) -> int:
    return fact.order
