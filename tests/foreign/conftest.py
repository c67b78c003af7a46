"""Tests that need a toolchain of another language: without it they are not collected, and the run says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import foreign
from tests.support.exports import MadeLog, made_ledger

_NEEDS = {"test_go_*.py": foreign.missing_go, "test_node_*.py": foreign.missing_node}
collect_ignore_glob = [pattern for pattern, missing in _NEEDS.items() if missing() is not None]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which foreign verifiers had no part in the run, and why."""
    for pattern, missing in _NEEDS.items():
        reason = missing()
        if reason is not None:
            terminalreporter.write_line(f"tests/foreign/{pattern} not run: {reason}")


@pytest.fixture(scope="session")
def made() -> list[MadeLog]:
    """A ledger of two journals with full and partial tiles; copy before you change a log of it."""
    return made_ledger()


@pytest.fixture(scope="session")
def export(made: list[MadeLog], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a folder; never written to, only copied."""
    folder = tmp_path_factory.mktemp("made")
    for log in made:
        log.write(folder)
    return folder


@pytest.fixture(scope="session")
def oracle() -> Iterator[foreign.Oracle]:
    """Go's log libraries, to be asked."""
    asked = foreign.Oracle()
    yield asked
    asked.close()
