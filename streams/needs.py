"""What a batch of records needs before it can be decided: opened, cut where it must be, and what is to be looked up.

Pure, as the deciding itself (`streams.pipeline`): whoever drives a journal asks here, fetches in a few queries, and
hands over what was found. Upholds L4: where a batch is cut, and what was in memory already, changes no byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import UNSET

from contracts import events
from contracts.codec import Gate, Record, decode
from contracts.entry import event_key
from contracts.events import Event, GigAdjusted, GigCompleted, GigReversed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contracts.rejections import Rejection
    from streams.writing import State

BOOKS_MAX: Final = 32
"""Whole books of workers looked up for one batch: they are as long as the workers' lives."""

Content = tuple[str, str, str, bytes]
"""Type, subject, time and canonical data: two records of one (source, id) with equal content are one event."""

Decoded = tuple[Record, "Event | Rejection", "bytes | None"]
"""A record, what it holds, and its event key in the journal (None for a rejection)."""

BOOKED = frozenset({events.GIG_REVERSED, events.WORKER_CHANGED, events.REMITTANCE_RECEIVED})
"""Events that are worked out from the worker's whole book."""


class Needs(NamedTuple):
    """What a batch is decided on: workers whose accounts are not in memory, the event keys of the batch, those of
    them that must be looked up in any case (corrections may be refused for what the journal holds), and keys of gigs.
    """

    workers: list[str]
    keys: list[bytes]
    firm_keys: list[bytes]
    gigs: list[bytes]


def decode_all(records: Iterable[Record], gates: Mapping[str, Gate], journal: int) -> list[Decoded]:
    """Open each record; `gates` by topic. Never raises for bad input."""
    decoded: list[Decoded] = []
    for record in records:
        event = decode(record, gates[record.topic])
        key = event_key(journal, event.source, event.id) if isinstance(event, Event) else None
        decoded.append((record, event, key))
    return decoded


def is_act(event: Event) -> bool:
    """Tell whether an event is no worker's but the operator's act, for the journal as a whole."""
    return event.subject[:2] != "W-"


def batch_end(batch: Sequence[Decoded]) -> int:
    """Give how many of these records may be decided together: an operator's act stands alone.

    A new scheme version changes what accounts mean, so nothing is decided in one breath with it.
    """
    for number, (_, event, _) in enumerate(batch):
        if isinstance(event, Event) and is_act(event):
            return max(number, 1)
    return len(batch)


def needs(batch: Sequence[Decoded], state: State) -> Needs:
    """Give what must be looked up before `decide`."""
    accounts = state.accounts
    workers: dict[str, None] = {}
    keys, firm, gigs = [], [], []
    for _, event, key in batch:
        if key is None or not isinstance(event, Event):
            continue
        keys.append(key)
        if isinstance(event.data, GigCompleted):
            if event.subject not in accounts:
                workers[event.subject] = None
        else:
            firm.append(key)
            named = named_gig(event, state.journal)
            if named is not None:
                gigs.append(named)
            if not is_act(event) and event.subject not in accounts:
                workers[event.subject] = None
    return Needs(list(workers), keys, firm, gigs)


def named_gig(event: Event, journal: int) -> bytes | None:
    """Give the event key of the gig that an event speaks of, or None."""
    data = event.data
    if isinstance(data, GigAdjusted | GigReversed):
        return event_key(journal, event.source, data.gig)
    if isinstance(data, events.DisputeOpened | events.DisputeDecided) and data.gig is not UNSET:
        return event_key(journal, events.platform_source(data.platform), data.gig)
    return None


def needs_books(batch: Sequence[Decoded], state: State) -> tuple[list[str], int]:
    """Give the workers whose whole books are needed, their accounts being there, and how many records that goes for.

    Books are long, so a batch is decided with few of them at a time.
    """
    workers: dict[str, None] = {}
    for number, (_, event, _) in enumerate(batch):
        if not isinstance(event, Event) or is_act(event) or event.subject in workers:
            continue
        if event.type in BOOKED or state.accounts[event.subject].due:
            if len(workers) >= BOOKS_MAX:
                return list(workers), number
            workers[event.subject] = None
    return list(workers), len(batch)
