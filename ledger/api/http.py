"""What all routes share of HTTP: responses with their caching, conditional requests, and HEAD.

Entries never change, so their bytes carry a strong ETag and may be kept for ever by whom they were given to; what
grows is asked for again each time. Everything behind a token is `private` and varies with it. Source: RFC 9110
sections 8.8 and 13, RFC 9111, RFC 8246 (immutable).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"

PRIVATE_FOR_EVER: Final = "private, max-age=31536000, immutable"
PRIVATE_ASK_AGAIN: Final = "private, no-cache"
PUBLIC_FOR_EVER: Final = "public, max-age=31536000, immutable"
PUBLIC_A_MINUTE: Final = "public, max-age=60"
PUBLIC_SECONDS: Final = "public, max-age=2"

_NOTHING_FURTHER: Final[Mapping[str, str]] = {}

encode = msgspec.json.Encoder().encode


def reply(
    request: Request,
    body: bytes | msgspec.Struct,
    caching: str,
    etag: str | None = None,
    media_type: str = JSON,
    further: Mapping[str, str] = _NOTHING_FURTHER,
) -> Response:
    """Give a 200 with these bytes (a struct as JSON), or a 304 when the caller has what this entity tag names.

    `further` are header fields besides.

    Call it only once the caller may see the answer: a 304 says as much as the answer does.
    """
    headers = {"Cache-Control": caching}
    if caching.startswith("private"):
        headers["Vary"] = "Authorization"
    headers.update(further)
    if etag is not None:
        headers["ETag"] = f'"{etag}"'
        if _matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
    return Response(body if isinstance(body, bytes) else encode(body), 200, headers, media_type)


def digest(content: bytes) -> str:
    """Give an entity tag for these bytes: the same for the same bytes, whoever made them."""
    return sha256(content).hexdigest()[:32]


def takes_gzip(request: Request) -> bool:
    """Tell whether the caller says to take gzip (RFC 9110 section 12.5.3); a weight of 0 says not to."""
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.strip().removeprefix("q=").strip("0.") != "" if weight else True
    return False


def _matches(condition: str | None, etag: str) -> bool:
    """If-None-Match compares weakly: `W/"x"` matches `"x"`."""
    if condition is None:
        return False
    named = {tag.strip().removeprefix("W/") for tag in condition.split(",")}
    return etag in named or "*" in named


class Head:
    """ASGI: answers HEAD as GET without the body; the header fields are those of GET."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; `scope` is changed in place, so that who measures sees the route that was found."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        scope["method"] = "GET"

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, send_head)


class Guarded:
    """ASGI: header fields that every answer carries: nothing is sniffed, framed, or told to the next site."""

    _FIELDS: Final[list[Any]] = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ]

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._FIELDS]}
            await send(message)

        await self.app(scope, receive, send_guarded)
