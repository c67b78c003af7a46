"""Accounts loaded from the database: what was stored is what folding gives, and what does not fit stops (L1, L9)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from contracts.entry import event_key
from deploy.embedded.stack import Servers
from ledger.accounts import Loaded
from ledger.acts import Acts
from ledger.domain.language import parse
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from ledger.errors import InvariantError, StoreUnavailable
from ledger.store import database
from ledger.store.standings import SNAPSHOT_ENTRIES, load_accounts, taken
from tests.support.databases import Bare, bare_ledger, make_keys
from tests.support.deep import check_ledger_deeply
from tests.support.faults import Desks, kill
from tests.support.replica import Replica
from tests.support.strategies import GIGWISE, GOJEK, POOL, Feed

pytestmark = pytest.mark.stack

WORKERS = ("W-ann", "W-ben", "W-cut")


@pytest.fixture(scope="module")
def told(servers: Servers) -> Iterator[tuple[Bare, Replica]]:
    """A journal in which W-ann has a snapshot and entries after it, W-ben entries only; tests only read it."""
    with bare_ledger(servers) as ledger:
        feed = Feed()
        records = [ledger.opening(feed), feed.enacted(POOL[0])]
        records += [feed.gig(f"G-{n}", "W-ann", "90") for n in range(SNAPSHOT_ENTRIES)]
        later = [feed.gig("H-1", "W-ben"), feed.gig("H-2", "W-ann"), feed.gig("H-3", "W-ben")]
        desk = Desks(ledger, records)
        desk.settle(records, later)
        check_ledger_deeply(ledger.url)
        yield ledger, Replica(secret=ledger.secrets[0]).settle([*records, *later])


def load(ledger: Bare, workers: Sequence[str], registry: Registry) -> dict[str, Loaded]:
    """What a writer loads."""

    async def life() -> dict[str, Loaded]:
        connection = await database.connect_async(ledger.url, "writer")
        try:
            return await load_accounts(connection, 0, workers, Acts(registry))
        finally:
            await connection.close()

    return asyncio.run(life())


def test_accounts_are_the_folds_of_their_entries_snapshot_or_not(told: tuple[Bare, Replica]) -> None:
    ledger, replica = told
    registry = replica.registry()
    assert ledger.rows("SELECT worker FROM standings") == [("W-ann",)]
    loaded = load(ledger, WORKERS, registry)
    assert {worker: account for worker, (account, _, _) in loaded.items()} == {
        worker: replica.account(worker, registry) for worker in WORKERS
    }
    assert {worker: unsaved for worker, (_, unsaved, _) in loaded.items()} == {"W-ann": 1, "W-ben": 2, "W-cut": 0}
    stranger = Account("W-cut")
    stranger.catch_up(registry)
    assert loaded["W-cut"] == (stranger, 0, False)
    assert load(ledger, [], registry) == {}


def test_a_snapshot_under_a_law_since_changed_is_left_aside(told: tuple[Bare, Replica]) -> None:
    ledger, replica = told
    registry = replica.registry().enact(POOL[1])
    account, unsaved, _ = load(ledger, ["W-ann"], registry)["W-ann"]
    assert unsaved == SNAPSHOT_ENTRIES + 1
    assert account == replica.account("W-ann", registry)


def test_a_scheme_that_changes_no_window_leaves_the_snapshot_in_use(told: tuple[Bare, Replica]) -> None:
    ledger, replica = told
    later = parse(GIGWISE.text.replace('"2026-01-01"', '"2027-01-01"'), "later")
    account, unsaved, _ = load(ledger, ["W-ann"], replica.registry().enact(later))["W-ann"]
    assert unsaved == 1
    assert account.balances == replica.account("W-ann", replica.registry()).balances


def test_another_journals_entries_are_not_folded(told: tuple[Bare, Replica]) -> None:
    ledger, replica = told

    async def life() -> Any:
        connection = await database.connect_async(ledger.url, "writer")
        try:
            return await load_accounts(connection, 1, ["W-ann"], replica.acts())
        finally:
            await connection.close()

    stranger = Account("W-ann")
    stranger.catch_up(replica.registry())
    assert asyncio.run(life()) == {"W-ann": (stranger, 0, False)}


def test_taken_gives_the_content_of_accepted_events_only(told: tuple[Bare, Replica]) -> None:
    ledger, _ = told
    source = "urn:iuran:platform:gojek"
    known, stranger = event_key(0, source, "H-1"), event_key(0, source, "H-9")

    async def life() -> Any:
        connection = await database.connect_async(ledger.url, "writer")
        try:
            return await taken(connection, [known, stranger]), await taken(connection, [])
        finally:
            await connection.close()

    found, none = asyncio.run(life())
    assert list(found) == [known]
    type_, subject, time, data = found[known]
    assert (type_, subject, time) == ("gig.completed.v1", "W-ben", "2026-03-05T08:15:30Z")
    assert data.startswith(b'{"components":[{"amount":"20000"')
    assert none == {}


@pytest.mark.parametrize("change", ["accrued", "snapshot"])
def test_l1_balances_that_do_not_follow_stop(servers: Servers, change: str) -> None:
    with bare_ledger(servers) as ledger:
        feed = Feed()
        records = [ledger.opening(feed), feed.enacted(POOL[0])]
        records += [feed.gig(f"G-{n}", "W-ann", "90") for n in range(SNAPSHOT_ENTRIES + 1)]
        desk = Desks(ledger, records)
        desk.settle(records[:-1], records[-1:])
        if change == "accrued":
            spoil = "UPDATE entries SET leaf = replace(encode(leaf, 'escape'), '\"accrued\":', '\"accrued\":1')::bytea"
            ledger.tamper("entries", f'{spoil} WHERE "index" = 66')
        else:
            kept = 'replace(encode(account, \'escape\'), \'"A","IDR",\', \'"A","IDR",1\')'
            spoil = f"UPDATE standings SET account = {kept}::bytea"
            ledger.act(spoil)
        registry = Registry().enact(POOL[0])
        with pytest.raises(InvariantError, match="L1"):
            load(ledger, ["W-ann"], registry)


def test_a_database_that_breaks_off_says_so(told: tuple[Bare, Replica]) -> None:
    ledger, replica = told

    async def life() -> None:
        connection = await database.connect_async(ledger.url, "writer")
        await asyncio.to_thread(kill, ledger.url, connection.info.backend_pid)
        with pytest.raises(StoreUnavailable):
            await load_accounts(connection, 0, ["W-ann"], replica.acts())
        with pytest.raises(StoreUnavailable):
            await taken(connection, [bytes(16)])

    asyncio.run(life())


def test_the_standings_can_be_rebuilt_and_a_restart_uses_them(servers: Servers) -> None:
    """Emptied or kept, used or not: the next leaves are the same."""
    leaves = []
    own = make_keys(1)
    for emptied in (False, True):
        with bare_ledger(servers, own=own) as ledger:
            feed = Feed()
            records = [ledger.opening(feed), feed.enacted(POOL[0])]
            records += [feed.gig(f"G-{n}", "W-ann", "90", GOJEK) for n in range(SNAPSHOT_ENTRIES + 6)]
            desk = Desks(ledger, records)
            desk.settle(records[:-3])
            if emptied:
                ledger.act("TRUNCATE standings")
            desk.settle(records[-3:])
            check_ledger_deeply(ledger.url, opened=True)
            leaves.append(ledger.leaves())
    assert leaves[0] == leaves[1]
