"""A close at work on the real database: whom it loads, where it thinks, what it holds, and that it lets go."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from contracts.codec import Record
from deploy.embedded.stack import Servers
from ledger.domain.standing import Account
from ledger.parts import Part
from streams import closer, closes, rows, spool
from streams import desk as desks
from tests.support.corrections import FLAT, MIXED, changed, kinds, mixed, paid
from tests.support.databases import Bare, bare_ledger
from tests.support.faults import Desks, kill
from tests.support.replica import Replica
from tests.support.strategies import CUTS, FEWER, POOL, Feed, cut

pytestmark = pytest.mark.stack


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with one empty journal."""
    with bare_ledger(servers) as ledger:
        yield ledger


def leaves_of(records: list[Record], ledger: Bare) -> list[bytes]:
    """What the journal must hold after these records."""
    return Replica(secret=ledger.secrets[0]).settle(records).leaves


@settings(FEWER, suppress_health_check=list(HealthCheck))
@given(MIXED, CUTS)
def test_l4_one_desk_that_keeps_its_accounts_over_closes_writes_the_replicas_leaves(
    servers: Servers, told: tuple[list[Any], list[Any]], lengths: list[int]
) -> None:
    with bare_ledger(servers) as ledger:
        records = mixed(told)
        Desks(ledger, records).settle(*cut(records, lengths))
        assert ledger.leaves(0) == leaves_of(records, ledger)


