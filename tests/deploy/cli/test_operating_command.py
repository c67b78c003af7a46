"""An operator's days as typed, on a real ledger: attributes, payments, disputes, closes, open parameters, corrections.

Without a stream process: what is announced is settled by `drain`, and each command is given again before and after, as
somebody would whose first try broke off.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.entry import decode
from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from tests.support.commands import Door
from tests.support.ledgers import found, gig
from tests.support.running import findings

pytestmark = pytest.mark.stack


class Office(Door):
    """A door with what these tests do and look at."""

    def twice(self, *arguments: str | Path) -> str:
        """Announced, announced again, entered; given again, it says what it says then."""
        for _ in range(2):
            self.ok(*arguments)
        self.ledger.drain()
        return self.ok(*arguments)

    def entries(self, *kinds: str) -> list[dict[str, Any]]:
        """All entries of these kinds, journal by journal."""
        leaves = [leaf for n in range(self.ledger.settings.journals) for leaf in self.ledger.leaves(n)]
        return [json.loads(leaf) for leaf in leaves if decode(leaf).kind in kinds]

    def of(self, worker: str) -> list[dict[str, Any]]:
        """A worker's entries."""
        leaves = map(json.loads, self.ledger.leaves(self.ledger.journal_of(worker)))
        return [own for own in leaves if worker in (own.get("worker"), own.get("event", {}).get("subject"))]

    def publish(self, name: str, *events: dict[str, Any]) -> str:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in events))
        said = self.ok("publish", path, "--platform", "gojek")
        self.ledger.drain()
        return said


