"""Servers of chaos's own: what kills brokers and stops databases must not do it to the servers of all other tests."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from deploy.cli.progress import SILENT
from deploy.embedded import kafka, postgres, processes, stack
from deploy.embedded.stack import Servers
from ledger.settings import Settings


class Stack:
    """A broker and a database that may be killed and started again where they were."""

    def __init__(self, home: Path, servers: Servers) -> None:
        self.servers = servers
        self._home = home.resolve()

    def kill_broker(self) -> None:
        """SIGKILL: no log is closed, no group is told."""
        self._kill(kafka.NAME, signal.SIGKILL)

    def kill_database(self) -> None:
        """SIGQUIT to PostgreSQL's first process: an immediate stop, whose next start is a crash recovery."""
        self._kill(postgres.NAME, signal.SIGQUIT)

    def stop_database(self) -> None:
        """Stop PostgreSQL as an operator does: open sessions are ended, all is written down."""
        postgres.stop(self._home)

    def start_again(self) -> None:
        """Start what does not run, on the same ports and data; returns once it answers."""
        if stack.servers_up(Settings(home=self._home), SILENT) != self.servers:
            raise AssertionError("servers: expected them where they were, got other addresses")

    def _kill(self, name: str, number: signal.Signals) -> None:
        running = processes.find(self._home, name)
        if running is None:
            raise AssertionError(f"{name}: expected it to run")
        os.kill(running.pid, number)
        while processes.find(self._home, name) is not None:
            pass


@pytest.fixture(scope="session")
def own() -> Iterator[Stack]:
    """A started broker and database that tests here may break."""
    with tempfile.TemporaryDirectory(prefix="iuran-chaos-") as folder:
        home = Path(folder) / "home"
        with stack.ephemeral(home) as servers:
            yield Stack(home, servers)


@pytest.fixture
def random() -> Random:
    """A new sequence each run; `CHAOS_SEED=<seed>` takes up one that failed (printed with the failure)."""
    seed = int(os.environ.get("CHAOS_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"CHAOS_SEED={seed}")
    return Random(seed)
