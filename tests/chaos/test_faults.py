"""What else breaks under load: the database goes and comes back, a process freezes and wakes up as a zombie, and
processes come and go faster than the group can settle. Each ends with every gig exactly once and an audit without
findings (L3, L12), and none needs a hand: who cannot go on in place leaves, and its supervisor starts it again.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.chaos.conftest import Stack
from tests.support.city import city
from tests.support.ledgers import SmallLedger, found
from tests.support.running import Stream, accrued_ids, findings, streams, until, until_settled

PLATFORMS = ("gojek", "grab")
PER_SECOND = 600


@pytest.fixture
def ledger(own: Stack, tmp_path: Path) -> SmallLedger:
    return found(own.servers, tmp_path, journals=4, platforms=PLATFORMS, session_timeout_seconds=3.0)


def _ready(running: list[Stream]) -> None:
    until(lambda: all(stream.is_ready() for stream in running), "all processes ready", running)


def test_a_stream_waits_in_place_for_its_database(own: Stack, ledger: SmallLedger, random: Random) -> None:
    with streams(ledger, 1) as running, city(ledger, PLATFORMS, 12_000, PER_SECOND) as publishing:
        _ready(running)
        for stop in (own.stop_database, own.kill_database):
            time.sleep(1 + 2 * random.random())
            stop()
            time.sleep(3 * random.random())
            own.start_again()
        sent = publishing.finish()
        until_settled(ledger, running)
        assert running[0].left == []
    assert accrued_ids(ledger) == sent
    assert findings(ledger) == []


def test_a_process_that_was_frozen_past_its_session_is_fenced(ledger: SmallLedger, random: Random) -> None:
    with streams(ledger, 2, keep=True) as running, city(ledger, PLATFORMS, 12_000, PER_SECOND) as publishing:
        _ready(running)
        for _ in range(2):
            frozen = random.choice(running)
            time.sleep(2 * random.random())
            frozen.pause()
            time.sleep(ledger.settings.session_timeout_seconds + 1 + random.random())
            frozen.go_on()
            _ready(running)
        sent = publishing.finish()
        until_settled(ledger, running)
    assert accrued_ids(ledger) == sent
    assert findings(ledger) == []


def test_processes_that_come_and_go_wedge_nothing(ledger: SmallLedger, random: Random) -> None:
    with streams(ledger, 3) as running, city(ledger, PLATFORMS, 15_000, PER_SECOND) as publishing:
        _ready(running)
        for _ in range(5):
            comes_and_goes = random.choice(running[1:])
            assert comes_and_goes.stop() in (0, -signal.SIGTERM)  # the latter: it had not begun yet
            assert comes_and_goes.stop() in (0, -signal.SIGTERM)  # the latter: it had not begun yet
            time.sleep(random.random())
            comes_and_goes.start()
            time.sleep(2 * random.random())
        sent = publishing.finish()
        until_settled(ledger, running)
        assert [stream.left for stream in running] == [[], [], []]
    assert accrued_ids(ledger) == sent
    assert findings(ledger) == []
