"""Tiles on the real database: written by the commit that fills them, cut at any width, and never of another tree.

The measure is the tree's own definition (c2sp.org/tlog-tiles): node i of level l is the Merkle tree hash of the leaves
i * 256**l to (i + 1) * 256**l, worked out here by pairing up. Leaves are a few bytes: a tile of level 1 takes 65,536.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from deploy.embedded.stack import Servers
from ledger.errors import Fenced, KeysTaken, StoreUnavailable, Unfit
from ledger.log.merkle import Frontier
from ledger.log.tiles import Tile, tiles_of_size
from ledger.store import database, tiles
from ledger.store.journal import Journal
from ledger.store.opening import open_journal
from ledger.store.readers import Readers
from tests.support.databases import Bare, bare_ledger, copied
from tests.support.faults import Moment, breaking
from tests.support.plain import KEY, batch

pytestmark = pytest.mark.stack


def nodes_of(count: int) -> list[list[bytes]]:
    """The nodes of each tree level, perfect subtrees only, of the tree of `count` such entries."""
    levels = [[sha256(b"\x00" + b"%d" % index).digest() for index in range(count)]]
    while len(levels[-1]) > 1:
        row = levels[-1]
        pairs = zip(row[::2], row[1::2], strict=False)
        levels.append([sha256(b"\x01" + left + right).digest() for left, right in pairs])
    return levels


def rows_of(count: int) -> list[tuple[int, int, bytes, bytes]]:
    """What the table must hold for that tree: (level, number, root, hashes)."""
    levels = nodes_of(count)
    return [
        (height // 8, number, root, b"".join(levels[height][number * 256 : number * 256 + 256]))
        for height in range(0, len(levels), 8)
        for number, root in enumerate(levels[height + 8] if height + 8 < len(levels) else [])
    ]


def stored(ledger: Bare) -> list[tuple[int, int, bytes, bytes]]:
    """What the table holds."""
    rows = ledger.rows("SELECT level, number, root, hashes FROM tiles WHERE journal = 0 ORDER BY level, number")
    return [(level, number, bytes(root), bytes(hashes)) for level, number, root, hashes in rows]


@asynccontextmanager
async def journal_of(ledger: Bare) -> Any:
    connection = await database.connect_async(ledger.url, "writer")
    try:
        yield await open_journal(connection, 0, ledger.keys, None)
    finally:
        await connection.close()


def run(acts: Callable[[], Awaitable[object]]) -> None:
    async def life() -> None:
        await acts()

    asyncio.run(life())


def filled(ledger: Bare, *sizes: int) -> None:
    """Let the journal grow to each of these sizes."""

    async def acts() -> None:
        async with journal_of(ledger) as journal:
            for size in sizes:
                await journal.append(batch(journal.size, size - journal.size))

    run(acts)


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with one empty journal."""
    with bare_ledger(servers) as ledger:
        yield ledger


BIG = 256 * 256 + 256 + 2


@pytest.fixture(scope="module")
def big(servers: Servers) -> Iterator[Bare]:
    """A journal with a full tile of level 1 and something beside it, opened anew on the way."""
    with bare_ledger(servers) as ledger:
        filled(ledger, 3, 255, 256, 257, 40_000)
        filled(ledger, 65_535, 65_536)
        filled(ledger, BIG)
        yield ledger


# -- writing -----------------------------------------------------------------------------------------------------------


def test_the_commit_that_fills_a_tile_stores_it_with_its_root(bare: Bare) -> None:
    for sizes in ((1,), (255,), (256,), (257, 511), (512,), (1280, 1281)):
        filled(bare, *sizes)
        assert stored(bare) == rows_of(sizes[-1]), sizes
    ((size, frontier),) = bare.rows("SELECT size, frontier FROM heads")
    assert Frontier.decode(bytes(frontier)).peaks == tuple(
        nodes_of(size)[bit][(size >> bit) - 1] for bit in reversed(range(size.bit_length())) if size >> bit & 1
    )


