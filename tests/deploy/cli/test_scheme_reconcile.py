"""`iuran scheme reconcile` on the real trips of New York, April 2020: the figures that README and report may state.

The counts are facts about 532 public records and the scheme's text of 2020: where one changes, either the base or the
rounding of US-NY-BCF was changed, or the way rows become gigs.
"""

from __future__ import annotations

import csv
import gzip
import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy.cli import reconcile as command
from deploy.cli.reconcile import SAMPLE

APP = typer.Typer()
command.register(APP)
FIRST = {
    "uber": {
        "as_published": 317,
        "exempt": 5,
        "tip_apart": 21,
        "other_fare": 6,
        "other_fare_tip_apart": 4,
        "cent_off": 1,
        "unexplained": 1,
    },
    "lyft": {"as_published": 140, "exempt": 2, "without_tips": 27},
    "via": {"none_levied": 8},
}


@pytest.fixture(scope="module")
def found() -> dict:
    said = CliRunner().invoke(APP, ["--json"])
    assert said.exit_code == 0, said.output
    return json.loads(said.output)


def test_what_the_real_trips_say(found: dict) -> None:
    assert (found["scheme"], found["trips"], found["reproduced"], found["explained"]) == ("US-NY-BCF", 532, 457, 65)
    assert found["not_levied"] == 8, "Via's trips carry no surcharge at all"
    assert {platform: own["first"] for platform, own in found["platforms"].items()} == FIRST
    assert {platform: own["trips"] for platform, own in found["platforms"].items()} == {
        "uber": 355,
        "lyft": 169,
        "via": 8,
    }
    assert found["platforms"]["lyft"]["closest"] == "without_tips"
    assert found["platforms"]["lyft"]["alone"]["without_tips"] == 167
    assert found["platforms"]["uber"]["alone"]["tip_apart"] == 337
    assert (found["undeclared"], found["refused"]) == (0, 0)
    odd = {
        row["line"]: (row["posted"], row["levied"])
        for row in found["differing"]
        if row["verdict"] in ("cent_off", "unexplained")
    }
    assert odd == {19: ("0.40", "0.38"), 522: ("1.62", "1.63")}


def test_the_same_counts_from_the_bare_rows(found: dict) -> None:
    """A second reckoning that shares nothing with the first: decimals, the CSV's own cells, no engine."""
    with gzip.open(SAMPLE, "rt") as lines:
        rows = list(csv.DictReader(lines))
    cent, rate = Decimal("0.01"), Decimal("0.025")
    bases = [sum(Decimal(row[name]) for name in ("base_passenger_fare", "tolls", "tips")) for row in rows]
    due = [(max(base, Decimal(0)) * rate).quantize(cent, ROUND_HALF_UP) for base in bases]
    assert sum(own == Decimal(row["bcf"]) for own, row in zip(due, rows, strict=True)) == found["reproduced"]
    assert len(found["differing"]) == len(rows) - found["reproduced"]


def test_people_get_tables_and_one_last_line() -> None:
    said = CliRunner().invoke(APP, ["US-NY-BCF", "--events", str(SAMPLE)])
    assert said.exit_code == 0
    assert said.output.splitlines()[-1] == (
        "US-NY-BCF: 457 of 532 real trips reproduced to the cent, 65 more explained by rule, 8 carry no charge, "
        "2 not explained"
    )
    assert (
        "lyft: 140 of 169 trips to the cent (82.8 %); as a rule of its own 'tips left out' comes closest" in said.output
    )
    assert said.output.startswith("US-NY-BCF, 2.5 % (2020-01-01): what Iuran computes for each of 532 trips")


def test_a_file_of_others_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text("a,b\n1,2\n")
    for arguments in (
        ["--events", str(path)],
        ["US-NOWHERE"],
        ["--events", str(SAMPLE.with_name("chicago_taxi.csv.gz"))],
    ):
        said = CliRunner().invoke(APP, arguments)
        assert said.exit_code == 1
        assert "expected" in said.output