@pytest.fixture(scope="module")
def office(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """One ledger for all: each test minds workers and months of its own."""
    folder = tmp_path_factory.mktemp("office")
    schemes = ("ID-JK-PILOT", "ID-BPU", "KR-EI-PLATFORM", "MY-GWA-S14")
    return Office(found(servers, folder / "home", platforms=("gojek",), schemes=schemes), folder)


def sums(entries: list[dict[str, Any]], state: str = "accrued") -> dict[str, int]:
    """What entries posted, by fund."""
    totals: dict[str, int] = {}
    for row in (row for entry in entries for row in entry.get("contributions", ())):
        if row.get("state", "accrued") == state:
            totals[row["fund"]] = totals.get(row["fund"], 0) + row["amount"]
    return totals


def test_a_month_of_a_member_from_statement_to_payment(office: Office) -> None:
    change = (
        "worker",
        "change",
        "W-anna",
        "--set",
        "basis=1000000",
        "--set",
        "programmes=JKK,JKM",
        "--on",
        "2025-10-01",
    )
    assert "stands so already" in office.twice(*change)
    close = ("period", "close", "2025-10")
    assert "announced; no stream process runs" in office.ok(*close)
    assert "closed in every journal" in office.twice(*close)
    assert sums(office.of("W-anna")) == {"JKK": 1_000_000, "JKM": 680_000}
    assert len([own for own in office.entries("close") if "event" in own]) == office.ledger.settings.journals

    pay = ("remittance", "add", "BANK-1", "--scheme", "ID-BPU", "--period", "2025-10", "--amount", "16800.00")
    office.twice(*pay, "--worker", "W-anna", "--on", "2025-11-03")
    assert sums(office.of("W-anna"), "remitted") == {"JKK": 1_000_000, "JKM": 680_000}
    (paid,) = office.entries("remittance")
    assert (paid["event"]["time"], paid["event"]["data"]["currency"]) == ("2025-11-03T00:00:00Z", "IDR")
    other = office.run(*pay, "--worker", "W-anna", "--on", "2025-11-04")
    assert isinstance(other.exception, Unfit) and "an act happens once" in str(other.exception)

    assert "changed" in office.ok("worker", "change", "W-anna", "--set", "basis=2000000", "--on", "2025-10-01")
    second = office.run("worker", "change", "W-anna", "--set", "basis=3000000", "--on", "2025-10-01")
    assert isinstance(second.exception, Unfit) and "worker/W-anna/changed/2" in str(second.exception)
    office.ledger.drain()
    assert sums(office.of("W-anna"))["JKK"] == 2_000_000
    assert findings(office.ledger) == []


def test_an_open_parameter_is_set_by_an_act_that_audits_know(office: Office) -> None:
    paid = {
        "service": "delivery",
        "zone": "KR",
        "currency": "KRW",
        "components": [{"kind": "fare", "amount": "3000000"}],
    }
    office.publish("korea", gig("K-1", "W-kim", "0", time="2022-05-02T08:00:00Z") | {"data": paid})
    assert sums(office.of("W-kim")) == {}
    notices = [row for own in office.of("W-kim") for row in own.get("notices", ())]
    assert [(row["kind"], row["value"]) for row in notices] == [("parameter_unset", "expense_rate")]
    wish = ("scheme", "set", "KR-EI-PLATFORM", "expense_rate=0.306", "--from", "2022-05-01")
    said = office.twice(*wish, "--source", "Notice 2022-30 of the ministry", "--url", "https://example.org/30")
    assert said.startswith("KR-EI-PLATFORM 2022-05-01 enacted, digest ")
    assert len([own for own in office.entries("scheme") if own["event"]["data"]["version"] == "2022-05-01"]) == 2
    office.publish("more", gig("K-2", "W-kim", "0", time="2022-05-03T08:00:00Z") | {"data": paid})
    assert sums(office.of("W-kim")) == {"EI": 4 * 14_574}
    assert findings(office.ledger) == []


def test_a_dispute_is_opened_and_decided(office: Office) -> None:
    days = range(1, 31)
    work = {"service": "ride", "zone": "MY", "currency": "MYR", "components": [{"kind": "fare", "amount": "100.00"}]}
    gigs = [gig(f"D-{day}", "W-dina", "0", time=f"2026-06-{day:02}T08:00:00Z") | {"data": work} for day in days]
    office.publish("malaysia", *gigs)
    early = office.run("dispute", "decide", "C-1", "--unfounded")
    assert isinstance(early.exception, Unfit) and "expected one that was opened" in str(early.exception)
    office.twice("dispute", "open", "C-1", "--worker", "W-dina", "--platform", "gojek", "--reason", "suspended")
    decide = ("dispute", "decide", "C-1", "--unfounded", "--suspended-from", "2026-07-01", "--suspended-days", "3")
    assert "dispute C-1: unfounded" in office.twice(*decide, "--reviewer", "panel_2")
    assert [own["event"]["type"] for own in office.entries("dispute")] == ["dispute.opened.v1", "dispute.decided.v1"]
    assert sums(office.of("W-dina"))["S14-PAY"] == 15_000
    assert findings(office.ledger) == []


def test_a_platform_is_changed_for_schemes_from_a_day_on(office: Office) -> None:
    change = (
        "platform",
        "change",
        "gojek",
        "--set",
        "turnover=1000000",
        "--set",
        "flat_fee=true",
        "--on",
        "2026-01-01",
    )
    assert "stands so already" in office.twice(*change)
    told = [own["event"]["data"] for own in office.entries("platform") if "attributes" in own["event"]["data"]]
    assert [(own["attributes"], own["effective_on"]) for own in told] == [
        ({"flat_fee": True, "turnover": "1000000"}, "2026-01-01")
    ] * 2


def test_additions_and_reversals_are_published_from_files(office: Office) -> None:
    said = office.publish("gigs", gig("P-1", "W-pia", "20000"), gig("P-2", "W-pia", "10000"))
    assert "2 gigs of gojek published" in said
    added = {"gig": "P-1", "components": [{"kind": "tip", "amount": "5000"}]}
    office.publish(
        "later",
        gig("A-1", "W-pia", "0", time="2026-03-09T08:00:00Z") | {"type": "gig.adjusted.v1", "data": added},
        gig("R-2", "W-pia", "0", time="2026-03-09T09:00:00Z") | {"type": "gig.reversed.v1", "data": {"gig": "P-2"}},
    )
    own = office.of("W-pia")
    assert [entry["kind"] for entry in own] == ["accrual", "accrual", "adjustment", "reversal"]
    assert sums(own)["JKM"] == 25_000  # 1 % of 25,000.00 in all
    bad = office.folder / "bad.jsonl"
    bad.write_text(json.dumps(gig("R-3", "W-pia", "0") | {"type": "gig.reversed.v1", "data": {"gig": 7}}) + "\n")
    refused = office.run("publish", bad, "--platform", "gojek")
    assert refused.exit_code == 1 and "schema_violation" in refused.output


REMIT = "remittance add R --amount 1 --period 2026"
REFUSED = {
    "period close 2026-13": "expected a period such as 2026-03",
    "period close 2199": "expected one that is over",
    "period close 2025-01 --platform maxim": "expected a registered one (gojek), got maxim",
    "worker change W-x --set basis=1": "subject: expected",
    "worker change W-xx --set wage=1": "expected one of born",
    "worker change W-xx --set state_paid=yes": "expected true or false",
    "worker change W-xx --set basis=much": "schema_violation",
    "worker change W-xx --set basis": "expected NAME=VALUE",
    "worker change W-xx --set basis=1 --on today": "expected one such as 2026-03-31",
    f"{REMIT} --scheme ID-BPU": "--platform or --worker",
    f"{REMIT} --scheme ID-BHR --worker W-xx": "expected a scheme that was enacted",
    "remittance add R --amount 1.005 --period 2026 --scheme ID-BPU --worker W-xx": "amount_out_of_range",
    "scheme set ID-BHR a=1 --from 2026-01-01 --source x": "expected one that was enacted",
    "scheme set ID-BPU a=1 --from 2026-01-01 --source x": "expected one of its parameters",
    "platform change gojek --set turnover=-1": "schema_violation",
}


def test_what_can_not_be_is_told_before_anything_is_sent(office: Office) -> None:
    for command, said in REFUSED.items():
        got = office.run(*command.split())
        assert isinstance(got.exception, Unfit) and said in str(got.exception), (command, got.exception)
    office.ledger.drain()
    assert office.entries("rejection") == []
