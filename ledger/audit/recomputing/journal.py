"""One journal recomputed: all that its entries say worked out again from them alone, and compared bit for bit.

What a record's fact posts is worked out by the very functions that the stream used (`ledger.parts`), under the acts
that the journal's own entries had made by then, and from an account that only these recomputed facts have filled.
Compared are all members that a worker's entry has, the parts of a record as a whole, the event key, and the salt where
the journal's secret is at hand; as an entry is read strictly (decoded, encoded, compared), equal members are equal
bytes (L4). Not worked out again is what only Kafka knows: the hash of the record, its offset and time, records refused.

Accounts are kept in memory up to a limit and folded again from the worker's earlier entries when they were let go or
when an act reached back: the stream's own way of recovery. After a difference it goes on from the balances as they
are written, so that one wrong entry makes few findings. Knows neither broker nor terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from contracts import events
from contracts.entry import ENGINE, Entry, EntryError, Kind, StoredEvent, decode, event_key, salt
from ledger import parts
from ledger.accounts import account_of, stated_of
from ledger.acts import Acts
from ledger.audit.findings import Findings
from ledger.audit.recomputing.closed import ClosedWorkers
from ledger.audit.recomputing.differences import balance_difference, difference
from ledger.audit.recomputing.plain_gigs import NO_COLUMN, PlainGigs
from ledger.books import Line, book_of, known_gig
from ledger.domain.accrual import accrue
from ledger.domain.fold import UntoldGig
from ledger.domain.language.tree import SchemeError
from ledger.domain.posting import Contribution, Outcome
from ledger.domain.registry import EnactError
from ledger.domain.standing import Account
from ledger.domain.story import Changed, Completed, Remitted, Restated, Reversed, Told
from ledger.errors import InvariantError
from ledger.intake import close_of_entry, fact_of_entry, platform_of

if TYPE_CHECKING:
    from ledger.audit.recomputing.plain_gigs import PlainGig
    from ledger.books import KnownGig
    from ledger.domain.story import Fact
    from ledger.parts import Part

ACCOUNTS_MAX: Final = 100_000
"""Accounts kept in memory, by journal under way: about 2 KB each."""

_KINDS: Final[dict[str, Kind]] = {
    events.GIG_COMPLETED: Kind.ACCRUAL,
    **parts.WORKER_KINDS,
    events.PERIOD_CLOSED: Kind.CLOSE,
    events.KEY_CHANGED: Kind.KEY,
    events.LEDGER_OPENED: Kind.LEDGER,
    events.SCHEME_ENACTED: Kind.SCHEME,
    events.PLATFORM_CHANGED: Kind.PLATFORM,
    events.KEY_CHANGED: Kind.KEY,
}

Earlier = Callable[[str, int], Iterable[tuple[int, bytes]]]
"""Gives (index, leaf) of a worker's entries below an index, in order."""
OfGig = Callable[[bytes, int], Iterable[bytes]]
"""Gives the leaves that hold a gig (by its event key) or speak of it, below an index, in order."""


