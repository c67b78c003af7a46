"""The newest checkpoint of each journal, kept outside the database on the compacted topic `iuran.checkpoints`.

It is written after the commit and before anything is served from it (L8), and read before a journal is opened: below
or beside it nothing is signed (L6), so a restored backup or a clone cannot fork the log. The topic has one partition
per journal, so that the newest checkpoint of a journal is its partition's last record; the key is the log's origin.

Durability at return of `publish`: acknowledged by all in-sync replicas. Order: per journal, as called. Idempotence: the
same checkpoint twice is harmless. Errors: `BrokerUnavailable` means the outcome is unknown; publish again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from ledger.errors import LedgerError

if TYPE_CHECKING:
    from streams.connection import Broker


LOOK_BACK: Final = 8


class BrokerUnavailable(LedgerError):
    """The broker did not answer, or broke off."""


class Checkpoints:
    """The topic's reader and writer for one process."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def newest(self, journal: int) -> bytes | None:
        """Give the greatest checkpoint among the last published for a journal, or None. Raises BrokerUnavailable.

        The last few are read: a process that was fenced may have published its older one after its successor's.
        """
        consumer = AIOKafkaConsumer(**self._broker.aiokafka(), enable_auto_commit=False, group_id=None)
        place = TopicPartition(self._topic, journal)
        notes: list[bytes] = []
        try:
            await consumer.start()
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            consumer.seek(place, max((await consumer.beginning_offsets([place]))[place], end - LOOK_BACK))
            while await consumer.position(place) < end:
                record = await asyncio.wait_for(consumer.getone(place), timeout=15)
                notes.append(record.value or b"")
        except (KafkaError, OSError, TimeoutError) as error:
            what = f"{self._topic}: expected an answer, got {str(error) or type(error).__name__}"
            raise BrokerUnavailable(what) from error
        finally:
            await consumer.stop()
        return max(notes, key=size_of, default=None)

    async def publish(self, journal: int, origin: str, note: bytes) -> None:
        """Put a checkpoint outside; returns once it is acknowledged. Raises BrokerUnavailable."""
        try:
            producer = await self._started()
            await producer.send_and_wait(self._topic, note, key=origin.encode(), partition=journal)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(
                f"{self._topic}: expected an acknowledgement, got {error or type(error).__name__}", outcome_known=False
            ) from error

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._broker.aiokafka(), acks="all", request_timeout_ms=10_000)
                await producer.start()
                self._producer = producer
        return self._producer

    async def close(self) -> None:
        """Let go of the broker."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None


def size_of(note: bytes) -> int:
    """Give the tree size that a note says, unverified; -1 for what is no checkpoint, so that it is found last."""
    lines = note.split(b"\n", 2)
    return int(lines[1]) if len(lines) == 3 and lines[1].isdigit() else -1
