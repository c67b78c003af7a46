"""A scheme computed beside the law, kept between runs: a second run reads only the entries that came since.

One SQLite file under the home for each pair of schemes compared: how far each journal was read, and for each worker
where their course stands (accounts and counts of both sides, before any close). Closes are made on top of that at each
run, so that a kept simulation equals a fresh one over the same entries (a test). The file holds for one trial: when a
text, an assumption or an act of the ledger changed, it is emptied and everything is read again. It is a short cut, no
record: nobody owes what it says, it may be deleted at any time, and the ledger never reads it.

Durability: one transaction for a run; a crash leaves the state of the run before. A second run at the same time waits,
then says that the file is busy. A worker whose new facts correct old ones is taken again from their first entry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from contracts.entry import ENGINE
from deploy.simulate import journals
from deploy.simulate.facts import CORRECTIONS
from deploy.simulate.journals import Ledger
from deploy.simulate.measuring import Shared, acting, sides_of, take, write_rows
from deploy.simulate.spool import Fact, blocks, put_block, workers_of
from ledger.audit.parallel import Advance
from ledger.domain.simulation.course import Course
from ledger.domain.simulation.tally import Row, Tally
from ledger.domain.simulation.trial import Trial
from ledger.errors import LedgerError

SHARDS: Final = 64
_FORMAT: Final = "iuran-kept/v1"
_BUSY_SECONDS: Final = 30
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS trial (digest TEXT NOT NULL, first INTEGER, last INTEGER);
CREATE TABLE IF NOT EXISTS journals (journal INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS workers (
    worker TEXT PRIMARY KEY, shard INTEGER NOT NULL, course BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS workers_shard ON workers (shard, worker);
"""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_open_changed = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw]).decode


class KeptBusy(LedgerError):
    """Another run keeps the same simulation; nothing was done."""


class Kept(NamedTuple):
    """How far the file stands: the next index of each journal, first and last instant of the gigs so far."""

    next: dict[int, int]
    first: int | None
    last: int | None


class Share(NamedTuple):
    """Shards for one process: new facts in the spool, where others stand in the file, where the outcome goes."""

    number: int
    shards: tuple[int, ...]
    file: Path
    spool: Path
    folder: Path
    trial: Trial
    ledger: Ledger


def place_of(home: Path, trial: Trial) -> Path:
    """Give the file for a trial: one for each pair of schemes."""
    against = "nothing" if trial.against is None else trial.against.scheme.replace(" ", "")
    return home / "drafts" / f"{trial.tried.scheme}-against-{against}.sqlite"


@contextmanager
def opened(file: Path, trial: Trial, ledger: Ledger) -> Iterator[tuple[sqlite3.Connection, Kept]]:
    """Open the file in one transaction: committed at the end, undone on an exception. Raises KeptBusy.

    What belongs to another trial, or to another form of this file, is emptied.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # shards are read by other processes meanwhile
        connection.executescript(_SCHEMA)
        connection.execute("BEGIN IMMEDIATE")
        digest = digest_of(trial, ledger)
        row = connection.execute("SELECT digest, first, last FROM trial").fetchone()
        if row is None or row[0] != digest:
            for table in ("trial", "journals", "workers"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("INSERT INTO trial VALUES (?, NULL, NULL)", (digest,))
            # the shards' processes must not see what was there before
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            row = (digest, None, None)
        upto = {int(n): int(at) for n, at in connection.execute("SELECT journal, next FROM journals")}
        yield connection, Kept(upto, row[1], row[2])
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise KeptBusy(f"{file}: expected no other run at the same time, got one; try again") from error
        raise
    finally:
        connection.close()


def digest_of(trial: Trial, ledger: Ledger) -> str:
    """Give what the kept courses depend on: engine, texts, days, assumptions, acts and the ledger itself, hex."""
    sides = [
        None if side is None else [[v.digest for v in side.versions], str(side.as_of)]
        for side in (trial.tried, trial.against)
    ]
    whose = [ledger.name, [head.vkey for head in ledger.heads]]
    rest = [repr(trial.assumed), repr(trial.stated)]
    return sha256(_encode([_FORMAT, ENGINE, sides, rest, whose])).hexdigest()


def measure(share: Share, advance: Advance) -> Shared:
    """Go on with a share's workers: new facts taken, every course closed and counted; changed courses to a file.

    Raises CannotAct.
    """
    tally = Tally()
    rows: list[Row] = []
    repeated = 0
    for shard in share.shards:
        with (share.folder / f"{shard:04}.changed").open("wb") as stream:
            fresh = dict(workers_of(share.spool, shard))
            for worker, stored in _stored(share.file, shard, fresh):
                facts = fresh.get(worker, [])
                with acting():
                    course, again = _gone_on(share, worker, facts, stored)
                    if facts:
                        put_block(stream, _encode((worker, course.dump())))
                    if share.trial.closes is not None:
                        course.close(share.trial.closes)
                repeated += again
                row = tally.add(course.measured())
                rows += [] if row is None else [row]
                advance(1)
    ranked = share.folder / f"{share.number:04}.rows"
    write_rows(ranked, sorted(rows))
    return Shared(tally, ranked, repeated)


def _gone_on(share: Share, worker: str, facts: list[Fact], stored: list[Any] | None) -> tuple[Course, int]:
    """Give a worker's course after new facts, and how many of these came again."""
    corrected = any(fact.type in CORRECTIONS for fact in facts)
    if corrected and stored is not None:
        facts, stored = journals.facts_of_worker(share.ledger, worker), None
    course = Course(worker, share.trial, sides_of(share.trial), remember=corrected, dumped=stored)
    return course, take(course, worker, facts)


def save(connection: sqlite3.Connection, folder: Path, kept: Kept) -> None:
    """Write what the shards changed, and how far the journals are read; part of the open transaction."""
    for path in sorted(folder.glob("*.changed")):
        shard = int(path.stem)
        rows = ((worker, shard, bytes(course)) for worker, course in map(_open_changed, blocks(path)))
        connection.executemany("INSERT OR REPLACE INTO workers VALUES (?, ?, ?)", rows)
    connection.executemany("INSERT OR REPLACE INTO journals VALUES (?, ?)", kept.next.items())
    connection.execute("UPDATE trial SET first = ?, last = ?", (kept.first, kept.last))


def _stored(file: Path, shard: int, fresh: dict[str, list[Fact]]) -> Iterator[tuple[str, list[Any] | None]]:
    """Give the workers of a shard: those in the file with where they stand, then those who are new."""
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
    try:
        known: set[str] = set()
        query = "SELECT worker, course FROM workers WHERE shard = ? ORDER BY worker"
        for worker, course in connection.execute(query, (shard,)):
            known.add(worker)
            yield worker, _decode(course)
    finally:
        connection.close()
    yield from ((worker, None) for worker in fresh if worker not in known)
