"""What a journal's writer holds in memory, and how entries are put together: shared by batches and by closes.

Pure: no clock, no network, no disk. `State` can be loaded again from the journal at any time; a `Decision` is all that
one commit writes and counts. Upholds L4 (entries hang on the state and the record alone) and L12 (`since` counts stand
in a record's first part).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from contracts import canonical
from contracts import entry as entries
from contracts.entry import Cause, Entry, Kind, Position, Refusal, Since, StoredEvent, event_key, received_at, salt
from contracts.events import platform_source
from ledger.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.codec import Record
    from contracts.events import Event
    from contracts.rejections import Rejection
    from ledger.acts import Acts
    from ledger.books import KnownGig, Line
    from ledger.domain.posting import Contribution
    from ledger.domain.standing import Account
    from ledger.parts import Part

NEAR_LIMIT: Final = canonical.INTEGER_LIMIT // 2
"""From this balance on each event is tried first: a single gig (below 10^15) can't pass the limit from below it."""


class Held(msgspec.Struct):
    """A worker's account in memory, and how many entries it has had since its last snapshot.

    `due`: acts since the worker's newest entry change what was posted, and the next entry begins with a correction.
    """

    account: Account
    unsaved: int
    due: bool = False
    near_limit: bool = False


def hold(account: Account, unsaved: int, due: bool = False) -> Held:
    """Give a loaded account as it is held in memory."""
    return Held(account, unsaved, due, max(account.balances.values(), default=0) >= NEAR_LIMIT)


@dataclass
class State:
    """What a journal's writer holds between commits; all of it can be loaded again from the journal.

    `books` and `gigs` are what was looked up for one batch: whole books of workers, and gigs that are corrected.
    """

    journal: int
    secret: bytes
    acts: Acts
    size: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    accounts: dict[str, Held] = field(default_factory=dict)
    books: dict[str, list[Line]] = field(default_factory=dict)
    gigs: dict[bytes, KnownGig] = field(default_factory=dict)


class Written(NamedTuple):
    """One entry to be: its columns and its leaf bytes. `record` and `rejection` are there for what was refused."""

    leaf_index: int
    kind: Kind
    event_key: bytes | None
    worker: str | None
    leaf: bytes
    refused: tuple[Record, Rejection] | None = None
    refers_to: bytes | None = None


UNKNOWN_TYPE: Final = "unknown"
"""What stands for the type of a refused record: it may have none, or one that nobody can know."""


class Outcome(NamedTuple):
    """What became of records, for counting: accrued, duplicate or rejected, by topic and type."""

    topic: str
    type: str
    outcome: str


@dataclass
class Decision:
    """All that one commit writes and counts."""

    written: list[Written] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)  # worker -> index of the newest entry
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    postings: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)  # -> [added, taken back]
    enacted: bool = False
    rekeyed: bool = False


