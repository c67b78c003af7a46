"""Stream processes as a test runs them: `iuran stream` in a process of its own, watched, killed, paused, started again.

    with streams(ledger, 2) as running:
        ledger.publish(...)
        until_settled(ledger)
        running[0].kill()           # SIGKILL; `start()` it again as its supervisor would
    assert findings(ledger) == []

Waiting is always for a condition, with a deadline far beyond what it takes; nothing here measures. `findings` is how a
test with servers ends: the whole ledger read back and checked by `ledger.audit`, and each topic's end offsets held
against what the journals say they have read (L12).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from contracts import entry as entries
from contracts.entry import Entry
from contracts.topics import CONTROL
from deploy.embedded import processes, stack
from deploy.embedded.stack import Servers
from ledger.audit.elsewhere import outside
from ledger.audit.elsewhere.outside import Outside
from ledger.audit.findings import Finding
from ledger.audit.sources import evidence
from ledger.audit.verify import verify
from ledger.store import keys
from ledger.store.startup import check_ledger
from streams import topics
from tests.support.ledgers import SmallLedger

COMMAND = (sys.executable, "-m", "deploy.cli.main", "stream")
DEADLINE_SECONDS = 120.0
STOP_SECONDS = 30.0

Series = tuple[str, frozenset[tuple[str, str]]]
"""A metric's name with its labels."""


