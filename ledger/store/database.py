"""Connections to the ledger's PostgreSQL, each in the role its work needs, and the migrations.

Three roles: the owner (migrations, `ledger init`), `iuran_writer` (the stream: inserts, and updates of heads,
positions and standings) and `iuran_reader` (API and audit: selects). A connection takes its role on opening, so code
that tries more than its work needs is refused by the database (L2).
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, LiteralString

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import IsolationLevel
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from ledger.errors import StoreUnavailable, Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

Role = Literal["owner", "writer", "reader"]
WRITER_NAME: Final = "iuran-stream"
"""How a stream process's connections call themselves to the server."""
_BY_INDEX: LiteralString = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
"""A writer only looks up by key; its plans must not turn into scans while statistics lag behind a fast load."""
_SET_ROLE: dict[str, LiteralString] = {"writer": "SET ROLE iuran_writer", "reader": "SET ROLE iuran_reader"}


def connect(url: str, role: Role) -> psycopg.Connection:
    """Open an autocommit connection in `role`. Raises StoreUnavailable when the database does not answer."""
    try:
        connection = psycopg.connect(url, autocommit=True)
        if role != "owner":
            connection.execute(_SET_ROLE[role])
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"database: expected an answer, got {str(error).strip()}") from error
    return connection


@contextmanager
def reading(url: str, settings: LiteralString = "", *, frozen: bool = False) -> Iterator[psycopg.Connection]:
    """Open a reader's connection that may only read; `frozen`: all that is read within is of one instant.

    `settings`: what else to SET for it. Raises StoreUnavailable, also from what is read within.
    """
    connection = connect(url, "reader")
    try:
        connection.execute("SET jit = off; " + settings)
        connection.autocommit = False
        connection.isolation_level = IsolationLevel.REPEATABLE_READ if frozen else None
        connection.read_only = True
        yield connection
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"database: expected an answer, got {str(error).strip()}") from error
    finally:
        connection.close()


async def connect_async(url: str, role: Role) -> psycopg.AsyncConnection:
    """The same for asyncio."""
    try:
        name = WRITER_NAME if role == "writer" else f"iuran-{role}"
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, application_name=name)
        if role == "writer":
            await connection.execute(_BY_INDEX)
        if role != "owner":
            await connection.execute(_SET_ROLE[role])
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"database: expected an answer, got {str(error).strip()}") from error
    return connection


def engine(url: str) -> Engine:
    """Give an SQLAlchemy engine on the same database, for the rows that are read and written as SQLModel objects."""
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable(f"database: expected an answer, got {str(error.orig).strip()}") from error


@contextmanager
def session(url: str) -> Iterator[Session]:
    """Give one SQLModel session as the owner; commits at the end, rolls back on an exception.

    Raises StoreUnavailable when the database does not answer.
    """
    bound = engine(url)
    try:
        with _answered(), Session(bound) as opened:
            yield opened
            opened.commit()
    finally:
        bound.dispose()


def migrate(url: str) -> None:
    """Bring the database to the newest schema; idempotent; one transaction. Raises StoreUnavailable."""
    bound = engine(url)
    try:
        with _answered(), bound.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        bound.dispose()


def check_schema(url: str) -> None:
    """Raise Unfit unless the database is at the schema this release was built for; StoreUnavailable when it is away."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    bound = engine(url)
    try:
        with _answered(), bound.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        bound.dispose()
    if found != newest:
        raise Unfit(f"database schema: expected {newest}, got {found or 'none'}; run `iuran ledger init` to migrate")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
