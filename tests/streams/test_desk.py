"""A desk on the real database, with faults around it: every event once, signed before shown, none lost (L3, L8, L12).

Each test ends in the deep checker, and where it can the leaves are held against the replica's, which settled the same
records in one go and never failed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.codec import Record
from deploy.embedded.stack import Servers
from ledger.errors import Fenced, InvariantError, LedgerError, Unfit
from ledger.store import standings
from streams import desk as desks
from streams import pipeline
from streams.floor import Floor
from tests.support.databases import Bare, bare_ledger, make_keys
from tests.support.deep import check_ledger_deeply
from tests.support.faults import Desks, Effect, Moment, breaking, kill
from tests.support.replica import Replica
from tests.support.strategies import (
    BAD,
    CUTS,
    FEWER,
    GIGWISE,
    GOJEK,
    GRAB,
    POOL,
    STORIES,
    Feed,
    Story,
    cut,
    records_of,
)

pytestmark = pytest.mark.stack


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with one empty journal."""
    with bare_ledger(servers) as ledger:
        yield ledger


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off for no time at all."""
    monkeypatch.setattr(desks, "BACK_OFF_SECONDS", (0.0,))


def opening(ledger: Bare, feed: Feed) -> list[Record]:
    """What a ledger begins with: its opening and two schemes."""
    return [ledger.opening(feed), feed.enacted(POOL[0]), feed.enacted(GIGWISE)]


def gigs(feed: Feed, count: int, first: int = 0) -> list[Record]:
    """So many good gigs of three workers."""
    return [feed.gig(f"G-{first + n}", ("W-ann", "W-ben", "W-cut")[n % 3]) for n in range(count)]


def check(desk: Desks, records: Sequence[Record], number: int = 0) -> None:
    """Everything holds, and the leaves are those of a desk that never failed."""
    ledger = desk.ledger
    check_ledger_deeply(ledger.url, published=desk.outside.last(), secrets=dict(enumerate(ledger.secrets)))
    replica = Replica(number, len(ledger.signers), secret=ledger.secrets[number]).settle(records)
    assert ledger.leaves(number) == replica.leaves
    stored = ledger.rows("SELECT topic, next_offset, duplicates, gap FROM positions WHERE journal = %s", number)
    read = {topic: position for topic, *position in stored if position != [0, 0, 0]}
    assert read == {topic: list(position) for topic, position in replica.positions.items()}
    # signed before shown: the newest checkpoint stands outside, and the database says so
    assert desk.outside.sizes(number)[-1] == len(replica.leaves)
    assert ledger.rows("SELECT size, published_size FROM heads WHERE journal = %s", number) == [
        (len(replica.leaves), len(replica.leaves))
    ]


@settings(FEWER, suppress_health_check=list(HealthCheck))
@given(STORIES, CUTS, st.booleans())
def test_l4_one_desk_many_desks_and_the_replica_write_the_same_leaves(
    servers: Servers, story: Story, lengths: list[int], restart: bool
) -> None:
    with bare_ledger(servers) as ledger:
        feed = Feed()
        records = [*opening(ledger, feed)[:1], *records_of(story, feed).records]
        desk = Desks(ledger, records)
        batches = cut(records, lengths)
        if restart:
            for batch in batches:
                desk.settle(batch)
        else:
            desk.settle(*batches)
        check(desk, records)
        assert sum(desk.book.outcomes().values()) == len(records)


@pytest.mark.parametrize("effect", ["without effect", "with effect"])
def test_publishing_fails_after_a_commit_and_nothing_comes_twice(bare: Bare, effect: Effect) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 5)]
    desk = Desks(bare, records)

    async def life() -> None:
        async with desk.opened() as worker:
            await worker.settle(records[:3])
            desk.outside.fail(effect)
            await worker.settle(records[3:])

    asyncio.run(life())
    assert desk.outside.failed == 1
    assert desk.book.outcomes() == {"accrued": 8}
    assert desk.outside.sizes()[-1] == 8
    check(desk, records)


@pytest.mark.parametrize("effect", ["without effect", "with effect"])
def test_a_process_that_dies_before_publishing_leaves_a_head_that_the_next_one_publishes(
    bare: Bare, effect: Effect, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 5)]
    desk = Desks(bare, records)
    desk.settle(records[:3])

    async def life() -> None:
        async with desk.opened() as worker:
            desk.outside.fail(effect)
            with pytest.raises(LedgerError):
                await worker.settle(records[3:])

    with monkeypatch.context() as hasty:
        hasty.setattr(desks, "GIVE_UP_SECONDS", -1.0)
        asyncio.run(life())
    # committed and not said to be published: readers may cite no more than before (L8)
    assert bare.rows("SELECT size, published_size FROM heads") == [(8, 3)]
    desk.settle()
    check(desk, records)


@pytest.mark.parametrize("moment", ["before", "in", "after"])
@pytest.mark.parametrize("which", [0, 1], ids=["claiming", "committing"])
def test_the_database_breaks_off_and_every_event_is_there_once(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, moment: Moment, which: int
) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 7), feed.record(GOJEK, b"{", None)]
    desk = Desks(bare, records)
    desk.settle(records[:5])
    with breaking(bare, monkeypatch) as breaks:
        breaks.at = {which: moment}
        if which == 0:
            with pytest.raises(LedgerError):
                desk.settle(records[5:])
            assert breaks.happened == 1
            desk.settle(records[5:])
        else:
            desk.settle(records[5:])
        assert breaks.happened == 1
    check(desk, records)


@pytest.mark.parametrize("read", ["registry", "head", "accounts", "keys"])
def test_the_database_is_away_while_something_is_read(bare: Bare, monkeypatch: pytest.MonkeyPatch, read: str) -> None:
    """Whatever is read, breakage is a LedgerError: the desk tries again."""
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 3), *[feed.gig("G-0")]]
    desk = Desks(bare, records)
    desk.settle(records[:5])
    told = {
        "registry": "kind > 1",
        "head": "SELECT note FROM checkpoints WHERE journal = %s AND size = %s",
        "accounts": "FROM standings",
        "keys": "event_key = ANY",
    }[read]
    failed = []
    real = psycopg.AsyncConnection.execute

    async def execute(connection: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if told in str(query) and not failed:
            failed.append(query)
            await asyncio.to_thread(kill, bare.url, connection.info.backend_pid)
        return await real(connection, query, *args, **kwargs)

    async def life() -> None:
        worker = desk.at()
        if read in ("registry", "head"):
            monkeypatch.setattr(psycopg.AsyncConnection, "execute", execute)
        else:
            await worker.open()
            monkeypatch.setattr(psycopg.AsyncConnection, "execute", execute)
        await worker.settle(records[5:])
        await worker.let_go()

    asyncio.run(life())
    assert len(failed) == 1
    check(desk, records)


def test_another_desk_claims_the_journal_and_the_first_gives_it_up(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 6)]
    desk = Desks(bare, records)

    async def life() -> None:
        first, second = desk.at(), desk.at()
        await first.open()
        await first.settle(records[:5])
        await second.open()
        with pytest.raises(Fenced):
            await first.settle(records[5:7])
        await second.settle(records[5:])
        await first.let_go()
        await second.let_go()

    asyncio.run(life())
    check(desk, records)
    assert desk.book.outcomes() == {"accrued": 9}


def test_l12_a_jump_that_the_broker_confirms_is_a_counted_gap(bare: Bare) -> None:
    feed = Feed()
    records = opening(bare, feed)
    feed.skip(GOJEK, 4)
    records += gigs(feed, 2)
    feed.skip(GOJEK, 3)
    records += gigs(feed, 1, 2)
    desk = Desks(bare, records)
    desk.settle(records[:4], records[4:])
    assert set(desk.feeds.asked) == {(GOJEK, 0, 0), (GOJEK, 0, 6)}
    check(desk, records)


def test_l12_a_jump_over_a_record_that_there_is_stops(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 3)]
    desk = Desks(bare, records)
    desk.settle(records[:4])
    with pytest.raises(InvariantError, match="L12"):
        desk.settle(records[5:])
    check(desk, records[:4])


def test_l12_a_jump_of_which_the_broker_says_nothing_is_no_gap(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record itself is there, so a probe that finds nothing has not looked: try again, and never count it."""
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 3)]
    desk = Desks(bare, records)
    desk.settle(records[:4])
    desk.feeds.silent = True
    monkeypatch.setattr(desks, "GIVE_UP_SECONDS", -1.0)
    with pytest.raises(LedgerError):
        desk.settle(records[5:])
    check(desk, records[:4])


