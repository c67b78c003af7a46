"""Why an entry says what it says, worked out again from the journal as it stood before its record.

The acts are those of the journal by then, the account is folded from the worker's entries before the record (a plain
gig's from the kept snapshot where one is old enough), and the fact is the record's own. Before anything is told, all
parts of the record are worked out too: if the one at hand is not the entry's, the explanation would be a story, and a
law is broken (L4). Folding yields to other requests between pages of entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import UNSET

from contracts import entry as entries
from contracts.entry import Entry, Kind, StoredEvent, worker_of
from ledger import parts
from ledger.accounts import account_of
from ledger.acts import Acts
from ledger.api.views import ExplainedStep, Explanation
from ledger.books import Line, book_of, story_of
from ledger.domain.explain import Step, explain_event, plain
from ledger.domain.fold import UntoldGig
from ledger.domain.posting import Outcome
from ledger.domain.standing import Account
from ledger.domain.story import Closed, Fact, Restated, Told
from ledger.errors import InvariantError
from ledger.intake import close_of_entry, fact_of_entry, platform_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.parts import Part
    from ledger.store.readers import Readers

_ACTS_MAX: Final = 64
_REJECTED = "The record was refused ({code}): it moved nothing."
_ACT = "An act of the operator ({type}): it moved nothing."
_TOLD = "{type}: it moved nothing."
_NO_SCHEME = "No scheme is enacted: it moved nothing."


class Record(NamedTuple):
    """A record as far as it concerns one worker: the journal's acts before it and with it, the worker's entries before
    it (after `as_of`, from the snapshot of that index), and their parts of it up to the one at hand or all of them.
    """

    worker: str
    before: Acts
    acts: Acts
    told: Sequence[Entry]
    own: Sequence[Entry]
    closed: Closed | None
    snapshot: Account | None = None
    as_of: int = -1


class Explaining:
    """Explains entries; keeps the acts that it read, as they are few and never change."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._acts: dict[tuple[int, tuple[int, ...]], Acts] = {}

    async def explanation(self, entry: Entry) -> Explanation:
        """Give the explanation of a stored entry.

        Raises InvariantError (L1, L4) when the entries before it do not lead to what it says, StoreUnavailable.
        """
        worker = worker_of(entry)
        if worker is None:
            return Explanation(entry.journal, entry.index, entry.kind, None, _unmoved(entry), [], [])
        try:
            steps = retold(entry, await self._record(entry, worker, short=True))
        except UntoldGig:
            steps = retold(entry, await self._record(entry, worker, short=False))
        except ValueError as error:
            raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: {error}") from error
        rows = [] if entry.contributions is UNSET else entry.contributions
        told = [ExplainedStep(*step) for step in steps]
        return Explanation(entry.journal, entry.index, entry.kind, worker, plain(steps) or _silent(entry), rows, told)

    async def _record(self, entry: Entry, worker: str, short: bool) -> Record:
        """Read what explains an entry; `short`: from a snapshot where the entry is a gig's only part."""
        journal, first = entry.journal, entry.index - entry.cause.part[0] + 1
        acts = await self.acts(journal, first)
        head = entries.decode(await self._leaf(journal, first))
        closed = close_of_entry(head)
        snapshot, as_of = None, -1
        if short and entry.kind == Kind.ACCRUAL and entry.cause.part == (1, 1):
            snapshot, as_of = await self._snapshot(journal, worker, first, acts)
        told = await self._entries(journal, worker, as_of, first)
        # the parts of a worker's own event lie under one commit, and so under one checkpoint; a close's may not
        end = entry.index + 1 if closed is not None else first + entry.cause.part[1]
        own = await self._entries(journal, worker, first - 1, end)
        after = acts
        if closed is not None:
            after = acts.copy()
            after.take(head)
        return Record(worker, acts, after, told, own, closed, snapshot, as_of)

    async def acts(self, journal: int, before: int) -> Acts:
        """Give what a journal's acts had said before an index."""
        stored = await self._readers.acts(journal, before)
        key = (journal, tuple(act.leaf_index for act in stored))
        acts = self._acts.get(key)
        if acts is None:
            if len(self._acts) >= _ACTS_MAX:
                self._acts.clear()
            acts = Acts()
            for act in stored:
                acts.take(entries.decode(act.leaf))
            self._acts[key] = acts
        return acts

    async def _leaf(self, journal: int, index: int) -> bytes:
        leaf = await self._readers.entry(journal, index)
        if leaf is None:
            raise InvariantError("L5", f"journal {journal} entry {index}: expected an entry, got none")
        return leaf

    async def _snapshot(self, journal: int, worker: str, before: int, acts: Acts) -> tuple[Account | None, int]:
        kept = await self._readers.snapshot(journal, worker, before)
        if kept is None:
            return None, -1
        account = Account.load(msgspec.json.decode(kept[1]))
        return (None, -1) if account.is_stale(acts.registry) else (account, kept[0])

    async def _entries(self, journal: int, worker: str, after: int, before: int) -> list[Entry]:
        return [
            entries.decode(stored.leaf)
            async for page in self._readers.pages(journal, worker, after, before)
            for stored in page
        ]


