"""A platform's own events: where in the journals an event stands, found by the id that the platform gave it.

Upholds L8: what is shown is covered by a published checkpoint, and cites it. An id that is unknown, refused, not yet
covered, or another platform's is the same 404.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Path, Request, Response

from contracts import entry as entries
from contracts import forms
from contracts.entry import event_key
from ledger.api import http
from ledger.api.access import Caller, Resource, may
from ledger.api.platform_view import view_of
from ledger.api.problems import not_found
from ledger.api.views import PlatformEvent, documented

if TYPE_CHECKING:
    from ledger.api.auth import Authenticator
    from ledger.store.readers import Readers
    from ledger.store.registry import LedgerFacts

_PLATFORM = Path(description="A platform's name such as gojek.")
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

    return router
