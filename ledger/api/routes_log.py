"""The logs' public face: verifier keys and checkpoints under `/log/{journal}/`; their tiles are in `routes_tiles`.

Paths and content types as in c2sp.org/tlog-tiles, so that standard clients and witnesses can follow a journal. The
checkpoint is the newest one that was also published outside (L8, L6), signed; it may be kept for seconds only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from ledger.api import http
from ledger.api.problems import not_found
from ledger.api.routes_entries import JOURNAL
from ledger.api.views import Witnessed, WitnessState, documented

if TYPE_CHECKING:
    from ledger.store.readers import Readers

_LAST_SECOND: Final = 253402300799  # of the year 9999


def routes(readers: Readers) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/log/{journal}", tags=["log"])

    @router.get("/vkey", responses=documented(http.TEXT, 404, 503), summary="The log's verifier keys")
    async def vkey(request: Request, journal: int = JOURNAL) -> Response:
        """One verifier key a line (c2sp.org/signed-note): the current Ed25519, the current ML-DSA-44, retired ones."""
        head = await readers.head(journal)
        if head is None:
            raise not_found()
        return http.reply(request, head.vkeys.encode() + b"\n", http.PUBLIC_A_MINUTE, media_type=http.TEXT)

    @router.get("/checkpoint", responses=documented(http.TEXT, 404, 503), summary="The newest signed checkpoint")
    async def checkpoint(request: Request, journal: int = JOURNAL) -> Response:
        """The newest checkpoint that witnesses cosigned as the operator's policy asks, else the newest published.

        A signed note with the cosignatures it has (c2sp.org/tlog-checkpoint, tlog-cosignature).
        """
        shown = await readers.shown(journal)
        if shown is None:
            raise not_found()
        return http.reply(request, shown.note, http.PUBLIC_SECONDS, http.digest(shown.note), http.TEXT)

    @router.get("/witnesses", responses=documented(Witnessed, 404, 503), summary="Who has cosigned how far")
    async def witnesses(request: Request, journal: int = JOURNAL) -> Response:
        """The size at which a quorum was reached last, and for each witness's key the newest size it cosigned."""
        shown = await readers.shown(journal)
        if shown is None:
            raise not_found()
        found = [
            WitnessState(w.vkey, w.size, None if w.signed_at is None else _time(w.signed_at))
            for w in await readers.witnesses(journal)
        ]
        return http.reply(request, Witnessed(journal, shown.size if shown.quorum else None, found), http.PUBLIC_SECONDS)

    return router


def _time(seconds: int) -> str:
    """A witness's clock as it is told; one beyond the calendar is shown at its end."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
