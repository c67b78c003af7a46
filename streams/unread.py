"""What an auditor asks the broker: where topics end, which records wait from an offset on, and whether streams run.

Only reads; joins no group. Errors: BrokerUnavailable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

from streams import tolerant, topics
from streams.checkpoints import BrokerUnavailable

if TYPE_CHECKING:
    from streams.connection import Broker

ANSWER_SECONDS: Final = 15
"""For all partitions together."""


def stream_group(topic_prefix: str, ledger: str) -> str:
    """Give the name under which the stream processes of a ledger share its journals out."""
    return f"iuran-{topic_prefix}{ledger}"


def ends(broker: Broker, feeding: Sequence[str], journals: int) -> dict[tuple[str, int], int]:
    """Give the end offset of each journal's partition of these topics, as far as the broker has them."""
    with topics.admin(broker) as client:
        described = [topic for topic in client.describe_topics(list(feeding)) if topic["error_code"] == 0]
        present = [str(topic["name"]) for topic in described if len(topic["partitions"]) >= journals]
        return topics.end_offsets(client, present, journals) if present else {}


def held(broker: Broker, group: str) -> bool:
    """Whether stream processes hold the journals: false where none runs, and while journals are handed over."""
    with topics.admin(broker) as client:
        try:
            described = client.describe_groups([group])[group]
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            return False  # a broker that never had a group, or that is just starting
    return str(described["group_state"]) == "Stable" and bool(described["members"])


def first_records(
    broker: Broker, places: Mapping[tuple[str, int], int], until: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], int]:
    """Give, for each (topic, partition) and offset, the first record's offset from there on and below `until`."""
    return asyncio.run(_first_records(broker, places, until)) if places else {}


async def _first_records(
    broker: Broker, places: Mapping[tuple[str, int], int], until: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], int]:
    tolerant.read_any_header_name()
    consumer = AIOKafkaConsumer(**broker.aiokafka(), enable_auto_commit=False, group_id=None)
    found: dict[tuple[str, int], int] = {}
    try:
        await consumer.start()
        await asyncio.wait_for(_read(consumer, places, until, found), ANSWER_SECONDS)
    except (KafkaError, OSError, TimeoutError) as error:
        what = f"topics: expected an answer, got {str(error) or type(error).__name__}"
        raise BrokerUnavailable(what) from error
    finally:
        await consumer.stop()
    return found


async def _read(
    consumer: AIOKafkaConsumer,
    places: Mapping[tuple[str, int], int],
    until: Mapping[tuple[str, int], int],
    found: dict[tuple[str, int], int],
) -> None:
    """Read until each place has given a record or is at its end; a place that is done is read no further."""
    asked = {TopicPartition(*place): offset for place, offset in places.items()}
    consumer.assign(list(asked))
    begins = await consumer.beginning_offsets(list(asked))
    for place, offset in asked.items():
        consumer.seek(place, max(offset, begins[place]))
    while asked:
        for place, records in (await consumer.getmany(*asked, timeout_ms=200, max_records=len(asked))).items():
            offset = min(record.offset for record in records)
            if offset < until[place.topic, place.partition]:
                found.setdefault((place.topic, place.partition), offset)
        for place in list(asked):
            key = (place.topic, place.partition)
            if key in found or await consumer.position(place) >= until[key]:
                consumer.pause(place)
                del asked[place]
