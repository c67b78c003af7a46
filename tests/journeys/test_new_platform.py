"""A ledger that grows while it runs: a platform is added, a scheme enacted, processes join and leave, nobody stops.

Upholds L3 and L12 over each change: all gigs before, during and after are accrued exactly once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.currencies import EXPONENTS
from deploy import founding
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.domain.language.document import load_document
from tests.support.city import city
from tests.support.ledgers import SCHEMES, SmallLedger, found, gig
from tests.support.running import Stream, accrued_ids, findings, journal_entries, streams, until, until_settled

WORKERS = ("W-ann", "W-ben", "W-cut", "W-dee", "W-eve", "W-fay")
OPERATOR = "urn:iuran:operator"


@pytest.fixture
def ledger(servers: Servers, tmp_path: Path) -> SmallLedger:
    return found(servers, tmp_path, journals=4, schemes=())


def test_a_platform_added_while_a_stream_runs_is_taken_up(ledger: SmallLedger) -> None:
    with streams(ledger, 2) as running:
        until(lambda: all(stream.is_ready() for stream in running), "both processes ready", running)
        ledger.publish(*(gig(f"A-{worker}", worker, "20000") for worker in WORKERS))
        until_settled(ledger, running)
        for platform in ("grab", "maxim"):
            founding.add_platform(ledger.settings, platform, SILENT)
            ledger.publish(*(gig(f"B-{worker}", worker, "20000", platform=platform) for worker in WORKERS))
            ledger.publish(*(gig(f"C-{platform}-{worker}", worker, "20000") for worker in WORKERS))
        until_settled(ledger, running)
        assert [stream.left for stream in running] == [[], []], "taken up without a restart"
    accrued = accrued_ids(ledger)
    assert set(accrued.values()) == {1}
    for platform in ("grab", "maxim"):
        assert {event for source, event in accrued if source.endswith(platform)} == {
            f"B-{worker}" for worker in WORKERS
        }
    assert len(accrued) == 5 * len(WORKERS)
    assert findings(ledger) == []


def test_a_scheme_enacted_while_a_stream_runs_acts_from_the_next_entry(ledger: SmallLedger) -> None:
    with streams(ledger, 1) as running:
        until(running[0].is_ready, "the process ready", running)
        ledger.publish(*(gig(f"A-{worker}", worker, "20000") for worker in WORKERS))
        until_settled(ledger, running)
        text = (SCHEMES / "ID-JK-PILOT.yaml").read_text(encoding="utf-8")
        for version in load_document(text, "ID-JK-PILOT.yaml", EXPONENTS).versions:
            founding.enact(ledger.settings, version, SILENT)
        ledger.publish(*(gig(f"B-{worker}", worker, "20000") for worker in WORKERS))
        until_settled(ledger, running)
    for journal in range(ledger.settings.journals):
        entries = journal_entries(ledger, journal)
        kinds = [entry.kind for entry in entries]
        enacted = kinds.index("scheme")
        assert not any(entry.contributions for entry in entries[:enacted] if entry.kind == "accrual")
        assert all(entry.contributions for entry in entries[enacted:] if entry.kind == "accrual")
    assert sum(accrued_ids(ledger).values()) == 2 * len(WORKERS)
    assert findings(ledger) == []


def test_a_second_process_joins_and_leaves_under_load(ledger: SmallLedger) -> None:
    founding.add_platform(ledger.settings, "grab", SILENT)
    with streams(ledger, 2) as (first, second), city(ledger, ("gojek", "grab"), 200_000, 400) as publishing:
        until(lambda: first.is_ready() and second.is_ready(), "both processes ready", (first, second))
        until(lambda: _journals_of(second) != set(), "the second process to settle", (first, second))
        assert second.stop() == 0
        until(lambda: len(_journals_of(first)) == ledger.settings.journals, "the first to settle all", (first,))
        second.start()
        until(lambda: second.is_ready() and _journals_of(second) != set(), "the second to settle again", (second,))
        publishing.stop()
        until_settled(ledger, (first, second))
        assert first.left == second.left == []
        assert first.stop() == 0
    assert accrued_ids(ledger) == publishing.sent
    assert findings(ledger) == []


def _journals_of(stream: Stream) -> set[str]:
    """The journals in which a process has entered something since it was started."""
    return {dict(labels)["journal"] for name, labels in stream.metrics() if name == "iuran_journal_tree_size"}
