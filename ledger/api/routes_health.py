"""Whether the process lives, whether it can serve, and what it counted: `/healthz`, `/readyz`, `/metrics`.

`/healthz` asks nothing of anybody: a database that is away is no reason to start this process again. `/readyz` asks
the database. None of them names a worker, and none needs a token: keep `/metrics` behind the reverse proxy where the
counts are nobody's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ledger.api import http
from ledger.api.problems import Refused, problem
from ledger.api.views import documented
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.api.metrics import HttpMetrics
    from ledger.store.readers import Readers


def routes(readers: Readers, metrics: HttpMetrics) -> APIRouter:
    """Give the routes over these readers and this registry."""
    router = APIRouter(tags=["health"])
    fresh = {"Cache-Control": "no-store"}

    @router.get("/healthz", responses=documented(http.JSON), summary="Alive")
    async def healthz() -> Response:
        """Says so while the process answers."""
        return Response(b'{"status":"alive"}', headers=fresh, media_type=http.JSON)

    @router.get("/readyz", responses=documented(http.JSON, 503), summary="Able to serve")
    async def readyz() -> Response:
        """Ready when the database answers and has the schema this release was built for."""
        try:
            await readers.check()
        except LedgerError as error:
            # what is wrong belongs into the operator's log; outside only that something is
            detail = "database: expected an answer and this release's schema, got none or another"
            raise Refused(problem(503, "not_ready", detail), {"Retry-After": "5"}) from error
        return Response(b'{"status":"ready"}', headers=fresh, media_type=http.JSON)

    @router.get("/metrics", responses=documented(http.TEXT), summary="Metrics for Prometheus")
    async def scrape() -> Response:
        """Counts of this process in Prometheus's text format."""
        return Response(generate_latest(metrics.registry), headers=fresh, media_type=CONTENT_TYPE_LATEST)

    return router
