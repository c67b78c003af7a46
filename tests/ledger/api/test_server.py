"""The server as a process: started by the command, scraped as Prometheus would, stopped by SIGTERM."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ledger.api.app import run
from ledger.errors import Unfit
from ledger.serving import listen
from ledger.settings import Settings

pytestmark = pytest.mark.stack

CONFIG = Path(__file__).parents[3] / "deploy" / "prometheus" / "prometheus.yml"


def test_a_port_in_use_is_named_with_what_to_do():
    with listen("127.0.0.1", 0, "IURAN_API_PORT") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unfit, match=rf"127\.0\.0\.1:{port}: expected a free address .* IURAN_API_PORT"):
            listen("127.0.0.1", port, "IURAN_API_PORT")


def test_answers_on_an_accepted_connection_leave_without_delay():
    """Seen once: 45 ms a read, as the answer's second packet waited for the first one's acknowledgement."""

    async def accepted() -> int:
        asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            asked.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        server = await asyncio.start_server(serve, sock=listen("127.0.0.1", 0, "IURAN_API_PORT"))
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            nodelay = await asked
            writer.close()
            return nodelay

    assert asyncio.run(accepted()) != 0


def test_what_does_not_fit_is_refused_before_the_port_is_taken(api):
    with pytest.raises(Unfit, match="database: expected an address"):
        run(Settings())
    with pytest.raises(Unfit, match="expected 0007, got none"):
        run(Settings(database_url=_empty_database(api.ledger.url)))


def _empty_database(url: str) -> str:
    return re.sub(r"/t[0-9a-f]{12}\?", "/postgres?", url)


def test_the_command_serves_is_scraped_and_ends_on_sigterm(api):
    settings = api.ledger.settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IURAN_")} | {
        "IURAN_HOME": str(settings.home),
        "IURAN_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "IURAN_DATABASE_URL": api.ledger.url,
        "IURAN_API_PORT": "0",
    }
    command = [sys.executable, "-m", "deploy.cli.main", "api"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "startup complete" in line:
                    break
            base = re.search(r"http://127\.0\.0\.1:\d+", "".join(said))[0]
            assert _status(f"{base}/readyz") == 200
            assert _status(f"{base}/v1/workers/W-alice/balances") == 401
            jobs = {job["job_name"]: job for job in yaml.safe_load(CONFIG.read_text())["scrape_configs"]}
            with urllib.request.urlopen(base + jobs["iuran-api"]["metrics_path"], timeout=10) as answer:
                assert answer.headers["content-type"].startswith("text/plain; version=")
                names = {family.name for family in text_string_to_metric_families(answer.read().decode())}
            assert "iuran_http_request_seconds" in names
        finally:
            process.send_signal(signal.SIGTERM)
            said += process.stderr.readlines()
    assert process.returncode == 0, "".join(said)
    assert "W-alice" not in "".join(said)  # L11: no access log


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
