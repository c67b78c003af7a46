"""The pure way of a batch: records -> what to look up -> entries, counted duplicates, rejections.

No clock, no network, no disk: `decide` reads the records, the journal's state and what was looked up, and gives
everything that one commit writes. It folds into the state it was given (accounts, registry, positions); whoever fails
to commit throws that state away and opens the journal again, so there is one way and not two. Bad input never
raises. Upholds L3 (an event acts once), L4 (the same records in the same order give the same bytes, however they were
cut into batches) and L12 (each offset is the cause of an entry, a counted duplicate or a counted gap).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from contracts import canonical
from contracts import entry as entries
from contracts.codec import Gate, Record, decode
from contracts.entry import Cause, Entry, Kind, Position, Refusal, Since, StoredEvent, event_key, received_at, salt
from contracts.events import (
    GIG_COMPLETED,
    LEDGER_OPENED,
    PLATFORM_CHANGED,
    SCHEME_ENACTED,
    Event,
    GigCompleted,
    SchemeEnacted,
)
from contracts.rejections import Code, Rejection
from ledger.domain.accrual import accrue
from ledger.domain.registry import EnactError, Registry
from ledger.domain.scheme import parse
from ledger.domain.tree import SchemeError
from ledger.errors import InvariantError, KeysTaken
from ledger.intake import gig_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ledger.domain.standing import Account

NEAR_LIMIT: Final = canonical.INTEGER_LIMIT // 2
"""From this balance on each gig is tried first: a single one (below 10^15) can't pass the limit from below it."""

Content = tuple[str, str, str, bytes]
"""Type, subject, time and canonical data: two records of one (source, id) with equal content are one event."""

Decoded = tuple[Record, "Event | Rejection", "bytes | None"]
"""A record, what it holds, and its event key in the journal (None for a rejection)."""

_KINDS = {
    GIG_COMPLETED: Kind.ACCRUAL,
    LEDGER_OPENED: Kind.LEDGER,
    SCHEME_ENACTED: Kind.SCHEME,
    PLATFORM_CHANGED: Kind.PLATFORM,
}
"""The kind of entry that an accepted event makes."""


class Held(msgspec.Struct):
    """A worker's account in memory, and how many entries it has had since its last snapshot."""

    account: Account
    unsaved: int
    near_limit: bool = False


def hold(account: Account, unsaved: int) -> Held:
    """Give a loaded account as it is held in memory."""
    return Held(account, unsaved, max(account.balances.values(), default=0) >= NEAR_LIMIT)


@dataclass
class State:
    """What a journal's writer holds between commits; all of it can be loaded again from the journal."""

    journal: int
    secret: bytes
    registry: Registry
    size: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    accounts: dict[str, Held] = field(default_factory=dict)


class Written(NamedTuple):
    """One entry to be: its columns and its leaf bytes. `record` and `rejection` are there for what was refused."""

    leaf_index: int
    kind: Kind
    event_key: bytes | None
    worker: str | None
    leaf: bytes
    refused: tuple[Record, Rejection] | None = None


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


def decode_all(records: Iterable[Record], gates: Mapping[str, Gate], journal: int) -> list[Decoded]:
    """Open each record; `gates` by topic. Never raises for bad input."""
    decoded: list[Decoded] = []
    for record in records:
        event = decode(record, gates[record.topic])
        key = event_key(journal, event.source, event.id) if isinstance(event, Event) else None
        decoded.append((record, event, key))
    return decoded


def batch_end(batch: Sequence[Decoded]) -> int:
    """Give how many of these records may be decided together: an operator's act stands alone.

    A new scheme version changes what accounts mean, so nothing is decided in one breath with it.
    """
    for number, (_, event, _) in enumerate(batch):
        if isinstance(event, Event) and not isinstance(event.data, GigCompleted):
            return max(number, 1)
    return len(batch)


def needs(batch: Sequence[Decoded], state: State) -> tuple[list[str], list[bytes]]:
    """Give the workers whose accounts are not in memory, and all event keys of the batch."""
    accounts = state.accounts
    workers = {
        event.subject: None
        for _, event, _ in batch
        if isinstance(event, Event) and isinstance(event.data, GigCompleted) and event.subject not in accounts
    }
    return list(workers), [key for _, _, key in batch if key is not None]


