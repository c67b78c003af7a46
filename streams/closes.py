"""A period's close in one journal: through all workers in order, in slices, each its own commit.

A close waits until the journal has read what it names (`is_ready`). It is worked out for all workers before the first
part is written, as each says how many there are. Part 1 holds the event; then come the parts of each worker to whom
something is posted or said, workers in order of name. Nothing else of the journal is decided meanwhile, so what was
counted is what is written, and after a crash the close goes on behind the last worker that has all parts: the record's
offset counts as read only with the last part. Upholds L3 (each part once) and L4 (the same bytes however it was cut).

Pure: who loads accounts and commits is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.entry import Kind, Position
from contracts.events import Event, PeriodClosed
from contracts.rejections import Code, Rejection
from contracts.topics import CONTROL
from ledger import parts
from ledger.errors import InvariantError
from ledger.intake import closed_of
from streams.writing import Decision, Writing, advance, hold, key_of_gig, stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.codec import Record
    from contracts.entry import Entry
    from ledger.acts import Acts
    from ledger.books import Line
    from ledger.domain.standing import Account
    from ledger.domain.story import Closed
    from ledger.parts import Part
    from streams.needs import Decoded
    from streams.writing import Held, State

SLICE_WORKERS: Final = 500
"""Workers that are loaded and worked out at a time."""
LOT_PARTS: Final = 2_000
"""Parts, or more, that one commit writes."""


class UnderWay(NamedTuple):
    """A close of which some parts are written: where its record lies, the newest part of how many, and its worker."""

    topic: str
    offset: int
    part: int
    parts: int
    worker: str


@dataclass
class Closing:
    """A close being worked out: what closes, and the acts without it, under which accounts are loaded."""

    record: Record
    event: Event
    key: bytes
    closed: Closed
    before: Acts


def under_way(newest: Entry | None) -> UnderWay | None:
    """Give the close that a journal's newest entry is a part of, if parts are missing; None if it is whole."""
    if newest is None or newest.cause.part[0] == newest.cause.part[1]:
        return None
    if newest.kind not in (Kind.CLOSE, Kind.CORRECTION, Kind.NOTICE):
        raise InvariantError("L3", f"entry {newest.index}: expected all parts of its record, got some")
    worker = newest.worker if isinstance(newest.worker, str) else ""
    cause = newest.cause
    return UnderWay(cause.topic, cause.offset, cause.part[0], cause.part[1], worker)


def refusal(event: Event, acts: Acts, prefix: str = "") -> Rejection | None:
    """Say why a close can't be waited for, or None: it names a topic that feeds this journal by no act."""
    data = event.data
    if isinstance(data, PeriodClosed) and not data.offsets.keys() <= acts.topics | {prefix + CONTROL}:
        detail = "data.offsets: expected topics of registered platforms, got another"
        return Rejection(Code.SCHEMA_VIOLATION, detail, event.source, event.id)
    return None


def is_ready(record: Record, data: PeriodClosed, positions: Mapping[str, Position]) -> bool:
    """Tell whether a journal has read all that a close names; its own topic is read in order anyway."""
    return all(
        end <= positions.get(topic, _START).next_offset for topic, end in data.offsets.items() if topic != record.topic
    )


def set_aside(
    batch: Sequence[Decoded], state: State, done: UnderWay | None = None
) -> tuple[list[Decoded], list[Decoded]]:
    """Give the records to go on with now, and those to hold back until others have come.

    Of the operator's topic the first close that is not ready is held back, and all after it. Where these very records
    make it ready, nothing is: what comes after the record that does is for the next turn, in the order in which it
    came, so that the close comes right behind that record (L4). While a close is under way (`done`), all but that one
    is held back.
    """
    if done is not None:
        own = [one for one in batch if (one[0].topic, one[0].offset) == (done.topic, done.offset)]
        return own, [one for one in batch if one not in own]
    for number, (record, event, _) in enumerate(batch):
        data = event.data if isinstance(event, Event) else None
        if not isinstance(data, PeriodClosed) or refusal(event, state.acts, prefix_of(record)) is not None:  # type: ignore[arg-type]
            continue
        if not is_ready(record, data, state.positions):
            held = [one for one in batch[number:] if one[0].topic == record.topic]
            rest = [*batch[:number], *(one for one in batch[number:] if one[0].topic != record.topic)]
            reach = _reach(rest, data, state.positions)
            return (rest, held) if reach is None else (rest[:reach], [])
    return list(batch), []


