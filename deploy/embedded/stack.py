"""The embedded stack as one thing: servers (broker and database), then stream and API under a supervisor.

`servers_up` gives addresses and starts only what the settings do not point at: with `kafka_bootstrap_servers` and
`database_url` set nothing is embedded. `up` adds the ledger and the processes, `down` stops all of it, `status` looks
without touching. What runs is found again through `<home>/run`; all state lies below the home.

`ephemeral` is for tests and benches: servers of their own in a home of their own, whatever settings or environment
say, gone at the end. This room composes; how a daemon, broker or database works is their files' business.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from deploy.cli.progress import SILENT, Progress
from deploy.embedded import guard, kafka, postgres, processes, supervisor
from deploy.embedded.processes import Running, StackError
from ledger.settings import Settings

SUPERVISOR = "supervisor"
READY_SECONDS = 120.0
ONE_NODE: dict[str, Any] = {"kafka_security_protocol": "PLAINTEXT", "kafka_replication_factor": 1}
RESTARTS_MAX = 3  # of a part while `up` waits for it

Prepare = Callable[[Settings, Progress], None]


class Servers(NamedTuple):
    """Where broker and database answer."""

    kafka_bootstrap_servers: str
    database_url: str


class Addresses(NamedTuple):
    """Where everything answers once the stack is up."""

    servers: Servers
    stream_metrics_url: str
    api_url: str


def servers_up(settings: Settings, progress: Progress, broker_own: Mapping[str, str] = kafka.NOTHING) -> Servers:
    """Give the addresses of broker and database, both answering; starts those the settings do not point at.

    `broker_own`: broker settings of its own for an embedded one that is started now.
    Found again if they run already. Raises StackError (port in use, jar of another hash, a server that stops while
    starting); what this call started by then is stopped again.
    """
    home = settings.home.resolve()
    if settings.kafka_bootstrap_servers and settings.database_url:
        return Servers(settings.kafka_bootstrap_servers, settings.database_url)
    with processes.lock(home), ExitStack() as undo:
        broker = database = None
        if not settings.kafka_bootstrap_servers:
            found = processes.find(home, kafka.NAME)
            broker = found or kafka.start(home, settings.kafka_port, progress, broker_own)
            if not found:
                undo.callback(kafka.stop, home)
            progress.step(f"broker: {'found running' if found else 'starting'} (pid {broker.pid})")
        if not settings.database_url:  # while the broker boots
            found = processes.find(home, postgres.NAME)
            database = found or postgres.start(home, settings.database_port, progress)
            if not found:
                undo.callback(postgres.stop, home)
            progress.step(f"database: {'found running' if found else 'starting'} (pid {database.pid})")
            postgres.wait(home, database)
        if broker:
            kafka.wait(home, broker)
        undo.pop_all()
        return Servers(
            kafka.bootstrap_servers(broker) if broker else str(settings.kafka_bootstrap_servers),
            postgres.url(home, database) if database else str(settings.database_url),
        )


def servers_down(settings: Settings) -> list[str]:
    """Stop the embedded servers of the home; give the names of those that ran. Servers that are set are let alone."""
    home = settings.home.resolve()
    if not home.is_dir():
        return []
    with processes.lock(home):
        stops = {kafka.NAME: kafka.stop, postgres.NAME: postgres.stop}
        return [name for name, stop in stops.items() if stop(home)]


def servers_found(settings: Settings) -> Servers:
    """Give the addresses of servers that are set or run already; starts nothing.

    Raises StackError when an embedded one is wanted and does not run.
    """
    home = settings.home.resolve()
    broker, database = processes.find(home, kafka.NAME), processes.find(home, postgres.NAME)
    if not (settings.kafka_bootstrap_servers or broker) or not (settings.database_url or database):
        raise StackError(f"{home}: expected the embedded servers to run, got none; run `iuran up` first")
    return Servers(
        settings.kafka_bootstrap_servers or kafka.bootstrap_servers(broker),  # type: ignore[arg-type]
        settings.database_url or postgres.url(home, database),  # type: ignore[arg-type]
    )


def effective(settings: Settings, servers: Servers) -> Settings:
    """Give the settings with the addresses filled in and the home absolute: what a process of the stack works with.

    The embedded broker is one node without authentication, whatever is set for a cluster.
    """
    one_node = {} if settings.kafka_bootstrap_servers else ONE_NODE
    return settings.model_copy(update={**servers._asdict(), "home": settings.home.resolve(), **one_node})


def environment(settings: Settings, servers: Servers, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment in which `ledger.settings.load` reads `effective(settings, servers)`.

    Everything else of `base` (default: our own environment) stays as it is.
    """
    base = os.environ if base is None else base
    environ = {**base, "IURAN_HOME": str(settings.home.resolve())}
    if "IURAN_CONFIG" in base:
        environ["IURAN_CONFIG"] = str(Path(base["IURAN_CONFIG"]).resolve())
    environ["IURAN_KAFKA_BOOTSTRAP_SERVERS"] = servers.kafka_bootstrap_servers
    environ["IURAN_DATABASE_URL"] = servers.database_url
    if not settings.kafka_bootstrap_servers:
        environ.update({f"IURAN_{name.upper()}": str(value) for name, value in ONE_NODE.items()})
    return environ


