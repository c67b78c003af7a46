"""The files of a log by their paths: a folder and whoever serves them over HTTP look alike from here.

Paths are those of c2sp.org/tlog-tiles below a common root (`log/3/checkpoint`). What is given is bytes that nobody has
vouched for, never longer than one byte more than was asked for. Must not know what the bytes mean, nor where they lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from ledger.errors import Unfit

Wanted = Sequence[tuple[str, int]]
"""Paths, each with the bytes that it may have."""

Query = Mapping[str, int]
"""Which part of a file is wanted, for who can give less than all of it."""

ALL: Final[Query] = {}
ALL_VKEYS: Final = "vkey?revoked=true"
"""A log's verifier keys over HTTP, those that an API leaves out too: earlier checkpoints carry their signatures."""


class Paths(Protocol):
    """Files by path. Any number of calls one after the other, also between the pieces of a stream.

    `together`: how many paths are best asked for in one call, by who wants many one after the other.
    """

    together: int

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give the content of each path, of which at most one byte more than its limit; None for one that is not there.

        Raises StoreUnavailable for what does not answer, and Unfit for what must not be read.
        """
        ...

    def stream(self, path: str, query: Query = ALL) -> Iterator[bytes]:
        """Give a path's content in pieces, all of it or the part asked for; nothing for one that is not there.

        Raises as `read`.
        """
        ...


class Below:
    """Paths below a prefix of others, such as those of one log."""

    def __init__(self, paths: Paths, prefix: str) -> None:
        self.together = paths.together
        self._paths = paths
        self._prefix = prefix

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Give the content of each path."""
        return self._paths.read([(self._prefix + path, bytes_max) for path, bytes_max in paths])

    def stream(self, path: str, query: Query = ALL) -> Iterator[bytes]:
        """Give a path's content in pieces."""
        return self._paths.stream(self._prefix + path, query)


def texts(found: bytes | None, what: str) -> str:
    """Give a file's text; raises Unfit for one that is not there, or not UTF-8."""
    if found is None:
        raise Unfit(f"{what}: expected a file, got none")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise Unfit(f"{what}: expected UTF-8, got other bytes") from None
