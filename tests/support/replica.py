"""A journal in memory: the pure pipeline driven as a desk drives it, with lists for tables. For laws without servers.

`settle` takes records, cuts at operator's acts, loads accounts by folding leaves, decides, and refuses a batch of
which an event key is taken, as the database's unique index does; then it forgets everything, loads again and looks
first. What it ends with is what the real journal must end with, byte for byte (L4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from contracts import entry as entries
from contracts.codec import Record
from contracts.entry import Position
from ledger.domain.registry import Registry
from ledger.domain.scheme import parse
from ledger.domain.standing import Account
from ledger.errors import KeysTaken
from ledger.store.standings import content_of, fold
from streams import pipeline
from streams.pipeline import Decision, State, Written
from tests.support.strategies import gates

SECRET = bytes(range(32))


class Replica:
    """A journal's leaves, positions and refused records, and the decisions that made them."""

    def __init__(self, journal: int = 0, journals: int = 1, prefix: str = "", secret: bytes = SECRET) -> None:
        self.journal = journal
        self.leaves: list[bytes] = []
        self.written: list[Written] = []
        self.positions: dict[str, Position] = {}
        self.decisions: list[Decision] = []
        self.state: State | None = None
        self._secret = secret
        self._gates = gates(journals, prefix)

    def settle(self, records: Sequence[Record], look_first: bool = False) -> Replica:
        """Settle records, none of which was settled before."""
        rest: Sequence[Record] = records
        looking = look_first
        while rest:
            decoded = pipeline.decode_all(rest, self._gates, self.journal)
            batch = decoded[: pipeline.batch_end(decoded)]
            state = self.state or self._open()
            workers, keys = pipeline.needs(batch, state)
            for worker in workers:
                state.accounts[worker] = pipeline.hold(self.account(worker, state.registry), 0)
            try:
                decision = pipeline.decide(batch, state, self._taken(keys) if looking else None)
                self._commit(decision)
            except KeysTaken:
                if looking:
                    raise AssertionError("keys: expected none taken after looking first") from None
                self.state, looking = None, True
                continue
            self.state = state
            rest, looking = rest[len(batch) :], look_first
        return self

    def settle_all(self, batches: Iterable[Sequence[Record]], look_first: bool = False) -> Replica:
        """Settle batches one after the other."""
        for batch in batches:
            self.settle(batch, look_first)
        return self

    def forget(self) -> None:
        """Drop what is held in memory, as a crash does."""
        self.state = None

    def entries(self) -> list[entries.Entry]:
        """All entries, decoded."""
        return [entries.decode(leaf) for leaf in self.leaves]

    def told(self) -> list[dict[str, object]]:
        """All entries as plain JSON values."""
        return [json.loads(leaf) for leaf in self.leaves]

    def account(self, worker: str, registry: Registry) -> Account:
        """A worker's account, folded from the leaves."""
        account = Account()
        for written in self.written:
            if written.worker == worker:
                fold(account, written.leaf, registry, self.journal, written.leaf_index)
        return account

    def registry(self) -> Registry:
        """The versions that the leaves enact."""
        registry = Registry()
        for entry in self.entries():
            if entry.kind == "scheme" and isinstance(entry.event, entries.StoredEvent):
                registry = registry.enact(parse(json.loads(bytes(entry.event.data))["text"], "stored"))
        return registry

    def _open(self) -> State:
        return State(self.journal, self._secret, self.registry(), len(self.leaves), dict(self.positions))

    def _taken(self, keys: Sequence[bytes]) -> dict[bytes, pipeline.Content]:
        wanted = set(keys)
        return {w.event_key: content_of(entries.decode(w.leaf)) for w in self.written if w.event_key in wanted}  # type: ignore[misc]

    def _commit(self, decision: Decision) -> None:
        keys = [w.event_key for w in (*self.written, *decision.written) if w.event_key is not None]
        if len(keys) != len(set(keys)):
            raise KeysTaken("some event keys were taken")
        self.written += decision.written
        self.leaves += [w.leaf for w in decision.written]
        self.positions.update(decision.positions)
        self.decisions.append(decision)
