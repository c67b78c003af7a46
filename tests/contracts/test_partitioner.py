"""Topics: names, settings, and a partitioner that agrees with Kafka's to the bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafka_python_murmur2

from contracts import topics
from contracts.topics import gigs_topic, murmur2, partition_of, platform_of, settings_of

JAVA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""Key and signed hash, from Apache Kafka's UtilsTest.testMurmur2."""


@pytest.mark.parametrize(("key", "signed"), JAVA_VECTORS.items())
def test_hashes_are_those_of_kafkas_own_test(key, signed):
    assert murmur2(key) == signed % 2**32
    assert partition_of(key, 8) == (signed & 0x7FFFFFFF) % 8


@given(st.binary(max_size=70), st.integers(1, 1024))
def test_partitions_are_those_of_another_client(key, partitions):
    assert murmur2(key) == kafka_python_murmur2(key) % 2**32
    expected = (kafka_python_murmur2(key) & 0x7FFFFFFF) % partitions
    assert partition_of(key, partitions) == partition_of(key, partitions) == expected


def test_no_partition_without_partitions():
    with pytest.raises(ValueError, match="expected 1 or more"):
        partition_of(b"W-7f3a", 0)


@pytest.mark.parametrize("prefix", ["", "t1."])
def test_a_platforms_topic_names_it(prefix):
    assert gigs_topic("gojek", prefix) == f"{prefix}gigs.gojek"
    assert platform_of(f"{prefix}gigs.gojek", prefix) == "gojek"


@pytest.mark.parametrize("platform", ["", "G", "g", "Gojek", "1gojek", "go.jek", "go jek", "gojek\n", "g" * 32])
def test_other_names_are_no_platforms(platform):
    assert platform_of(f"gigs.{platform}") is None
    with pytest.raises(ValueError, match="platform: expected"):
        gigs_topic(platform)


@pytest.mark.parametrize("topic", [topics.CONTROL, topics.CHECKPOINTS, "gojek", "t1.gigs.gojek", "xgigs.gojek"])
def test_other_topics_have_no_platform(topic):
    assert platform_of(topic) is None


@pytest.mark.parametrize("topic", ["gigs.gojek", "iuran.control"])
def test_what_feeds_journals_keeps_everything_and_is_stamped_by_the_broker(topic):
    settings = settings_of(topic)
    assert settings.partitions is None
    assert settings.config["message.timestamp.type"] == "LogAppendTime"
    assert settings.config["cleanup.policy"] == "delete"
    assert settings.config["retention.ms"] == settings.config["retention.bytes"] == "-1"


def test_checkpoints_are_compacted_and_rejections_free():
    assert settings_of("t1.iuran.checkpoints", "t1.").config == {"cleanup.policy": "compact"}
    assert settings_of("iuran.rejected").config == {}
    with pytest.raises(ValueError, match="topic: expected"):
        settings_of("orders")
