"""`export_mb_per_s`: how fast a journal becomes a folder, from the database to files that are on the disk.

What is timed is what `iuran audit export` does: entries read, tiles proven against the signed root, bundles against
their tiles, every file synced and moved into its place, the manifest last. MB are those of the entries' bundles, 10^6
bytes. `export_again_mb_per_s` is the same command on the whole folder: everything is read and proven, nothing written.
"""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path
from typing import Final

import psycopg

from deploy.bench.proof import copy_entries, copy_tiles
from deploy.bench.report import figure, show
from deploy.cli.audit_export import exported
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.audit.exporting import export_sources
from ledger.log import keys
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.edge import Edge
from ledger.log.merkle import Frontier, leaf_hash
from ledger.store import database, registry
from ledger.store.keys import key_name

ENTRIES: Final = 300_000
LEAF_BYTES: Final = 900
AT_ONCE: Final = 2**14
LEDGER: Final = "bench.localhost"


def run(servers: Servers, home: Path, times: int) -> None:
    """Measure and print the two figures."""
    url = _filled(servers)
    megabytes = ENTRIES * (LEAF_BYTES + 2) / 10**6
    fresh: list[float] = []
    again: list[float] = []
    for number in range(times):
        folder = home / f"export-{number}"
        for rounds in (fresh, again):
            began = time.perf_counter()
            exported(folder, export_sources.of_database(url), SILENT)
            rounds.append(megabytes / (time.perf_counter() - began))
        shutil.rmtree(folder)
    setting = {"entries": ENTRIES, "leaf_bytes": LEAF_BYTES}
    show(figure("export_mb_per_s", "MB/s", fresh, **setting))
    show(figure("export_again_mb_per_s", "MB/s", again, **setting))


def _filled(servers: Servers) -> str:
    """Make a database with one journal of that many entries; give its address."""
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE exported")
    url = servers.database_url.replace("/iuran?", "/exported?", 1)
    database.migrate(url)
    name = key_name(LEDGER, 0)
    signers = (keys.generate(name), keys.generate(name, keys.MLDSA44))
    with database.session(url) as session:
        registry.write_ledger(session, LEDGER, 1, "", [[signer.vkey() for signer in signers]])
    frontier, row = Frontier(), Edge()
    with psycopg.connect(url) as connection:
        for start in range(0, ENTRIES, AT_ONCE):
            leaves = [secrets.token_bytes(LEAF_BYTES) for _ in range(start, min(ENTRIES, start + AT_ONCE))]
            frontier, nodes = frontier.grow([leaf_hash(leaf) for leaf in leaves])
            row, full = row.grow(nodes)
            copy_tiles(connection, 0, full)
            copy_entries(connection, 0, dict(enumerate(leaves, start)))
        note = sign_checkpoint(Checkpoint(name, ENTRIES, frontier.root()), signers)
        connection.execute("INSERT INTO checkpoints VALUES (0, %s, %s)", (ENTRIES, note))
        connection.execute(
            "UPDATE heads SET size = %s, frontier = %s, published_size = %s WHERE journal = 0",
            (ENTRIES, frontier.encode(), ENTRIES),
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) tiles, entries, checkpoints, heads")
    return url
