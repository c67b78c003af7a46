"""The stack: up, found again, down, up again with its state; what dies is seen and started anew; nothing stays."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from typer import Typer
from typer.testing import CliRunner

from deploy.cli import stack as commands
from deploy.cli.progress import SILENT
from deploy.embedded import kafka, postgres, processes, stack
from deploy.embedded.processes import StackError
from deploy.embedded.stack import Servers
from ledger.settings import Settings, load

PART = str(Path(__file__).with_name("part.py"))
PARTS = {
    "stream": [sys.executable, PART, "IURAN_STREAM_METRICS_PORT"],
    "api": [sys.executable, PART, "IURAN_API_PORT"],
}


def no_ledger(settings: Settings, progress: object) -> None:
    """No ledger is needed by what stands in for stream and API."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that is nobody else's: pytest's own closes its folders to `nobody`, as whom root's database runs."""
    with tempfile.TemporaryDirectory(prefix="iuran-test-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def settings(folder: Path) -> Iterator[Settings]:
    """A home of this file's own, with ports chosen free; whatever runs in it at the end is stopped."""
    made = Settings(home=folder / "home with 'ä'", api_port=0, stream_metrics_port=0)
    yield made
    stack.down(made)


def pids(settings: Settings) -> set[int]:
    """Every process of the stack and what it started."""
    found = set()
    for name in ("kafka", "postgres", "supervisor", "stream", "api"):
        running = processes.find(settings.home, name)
        if running is not None:
            found |= {running.pid, *processes._children_of(running.pid)}
    return found


def topics(servers: Servers) -> list[str]:
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap_servers)
    try:
        return list(admin.list_topics())
    finally:
        admin.close()


@pytest.mark.stack
def test_up_down_and_up_again_keeps_what_was_stored_and_down_leaves_no_process(settings: Settings) -> None:
    first = stack.servers_up(settings, SILENT)
    with psycopg.connect(first.database_url) as database:
        database.execute("CREATE TABLE kept (n int)")
        database.execute("INSERT INTO kept VALUES (42)")
    admin = KafkaAdminClient(bootstrap_servers=first.kafka_bootstrap_servers)
    admin.create_topics([NewTopic("kept", 3, 1)])
    admin.close()
    assert stack.servers_up(settings, SILENT) == first
    assert stack.servers_found(settings) == first
    ran = pids(settings)
    assert len(ran) > 2

    assert stack.down(settings) == ["kafka", "postgres"]
    assert [pid for pid in ran if processes.birth(pid) is not None] == []
    assert [part["ready"] for part in stack.status(settings).values()] == [False] * 4
    with pytest.raises(StackError, match="iuran up"):
        stack.servers_found(settings)
    assert stack.down(settings) == []

    again = stack.servers_up(settings, SILENT)
    assert again == first
    assert "kept" in topics(again)
    with psycopg.connect(again.database_url) as database:
        assert database.execute("SELECT n FROM kept").fetchone() == (42,)


@pytest.mark.stack
def test_the_database_is_durable_guarded_by_a_password_and_its_role_is_no_superuser(settings: Settings) -> None:
    url = stack.servers_up(settings, SILENT).database_url
    with psycopg.connect(url) as database:
        shown = [database.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
        assert shown == [("on",), ("on",)]
        assert database.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.partition("?")[0], passfile="/nowhere")
    assert (settings.home / "postgres.pass").stat().st_mode & 0o777 == 0o600


@pytest.mark.stack
def test_a_killed_broker_is_seen_by_status_and_started_again_by_up(settings: Settings) -> None:
    servers = stack.servers_up(settings, SILENT)
    broker = processes.find(settings.home, "kafka")
    assert broker is not None
    os.kill(broker.pid, signal.SIGKILL)
    while processes.birth(broker.pid) == broker.birth:
        pass
    seen = stack.status(settings)
    assert (seen["kafka"]["ready"], seen["kafka"]["pid"]) == (False, None)
    assert seen["database"]["ready"] is True
    assert stack.servers_up(settings, SILENT) == servers
    assert stack.status(settings)["kafka"]["ready"] is True


@pytest.mark.stack
def test_a_database_whose_pid_file_was_lost_is_taken_back(settings: Settings) -> None:
    stack.servers_up(settings, SILENT)
    before = processes.find(settings.home, "postgres")
    processes.forget(settings.home, "postgres")
    stack.servers_up(settings, SILENT)
    after = processes.find(settings.home, "postgres")
    assert before is not None
    assert after is not None
    assert (after.pid, after.facts) == (before.pid, before.facts)


@pytest.mark.stack
def test_a_killed_database_with_a_pid_that_names_another_process_starts_again(settings: Settings) -> None:
    stack.servers_up(settings, SILENT)
    running = processes.find(settings.home, "postgres")
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    while processes.birth(running.pid) == running.birth:
        pass
    noted = settings.home / "postgres" / "postmaster.pid"
    lines = noted.read_text().splitlines()
    noted.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    url = stack.servers_up(settings, SILENT).database_url
    assert postgres.answers(url)


