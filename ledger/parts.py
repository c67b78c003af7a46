"""What one fact does to a worker, as the parts of the record that told it: postings, balances, notices, references.

The stream writes these parts and the audit works them out again, so both hold the same bytes (L4). In order: first the
corrections that versions enacted since the worker's last entry make due, one part for each version; then what the fact
itself posts; then what schemes have to say. What one entry can't hold goes on in the next part. Balances are the
worker's lifetime totals after each part (L1).

Pure: knows neither records nor indexes to come. Source: contracts/formats/entry.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from contracts import events
from contracts.canonical import INTEGER_LIMIT
from contracts.entry import BalanceRow, ContributionRow, Kind, NoticeRow, Reason, StoredEvent, balances_form, encode
from ledger.books import KnownGig, story_of
from ledger.domain import acting
from ledger.domain.closing import close, heard_by
from ledger.domain.correction import restate
from ledger.domain.posting import Contribution
from ledger.domain.quantity import exact_text
from ledger.domain.story import Adjusted, Changed, Closed, Completed, Decided, Remitted, Reversed, chains
from ledger.intake import platform_of, row_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from contracts.entry import Entry
    from ledger.acts import Acts
    from ledger.books import Line
    from ledger.domain.closing import Heard
    from ledger.domain.notices import Said
    from ledger.domain.posting import Outcome
    from ledger.domain.registry import Registry
    from ledger.domain.standing import Account, Key
    from ledger.domain.story import Fact

WORKER_KINDS: Final = {
    events.GIG_ADJUSTED: Kind.ADJUSTMENT,
    events.GIG_REVERSED: Kind.REVERSAL,
    events.WORKER_CHANGED: Kind.WORKER,
    events.DISPUTE_OPENED: Kind.DISPUTE,
    events.DISPUTE_DECIDED: Kind.DISPUTE,
    events.REMITTANCE_RECEIVED: Kind.REMITTANCE,
}
"""The kind of entry that an accepted event of a worker makes, gigs apart."""
ROWS_MAX: Final = 200
"""Postings or notices in one part: with all balances that a worker may have, well within the limit of an entry."""


class Part(NamedTuple):
    """One entry to be, without its cause. `main`: it holds the event, or would if the event were the worker's.

    `gig`: the name of the gig whose own window a correction corrects, "" for longer windows.
    """

    kind: Kind
    main: bool
    balances: list[BalanceRow]
    contributions: list[ContributionRow] | None = None
    notices: list[NoticeRow] | None = None
    refers_to: tuple[int, ...] | None = None
    reason: Reason | None = None
    postings: tuple[Contribution, ...] = ()
    gig: str = ""


KINDS: Final[dict[type, Kind]] = {
    Completed: Kind.ACCRUAL,
    Adjusted: Kind.ADJUSTMENT,
    Reversed: Kind.REVERSAL,
    Changed: Kind.WORKER,
    Decided: Kind.DISPUTE,
    Remitted: Kind.REMITTANCE,
    Closed: Kind.CLOSE,
}
"""The kind of entry that a fact makes."""


def act(fact: Fact, account: Account, registry: Registry, book: Sequence[Line], gig: KnownGig | None) -> Outcome:
    """Give what a fact posts and says, and post it to the account (see `ledger.domain.acting`).

    `book`: the worker's, for reversals, changes and remittances; `gig`: the one that is adjusted or reversed.
    """
    return acting.act(fact, account, registry, story_of(book), None if gig is None else gig.chain)


def corrections(account: Account, registry: Registry, book: Sequence[Line]) -> tuple[list[Part], list[Said]]:
    """Give what acts since the book's newest entry make due, and what is said with it.

    One part for each gig whose own window changes and each version that makes it due, then one for each version that
    changes longer windows.
    """
    known = set(account.balances)
    restated = restate(account, registry, story_of(book))
    due = [
        (name, version, postings, refers)
        for name, outcome in restated
        for version, postings, refers in _by_version(name, outcome.contributions, book)
    ]
    after = [posting for _, _, postings, _ in due for posting in postings]
    places = _places(book)
    parts: list[Part] = []
    for name, (scheme, version), postings, refers in due:
        reason = Reason(scheme=scheme, version=version)
        if name:
            reason.gig = places[name][0]
        for some in _cut(postings):
            after = after[len(some) :]
            known.update((posting.scheme, posting.fund, posting.unit) for posting in some)
            parts.append(
                Part(
                    Kind.CORRECTION,
                    False,
                    balances_of(account, after, known),
                    [row_of(posting, "") for posting in some],
                    refers_to=refers,
                    reason=reason,
                    postings=tuple(some),
                    gig=name,
                )
            )
    return parts, [said for _, outcome in restated for said in outcome.said]


def _by_version(
    name: str, contributions: Iterable[Contribution], book: Sequence[Line]
) -> Iterator[tuple[tuple[str, str], list[Contribution], tuple[int, ...]]]:
    """Give a restatement's postings by the version that makes them due, with the entries that they correct."""
    found: dict[tuple[str, str], list[Contribution]] = {}
    for posting in contributions:
        found.setdefault((posting.scheme, posting.version), []).append(posting)
    for version, postings in found.items():
        yield version, postings, tuple(_places(book)[name]) if name else refers_to(postings, newest_of(book))


