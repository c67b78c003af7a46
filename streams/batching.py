"""The batch as the unit from the fetcher on: Faust's work per message is paid once per fetched partition batch.

`ConsumerScheduler` is a public setting of a Faust app. This one hands each partition's fetched records on as one
message whose value is the list of them and whose offset is the last one's; `by_batch` makes Faust's consumer account
for that. The journal's own positions are the truth and what it commits to Kafka only a hint, for people who look there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from faust.transport.utils import DefaultSchedulingStrategy

from contracts.codec import Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

FETCH_PACE_SECONDS: Final = 0.01


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


def by_batch(consumer: Any) -> Any:
    """Give Faust's consumer class `consumer` with its work per message paid once per batch, too.

    It asks for what was fetched at most every FETCH_PACE_SECONDS: asked at once, gigs that come one by one are handed
    on one by one, each at the price of a batch. And the hint that it commits is the newest offset handed on: Faust
    would keep the offsets between two batches as a gap and merge them with all others, a fifth of the process's time.
    """

    class BatchConsumer(consumer):  # type: ignore[misc]
        async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:
            await asyncio.sleep(FETCH_PACE_SECONDS)
            async for fetched in super().getmany(timeout):
                yield fetched

        async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
            """What lies between two batches' offsets are the records of the later one."""

        def _new_offset(self, tp: Any) -> int | None:
            acked = self._acked[tp]
            if not acked:
                return None
            newest: int = max(acked)
            acked.clear()
            self._acked_index[tp].clear()
            return newest + 1

    return BatchConsumer
