"""Tiles and bundles over HTTP, as a client that knows the specification alone would ask for them.

The log is a journal of small entries with full tiles, signed at several sizes and published at all but the newest.
What a test says of tlog-tiles names the section of c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ledger.api import auth, keysets
from ledger.api.app import create_app
from ledger.audit.sources.notes import notes_of
from ledger.log import prover
from ledger.log.checkpoint import claimed, open_checkpoint
from ledger.log.keys import parse_vkey
from ledger.log.merkle import leaf_hash
from ledger.log.tiles import Tile, decode_bundle, tiles_of_level, tiles_of_size
from ledger.settings import Settings
from ledger.store import database
from ledger.store.opening import open_journal
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger
from tests.ledger.api.conftest import Api, running
from tests.support.databases import Bare, bare_ledger
from tests.support.ledgers import SmallLedger
from tests.support.plain import batch

pytestmark = pytest.mark.stack

SIGNED = (1, 255, 256, 257, 600, 1026)
"""Sizes signed and published, the last one shown; 1200 is signed and not published."""
PUBLISHED, NEWEST = SIGNED[-1], 1200
LEAVES = [b"%d" % index for index in range(NEWEST)]
OCTETS = "application/octet-stream"


async def _fill(ledger: Bare) -> list[bytes]:
    connection = await database.connect_async(ledger.url, "writer")
    notes = []
    try:
        journal = await open_journal(connection, 0, ledger.keys, None)
        for size in (*SIGNED, NEWEST):
            note = await journal.append(batch(journal.size, size - journal.size))
            assert note is not None
            if size <= PUBLISHED:
                await journal.published(note, size)
            notes.append(note)
    finally:
        await connection.close()
    return notes


@pytest.fixture(scope="module")
def log(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The application over such a journal (0) and one that was never opened (1)."""
    with bare_ledger(servers, journals=2) as ledger:
        asyncio.run(_fill(ledger))
        settings = Settings(home=tmp_path_factory.mktemp("log"), database_url=ledger.url)
        facts, _ = check_ledger(ledger.url)
        app = create_app(Readers(ledger.url), auth.authenticator(keysets.key_set(settings), settings), facts)
        with running(app, SmallLedger(settings, None, ledger.url)) as api:  # type: ignore[arg-type]
            yield api


def auditor(log: Api, path: str, **headers: str) -> httpx.Response:
    return log.get(path, "auditor", "a", headers=headers)


def defined(tile: Tile) -> bytes:
    """The tile's bytes by the definition: MTH(D[start of each 256**l leaves])."""
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    for _ in range(8 * tile.level):
        hashes = [prover.node_hash(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=False)]
    return b"".join(hashes[tile.number * 256 :][: tile.width])


def test_a_client_follows_the_log_from_its_checkpoint_alone(log):
    """The checkpoint's signatures, its tiles bound to its root, the entries to the tiles: nothing else is believed.

    tlog-tiles "Retention Policies": a log without a policy MUST NOT be pruned: all of it is there, from entry 0 on.
    """
    vkeys = [parse_vkey(line) for line in log.get("/log/0/vkey").text.splitlines()]
    checkpoint = open_checkpoint(log.get("/log/0/checkpoint").content, vkeys)
    assert checkpoint.size == PUBLISHED
    wanted = prover.with_parents([*tiles_of_size(PUBLISHED), *tiles_of_level(-1, PUBLISHED)], PUBLISHED)
    fetched = {tile: auditor(log, f"/log/0/{tile.path()}").content for tile in wanted}
    prover.verify_tiles(PUBLISHED, checkpoint.root, fetched)
    bundles = [tile for tile in wanted if tile.level == -1]
    told = [entry for tile in sorted(bundles) for entry in decode_bundle(fetched[tile], tile.width)]
    assert told == LEAVES[:PUBLISHED]


