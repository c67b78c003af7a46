"""One honest ledger on the real broker and database for the audit's tests: never written to, only copied."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer

from contracts.topics import gigs_topic, partition_of
from deploy import platforms
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.audit.elsewhere import outside
from ledger.audit.elsewhere.outside import Outside
from ledger.log.tiles import TILE_WIDTH
from tests.ledger.audit.tampering import copied
from tests.support.ledgers import SmallLedger, found, gig
from tests.support.signing import public_text

JOURNALS = 2
ALL = [f"W-{n:03}" for n in range(60)]
SIGNING = "uber"
"""The platform that signs all it sends."""
WORKERS = [[w for w in ALL if partition_of(w.encode(), JOURNALS) == n][:4] for n in range(JOURNALS)]


class Honest(NamedTuple):
    """A ledger with rejections, duplicates, gaps, signed gigs, a full tile and several checkpoints.

    And how it was earlier, and what was published.
    """

    ledger: SmallLedger
    earlier_url: str
    outside: Outside


def in_transaction(ledger: SmallLedger, *events: dict[str, object]) -> None:
    """Publish in one Kafka transaction: its end takes an offset of its own, which is a gap to who reads."""

    async def send() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=ledger.broker.bootstrap_servers, transactional_id=ledger.settings.topic_prefix
        )
        await producer.start()
        try:
            async with producer.transaction():
                for event in events:
                    worker = str(event["subject"]).encode()
                    topic = gigs_topic(str(event["source"]).rpartition(":")[2], ledger.settings.topic_prefix)
                    await producer.send(
                        topic, json.dumps(event).encode(), worker, partition_of(worker, ledger.settings.journals)
                    )
        finally:
            await producer.stop()

    asyncio.run(send())


@pytest.fixture(scope="session")
def honest(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honest]:
    """The ledger; each drain leaves a checkpoint per topic that brought something."""
    ledger = found(servers, tmp_path_factory.mktemp("audited"), journals=JOURNALS, platforms=("gojek", "grab"))
    platforms.add(ledger.settings, SIGNING, platforms.Wish(public_text(SIGNING), only=True), SILENT)
    gigs = [gig(f"G-{n}-{w}", w, f"{15000 + 700 * n}") for n in range(3) for ws in WORKERS for w in ws]
    ledger.publish(*gigs, *(gig(f"M-{n}", WORKERS[0][0], "8000") for n in range(TILE_WIDTH)))
    ledger.drain()
    ledger.publish(*(gig(f"S-{w}", w, "17000", platform=SIGNING) for ws in WORKERS for w in ws[:2]), sign=SIGNING)
    bad = [gig(f"B-{w}", w, "-1") for ws in WORKERS for w in ws[:2]]
    ledger.publish(gigs[0], gigs[4], *bad, b"no JSON", *(g | {"subject": WORKERS[0][0]} for g in gigs[4:5]))
    ledger.drain()
    in_transaction(ledger, *(gig(f"T-{w}", w, "21000") for ws in WORKERS for w in ws[:2]))
    ledger.publish(*(gig(f"U-{w}", w, "9900.50", platform="grab") for ws in WORKERS for w in ws))
    ledger.drain()
    with copied(servers, ledger.url) as earlier_url:
        ledger.publish(*(gig(f"V-{w}", w, "33000") for ws in WORKERS for w in ws))
        ledger.drain()
        ledger.publish(gigs[0], gigs[5], *(gig(f"X-{w}", w, "12000") for ws in WORKERS for w in ws[:2]), gigs[1])
        ledger.drain()
        notes = outside.newest(ledger.broker, ledger.settings.topic_prefix, JOURNALS)
        yield Honest(ledger, earlier_url, Outside(notes, notes))
