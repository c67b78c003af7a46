"""Where a refused record goes when it is published again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.topics import partition_of
from ledger.store.rejections import Kept, Refused
from streams.replaying import partition_for


def kept(topic: str, key: bytes | None, partition: int = 3) -> Kept:
    refused = Refused(3, 7, topic, partition, 9, 1, "malformed", "x", datetime(2026, 3, 1, tzinfo=UTC), None)
    return Kept(refused, key, b"{", [])


def test_a_record_that_lay_in_the_wrong_partition_goes_to_its_keys() -> None:
    for worker in (b"W-ann", b"W-ben", b"W-cut"):
        for partition in range(8):
            assert partition_for(kept("t1.gigs.gojek", worker, partition), 8) == partition_of(worker, 8)


@pytest.mark.parametrize(
    ("topic", "key"), [("gigs.gojek", None), ("iuran.control", b"gojek"), ("t1.iuran.control", b"x")]
)
def test_one_without_a_key_and_one_that_was_placed_stay_where_they_were(topic: str, key: bytes | None) -> None:
    for partition in range(8):
        assert partition_for(kept(topic, key, partition), 8) == partition
