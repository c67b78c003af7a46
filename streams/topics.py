"""The ledger's topics on the broker: made with the settings that SPEC section 3 asks for, and checked against them.

What feeds a journal keeps every record for ever under the broker's own time; a topic that is made otherwise, or was
deleted and made anew, is refused at start-up, because a journal's positions would no longer mean what they meant (L3,
L12). Uses kafka-python's admin client; reads the rules from `contracts.topics`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError

from contracts.topics import settings_of
from ledger.errors import Unfit
from streams.checkpoints import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.connection import Broker


class TopicState(NamedTuple):
    """A topic as the broker has it; `config` holds the settings of `contracts.topics` that it was asked for."""

    topic_id: str
    partitions: int
    config: Mapping[str, str]


@contextmanager
def admin(broker: Broker) -> Iterator[KafkaAdminClient]:
    """Give an admin client; raises BrokerUnavailable when the broker does not answer, or refuses."""
    try:
        client = KafkaAdminClient(**broker.kafka_python(), client_id="iuran-admin")
        try:
            yield client
        finally:
            client.close()
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(f"broker {broker.bootstrap_servers}: {type(error).__name__}: {error}") from error


def create(client: KafkaAdminClient, topic: str, journals: int, replication: int, prefix: str) -> None:
    """Make a topic of ours; one that is there already is left as it is (and `check` tells whether it fits)."""
    wanted = settings_of(topic, prefix)
    new = NewTopic(
        topic,
        num_partitions=journals if wanted.partitions is None else wanted.partitions,
        replication_factor=replication,
        topic_configs=dict(wanted.config),
    )
    try:
        client.create_topics([new], wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return


def describe(client: KafkaAdminClient, topics: Sequence[str], prefix: str) -> dict[str, TopicState | None]:
    """Give each topic's state, None for one that is not there."""
    states: dict[str, TopicState | None] = dict.fromkeys(topics)
    present = {t["name"]: t for t in client.describe_topics(list(topics)) if t["error_code"] == 0}
    if not present:
        return states
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in present]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    for name, found in present.items():
        wanted = settings_of(name, prefix).config
        config = {key: str(configs[name][key]["value"]) for key in wanted if key in configs[name]}
        states[name] = TopicState(str(found["topic_id"]), len(found["partitions"]), config)
    return states


def check(topic: str, state: TopicState | None, journals: int, topic_id: str | None, prefix: str) -> list[str]:
    """Give what does not fit, each with what to do; `topic_id` is the one registered (None: not yet)."""
    if state is None:
        mend = "restore it, or make a new ledger; `iuran ledger init` makes it for a ledger without entries"
        return [f"topic {topic}: expected it on the broker, got none: {mend}"]
    wanted = settings_of(topic, prefix)
    problems = []
    partitions = journals if wanted.partitions is None else wanted.partitions
    if state.partitions != partitions:
        problems.append(
            f"topic {topic}: expected {partitions} partitions, one per journal, got {state.partitions}: partitions "
            "can't be taken away again; go on under a new ledger with opening entries"
        )
    if topic_id is not None and state.topic_id != topic_id:
        problems.append(
            f"topic {topic}: expected id {topic_id}, got {state.topic_id}: it was deleted and made anew, or this is "
            "another cluster; point at the right one, or restore the topic with its records"
        )
    for key, value in wanted.config.items():
        if state.config.get(key) != value:
            problems.append(
                f"topic {topic}: expected {key}={value}, got {state.config.get(key)}: set it back with "
                f"`kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {key}={value}`"
            )
    return problems


def end_offsets(client: KafkaAdminClient, topics: Sequence[str], partitions: int) -> dict[tuple[str, int], int]:
    """Give the end offset of each partition of these topics."""
    places = {TopicPartition(topic, n): OffsetSpec.LATEST for topic in topics for n in range(partitions)}
    return {(p.topic, p.partition): int(o.offset) for p, o in client.list_partition_offsets(places).items()}


def check_all(broker: Broker, registered: Mapping[str, str], journals: int, prefix: str) -> None:
    """Raise Unfit with all that does not fit about the registered topics (name -> id)."""
    with admin(broker) as client:
        states = describe(client, list(registered), prefix)
    problems = [p for name, tid in registered.items() for p in check(name, states[name], journals, tid, prefix)]
    if problems:
        raise Unfit("\n".join(problems))


def check_positions(broker: Broker, positions: Mapping[tuple[str, int], int], journals: int) -> None:
    """Raise Unfit when a journal has read past a topic's end: `positions` are next offsets by (topic, partition)."""
    topics = sorted({topic for topic, _ in positions})
    if not topics:
        return
    with admin(broker) as client:
        ends = end_offsets(client, topics, journals)
    problems = [
        f"topic {topic} partition {n}: expected an end at {offset} or later, got {ends[topic, n]}: records that the "
        "journal has entered are gone; restore the topic, or point at the cluster that holds them"
        for (topic, n), offset in sorted(positions.items())
        if ends[topic, n] < offset
    ]
    if problems:
        raise Unfit("\n".join(problems))
