"""What the API counts, in Prometheus's words (SPEC section 7).

`iuran_http_request_seconds{route,method,status}`: labels come from closed sets, the route as its template
(`/v1/workers/{worker}/balances`), never as it was called: a path names a worker, and a label must not (L11). What no
route serves is `other`, and so is a method that is none.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Histogram

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER: Final = "other"


class HttpMetrics:
    """The API's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "iuran_http_request_seconds",
            "seconds of one request",
            ["route", "method", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )


class Measured:
    """ASGI: observes each request once its answer is sent or has failed."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; one that raises counts as 500, which is what its caller gets."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        status = 500
        began = time.perf_counter()

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        finally:
            route = getattr(scope.get("route"), "path", OTHER)
            self.metrics.seconds.labels(route, method, str(status)).observe(time.perf_counter() - began)
