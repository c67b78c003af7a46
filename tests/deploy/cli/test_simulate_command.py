"""`iuran scheme simulate` and `diff` as somebody types them: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy.cli import simulate as command
from tests.deploy.simulate.simulations import SAMPLE, raised

app = typer.Typer()
command.register(app)
run = CliRunner().invoke


def test_a_changed_rate_is_told_and_written_three_ways(tmp_path: Path) -> None:
    new = raised(tmp_path)
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "html")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    done = run(app, ["simulate", str(new), "--events", str(SAMPLE), "--cores", "1", *options])
    assert done.exit_code == 0, done.output
    assert "customers would pay USD 267.32 instead of USD 230.53" in done.stdout
    assert "made up" in done.stdout
    answer = json.loads(files["json"].read_text())
    assert answer["headline"] in done.stdout
    assert answer["headline"] in files["html"].read_text()
    assert files["csv"].read_text().splitlines()[1] == "all,,BCF,customer,accrued,USD,230.53,267.32,36.79"


def test_json_on_standard_output_stands_alone(tmp_path: Path) -> None:
    done = run(app, ["simulate", str(raised(tmp_path)), "--events", str(SAMPLE), "--cores", "1", "--json", "-"])
    assert json.loads(done.stdout)["format"] == "iuran-simulation/v1"


def test_a_version_and_a_day_choose_what_is_compared() -> None:
    options = ["--events", str(SAMPLE), "--cores", "1", "--json", "-"]
    done = run(app, ["simulate", "US-NY-BCF@2021-02-01", "--against", "US-NY-BCF@2020-12-24", *options])
    answer = json.loads(done.stdout)
    assert [answer[side]["versions"][0]["version"] for side in ("tried", "against")] == ["2021-02-01", "2020-11-01"]
    alone = json.loads(run(app, ["simulate", "US-NY-BCF", "--against", "nothing", *options]).stdout)
    assert alone["against"] is None


def test_two_versions_are_compared_with_and_without_gigs(tmp_path: Path) -> None:
    sides = ["US-NY-BCF@2020-01-01", "US-NY-BCF@2020-11-01"]
    told = run(app, ["diff", *sides])
    assert told.exit_code == 0
    assert "0.025" in told.stdout
    assert "0.03" in told.stdout
    assert "would pay" not in told.stdout
    money = run(app, ["diff", *sides, "--events", str(SAMPLE), "--cores", "1"])
    assert "what the text changes" in money.stdout
    assert "would pay" in money.stdout
    same = run(app, ["diff", sides[0], sides[0]])
    assert "say the same" in same.stdout
    assert json.loads(run(app, ["diff", *sides, "--json", "-"]).stdout)[0]["place"] == "from"


def test_a_draft_with_errors_is_told_line_by_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        raised(tmp_path).read_text().replace('rate: "0.03"', "rate: 0.03.1").replace("fund: BCF", "fund: bcf")
    )
    done = run(app, ["simulate", str(broken), "--events", str(SAMPLE)])
    assert done.exit_code == 1
    assert done.stderr.count(f"{broken}:") > 1


def test_a_draft_that_cannot_act_is_told_in_a_line(tmp_path: Path) -> None:
    text = raised(tmp_path).read_text().replace("status: in force", "status: draft")
    rules = (
        "    parameters: {fee: 0}\n    lines: {whole: {value: fee}}\n    rules:\n      - {fund: BCF, payer: platform, "
    )
    rules += "window: gig, amount: whole, rounding: as_is}\n"
    draft = tmp_path / "draft.yaml"
    draft.write_text("".join([*text.rpartition("    rules:\n")[:1], rules, *text.rpartition("    rules:\n")[2:]]))
    draft_as = ["simulate", str(draft), "--events", str(SAMPLE), "--cores", "1", "--assume", "US-NY-BCF.fee=0.155"]
    done = run(app, draft_as)
    assert done.exit_code == 1
    assert "can't act on a gig: amount: expected whole minor units" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["simulate", "US-NY-BCF"], 2, "either --events FILE or --ledger"),
        (["simulate", "US-NY-BCF", "--events", str(SAMPLE), "--ledger"], 2, "either --events FILE or --ledger"),
        (["simulate", "US-NY-BCF", "--events", str(SAMPLE), "--keep"], 2, "--keep goes with --ledger"),
        (["simulate", "US-NY-BCF", "--ledger", "--platform", "uber"], 2, "go with --events"),
        (["simulate", "XX-NONE", "--events", str(SAMPLE)], 1, "expected a file or one of"),
        (["simulate", "US-NY-BCF@1999-01-01", "--events", str(SAMPLE)], 1, "expected a day from"),
        (["simulate", "US-NY-BCF", "--against", "ID-BPU", "--events", str(SAMPLE)], 1, "expected a scheme in USD"),
        (["simulate", "US-NY-BCF", "--events", "none.jsonl"], 1, "expected a readable file"),
        (["simulate", "US-NY-BCF", "--events", str(SAMPLE), "--assume", "worker.nik=1"], 1, "assumption"),
        (["simulate", "US-NY-BCF", "--events", str(SAMPLE), "--platform", "gojek"], 1, "expected gigs of gojek"),
        (["simulate", "none.yaml", "--events", str(SAMPLE)], 1, "No such file"),
        (["diff", "US-NY-BCF@2020-01-01", "US-NY-BCF@x"], 1, "expected a day"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(words: list[str], code: int, said: str) -> None:
    done = run(app, words, env={"COLUMNS": "300"})
    assert done.exit_code == code
    assert said in done.stderr
