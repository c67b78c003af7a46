"""`iuran scheme` with programmes: shown, listed, checked, tested and enacted, beside the schemes and never as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import ledger as ledger_cli
from deploy.cli.scheme import app, load_file, shipped
from deploy.cli.scheme_files import SHIPPED, load_shelf
from ledger import settings
from ledger.domain.language.tree import SchemeError
from ledger.domain.scheme import Version
from tests.ledger.domain.worlds import rule, scheme_text

RUN = CliRunner()
PROGRAMME = str(SHIPPED / "programmes" / "ID-GIG-15.yaml")
SMALL = """\
programme: X-PROGRAMME
title: two cities
status: example
scheme: X-TEST
sources: {decree: {title: a decree}}
source: decree
cities:
  - {zone: ID-JB-BDG, name: Bandung, scheme: X-BDG, from: 2026-07-01}
  - zone: ID-JI-SBY
    name: Surabaya
    scheme: X-SBY
    from: 2027-01-01
    co_financing: [{fund: A, payer: platform, paid_by: "subsidy:SBY", rate: "0.02"}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with one scheme, one programme in its own place, and one case of a city."""
    (tmp_path / "x.yaml").write_text(scheme_text(rule()))
    (tmp_path / "programmes").mkdir()
    (tmp_path / "programmes" / "x.yaml").write_text(SMALL)
    (tmp_path / "cases").mkdir()
    events = 'events: [{at: 2027-01-01, gross: "1000"}]\n'
    answer = 'expect: [{payer: "subsidy:SBY", amount: "20"}]\n'
    (tmp_path / "cases" / "x.yaml").write_text(f"scheme: X-SBY\n{events}{answer}")
    return tmp_path


@pytest.fixture
def enacted(monkeypatch: pytest.MonkeyPatch) -> list[Version]:
    """Give the versions that the command enacts, without a ledger."""
    found: list[Version] = []
    monkeypatch.setattr(ledger_cli, "enact_version", lambda _, version: found.append(version))
    monkeypatch.setattr(settings, "load", lambda: None)
    return found


def ids(versions: list[Version]) -> list[tuple[str, str]]:
    """Give scheme and version of each."""
    return [(version.scheme, version.id) for version in versions]


def test_cities_are_schemes_like_any_other() -> None:
    schemes = shipped()
    assert {"ID-JK-PILOT", "ID-SBY-PILOT", "ID-BDG-PILOT", "ID-PKU-PILOT"} <= set(schemes)
    assert "ID-GIG-15" not in schemes
    assert schemes["ID-JK-PILOT"] == load_file(SHIPPED / "ID-JK-PILOT.yaml")
    rows = {row["scheme"]: row for row in json.loads(RUN.invoke(app, ["list", "--json"]).output)}
    assert rows["ID-BDG-PILOT"]["programme"] == rows["ID-JK-PILOT"]["programme"] == "ID-GIG-15"
    assert rows["ID-BDG-PILOT"]["confidence"] == "unverified in part"
    assert rows["ID-BPU"]["programme"] is None


def test_show_tells_the_cities_or_one_of_them() -> None:
    for name in ("ID-GIG-15", PROGRAMME):
        shown = RUN.invoke(app, ["show", name])
        assert shown.exit_code == 0
        line = next(line for line in shown.output.splitlines() if "ID-SU-MDN" in line)
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        assert cells == ["Medan", "ID-SU-MDN", "ID-MDN-PILOT", "2026-07-01", "", "JHT by subsidy:MDN 0.005 to 5000"]
        assert "2028-04-01: no rules" in shown.output
    city = RUN.invoke(app, ["show", "ID-MDN-PILOT"])
    assert "Medan in programme ID-GIG-15" in city.output
    assert RUN.invoke(app, ["show", "ID-GIG-15", "--canonical"]).exit_code == 2


def test_check_names_every_problem_of_a_programme(folder: Path) -> None:
    good = RUN.invoke(app, ["check", "--schemes", str(folder)])
    assert (good.exit_code, good.output.count("well-formed")) == (0, 2)
    bad = folder / "programmes" / "x.yaml"
    bad.write_text(SMALL.replace("fund: A", "fund: C").replace("ID-JB-BDG", "ID-JI"))
    checked = RUN.invoke(app, ["check", str(bad), "--schemes", str(folder)])
    assert checked.exit_code == 1
    assert f"{bad}:9: city Surabaya: ID-JI-SBY and ID-JI (Bandung, line 8) overlap; " in checked.output
    assert f"{bad}:13: co_financing: X-TEST 2026-01-01 has no rule C by platform; its rules: A by" in checked.output
    for command in (["list"], ["show", "X-TEST"], ["test", str(folder / "cases")], ["enact", "X-TEST"]):
        said = RUN.invoke(app, [*command, "--schemes", str(folder)])
        assert said.exit_code == 1
        assert f"{bad}:9:" in said.output


def test_cases_find_the_schemes_of_cities(folder: Path) -> None:
    held = RUN.invoke(app, ["test", str(folder / "cases"), "--schemes", str(folder)])
    assert (held.exit_code, held.output.partition(",")[0]) == (0, "1 cases")


def test_enact_takes_all_cities_in_order_or_one(folder: Path, enacted: list[Version]) -> None:
    file = str(folder / "programmes" / "x.yaml")
    both = [("X-BDG", "2026-07-01"), ("X-SBY", "2027-01-01")]
    for name in ("X-PROGRAMME", file):
        enacted.clear()
        assert RUN.invoke(app, ["enact", name, "--schemes", str(folder)]).exit_code == 0
        assert ids(enacted) == both
    enacted.clear()
    assert RUN.invoke(app, ["enact", "X-PROGRAMME", "--city", "ID-JI-SBY", "--schemes", str(folder)]).exit_code == 0
    assert ids(enacted) == both[1:]
    assert RUN.invoke(app, ["enact", "X-BDG", "--schemes", str(folder)]).exit_code == 0
    assert ids(enacted) == both[::-1]


def test_enact_of_the_shipped_programme_begins_with_jakarta_itself(enacted: list[Version]) -> None:
    said = RUN.invoke(app, ["enact", "ID-GIG-15"])
    assert said.exit_code == 0
    assert enacted[0] == load_file(SHIPPED / "ID-JK-PILOT.yaml").versions[0]
    assert len({version.scheme for version in enacted}) == 15
    assert f"ID-BDG-PILOT 2027-01-01 enacted, digest {enacted[3].digest}" in said.output


@pytest.mark.parametrize(
    "wrong",
    [
        ["X-PROGRAMME", "--city", "ID-JK"],
        ["X-PROGRAMME", "--version", "2026-07-01"],
        ["X-TEST", "--city", "ID-JB-BDG"],
        ["X-NOTHING"],
    ],
)
def test_wrong_use_of_enact_enacts_nothing(folder: Path, enacted: list[Version], wrong: list[str]) -> None:
    assert RUN.invoke(app, ["enact", *wrong, "--schemes", str(folder)]).exit_code == 2
    assert enacted == []


def test_a_draft_programme_is_not_enacted(folder: Path, enacted: list[Version]) -> None:
    (folder / "programmes" / "x.yaml").write_text(SMALL.replace("status: example", "status: draft"))
    for name in ("X-PROGRAMME", "X-BDG"):
        assert RUN.invoke(app, ["enact", name, "--schemes", str(folder)]).exit_code == 2
    assert enacted == []


def test_a_programme_may_lie_beside_the_schemes_and_is_no_scheme(folder: Path) -> None:
    (folder / "programmes" / "x.yaml").rename(folder / "p.yaml")
    shelf = load_shelf(folder)
    assert (set(shelf.schemes), set(shelf.programmes)) == ({"X-TEST", "X-BDG", "X-SBY"}, {"X-PROGRAMME"})
    with pytest.raises(SchemeError, match="expected a scheme, got a programme"):
        load_file(folder / "p.yaml")


def test_two_programmes_share_neither_id_nor_city(folder: Path) -> None:
    (folder / "programmes" / "y.yaml").write_text(SMALL.replace("0.02", "0.03"))
    with pytest.raises(SchemeError) as raised:
        load_shelf(folder)
    told = [problem.what for problem in raised.value.problems]
    first = folder / "programmes" / "x.yaml"
    assert told == [
        f"{what}: stands in {first} too" for what in ("programme X-PROGRAMME", "scheme X-BDG", "scheme X-SBY")
    ]
