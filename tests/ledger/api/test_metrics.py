"""Metrics of the API: counted per route template, and never a worker in a label."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.stack


def _counts(api) -> dict[tuple[str, str, str], int]:
    families = {f.name: f for f in text_string_to_metric_families(api.get("/metrics").text)}
    assert families["iuran_http_request_seconds"].type == "histogram"
    return {
        (s.labels["route"], s.labels["method"], s.labels["status"]): int(s.value)
        for s in families["iuran_http_request_seconds"].samples
        if s.name.endswith("_count")
    }


def test_requests_are_counted_by_template_method_and_status(api):
    before = _counts(api)
    api.get("/v1/workers/W-alice/balances", "worker", "W-alice")
    api.get("/v1/workers/W-bob/balances", "worker", "W-alice")
    api.get("/v1/workers/W-bob/balances", "worker", "W-alice", method="HEAD")
    api.get("/v1/workers/W-alice/balances")
    api.get("/v1/entries/0/0", "auditor", "a")
    api.get("/W-alice/nothing")
    api.get("/v1/schemes", method="W-ALICE")
    after = _counts(api)
    template = "/v1/workers/{worker}/balances"
    assert {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)} == {
        (template, "GET", "200"): 1,
        (template, "GET", "404"): 1,
        (template, "HEAD", "404"): 1,
        (template, "GET", "401"): 1,
        ("/v1/entries/{journal}/{index}", "GET", "200"): 1,
        ("other", "GET", "404"): 1,
        ("/v1/schemes", "other", "405"): 1,
        ("/metrics", "GET", "200"): 1,
    }


def test_a_request_that_fails_counts_as_500(api, monkeypatch):
    async def broken(*_):
        raise RuntimeError

    monkeypatch.setattr("ledger.store.readers.Readers.head", broken)
    before = _counts(api)
    api.get("/log/0/vkey")
    key = ("/log/{journal}/vkey", "GET", "500")
    assert _counts(api)[key] == before.get(key, 0) + 1


def test_no_worker_stands_anywhere_in_the_metrics(api):
    for path in ("/v1/workers/W-alice/balances", "/v1/workers/W-alice/nothing", "/W-alice", "/v1/entries/W-alice/1"):
        api.get(path, "worker", "W-alice")
    text = api.get("/metrics").text
    assert "W-" not in text
    assert "alice" not in text
