"""The logs' tiles under `/log/{journal}/tile/`: hashes for everybody, bundles of entries for auditors.

Paths and content types as in c2sp.org/tlog-tiles. A tile never changes and may be kept for ever; one of any width that
lies under the published size is cut from what is stored, so that whoever holds an older checkpoint finds its partial
tiles too. Beyond the published size nothing is served (L8), and an empty tile never is.

One deviation from tlog-tiles: bundles of entries are personal data. They need an auditor's token and no shared cache
may keep them.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from ledger.api import http
from ledger.api.access import Caller, Resource, may
from ledger.api.problems import not_found
from ledger.api.routes_entries import JOURNAL
from ledger.api.views import documented
from ledger.errors import InvariantError
from ledger.log.merkle import HASH_BYTES
from ledger.log.tiles import Tile, TileError, encode_bundle

if TYPE_CHECKING:
    from ledger.api.auth import Authenticator
    from ledger.store.readers import Readers

GZIP_LEVEL: Final = 5

_LEVEL = Path(description="A tile's level, 0 to 63: `0` holds leaf hashes.")
_NUMBER = Path(description="A tile's number as `x001/x234/067`, followed by `.p/` and its width if it is partial.")


def routes(readers: Readers, authenticate: Authenticator) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/log/{journal}/tile", tags=["log"])
    asking = Depends(authenticate)

    @router.get(
        "/entries/{number:path}",
        responses=documented(http.BYTES, 401, 404, 503),
        summary="A bundle of entries (auditors)",
    )
    async def bundle(
        request: Request, journal: int = JOURNAL, number: str = _NUMBER, caller: Caller = asking
    ) -> Response:
        """Up to 256 entries, each after its length in 2 bytes (c2sp.org/tlog-tiles); compressed where gzip is taken."""
        tile = _parse(f"tile/entries/{number}")
        if not may(caller, Resource.BUNDLES, None) or not tile.within(await readers.published_size(journal)):
            raise not_found()
        entries = await readers.bundle(journal, tile)
        if len(entries) != tile.width:
            raise InvariantError("L5", f"journal {journal} {tile.path()}: expected {tile.width}, got {len(entries)}")
        return await _bundled(request, encode_bundle(entries))

    @router.get("/{level}/{number:path}", responses=documented(http.BYTES, 404, 503), summary="A tile of hashes")
    async def tile(request: Request, journal: int = JOURNAL, level: str = _LEVEL, number: str = _NUMBER) -> Response:
        """1 to 256 hashes of 32 bytes (c2sp.org/tlog-tiles): of the tree at height 8 times the level."""
        wanted = _parse(f"tile/{level}/{number}")
        if not wanted.within(await readers.published_size(journal)):
            raise not_found()
        hashes = (await readers.tiles(journal, [wanted]))[wanted]
        if len(hashes) != HASH_BYTES * wanted.width:
            detail = f"journal {journal} {wanted.path()}: expected {wanted.width} hashes, got {len(hashes)} bytes"
            raise InvariantError("L5", detail)
        return http.reply(request, hashes, http.PUBLIC_FOR_EVER, http.digest(hashes), http.BYTES)

    return router


def _parse(path: str) -> Tile:
    """Give the tile of a path; one that is written in any other way than its own is unknown."""
    try:
        return Tile.parse(path)
    except TileError:
        raise not_found() from None


async def _bundled(request: Request, content: bytes) -> Response:
    """Give a bundle, compressed if that is accepted; the two have entity tags of their own (RFC 9110 section 8.8.3)."""
    tag, further = http.digest(content), {"Vary": "Authorization, Accept-Encoding"}
    if http.takes_gzip(request):
        # outside the event loop: a bundle of long entries takes some milliseconds; no clock in the header, so that
        # the same bundle is the same bytes
        content = await asyncio.to_thread(gzip.compress, content, GZIP_LEVEL, mtime=0)
        tag, further = f"{tag}.gz", {**further, "Content-Encoding": "gzip"}
    return http.reply(request, content, http.PRIVATE_FOR_EVER, tag, http.BYTES, further)
