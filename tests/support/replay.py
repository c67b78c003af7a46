"""A replay: Kafka's records fed in each journal's own order into an empty database, with the same keys and secrets.

What it must end with is what the ledger has: the same leaf bytes and so the same roots (L4). The order is read from
the causes of the entries, index by index; the records come from the topics, each topic's from its first offset, so
counted duplicates and gaps stand where they stood. Nothing else is taken from the ledger's database. The desks,
the pipeline and the journal are the stream's; only what stands outside (checkpoints on Kafka) is left out, or the
replay would refuse to sign below what the ledger published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg

from contracts.codec import Record
from deploy import founding
from deploy.embedded.stack import Servers
from ledger.log.merkle import Frontier
from ledger.store import database, keys, registry
from ledger.store.registry import LedgerFacts
from ledger.store.startup import check_ledger
from streams.desk import Desk
from streams.drain import read
from tests.support.ledgers import SmallLedger, new_database
from tests.support.running import journal_entries

BATCH_RECORDS = 1500


class End(NamedTuple):
    """Where a journal ends: its size, its root, and (next offset, duplicates, gap) by topic."""

    size: int
    root: bytes
    positions: dict[str, tuple[int, int, int]]


class Nowhere:
    """A `streams.office.Outside` that keeps nothing."""

    async def newest(self, journal: int) -> bytes | None:
        """Nothing was ever published."""
        return None

    async def publish(self, journal: int, origin: str, note: bytes) -> None:
        """Nobody reads it."""

    async def close(self) -> None:
        """Nothing to let go of."""


def replay(ledger: SmallLedger, servers: Servers) -> str:
    """Replay all of a ledger that has settled; give the address of the replica's database."""
    facts, _ = check_ledger(ledger.url)
    url = new_database(servers, f"{urlsplit(ledger.url).path.strip('/')}_replay")
    database.migrate(url)
    with database.session(url) as session:
        registry.write_ledger(session, facts.name, facts.journals, facts.topic_prefix, facts.vkeys)
        for topic, topic_id in facts.topics.items():
            registry.register_topic(session, topic, topic_id, _platform_of(facts, topic))
    asyncio.run(_replay(ledger, url, facts))
    return url


async def _replay(ledger: SmallLedger, url: str, facts: LedgerFacts) -> None:
    office = founding.office_of(ledger.broker, url, facts)._replace(outside=Nowhere())
    own = keys.of_settings(ledger.settings, facts.name)
    for journal in range(facts.journals):
        records = {
            topic: [record async for some in read(ledger.broker, topic, journal, 0) for record in some]
            for topic in office.gates
        }
        desk = Desk(journal, own, office)
        await desk.open()
        ordered = list(in_order(ledger, journal, records))
        for start in range(0, len(ordered), BATCH_RECORDS):
            await desk.settle(ordered[start : start + BATCH_RECORDS])
        await desk.let_go()


def in_order(ledger: SmallLedger, journal: int, records: Mapping[str, Sequence[Record]]) -> Iterator[Record]:
    """Give a journal's records in its own order: up to each entry's cause in turn, then what no entry followed."""
    rests = {topic: iter(some) for topic, some in records.items()}
    for entry in journal_entries(ledger, journal):
        for record in rests[entry.cause.topic]:
            yield record
            if record.offset >= entry.cause.offset:
                break
    for rest in rests.values():
        yield from rest


def ends_of(url: str) -> dict[int, End]:
    """Where each journal of a database ends; compare a ledger's with its replay's."""
    with psycopg.connect(url) as connection:
        found = {
            int(journal): End(int(size), Frontier.decode(bytes(frontier)).root(), {})
            for journal, size, frontier in connection.execute("SELECT journal, size, frontier FROM heads")
        }
        for journal, topic, *counts in connection.execute(
            "SELECT journal, topic, next_offset, duplicates, gap FROM positions"
        ):
            found[int(journal)].positions[topic] = (int(counts[0]), int(counts[1]), int(counts[2]))
    return found


def _platform_of(facts: LedgerFacts, topic: str) -> str | None:
    return next((platform for platform, name in facts.platforms.items() if name == topic), None)
