"""`takeover_seconds`: how long the partitions of a stream process that was killed stand still.

Two processes share the journals of a ledger while gigs arrive at an even pace, a few a second in each partition. One
is killed with SIGKILL; its supervisor would start it again at once, and so does the bench. The clock of a journal runs
from its last commit before the kill to its first after it, as another connection sees them, so the broker's waiting
for the dead process, the rebalance, the opening of the journal and the first batch are all in it. The figure of a
round is the longest standstill of all journals: also that of those whose process lived on.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
from kafka import KafkaProducer

from contracts.topics import partition_of
from deploy.bench import rounds
from deploy.bench.report import figure, show
from deploy.bench.rounds import Round
from deploy.embedded.stack import Servers
from ledger.store import database
from streams import synthetic

JOURNALS = 8
STREAMS = 2
PER_SECOND = 400
WORKERS = 500
GIGS_MAX = 200_000
STEADY_SECONDS = 5.0
WATCH_SECONDS = 90.0
LOOK_SECONDS = 0.02
_SIZES = "SELECT journal, size FROM heads"


def run(servers: Servers, home: Path, times: int) -> None:
    """Measure and print the figure."""
    standstills = []
    for number in range(times):
        ready = rounds.found(servers, home, f"takeover{number}", JOURNALS)
        with (
            rounds.streams(ready, servers, STREAMS) as running,
            database.connect(ready.url, "owner") as connection,
            _arriving(ready, number),
        ):
            _wait_steady(connection, running)
            running[number % STREAMS].kill()
            killed = time.monotonic()
            running[number % STREAMS].wait()
            with rounds.streams(ready, servers, 1):
                standstills.append(longest_standstill(connection, killed))
    seconds = ready.settings.session_timeout_seconds
    setting = {"journals": JOURNALS, "streams": STREAMS, "gigs_per_s": PER_SECOND, "session_timeout_seconds": seconds}
    show(figure("takeover_seconds", "s", standstills, **setting))


@contextmanager
def _arriving(ready: Round, seed: int) -> Iterator[None]:
    """Let gigs arrive while the block runs."""
    ended = threading.Event()
    publishing = threading.Thread(target=_publish, args=(ready, seed, ended), name="arriving")
    publishing.start()
    try:
        yield
    finally:
        ended.set()
        publishing.join()


def _publish(ready: Round, seed: int, ended: threading.Event) -> None:
    producer = KafkaProducer(bootstrap_servers=ready.settings.kafka_bootstrap_servers, acks="all")
    try:
        began = time.monotonic()
        for number, (key, value) in enumerate(synthetic.bench_gigs(seed, GIGS_MAX, WORKERS, rounds.PLATFORM)):
            if ended.wait(max(0.0, began + number / PER_SECOND - time.monotonic())):
                return
            producer.send(ready.topic, value, key, partition=partition_of(key, ready.journals))
    finally:
        producer.close()


def _wait_steady(connection: psycopg.Connection, running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until every process writes, and every journal has grown in each of a few looks in a row.

    Raises RuntimeError when that does not come to be.
    """
    deadline = time.monotonic() + WATCH_SECONDS
    steady_since = time.monotonic()
    before = _sizes(connection)
    while time.monotonic() - steady_since < STEADY_SECONDS:
        time.sleep(1.0)
        now = _sizes(connection)
        shared = all(_writes(process.pid, connection.info.port) for process in running)
        if not shared or any(now[journal] == before[journal] for journal in now):
            steady_since = time.monotonic()
        before = now
        if time.monotonic() > deadline:
            raise RuntimeError("bench: expected all journals to grow steadily, got some that stand; see stream.log")


def _writes(pid: int, database_port: int) -> bool:
    """Tell whether a process holds a connection to the database for longer than a question: a journal's writer does."""
    connected = psutil.Process(pid).net_connections("tcp")
    return len([c for c in connected if c.raddr and c.raddr.port == database_port]) >= JOURNALS // STREAMS


def longest_standstill(connection: psycopg.Connection, killed: float) -> float:
    """Give the longest time that a journal did not grow around `killed` (of time.monotonic), in seconds.

    Looks until every journal has grown again and the group has had the time to find the dead process missing.
    Raises RuntimeError when one does not grow again.
    """
    sizes = _sizes(connection)
    last = dict.fromkeys(sizes, killed)
    longest = dict.fromkeys(sizes, 0.0)
    while True:
        time.sleep(LOOK_SECONDS)
        seen, now = time.monotonic(), _sizes(connection)
        for journal, size in now.items():
            if size != sizes[journal]:
                longest[journal] = max(longest[journal], seen - last[journal])
                last[journal] = seen
        sizes = now
        if seen - killed > 20 and min(last.values()) > seen - 1:
            return max(longest.values())
        if seen - killed > WATCH_SECONDS:
            raise RuntimeError("bench: expected every journal to go on, got some that stand; see stream.log")


def _sizes(connection: psycopg.Connection) -> dict[int, int]:
    return {int(journal): int(size) for journal, size in connection.execute(_SIZES)}
