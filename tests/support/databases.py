"""A ledger in a database of its own, without a broker: for the laws of the store and the desk.

    with bare_ledger(servers) as ledger: ...

The schema is migrated once per server and copied for each ledger (CREATE DATABASE ... TEMPLATE), so one costs some
tens of milliseconds; it is dropped at the end. Keys and secrets are in memory only. What stands outside the database is
the test's affair (`tests.support.faults`).
"""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg

from contracts.codec import Record
from deploy.embedded.stack import Servers
from ledger.log import keys
from ledger.log.keys import LogVerifier, MlDsaSigner, Signer
from ledger.store import database, registry
from ledger.store.private_files import KeyFileError
from tests.support.strategies import Feed

NAME = "test.localhost"
_templates: dict[str, str] = {}


class Keys(NamedTuple):
    """A `keystore.KeyStore` in memory: for each journal its Ed25519 and its ML-DSA-44 key, and its secret.

    `later` are further keys, of whatever journal their name says.
    """

    pairs: tuple[tuple[Signer, MlDsaSigner], ...]
    salts: tuple[bytes, ...]
    later: tuple[Signer | MlDsaSigner, ...] = ()

    def signers(self, journal: int, vkeys: Sequence[str] = ()) -> tuple[Signer | MlDsaSigner, ...]:
        """The first keys of a journal, or those that are named."""
        known = {signer.vkey(): signer for signer in (*self.pairs[journal], *self.later)}
        missing = set(vkeys) - set(known)
        if missing:
            raise KeyFileError("keys: expected one that signs, got none such")
        return tuple(known[vkey] for vkey in vkeys) if vkeys else self.pairs[journal]

    def verifiers(self, journal: int) -> tuple[LogVerifier, ...]:
        """The public halves of a journal's keys."""
        name = self.pairs[journal][0].name
        own = (*self.pairs[journal], *(signer for signer in self.later if signer.name == name))
        return tuple(signer.verifier for signer in own)

    def secret(self, journal: int) -> bytes:
        """A journal's secret."""
        return self.salts[journal]


def make_keys(journals: int, name: str = NAME) -> Keys:
    """New keys of a ledger's journals."""
    names = [f"{name}/log/{number}" for number in range(journals)]
    pairs = tuple((keys.generate(name), keys.generate(name, keys.MLDSA44)) for name in names)
    return Keys(pairs, tuple(secrets.token_bytes(32) for _ in names))


class Bare(NamedTuple):
    """A ledger's database and what its journals sign with."""

    url: str
    keys: Keys

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The Ed25519 key of each journal, as entry 0 names them."""
        return tuple(pair[0] for pair in self.keys.pairs)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The secret of each journal."""
        return self.keys.salts

    def opening(self, feed: Feed) -> Record:
        """What entry 0 of the feed's journal is made of."""
        own = [signer.vkey() for signer in self.keys.signers(feed.journal)]
        return feed.opened(NAME, [signer.vkey() for signer in self.signers], own)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the owner reads."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[call-overload, no-any-return]

    def act(self, *statements: str) -> None:
        """What the owner does, in one transaction."""
        with psycopg.connect(self.url) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def tamper(self, table: str, *statements: str) -> None:
        """What the owner does behind the ledger's back: the guards of an append-only table are off meanwhile."""
        self.act(f"ALTER TABLE {table} DISABLE TRIGGER USER", *statements, f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def leaves(self, journal: int = 0) -> list[bytes]:
        """The stored leaf bytes of a journal, by index."""
        rows = self.rows('SELECT leaf FROM entries WHERE journal = %s ORDER BY "index"', journal)
        return [bytes(leaf) for (leaf,) in rows]


@contextmanager
def bare_ledger(servers: Servers, journals: int = 1, own: Keys | None = None) -> Iterator[Bare]:
    """A ledger with empty journals and keys of its own, unless some are given."""
    name = f"bare_{secrets.token_hex(6)}"
    template = _templates.get(servers.database_url) or _make_template(servers)
    _execute(servers.database_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        url = _at(servers.database_url, name)
        own = own or make_keys(journals)
        with database.session(url) as session:
            lines = [[signer.vkey() for signer in pair] for pair in own.pairs]
            registry.write_ledger(session, NAME, journals, "", lines)
        yield Bare(url, own)
    finally:
        drop(servers.database_url, name)


@contextmanager
def copied(ledger: Bare) -> Iterator[Bare]:
    """The same ledger in a copy of its database as it stands now: a backup, or a clone. Nobody may be connected."""
    parts = urlsplit(ledger.url)
    server, name = urlunsplit(parts._replace(path="/postgres")), f"copy_{secrets.token_hex(6)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {parts.path.strip('/')}")
    try:
        yield ledger._replace(url=_at(server, name))
    finally:
        drop(server, name)


def _make_template(servers: Servers) -> str:
    name = f"bare_template_{secrets.token_hex(6)}"
    _execute(servers.database_url, f"CREATE DATABASE {name}")
    database.migrate(_at(servers.database_url, name))
    _templates[servers.database_url] = name
    atexit.register(drop, servers.database_url, name)
    return name


def _at(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def drop(url: str, name: str) -> None:
    """Drop a database through a connection to another one; connections of ours to it are ended."""
    try:
        # not WITH (FORCE), which may not end the server's own autovacuum; a plain DROP may
        mine = "datname = %s AND usename = current_user AND pid <> pg_backend_pid()"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}", (name,))
            connection.execute(f"DROP DATABASE IF EXISTS {name}")  # type: ignore[call-overload]
    except psycopg.OperationalError as error:
        if isinstance(error, psycopg.errors.ObjectInUse):
            raise
        return  # the server was stopped before: nothing is left to drop


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
