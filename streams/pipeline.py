"""The pure way of a batch: records -> what to look up -> entries, counted duplicates, rejections.

No clock, no network, no disk: `decide` reads the records, the journal's state and what was looked up, and gives
everything that one commit writes. It folds into the state it was given (accounts, acts, positions); whoever fails
to commit throws that state away and opens the journal again, so there is one way and not two. Bad input never
raises. Upholds L3 (an event acts once), L4 (the same records in the same order give the same bytes, however they were
cut into batches) and L12 (each offset is the cause of an entry, a counted duplicate or a counted gap).

An event of a worker may make several entries, the parts of its record (`ledger.parts`). A period's close goes through
all workers and is not decided here but in `streams.closes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from contracts import events
from contracts.codec import Record, adjusted_amounts
from contracts.entry import ContributionRow, Kind, Position
from contracts.events import Event, GigAdjusted, GigCompleted, GigReversed, PlatformChanged, SchemeEnacted
from contracts.rejections import Code, Rejection
from ledger import parts
from ledger.books import KnownGig, Line
from ledger.domain.accrual import accrue
from ledger.domain.credit import is_within
from ledger.domain.language import parse
from ledger.domain.language.tree import SchemeError
from ledger.domain.posting import ACCRUED
from ledger.domain.posting import Outcome as Posted
from ledger.domain.registry import EnactError
from ledger.domain.story import Adjusted, Chain, Completed, Restated, Reversed, Told
from ledger.errors import InvariantError, KeysTaken
from ledger.intake import fact_of, gig_name, gig_of, platform_of, row_of
from ledger.signatures import taken_from
from streams import closes
from streams.needs import (
    BOOKED,
    Content,
    Decoded,
    Needs,
    batch_end,
    decode_all,
    is_act,
    named_gig,
    needs,
    needs_books,
)
from streams.writing import (
    NEAR_LIMIT,
    Decision,
    Held,
    Outcome,
    State,
    Writing,
    Written,
    advance,
    hold,
    key_of_gig,
    stored,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ledger.domain.notices import Said
    from ledger.domain.posting import Contribution
    from ledger.domain.standing import Account
    from ledger.parts import Part

__all__ = [
    "Content",
    "Decision",
    "Decoded",
    "Needs",
    "Outcome",
    "State",
    "Written",
    "batch_end",
    "decide",
    "decode_all",
    "hold",
    "needs",
    "needs_books",
]

_ACTS = {
    events.KEY_CHANGED: Kind.KEY,
    events.LEDGER_OPENED: Kind.LEDGER,
    events.SCHEME_ENACTED: Kind.SCHEME,
    events.PLATFORM_CHANGED: Kind.PLATFORM,
    events.REMITTANCE_RECEIVED: Kind.REMITTANCE,
}
"""The kind of entry that an accepted act makes."""


def decide(batch: Sequence[Decoded], state: State, taken: Mapping[bytes, Content], looked_up: bool = True) -> Decision:
    """Decide a batch, in order. `taken`: contents of its event keys that the journal holds; not `looked_up`: only of
    the firm ones among them.

    Raises InvariantError (L12) when an offset lies below what was read: the caller has skipped those. Raises KeysTaken
    when a gig would be refused for what the journal holds and its key was not looked up: it may be a duplicate.
    """
    return _Deciding(state, taken, looked_up).run(batch)


class _Deciding(Writing):
    """One batch on its way; the loop of the hot path."""

    def __init__(self, state: State, taken: Mapping[bytes, Content], looked_up: bool) -> None:
        super().__init__(state)
        self.looked_up = looked_up
        self.taken = taken
        self.seen: dict[bytes, Content] = {}
        self.named: frozenset[bytes] = frozenset()
        # an act is decided alone, so the keys in force are the same for all of a batch
        self.signers = state.acts.signers

    def run(self, batch: Sequence[Decoded]) -> Decision:
        """Give the decision over all of the batch, in order."""
        positions = self.state.positions
        self.named = frozenset(self._named(batch))
        for record, event, key in batch:
            position = advance(positions.get(record.topic, _START), record)
            fresh = True
            if isinstance(event, Rejection):
                self.refuse(record, event, position)
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
        self.state.books.clear()
        self.state.gigs.clear()
        return decision

    def _named(self, batch: Sequence[Decoded]) -> Iterable[bytes]:
        for _, event, _ in batch:
            if isinstance(event, Event) and not isinstance(event.data, GigCompleted):
                named = named_gig(event, self.state.journal)
                if named is not None:
                    yield named

    def _accept(self, record: Record, event: Event, key: bytes, position: Position) -> bool:
        """Enter an event; False when it is a duplicate (nothing is entered)."""
        if self.signers:
            signature = self._signature(record, event)
            if isinstance(signature, Rejection):
                self.refuse(record, signature, position)
                return True
            self.signature = signature
        content = (event.type, event.subject, event.time, event.data_json)
        before = self.seen.get(key) or self.taken.get(key)
        if before is not None:
            if before == content:
                self.count(record.topic, event.type, "duplicate")
                return False
            detail = "id: expected a new one or the same content, got another content"
            self.refuse(record, Rejection(Code.EQUIVOCATION, detail, event.source, event.id), position)
            return True
        data = event.data
        if isinstance(data, GigCompleted):
            refusal = self._gig(record, event, data, key, position)
        elif is_act(event):
            refusal = self._act(record, event, key, position)
        else:
            refusal = self._worker(record, event, key, position)
        if refusal is not None:
            if not self.looked_up and isinstance(data, GigCompleted):
                # a refusal takes no key, so the unique index would let a duplicate pass for refused (L4)
                raise KeysTaken(f"{record.topic} offset {record.offset}: expected its key looked up before a refusal")
            self.refuse(record, refusal, position)
            return True
        self.seen[key] = content
        self.count(record.topic, event.type, "accrued")
        return True

    def _signature(self, record: Record, event: Event) -> str | Rejection | None:
        """Give the signature to keep with an event, None where its source signs nothing, or why it is refused."""
        key = self.signers.get(event.source)
        return None if key is None else taken_from(record, event, key)

    # -- gigs ------------------------------------------------------------------------------------------------------

    def _gig(
        self, record: Record, event: Event, data: GigCompleted, key: bytes, position: Position
    ) -> Rejection | None:
        """Accrue a gig; refused, and nothing changed, when a balance would leave the range of exact numbers."""
        state = self.state
        worker = event.subject
        held = state.accounts[worker]
        if held.due or worker in state.books:
            return self._worker(record, event, key, position)
        gig = gig_of(event.source, worker, event.occurred_at, data, event.amounts_minor, event.commission_minor)
        account = held.account
        before = account.copy() if held.near_limit else None
        funds = tuple(account.balances)
        contributions, said = accrue(gig, account, state.acts.registry)
        if before is not None and parts.is_beyond(account):
            held.account = before
            return _beyond(event)
        if said or len(contributions) > parts.ROWS_MAX:
            own = parts.main_parts(Kind.ACCRUAL, Posted(contributions, said), account, funds, gig.platform)
            self._parts(record, event, key, position, own, said)
        else:
            self._plain(record, event, key, position, contributions, account, gig.platform)
        self._written(held)
        if key in self.named:
            chain = Chain(gig, (), tuple(contributions), gig_name(event.source, event.id))
            index = self.decision.written[-1].leaf_index
            state.gigs[key] = KnownGig(worker, gig.currency, (index,), chain)
        return None

    def _plain(
        self, record: Record, event: Event, key: bytes, position: Position, contributions: list[Contribution],
        account: Account, platform: str,
    ) -> None:  # fmt: skip
        """Write a gig's one entry: what nearly all entries are."""
        entry = self.entry(record, Kind.ACCRUAL, position, event.source, event.id)
        entry.event = stored(event)
        if self.signature is not None:
            entry.cause.signature = self.signature
        rows = []
        postings = self.decision.postings
        for posting in contributions:
            scheme, version, fund, payer, window, amount, unit, state, on = posting
            if state == ACCRUED and on in ("", platform):
                row = ContributionRow(
                    amount=amount, fund=fund, payer=payer, scheme=scheme, unit=unit, version=version, window=window
                )
            else:
                row = row_of(posting, platform)
            rows.append(row)
            tallied = (scheme, fund, payer[: payer.index(":")], unit)
            posted = postings.get(tallied)
            if posted is None:
                posted = postings[tallied] = [0, 0]
            if amount > 0:
                posted[0] += amount
            else:
                posted[1] -= amount
        entry.contributions = rows
        entry.balances = parts.balances_of(account)
        self.decision.touched[event.subject] = entry.index
        self.write(entry, Kind.ACCRUAL, key, event.subject)

    # -- other events of a worker ----------------------------------------------------------------------------------

    def _worker(self, record: Record, event: Event, key: bytes, position: Position) -> Rejection | None:
        """Decide an event of a worker that is not plain: a correction, or any event after acts that reach back."""
        state = self.state
        worker = event.subject
        held = state.accounts[worker]
        named = named_gig(event, state.journal)
        gig = None if named is None else state.gigs.get(named)
        amounts = self._fit(event, gig)
        if isinstance(amounts, Rejection):
            return amounts
        account, registry = held.account, state.acts.registry
        before = account.copy() if held.near_limit or held.due or event.type in BOOKED else None
        account.worker = worker
        book = state.books.get(worker, [])
        own, said = parts.corrections(account, registry, book) if held.due else ([], [])
        lines = [Line(state.size + at, Told(Restated(part.gig), part.postings)) for at, part in enumerate(own)]
        book = [*book, *lines]
        gigs = self._followed(lines)
        gig = gig if named is None else gigs.get(named, gig)
        funds = tuple(account.balances)
        try:
            fact = fact_of(event, amounts)
            outcome = _NOTHING if fact is None else parts.act(fact, account, registry, book, gig)
        except ValueError as error:
            if before is None:
                raise
            held.account = before
            return Rejection(Code.SCHEMA_VIOLATION, str(error)[:500], event.source, event.id)
        if before is not None and parts.is_beyond(account):
            held.account = before
            return _beyond(event)
        state.gigs.update(gigs)
        refers = self._refers(event, gig, outcome.contributions, book)
        kind = parts.WORKER_KINDS.get(event.type, Kind.ACCRUAL)
        own += parts.main_parts(kind, outcome, account, funds, platform_of(event.source), refers)
        index = self._parts(record, event, key, position, own, [*said, *outcome.said])
        self._written(held)
        held.due = False
        if fact is not None:
            told = Told(fact, tuple(outcome.contributions))
            if worker in state.books:
                state.books[worker] = [*book, Line(index, told)]
            self._follow(key, named, worker, index, told)
        return None

    def _fit(self, event: Event, gig: KnownGig | None) -> tuple[int, ...] | Rejection | None:
        """Give an adjustment's amounts in its gig's minor units, None for other events, or why the event is refused."""
        data = event.data
        if isinstance(data, GigAdjusted | GigReversed):
            return self._corrected(event, data, gig)
        return self._unpayable(event, data) if isinstance(data, events.RemittanceReceived) else None

    def _followed(self, lines: Sequence[Line]) -> dict[bytes, KnownGig]:
        """Give the looked-up gigs as corrections of their own windows leave them."""
        gigs: dict[bytes, KnownGig] = {}
        for line in lines:
            key = key_of_gig(self.state.journal, line.told.fact.name) if isinstance(line.told.fact, Restated) else None
            known = None if key is None else gigs.get(key, self.state.gigs.get(key))
            if key is not None and known is not None:
                gigs[key] = known.follow(line.leaf_index, line.told.fact, line.told.contributions)
        return gigs

    def _corrected(
        self, event: Event, data: GigAdjusted | GigReversed, gig: KnownGig | None
    ) -> tuple[int, ...] | Rejection | None:
        """Give an adjustment's amounts in its gig's minor units, None for a reversal, or why there is no such gig."""
        if gig is None or gig.worker != event.subject:
            detail = "data.gig: expected a gig of this worker and platform that was accepted, got none"
            return Rejection(Code.UNKNOWN_GIG, detail, event.source, event.id)
        if gig.chain is None:
            detail = "data.gig: expected one that was not reversed, got one that was"
            return Rejection(Code.ALREADY_REVERSED, detail, event.source, event.id)
        if isinstance(data, GigReversed):
            return None
        if data.currency not in (UNSET, gig.currency):
            detail = "data.currency: expected that of the gig, got another"
            return Rejection(Code.UNKNOWN_CURRENCY, detail, event.source, event.id)
        try:
            exchange = gig.chain.gig.exchange
            return adjusted_amounts(data, gig.currency, None if exchange is None else exchange.rate)
        except ValueError as error:
            return Rejection(Code.AMOUNT_OUT_OF_RANGE, str(error), event.source, event.id)

    def _unpayable(self, event: Event, data: events.RemittanceReceived) -> Rejection | None:
        """Say why a remittance can't be laid against anything, or None."""
        versions = self.state.acts.registry.versions(data.scheme)
        detail = None
        if not versions:
            detail = "data.scheme: expected one that was enacted, got another"
        elif versions[0].currency != data.currency:
            detail = f"data.currency: expected {versions[0].currency} as in the scheme, got another"
        elif data.fund is not UNSET and not any(is_within(data.fund, rule.fund) for v in versions for rule in v.rules):
            detail = "data.fund: expected one of the scheme's, got another"
        return None if detail is None else Rejection(Code.SCHEMA_VIOLATION, detail, event.source, event.id)

    def _refers(
        self, event: Event, gig: KnownGig | None, postings: Sequence[Contribution], book: Sequence[Line]
    ) -> tuple[int, ...] | None:
        """Give the indexes that an entry refers to; None where it refers to nothing."""
        if isinstance(event.data, GigCompleted) or gig is None:
            changed = isinstance(event.data, events.WorkerChanged)
            return (parts.refers_to(postings, parts.newest_of(book)) or None) if changed else None
        if gig.worker != event.subject:
            return None
        return gig.indexes if isinstance(event.data, GigReversed) else gig.indexes[:1]

    def _follow(self, key: bytes, named: bytes | None, worker: str, index: int, told: Told) -> None:
        """Keep in step what was looked up, for the rest of the batch."""
        gigs, fact = self.state.gigs, told.fact
        if isinstance(fact, Completed) and key in self.named:
            chain = Chain(fact.gig, (), told.contributions, fact.name)
            gigs[key] = KnownGig(worker, fact.gig.currency, (index,), chain)
        elif isinstance(fact, Adjusted | Reversed) and named is not None:
            gigs[named] = gigs[named].follow(index, fact, told.contributions)

    def _parts(
        self, record: Record, event: Event, key: bytes, position: Position, own: list[Part], said: Sequence[Said]
    ) -> int:  # fmt: skip
        """Write all parts of a worker's event; give the index of the one that holds the event."""
        account = self.state.accounts[event.subject].account
        every = [*own, *parts.notice_parts(said, account, self.state.acts.registry)]
        named = named_gig(event, self.state.journal)
        main = 0
        for number, part in enumerate(every, 1):
            since = position if number == 1 else None
            spoken_of = named if part.kind in _OF_GIGS else key_of_gig(self.state.journal, part.gig)
            index = self.part(record, event, key, part, (number, len(every)), since, event.subject, spoken_of)
            main = index if part.main else main
        return main

    def _written(self, held: Held) -> None:
        held.unsaved += 1
        balances = held.account.balances
        if balances and max(balances.values()) >= NEAR_LIMIT:
            held.near_limit = True

    # -- acts ------------------------------------------------------------------------------------------------------

    def _act(self, record: Record, event: Event, key: bytes, position: Position) -> Rejection | None:
        """Enter an act of the operator; refused when what it says can't be taken in."""
        data = event.data
        refusal = closes.refusal(event, self.state.acts, closes.prefix_of(record))
        kind = _ACTS.get(event.type)
        if kind is None and refusal is None:
            raise InvariantError("L4", f"{event.type}: expected it decided by itself, got it in a batch")
        if isinstance(data, SchemeEnacted):
            refusal = self._enact(event, data)
        elif isinstance(data, PlatformChanged | events.KeyChanged | events.LedgerOpened):
            refusal = self._state(event, data)
        elif isinstance(data, events.RemittanceReceived):
            refusal = self._unpayable(event, data)
        if refusal is not None or kind is None:
            return refusal
        entry = self.entry(record, kind, position, event.source, event.id)
        entry.event = stored(event)
        self.write(entry, kind, key, None)
        return None

    def _state(self, event: Event, data: PlatformChanged | events.KeyChanged | events.LedgerOpened) -> Rejection | None:
        """Let what is said hold from here on; refused where it contradicts what was said before."""
        acts = self.state.acts
        generation = acts.registry.generation
        try:
            acts.say(event.time, data, self.state.size)
        except ValueError as error:
            return Rejection(Code.SCHEMA_VIOLATION, str(error)[:500], event.source, event.id)
        if acts.registry.generation != generation:
            self._forget()
        self.decision.rekeyed = isinstance(data, events.KeyChanged)
        return None

    def _enact(self, event: Event, data: SchemeEnacted) -> Rejection | None:
        """Let a scheme's version act from here on; one that does not parse, or was changed, is refused."""
        try:
            version = parse(data.text, f"{data.scheme} {data.version}")
            if (version.scheme, version.id) != (data.scheme, data.version):
                detail = f"data.text: expected {data.scheme} {data.version}, got another version's"
                return Rejection(Code.SCHEMA_VIOLATION, detail, event.source, event.id)
            self.state.acts.enact(version, self.state.size)
        except (SchemeError, EnactError) as error:
            return Rejection(Code.SCHEMA_VIOLATION, str(error)[:500], event.source, event.id)
        self._forget()
        self.decision.enacted = True
        return None

    def _forget(self) -> None:
        """What accounts accumulated under the acts before must be assessed anew: they load again when needed."""
        self.state.accounts.clear()


def _beyond(event: Event) -> Rejection:
    detail = "balance: expected less than 2^53 minor units, got more"
    return Rejection(Code.AMOUNT_OUT_OF_RANGE, detail, event.source, event.id)


_OF_GIGS: Final = frozenset({Kind.ADJUSTMENT, Kind.REVERSAL})
_NOTHING: Final = Posted([], [])
_START = Position()