def decide(batch: Sequence[Decoded], state: State, taken: Mapping[bytes, Content] | None) -> Decision:
    """Decide a batch, in order. `taken`: contents of its event keys that the journal holds; None: not looked up.

    Raises InvariantError (L12) when an offset lies below what was read: the caller has skipped those. Raises KeysTaken
    when an event would be refused for what the journal holds and its key was not looked up: it may be a duplicate.
    """
    return _Deciding(state, taken).run(batch)


class _Deciding:
    """One batch on its way; the loop of the hot path."""

    def __init__(self, state: State, taken: Mapping[bytes, Content] | None) -> None:
        self.state = state
        self.looked_up = taken is not None
        self.taken = taken or {}
        self.seen: dict[bytes, Content] = {}
        self.decision = Decision()

    def run(self, batch: Sequence[Decoded]) -> Decision:
        """Give the decision over all of the batch, in order."""
        positions = self.state.positions
        for record, event, key in batch:
            position = _advance(positions.get(record.topic, _START), record)
            fresh = True
            if isinstance(event, Rejection):
                self._refuse(record, event, position)
            elif key is not None:
                fresh = self._accept(record, event, key, position)
            next_offset = record.offset + 1
            if fresh:
                positions[record.topic] = Position(next_offset)
            else:
                positions[record.topic] = Position(next_offset, position.duplicates + 1, position.gap)
        decision = self.decision
        for topic in {record.topic for record, _, _ in batch}:
            decision.positions[topic] = positions[topic]
        return decision

    def _accept(self, record: Record, event: Event, key: bytes, position: Position) -> bool:
        """Enter an event; False when it is a duplicate (nothing is entered)."""
        content = (event.type, event.subject, event.time, event.data_json)
        before = self.seen.get(key) or self.taken.get(key)
        if before is not None:
            if before == content:
                self._count(record.topic, event.type, "duplicate")
                return False
            detail = "id: expected a new one or the same content, got another content"
            self._refuse(record, Rejection(Code.EQUIVOCATION, detail, event.source, event.id), position)
            return True
        kind = _KINDS[event.type]
        data = event.data
        if isinstance(data, GigCompleted):
            accrued = self._accrue(record, event, data, position)
            if accrued is None:
                detail = "balance: expected less than 2^53 minor units, got more"
                refusal = Rejection(Code.AMOUNT_OUT_OF_RANGE, detail, event.source, event.id)
                self._refuse_by_state(record, refusal, position)
                return True
            entry = accrued
        else:
            unfit = self._enact(event, data) if isinstance(data, SchemeEnacted) else None
            if unfit is not None:
                self._refuse_by_state(record, unfit, position)
                return True
            entry = self._entry(record, kind, position, event.source, event.id)
            entry.event = _stored(event)
        self.seen[key] = content
        self._write(entry, kind, key, event.subject if kind is Kind.ACCRUAL else None)
        self._count(record.topic, event.type, "accrued")
        return True

    def _accrue(self, record: Record, event: Event, data: GigCompleted, position: Position) -> Entry | None:
        """Accrue a gig; None, and nothing changed, when a balance would leave the range of exact numbers."""
        state = self.state
        worker = event.subject
        held = state.accounts[worker]
        gig = gig_of(event.source, worker, event.occurred_at, data, event.amounts_minor, event.commission_minor)
        before = held.account.copy() if held.near_limit else None
        contributions = accrue(gig, held.account, state.registry)
        if before is not None and max(held.account.balances.values()) >= canonical.INTEGER_LIMIT:
            held.account = before
            return None
        held.unsaved += 1
        self.decision.touched[worker] = state.size
        entry = self._entry(record, Kind.ACCRUAL, position, event.source, event.id)
        entry.event = _stored(event)
        rows = []
        postings = self.decision.postings
        for scheme, version, fund, payer, window, amount, unit in contributions:
            rows.append(entries.ContributionRow(amount, fund, payer, scheme, unit, version, window))
            key = (scheme, fund, payer[: payer.index(":")], unit)
            posted = postings.get(key)
            if posted is None:
                posted = postings[key] = [0, 0]
            if amount > 0:
                posted[0] += amount
            else:
                posted[1] -= amount
        entry.contributions = rows
        balances = held.account.balances
        entry.balances = [
            entries.BalanceRow(accrued, fund, scheme, unit) for (scheme, fund, unit), accrued in balances.items()
        ]
        if balances and max(balances.values()) >= NEAR_LIMIT:
            held.near_limit = True
        return entry

    def _enact(self, event: Event, data: SchemeEnacted) -> Rejection | None:
        """Let a scheme's version act from here on; one that does not parse, or was changed, is refused."""
        try:
            version = parse(data.text, f"{data.scheme} {data.version}")
            if (version.scheme, version.id) != (data.scheme, data.version):
                detail = f"data.text: expected {data.scheme} {data.version}, got another version's"
                return Rejection(Code.SCHEMA_VIOLATION, detail, event.source, event.id)
            self.state.registry = self.state.registry.enact(version)
        except (SchemeError, EnactError) as error:
            return Rejection(Code.SCHEMA_VIOLATION, str(error)[:500], event.source, event.id)
        # what accounts accumulated under the version before must be assessed anew: forget them, they load again
        self.state.accounts.clear()
        self.decision.enacted = True
        return None

    def _refuse_by_state(self, record: Record, rejection: Rejection, position: Position) -> None:
        """Refuse an event for what the journal holds. A refusal takes no key, so the unique index would let a
        duplicate pass for refused: its key must have been looked up, or the bytes hang on what was (L4).
        """
        if not self.looked_up:
            raise KeysTaken(f"{record.topic} offset {record.offset}: expected its key looked up before it is refused")
        self._refuse(record, rejection, position)

    def _refuse(self, record: Record, rejection: Rejection, position: Position) -> None:
        entry = self._entry(record, Kind.REJECTION, position, rejection.source, rejection.id)
        entry.rejection = Refusal(rejection.code.value)
        self._write(entry, Kind.REJECTION, None, None, (record, rejection))
        self._count(record.topic, UNKNOWN_TYPE, "rejected")

    def _entry(self, record: Record, kind: Kind, position: Position, source: str | None, event_id: str | None) -> Entry:
        state = self.state
        topic, partition, offset = record.topic, record.partition, record.offset
        cause = Cause(
            offset=offset,
            part=(1, 1),
            partition=partition,
            sha256=sha256(record.value or b"").hexdigest(),
            since=Since(position.duplicates, position.gap),
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
            salt=salt(state.secret, topic, partition, offset, 1),
        )

    def _write(
        self,
        entry: Entry,
        kind: Kind,
        key: bytes | None,
        worker: str | None,
        refused: tuple[Record, Rejection] | None = None,
    ) -> None:
        leaf = entries.encode(entry)
        if len(leaf) > entries.LEAF_BYTES_MAX:
            # limits on records and schemes keep every entry far below; if one is not, signing it would be a lie
            raise InvariantError("L4", f"entry {entry.index}: expected at most {entries.LEAF_BYTES_MAX} bytes")
        self.decision.written.append(Written(entry.index, kind, key, worker, leaf, refused))
        kinds = self.decision.kinds
        kinds[kind] = kinds.get(kind, 0) + 1
        self.state.size += 1

    def _count(self, topic: str, kind: str, outcome: str) -> None:
        outcomes = self.decision.outcomes
        key = Outcome(topic, kind, outcome)
        outcomes[key] = outcomes.get(key, 0) + 1


def _stored(event: Event) -> StoredEvent:
    return StoredEvent(msgspec.Raw(event.data_json), event.subject, event.time, event.type)


_START = Position()


def _advance(position: Position, record: Record) -> Position:
    """Give the position with the offsets that never came before this record counted as its gap."""
    if record.offset < position.next_offset:
        raise InvariantError(
            "L12", f"{record.topic} offset {record.offset}: expected at least {position.next_offset}: already read"
        )
    if record.offset == position.next_offset:
        return position
    return position._replace(gap=position.gap + record.offset - position.next_offset)
