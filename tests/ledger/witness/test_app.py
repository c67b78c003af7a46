"""The witness over HTTP: status, content type and body of each answer, and bodies bounded in bytes and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ledger.errors import StoreUnavailable
from ledger.log import keys, note, witness
from ledger.log.checkpoint import Checkpoint
from ledger.log.witness import REQUEST_BYTES_MAX, Request
from ledger.witness import app as serving
from ledger.witness import memory
from ledger.witness.app import Witness, create_app
from ledger.witness.known import KnownLogs
from ledger.witness.memory import Memory
from tests.ledger.log.trees import mth, proof

ORIGIN = "log.example/1"
LOG = keys.generate(ORIGIN)
W = (keys.generate("witness.example/w", keys.COSIGNATURE), keys.generate("witness.example/w", keys.MLDSA44))
NOW = 1679315147
TEXT = "text/plain; charset=utf-8"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Witness]:
    vkeys = [key.vkey() for key in W]
    memory.make(tmp_path / "memory", vkeys)
    (tmp_path / "logs").write_text(f"log {LOG.vkey()}\nquorum none\n")
    kept = Memory(tmp_path / "memory", vkeys)
    yield Witness(W, kept, KnownLogs(tmp_path / "logs"), lambda: NOW + 0.9)
    kept.close()


@pytest.fixture
def app(served: Witness) -> FastAPI:
    return create_app(served)


def ask(app: FastAPI, method: str, path: str, content: bytes | AsyncIterator[bytes] | None = None) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://witness") as client:
            return await client.request(method, path, content=content)

    return asyncio.run(once())


def body(old: int, size: int) -> bytes:
    head = Checkpoint(ORIGIN, size, mth(0, size))
    return Request(old, tuple(proof(old, size)), note.sign(head.format(), [LOG])).format()


def test_a_checkpoint_is_cosigned_and_shown(app: FastAPI) -> None:
    """tlog-witness, Monitor Retrieval Mechanism: the checkpoint with the log's and the witness's lines, by hash."""
    shown = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert ask(app, "GET", shown).status_code == 404
    answer = ask(app, "POST", "/add-checkpoint", body(0, 5))
    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    text = Checkpoint(ORIGIN, 5, mth(0, 5)).format()
    opened = witness.open_cosignatures(answer.content, text, [key.verifier for key in W])
    assert [witness.timestamp_of(line) for line in opened] == [NOW, NOW]
    found = ask(app, "GET", shown)
    assert (found.status_code, found.headers["content-type"]) == (200, TEXT)
    cached = [told.headers["cache-control"] for told in (answer, found, ask(app, "GET", f"/{64 * 'a'}/checkpoint"))]
    assert cached == ["no-store", "public, max-age=5", "no-store"]
    assert len(note.open(found.content, [LOG.verifier, *(key.verifier for key in W)]).signatures) == 3
    assert found.content.endswith(answer.content)


def test_a_conflict_says_the_size_in_its_own_type(app: FastAPI) -> None:
    """tlog-witness, add-checkpoint: 409, Content-Type text/x.tlog.size."""
    ask(app, "POST", "/add-checkpoint", body(0, 5))
    answer = ask(app, "POST", "/add-checkpoint", body(0, 7))
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (409, "text/x.tlog.size", b"5\n")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"\0" * 100, 400),
        (body(0, 5).replace(b"log.example/1", b"log.example/2"), 404),
        (body(0, 5).replace(b"\n5\n", b"\n6\n"), 403),
        (b"x" * REQUEST_BYTES_MAX, 400),
        (b"x" * (REQUEST_BYTES_MAX + 1), 413),
    ],
)
def test_refusals_have_their_status_and_say_why_in_a_line(app: FastAPI, content: bytes, status: int) -> None:
    answer = ask(app, "POST", "/add-checkpoint", content)
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (
        status,
        TEXT,
        "no-store",
    )
    assert answer.content.count(b"\n") == 1


def test_a_body_without_a_declared_length_is_cut_off_where_it_is_too_long(app: FastAPI) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 16384
            yield b"x" * 16384

    assert ask(app, "POST", "/add-checkpoint", endless()).status_code == 413
    assert sent < 2 * REQUEST_BYTES_MAX


def test_a_declared_length_that_is_too_long_is_refused_unread(served: Witness) -> None:
    app = create_app(served)
    for declared in (b"131073", b"9" * 4400):
        messages: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            raise AssertionError("the body was read")

        async def send(message: dict[str, object], messages: list[dict[str, object]] = messages) -> None:
            messages.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/add-checkpoint", "raw_path": b"/add-checkpoint",
            "query_string": b"", "headers": [(b"content-length", declared)], "http_version": "1.1", "scheme": "http",
            "client": ("127.0.0.1", 1), "server": ("witness", 80),
        }  # fmt: skip
        asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
        assert messages[0]["status"] == 413


def test_a_body_that_does_not_come_is_given_up(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "BODY_SECONDS", 0.01)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"old 0\n"
        await asyncio.Event().wait()

    assert ask(app, "POST", "/add-checkpoint", stuck()).status_code == 408


def test_a_memory_that_fails_is_503_without_a_signature(
    app: FastAPI, served: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("disk I/O error")

    monkeypatch.setattr(served.memory, "cosign", fail)
    monkeypatch.setattr(served.memory, "checkpoint", fail)
    for answer in (ask(app, "POST", "/add-checkpoint", body(0, 5)), ask(app, "GET", f"/{'0' * 64}/checkpoint")):
        assert answer.status_code == 503
        assert b"\xe2\x80\x94" not in answer.content


@pytest.mark.parametrize("now", [0, -1, 2**63])
def test_a_clock_that_says_no_time_is_503_without_a_signature(served: Witness, now: int) -> None:
    """tlog-witness, add-checkpoint: the timestamp MUST NOT be zero; tlog-cosignature, Format: nor exceed 2^63 - 1."""
    served._clock = lambda: now
    answer = served.add_checkpoint(body(0, 5))
    assert (answer.status, b"\xe2\x80\x94" in answer.body) == (503, False)
    served._clock = lambda: NOW
    assert served.add_checkpoint(body(0, 5)).status == 200


@pytest.mark.parametrize("name", ["0" * 63, "A" * 64, "g" * 64, "x", "%00", "..%2f"])
def test_other_hashes_are_unknown(app: FastAPI, name: str) -> None:
    """tlog-witness, Monitor Retrieval Mechanism: hex encoded, in lowercase; 404 if never cosigned."""
    answer = ask(app, "GET", f"/{name}/checkpoint")
    assert (answer.status_code, answer.headers.get("cache-control", "no-store")) == (404, "no-store")


def test_only_posts_ask_for_cosignatures(app: FastAPI) -> None:
    """tlog-witness, add-checkpoint: the request MUST be an HTTP POST."""
    assert ask(app, "GET", "/add-checkpoint").status_code in (404, 405)
    assert ask(app, "PUT", "/add-checkpoint", body(0, 5)).status_code == 405
    assert ask(app, "POST", f"/{'0' * 64}/checkpoint").status_code == 405


def test_the_keys_and_the_counts_are_shown(app: FastAPI) -> None:
    ask(app, "POST", "/add-checkpoint", body(0, 5))
    ask(app, "POST", "/add-checkpoint", b"")
    assert ask(app, "GET", "/vkeys").text == "".join(f"{key.vkey()}\n" for key in W)
    metrics = ask(app, "GET", "/metrics").text
    assert 'iuran_witness_answers_total{status="200"} 1.0' in metrics
    assert 'iuran_witness_answers_total{status="400"} 1.0' in metrics
    assert ask(app, "GET", "/healthz").status_code == 200