def test_levels_rise_and_a_journal_opened_anew_goes_on_where_it_stood(big: Bare) -> None:
    assert stored(big) == rows_of(BIG)
    assert [len([row for row in stored(big) if row[0] == level]) for level in range(3)] == [257, 1, 0]


@pytest.mark.parametrize("moment", ["before", "in", "after"])
def test_l7_tiles_are_there_with_their_commit_or_not_at_all(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, moment: Moment
) -> None:
    filled(bare, 250)

    async def acts() -> None:
        with breaking(bare, monkeypatch) as breaks:
            breaks.at = {1: moment}
            async with journal_of(bare) as journal:
                with pytest.raises(StoreUnavailable):
                    await journal.append(batch(250, 300))
            assert breaks.happened == 1
        assert stored(bare) == (rows_of(550) if moment == "after" else [])
        async with journal_of(bare) as journal:
            assert journal.size == (550 if moment == "after" else 250)
            await journal.append(batch(journal.size, 800 - journal.size))

    run(acts)
    assert stored(bare) == rows_of(800)


def test_a_batch_that_was_refused_leaves_no_tile_and_the_edge_as_it_was(bare: Bare) -> None:
    filled(bare, 250)

    async def acts() -> None:
        async with journal_of(bare) as journal:
            await journal.append(batch(250, 1, KEY))
            with pytest.raises(KeysTaken):
                await journal.append(batch(251, 20, KEY))
            assert stored(bare) == []
            async with journal_of(bare) as other:
                with pytest.raises(Fenced):
                    await journal.append(batch(251, 20))
                assert stored(bare) == []
                await other.append(batch(251, 20))

    run(acts)
    assert stored(bare) == rows_of(271)


# -- opening -----------------------------------------------------------------------------------------------------------

