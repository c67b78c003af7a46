"""Who gets which journals: Faust's co-partitioning assignor, told how many partitions every topic has.

Faust's own asks its client's metadata, leaves out each topic that it finds none for, and so gives nobody anything when
the group's leader joined while the broker was coming back; nothing then moves until the metadata are next refreshed,
minutes later. Here nothing need be asked: all topics that feed journals have one partition per journal, for the
ledger's life, and start-up has checked it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faust.assignor import PartitionAssignor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def journal_assignor(journals: int) -> type[PartitionAssignor]:
    """Give an assignor class for topics of `journals` partitions each."""

    class JournalAssignor(PartitionAssignor):  # type: ignore[misc]
        @classmethod
        def _get_copartitioned_groups(
            cls,
            topics: set[str],
            cluster: Any,  # noqa: ARG003 - what Faust would ask
            subscriptions: Any,
        ) -> Mapping[int, Iterable[set[str]]]:
            return {journals: cls._group_co_subscribed(topics, subscriptions)}

    return JournalAssignor