def test_what_was_read_is_skipped_when_it_comes_again(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 6)]
    desk = Desks(bare, records)
    desk.settle(records[:7], records[2:9], records, records[:1])
    assert desk.book.outcomes() == {"accrued": 9}
    check(desk, records)


def test_few_records_are_thought_about_at_once_and_many_in_the_thread_for_it(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed()
    batches = [*([record] for record in opening(bare, feed)), gigs(feed, 5), gigs(feed, 200, 5), gigs(feed, 5, 205)]
    told = [record for batch in batches for record in batch]
    threads: list[str] = []
    decide = pipeline.decide

    def seen(*arguments: Any) -> Any:
        threads.append(threading.current_thread().name)
        return decide(*arguments)

    monkeypatch.setattr(pipeline, "decide", seen)
    desk = Desks(bare, told)
    desk.settle(*batches)
    assert threads[-3:] == ["MainThread", "thinking_0", "MainThread"]
    check(desk, told)


def test_duplicates_across_batches_are_counted_by_either_way_of_finding_them(bare: Bare) -> None:
    """The first one is found by the unique index (the batch is taken again), those after it are looked up first."""
    feed = Feed()
    records = opening(bare, feed)
    own = gigs(feed, 4)
    batches = [records, own, [feed.gig("G-10"), feed.again(own[0]), feed.gig("G-11")]]
    batches += [[feed.again(own[n % 4]), feed.gig(f"G-2{n}")] for n in range(3)]
    spoilt = feed.gig("G-1", "W-ben", "77")
    batches += [[spoilt, feed.again(own[1])]]
    told = [record for batch in batches for record in batch]
    desk = Desks(bare, told)
    looked: list[bool] = []

    async def life() -> None:
        async with desk.opened() as worker:
            for batch in batches:
                looked.append(worker._check_first > 0)
                await worker.settle(batch)

    asyncio.run(life())
    assert looked == [False, False, False, True, True, True, True]
    assert desk.book.outcomes() == {"accrued": 12, "duplicate": 5, "rejected": 1}
    check(desk, told)


def test_an_act_done_again_is_a_duplicate_and_a_changed_one_an_equivocation(bare: Bare) -> None:
    feed = Feed()
    records = opening(bare, feed)
    other = POOL[0].text.replace("a share", "no share")
    changed = {"text": other, "sha256": sha256(other.encode()).hexdigest()}
    again = [feed.again(records[1]), feed.enacted(POOL[0], **changed)]
    desk = Desks(bare, [*records, *again])
    for record in [*records, *again]:
        desk.settle([record])
    assert desk.book.outcomes() == {"accrued": 3, "duplicate": 1, "rejected": 1}
    assert desk.book.commits[-1].rejected[0].code == "equivocation"
    check(desk, [*records, *again])


@pytest.mark.parametrize(
    "headers",
    [(("a\0b", b"x"),), (("\udcff", b"x"),), (("empty", b""),), (("null", None),), (("\u20ac", bytes(range(256))),)],
    ids=["NUL in a name", "no UTF-8 in a name", "empty", "null", "any bytes"],
)
def test_no_header_of_a_refused_record_stops_the_journal(bare: Bare, headers: Any) -> None:
    feed = Feed()
    records = [*opening(bare, feed), feed.record(GOJEK, b"{\0", b"\0", headers), *gigs(feed, 1)]
    desk = Desks(bare, records)
    desk.settle(records)
    assert desk.book.outcomes() == {"accrued": 4, "rejected": 1}
    (kept,) = bare.rows("SELECT key, value, headers FROM rejections")
    assert (bytes(kept[0]), bytes(kept[1])) == (b"\0", b"{\0")
    ((name, content),) = kept[2]
    assert (
        bytes.fromhex(name).decode(errors="surrogateescape"),
        None if content is None else bytes.fromhex(content),
    ) == headers[0]
    check(desk, records)


def test_every_kind_of_bad_input_is_kept_as_it_came(bare: Bare) -> None:
    feed = Feed()
    records = opening(bare, feed)
    bad = []
    for number, spoilt in enumerate(BAD):
        bad.append(feed.record(GOJEK, spoilt.value, spoilt.key, (("trace", b"\x01"),)))
        records += [bad[-1], *gigs(feed, 1, number)]
    desk = Desks(bare, records)
    desk.settle(records)
    kept = bare.rows(
        'SELECT topic, partition, "offset", timestamp_ms, key, value, headers, code FROM rejections ORDER BY 3'
    )
    expected = [
        (r.topic, r.partition, r.offset, r.timestamp_ms, r.key, r.value, [[b"trace".hex(), "01"]], b.code)
        for r, b in zip(bad, BAD, strict=True)
    ]
    assert [(*k[:4], *(None if v is None else bytes(v) for v in k[4:6]), *k[6:]) for k in kept] == expected
    check(desk, records)


def test_snapshots_are_written_and_used_and_nothing_hangs_on_them(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *[feed.gig(f"G-{n}", "W-ann", "100") for n in range(150)]]
    desk = Desks(bare, records)
    desk.settle(*cut(records[:133], [3, *[10] * 13]))
    # at the first batch's end that has 64 entries since the last: after 70 gigs, and not again before 134
    assert bare.rows("SELECT worker, as_of FROM standings") == [("W-ann", 3 + 69)]
    written = bare.rows("SELECT account FROM standings")
    check_ledger_deeply(bare.url)

    loaded: list[int] = []
    real = standings.account_of

    def account_of(worker: str, told: Any, *rest: Any) -> Any:
        loaded.extend(entry.index for entry in told)
        return real(worker, told, *rest)

    with pytest.MonkeyPatch.context() as counting:
        counting.setattr(standings, "account_of", account_of)
        desk.settle(records[133:138])
        assert loaded == list(range(73, 133))
        assert bare.rows("SELECT as_of FROM standings") == [(137,)]
        loaded.clear()
        desk.settle(records[138:143])
        assert loaded == []
        bare.act("TRUNCATE standings")
        desk.settle(records[143:])
        assert loaded == list(range(3, 143))
    assert bare.rows("SELECT as_of FROM standings") == [(152,)]
    assert bare.rows("SELECT account FROM standings") != written
    check(desk, records)


def test_a_snapshot_made_under_a_law_since_changed_is_not_used(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *[feed.gig(f"G-{n}", "W-ann", "100") for n in range(70)]]
    records += [feed.enacted(POOL[1]), *[feed.gig(f"H-{n}", "W-ann", "100") for n in range(3)]]
    desk = Desks(bare, records)
    desk.settle(records[:73])
    assert bare.rows("SELECT as_of FROM standings") == [(72,)]
    desk.settle(records[73:75])
    # entry 73 is the act, 74 the correction that it made due, 75 the gig
    assert bare.rows("SELECT as_of FROM standings") == [(75,)]
    desk.settle(records[75:])
    check(desk, records)
    # a law that takes back what another posted leaves the same standing, posted or folded
    more = [feed.enacted(POOL[2]), *[feed.gig(f"I-{n}", "W-ann", "100") for n in range(70)]]
    desk.settle(more)
    check(desk, [*records, *more])


def test_accounts_beyond_the_most_in_memory_are_forgotten_and_come_back(bare: Bare) -> None:
    feed = Feed()
    names = [f"W-{n:03}" for n in range(40)]
    records = [*opening(bare, feed), *[feed.gig(f"G-{n}", names[n * 7 % 40], "500") for n in range(160)]]
    desk = Desks(bare, records, accounts_max=8)

    async def life() -> None:
        async with desk.opened() as worker:
            for batch in cut(records, [3, *[5] * 40]):
                await worker.settle(batch)
                assert worker._state is not None
                assert len(worker._state.accounts) <= 8

    asyncio.run(life())
    check(desk, records)


# -- the inbox ---------------------------------------------------------------------------------------------------------


def run_with(desk: Desks, acts: Callable[[desks.Desk, asyncio.Task[None]], Any]) -> None:
    """Run a desk's own task beside these acts, then close it."""

    async def life() -> None:
        worker = desk.at()
        await worker.open()
        task = asyncio.create_task(worker.run())
        try:
            await acts(worker, task)
        finally:
            await worker.close()
            await task

    asyncio.run(life())


def test_what_is_put_is_settled_in_order_and_a_full_inbox_makes_putters_wait(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 40)]
    desk = Desks(bare, records, batch_events_max=4)

    async def acts(worker: desks.Desk, task: asyncio.Task[None]) -> None:
        await desk.office.turns.acquire()  # nothing can be settled until this turn is over
        for batch in cut(records[:8], [4, 4]):
            await worker.put(batch)
        while worker.waiting != 4:
            await asyncio.sleep(0)
        putting = asyncio.create_task(worker.put(records[8:]))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not putting.done()
        assert worker.waiting == 4
        desk.office.turns.release()
        await putting
        while worker.next_offsets().get(GOJEK) != 40:
            await asyncio.sleep(0.005)

    run_with(desk, acts)
    assert max(commit.events for commit in desk.book.commits) <= 4
    check(desk, records)


