"""`GET /v1/platforms/{platform}/rejected`: each platform reads what was refused of its own records, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from contracts.entry import decode
from ledger.api import auth, keysets
from ledger.api.app import create_app
from ledger.store import rejections
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger
from tests.ledger.api.conftest import Api, running
from tests.support.ledgers import found, gig

pytestmark = pytest.mark.stack

WORKERS = [f"W-{n:02}" for n in range(6)]


@pytest.fixture(scope="module")
def refusing(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Two platforms of two journals: gojek has eleven records refused, for three reasons, grab one."""
    ledger = found(servers, tmp_path_factory.mktemp("refusing"), platforms=("gojek", "grab"), schemes=())
    ledger.publish(
        *(gig(f"G-{n}", worker, "20000") for n, worker in enumerate(WORKERS)),
        *(gig(f"B-{n}", worker, "-1") for n, worker in enumerate(WORKERS)),
        *(gig(f"C-{n}", worker, "20000", currency="XXQ") for n, worker in enumerate(WORKERS[:4])),
        b"no JSON",
        gig("X-1", WORKERS[0], "-1", platform="grab"),
    )
    ledger.drain()
    facts, _ = check_ledger(ledger.url)
    app = create_app(Readers(ledger.url), auth.authenticator(keysets.key_set(ledger.settings), ledger.settings), facts)
    with running(app, ledger) as api:
        yield api


def asked(api: Api, platform: str = "gojek", query: str = "") -> dict[str, Any]:
    got = api.get(f"/v1/platforms/{platform}/rejected{query}", "platform", platform)
    assert got.status_code == 200, got.text
    assert got.headers["cache-control"] == "private, no-cache"
    told: dict[str, Any] = got.json()
    assert told["platform"] == platform
    return told


def test_each_is_told_as_its_entry_says_it(refusing: Api) -> None:
    stored = {(r.journal, r.leaf_index): r for r in rejections.listed(refusing.ledger.url, 100)}
    told = asked(refusing)
    assert told["next"] is None
    assert len(told["rejected"]) == 11
    for one in told["rejected"]:
        row = stored[one["journal"], one["index"]]
        entry = decode(refusing.ledger.leaves(one["journal"])[one["index"]])
        assert (one["topic"], one["partition"], one["offset"]) == (row.topic, row.partition, row.offset)
        assert (one["code"], one["detail"], one["erased"]) == (row.code, row.detail, False)
        assert (one["sha256"], one["received_at"]) == (entry.cause.sha256, entry.received_at)
        assert row.topic == f"{refusing.ledger.settings.topic_prefix}gigs.gojek"
        view = refusing.get(f"/v1/entries/{one['journal']}/{one['index']}", "platform", "gojek")
        assert (view.status_code, view.json()["rejection"]) == (200, one["code"])
    assert {one["id"] for one in told["rejected"]} >= {"B-0", "C-3", None}
    assert [one["id"] for one in asked(refusing, "grab")["rejected"]] == ["X-1"]


@pytest.mark.parametrize("limit", [1, 2, 5, 10, 11, 200])
def test_pages_hold_all_of_it_once_and_in_order(refusing: Api, limit: int) -> None:
    whole, found, query = asked(refusing)["rejected"], [], f"?limit={limit}"
    while True:
        page = asked(refusing, query=query)
        assert len(page["rejected"]) <= limit
        found += page["rejected"]
        if page["next"] is None:
            break
        query = f"?limit={limit}&after={page['next']}"
    assert found == whole
    assert [(one["journal"], one["offset"]) for one in found] == sorted(
        (one["journal"], one["offset"]) for one in found
    )


def test_one_reason_may_be_asked_for(refusing: Api) -> None:
    whole = asked(refusing)["rejected"]
    codes = {one["code"] for one in whole}
    assert len(codes) == 3
    for code in codes:
        assert asked(refusing, query=f"?code={code}")["rejected"] == [one for one in whole if one["code"] == code]


def test_what_is_not_yet_under_a_published_checkpoint_is_not_told(refusing: Api) -> None:
    last = [one for one in asked(refusing)["rejected"] if one["journal"] == 0][-1]
    with psycopg.connect(refusing.ledger.url, autocommit=True) as connection:
        (size,) = connection.execute("SELECT published_size FROM heads WHERE journal = 0").fetchone() or (0,)
        connection.execute("UPDATE heads SET published_size = %s WHERE journal = 0", (last["index"],))
        try:
            assert last not in asked(refusing)["rejected"]
            assert len(asked(refusing)["rejected"]) < 11
        finally:
            connection.execute("UPDATE heads SET published_size = %s WHERE journal = 0", (size,))


def test_what_was_erased_is_still_told_of(refusing: Api) -> None:
    first = asked(refusing, "grab")["rejected"][0]
    assert rejections.erase(refusing.ledger.url, first["journal"], first["index"], "on_request")
    assert asked(refusing, "grab")["rejected"] == [first | {"erased": True}]


@pytest.mark.parametrize(
    "query", ["after=x", "after=9:1", "after=0:-1", "after=00:1", "after=0:", "limit=0", "limit=201", "code=nonsense"]
)
def test_what_no_page_gave_is_a_problem(refusing: Api, query: str) -> None:
    got = refusing.get(f"/v1/platforms/gojek/rejected?{query}", "platform", "gojek")
    assert (got.status_code, got.headers["content-type"]) == (400, "application/problem+json")


def test_it_is_documented(refusing: Api) -> None:
    operation = json.loads(refusing.get("/openapi.json").content)["paths"]["/v1/platforms/{platform}/rejected"]["get"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/RejectedPage")
    assert "/rejected" in refusing.get("/docs").text
