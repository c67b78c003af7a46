"""What all tests share: one real broker and one real database for the whole run.

`servers` starts them in a temporary home on first use and stops them at the end, whatever happened in between. While
developing, `TEST_SERVERS_HOME=<folder>` starts them there, or finds them again, and leaves them running (`iuran down`
with `IURAN_HOME=<folder>` stops them). Either way settings and addresses of the environment play no part.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli.progress import SILENT
from deploy.embedded import stack
from deploy.embedded.stack import Servers
from ledger.settings import Settings


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Addresses of a started broker and database, shared by the run: use topics and databases of your own."""
    kept = os.environ.get("TEST_SERVERS_HOME")
    if kept:
        yield stack.servers_up(Settings(home=Path(kept)), SILENT)
        return
    with tempfile.TemporaryDirectory(prefix="iuran-test-") as folder, stack.ephemeral(Path(folder) / "home") as started:
        yield started
