"""A witness as a test runs it: `iuran witness serve` in a process of its own, killed and started again."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

COMMAND = (sys.executable, "-c", "from deploy.cli.witness import app; app()", "serve")


class Served:
    """One witness; `address` is where it is asked, on the same port after each start."""

    def __init__(self, folder: Path, logs: Path) -> None:
        """`folder` is the witness's own, `logs` the policy file of the logs it cosigns."""
        self._arguments = ["--folder", str(folder), "--logs", str(logs)]
        self._port = "0"
        self.address = ""
        self.up = threading.Event()
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        self.process = subprocess.Popen(
            [*COMMAND, *self._arguments, "--port", self._port], stderr=subprocess.PIPE, text=True
        )
        if self.process.stderr is None:
            raise AssertionError("witness: expected its standard error")
        said = ""
        for line in self.process.stderr:
            said += line
            if "startup complete" in line:
                break
        found = re.search(r"on (http://127\.0\.0\.1:(\d+))", said)
        if found is None:
            raise AssertionError(f"witness: expected it to serve, got {said}")
        self.address, self._port = found[1], found[2]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.up.set()

    def kill(self) -> None:
        """End it with SIGKILL; returns once it is gone."""
        self.up.clear()
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def end(self) -> int:
        """Ask it to end and give its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)
