"""What all tests share: one real broker and one real database for the whole run.

`servers` starts them in a temporary home on first use and stops them at the end, whatever happened in between. A run
spread over processes (`pytest -n 2`) starts them once, before its processes, which find them by the environment.
While developing, `TEST_SERVERS_HOME=<folder>` starts them there, or finds them again, and leaves them running (`iuran
down` with `IURAN_HOME=<folder>` stops them). Either way settings and addresses of the environment play no part.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.cli.progress import SILENT
from deploy.embedded import stack
from deploy.embedded.stack import Servers
from ledger.settings import Settings
from tests.support import foreign

KEPT = "TEST_SERVERS_HOME"
_of_the_run = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers for all processes of a run that is spread over several."""
    spread = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if spread and KEPT not in os.environ:
        home = Path(_of_the_run.enter_context(tempfile.TemporaryDirectory(prefix="iuran-test-"))) / "home"
        _of_the_run.enter_context(stack.ephemeral(home))
        os.environ[KEPT] = str(home)
        _of_the_run.callback(os.environ.pop, KEPT)


def pytest_unconfigure() -> None:
    """Stop what the run has started."""
    _of_the_run.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests had no part in the run for want of another language's toolchain, and of which."""
    for pattern, missing in foreign.MISSING.items():
        reason = missing()
        if reason is not None:
            terminalreporter.write_line(f"tests/foreign/{pattern} not run: {reason}")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Addresses of a started broker and database, shared by the run: use topics and databases of your own."""
    kept = os.environ.get(KEPT)
    if kept:
        yield stack.servers_up(Settings(home=Path(kept)), SILENT)
        return
    with tempfile.TemporaryDirectory(prefix="iuran-test-") as folder, stack.ephemeral(Path(folder) / "home") as started:
        yield started
