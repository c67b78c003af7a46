"""A running ledger's API as a source: the logs' own paths over HTTP, entries with an auditor's token.

Paths are those of an export, so a log is read the same way; several are asked for at once, over connections that are
kept. What a server sends is bounded in bytes and in time before it is believed; redirects are not followed, since a
token travels along. A log ends at the checkpoint that was read at first, so what the ledger writes meanwhile does not
show. A server that is busy or away is asked again, for a while.

Must not know laws or findings. Source: c2sp.org/tlog-tiles@v0.1.0 (paths, content types); SPEC section 6.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import local
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from contracts.entry import EntryError, StoredEvent, decode
from contracts.events import JOURNALS_MAX
from ledger.audit.folder import head_of
from ledger.audit.rows import Head
from ledger.audit.source import Stored
from ledger.audit.tiled import VKEYS_BYTES_MAX, TiledJournal
from ledger.errors import StoreUnavailable, Unfit
from ledger.log.note import NOTE_BYTES_MAX
from ledger.log.tiles import BUNDLE_BYTES_MAX, ENTRIES, TileError, decode_bundle, tile_at

CONNECTIONS: Final = 4
ANSWER_SECONDS: Final = 30
CONTENT_SECONDS: Final = 120
ATTEMPTS: Final = 5
PAUSE_SECONDS: Final = 1
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_FAULTS: Final = (OSError, http.client.HTTPException)


class Server(NamedTuple):
    """Where an API answers, and the token that is shown to it ("" for none)."""

    url: str
    token: str = ""


class Fetcher:
    """Fetches paths from one server, each thread over a connection of its own. `close` when done."""

    def __init__(self, server: Server) -> None:
        """Raises Unfit for what is no http or https address."""
        parts = urlsplit(server.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise Unfit(f"address: expected http://host or https://host, got {server.url[:200]!r}")
        self._server = server
        self._parts = parts
        self._own = local()
        self._opened: list[http.client.HTTPConnection] = []
        self._pool = ThreadPoolExecutor(CONNECTIONS)

    def close(self) -> None:
        """Close all connections."""
        self._pool.shutdown(cancel_futures=True)
        for connection in self._opened:
            connection.close()

    def fetch(self, paths: Sequence[tuple[str, int]]) -> list[bytes | None]:
        """Give the content of each path, of which at most one byte more than its limit; None where the server has none.

        Raises StoreUnavailable for a server that does not answer, Unfit for one that does not let us in.
        """
        if len(paths) == 1:
            return [self._fetch(*paths[0])]
        return list(self._pool.map(lambda wanted: self._fetch(*wanted), paths))

    def _fetch(self, path: str, bytes_max: int) -> bytes | None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                status, content = self._ask(path, bytes_max)
            except _FAULTS as error:
                self._forget()
                status, content = 0, str(error).encode()
            if status == 200:
                return content
            if status in (404, 410):
                return None
            if status in (401, 403):
                raise Unfit(f"{self._server.url}/{path}: expected to be let in, got {status}; give an auditor's token")
            if status and status not in _BUSY:
                raise Unfit(f"{self._server.url}/{path}: expected 200, got {status}")
            if attempt < ATTEMPTS:
                time.sleep(PAUSE_SECONDS * attempt)
        got = f"status {status}" if status else content.decode(errors="replace")
        raise StoreUnavailable(f"{self._server.url}/{path}: expected an answer, got {got}")

    def _ask(self, path: str, bytes_max: int) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            connection = self._own.connection = kind(self._parts.netloc, timeout=ANSWER_SECONDS)
            self._opened.append(connection)
        headers = {"accept-encoding": "identity"}
        if self._server.token:
            headers["authorization"] = f"Bearer {self._server.token}"
        connection.request("GET", f"{self._parts.path.rstrip('/')}/{path}", headers=headers)
        answer = connection.getresponse()
        content = _content(answer, bytes_max)
        if not answer.isclosed():
            self._forget()
        return answer.status, content

    def _forget(self) -> None:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
            self._own.connection = None


def _content(answer: http.client.HTTPResponse, bytes_max: int) -> bytes:
    """Give an answer's content, of which at most one byte more than the limit. Raises TimeoutError when it drips."""
    content = bytearray()
    deadline = time.monotonic() + CONTENT_SECONDS
    while len(content) <= bytes_max and (piece := answer.read1(bytes_max + 1 - len(content))):
        content += piece
        if time.monotonic() > deadline:
            raise TimeoutError(f"no end within {CONTENT_SECONDS} s")
    return bytes(content)