def test_a_closed_desk_lets_putters_go_and_takes_nothing(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 12)]
    desk = Desks(bare, records, batch_events_max=3)

    async def acts(worker: desks.Desk, task: asyncio.Task[None]) -> None:
        await worker.put(records[:3])
        while worker.next_offsets().get(feed.prefix + "iuran.control") != 3:
            await asyncio.sleep(0.005)
        await desk.office.turns.acquire()
        await worker.put(records[3:6])
        while worker.waiting:
            await asyncio.sleep(0)
        await worker.put(records[6:9])
        stuck = asyncio.create_task(worker.put(records[9:]))
        await asyncio.sleep(0)
        assert not stuck.done()
        await worker.close()
        await asyncio.wait_for(stuck, 10)
        assert worker.waiting == 0
        await worker.put(records[9:])
        assert worker.waiting == 0
        desk.office.turns.release()

    run_with(desk, acts)
    # the batch in hand was finished, the rest comes again to whoever owns the journal next
    check(desk, records[:6])
    desk.settle(records[3:])
    check(desk, records)


def test_a_fenced_desk_ends_its_task_and_is_closed(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 4)]
    desk = Desks(bare, records)
    desk.settle(records[:3])

    async def life() -> None:
        first, second = desk.at(), desk.at()
        await first.open()
        await second.open()
        task = asyncio.create_task(first.run())
        await first.put(records[3:])
        with pytest.raises(Fenced):
            await task
        assert first.closed
        await first.put(records[3:])
        assert first.waiting == 0
        await second.settle(records[3:])
        await second.let_go()

    asyncio.run(life())
    check(desk, records)


