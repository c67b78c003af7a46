"""`iuran audit verify-receipt`: two files and a key, as the API gave them, prove an entry; no other pair does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger.log import keys, note
from ledger.log.checkpoint import claimed
from ledger.log.receipt import Receipt
from tests.ledger.api.conftest import ALICE, BOB, Api
from tests.support.commands import run

BANNED = ("psycopg", "aiohttp", "aiokafka", "kafka", "sqlmodel", "fastapi", "pydantic_settings", "ledger.settings")
ALONE = (
    "import socket, sys\n"
    f"for name in {BANNED!r}: sys.modules[name] = None\n"
    "def no(*a, **k): raise AssertionError('network')\n"
    "socket.socket = no\n"
    "from deploy.cli.door import run\n"
    "run()\n"
)


class Held(NamedTuple):
    """What a worker holds: two files, and the log's keys."""

    entry: Path
    proof: Path
    vkey: Path
    journal: int
    index: int


@pytest.fixture
def held(api: Api, tmp_path: Path) -> Held:
    """Alice's newest entry, as she gets it."""
    journal = api.ledger.journal_of(ALICE)
    index = api.leaves_of(ALICE)[-1][0]
    at = Held(tmp_path / "entry.json", tmp_path / "entry.tlog-proof", tmp_path / "vkey", journal, index)
    at.entry.write_bytes(api.get(f"/v1/entries/{journal}/{index}", "worker", ALICE).content)
    at.proof.write_bytes(api.get(f"/v1/entries/{journal}/{index}/proof", "worker", ALICE).content)
    at.vkey.write_bytes(api.get(f"/log/{journal}/vkey").content)
    return at


def said(held: Held, *options: str | Path) -> tuple[int, str]:
    """Exit code and what is printed."""
    got = run("audit", "verify-receipt", held.entry, held.proof, *options)
    return got.exit_code, got.output


def test_two_files_and_a_key_alone_prove_a_workers_balance(held: Held, api: Api) -> None:
    code, output = said(held, "--vkey", held.vkey)
    assert code == 0, output
    origin = f"{api.ledger.settings.ledger}/log/{held.journal}"
    assert output.startswith(f"proven: {origin} holds exactly these bytes as entry {held.index}\n")
    assert f"signed by   {origin} (Ed25519, ML-DSA-44)" in output
    for row in api.get(f"/v1/workers/{ALICE}/balances", "worker", ALICE).json()["balances"]:
        assert f"{row['scheme']} {row['fund']}: {row['unit']} accrued {row['accrued']}" in output


@pytest.mark.parametrize("place", [0, 1])
def test_each_key_alone_is_enough(held: Held, place: int) -> None:
    code, output = said(held, "--vkey", held.vkey.read_text().splitlines()[place])
    assert (code, f"({('Ed25519', 'ML-DSA-44')[place]})" in output) == (0, True)


def test_it_needs_no_settings_no_network_and_no_machinery(held: Held) -> None:
    command = [sys.executable, "-c", ALONE, "audit", "verify-receipt", held.entry, held.proof, "--vkey", held.vkey]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"IURAN_JOURNALS": "nonsense"}, cwd=Path.cwd()
    )
    assert (done.returncode, done.stdout[:7]) == (0, "proven:"), done.stderr


