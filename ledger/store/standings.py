"""What a writer must know before it decides a batch: accounts, books, gigs that are corrected, event keys taken.

An account is folded from the worker's own entries, the ordinary path taken again, starting from the newest snapshot
in `standings`. A snapshot is written every `SNAPSHOT_ENTRIES` entries of a worker, so loading reads at most that many;
one that was made under acts since replaced is not used, and the account is folded from its first entry. So is one
whose newest entries correct a gig from before the snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

import msgspec
import psycopg

from contracts import entry as entries
from ledger.accounts import Loaded, account_of
from ledger.books import book_of, known_gig
from ledger.domain.fold import UntoldGig
from ledger.domain.standing import Account
from ledger.errors import InvariantError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from contracts.entry import Entry
    from ledger.acts import Acts
    from ledger.books import KnownGig, Line

SNAPSHOT_ENTRIES: Final = 64
ROWS_AT_ONCE: Final = 500
"""Rows of a long answer that are taken over at a time."""

_SNAPSHOTS: LiteralString = "SELECT worker, as_of, account FROM standings WHERE journal = %s AND worker = ANY(%s)"
_SINCE: LiteralString = (
    "SELECT e.worker, e.leaf FROM unnest(%s::text[], %s::bigint[]) AS w(worker, as_of) "
    'JOIN entries e ON e.journal = %s AND e.worker = w.worker AND e."index" > w.as_of ORDER BY e.worker, e."index"'
)
_TAKEN = "SELECT event_key, leaf FROM entries WHERE event_key = ANY(%s)"
_GIGS = (
    'SELECT k.key, e."index", e.leaf FROM unnest(%s::uuid[]) AS k(key) JOIN entries e ON e.event_key = k.key '
    'UNION ALL SELECT k.key, e."index", e.leaf FROM unnest(%s::uuid[]) AS k(key) '
    "JOIN entries e ON e.refers_to = k.key ORDER BY 1, 2"
)

_NEWEST = 'SELECT leaf FROM entries WHERE journal = %s ORDER BY "index" DESC LIMIT 1'


async def load_accounts(
    connection: psycopg.AsyncConnection, journal: int, workers: Sequence[str], acts: Acts
) -> dict[str, Loaded]:
    """Give each worker's account.

    Raises InvariantError (L1) when a worker's folded balances are not those that the newest entry shows, and
    StoreUnavailable.
    """
    snapshots = usable(await snapshots_of(connection, journal, workers), acts)
    as_of = {worker: snapshots[worker][0] if worker in snapshots else -1 for worker in workers}
    loaded: dict[str, Loaded] = {}
    for worker, leaves in (await leaves_after(connection, journal, as_of)).items():
        index, account = snapshots.get(worker, (-1, None))
        try:
            loaded[worker] = account_of(worker, list(map(entries.read, leaves)), acts, account, index)
        except UntoldGig:
            whole = await leaves_after(connection, journal, {worker: -1})
            loaded[worker] = account_of(worker, list(map(entries.read, whole[worker])), acts)
    return loaded


def usable(snapshots: Mapping[str, tuple[int, bytes]], acts: Acts) -> dict[str, tuple[int, Account]]:
    """Give of stored snapshots those that acts since have not made stale, with the index as of which they stand."""
    found = {worker: (index, Account.load(msgspec.json.decode(kept))) for worker, (index, kept) in snapshots.items()}
    return {worker: own for worker, own in found.items() if not own[1].is_stale(acts.registry)}


async def snapshots_of(
    connection: psycopg.AsyncConnection, journal: int, workers: Sequence[str]
) -> dict[str, tuple[int, bytes]]:
    """Give the stored snapshots of these workers, with their indexes. Raises StoreUnavailable."""
    rows = await _ask(connection, journal, _SNAPSHOTS, (journal, list(workers)))
    return {worker: (int(index), stored) for worker, index, stored in rows}


async def leaves_after(
    connection: psycopg.AsyncConnection, journal: int, as_of: Mapping[str, int]
) -> dict[str, list[bytes]]:
    """Give the leaves of each worker's entries after an index, in order. Raises StoreUnavailable."""
    told: dict[str, list[bytes]] = {worker: [] for worker in as_of}
    for worker, leaf in await _ask(connection, journal, _SINCE, (list(as_of), list(as_of.values()), journal)):
        told[worker].append(leaf)
    return told


async def leaves_in_lots(
    connection: psycopg.AsyncConnection, journal: int, as_of: Mapping[str, int], leaves_min: int
) -> AsyncGenerator[dict[str, list[bytes]], None]:
    """Give the same in lots of whole workers, each with so many leaves or more (the last with fewer), as they arrive.

    Workers without any are left out. The connection answers nothing else meanwhile. Raises StoreUnavailable.
    """
    lot: dict[str, list[bytes]] = {}
    waiting = 0
    try:
        async with connection.cursor() as cursor:
            asked = (list(as_of), list(as_of.values()), journal)
            async for worker, leaf in cursor.stream(_SINCE, asked, binary=True, size=ROWS_AT_ONCE):
                if waiting >= leaves_min and worker not in lot:
                    yield lot
                    lot, waiting = {}, 0
                lot.setdefault(worker, []).append(leaf)
                waiting += 1
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
    if lot:
        yield lot


async def _ask(
    connection: psycopg.AsyncConnection, journal: int, question: LiteralString, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Give all rows of an answer. In binary, as leaves are: as text each byte would be two."""
    try:
        return await (await connection.execute(question, values, binary=True)).fetchall()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error


async def load_books(
    connection: psycopg.AsyncConnection, journal: int, workers: Sequence[str], acts: Acts
) -> dict[str, list[Line]]:
    """Give each worker's whole book. Raises InvariantError (L4) and StoreUnavailable."""
    if not workers:
        return {}
    told = await leaves_after(connection, journal, dict.fromkeys(workers, -1))
    return {worker: book_of(map(entries.read, own), acts.closes) for worker, own in told.items()}


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


async def newest_entry(connection: psycopg.AsyncConnection, journal: int) -> Entry | None:
    """Give a journal's newest entry; None for an empty one. Raises StoreUnavailable."""
    try:
        row = await (await connection.execute(_NEWEST, (journal,))).fetchone()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
    return None if row is None else entries.decode(bytes(row[0]))


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
