"""One round of a bench: a ledger of its own on the bench's servers, its topics loaded, its processes run and timed.

Every round founds a new ledger (database and topic prefix of its own), so rounds are alike and none profits from the
last one's memory. The load is in the topics before the clock runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]
import psycopg
from aiokafka import AIOKafkaProducer

from contracts.topics import gigs_topic, partition_of
from deploy import founding
from deploy.bench.made import versions_of
from deploy.cli.progress import SILENT
from deploy.embedded import stack
from deploy.embedded.stack import Servers
from ledger.settings import Settings

PLATFORM = "gojek"
POLL_SECONDS = 0.02
STALL_SECONDS = 120.0


class Round(NamedTuple):
    """A founded ledger, ready to be loaded."""

    settings: Settings
    url: str
    topic: str
    journals: int


def found(servers: Servers, home: Path, name: str, journals: int, scheme: str | None = "ID-JK-PILOT") -> Round:
    """Found a ledger of its own with one platform, and enact a scheme's versions in it."""
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    url = servers.database_url.replace("/iuran?", f"/{name}?", 1)
    settings = Settings(
        home=home / name,
        kafka_bootstrap_servers=servers.kafka_bootstrap_servers,
        database_url=url,
        journals=journals,
        topic_prefix=f"{name}.",
        stream_metrics_port=0,
        api_port=0,
    )
    founding.found_ledger(settings, SILENT)
    founding.add_platform(settings, PLATFORM, SILENT)
    if scheme is not None:
        for version in versions_of(scheme):
            founding.enact(settings, version, SILENT)
    founding.settle_waiting(settings)
    return Round(settings, url, gigs_topic(PLATFORM, settings.topic_prefix), journals)


def load(ready: Round, records: Iterable[tuple[bytes, bytes]]) -> int:
    """Put records into the platform's topic, each in its key's partition; give how many."""
    return asyncio.run(_load(ready, records))


async def _load(ready: Round, records: Iterable[tuple[bytes, bytes]]) -> int:
    by_partition: dict[int, list[tuple[bytes, bytes]]] = {}
    for key, value in records:
        by_partition.setdefault(partition_of(key, ready.journals), []).append((key, value))
    producer = AIOKafkaProducer(bootstrap_servers=ready.settings.kafka_bootstrap_servers, acks="all")
    await producer.start()
    try:
        for partition, rows in by_partition.items():
            batch = producer.create_batch()
            for key, value in rows:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    batch.close()
                    await producer.send_batch(batch, ready.topic, partition=partition)
                    batch = producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            batch.close()
            await producer.send_batch(batch, ready.topic, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return sum(len(rows) for rows in by_partition.values())


@contextmanager
def streams(ready: Round, servers: Servers, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run `count` stream processes of this ledger; stop them at the end, whatever happened."""
    environ = stack.environment(ready.settings, servers, {k: v for k, v in os.environ.items() if "IURAN" not in k})
    environ |= {
        "IURAN_DATABASE_URL": ready.url,
        "IURAN_TOPIC_PREFIX": ready.settings.topic_prefix,
        "IURAN_STREAM_METRICS_PORT": "0",
    }
    command = [sys.executable, "-m", "deploy.cli.main", "stream"]
    log = (ready.settings.home / "stream.log").open("ab")
    running = [subprocess.Popen(command, env=environ, stdout=log, stderr=log) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


class Timed(NamedTuple):
    """What a timed run did: events, seconds from the first commit to the last, peak memory of each process in MB."""

    events: int
    seconds: float
    memory_mb: list[float]


def time_until(
    connection: psycopg.Connection, counted: str, events: int, running: list[subprocess.Popen[bytes]]
) -> Timed:
    """Watch the query `counted` grow by `events`; the clock runs from its first growth seen to its last.

    What the first look saw is not counted. Raises RuntimeError when nothing moves for STALL_SECONDS.
    """
    before = now = _count(connection, counted)
    first: tuple[float, int] | None = None
    moved = time.monotonic()
    peak = [0.0] * len(running)
    while now < before + events:
        time.sleep(POLL_SECONDS)
        seen = _count(connection, counted)
        if seen != now:
            now, moved = seen, time.monotonic()
            first = first or (moved, seen)
        elif time.monotonic() - moved > STALL_SECONDS:
            raise RuntimeError(f"bench: expected {before + events} rows, got {now} and nothing moves; see stream.log")
        peak = [max(most, _memory_mb(process)) for most, process in zip(peak, running, strict=True)]
    if first is None:
        raise RuntimeError("bench: expected rows to appear one commit after another, got all at once")
    return Timed(now - first[1], moved - first[0], peak)


def _count(connection: psycopg.Connection, counted: str) -> int:
    row = connection.execute(counted).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _memory_mb(process: subprocess.Popen[bytes]) -> float:
    try:
        return float(psutil.Process(process.pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
