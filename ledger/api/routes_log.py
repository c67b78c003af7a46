"""The logs' public face: verifier keys and checkpoints under `/log/{journal}/`.

Paths and content types as in c2sp.org/tlog-tiles, so that standard clients and witnesses can follow a journal. The
checkpoint is the newest one that was also published outside (L8, L6), signed; it may be kept for seconds only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from ledger.api import http
from ledger.api.problems import not_found
from ledger.api.routes_entries import JOURNAL
from ledger.api.views import documented

if TYPE_CHECKING:
    from ledger.store.readers import Readers


def routes(readers: Readers) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/log/{journal}", tags=["log"])

    @router.get("/vkey", responses=documented(http.TEXT, 404, 503), summary="The log's verifier keys")
    async def vkey(request: Request, journal: int = JOURNAL) -> Response:
        """One verifier key a line (c2sp.org/signed-note)."""
        head = await readers.head(journal)
        if head is None:
            raise not_found()
        return http.reply(request, head.vkeys.encode() + b"\n", http.PUBLIC_A_MINUTE, media_type=http.TEXT)

    @router.get("/checkpoint", responses=documented(http.TEXT, 404, 503), summary="The newest signed checkpoint")
    async def checkpoint(request: Request, journal: int = JOURNAL) -> Response:
        """The newest published checkpoint as a signed note (c2sp.org/tlog-checkpoint)."""
        head = await readers.head(journal)
        if head is None or head.note is None:
            raise not_found()
        return http.reply(request, head.note, http.PUBLIC_SECONDS, media_type=http.TEXT)

    return router
