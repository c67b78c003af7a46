"""`iuran scheme list`, `show` and `check`: texts of schemes for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from deploy.cli.scheme import app
from ledger.domain.language import parse
from tests.ledger.domain.worlds import rule, scheme_text

RUN = CliRunner()


def test_list_and_show() -> None:
    listed = json.loads(RUN.invoke(app, ["list", "--json"]).output)
    assert {row["scheme"] for row in listed} >= {"ID-JK-PILOT", "US-NY-BCF", "IN-KA-WELFARE-FEE"}
    shown = RUN.invoke(app, ["show", "US-NY-BCF", "--version", "2020-11-01", "--canonical"]).output
    assert parse(shown, "shown").id == "2020-11-01"
    assert RUN.invoke(app, ["list"]).exit_code == 0


def test_check_names_every_problem_with_its_line_and_mend(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(scheme_text(rule(rate="0.01", payer="state")))
    checked = RUN.invoke(app, ["check", str(bad)])
    assert checked.exit_code == 1
    assert f"{bad}:12: rule A: rate: expected a decimal in quotes" in checked.output
    assert f"{bad}:12: payer: expected something like worker" in checked.output
    good = tmp_path / "good.yaml"
    good.write_text(scheme_text(rule()))
    assert RUN.invoke(app, ["check", str(good)]).exit_code == 0


def test_all_shipped_schemes_are_well_formed() -> None:
    checked = RUN.invoke(app, ["check"])
    assert checked.exit_code == 0, checked.output