def test_a_closed_desk_never_claims_the_journal_again(bare: Bare) -> None:
    """A duplicate makes a desk open the journal anew; once closed it must not, or it would fence the next owner."""
    feed = Feed()
    own = gigs(feed, 2)
    records = [*opening(bare, feed), *own, feed.again(own[0]), feed.gig("G-9")]
    desk = Desks(bare, records)
    desk.settle(records[:5])

    async def life() -> None:
        first, second = desk.at(), desk.at()
        await first.open()
        real = standings.load_accounts
        reached = asyncio.Event()

        async def close_meanwhile(*args: Any) -> Any:
            if not reached.is_set():
                reached.set()
                await first.close()
            return await real(*args)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(desks, "load_accounts", close_meanwhile)
            before = bare.rows("SELECT commits, size FROM heads")
            await first.settle(records[5:])
            assert bare.rows("SELECT commits, size FROM heads") == before
        await second.open()
        await second.settle(records[5:])
        await second.let_go()
        await first.let_go()

    asyncio.run(life())
    check(desk, records)


def test_the_database_stays_away_and_the_desk_gives_up_within_its_time(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed()
    records = opening(bare, feed)
    desk = Desks(bare, records)
    desk.settle(records)
    desk.office = desk.office._replace(
        database_url=bare.url.replace(bare.url.split("@")[1].split("/")[0], "127.0.0.1:1")
    )
    monkeypatch.setattr(desks, "GIVE_UP_SECONDS", 0.05)
    with pytest.raises(LedgerError):
        asyncio.run(desk.at().settle(gigs(feed, 1)))
    check(desk, records)


# -- the floor ---------------------------------------------------------------------------------------------------------


def test_a_floor_opens_a_desk_only_where_it_owns_every_topics_partition(servers: Servers) -> None:
    with bare_ledger(servers, journals=3) as ledger:
        desk = Desks(ledger)
        floor = Floor(desk.office, ledger.keys, lambda error: pytest.fail(str(error)))

        async def life() -> None:
            owned = {(topic, n) for topic in desk.office.gates for n in (0, 2)} | {(GOJEK, 1), (GRAB, 1)}
            offsets = await floor.open(frozenset(owned))
            assert offsets == {(topic, n): 0 for topic in desk.office.gates for n in (0, 2)}
            assert sorted(floor.desks) == [0, 2]
            feed = Feed(2, 3)
            (worker,) = feed.workers(1)
            records = [ledger.opening(feed), feed.gig("G-1", worker)]
            await floor.put(2, records)
            await floor.put(1, records)  # not ours: dropped
            while floor.desks[2].next_offsets().get(GOJEK) != 1:
                await asyncio.sleep(0.005)
            kept = floor.desks[0]
            offsets = await floor.open(frozenset(owned))
            assert floor.desks[0] is kept
            assert offsets[GOJEK, 2] == 1
            await floor.close()
            assert not floor.desks
            await floor.put(2, records)
            offsets = await floor.open(frozenset(owned))
            assert offsets[GOJEK, 2] == 1
            await floor.close()

        asyncio.run(life())
        assert [len(ledger.leaves(n)) for n in range(3)] == [0, 0, 2]
        check_ledger_deeply(ledger.url, published=desk.outside.last(), opened=False)


def test_a_floor_says_why_a_desk_stopped_for_good(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 3)]
    desk = Desks(bare, records)
    desk.settle(records[:4])
    told: list[BaseException] = []
    floor = Floor(desk.office, bare.keys, told.append)

    async def life() -> None:
        await floor.open(frozenset((topic, 0) for topic in desk.office.gates))
        await floor.put(0, records[5:])
        while not told:
            await asyncio.sleep(0.005)
        await floor.close()

    asyncio.run(life())
    assert [type(error) for error in told] == [InvariantError]
    check(desk, records[:4])


