"""The dead-letter topic: a best-effort copy of each refused record on `iuran.rejected`.

The record itself is kept in the ledger's `rejections` table and its refusal is an entry; this copy is a convenience
for a platform's own tooling, so losing one loses nothing. Headers are named as Spring Kafka's dead-letter publisher
names them. Sending neither blocks nor raises.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.store.journal import RejectedRecord
    from streams.connection import Broker

log = logging.getLogger(__name__)
WAITING_MAX = 10_000


class DeadLetters:
    """Copies refused records in the background; drops copies when more than WAITING_MAX wait."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._waiting: asyncio.Queue[RejectedRecord] = asyncio.Queue(WAITING_MAX)
        self._task: asyncio.Task[None] | None = None

    def offer(self, rejected: Sequence[RejectedRecord]) -> None:
        """Take records to copy, as long as there is room."""
        for record in rejected:
            if self._waiting.full():
                log.warning("%s: expected room, got %d copies waiting: dropped", self._topic, WAITING_MAX)
                return
            self._waiting.put_nowait(record)
        if rejected and self._task is None:
            self._task = asyncio.create_task(self._copy(), name="dead-letters")

    async def _copy(self) -> None:
        producer = AIOKafkaProducer(**self._broker.aiokafka(), acks=1)
        try:
            await producer.start()
            while True:
                record = await self._waiting.get()
                try:
                    await producer.send(self._topic, record.value, key=record.key, headers=headers(record))
                except MessageSizeTooLargeError:
                    log.warning("%s: a record with its dead-letter headers is too large to copy", self._topic)
        except (KafkaError, OSError) as error:
            log.warning("%s: %s; copies wait", self._topic, error)
        finally:
            self._task = None
            await producer.stop()

    async def close(self) -> None:
        """Stop copying; what waits is dropped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})


def headers(record: RejectedRecord) -> list[tuple[str, bytes | None]]:
    """Give the dead-letter headers of a refused record, after its own."""
    own = [
        (bytes.fromhex(name or "").decode(errors="replace"), None if value is None else bytes.fromhex(value))
        for name, value in record.headers
    ]
    return [
        *own,
        ("kafka_dlt-original-topic", record.topic.encode()),
        ("kafka_dlt-original-partition", struct.pack(">i", record.partition)),
        ("kafka_dlt-original-offset", struct.pack(">q", record.offset)),
        ("kafka_dlt-original-timestamp", struct.pack(">q", record.timestamp_ms)),
        ("kafka_dlt-original-timestamp-type", b"LogAppendTime"),
        ("kafka_dlt-exception-fqcn", f"iuran.rejected.{record.code}".encode()),
        ("kafka_dlt-exception-message", record.detail.encode()),
    ]
