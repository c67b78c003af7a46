"""Kafka topics: names, settings, key rule and partitioner, for the streams, the publisher and the start-up checks.

Upholds L3 and L12: topics that feed journals never drop or rewrite a record (`delete` without end of retention) and
stamp it with the broker's own time, which is `received_at`. All of them have as many partitions as the ledger has
journals; partition n feeds journal n. The key of a record is its subject, and its partition is that of Kafka's Java
client (murmur2 of the key), so that all records of a worker lie in one journal.

Must not know: Kafka clients, settings files. Sources: SPEC section 3; org.apache.kafka.common.utils.Utils.murmur2 and
BuiltInPartitioner.partitionForKey (Apache Kafka 4.3); the hash is Austin Appleby's MurmurHash2, 32 bits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

CONTROL: Final = "iuran.control"
CHECKPOINTS: Final = "iuran.checkpoints"
REJECTED: Final = "iuran.rejected"
GIGS: Final = "gigs."

PLATFORM_PATTERN: Final = "[a-z][a-z0-9-]{1,30}"
_PLATFORM = re.compile(PLATFORM_PATTERN)


class TopicSettings(NamedTuple):
    """What a topic must look like: `partitions` None means one per journal; `config` has Kafka's setting names."""

    partitions: int | None
    config: Mapping[str, str]


JOURNAL_FEED: Final = TopicSettings(
    None,
    MappingProxyType(
        {
            "cleanup.policy": "delete",
            "message.timestamp.type": "LogAppendTime",
            "retention.bytes": "-1",
            "retention.ms": "-1",
        }
    ),
)
CHECKPOINT_KEEP: Final = TopicSettings(None, MappingProxyType({"cleanup.policy": "compact"}))
FREE: Final = TopicSettings(1, MappingProxyType({}))


def gigs_topic(platform: str, prefix: str = "") -> str:
    """The topic a platform writes its gigs to, `gigs.<platform>`; a prefix keeps several ledgers apart on one broker.

    Raises ValueError for a platform not of the form `[a-z][a-z0-9-]{1,30}`.
    """
    if not _PLATFORM.fullmatch(platform):
        raise ValueError(f"platform: expected {PLATFORM_PATTERN}, got a text of {len(platform)} characters")
    return f"{prefix}{GIGS}{platform}"


def platform_of(topic: str, prefix: str = "") -> str | None:
    """The platform that speaks on a topic; None for a topic that is no platform's (the control topic, a stranger's)."""
    start = prefix + GIGS
    platform = topic[len(start) :]
    return platform if topic.startswith(start) and _PLATFORM.fullmatch(platform) else None


def settings_of(topic: str, prefix: str = "") -> TopicSettings:
    """The settings a topic of ours must have.

    Raises ValueError for a topic that is none of ours.
    """
    if topic == prefix + CONTROL or platform_of(topic, prefix) is not None:
        return JOURNAL_FEED
    if topic == prefix + CHECKPOINTS:
        return CHECKPOINT_KEEP
    if topic == prefix + REJECTED:
        return FREE
    raise ValueError(f"topic: expected gigs.<platform> or iuran.<control, checkpoints, rejected>, got {topic!r}")


def partition_of(key: bytes, partitions: int) -> int:
    """The partition Kafka's default partitioner gives a key: positive murmur2 modulo the number of partitions.

    Raises ValueError unless `partitions` is positive. Hashes are memoised: about 0.15 us for a key seen lately, 4 us
    otherwise.
    """
    if partitions < 1:
        raise ValueError(f"partitions: expected 1 or more, got {partitions}")
    return positive_hash(key) % partitions


def murmur2(key: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as an unsigned 32-bit integer (Java shows the same bits signed)."""
    size = len(key)
    whole = size & ~3
    hashed = 0x9747B28C ^ size
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * 0x5BD1E995 & 0xFFFFFFFF
        word = (word ^ word >> 24) * 0x5BD1E995
        hashed = (hashed * 0x5BD1E995 ^ word) & 0xFFFFFFFF
    if whole != size:
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * 0x5BD1E995 & 0xFFFFFFFF
    hashed = (hashed ^ hashed >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return hashed ^ hashed >> 15


@lru_cache(maxsize=1 << 16)
def positive_hash(key: bytes) -> int:
    """The hash with its sign bit cleared, as Kafka's `toPositive`: what the number of partitions divides."""
    return murmur2(key) & 0x7FFFFFFF
