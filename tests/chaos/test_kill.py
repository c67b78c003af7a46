"""Killed at random moments under load: every gig exactly once, the audit finds nothing, a replay gives the same roots.

Two stream processes share eight journals of two platforms while 50,000 gigs are published. Ten times one of them is
killed with SIGKILL and started again, as its supervisor would; once the broker is. Upholds L3, L4, L6, L7 and L12 at
their hardest. A failing run prints its seed: `CHAOS_SEED=<seed>` kills at the same places in the list again.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from tests.chaos.conftest import Stack
from tests.support.city import city
from tests.support.ledgers import found
from tests.support.replay import ends_of, replay
from tests.support.running import accrued_ids, findings, iuran, streams, until, until_settled

GIGS = 50_000
PER_SECOND = 1000
KILLS = 10
PLATFORMS = ("gojek", "grab")


@pytest.mark.timeout(600)
def test_every_gig_is_accrued_exactly_once_whoever_is_killed(own: Stack, tmp_path: Path, random: Random) -> None:
    ledger = found(own.servers, tmp_path, journals=8, platforms=PLATFORMS)
    with streams(ledger, 2, keep=True) as running:
        until(lambda: all(stream.is_ready() for stream in running), "both processes ready", running)
        with city(ledger, PLATFORMS, GIGS, PER_SECOND) as publishing:
            broker_dies = random.randrange(KILLS)
            for kill in range(KILLS):
                time.sleep(0.5 + 5.5 * random.random())
                victim = random.choice(running)
                victim.kill()
                victim.start()
                if kill == broker_dies:
                    time.sleep(3 * random.random())
                    own.kill_broker()
                    own.start_again()
            sent = publishing.finish()
        until_settled(ledger, running)
        left = [stream.left for stream in running]
    assert len(sent) == GIGS
    assert accrued_ids(ledger) == sent, f"processes left by themselves: {left}"
    assert findings(ledger) == []
    for command in ("verify", "recompute"):
        audited = iuran(ledger, "audit", command)
        assert audited.returncode == 0, audited.stdout + audited.stderr
    assert ends_of(replay(ledger, own.servers)) == ends_of(ledger.url)
