"""The batch as the unit from the fetcher on: Faust's work per message is paid once per fetched partition batch.

`ConsumerScheduler` is a public setting of a Faust app. This one hands each partition's fetched records on as one
message whose value is the list of them and whose offset is the last one's. Faust's commit accounting then sees gaps;
that is harmless because the journal's own positions are the truth and Kafka's committed offset only a hint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faust.transport.utils import DefaultSchedulingStrategy

from contracts.codec import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class FetchedBatch:
    """What Faust takes for one record: the fields that it reads, with all records as the value."""

    __slots__ = ("offset", "partition", "timestamp", "topic", "value")

    timestamp_type = 1
    headers: tuple[()] = ()
    key = None
    checksum = None
    serialized_key_size = -1
    serialized_value_size = -1

    def __init__(self, records: Sequence[Any]) -> None:
        last = records[-1]
        self.topic: str = last.topic
        self.partition: int = last.partition
        self.offset: int = last.offset
        self.timestamp: int = last.timestamp
        self.value = [_record(r) for r in records]


def _record(fetched: Any) -> Record:
    return Record(
        fetched.topic, fetched.partition, fetched.offset, fetched.timestamp, fetched.key, fetched.value, fetched.headers
    )


class PartitionBatches(DefaultSchedulingStrategy):  # type: ignore[misc]
    """Gives each partition's fetched records as one message."""

    def iterate(self, records: Mapping[Any, Sequence[Any]]) -> Iterator[tuple[Any, Any]]:
        """Give (topic partition, FetchedBatch) for each partition that has records."""
        return ((tp, FetchedBatch(fetched)) for tp, fetched in records.items() if fetched)
