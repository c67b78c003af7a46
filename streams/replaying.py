"""Refused records published again as they came, once what they were refused for is mended.

A replay is a new record: same key, value and headers on the same topic, at a new offset and with the broker's time of
now, so the journal decides it afresh (a refusal took no id). It lies in the partition that its key belongs to; the
operator's own records, which are placed explicitly, in the one they were in. Durability at return of `replay`: on all
in-sync replicas. Doing it twice publishes twice, of which the ledger enters one at most (L3).

Whoever replays must be let write to the topic, and then speaks with the platform's voice: a platform that signs needs
not trust that (contracts/formats/signature.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.topics import CONTROL, partition_of
from streams.checkpoints import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.store.rejections import Kept, Refused
    from streams.connection import Broker

RECORD_BYTES_MAX: Final = 64 * 1024 * 1024
"""What was refused may be as large as the broker takes."""


class Replayed(NamedTuple):
    """A refused record and where it lies now."""

    refused: Refused
    partition: int
    offset: int


def replay(broker: Broker, records: Iterable[Kept], journals: int) -> list[Replayed]:
    """Publish these records again, none of which is erased; give where each lies. Raises BrokerUnavailable.

    Taken one at a time, so that no more than the client's buffer is in memory.
    """
    options = {"acks": "all", "enable_idempotence": True, "max_request_size": RECORD_BYTES_MAX}
    try:
        producer = KafkaProducer(**broker.kafka_python(), **options)
        try:
            sent = [
                (record.refused, producer.send(record.refused.topic, **_as_it_came(record, journals)))
                for record in records
            ]
            placed = [(refused, future.get(timeout=60)) for refused, future in sent]
        finally:
            producer.close(timeout=30)
    except (KafkaError, OSError) as error:
        what = str(error) or error.__class__.__name__
        raise BrokerUnavailable(f"replay: {what}; some may be published", outcome_known=False) from error
    return [Replayed(refused, int(place.partition), int(place.offset)) for refused, place in placed]


def partition_for(record: Kept, journals: int) -> int:
    """Give the partition in which a record belongs: its key's; where it was without one, and for what was placed."""
    refused = record.refused
    if record.key is None or refused.topic.endswith(CONTROL):
        return refused.partition
    return partition_of(record.key, journals)


def _as_it_came(record: Kept, journals: int) -> dict[str, object]:
    headers = [
        (bytes.fromhex(name or "").decode(errors="replace"), None if value is None else bytes.fromhex(value))
        for name, value in record.headers
    ]
    partition = partition_for(record, journals)
    return {"key": record.key, "value": record.value, "headers": headers, "partition": partition}
