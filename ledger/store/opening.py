"""Opening a journal: claimed, and held against what was published, signed and stored before anything is added.

The claim moves the commit count, so the writer before is fenced (L3). What is checked: the head against the newest
entry and the newest checkpoint (L5, L7), the tiles' right edge against the head's frontier, and the tree against the
newest checkpoint outside the database (L6). Which keys sign is read from the journal's own entries (`ledger.keyring`),
and believed only of keys that are at hand: a checkpoint must be signed by one that signs its size. What does not fit is
Unfit, with what to do. Costs the same whatever the journal's size, but for a published size that has no checkpoint any
more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from contracts.entry import Kind, Position, decode
from ledger.errors import StoreUnavailable, Unfit
from ledger.keyring import ring_of
from ledger.log.checkpoint import Checkpoint, claimed, open_checkpoint
from ledger.log.merkle import Frontier, TreeError, leaf_hashes
from ledger.store.journal import Head, Journal
from ledger.store.rows import KIND_NUMBERS
from ledger.store.startup import other_keys
from ledger.store.tiles import load_edge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.keyring import KeyRing
    from ledger.log.keys import LogVerifier
    from ledger.store.keystore import KeyStore

_KEY_ACTS = (
    'SELECT leaf FROM entries WHERE journal = %s AND kind = ANY(%s) AND kind > 1 AND worker IS NULL ORDER BY "index"'
)
_LISTED = "UPDATE heads SET vkey = %s WHERE journal = %s"
_CLAIM = "UPDATE heads SET commits = commits + 1 WHERE journal = %s RETURNING size, commits, frontier, vkey"


async def open_journal(
    connection: psycopg.AsyncConnection, number: int, keys: KeyStore, outside: bytes | None
) -> Journal:
    """Claim journal `number` and check it against `outside`, the newest checkpoint on `iuran.checkpoints`.

    Raises Unfit when its keys are not at hand, when the database has no such journal, other keys, tiles that are not
    its tree's, or stands below or beside what was published (a restored backup, a clone, another ledger's database),
    StoreUnavailable when it does not answer.
    """
    at_hand = keys.verifiers(number)
    try:
        async with connection.transaction():
            row = await (await connection.execute(_CLAIM, (number,))).fetchone()
            if row is None:
                raise Unfit(f"database: expected journal {number}, got none; run `iuran ledger init`")
            commits, frontier, listed = _head_of(number, row)
            ring = await _ring(connection, number)
            if ring.keys and ring.listed() != listed:
                # an act changed them, and a crash came before the head could say so; a stranger's key is no such thing
                if not set(listed) <= set(ring.listed()):
                    raise other_keys(number, listed, ring.listed())
                await connection.execute(_LISTED, ("\n".join(ring.listed()), number))
            names = [verifier.vkey() for verifier in ring.signing(frontier.size + 1)] or list(listed)
            if not set(names) <= {verifier.vkey() for verifier in at_hand}:
                raise other_keys(number, names, [verifier.vkey() for verifier in at_hand])
            signers = keys.signers(number, names)
            published = None if outside is None else _opened(outside, ring, at_hand, number, frontier.size)
            await _check_entries(connection, number, frontier, believed(ring, frontier.size, at_hand))
            edge = await load_edge(connection, number, frontier)
            if published is not None:
                await _check_published(connection, number, frontier, published)
            rows = await connection.execute(
                "SELECT topic, next_offset, duplicates, gap FROM positions WHERE journal = %s", (number,)
            )
            positions = {str(t): Position(int(n), int(d), int(g)) async for t, n, d, g in rows}
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"journal {number}: {str(error).strip()}", outcome_known=False) from error
    journal = Journal(connection, number, signers, Head(commits, frontier, edge), published)
    journal.positions = positions
    return journal


def believed(ring: KeyRing, size: int, at_hand: Sequence[LogVerifier]) -> Sequence[LogVerifier]:
    """Give the keys at hand that may vouch for a checkpoint of this size; all of them where no entry says which."""
    return [v for v in ring.vouching(size) if v in at_hand] if ring.keys and size else at_hand


async def _ring(connection: psycopg.AsyncConnection, number: int) -> KeyRing:
    kinds = [KIND_NUMBERS[Kind.LEDGER], KIND_NUMBERS[Kind.KEY]]
    rows = await (await connection.execute(_KEY_ACTS, (number, kinds))).fetchall()
    try:
        return ring_of(decode(bytes(leaf)) for (leaf,) in rows)
    except ValueError as error:
        raise Unfit(f"journal {number}: entries about its keys: {error}; run `iuran audit verify`") from error


def _head_of(number: int, row: Sequence[Any]) -> tuple[int, Frontier, tuple[str, ...]]:
    size, commits, encoded, vkey = row
    try:
        frontier = Frontier.decode(bytes(encoded))
    except TreeError as error:
        raise Unfit(f"journal {number}: {error}; run `iuran audit verify`") from error
    if size != frontier.size:
        raise Unfit(
            f"journal {number}: expected its head at size {frontier.size}, as its frontier says, got {size}; "
            "run `iuran audit verify`"
        )
    return int(commits), frontier, tuple(vkey.split("\n"))


def _opened(note: bytes, ring: KeyRing, at_hand: Sequence[LogVerifier], number: int, size: int) -> Checkpoint:
    """Open what was published; where it is ahead of the database, keys may have changed since: any at hand will do."""
    try:
        ahead = claimed(note).size > size
        return open_checkpoint(note, at_hand if ahead else believed(ring, claimed(note).size, at_hand))
    except ValueError as error:
        raise Unfit(
            f"journal {number}: expected the last published checkpoint signed by {at_hand[0].vkey()}, got {error}; "
            "the topic iuran.checkpoints belongs to another ledger, or the keys at hand are not this journal's"
        ) from error


async def _check_entries(
    connection: psycopg.AsyncConnection, number: int, frontier: Frontier, verifiers: Sequence[LogVerifier]
) -> None:
    """L5: the newest entry is leaf size-1 and the newest checkpoint, signed, is of the head's size and root."""
    row = await (
        await connection.execute(
            'SELECT (SELECT max("index") FROM entries WHERE journal = %s), '
            "(SELECT note FROM checkpoints WHERE journal = %s ORDER BY size DESC LIMIT 1)",
            (number, number),
        )
    ).fetchone()
    newest, note = (None, None) if row is None else row
    size = frontier.size
    if (-1 if newest is None else newest) != size - 1:
        raise Unfit(
            f"journal {number}: expected {size} entries, the newest at index {size - 1}, got {newest}; "
            "entries were added or removed behind the ledger's back: run `iuran audit verify`"
        )
    try:
        newest_signed = None if note is None else open_checkpoint(bytes(note), verifiers)
    except ValueError as error:
        raise Unfit(f"journal {number}: newest checkpoint: {error}; run `iuran audit verify`") from error
    expected = Checkpoint(verifiers[0].name, size, frontier.root()) if size else None
    if newest_signed != expected:
        raise Unfit(f"journal {number}: expected a checkpoint of its head at size {size}; run `iuran audit verify`")


