"""The ledger's own record of itself: its name, its journals' keys, its topics and platforms (SQLModel rows).

Small and rarely read: `ledger init` and `platform add` write it as the owner, every process reads it when it starts.
What is signed about the same facts stands in the journals (ledger.opened, platform.changed); start-up compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session, select

from ledger.errors import Unfit
from ledger.log.merkle import Frontier
from ledger.store.tables import HeadRow, LedgerRow, PositionRow, TopicRow


class LedgerFacts(NamedTuple):
    """What a process must know before it opens anything. `topics`: name -> topic id; `platforms`: name -> topic.

    `vkeys`: the verifier keys of each journal, its current Ed25519 key first, then ML-DSA-44, then retired ones.
    """

    name: str
    journals: int
    topic_prefix: str
    vkeys: tuple[tuple[str, ...], ...]
    topics: dict[str, str]
    platforms: dict[str, str]


def read_facts(session: Session) -> LedgerFacts | None:
    """Give the ledger of this database, or None when there is none yet."""
    row = session.get(LedgerRow, 1)
    if row is None:
        return None
    heads = session.exec(select(HeadRow).order_by(HeadRow.journal)).all()  # type: ignore[arg-type]
    topics = session.exec(select(TopicRow).order_by(TopicRow.name)).all()
    return LedgerFacts(
        row.name,
        row.journals,
        row.topic_prefix,
        tuple(tuple(head.vkey.split("\n")) for head in heads),
        {topic.name: topic.topic_id for topic in topics},
        {topic.platform: topic.name for topic in topics if topic.platform is not None},
    )


def write_ledger(session: Session, name: str, journals: int, topic_prefix: str, vkeys: Sequence[Sequence[str]]) -> None:
    """Write the ledger and an empty head for each journal. Raises Unfit when the database has another ledger."""
    facts = read_facts(session)
    if facts is not None:
        check_facts(facts, name, journals, topic_prefix)
        return
    session.add(LedgerRow(id=1, name=name, journals=journals, topic_prefix=topic_prefix))
    empty = Frontier(0, ()).encode()
    for number, own in enumerate(vkeys):
        lines = "\n".join(own)
        session.add(HeadRow(journal=number, size=0, commits=0, frontier=empty, vkey=lines, published_size=0))


def check_facts(facts: LedgerFacts, name: str, journals: int, topic_prefix: str) -> None:
    """Raise Unfit unless this is the ledger that the settings name."""
    found = (facts.name, facts.journals, facts.topic_prefix)
    if found != (name, journals, topic_prefix):
        raise Unfit(
            f"database: expected ledger {name} with {journals} journals and topic prefix {topic_prefix!r}, got "
            f"{facts.name} with {facts.journals} and {facts.topic_prefix!r}; name and journals are fixed for a "
            "ledger's life: set IURAN_LEDGER, IURAN_JOURNALS and IURAN_TOPIC_PREFIX to them, or use another database"
        )


def register_topic(session: Session, name: str, topic_id: str, platform: str | None) -> None:
    """Register a topic with the id it has now; one that is registered already must have the same id (Unfit)."""
    row = session.get(TopicRow, name)
    if row is None:
        session.add(TopicRow(name=name, topic_id=topic_id, platform=platform))
    elif row.topic_id != topic_id:
        raise Unfit(f"topic {name}: expected id {row.topic_id}, got {topic_id}: it was deleted and made anew")


def read_positions(session: Session) -> dict[tuple[str, int], int]:
    """Give the next offset of each (topic, journal) that any journal has read."""
    return {(row.topic, row.journal): row.next_offset for row in session.exec(select(PositionRow)).all()}