@contextmanager
def ephemeral(home: Path, broker_own: Mapping[str, str] = kafka.NOTHING) -> Iterator[Servers]:
    """Run broker and database of their own in `home` until the block ends, then stop them and remove the home.

    The home must not exist or be empty. Settings and environment play no part, and neither does how the block ends:
    should this process be killed, a guard cleans up.
    """
    if home.exists() and any(home.iterdir()):
        raise StackError(f"{home}: expected an empty folder for servers of the moment, got one with files")
    home = home.resolve()
    settings = Settings(home=home)
    with guard.over(home, (kafka.NAME, postgres.NAME), remove=True):
        try:
            yield servers_up(settings, SILENT, broker_own)
        finally:
            servers_down(settings)
            shutil.rmtree(home, ignore_errors=True)


def up(
    settings: Settings, progress: Progress, prepare: Prepare, parts: Mapping[str, Sequence[str]] | None = None
) -> Addresses:
    """Start servers, ledger, stream and API as far as they do not run, and return once all of them are ready.

    `prepare` gets the effective settings once the servers answer, and sees to it that there is a ledger. Stream and
    API that run with other servers or ports than the settings now ask for are started again. `parts`: the command line
    of each, by default `iuran stream` and `iuran api`.
    Raises StackError; when stream or API do not get ready, both are stopped again, the servers stay.
    """
    home = settings.home.resolve()
    with processes.lock(home):
        servers = servers_up(settings, progress)
        prepare(effective(settings, servers), progress)
        running = processes.find(home, SUPERVISOR)
        if running is not None and not _fits(running, settings, servers):
            progress.step("stream, api: stopping, to start again with the settings of now")
            _parts_down(home)
            running = None
        if running is None:
            running = _parts_up(settings, servers, progress, supervisor.commands() if parts is None else parts)
        addresses = Addresses(servers, running.facts["stream_metrics_url"], running.facts["api_url"])
        progress.step("stream, api: waiting until they are ready")
        try:
            _wait_ready(home, {"stream": addresses.stream_metrics_url, "api": addresses.api_url})
        except StackError:
            _parts_down(home)
            raise
        return addresses


def down(settings: Settings) -> list[str]:
    """Stop everything that runs in the home; give the names of what ran, in the order it was stopped."""
    home = settings.home.resolve()
    if not home.is_dir():
        return []
    with processes.lock(home):
        return [*_parts_down(home), *servers_down(settings)]


def status(settings: Settings) -> dict[str, dict[str, Any]]:
    """Give each part (kafka, database, stream, api): its address or None, `pid` or None, and whether it is `ready`.

    Starts and changes nothing. A password inside a database address that was set is masked.
    """
    home = settings.home.resolve()
    broker, database = processes.find(home, kafka.NAME), processes.find(home, postgres.NAME)
    bootstrap = settings.kafka_bootstrap_servers or (kafka.bootstrap_servers(broker) if broker else None)
    url = settings.database_url or (postgres.url(home, database) if database else None)
    embedded = {"kafka": not settings.kafka_bootstrap_servers, "database": not settings.database_url}
    found: dict[str, dict[str, Any]] = {
        "kafka": {
            "bootstrap_servers": bootstrap,
            "embedded": embedded["kafka"],
            "pid": broker.pid if broker and embedded["kafka"] else None,
            "ready": bootstrap is not None and kafka.answers(_kafka_client(settings, bootstrap)),
        },
        "database": {
            "url": None if url is None else shown(url),
            "embedded": embedded["database"],
            "pid": database.pid if database and embedded["database"] else None,
            "ready": url is not None and postgres.answers(url),
        },
    }
    keeper = processes.find(home, SUPERVISOR)
    for name, address in (("stream", "metrics_url"), ("api", "url")):
        part = processes.find(home, name)
        where = keeper.facts[f"{name}_{address}"] if keeper else None
        found[name] = {
            address: where,
            "pid": part.pid if part else None,
            "restarts": part.facts["restarts"] if part else None,
            "ready": part is not None and where is not None and _answers_ready(where),
        }
    return found


