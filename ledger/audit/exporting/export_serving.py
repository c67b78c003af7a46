"""An exported folder, served as static files with the content types of c2sp.org/tlog-tiles.

The paths are the folder's own, which are those of the live API below `/log/`. Nothing but an export's files is given
out: each path is parsed, not looked up. A partial tile that the folder has wider by now is cut from it, so that whoever
holds an older checkpoint finds its tiles. Bundles of entries are personal data: they may be kept back, and no shared
cache may keep them. Source: c2sp.org/tlog-tiles@v0.1.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from ledger.audit.exporting.export_folder import MANIFEST
from ledger.audit.sources.folder import FolderPaths
from ledger.errors import Unfit
from ledger.log.merkle import HASH_BYTES
from ledger.log.tiles import BUNDLE_BYTES_MAX, ENTRIES, TILE_BYTES, Tile, TileError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
FOR_EVER: Final = "public, max-age=31536000, immutable"
PRIVATE_FOR_EVER: Final = "private, max-age=31536000, immutable"
SECONDS: Final = "public, max-age=2"
FILE_BYTES_MAX: Final = 1 << 32
_LOG: Final = re.compile(
    r"log/(?:0|[1-9][0-9]{0,4})/(?P<file>vkey|checkpoint|checkpoints|tile/.*)", re.ASCII | re.DOTALL
)
_SCHEME: Final = re.compile(r"schemes/[A-Za-z0-9][A-Za-z0-9._@-]*", re.ASCII)
_CUT_FROM_MAX: Final = 256


def create_app(folder: Path, *, with_entries: bool = True) -> ASGIApp:
    """Give an application that serves this export; raises Unfit for a folder that holds none, or an unfinished one."""
    if not folder.joinpath(MANIFEST).is_file():
        raise Unfit(f"{folder}: expected an export with its {MANIFEST}, got none; `iuran audit export {folder}` first")
    served = ServedExport(folder, with_entries=with_entries)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await served.answer(scope["method"], scope["path"].removeprefix("/"))(scope, receive, send)

    return app


class ServedExport:
    """The answers."""

    def __init__(self, folder: Path, *, with_entries: bool) -> None:
        self._paths = FolderPaths(str(folder))
        self._with_entries = with_entries

    def answer(self, method: str, path: str) -> Response:
        """Give the answer to a request of this method for a path without its first slash."""
        if method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD"})
        content, media_type, caching = self._found(path)
        if content is None:
            return Response("not found\n", 404, media_type=TEXT)
        headers = {"Cache-Control": caching, "Content-Length": str(len(content)), "X-Content-Type-Options": "nosniff"}
        return Response(content if method == "GET" else b"", 200, headers, media_type)

    def _found(self, path: str) -> tuple[bytes | None, str, str]:
        if path == MANIFEST or _SCHEME.fullmatch(path):
            return self._read(path, FILE_BYTES_MAX), JSON, SECONDS
        found = _LOG.fullmatch(path)
        if found is None:
            return None, TEXT, SECONDS
        if not found["file"].startswith("tile/"):
            return self._read(path, FILE_BYTES_MAX), TEXT, SECONDS
        try:
            tile = Tile.parse(found["file"])
        except TileError:
            return None, TEXT, SECONDS
        if tile.level == ENTRIES:
            content = self._cut(path, tile, BUNDLE_BYTES_MAX) if self._with_entries else None
            return content, BYTES, PRIVATE_FOR_EVER
        return self._cut(path, tile, TILE_BYTES), BYTES, FOR_EVER

    def _cut(self, path: str, tile: Tile, bytes_max: int) -> bytes | None:
        """Give a tile as it lies there, or cut from a wider one."""
        content = self._read(path, bytes_max)
        if content is not None or not tile.partial:
            return content
        prefix = path.removesuffix(tile.path())
        for width in range(_CUT_FROM_MAX, tile.width, -1):
            wider = self._read(prefix + tile._replace(width=width).path(), bytes_max)
            if wider is not None:
                return _beginning(wider, tile)
        return None

    def _read(self, path: str, bytes_max: int) -> bytes | None:
        content = self._paths.read([(path, bytes_max)])[0]
        return None if content is None or len(content) > bytes_max else content


def _beginning(wider: bytes, tile: Tile) -> bytes | None:
    """Give the first `width` hashes or entries; None if there are not as many."""
    if tile.level != ENTRIES:
        end = tile.width * HASH_BYTES
    else:
        end = 0
        for _ in range(tile.width):
            end += 2 + int.from_bytes(wider[end : end + 2], "big")
    return wider[:end] if end <= len(wider) else None
