"""The operator's acts: records on `iuran.control`, one in each partition, placed explicitly.

An act has a stable id, so doing it again (after a crash, or by two operators) adds nothing. Durability at return of
`announce`: acknowledged by all in-sync replicas, in every partition. What an act means is decided by the journals.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from msgspec import UNSET

from contracts import events
from contracts.codec import Gate, Record, decode
from contracts.rejections import Rejection
from contracts.topics import CONTROL
from ledger.errors import Unfit
from streams.checkpoints import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streams.connection import Broker


class Act(NamedTuple):
    """What the operator does: `data_of` gives the data for each journal; the id is stable, so an act happens once."""

    type: str
    id: str
    subject: str
    data_of: Callable[[int], events.Data]
    time: str | None = None


def now() -> str:
    """Give the time as an event writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(act: Act, prefix: str, journals: int, number: int) -> Rejection | None:
    """Give why a journal would refuse an act for what it is, whatever the journal holds; None where it would not."""
    record = Record(
        prefix + CONTROL,
        number,
        0,
        time.time_ns() // 1_000_000,
        act.subject.encode(),
        _value(act, number, act.time or now()),
        (),
    )
    outcome = decode(record, Gate(None, journals))
    return outcome if isinstance(outcome, Rejection) else None


def announce(
    broker: Broker, prefix: str, journals: int, act: Act, only: frozenset[int] | None = None
) -> dict[int, int]:
    """Put an act into each partition (or `only` some) that has not got it yet; give the offset it has in each.

    It happens at the time that it says, else now, and done again when it first did. Raises Unfit when a partition has
    the same act with other data, BrokerUnavailable: some partitions may have it then; do it again.
    """
    topic = prefix + CONTROL
    wanted = range(journals) if only is None else sorted(only)
    try:
        found = _announced(broker, topic, wanted, act.id)
        at = act.time or next((had.time for had in found.values()), now())
        values = {number: _value(act, number, at) for number in wanted}
        changed = [number for number, had in found.items() if had.value != values[number]]
        if changed:
            raise Unfit(
                f"{act.id}: expected what was announced before, got other content; an act happens once: "
                "what is changed needs an id of its own, a scheme's text a new revision"
            )
        sent = _send(broker, topic, act.subject.encode(), {n: v for n, v in values.items() if n not in found})
    except (KafkaError, OSError) as error:
        what = f"{topic}: {str(error) or error.__class__.__name__}"
        raise BrokerUnavailable(what, outcome_known=False) from error
    return {**{number: had.offset for number, had in found.items()}, **sent}


def close_period(
    broker: Broker, prefix: str, journals: int, feeds: Sequence[str], subject: str, period: str, platform: str | None
) -> dict[int, int]:
    """Close a period in every journal that has not got the close yet; give the offset it has in each.

    Each journal's record names where its partition of each of the topics `feeds` ends now: it waits until it has read
    so far. `subject` is the ledger, or the platform where one is named. Raises BrokerUnavailable: some partitions may
    have it then; do it again.
    """
    topic = prefix + CONTROL
    act = f"close/{period}" if platform is None else f"close/{period}/{platform}"
    try:
        found = _announced(broker, topic, range(journals), act)
        ends = _ends(broker, feeds, journals)
        at = next((had.time for had in found.values()), now())

        def data_of(number: int) -> events.Data:
            offsets = {feed: ends[feed, number] for feed in feeds}
            return events.PeriodClosed(offsets=offsets, period=period, platform=UNSET if platform is None else platform)

        closing = Act(events.PERIOD_CLOSED, act, subject, data_of)
        values = {number: _value(closing, number, at) for number in range(journals) if number not in found}
        sent = _send(broker, topic, subject.encode(), values)
    except (KafkaError, OSError) as error:
        what = f"{topic}: {str(error) or error.__class__.__name__}"
        raise BrokerUnavailable(what, outcome_known=False) from error
    return {**{number: had.offset for number, had in found.items()}, **sent}


def _ends(broker: Broker, topics: Sequence[str], partitions: int) -> dict[tuple[str, int], int]:
    consumer = KafkaConsumer(**broker.kafka_python(), enable_auto_commit=False, group_id=None)
    try:
        places = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        ends = consumer.end_offsets(places) if places else {}
        return {(place.topic, place.partition): int(end) for place, end in ends.items()}
    finally:
        consumer.close()


class _Had(NamedTuple):
    offset: int
    time: str
    value: bytes


def _announced(broker: Broker, topic: str, partitions: Iterable[int], act: str) -> dict[int, _Had]:
    """Give where this act stands already; the control topic is small and kept for ever, so it is read whole."""
    consumer = KafkaConsumer(**broker.kafka_python(), enable_auto_commit=False, group_id=None)
    found: dict[int, _Had] = {}
    try:
        places = [TopicPartition(topic, number) for number in partitions]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    event = _opened(record.value)
                    if event.get("id") == act and place.partition not in found:
                        found[place.partition] = _Had(record.offset, str(event.get("time")), record.value)
    finally:
        consumer.close()
    return found


def _opened(value: bytes | None) -> dict[str, Any]:
    try:
        event = json.loads(value or b"null")
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _value(act: Act, number: int, time: str) -> bytes:
    return events.envelope(
        type=act.type,
        source=events.OPERATOR_SOURCE,
        id=act.id,
        subject=act.subject,
        time=time,
        data=act.data_of(number),
    )


def _send(broker: Broker, topic: str, key: bytes, values: dict[int, bytes]) -> dict[int, int]:
    if not values:
        return {}
    producer = KafkaProducer(**broker.kafka_python(), acks="all", enable_idempotence=True)
    try:
        futures = {n: producer.send(topic, key=key, value=value, partition=n) for n, value in values.items()}
        return {number: int(future.get(timeout=30).offset) for number, future in futures.items()}
    finally:
        producer.close(timeout=30)