def retold(entry: Entry, record: Record) -> list[Step]:
    """Give the steps that led to an entry.

    Raises InvariantError (L1, L4) when they do not lead to what it says, and UntoldGig when it needs more entries than
    those since a snapshot.
    """
    worker, registry = record.worker, record.before.registry
    loaded = account_of(worker, record.told, record.before, record.snapshot, record.as_of)
    account = loaded.account
    account.worker = account.worker or worker
    if loaded.due and record.snapshot is not None:
        raise UntoldGig(
            f"entry {entry.index}: expected all entries of its worker, as acts since change what was posted"
        )
    book = [] if record.snapshot is not None else book_of(record.told, record.before.closes)
    fact, main = _fact(record, book)
    corrected, before = account.copy(), list(book)
    again, steps = _again(fact, main, record, account, loaded.due, book)
    number = next((at for at, own in enumerate(record.own) if own.index == entry.index), -1)
    _check(entry, again[number] if 0 <= number < len(again) else None)
    part = again[number]
    if part.kind == Kind.CORRECTION:
        told = explain_event(Restated(part.gig), corrected, registry, story_of(before))
        reason = part.reason
        return [step for step in told if reason is None or _about(step, reason.scheme, reason.version)]
    if part.kind == Kind.NOTICE and loaded.due:
        names = dict.fromkeys(own.gig for own in again if own.kind == Kind.CORRECTION)
        own = [explain_event(Restated(name), corrected, registry, story_of(before)) for name in names]
        return [*(step for each in own for step in each), *steps]
    return steps


def _fact(record: Record, book: Sequence[Line]) -> tuple[Fact | None, Entry | None]:
    """Give the fact that a record tells, and the part that holds its event where that is the worker's own."""
    if record.closed is not None:
        return record.closed, None
    main = next((own for own in record.own if isinstance(own.event, StoredEvent)), None)
    if main is None:
        return None, None
    name = parts.gig_named(main)
    gig = None if name is None else parts.gig_in(book, name)
    return fact_of_entry(main, None if gig is None else gig.currency), main


def _again(
    fact: Fact | None, main: Entry | None, record: Record, account: Account, due: bool, book: list[Line]
) -> tuple[list[Part], list[Step]]:
    """Work the record's parts for the worker out again; give them with the steps of its own fact."""
    registry, after = record.before.registry, record.acts.registry
    if isinstance(fact, Closed):
        done = parts.close_parts(fact, account.copy(), record.before, record.acts, due, book)
        corrected = account.copy()
        lines = _lines(parts.corrections(corrected, registry, book)[0]) if due else []
        return done, explain_event(fact, corrected, after, story_of([*book, *lines]))
    own, said = parts.corrections(account, registry, book) if due else ([], [])
    told = [*book, *_lines(own)]
    name = None if main is None else parts.gig_named(main)
    gig = None if name is None else parts.gig_in(told, name)
    if fact is None or main is None:
        kind = Kind.DISPUTE if main is None else Kind(main.kind)
        own += parts.main_parts(kind, Outcome([], []), account, tuple(account.balances))
        return [*own, *parts.notice_parts(said, account, registry)], []
    steps = explain_event(fact, account, registry, story_of(told))
    funds = tuple(account.balances)
    outcome = parts.act(fact, account, registry, told, gig)
    platform = platform_of(main.cause.source) if isinstance(main.cause.source, str) else ""
    own += parts.main_parts(parts.KINDS[type(fact)], outcome, account, funds, platform)
    return [*own, *parts.notice_parts([*said, *outcome.said], account, registry)], steps


def _lines(corrections: Sequence[Part]) -> list[Line]:
    return [Line(-1, Told(Restated(part.gig), part.postings)) for part in corrections]


def _check(entry: Entry, part: Part | None) -> None:
    """Raise InvariantError (L4) unless a part worked out again is what the entry says."""
    if part is not None and part.kind == entry.kind:
        rows = [] if entry.contributions is UNSET else entry.contributions
        notices = [] if entry.notices is UNSET else entry.notices
        if (part.contributions or [], part.notices or [], part.balances) == (rows, notices, entry.balances):
            return
    raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: expected its postings again")


def _about(step: Step, scheme: str, version: str) -> bool:
    return step.what == "event" or (step.scheme, step.version) == (scheme, version)


def _silent(entry: Entry) -> str:
    if entry.kind == Kind.ACCRUAL or not isinstance(entry.event, StoredEvent):
        return _NO_SCHEME
    return _TOLD.format(type=entry.event.type)


def _unmoved(entry: Entry) -> str:
    if entry.rejection is not UNSET:
        return _REJECTED.format(code=entry.rejection.code)
    return _ACT.format(type="" if entry.event is UNSET else entry.event.type)
