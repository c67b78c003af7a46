"""Days later, on the real broker and database: a tip, a refund, a reversal, a revised rate, an attribute, a close.

The stream is killed while the close is under way and started again. At the end everything holds: the audit, the
recomputation, the replica's bytes, the explanations of every entry.
"""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contracts import entry as entries
from contracts import events
from contracts.currencies import EXPONENTS
from contracts.entry import Entry
from contracts.topics import CONTROL
from deploy import founding, operating
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from deploy.settling import writers
from ledger.api.explanation import Explaining
from ledger.audit.recomputing import recompute
from ledger.audit.sources import evidence
from ledger.domain.language.document import load_document
from ledger.store import keys
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger
from streams import acts
from tests.support.deep import check_ledger_deeply
from tests.support.ledgers import SCHEMES, SmallLedger, found, gig
from tests.support.replay import ends_of, replay
from tests.support.running import findings, journal_entries, streams, until, until_settled

WORKERS = ("W-ann", "W-ben", "W-cut", "W-dee", "W-eve")


@pytest.fixture
def ledger(servers: Servers, tmp_path: Path) -> SmallLedger:
    return found(servers, tmp_path, journals=2, platforms=("gojek", "grab"), schemes=("ID-JK-PILOT", "ID-BPU"))


def correction(type: str, id: str, worker: str, data: dict[str, Any], platform: str = "gojek") -> dict[str, Any]:
    """A platform's event about an earlier gig."""
    return gig(id, worker, "0", platform=platform, time="2026-03-09T08:00:00Z") | {"type": type, "data": data}


def tell(ledger: SmallLedger, type: str, id: str, worker: str, data: events.Data) -> None:
    """What the operator makes known of one worker."""
    prefix, journals = ledger.settings.topic_prefix, ledger.settings.journals
    act = acts.Act(type, id, worker, lambda _: data)
    acts.announce(ledger.broker, prefix, journals, act, frozenset({ledger.journal_of(worker)}))


def revised() -> Any:
    """The pilot's first version with double the rate of JKK, as its second revision."""
    text = (SCHEMES / "ID-JK-PILOT.yaml").read_text(encoding="utf-8")
    again = text.partition("versions:\n")[2].replace(
        "  - from: 2026-01-01\n", "  - from: 2026-01-01\n    revision: 2\n", 1
    )
    text += "\n" + again.replace('rate: "0.01"', 'rate: "0.02"', 1)
    return load_document(text, "revised.yaml", EXPONENTS).versions[1]


def of(ledger: SmallLedger, worker: str) -> list[Entry]:
    own = journal_entries(ledger, ledger.journal_of(worker))
    return [entry for entry in own if entries.worker_of(entry) == worker]


def balances(entry: Entry) -> dict[str, int]:
    return {f"{row.scheme}/{row.fund}": row.accrued for row in entry.balances or ()}


