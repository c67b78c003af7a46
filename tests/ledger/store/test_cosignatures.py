"""Cosignatures as rows: numbered witnesses, growth from stored tiles, and what is shown with which lines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import TypeVar

import pytest

from deploy.embedded.stack import Servers
from ledger.errors import InvariantError, StoreUnavailable
from ledger.log import keys, note
from ledger.log.checkpoint import open_checkpoint
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.proof import verify_consistency
from ledger.store.cosignatures import Book, Newest, ShownHead
from ledger.store.readers import Readers
from tests.support.databases import Bare, bare_ledger
from tests.support.faults import Desks
from tests.support.strategies import GIGWISE, POOL, Feed

pytestmark = pytest.mark.stack

Given = TypeVar("Given")
W = [keys.generate("witness.example/w1", algorithm) for algorithm in (keys.COSIGNATURE, keys.MLDSA44)]
VKEYS = [key.vkey() for key in W]
GIGS = 300  # more than a tile


@pytest.fixture(scope="module")
def ledger(servers: Servers) -> Iterator[Bare]:
    """One journal that was published at three sizes: 3, 13 and 313."""
    with bare_ledger(servers) as made:
        feed = Feed()
        gigs = [feed.gig(f"G-{n}", f"W-{n % 7}") for n in range(GIGS + 10)]
        first = [made.opening(feed), feed.enacted(POOL[0]), feed.enacted(GIGWISE)]
        desk = Desks(made, [*first, *gigs])
        desk.settle(first, gigs[:10], gigs[10:])
        yield made


def run(doing: Coroutine[None, None, Given]) -> Given:
    return asyncio.run(doing)


async def readers_of(ledger: Bare) -> Readers:
    readers = Readers(ledger.url, 1)
    await readers.open()
    return readers


def shown(ledger: Bare) -> tuple[ShownHead | None, list[Newest]]:
    async def ask() -> tuple[ShownHead | None, list[Newest]]:
        readers = await readers_of(ledger)
        try:
            return await readers.shown(0), await readers.witnesses(0)
        finally:
            await readers.close()

    return run(ask())


def text_of(ledger: Bare, size: int) -> str:
    return note.parse(bytes(ledger.rows("SELECT note FROM checkpoints WHERE size = %s", size)[0][0])).text


def lines(ledger: Bare, size: int, at: int) -> list[note.Signature]:
    return list(note.parse(note.sign(text_of(ledger, size), [key.at(at) for key in W])).signatures)


def test_growth_is_proven_from_stored_tiles_between_any_two_sizes(ledger: Bare) -> None:
    leaves = [leaf_hash(leaf) for leaf in ledger.leaves()]

    async def ask() -> None:
        book = Book(ledger.url)
        for old, new in ((0, 3), (1, 2), (3, 13), (3, 313), (13, 313), (255, 256), (256, 257), (257, 313), (313, 313)):
            proof = await book.growth(0, old, new)
            roots = [Frontier().append(leaves[:size]).root() for size in (old, new)]
            verify_consistency(old, roots[0], new, roots[1], proof)
        with pytest.raises(InvariantError, match="L6"):
            await book.growth(0, 5, 314)
        await book.close()

    run(ask())


def test_witnesses_have_one_number_whoever_registers_them_and_how_often(servers: Servers) -> None:
    with bare_ledger(servers) as made:

        async def ask() -> list[dict[str, int]]:
            books = [Book(made.url) for _ in range(4)]
            found = await asyncio.gather(*(book.register(VKEYS) for book in books))
            found.append(await books[0].register([*VKEYS, keys.generate("w2", keys.COSIGNATURE).vkey()]))
            for book in books:
                await book.close()
            return found

        *first, more = run(ask())
        assert all(found == first[0] for found in first)
        assert len(set(first[0].values())) == 2
        assert first[0].items() <= more.items()
        assert len(set(more.values())) == 3


def test_what_is_shown_has_its_cosignatures_and_is_the_newest_with_a_quorum(servers: Servers) -> None:
    with bare_ledger(servers) as made:
        feed = Feed()
        records = [made.opening(feed), feed.enacted(POOL[0]), feed.enacted(GIGWISE), feed.gig("G-1", "W-1")]
        assert shown(made) == (None, [])
        Desks(made, records).settle(records[:1], records[1:3], records[3:])
        head, asked = shown(made)
        assert head is not None
        assert (head.size, head.quorum, asked) == (4, False, [])
        assert len(note.parse(head.note).signatures) == 2

        async def keep() -> None:
            book = Book(made.url)
            numbers = await book.register(VKEYS)
            assert await book.known(0) == {}
            for _ in range(2):  # again: nothing changes
                await book.keep(0, 1, dict(zip(numbers.values(), lines(made, 1, 5), strict=True)))
                await book.keep(0, 3, {numbers[VKEYS[0]]: lines(made, 3, 6)[0]})
                await book.reached(0, 1)
            assert await book.known(0) == {numbers[VKEYS[0]]: 3, numbers[VKEYS[1]]: 1}
            assert await book.known(1) == {}
            assert await book.cosigned(0, 3, numbers.values()) == {numbers[VKEYS[0]]}
            assert await book.cosigned(0, 1, [numbers[VKEYS[1]], 99]) == {numbers[VKEYS[1]]}
            await book.close()

        run(keep())
        head, asked = shown(made)
        assert head is not None
        assert (head.size, head.quorum) == (1, True)
        log_keys = [pair.verifier for pair in made.keys.pairs[0]]
        assert open_checkpoint(head.note, log_keys).size == 1
        assert len(note.open(head.note, [*log_keys, *(key.verifier for key in W)]).signatures) == 4
        assert asked == [Newest(VKEYS[0], 3, 6), Newest(VKEYS[1], 1, 5)]

        made.act("INSERT INTO quorums VALUES (0, 3), (0, 4)")
        head, _ = shown(made)
        assert head is not None
        assert (head.size, len(note.parse(head.note).signatures)) == (4, 2)


def test_nothing_is_shown_that_is_not_published(servers: Servers) -> None:
    """L8: a size of which only the database knows is not shown, whoever has cosigned it."""
    with bare_ledger(servers) as made:
        feed = Feed()
        records = [made.opening(feed), feed.enacted(POOL[0]), feed.enacted(GIGWISE)]
        Desks(made, records).settle(records[:1], records[1:])
        made.act("INSERT INTO quorums VALUES (0, 3)", "UPDATE heads SET published_size = 1")
        head, _ = shown(made)
        assert head is not None
        assert (head.size, head.quorum) == (1, False)


def test_a_database_that_is_away_is_breakage_and_asked_anew(ledger: Bare) -> None:
    async def ask() -> None:
        with pytest.raises(StoreUnavailable):
            await Book("postgresql://iuran@127.0.0.1:1/none").known(0)
        book = Book(ledger.url)
        await book.known(0)
        ledger.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with pytest.raises(StoreUnavailable):
            await book.known(0)
        assert await book.known(0) == {}
        await book.close()

    run(ask())
