"""Readers: only what is published (L8), read only, through the right index, and on again after a broken connection."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from ledger.errors import StoreUnavailable, Unfit
from ledger.store import database, standings, workers
from ledger.store import readers as module
from ledger.store.readers import Readers
from tests.support.ledgers import SmallLedger, found, gig, new_database

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def small(servers, tmp_path_factory) -> SmallLedger:
    ledger = found(servers, tmp_path_factory.mktemp("readers"), journals=1)
    ledger.publish(*(gig(f"G-{n}", f"W-{n % 3}x", "20000") for n in range(12)))
    ledger.drain()
    return ledger


def _ask(url: str, question: Callable[[Readers], Awaitable[Any]]) -> Any:
    async def asked() -> Any:
        readers = Readers(url, connections_max=2)
        await readers.open()
        try:
            return await question(readers)
        finally:
            await readers.close()

    return asyncio.run(asked())


def _sizes(small: SmallLedger, published: int) -> None:
    with psycopg.connect(small.url) as connection:
        connection.execute("UPDATE heads SET published_size = %s", (published,))


@pytest.fixture
def published(small):
    """Sets the published size for one test; the leaf count is put back afterwards."""
    yield lambda size: _sizes(small, size)
    _sizes(small, len(small.leaves(0)))


def test_at_every_published_size_exactly_the_entries_below_it_are_seen(small, published):
    leaves = small.leaves(0)

    async def everything(readers: Readers) -> tuple[Any, ...]:
        entries = [await readers.entry(0, index) for index in range(len(leaves) + 1)]
        newest = [await readers.newest(0, f"W-{n}x") for n in range(3)]
        return entries, newest, await readers.acts(0, 10**9)

    for size in range(len(leaves) + 1):
        published(size)
        entries, newest, acts = _ask(small.url, everything)
        assert entries == [*leaves[:size], *[None] * (len(leaves) + 1 - size)]
        assert all(act.leaf_index < size and act.leaf == leaves[act.leaf_index] for act in acts)
        for n, answer in enumerate(newest):
            own = [i for i, leaf in enumerate(leaves[:size]) if f'"subject":"W-{n}x"'.encode() in leaf]
            assert (answer and answer[1].leaf_index) == (own[-1] if own else None)
            assert answer is None or answer[0].size == size


def test_pages_give_each_entry_once_between_their_bounds(small):
    async def pages(readers: Readers) -> list[int]:
        return [s.leaf_index async for page in readers.pages(0, "W-1x", 5, 12) for s in page]

    own = [i for i, leaf in enumerate(small.leaves(0)) if b'"subject":"W-1x"' in leaf]
    assert _ask(small.url, pages) == [i for i in own if 5 < i < 12]


def test_a_worker_of_another_journal_is_not_found_in_this_one(small):
    assert _ask(small.url, lambda readers: readers.newest(1, "W-1x")) is None


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM entries", "UPDATE heads SET size = 0", "CREATE TABLE x (y int)"],
)
def test_nothing_can_be_written_through_a_readers_connection(small, statement):
    async def write(readers: Readers) -> None:
        await readers._ask(statement, ())

    async def write_undeterred(readers: Readers) -> None:
        await readers._ask("SELECT set_config('default_transaction_read_only', 'off', false)", ())
        await readers._ask(statement, ())

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        _ask(small.url, write)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):  # the role has no such right either
        asyncio.run(_on_one_connection(small.url, write_undeterred))


async def _on_one_connection(url: str, question: Callable[[Readers], Awaitable[Any]]) -> None:
    readers = Readers(url, connections_max=1)
    await readers.open()
    try:
        await question(readers)
    finally:
        await readers.close()


def test_a_worker_is_found_through_the_workers_index_whatever_the_statistics_say(servers):
    """Few workers in many journals: the planner would rather walk a journal's key and look for the worker in it."""
    url = new_database(servers, f"readers_{secrets.token_hex(4)}")
    database.migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO heads SELECT j, 1000, 1, '', 'vkey', 1000 FROM generate_series(0, 39) j",
        )
        connection.execute(
            'INSERT INTO entries (journal, kind, "index", event_key, worker, leaf) '
            "SELECT j, 0, i, gen_random_uuid(), 'W-' || i % 5, 'leaf' "
            "FROM generate_series(0, 39) j, generate_series(0, 499) i"
        )
        connection.execute("ANALYZE entries")

    async def plans(readers: Readers) -> str:
        asked = ((module._NEWEST, ("W-1", 3)), (module._PAGE, ("W-1", 3, -1, 10**6, 10)))
        rows = [row for ask, values in asked for row in await readers._ask("EXPLAIN " + ask, values)]
        return "\n".join(str(row[0]) for row in rows)

    plan = _ask(url, plans)
    assert plan.count("entries_worker") == 2
    assert "entries_pkey" not in plan

    async def plans_of_the_writer() -> str:
        connection = await database.connect_async(url, "writer")
        try:
            page = {"journal": 3, "after": "W-1", "most": 50, "since": 7}
            asked: Any = ((standings._SINCE, (["W-1", "W-2"], [-1, 5], 3)), (workers.PAGE, page))
            rows = [
                row for ask, values in asked async for row in await connection.execute("EXPLAIN ANALYZE " + ask, values)
            ]
            return "\n".join(str(row[0]) for row in rows)
        finally:
            await connection.close()

    plan = asyncio.run(plans_of_the_writer())
    # a worker's entries, the page's first name, the name behind each, and whether they are up to date
    assert plan.count("entries_worker") == 4
    assert plan.count("entries_known") == 2
    assert "entries_pkey" not in plan

    async def plan_of_event(readers: Readers) -> str:
        keys = [secrets.token_bytes(16).hex() for _ in range(256)]
        return "\n".join(str(row[0]) for row in await readers._ask("EXPLAIN " + module._OF_EVENT, (keys,)))

    plan = _ask(url, plan_of_event)
    assert "entries_event_key" in plan
    assert "Seq Scan on entries" not in plan


def test_a_question_is_asked_again_when_the_server_dropped_the_connection(small):
    async def story(readers: Readers) -> Any:
        await readers.check()
        with psycopg.connect(small.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'iuran-reader'"
            )
        return [await readers.newest(0, "W-1x") for _ in range(5)]

    answers = _ask(small.url, story)
    assert all(answer is not None for answer in answers)


def test_a_database_that_is_away_is_breakage_with_a_known_outcome(small, monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.3)
    away = "postgresql://iuran@127.0.0.1:1/iuran"
    with pytest.raises(StoreUnavailable) as unavailable:
        _ask(away, lambda readers: readers.check())
    assert unavailable.value.outcome_known


def test_another_schema_than_at_start_up_is_unfit(servers):
    url = new_database(servers, f"readers_{secrets.token_hex(4)}")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        connection.execute("GRANT SELECT ON alembic_version TO iuran_reader")

    async def story(readers: Readers) -> None:
        await readers.check()
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0002'")
        with pytest.raises(Unfit, match="expected 0001, got 0002"):
            await readers.check()

    _ask(url, story)
