"""`iuran publish` and `iuran synthetic` as typed: what they print, and how they end."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path

import pytest
import typer
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from typer.testing import CliRunner

from contracts.topics import gigs_topic
from deploy.cli import publish as command
from streams.synthetic import jakarta_morning
from tests.streams.publishing.samples import JOURNALS, SAMPLES

app = typer.Typer()
command.register(app)


def run(*arguments: str | Path, **environ: str):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environ)


@pytest.fixture
def environ(servers, tmp_path: Path) -> dict[str, str]:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap_servers)
    try:
        topics = [gigs_topic(platform, prefix) for platform in ("gojek", "grab", "maxim", "via")]
        admin.create_topics([NewTopic(topic, JOURNALS, 1) for topic in topics])
        admin.wait_for_topics(topics)
    finally:
        admin.close()
    return {
        "IURAN_HOME": str(tmp_path / "home"),
        "IURAN_TOPIC_PREFIX": prefix,
        "IURAN_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap_servers,
    }


@pytest.mark.stack
def test_a_sample_is_published_and_then_adds_nothing(environ: dict[str, str]) -> None:
    path = SAMPLES[0].path
    first = run("publish", path, "--platform", "via", **environ)
    assert first.exit_code == 0, first.output
    others = "524 rows of other platforms (lyft 169, uber 355)"
    assert f"{path}: 8 gigs of via published; {others}" in first.stdout
    second = run("publish", path, "--platform", "via", **environ)
    assert second.exit_code == 0
    assert "all 8 gigs of via were published already; publishing again adds nothing" in second.stdout
    again = run("publish", path, "--platform", "via", "--again", **environ)
    assert f"{path}: 8 gigs of via published; {others}" in again.stdout


@pytest.mark.stack
def test_a_synthetic_morning_is_written_and_published_platform_by_platform(environ, tmp_path: Path) -> None:
    path = tmp_path / "morning.jsonl"
    made = run("synthetic", "--seed", "3", "--workers", "20", "--gigs", "90", "--out", path)
    assert made.exit_code == 0 and "90 synthetic gigs of 20 workers" in made.stdout
    expected = list(jakarta_morning(3, 20, 90))
    assert path.read_bytes() == b"".join(gig.value + b"\n" for gig in expected)
    for platform in ("gojek", "grab", "maxim"):
        own = sum(gig.platform == platform for gig in expected)
        got = run("publish", path, "--platform", platform, **environ)
        assert got.exit_code == 0 and f"{own} gigs of {platform} published; {90 - own} rows of other" in got.stdout


@pytest.mark.stack
def test_a_file_without_rows_of_the_platform_is_refused(environ, tmp_path: Path) -> None:
    path = tmp_path / "morning.jsonl"
    run("synthetic", "--gigs", "5", "--platform", "grab", "--out", path)
    got = run("publish", path, "--platform", "gojek", **environ)
    assert got.exit_code == 1
    assert "rows: expected some of gojek, got none; 5 rows of other platforms (grab 5)" in got.stderr


@pytest.mark.stack
def test_bad_rows_are_named_on_standard_error_and_end_with_1(environ, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("{}\nnope\n")
    got = run("publish", path, "--platform", "gojek", **environ)
    assert got.exit_code == 1 and got.stdout == ""
    assert f"{path}:1: malformed: " in got.stderr and f"{path}:2: malformed: " in got.stderr


def test_a_synthetic_month_is_thirty_mornings_with_gigs_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "month.jsonl"
    made = run("synthetic", "--workers", "3", "--gigs", "9", "--days", "30", "--out", path)
    assert made.exit_code == 0 and "270 synthetic gigs of 3 workers" in made.stdout
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len({event["id"] for event in events}) == 270
    assert Counter(event["time"][:10] for event in events) == {f"2026-03-{day:02}": 9 for day in range(2, 32)}
    run("synthetic", "--workers", "3", "--gigs", "9", "--out", tmp_path / "morning.jsonl")
    assert path.read_bytes().startswith((tmp_path / "morning.jsonl").read_bytes()), "the first one is the morning"
    apps = {(event["subject"], event["source"]) for event in events}
    assert len(apps) < 9, "a worker keeps the apps of the first morning"


def test_synthetic_lines_go_to_standard_output_unless_told_otherwise() -> None:
    got = run("synthetic", "--gigs", "3", "--workers", "2")
    assert got.exit_code == 0
    assert got.stdout_bytes == b"".join(gig.value + b"\n" for gig in jakarta_morning(1, 2, 3))
    assert run("synthetic", "--gigs", "100", "--workers", "1").exit_code == 1
