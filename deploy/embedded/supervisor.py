"""Keeps stream and API running: starts them, starts again what exits, stops them when told to.

Runs as a daemon, `python -m deploy.embedded.supervisor <home> <parts>`, with the environment its children are to have;
`parts` is a JSON object, name to command line. A child
that exits is started again after a pause that doubles from half a second to thirty, and falls back once a child ran
for a minute: a process that leaves on a broken dependency (that is how the stream retries in the end) comes back by
itself. SIGTERM stops both children, 15 s for them to finish, then SIGKILL; should the supervisor itself be killed, its
guard does the same.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.embedded import guard, processes

PARTS = ("stream", "api")
PAUSE_FIRST_SECONDS = 0.5
PAUSE_MAX_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
PATIENCE_SECONDS = 15.0


class Child:
    """One supervised process: alive, or waiting for its next start."""

    def __init__(self, home: Path, name: str, command: Sequence[str]) -> None:
        self._home, self._name, self._command = home, name, command
        self._running: processes.Running | None = None
        self._pause_seconds, self._next_start, self._started = PAUSE_FIRST_SECONDS, 0.0, 0.0
        self._restarts, self._last_exit = -1, None  # type: tuple[int, int | None]

    def tend(self, now: float) -> None:
        """Notice an exit, and start again when its pause is over. `now`: monotonic seconds."""
        if self._running is not None and processes.find(self._home, self._name) is None:
            self._last_exit = processes.exit_code(self._running)
            self._running = None
            if now - self._started >= HEALTHY_SECONDS:
                self._pause_seconds = PAUSE_FIRST_SECONDS
            print(f"{self._name}: exited ({self._last_exit}), again in {self._pause_seconds:g} s", flush=True)
            self._next_start = now + self._pause_seconds
            self._pause_seconds = min(2 * self._pause_seconds, PAUSE_MAX_SECONDS)
        if not self.waits(now) and self._running is None:
            self._restarts += 1
            self._started = now
            facts = {"restarts": self._restarts, "last_exit": self._last_exit}
            self._running = processes.start(self._home, self._name, self._command, facts=facts)
            print(f"{self._name}: started (pid {self._running.pid})", flush=True)

    def waits(self, now: float) -> bool:
        """Tell whether the pause before the next start is still on."""
        return self._running is None and now < self._next_start

    def stop(self) -> None:
        """Stop the process, if it runs, and forget it."""
        processes.stop(self._home, self._name, patience_seconds=PATIENCE_SECONDS)


def commands() -> dict[str, list[str]]:
    """Give the command line of each part; their settings come from the environment."""
    return {name: [sys.executable, "-m", "deploy.cli.main", name] for name in PARTS}


def supervise(home: Path, parts: Mapping[str, Sequence[str]], stopping: threading.Event) -> None:
    """Keep the parts running until `stopping` is set, then stop them, all at once."""
    children = [Child(home, name, command) for name, command in parts.items()]
    with guard.over(home, list(parts)):
        try:
            while not stopping.is_set():
                for child in children:
                    child.tend(time.monotonic())
                stopping.wait(0.2)
        finally:
            with ThreadPoolExecutor(len(children)) as pool:
                list(pool.map(Child.stop, children))


def main(arguments: Sequence[str]) -> None:
    """Run until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    supervise(Path(arguments[0]), json.loads(arguments[1]), stopping)


if __name__ == "__main__":
    main(sys.argv[1:])
