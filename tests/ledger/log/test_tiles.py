"""Tiles of c2sp.org/tlog-tiles: paths with one spelling, widths by size, bundles with one reading.

Each MUST of the specification about paths, tiles and bundles has its section in a test's docstring.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log.merkle import SIZE_MAX
from ledger.log.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Tile,
    TileError,
    decode_bundle,
    encode_bundle,
    levels_of_size,
    partial_tiles,
    tile_at,
    tiles_of_level,
    tiles_of_size,
)

LEVELS = st.integers(ENTRIES, 63)
NUMBERS = st.one_of(st.integers(0, 2000), st.integers(0, SIZE_MAX))
WIDTHS = st.integers(1, TILE_WIDTH)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(0, 1234, 17), "tile/0/x001/234.p/17"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(63, 1000, 1), "tile/63/x001/000.p/1"),
        (Tile(ENTRIES, 0, 1), "tile/entries/000.p/1"),
        (Tile(ENTRIES, 1_000_000), "tile/entries/x001/x000/000"),
        (Tile(0, SIZE_MAX), "tile/0/x009/x223/x372/x036/x854/x775/807"),
    ],
)
def test_merkle_tree_paths_as_specified(tile: Tile, path: str) -> None:
    """tlog-tiles "Merkle Tree": level in decimal, index in zero-padded groups of three, all but the last with an x."""
    assert tile.path() == path
    assert Tile.parse(path) == tile


@given(LEVELS, NUMBERS, WIDTHS)
def test_a_path_is_read_back(level: int, number: int, width: int) -> None:
    assert Tile.parse(Tile(level, number, width).path()) == Tile(level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile//000",
        "tile/0/000\n",
        "tile/0/000 ",
        "TILE/0/000",
        "tile/64/000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/100/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/8/0/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/x01/000",
        "tile/0/x001//000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x001/x009/x223/x372/x036/x854/x775/807",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1000",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/000p/1",
        "tile/0/000.P/1",
        "tile/0/x001.p/1/000",
        "tile/0/../000",
    ],
)
def test_merkle_tree_other_paths_are_refused(path: str) -> None:
    """tlog-tiles "Merkle Tree": level 0 to 63, width 1 to 255, no leading zeroes, groups of three digits."""
    with pytest.raises(TileError, match=r"^tile (path|number|level|width): expected"):
        Tile.parse(path)


@pytest.mark.parametrize(
    "tile", [Tile(64, 0), Tile(-2, 0), Tile(0, -1), Tile(0, SIZE_MAX + 1), Tile(0, 0, 0), Tile(0, 0, 257)]
)
def test_tiles_that_cannot_be_have_no_path(tile: Tile) -> None:
    with pytest.raises(TileError, match="expected"):
        tile.path()


def test_partial_tiles_of_the_specifications_two_examples() -> None:
    """tlog-tiles "Partial Tiles": sizes 70,000 and 256."""
    tiles = list(tiles_of_size(70_000))
    assert [sum(1 for t in tiles if t.level == level and not t.partial) for level in range(3)] == [273, 1, 0]
    assert [t for t in tiles if t.partial] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles_of_size(256)) == [Tile(0, 0), Tile(1, 0, 1)]


def test_partial_tiles_have_the_defined_widths_and_empty_ones_are_none() -> None:
    """tlog-tiles "Partial Tiles": floor(s / 256**l) mod 256 hashes; empty tiles are not served."""
    for size in [*range(1, 1100), 65_535, 65_536, 65_537, 2**24, SIZE_MAX]:
        widths = {level: size // 256**level % 256 for level in range(9)}
        assert {t.level: t.width for t in partial_tiles(size)} == {level: w for level, w in widths.items() if w}
        assert levels_of_size(size) == next(level for level in range(9) if not size // 256**level)
    assert list(tiles_of_size(0)) == list(tiles_of_level(ENTRIES, 0)) == []
    assert partial_tiles(0) == ()
    with pytest.raises(TileError, match="beyond it"):
        tile_at(1, 0, 255)
    with pytest.raises(TileError, match="beyond it"):
        tile_at(ENTRIES, 1, 256)


def test_partial_tiles_cover_each_leaf_once_and_lie_within_their_tree() -> None:
    for size in [1, 255, 256, 257, 70_000]:
        for level in (ENTRIES, 0):
            tiles = list(tiles_of_level(level, size))
            assert [t.start for t in tiles] == [0, *(t.end for t in tiles[:-1])]
            assert tiles[-1].end == size
        for tile in tiles_of_size(size):
            assert tile.within(size)
            assert tile == tile_at(tile.level, tile.number, size)
            assert not tile.within(tile.end - 1)


def test_partial_tiles_of_earlier_sizes_stay_within_the_grown_tree() -> None:
    for tile in tiles_of_size(70_000):
        assert tile.within(70_001)
    assert not Tile(0, 273, 113).within(70_000)
    assert not Tile(2, 0, 2).within(131_071)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=TILE_WIDTH))
def test_log_entries_bundle_is_read_back(entries: list[bytes]) -> None:
    """tlog-tiles "Log entries": big-endian uint16 before each entry."""
    bundle = encode_bundle(entries)
    assert bundle[:2] == len(entries[0]).to_bytes(2, "big")
    assert len(bundle) == sum(2 + len(e) for e in entries)
    assert decode_bundle(bundle, len(entries)) == entries


def test_log_entries_reach_from_nothing_to_65535_bytes() -> None:
    entries = [b"", b"x" * 0xFFFF, b""]
    assert decode_bundle(encode_bundle(entries), 3) == entries
    with pytest.raises(TileError, match="at most 65535 bytes, got 65536"):
        encode_bundle([b"x" * 0x10000])


@pytest.mark.parametrize(
    ("bundle", "width"),
    [
        (b"", 1),
        (b"\0", 1),
        (b"\0\0", 2),
        (b"\0\1", 1),
        (b"\0\2a", 1),
        (b"\0\1ab", 1),
        (b"\0\1a\0", 1),
        (b"\0\1a\0", 2),
        (b"\0\1a\0\0", 1),
        (b"\xff\xff" + b"a" * 0xFFFE, 1),
        (b"\0\1a", 0),
        (b"\0\1a", -1),
        (b"\0\0" * 257, 257),
        (b"\0\0" * 257, 256),
    ],
)
def test_log_entries_of_another_number_or_cut_short_are_refused(bundle: bytes, width: int) -> None:
    with pytest.raises(TileError, match="entry bundle"):
        decode_bundle(bundle, width)
    for count in (0, 257):
        with pytest.raises(TileError, match="entry bundle"):
            encode_bundle([b""] * count)
