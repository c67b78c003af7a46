"""The logs' public face: verifier keys and checkpoints under `/log/{journal}/`; their tiles are in `routes_tiles`.

Paths and content types as in c2sp.org/tlog-tiles, so that standard clients and witnesses can follow a journal. The
checkpoint is the newest one that was also published outside (L8, L6), signed; it may be kept for seconds only. The
earlier ones come in pages, as the file `checkpoints` of an export holds them (contracts/formats/export.md).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Query, Request, Response

from contracts.canonical import INTEGER_LIMIT
from ledger.api import http
from ledger.api.problems import not_found
from ledger.api.routes_entries import JOURNAL
from ledger.api.views import Witnessed, WitnessState, documented

if TYPE_CHECKING:
    from ledger.store.readers import Readers

CHECKPOINTS_PAGE: Final = 200
"""Notes are about 3.5 kB, 8 kB while keys change."""
_LAST_SECOND: Final = 253402300799  # of the year 9999


def routes(readers: Readers) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/log/{journal}", tags=["log"])

    @router.get("/vkey", responses=documented(http.TEXT, 404, 503), summary="The log's verifier keys")
    async def vkey(
        request: Request,
        journal: int = JOURNAL,
        revoked: bool = Query(False, description="The revoked ones too: earlier checkpoints carry their signatures."),
    ) -> Response:
        """One verifier key a line (c2sp.org/signed-note): the current Ed25519, the current ML-DSA-44, retired ones.

        A key that the journal has revoked is left out unless asked for: who checks a receipt alone can't know up to
        which size it is to be believed, and whoever stole it can make receipts.
        """
        head = await readers.head(journal)
        if head is None:
            raise not_found()
        withheld = frozenset[str]() if revoked else await readers.revoked(journal)
        lines = [line for line in head.vkeys.split("\n") if line not in withheld]
        content = "".join(f"{line}\n" for line in lines).encode()
        return http.reply(request, content, http.PUBLIC_A_MINUTE, media_type=http.TEXT)

    @router.get("/checkpoint", responses=documented(http.TEXT, 404, 503), summary="The newest signed checkpoint")
    async def checkpoint(
        request: Request,
        journal: int = JOURNAL,
        newest: bool = Query(False, description="The newest published, whoever has cosigned it, as the log signed it."),
    ) -> Response:
        """The newest checkpoint that witnesses cosigned as the operator's policy asks, else the newest published.

        A signed note with the cosignatures it has (c2sp.org/tlog-checkpoint, tlog-cosignature).
        """
        found = await (readers.head(journal) if newest else readers.shown(journal))
        if found is None or found.note is None:
            raise not_found()
        return http.reply(request, found.note, http.PUBLIC_SECONDS, http.digest(found.note), http.TEXT)

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

    _add_earlier(router, readers)
    return router


def _add_earlier(router: APIRouter, readers: Readers) -> None:
    """Add the route of the earlier checkpoints."""

    @router.get(
        "/checkpoints", responses=documented(http.TEXT, 400, 404, 503), summary="The earlier signed checkpoints"
    )
    async def checkpoints(
        request: Request,
        journal: int = JOURNAL,
        after: int = Query(0, ge=0, lt=INTEGER_LIMIT, description="Only of larger sizes than this."),
        below: int | None = Query(None, ge=0, lt=INTEGER_LIMIT, description="Only of smaller sizes than this."),
        limit: int = Query(CHECKPOINTS_PAGE, ge=1, le=CHECKPOINTS_PAGE, description="Checkpoints of a page, at most."),
    ) -> Response:
        """Those below the one that `checkpoint` gives, by size, or of other sizes: signed notes, one after the other.

        So who verifies the log holds it against everything that was signed before. Where there are more, the next page
        is named in a `Link` header (RFC 8288, `rel="next"`). Cosignatures stand under the newest checkpoint alone.
        """
        shown = await readers.shown(journal)
        if shown is None:
            raise not_found()
        end = shown.size if below is None else min(below, await readers.published_size(journal))
        found = await readers.earlier(journal, after, end, limit + 1)
        further = {}
        if len(found) > limit:
            found = found[:limit]
            further["Link"] = f'<?after={found[-1].size}&below={end}&limit={limit}>; rel="next"'
        content = b"".join(cited.note for cited in found)
        return http.reply(request, content, http.PUBLIC_SECONDS, http.digest(content), http.TEXT, further)


def _time(seconds: int) -> str:
    """A witness's clock as it is told; one beyond the calendar is shown at its end."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
