"""Corrections and closes on the real database: the replica's bytes, also when a close breaks off anywhere (L3, L4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from contracts.codec import Record
from deploy.embedded.stack import Servers
from ledger.errors import LedgerError
from streams import closes, spool
from streams import desk as desks
from tests.support.corrections import FLAT, PERIODS, STEPS, changed, paid, story
from tests.support.databases import Bare, bare_ledger
from tests.support.deep import check_ledger_deeply
from tests.support.faults import Desks, Moment, breaking
from tests.support.replica import Replica
from tests.support.strategies import CUTS, FEWER, POOL, Feed, cut

pytestmark = pytest.mark.stack


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with one empty journal."""
    with bare_ledger(servers) as ledger:
        yield ledger


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off for no time at all, and close workers one by one."""
    monkeypatch.setattr(desks, "BACK_OFF_SECONDS", (0.0,))
    monkeypatch.setattr(closes, "SLICE_WORKERS", 1)
    monkeypatch.setattr(closes, "LOT_PARTS", 1)


def check(desk: Desks, records: list[Record]) -> None:
    ledger = desk.ledger
    check_ledger_deeply(
        ledger.url, published=desk.outside.last(), secrets=dict(enumerate(ledger.secrets)), opened=False
    )
    replica = Replica(secret=ledger.secrets[0]).settle(records)
    assert ledger.leaves(0) == replica.leaves
    stored = ledger.rows("SELECT topic, next_offset, duplicates, gap FROM positions WHERE journal = 0")
    read = {topic: position for topic, *position in stored if position != [0, 0, 0]}
    assert read == {topic: list(position) for topic, position in replica.positions.items()}


@settings(FEWER, suppress_health_check=list(HealthCheck))
@given(STEPS, PERIODS, CUTS)
def test_l4_a_desk_that_starts_anew_for_each_batch_writes_the_replicas_leaves(
    servers: Servers, steps: list[Any], periods: list[str], lengths: list[int]
) -> None:
    with bare_ledger(servers) as ledger:
        records = story(steps, periods)
        desk = Desks(ledger, records)
        told: list[Record] = []
        for batch in cut(records, lengths):
            told += batch
            desk.settle(told)  # what was read before comes again
        check(desk, records)


def closing(feed: Feed) -> list[Record]:
    """A journal with four workers to whom a close brings something, one of them a correction first."""
    return [
        *(feed.platform(name) for name in ("gojek", "grab")),
        *(feed.enacted(version) for version in (FLAT, POOL[0])),
        feed.gig("G-1", "W-cut", "10000"),
        *(changed(feed, worker, "500000") for worker in ("W-ann", "W-ben", "W-dan")),
        feed.enacted(POOL[1]),
        feed.closed("2026-03"),
        paid(feed, "W-cut", "5"),
    ]


@pytest.mark.parametrize("moment", ["before", "in", "after"])
@pytest.mark.parametrize("which", range(6))
def test_a_close_that_breaks_off_goes_on_where_it_stopped(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, which: int, moment: Moment
) -> None:
    # what was worked out waits in memory, or in a file
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1_000_000 if which % 2 else 100)
    records = closing(Feed())
    desk = Desks(bare, records)
    desk.settle(records[:-2])
    with breaking(bare, monkeypatch) as breaks:
        breaks.at = {which: moment}
        try:
            desk.settle(records[-2:])
        except LedgerError:
            assert which == 0  # the opening itself: the process is started again
            desk.settle(records[-2:])
        assert breaks.happened == 1
    check(desk, records)


def test_a_close_left_half_way_is_finished_before_anything_else(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed()
    records = closing(feed)
    gig = feed.gig("G-2", "W-ann", "700")
    desk = Desks(bare, [*records, gig])
    desk.settle(records[:-2])
    with breaking(bare, monkeypatch) as breaks, monkeypatch.context() as patched:
        breaks.at = {3: "before"}
        patched.setattr(desks, "GIVE_UP_SECONDS", -1.0)
        with pytest.raises(LedgerError):
            desk.settle(records[-2:])
    size = bare.rows("SELECT size FROM heads")[0][0]
    # another process starts, and the gig is there before the operator's record comes again
    desk.settle([gig])
    assert bare.rows("SELECT size FROM heads") == [(size,)]
    desk.settle([gig], records[-2:])
    check(desk, [*records[:-1], gig, records[-1]])


def kinds(bare: Bare) -> list[str]:
    """The kinds of all entries."""
    return [str(json.loads(leaf)["kind"]) for leaf in bare.leaves(0)]


def test_a_close_waits_in_the_desk(bare: Bare) -> None:
    feed = Feed()
    first = closing(feed)[:-2]
    close = feed.closed("2026-02", {"gigs.gojek": 3})
    late = [feed.gig("G-2", "W-ann"), feed.gig("G-3", "W-ann"), feed.gig("G-4", "W-ann")]
    desk = Desks(bare, [*first, close, *late])
    desk.settle([*first, close], late[:1], late[1:])
    told = kinds(bare)
    at = told.index("close")
    assert (told[:at].count("accrual"), told[at:].count("accrual")) == (3, 1)
    check(desk, [*first, close, *late])
