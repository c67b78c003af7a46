"""Files by path from whoever serves them over HTTP: a running ledger's API, a served export, static files.

What a server sends is bounded in bytes and in time before it is believed. A server that answers something else than the
file or 404 did not answer (StoreUnavailable), or must be asked differently (Unfit): redirects are not followed, since a
token travels along, proxies of the environment not used, nothing is decompressed. A server that is busy or away is
asked again, as often as was said. A file may come in pages: each names the next one by its query alone, in a `Link`
header (RFC 8288, `rel="next"`), so that no answer leads anywhere else. Must not know what the bytes mean.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ledger.audit.sources.paths import ALL, Query, Wanted
from ledger.errors import StoreUnavailable, Unfit

ANSWER_SECONDS: Final = 30
CONTENT_SECONDS: Final = 120
CONNECTIONS: Final = 4
ATTEMPTS: Final = 2
PAUSE_SECONDS: Final = 1
PIECE_BYTES: Final = 1 << 20
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_GONE: Final = frozenset({404, 410})
_LOCKED: Final = frozenset({401, 403})
_FAULTS: Final = (OSError, http.client.HTTPException)
_NO_TOKEN: Final = "an auditor's token is needed for bundles of entries (`iuran token issue --role auditor`)"
_Connection = http.client.HTTPConnection
_Response = http.client.HTTPResponse
_T = TypeVar("_T")
_next = re.compile(r'<\?([A-Za-z0-9_.~=&-]{1,500})>; rel="next"').fullmatch


class HttpPaths:
    """Files below an address (`https://iuran.example.org`), over a few connections that are kept.

    `token` goes with each question as a bearer token; `attempts` is how often a server that does not answer is asked,
    with a growing pause from the second time on. `close` at the end.
    """

    together = 2 * CONNECTIONS

    def __init__(self, url: str, token: str | None = None, attempts: int = ATTEMPTS) -> None:
        """Raises Unfit for what is no http or https address."""
        parts = urlsplit(url)
        whole = not (parts.username or parts.query or parts.fragment)
        if parts.scheme not in ("http", "https") or not parts.hostname or not whole:
            raise Unfit(f"address: expected http:// or https://, a host and perhaps a path, got {url[:200]!r}")
        self._url = url.rstrip("/")
        self._secure, self._place = parts.scheme == "https", parts.netloc
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._attempts = attempts
        self._mine = threading.local()
        self._all: list[_Connection] = []
        self._pool = ThreadPoolExecutor(CONNECTIONS, "paths")

    def __str__(self) -> str:
        return self._url

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give the content of each path, which may have a query behind it; several are asked for at once."""
        if len(paths) == 1:
            return [self._one(*paths[0])]
        return list(self._pool.map(lambda wanted: self._one(*wanted), paths))

    def stream(self, path: str, query: Query = ALL) -> Iterator[bytes]:
        """Give a path's content in pieces, page after page, each over a connection of its own."""
        asked = urlencode(query)
        while True:
            connection, some = self._connect(), False
            try:
                response = self._ask(connection, path, asked, lambda response: response)
                if response is None:
                    return
                while piece := response.read(PIECE_BYTES):
                    some = True
                    yield piece
            except _FAULTS as error:
                raise self._away(path, _words(error)) from error
            finally:
                connection.close()
            further = _next(response.getheader("Link", ""))
            if further is None or further[1] == asked or not some:
                return
            asked = further[1]

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._all:
            connection.close()

    def _one(self, path: str, bytes_max: int) -> bytes | None:
        connection: _Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self._connect()
            self._all.append(connection)
        return self._ask(connection, path, "", lambda response: _content(response, bytes_max))

    def _ask(self, connection: _Connection, path: str, query: str, take: Callable[[_Response], _T]) -> _T | None:
        """Give what `take` reads of the answer; None for a file that is not there.

        A connection of which not all was read is closed, and opens by itself when it is asked again.
        """
        target = f"{self._prefix}/{quote(path, safe='/?=')}" + (f"?{query}" if query else "")
        got = ""
        for attempt in range(self._attempts):
            # at once for the first time: a connection that was kept may have ended meanwhile
            time.sleep(PAUSE_SECONDS * max(0, attempt - 1))
            try:
                connection.request("GET", target, headers=self._headers)
                response = connection.getresponse()
                if response.status == http.client.OK:
                    taken = take(response)
                    if not (taken is response or response.isclosed()):
                        connection.close()
                    return taken
            except _FAULTS as error:
                connection.close()
                got = _words(error)
                continue
            connection.close()
            if response.status in _GONE:
                return None
            got = self._refused(path, response.status)
        raise self._away(path, got)

    def _refused(self, path: str, status: int) -> str:
        """Give what a server that may be asked again said; raises Unfit for one that may not."""
        if status in _LOCKED:
            raise Unfit(f"{self._url}/{path}: expected to be let in, got {status}; {_NO_TOKEN}")
        if status not in _BUSY:
            raise Unfit(f"{self._url}/{path}: expected 200 or 404, got {status}")
        return f"status {status}"

    def _connect(self) -> _Connection:
        """Give a connection, which opens when it is first asked."""
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._place, timeout=ANSWER_SECONDS, context=context)
        return http.client.HTTPConnection(self._place, timeout=ANSWER_SECONDS)

    def _away(self, path: str, got: str) -> StoreUnavailable:
        return StoreUnavailable(f"{self._url}/{path}: expected an answer, got {got}")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _content(response: _Response, bytes_max: int) -> bytes:
    """Give an answer's content, of which at most one byte more than the limit. Raises TimeoutError when it drips."""
    content = bytearray()
    deadline = time.monotonic() + CONTENT_SECONDS
    while len(content) <= bytes_max and (piece := response.read1(bytes_max + 1 - len(content))):
        content += piece
        if time.monotonic() > deadline:
            raise TimeoutError(f"no end within {CONTENT_SECONDS} s")
    return bytes(content)
