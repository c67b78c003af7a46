"""The scrape configuration points at what the processes serve by default, and what they serve is well formed.

The API's own endpoint is scraped in `tests/ledger/api/test_server.py`, by the path that stands in this file.
"""

from __future__ import annotations

import urllib.request
from pathlib import Path
from types import SimpleNamespace

import yaml
from prometheus_client.parser import text_string_to_metric_families

from ledger.settings import Settings
from streams.metrics import StreamMetrics
from streams.service import serve_metrics

CONFIG = Path(__file__).parents[2] / "deploy" / "prometheus" / "prometheus.yml"
MEMBERS = {"job_name", "metrics_path", "static_configs"}


def _jobs():
    return {job["job_name"]: job for job in yaml.safe_load(CONFIG.read_text())["scrape_configs"]}


def test_the_targets_are_the_default_addresses_of_stream_and_api():
    settings = Settings()
    jobs = _jobs()
    assert {name: [t for c in job["static_configs"] for t in c["targets"]] for name, job in jobs.items()} == {
        "iuran-stream": [f"{settings.stream_metrics_host}:{settings.stream_metrics_port}"],
        "iuran-api": [f"{settings.api_host}:{settings.api_port}"],
    }
    # a member that Prometheus does not know would keep it from starting
    assert all(set(job) == MEMBERS for job in jobs.values())


def test_what_the_stream_serves_at_that_path_parses_and_has_the_promised_names():
    process = SimpleNamespace(metrics=StreamMetrics({}), app=SimpleNamespace(started=False), floor=SimpleNamespace())
    server = serve_metrics("127.0.0.1", 0, process)
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}{_jobs()['iuran-stream']['metrics_path']}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            families = {f.name: f.type for f in text_string_to_metric_families(answer.read().decode())}
    finally:
        server.shutdown()
        server.server_close()
    assert {name: kind for name, kind in families.items() if not name.endswith("_created")} == {
        "iuran_events": "counter",
        "iuran_entries": "counter",
        "iuran_contribution_minor": "counter",
        "iuran_rejections": "counter",
        "iuran_batch_events": "histogram",
        "iuran_batch_seconds": "histogram",
        "iuran_event_durable_seconds": "histogram",
        "iuran_consumer_lag_events": "gauge",
        "iuran_journal_tree_size": "gauge",
        "iuran_checkpoint_signed_timestamp_seconds": "gauge",
        "iuran_witness_asked": "counter",
        "iuran_witness_cosignatures": "gauge",
        "iuran_witness_quorum_size": "gauge",
    }
