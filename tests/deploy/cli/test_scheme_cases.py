"""`iuran scheme test`: exit codes, the table of expected and got, counts, JSON, other folders of schemes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import scheme_cases
from deploy.cli.scheme import app, shipped
from ledger.domain.cases.file import Case
from ledger.domain.cases.run import CaseResult

RUN = CliRunner()
SCHEME = """
scheme: X-TEST
title: one per cent of every gig
status: draft
currency: SGD
time_zone: Asia/Singapore
sources: {own: {title: own}}
versions:
  - from: 2025-01-01
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: A, payer: platform, window: gig, base: pay, rate: "0.01", rounding: {mode: half_up, step: "0.01"}}
"""
CASE = """
id: {id}
scheme: X-TEST
basis: {basis}
events:
  - {{at: 2025-03-04, gross: "10.00", repeat: 2}}
expect:
  - {{gig: 1, amount: "{first}"}}
  - {{gig: 1/2, payer: platform, amount: "0.10"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with one scheme and, in `cases/`, one file of two cases that hold."""
    (tmp_path / "x.yaml").write_text(SCHEME)
    (tmp_path / "cases" / "deep").mkdir(parents=True)
    both = [CASE.format(id="one", basis="published", first="0.20"), CASE.format(id="two", basis="derived", first="0.2")]
    (tmp_path / "cases" / "deep" / "x.yaml").write_text("---\n".join(both))
    return tmp_path


def outcome_of(folder: Path, *more: str, cases: str = "cases") -> tuple[int, str]:
    """Give exit code and output of the command over the folder's cases."""
    result = RUN.invoke(app, ["test", str(folder / cases), "--schemes", str(folder), *more])
    return result.exit_code, result.output


def test_all_hold(folder: Path) -> None:
    code, said = outcome_of(folder)
    assert (code, said.strip()) == (
        0,
        "2 cases, 0 failed, 0 problems in files; 4 of 4 rows hold; "
        "published figures reproduced: 2 of 2, in 1 of 1 cases",
    )


def test_a_wrong_figure_exits_1_with_expected_and_got_side_by_side(folder: Path) -> None:
    (folder / "cases" / "wrong.yaml").write_text(CASE.format(id="wrong", basis="published", first="0.21"))
    code, said = outcome_of(folder)
    assert code == 1
    line = next(line for line in said.splitlines() if "0.21" in line)
    assert [cell.strip() for cell in line.split("│")[1:-1]] == ["wrong", "wrong.yaml:8", "gig 1", "0.21", "0.20"]
    assert "3 cases, 1 failed" in said
    assert "published figures reproduced: 3 of 4, in 1 of 2 cases" in said


def test_files_are_taken_beside_folders(folder: Path) -> None:
    assert outcome_of(folder, cases="cases/deep/x.yaml")[0] == 0


def test_what_cannot_be_read_is_named_and_the_rest_is_run(folder: Path) -> None:
    (folder / "cases" / "bad.yaml").write_text("scheme: X-TEST\nevents: []\nexpekt: []\n")
    (folder / "cases" / "latin.yaml").write_bytes(b"scheme: \xe9\n")
    code, said = outcome_of(folder)
    assert code == 1
    assert f"{folder}/cases/bad.yaml:3: case: unknown key 'expekt'; did you mean 'expect'?" in said
    assert "latin.yaml:1: file: expected UTF-8" in said
    assert "2 cases, 0 failed, 3 problems in files" in said


def test_nothing_to_run_is_no_success(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert outcome_of(folder, cases="empty")[0] == 1
    assert outcome_of(folder, cases="nowhere.yaml")[0] == 1


def test_a_scheme_that_is_not_there(folder: Path) -> None:
    (folder / "cases" / "other.yaml").write_text("scheme: Y\nbasis: published\nevents: []\nexpect: [{amount: '0'}]\n")
    code, said = outcome_of(folder)
    assert code == 1
    assert "could not be run" in said
    assert "published figures reproduced: 2 of 3" in said


def test_json_says_all_of_it(folder: Path) -> None:
    (folder / "cases" / "wrong.yaml").write_text(CASE.format(id="wrong", basis="published", first="0.21"))
    code, text = outcome_of(folder, "--json")
    said = json.loads(text)
    assert (code, said["holds"], said["cases"], said["failed"]) == (1, False, 3, 1)
    assert (said["published_figures"], said["published_figures_reproduced"]) == (4, 3)
    (failed,) = [case for case in said["results"] if not case["holds"]]
    assert failed["id"] == "wrong"
    assert failed["checks"][0] == {"line": 8, "what": "gig 1", "expected": "0.21", "got": "0.20", "holds": False}
    assert json.loads(outcome_of(folder, "--json", cases="cases/deep")[1])["holds"] is True


def test_one_case_that_breaks_the_engine_does_not_silence_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scheme_cases.run_case

    def breaking(case: Case, *rest: object) -> CaseResult:
        if case.id == "one":
            raise KeyError("plan")
        return whole(case, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(scheme_cases, "run_case", breaking)
    code, said = outcome_of(folder)
    assert code == 1
    assert "KeyError: 'plan'" in said
    assert "2 cases, 1 failed" in said


def test_all_shipped_cases_hold_and_every_scheme_has_some() -> None:
    result = RUN.invoke(app, ["test", "--json"])
    said = json.loads(result.output)
    assert [case["id"] for case in said["results"] if not case["holds"]] == []
    assert (result.exit_code, said["unread"]) == (0, [])
    assert said["published_figures_reproduced"] == said["published_figures"] >= 200
    assert {case["scheme"] for case in said["results"]} == set(shipped())
    assert len({case["id"] for case in said["results"]}) == said["cases"]
