"""A real stream with three witnesses, of which one is dead and one lies: what is reached, shown, counted, and survives.

The honest one is `iuran witness serve` in a process of its own, killed once in between; the liar answers 200 with its
own keys over another tree; at the third address nobody listens.
"""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from deploy import witnessing
from deploy.embedded import processes
from deploy.embedded.stack import Servers
from ledger.log import keys, note, policy
from ledger.log.checkpoint import Checkpoint
from ledger.log.witness import Request
from ledger.store import keys as key_files
from ledger.store.cosignatures import ShownHead
from ledger.store.readers import Readers
from ledger.witness.memory import hash_of
from tests.support.ledgers import SmallLedger, found, gig
from tests.support.running import Stream, findings, streams, until, until_settled
from tests.support.witnesses import Served

pytestmark = pytest.mark.stack

WORKERS = ("W-ann", "W-ben", "W-cut", "W-dee")
LIAR = [keys.generate("liar.example", algorithm) for algorithm in (keys.COSIGNATURE, keys.MLDSA44)]
DEAD = [keys.generate("dead.example", algorithm) for algorithm in (keys.COSIGNATURE, keys.MLDSA44)]


class Lying(http.server.BaseHTTPRequestHandler):
    """Cosigns another tree than it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = Request.parse(self.rfile.read(int(self.headers["Content-Length"])))
        head = Checkpoint.parse(note.parse(request.note).text)
        other = head._replace(root=bytes(32)).format()
        body = note.format_signatures(note.parse(note.sign(other, [k.at(7) for k in LIAR])).signatures).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not worth a line."""


@contextmanager
def lying() -> Iterator[str]:
    """Run the liar until the block ends; give its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lying)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Town(NamedTuple):
    """A ledger, its honest witness and that witness's keys, and the file that says whom the stream asks."""

    ledger: SmallLedger
    honest: Served
    vkeys: list[str]
    policy: Path

    def ask_for(self, quorum: str) -> None:
        """Let a stream that starts from now on look for this quorum."""
        content = self.policy.read_text().partition("group all-of-them")[0]
        self.policy.write_text(f"{content}group all-of-them {quorum} honest liar dead\nquorum all-of-them\n")

    def shown(self, journal: int) -> tuple[int, set[str]]:
        """The size of the checkpoint that the API shows and the names under it, each signature of a known key valid."""
        own = key_files.of_settings(self.ledger.settings, self.ledger.settings.ledger).verifiers(journal)
        known = [*own, *map(keys.parse_vkey, self.vkeys), *(key.verifier for key in (*LIAR, *DEAD))]
        opened = note.open(self.head(journal).note, known)
        return int(opened.text.split("\n")[1]), {signature.name for signature in opened.signatures}

    def head(self, journal: int) -> ShownHead:
        """The checkpoint that the API shows."""

        async def ask() -> ShownHead | None:
            readers = Readers(self.ledger.url, 1)
            await readers.open()
            try:
                return await readers.shown(journal)
            finally:
                await readers.close()

        shown = asyncio.run(ask())
        if shown is None:
            raise AssertionError(f"journal {journal}: expected a checkpoint to be shown")
        return shown

    def sizes(self) -> list[int]:
        """How many entries each journal has."""
        return [len(self.ledger.leaves(journal)) for journal in range(2)]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.ledger.url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload]

    def kept(self) -> set[str]:
        """The names of the witnesses whose cosignatures were kept."""
        return {
            row[0]
            for row in self.rows(
                "SELECT split_part(w.vkey, '+', 1) FROM cosignatures c JOIN witnesses w ON w.id = c.witness"
            )
        }