def _places(book: Sequence[Line]) -> dict[str, list[int]]:
    """Give the indexes of all entries of each gig of a book, by the gig's name, its own first."""
    places: dict[str, list[int]] = {}
    for line in book:
        name = getattr(line.told.fact, "name", "")
        if name:
            places.setdefault(name, []).append(line.leaf_index)
    return places


def main_parts(
    kind: Kind,
    outcome: Outcome,
    account: Account,
    before: Iterable[Key],
    platform: str = "",
    refers: tuple[int, ...] | None = None,
) -> list[Part]:
    """Give the parts of what a fact posted: one, unless there are too many postings for one entry.

    `before`: the funds that the account had before the fact; `platform` is the one whose record it is, "" for the
    operator's; `refers` is what is corrected.
    """
    postings = outcome.contributions
    parts: list[Part] = []
    known = set(before)
    for number, some in enumerate(_cut(postings)):
        after = postings[(number + 1) * ROWS_MAX :]
        known.update((posting.scheme, posting.fund, posting.unit) for posting in some)
        rows = [row_of(posting, platform) for posting in some]
        main = number == 0
        parts.append(
            Part(
                kind,
                main,
                balances_of(account, after, known),
                rows,
                refers_to=refers if main else None,
                postings=tuple(some),
            )
        )
    return parts


def notice_parts(said: Sequence[Said], account: Account, registry: Registry) -> list[Part]:
    """Give the parts of what schemes have to say; none where nothing is said."""
    if not said:
        return []
    balances = balances_of(account)
    rows = [_notice(own, registry) for own in said]
    return [
        Part(Kind.NOTICE, False, balances, notices=rows[start : start + ROWS_MAX])
        for start in range(0, len(rows), ROWS_MAX)
    ]


def close_parts(
    closed: Closed, account: Account, before: Acts, acts: Acts, due: bool, book: Sequence[Line]
) -> list[Part]:
    """Give the parts of a close for one worker; none where nothing is posted or said.

    The account was loaded under the acts before the close; `acts` are those with it. A worker whose balance would
    leave the range of exact numbers is left as they are.
    """
    own, said = corrections(account, before.registry, book) if due else ([], [])
    funds = tuple(account.balances)
    outcome = close(closed.period, closed.platform, account, acts.registry, story_of(book))
    if is_beyond(account):
        return []
    if outcome.contributions:
        own += main_parts(Kind.CLOSE, outcome, account, funds)
    return [*own, *notice_parts([*said, *outcome.said], account, acts.registry)]


def close_heard_by(closed: Closed, acts: Acts) -> Heard:
    """Tell to whom a close can bring anything, of workers who paid nothing in and for whom nothing is due."""
    return heard_by(closed.period, acts.registry)


