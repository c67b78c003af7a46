"""A journal's workers in order of name, page by page, with what of them is known without loading anybody.

A close goes through all of them: each page is one question that looks into the index of workers once for each worker,
however many entries they have, and goes on behind the last name of the page before. The column is ordered by code point
in every database (collation C), as the parts of a close are, so that the pages are in the order that the format asks
for. Durability and order: reads what is committed; nobody else writes a journal while its close is under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString, NamedTuple

import psycopg

from contracts.entry import Kind
from ledger.errors import StoreUnavailable
from ledger.store.rows import KIND_NUMBERS

if TYPE_CHECKING:
    from typing import Any

# LIMIT keeps the planner from reading everybody's entries at once for the sake of a whole page
_HAS: LiteralString = (
    "(SELECT true FROM entries e WHERE e.journal = %(journal)s AND e.worker = found.worker AND {} LIMIT 1) IS NOT NULL"
)
PAGE: LiteralString = (
    "WITH RECURSIVE found(worker, place) AS ((SELECT e.worker, 1 FROM entries e WHERE e.journal = %(journal)s "
    "AND e.worker > %(after)s ORDER BY e.worker LIMIT 1) UNION ALL SELECT (SELECT e.worker FROM entries e "
    "WHERE e.journal = %(journal)s AND e.worker > found.worker ORDER BY e.worker LIMIT 1), found.place + 1 "
    "FROM found WHERE found.worker IS NOT NULL AND found.place < %(most)s) "
    "SELECT worker, "
    + _HAS.replace("{}", 'e."index" >= %(since)s')
    + ", "
    + _HAS.replace("{}", f"e.kind = {KIND_NUMBERS[Kind.REMITTANCE]}")
    + ", "
    + _HAS.replace("{}", f"e.kind = {KIND_NUMBERS[Kind.WORKER]}")
    + " FROM found WHERE worker IS NOT NULL ORDER BY place"
)


class Known(NamedTuple):
    """A worker of a journal: whether they have an entry at or after the index asked for, ever paid anything in, and
    ever stated an attribute.
    """

    worker: str
    up_to_date: bool
    paid: bool
    stated: bool


async def page_of_workers(
    connection: psycopg.AsyncConnection, journal: int, after: str, most: int, since: int
) -> list[Known]:
    """Give the next workers of a journal after a name, at most so many (fewer: these are the last), in order of name.

    `since`: the index from which on an entry makes a worker up to date. Raises StoreUnavailable.
    """
    asked: dict[str, Any] = {"journal": journal, "after": after, "most": most, "since": since}
    try:
        rows = await connection.execute(PAGE, asked)
        return [Known(*row) for row in await rows.fetchall()]
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {journal}: {str(error).strip()}") from error
