"""Settling what waits on the topics, once, without Faust: for `ledger init`, replays and tests.

Takes each journal in turn: opens its desk, reads its partition of every topic from the journal's position to the end,
settles, lets go. The desks, the pipeline and the journal are those of the stream process; only the fetching differs.
Topics are read one after the other, control first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contracts.codec import Record
from streams import tolerant
from streams.checkpoints import BrokerUnavailable
from streams.desk import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ledger.store.keystore import KeyStore
    from streams.connection import Broker
    from streams.office import Commit, Office


class Unwatched:
    """A `streams.office.Watch` that keeps nothing."""

    def committed(self, commit: Commit) -> None:
        """Nobody counts."""

    def published(self, seconds: float) -> None:
        """Nobody counts."""


async def drain(broker: Broker, office: Office, keys: KeyStore, journals: int) -> None:
    """Settle all that waits for each journal. Raises what `Desk.settle` raises, and BrokerUnavailable."""
    for number in range(journals):
        desk = Desk(number, keys, office)
        positions = await desk.open()
        try:
            for topic in office.gates:
                async for records in read(broker, topic, number, positions.get(topic, 0)):
                    await desk.settle(records)
        finally:
            await desk.let_go()


async def read(broker: Broker, topic: str, partition: int, start: int) -> AsyncIterator[Sequence[Record]]:
    """Give a partition's records from `start` to the end it has now, as fetched. Raises BrokerUnavailable."""
    tolerant.read_any_header_name()
    consumer = AIOKafkaConsumer(**broker.aiokafka(), enable_auto_commit=False, group_id=None)
    place = TopicPartition(topic, partition)
    try:
        await consumer.start()
        consumer.assign([place])
        begin = (await consumer.beginning_offsets([place]))[place]
        end = (await consumer.end_offsets([place]))[place]
        consumer.seek(place, max(start, begin))
        while await consumer.position(place) < end:
            fetched = await consumer.getmany(place, timeout_ms=1000)
            records = fetched.get(place, [])
            if records:
                yield [
                    Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
                    for r in records
                    if r.offset < end
                ]
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(f"{topic}: expected an answer, got {str(error) or error.__class__.__name__}") from error
    finally:
        await consumer.stop()
