"""Tests that need a toolchain of another language: without it they are not collected, and the run says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import foreign
from tests.support.exports import MadeLog, made_ledger

collect_ignore_glob = [pattern for pattern, missing in foreign.MISSING.items() if missing() is not None]


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
