"""A close at work in one journal: loads workers in slices, has them worked out, commits slice by slice.

The desk hands over the close's record and how far an earlier attempt came; nothing else of the journal is decided until
`work_out` returns. A crash at any instant leaves whole workers, and the next opening goes on behind them: the same way
taken again. What a close is stands in `streams.closes`, which is pure. Upholds L3 and L4.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import InvariantError
from ledger.store.standings import load_accounts, load_books, workers_of
from streams import closes
from streams.needs import BOOKS_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from concurrent.futures import Executor

    import psycopg

    from ledger.accounts import Loaded
    from ledger.acts import Acts
    from ledger.books import Line
    from ledger.parts import Part
    from streams.closes import Closing, UnderWay
    from streams.needs import Decoded
    from streams.writing import Decision, State


KEPT_PARTS_MAX: Final = 20_000
"""Parts that are kept from counting to writing; of a greater close they are worked out twice, so memory stays flat."""


class Place(NamedTuple):
    """Where a close is worked out: the journal's state and connection, the thread that decides, and how to commit.

    `commit` takes the records that are done with it (the close's own with its last part) and the decision.
    """

    state: State
    connection: psycopg.AsyncConnection
    thinking: Executor
    commit: Callable[[Sequence[Decoded], Decision], Awaitable[None]]


async def work_out(decoded: Decoded, place: Place, done: UnderWay | None, before: Acts | None) -> None:
    """Write all parts of a close that are not written yet. `done` and `before` (the acts without it) after a crash.

    Raises InvariantError (L4) when there are not as many as were counted, and what loading and committing raise.
    """
    state = place.state
    state.accounts.clear()
    kept: list[list[tuple[str, Sequence[Part]]]] | None = None
    workers = await workers_of(place.connection, state.journal)
    if done is None or before is None:
        closing = closes.closing_of(decoded, state.acts.copy())
        count, kept = await _count(closing, place, workers)
        count += 1
        await place.commit([decoded] if count == 1 else [], closes.begin(closing, state, count))
        written = 1
    else:
        closing = closes.closing_of(decoded, before)
        written, count = done.part, done.parts
        workers = [worker for worker in workers if worker > done.worker]
    for number, some in enumerate(_slices(workers)):
        if written == count:
            break
        own = await _slice(closing, state.acts, place, some) if kept is None else kept[number]
        if own:
            decision = closes.go_on(closing, state, written, count, own)
            written += sum(len(parts) for _, parts in own)
            await place.commit([decoded] if written == count else [], decision)
    if written != count:
        raise InvariantError("L4", f"journal {state.journal}: expected {count} parts of a close, got {written}")
    state.accounts.clear()


async def _count(
    closing: Closing, place: Place, workers: Sequence[str]
) -> tuple[int, list[list[tuple[str, Sequence[Part]]]] | None]:
    """Give how many parts these workers have, and the parts slice by slice while they are few enough to keep."""
    acts = place.state.acts.copy()
    acts.close(closing.closed, place.state.size)
    count = 0
    kept: list[list[tuple[str, Sequence[Part]]]] | None = []
    for some in _slices(workers):
        own = await _slice(closing, acts, place, some)
        count += sum(len(parts) for _, parts in own)
        if kept is not None:
            kept.append(own)
        if count > KEPT_PARTS_MAX:
            kept = None
    return count, kept


async def _slice(
    closing: Closing, acts: Acts, place: Place, workers: Sequence[str]
) -> list[tuple[str, Sequence[Part]]]:
    """Give the parts of those of these workers that have any, in their order; nothing is kept in memory."""
    think = asyncio.get_running_loop().run_in_executor
    journal = place.state.journal
    accounts = await load_accounts(place.connection, journal, workers, closing.before)
    due = [worker for worker in workers if accounts[worker].due]
    made: dict[str, list[Part]] = {}
    for start in range(0, len(due), BOOKS_MAX):
        some = due[start : start + BOOKS_MAX]
        books = await load_books(place.connection, journal, some, closing.before)
        made |= await think(place.thinking, _close_all, closing, acts, accounts, some, books)
    rest = [worker for worker in workers if worker not in made]
    made |= await think(place.thinking, _close_all, closing, acts, accounts, rest, {})
    return [(worker, made[worker]) for worker in workers if made[worker]]


def _close_all(
    closing: Closing,
    acts: Acts,
    accounts: Mapping[str, Loaded],
    workers: Sequence[str],
    books: Mapping[str, list[Line]],
) -> dict[str, list[Part]]:
    return {
        worker: closes.parts_of(closing, accounts[worker].account, acts, accounts[worker].due, books.get(worker, []))
        for worker in workers
    }


def _slices(workers: Sequence[str]) -> list[Sequence[str]]:
    return [workers[start : start + closes.SLICE_WORKERS] for start in range(0, len(workers), closes.SLICE_WORKERS)]
