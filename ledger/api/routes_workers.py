"""A worker's balances and entries: `/v1/workers/{worker}/...`.

Upholds L8: both are what a published checkpoint covers, and cite it. The newest entry is looked up before it is
decided whether the caller may see it, so that an unknown worker and a forbidden one cost and say the same.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from contracts import entry as entries
from contracts import forms
from contracts.entry import Entry, StoredEvent
from contracts.topics import partition_of, platform_of
from ledger.api import http
from ledger.api.access import Caller, Resource, may
from ledger.api.problems import bad_request, not_found
from ledger.api.views import Balances, EntryItem, EntryPage, EntryRef, balance, checkpoint_ref, documented
from ledger.log.merkle import leaf_hash
from ledger.store.readers import PAGE_ROWS, Readers, Shown, Stored

if TYPE_CHECKING:
    from ledger.api.auth import Authenticator
    from ledger.store.registry import LedgerFacts

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
SCANNED_MAX: Final = 2000
"""Entries that one request looks through for its filters; beyond them it answers with what it has and a cursor."""

_WORKER = Path(description="A pseudonym such as W-7f3a.")
_DAY_OR_INSTANT = "An instant such as 2026-03-01T00:00:00Z (write + as %2B), or a day of UTC such as 2026-03-01"


def routes(readers: Readers, authenticate: Authenticator, facts: LedgerFacts) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/v1/workers/{worker}", tags=["workers"])
    asking = Depends(authenticate)

    async def newest(worker: str, caller: Caller, resource: Resource) -> tuple[Shown, Stored]:
        found = None
        if forms.WORKER.fits(worker):
            found = await readers.newest(partition_of(worker.encode(), facts.journals), worker)
        if found is None or not may(caller, resource, worker):
            raise not_found()
        return found

    @router.get("/balances", responses=documented(Balances, 401, 404, 503), summary="What has accrued, fund by fund")
    async def balances(request: Request, worker: str = _WORKER, caller: Caller = asking) -> Response:
        """A worker's lifetime totals after their newest entry under a published checkpoint, which is cited."""
        shown, stored = await newest(worker, caller, Resource.BALANCES)
        entry = entries.decode(stored.leaf)
        answer = Balances(
            worker,
            [balance(row) for row in entry.balances or ()],
            EntryRef(shown.journal, stored.leaf_index, leaf_hash(stored.leaf).hex()),
            entry.received_at,
            checkpoint_ref(facts.name, shown),
        )
        tag = f"{shown.journal}-{stored.leaf_index}-{shown.size}"
        return http.reply(request, answer, http.PRIVATE_ASK_AGAIN, tag)

    @router.get("/entries", responses=documented(EntryPage, 400, 401, 404, 503), summary="Entries, oldest first")
    async def worker_entries(
        request: Request,
        worker: str = _WORKER,
        after: str | None = Query(None, description="A cursor: `next` of the page before, or an entry's `cursor`."),
        limit: int = Query(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX, description="Entries of a page, at most."),
        from_: str | None = Query(None, alias="from", description=f"{_DAY_OR_INSTANT}: gigs from then on."),
        to: str | None = Query(None, description=f"{_DAY_OR_INSTANT}: gigs before then (a day: to its end)."),
        platform: str | None = Query(None, description="Gigs that this platform reported."),
        fund: str | None = Query(None, description="Entries with a contribution to this fund."),
        caller: Caller = asking,
    ) -> Response:
        """A worker's entries by index, exact as they were signed. Pages are stable: entries neither change nor move."""
        journal = partition_of(worker.encode(), facts.journals)
        wanted = _Wanted(_instant("from", from_, 0), _instant("to", to, 1), platform, fund, facts.topic_prefix)
        start = _start(after, journal)
        shown, _ = await newest(worker, caller, Resource.ENTRIES)
        found, last = await _scan(readers, worker, shown, start, limit, wanted)
        items = [
            EntryItem(journal, s.leaf_index, leaf_hash(s.leaf).hex(), f"{journal}:{s.leaf_index}", msgspec.Raw(s.leaf))
            for s in found
        ]
        further = None if last is None else f"{journal}:{last}"
        answer = EntryPage(worker, items, further, checkpoint_ref(facts.name, shown))
        return http.reply(request, answer, http.PRIVATE_ASK_AGAIN)

    return router


class _Wanted(NamedTuple):
    """The filters of a page; None where there is none. Instants in epoch seconds, `until` excluded."""

    since: int | None
    until: int | None
    platform: str | None
    fund: str | None
    topic_prefix: str

    def holds(self, entry: Entry) -> bool:
        """Tell whether an entry passes all of them."""
        if self.since is not None or self.until is not None:
            if not isinstance(entry.event, StoredEvent):
                return False
            occurred_at = forms.parse_instant(entry.event.time)
            if self.since is not None and occurred_at < self.since:
                return False
            if self.until is not None and occurred_at >= self.until:
                return False
        if self.platform is not None and platform_of(entry.cause.topic, self.topic_prefix) != self.platform:
            return False
        return self.fund is None or any(row.fund == self.fund for row in entry.contributions or ())


async def _scan(
    readers: Readers, worker: str, shown: Shown, after: int, limit: int, wanted: _Wanted
) -> tuple[list[Stored], int | None]:
    """Give at most `limit` entries that are wanted, and the index to go on after (None: there is nothing further)."""
    unfiltered = wanted[:4] == (None, None, None, None)
    rows_max = limit + 1 if unfiltered else PAGE_ROWS
    found: list[Stored] = []
    scanned = 0
    while scanned < SCANNED_MAX:
        rows = await readers.page(shown.journal, worker, after, shown.size, rows_max)
        for stored in rows:
            if len(found) == limit:
                return found, after
            if unfiltered or wanted.holds(entries.decode(stored.leaf)):
                found.append(stored)
            after = stored.leaf_index
        if len(rows) < rows_max:
            return found, None
        scanned += len(rows)
    return found, after


def _start(after: str | None, journal: int) -> int:
    """Give the index that a cursor stands on; -1 without one. Raises Refused for what no page gave."""
    if after is None:
        return -1
    number, _, index = after.partition(":")
    if number != str(journal) or not (index.isascii() and index.isdigit() and len(index) <= 16):
        raise bad_request("after", "expected a cursor that a page of this worker gave, got another text")
    return int(index)


def _instant(name: str, text: str | None, days_added: int) -> int | None:
    if text is None:
        return None
    with suppress(forms.FormError):
        return (forms.DATE.read(text) + days_added) * forms.SECONDS_PER_DAY
    with suppress(forms.FormError):
        return forms.INSTANT.read(text)
    raise bad_request(name, "expected an instant with a zone, or a day such as 2026-03-01, got another text")
