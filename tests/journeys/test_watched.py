"""A real Prometheus watches a running stream and a running API: what it was told is what the ledger holds.

Both processes serve what `deploy/prometheus` scrapes, gigs of every outcome are published, and each figure is asked for
in PromQL and held against the database's own count, made in SQL. Upholds L11 in the labels.
"""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest

from contracts.topics import platform_of
from deploy.embedded import processes
from deploy.embedded.stack import Servers
from ledger.api import tokens
from ledger.api.access import Role
from ledger.store.rows import KIND_NUMBERS
from tests.support.ledgers import SmallLedger, found, gig
from tests.support.prometheus import CONFIG, Labels, Prometheus, prometheus
from tests.support.running import STOP_SECONDS, Stream, ends, environment, streams, unsettled, until, until_settled

WORKERS = ("W-ann", "W-ben", "W-cut", "W-dee", "W-eve")
STRANGER = "W-unheard-of"
BALANCES = "/v1/workers/{worker}/balances"


class Watched(NamedTuple):
    """A running ledger and who watches it; `before` is each journal's size when the stream process started."""

    ledger: SmallLedger
    stream: Stream
    api: str
    watching: Prometheus
    before: list[int]

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database counts."""
        with psycopg.connect(self.ledger.url) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[call-overload, no-any-return]

    def until_told(self, query: str, by: tuple[str, ...], expected: Mapping[Labels, float]) -> None:
        """Wait until Prometheus gives exactly this; when it does not, say what it gave."""
        told: list[dict[Labels, float]] = []

        def agrees() -> bool:
            told[:] = [self.watching.ask(query, *by)]
            return told[0] == expected

        try:
            until(agrees, query, [self.stream])
        except AssertionError:
            assert told == [expected]
            raise


@pytest.fixture(scope="module")
def watched(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    ledger = found(servers, tmp_path_factory.mktemp("ledger"), journals=2, platforms=("gojek", "grab"))
    before = [len(ledger.leaves(journal)) for journal in range(2)]
    with (
        streams(ledger) as (stream,),
        serving(ledger) as api,
        prometheus(
            tmp_path_factory.mktemp("prometheus"), {"iuran-stream": stream.metrics_address, "iuran-api": api}
        ) as watching,
    ):
        until(stream.is_ready, "the stream ready", [stream])
        ledger.publish(
            *(gig(f"{platform}-{w}", w, "20000", platform=platform) for w in WORKERS for platform in ("gojek", "grab")),
            *(gig(f"gojek-{worker}", worker, "20000") for worker in WORKERS[:3]),  # duplicates
            *(gig(f"bad-{worker}", worker, "-1") for worker in WORKERS[:2]),  # refused
            b"{",
        )
        until_settled(ledger, [stream])
        ledger.publish(*(gig(f"last-{worker}", worker, "30000") for worker in WORKERS))
        until_settled(ledger, [stream])
        yield Watched(ledger, stream, api, watching, before)


@contextmanager
def serving(ledger: SmallLedger) -> Iterator[str]:
    """Run `iuran api` on a free port until the block ends; give its host:port."""
    port = processes.free_port()
    command = (sys.executable, "-m", "deploy.cli.main", "api")
    with (ledger.settings.home / "api.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment(ledger) | {"IURAN_API_PORT": str(port)}, stdout=log, stderr=log
        )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_balance(watched: Watched, worker: str) -> int:
    """Ask the API for a worker's balance; give the status."""
    token = tokens.issue(watched.ledger.settings, Role.AUDITOR, "test", 1)
    request = urllib.request.Request(
        f"http://{watched.api}/v1/workers/{worker}/balances", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_both_targets_are_up(watched: Watched) -> None:
    watched.until_told("up", ("job",), {("iuran-stream",): 1, ("iuran-api",): 1})


def test_entries_are_those_of_the_ledger(watched: Watched) -> None:
    kinds = {number: kind for kind, number in KIND_NUMBERS.items()}
    rows = watched.sql(
        'SELECT journal, kind, count(*) FROM entries WHERE "index" >= (%s::int[])[journal + 1] GROUP BY 1, 2',
        watched.before,
    )
    counted = {(str(journal), str(kinds[kind])): count for journal, kind, count in rows}
    assert {kind for _, kind in counted} == {"accrual", "rejection"}
    watched.until_told("sum by (journal, kind) (iuran_entries_total)", ("journal", "kind"), counted)


def test_events_by_outcome_are_those_of_the_ledger(watched: Watched) -> None:
    prefix = watched.ledger.settings.topic_prefix
    outcomes: Counter[Labels] = Counter()
    for topic, kind, entered, duplicates in watched.sql(
        "SELECT l->'cause'->>'topic', l->>'kind', count(*), sum((l->'cause'->'since'->>'duplicates')::int) "
        "FROM (SELECT convert_from(leaf, 'UTF8')::jsonb AS l FROM entries "
        'WHERE "index" >= (%s::int[])[journal + 1]) AS e GROUP BY 1, 2',
        watched.before,
    ):
        platform = str(platform_of(topic, prefix))
        outcomes[platform, {"accrual": "accrued", "rejection": "rejected"}[kind]] += entered
        outcomes[platform, "duplicate"] += int(duplicates)
    for topic, duplicates in watched.sql("SELECT topic, duplicates FROM positions WHERE duplicates > 0"):
        outcomes[str(platform_of(topic, prefix)), "duplicate"] += duplicates
    told = {labels: count for labels, count in outcomes.items() if count}
    assert told == {
        ("gojek", "accrued"): 10,
        ("gojek", "duplicate"): 3,
        ("gojek", "rejected"): 3,
        ("grab", "accrued"): 5,
    }
    watched.until_told("sum by (platform, outcome) (iuran_events_total)", ("platform", "outcome"), told)


def test_rejections_by_code_are_those_of_the_ledger(watched: Watched) -> None:
    counted = {(code,): n for code, n in watched.sql("SELECT code, count(*) FROM rejections GROUP BY 1")}
    assert counted == {("amount_out_of_range",): 2, ("malformed",): 1}
    watched.until_told("sum by (code) (iuran_rejections_total)", ("code",), counted)


def test_contributions_are_those_of_the_ledger(watched: Watched) -> None:
    by = ("scheme", "fund", "payer", "currency", "direction")
    rows = watched.sql(
        "SELECT c->>'scheme', c->>'fund', split_part(c->>'payer', ':', 1), c->>'unit', "
        "CASE WHEN (c->>'amount')::bigint < 0 THEN 'taken_back' ELSE 'added' END, sum(abs((c->>'amount')::bigint)) "
        "FROM (SELECT convert_from(leaf, 'UTF8')::jsonb AS l FROM entries WHERE kind = 0) AS e, "
        "jsonb_array_elements(l->'contributions') AS c GROUP BY 1, 2, 3, 4, 5"
    )
    posted = {tuple(labels): float(total) for *labels, total in rows}
    assert posted
    watched.until_told(f"sum by ({', '.join(by)}) (iuran_contribution_minor_total)", by, posted)


def test_tree_sizes_are_those_of_the_published_checkpoints(watched: Watched) -> None:
    sizes = {(str(journal),): size for journal, size in watched.sql("SELECT journal, published_size FROM heads")}
    watched.until_told("max by (journal) (iuran_journal_tree_size)", ("journal",), sizes)


def test_lag_is_what_the_broker_has_and_the_ledger_has_not(watched: Watched) -> None:
    """While somebody holds the journals' heads nothing can commit: what is published then is the lag, and no more."""
    by = ("topic", "partition")
    nothing = {(topic, str(partition)): 0 for topic, partition in ends(watched.ledger)}
    watched.until_told("iuran_consumer_lag_events", by, nothing)
    with psycopg.connect(watched.ledger.url) as connection:
        connection.execute("SELECT 1 FROM heads FOR UPDATE")
        watched.ledger.publish(*(gig(f"held-{worker}", worker, "1000", platform="grab") for worker in WORKERS))
        behind = unsettled(watched.ledger)
        assert sum(behind.values()) == len(WORKERS)
        held = {(topic, str(partition)): lag for (topic, partition), lag in behind.items()}
        watched.until_told("iuran_consumer_lag_events", by, nothing | held)
    watched.until_told("iuran_consumer_lag_events", by, nothing)


def test_requests_are_counted_by_route_and_nobody_is_named(watched: Watched) -> None:
    """L11: a worker who earned, one who was refused and one who was only asked for stand in no label of any series."""
    until(lambda: read_balance(watched, WORKERS[0]) == 200, "the API to show a balance", [watched.stream])
    counted = f'sum by (status) (iuran_http_request_seconds_count{{route="{BALANCES}"}})'
    before = _in_the_end(watched, counted)
    statuses = Counter((str(read_balance(watched, worker)),) for worker in (*WORKERS, STRANGER))
    assert statuses == {("200",): len(WORKERS), ("404",): 1}
    watched.until_told(counted, ("status",), dict(Counter(before) + statuses))

    series = watched.watching.series()
    assert {labels["job"] for labels in series} == {"iuran-stream", "iuran-api"}
    values = {value for labels in series for value in labels.values()}
    named = {value for value in values if any(worker in value for worker in (*WORKERS, STRANGER))}
    assert named == set()


def _in_the_end(watched: Watched, counted: str) -> dict[Labels, int]:
    """What the API itself says that it has counted, once Prometheus has been told the same."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{watched.api}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    line = rf'^iuran_http_request_seconds_count\{{method="GET",route="{re.escape(BALANCES)}",status="(\d+)"\}} (\S+)$'
    said = {(status,): int(float(count)) for status, count in re.findall(line, text, re.MULTILINE)}
    assert said
    watched.until_told(counted, ("status",), said)
    return said


def test_the_questions_that_the_documentation_asks_have_answers(watched: Watched) -> None:
    text = (CONFIG.parent / "README.md").read_text(encoding="utf-8")
    questions = text.split("First questions")[1].split("```")[1].strip().splitlines()
    assert len(questions) >= 5
    for question in questions:
        until(lambda question=question: bool(watched.watching.get("query", query=question)["result"]), question)  # type: ignore[misc]
