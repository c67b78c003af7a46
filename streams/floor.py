"""The floor: the desks that are open in this process, and who may open one.

Desk n is open only while this process owns partition n of every registered topic; a rebalance closes all desks and
opens those that are owned afterwards, each from its journal's head. Whoever hands records over to a desk that was
closed meanwhile is let go at once, and the records come again elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import count
from typing import TYPE_CHECKING

from ledger.errors import InvariantError, LedgerError, Unfit
from streams.desk import BACK_OFF_SECONDS, GIVE_UP_SECONDS, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contracts.codec import Record
    from ledger.store.keystore import KeyStore
    from streams.office import Office


log = logging.getLogger(__name__)


class Floor:
    """Opens, feeds and closes the desks of one process."""

    def __init__(self, office: Office, keys: KeyStore, failed: Callable[[BaseException], None]) -> None:
        """`failed` is told when a desk stopped for good: the process should leave, so that another takes over."""
        self.desks: dict[int, Desk] = {}
        self._office = office
        self._keys = keys
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()
        self._moving = asyncio.Lock()
        self._given_up = 0
        self._leaving = False

    async def open(self, assigned: frozenset[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """Open a desk for each journal whose every topic's partition is assigned; give the next offsets of those.

        Desks that are open already stay so. While broker or database do not answer it tries again, until `close` is
        called meanwhile: then it gives {}, as it does after `leave`. Raises Unfit, and LedgerError after
        GIVE_UP_SECONDS.
        """
        topics = frozenset(self._office.gates)
        owned = sorted({n for _, n in assigned if {(topic, n) for topic in topics} <= assigned})
        async with self._moving:
            if self._leaving:
                return {}
            given_up = self._given_up
            positions = await asyncio.gather(*(self._open_one(number, given_up) for number in owned))
        if self._given_up != given_up:
            return {}
        return {
            (topic, number): known.get(topic, 0)
            for number, known in zip(owned, positions, strict=True)
            for topic in topics
        }

    async def _open_one(self, number: int, given_up: int) -> Mapping[str, int]:
        desk = self.desks.get(number)
        if desk is not None and not desk.closed:
            return desk.next_offsets()
        desk = Desk(number, self._keys, self._office)
        positions = await self._claim(desk, given_up)
        self.desks[number] = desk
        task = asyncio.create_task(self._work(desk), name=f"desk-{number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return positions

    async def _claim(self, desk: Desk, given_up: int) -> Mapping[str, int]:
        began = time.monotonic()
        for attempt in count():
            try:
                return await desk.open()
            except (Unfit, InvariantError) as error:
                self._failed(error)
                raise
            except LedgerError as error:
                if time.monotonic() - began > GIVE_UP_SECONDS:
                    raise
                pause = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)]
                log.warning("journal %d: %s; trying again in %.1f s", desk.number, error, pause)
            await asyncio.sleep(pause)
            if self._given_up != given_up:
                break
        return {}

    async def _work(self, desk: Desk) -> None:
        try:
            await desk.run()
        except (LedgerError, InvariantError) as error:
            # fenced, broken for too long, or a broken law: this process must not go on as if it wrote the journal
            log.error("journal %d: %s: %s", desk.number, type(error).__name__, error)
            self._failed(error)
        except Exception as error:
            log.exception("journal %d: unforeseen", desk.number)
            self._failed(error)

    async def put(self, partition: int, records: Sequence[Record]) -> None:
        """Hand records to the desk of their partition; without one they are dropped, and come again to its owner."""
        desk = self.desks.get(partition)
        if desk is not None:
            await desk.put(records)

    async def close(self) -> None:
        """Give all journals up; returns when every desk has stopped writing."""
        self._given_up += 1
        async with self._moving:
            await asyncio.gather(*(desk.close() for desk in self.desks.values()))
            self.desks.clear()
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=30)

    async def leave(self) -> None:
        """Give all journals up for good: what is assigned from now on is left to others."""
        self._leaving = True
        await self.close()
