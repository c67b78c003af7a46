"""The supervisor: a child that dies comes back, SIGTERM ends all, and its own violent end leaves nobody behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import processes, supervisor
from deploy.embedded.processes import Running

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
FAIL = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for name in ("supervisor", "stream", "api"):
        processes.stop(tmp_path, name, patience_seconds=5)


def start(home: Path, **parts: list[str]) -> Running:
    import json

    command = [sys.executable, "-m", "deploy.embedded.supervisor", str(home), json.dumps(parts)]
    return processes.start(home, "supervisor", command)


def found(home: Path, name: str, besides: int = 0, restarts: int = 0) -> Running:
    """Wait until a child of that name runs that is not `besides` and was restarted at least so often."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        running = processes.find(home, name)
        if running is not None and running.pid != besides and running.facts["restarts"] >= restarts:
            return running
        time.sleep(0.02)
    pytest.fail(f"{name}: never ran")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while processes.birth(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return processes.birth(pid) is None


def test_a_killed_child_is_started_again_and_the_other_is_left_alone(home: Path) -> None:
    start(home, stream=SLEEP, api=SLEEP)
    stream, api = found(home, "stream"), found(home, "api")
    os.kill(stream.pid, signal.SIGKILL)
    again = found(home, "stream", besides=stream.pid)
    assert (again.facts["restarts"], again.facts["last_exit"]) == (1, -signal.SIGKILL)
    assert found(home, "api").pid == api.pid


def test_sigterm_ends_supervisor_and_children(home: Path) -> None:
    keeper = start(home, stream=SLEEP, api=SLEEP)
    pids = [keeper.pid, found(home, "stream").pid, found(home, "api").pid]
    os.kill(keeper.pid, signal.SIGTERM)
    assert all(gone(pid) for pid in pids)


def test_a_killed_supervisor_leaves_no_child(home: Path) -> None:
    keeper = start(home, stream=SLEEP, api=SLEEP)
    pids = [found(home, "stream").pid, found(home, "api").pid]
    os.kill(keeper.pid, signal.SIGKILL)
    assert all(gone(pid) for pid in pids)


def test_pauses_double_to_their_limit_and_fall_back_after_a_healthy_run(tmp_path: Path) -> None:
    child = supervisor.Child(tmp_path, "stream", FAIL)
    now, pauses = 0.0, []
    for _ in range(9):
        child.tend(now)  # starts
        running = processes.find(tmp_path, "stream")
        assert running is None or gone(running.pid)
        child.tend(now)  # notices the exit
        begun = now
        while child.waits(now):
            now += 0.5
        pauses.append(now - begun)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    child.tend(now)
    running = processes.find(tmp_path, "stream")
    assert running is None or gone(running.pid)
    child.tend(now + supervisor.HEALTHY_SECONDS)
    assert not child.waits(now + supervisor.HEALTHY_SECONDS + supervisor.PAUSE_FIRST_SECONDS)
