"""Files over HTTP from servers that are not what they should be: bounded, asked again, or one clear line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.audit.sources import http_paths
from ledger.audit.sources.http_paths import HttpPaths
from ledger.audit.sources.paths import Below
from ledger.errors import StoreUnavailable, Unfit
from tests.support.serving import served

Answers = Callable[[Request], Response]


class Server:
    """Answers as it is told to, and remembers what it was asked: path and query."""

    def __init__(self) -> None:
        self.answers: Answers = lambda _: Response(b"none", 404)
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        self.asked.append(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        self.tokens.add(request.headers.get("authorization"))
        await self.answers(request)(scope, receive, send)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[Server, str]]:
    server = Server()
    with served(server) as url:
        yield server, url


@pytest.fixture
def server(address: tuple[Server, str], monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(http_paths, "PAUSE_SECONDS", 0)
    address[0].asked.clear()
    address[0].tokens.clear()
    return address[0]


@pytest.fixture
def paths(address: tuple[Server, str]) -> Iterator[HttpPaths]:
    made = HttpPaths(f"{address[1]}/below/", "a.b.c", attempts=4)
    yield made
    made.close()


def test_of_what_a_server_sends_no_more_is_read_than_was_asked_for(server: Server, paths: HttpPaths) -> None:
    server.answers = lambda _: Response(b"x" * 5_000_000)
    assert paths.read([("a", 10), ("b", 0), ("c", 4_999_999), ("d", 5_000_000)]) == [
        b"x" * 11, b"x", b"x" * 5_000_000, b"x" * 5_000_000,
    ]  # fmt: skip
    assert paths.read([("a", 10)]) == [b"x" * 11], "the connection that was not read to its end is not used again"
    assert set(server.asked) == {f"/below/{name}" for name in "abcd"}
    assert server.tokens == {"Bearer a.b.c"}


def test_what_is_not_there_is_none_and_what_is_locked_or_moved_is_told_at_once(
    server: Server, paths: HttpPaths
) -> None:
    for status in (404, 410):
        server.answers = lambda _, status=status: Response(b"gone", status)
        assert paths.read([("a", 10)]) == [None]
        assert list(paths.stream("a")) == []
    for status, told in ((401, "let in, got 401"), (403, "let in, got 403"), (400, "got 400"), (204, "got 204")):
        server.answers = lambda _, status=status: Response(status_code=status)
        server.asked.clear()
        with pytest.raises(Unfit, match=told):
            paths.read([("a", 10)])
        assert len(server.asked) == 1
    server.answers = lambda request: RedirectResponse("http://127.0.0.1:9/elsewhere")
    with pytest.raises(Unfit, match="expected 200 or 404, got 307"):
        paths.read([("a", 10)])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_is_busy_is_asked_again_and_not_for_ever(status: int, server: Server, paths: HttpPaths) -> None:
    server.answers = lambda _: Response(b"well", 200 if len(server.asked) == 3 else status)
    assert paths.read([("a", 10)]) == [b"well"]
    server.asked.clear()
    assert b"".join(paths.stream("a")) == b"well"
    server.answers = lambda _: Response(b"busy", status)
    server.asked.clear()
    with pytest.raises(StoreUnavailable, match=f"expected an answer, got status {status}"):
        paths.read([("a", 10)])
    assert len(server.asked) == 4


def link(query: str) -> dict[str, str]:
    return {"Link": f'<{query}>; rel="next"'}


def test_pages_are_followed_by_their_query_alone(server: Server, paths: HttpPaths) -> None:
    further = {"after=0&below=9": "?after=1&below=9", "after=1&below=9": "?after=2&below=9", "after=2&below=9": ""}

    def page(request: Request) -> Response:
        after = further[request.url.query]
        return Response(request.url.query.encode() + b" ", headers=link(after) if after else {})

    server.answers = page
    assert b"".join(Below(paths, "log/3/").stream("checkpoints", {"after": 0, "below": 9})) == (
        b"after=0&below=9 after=1&below=9 after=2&below=9 "
    )
    assert server.asked == [f"/below/log/3/checkpoints?{query}" for query in further]


@pytest.mark.parametrize(
    "header",
    [
        *('<http://127.0.0.1:9/x>; rel="next"', '</x?a=1>; rel="next"', '<//127.0.0.1:9/?a=1>; rel="next"'),
        *('<?a=1#f>; rel="next"', '<?a=%20>; rel="next"', '<?>; rel="next"', '<?a=1>; rel="prev"', "?a=1", "<?a=1>"),
    ],
)
def test_nothing_else_is_followed(header: str, server: Server, paths: HttpPaths) -> None:
    server.answers = lambda _: Response(b"page", headers={"Link": header})
    assert b"".join(paths.stream("a")) == b"page"
    assert server.asked == ["/below/a"]


def test_pages_without_end_or_content_end(server: Server, paths: HttpPaths) -> None:
    server.answers = lambda _: Response(b"", headers=link(f"?after={len(server.asked)}"))
    assert list(paths.stream("a")) == []
    server.answers = lambda _: Response(b"x", headers=link("?after=1"))
    assert b"".join(paths.stream("a", {"after": 1})) == b"x", "a page that names itself is the last"
    server.answers = lambda _: Response(b"x", headers=link(f"?after={len(server.asked)}"))
    server.asked.clear()
    assert len(list(islice(paths.stream("a"), 5))) == 5
    assert len(server.asked) == 5, "and no page is asked for before it is wanted"


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://", "http://a:b@host", "http://host?x=1", "http://host#x", "host"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Unfit, match="address: expected http:// or https://"):
        HttpPaths(url)
