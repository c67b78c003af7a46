"""What needs no token: schemes, logs, health, the documentation; and problems as such."""

from __future__ import annotations

import html.parser
import json
from hashlib import sha256

import pytest

from ledger.domain.language import parse
from ledger.errors import StoreUnavailable
from ledger.log.checkpoint import open_checkpoint
from ledger.log.keys import parse_vkey

pytestmark = pytest.mark.stack


def test_schemes_show_what_is_enacted_with_text_that_has_the_digest_and_parses(api):
    (scheme,) = api.get("/v1/schemes").json()["schemes"]
    assert (scheme["scheme"], scheme["status"], scheme["zones"]) == ("ID-JK-PILOT", "example", ["ID-JK"])
    for version in scheme["versions"]:
        answer = api.get(version["href"])
        whole = answer.json()
        assert sha256(whole["text"].encode()).hexdigest() == version["sha256"] == whole["sha256"]
        assert whole["document"] == json.loads(whole["text"])
        assert parse(whole["text"], "shown").id == version["version"]
        assert {source["key"] for source in whole["sources"]} == set(whole["document"]["sources"])
        assert "immutable" in answer.headers["cache-control"]
        again = api.get(version["href"], headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        entry = api.get(f"/v1/entries/0/{version['enacted']['index']}", "auditor", "a").json()
        assert entry["event"]["data"]["sha256"] == version["sha256"]


@pytest.mark.parametrize("path", ["/v1/schemes/ID-JK-PILOT/1999-01-01", "/v1/schemes/US-NY-BCF/2026-01-01"])
def test_a_scheme_that_is_not_enacted_is_unknown(api, path):
    assert api.get(path).status_code == 404


def test_each_log_gives_its_key_and_a_checkpoint_signed_with_it(api):
    for journal in range(2):
        key, checkpoint = (api.get(f"/log/{journal}/{what}") for what in ("vkey", "checkpoint"))
        signed = open_checkpoint(checkpoint.content, [parse_vkey(line) for line in key.text.splitlines()])
        assert signed.origin == f"iuran.localhost/log/{journal}"
        assert signed.size == len(api.ledger.leaves(journal))
        assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
        assert checkpoint.headers["cache-control"] == "public, max-age=2"
    assert api.get("/log/2/vkey").status_code == api.get("/log/2/checkpoint").status_code == 404


def test_alive_and_ready(api):
    assert api.get("/healthz").status_code == api.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/schemes/", 404),
        ("POST", "/v1/schemes", 405),
        ("DELETE", "/v1/entries/0/0", 405),
        ("GET", "/v1/entries/0/zero", 401),
    ],
)
def test_every_error_is_a_problem(api, method, path, status):
    answer = api.get(path, method=method)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["type"].startswith("urn:iuran:problem:")
    assert (answer.headers.get("allow") == "GET") == (status == 405)


class _Refusing(html.parser.HTMLParser):
    """Collects whatever a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "link", "img", "iframe"):
            self.loads.append(tag)
        self.loads += [str(v) for n, v in attrs if n == "src" or (n == "href" and str(v).startswith("http"))]

    def handle_data(self, text):
        self.text.append(text)


def test_the_documentation_page_shows_every_route_and_loads_nothing(api):
    page = api.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    reading = _Refusing()
    reading.feed(page.text)
    assert reading.loads == []
    shown = " ".join(reading.text)
    document = api.get("/openapi.json").json()
    assert len(document["paths"]) >= 11
    for path, methods in document["paths"].items():
        assert path in shown
        for operation in methods.values():
            assert all(parameter["name"] in shown for parameter in operation.get("parameters", []))


def test_every_reference_of_the_openapi_document_leads_somewhere_and_protected_routes_say_so(api):
    document = api.get("/openapi.json").json()
    named = set(document["components"]["schemas"])
    text = json.dumps(document)
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= named
    assert {"Balances", "Entry", "EntryPage", "EntryView", "Explanation", "Problem", "SchemeText", "Schemes"} <= named
    for path, methods in document["paths"].items():
        protected = path.startswith(("/v1/workers", "/v1/entries", "/v1/platforms", "/log/{journal}/tile/entries"))
        assert all(bool(operation.get("security")) == protected for operation in methods.values()), path
        assert all(("401" in operation["responses"]) == protected for operation in methods.values()), path
        assert all("422" not in operation["responses"] for operation in methods.values())


def test_a_database_that_is_away_is_503_and_leaves_the_process_alive(api, monkeypatch):
    async def away(*_):
        raise StoreUnavailable("database: expected an answer, got none; host db-7 port 5432")

    monkeypatch.setattr("ledger.store.readers.Readers._ask", away)
    for path in ("/v1/workers/W-alice/balances", "/v1/schemes", "/log/0/vkey", "/readyz"):
        answer = api.get(path, "worker", "W-alice")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
        assert "db-7" not in answer.text
    assert api.get("/healthz").status_code == 200


def test_a_fault_of_our_own_is_500_without_a_trace(api, monkeypatch):
    async def broken(*_):
        raise RuntimeError("secret of W-alice")

    monkeypatch.setattr("ledger.store.readers.Readers.newest", broken)
    answer = api.get("/v1/workers/W-alice/balances", "worker", "W-alice")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "W-alice" not in answer.text
    assert "RuntimeError" not in answer.text