def test_tiles_are_octets_that_may_be_kept_for_ever(log):
    """tlog-tiles "Merkle Tree": application/octet-stream, immutable; full tiles MUST be exactly 8,192 bytes."""
    for path in ("0/000", "0/004.p/2", "1/000.p/4"):
        answer = log.get(f"/log/0/tile/{path}")
        assert answer.headers["content-type"] == OCTETS, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "vary" not in answer.headers
        again = log.get(f"/log/0/tile/{path}", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert len(log.get("/log/0/tile/0/000").content) == 8192


def test_the_checkpoint_is_text_for_seconds_only_with_both_signatures(log):
    """tlog-tiles "Checkpoints": MUST be served at /checkpoint as text; MUST carry an Ed25519 signature by the log."""
    answer = log.get("/log/0/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=2"
    assert answer.text.count("\u2014 test.localhost/log/0 ") == 2
    again = log.get("/log/0/checkpoint", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_earlier_checkpoints_come_in_pages_by_size_and_none_that_is_not_shown(log):
    """As the file of an export: notes one after the other, each as it was signed."""
    stored = [bytes(note) for (note,) in log.rows("SELECT note FROM checkpoints ORDER BY size")]
    earlier = stored[: len(SIGNED) - 1]
    for limit in (1, 2, 3, 5, 200):
        found, query = [], f"limit={limit}"
        while query:
            answer = log.get(f"/log/0/checkpoints?{query}")
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            notes = list(notes_of([answer.content]))
            assert len(notes) <= limit
            found += notes
            link = re.fullmatch(r'<\?(.+)>; rel="next"', answer.headers.get("link", ""))
            query = "" if link is None else link[1]
        assert found == earlier, limit
    for query, sizes in {
        "": SIGNED[:-1], "after=1": SIGNED[1:-1], "after=2": SIGNED[1:-1], "below=257": SIGNED[:3],
        "below=9999": SIGNED[:-1], "after=255&below=257": (256,), "after=600": (), "after=9999": (), "below=0": (),
    }.items():  # fmt: skip
        told = notes_of([log.get(f"/log/0/checkpoints?{query}").content])
        assert tuple(claimed(note).size for note in told) == sizes, query
    again = log.get("/log/0/checkpoints", headers={"If-None-Match": log.get("/log/0/checkpoints").headers["etag"]})
    assert again.status_code == 304
    assert log.get("/log/1/checkpoints").status_code == log.get("/log/7/checkpoints").status_code == 404
    for query in ("limit=0", "limit=201", "after=-1", "after=x", f"below={2**60}"):
        assert log.get(f"/log/0/checkpoints?{query}").status_code == 400, query


@pytest.mark.parametrize("size", SIGNED)
def test_partial_tiles_of_every_size_that_was_signed_are_served_at_each_level(log, size):
    """tlog-tiles "Partial Tiles": MUST serve those of each tree size for which a checkpoint was produced."""
    for tile in tiles_of_size(size):
        assert log.get(f"/log/0/{tile.path()}").content == defined(tile), tile


def test_partial_tiles_of_any_width_are_cut_from_full_ones(log):
    for tile in [Tile(0, 1, width) for width in range(1, 256, 23)] + [Tile(1, 0, width) for width in range(1, 5)]:
        assert log.get(f"/log/0/{tile.path()}").content == defined(tile), tile


def test_nothing_is_served_beyond_what_is_published(log):
    """Entries up to 1200 are signed and stored, and 1026 published: neither tile nor bundle shows more.

    tlog-tiles "Partial Tiles": empty tiles MUST NOT be served.
    """
    for path in ("0/004.p/3", "0/004.p/255", "0/004", "0/005.p/1", "1/000.p/5", "1/000", "1/001.p/1", "2/000.p/1"):
        answer = log.get(f"/log/0/tile/{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), path
    for path in ("004.p/3", "004", "005.p/1"):
        assert auditor(log, f"/log/0/tile/entries/{path}").status_code == 404, path
    assert auditor(log, "/log/0/tile/entries/004.p/2").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("0/0", "0/00", "0/0000", "0/x000/000", "0/000/", "00/000", "+0/000", "64/000", "-1/000", "0/000.p", "0/1000"),
        *("0/000.p/0", "0/000.p/00", "0/000.p/01", "0/000.p/256", "0/000.p/1/", "0/000.P/1", "0/X000/001", "0/-01"),
        *("0/\u0660\u0660\u0660", "0/x999/x999/x999/x999/x999/x999/999", "x/000", "entries", "0", "", "0/000/000"),
    ],
)
def test_a_path_written_in_any_other_way_is_unknown(log, path):
    """tlog-tiles "Merkle Tree": level, index and width MUST be written so and in no other way."""
    assert log.get(f"/log/0/tile/{path}").status_code == 404


@pytest.mark.parametrize("journal", ["1", "2", "255"])
def test_an_empty_log_has_keys_at_most_and_neither_checkpoint_nor_tiles(log, journal):
    """tlog-tiles "Partial Tiles": empty tiles MUST NOT be served, those of an empty tree neither."""
    assert log.get(f"/log/{journal}/vkey").status_code == (200 if journal == "1" else 404)
    for path in ("checkpoint", "tile/0/000", "tile/0/000.p/1"):
        assert log.get(f"/log/{journal}/{path}").status_code == 404
    assert auditor(log, f"/log/{journal}/tile/entries/000.p/1").status_code == 404


# -- bundles -----------------------------------------------------------------------------------------------------------


def test_bundles_are_an_auditors_and_no_shared_cache_keeps_them(log):
    """tlog-tiles "Log entries": application/octet-stream, immutable; here for auditors alone."""
    answer = auditor(log, "/log/0/tile/entries/000")
    assert decode_bundle(answer.content, 256) == LEAVES[:256]
    assert answer.headers["content-type"] == OCTETS
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Authorization, Accept-Encoding"
    assert log.get("/log/0/tile/entries/000").status_code == 401
    for role, sub in (("worker", "W-alice"), ("platform", "gojek"), ("operator", "o"), ("delegate", "d")):
        assert log.get("/log/0/tile/entries/000", role, sub).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        *(("gzip", True), ("br, gzip;q=0.5", True), ("x-gzip", True), ("GZIP", True), ("gzip; q=1.000", True)),
        *(("identity", False), ("gzip;q=0", False), ("gzip;q=0.000", False), ("", False), ("br", False)),
    ],
)
def test_bundles_are_compressed_for_whoever_takes_it(log, accepted, compressed):
    plain = auditor(log, "/log/0/tile/entries/001", **{"Accept-Encoding": "identity"})
    answer = auditor(log, "/log/0/tile/entries/001", **{"Accept-Encoding": accepted})
    assert answer.content == plain.content
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    assert (answer.headers["etag"] == plain.headers["etag"]) is not compressed
    if compressed:
        assert int(answer.headers["content-length"]) < len(plain.content)
    tag = {"If-None-Match": answer.headers["etag"], "Accept-Encoding": accepted}
    assert auditor(log, "/log/0/tile/entries/001", **tag).status_code == 304


def test_the_same_bundle_compressed_twice_is_the_same_bytes(log):
    raw = [
        log.runner.run(_raw(log, {"Accept-Encoding": "gzip", "Authorization": answer.request.headers["authorization"]}))
        for answer in [auditor(log, "/log/0/tile/entries/002")] * 2
    ]
    assert raw[0] == raw[1]
    assert decode_bundle(gzip.decompress(raw[0]), 256) == LEAVES[512:768]


async def _raw(log: Api, headers: dict[str, str]) -> bytes:
    async with log.client.stream("GET", "/log/0/tile/entries/002", headers=headers) as answer:
        return b"".join([part async for part in answer.aiter_raw()])
