"""A real export of a real ledger is taken by the foreign verifiers, and refused once a file of it is forged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli.audit_export import exported
from deploy.cli.progress import SILENT
from ledger.audit import export_sources
from ledger.store import keys
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.forgeries.exports import EXPORTS, Spoilt
from tests.support import foreign


@pytest.fixture(scope="module")
def folder(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The export; never written to, only copied."""
    place = tmp_path_factory.mktemp("exported") / "export"
    exported(place, export_sources.of_database(honest.ledger.url), SILENT)
    yield place


def trusted(honest: Honest, place: Path) -> Path:
    """A file of the ledger's verifier keys, as an auditor has it from elsewhere."""
    settings = honest.ledger.settings
    store = keys.of_settings(settings, settings.ledger)
    path = place / "trusted"
    path.write_text("".join(f"{line}\n" for n in range(settings.journals) for line in store.vkeys(n)))
    return path


def test_a_real_export_is_verified_by_go_and_node_as_it_is(honest: Honest, folder: Path, tmp_path: Path) -> None:
    entries = sum(len(honest.ledger.leaves(n)) for n in range(2))
    verified = f"verified: 2 journals, {entries} entries"
    keys_file = trusted(honest, tmp_path)
    if foreign.missing_go() is None:
        assert foreign.go("verify-log", "-vkeys", keys_file, folder).text == f"{verified}\n"
    if foreign.missing_node() is None:
        assert foreign.node("log", folder, keys_file).last == verified


@pytest.mark.parametrize("row", EXPORTS, ids=lambda row: row.what)
def test_a_forged_export_is_refused(row: Spoilt, honest: Honest, folder: Path, tmp_path: Path) -> None:
    forged = tmp_path / "export"
    shutil.copytree(folder, forged)
    row.do(forged / "log" / "0")
    arguments: list[str | Path] = ["-vkeys", trusted(honest, tmp_path)]
    for number, note in honest.outside.before.items():
        held = tmp_path / f"held-{number}"
        held.write_bytes(note or b"")
        arguments += ["-against", held]
    if foreign.missing_go() is None:
        told = foreign.go("verify-log", *arguments, forged)
        assert row.go in told.laws(), told.last
