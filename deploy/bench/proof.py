"""`proof_ms`: how long a receipt takes, from the question to the file's bytes, in journals of 10^3 to 10^7 entries.

What is timed is what the API does: look the entry up, take the newest published checkpoint, read the tiles, make the
proof, verify it, write the receipt. The journals are made without their past: the tiles of a tree of that size are
put straight into their table, over hashes that stand for entries; real entries lie where proofs and the right edge
read some. So 10^7 costs half a minute and not an hour, and what a proof reads is what it would read.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Final

import psycopg

from deploy.bench.report import figure, percentile, show
from deploy.embedded.stack import Servers
from ledger.log import keys, prover
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.edge import Edge, FullTile
from ledger.log.merkle import HASH_BYTES, Frontier, leaf_hash
from ledger.log.tiles import TILE_WIDTH
from ledger.store import database, registry
from ledger.store.keys import key_name
from ledger.store.readers import Readers
from ledger.store.receipts import make_receipt
from ledger.store.rows import copy_buffer, copy_row

SIZES: Final = (10**3, 10**4, 10**5, 10**6, 10**7)
LEDGER: Final = "bench.localhost"
PROVEN: Final = 400
"""Entries of each journal that receipts are made of, anywhere in it."""
LEAF_BYTES: Final = 900
AT_ONCE: Final = 2**16


def run(servers: Servers, times: int) -> None:
    """Measure and print the figures, one for each size."""
    url = _database(servers)
    for journal, size in enumerate(SIZES):
        proven = _journal(url, journal, size)
        asyncio.run(_timed(url, journal, proven))  # once unmeasured: the tiles are in memory as they would be
        rounds = [asyncio.run(_timed(url, journal, proven)) for _ in range(times)]
        slow = [round(percentile(milliseconds, 99), 3) for milliseconds in rounds]
        tiles = max(len(prover.needs_inclusion(index, size)) for index in proven)
        setting = {"entries": size, "receipts": PROVEN, "tiles_read_max": tiles, "p99": slow}
        show(figure("proof_ms", "ms", [percentile(milliseconds, 50) for milliseconds in rounds], **setting))


async def _timed(url: str, journal: int, proven: Mapping[int, bytes]) -> list[float]:
    """Give the milliseconds of each receipt."""
    readers = Readers(url, connections_max=2)
    await readers.open()
    taken = []
    try:
        for index, leaf in proven.items():
            began = time.perf_counter()
            found = await readers.entry(journal, index)
            cited = await readers.cited(journal, index)
            if found != leaf:
                raise RuntimeError(f"bench: expected entry {index} of journal {journal}, got another")
            receipt = await make_receipt(readers, journal, index, found, cited.note)
            receipt.format()
            taken.append((time.perf_counter() - began) * 1000)
    finally:
        await readers.close()
    return taken


def _database(servers: Servers) -> str:
    """Make a database with an empty ledger of as many journals as there are sizes."""
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE proof")
    url = servers.database_url.replace("/iuran?", "/proof?", 1)
    database.migrate(url)
    with database.session(url) as session:
        registry.write_ledger(session, LEDGER, len(SIZES), "", [["none"]] * len(SIZES))
    return url


def _journal(url: str, journal: int, size: int) -> dict[int, bytes]:
    """Fill a journal's tables as they would be at this size; give the entries to prove, by index."""
    chosen = sorted(random.Random(size).sample(range(size), min(size, PROVEN)))
    edge = range(size - size % TILE_WIDTH, size)
    real = {index: _leaf(index) for index in [*chosen, *edge]}
    frontier, row = Frontier(), Edge()
    with psycopg.connect(url) as connection:
        for start in range(0, size, AT_ONCE):
            frontier, nodes = frontier.grow(_hashes(start, min(size, start + AT_ONCE), real))
            row, full = row.grow(nodes)
            copy_tiles(connection, journal, full)
        copy_entries(connection, journal, real)
        name = key_name(LEDGER, journal)
        signers = (keys.generate(name), keys.generate(name, keys.MLDSA44))
        note = sign_checkpoint(Checkpoint(name, size, frontier.root()), signers)
        connection.execute("INSERT INTO checkpoints VALUES (%s, %s, %s)", (journal, size, note))
        connection.execute(
            "UPDATE heads SET size = %s, frontier = %s, published_size = %s WHERE journal = %s",
            (size, frontier.encode(), size, journal),
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) tiles, entries, checkpoints, heads")
    return {index: real[index] for index in chosen}


def _leaf(index: int) -> bytes:
    return b"%016d" % index + secrets.token_bytes(LEAF_BYTES - 16)


def _hashes(start: int, end: int, real: Mapping[int, bytes]) -> list[bytes]:
    """Give the leaf hashes of entries start..end-1: of real ones theirs, of the others 32 random bytes."""
    drawn = os.urandom(HASH_BYTES * (end - start))
    return [
        leaf_hash(real[index]) if index in real else drawn[at : at + HASH_BYTES]
        for index, at in zip(range(start, end), range(0, len(drawn), HASH_BYTES), strict=True)
    ]


def copy_tiles(connection: psycopg.Connection, journal: int, full: Iterable[FullTile]) -> None:
    """Put full tiles into their table."""
    statement = "COPY tiles (journal, level, number, root, hashes) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int2", "int2", "int8", "bytea", "bytea"])
        for tile in full:
            copy.write_row((journal, *tile))


def copy_entries(connection: psycopg.Connection, journal: int, real: Mapping[int, bytes]) -> None:
    """Put entries, by index, into their table."""
    statement = 'COPY entries (journal, kind, "index", event_key, worker, refers_to, leaf) FROM STDIN (FORMAT BINARY)'
    rows = [copy_row(journal, 0, index, None, None, leaf) for index, leaf in sorted(real.items())]
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(copy_buffer(rows))
