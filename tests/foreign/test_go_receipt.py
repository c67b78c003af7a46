"""A receipt is an entry's bytes, its tlog-proof and a key: Go's libraries accept ours, and refuse each forged one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.log import keys, note
from ledger.log.checkpoint import claimed
from tests.foreign.receipts import FORGED, INDEX, given, receipt_of
from tests.support.exports import MadeLog
from tests.support.foreign import go


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 308), (INDEX, 300), (255, 256), (256, 257), (307, 308)])
def test_a_receipt_is_verified_with_its_files_alone(made: list[MadeLog], index: int, size: int, tmp_path: Path) -> None:
    entry, proof, vkey = given(made[0], index, size).write(tmp_path)
    done = go("verify-receipt", entry, proof, vkey)
    assert done.text == f"verified: entry {index} of made.localhost/log/0, under its checkpoint of size {size}\n"


@pytest.mark.parametrize("which", [0, 1])
def test_a_receipt_is_verified_with_either_key_as_a_text(made: list[MadeLog], which: int, tmp_path: Path) -> None:
    entry, proof, _ = given(made[0]).write(tmp_path)
    assert go("verify-receipt", entry, proof, made[0].signers[which].vkey()).holds


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_receipt_is_refused(made: list[MadeLog], name: str, tmp_path: Path) -> None:
    assert not go("verify-receipt", *FORGED[name](made).write(tmp_path)).holds


def test_what_is_added_proves_nothing_and_spoils_nothing(made: list[MadeLog], tmp_path: Path) -> None:
    more = given(made[0])._replace(proof=replace(receipt_of(made[0]), extra=b"anything").format())
    assert go("verify-receipt", *more.write(tmp_path)).holds


def test_a_policys_quorum_is_asked_for(made: list[MadeLog], tmp_path: Path) -> None:
    witness = keys.generate("witness.example/w1", keys.COSIGNATURE)
    policy = tmp_path / "policy"
    policy.write_text(f"witness w1 {witness.vkey()} https://witness.example/\nquorum w1\n")
    files = given(made[0]).write(tmp_path)
    assert not go("verify-receipt", "-policy", policy, *files).holds
    bare = receipt_of(made[0])
    text = claimed(bare.checkpoint).format()
    line = note.sign(text, [witness.at(1_772_352_931)]).split(b"\n\n")[1]
    cosigned = given(made[0])._replace(proof=replace(bare, checkpoint=bare.checkpoint + line).format())
    assert go("verify-receipt", "-policy", policy, *cosigned.write(tmp_path)).holds
