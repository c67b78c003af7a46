"""A small real ledger for tests: founded, fed and settled on the real broker and database, without a stream process.

    @pytest.fixture(scope="module")
    def small(servers, tmp_path_factory):
        ledger = found(servers, tmp_path_factory.mktemp("ledger"), journals=2)
        ledger.publish(gig("G-1", "W-alice", "18500"), gig("G-2", "W-bob", "20000", platform="gojek"))
        ledger.drain()          # what was published is now committed, signed and published
        return ledger

Each ledger has a database, a topic prefix, a home and keys of its own, so any number of them share the servers of a
run. `drain` is the stream's own path (desk, pipeline, journal) fed by a plain consumer: when it returns, all that was
published before is under a published checkpoint. `SmallLedger.settings` have the addresses filled in, so every door
(`iuran` commands, the API, the stream) can be opened on them.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from kafka import KafkaProducer

from contracts.currencies import EXPONENTS
from contracts.topics import gigs_topic, partition_of
from deploy import founding
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.domain.language.document import load_document
from ledger.settings import Settings
from ledger.store import keys
from ledger.store.startup import check_ledger
from streams.connection import Broker
from streams.drain import drain
from tests.support.signing import signature_of

SCHEMES = Path(__file__).parents[2] / "contracts" / "schemes"


@dataclass(frozen=True)
class SmallLedger:
    """What a test holds of its ledger."""

    settings: Settings
    broker: Broker
    url: str

    def publish(self, *events: dict[str, Any] | bytes, sign: str | None = None) -> None:
        """Put events (members, or raw bytes under the key `W-raw`) on their platforms' topics, acknowledged by all.

        `sign` is the word of the key (`tests.support.signing`) under which all of them are signed.
        """
        producer = KafkaProducer(bootstrap_servers=self.broker.bootstrap_servers, acks="all")
        try:
            sent = [producer.send(*self._place(event, sign)) for event in events]
            for future in sent:
                future.get(timeout=30)
        finally:
            producer.close(timeout=30)

    def drain(self) -> None:
        """Settle all that waits on every topic of the ledger; publishes the checkpoints."""
        facts, _ = check_ledger(self.url)

        async def settle() -> None:
            office = founding.office_of(self.broker, self.url, facts)
            try:
                await drain(self.broker, office, keys.of_settings(self.settings, facts.name), facts.journals)
            finally:
                await office.outside.close()  # type: ignore[attr-defined]

        asyncio.run(settle())

    def journal_of(self, worker: str) -> int:
        """The journal in which this worker's entries lie."""
        return partition_of(worker.encode(), self.settings.journals)

    def leaves(self, journal: int) -> list[bytes]:
        """The stored leaf bytes of a journal, by index."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute('SELECT leaf FROM entries WHERE journal = %s ORDER BY "index"', (journal,))
            return [bytes(leaf) for (leaf,) in rows]

    def _place(
        self, event: dict[str, Any] | bytes, sign: str | None
    ) -> tuple[str, bytes, bytes, list[tuple[str, bytes]] | None, int]:
        if isinstance(event, bytes):
            platform, key, value = "gojek", b"W-raw", event
        else:
            platform, key = event["source"].rpartition(":")[2], event["subject"].encode()
            value = json.dumps(event).encode()
        partition = partition_of(key, self.settings.journals)
        headers = None if sign is None else [("iuran-signature", signature_of(value, sign).encode())]
        return gigs_topic(platform, self.settings.topic_prefix), value, key, headers, partition


def found(
    servers: Servers,
    home: Path,
    *,
    journals: int = 2,
    platforms: Sequence[str] = ("gojek",),
    schemes: Iterable[str] = ("ID-JK-PILOT",),
    **settings: Any,
) -> SmallLedger:
    """Found a ledger with these platforms and all versions of these shipped schemes enacted; further `settings` pass.

    `home` is an empty folder of the test's own; keys go below it.
    """
    name = f"t{secrets.token_hex(6)}"
    url = new_database(servers, name)
    chosen = Settings(
        home=home,
        journals=journals,
        kafka_bootstrap_servers=servers.kafka_bootstrap_servers,
        database_url=url,
        topic_prefix=f"{name}.",
        **settings,
    )
    founding.found_ledger(chosen, SILENT)
    ledger = SmallLedger(chosen, founding.servers_of(chosen)[0], url)
    for platform in platforms:
        founding.add_platform(chosen, platform, SILENT)
    for scheme in schemes:
        path = SCHEMES / f"{scheme}.yaml"
        for version in load_document(path.read_text(encoding="utf-8"), path.name, EXPONENTS).versions:
            founding.enact(chosen, version, SILENT)
    ledger.drain()
    return ledger


def new_database(servers: Servers, name: str) -> str:
    """Make an empty database on the servers; give its address."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"database name: expected [a-z][a-z0-9_]*, got {name!r}")
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return urlunsplit(urlsplit(servers.database_url)._replace(path=f"/{name}"))


def gig(
    gig_id: str,
    worker: str,
    fare: str,
    *,
    platform: str = "gojek",
    time: str = "2026-03-01T08:15:30Z",
    **changes: Any,
) -> dict[str, Any]:
    """A good `gig.completed` as members: a motorcycle ride in Jakarta; `changes` replace members of its data."""
    ride = {
        "service": "ride",
        "vehicle": "motorcycle",
        "zone": "ID-JK",
        "currency": "IDR",
        "components": [{"kind": "fare", "amount": fare}],
    }
    return {
        "specversion": "1.0",
        "id": gig_id,
        "source": f"urn:iuran:platform:{platform}",
        "type": "gig.completed.v1",
        "subject": worker,
        "time": time,
        "data": ride | changes,
    }
