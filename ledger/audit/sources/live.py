"""A running ledger's API as a source: the logs' own paths over HTTP, entries with an auditor's token.

Paths are those of an export, so a log is read the same way. A log ends at the newest checkpoint that was published when
it was first read, whether or not a quorum of witnesses has come so far (that one is `shown`); what the ledger writes
meanwhile does not show. The earlier ones come in pages, and of those only what is asked for.

Must not know laws or findings. Source: c2sp.org/tlog-tiles@v0.1.0 (paths, content types); SPEC section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from contracts.entry import EntryError, StoredEvent, decode
from contracts.events import JOURNALS_MAX
from ledger.audit.rows import Head
from ledger.audit.sources.folder import head_of
from ledger.audit.sources.http_paths import HttpPaths
from ledger.audit.sources.paths import ALL_VKEYS, Below, Paths
from ledger.audit.sources.source import Stored
from ledger.audit.sources.tiled import VKEYS_BYTES_MAX, TiledJournal
from ledger.errors import Unfit
from ledger.log.note import NOTE_BYTES_MAX
from ledger.log.tiles import BUNDLE_BYTES_MAX, ENTRIES, TileError, decode_bundle, tile_at

ATTEMPTS: Final = 5
"""How often a server that is busy or away is asked: an audit of a day should not end on a minute's restart."""
_NEWEST: Final = "checkpoint?newest=true"
_NOTES: Final = (_NEWEST, "checkpoint")


Answers = tuple[bytes | None, bytes | None, bytes | None]
"""The newest checkpoint, the one that is shown, the verifier keys; None for what is not there."""


class Server(NamedTuple):
    """Where an API answers, and the token that is shown to it ("" for none)."""

    url: str
    token: str = ""


@contextmanager
def reached(server: Server) -> Iterator[HttpPaths]:
    """Give a server's paths. Raises Unfit for what is no address."""
    paths = HttpPaths(server.url, server.token, ATTEMPTS)
    try:
        yield paths
    finally:
        paths.close()


class LiveView(NamedTuple):
    """A server, as it travels between processes, and the heads as they were read at first."""

    server: Server
    heads: tuple[Head, ...]

    @contextmanager
    def journal(self, number: int) -> Iterator[TiledJournal]:
        """Open one journal. Raises StoreUnavailable and Unfit, also from what is read within the context."""
        head = next(head for head in self.heads if head.journal == number)
        with reached(self.server) as paths:
            yield TiledJournal(number, Below(paths, f"log/{number}/"), head)


def opened(server: Server) -> Stored:
    """Describe the ledger that a server serves, as of now: its journals are those that the first entry 0 names.

    Raises StoreUnavailable for a server that does not answer, Unfit for one that serves no ledger.
    """
    with reached(server) as paths:
        ledger, journals = _opening(server, paths)
        several = heads_of(paths, journals)
    heads = tuple(
        head_of(number, newest, vkeys, f"{server.url}/log/{number}")._replace(shown=shown)
        for number, (newest, shown, vkeys) in several.items()
        if newest is not None and vkeys is not None
    )
    return Stored(LiveView(server, tuple(stored.head for stored in heads)), ledger, journals, "", heads, ())


def heads_of(paths: Paths, journals: int) -> dict[int, Answers]:
    """Give each journal's newest published checkpoint, the one that is shown, and its verifier keys.

    The keys are asked for before and after: where they changed meanwhile all is asked again, since a checkpoint and the
    keys of another moment look like a fault of the ledger's.
    """
    found: dict[int, Answers] = {}
    asked = list(range(journals))
    before = _keys_of(paths, asked)
    for _ in range(ATTEMPTS):
        notes = paths.read([(f"log/{n}/{note}", NOTE_BYTES_MAX) for n in asked for note in _NOTES])
        after = _keys_of(paths, asked)
        found |= {n: (notes[2 * at], notes[2 * at + 1], after[n]) for at, n in enumerate(asked)}
        asked = [n for n in asked if after[n] != before[n]]
        before = after
        if not asked:
            break
    return dict(sorted(found.items()))


def _keys_of(paths: Paths, journals: Sequence[int]) -> dict[int, bytes | None]:
    answers = paths.read([(f"log/{n}/{ALL_VKEYS}", VKEYS_BYTES_MAX) for n in journals])
    return dict(zip(journals, answers, strict=True))


def _opening(server: Server, paths: HttpPaths) -> tuple[str, int]:
    """Give the ledger's name and its journals, as entry 0 of log 0 says; that is checked with all the others later."""
    note, vkeys = paths.read([(f"log/0/{_NEWEST}", NOTE_BYTES_MAX), (f"log/0/{ALL_VKEYS}", VKEYS_BYTES_MAX)])
    if note is None or vkeys is None:
        raise Unfit(f"{server.url}: expected a ledger's logs below /log/, got none")
    size = head_of(0, note, vkeys, f"{server.url}/log/0").head.size
    try:
        tile = tile_at(ENTRIES, 0, size)
        content = paths.read([(f"log/0/{tile.path()}", BUNDLE_BYTES_MAX)])[0]
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
    return ledger, journals
