"""What must not outlive somebody: a small process that waits for its maker's end and then cleans up.

The maker holds one end of a pipe; the kernel closes it however the maker dies, SIGKILL included, and the guard wakes.
It then stops the named daemons of a home, and removes the home if it was one of the moment. Works alike on Linux and
macOS, where a child cannot ask to be told of its parent's death. After a clean end the guard finds nothing to do.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def over(home: Path, names: Sequence[str], *, remove: bool = False) -> Iterator[int]:
    """Stop the named daemons of `home` should this process die inside the block; gives the guard's pid."""
    command = [sys.executable, "-m", "deploy.embedded.guard", str(home), "remove" if remove else "keep", *names]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    if guard.stdin is None:
        raise RuntimeError("guard: expected a pipe to hold, got none")
    try:
        yield guard.pid
    finally:
        guard.stdin.close()
        guard.wait()


def main(arguments: Sequence[str]) -> None:
    """Wait for the end of standard input, then stop what is named."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    home, fate, *names = arguments
    sys.stdin.buffer.read()
    from deploy.embedded import processes  # only now: a guard that sleeps should weigh little

    for name in names:
        first = signal.SIGINT if name == "postgres" else signal.SIGTERM
        processes.stop(Path(home), name, first=first, patience_seconds=15)
    if fate == "remove":
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
