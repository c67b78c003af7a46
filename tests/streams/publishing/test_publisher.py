"""The publisher on a real broker: what it promises at return, what it refuses, and where records land."""

from __future__ import annotations

import uuid

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic
from kafka.partitioner.default import murmur2

from contracts.events import Event
from contracts.topics import JOURNAL_FEED, gigs_topic, partition_of
from deploy.cli.progress import SILENT
from deploy.cli.publish import Refused, publish_files
from ledger.settings import Settings
from streams.publisher import InvalidGig, NotPublished, NotRegistered, Position, Publisher
from streams.synthetic import jakarta_morning
from tests.streams.publishing.samples import JOURNALS, SAMPLES, heard

GIG = {"service": "ride", "currency": "IDR", "components": [{"kind": "fare", "amount": "18500"}]}
TIME = "2026-03-01T08:15:30Z"

pytestmark = pytest.mark.stack


@pytest.fixture
def prefix(servers) -> str:
    """A ledger of its own on the shared broker: topics for a few platforms."""
    name = f"t{uuid.uuid4().hex[:8]}."
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap_servers)
    try:
        topics = [gigs_topic(platform, name) for platform in ("gojek", "uber", "chicago-taxi")]
        settings = dict(JOURNAL_FEED.config)
        admin.create_topics([NewTopic(topic, JOURNALS, 1, topic_configs=settings) for topic in topics])
        admin.wait_for_topics(topics)
    finally:
        admin.close()
    return name


def stored(servers, topic: str) -> list:
    """Everything on a topic, as Kafka's consumer records, partition by partition."""
    consumer = KafkaConsumer(bootstrap_servers=servers.kafka_bootstrap_servers, enable_auto_commit=False)
    try:
        parts = [TopicPartition(topic, n) for n in range(JOURNALS)]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        consumer.seek_to_beginning(*parts)
        records: list = []
        while len(records) < sum(ends.values()):
            records += [record for batch in consumer.poll(timeout_ms=500).values() for record in batch]
        return sorted(records, key=lambda record: (record.partition, record.offset))
    finally:
        consumer.close()


def test_an_acknowledged_gig_lies_where_its_worker_belongs(servers, prefix: str) -> None:
    with Publisher(servers.kafka_bootstrap_servers, "gojek", topic_prefix=prefix) as publisher:
        assert publisher.partitions == JOURNALS
        sent = publisher.publish(id="G-99", worker="W-7f3a", time=TIME, data=GIG, headers=[("k", b"v")])
        position = sent.wait()
        assert sent.acknowledged
    assert position == Position(prefix + "gigs.gojek", partition_of(b"W-7f3a", JOURNALS), 0)
    (record,) = stored(servers, position.topic)
    assert (record.partition, record.key, record.headers) == (position.partition, b"W-7f3a", [("k", b"v")])
    assert record.timestamp_type == 1  # the broker's own time
    got = heard("gojek", record.key, record.value)
    assert isinstance(got, Event) and (got.id, got.subject, got.time) == ("G-99", "W-7f3a", TIME)


def test_our_partitioner_is_kafka_pythons() -> None:
    for number in range(500):
        key = b"W-%d" % (number * 7919)
        assert partition_of(key, JOURNALS) == (murmur2(key) & 0x7FFFFFFF) % JOURNALS


def test_each_workers_gigs_keep_their_order(servers, prefix: str) -> None:
    morning = list(jakarta_morning(1, 40, 400, platforms=("gojek",)))
    with Publisher(servers.kafka_bootstrap_servers, "gojek", topic_prefix=prefix) as publisher:
        for gig in morning:
            publisher.publish_record(gig.key, gig.value)
        publisher.flush()
        records = stored(servers, publisher.topic)
    assert len(records) == len(morning)
    assert all(record.partition == partition_of(record.key, JOURNALS) for record in records)
    assert {record.partition for record in records} == set(range(JOURNALS))
    for worker in {gig.key for gig in morning}:
        assert [r.value for r in records if r.key == worker] == [g.value for g in morning if g.key == worker]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "G 99"}, "schema_violation"),
        ({"worker": "7f3a"}, "schema_violation"),
        ({"time": "2026-03-01T08:15:30"}, "schema_violation"),
        ({"time": "9999-01-01T00:00:00Z"}, "time_out_of_range"),
        ({"type": "gig.imagined.v1"}, "unknown_type"),
        ({"data": GIG | {"currency": "XXQ"}}, "unknown_currency"),
        ({"data": GIG | {"surprise": 1}}, "schema_violation"),
        ({"data": GIG | {"distance_m": 1.5}}, "malformed"),
        ({"data": GIG | {"engaged_seconds": object()}}, "malformed"),
        ({"worker": "W-\ud800"}, "malformed"),
    ],
)
def test_what_the_ledger_would_refuse_is_not_sent(servers, prefix: str, change: dict, code: str) -> None:
    members = {"id": "G-1", "worker": "W-7f3a", "time": TIME, "data": GIG} | change
    with Publisher(servers.kafka_bootstrap_servers, "gojek", topic_prefix=prefix) as publisher:
        with pytest.raises(InvalidGig) as refusal:
            publisher.publish(**members)
        assert refusal.value.code == code and refusal.value.detail
        publisher.flush()
        assert stored(servers, publisher.topic) == []


