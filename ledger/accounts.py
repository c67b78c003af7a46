"""A worker's account from their entries: the fold of their book, held against the balances that the newest shows.

Pure, and the one way of it: whoever decides, audits or explains loads accounts here, from entries that they fetched.
Upholds L1 (balances follow from the entries) and L4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.books import book_of, story_of
from ledger.domain.fold import fold
from ledger.domain.standing import Account
from ledger.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.entry import Entry
    from ledger.acts import Acts
    from ledger.books import Line

OTHER_STATES: Final = ("credit", "drawn", "remitted", "returned", "withheld")


class Loaded(NamedTuple):
    """A worker's account, how many entries it has had since its snapshot, and whether acts since reach back into it."""

    account: Account
    unsaved: int
    due: bool


def account_of(
    worker: str,
    told: Sequence[Entry],
    acts: Acts,
    snapshot: Account | None = None,
    as_of: int = -1,
    strict: bool = True,
) -> Loaded:
    """Give a worker's account from their entries after `as_of` in order, going on from a snapshot of that index.

    Raises UntoldGig when they correct a gig from before the snapshot, and InvariantError (L1) when the balances that
    follow are not those that the newest entry shows (unless `strict` is False).
    """
    return booked(worker, told, acts, snapshot, as_of, strict)[0]


def booked(
    worker: str,
    told: Sequence[Entry],
    acts: Acts,
    snapshot: Account | None = None,
    as_of: int = -1,
    strict: bool = True,
) -> tuple[Loaded, list[Line]]:
    """Give a worker's account as `account_of` does, and the book of these entries. Raises the same."""
    account = Account(worker) if snapshot is None else snapshot
    closes = [act for act in acts.closes if act.leaf_index > as_of]
    book = book_of(told, closes, begun=snapshot is not None)
    account = fold(story_of(book), account, acts.registry)
    account.catch_up(acts.registry)
    newest = told[-1].index if told else as_of
    if told and strict:
        check_balances(account, told[-1])
    return Loaded(account, len(told), newest >= 0 and acts.is_due(account, newest)), book


def check_balances(account: Account, entry: Entry) -> None:
    """Raise InvariantError (L1) unless the account has the balances that this entry, its newest, shows."""
    accrued, others = stated_of(entry)
    if accrued != account.balances or others != {key: amount for key, amount in account.others.items() if amount}:
        place = f"journal {entry.journal} entry {entry.index}"
        raise InvariantError("L1", f"{place}: expected balances that follow from the worker's entries, got others")


def stated_of(entry: Entry) -> tuple[dict[tuple[str, str, str], int], dict[tuple[str, str, str, str], int]]:
    """Give the balances that an entry states, as an account has them: what accrued, and the other states above 0."""
    rows = entry.balances or ()
    accrued = {(row.scheme, row.fund, row.unit): row.accrued for row in rows}
    others = {
        (row.scheme, row.fund, row.unit, state): amount
        for row in rows
        for state in OTHER_STATES
        if (amount := getattr(row, state))
    }
    return accrued, others
