"""What the desks of a process share: where checkpoints stand outside, who counts, who vouches for gaps, how much.

Ports as protocols, so that desks work without a broker: in tests, in replays, in `iuran ledger init`. Knows no journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from contracts.codec import Gate
    from contracts.entry import Position
    from ledger.store.journal import RejectedRecord
    from streams.pipeline import Decision


class Outside(Protocol):
    """Where checkpoints stand outside the database (`streams.checkpoints`)."""

    async def newest(self, journal: int) -> bytes | None: ...
    async def publish(self, journal: int, origin: str, note: bytes) -> None: ...
    async def close(self) -> None: ...


class Watch(Protocol):
    """Who is told what was committed (metrics, dead letters); must neither raise nor block."""

    def committed(self, commit: Commit) -> None: ...
    def published(self, seconds: float) -> None: ...


class GapProbe(Protocol):
    """Asks the broker what its first offset at or after `offset` is; None when there is none."""

    async def __call__(self, topic: str, partition: int, offset: int) -> int | None: ...


class Commit(NamedTuple):
    """What a commit did: for counting and for the dead-letter topic."""

    journal: int
    size: int
    events: int
    decision: Decision
    rejected: Sequence[RejectedRecord]
    timestamps_ms: Sequence[int]
    positions: Mapping[str, Position]
    seconds: dict[str, float]


class Office(NamedTuple):
    """What all desks of a process share.

    `turns` bounds the batches that are between decoding and commit, and so the memory they hold; `thinking` is the one
    thread in which batches are decided, so that the event loop answers its sockets meanwhile.
    """

    database_url: str
    gates: Mapping[str, Gate]
    outside: Outside
    watch: Watch
    probe: GapProbe
    turns: asyncio.Semaphore
    thinking: Executor
    batch_events_max: int = 3000
    accounts_max: int = 25_000
