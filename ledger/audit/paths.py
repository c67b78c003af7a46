"""The files of a log by their paths: from a folder, or from whoever serves them over HTTP; both look alike from here.

Paths are those of c2sp.org/tlog-tiles below a common root (`log/3/checkpoint`). What is given is bytes that nobody has
vouched for, never longer than one byte more than was asked for. A server that answers something else than the file or
404 did not answer (StoreUnavailable), or must be asked differently (Unfit): redirects are not followed, proxies of the
environment not used, nothing is decompressed. Must not know what the bytes mean.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from ledger.errors import StoreUnavailable, Unfit

ANSWER_SECONDS: Final = 30
CONNECTIONS: Final = 4
PIECE_BYTES: Final = 1 << 20
_NO_TOKEN: Final = "an auditor's token is needed for bundles of entries (`iuran token issue --role auditor`)"

Wanted = Sequence[tuple[str, int]]
"""Paths, each with the bytes that it may have."""


class Paths(Protocol):
    """Files by path. Any number of calls one after the other."""

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give the content of each path, of which at most one byte more than its limit; None for one that is not there.

        Raises StoreUnavailable for what does not answer, and Unfit for what must not be read.
        """
        ...

    def stream(self, path: str) -> Iterator[bytes]:
        """Give a path's content in pieces; nothing for one that is not there. Raises as `read`."""
        ...


class FolderPaths:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give the content of each path."""
        return [self._one(path, bytes_max) for path, bytes_max in paths]

    def stream(self, path: str) -> Iterator[bytes]:
        """Give a file in pieces."""
        try:
            with self._folder.joinpath(path).open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise Unfit(f"{self._folder.joinpath(path)}: expected a readable file, got {error.strerror}") from error

    def _one(self, path: str, bytes_max: int) -> bytes | None:
        place = self._folder.joinpath(path)
        try:
            with place.open("rb") as file:
                return file.read(bytes_max + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unfit(f"{place}: expected a readable file, got {error.strerror}") from error


class HttpPaths:
    """Files below an address (`https://iuran.example.org`), over a few connections that are kept.

    `token` goes with each question as a bearer token. `close` at the end.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise Unfit(f"address: expected http:// or https://, a host and perhaps a path, got {url[:200]!r}")
        self._url = url.rstrip("/")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._mine = threading.local()
        self._all: list[http.client.HTTPConnection] = []
        self._pool = ThreadPoolExecutor(CONNECTIONS, "paths")

    def __str__(self) -> str:
        return self._url

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give the content of each path, several asked for at once."""
        if len(paths) == 1:
            return [self._one(*paths[0])]
        return list(self._pool.map(lambda wanted: self._one(*wanted), paths))

    def stream(self, path: str) -> Iterator[bytes]:
        """Give a path's content in pieces."""
        response = self._ask(path)
        if response is not None:
            try:
                while piece := response.read(PIECE_BYTES):
                    yield piece
            except (OSError, http.client.HTTPException) as error:
                raise self._away(path, error) from error
            finally:
                self._drop()

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._all:
            connection.close()

    def _one(self, path: str, bytes_max: int) -> bytes | None:
        response = self._ask(path)
        if response is None:
            return None
        try:
            content = response.read(bytes_max + 1)
            if len(content) > bytes_max or response.read(1):
                self._drop()
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise self._away(path, error) from error
        return content

    def _ask(self, path: str) -> http.client.HTTPResponse | None:
        """Give the response to a question, its body unread; None for 404.

        Asks a second time if a connection that was kept broke.
        """
        for kept in (True, False):
            connection = self._connection()
            try:
                connection.request("GET", f"{self._prefix}/{quote(path)}", headers=self._headers)
                response = connection.getresponse()
                break
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if not kept:
                    raise self._away(path, error) from error
        if response.status == http.client.OK:
            return response
        self._drop()
        if response.status == http.client.NOT_FOUND:
            return None
        if response.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            raise Unfit(f"{self._url}/{path}: expected to be let in, got {response.status}; {_NO_TOKEN}")
        if response.status >= http.client.INTERNAL_SERVER_ERROR or response.status == http.client.TOO_MANY_REQUESTS:
            raise StoreUnavailable(f"{self._url}/{path}: expected an answer, got {response.status}")
        raise Unfit(f"{self._url}/{path}: expected 200 or 404, got {response.status}")

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            if self._secure:
                context = ssl.create_default_context()
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=ANSWER_SECONDS, context=context
                )
            else:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_SECONDS)
            self._mine.connection = connection
            self._all.append(connection)
        return connection

    def _drop(self) -> None:
        """Close this thread's connection; the next question opens it again."""
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            connection.close()

    def _away(self, path: str, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"{self._url}/{path}: expected an answer, got {str(error) or type(error).__name__}")


def texts(found: bytes | None, what: str) -> str:
    """Give a file's text; raises Unfit for one that is not there, or not UTF-8."""
    if found is None:
        raise Unfit(f"{what}: expected a file, got none")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise Unfit(f"{what}: expected UTF-8, got other bytes") from None
