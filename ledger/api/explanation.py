"""Why an entry says what it says, worked out again from the journal as it stood before it.

The schemes are those that the journal had enacted by then, the account is folded from the worker's entries before it
(from the kept snapshot where one is old enough), and the gig is the entry's own. Before anything is told, the postings
are worked out too: if they are not those of the entry, the explanation would be a story, and a law is broken (L4).
Folding yields to other requests between pages of entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from contracts import entry as entries
from contracts.entry import Entry, Kind, StoredEvent
from ledger.api.views import ExplainedStep, Explanation
from ledger.domain.accrual import accrue
from ledger.domain.explain import explain, plain
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from ledger.errors import InvariantError
from ledger.intake import contributions_of, gig_of_entry, version_of_entry
from ledger.store.standings import fold

if TYPE_CHECKING:
    from ledger.store.readers import Readers

_REGISTRIES_MAX: Final = 64
_REJECTED = "The record was refused ({code}): it moved nothing."
_ACT = "An act of the operator ({type}): it moved nothing."


class Explaining:
    """Explains entries; keeps the registries that it read, as acts are few and never change."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._registries: dict[tuple[int, tuple[int, ...]], Registry] = {}

    async def explanation(self, entry: Entry) -> Explanation:
        """Give the explanation of a stored entry.

        Raises InvariantError (L1, L4) when the entries before it do not lead to what it says, StoreUnavailable.
        """
        event = entry.event
        if entry.kind != Kind.ACCRUAL or not isinstance(event, StoredEvent):
            return Explanation(entry.journal, entry.index, entry.kind, None, _unmoved(entry), [], [])
        worker = event.subject
        registry = await self.registry(entry.journal, entry.index)
        account = await self._account(entry.journal, worker, entry.index, registry)
        gig = gig_of_entry(entry)
        steps = explain(gig, account, registry)
        if accrue(gig, account, registry) != contributions_of(entry):
            raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: expected its postings again")
        rows = [] if entry.contributions is UNSET else entry.contributions
        told = [ExplainedStep(*step) for step in steps]
        text = plain(steps) or "No scheme is enacted: it moved nothing."
        return Explanation(entry.journal, entry.index, entry.kind, worker, text, rows, told)

    async def registry(self, journal: int, before: int) -> Registry:
        """Give the versions that a journal had enacted before an index."""
        acts = await self._readers.acts(journal, before)
        key = (journal, tuple(act.leaf_index for act in acts))
        registry = self._registries.get(key)
        if registry is None:
            if len(self._registries) >= _REGISTRIES_MAX:
                self._registries.clear()
            versions = [version_of_entry(entries.decode(act.leaf)) for act in acts]
            registry = self._registries[key] = Registry(version for version in versions if version is not None)
        return registry

    async def _account(self, journal: int, worker: str, before: int, registry: Registry) -> Account:
        account, after = Account(), -1
        kept = await self._readers.snapshot(journal, worker, before)
        if kept is not None:
            snapshot = Account.load(msgspec.json.decode(kept[1]))
            if not snapshot.is_stale(registry):
                account, after = snapshot, kept[0]
        async for page in self._readers.pages(journal, worker, after, before):
            for index, leaf in page:
                fold(account, leaf, registry, journal, index)
        return account


def _unmoved(entry: Entry) -> str:
    if entry.rejection is not UNSET:
        return _REJECTED.format(code=entry.rejection.code)
    return _ACT.format(type="" if entry.event is UNSET else entry.event.type)
