"""A worker's book: what their entries tell, in the journal's order; and a single gig's, for what corrects it.

A line is one fact with all that its parts posted. Every close of the journal is a line of each book, whether it posted
something or not: a window that is closed stays closed. Pure: who fetches the entries is not known here. Upholds L4: the
same entries give the same book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET

from contracts import events
from contracts.codec import read_gig
from contracts.entry import Kind, Reason, StoredEvent
from ledger.domain.fold import UntoldGig
from ledger.domain.story import Adjusted, Chain, Closed, Completed, Restated, Reversed, Told, chains
from ledger.intake import contributions_of, fact_of_entry, gig_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contracts.entry import Entry
    from ledger.domain.posting import Contribution
    from ledger.domain.story import Fact

_KINDS_OF_FACTS = frozenset({Kind.ACCRUAL, Kind.ADJUSTMENT, Kind.REVERSAL, Kind.WORKER, Kind.DISPUTE, Kind.REMITTANCE})
_KINDS_OF_GIGS = frozenset({Kind.ACCRUAL, Kind.ADJUSTMENT, Kind.REVERSAL})


class Line(NamedTuple):
    """One fact of a book: the index of its entry (of the first part that posts it), and the fact with all it posted."""

    leaf_index: int
    told: Told


class CloseAct(NamedTuple):
    """A close that a journal's entry at this index records."""

    leaf_index: int
    closed: Closed


class KnownGig(NamedTuple):
    """A gig that a journal holds: whose it is, the indexes of its entries, and how it stands; None once reversed."""

    worker: str
    currency: str
    indexes: tuple[int, ...]
    chain: Chain | None

    def follow(self, leaf_index: int, fact: Fact, posted: Sequence[Contribution]) -> KnownGig:
        """Give the gig with what a later fact about it changed."""
        indexes = (*self.indexes, leaf_index)
        if isinstance(fact, Reversed) or self.chain is None:
            return self._replace(indexes=indexes, chain=None)
        chain = self.chain._replace(posted=(*self.chain.posted, *posted))
        if isinstance(fact, Adjusted):
            chain = chain._replace(adjustments=(*chain.adjustments, fact.adjustment))
        return self._replace(indexes=indexes, chain=chain)


def story_of(book: Sequence[Line]) -> list[Told]:
    """Give the facts of a book without their places."""
    return [line.told for line in book]


def book_of(entries: Iterable[Entry], closes: Sequence[CloseAct] = (), begun: bool = False) -> list[Line]:
    """Give a worker's book from their entries in order of index, and the journal's closes in order of index.

    Closes before the worker's first entry are left out, unless the book has `begun` before these entries. Raises
    InvariantError (L4) for entries that no event can have made, and UntoldGig for one that adjusts a gig which is not
    among them.
    """
    book = _Book(begun)
    waiting = list(reversed(closes))
    for entry in entries:
        while waiting and waiting[-1].leaf_index < entry.index:
            book.close(waiting.pop())
        book.take(entry)
    while waiting:
        book.close(waiting.pop())
    return book.lines


def known_gig(entries: Sequence[Entry]) -> KnownGig | None:
    """Give a gig as the entries that hold it and speak of it leave it, in order of index; None for none.

    Raises InvariantError (L4) for entries that no event can have made.
    """
    if not entries or entries[0].kind != Kind.ACCRUAL:
        return None
    book = book_of(entries)
    first = book[0].told.fact
    event = entries[0].event
    if not isinstance(first, Completed) or not isinstance(event, StoredEvent):
        return None
    chain = chains(story_of(book)).get(first.name)
    return KnownGig(event.subject, first.gig.currency, tuple(entry.index for entry in entries), chain)


class _Book:
    def __init__(self, begun: bool) -> None:
        self.lines: list[Line] = []
        self._gigs: dict[str, Completed] = {}
        self._names: dict[int, str] = {}
        self._begun = begun

    def close(self, act: CloseAct) -> None:
        if self._begun:
            self._add(act.leaf_index, act.closed, ())

    def take(self, entry: Entry) -> None:
        """Take the worker's next entry: a fact, a correction, or more of what the entry before it began."""
        self._begun = True
        if entry.kind == Kind.NOTICE:
            return
        posted = tuple(contributions_of(entry))
        if entry.kind == Kind.CORRECTION:
            self._add(entry.index, Restated(self._gig_of(entry)), posted)
        elif isinstance(entry.event, StoredEvent):
            if entry.kind in _KINDS_OF_FACTS:
                self._event(entry, entry.event, posted)
        elif self.lines:
            # a part that goes on: of a close, or of what one entry could not hold
            index, (fact, before) = self.lines[-1]
            own = entry.index if isinstance(fact, Closed) and not before else index
            self.lines[-1] = Line(own, Told(fact, (*before, *posted)))

    def _gig_of(self, entry: Entry) -> str:
        """Give the name of the gig whose own window a correction corrects, "" for longer windows."""
        gig = entry.reason.gig if isinstance(entry.reason, Reason) else UNSET
        if gig is UNSET:
            return ""
        if gig not in self._names:
            raise UntoldGig(f"entry {entry.index}: expected the gig that it corrects before it, got none")
        return self._names[gig]

    def _event(self, entry: Entry, event: StoredEvent, posted: tuple[Contribution, ...]) -> None:
        currency = None
        if event.type == events.GIG_ADJUSTED and isinstance(entry.cause.source, str):
            gig = self._gigs.get(gig_name(entry.cause.source, str(msgspec.json.decode(event.data).get("gig"))))
            if gig is None:
                raise UntoldGig(f"entry {entry.index}: expected the gig that it adjusts before it, got none")
            currency = gig.gig.currency
        fact = fact_of_entry(entry, currency, read_gig)
        if isinstance(fact, Completed):
            self._gigs[fact.name] = fact
            self._names[entry.index] = fact.name
        if fact is not None:
            self._add(entry.index, fact, posted)

    def _add(self, index: int, fact: Fact, posted: tuple[Contribution, ...]) -> None:
        self.lines.append(Line(index, Told(fact, posted)))
