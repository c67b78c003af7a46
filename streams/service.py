"""Running the stream process: start-up checks, its metrics server, the Faust worker, and a clean end.

The metrics server answers /metrics, /healthz and /readyz from a thread of its own, so that it answers while the
process works. Ready means: desks are open for what is assigned, and no partition with waiting records stands still.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import faust
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ledger.errors import Unfit
from streams.app import check_start, create_process
from streams.batching import by_batch

if TYPE_CHECKING:
    from ledger.settings import Settings
    from streams.app import Process
    from streams.connection import Broker

log = logging.getLogger(__name__)

STANDSTILL_SECONDS: Final = 60.0
LEAVE_SECONDS: Final = 10.0


class Readiness:
    """Tells whether the process does its work: asked by the metrics server."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._moved: dict[int, tuple[int, float]] = {}

    def problem(self) -> str | None:
        """Give what keeps the process from being ready, or None."""
        desks = dict(self._process.floor.desks)
        if not self._process.app.started or (not desks and self._process.app.assignor.assigned_actives()):
            return "no journal is open"
        now = time.monotonic()
        for number, desk in desks.items():
            settled = sum(desk.next_offsets().values())
            before, since = self._moved.get(number, (-1, now))
            if settled != before or not desk.waiting:
                self._moved[number] = (settled, now)
            elif now - since > STANDSTILL_SECONDS:
                return f"journal {number} has stood still for {now - since:.0f} s with {desk.waiting} records waiting"
        return None


def serve_metrics(host: str, port: int, process: Process) -> ThreadingHTTPServer:
    """Answer on host:port in a thread; the server's `server_address` has the port that was chosen for 0.

    Raises Unfit when the port is taken.
    """
    readiness = Readiness(process)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one request."""
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._send(200, CONTENT_TYPE_LATEST, generate_latest(process.metrics.registry))
            elif path == "/healthz":
                self._send(200, "application/json", b'{"status":"alive"}')
            elif path == "/readyz":
                problem = readiness.problem()
                body = {"status": "ready"} if problem is None else {"status": "not ready", "detail": problem}
                self._send(200 if problem is None else 503, "application/json", json.dumps(body).encode())
            else:
                self._send(404, "application/json", b'{"title":"not found","status":404}')

        def _send(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not worth a line."""

    try:
        server = ThreadingHTTPServer((host, port), Answer)
    except OSError as error:
        raise Unfit(f"port {host}:{port}: expected it free, got {error}; set IURAN_STREAM_METRICS_PORT") from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class _Worker(faust.Worker):  # type: ignore[misc]
    """A Faust worker that ends when it is told to."""

    def _schedule_shutdown(self, number: signal.Signals) -> None:
        # told during its start, Faust waits a minute for its own consumer thread; nothing of ours hangs on its end
        leaving = threading.Timer(LEAVE_SECONDS, os._exit, (0,))
        leaving.daemon = True
        leaving.start()
        super()._schedule_shutdown(number)


def run(settings: Settings, broker: Broker, database_url: str) -> None:
    """Run the stream process until it is told to stop. Raises Unfit when something does not fit; exits otherwise."""
    facts = check_start(broker, database_url, settings)
    (settings.home / "faust").mkdir(parents=True, exist_ok=True)  # Faust wants a folder; nothing of ours lies in it
    process = create_process(settings, broker, database_url, facts)
    process.app.transport.Consumer = by_batch(process.app.transport.Consumer)
    server = serve_metrics(settings.stream_metrics_host, settings.stream_metrics_port, process)
    log.info("metrics on http://%s:%d/metrics", settings.stream_metrics_host, server.server_address[1])
    # the hot path makes no reference cycles: collecting rarely costs no memory and saves a fifth of its time
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    worker = _Worker(process.app, loglevel="WARNING", redirect_stdouts=False, override_logging=False)
    worker.execute_from_commandline()