class LivePaths:
    """The paths below one log's prefix on a server."""

    def __init__(self, fetcher: Fetcher, number: int) -> None:
        self._fetcher = fetcher
        self._prefix = f"log/{number}/"

    def read(self, paths: Sequence[tuple[str, int]]) -> list[bytes | None]:
        """Give each path's content, as the server gives it."""
        return self._fetcher.fetch([(self._prefix + path, bytes_max) for path, bytes_max in paths])

    def stream(self, path: str) -> Iterator[bytes]:  # noqa: ARG002 - as the port has it
        """Give nothing: a server shows its newest checkpoint alone."""
        return iter(())


class LiveView(NamedTuple):
    """A server, as it travels between processes, and the heads as they were read at first."""

    server: Server
    heads: tuple[Head, ...]

    @contextmanager
    def journal(self, number: int) -> Iterator[TiledJournal]:
        """Open one journal. Raises StoreUnavailable and Unfit, also from what is read within the context."""
        head = next(head for head in self.heads if head.journal == number)
        fetcher = Fetcher(self.server)
        try:
            yield TiledJournal(number, LivePaths(fetcher, number), head)
        finally:
            fetcher.close()


def opened(server: Server) -> Stored:
    """Describe the ledger that a server serves, as of now: its journals are those that the first entry 0 names.

    Raises StoreUnavailable for a server that does not answer, Unfit for one that serves no ledger.
    """
    fetcher = Fetcher(server)
    try:
        first = _opening(server, fetcher)
        ledger, journals = first["ledger"], first["journals"]
        wanted = [(f"log/{n}/{what}", limit) for n in range(journals) for what, limit in _HEAD]
        answers = fetcher.fetch(wanted)
    finally:
        fetcher.close()
    pairs = zip(answers[::2], answers[1::2], strict=True)
    heads = tuple(
        head_of(number, note, vkeys, f"{server.url}/log/{number}")
        for number, (note, vkeys) in enumerate(pairs)
        if note is not None and vkeys is not None
    )
    return Stored(LiveView(server, tuple(stored.head for stored in heads)), ledger, journals, "", heads, ())


_HEAD: Final = (("checkpoint", NOTE_BYTES_MAX), ("vkey", VKEYS_BYTES_MAX))


def _opening(server: Server, fetcher: Fetcher) -> dict[str, Any]:
    """Give what entry 0 of log 0 says; it is checked with all the others later."""
    note, vkeys = fetcher.fetch([(f"log/0/{what}", limit) for what, limit in _HEAD])
    if note is None or vkeys is None:
        raise Unfit(f"{server.url}: expected a ledger's logs below /log/, got none")
    size = head_of(0, note, vkeys, f"{server.url}/log/0").head.size
    try:
        tile = tile_at(ENTRIES, 0, size)
        content = fetcher.fetch([(f"log/0/{tile.path()}", BUNDLE_BYTES_MAX)])[0]
        if content is None:
            raise Unfit(
                f"{server.url}/log/0/{tile.path()}: expected the first entries, got none; is it an auditor's token?"
            )
        event = decode(decode_bundle(content, tile.width)[0]).event
        opening: Any = msgspec.json.decode(event.data) if isinstance(event, StoredEvent) else {}
        ledger, journals = opening["ledger"], opening["journals"]
        if not isinstance(ledger, str) or not isinstance(journals, int) or not 1 <= journals <= JOURNALS_MAX:
            raise ValueError("another number of journals")
    except (EntryError, TileError, KeyError, TypeError, ValueError) as error:
        raise Unfit(f"{server.url}/log/0: expected entry 0 to open a ledger, got {error}") from error
    return {"ledger": ledger, "journals": journals}
