"""A ledger made by the stream's own desks, in a database and without a broker: what audits and closes are measured on.

Records are made here and handed to each journal's desk as an agent would hand them over; desks decide, commit and sign
as ever, and their checkpoints are published to nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from contracts import events
from contracts.codec import Gate, Record
from contracts.currencies import EXPONENTS
from contracts.entry import ENGINE
from contracts.topics import CONTROL, gigs_topic, partition_of
from deploy.embedded.stack import Servers
from ledger.domain.language.document import load_document
from ledger.domain.scheme import Version
from ledger.store import database, registry
from ledger.store.keys import KeyFiles
from streams.desk import Desk
from streams.drain import Unwatched
from streams.office import Office
from streams.synthetic import bench_gigs

LEDGER: Final = "bench.localhost"
SCHEMES: Final = Path(__file__).parents[2] / "contracts" / "schemes"
PLATFORM: Final = "gojek"
WORKERS: Final = 20_000
AT_ONCE: Final = 3_000
"""Records in one commit, as the stream takes them when much is waiting."""
_ACTED: Final = "2026-01-01T00:00:00Z"


class Made(NamedTuple):
    """A made ledger: its database's address, its keys, each journal's secret, and how many records each topic's
    partition has, by journal.
    """

    url: str
    keys: KeyFiles
    secrets: Mapping[int, bytes]
    ends: Sequence[Mapping[str, int]]


class _Nowhere:
    """A `streams.office.Outside` where nothing stands and nothing is kept."""

    async def newest(self, journal: int) -> bytes | None:  # noqa: ARG002 - as the port has it
        """Nothing stands."""
        return None

    async def publish(self, journal: int, origin: str, note: bytes) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


def versions_of(scheme: str) -> tuple[Version, ...]:
    """Give a shipped scheme's versions."""
    return load_document((SCHEMES / f"{scheme}.yaml").read_text(encoding="utf-8"), f"{scheme}.yaml", EXPONENTS).versions


def made(
    servers: Servers, home: Path, name: str, gigs: int, journals: int, versions: Sequence[Version],
    workers: int = WORKERS,
) -> Made:  # fmt: skip
    """Make a ledger in a database of its own: `gigs` of one platform, spread evenly over workers, under one scheme."""
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
    for key, value in bench_gigs(1, gigs, workers):
        lots[partition_of(key, journals)].append((key, value))
    own = [records(CONTROL, number, acts) for number, acts in enumerate(_acts(vkeys, versions, topic))]
    with office_of(url, journals) as office:
        for number, acts in enumerate(own):
            asyncio.run(_write(Desk(number, keys, office), [*acts, *records(topic, number, lots[number])]))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    ends = [{CONTROL: len(acts), topic: len(lots[number])} for number, acts in enumerate(own)]
    return Made(url, keys, {number: keys.secret(number) for number in range(journals)}, ends)


def copied(servers: Servers, ledger: Made, name: str) -> Made:
    """Give the same ledger in a copy of its database, to which nobody may be connected."""
    of = ledger.url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        names = psycopg.sql.Identifier(name), psycopg.sql.Identifier(of)
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return ledger._replace(url=servers.database_url.replace("/iuran?", f"/{name}?", 1))


def _acts(vkeys: Sequence[Sequence[str]], versions: Sequence[Version], topic: str) -> list[list[tuple[bytes, bytes]]]:
    """Give each journal's acts: opened, its platform, the scheme's versions."""
    common: list[tuple[str, str, str, events.Data]] = [
        (
            events.PLATFORM_CHANGED,
            f"platform.{PLATFORM}.added",
            PLATFORM,
            events.PlatformChanged(platform=PLATFORM, status="active", topic=topic),
        ),
        *(enacting(version) for version in versions),
    ]
    first = tuple(own[0] for own in vkeys)
    opened = [
        events.LedgerOpened(
            engine=ENGINE, journal=number, journals=len(vkeys), ledger=LEDGER, own=tuple(own), vkeys=first
        )
        for number, own in enumerate(vkeys)
    ]
    return [
        [act_of(*act) for act in [(events.LEDGER_OPENED, "ledger.opened", LEDGER, opening), *common]]
        for opening in opened
    ]


def enacting(version: Version) -> tuple[str, str, str, events.Data]:
    """Give type, id, subject and data of the act that makes a version law."""
    data = events.SchemeEnacted(scheme=version.scheme, sha256=version.digest, text=version.text, version=version.id)
    return events.SCHEME_ENACTED, f"scheme/{version.scheme}/{version.id}", LEDGER, data


def act_of(kind: str, act: str, subject: str, data: events.Data) -> tuple[bytes, bytes]:
    """Give the key and value of an operator's act."""
    value = events.envelope(type=kind, source=events.OPERATOR_SOURCE, id=act, subject=subject, time=_ACTED, data=data)
    return subject.encode(), value


def records(topic: str, number: int, told: Sequence[tuple[bytes, bytes]], first: int = 0) -> list[Record]:
    """Give records of a topic's partition, from an offset on, as they would be fetched."""
    received = time.time_ns() // 1_000_000
    return [Record(topic, number, at, received, key, value, ()) for at, (key, value) in enumerate(told, first)]


@contextmanager
def office_of(url: str, journals: int) -> Iterator[Office]:
    """Give an office whose desks write this database's journals."""

    async def probe(topic: str, partition: int, offset: int) -> int | None:
        raise RuntimeError(f"bench: expected no gap, got one at {topic} {partition} {offset}")

    gates = {CONTROL: Gate(None, journals), gigs_topic(PLATFORM, ""): Gate(PLATFORM, journals)}
    with ThreadPoolExecutor(1, "thinking") as thinking:
        yield Office(url, gates, _Nowhere(), Unwatched(), probe, asyncio.Semaphore(1), thinking)


async def settle(desk: Desk, told: Sequence[Record]) -> None:
    """Have a desk settle records, as many at once as the stream takes."""
    for start in range(0, len(told), AT_ONCE):
        await desk.settle(told[start : start + AT_ONCE])


async def _write(desk: Desk, told: Sequence[Record]) -> None:
    try:
        await settle(desk, told)
    finally:
        await desk.let_go()
