"""Cities of a programme on the real servers: enacted as schemes, accrued by zone and day, audited like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts.entry import decode
from contracts.topics import CHECKPOINTS
from deploy import founding
from deploy.cli.progress import SILENT
from deploy.cli.scheme import shipped
from deploy.embedded.stack import Servers
from ledger.store import keys
from streams.checkpoints import Checkpoints
from tests.support.deep import check_ledger_deeply
from tests.support.ledgers import SmallLedger, found, gig

pytestmark = pytest.mark.stack


def posted(ledger: SmallLedger, worker: str) -> dict[str, list[tuple[str, str, int]]]:
    """Give (scheme, payer, amount in minor units) of what each gig of a ledger's one worker posted, by its id."""
    entries = [decode(leaf) for leaf in ledger.leaves(ledger.journal_of(worker))]
    return {
        str(entry.cause.id): [(own.scheme, own.payer, own.amount) for own in entry.contributions or ()]
        for entry in entries
        if entry.kind == "accrual"
    }


def outside(ledger: SmallLedger) -> dict[int, bytes]:
    """Give the newest checkpoint of each journal on the topic."""

    async def newest() -> dict[int, bytes]:
        checkpoints = Checkpoints(ledger.broker, ledger.settings.topic_prefix + CHECKPOINTS)
        found = {number: await checkpoints.newest(number) for number in range(ledger.settings.journals)}
        return {number: note for number, note in found.items() if note is not None}

    return asyncio.run(newest())


def test_cities_act_by_zone_and_day_and_hold_in_a_deep_audit(servers: Servers, tmp_path: Path) -> None:
    ledger = found(servers, tmp_path)
    schemes = shipped()
    for scheme in ("ID-JK-PILOT", "ID-BDG-PILOT", "ID-SBY-PILOT", "ID-BDG-PILOT"):
        for version in schemes[scheme].versions:
            founding.enact(ledger.settings, version, SILENT)
    ledger.publish(
        gig("G-1", "W-two", "100000", zone="ID-JB-BDG", time="2026-06-30T16:59:59Z"),
        gig("G-2", "W-two", "100000", zone="ID-JB-BDG", time="2026-06-30T17:00:00Z"),
        gig("G-3", "W-two", "100000", zone="ID-JI-SBY", time="2026-07-02T03:00:00Z"),
        gig("G-4", "W-two", "100000", zone="ID-JK", time="2026-07-02T04:00:00Z"),
    )
    ledger.drain()
    got = posted(ledger, "W-two")
    assert got["G-1"] == []
    for name, scheme, city in (
        ("G-2", "ID-BDG-PILOT", "BDG"),
        ("G-3", "ID-SBY-PILOT", "SBY"),
        ("G-4", "ID-JK-PILOT", "JKT"),
    ):
        assert {(own, amount) for own, payer, amount in got[name] if payer.startswith("subsidy")} == {(scheme, 100_000)}
        assert f"subsidy:{city}" in {payer for _, payer, _ in got[name]}
        assert {own for own, _, _ in got[name]} == {scheme}
    settings = ledger.settings
    secrets = {n: keys.of_settings(settings, settings.ledger).secret(n) for n in range(settings.journals)}
    check_ledger_deeply(ledger.url, secrets=secrets, published=outside(ledger))
