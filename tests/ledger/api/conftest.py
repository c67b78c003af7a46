"""One small real ledger behind one application, for all tests of the API: read only, so they can share it.

W-alice has gigs on two platforms over several days, W-bob a few, W-busy more than a snapshot's worth (so many that caps
are reached), and one record was refused. `api.get` asks with a
token of a role; tokens are signed with the ledger's own development key, as `iuran token issue` makes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from ledger.api import auth, keysets, tokens
from ledger.api.access import Role
from ledger.api.app import create_app
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger
from tests.support.ledgers import SmallLedger, found, gig

ALICE, BOB, BUSY = "W-alice", "W-bob", "W-busy"
SHARED = ("W-cho", "W-ben")
"""Workers of journals 0 and 1, for each of whom gojek reported a gig of the same id."""
DAYS = ("2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02")


@dataclass(frozen=True)
class Api:
    """The application, a client that runs it, and the ledger behind it."""

    app: FastAPI
    ledger: SmallLedger
    runner: asyncio.Runner
    client: httpx.AsyncClient

    def get(self, path: str, role: str | None = None, sub: str = "", **options: Any) -> httpx.Response:
        """Ask; with a role, as this subject."""
        headers = dict(options.pop("headers", {}))
        if role is not None:
            headers["Authorization"] = f"Bearer {tokens.issue(self.ledger.settings, Role(role), sub)}"
        return self.runner.run(self.client.request(options.pop("method", "GET"), path, headers=headers, **options))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says, past the API."""
        with psycopg.connect(self.ledger.url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload]

    def leaves_of(self, worker: str) -> list[tuple[int, bytes]]:
        """A worker's stored entries as (index, leaf), oldest first."""
        rows = self.rows(f'SELECT "index", leaf FROM entries WHERE worker = \'{worker}\' ORDER BY "index"')
        return [(index, bytes(leaf)) for index, leaf in rows]

    def entry_of(self, worker: str, platform: str = "gojek") -> tuple[int, int, bytes]:
        """Journal, index and leaf of this worker's first entry from a platform."""
        journal = self.ledger.journal_of(worker)
        source = f'"source":"urn:iuran:platform:{platform}"'.encode()
        return next((journal, index, leaf) for index, leaf in self.leaves_of(worker) if source in leaf)

    def rejected(self) -> tuple[int, int]:
        """Journal and index of the entry that records a refusal."""
        return self.rows('SELECT journal, "index" FROM rejections')[0]  # type: ignore[return-value]


@pytest.fixture(scope="session")
def api(servers, tmp_path_factory) -> Iterator[Api]:
    """See the module."""
    ledger = found(servers, tmp_path_factory.mktemp("api"), journals=2, platforms=("gojek", "grab"))
    ledger.publish(
        *(gig(f"A-{day}-{n}", ALICE, str(20_000 + 100 * n), time=f"{day}T0{n}:00:00Z") for day in DAYS for n in (1, 2)),
        *(gig(f"A-{day}", ALICE, "50000", platform="grab", time=f"{day}T12:00:00Z") for day in DAYS),
        *(gig(f"C-{n}", BUSY, "20000", platform=("gojek", "grab")[n % 2]) for n in range(90)),
        gig("B-1", BOB, "10000"),
        gig("B-2", BOB, "10000", zone="US-NY"),
        *(gig("S/1:x", worker, "10000") for worker in SHARED),
        b"no JSON",
    )
    ledger.drain()
    ledger.publish(*(gig(f"D-{n}", BUSY, "20000") for n in range(10)))
    ledger.drain()
    facts, _ = check_ledger(ledger.url)
    authenticate = auth.authenticator(keysets.key_set(ledger.settings), ledger.settings)
    app = create_app(Readers(ledger.url), authenticate, facts)
    with running(app, ledger) as api:
        yield api


@contextmanager
def running(app: FastAPI, ledger: SmallLedger) -> Iterator[Api]:
    """Run an application on a loop of its own, start-up and shutdown included."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://iuran.localhost")
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield Api(app, ledger, runner, client)
        runner.run(lifespan.__aexit__(None, None, None))
