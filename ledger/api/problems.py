"""Problem details: every refusal and breakage of the API as RFC 9457 JSON, and how exceptions become one.

One problem per kind of "no"; the code is the last word of `type` and stays. What is unknown and what is forbidden is
the same problem, byte for byte (`NOT_FOUND`), so that a refusal never says whether something exists. Details read
`what: expected X, got Y`, and hold nothing a caller sent: no worker, no token, no trace.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ledger.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"


class Fault(msgspec.Struct):
    """One parameter that does not fit."""

    parameter: str
    detail: str


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457: `type` ends in a stable code, `detail` says what was expected; `errors` names unfit parameters."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class Refused(Exception):
    """A request that is refused with this problem; carried to the door by raising it."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers


def problem(status: int, code: str, detail: str, errors: Sequence[Fault] = ()) -> Problem:
    """Give a problem with the status's own phrase as its title."""
    return Problem(f"urn:iuran:problem:{code}", HTTPStatus(status).phrase, status, detail, list(errors))


NOT_FOUND: Final = problem(404, "not_found", "resource: expected one that exists and is yours to see, got another")
UNAVAILABLE: Final = problem(503, "unavailable", "database: expected an answer, got none; try again later")
INTERNAL: Final = problem(500, "internal", "server: expected to answer, got a fault of its own; it is logged")


def not_found() -> Refused:
    """What is unknown and what is forbidden: one answer for both."""
    return Refused(NOT_FOUND)


def bad_request(parameter: str, detail: str) -> Refused:
    """A parameter that does not fit."""
    return Refused(problem(400, "bad_request", "request: expected parameters that fit", [Fault(parameter, detail)]))


def unauthorized(detail: str, error: str | None = None) -> Refused:
    """No token (error None) or one that does not hold; RFC 6750 says which in WWW-Authenticate."""
    challenge = 'Bearer realm="iuran"' + ("" if error is None else f', error="{error}"')
    return Refused(problem(401, error or "no_token", detail), {"WWW-Authenticate": challenge})


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Give the response that carries a problem; never kept by a cache."""
    fixed = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(problem), problem.status, fixed, MEDIA_TYPE)


def register(app: FastAPI) -> None:
    """Let every exception leave this application as a problem."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unfit)
    app.add_exception_handler(StoreUnavailable, _unavailable)
    app.add_exception_handler(Exception, _broken)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return answer(error.problem, error.headers)


async def _http(_: Request, error: Exception) -> Response:
    """What the router refuses: an unknown path, a method that a path does not have."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer(NOT_FOUND)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    return answer(problem(error.status_code, code, f"request: {phrase.lower()}"), error.headers)


async def _unfit(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [Fault(str(e["loc"][-1]), str(e["msg"])[:1].lower() + str(e["msg"])[1:]) for e in error.errors()]
    return answer(problem(400, "bad_request", "request: expected parameters that fit", faults))


async def _unavailable(_: Request, error: Exception) -> Response:
    log.warning("%s", error)
    return answer(UNAVAILABLE, {"Retry-After": "5"})


async def _broken(_: Request, error: Exception) -> Response:
    """A fault of ours, a broken law among them; the server that runs the application logs its trace."""
    log.critical("request: expected an answer, got %s", type(error).__name__)
    return answer(INTERNAL)
