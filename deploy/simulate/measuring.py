"""Shards measured: each worker's facts taken through both sides, in whichever process is free.

A share of them leaves a tally, and a file of rows in order of earnings; the ranking over all workers is the merge of
those files, read as streams. Facts become gigs through `ledger.intake`, as an entry's event does, so that what is
simulated is what the stream would decide (L4). The same event twice counts once (L3), the second as `repeated`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from heapq import merge
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from deploy.simulate.facts import CORRECTIONS, fact_of
from deploy.simulate.spool import Fact as Stored
from deploy.simulate.spool import blocks, put_block, workers_of
from ledger.audit.parallel import Advance
from ledger.domain.simulation.course import Course
from ledger.domain.simulation.tally import Row, Tally
from ledger.domain.simulation.trial import Sides, Trial
from ledger.domain.story import Completed

_ROWS_AT_ONCE: Final = 500
_encode = msgspec.msgpack.Encoder().encode
_open_rows = msgspec.msgpack.Decoder(list[Row]).decode


class CannotAct(ValueError):
    """A scheme that reads well and still can't act on some gig; the message says why."""


class Share(NamedTuple):
    """Shards for one process to measure, one after the other: where they lie, and where their rows go."""

    number: int
    shards: tuple[int, ...]
    spool: Path
    rows: Path
    trial: Trial


class Shared(NamedTuple):
    """A share measured. `repeated`: events that came again with the same id and were counted once."""

    tally: Tally
    rows: Path
    repeated: int


def measure(share: Share, advance: Advance) -> Shared:
    """Measure a share's workers; in memory are one shard, and a row for each worker. Raises CannotAct."""
    sides = sides_of(share.trial)
    tally = Tally()
    rows: list[Row] = []
    repeated = 0
    for shard in share.shards:
        for worker, facts in workers_of(share.spool, shard):
            with acting():
                course = Course(worker, share.trial, sides, remember=any(fact.type in CORRECTIONS for fact in facts))
                repeated += take(course, worker, facts)
                if share.trial.closes is not None:
                    course.close(share.trial.closes)
            row = tally.add(course.measured())
            rows += [] if row is None else [row]
            advance(len(facts))
    path = share.rows / f"{share.number:04}"
    write_rows(path, sorted(rows))
    return Shared(tally, path, repeated)


def take(course: Course, worker: str, stored: Sequence[Stored]) -> int:
    """Take a worker's facts in order; gives how many came again and were passed over."""
    seen: set[tuple[str, str]] = set()
    currencies: dict[str, str] = {}
    repeated = 0
    for one in stored:
        if (one.source, one.id) in seen:
            repeated += 1
            continue
        seen.add((one.source, one.id))
        fact = fact_of(worker, one, currencies)
        if fact is None:
            continue
        if isinstance(fact, Completed):
            currencies[fact.name] = fact.gig.currency
        course.take(fact)
    return repeated


@contextmanager
def acting() -> Iterator[None]:
    """Turn what the engine raises for a scheme that can't act into CannotAct; it names no worker (L11)."""
    try:
        yield
    except ValueError as error:
        raise CannotAct(f"the scheme can't act on a gig: {error}") from error


def ranked(paths: Sequence[Path]) -> Iterator[Row]:
    """Give all rows of several files in one order, each file being in order itself."""
    return merge(*(_rows(path) for path in paths))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as they stand."""
    with path.open("wb") as stream:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            put_block(stream, _encode(rows[start : start + _ROWS_AT_ONCE]))


def _rows(path: Path) -> Iterator[Row]:
    for block in blocks(path):
        yield from _open_rows(block)


@lru_cache(maxsize=1)
def sides_of(trial: Trial) -> Sides:
    """Give the trial's registries, made once for all shards of this process: a trial can travel, they can't."""
    return trial.sides()
