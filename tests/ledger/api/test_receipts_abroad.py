"""Foreign verifiers over real HTTP: the live log, and receipts as the API hands them out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from ledger.api import auth, keysets, tokens
from ledger.api.access import Role
from ledger.api.app import create_app
from ledger.store import keys
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger
from tests.ledger.api.conftest import ALICE, Api
from tests.support import foreign
from tests.support.ledgers import SmallLedger


@contextmanager
def serving(ledger: SmallLedger) -> Iterator[str]:
    """The API on a port of its own; what asks before it is ready waits in the socket's queue."""
    facts, _ = check_ledger(ledger.url)
    app = create_app(Readers(ledger.url), auth.authenticator(keysets.key_set(ledger.settings), ledger.settings), facts)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def trusted(ledger: SmallLedger, folder: Path) -> Path:
    store = keys.of_settings(ledger.settings, ledger.settings.ledger)
    path = folder / "vkeys"
    path.write_text("".join(f"{line}\n" for n in range(ledger.settings.journals) for line in store.vkeys(n)))
    return path


def test_the_live_log_is_verified_over_http_with_an_auditors_token(api: Api, tmp_path: Path) -> None:
    entries = sum(len(api.ledger.leaves(n)) for n in range(2))
    token = tmp_path / "token"
    vkeys = trusted(api.ledger, tmp_path)
    with serving(api.ledger) as url:
        if foreign.missing_go() is None:
            token.write_text(tokens.issue(api.ledger.settings, Role.AUDITOR, "auditor"))
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
