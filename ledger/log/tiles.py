"""Tiles: the log's tree cut into rows of 256 hashes, and the bundles of the entries beneath; their paths and bytes.

Tile n at level l holds the tree's nodes of height 8*l with the numbers 256*n to 256*n + 255; each hash of level l + 1
is the root of a full tile of level l. The rightmost tile of a level is partial unless the tree's size makes it full.
Formatter and parser stand side by side; the parser formats again what it read and compares.

TileError is the only exception of this room's parsers. Knows paths and bytes only: whether a tile belongs to a log is
told by `ledger.log.prover` against a root.
Source: c2sp.org/tlog-tiles@v0.1.0, "Merkle Tree", "Partial Tiles", "Log entries".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.log.merkle import HASH_BYTES, SIZE_MAX, TILE_HEIGHT

TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
ENTRIES = -1  # the level of entry bundles
LEVEL_MAX = 63
ENTRY_BYTES_MAX = 0xFFFF
BUNDLE_BYTES_MAX = TILE_WIDTH * (2 + ENTRY_BYTES_MAX)
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?",
    re.ASCII,
)


class TileError(ValueError):
    """A path, tile or bundle that is not what it must be."""


class Tile(NamedTuple):
    """A tile's coordinates: level 0 to 63 (or ENTRIES), number within the level, and how many of 256 it holds."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def start(self) -> int:
        """Index of the first leaf beneath the tile."""
        return self.number << TILE_HEIGHT * (max(self.level, 0) + 1)

    @property
    def end(self) -> int:
        """Index after the last leaf beneath the tile's hashes."""
        return (self.number * TILE_WIDTH + self.width) << TILE_HEIGHT * max(self.level, 0)

    @property
    def partial(self) -> bool:
        """Whether it holds fewer than 256."""
        return self.width < TILE_WIDTH

    def within(self, size: int) -> bool:
        """Tell whether a tree of this size has all that the tile holds (it may by now have a wider one)."""
        return self.end <= size

    def path(self) -> str:
        """Give the path below the log's prefix, as `tile/0/x001/234.p/17`.

        Raises TileError for a level, number or width that no tile has.
        """
        if not ENTRIES <= self.level <= LEVEL_MAX:
            raise TileError(f"tile level: expected 0 to {LEVEL_MAX}, got {self.level}")
        if not 0 <= self.number <= SIZE_MAX:
            raise TileError(f"tile number: expected 0 to {SIZE_MAX}, got {self.number}")
        if not 1 <= self.width <= TILE_WIDTH:
            raise TileError(f"tile width: expected 1 to {TILE_WIDTH}, got {self.width}")
        rest, last = divmod(self.number, 1000)
        number = f"{last:03}"
        while rest:
            rest, group = divmod(rest, 1000)
            number = f"x{group:03}/{number}"
        level = "entries" if self.level == ENTRIES else self.level
        return f"tile/{level}/{number}" + (f".p/{self.width}" if self.partial else "")

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Give the tile whose `path` is exactly this; raises TileError if there is none."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise TileError(f"tile path: expected `tile/<level>/<number>[.p/<width>]`, got {path[:80]!r}")
        level = ENTRIES if found["level"] == "entries" else int(found["level"])
        number = int(found["number"].replace("/", "").replace("x", ""))
        tile = cls(level, number, int(found["width"] or TILE_WIDTH))
        if tile.path() != path:
            raise TileError(f"tile path: expected {tile.path()!r}, got {path!r}")
        return tile


def tile_at(level: int, number: int, size: int) -> Tile:
    """Give tile `number` of `level`, as wide as it is in a tree of this size; raises TileError if it is not in it."""
    width = min(TILE_WIDTH, (size >> TILE_HEIGHT * max(level, 0)) - number * TILE_WIDTH)
    if width < 1 or number < 0:
        raise TileError(f"tile {number} of level {level}: expected one of a tree of size {size}, got one beyond it")
    return Tile(level, number, width)


def tiles_of_level(level: int, size: int) -> Iterator[Tile]:
    """Give the tiles of one level (or the bundles) of a tree of this size, left to right, the partial one last."""
    width = size >> TILE_HEIGHT * max(level, 0)
    return (tile_at(level, number, size) for number in range(-(-width // TILE_WIDTH)))


def tiles_of_size(size: int) -> Iterator[Tile]:
    """Give all tiles of hashes of a tree of this size, level by level; none for the empty tree."""
    return (tile for level in range(levels_of_size(size)) for tile in tiles_of_level(level, size))


def partial_tiles(size: int) -> tuple[Tile, ...]:
    """Give the partial tiles of a tree of this size, lowest level first: at most eight, enough for its root."""
    widths = ((level, size >> TILE_HEIGHT * level) for level in range(levels_of_size(size)))
    return tuple(Tile(level, w // TILE_WIDTH, w % TILE_WIDTH) for level, w in widths if w % TILE_WIDTH)


def levels_of_size(size: int) -> int:
    """Give the number of tile levels of a tree of this size: 0 for the empty one, 8 at most."""
    return -(-size.bit_length() // TILE_HEIGHT)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Give the bundle of 1 to 256 entries: before each its length, 2 bytes big-endian.

    Raises TileError for another number of entries or one of more than 65,535 bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise TileError(f"entry bundle: expected 1 to {TILE_WIDTH} entries, got {len(entries)}")
    longest = max(map(len, entries))
    if longest > ENTRY_BYTES_MAX:
        raise TileError(f"entry: expected at most {ENTRY_BYTES_MAX} bytes, got {longest}")
    return b"".join([part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry)])


def decode_bundle(bundle: bytes, width: int) -> list[bytes]:
    """Give the `width` entries of a bundle.

    Raises TileError for a width not within 1..256, and for bytes that end within an entry or hold another number.
    """
    if not 1 <= width <= TILE_WIDTH:
        raise TileError(f"entry bundle: expected 1 to {TILE_WIDTH} entries, got {width}")
    entries: list[bytes] = []
    at, end = 0, len(bundle)
    while at < end - 1 and len(entries) < width:
        start = at + 2
        at = start + (bundle[at] << 8 | bundle[at + 1])
        entries.append(bundle[start:at])
    # half a length is left over, and an entry that is cut short ends beyond the end
    if at != end or len(entries) != width:
        raise TileError(f"entry bundle: expected {width} entries and no more, got {len(entries)} to byte {at} of {end}")
    return entries
