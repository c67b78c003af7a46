"""Daemons: started once, found again, never mistaken for another process, gone when stopped; ports and the lock."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.embedded import processes
from deploy.embedded.processes import StackError

PYTHON = sys.executable
SLEEP = [PYTHON, "-c", "import time; time.sleep(600)"]


def eventually(holds: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail("never came true")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return processes.birth(pid) is not None


def test_a_daemon_is_found_again_with_what_was_remembered_and_is_gone_once_stopped(tmp_path: Path) -> None:
    started = processes.start(tmp_path, "napper", SLEEP, facts={"port": 7})
    assert processes.find(tmp_path, "napper") == started
    assert processes.stop(tmp_path, "napper") is True
    assert not alive(started.pid)
    assert processes.find(tmp_path, "napper") is None
    assert processes.stop(tmp_path, "napper") is False


def test_another_process_finds_it_as_well(tmp_path: Path) -> None:
    started = processes.start(tmp_path, "napper", SLEEP)
    code = (
        "from pathlib import Path; from deploy.embedded import processes\n"
        f"print(processes.find(Path({str(tmp_path)!r}), 'napper').pid)"
    )
    try:
        assert int(subprocess.check_output([PYTHON, "-c", code])) == started.pid
    finally:
        processes.stop(tmp_path, "napper")


def test_a_killed_daemon_leaves_a_stale_file_that_is_not_believed(tmp_path: Path) -> None:
    started = processes.start(tmp_path, "napper", SLEEP)
    os.kill(started.pid, signal.SIGKILL)
    eventually(lambda: processes.find(tmp_path, "napper") is None)
    assert (tmp_path / "run" / "napper.json").is_file()
    again = processes.start(tmp_path, "napper", SLEEP)
    assert processes.find(tmp_path, "napper") == again
    processes.stop(tmp_path, "napper")


def test_a_pid_that_names_another_process_by_now_is_neither_found_nor_stopped(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEP)
    try:
        processes.remember(tmp_path, "napper", stranger.pid, {})
        file = tmp_path / "run" / "napper.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "birth": "another boot/1"}))
        assert processes.find(tmp_path, "napper") is None
        assert processes.stop(tmp_path, "napper") is False
        assert alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "birth": "", "facts": {}}'])
def test_half_a_pid_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "napper.json").write_text(content)
    assert processes.find(tmp_path, "napper") is None


def test_what_ignores_sigterm_is_killed_and_so_are_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    started = processes.start(tmp_path, "mule", [PYTHON, "-c", stubborn])
    eventually(lambda: processes.log_tail(tmp_path, "mule"))
    child = int(processes.log_tail(tmp_path, "mule"))
    processes.stop(tmp_path, "mule", patience_seconds=0.2)
    assert not alive(started.pid)
    assert not alive(child)


def test_a_port_in_use_is_named_with_its_holder_and_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError) as refused:
            processes.require_free(port, "IURAN_API_PORT", "api")
    message = str(refused.value)
    assert f"port {port}" in message
    assert "IURAN_API_PORT" in message
    assert f"pid {os.getpid()}" in message
    processes.require_free(port, "IURAN_API_PORT", "api")


def test_a_chosen_port_is_kept_until_somebody_else_has_it(tmp_path: Path) -> None:
    port = processes.kept_port(tmp_path, "kafka", 0, "IURAN_KAFKA_PORT")
    assert processes.kept_port(tmp_path, "kafka", 0, "IURAN_KAFKA_PORT") == port
    assert processes.kept_port(tmp_path, "postgres", 0, "IURAN_DATABASE_PORT") != port
    with socket.create_server(("127.0.0.1", port)):
        other = processes.kept_port(tmp_path, "kafka", 0, "IURAN_KAFKA_PORT")
        assert other != port
        with pytest.raises(StackError, match=f"port {port} is in use"):
            processes.kept_port(tmp_path, "kafka", port, "IURAN_KAFKA_PORT")


def test_the_lock_keeps_others_out_lets_its_holder_in_again_and_ends_with_its_holder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from deploy.embedded import processes\n"
        f"with processes.lock(Path({str(tmp_path)!r})):\n    print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StackError, match="another `iuran up`"), processes.lock(tmp_path, patience_seconds=0.2):
            pytest.fail("two hold the lock")
        holder.kill()
        holder.wait()
    with processes.lock(tmp_path, patience_seconds=5), processes.lock(tmp_path, patience_seconds=0):
        pass


def test_a_guard_stops_and_removes_what_its_killed_maker_left(tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = (
        "import sys, time; from pathlib import Path; from deploy.embedded import guard, processes\n"
        f"home = Path({str(home)!r})\n"
        "with guard.over(home, ['napper'], remove=True) as pid:\n"
        "    started = processes.start(home, 'napper', [sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    print(started.pid, pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        pids = [int(word) for word in maker.stdout.readline().split()]
        assert all(alive(pid) for pid in pids)
        maker.kill()
    eventually(lambda: not any(psutil.pid_exists(pid) and alive(pid) for pid in pids))
    assert not home.exists()


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    child = subprocess.Popen(SLEEP)
    processes.remember(tmp_path, "napper", child.pid, {})
    assert processes.find(tmp_path, "napper") is not None
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how
    assert processes.find(tmp_path, "napper") is None
    child.wait()
