"""Asks for what `standing` decides: the topics' ends, then how far the journals are, then how far they have come.

Waits only for journals that are behind, only while stream processes hold them, and no longer than they take to move.
Raises BrokerUnavailable, StoreUnavailable.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg

from contracts.topics import CONTROL
from ledger.audit.elsewhere import standing
from ledger.audit.elsewhere.standing import Look, Unread
from ledger.errors import StoreUnavailable
from ledger.store import database
from streams import unread as broker_side

if TYPE_CHECKING:
    from streams.connection import Broker

STILL_SECONDS: Final = 20
"""Longer than a stream process takes to find a new platform, or to open a journal that it was given."""
SESSIONS: Final = 2
"""A process that was killed holds its journals for one session; as long again for who takes them over."""
LOOK_SECONDS: Final = 1
_FEEDING: LiteralString = "SELECT name FROM topics WHERE platform IS NOT NULL ORDER BY name"
_READ: LiteralString = "SELECT topic, journal, next_offset FROM positions"
_SIZES: LiteralString = "SELECT journal, size FROM heads"


def pause(seconds: int) -> None:
    """Let the journals move."""
    time.sleep(seconds)


def waiting(
    broker: Broker, url: str, ledger: str, topic_prefix: str, journals: int, still_seconds: int
) -> tuple[Unread, ...]:
    """Give the records that the broker held before, and that journals which do not move have not read."""
    group = broker_side.stream_group(topic_prefix, ledger)
    with database.connect(url, "reader") as connection:
        feeding = [str(name) for (name,) in _rows(connection, _FEEDING)]
        ends = broker_side.ends(broker, [*feeding, topic_prefix + CONTROL], journals)
        first = then = _look(connection)
        held = bool(standing.behind(ends, first)) and broker_side.held(broker, group)
        deadline = time.monotonic() + still_seconds
        while held and standing.unmoved(ends, first, then) and time.monotonic() < deadline:
            pause(LOOK_SECONDS)
            then = _look(connection)
    unmoved = standing.unmoved(ends, first, then)
    records = broker_side.first_records(broker, unmoved, ends)
    held = held and bool(records) and broker_side.held(broker, group)
    return tuple(standing.found(unmoved, records, ends, held=held))


def _look(connection: psycopg.Connection) -> Look:
    read = {(str(topic), int(journal)): int(offset) for topic, journal, offset in _rows(connection, _READ)}
    return Look(read, {int(journal): int(size) for journal, size in _rows(connection, _SIZES)})


def _rows(connection: psycopg.Connection, query: LiteralString) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query).fetchall()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"database: expected an answer, got {str(error).strip()}") from error
