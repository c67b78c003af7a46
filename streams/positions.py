"""Where reading begins: Faust's Kafka transport, positioned by the journals instead of by Kafka's group.

On each assignment Faust asks its consumer to seek to the committed offsets. This consumer asks the floor (the open
desks) for the journals' positions, seeks there and says so; what Kafka's group has committed, behind or ahead, plays
no part. A partition whose journal this process may not write (it does not own every topic's) is left where it is, and
what arrives from it is dropped. `probe` asks the broker itself whether offsets that did not come are really not there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.checkpoints import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.connection import Broker

OpenDesks = "Callable[[frozenset[tuple[str, int]]], Awaitable[Mapping[tuple[str, int], int]]]"
"""Assigned (topic, partition) pairs -> next offset of each that a desk is open for."""


def positioned_transport(open_desks: Any) -> type[driver.Transport]:
    """Give a transport class whose consumer starts at the offsets that `open_desks` (an OpenDesks) gives."""

    class JournalConsumer(driver.Consumer):  # type: ignore[misc]
        async def seek_to_committed(self) -> Mapping[Any, int]:
            assigned = frozenset((tp.topic, tp.partition) for tp in self.assignment())
            offsets = {TP(*place): offset for place, offset in (await open_desks(assigned)).items()}
            if offsets:
                await self.seek_wait(offsets)
            return offsets

    class JournalTransport(driver.Transport):  # type: ignore[misc]
        Consumer = JournalConsumer

    return JournalTransport


async def first_offset(broker: Broker, topic: str, partition: int, offset: int) -> int | None:
    """Give the first offset at or after `offset` that the broker really has a record at; None when there is none.

    Raises BrokerUnavailable.
    """
    consumer = AIOKafkaConsumer(**broker.aiokafka(), enable_auto_commit=False, group_id=None)
    place = TopicPartition(topic, partition)
    try:
        await consumer.start()
        consumer.assign([place])
        begin = (await consumer.beginning_offsets([place]))[place]
        consumer.seek(place, max(offset, begin))
        record = await asyncio.wait_for(consumer.getone(place), timeout=15)
    except TimeoutError:
        return None
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(f"{topic}: expected an answer, got {error}") from error
    finally:
        await consumer.stop()
    found: int = record.offset
    return found