NEWEST = "level = 0 AND number = 1"
TAMPERED = {
    "the newest tile gone": f"DELETE FROM tiles WHERE {NEWEST}",
    "all tiles gone": "DELETE FROM tiles",
    "a tile in the middle gone": "DELETE FROM tiles WHERE number = 0",
    "a tile that is not full yet": "INSERT INTO tiles SELECT journal, level, 2, root, hashes FROM tiles "
                                   "WHERE number = 1",
    "a tile of a level that is not reached": "INSERT INTO tiles SELECT journal, 1, 0, root, hashes FROM tiles "
                                             "WHERE number = 1",
    "a tile of a level that no tree has": "INSERT INTO tiles SELECT journal, 8, 0, root, hashes FROM tiles "
                                          "WHERE number = 1",
    "another root": f"UPDATE tiles SET root = sha256(root) WHERE {NEWEST}",
    "a root cut short": f"UPDATE tiles SET root = substr(root, 1, 31) WHERE {NEWEST}",
    "tiles in each other's place": "UPDATE tiles SET root = o.root, hashes = o.hashes FROM tiles o "
                                   "WHERE o.number = 1 - tiles.number",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(servers: Servers) -> Iterator[Bare]:
    """A journal with two full tiles and a few entries more; copied before it is touched."""
    with bare_ledger(servers) as ledger:
        filled(ledger, 520)
        yield ledger


@pytest.mark.parametrize("how", TAMPERED, ids=str)
def test_tiles_that_are_not_the_heads_trees_are_refused(small: Bare, how: str) -> None:
    with copied(small) as copy:
        copy.tamper("tiles", TAMPERED[how])
        with pytest.raises(Unfit, match=r"journal 0: tiles: expected .* run `iuran audit verify`"):
            filled(copy)


@pytest.mark.parametrize("index", [512, 519])
def test_an_entry_beyond_the_full_tiles_that_was_changed_is_refused(small: Bare, index: int) -> None:
    with copied(small) as copy:
        copy.tamper("entries", f"UPDATE entries SET leaf = leaf || 'x' WHERE \"index\" = {index}")
        with pytest.raises(Unfit, match="expected the right end of its tiles to be of the tree at its head"):
            filled(copy)


@pytest.mark.parametrize("taken_from", ["before", "after"])
def test_l6_tiles_restored_from_another_moment_than_their_entries_are_refused(bare: Bare, taken_from: str) -> None:
    """A backup that was put together from two: the head is one's, the tiles are the other's."""
    filled(bare, 300)
    with copied(bare) as backup:
        filled(bare, 600)
        source, target = (backup, bare) if taken_from == "before" else (bare, backup)
        rows = source.rows("SELECT journal, level, number, root, hashes FROM tiles")
        target.tamper("tiles", "DELETE FROM tiles")
        with psycopg.connect(target.url) as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO tiles VALUES (%s, %s, %s, %s, %s)", rows)
        with pytest.raises(Unfit, match="tiles of level 0"):
            filled(target)


# -- cutting -----------------------------------------------------------------------------------------------------------


def asked(ledger: Bare, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
    """What a reader is given."""

    async def ask() -> dict[Tile, bytes]:
        readers = Readers(ledger.url, connections_max=2)
        await readers.open()
        try:
            return await readers.tiles(0, wanted)
        finally:
            await readers.close()

    return asyncio.run(ask())


def defined(tile: Tile, levels: list[list[bytes]]) -> bytes:
    """The tile by its definition."""
    start = tile.number * 256
    return b"".join(levels[8 * tile.level][start : start + tile.width])


def test_every_tile_of_a_size_is_what_it_is_defined_to_be(big: Bare) -> None:
    levels = nodes_of(BIG)
    for size in (1, 255, 256, 257, 65_535, 65_536, 65_537, BIG - 1, BIG):
        wanted = list(tiles_of_size(size))[-40:]
        assert asked(big, wanted) == {tile: defined(tile, levels) for tile in wanted}, size


def test_partial_tiles_of_every_width_are_cut_from_what_is_full_by_now(big: Bare) -> None:
    levels = nodes_of(BIG)
    for level, number, widest in (
        (0, 0, 256),
        (0, 255, 256),
        (0, 256, 256),
        (0, 257, 2),
        (1, 0, 256),
        (1, 1, 1),
        (2, 0, 1),
    ):
        wanted = [Tile(level, number, width) for width in range(1, widest + 1)]
        assert asked(big, wanted) == {tile: defined(tile, levels) for tile in wanted}


def test_what_is_not_stored_comes_short_and_never_as_something_else(big: Bare) -> None:
    beyond = [
        Tile(0, 257, 3),
        Tile(0, 258, 1),
        Tile(1, 1, 2),
        Tile(2, 0, 2),
        Tile(3, 0, 1),
        Tile(63, 0, 1),
        Tile(0, 2**53),
    ]
    assert all(len(hashes) < 32 * tile.width for tile, hashes in asked(big, beyond).items())


def test_a_tile_is_read_at_the_cost_of_a_tile(big: Bare) -> None:
    """Through the keys, whatever the statistics say: no scan of entries or tiles."""

    async def ask() -> str:
        readers = Readers(big.url, connections_max=1)
        await readers.open()
        try:
            values = tiles.wanted(0, [Tile(0, 257, 2), Tile(1, 0), Tile(1, 1, 1)])
            return "\n".join(str(row[0]) for row in await readers._ask("EXPLAIN " + tiles.CUT, values))
        finally:
            await readers.close()

    plan = asyncio.run(ask())
    assert "Seq Scan" not in plan
    assert "tiles_pkey" in plan
    assert "entries_pkey" in plan


def test_the_journal_keeps_one_edge_whatever_was_appended(bare: Bare) -> None:
    """What is in memory after many commits is what a fresh opening loads."""

    async def acts() -> None:
        async with journal_of(bare) as journal:
            kept: Journal = journal
            for count in (1, 254, 1, 1, 255, 256, 600):
                await kept.append(batch(kept.size, count))
            edge = kept.head.edge
        async with journal_of(bare) as again:
            assert again.head.edge == edge

    run(acts)