class Writing:
    """Entries written one after the other into a decision; shared by batches and closes.

    `signature` is the platform's over the event under way, which its entry keeps; None where there is none.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.decision = Decision()
        self.signature: str | None = None

    def entry(
        self, record: Record, kind: Kind, since: Position | None, source: str | None, event_id: str | None,
        part: tuple[int, int] = (1, 1),
    ) -> Entry:  # fmt: skip
        """Give an entry without the members of its kind; `since` counts stand in the first part only."""
        state = self.state
        topic, partition, offset = record.topic, record.partition, record.offset
        cause = Cause(
            offset=offset,
            part=part,
            partition=partition,
            sha256=sha256(record.value or b"").hexdigest(),
            since=Since(0, 0) if since is None else Since(since.duplicates, since.gap),
            topic=topic,
        )
        if source is not None and event_id is not None:
            cause.source = source
            cause.id = event_id
        return Entry(
            cause=cause,
            engine=entries.ENGINE,
            format=entries.FORMAT,
            index=state.size,
            journal=state.journal,
            kind=kind.value,
            received_at=received_at(record.timestamp_ms),
            salt=salt(state.secret, topic, partition, offset, part[0]),
        )

    def part(
        self, record: Record, event: Event, key: bytes, part: Part, place: tuple[int, int], since: Position | None,
        worker: str, refers_to: bytes | None = None,
    ) -> int:  # fmt: skip
        """Write a part of a worker's event or of a close; give its index."""
        entry = self.entry(record, part.kind, since, event.source, event.id, place)
        own = part.main and worker == event.subject
        if own:
            entry.event = stored(event)
            if self.signature is not None:
                entry.cause.signature = self.signature
        else:
            entry.worker = worker
        entry.balances = part.balances
        if part.contributions is not None:
            entry.contributions = part.contributions
            self.tally(part.postings)
        if part.notices is not None:
            entry.notices = part.notices
        if part.refers_to is not None:
            entry.refers_to = list(part.refers_to)
        if part.reason is not None:
            entry.reason = part.reason
        self.decision.touched[worker] = entry.index
        self.write(entry, part.kind, key if own else None, worker, refers_to=refers_to)
        return entry.index

    def tally(self, contributions: Iterable[Contribution]) -> None:
        """Count amounts by scheme, fund, kind of payer and unit."""
        postings = self.decision.postings
        for scheme, _, fund, payer, _, amount, unit, _, _ in contributions:
            key = (scheme, fund, payer[: payer.index(":")], unit)
            posted = postings.get(key)
            if posted is None:
                posted = postings[key] = [0, 0]
            if amount > 0:
                posted[0] += amount
            else:
                posted[1] -= amount

    def write(
        self,
        entry: Entry,
        kind: Kind,
        key: bytes | None,
        worker: str | None,
        refused: tuple[Record, Rejection] | None = None,
        refers_to: bytes | None = None,
    ) -> None:
        """Encode an entry and add it to the decision. Raises InvariantError (L4) for one beyond the limit."""
        leaf = entries.encode(entry)
        if len(leaf) > entries.LEAF_BYTES_MAX:
            # limits on records, schemes and parts keep every entry far below; signing one that is not would be a lie
            raise InvariantError("L4", f"entry {entry.index}: expected at most {entries.LEAF_BYTES_MAX} bytes")
        self.decision.written.append(Written(entry.index, kind, key, worker, leaf, refused, refers_to))
        kinds = self.decision.kinds
        kinds[kind] = kinds.get(kind, 0) + 1
        self.state.size += 1

    def refuse(self, record: Record, rejection: Rejection, position: Position) -> None:
        """Write a rejection."""
        entry = self.entry(record, Kind.REJECTION, position, rejection.source, rejection.id)
        entry.rejection = Refusal(rejection.code.value)
        self.write(entry, Kind.REJECTION, None, None, (record, rejection))
        self.count(record.topic, UNKNOWN_TYPE, "rejected")

    def count(self, topic: str, kind: str, outcome: str) -> None:
        """Count what became of a record."""
        outcomes = self.decision.outcomes
        key = Outcome(topic, kind, outcome)
        outcomes[key] = outcomes.get(key, 0) + 1


def stored(event: Event) -> StoredEvent:
    """Give an event as its entry keeps it."""
    return StoredEvent(msgspec.Raw(event.data_json), event.subject, event.time, event.type)


def key_of_gig(journal: int, name: str) -> bytes | None:
    """Give the event key of the gig of this name in a journal; None for "", which is no gig's."""
    platform, _, gig = name.partition("/")
    return event_key(journal, platform_source(platform), gig) if name else None


def advance(position: Position, record: Record) -> Position:
    """Give the position with the offsets that never came before this record counted as its gap.

    Raises InvariantError (L12) for a record below it, which was read before.
    """
    if record.offset < position.next_offset:
        raise InvariantError(
            "L12", f"{record.topic} offset {record.offset}: expected at least {position.next_offset}: already read"
        )
    if record.offset == position.next_offset:
        return position
    return position._replace(gap=position.gap + record.offset - position.next_offset)
