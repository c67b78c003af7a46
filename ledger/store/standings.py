"""What a writer must know before it decides a batch: accounts, books, gigs that are corrected, event keys taken.

An account is folded from the worker's own entries, the ordinary path taken again, starting from the newest snapshot
in `standings`. A snapshot is written every `SNAPSHOT_ENTRIES` entries of a worker, so loading reads at most that many;
one that was made under acts since replaced is not used, and the account is folded from its first entry. So is one
whose newest entries correct a gig from before the snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import psycopg

from contracts import entry as entries
from ledger.accounts import Loaded, account_of
from ledger.books import book_of, known_gig
from ledger.domain.fold import UntoldGig
from ledger.domain.standing import Account
from ledger.errors import InvariantError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contracts.entry import Entry
    from ledger.acts import Acts
    from ledger.books import KnownGig, Line

SNAPSHOT_ENTRIES: Final = 64

_SNAPSHOTS = "SELECT worker, as_of, account FROM standings WHERE journal = %s AND worker = ANY(%s)"
# `journal + 0`: without statistics the planner would walk the journal's own key, which is everybody's entries
_SINCE = (
    "SELECT e.worker, e.leaf FROM unnest(%s::text[], %s::bigint[]) AS w(worker, as_of) "
    'JOIN entries e ON e.worker = w.worker AND e."index" > w.as_of AND e.journal + 0 = %s ORDER BY e.worker, e."index"'
)
_TAKEN = "SELECT event_key, leaf FROM entries WHERE event_key = ANY(%s)"
_GIGS = (
    'SELECT k.key, e."index", e.leaf FROM unnest(%s::uuid[]) AS k(key) JOIN entries e ON e.event_key = k.key '
    'UNION ALL SELECT k.key, e."index", e.leaf FROM unnest(%s::uuid[]) AS k(key) '
    "JOIN entries e ON e.refers_to = k.key ORDER BY 1, 2"
)


# one look into the index for each worker instead of reading all entries
_WORKERS = (
    "WITH RECURSIVE found(worker) AS ((SELECT min(worker) FROM entries WHERE worker IS NOT NULL) UNION ALL "
    "SELECT (SELECT min(e.worker) FROM entries e WHERE e.worker > found.worker) FROM found WHERE found.worker IS NOT "
    "NULL) SELECT worker FROM found WHERE worker IS NOT NULL AND EXISTS ("
    "SELECT 1 FROM entries e WHERE e.worker = found.worker AND e.journal + 0 = %s LIMIT 1)"
)
_NEWEST = 'SELECT leaf FROM entries WHERE journal = %s ORDER BY "index" DESC LIMIT 1'


async def load_accounts(
    connection: psycopg.AsyncConnection, journal: int, workers: Sequence[str], acts: Acts
) -> dict[str, Loaded]:
    """Give each worker's account.

    Raises InvariantError (L1) when a worker's folded balances are not those that the newest entry shows, and
    StoreUnavailable.
    """
    as_of = dict.fromkeys(workers, -1)
    snapshots: dict[str, Account] = {}
    try:
        rows = await connection.execute(_SNAPSHOTS, (journal, list(workers)))
        async for worker, index, stored in rows:
            account = Account.load(msgspec.json.decode(bytes(stored)))
            if not account.is_stale(acts.registry):
                snapshots[worker] = account
                as_of[worker] = int(index)
        loaded: dict[str, Loaded] = {}
        for worker, told in (await _entries(connection, journal, as_of)).items():
            found = snapshots.get(worker)
            try:
                loaded[worker] = account_of(worker, told, acts, found, as_of[worker])
            except UntoldGig:
                whole = await _entries(connection, journal, {worker: -1})
                loaded[worker] = account_of(worker, whole[worker], acts)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
    return loaded


async def load_books(
    connection: psycopg.AsyncConnection, journal: int, workers: Sequence[str], acts: Acts
) -> dict[str, list[Line]]:
    """Give each worker's whole book. Raises InvariantError (L4) and StoreUnavailable."""
    if not workers:
        return {}
    try:
        told = await _entries(connection, journal, dict.fromkeys(workers, -1))
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
    return {worker: book_of(own, acts.closes) for worker, own in told.items()}


async def load_gigs(connection: psycopg.AsyncConnection, keys: Iterable[bytes]) -> dict[bytes, KnownGig]:
    """Give of these event keys those that gigs occupy, as they stand. Raises InvariantError (L4), StoreUnavailable."""
    wanted = [key.hex() for key in dict.fromkeys(keys)]
    if not wanted:
        return {}
    found: dict[bytes, list[Entry]] = {}
    try:
        rows = await connection.execute(_GIGS, (wanted, wanted))
        async for key, _, leaf in rows:
            found.setdefault(key.bytes, []).append(entries.read(bytes(leaf)))
    except psycopg.OperationalError as error:
        raise StoreUnavailable(str(error).strip()) from error
    known = {key: known_gig(told) for key, told in found.items()}
    return {key: gig for key, gig in known.items() if gig is not None}


async def workers_of(connection: psycopg.AsyncConnection, journal: int) -> list[str]:
    """Give all workers of a journal in order of name (by code point, whatever the database sorts by).

    Raises StoreUnavailable.
    """
    try:
        rows = await connection.execute(_WORKERS, (journal,))
        return sorted([str(worker) async for (worker,) in rows])
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error


async def newest_entry(connection: psycopg.AsyncConnection, journal: int) -> Entry | None:
    """Give a journal's newest entry; None for an empty one. Raises StoreUnavailable."""
    try:
        row = await (await connection.execute(_NEWEST, (journal,))).fetchone()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
    return None if row is None else entries.decode(bytes(row[0]))


async def _entries(
    connection: psycopg.AsyncConnection, journal: int, as_of: Mapping[str, int]
) -> dict[str, list[Entry]]:
    """Give each worker's entries after an index, in order."""
    told: dict[str, list[Entry]] = {worker: [] for worker in as_of}
    rows = await connection.execute(_SINCE, (list(as_of), list(as_of.values()), journal))
    async for worker, leaf in rows:
        told[worker].append(entries.read(bytes(leaf)))
    return told


async def taken(connection: psycopg.AsyncConnection, keys: Sequence[bytes]) -> dict[bytes, tuple[str, str, str, bytes]]:
    """Give of these event keys those that accepted events occupy, with (type, subject, time, data) of each.

    Raises StoreUnavailable.
    """
    if not keys:
        return {}
    try:
        rows = await connection.execute(_TAKEN, ([key.hex() for key in keys],))
        found = [(key.bytes, entries.decode(bytes(leaf))) async for key, leaf in rows]
    except psycopg.OperationalError as error:
        raise StoreUnavailable(str(error).strip()) from error
    return {key: content_of(entry) for key, entry in found}


def content_of(entry: entries.Entry) -> tuple[str, str, str, bytes]:
    """Give what makes two records of one (source, id) the same event: type, subject, time, canonical data."""
    event = entry.event
    if not isinstance(event, entries.StoredEvent):
        raise InvariantError("L3", f"journal {entry.journal} entry {entry.index}: expected an event, got none")
    return event.type, event.subject, event.time, bytes(event.data)
