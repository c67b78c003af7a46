"""The way to a witness: bounded in bytes and time, no redirect followed, nothing unpacked, connections kept."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest

from ledger.log.witness import ANSWER_BYTES_MAX, Answer
from streams import witness_http
from streams.witness_http import WitnessAway, WitnessHttp

Speaking = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(head: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


def saying(*answers: bytes, heard: list[tuple[bytes, bytes]] | None = None) -> Speaking:
    """Answers the requests of one connection after another."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            request = await read_request(reader)
            if heard is not None:
                heard.append(request)
            writer.write(each)
            await writer.drain()
        writer.close()

    return speak


def asked(speak: Speaking, *bodies: bytes) -> list[Answer]:
    async def life() -> list[Answer]:
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        http = WitnessHttp()
        try:
            return [await http(f"http://127.0.0.1:{port}/w/add-checkpoint", body) for body in bodies]
        finally:
            await http.close()
            server.close()

    return asyncio.run(life())


def test_status_type_and_body_come_back_and_connections_are_kept() -> None:
    """tlog-witness, HTTP Interface: clients SHOULD use keep-alive; add-checkpoint: the request MUST be an HTTP POST."""
    heard: list[tuple[bytes, bytes]] = []
    speak = saying(
        answer(b"200 OK", b"lines"), answer(b"409 Conflict\r\nContent-Type: text/x.tlog.size", b"5\n"), heard=heard
    )
    first, second = asked(speak, b"one", b"two")
    assert (first.status, first.body) == (200, b"lines")
    assert second == Answer(409, b"5\n", "text/x.tlog.size")
    assert [body for _, body in heard] == [b"one", b"two"]
    assert all(head.startswith(b"POST /w/add-checkpoint HTTP/1.1\r\n") for head, _ in heard)


def test_an_answer_without_end_is_cut_off() -> None:
    written = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                written += 4096
                await writer.drain()
        except OSError:
            writer.close()

    with pytest.raises(WitnessAway, match=f"at most {ANSWER_BYTES_MAX} bytes"):
        asked(endless, b"x")
    assert written < 1 << 25


def test_no_redirect_is_followed_and_nothing_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    moved, packed = asked(
        saying(
            answer(b"307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/elsewhere"),
            answer(b"200 OK\r\nContent-Encoding: gzip", bomb),
        ),
        b"a",
        b"b",
    )
    assert moved.status == 307
    assert packed.body == bomb


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize(
    "speak",
    [silent, saying(b"no HTTP\r\n\r\n"), saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive\n"), saying(b"")],
    ids=["silent", "no HTTP", "cut short", "closed"],
)
def test_what_is_no_answer_is_a_witness_that_is_away(speak: Speaking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_http, "ANSWER_SECONDS", 0.2)
    with pytest.raises(WitnessAway, match="expected an answer"):
        asked(speak, b"x")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::1", "http://", "nothing", f"http://{'a' * 70}.example/", "http://a..b/"]
)
def test_an_address_where_nobody_is_is_a_witness_that_is_away(url: str) -> None:
    async def life() -> None:
        http = WitnessHttp()
        try:
            await http(url, b"x")
        finally:
            await http.close()

    with pytest.raises(WitnessAway, match="expected an answer"):
        asyncio.run(life())
