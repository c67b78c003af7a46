"""Batches of entries of a few bytes that mean nothing: for the laws of tree and tiles, which take many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from contracts.entry import Position
from ledger.store.rows import copy_row

KEY = bytes(16)


class Batch(NamedTuple):
    """What one commit writes."""

    rows: Sequence[bytes]
    leaves: Sequence[bytes]
    positions: dict[str, Position]
    rejected: Sequence[Any] = ()
    snapshots: Sequence[Any] = ()


def batch(start: int, count: int, key: bytes | None = None) -> Batch:
    """Entries start..start+count-1, all of a few bytes."""
    leaves = [b"%d" % index for index in range(start, start + count)]
    rows = [copy_row(0, 1, index, None, None, leaf) for index, leaf in enumerate(leaves, start)]
    if key is not None:
        rows[-1] = copy_row(0, 1, start + count - 1, key, None, leaves[-1])
    return Batch(rows, leaves, {"gigs.gojek": Position(start + count)})