async def _check_published(
    connection: psycopg.AsyncConnection, number: int, frontier: Frontier, published: Checkpoint
) -> None:
    """L6: the tree contains the one that was last published outside."""
    size = frontier.size
    if size < published.size:
        raise Unfit(
            f"journal {number}: expected at least the {published.size} entries that were published, got {size}; "
            "the database was restored from an older backup, or is not this ledger's: restore the newest one"
        )
    root = frontier.root()
    if size > published.size:
        root = await root_at(connection, number, published.size)
    if root != published.root:
        raise Unfit(
            f"journal {number}: expected the tree of size {published.size} that was published, got another; "
            "the database is a clone that went its own way: keep both, and run `iuran audit verify`"
        )


async def root_at(connection: psycopg.AsyncConnection, number: int, size: int) -> bytes:
    """Give the root of a journal's first `size` entries: from the checkpoint of that size, else from the entries."""
    row = await (
        await connection.execute("SELECT note FROM checkpoints WHERE journal = %s AND size = %s", (number, size))
    ).fetchone()
    if row is not None:
        return claimed(bytes(row[0])).root
    frontier = Frontier(0, ())
    async with connection.cursor(name=f"leaves_{number}") as cursor:
        cursor.itersize = 1000
        await cursor.execute(
            'SELECT leaf FROM entries WHERE journal = %s AND "index" < %s ORDER BY "index"', (number, size)
        )
        while rows := await cursor.fetchmany(1000):
            frontier = frontier.append(leaf_hashes(bytes(row[0]) for row in rows))
    return frontier.root()
