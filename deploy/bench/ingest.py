"""The ingest figures, from one run: the whole way, the bare COPY below it, and the naive way beside it.

`ingest_events_per_s`: Kafka record to committed, signed, readable entry. `copy_rows_per_s`: the very rows of a round
by bare COPY into the same tables (what the database alone would take). `naive_events_per_s`: a plain Faust agent, one
SQLModel row and commit per event. `bytes_per_entry`: what the round left on disk.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg

from deploy.bench import naive, rounds
from deploy.bench.report import figure, show
from deploy.embedded.stack import Servers
from ledger.store import database
from streams import synthetic

WORKERS = 20_000
JOURNALS = 8
GIGS = 200_000
NAIVE_GIGS = 10_000
STREAMS = 2
COPY_ROWS = 3_000
TABLES = ("entries", "checkpoints", "tiles", "rejections", "positions", "standings", "heads")


def run(servers: Servers, home: Path, wanted: set[str], times: int) -> None:
    """Measure and print the wanted ones of ingest, copy, naive and bytes."""
    setting = {"workers": WORKERS, "journals": JOURNALS, "gigs": GIGS, "scheme": "ID-JK-PILOT", "streams": STREAMS}
    rates, memory, copied, sizes, keys = [], [], [], [], []
    for number in range(times):
        ready = rounds.found(servers, home, f"ingest{number}", JOURNALS)
        rounds.load(ready, synthetic.bench_gigs(number, GIGS, WORKERS, rounds.PLATFORM))
        with (
            rounds.streams(ready, servers, STREAMS) as running,
            database.connect(ready.url, "reader") as connection,
        ):
            timed = rounds.time_until(connection, "SELECT sum(size) FROM heads", GIGS, running)
        rates.append(timed.events / timed.seconds)
        memory.append(max(timed.memory_mb))
        if "copy" in wanted:
            copied.append(copy_rate(ready.url))
        sizes.append(bytes_on_disk(ready.url))
        keys.append(key_bytes(ready.url))
    if "ingest" in wanted:
        show(figure("ingest_events_per_s", "events/s", rates, **setting))
        show(figure("stream_process_memory", "MB", memory, **setting))
    if "copy" in wanted:
        show(figure("copy_rows_per_s", "rows/s", copied, **setting, connections=STREAMS))
    if "naive" in wanted:
        slow = [naive.rate(servers, home, f"naive{number}", NAIVE_GIGS) for number in range(times)]
        show(figure("naive_events_per_s", "events/s", slow, gigs=NAIVE_GIGS, workers=WORKERS))
    if "bytes" in wanted:
        show(figure("bytes_per_entry", "bytes", sizes, **setting, deduplication=round(sum(keys) / len(keys))))


def bytes_on_disk(url: str) -> float:
    """Give bytes per entry of all tables that grow, indexes included."""
    return _per_entry(url, " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES))


def key_bytes(url: str) -> float:
    """Give bytes per entry of the index that keeps an event from acting twice."""
    return _per_entry(url, "pg_relation_size('entries_event_key')")


def _per_entry(url: str, size: str) -> float:
    with psycopg.connect(url) as connection:
        row: Any = connection.execute(f"SELECT ({size})::numeric / (SELECT count(*) FROM entries)").fetchone()
    return float(row[0])


def copy_rate(url: str) -> float:
    """Copy the round's rows, in batches as large as a commit, into a twin of the table, through STREAMS connections."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE twin (LIKE entries INCLUDING ALL)")
        row: Any = connection.execute("SELECT max(journal) FROM entries").fetchone()
        batches = [batch for journal in range(int(row[0]) + 1) for batch in _batches(connection, journal)]
    shares = [batches[start::STREAMS] for start in range(STREAMS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(STREAMS) as pool:
        copied = sum(pool.map(lambda share: _copy(url, share), shares))
    seconds = time.perf_counter() - began
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE twin")
    return copied / seconds


def _batches(connection: psycopg.Connection, journal: int) -> list[tuple[int, bytes]]:
    found = []
    row: Any = connection.execute("SELECT count(*) FROM entries WHERE journal = %s", (journal,)).fetchone()
    for start in range(0, int(row[0]), COPY_ROWS):
        with connection.cursor().copy(
            f'COPY (SELECT * FROM entries WHERE journal = {journal} AND "index" >= {start} '
            f'AND "index" < {start + COPY_ROWS} ORDER BY "index") TO STDOUT (FORMAT BINARY)'
        ) as copy:
            found.append((min(COPY_ROWS, int(row[0]) - start), b"".join(bytes(part) for part in copy)))
    return found


def _copy(url: str, batches: list[tuple[int, bytes]]) -> int:
    with psycopg.connect(url) as connection:
        for _, content in batches:
            with connection.cursor().copy("COPY twin FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(content)
            connection.commit()
    return sum(rows for rows, _ in batches)
