"""Faust's consumer as it accounts for batches: nothing is kept per offset, and the hint reaches the end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from intervaltree import IntervalTree

from deploy.embedded.stack import Servers
from streams.batching import by_batch
from tests.support.ledgers import found, gig
from tests.support.running import ends, streams, until, until_settled

PLACE = TP("gigs.gojek", 0)


def _accounts() -> Any:
    """A consumer that has connected to nothing."""
    accounts = object.__new__(by_batch(Consumer))
    accounts._acked = defaultdict(list)
    accounts._acked_index = defaultdict(set)
    accounts._gap = defaultdict(IntervalTree)
    accounts._committed_offset = defaultdict(lambda: None)
    return accounts


def test_offsets_between_batches_are_no_gap_and_the_newest_is_committed() -> None:
    accounts = _accounts()
    assert accounts._new_offset(PLACE) is None
    for round_of in range(3):
        for newest in (10, 17, 30):
            offset = 100 * round_of + newest
            asyncio.run(accounts._add_gap(PLACE, offset - 5, offset))
            accounts._acked[PLACE].append(offset)
            accounts._acked_index[PLACE].add(offset)
        assert accounts._new_offset(PLACE) == 100 * round_of + 31
        accounts._committed_offset[PLACE] = 100 * round_of + 31
        assert not accounts._acked[PLACE]
        assert not accounts._acked_index[PLACE]
        assert not accounts._gap[PLACE]
    assert accounts._new_offset(PLACE) is None


def test_whoever_looks_in_kafka_finds_the_group_at_the_end(servers: Servers, tmp_path: Any) -> None:
    """The hint is for people and their tools; with gaps left out only by half it would stand still."""
    ledger = found(servers, tmp_path, journals=2)
    topic = f"{ledger.settings.topic_prefix}gigs.gojek"
    workers = ("W-ann", "W-ben", "W-cut", "W-dee")
    with streams(ledger) as running:
        until(running[0].is_ready, "the stream ready", running)
        for number in range(3):
            ledger.publish(*(gig(f"{number}-{n}-{w}", w, "20000") for w in workers for n in range(5)))
            until_settled(ledger, running)
        expected = {place[1]: end for place, end in ends(ledger).items() if place[0] == topic}
        assert sum(expected.values()) == 3 * 5 * len(workers)
        group = f"iuran-{ledger.settings.topic_prefix}{ledger.settings.ledger}"
        until(
            lambda: asyncio.run(_committed(ledger.broker.bootstrap_servers, group, topic)) == expected,
            "the group's offsets at the topic's end",
            running,
        )


async def _committed(servers: str, group: str, topic: str) -> dict[int, int | None]:
    async with AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False) as consumer:
        return {number: await consumer.committed(TopicPartition(topic, number)) for number in range(2)}