def test_a_floor_that_may_not_open_a_journal_says_why(bare: Bare) -> None:
    feed = Feed()
    records = opening(bare, feed)
    desk = Desks(bare, records)
    desk.settle(records)
    told: list[BaseException] = []
    floor = Floor(desk.office, make_keys(1), told.append)

    async def life() -> None:
        with pytest.raises(Unfit):
            await floor.open(frozenset((topic, 0) for topic in desk.office.gates))
        await floor.close()

    asyncio.run(life())
    assert [type(error) for error in told] == [Unfit]
    assert not floor.desks
    check(desk, records)


def test_who_takes_over_from_a_floor_that_left_fences_nobody(bare: Bare) -> None:
    feed = Feed()
    records = [*opening(bare, feed), *gigs(feed, 600)]
    desk = Desks(bare, records)
    told: list[BaseException] = []
    floor = Floor(desk.office, bare.keys, told.append)
    owned = frozenset((topic, 0) for topic in desk.office.gates)

    async def life() -> None:
        await floor.open(owned)
        await floor.put(0, records[:3])
        await floor.put(0, records[3:])
        while floor.desks[0].next_offsets().get(GOJEK) is None:
            await asyncio.sleep(0)
        await floor.leave()
        assert await floor.open(owned) == {}
        async with desk.opened() as successor:
            await successor.settle(records)

    asyncio.run(life())
    assert told == []
    check(desk, records)
