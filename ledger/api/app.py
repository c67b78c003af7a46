"""The HTTP server: composes readers, tokens, routes and metrics; nothing is created at import.

`create_app` makes the application from values, so that tests and other servers can have as many as they like; `run`
is what `iuran api` calls: it checks that database and schema fit before it listens, takes the port itself to say
clearly when it is in use, and serves until SIGTERM. Reads only: there is no route that writes.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Response

from ledger import serving
from ledger.api import (
    auth,
    docs,
    http,
    keysets,
    problems,
    routes_entries,
    routes_health,
    routes_log,
    routes_platforms,
    routes_schemes,
    routes_tiles,
    routes_workers,
    views,
)
from ledger.api.explanation import Explaining
from ledger.api.metrics import HttpMetrics, Measured
from ledger.errors import Unfit
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ledger.api.auth import Authenticator
    from ledger.settings import Settings
    from ledger.store.registry import LedgerFacts

log = logging.getLogger(__name__)

_ABOUT: Final = "The ledger of gig workers' social protection: balances, entries, why they say so, signed logs."


def create_app(readers: Readers, authenticate: Authenticator, facts: LedgerFacts) -> FastAPI:
    """Give the application; it opens `readers` when it starts and closes them when it stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await readers.open()
        try:
            yield
        finally:
            await readers.close()

    app = FastAPI(
        title="Iuran",
        version=version("iuran"),
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    metrics = HttpMetrics()
    app.include_router(routes_workers.routes(readers, authenticate, facts))
    app.include_router(routes_entries.routes(readers, authenticate, Explaining(readers), facts))
    app.include_router(routes_platforms.routes(readers, authenticate, facts))
    app.include_router(routes_schemes.routes(readers))
    app.include_router(routes_log.routes(readers))
    app.include_router(routes_tiles.routes(readers, authenticate))
    app.include_router(routes_health.routes(readers, metrics))
    _describe(app)
    problems.register(app)
    # the last added is the outermost: measured is what the caller waited for
    app.add_middleware(http.Guarded)
    app.add_middleware(http.Head)
    app.add_middleware(Measured, metrics=metrics)
    return app


def _describe(app: FastAPI) -> None:
    """Add the OpenAPI document and the page that shows it; both are made once, when first asked for."""
    made: dict[str, bytes] = {}
    headers = {"Cache-Control": http.PUBLIC_A_MINUTE}

    def document() -> dict[str, Any]:
        """FastAPI's document, mended: the schemas of our answers in, its own notion of errors out."""
        described = app.openapi()
        for methods in described["paths"].values():
            for operation in methods.values():
                operation["responses"].pop("422", None)  # unfit parameters are problems with status 400
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas.update(views.schema_components())
        return described

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        if "openapi" not in made:
            made["openapi"] = http.encode(document())
        return Response(made["openapi"], headers=headers, media_type=http.JSON)

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> Response:
        if "docs" not in made:
            made["docs"] = docs.page(document())
        return Response(made["docs"], headers=headers, media_type="text/html; charset=utf-8")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. `settings` have the database's address filled in.

    Raises Unfit when database, schema, key source or port do not fit, StoreUnavailable when the database is away.
    """
    if settings.database_url is None:
        raise Unfit("database: expected an address, got none; run `iuran up`, or set IURAN_DATABASE_URL")
    facts, _ = check_ledger(settings.database_url)
    authenticate = auth.authenticator(keysets.key_set(settings), settings)
    app = create_app(Readers(settings.database_url), authenticate, facts)
    with serving.listen(settings.api_host, settings.api_port, "IURAN_API_HOST and IURAN_API_PORT") as listening:
        host, port = listening.getsockname()[:2]
        log.info("ledger %s: serving on http://%s:%d, documentation at /docs", facts.name, host, port)
        serving.serve(app, listening)
