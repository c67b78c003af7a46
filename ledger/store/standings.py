"""What a writer must know before it decides a batch: workers' accounts, and which event keys are taken.

An account is folded from the worker's own entries, the ordinary path taken again, starting from the newest snapshot
in `standings`. A snapshot is written every `SNAPSHOT_ENTRIES` entries of a worker, so loading reads at most that many;
one that was made under scheme versions since replaced is not used, and the account is folded from its first entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import psycopg

from contracts import entry as entries
from ledger.domain.accrual import refold
from ledger.domain.standing import Account
from ledger.errors import InvariantError, StoreUnavailable
from ledger.intake import contributions_of, gig_of_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.domain.registry import Registry

SNAPSHOT_ENTRIES: Final = 64

_SNAPSHOTS = "SELECT worker, as_of, account FROM standings WHERE journal = %s AND worker = ANY(%s)"
_SINCE = (
    'SELECT e.worker, e."index", e.leaf FROM unnest(%s::text[], %s::bigint[]) AS w(worker, as_of) '
    'JOIN entries e ON e.worker = w.worker AND e."index" > w.as_of AND e.journal = %s ORDER BY e.worker, e."index"'
)
_TAKEN = "SELECT event_key, leaf FROM entries WHERE event_key = ANY(%s)"


async def load_accounts(
    connection: psycopg.AsyncConnection, journal: int, workers: Sequence[str], registry: Registry
) -> dict[str, tuple[Account, int]]:
    """Give each worker's account, and how many entries it has had since its snapshot.

    Raises InvariantError (L1) when a worker's folded balances are not those that the newest entry shows, and
    StoreUnavailable.
    """
    loaded = {worker: (Account(), 0) for worker in workers}
    as_of = dict.fromkeys(workers, -1)
    try:
        rows = await connection.execute(_SNAPSHOTS, (journal, list(workers)))
        async for worker, index, stored in rows:
            account = Account.load(msgspec.json.decode(bytes(stored)))
            if not account.is_stale(registry):
                loaded[worker] = (account, 0)
                as_of[worker] = int(index)
        rows = await connection.execute(_SINCE, (list(as_of), list(as_of.values()), journal))
        async for worker, index, leaf in rows:
            account, unsaved = loaded[worker]
            fold(account, bytes(leaf), registry, journal, int(index))
            loaded[worker] = (account, unsaved + 1)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
    return loaded


def fold(account: Account, leaf: bytes, registry: Registry, journal: int, index: int) -> None:
    """Take a worker's next stored entry into the account.

    Raises InvariantError (L1) when the balances after it are not those that the entry shows.
    """
    entry = entries.read(leaf)
    refold(gig_of_entry(entry), contributions_of(entry), account, registry)
    shown = {(b.scheme, b.fund, b.unit): b.accrued for b in entry.balances or ()}
    if shown != account.balances:
        raise InvariantError("L1", f"journal {journal} entry {index}: expected balances that follow its worker's last")


async def taken(connection: psycopg.AsyncConnection, keys: Sequence[bytes]) -> dict[bytes, tuple[str, str, str, bytes]]:
    """Give of these event keys those that accepted events occupy, with (type, subject, time, data) of each.

    Raises StoreUnavailable.
    """
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
