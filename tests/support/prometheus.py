"""A real Prometheus, run with the project's own scrape configuration, and asked over its HTTP API.

    with prometheus(folder, {"iuran-stream": "127.0.0.1:9401", "iuran-api": "127.0.0.1:8400"}) as watching:
        until(lambda: watching.ask("up") == ..., "both targets up")

Of `deploy/prometheus/prometheus.yml` nothing is changed but where the targets are. The program is the one that
`make test` put beside Python; without it nothing is skipped, the test fails and says what brings it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from deploy.embedded import processes
from tests.support.running import STOP_SECONDS, until

CONFIG = Path(__file__).parents[2] / "deploy" / "prometheus" / "prometheus.yml"
PROGRAM = Path(sys.executable).parent / "prometheus"

Labels = tuple[str, ...]


class Prometheus:
    """One that runs; its log is `<folder>/prometheus.log`."""

    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self.log = log

    def ask(self, query: str, *by: str) -> dict[Labels, float]:
        """What PromQL gives now: value by these labels of each series (() without any); two alike are an error."""
        rows = self.get("query", query=query)["result"]
        values = {tuple(row["metric"].get(label, "") for label in by): float(row["value"][1]) for row in rows}
        assert len(values) == len(rows), f"{query}: expected one series by {by}, got {rows}"
        return values

    def series(self) -> list[dict[str, str]]:
        """The labels of every series that it holds, the name as `__name__`."""
        found: list[dict[str, str]] = self.get("series", **{"match[]": '{__name__=~".+"}'})
        return found

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers at /api/v1/<path>."""
        return json.loads(self._read(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))["data"]

    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            self._read("/-/ready")
        except OSError:
            return False
        return True

    def _read(self, path: str) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self._port}{path}", timeout=30) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise OSError(f"prometheus: expected an answer, got {error.code}: {error.read()!r}") from error
        return content


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run one on a free port until the block ends, with `targets` (host:port by job) in place of the file's own."""
    assert PROGRAM.exists(), (
        f"{PROGRAM}: expected Prometheus, got none; `make {PROGRAM.parent.parent.name}/bin/prometheus`"
    )
    configuration = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    jobs = configuration["scrape_configs"]
    assert {job["job_name"] for job in jobs} == set(targets)
    for job in jobs:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    port = processes.free_port()
    command = (
        *(str(PROGRAM), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
    )
    running = Prometheus(port, folder / "prometheus.log")
    with running.log.open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or running.is_ready(), "Prometheus to be ready")
        assert process.poll() is None, f"prometheus: expected it to run, got:\n{running.log.read_text()}"
        yield running
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