def test_what_comes_days_later(ledger: SmallLedger) -> None:
    with streams(ledger, 1, keep=True) as running:
        until(running[0].is_ready, "the process ready", running)
        ledger.publish(*(gig(f"A-{worker}", worker, "20000") for worker in WORKERS))
        ledger.publish(*(gig(f"B-{worker}", worker, "10000", platform="grab") for worker in WORKERS))
        until_settled(ledger, running)
        tip = {"gig": "A-W-ann", "components": [{"kind": "tip", "amount": "5000"}], "payment_due_on": "2026-03-12"}
        refund = {"gig": "A-W-ben", "currency": "IDR", "components": [{"kind": "fare", "amount": "-4000"}]}
        ledger.publish(
            correction("gig.adjusted.v1", "tip-1", "W-ann", tip),
            correction("gig.adjusted.v1", "refund-1", "W-ben", refund),
            correction("gig.reversed.v1", "back-1", "W-cut", {"gig": "B-W-cut", "reason": "double_booked"}, "grab"),
            correction("gig.reversed.v1", "back-2", "W-cut", {"gig": "B-W-cut"}, "grab"),
        )
        until_settled(ledger, running)
        founding.enact(ledger.settings, revised(), SILENT)
        told = events.WorkerChanged(set={"basis": "1000000", "programmes": ("JKK", "JKM")}, effective_on="2026-01-01")
        tell(ledger, events.WORKER_CHANGED, "W-dee/1", "W-dee", told)
        ledger.publish(*(gig(f"C-{worker}", worker, "1000") for worker in WORKERS[:4]))
        until_settled(ledger, running)
        facts, _ = check_ledger(ledger.url)
        feeds = [*facts.platforms.values(), facts.topic_prefix + CONTROL]
        close = (ledger.broker, facts.topic_prefix, facts.journals, feeds[:-1], facts.name, "2026-03", None)
        offsets = acts.close_period(*close)
        running[0].kill()
        running[0].start()
        assert acts.close_period(*close) == offsets, "closing again adds nothing"
        until(lambda: writers(ledger.url) > 0, "the process writing again", running)
        assert operating.close_period(ledger.settings, "2026-03", None, date(2026, 4, 1), SILENT)
        until_settled(ledger, running)

    # 25,000 less nothing: the tip counts in its gig's window; JKK at the revised rate, once
    ann = of(ledger, "W-ann")
    assert [e.kind for e in ann[:4]] == ["accrual", "accrual", "adjustment", "correction"]
    assert balances(ann[2]) == {"ID-JK-PILOT/JHT": 105_000, "ID-JK-PILOT/JKK": 35_000, "ID-JK-PILOT/JKM": 35_000}
    assert balances(ann[4]) == {"ID-JK-PILOT/JHT": 108_000, "ID-JK-PILOT/JKK": 72_000, "ID-JK-PILOT/JKM": 36_000}
    ben = of(ledger, "W-ben")
    assert balances(ben[2])["ID-JK-PILOT/JKM"] == 26_000
    cut = of(ledger, "W-cut")
    assert [e.kind for e in cut[:3]] == ["accrual", "accrual", "reversal"]
    assert balances(cut[2])["ID-JK-PILOT/JKM"] == 20_000
    refused = [e for n in (0, 1) for e in journal_entries(ledger, n) if e.kind == "rejection"]
    assert [e.rejection.code for e in refused if e.rejection] == ["already_reversed"]
    # the close: the flat month for who chose a basis, a correction for who had no event since the revision
    dee, eve = of(ledger, "W-dee"), of(ledger, "W-eve")
    assert balances(dee[-1])["ID-BPU/JKK"] > 0
    assert "close" in [e.kind for e in dee]
    assert [e.kind for e in eve] == ["accrual", "accrual", "correction"]
    assert balances(eve[-1])["ID-JK-PILOT/JKK"] == 2 * balances(eve[-2])["ID-JK-PILOT/JKK"]

    assert findings(ledger) == []
    secrets = {n: keys.of_settings(ledger.settings, facts.name).secret(n) for n in range(facts.journals)}
    with evidence.frozen(ledger.url) as stored:
        done = recompute.recompute(stored, lambda _: None, known_secrets=secrets)
    assert [one.findings for one in done] == [[], []]
    check_ledger_deeply(ledger.url, secrets=secrets)
    asyncio.run(explain_all(ledger))


async def explain_all(ledger: SmallLedger) -> None:
    """Every entry can be explained, which works its postings out again."""
    readers = Readers(ledger.url)
    await readers.open()
    try:
        explaining = Explaining(readers)
        for journal in range(ledger.settings.journals):
            for leaf in ledger.leaves(journal):
                entry = entries.decode(leaf)
                told = await explaining.explanation(entry)
                assert told.text, json.loads(leaf)
    finally:
        await readers.close()


def test_a_replay_of_corrections_and_closes_ends_in_the_same_roots(ledger: SmallLedger, servers: Servers) -> None:
    ledger.publish(*(gig(f"A-{worker}", worker, "20000") for worker in WORKERS))
    tell(ledger, events.WORKER_CHANGED, "W-dee/1", "W-dee", events.WorkerChanged(set={"basis": "1000000"}))
    ledger.drain()
    ledger.publish(correction("gig.reversed.v1", "back-1", "W-cut", {"gig": "A-W-cut"}))
    facts, _ = check_ledger(ledger.url)
    feeds = list(facts.platforms.values())
    acts.close_period(ledger.broker, facts.topic_prefix, facts.journals, feeds, facts.name, "2026-03", None)
    ledger.drain()
    ledger.publish(gig("D-1", "W-dee", "5000"), gig("D-1", "W-dee", "5000"))
    ledger.drain()
    assert findings(ledger) == []
    assert ends_of(replay(ledger, servers)) == ends_of(ledger.url)