def test_a_platform_without_topic_is_told_what_to_do(servers, prefix: str) -> None:
    with pytest.raises(NotRegistered) as refusal:
        Publisher(servers.kafka_bootstrap_servers, "grab", topic_prefix=prefix)
    assert str(refusal.value) == (
        f"platform grab: expected a registered platform (topic {prefix}gigs.grab), got none; "
        "register it with: iuran platform add grab"
    )


def test_a_topic_made_a_moment_ago_is_found(servers) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap_servers)
    try:
        for _ in range(5):
            prefix = f"t{uuid.uuid4().hex[:8]}."
            admin.create_topics([NewTopic(gigs_topic("gojek", prefix), JOURNALS, 1)])
            with Publisher(servers.kafka_bootstrap_servers, "gojek", topic_prefix=prefix) as publisher:
                assert publisher.partitions == JOURNALS
    finally:
        admin.close()


def test_a_name_no_platform_can_have_is_refused(servers) -> None:
    with pytest.raises(ValueError, match="platform: expected"):
        Publisher(servers.kafka_bootstrap_servers, "Gojek!")


def test_without_a_broker_nothing_is_done_and_known() -> None:
    with pytest.raises(NotPublished) as refusal:
        Publisher("127.0.0.1:1", "gojek", timeout_seconds=1)
    assert refusal.value.outcome_known


def test_files_are_published_once_whatever_the_run(servers, prefix: str, tmp_path) -> None:
    settings = Settings(home=tmp_path, topic_prefix=prefix)
    hvfhv = SAMPLES[0]
    (first,) = publish_files([hvfhv.path], "uber", settings, servers.kafka_bootstrap_servers, SILENT)
    assert (first.sent, first.earlier, first.others) == (355, 0, {"lyft": 169, "via": 8})
    (second,) = publish_files([hvfhv.path], "uber", settings, servers.kafka_bootstrap_servers, SILENT)
    assert (second.sent, second.earlier) == (0, 355)
    (third,) = publish_files([hvfhv.path], "uber", settings, servers.kafka_bootstrap_servers, SILENT, again=True)
    assert third.sent == 355
    values = [record.value for record in stored(servers, prefix + "gigs.uber")]
    assert len(values) == 710 and len(set(values)) == 355


def test_one_bad_row_keeps_every_file_back_unless_left_out(servers, prefix: str, tmp_path) -> None:
    settings = Settings(home=tmp_path, topic_prefix=prefix)
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    gig = '{"id": "%s", "worker": "W-7f3a", "time": "2026-03-01T08:15:30Z", "data": {"service": "ride",'
    gig += ' "currency": "IDR", "components": [{"kind": "fare", "amount": "%s"}]}}\n'
    good.write_text(gig % ("G-1", "18500"))
    bad.write_text(gig % ("G-2", "18500") + gig % ("G-3", "-18500"))
    with pytest.raises(Refused) as refusal:
        publish_files([good, bad], "gojek", settings, servers.kafka_bootstrap_servers, SILENT)
    first, last = str(refusal.value).splitlines()
    assert first.startswith(f"{bad}:2: amount_out_of_range: ")
    assert last == "nothing was published: 1 bad rows; --skip-bad leaves them out"
    assert stored(servers, prefix + "gigs.gojek") == []
    done = publish_files([good, bad], "gojek", settings, servers.kafka_bootstrap_servers, SILENT, skip_bad=True)
    assert [(file.sent, file.left_out) for file in done] == [(1, 0), (1, 1)]
    assert len(stored(servers, prefix + "gigs.gojek")) == 2


def test_files_that_do_not_fit_are_refused(servers, prefix: str, tmp_path) -> None:
    settings = Settings(home=tmp_path, topic_prefix=prefix)
    trips = tmp_path / "trips.csv"
    trips.write_text("a,b\n1,2\n")
    for files, platform, expected in (
        ([trips], "gojek", "expected --map for a CSV file that is no sample"),
        ([SAMPLES[2].path], "gojek", "expected one of its platforms chicago-taxi, got gojek"),
        ([tmp_path / "none.jsonl"], "gojek", "expected a readable file"),
        ([tmp_path / "none.txt"], "gojek", "expected a name ending in"),
    ):
        with pytest.raises(Refused, match=expected):
            publish_files(files, platform, settings, servers.kafka_bootstrap_servers, SILENT)
