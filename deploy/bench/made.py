"""A ledger made by the stream's own desks, in a database and without a broker: what audits are measured on.

Records are made here and handed to each journal's desk as an agent would hand them over; desks decide, commit and sign
as ever, and their checkpoints are published to nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from contracts import events
from contracts.codec import Gate, Record
from contracts.currencies import EXPONENTS
from contracts.entry import ENGINE
from contracts.topics import CONTROL, gigs_topic, partition_of
from deploy.embedded.stack import Servers
from ledger.domain.document import load_document
from ledger.store import database, registry
from ledger.store.keys import KeyFiles
from streams.desk import Desk
from streams.drain import Unwatched
from streams.office import Office
from streams.synthetic import bench_gigs

LEDGER: Final = "bench.localhost"
SCHEMES: Final = Path(__file__).parents[2] / "contracts" / "schemes"
PLATFORM: Final = "gojek"
AT_ONCE: Final = 3_000
"""Records in one commit, as the stream takes them when much is waiting."""
_ACTED: Final = "2026-01-01T00:00:00Z"


class Made(NamedTuple):
    """A made ledger: its database's address, and each journal's secret."""

    url: str
    secrets: Mapping[int, bytes]


class _Nowhere:
    """A `streams.office.Outside` where nothing stands and nothing is kept."""

    async def newest(self, journal: int) -> bytes | None:  # noqa: ARG002 - as the port has it
        """Nothing stands."""
        return None

    async def publish(self, journal: int, origin: str, note: bytes) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


def made(servers: Servers, home: Path, name: str, gigs: int, journals: int, scheme: str) -> Made:
    """Make a ledger in a database of its own: `gigs` of one platform under one scheme, over 20,000 workers."""
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    url = servers.database_url.replace("/iuran?", f"/{name}?", 1)
    database.migrate(url)
    keys = KeyFiles(home / name, LEDGER)
    vkeys = keys.generate(journals)
    with database.session(url) as session:
        registry.write_ledger(session, LEDGER, journals, "", vkeys)
    topic = gigs_topic(PLATFORM, "")
    lots: list[list[tuple[bytes, bytes]]] = [[] for _ in range(journals)]
    for key, value in bench_gigs(1, gigs):
        lots[partition_of(key, journals)].append((key, value))
    own = [_records(CONTROL, number, acts) for number, acts in enumerate(_acts(vkeys, scheme, topic))]
    asyncio.run(_settle(url, keys, [[*acts, *_records(topic, n, lots[n])] for n, acts in enumerate(own)]))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    return Made(url, {number: keys.secret(number) for number in range(journals)})


def _acts(vkeys: Sequence[Sequence[str]], scheme: str, topic: str) -> list[list[tuple[bytes, bytes]]]:
    """Give each journal's acts: opened, its platform, the scheme's versions."""
    text = (SCHEMES / f"{scheme}.yaml").read_text(encoding="utf-8")
    common: list[tuple[str, str, str, events.Data]] = [
        (
            events.PLATFORM_CHANGED,
            f"platform.{PLATFORM}.added",
            PLATFORM,
            events.PlatformChanged(platform=PLATFORM, status="active", topic=topic),
        ),
        *(
            (
                events.SCHEME_ENACTED,
                f"scheme/{version.scheme}/{version.id}",
                LEDGER,
                events.SchemeEnacted(
                    scheme=version.scheme, sha256=version.digest, text=version.text, version=version.id
                ),
            )
            for version in load_document(text, f"{scheme}.yaml", EXPONENTS).versions
        ),
    ]
    first = tuple(own[0] for own in vkeys)
    opened = [
        events.LedgerOpened(
            engine=ENGINE, journal=number, journals=len(vkeys), ledger=LEDGER, own=tuple(own), vkeys=first
        )
        for number, own in enumerate(vkeys)
    ]
    return [
        [_act(*act) for act in [(events.LEDGER_OPENED, "ledger.opened", LEDGER, opening), *common]]
        for opening in opened
    ]


def _act(kind: str, act: str, subject: str, data: events.Data) -> tuple[bytes, bytes]:
    value = events.envelope(type=kind, source=events.OPERATOR_SOURCE, id=act, subject=subject, time=_ACTED, data=data)
    return subject.encode(), value


def _records(topic: str, number: int, told: Sequence[tuple[bytes, bytes]]) -> list[Record]:
    received = time.time_ns() // 1_000_000
    return [Record(topic, number, at, received, key, value, ()) for at, (key, value) in enumerate(told)]


async def _settle(url: str, keys: KeyFiles, by_journal: Sequence[Sequence[Record]]) -> None:
    """Let each journal's desk settle its records."""

    async def probe(topic: str, partition: int, offset: int) -> int | None:
        raise RuntimeError(f"bench: expected no gap, got one at {topic} {partition} {offset}")

    journals = len(by_journal)
    gates = {CONTROL: Gate(None, journals), gigs_topic(PLATFORM, ""): Gate(PLATFORM, journals)}
    with ThreadPoolExecutor(1, "thinking") as thinking:
        office = Office(url, gates, _Nowhere(), Unwatched(), probe, asyncio.Semaphore(1), thinking)
        for number, records in enumerate(by_journal):
            desk = Desk(number, keys, office)
            try:
                for start in range(0, len(records), AT_ONCE):
                    await desk.settle(records[start : start + AT_ONCE])
            finally:
                await desk.let_go()