class Loads:
    """Notes whose accounts a close loads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workers: list[str] = []
        self.whole: list[str] = []
        real = closer.leaves_in_lots

        def noted(connection: Any, journal: int, as_of: Any, leaves_min: int) -> Any:
            self.workers += as_of
            self.whole += [worker for worker, index in as_of.items() if index < 0]
            return real(connection, journal, as_of, leaves_min)

        monkeypatch.setattr(closer, "leaves_in_lots", noted)


def posting_with_gigs(feed: Feed) -> list[Record]:
    """A journal in which nothing acts at a close, and one of four workers has paid something in."""
    return [
        *(feed.platform(name) for name in ("gojek", "grab")),
        feed.enacted(POOL[0]),
        *(feed.gig(f"G-{worker}", worker) for worker in ("W-ann", "W-ben", "W-cut", "W-dan")),
        paid(feed, "W-cut", "5"),
    ]


def test_a_close_that_brings_nothing_loads_nobody_but_who_has_paid(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed()
    records = posting_with_gigs(feed)
    close = feed.closed("2026-03")
    later = [feed.gig("G-late", "W-ann", "700"), feed.closed("2026-02")]
    desk = Desks(bare, [*records, close, *later])
    desk.settle(records)
    loads = Loads(monkeypatch)
    desk.settle([close])  # by a desk that has nobody in memory
    assert loads.workers == ["W-cut"]
    desk.settle(later)
    assert bare.leaves(0) == leaves_of([*records, close, *later], bare)


def test_whoever_an_act_made_due_is_loaded_whole_and_nobody_else(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed()
    records = [*posting_with_gigs(feed), feed.enacted(POOL[1]), feed.gig("G-2", "W-ben")]
    close = feed.closed("2026-03")
    desk = Desks(bare, [*records, close])
    desk.settle(records)
    loads = Loads(monkeypatch)
    desk.settle([close])
    assert sorted(loads.workers) == ["W-ann", "W-cut", "W-dan"]  # W-ben was corrected by the gig
    assert kinds([*map(_entry, bare.leaves(0))])[-4:] == ["close", "correction", "correction", "correction"]
    assert bare.leaves(0) == leaves_of([*records, close], bare)


def _entry(leaf: bytes) -> dict[str, Any]:
    return dict(json.loads(leaf))


def crowd(feed: Feed, count: int) -> list[Record]:
    """A journal with so many workers, to each of whom a close brings two parts."""
    first = [*(feed.platform(name) for name in ("gojek", "grab")), feed.enacted(FLAT)]
    return [*first, *(changed(feed, worker, "500000") for worker in feed.workers(count))]


def test_all_of_a_close_is_thought_in_the_thread_for_it_and_the_loop_answers_meanwhile(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed()
    records = crowd(feed, 60)
    close = feed.closed("2026-03")
    desk = Desks(bare, [*records, close])
    desk.settle(records)
    expected = leaves_of([*records, close], bare)
    where: dict[str, set[str]] = {}

    def note(module: Any, name: str) -> None:
        real = getattr(module, name)

        def noted(*given: Any, **more: Any) -> Any:
            where.setdefault(name, set()).add(threading.current_thread().name.partition("_")[0])
            return real(*given, **more)

        monkeypatch.setattr(module, name, noted)

    note(closes, "parts_of")
    note(closes, "go_on")
    note(closer, "booked")
    note(spool, "_encode")
    note(spool, "_decode")
    note(desks, "write_of")
    monkeypatch.setattr(desks, "FEW_RECORDS", 1)
    monkeypatch.setattr(closes, "SLICE_WORKERS", 20)
    turns: list[int] = []
    real_parts_of = closer._Working.parts_of

    async def counted(self: Any, workers: Any) -> Any:
        turns.append(beats[0])
        return await real_parts_of(self, workers)

    monkeypatch.setattr(closer._Working, "parts_of", counted)
    beats = [0]

    async def beat() -> None:
        while True:
            beats[0] += 1
            await asyncio.sleep(0)

    async def life() -> None:
        async with desk.opened() as own:
            heart = asyncio.create_task(beat())
            await own.settle([close])
            heart.cancel()

    asyncio.run(life())
    assert bare.leaves(0) == expected
    # its first entry, alone, is written where few entries are
    assert where.pop("write_of") == {"MainThread", "thinking"}
    assert where == {name: {"thinking"} for name in ("parts_of", "go_on", "booked", "_encode", "_decode")}
    # between two pages the loop went round
    assert len(turns) == 3 and turns[0] < turns[1] < turns[2]


@pytest.mark.parametrize("count", [40, 160])
def test_what_is_in_memory_hangs_on_pages_and_lots_and_not_on_the_workers(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    feed = Feed()
    records = crowd(feed, count)
    close = feed.closed("2026-03")
    desk = Desks(bare, [*records, close])
    desk.settle(records)
    monkeypatch.setattr(closes, "SLICE_WORKERS", 10)
    monkeypatch.setattr(closes, "LOT_PARTS", 10)
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    most: dict[type, int] = {Account: 0, Part: 0}

    def sampled(module: Any, name: str) -> None:
        real = getattr(module, name)

        def counted(*given: Any) -> Any:
            for kind, before in most.items():
                most[kind] = max(before, sum(type(own) is kind for own in gc.get_objects()))
            return real(*given)

        monkeypatch.setattr(module, name, counted)

    sampled(closes, "parts_of")
    sampled(closes, "go_on")
    gc.collect()
    gc.freeze()  # so that only what is made from here on is looked through
    try:
        desk.settle([close])
    finally:
        gc.unfreeze()
    assert bare.rows("SELECT count(*) FROM entries WHERE kind = 10 AND worker IS NOT NULL") == [(count,)]
    assert most[Account] <= 10 + 2
    assert most[Part] <= 2 * 10 * 2 + 10


def test_a_desk_that_gives_its_journal_up_stops_at_the_next_page_or_lot(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed()
    records = crowd(feed, 12)
    close = feed.closed("2026-03")
    desk = Desks(bare, [*records, close])
    desk.settle(records)
    monkeypatch.setattr(closes, "SLICE_WORKERS", 4)
    monkeypatch.setattr(closes, "LOT_PARTS", 4)

    def broken_off(name: str, times: int) -> int:
        """Close the desk when this is called for the so many-th time; give how many entries there are then."""
        real, left = getattr(closes, name), [times]

        async def life() -> None:
            async with desk.opened() as own:

                def called(*given: Any) -> Any:
                    left[0] -= 1
                    if not left[0]:
                        asyncio.run_coroutine_threadsafe(own.close(), loop).result()
                    return real(*given)

                loop = asyncio.get_running_loop()
                with monkeypatch.context() as patched:
                    patched.setattr(closes, name, called)
                    await own.settle([close])
                assert own.next_offsets()["iuran.control"] == close.offset

        asyncio.run(life())
        return int(bare.rows("SELECT size FROM heads")[0][0])

    assert broken_off("parts_of", 5) == len(records)  # while it is worked out nothing is written
    assert broken_off("go_on", 2) == len(records) + 1 + 2 * 4
    desk.settle([close])
    assert bare.leaves(0) == leaves_of([*records, close], bare)


@pytest.mark.parametrize("asked", ["page_of_workers", "snapshots_of", "leaves_in_lots"])
def test_the_database_breaks_off_while_a_close_reads_and_it_is_tried_again(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    feed = Feed()
    records = crowd(feed, 6)
    close = feed.closed("2026-03")
    desk = Desks(bare, [*records, close])
    desk.settle(records)
    monkeypatch.setattr(desks, "BACK_OFF_SECONDS", (0.0,))
    monkeypatch.setattr(closes, "SLICE_WORKERS", 2)
    real, calls = getattr(closer, asked), [0]

    def breaking(connection: Any, *given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            kill(bare.url, connection.info.backend_pid)
        return real(connection, *given)

    monkeypatch.setattr(closer, asked, breaking)
    desk.settle([close])
    assert calls[0] > 3
    assert bare.leaves(0) == leaves_of([*records, close], bare)


def test_a_worker_whose_whole_life_is_wanted_is_loaded_from_the_first_entry(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an act has reached back into what a snapshot holds, and where it has into what came since."""
    monkeypatch.setattr(rows, "SNAPSHOT_ENTRIES", 3)
    monkeypatch.setattr(closer, "LEAVES_MIN", 2)
    feed = Feed()
    records = [*(feed.platform(name) for name in ("gojek", "grab")), feed.enacted(POOL[0])]
    early = [feed.gig(f"G-{n}", "W-ann", "4000", time="2026-02-03T10:00:00Z") for n in range(3)]
    records += [*early, feed.gig("G-8", "W-ann")]
    records += [feed.gig(f"H-{n}", "W-ben") for n in range(4)]
    records += [feed.gig(f"J-{n}", "W-cut", "500", time="2026-02-05T10:00:00Z") for n in range(4)]
    records += [feed.enacted(POOL[2])]  # from March on
    close = feed.closed("2026-03")
    desk = Desks(bare, [*records, close])
    desk.settle(*[[record] for record in records])
    assert bare.rows("SELECT worker FROM standings ORDER BY 1") == [("W-ann",), ("W-ben",), ("W-cut",)]
    loads = Loads(monkeypatch)
    desk.settle([close])
    assert (sorted(loads.workers), sorted(loads.whole)) == (["W-ann", "W-ann", "W-ben", "W-cut"], ["W-ann", "W-ben"])
    assert bare.leaves(0) == leaves_of([*records, close], bare)
