"""Refused records as they are kept: listed, shown, and erased.

A refusal is an entry with a hash; the record's bytes lie beside it, for whoever has to mend what was sent. They may be
erased, since they can hold what nobody should have sent (a name, a document's number): the entry, its hash and all
that is signed stay, and the audit counts what was erased. Upholds L2 and L12 through the database's own guard
(migration 0005), which lets key, value and headers be emptied once and nothing else.

Durability: when `erase` returns, no query shows the bytes any more. What the server's files hold of the old row goes
when its space is used again (`VACUUM FULL rejections` rewrites the file at once, and holds up the stream meanwhile);
its write-ahead log and backups have it as long as they are kept. Listing takes the reader's role, erasing the owner's.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

from ledger.errors import Unfit
from ledger.store import database

if TYPE_CHECKING:
    from collections.abc import Sequence

REASON: Final = "[a-z][a-z0-9_]{0,31}"
_is_reason = re.compile(REASON).fullmatch
_WHAT: LiteralString = (
    'SELECT journal, "index", topic, partition, "offset", timestamp_ms, code, detail, recorded_at, erased_at, '
    "erased_by, erased_reason"
)
_ONE: LiteralString = _WHAT + ', key, value, headers FROM rejections WHERE journal = %s AND "index" = %s'
_LIST: LiteralString = (
    _WHAT + " FROM rejections WHERE (%(journal)s::int IS NULL OR journal = %(journal)s) AND (%(topic)s::text IS NULL "
    "OR topic = %(topic)s) AND (%(code)s::text IS NULL OR code = %(code)s) "
    'ORDER BY recorded_at DESC, journal, "index" DESC LIMIT %(limit)s'
)
_ERASE: LiteralString = (
    "UPDATE rejections SET key = NULL, value = NULL, headers = '[]', erased_at = now(), erased_reason = %s "
    'WHERE journal = %s AND "index" = %s AND erased_at IS NULL'
)


class Erased(NamedTuple):
    """When bytes were erased, by whom (the database's name for them), and why."""

    at: datetime
    by: str
    reason: str


class Refused(NamedTuple):
    """A refused record without its bytes: the entry that refuses it, where it came from, and why."""

    journal: int
    leaf_index: int
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    code: str
    detail: str
    recorded_at: datetime
    erased: Erased | None


class Kept(NamedTuple):
    """A refused record with its bytes as they came, unless they were erased; headers are (name, value) in hex."""

    refused: Refused
    key: bytes | None
    value: bytes | None
    headers: list[list[str | None]]


def kept(url: str, journal: int, index: int) -> Kept:
    """Give the refused record of an entry. Raises Unfit where that entry refuses none, StoreUnavailable."""
    with database.connect(url, "reader") as connection:
        row = connection.execute(_ONE, (journal, index)).fetchone()
    if row is None:
        raise Unfit(f"journal {journal} entry {index}: expected a refused record, got none")
    key, value, headers = row[-3:]
    return Kept(
        _refused(row[:-3]), None if key is None else bytes(key), None if value is None else bytes(value), headers
    )


def listed(
    url: str, limit: int, journal: int | None = None, topic: str | None = None, code: str | None = None
) -> list[Refused]:
    """Give refused records, the newest first, at most `limit`. Raises StoreUnavailable."""
    wanted = {"journal": journal, "topic": topic, "code": code, "limit": limit}
    with database.connect(url, "reader") as connection:
        return [_refused(row) for row in connection.execute(_LIST, wanted)]


def erase(url: str, journal: int, index: int, reason: str) -> bool:
    """Erase key, value and headers of a refused record; False where that was done before.

    Raises Unfit for a reason of another form than REASON and where there is no such record, StoreUnavailable.
    """
    if not _is_reason(reason):
        raise Unfit("reason: expected a word of a-z, 0-9 and _, at most 32, got another text")
    kept(url, journal, index)
    with database.connect(url, "owner") as connection:
        return connection.execute(_ERASE, (reason, journal, index)).rowcount == 1


def _refused(row: Sequence[Any]) -> Refused:
    journal, index, topic, partition, offset, timestamp_ms, code, detail, recorded_at, at, by, reason = row
    erased = None if at is None else Erased(at, by, reason)
    return Refused(journal, index, topic, partition, offset, timestamp_ms, code, detail, recorded_at, erased)
