"""The witness over HTTP: `POST /add-checkpoint` and `GET /<origin hash>/checkpoint`, at the root of its address.

One thread decides, in order of arrival, so that a request waits for those before it and nothing else; a body is bounded
in bytes and in time before anything of it is read. Requests need no token: whose checkpoint it is, its signature says.
Nothing is created at import.

Source: c2sp.org/tlog-witness@v1.0.0, "HTTP Interface". Left out, as it may be: `sign-subtree`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import ClientDisconnect

from ledger.errors import StoreUnavailable
from ledger.log import witness
from ledger.log.note import NoteError
from ledger.log.witness import REQUEST_BYTES_MAX, TEXT_TYPE, Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.log.keys import Cosigner, MlDsaSigner
    from ledger.log.note import NoteSigner
    from ledger.witness.known import KnownLogs
    from ledger.witness.memory import Memory

log = logging.getLogger(__name__)

BODY_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 75
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NEVER_COSIGNED: Final = Answer(404, b"checkpoint: expected a log that was cosigned, got another\n")
_UNAVAILABLE: Final = Answer(503, b"witness: expected to keep what it cosigns, got a fault; try again later\n")


class Witness:
    """One witness at work: keys, memory, known logs and a clock."""

    def __init__(
        self, keys: Sequence[Cosigner | MlDsaSigner], memory: Memory, logs: KnownLogs, clock: Callable[[], float]
    ) -> None:
        """`clock` gives POSIX seconds."""
        self.keys = keys
        self.memory = memory
        self._logs = logs
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Answer:
        """Give the answer to a request's body, durable if it cosigns; blocks for some milliseconds."""
        submission = witness.read(body, self._logs.now())
        if isinstance(submission, Answer):
            return submission
        try:
            answer = self.memory.cosign(submission, self._signers)
        except (StoreUnavailable, NoteError) as error:
            # a signer refuses a clock that says nothing after 1970
            log.error("%s", error)
            return _UNAVAILABLE
        if answer.status == 422:
            log.warning("%s: %s", submission.checkpoint.origin, answer.body.decode().rstrip())
        return answer

    def checkpoint(self, origin_hash: str) -> Answer:
        """Give the newest cosigned checkpoint of the log with this hash, or 404."""
        try:
            note = self.memory.checkpoint(origin_hash) if _HASH.fullmatch(origin_hash) else None
        except StoreUnavailable as error:
            log.error("%s", error)
            return _UNAVAILABLE
        return _NEVER_COSIGNED if note is None else Answer(200, note)

    def _signers(self) -> list[NoteSigner]:
        now = int(self._clock())
        return [key.at(now) for key in self.keys]


def create_app(serving: Witness) -> FastAPI:
    """Give the application; it owns the thread that decides, not the memory."""
    app = FastAPI(title="Witness", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    deciding = ThreadPoolExecutor(1, "witness")
    registry = CollectorRegistry()
    answers = Counter("iuran_witness_answers", "answers to add-checkpoint", ["status"], registry=registry)

    def respond(answer: Answer, kept: str = "no-store") -> Response:
        caching = kept if answer.status == 200 else "no-store"
        return Response(answer.body, answer.status, {"Cache-Control": caching, "Content-Type": answer.content_type})

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        body = await _body(request)
        if not isinstance(body, Answer):
            body = await asyncio.get_running_loop().run_in_executor(deciding, serving.add_checkpoint, body)
        answers.labels(str(body.status)).inc()
        return respond(body)

    @app.get("/{origin_hash}/checkpoint")
    async def checkpoint(origin_hash: str) -> Response:
        loop = asyncio.get_running_loop()
        return respond(await loop.run_in_executor(deciding, serving.checkpoint, origin_hash), "public, max-age=5")

    @app.get("/vkeys")
    async def vkeys() -> Response:
        return respond(Answer(200, "".join(f"{key.vkey()}\n" for key in serving.keys).encode()), "public, max-age=60")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz")
    async def alive() -> Response:
        return Response(b"alive\n", media_type=TEXT_TYPE)

    return app


async def _body(request: Request) -> bytes | Answer:
    """Give the body, or the refusal of one that is too long or too slow; never more in memory than a request may be."""
    too_long = Answer(413, b"request: expected at most %d bytes, got more\n" % REQUEST_BYTES_MAX)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 9 or int(declared) > REQUEST_BYTES_MAX):
        return too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > REQUEST_BYTES_MAX:
                    return too_long
    except TimeoutError:
        return Answer(408, b"request: expected its body within seconds, got part of it\n")
    except ClientDisconnect:
        return Answer(400, b"request: expected its whole body, got an end before it\n")
    return bytes(body)


def system_clock() -> float:
    """Give POSIX seconds."""
    return time.time()