@pytest.fixture(scope="module")
def town(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    file = folder / "policy"
    home = folder / "home"
    home.mkdir()
    ledger = found(servers, home, journals=2, witness_policy_file=file, witness_pause_seconds=0.05)
    own = key_files.of_settings(ledger.settings, ledger.settings.ledger)
    logs = folder / "logs"
    lines = [f"log {verifier.vkey()}\n" for journal in range(2) for verifier in own.verifiers(journal)]
    logs.write_text("".join(lines) + "quorum none\n")
    vkeys = witnessing.make(folder / "honest", "honest.example")
    honest = Served(folder / "honest", logs)
    honest.start()
    with lying() as liar:
        addresses = {"honest": honest.address, "liar": liar, "dead": f"http://127.0.0.1:{processes.free_port()}"}
        known = {"honest": vkeys, "liar": [k.vkey() for k in LIAR], "dead": [k.vkey() for k in DEAD]}
        for name, address in addresses.items():
            lines += [f"witness {name}{n} {vkey} {address}\n" for n, vkey in enumerate(known[name])]
            lines.append(f"group {name} any {name}0 {name}1\n")
        file.write_text("".join(lines))
        yield Town(ledger, honest, vkeys, file)
    honest.end()


def asked(stream: Stream, witness: str, outcome: str) -> int:
    """How often this witness was asked with this outcome, as the stream counts it."""
    return stream.metrics()["iuran_witness_asked_total", frozenset({("witness", witness), ("outcome", outcome)})]


def gauge(stream: Stream, name: str, journal: int) -> int:
    """A figure of one journal, as the stream tells it."""
    return stream.metrics()[name, frozenset({("journal", str(journal))})]


def gigs(town: Town, first: int, count: int) -> None:
    town.ledger.publish(*(gig(f"G-{n}", WORKERS[n % 4], "20000") for n in range(first, first + count)))


def test_two_of_three_with_one_dead_and_one_lying_is_no_quorum_and_harms_nothing(town: Town) -> None:
    town.ask_for("2")
    with streams(town.ledger) as (stream,):
        until(stream.is_ready, "the stream ready", [stream])
        gigs(town, 0, 40)
        until_settled(town.ledger, [stream])
        for witness, outcome in (("honest0", "cosigned"), ("liar0", "unverified"), ("dead0", "unreachable")):
            until(lambda w=witness, o=outcome: asked(stream, w, o) >= 2, f"{witness} {outcome}", [stream])  # type: ignore[misc]
        sizes = town.sizes()
        newest = "SELECT journal, max(size) FROM cosignatures GROUP BY 1 ORDER BY 1"
        until(lambda: town.rows(newest) == list(enumerate(sizes)), "the newest checkpoints cosigned", [stream])
        assert gauge(stream, "iuran_witness_cosignatures", 0) == 2
        assert gauge(stream, "iuran_witness_quorum_size", 0) == 0
        assert stream.left == []
    assert town.kept() == {"honest.example"}
    assert town.rows("SELECT * FROM quorums") == []
    for journal, size in enumerate(sizes):
        assert not town.head(journal).quorum
        assert town.shown(journal) == (size, {f"iuran.localhost/log/{journal}", "honest.example"})
    assert findings(town.ledger) == []


def test_one_of_three_is_a_quorum_and_a_witness_that_was_killed_catches_up(town: Town) -> None:
    town.ask_for("any")
    with streams(town.ledger) as (stream,):
        until(stream.is_ready, "the stream ready", [stream])
        until(lambda: all(town.head(j).quorum for j in range(2)), "a quorum of what was there", [stream])
        town.honest.kill()
        before = town.sizes()
        gigs(town, 100, 30)
        until_settled(town.ledger, [stream])
        sizes = town.sizes()
        assert all(after > size for after, size in zip(sizes, before, strict=True))
        # without the witness the journals go on, and what is shown stays where the quorum was
        assert [town.shown(journal)[0] for journal in range(2)] == before
        town.honest.start()
        until(lambda: [town.head(j).size for j in range(2)] == sizes, "the quorum at the newest size", [stream])
        assert [gauge(stream, "iuran_witness_quorum_size", journal) for journal in range(2)] == sizes
        assert stream.left == []
    for journal, size in enumerate(sizes):
        origin = f"iuran.localhost/log/{journal}"
        assert town.shown(journal) == (size, {origin, "honest.example"})
        read = policy.parse(town.policy.read_bytes()).open(town.head(journal).note)
        assert (read.cosigned, read.quorum) == ({b"honest0", b"honest1"}, True)
        held = httpx.get(f"{town.honest.address}/{hash_of(origin)}/checkpoint", timeout=20).content
        assert note.parse(held).text == note.parse(town.head(journal).note).text
    assert town.kept() == {"honest.example"}
    assert findings(town.ledger) == []