def _parts_up(settings: Settings, servers: Servers, progress: Progress, parts: Mapping[str, Sequence[str]]) -> Running:
    """Start the supervisor, which starts stream and API; their ports are checked first, and chosen where they are 0."""
    home = settings.home.resolve()
    _parts_down(home)  # leftovers of a supervisor that was killed
    ports = {}
    for name, host, port, setting in (
        ("stream", settings.stream_metrics_host, settings.stream_metrics_port, "IURAN_STREAM_METRICS_PORT"),
        ("api", settings.api_host, settings.api_port, "IURAN_API_PORT"),
    ):
        if port:
            processes.require_free(port, setting, name, host)
        ports[name] = port or processes.free_port()
    environ = environment(settings, servers)
    environ["IURAN_STREAM_METRICS_PORT"], environ["IURAN_API_PORT"] = str(ports["stream"]), str(ports["api"])
    facts = {
        "servers": _digest(servers),
        "stream_metrics_url": _http(settings.stream_metrics_host, ports["stream"]) + "/metrics",
        "api_url": _http(settings.api_host, ports["api"]),
    }
    progress.step("stream, api: starting")
    command = [sys.executable, "-m", "deploy.embedded.supervisor", str(home), json.dumps(parts)]
    return processes.start(home, SUPERVISOR, command, environ=environ, facts=facts)


def _parts_down(home: Path) -> list[str]:
    """Stop the supervisor and with it stream and API; also what a killed supervisor may have left."""
    ran = [name for name in supervisor.PARTS if processes.find(home, name)]
    processes.stop(home, SUPERVISOR, patience_seconds=supervisor.PATIENCE_SECONDS + 10)
    for name in supervisor.PARTS:
        processes.stop(home, name, patience_seconds=supervisor.PATIENCE_SECONDS)
    return ran


def _fits(running: Running, settings: Settings, servers: Servers) -> bool:
    """Tell whether the running stream and API have the servers, and the ports, that are asked for."""
    facts = running.facts
    stream, api = urlsplit(facts["stream_metrics_url"]).port, urlsplit(facts["api_url"]).port
    ports_fit = settings.stream_metrics_port in (0, stream) and settings.api_port in (0, api)
    return ports_fit and bool(facts["servers"] == _digest(servers))


def _wait_ready(home: Path, urls: Mapping[str, str]) -> None:
    """Return once each part says it is ready; StackError with its log's end when one keeps exiting or is too slow."""
    deadline = time.monotonic() + READY_SECONDS
    waiting = dict(urls)
    while waiting:
        for name, url in list(waiting.items()):
            if _answers_ready(url):
                del waiting[name]
                continue
            part = processes.find(home, name)
            if part is not None and part.facts["restarts"] >= RESTARTS_MAX:
                problem = f"exits again and again (last exit {part.facts['last_exit']})"
            elif processes.find(home, SUPERVISOR) is None:
                problem = "its supervisor stopped"
            elif time.monotonic() > deadline:
                problem = f"not ready within {READY_SECONDS:.0f} s"
            else:
                continue
            log = processes.log_path(home, name)
            raise StackError(f"{name}: {problem}; {log} ends:\n{processes.log_tail(home, name)}")
        time.sleep(0.1)


def _answers_ready(url: str) -> bool:
    """Tell whether the process behind the address is ready; its metrics are enough where it has no page for that."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy to ourselves
    base = url.removesuffix("/metrics")
    for page in ("/readyz", "/metrics"):
        try:
            with opener.open(base + page, timeout=3) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                return False
        except (OSError, ValueError):
            return False
    return False


def _http(host: str, port: int) -> str:
    """The address to call a server at that listens on `host`: everywhere includes here."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _digest(servers: Servers) -> str:
    """Names the servers without keeping a password that an address may hold."""
    return hashlib.sha256("\n".join(servers).encode()).hexdigest()


def shown(url: str) -> str:
    """Give a database address fit to print: a password inside it is masked."""
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@") if password else url


def _kafka_client(settings: Settings, bootstrap: str) -> dict[str, Any]:
    """kafka-python's options for the cluster that is set; the embedded broker asks for nothing."""
    if not settings.kafka_bootstrap_servers:
        return {"bootstrap_servers": bootstrap}
    options: dict[str, Any] = {
        "bootstrap_servers": bootstrap.split(","),
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        if settings.kafka_sasl_password_file:
            options["sasl_plain_password"] = settings.kafka_sasl_password_file.read_text(encoding="utf-8").strip()
    for option in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        path = getattr(settings, f"kafka_{option}")
        if path:
            options[option] = str(path)
    return options
