"""Daemons with a memory: started once, found again, stopped for certain.

A daemon is a process in a session of its own, remembered in `<home>/run/<name>.json` and logging to
`<home>/logs/<name>.log`. A pid alone proves nothing, because numbers are reused; beside it stands the process's birth
(boot and start tick), and only a process born then is ours. A file whose process is gone is stale: it is ignored, and
replaced by the next start. `lock` keeps two `iuran up` apart.

This room knows no broker and no database: what they need stands in `kafka.py` and `postgres.py`.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

from ledger.errors import LedgerError

_PORTS = range(20_000, 30_000)  # below what Linux (32768) and macOS (49152) hand out to outgoing connections
_children: dict[int, subprocess.Popen[bytes]] = {}  # started here: polled, so that none stays a zombie
_locked: set[Path] = set()  # homes whose lock this process holds already


class StackError(LedgerError):
    """A part of the embedded stack that could not be started, found or stopped; the message says what to do."""


class User(NamedTuple):
    """Whom a daemon runs as."""

    uid: int
    gid: int


class Running(NamedTuple):
    """A daemon that is alive: what it was started as."""

    name: str
    pid: int
    birth: str
    facts: Mapping[str, Any]  # what its starter wanted remembered: port, url, ...


def run_dir(home: Path) -> Path:
    """Folder of pid files and the lock."""
    return home / "run"


def log_path(home: Path, name: str) -> Path:
    """File that collects what a daemon prints; appended to at each start."""
    return home / "logs" / f"{name}.log"


def find(home: Path, name: str) -> Running | None:
    """Give the daemon of that name if it is alive; None if it never ran, died, or its pid now names another process."""
    try:
        kept = json.loads((run_dir(home) / f"{name}.json").read_text(encoding="utf-8"))
        running = Running(name, int(kept["pid"]), str(kept["birth"]), kept["facts"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # half a file is as good as none: writes are by rename
        return None
    return running if birth(running.pid) == running.birth else None


def start(
    home: Path,
    name: str,
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    user: User | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Running:
    """Start a daemon in a session of its own and remember it.

    Call under `lock`, after `find` said None. `user`: whom to become (only root may). The daemon's standard
    output and error go to its log; readiness is the caller's to wait for.
    """
    log = log_path(home, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if environ is None else dict(environ),
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    _children[child.pid] = child
    return remember(home, name, child.pid, facts or {})


def remember(home: Path, name: str, pid: int, facts: Mapping[str, Any]) -> Running:
    """Write the pid file of a process that is alive, by rename, so that a reader never sees half of it."""
    running = Running(name, pid, birth(pid) or "gone", dict(facts))
    path = run_dir(home) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"pid": pid, "birth": running.birth, "facts": running.facts}), encoding="utf-8")
    part.replace(path)
    return running


def forget(home: Path, name: str) -> None:
    """Remove the pid file."""
    (run_dir(home) / f"{name}.json").unlink(missing_ok=True)


def stop(home: Path, name: str, *, first: signal.Signals = signal.SIGTERM, patience_seconds: float = 30) -> bool:
    """Stop a daemon and whatever it started, at whatever depth; True if it ran.

    `first` asks it to finish; after `patience_seconds` SIGKILL follows. The pid file goes last, so that a stop cut
    short is taken up by the next one.
    """
    running = find(home, name)
    if running is not None:
        children = _children_of(running.pid)
        _signal(running.pid, first)
        if not _gone_within(running, patience_seconds):
            _signal(running.pid, signal.SIGKILL)
            _gone_within(running, 10)
        for pid in children:
            _wait_or_kill(pid, min(patience_seconds, 5))
    forget(home, name)
    return running is not None


def exit_code(running: Running) -> int | None:
    """Give the exit status of a daemon that this process started, negative for a signal; None while it runs."""
    child = _children.get(running.pid)
    return None if child is None else child.poll()


def birth(pid: int) -> str | None:
    """Give what tells this process from any other that ever had its pid; None if none such runs (a zombie does not)."""
    if pid in _children:
        _children[pid].poll()
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform != "linux":
            return f"{process.create_time():.2f}"
        # The start tick, not psutil's wall-clock time of it, which moves when the clock is set.
        tick = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (psutil.Error, OSError):
        return None
    return f"{boot}/{tick}"


def free_port() -> int:
    """Choose a TCP port of 127.0.0.1 on which nothing listens, outside the range of outgoing connections.

    Raises StackError if a hundred tries find none.
    """
    for port in random.sample(_PORTS, 100):
        if not in_use(port):
            return port
    raise StackError(f"ports {_PORTS.start}-{_PORTS.stop - 1}: expected a free one, got 100 in use")


def in_use(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something holds the TCP port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def require_free(port: int, setting: str, what: str, host: str = "127.0.0.1") -> None:
    """Raise StackError if something holds the port: names port, holder if known, and the setting to change."""
    if in_use(port, host):
        holder = _listener(port)
        by = f" by {holder}" if holder else ""
        raise StackError(f"{what}: port {port} is in use{by}; stop it, or set {setting} to another port (0: any free)")


def kept_port(home: Path, name: str, wanted: int, setting: str) -> int:
    """Give the port a server of this home listens on: `wanted` if set, else the one it had, else a free one, kept.

    Raises StackError if a wanted port is in use. A port that was ours to choose and is in use now is chosen again.
    """
    if wanted:
        require_free(wanted, setting, name)
        return wanted
    path = home / "ports.json"
    kept: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if name not in kept or in_use(kept[name]):
        kept[name] = free_port()
        part = path.with_suffix(".part")
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.replace(path)
    return kept[name]


@contextmanager
def lock(home: Path, patience_seconds: float = 300) -> Iterator[None]:
    """Hold the home alone, over all processes, until the block ends; a process that holds it may enter again.

    The kernel frees it when its holder dies. Raises StackError when another holds it for longer than the patience.
    """
    home = home.resolve()
    if home in _locked:
        yield
        return
    run_dir(home).mkdir(parents=True, exist_ok=True)
    with (run_dir(home) / "lock").open("a+") as file:
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(f"{home}: another `iuran up` or `down` is at work there; wait for it") from None
                time.sleep(0.1)
        _locked.add(home)
        try:
            yield
        finally:
            _locked.discard(home)


def log_tail(home: Path, name: str, lines: int = 15) -> str:
    """Give the last lines of a daemon's log, for a message; empty if there is none."""
    try:
        text = log_path(home, name).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _listener(port: int) -> str | None:
    """Name the process that listens on a TCP port, as far as the system lets us see."""
    try:
        connections = psutil.net_connections(kind="tcp")
        pid = next((c.pid for c in connections if c.status == "LISTEN" and c.laddr.port == port and c.pid), None)
        return None if pid is None else f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:  # macOS shows other users' sockets to root only
        return None


def _children_of(pid: int) -> list[int]:
    """Pids that the daemon started, at whatever depth."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _gone_within(running: Running, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while birth(running.pid) == running.birth:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _wait_or_kill(pid: int, seconds: float) -> None:
    """Let a child of a stopped daemon end on its own, then kill it."""
    child = Running("child", pid, birth(pid) or "gone", {})
    if not _gone_within(child, seconds):
        _signal(pid, signal.SIGKILL)
        _gone_within(child, 10)