def is_beyond(account: Account) -> bool:
    """Tell whether an amount of the account has left the range of exact numbers."""
    amounts = (*account.balances.values(), *account.others.values())
    return max(map(abs, amounts), default=0) >= INTEGER_LIMIT


def gig_named(entry: Entry) -> str | None:
    """Give the name of the gig that an entry's event adjusts, reverses or disputes; None where it names none."""
    event, source = entry.event, entry.cause.source
    if not isinstance(event, StoredEvent) or entry.kind not in (Kind.ADJUSTMENT, Kind.REVERSAL, Kind.DISPUTE):
        return None
    told = msgspec.json.decode(event.data)
    if "gig" not in told or not isinstance(source, str):
        return None
    platform = told["platform"] if entry.kind == Kind.DISPUTE else platform_of(source)
    return f"{platform}/{told['gig']}"


def gig_in(book: Sequence[Line], name: str) -> KnownGig | None:
    """Give a gig as a worker's whole book leaves it; None for one that is not in it."""
    own = [line for line in book if getattr(line.told.fact, "name", None) == name]
    if not own or not isinstance(own[0].told.fact, Completed):
        return None
    gig = own[0].told.fact.gig
    return KnownGig(gig.worker, gig.currency, tuple(line.leaf_index for line in own), chains(story_of(own)).get(name))


def balances_of(account: Account, before: Sequence[Contribution] = (), known: Collection[Key] = ()) -> list[BalanceRow]:
    """Give the rows of a worker's balances as an entry lists them; `before` these postings, which come after it.

    With such postings, only the funds `known` by then have a row.
    """
    rows = [
        BalanceRow(accrued=accrued, fund=fund, scheme=scheme, unit=unit)
        for (scheme, fund, unit), accrued in account.balances.items()
    ]
    if account.others or before:
        by_fund = {(row.scheme, row.fund, row.unit): row for row in rows}
        for (scheme, fund, unit, state), amount in account.others.items():
            setattr(by_fund[scheme, fund, unit], state, amount)
        for posting in before:
            row = by_fund[posting.scheme, posting.fund, posting.unit]
            setattr(row, posting.state, getattr(row, posting.state) - posting.amount)
    return [row for row in rows if (row.scheme, row.fund, row.unit) in known] if before else rows


def balances_text(account: Account) -> bytes:
    """Give the rows of `balances_of(account)` as an entry's bytes have them, without the brackets around them."""
    if account.others:
        return encode(balances_of(account))[1:-1]
    balances = account.balances
    return balances_form(tuple(balances)) % (*balances.values(),)


def newest_of(book: Sequence[Line]) -> dict[tuple[str, str], int]:
    """Give the newest entry that posted in each (scheme, window) of a book."""
    return {(posting.scheme, posting.window): line.leaf_index for line in book for posting in line.told.contributions}


def refers_to(postings: Iterable[Contribution], newest: dict[tuple[str, str], int]) -> tuple[int, ...]:
    """Give the newest entries of the windows in which these postings change something, ascending."""
    found = {newest.get((posting.scheme, posting.window)) for posting in postings}
    return tuple(sorted(index for index in found if index is not None))


def _cut(postings: Sequence[Contribution]) -> list[Sequence[Contribution]]:
    """Give the postings in lots that one entry can hold: at least one lot, which may be empty."""
    return [postings[start : start + ROWS_MAX] for start in range(0, len(postings) or 1, ROWS_MAX)]


def _notice(said: Said, registry: Registry) -> NoticeRow:
    row = NoticeRow(kind=said.kind, scheme=said.scheme, version=said.version, window=said.window)
    if said.platform:
        row.platform = said.platform
    if said.fund:
        row.fund = said.fund
    if said.amount is not None:
        row.amount = exact_text(said.amount)
        row.unit = registry.versions(said.scheme)[-1].currency
    if said.value is not None:
        row.value = said.value
    if said.date is not None:
        row.date = said.date.isoformat()
    return row
