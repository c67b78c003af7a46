"""Waiting until the journals have read on: after an act, after publishing, in the demo.

Looks at what the ledger itself says (positions, published sizes), never at Kafka's group. A wait has an end; what it
waited for is not lost when it is reached.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import LedgerError
from ledger.store import database, registry
from streams import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deploy.cli.progress import Progress
    from streams.connection import Broker

WAIT_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 180.0
STALL_SECONDS: Final = 180.0
"""A close counts its parts before it writes the first one: some minutes where a journal has a million workers."""
CLOSE_PAUSE_SECONDS: Final = 0.2
_NO_STREAM: Final = "no stream process runs: it will act when one does (`iuran up`, or `iuran stream`)"


class NotSettled(LedgerError):
    """The journals did not read on in time; nothing is lost."""


def writers(url: str) -> int:
    """Give how many connections write journals in this database now: 0 when no stream process runs."""
    with database.connect(url, "owner") as connection:
        row: Any = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            (database.WRITER_NAME,),
        ).fetchone()
    return int(row[0])


def wait_read(url: str, topic: str, offsets: Mapping[int, int], progress: Progress) -> bool:
    """Wait until every journal has read past these offsets of a topic; False when no stream process runs.

    Raises NotSettled after WAIT_SECONDS.
    """

    def read_past() -> bool | None:
        read = _positions(url)
        if all(read.get((topic, number), 0) > offset for number, offset in offsets.items()):
            return True
        return False if writers(url) else None

    if _wait(read_past, WAIT_SECONDS, f"{topic}: expected every journal to read on"):
        return True
    progress.step(_NO_STREAM)
    return False


def wait_closed(url: str, topic: str, offsets: Mapping[int, int], progress: Progress) -> bool:
    """Wait until every journal has closed what the records at these offsets close; False when no stream process runs.

    However long that takes, as long as entries are written; one that restarts meanwhile is waited for. Raises
    NotSettled after STALL_SECONDS without any.
    """
    moved, seen, writing = time.monotonic(), -1, False
    with progress.track(len(offsets), "journals closed") as track:
        shown = 0
        while True:
            read = _positions(url)
            done = sum(read.get((topic, number), 0) > offset for number, offset in offsets.items())
            track.advance(done - shown)
            shown = done
            if done == len(offsets):
                return True
            writing = writing or writers(url) > 0
            if not writing:
                progress.step(_NO_STREAM)
                return False
            sizes = sum(size for size, _ in _sizes(url).values())
            if sizes != seen:
                moved, seen = time.monotonic(), sizes
            elif time.monotonic() - moved > STALL_SECONDS:
                raise NotSettled(f"{topic}: expected closes to go on, got {STALL_SECONDS:.0f} s without; see the log")
            time.sleep(CLOSE_PAUSE_SECONDS)


def wait_taken_up(url: str, topic: str, journals: int) -> None:
    """Wait until every journal reads a topic that was registered just now. Raises NotSettled after WAIT_SECONDS."""

    def taken_up() -> bool | None:
        read = _positions(url)
        return all((topic, number) in read for number in range(journals)) or (False if writers(url) else None)

    _wait(taken_up, WAIT_SECONDS, f"{topic}: expected every journal to take it up")


def wait_settled(broker: Broker, url: str, names: Sequence[str], journals: int, progress: Progress) -> None:
    """Wait until all records that these topics have now are settled and under a published checkpoint.

    Raises NotSettled after SETTLE_SECONDS.
    """
    with topics.admin(broker) as client:
        ends = topics.end_offsets(client, names, journals)
    with progress.track(sum(ends.values()), "records settled") as track:
        seen = 0

        def settled() -> bool:
            nonlocal seen
            read = _positions(url)
            done = sum(min(read.get(place, 0), end) for place, end in ends.items())
            track.advance(done - seen)
            seen = done
            return all(read.get(place, 0) >= end for place, end in ends.items())

        _wait(settled, SETTLE_SECONDS, "expected all records settled")
    sizes = _sizes(url)
    _wait(
        lambda: all(published >= sizes[number][0] for number, (_, published) in _sizes(url).items()),
        WAIT_SECONDS,
        "expected a published checkpoint over all entries",
    )


def _wait(done: Callable[[], bool | None], seconds: float, expected: str) -> bool:
    """Ask until it is done (True), or can't be (None: False)."""
    until = time.monotonic() + seconds
    pause = 0.05
    while time.monotonic() < until:
        answer = done()
        if answer is not False:
            return bool(answer)
        time.sleep(pause)
        pause = min(0.5, pause * 1.3)
    raise NotSettled(f"{expected} within {seconds:.0f} s; see `iuran status` and the stream's log")


def _positions(url: str) -> dict[tuple[str, int], int]:
    with database.session(url) as session:
        return registry.read_positions(session)


def _sizes(url: str) -> dict[int, tuple[int, int]]:
    with database.connect(url, "reader") as connection:
        rows = connection.execute("SELECT journal, size, published_size FROM heads").fetchall()
    return {int(number): (int(size), int(published)) for number, size, published in rows}