def test_json_says_the_same(held: Held, api: Api) -> None:
    told: dict[str, Any] = json.loads(said(held, "--vkey", held.vkey, "--json")[1])
    assert (told["proven"], told["index"], told["worker"]) == (True, held.index, ALICE)
    assert told["size"] == claimed(api.get(f"/log/{held.journal}/checkpoint").content).size
    assert told["balances"] == json.loads(held.entry.read_bytes())["balances"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_added_newline_is_named_as_such(held: Held, end: str) -> None:
    held.entry.write_bytes(held.entry.read_bytes() + end.encode())
    code, output = said(held, "--vkey", held.vkey)
    assert (code, "with a newline added at the end" in output) == (1, True), output


def test_changed_bytes_are_not_proven_and_no_newline_is_blamed(held: Held) -> None:
    held.entry.write_bytes(held.entry.read_bytes().replace(b"accrual", b"accruaI") + b"\n")
    code, output = said(held, "--vkey", held.vkey)
    assert (code, "NOT proven: receipt: root hash" in output) == (1, True), output


def test_another_workers_entry_is_not_proven(held: Held, api: Api) -> None:
    _, leaf = next((i, leaf) for i, leaf in api.leaves_of(BOB))
    held.entry.write_bytes(leaf)
    assert said(held, "--vkey", held.vkey)[0] == 1


def test_another_logs_key_and_a_forged_checkpoint_are_refused(held: Held, api: Api) -> None:
    other = api.get(f"/log/{1 - held.journal}/vkey").text.splitlines()[0]
    code, output = said(held, "--vkey", other)
    assert (code, "expected an origin with a known key" in output) == (1, True), output
    receipt = Receipt.parse(held.proof.read_bytes())
    text, _ = note.parse(receipt.checkpoint)
    forger = keys.generate(claimed(receipt.checkpoint).origin)
    held.proof.write_bytes(Receipt(receipt.index, receipt.path, note.sign(text, [forger])).format())
    code, output = said(held, "--vkey", held.vkey)
    assert (code, "expected one of a known key" in output) == (1, True), output


def test_a_policys_quorum_is_asked_for(held: Held, tmp_path: Path) -> None:
    log = held.vkey.read_text().splitlines()[0]
    witness = keys.generate("witness.example/w", keys.COSIGNATURE)
    wanted = tmp_path / "policy"
    wanted.write_text(f"log {log}\nwitness w {witness.vkey()}\nquorum w\n")
    code, output = said(held, "--policy", wanted)
    assert (code, "expected cosignatures of a quorum, got 0" in output) == (1, True), output
    receipt = Receipt.parse(held.proof.read_bytes())
    text, signatures = note.parse(receipt.checkpoint)
    line = note.Signature(witness.name, witness.key_id, witness.sign_at(1_780_000_000, text.encode()))
    cosigned = note.format(text, [*signatures, line])
    held.proof.write_bytes(Receipt(receipt.index, receipt.path, cosigned).format())
    code, output = said(held, "--policy", wanted)
    assert (code, "cosigned by w: a quorum" in output) == (0, True), output


def test_what_is_given_wrongly_is_told_in_a_line(held: Held, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nobody\n")
    for options, reason in (
        ((), "keys: expected --vkey"),
        (("--vkey", "nonsense"), "expected a verifier key `name+id+key` or a file"),
        (("--vkey", tmp_path / "empty"), "verifier keys: expected one or more"),
        (("--vkey", held.vkey.read_text().splitlines()[0][:-4]), "--vkey: "),
        (("--policy", held.vkey), "policy line 1"),
    ):
        code, output = said(held, *options)
        assert (code, reason in output, output.count("\n")) == (1, True, 1), output
    held.proof.unlink()
    assert "expected a readable file, got No such file" in said(held, "--vkey", held.vkey)[1]


def test_an_entry_that_says_another_place_of_itself_is_not_proven(tmp_path: Path, held: Held) -> None:
    from ledger.audit.receipts import prove
    from ledger.log.checkpoint import Checkpoint, sign_checkpoint
    from ledger.log.merkle import leaf_hash
    from ledger.log.receipt import ReceiptError

    leaf = held.entry.read_bytes()
    for origin in (f"iuran.localhost/log/{held.journal}", f"iuran.localhost/log/{held.journal + 1}"):
        signer = keys.generate(origin)
        signed = sign_checkpoint(Checkpoint(origin, 1, leaf_hash(leaf)), [signer])
        with pytest.raises(ReceiptError, match="expected to say of itself index 0"):
            prove(leaf, Receipt(0, (), signed).format(), [signer.verifier])
