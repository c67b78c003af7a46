"""A journal in memory: the pure pipeline driven as a desk drives it, with lists for tables. For laws without servers.

`settle` takes records, cuts at operator's acts, loads accounts by folding leaves, decides, and refuses a batch of
which an event key is taken, as the database's unique index does; then it forgets everything, loads again and looks
first. What it ends with is what the real journal must end with, byte for byte (L4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from contracts import entry as entries
from contracts.codec import Record
from contracts.entry import Kind, Position
from contracts.events import Event, PeriodClosed
from ledger.accounts import Loaded, account_of
from ledger.acts import Acts
from ledger.books import KnownGig, book_of, known_gig
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from ledger.errors import KeysTaken
from ledger.parts import Part, close_heard_by
from ledger.store.standings import content_of
from streams import closes, pipeline
from streams.pipeline import Decision, State, Written
from tests.support.strategies import gates

SECRET = bytes(range(32))


class CrashError(Exception):
    """The process dies instead of committing: `Replica.commits_left` came to 0."""


class Replica:
    """A journal's leaves, positions and refused records, and the decisions that made them."""

    def __init__(
        self, journal: int = 0, journals: int = 1, prefix: str = "", secret: bytes = SECRET, keeps: bool = False
    ) -> None:
        """`keeps`: closes take accounts from memory and keep them there, and pass over whom they can bring nothing."""
        self.journal = journal
        self.leaves: list[bytes] = []
        self.written: list[Written] = []
        self.positions: dict[str, Position] = {}
        self.decisions: list[Decision] = []
        self.state: State | None = None
        self.held: list[Record] = []
        self.slice_workers = 2
        self.commits_left: int | None = None
        self._secret = secret
        self._keeps = keeps
        self._gates = gates(journals, prefix)

    def settle(self, records: Sequence[Record], look_first: bool = False) -> Replica:
        """Settle records, none of which was settled before; a close that has to wait is held back for later ones."""
        rest: Sequence[Record] = records
        looking = look_first
        while rest or self.held:
            rest = closes.put_back(self.held, rest)
            state = self.state or self._open()
            decoded = pipeline.decode_all(rest, self._gates, self.journal)
            done = closes.under_way(self.entries()[-1] if self.leaves else None)
            going, held = closes.set_aside(decoded, state, done)
            self.held = [record for record, _, _ in held]
            batch: Sequence[pipeline.Decoded] = going[: pipeline.batch_end(going)]
            if not batch:
                self.state = state
                break
            wanted = pipeline.needs(batch, state)
            for worker in wanted.workers:
                state.accounts[worker] = pipeline.hold(*self.loaded(worker, state.acts))
            books, length = pipeline.needs_books(batch, state)
            batch = batch[:length]
            state.books = {worker: book_of(self.entries_of(worker), state.acts.closes) for worker in books}
            state.gigs = self._gigs_of(wanted.gigs)
            taken = self._taken(wanted.keys if looking else wanted.firm_keys)
            try:
                if self._is_close(batch[0], state, taken, done):
                    self._close(batch[0], state, done)
                else:
                    self._commit(pipeline.decide(batch, state, taken, looking))
            except KeysTaken:
                if looking:
                    raise AssertionError("keys: expected none taken after looking first") from None
                self.state, looking = None, True
                continue
            self.state = state
            entered = [*batch, *held]
            rest, looking = [one[0] for one in decoded if one not in entered], look_first
        return self

    def _is_close(self, one: pipeline.Decoded, state: State, taken: dict[bytes, Any], done: Any) -> bool:
        record, event, key = one
        if not isinstance(event, Event) or not isinstance(event.data, PeriodClosed):
            return False
        unfit = closes.refusal(event, state.acts, closes.prefix_of(record))
        return done is not None or (key not in taken and unfit is None)

    def _close(self, one: pipeline.Decoded, state: State, done: closes.UnderWay | None) -> None:
        """Work a close out as `streams.closer` does, and commit it in lots of `slice_workers`."""
        if not self._keeps:
            state.accounts.clear()
        workers = sorted({w.worker for w in self.written if w.worker is not None})
        if done is None:
            closing = closes.closing_of(one, state.acts.copy())
            acts = state.acts.copy()
            acts.close(closing.closed, state.size)
            every = self._parts(closing, acts, workers, state)
            count = 1 + sum(len(own) for _, own in every)
            self._commit(closes.begin(closing, state, count))
            written = 1
        else:
            before = Acts()
            for entry in self.entries():
                if (entry.cause.topic, entry.cause.offset) != (done.topic, done.offset):
                    before.take(entry)
            closing = closes.closing_of(one, before)
            written, count = done.part, done.parts
            workers = [worker for worker in workers if worker > done.worker]
            every = self._parts(closing, state.acts, workers, state)
        for start in range(0, len(every), self.slice_workers):
            own = every[start : start + self.slice_workers]
            decision = closes.go_on(closing, state, written, count, own)
            written += len(decision.written)
            self._commit(decision)
        assert written == count

    def _parts(
        self, closing: closes.Closing, acts: Acts, workers: Sequence[str], state: State
    ) -> list[tuple[str, list[Part]]]:
        made = []
        for worker in workers:
            concerned = not self._keeps or self._is_concerned(closing, acts, worker)
            own = closes.close_held(closing, state.accounts, worker, acts, concerned) if self._keeps else None
            if own is None and concerned:
                account, _, due = self.loaded(worker, closing.before)
                book = book_of(self.entries_of(worker), closing.before.closes) if due else []
                own = closes.parts_of(closing, account, acts, due, book)
            made.append((worker, own or []))
        return [(worker, own) for worker, own in made if own]

    def _is_concerned(self, closing: closes.Closing, acts: Acts, worker: str) -> bool:
        told = [w for w in self.written if w.worker == worker]
        kinds, heard_by = {w.kind for w in told}, close_heard_by(closing.closed, acts)
        if heard_by == "all" or Kind.REMITTANCE in kinds or told[-1].leaf_index < closing.before.changed_at:
            return True
        return heard_by == "stated" and Kind.WORKER in kinds

    def settle_all(self, batches: Iterable[Sequence[Record]], look_first: bool = False) -> Replica:
        """Settle batches one after the other."""
        for batch in batches:
            self.settle(batch, look_first)
        return self

    def forget(self) -> None:
        """Drop what is held in memory, as a crash does."""
        self.state = None
        self.held = []

    def entries(self) -> list[entries.Entry]:
        """All entries, decoded."""
        return [entries.decode(leaf) for leaf in self.leaves]

    def told(self) -> list[dict[str, object]]:
        """All entries as plain JSON values."""
        return [json.loads(leaf) for leaf in self.leaves]

    def account(self, worker: str, registry: Registry) -> Account:
        """A worker's account, folded from the leaves under this registry."""
        acts = self.acts()
        acts.registry = registry
        return self.loaded(worker, acts).account

    def loaded(self, worker: str, acts: Acts) -> Loaded:
        """A worker's account as a writer loads it."""
        return account_of(worker, self.entries_of(worker), acts)

    def acts(self) -> Acts:
        """What the leaves' acts say."""
        acts = Acts()
        for entry in self.entries():
            acts.take(entry)
        return acts

    def registry(self) -> Registry:
        """The versions that the leaves enact."""
        return self.acts().registry

    def _open(self) -> State:
        return State(self.journal, self._secret, self.acts(), len(self.leaves), dict(self.positions))

    def entries_of(self, worker: str) -> list[entries.Entry]:
        return [entries.decode(w.leaf) for w in self.written if w.worker == worker]

    def _gigs_of(self, keys: Iterable[bytes]) -> dict[bytes, KnownGig]:
        found = {}
        for key in keys:
            told = [entries.decode(w.leaf) for w in self.written if key in (w.event_key, w.refers_to)]
            gig = known_gig(told)
            if gig is not None:
                found[key] = gig
        return found

    def _taken(self, keys: Sequence[bytes]) -> dict[bytes, pipeline.Content]:
        wanted = set(keys)
        return {w.event_key: content_of(entries.decode(w.leaf)) for w in self.written if w.event_key in wanted}  # type: ignore[misc]

    def _commit(self, decision: Decision) -> None:
        if self.commits_left is not None:
            if self.commits_left == 0:
                raise CrashError
            self.commits_left -= 1
        keys = [w.event_key for w in (*self.written, *decision.written) if w.event_key is not None]
        if len(keys) != len(set(keys)):
            raise KeysTaken("some event keys were taken")
        self.written += decision.written
        self.leaves += [w.leaf for w in decision.written]
        self.positions.update(decision.positions)
        self.decisions.append(decision)
