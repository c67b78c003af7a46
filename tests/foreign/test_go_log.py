"""Go's own log libraries accept our logs, and refuse each tampering by the law that it breaks.

The log is made without servers; the same verifier sees the stored ledger's forgeries in `tests/ledger/audit`.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.log import keys
from tests.foreign.forged import LOG, ON_FILES, UNDER_THE_KEY, leaf_edit, put
from tests.support.exports import MadeLog, rewritten
from tests.support.foreign import go


def entries_of(made: list[MadeLog]) -> int:
    return sum(len(log.leaves) for log in made)


def trusted(made: list[MadeLog], folder: Path, *which: int) -> Path:
    """A file of the journals' keys: of each the ones with these numbers, 0 Ed25519 and 1 ML-DSA-44."""
    path = folder / "trusted"
    path.write_text("".join(f"{log.signers[n].vkey()}\n" for log in made for n in which or (0, 1)))
    return path


def test_a_log_is_verified_with_its_own_keys_and_says_that_they_are_its_own(made: list[MadeLog], export: Path) -> None:
    own = go("verify-log", export)
    assert own.last == f"verified: 2 journals, {entries_of(made)} entries"
    assert "keys are the log's own" in own.text


@pytest.mark.parametrize("which", [(0, 1), (0,), (1,)])
def test_a_log_is_verified_with_trusted_keys_of_either_kind(
    made: list[MadeLog], export: Path, which: tuple[int, ...], tmp_path: Path
) -> None:
    done = go("verify-log", "-vkeys", trusted(made, tmp_path, *which), export)
    assert done.text == f"verified: 2 journals, {entries_of(made)} entries\n"


def test_every_size_up_to_the_first_tile_of_level_1_is_verified(made: list[MadeLog], tmp_path: Path) -> None:
    for size in (1, 2, 3, 255, 256, 257):
        replace(made[0], sizes=[size]).write(tmp_path / str(size))
        replace(made[1], sizes=[5]).write(tmp_path / str(size))
        assert go("verify-log", tmp_path / str(size)).last == f"verified: 2 journals, {size + 5} entries"
    assert len(made[0].leaves) > 257


def test_what_was_signed_earlier_must_be_contained(made: list[MadeLog], export: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.write_bytes(made[1].note(7))
    assert go("verify-log", "-against", held, export).holds
    forked = rewritten(made[1], put(made[1].leaves, 6, b"{}"))
    held.write_bytes(forked.note(7))
    done = go("verify-log", "-against", held, export)
    assert "L6 journal 1: held checkpoint of size 7: expected a tree that this one has grown from" in done.last
    shorter = tmp_path / "shorter"
    for log in made:
        replace(log, sizes=[5, 40]).write(shorter)
    held.write_bytes(made[0].note(300))
    assert go("verify-log", shorter).holds
    done = go("verify-log", "-against", held, shorter)
    assert done.last.endswith("held checkpoint of size 300: expected the 300 entries that were signed, got 40")


@pytest.mark.parametrize("name", ON_FILES)
def test_what_was_done_to_the_files_is_refused(name: str, made: list[MadeLog], export: Path, tmp_path: Path) -> None:
    forge, law = ON_FILES[name]
    folder = tmp_path / "forged"
    shutil.copytree(export, folder)
    forge(folder / "log" / str(LOG), made[LOG])
    done = go("verify-log", folder)
    assert not done.holds
    assert law in done.laws(), done.text


@pytest.mark.parametrize("name", UNDER_THE_KEY)
def test_what_the_keys_holder_writes_is_refused_for_what_it_says(
    name: str, made: list[MadeLog], tmp_path: Path
) -> None:
    forge, law, index = UNDER_THE_KEY[name]
    for log in made:
        (forge(log) if log.number == LOG else log).write(tmp_path)
    done = go("verify-log", tmp_path)
    assert not done.holds
    index %= len(made[LOG].leaves)
    assert any(line.startswith(f"{law} journal {LOG} entry {index}: ") for line in done.text.splitlines()), done.text


def test_a_ledger_written_anew_under_other_keys_holds_in_itself_and_not_against_trusted_keys(
    made: list[MadeLog], tmp_path: Path
) -> None:
    signers = [[keys.generate(log.origin), keys.generate(log.origin, keys.MLDSA44)] for log in made]
    vkeys = [own[0].vkey() for own in signers]
    for log, own in zip(made, signers, strict=True):
        named: dict[str, Any] = {"own": [signer.vkey() for signer in own], "vkeys": vkeys}
        opened = leaf_edit(0, lambda c, named=named: c["event"]["data"].update(named))  # type: ignore[misc]
        replace(opened(log), signers=own).write(tmp_path / "anew")
    assert go("verify-log", tmp_path / "anew").holds
    done = go("verify-log", "-vkeys", trusted(made, tmp_path), tmp_path / "anew")
    assert done.last.endswith("L6 journal 0: checkpoint: signatures: expected one of a key that is known, got none")