class Stream:
    """One `iuran stream` of a ledger; its log is `<home>/stream<number>.log`."""

    def __init__(self, ledger: SmallLedger, number: int, keep: bool = False) -> None:
        """`keep`: whoever asks `alive` starts it again when it left by itself, as the supervisor does."""
        self.log = ledger.settings.home / f"stream{number}.log"
        self.left: list[int] = []
        self._keep = keep
        self._port = processes.free_port()
        self._environ = environment(ledger) | {"IURAN_STREAM_METRICS_PORT": str(self._port)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        if self._process is None:
            raise AssertionError(f"{self.log.name}: expected it started")
        return self._process.pid

    @property
    def metrics_address(self) -> str:
        """Where it serves its metrics, host:port."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it (again)."""
        if self._process is not None:
            raise AssertionError(f"{self.log.name}: expected it to have ended")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(COMMAND, env=self._environ, stdout=log, stderr=log)

    def alive(self) -> bool:
        """Whether it runs; one that left by itself is noted in `left`, and started again if it is kept."""
        if self._process is None or self._process.poll() is None:
            return self._process is not None
        self.left.append(self._process.returncode)
        self._process = None
        if self._keep:
            self.start()
        return self._keep

    def kill(self) -> None:
        """End it with SIGKILL; returns once it is gone."""
        self._signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and give its exit status; an AssertionError when it does not."""
        self._signal(signal.SIGTERM)
        return self._gone()

    def pause(self) -> None:
        """Stop it where it stands (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it stood (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def wait_left(self) -> int:
        """Wait until it has left by itself; give its exit status."""
        return self._gone()

    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            return bool(self._get("/readyz")[0] == 200)
        except OSError:
            return False

    def metrics(self) -> Counter[Series]:
        """What it has counted: value by name and labels."""
        counted: Counter[Series] = Counter()
        for family in text_string_to_metric_families(self._get("/metrics")[1]):
            for sample in family.samples:
                counted[sample.name, frozenset(sample.labels.items())] += int(sample.value)
        return counted

    def told(self) -> str:
        """The end of its log, for messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:]) if self.log.exists() else ""

    def _get(self, path: str) -> tuple[int, str]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self._port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _gone(self) -> int:
        if self._process is None:
            return 0
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.log.name}: expected it to end within {STOP_SECONDS:.0f} s") from error
        self._process = None
        return status


def environment(ledger: SmallLedger) -> dict[str, str]:
    """The environment in which `iuran` commands work on this ledger."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("IURAN_")}
    settings = ledger.settings
    servers = Servers(str(settings.kafka_bootstrap_servers), ledger.url)
    return {
        **stack.environment(settings, servers, base),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "IURAN_TOPIC_PREFIX": settings.topic_prefix,
        "IURAN_SESSION_TIMEOUT_SECONDS": str(settings.session_timeout_seconds),
        "IURAN_BATCH_EVENTS_MAX": str(settings.batch_events_max),
        "IURAN_WITNESS_PAUSE_SECONDS": str(settings.witness_pause_seconds),
        **({"IURAN_WITNESS_POLICY_FILE": str(file)} if (file := settings.witness_policy_file) else {}),
    }


@contextmanager
def streams(ledger: SmallLedger, count: int = 1, keep: bool = False) -> Iterator[list[Stream]]:
    """Run `count` stream processes until the block ends; what then still runs is asked to end, else killed."""
    running = [Stream(ledger, number, keep) for number in range(count)]
    try:
        for stream in running:
            stream.start()
        yield running
    finally:
        for stream in running:
            stream.go_on()
            stream._signal(signal.SIGTERM)
        for stream in running:
            try:
                stream._gone()
            except AssertionError:
                stream.kill()


def until(condition: Callable[[], bool], what: str, running: Sequence[Stream] = (), seconds: float = 0) -> None:
    """Wait for a condition; an AssertionError with the ends of the logs when it does not come true in time."""
    deadline = time.monotonic() + (seconds or DEADLINE_SECONDS)
    while not condition():
        for stream in running:
            stream.alive()
        if time.monotonic() > deadline:
            logs = "\n".join(f"-- {stream.log.name} (left: {stream.left})\n{stream.told()}" for stream in running)
            raise AssertionError(f"expected in time: {what}\n{logs}")
        time.sleep(0.1)


def until_settled(ledger: SmallLedger, running: Sequence[Stream] = (), seconds: float = 0) -> None:
    """Wait until every journal has read every topic to its end, and published what it entered."""
    until(lambda: not unsettled(ledger), "every record settled", running, seconds)


def unsettled(ledger: SmallLedger) -> dict[tuple[str, int], int]:
    """Records not settled by (topic, journal), and checkpoints not published by ("published", journal)."""
    _, read = check_ledger(ledger.url)
    behind = {at: end - read.get(at, 0) for at, end in ends(ledger).items() if end > read.get(at, 0)}
    with psycopg.connect(ledger.url) as connection:
        rows = connection.execute("SELECT journal, size - published_size FROM heads WHERE published_size < size")
        behind.update({("published", int(journal)): int(missing) for journal, missing in rows})
    return behind


def ends(ledger: SmallLedger) -> dict[tuple[str, int], int]:
    """The end offset of each (topic, partition) that feeds a journal."""
    facts, _ = check_ledger(ledger.url)
    feeding = [*facts.platforms.values(), facts.topic_prefix + CONTROL]
    with topics.admin(ledger.broker) as client:
        return topics.end_offsets(client, feeding, facts.journals)


class Sent(NamedTuple):
    """Where a record was put."""

    topic: str
    partition: int
    offset: int


@contextmanager
def sending(ledger: SmallLedger, **options: Any) -> Iterator[Callable[..., Any]]:
    """Give `send(topic, value, key, partition, headers)`, whose future's `get()` has partition and offset."""
    producer = KafkaProducer(bootstrap_servers=ledger.broker.bootstrap_servers, acks="all", **options)
    try:
        yield producer.send
        producer.flush(timeout=60)
    finally:
        producer.close(timeout=30)


def iuran(ledger: SmallLedger, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `iuran` on this ledger to its end."""
    command = [sys.executable, "-m", "deploy.cli.main", *arguments]
    return subprocess.run(command, env=environment(ledger), capture_output=True, text=True, timeout=300, check=False)


def journal_entries(ledger: SmallLedger, journal: int) -> list[Entry]:
    """A journal's entries, decoded."""
    return [entries.decode(leaf) for leaf in ledger.leaves(journal)]


def accrued_ids(ledger: SmallLedger) -> Counter[tuple[str, str]]:
    """How often each (source, id) was accrued, over all journals: every count must be 1."""
    with psycopg.connect(ledger.url) as connection:
        rows = connection.execute(
            "SELECT l->'cause'->>'source', l->'cause'->>'id' "
            "FROM (SELECT convert_from(leaf, 'UTF8')::jsonb AS l FROM entries WHERE kind = 0) AS e"
        )
        return Counter((str(source), str(event)) for source, event in rows)


def findings(ledger: SmallLedger) -> list[Finding]:
    """What an audit finds wrong with the stored ledger and what it published; [] if all holds.

    The audit is that of `iuran audit verify`; what it can't see is added: that each topic was read to its end (L12).
    """
    facts, read = check_ledger(ledger.url)
    published = outside.newest(ledger.broker, facts.topic_prefix, facts.journals)
    secrets = {n: keys.of_settings(ledger.settings, facts.name).secret(n) for n in range(facts.journals)}
    with evidence.frozen(ledger.url) as stored:
        verdict = verify(stored, Outside(published, published), lambda _: None, known_secrets=secrets, strict=True)
    return [
        *verdict.findings,
        *(
            Finding("L12", journal, None, f"{topic}: expected offset {end} next, got {read.get((topic, journal), 0)}")
            for (topic, journal), end in ends(ledger).items()
            if read.get((topic, journal), 0) != end
        ),
    ]