@pytest.mark.stack
def test_everything_up_is_reported_and_reaches_its_servers_and_everything_goes_down(settings: Settings) -> None:
    prepared: list[Settings] = []
    addresses = stack.up(settings, SILENT, lambda given, _: prepared.append(given), PARTS)
    assert prepared == [stack.effective(settings, addresses.servers)]
    with urllib.request.urlopen(addresses.api_url + "/readyz") as answer:
        assert answer.read().decode() == addresses.servers.database_url
    assert stack.up(settings, SILENT, no_ledger, PARTS) == addresses

    seen = stack.status(settings)
    assert all(part["ready"] for part in seen.values())
    assert seen["kafka"]["bootstrap_servers"] == addresses.servers.kafka_bootstrap_servers
    assert seen["database"]["url"] == addresses.servers.database_url
    assert seen["api"]["url"] == addresses.api_url
    assert seen["stream"]["metrics_url"] == addresses.stream_metrics_url

    ran = pids(settings)
    assert stack.down(settings) == ["stream", "api", "kafka", "postgres"]
    assert [pid for pid in ran if processes.birth(pid) is not None] == []


@pytest.mark.stack
def test_the_commands_report_and_answer_by_exit_code(settings: Settings) -> None:
    app = Typer()
    commands.register(app)
    environ = {"IURAN_HOME": str(settings.home), "IURAN_API_PORT": "0", "IURAN_STREAM_METRICS_PORT": "0"}
    stack.up(settings, SILENT, no_ledger, PARTS)
    answer = CliRunner().invoke(app, ["status", "--json"], env=environ)
    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == stack.status(settings)
    assert CliRunner().invoke(app, ["status"], env=environ).stdout.count(" ready ") == 4
    answer = CliRunner().invoke(app, ["down"], env=environ)
    assert (answer.exit_code, answer.stdout) == (0, "stopped: stream, api, kafka, postgres\n")
    answer = CliRunner().invoke(app, ["down"], env=environ)
    assert answer.exit_code == 0
    assert "nothing ran" in answer.stdout
    answer = CliRunner().invoke(app, ["status"], env=environ)
    assert answer.exit_code == 1
    assert answer.stdout.count("not running") == 4


@pytest.mark.stack
def test_a_part_that_keeps_exiting_is_named_with_its_log_and_stopped(settings: Settings) -> None:
    broken = {**PARTS, "stream": [*PARTS["stream"], "absent"]}
    with pytest.raises(StackError, match=r"(?s)stream: exits again and again \(last exit 3\).*no dependency today"):
        stack.up(settings, SILENT, no_ledger, broken)
    assert processes.find(settings.home, "supervisor") is None
    assert processes.find(settings.home, "api") is None


@pytest.mark.stack
def test_the_default_port_in_use_names_the_setting_and_starts_no_part(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = settings.model_copy(update={"api_port": server.getsockname()[1]})
        with pytest.raises(StackError, match=f"api: port {taken.api_port} is in use.*IURAN_API_PORT"):
            stack.up(taken, SILENT, no_ledger, PARTS)
    assert processes.find(settings.home, "supervisor") is None


@pytest.mark.stack
@pytest.mark.parametrize(
    ("field", "variable"), [("kafka_port", "IURAN_KAFKA_PORT"), ("database_port", "IURAN_DATABASE_PORT")]
)
def test_a_set_server_port_in_use_names_the_setting(settings: Settings, field: str, variable: str) -> None:
    stack.down(settings)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is in use.*{variable}"):
            stack.servers_up(settings.model_copy(update={field: port}), SILENT)
    assert pids(settings) == set()


@pytest.mark.stack
def test_servers_of_the_moment_are_gone_with_their_home_even_after_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IURAN_DATABASE_URL", "postgresql://real.example/ledger")
    monkeypatch.setenv("IURAN_KAFKA_BOOTSTRAP_SERVERS", "real.example:9092")
    home = folder / "moment"
    with pytest.raises(ZeroDivisionError), stack.ephemeral(home) as servers:
        ran = pids(Settings(home=home))
        assert "real.example" not in "".join(servers)
        assert kafka.answers({"bootstrap_servers": servers.kafka_bootstrap_servers})
        raise ZeroDivisionError
    assert [pid for pid in ran if processes.birth(pid) is not None] == []
    assert not home.exists()


def test_set_servers_are_used_as_they_are_and_nothing_starts(tmp_path: Path) -> None:
    real = Settings(home=tmp_path / "none", kafka_bootstrap_servers="k:9092", database_url="postgresql://u:secret@d/l")
    expected = Servers("k:9092", "postgresql://u:secret@d/l")
    assert stack.servers_up(real, SILENT) == stack.servers_found(real) == expected
    assert stack.servers_down(real) == []
    assert not real.home.exists()
    assert stack.shown(expected.database_url) == "postgresql://u:***@d/l"


@pytest.mark.parametrize("embedded", [True, False])
def test_a_part_reads_from_its_environment_what_effective_says(tmp_path: Path, embedded: bool) -> None:
    environ = {"IURAN_HOME": str(tmp_path), "IURAN_JOURNALS": "3", "IURAN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}
    if not embedded:
        environ["IURAN_KAFKA_BOOTSTRAP_SERVERS"] = "k:9092"
    servers = Servers("k:9092", "postgresql://d/l")
    settings = load(environ)
    read = load(stack.environment(settings, servers, environ))
    assert read == stack.effective(settings, servers)
    assert read.journals == 3
    assert read.kafka_security_protocol == ("PLAINTEXT" if embedded else "SASL_SSL")


def test_servers_of_the_moment_are_gone_when_their_maker_is_killed(folder: Path) -> None:
    home = folder / "killed"
    code = (
        "import time; from pathlib import Path; from deploy.cli.progress import SILENT\n"
        "from deploy.embedded import guard, postgres\n"
        f"home = Path({str(home)!r})\n"
        "with guard.over(home, ['kafka', 'postgres'], remove=True):\n"
        "    print(postgres.start(home, 0, SILENT).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        pid = int(maker.stdout.readline())
        maker.kill()
    while home.exists() or processes.birth(pid) is not None:
        pass
