"""One file of JavaScript with nothing but Node.js accepts our logs and receipts, and refuses what is forged.

It reads no ML-DSA-44 signature and asks less of entries than Go's verifier: what it lets pass is listed here.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.log import keys
from tests.foreign.forged import LOG, ON_FILES, UNDER_THE_KEY
from tests.foreign.receipts import FORGED, given
from tests.support.exports import MadeLog, rotated_log
from tests.support.foreign import node

PASSES = {
    *("a byte of the ML-DSA-44 signature", "the ML-DSA-44 line taken away"),
    *("another worker's pay", "the partition", "who speaks"),
    *("a signed platform's gig altered", "a signed platform's gig without its signature"),
    *("the opening", "the number of journals"),
}


def test_a_log_is_verified(made: list[MadeLog], export: Path, tmp_path: Path) -> None:
    verified = f"verified: 2 journals, {sum(len(log.leaves) for log in made)} entries"
    assert node("log", export).last == verified
    trusted = tmp_path / "vkeys"
    trusted.write_text("".join(f"{signer.vkey()}\n" for log in made for signer in log.signers))
    assert node("log", export, trusted).last == verified
    trusted.write_text(made[0].signers[0].vkey() + "\n")
    assert "L6 journal 1: note: expected the signature of a known key" in node("log", export, trusted).last


def test_a_log_whose_keys_have_changed_is_verified_and_a_strangers_is_not(tmp_path: Path) -> None:
    log, pairs = rotated_log()
    log.write(tmp_path / "rotated")
    assert node("log", tmp_path / "rotated").last == f"verified: 1 journals, {len(log.leaves)} entries"
    stranger = keys.generate(log.origin)
    replace(log, vkeys=[stranger.vkey(), *log.vkeys], signed={**log.signed, 12: [stranger, *pairs[2]]}).write(tmp_path)
    assert "L6 journal 0 entry 0: expected the journal to name its keys" in node("log", tmp_path).last


@pytest.mark.parametrize("name", ON_FILES)
def test_what_was_done_to_the_files_is_refused(name: str, made: list[MadeLog], export: Path, tmp_path: Path) -> None:
    folder = tmp_path / "forged"
    shutil.copytree(export, folder)
    ON_FILES[name][0](folder / "log" / str(LOG), made[LOG])
    assert node("log", folder).holds == (name in PASSES)


@pytest.mark.parametrize("name", UNDER_THE_KEY)
def test_what_the_keys_holder_writes_is_refused(name: str, made: list[MadeLog], tmp_path: Path) -> None:
    for log in made:
        (UNDER_THE_KEY[name][0](log) if log.number == LOG else log).write(tmp_path)
    assert node("log", tmp_path).holds == (name in PASSES)


def test_a_receipt_is_verified_with_its_files_alone(made: list[MadeLog], tmp_path: Path) -> None:
    for index, size in ((0, 1), (20, 308), (255, 256), (307, 308)):
        done = node("receipt", *given(made[0], index, size).write(tmp_path))
        assert done.text == f"verified: entry {index} of made.localhost/log/0, under its checkpoint of size {size}\n"


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_receipt_is_refused(made: list[MadeLog], name: str, tmp_path: Path) -> None:
    assert not node("receipt", *FORGED[name](made).write(tmp_path)).holds
