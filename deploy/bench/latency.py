"""How soon a gig can be read, and how fast balances are read meanwhile: 1,000 gigs a second on the same cores.

`latency_ms`: from handing a gig to the producer until the API first shows its worker's balance, for one gig in fifty,
each of a worker of its own; `receipt_latency_ms`: until the exact bytes and their proof were read too, and fit.
`balance_read_ms`: balances of other workers read at a steady rate in the same seconds, by a process of its own.
`balance_reads_per_s`: as many as eight clients get when nothing else runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp  # Faust brings it
from aiokafka import AIOKafkaProducer

from contracts.topics import partition_of
from deploy.bench import rounds
from deploy.bench.report import figure, percentile, show
from deploy.cli.progress import SILENT
from deploy.embedded import processes, stack
from deploy.embedded.stack import Servers
from deploy.settling import wait_settled
from ledger.api import tokens
from ledger.api.access import Role
from ledger.log.merkle import leaf_hash
from ledger.log.proof import verify_inclusion
from ledger.log.receipt import Receipt
from streams import synthetic
from streams.connection import broker

GIGS_PER_SECOND = 1_000
SECONDS = 15
PROBE_EVERY = 50
READS_PER_SECOND = 50
WORKERS = 20_000
JOURNALS = 8
TICK_SECONDS = 0.01
POLL_SECONDS = 0.004
DEADLINE_SECONDS = 30.0
CLIENTS = 8

_Probe = tuple[float, float]
"""Seconds from handing a gig over until its balance was seen, and until it was proven."""


def run(servers: Servers, home: Path, times: int) -> None:
    """Measure and print the four figures; each round has a ledger of its own."""
    middle, slow, read_middle, read_slow, most = [], [], [], [], []
    proven_middle, proven_slow = [], []
    for number in range(times):
        ready = rounds.found(servers, home, f"latency{number}", JOURNALS)
        rounds.load(ready, synthetic.bench_gigs(number, WORKERS, WORKERS, rounds.PLATFORM))
        with rounds.streams(ready, servers, 1), _api(ready, servers) as url:
            # what was loaded for the readers is not what is measured
            wait_settled(
                broker(ready.settings, servers.kafka_bootstrap_servers), ready.url, [ready.topic], JOURNALS, SILENT
            )
            token = tokens.issue(ready.settings, Role.AUDITOR, "bench", 1)
            probes, reads, rate = asyncio.run(_measure(ready, url, token, number))
        seen, proven = ([probe[n] for probe in probes] for n in range(2))
        proven_middle.append(percentile(proven, 50) * 1000)
        proven_slow.append(percentile(proven, 99) * 1000)
        middle.append(percentile(seen, 50) * 1000)
        slow.append(percentile(seen, 99) * 1000)
        read_middle.append(percentile(reads, 50) * 1000)
        read_slow.append(percentile(reads, 99) * 1000)
        most.append(rate)
    setting = {"gigs_per_s": GIGS_PER_SECOND, "workers": WORKERS, "journals": JOURNALS, "streams": 1}
    show(figure("latency_ms", "ms", middle, quantile="p50", **setting))
    show(figure("latency_ms", "ms", slow, quantile="p99", **setting))
    show(figure("receipt_latency_ms", "ms", proven_middle, quantile="p50", **setting))
    show(figure("receipt_latency_ms", "ms", proven_slow, quantile="p99", **setting))
    show(figure("balance_read_ms", "ms", read_middle, quantile="p50", reads_per_s=READS_PER_SECOND, **setting))
    show(figure("balance_read_ms", "ms", read_slow, quantile="p99", reads_per_s=READS_PER_SECOND, **setting))
    show(figure("balance_reads_per_s", "reads/s", most, clients=CLIENTS))


@contextmanager
def _api(ready: rounds.Round, servers: Servers) -> Iterator[str]:
    port = processes.free_port()
    environ = stack.environment(ready.settings, servers, {k: v for k, v in os.environ.items() if "IURAN" not in k})
    environ |= {"IURAN_DATABASE_URL": ready.url, "IURAN_API_PORT": str(port)}
    with (ready.settings.home / "api.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli.main", "api"], env=environ, stdout=log, stderr=log
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


async def _measure(ready: rounds.Round, url: str, token: str, seed: int) -> tuple[list[_Probe], list[float], float]:
    producer = AIOKafkaProducer(bootstrap_servers=ready.settings.kafka_bootstrap_servers, acks="all", linger_ms=2)
    headers = {"Authorization": f"Bearer {token}"}
    await producer.start()
    try:
        async with aiohttp.ClientSession(url, headers=headers) as session:
            await _wait_shown(session, "W-synth-000000")
            reading = asyncio.create_task(_read(url, token, seed))
            probes = await _publish(ready, producer, session, seed)
            reads = await reading
            rate = await _most_reads(session)
    finally:
        await producer.stop()
    return probes, reads, rate


async def _publish(
    ready: rounds.Round, producer: AIOKafkaProducer, session: aiohttp.ClientSession, seed: int
) -> list[_Probe]:
    gigs = list(synthetic.bench_gigs(10_000 + seed, GIGS_PER_SECOND * SECONDS, WORKERS, rounds.PLATFORM))
    probes = []
    began = time.perf_counter()
    for number, (key, value) in enumerate(gigs):
        due = began + number / GIGS_PER_SECOND
        if due - time.perf_counter() > TICK_SECONDS:
            await asyncio.sleep(due - time.perf_counter())
        if number % PROBE_EVERY == 0:
            probe = f"W-probe-{seed}-{number}".encode()
            probes.append(asyncio.create_task(_probe(session, probe.decode())))
            key, value = probe, value.replace(b'"subject":"' + key + b'"', b'"subject":"' + probe + b'"')
        await producer.send(ready.topic, value, key=key, partition=partition_of(key, ready.journals))
    return await asyncio.gather(*probes)


async def _probe(session: aiohttp.ClientSession, worker: str) -> _Probe:
    began = time.perf_counter()
    cited = json.loads(await _wait_shown(session, worker))["entry"]
    seen = time.perf_counter() - began
    path = f"/v1/entries/{cited['journal']}/{cited['index']}"
    leaf, proof = await asyncio.gather(_content(session, path), _content(session, f"{path}/proof"))
    proven = time.perf_counter() - began
    receipt = Receipt.parse(proof)
    head = receipt.claimed()
    verify_inclusion(leaf_hash(leaf), receipt.index, head.size, receipt.path, head.root)
    return seen, proven


async def _content(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path) as answer:
        if answer.status != 200:
            raise RuntimeError(f"bench: expected {path}, got status {answer.status}")
        return await answer.read()


async def _wait_shown(session: aiohttp.ClientSession, worker: str) -> bytes:
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        try:
            async with session.get(f"/v1/workers/{worker}/balances") as answer:
                content = await answer.read()
                if answer.status == 200:
                    return content
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
        await asyncio.sleep(POLL_SECONDS)
    raise RuntimeError(f"bench: expected the balance of {worker} within {DEADLINE_SECONDS:.0f} s, got none")


async def _read(url: str, token: str, seed: int) -> list[float]:
    """Read balances in a process of its own (see there) for as long as gigs are published."""
    host, port = url.removeprefix("http://").split(":")
    asked = {"host": host, "port": int(port), "token": token, "seed": seed, "workers": WORKERS}
    asked |= {"per_second": READS_PER_SECOND, "seconds": SECONDS}
    command = (sys.executable, "-m", "deploy.bench.reader")
    pipe = asyncio.subprocess.PIPE
    reader = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    told, _ = await reader.communicate(json.dumps(asked).encode())
    if reader.returncode != 0:
        raise RuntimeError(f"bench: expected the reader to end in 0, got {reader.returncode}")
    reads: list[float] = json.loads(told)
    return reads


async def _balance(session: aiohttp.ClientSession, chosen: random.Random) -> None:
    async with session.get(f"/v1/workers/W-synth-{chosen.randrange(WORKERS):06d}/balances") as answer:
        await answer.read()
        if answer.status not in (200, 404):
            raise RuntimeError(f"bench: expected a balance, got status {answer.status}")


async def _most_reads(session: aiohttp.ClientSession) -> float:
    until = time.perf_counter() + 5.0

    async def client(number: int) -> int:
        chosen = random.Random(number)
        count = 0
        while time.perf_counter() < until:
            await _balance(session, chosen)
            count += 1
        return count

    return sum(await asyncio.gather(*(client(number) for number in range(CLIENTS)))) / 5.0
