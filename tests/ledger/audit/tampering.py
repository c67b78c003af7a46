"""An attacker at the database: the owner, who may switch the guards off, and sometimes whoever holds the key too.

`Attacker` works on a copy of a ledger's database (`CREATE DATABASE ... TEMPLATE`), so that each forgery starts from the
same honest one. `resign` is what a holder of the journal's key can do afterwards: heads, frontiers and all checkpoints
of a journal made anew over the leaves as they now stand.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg

from contracts.entry import event_key
from deploy.embedded.stack import Servers
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.tiles import Tile
from ledger.store.keystore import LogSigner
from tests.support.exports import tile_files, tree_root

GUARDED = ("entries", "checkpoints", "rejections", "tiles")
Edit = Callable[[dict[str, Any]], None]

encode = msgspec.json.Encoder(order="sorted").encode


@contextmanager
def copied(servers: Servers, url: str) -> Iterator[str]:
    """Give the address of a copy of a database; it is dropped afterwards."""
    name, copy = urlsplit(url).path[1:], f"copy_{secrets.token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{copy}"))
        finally:
            drop(connection, copy)


def drop(connection: psycopg.Connection, name: str) -> None:
    """Drop a database; the server's own vacuum may be at work in it and may not be sent away, so ask again."""
    for attempt in range(20):
        try:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
            time.sleep(0.1 * attempt)
    raise AssertionError(f"database {name}: expected to drop it, got it in use")


class Attacker:
    """The owner of a ledger's database, at work on one journal."""

    def __init__(self, connection: psycopg.Connection, journal: int) -> None:
        self.connection = connection
        self.journal = journal
        for table in GUARDED:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")

    def do(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement; `JOURNAL` in it is this journal's number."""
        cursor = self.connection.execute(re.sub("JOURNAL", str(self.journal), statement), values)
        if not cursor.description:
            assert cursor.rowcount > 0, f"nothing done by {statement}"
            return []
        return cursor.fetchall()

    @property
    def size(self) -> int:
        """The journal's size by its head."""
        return int(self.do("SELECT size FROM heads WHERE journal = JOURNAL")[0][0])

    def leaf(self, index: int) -> bytes:
        """The stored leaf of an entry."""
        rows = self.do('SELECT leaf FROM entries WHERE journal = JOURNAL AND "index" = %s', index)
        return bytes(rows[0][0])

    def set_leaf(self, index: int, leaf: bytes) -> None:
        """Put other bytes in an entry's place."""
        self.do('UPDATE entries SET leaf = %s WHERE journal = JOURNAL AND "index" = %s', leaf, index)

    def edit(self, index: int, edit: Edit) -> None:
        """Change what an entry says, keeping it canonical."""
        content = msgspec.json.decode(self.leaf(index))
        edit(content)
        self.set_leaf(index, encode(content))

    def flip(self, index: int, text: bytes, within: bytes = b"") -> None:
        """Change the digit that follows a text in a leaf, looked for after `within`, to another digit."""
        leaf = bytearray(self.leaf(index))
        at = leaf.index(text, leaf.index(within)) + len(text)
        leaf[at] += -1 if leaf[at] in b"9f" else 1
        self.set_leaf(index, bytes(leaf))

    def leaves(self, end: int | None = None) -> list[bytes]:
        """All leaves, by index."""
        rows = self.do('SELECT leaf FROM entries WHERE journal = JOURNAL ORDER BY "index"')
        return [bytes(leaf) for (leaf,) in rows][:end]

    def of_kind(self, kind: str) -> list[int]:
        """The indexes of a kind of entry."""
        leaves = self.leaves()
        return [n for n, leaf in enumerate(leaves) if msgspec.json.decode(leaf)["kind"] == kind]

    def resign(self, signers: Sequence[LogSigner], *, keep_published: bool = False) -> None:
        """Make the journal consistent again over its leaves: checkpoints at their sizes, frontier, head, tiles."""
        leaves = self.leaves()
        sizes = [int(s) for (s,) in self.do("SELECT size FROM checkpoints WHERE journal = JOURNAL ORDER BY size")]
        for size in sizes:
            root = Frontier().append([leaf_hash(leaf) for leaf in leaves[:size]]).root()
            note = sign_checkpoint(Checkpoint(signers[0].name, size, root), signers)
            self.do("UPDATE checkpoints SET note = %s WHERE journal = JOURNAL AND size = %s", note, size)
        frontier = Frontier().append([leaf_hash(leaf) for leaf in leaves])
        self.do("UPDATE heads SET size = %s, frontier = %s WHERE journal = JOURNAL", frontier.size, frontier.encode())
        self.retile()
        if not keep_published and sizes:
            self.do("UPDATE heads SET published_size = %s WHERE journal = JOURNAL", sizes[-1])

    def retile(self) -> None:
        """Make the journal's stored tiles anew from its leaves."""
        self.connection.execute("DELETE FROM tiles WHERE journal = %s", (self.journal,))
        for path, hashes in tile_files(self.leaves()):
            tile = Tile.parse(path)
            if tile.level >= 0 and not tile.partial:
                row = [hashes[start : start + 32] for start in range(0, len(hashes), 32)]
                values = tile.level, tile.number, tree_root(row), hashes
                self.do(
                    "INSERT INTO tiles (journal, level, number, root, hashes) VALUES (JOURNAL, %s, %s, %s, %s)", *values
                )

    def cut_to(self, size: int) -> None:
        """Set the journal back to an earlier size in every table, as if nothing had come after."""
        gone: dict[str, int] = {}
        for leaf in self.leaves()[size:]:
            cause = msgspec.json.decode(leaf)["cause"]
            gone.setdefault(cause["topic"], cause["offset"] - cause["since"]["duplicates"] - cause["since"]["gap"])
        for topic, offset in gone.items():
            self.do(
                "UPDATE positions SET next_offset = %s, duplicates = 0, gap = 0 WHERE journal = JOURNAL AND topic = %s",
                offset,
                topic,
            )
        self.connection.execute('DELETE FROM rejections WHERE journal = %s AND "index" >= %s', (self.journal, size))
        self.do('DELETE FROM entries WHERE journal = JOURNAL AND "index" >= %s', size)
        self.do("DELETE FROM checkpoints WHERE journal = JOURNAL AND size > %s", size)
        self.retile()
        frontier = Frontier().append([leaf_hash(leaf) for leaf in self.leaves()])
        self.do(
            "UPDATE heads SET size = %s, frontier = %s, published_size = %s WHERE journal = JOURNAL",
            size,
            frontier.encode(),
            size,
        )

    def insert(self, index: int, leaf: bytes) -> None:
        """Put one more entry at an index."""
        entry = msgspec.json.decode(leaf)
        key = event_key(self.journal, entry["cause"]["source"], entry["cause"]["id"])
        self.do(
            'INSERT INTO entries (journal, kind, "index", event_key, worker, leaf) VALUES (JOURNAL, 0, %s, %s, %s, %s)',
            index,
            key.hex(),
            entry["event"]["subject"],
            leaf,
        )


def set_in(*path: Any, to: Any) -> Edit:
    """An edit that sets one member, or what a function makes of it."""

    def edit(content: dict[str, Any]) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to(content[path[-1]]) if callable(to) else to

    return edit
