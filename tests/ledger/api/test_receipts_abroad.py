"""Foreign verifiers over real HTTP: the live log, and receipts as the API hands them out."""

from __future__ import annotations

from pathlib import Path

from ledger.store import keys
from tests.ledger.api.conftest import ALICE, Api
from tests.support import foreign
from tests.support.ledgers import SmallLedger
from tests.support.serving import served_api


def trusted(ledger: SmallLedger, folder: Path) -> Path:
    store = keys.of_settings(ledger.settings, ledger.settings.ledger)
    path = folder / "vkeys"
    path.write_text("".join(f"{line}\n" for n in range(ledger.settings.journals) for line in store.vkeys(n)))
    return path


def test_the_live_log_is_verified_over_http_with_an_auditors_token(api: Api, tmp_path: Path) -> None:
    entries = sum(len(api.ledger.leaves(n)) for n in range(2))
    token = tmp_path / "token"
    vkeys = trusted(api.ledger, tmp_path)
    with served_api(api.ledger) as (url, auditor):
        if foreign.missing_go() is None:
            token.write_text(auditor)
            told = foreign.go("verify-log", "-vkeys", vkeys, "-token-file", token, url)
            assert told.text == f"verified: 2 journals, {entries} entries\n"
            refused = foreign.go("verify-log", "-vkeys", vkeys, url)
            assert not refused.holds
            assert "tile/entries/000" in refused.last


def test_a_workers_receipt_is_verified_by_all_with_the_two_files_and_a_key(api: Api, tmp_path: Path) -> None:
    journal, index, leaf = api.entry_of(ALICE)
    entry, proof = tmp_path / "entry", tmp_path / "proof"
    entry.write_bytes(api.get(f"/v1/entries/{journal}/{index}", "worker", ALICE).content)
    proof.write_bytes(api.get(f"/v1/entries/{journal}/{index}/proof", "worker", ALICE).content)
    assert entry.read_bytes() == leaf
    vkey = tmp_path / "vkey"
    vkey.write_bytes(api.get(f"/log/{journal}/vkey").content)
    told = []
    if foreign.missing_go() is None:
        told.append(foreign.go("verify-receipt", entry, proof, vkey))
    if foreign.missing_node() is None:
        told.append(foreign.node("receipt", entry, proof, vkey))
    for verdict in told:
        assert verdict.last.startswith(f"verified: entry {index} of {api.ledger.settings.ledger}/log/{journal}, under")
