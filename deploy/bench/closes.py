"""What a period's close costs a worker: `close_ms_per_worker`, by the clock and by this process's processor time.

One journal out of the stream's own pipeline; each round closes the month in a fresh copy of its database, by a desk
that has just taken the journal over and so holds nobody in memory, unless the case says otherwise. The clock runs from
the close's record handed over to its last part committed and signed. Cases:

passed over   nothing acts at the close (ID-JK-PILOT): nobody is loaded
not joined    what acts is for those who have stated something (ID-BPU), which nobody has: nobody is loaded
nothing       what acts comes to nothing for each worker: all are loaded
posting       a share of the month's pay is posted to each worker
in memory     the same, by a desk that holds all accounts
restated      a revision was enacted since, with another rate: each worker is corrected from their first gig on
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from contracts import events
from contracts.currencies import EXPONENTS
from contracts.topics import CONTROL, gigs_topic
from deploy.bench import made
from deploy.bench.made import Made
from deploy.bench.report import figure, show
from deploy.embedded.stack import Servers
from ledger.domain.language.document import load_document
from ledger.domain.scheme import Version
from streams.desk import Desk
from streams.synthetic import bench_gigs

WORKERS: Final = 5_000
GIGS_EACH: Final = 20
PERIOD: Final = "2026-03"
PILOT: Final = "ID-JK-PILOT"
_TOPIC: Final = gigs_topic(made.PLATFORM, "")
_POSTING: Final = """
scheme: XX-CLOSING
title: "a share of the month's pay, posted when the month is closed (made up)"
status: example
currency: IDR
time_zone: Asia/Jakarta
zones: [ID-JK]
sources: {{own: {{title: "made up"}}}}
versions:
  - from: 2026-01-01
    source: own
    measures: {{pay: {{include: all}}}}
    rules:
      - {{fund: A, payer: platform, window: month, platforms: each, on: close, base: pay, rate: "0.01",
         when: {{pay: {{from: "{whose}"}}}}, rounding: {{mode: down, step: "1"}}}}
"""


class Case(NamedTuple):
    """One way in which a close may find a journal: what it is called, under which law, and what came since."""

    name: str
    ledger: Made
    enacted: tuple[Version, ...] = ()
    held: bool = False


def run(servers: Servers, home: Path, times: int) -> None:
    """Measure and print each case."""
    pilot, joined, nothing, posting = (
        made.made(servers, home, f"closes_{name}", WORKERS * GIGS_EACH, 1, versions, WORKERS)
        for name, versions in (
            ("pilot", made.versions_of(PILOT)),
            ("joined", made.versions_of("ID-BPU")),
            ("nothing", load_document(_POSTING.format(whose="1000000000"), "closing.yaml", EXPONENTS).versions),
            ("posting", load_document(_POSTING.format(whose="1"), "closing.yaml", EXPONENTS).versions),
        )
    )
    cases = (
        Case("passed over", pilot),
        Case("not joined", joined),
        Case("nothing", nothing),
        Case("posting", posting),
        Case("in memory", posting, held=True),
        Case("restated", pilot, (_revised(),)),
    )
    for case in cases:
        taken = [_closed(servers, case, f"closes_{number}_{case.name.replace(' ', '_')}") for number in range(times)]
        setting: dict[str, Any] = {"case": case.name, "workers": WORKERS, "gigs_each": GIGS_EACH}
        setting["entries"] = taken[0].entries
        for clock, seconds in (("wall", [one.wall for one in taken]), ("processor", [one.processor for one in taken])):
            rounds = [each / WORKERS * 1000 for each in seconds]
            show(figure("close_ms_per_worker", "ms", rounds, **setting, clock=clock))


class Taken(NamedTuple):
    """What a close took, in seconds, and how many entries it made."""

    wall: float
    processor: float
    entries: int


def _closed(servers: Servers, case: Case, name: str) -> Taken:
    ledger = made.copied(servers, case.ledger, name)
    with made.office_of(ledger.url, 1) as office:
        taken = asyncio.run(_close(Desk(0, ledger.keys, office), case, ledger))
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(name)))
    return taken


async def _close(desk: Desk, case: Case, ledger: Made) -> Taken:
    ends = ledger.ends[0]
    acts = [made.act_of(*made.enacting(version)) for version in case.enacted]
    more = list(bench_gigs(2, WORKERS, WORKERS, month=PERIOD)) if case.held else []
    offsets = {_TOPIC: ends[_TOPIC] + len(more)}
    closed = events.PeriodClosed(offsets=offsets, period=PERIOD)
    acts.append(made.act_of(events.PERIOD_CLOSED, f"close/{PERIOD}", made.LEDGER, closed))
    *before, close = made.records(CONTROL, 0, acts, ends[CONTROL])
    await desk.open()
    try:
        for records in (before, made.records(_TOPIC, 0, more, ends[_TOPIC])):
            await made.settle(desk, records)
        size = _size(ledger)
        wall, processor = time.perf_counter(), time.process_time()
        await desk.settle([close])
        return Taken(time.perf_counter() - wall, time.process_time() - processor, _size(ledger) - size)
    finally:
        await desk.let_go()


def _size(ledger: Made) -> int:
    with psycopg.connect(ledger.url) as connection:
        row = connection.execute("SELECT size FROM heads").fetchone()
        return 0 if row is None else int(row[0])


def _revised() -> Version:
    """Give the pilot's version with another rate, as a revision that is enacted later."""
    text = (made.SCHEMES / f"{PILOT}.yaml").read_text(encoding="utf-8")
    first = text.partition("versions:\n")[2]
    again = first.replace("  - from: 2026-01-01\n", "  - from: 2026-01-01\n    revision: 2\n", 1)
    again = again.replace('rate: "0.01"', 'rate: "0.02"', 1)
    return load_document(text + "\n" + again, f"{PILOT}.yaml", EXPONENTS).versions[1]
