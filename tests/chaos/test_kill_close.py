"""Killed in the middle of a close: it goes on where it stopped, and a replay that nobody disturbs gives the same roots.

A month of 2,500 workers is closed, three parts and more for each. The stream process is killed with SIGKILL while it
works the close out, and again once some of it is written. Upholds L3 and L4; nothing of the first attempts is left
over or believed (`streams.spool`).
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import psycopg
import pytest

from contracts.topics import gigs_topic
from deploy import founding
from deploy.cli.progress import SILENT
from ledger.store.startup import check_ledger
from streams import acts
from streams.synthetic import bench_gigs
from tests.chaos.conftest import Stack
from tests.support.corrections import CLOSING
from tests.support.ledgers import SmallLedger, found
from tests.support.replay import ends_of, replay
from tests.support.running import findings, iuran, sending, streams, until, until_settled

WORKERS = 2_500


def size_of(ledger: SmallLedger) -> int:
    """The number of all entries."""
    with psycopg.connect(ledger.url) as connection:
        rows = connection.execute("SELECT sum(size) FROM heads").fetchall()
        return int(rows[0][0])


@pytest.mark.timeout(600)
def test_a_close_is_finished_to_the_byte_whoever_is_killed(own: Stack, tmp_path: Path, random: Random) -> None:
    ledger = found(own.servers, tmp_path, schemes=())
    founding.enact(ledger.settings, CLOSING, SILENT)
    facts, _ = check_ledger(ledger.url)
    with sending(ledger) as send:
        for worker, gig in bench_gigs(1, WORKERS, WORKERS):
            send(gigs_topic("gojek", facts.topic_prefix), gig, worker)
    ledger.drain()
    before = size_of(ledger)
    with streams(ledger, 1, keep=True) as (stream,):
        until(stream.is_ready, "the process ready", [stream])
        feeds = list(facts.platforms.values())
        acts.close_period(ledger.broker, facts.topic_prefix, facts.journals, feeds, facts.name, "2026-03", None)
        time.sleep(random.random())
        for _ in range(2):
            stream.kill()
            stream.start()
            until(lambda: size_of(ledger) > before, "some of the close written", [stream])
        until_settled(ledger, [stream])
    with psycopg.connect(ledger.url) as connection:
        closed = connection.execute("SELECT count(DISTINCT worker), count(*) FROM entries WHERE kind = 10").fetchall()
    assert closed == [(WORKERS, WORKERS + facts.journals)]
    assert findings(ledger) == []
    audited = iuran(ledger, "audit", "recompute")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert ends_of(replay(ledger, own.servers)) == ends_of(ledger.url)
