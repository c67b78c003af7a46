"""The database's schema: migrations make what the classes describe, guard it, and name what is old."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from contracts.entry import Kind
from deploy.embedded.stack import Servers
from ledger.errors import StoreUnavailable, Unfit
from ledger.store import database, registry, startup, tables
from ledger.store.rows import COLUMNS, KIND_NUMBERS
from tests.support.databases import NAME, Bare, bare_ledger, drop

pytestmark = pytest.mark.stack


@pytest.fixture
def empty(servers: Servers) -> Iterator[str]:
    """An empty database's address."""
    name = f"empty_{secrets.token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    yield urlunsplit(urlsplit(servers.database_url)._replace(path=f"/{name}"))
    drop(servers.database_url, name)


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with two empty journals."""
    with bare_ledger(servers, journals=2) as ledger:
        yield ledger


def test_the_migrations_make_what_the_classes_describe(empty: str) -> None:
    database.migrate(empty)
    bound = database.engine(empty)
    with bound.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []
    bound.dispose()


def test_recorded_at_is_the_time_of_the_row_and_not_of_the_table(bare: Bare) -> None:
    with database.session(bare.url) as session:
        registry.register_topic(session, "gigs.gojek", "id-1", "gojek")
    assert bare.rows("SELECT count(DISTINCT recorded_at) FROM (TABLE topics UNION ALL TABLE topics) t") == [(1,)]
    assert bare.rows("SELECT (SELECT recorded_at FROM topics) > (SELECT recorded_at FROM ledger)") == [(True,)]


def test_migrating_again_changes_nothing_and_an_old_schema_is_refused(empty: str) -> None:
    with pytest.raises(Unfit, match="iuran ledger init"):
        database.check_schema(empty)
    database.migrate(empty)
    database.check_schema(empty)
    database.migrate(empty)
    database.check_schema(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(Unfit, match="expected 0007, got 0000"):
        database.check_schema(empty)


def test_a_ledger_of_an_older_release_is_refused_and_left_as_it_is(bare: Bare) -> None:
    bare.act("UPDATE alembic_version SET version_num = '0002'")
    with pytest.raises(
        Unfit, match=r"ledger of an older release; ledgers of releases before 1\.0 are not carried over"
    ):
        database.migrate(bare.url)
    assert bare.rows("SELECT version_num FROM alembic_version") == [("0002",)]
    assert bare.rows("SELECT count(*) FROM heads") == [(2,)]


def test_an_empty_database_of_the_older_schema_is_brought_up_to_this_one(empty: str) -> None:
    """Made as that release made it: without tiles, with the published note in heads."""
    database.migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        connection.execute("DROP TABLE tiles")
        connection.execute("ALTER TABLE heads ADD COLUMN published bytea")
    database.migrate(empty)
    bound = database.engine(empty)
    with bound.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    bound.dispose()
    with database.connect(empty, "writer") as connection:
        connection.execute("INSERT INTO tiles VALUES (0, 0, 0, '', '')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM tiles")


def test_indexes_and_order_of_workers_are_the_same_however_a_schema_came_to_be(empty: str) -> None:
    """The first migration makes what the classes describe, the later ones what they say: no index twice, none other."""
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'entries' ORDER BY 1"
    order = (
        "SELECT collation_name FROM information_schema.columns WHERE (table_name, column_name) = ('entries', 'worker')"
    )

    def found() -> tuple[list[Any], list[Any]]:
        with psycopg.connect(empty) as connection:
            return connection.execute(indexes).fetchall(), connection.execute(order).fetchall()

    database.migrate(empty)
    made = found()
    assert made[1] == [("C",)]
    assert [name for name, _ in made[0]] == [
        *("entries_acts", "entries_event_key", "entries_known", "entries_pkey", "entries_refers_to", "entries_worker")
    ]
    with psycopg.connect(empty) as connection:  # as the release before left it
        connection.execute("UPDATE alembic_version SET version_num = '0006'")
        connection.execute("DROP INDEX entries_worker, entries_known")
        connection.execute('ALTER TABLE entries ALTER COLUMN worker TYPE text COLLATE "default"')
        connection.execute('CREATE INDEX entries_worker ON entries (worker, "index") WHERE worker IS NOT NULL')
    assert found() != made
    database.migrate(empty)
    assert found() == made


def test_the_index_of_what_is_known_of_workers_is_of_what_they_stated_and_paid() -> None:
    known = next(own for own in tables.EntryRow.__table__.indexes if own.name == "entries_known")  # type: ignore[attr-defined]
    kinds = ", ".join(str(KIND_NUMBERS[kind]) for kind in (Kind.WORKER, Kind.REMITTANCE))
    assert str(known.dialect_options["postgresql"]["where"]) == f"kind IN ({kinds}) AND worker IS NOT NULL"


def test_a_schema_without_a_ledger_is_refused(empty: str) -> None:
    with pytest.raises(Unfit):
        startup.check_ledger(empty)
    database.migrate(empty)
    with pytest.raises(Unfit, match="iuran ledger init"):
        startup.check_ledger(empty)


def test_l2_every_append_only_table_has_both_guards(bare: Bare) -> None:
    found = bare.rows(
        "SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal ORDER BY 1, 2"
    )
    expected = [
        (table, name, "O") for table in sorted(tables.APPEND_ONLY) for name in ("append_only", "append_only_all")
    ]
    assert found == expected


def test_l2_the_roles_of_the_processes_cannot_log_in_nor_own_anything(bare: Bare) -> None:
    roles = "('iuran_writer', 'iuran_reader')"
    flags = "rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls"
    assert bare.rows(f"SELECT {flags} FROM pg_roles WHERE rolname IN {roles}") == [(False,) * 5] * 2
    assert bare.rows(f"SELECT tablename FROM pg_tables WHERE tableowner IN {roles}") == []


def test_what_copy_writes_is_what_the_table_has(bare: Bare) -> None:
    found = bare.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'entries'")
    assert {name for (name,) in found} == set(COLUMNS)
    assert set(KIND_NUMBERS) == set(Kind)
    assert sorted(KIND_NUMBERS.values()) == list(range(len(Kind)))


def test_a_new_ledgers_heads_are_empty_and_its_facts_read_back(bare: Bare) -> None:
    facts, positions = startup.check_ledger(bare.url)
    assert (facts.name, facts.journals, facts.topic_prefix) == (NAME, 2, "")
    assert facts.vkeys == tuple(tuple(signer.vkey() for signer in pair) for pair in bare.keys.pairs)
    assert positions == {}
    assert bare.rows("SELECT size, commits, published_size FROM heads") == [(0, 0, 0)] * 2


@pytest.mark.parametrize(
    ("name", "journals", "prefix"), [("other.localhost", 2, ""), (NAME, 3, ""), (NAME, 2, "p.")], ids=str
)
def test_another_ledgers_database_is_refused(bare: Bare, name: str, journals: int, prefix: str) -> None:
    with database.session(bare.url) as session, pytest.raises(Unfit, match="IURAN_LEDGER"):
        registry.write_ledger(session, name, journals, prefix, [])
    assert bare.rows("SELECT name, journals FROM ledger") == [(NAME, 2)]


def test_a_topic_is_registered_once_with_its_id(bare: Bare) -> None:
    for _ in range(2):
        with database.session(bare.url) as session:
            registry.register_topic(session, "gigs.gojek", "id-1", "gojek")
    with database.session(bare.url) as session, pytest.raises(Unfit, match="deleted and made anew"):
        registry.register_topic(session, "gigs.gojek", "id-2", "gojek")
    facts, _ = startup.check_ledger(bare.url)
    assert facts.topics == {"gigs.gojek": "id-1"}
    assert facts.platforms == {"gojek": "gigs.gojek"}


def test_a_database_that_is_away_is_breakage_whoever_asks() -> None:
    url = "postgresql://iuran@127.0.0.1:1/none"
    for ask in (database.migrate, database.check_schema, startup.check_ledger):
        with pytest.raises(StoreUnavailable):
            ask(url)
    with pytest.raises(StoreUnavailable), database.session(url) as session:
        registry.read_facts(session)
