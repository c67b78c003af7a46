"""What one commit writes, as the store takes it: rows, leaves, refused records, snapshots; made from a decision.

A function of the decision and of the accounts in memory, which it marks as saved: whoever fails to commit throws those
away. Snapshots are a short cut (`ledger.store.standings`): one is due when a worker has had SNAPSHOT_ENTRIES entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ledger.store.journal import RejectedRecord, Snapshot
from ledger.store.rows import KIND_NUMBERS, copy_row
from ledger.store.standings import SNAPSHOT_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.codec import Record
    from contracts.entry import Position
    from streams.writing import Decision, Held, State


class Write(NamedTuple):
    """A `ledger.store.journal.Batch`."""

    rows: Sequence[bytes]
    leaves: Sequence[bytes]
    positions: Mapping[str, Position]
    rejected: Sequence[RejectedRecord]
    snapshots: Sequence[Snapshot]


def write_of(decision: Decision, state: State) -> Write:
    """Give what a decision writes into its journal."""
    number, written = state.journal, decision.written
    rejected = [
        RejectedRecord(
            w.leaf_index, r.topic, r.partition, r.offset, r.timestamp_ms, x.code.value, x.detail, r.key, r.value,
            _headers(r),
        )
        for w in written
        if w.refused is not None
        for r, x in [w.refused]
    ]  # fmt: skip
    return Write(
        [
            copy_row(number, KIND_NUMBERS[w.kind], w.leaf_index, w.event_key, w.worker, w.leaf, w.refers_to)
            for w in written
        ],
        [w.leaf for w in written],
        decision.positions,
        rejected,
        _snapshots(decision, state.accounts),
    )


def _snapshots(decision: Decision, accounts: Mapping[str, Held]) -> list[Snapshot]:
    due = []
    for worker, index in decision.touched.items():
        held = accounts[worker]
        if held.unsaved >= SNAPSHOT_ENTRIES:
            due.append(Snapshot(worker, index, msgspec.json.encode(held.account.dump())))
            held.unsaved = 0
    return due


def _headers(record: Record) -> list[list[str | None]]:
    """A record's headers in hex, byte for byte: names may be no UTF-8 (`streams.tolerant`) or hold NUL."""
    return [
        [name.encode(errors="surrogateescape").hex(), None if value is None else value.hex()]
        for name, value in record.headers
    ]
