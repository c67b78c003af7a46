"""A platform's own records: where an accepted event stands, by the id that it gave, and what was refused, and why.

Upholds L8: what is shown is covered by a published checkpoint. An id that is unknown, refused, not yet covered, or
another platform's is the same 404.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from msgspec import UNSET

from contracts import entry as entries
from contracts import forms
from contracts.entry import event_key
from contracts.rejections import Code
from contracts.topics import gigs_topic
from ledger.api import http
from ledger.api.access import Caller, Resource, may
from ledger.api.platform_view import view_of
from ledger.api.problems import bad_request, not_found
from ledger.api.views import PlatformEvent, RejectedItem, RejectedPage, documented
from ledger.errors import InvariantError

if TYPE_CHECKING:
    from ledger.api.auth import Authenticator
    from ledger.store.readers import Readers, Rejected
    from ledger.store.registry import LedgerFacts

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
_is_cursor = re.compile(r"(?:0|[1-9][0-9]{0,4}):(?:0|[1-9][0-9]{0,15})", re.ASCII).fullmatch
_PLATFORM = Path(description="A platform's name such as gojek.")
_CODE = Query(None, description="Only what was refused for this reason.")
_EVENT = Path(description="An event's id, as the platform gave it; it may hold slashes.")


def routes(readers: Readers, authenticate: Authenticator, facts: LedgerFacts) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/v1/platforms/{platform}", tags=["platforms"])
    asking = Depends(authenticate)

    @router.get("/events/{event:path}", responses=documented(PlatformEvent, 401, 404, 503), summary="Where an event is")
    async def event(
        request: Request, platform: str = _PLATFORM, event: str = _EVENT, caller: Caller = asking
    ) -> Response:
        """The entry of an accepted event in the platform's view; more than one if two workers' gigs have one id."""
        if not may(caller, Resource.ENTRY_VIEW, platform) or not forms.EVENT_ID.fits(event):
            raise not_found()
        source = f"urn:iuran:platform:{platform}"
        found = await readers.of_event([event_key(journal, source, event) for journal in range(facts.journals)])
        if not found:
            raise not_found()
        views = []
        for journal, stored in found:
            cited = await readers.cited(journal, stored.leaf_index)
            views.append(view_of(facts.name, stored.leaf, entries.decode(stored.leaf), cited))
        return http.reply(request, PlatformEvent(platform, event, views), http.PRIVATE_ASK_AGAIN)

    @router.get(
        "/rejected", responses=documented(RejectedPage, 400, 401, 404, 503), summary="What was refused, and why"
    )
    async def rejected(
        request: Request,
        platform: str = _PLATFORM,
        after: str | None = Query(None, description="A cursor: `next` of the page before, or `journal:offset`."),
        limit: int = Query(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX, description="Records of a page, at most."),
        code: Code | None = _CODE,
        caller: Caller = asking,
    ) -> Response:
        """Refused records of the platform's topic, journal by journal, in each in the topic's order.

        Each is an entry: `GET /v1/entries/{journal}/{index}`. Who follows keeps one cursor a journal: what is refused
        later stands behind the last one of its journal.
        """
        start = _start(after, facts.journals)
        if not forms.PLATFORM.fits(platform) or not may(caller, Resource.REJECTED, platform):
            raise not_found()
        topic = gigs_topic(platform, facts.topic_prefix)
        found = await readers.rejected(topic, start, limit + 1, code)
        further = f"{found[limit - 1].journal}:{found[limit - 1].offset}" if len(found) > limit else None
        answer = RejectedPage(platform, [_item(one) for one in found[:limit]], further)
        return http.reply(request, answer, http.PRIVATE_ASK_AGAIN)

    return router


def _item(one: Rejected) -> RejectedItem:
    """Give a refused record for showing; where it stands, its hash and its code are as the entry says."""
    entry = entries.decode(one.leaf)
    cause = entry.cause
    if entry.rejection is UNSET:
        raise InvariantError("L12", f"journal {one.journal} entry {one.leaf_index}: expected a refusal, got none")
    return RejectedItem(
        one.journal,
        one.leaf_index,
        cause.topic,
        cause.partition,
        cause.offset,
        cause.sha256,
        None if cause.id is UNSET else cause.id,
        entry.received_at,
        entry.rejection.code,
        one.detail,
        one.erased,
    )


def _start(after: str | None, journals: int) -> tuple[int, int]:
    """Give the journal and offset that a cursor stands on. Raises Refused for what no page gave."""
    if after is None:
        return (0, -1)
    if not _is_cursor(after) or int(after.partition(":")[0]) >= journals:
        raise bad_request("after", "expected a cursor that a page gave, got another text")
    journal, _, offset = after.partition(":")
    return (int(journal), int(offset))
