"""Every shipped scheme can be tried: whatever it posts, or says instead, comes out as a page, a table and a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.currencies import EXPONENTS
from deploy.cli.progress import SILENT
from deploy.cli.scheme import SHIPPED, load_file
from deploy.simulate.answers import as_csv, as_json
from deploy.simulate.page import page
from deploy.simulate.running import simulate_file
from deploy.simulate.terminal import print_result
from ledger.domain.scheme import Version
from ledger.domain.simulation.result import DAYS, HOURS
from ledger.domain.simulation.trial import IN_FORCE, Trial, assume, choose
from tests.deploy.simulate.test_simulate_page import Reader

ATTRIBUTES = (
    *("worker.born=1990-05", "worker.basis=1000", "worker.income=1000", "worker.service_class=III", "worker.plan=2"),
    *("worker.programmes=JKK,JKM,JHT", "worker.productive=true", "worker.tier=top", "worker.opted_in=2024-01"),
)


def newest_at_work(scheme: str) -> Version:
    """Give the newest version that says anything: a scheme may end with an empty one."""
    return [v for v in load_file(SHIPPED / f"{scheme}.yaml").versions if v.rules or v.notices][-1]


def three_months(path: Path, scheme: str) -> Path:
    """Write gigs of three workers on two platforms in the scheme's own money and zone, from its newest day on."""
    version = newest_at_work(scheme)
    zone = version.zones[0] if version.zones else None
    lines = []
    for month in (4, 5, 6):
        for number in range(12):
            data = {
                "service": "cleaning" if scheme == "US-ALIA" else "ride",
                "vehicle": "car",
                "currency": version.currency,
                "components": [{"kind": "fare", "amount": str(100 * 10 ** (3 - min(EXPONENTS[version.currency], 2)))}],
                "commission": "10",
                "engaged_seconds": 7200,
                "distance_m": 20_000,
            } | ({"zone": zone} if zone else {})
            platform = (*version.platforms, "one", "two")[number % 2]
            event = {"id": f"G-{month}-{number}", "source": f"urn:iuran:platform:{platform}", "data": data}
            event |= {
                "worker": f"W-{number % 3}0",
                "time": f"{version.start.year + 1}-{month:02}-{number + 1:02}T12:00:00Z",
            }
            lines.append(json.dumps(event))
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("scheme", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_a_shipped_scheme_is_tried_and_told(scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = load_file(SHIPPED / f"{scheme}.yaml")
    path = three_months(tmp_path / "gigs.jsonl", scheme)
    trial = Trial(choose(document, newest_at_work(scheme).id), None, assume(ATTRIBUTES))
    for against in (None, choose(document, IN_FORCE)):
        result = simulate_file(path, trial._replace(against=against), SILENT)
        assert result.tally.gigs == 36
        assert result.tally.outside == 0
        assert result.unit in (document.versions[-1].currency, HOURS, DAYS)
        reader = Reader(page(result))
        assert reader.open == reader.fetched == []
        json.dumps(as_json(result))
        assert as_csv(result).startswith("by,key,")
        print_result(result)
        assert "nan" not in capsys.readouterr().out
