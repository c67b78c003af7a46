"""The rows of the ledger's database as SQLModel classes: columns and constraints, nothing else.

The classes are the schema's one description; `migrations/` brings a database to it and a test holds the two together.
Append-only tables (APPEND_ONLY) are guarded by triggers and rights that the migrations set (L2).
Sizes matter here: a gig is one row of `entries` in three indexes, so its columns are few and narrow.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import Uuid as UuidColumn
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

APPEND_ONLY = ("entries", "checkpoints", "rejections", "tiles", "witnesses", "cosignatures", "quorums")


def _recorded_at() -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class LedgerRow(SQLModel, table=True):
    """The one ledger of this database (a single row, id 1)."""

    __tablename__ = "ledger"

    id: int = Field(default=1, sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    journals: int = Field(sa_column=Column(SmallInteger, nullable=False))
    topic_prefix: str = Field(sa_column=Column(Text, nullable=False))
    recorded_at: datetime | None = _recorded_at()


class TopicRow(SQLModel, table=True):
    """A topic as it was when registered: start-up refuses one that was deleted and made anew (other id)."""

    __tablename__ = "topics"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    topic_id: str = Field(sa_column=Column(Text, nullable=False))
    platform: str | None = Field(default=None, sa_column=Column(Text, nullable=True, unique=True))
    recorded_at: datetime | None = _recorded_at()


class HeadRow(SQLModel, table=True):
    """A journal's head: what the next commit must find unchanged (`commits` is the compare-and-swap).

    `vkey` has one verifier key a line: the current Ed25519 and ML-DSA-44 keys, then retired ones. What was published
    at `published_size` is the checkpoint of that size.
    """

    __tablename__ = "heads"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    commits: int = Field(sa_column=Column(BigInteger, nullable=False))
    frontier: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    vkey: str = Field(sa_column=Column(Text, nullable=False))
    published_size: int = Field(sa_column=Column(BigInteger, nullable=False))


class EntryRow(SQLModel, table=True):
    """Leaf `index` of a journal; `worker` and `event_key` repeat what the leaf says, for the indexes.

    `refers_to` is the event key of the gig that an entry adjusts or reverses. Workers are ordered by code point, as a
    close goes through them, whatever the database sorts by.
    """

    __tablename__ = "entries"
    __table_args__ = (
        Index("entries_worker", "journal", "worker", "index", postgresql_where="worker IS NOT NULL"),
        Index("entries_event_key", "event_key", unique=True, postgresql_where="event_key IS NOT NULL"),
        Index("entries_known", "journal", "worker", "kind", postgresql_where="kind IN (7, 9) AND worker IS NOT NULL"),
        Index("entries_refers_to", "refers_to", "index", postgresql_where="refers_to IS NOT NULL"),
        Index("entries_acts", "journal", "index", postgresql_where="kind > 1 AND worker IS NULL"),
    )

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    event_key: UUID | None = Field(default=None, sa_column=Column(UuidColumn, nullable=True))
    worker: str | None = Field(default=None, sa_column=Column(Text(collation="C"), nullable=True))
    refers_to: UUID | None = Field(default=None, sa_column=Column(UuidColumn, nullable=True))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PositionRow(SQLModel, table=True):
    """How far a journal has read a topic's partition, and what is not yet under a signature (L12)."""

    __tablename__ = "positions"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    topic: str = Field(sa_column=Column(Text, primary_key=True))
    next_offset: int = Field(sa_column=Column(BigInteger, nullable=False))
    duplicates: int = Field(sa_column=Column(BigInteger, nullable=False))
    gap: int = Field(sa_column=Column(BigInteger, nullable=False))


class CheckpointRow(SQLModel, table=True):
    """Every signed checkpoint of a journal, by tree size."""

    __tablename__ = "checkpoints"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    note: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TileRow(SQLModel, table=True):
    """A full tile of a journal's tree (c2sp.org/tlog-tiles): 256 hashes, 32 bytes each, and the root over them."""

    __tablename__ = "tiles"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    level: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class WitnessRow(SQLModel, table=True):
    """A witness's verifier key, and the number under which its cosignatures are kept."""

    __tablename__ = "witnesses"

    id: int | None = Field(default=None, sa_column=Column(SmallInteger, Identity(), primary_key=True))
    vkey: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    recorded_at: datetime | None = _recorded_at()


class CosignatureRow(SQLModel, table=True):
    """A witness's verified signature over the checkpoint of this size: key id, time and signature, as in its line."""

    __tablename__ = "cosignatures"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    witness: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class QuorumRow(SQLModel, table=True):
    """A size at which a journal's checkpoint had the cosignatures that the policy of that time asked for."""

    __tablename__ = "quorums"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class RejectionRow(SQLModel, table=True):
    """A refused record as it came; the entry at (journal, index) holds its hash and code.

    Once, its key, value and headers may be erased: then the last three columns say when, by whom (the database's name
    for them) and why.
    """

    __tablename__ = "rejections"
    __table_args__ = (UniqueConstraint("journal", "topic", "partition", "offset"),)

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    topic: str = Field(sa_column=Column(Text, nullable=False))
    partition: int = Field(sa_column=Column(Integer, nullable=False))
    offset: int = Field(sa_column=Column(BigInteger, nullable=False))
    timestamp_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    code: str = Field(sa_column=Column(Text, nullable=False))
    detail: str = Field(sa_column=Column(Text, nullable=False))
    key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    value: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    headers: list[list[str | None]] = Field(sa_column=Column(JSONB, nullable=False))
    recorded_at: datetime | None = _recorded_at()
    erased_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    erased_by: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    erased_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class StandingRow(SQLModel, table=True):
    """A worker's account as of entry `as_of`: a short cut that can be rebuilt from the entries at any time."""

    __tablename__ = "standings"

    journal: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    worker: str = Field(sa_column=Column(Text, primary_key=True))
    as_of: int = Field(sa_column=Column(BigInteger, nullable=False))
    account: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