class Recomputing:
    """One journal worked out again, entry by entry in order of index; `finish` after the last."""

    def __init__(
        self,
        journal: int,
        earlier: Earlier,
        secret: bytes | None = None,
        accounts_max: int = ACCOUNTS_MAX,
        of_gig: OfGig | None = None,
        saw: Callable[[str, int], None] | None = None,
    ) -> None:
        """`earlier` is asked when an account must be folded again; `secret` is the journal's, where at hand; `of_gig`
        is asked for a gig that is corrected, where a look-up is cheaper than the worker's whole book; `saw` is told
        each worker's entries, where `earlier` has to be told.
        """
        self.entries = 0
        self.accruals = 0
        self.findings = Findings(journal)
        self._journal = journal
        self._add = self.findings.add
        self._earlier = earlier
        self._of_gig = of_gig
        self._saw = saw
        self._secret = secret
        self._acts = Acts()
        self._accounts: dict[str, Account] = {}
        self._due: set[str] = set()
        self._accounts_max = accounts_max
        self._group: list[Entry] = []
        self._workers: set[str] = set()
        self._close: ClosedWorkers | None = None
        self._spoilt = False
        self._plain = PlainGigs(journal, secret)

    def entry(self, index: int, column: bytes | Literal[""] | None, leaf: bytes) -> None:
        """Work an entry out again and compare; `column` is its event key as stored beside it (or NO_COLUMN), `leaf`
        its bytes.
        """
        self.entries += 1
        plain = self._plain.read(index, column, leaf) if self._close is None else None
        if plain is not None and self._took(plain, index, leaf):
            return
        try:
            entry = decode(leaf)
        except EntryError as error:
            self._add("L4", index, str(error))
            self._spoilt = True
            return
        cause, event = entry.cause, entry.event
        if entry.engine != ENGINE:
            self._add("L4", index, f"entry: expected engine {ENGINE}, which this release knows, got another")
        if self._secret is not None:
            made = salt(self._secret, cause.topic, cause.partition, cause.offset, cause.part[0])
            if entry.salt != made:
                self._add("L4", index, f"salt: expected {made}, got {entry.salt[:40]}")
        if isinstance(event, StoredEvent):
            if isinstance(cause.source, str) and isinstance(cause.id, str):
                key = event_key(self._journal, cause.source, cause.id)
                if column not in (key, NO_COLUMN):
                    got = column.hex() if column else "none"
                    self._add("L3", index, f"column event_key: expected {key.hex()}, got {got}")
            if _KINDS.get(event.type) != entry.kind:
                self._add("L4", index, f"entry: expected the kind of its event's type, got {entry.kind}")
                self._spoilt = True
                return
        if entry.kind != Kind.REJECTION:
            self._take(entry)

    def finish(self) -> None:
        """Work out what is left of the last record."""
        self._settle()
        self._end_close()

    def _take(self, entry: Entry) -> None:
        """Put the parts of a record together: all of them, or of a close those of one worker."""
        own = entry.balances is not None and isinstance(entry.balances, list)
        if self._group and not _together(self._group[-1], entry):
            self._settle()
        if self._close is not None and not self._close.holds(entry):
            self._end_close()
        if own:
            self._group.append(entry)
            if entry.cause.part[0] == entry.cause.part[1] and self._close is None:
                self._settle()
        else:
            self._act(entry)

    def _act(self, entry: Entry) -> None:
        before = self._acts.copy()
        try:
            self._acts.take(entry)
        except (SchemeError, EnactError, ValueError) as error:
            self._add("L4", entry.index, f"{entry.kind}: expected an act that could be taken in, got {error}")
        closed = close_of_entry(entry) if entry.kind == Kind.CLOSE else None
        if closed is not None:
            self._close = ClosedWorkers(entry, closed, before, sorted(self._workers))
            self._accounts.clear()
        elif self._acts.registry.generation != before.registry.generation:
            self._accounts.clear()

    def _took(self, plain: PlainGig, index: int, leaf: bytes) -> bool:
        """Work a plain entry out the short way, and compare; False, and nothing done, where it must go the long way."""
        if self._group:
            self._settle()
        gig = plain.gig
        worker = gig.worker
        account = self._accounts.get(worker) or self._account(worker, index)
        if worker in self._due:
            return False
        funds = tuple(account.balances)
        try:
            outcome = accrue(gig, account, self._acts.registry)
        except ValueError:
            self._accounts.pop(worker, None)
            return False
        self.accruals += 1
        self._spoilt = False
        postings, said = outcome
        if (
            said
            or len(postings) > parts.ROWS_MAX
            or not self._plain.postings.are(plain.written, worker, postings)
            or parts.balances_text(account) != plain.balances
        ):
            due = parts.main_parts(Kind.ACCRUAL, outcome, account, funds, gig.platform)
            due += parts.notice_parts(said, account, self._acts.registry)
            self._compare(due, [decode(leaf)], account)
        self._workers.add(worker)
        if self._saw is not None:
            self._saw(worker, index)
        return True

    # -- a worker's parts ----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Work out the parts of one worker that were put together, and compare."""
        group, self._group = self._group, []
        spoilt, self._spoilt = self._spoilt, False
        if not group:
            return
        first = group[0]
        worker = first.worker if isinstance(first.worker, str) else _subject(first)
        if self._close is not None:
            for passed in self._close.passed(worker):
                self._closed(passed, [])
            self._closed(worker, group)
        else:
            self._fact(worker, group, spoilt)
        self._workers.add(worker)
        if self._saw is not None:
            for entry in group:
                self._saw(worker, entry.index)

    def _fact(self, worker: str, group: list[Entry], spoilt: bool) -> None:
        self.accruals += 1
        main = next((entry for entry in group if isinstance(entry.event, StoredEvent)), None)
        index = group[0].index
        if main is None:
            if not spoilt:
                self._add("L4", index, "record: expected a part that holds the event, got none")
            self._accounts.pop(worker, None)
            return
        account = self._accounts.get(worker) or self._account(worker, index)
        try:
            due = self._parts_of(worker, main, account, index)
        except InvariantError as error:
            self._add(error.law, main.index, f"event: expected a gig that is accepted, got {error}")
            self._accounts.pop(worker, None)
            return
        self._due.discard(worker)
        self._compare(due, group, account)

    def _parts_of(self, worker: str, main: Entry, account: Account, index: int) -> list[Part]:
        """Give the parts that a record of a worker makes. Raises InvariantError for an event that is not accepted."""
        registry = self._acts.registry
        is_due = worker in self._due
        plain = main.kind == Kind.ACCRUAL and not is_due
        book = [] if plain else self._book(worker, index)
        own, said = parts.corrections(account, registry, book) if is_due else ([], [])
        book = [*book, *(Line(index + at, Told(Restated(part.gig), part.postings)) for at, part in enumerate(own))]
        gig = None if plain else self._gig(main, book)
        fact = fact_of_entry(main, None if gig is None else gig.currency)
        funds = tuple(account.balances)
        try:
            outcome = Outcome([], []) if fact is None else parts.act(fact, account, registry, book, gig)
        except ValueError as error:
            raise InvariantError("L4", str(error)) from error
        kind = _KINDS[main.event.type] if isinstance(main.event, StoredEvent) else Kind.ACCRUAL
        refers = _refers(fact, gig, outcome.contributions, book)
        source = main.cause.source if isinstance(main.cause.source, str) else ""
        own += parts.main_parts(kind, outcome, account, funds, platform_of(source), refers)
        return [*own, *parts.notice_parts([*said, *outcome.said], account, registry)]

    def _gig(self, main: Entry, book: Sequence[Line]) -> KnownGig | None:
        """Give the gig that an adjustment, a reversal or a dispute speaks of, as it stood before."""
        name = parts.gig_named(main)
        if name is None:
            return None
        if self._of_gig is not None and not self._due:
            platform, _, event_id = name.partition("/")
            key = event_key(self._journal, events.platform_source(platform), event_id)
            return known_gig([decode(leaf) for leaf in self._of_gig(key, main.index)])
        return parts.gig_in(book, name)

    def _book(self, worker: str, before: int) -> list[Line]:
        return book_of(self._entries(worker, before), self._acts.closes)

    def _entries(self, worker: str, before: int) -> list[Entry]:
        told = []
        for _, leaf in self._earlier(worker, before):
            try:
                told.append(decode(leaf))
            except EntryError:  # it was found at its own place
                continue
        return told

    # -- closes --------------------------------------------------------------------------------------------------------

    def _closed(self, worker: str, group: list[Entry]) -> None:
        """Work out what a close brings one worker, and compare with what was written: nothing, where `group` is []."""
        if self._close is None:
            return
        index = group[0].index if group else self._close.entry.index + 1
        before = self._close.before
        told = self._entries(worker, self._close.entry.index)
        try:
            account, _, is_due = account_of(worker, told, before)
            book = book_of(told, before.closes) if is_due else []
            due = self._close.parts_of(account, self._acts, is_due, book)
        except (InvariantError, ValueError, UntoldGig) as error:
            self._add("L4", index, f"close: expected a worker whose entries can be folded, got {error}")
            return
        if group:
            self._compare(due, group, account)
        elif due:
            self._add("L4", index, f"close: expected {len(due)} parts for a worker, got none")

    def _end_close(self) -> None:
        if self._close is not None:
            for worker in self._close.passed(None):
                self._closed(worker, [])
            self._close = None
            self._accounts.clear()

    # -- comparing -----------------------------------------------------------------------------------------------------

    def _compare(self, due: Sequence[Part], group: Sequence[Entry], account: Account) -> None:
        if len(due) != len(group):
            self._add("L4", group[0].index, f"record: expected {len(due)} parts, got {len(group)}")
        for part, entry in zip(due, group, strict=False):
            wrong = difference(part, entry)
            if wrong is not None:
                self._add("L4", entry.index, wrong)
            stated = [] if not isinstance(entry.balances, list) else entry.balances
            if part.balances != stated:
                self._add("L1", entry.index, balance_difference(part.balances, stated))
        last = group[-1]
        if due and due[-1].balances != last.balances:
            account.balances, account.others = stated_of(last)

    # -- accounts ------------------------------------------------------------------------------------------------------

    def _account(self, worker: str, index: int) -> Account:
        accounts = self._accounts
        if len(accounts) >= self._accounts_max:
            for name in list(accounts)[: self._accounts_max // 8 + 1]:
                del accounts[name]
        # who has had no part worked out yet has no entry to be folded
        account = accounts[worker] = self._fold(worker, index) if worker in self._workers else Account(worker)
        return account

    def _fold(self, worker: str, before: int) -> Account:
        """Give a worker's account from the entries below an index; what can't be read was found at its own place."""
        told = self._entries(worker, before)
        while True:
            try:
                loaded = account_of(worker, told, self._acts, strict=False)
                break
            except (InvariantError, ValueError, UntoldGig):
                told = told[:-1]
        if told:
            loaded.account.balances, loaded.account.others = stated_of(told[-1])
        if loaded.due:
            self._due.add(worker)
        return loaded.account


def _together(before: Entry, entry: Entry) -> bool:
    """Tell whether two entries are parts of one record about one worker."""
    same = (before.cause.topic, before.cause.offset) == (entry.cause.topic, entry.cause.offset)
    if not same or entry.cause.part[0] == 1:
        return False
    return not isinstance(entry.worker, str) or not isinstance(before.worker, str) or entry.worker == before.worker


def _subject(entry: Entry) -> str:
    return entry.event.subject if isinstance(entry.event, StoredEvent) else ""


def _refers(
    fact: Fact | None, gig: KnownGig | None, postings: Sequence[Contribution], book: Sequence[Line]
) -> tuple[int, ...] | None:
    """Give the indexes that an entry with the event refers to; None where it refers to nothing."""
    if isinstance(fact, Changed):
        return parts.refers_to(postings, parts.newest_of(book)) or None
    if gig is None or isinstance(fact, Completed | Remitted):
        return None
    return gig.indexes if isinstance(fact, Reversed) else gig.indexes[:1]
