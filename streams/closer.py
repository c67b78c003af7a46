"""A close at work in one journal: goes through its workers page by page, spools what comes of them, commits it in lots.

The desk hands over the close's record and how far an earlier attempt came; nothing else of the journal is decided until
`work_out` returns. Accounts that the desk holds are closed as they are; others are loaded in bulk, folded and let go.
Those are not loaded to whom it can bring nothing. A crash at any instant leaves
whole workers, and the next opening goes on behind them: the same way taken again. All that is worked out is worked out
in the thread that thinks, so that the event loop answers its sockets; what is in memory at once hangs on the sizes of
pages and lots. What a close is stands in `streams.closes`, which is pure. Upholds L3 and L4.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, TypeVarTuple

from contracts import entry as entries
from ledger import parts
from ledger.accounts import booked
from ledger.domain.fold import UntoldGig
from ledger.errors import InvariantError
from ledger.store.standings import leaves_in_lots, snapshots_of, usable
from ledger.store.workers import page_of_workers
from streams import closes
from streams.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    import psycopg

    from ledger.acts import Acts
    from ledger.domain.standing import Account
    from ledger.parts import Part
    from ledger.store.workers import Known
    from streams.closes import Closing, UnderWay
    from streams.needs import Decoded
    from streams.writing import Decision, State

    Made = dict[str, list[Part]]

Given = TypeVarTuple("Given")
Thought = TypeVar("Thought")

LEAVES_MIN: Final = 4_000
"""Entries, or more, that are folded at a time: as long as another journal's batch waits for the thread that thinks."""


class Place(NamedTuple):
    """Where a close is worked out: the journal's state and connection, the thread that decides, and how to commit.

    `commit` takes the records that are done with it (the close's own with its last part) and the decision; `given_up`
    tells whether the journal is another's by now.
    """

    state: State
    connection: psycopg.AsyncConnection
    thinking: Executor
    commit: Callable[[Sequence[Decoded], Decision], Awaitable[None]]
    given_up: Callable[[], bool]


async def work_out(decoded: Decoded, place: Place, done: UnderWay | None, before: Acts | None) -> bool:
    """Write all parts of a close that are not written yet; False when it was given up meanwhile, at any of them.

    `done` and `before` (the acts without it) after a crash. Raises InvariantError (L4) when there are not as many parts
    as an earlier attempt had counted, SpoolError, and what loading and committing raise.
    """
    state = place.state
    if done is None or before is None:
        closing, acts = closes.closing_of(decoded, state.acts.copy()), state.acts.copy()
        acts.close(closing.closed, state.size)
    else:
        closing, acts = closes.closing_of(decoded, before), state.acts
    working = _Working(closing, acts, place)
    with Spool() as spool:
        async for some in working.pages("" if done is None else done.worker):
            if place.given_up():
                return False
            made = await working.parts_of(some)
            await working.think(spool.put, made)
        if done is None:
            written, count = 1, spool.parts + 1
            await place.commit([decoded] if count == 1 else [], closes.begin(closing, state, count))
        else:
            written, count = done.part, done.parts
        if written + spool.parts != count:
            told = f"expected {count - written} more parts of a close, got {spool.parts}"
            raise InvariantError("L4", f"journal {state.journal}: {told}")
        lots = spool.lots(closes.LOT_PARTS)
        while written < count:
            if place.given_up():
                return False
            decision = await working.think(_next, closing, state, written, count, lots)
            written += len(decision.written)
            await place.commit([decoded] if written == count else [], decision)
    return True


def _next(
    closing: Closing, state: State, written: int, count: int, lots: Iterator[list[tuple[str, list[Part]]]]
) -> Decision:
    return closes.go_on(closing, state, written, count, next(lots))


class _Working:
    """One close being worked out for the workers of a journal; `acts` are those with it."""

    def __init__(self, closing: Closing, acts: Acts, place: Place) -> None:
        self.closing, self.acts, self.place = closing, acts, place
        self.journal, self.accounts = place.state.journal, place.state.accounts
        self.heard_by = parts.close_heard_by(closing.closed, acts)

    async def pages(self, after: str) -> AsyncIterator[Sequence[Known]]:
        """Give the workers of the journal in order of name, after this one."""
        connection, most, since = self.place.connection, closes.SLICE_WORKERS, self.closing.before.changed_at
        while page := await page_of_workers(connection, self.journal, after, most, since):
            yield page
            after = page[-1].worker

    async def parts_of(self, workers: Sequence[Known]) -> list[tuple[str, list[Part]]]:
        """Give the parts of those of these workers that have any, in their order."""
        made: Made = await self.think(self._close_held, workers)
        rest = [own.worker for own in workers if own.worker not in made and self._is_concerned(own)]
        stored = await snapshots_of(self.place.connection, self.journal, rest) if rest else {}
        snapshots = await self.think(usable, stored, self.closing.before)
        whole = await self._load(made, rest, snapshots)
        await self._load(made, whole, {})
        return [(own.worker, made[own.worker]) for own in workers if made.get(own.worker)]

    def _is_concerned(self, worker: Known) -> bool:
        """Tell whether the close may bring a worker something; nobody looks at the others (`closing.heard_by`)."""
        if self.heard_by == "all" or worker.paid or not worker.up_to_date:
            return True
        return self.heard_by == "stated" and worker.stated

    def _close_held(self, workers: Sequence[Known]) -> Made:
        made: Made = {}
        for known in workers:
            concerned = self._is_concerned(known)
            own = closes.close_held(self.closing, self.accounts, known.worker, self.acts, concerned)
            if own is not None:
                made[known.worker] = own
        return made

    async def _load(
        self, made: Made, workers: Sequence[str], snapshots: Mapping[str, tuple[int, Account]]
    ) -> list[str]:
        """Work workers out from their entries; give those for whom these do not go back far enough."""
        if not workers:
            return []
        as_of = {worker: snapshots[worker][0] if worker in snapshots else -1 for worker in workers}
        again: list[str] = []
        async with aclosing(leaves_in_lots(self.place.connection, self.journal, as_of, LEAVES_MIN)) as lots:
            async for lot in lots:
                again += await self.think(self._close_stored, made, lot, snapshots)
                for worker in lot:
                    del as_of[worker]
        return again + await self.think(self._close_stored, made, dict.fromkeys(as_of, ()), snapshots)

    def _close_stored(
        self, made: Made, leaves: Mapping[str, Sequence[bytes]], snapshots: Mapping[str, tuple[int, Account]]
    ) -> list[str]:
        again = []
        for worker, own in leaves.items():
            index, account = snapshots.get(worker, (-1, None))
            try:
                loaded, book = booked(worker, list(map(entries.read, own)), self.closing.before, account, index)
            except UntoldGig:
                again.append(worker)
                continue
            if loaded.due and account is not None:
                again.append(worker)
                continue
            told = book if loaded.due else ()
            made[worker] = closes.parts_of(self.closing, loaded.account, self.acts, loaded.due, told)
        return again

    async def think(self, function: Callable[[*Given], Thought], *given: *Given) -> Thought:
        """Call a function in the thread that thinks."""
        return await asyncio.get_running_loop().run_in_executor(self.place.thinking, function, *given)
