"""Keys that change by the journal's own entries: Go's verifier reads there who may sign which checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.audit.forgeries.rotations import FIRST, LOG, ROTATIONS, SECOND, THIRD, Resigned
from tests.support.exports import MadeLog
from tests.support.foreign import go


def verdict(log: MadeLog, folder: Path, *arguments: Any) -> str:
    log.write(folder)
    return go("verify-log", *arguments, folder).text


def test_a_log_whose_keys_were_added_retired_and_revoked_is_verified(tmp_path: Path) -> None:
    assert verdict(LOG, tmp_path / "log").splitlines()[-1] == f"verified: 1 journals, {len(LOG.leaves)} entries"
    trusted = tmp_path / "trusted"
    trusted.write_text("".join(f"{signer.vkey()}\n" for signer in THIRD))
    held = tmp_path / "held"
    held.write_bytes(LOG.note(4))
    assert go("verify-log", "-vkeys", trusted, "-against", held, tmp_path / "log").holds, (
        "the newest vouch for the others"
    )
    trusted.write_text(f"{FIRST[0].vkey()}\n")
    assert not go("verify-log", "-vkeys", trusted, tmp_path / "log").holds, "a retired key vouches for nothing new"


@pytest.mark.parametrize("row", ROTATIONS, ids=lambda row: row.what)
def test_a_checkpoint_by_a_key_that_may_not_sign_it_is_refused(row: Resigned, tmp_path: Path) -> None:
    lines = verdict(row.do(LOG), tmp_path).splitlines()
    assert any(line.startswith("L6 journal 0") and row.go_says in line for line in lines), lines


def test_what_a_revoked_key_signed_above_the_trusted_size_proves_nothing(tmp_path: Path) -> None:
    fork = replace(LOG, leaves=[*LOG.leaves[:8], b"{}", *LOG.leaves[9:]])
    for size, holds in ((9, True), (8, True), (7, True)):
        held = tmp_path / f"held-{size}"
        held.write_bytes(fork.note(size, SECOND))
        assert go("verify-log", "-against", held, LOG.write(tmp_path / "log").parents[1]).holds == holds
    held.write_bytes(fork.note(9, SECOND[:1]))
    assert go("verify-log", "-against", held, tmp_path / "log").holds
    for beyond in (fork.note(9, [*SECOND, *THIRD]), fork.note(12, SECOND)):
        held.write_bytes(beyond)
        assert not go("verify-log", "-against", held, tmp_path / "log").holds
    fork = replace(LOG, leaves=[b"{}", *LOG.leaves[1:]])
    held.write_bytes(fork.note(8, SECOND))
    assert not go("verify-log", "-against", held, tmp_path / "log").holds
