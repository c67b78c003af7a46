"""Every journal has one owner, of the same partition of every topic, even while the leader knows no topic yet."""

from __future__ import annotations

from collections import Counter

import faust
import pytest
from aiokafka.cluster import ClusterMetadata

from streams.assignor import journal_assignor

TOPICS = frozenset({"iuran.control", "gigs.gojek", "gigs.grab"})


@pytest.mark.parametrize("journals", [1, 3, 8])
@pytest.mark.parametrize("members", [1, 2, 3, 5])
def test_a_leader_without_metadata_assigns_all_of_it(members: int, journals: int) -> None:
    app = faust.App("assigning", table_standby_replicas=1, PartitionAssignor=journal_assignor(journals))
    assignor = app.assignor
    subscribed = {f"member-{n}": assignor.metadata(set(TOPICS)) for n in range(members)}
    assigned = assignor.assign(ClusterMetadata(), subscribed)

    owned = {member: dict(a.assignment) for member, a in assigned.items()}
    for own in owned.values():
        assert len({tuple(sorted(partitions)) for partitions in own.values()}) <= 1, "the same partitions of each topic"
        assert not own or own.keys() == TOPICS
    owners = Counter((topic, n) for own in owned.values() for topic, numbers in own.items() for n in numbers)
    assert owners == {(topic, n): 1 for topic in TOPICS for n in range(journals)}
