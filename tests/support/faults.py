"""Things outside the desk that fail on demand, each once without effect and once with effect.

`Elsewhere` is the topic of checkpoints, `Feeds` the broker's own word on offsets, `Book` what was counted, and
`breaking` wraps the database's connections so that a chosen transaction breaks off before, in or after its commit. All
count what they were asked, so a test can say that a fault really happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import psycopg

from contracts.codec import Gate, Record
from ledger.store import database
from streams.checkpoints import BrokerUnavailable
from streams.desk import Desk
from streams.office import Commit, Office
from tests.support.databases import Bare
from tests.support.strategies import gates

Effect = Literal["without effect", "with effect"]


class Elsewhere:
    """A `streams.office.Outside` in memory. `fail` makes the next publishing break off."""

    def __init__(self) -> None:
        self.notes: dict[int, list[bytes]] = {}
        self.failed = 0
        self._faults: list[Effect] = []

    def fail(self, *effects: Effect) -> None:
        """Let the next publishings break off, each with or without effect."""
        self._faults += effects

    async def newest(self, journal: int) -> bytes | None:
        """The last checkpoint published."""
        return self.notes.get(journal, [None])[-1]  # type: ignore[list-item]

    async def publish(self, journal: int, origin: str, note: bytes) -> None:
        """Keep a checkpoint, or fail as told."""
        effect = self._faults.pop(0) if self._faults else None
        if effect != "without effect":
            self.notes.setdefault(journal, []).append(note)
        if effect is not None:
            self.failed += 1
            raise BrokerUnavailable("elsewhere: expected an acknowledgement, got none", outcome_known=False)

    async def close(self) -> None:
        """Nothing to let go of."""

    def last(self) -> dict[int, bytes]:
        """The newest checkpoint of each journal."""
        return {journal: notes[-1] for journal, notes in self.notes.items()}

    def sizes(self, journal: int = 0) -> list[int]:
        """Sizes of the checkpoints published, in order."""
        return [int(note.split(b"\n")[1]) for note in self.notes.get(journal, ())]


class Feeds:
    """A `streams.office.GapProbe` that knows which records there are; `silent` makes it know nothing."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.records = list(records)
        self.asked: list[tuple[str, int, int]] = []
        self.silent = False

    async def __call__(self, topic: str, partition: int, offset: int) -> int | None:
        """The first offset at or after `offset`, or None."""
        self.asked.append((topic, partition, offset))
        offsets = [
            r.offset for r in self.records if (r.topic, r.partition) == (topic, partition) and r.offset >= offset
        ]
        return None if self.silent else min(offsets, default=None)


class Book:
    """A `streams.office.Watch` that keeps what it was told."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.publishings = 0

    def committed(self, commit: Commit) -> None:
        """Keep a commit."""
        self.commits.append(commit)

    def published(self, seconds: float) -> None:
        """Count a publishing."""
        self.publishings += 1

    def outcomes(self) -> dict[str, int]:
        """How many records were accrued, duplicate and rejected."""
        found: dict[str, int] = {}
        for commit in self.commits:
            for outcome, count in commit.decision.outcomes.items():
                found[outcome.outcome] = found.get(outcome.outcome, 0) + count
        return found


class Desks:
    """An office without a broker, for the desks of one bare ledger."""

    def __init__(self, ledger: Bare, records: Sequence[Record] = (), **office: Any) -> None:
        self.ledger = ledger
        self.outside = Elsewhere()
        self.feeds = Feeds(records)
        self.book = Book()
        all_gates: Mapping[str, Gate] = gates(len(ledger.signers))
        self.office = Office(
            ledger.url,
            all_gates,
            self.outside,
            self.book,
            self.feeds,
            asyncio.Semaphore(1),
            ThreadPoolExecutor(1, "thinking"),
            **office,
        )

    def at(self, number: int = 0) -> Desk:
        """A new desk of a journal."""
        return Desk(number, self.ledger.keys, self.office)

    @asynccontextmanager
    async def opened(self, number: int = 0) -> AsyncIterator[Desk]:
        """A desk that is let go of at the end."""
        desk = self.at(number)
        try:
            await desk.open()
            yield desk
        finally:
            await desk.let_go()

    def settle(self, *batches: Sequence[Record], number: int = 0) -> None:
        """One desk's life: open, settle these batches, let go."""

        async def life() -> None:
            async with self.opened(number) as desk:
                for batch in batches:
                    await desk.settle(batch)

        asyncio.run(life())


# -- the database ------------------------------------------------------------------------------------------------------

Moment = Literal["before", "in", "after"]


class Breaks:
    """Which of the transactions to come break off, and when; `happened` counts those that did."""

    def __init__(self) -> None:
        self.at: dict[int, Moment] = {}
        self.seen = 0
        self.happened = 0

    def moment(self) -> Moment | None:
        """The fate of the transaction that begins now."""
        fate = self.at.pop(self.seen, None)
        self.seen += 1
        self.happened += fate is not None
        return fate


class _Breaking:
    """A connection whose transactions may break off; everything else goes through."""

    def __init__(self, real: psycopg.AsyncConnection, url: str, breaks: Breaks) -> None:
        self._real = real
        self._url = url
        self._breaks = breaks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        fate = self._breaks.moment()
        if fate == "before":
            kill(self._url, self._real.info.backend_pid)
        async with self._real.transaction():
            yield
            if fate == "in":
                kill(self._url, self._real.info.backend_pid)
        if fate == "after":
            kill(self._url, self._real.info.backend_pid)
            raise psycopg.OperationalError("server closed the connection unexpectedly")


@contextmanager
def breaking(ledger: Bare, monkeypatch: Any) -> Iterator[Breaks]:
    """All connections that are opened from here on break off as told."""
    breaks = Breaks()
    real: Callable[..., Any] = database.connect_async

    async def connect(url: str, role: database.Role) -> Any:
        return _Breaking(await real(url, role), ledger.url, breaks)

    with monkeypatch.context() as patched:
        patched.setattr(database, "connect_async", connect)
        yield breaks


def kill(url: str, pid: int) -> None:
    """End a connection from the server's side, and wait until it is gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