def put_back(held: Sequence[Record], records: Sequence[Record]) -> list[Record]:
    """Give records with those that were held back among them: behind what comes before them on their own topic."""
    at = 0
    if held:
        first = held[0]
        for number, record in enumerate(records, 1):
            if record.topic == first.topic and record.offset < first.offset:
                at = number
    return [*records[:at], *held, *records[at:]]


def _reach(batch: Sequence[Decoded], data: PeriodClosed, positions: Mapping[str, Position]) -> int | None:
    """Give how many of these records bring a journal to all that a close names; None when they do not."""
    missing = {topic: end for topic, end in data.offsets.items() if end > positions.get(topic, _START).next_offset}
    for number, (record, _, _) in enumerate(batch, 1):
        if record.offset + 1 >= missing.get(record.topic, record.offset + 2):
            del missing[record.topic]
            if not missing:
                return number
    return None


def prefix_of(record: Record) -> str:
    """Give the prefix of a ledger's topics from a record of its control topic."""
    return record.topic.removesuffix(CONTROL)


def parts_of(closing: Closing, account: Account, acts: Acts, due: bool, book: Sequence[Line]) -> list[Part]:
    """Give the parts of a close for one worker; none where nothing is posted or said.

    The account was loaded under the acts before the close; `acts` are those with it.
    """
    return parts.close_parts(closing.closed, account, closing.before, acts, due, book)


def close_held(
    closing: Closing, accounts: dict[str, Held], worker: str, acts: Acts, concerned: bool
) -> list[Part] | None:
    """Close a worker's account in memory, which must know of a close also where it brings nothing; give the parts.

    None where it has to be loaded: it is not there, or is wanted otherwise (whole, or tried first) and let go of here.
    Raises InvariantError (L4) when one that is not `concerned` gets parts.
    """
    held = accounts.get(worker)
    if held is None:
        return None
    if held.due or held.near_limit:
        del accounts[worker]
        return None
    own = parts_of(closing, held.account, acts, False, ())
    if own and not concerned:
        told = f"expected a close of {closing.closed.period} to bring nothing, got {len(own)} parts"
        raise InvariantError("L4", f"offset {closing.record.offset}: {told}")
    if parts.is_beyond(held.account):
        del accounts[worker]  # a worker whose balance would go too far is left as they are, which this account is not
    elif own:
        accounts[worker] = hold(held.account, held.unsaved + len(own))
    return own


def begin(closing: Closing, state: State, count: int) -> Decision:
    """Write the first part, the event, of `count`; from here on the acts have the close."""
    writing = Writing(state)
    record = closing.record
    position = advance(state.positions.get(record.topic, _START), record)
    entry = writing.entry(record, Kind.CLOSE, position, closing.event.source, closing.event.id, (1, count))
    entry.event = stored(closing.event)
    state.acts.close(closing.closed, entry.index)
    writing.write(entry, Kind.CLOSE, closing.key, None)
    return _ended(writing, closing, state, count == 1)


def go_on(
    closing: Closing, state: State, written: int, count: int, of_workers: Sequence[tuple[str, Sequence[Part]]]
) -> Decision:
    """Write the next parts, of these workers in order, after `written` of `count`.

    Raises InvariantError (L4) when there are more than were counted.
    """
    writing = Writing(state)
    for worker, own in of_workers:
        for part in own:
            written += 1
            if written > count:
                raise InvariantError("L4", f"close at offset {closing.record.offset}: expected {count} parts, got more")
            place, gig = (written, count), key_of_gig(state.journal, part.gig)
            writing.part(closing.record, closing.event, closing.key, part, place, None, worker, gig)
    # accounts are not kept: snapshots of them are taken when they are next in use
    writing.decision.touched.clear()
    return _ended(writing, closing, state, written == count)


def closing_of(decoded: Decoded, before: Acts) -> Closing:
    """Give the close that a record asks for. Raises InvariantError for another record."""
    record, event, key = decoded
    if not isinstance(event, Event) or not isinstance(event.data, PeriodClosed) or key is None:
        raise InvariantError("L4", f"{record.topic} offset {record.offset}: expected a close, got another event")
    return Closing(record, event, key, closed_of(event.data), before)


def _ended(writing: Writing, closing: Closing, state: State, last: bool) -> Decision:
    if last:
        record = closing.record
        state.positions[record.topic] = writing.decision.positions[record.topic] = Position(record.offset + 1)
        writing.count(record.topic, closing.event.type, "accrued")
    return writing.decision


_START = Position()
