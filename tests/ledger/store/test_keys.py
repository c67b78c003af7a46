"""Key files: made once, never written over, open to nobody else, and each refusal says what to do."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ledger.log import keys as log_keys
from ledger.store import keys
from ledger.store.keys import KeyFileError

LEDGER = "iuran.localhost"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "home" / "keys"
    keys.generate(made, LEDGER, 3)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_journal_has_a_key_and_a_secret_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    vkeys = keys.generate(folder, LEDGER, 3)
    assert [log_keys.parse_vkey(vkey).name for vkey in vkeys] == [f"{LEDGER}/log/{n}" for n in range(3)]
    signers = [keys.load_signer(folder, LEDGER, n) for n in range(3)]
    assert [signer.vkey() for signer in signers] == vkeys
    assert len({signer.verifier.public_key for signer in signers}) == 3
    secrets = {keys.load_secret(folder, LEDGER, n) for n in range(3)}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 3


def test_folder_and_files_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.generate(tmp_path / "keys", LEDGER, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_made_again_it_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    assert [log_keys.parse_vkey(vkey).name for vkey in keys.generate(folder, LEDGER, 3)][2] == f"{LEDGER}/log/2"
    assert contents(folder) == before


@pytest.mark.parametrize("lost", [["vkey"], ["vkey", "secret"], ["vkey", "secret", "key.pem"]])
def test_a_call_cut_short_is_mended_by_the_same_call(folder: Path, lost: list[str]) -> None:
    before = contents(folder)
    for suffix in lost:
        (folder / f"journal-2.{suffix}").unlink()
    kept = contents(folder)
    keys.generate(folder, LEDGER, 3)
    after = contents(folder)
    assert set(after) == set(before)
    assert {name: after[name] for name in kept} == kept
    keys.load_signer(folder, LEDGER, 2)


@pytest.mark.parametrize("suffix", ["key.pem", "secret"])
def test_what_was_there_once_is_not_made_anew(folder: Path, suffix: str) -> None:
    (folder / f"journal-1.{suffix}").unlink()
    with pytest.raises(KeyFileError, match=rf"journal-1\.{suffix}: expected a key file, got none; restore it"):
        keys.generate(folder, LEDGER, 3)


def test_another_number_of_journals_or_another_ledger_is_refused(folder: Path) -> None:
    with pytest.raises(KeyFileError, match="expected 2 journals, got a key of journal 2"):
        keys.generate(folder, LEDGER, 2)
    with pytest.raises(
        KeyFileError, match=r"expected the secret of other\.example/log/0, got that of 'iuran\.localhost"
    ):
        keys.generate(folder, "other.example", 3)
    with pytest.raises(KeyFileError, match=r"expected a key of other\.example/log/0"):
        keys.load_signer(folder, "other.example", 0)
    with pytest.raises(KeyFileError, match=r"expected the secret of other\.example/log/0"):
        keys.load_secret(folder, "other.example", 0)


def test_keys_of_another_journal_under_this_name_are_refused(folder: Path) -> None:
    for suffix in ("key.pem", "secret"):
        (folder / f"journal-0.{suffix}").replace(folder / f"journal-1.{suffix}")
    with pytest.raises(KeyFileError, match="expected the key of"):
        keys.load_signer(folder, LEDGER, 1)
    with pytest.raises(KeyFileError, match=r"expected the secret of iuran\.localhost/log/1"):
        keys.load_secret(folder, LEDGER, 1)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o610])
def test_files_open_to_others_are_refused(folder: Path, mode: int) -> None:
    (folder / "journal-0.key.pem").chmod(mode)
    (folder / "journal-0.secret").chmod(mode)
    with pytest.raises(KeyFileError, match=r"expected mode 0600, got 06.*chmod 600"):
        keys.load_signer(folder, LEDGER, 0)
    with pytest.raises(KeyFileError, match="expected mode 0600"):
        keys.load_secret(folder, LEDGER, 0)


def test_a_folder_open_to_others_is_refused(folder: Path) -> None:
    folder.chmod(0o750)
    for call in (keys.load_signer, keys.load_secret, keys.generate):
        with pytest.raises(KeyFileError, match=r"expected mode 0700, got 0750.*chmod 700"):
            call(folder, LEDGER, 3)


def test_a_missing_folder_or_file_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    for load in (keys.load_signer, keys.load_secret):
        with pytest.raises(KeyFileError, match="restore it from its backup"):
            load(tmp_path / "elsewhere", LEDGER, 0)
        with pytest.raises(KeyFileError, match="restore it from its backup"):
            load(folder, LEDGER, 7)


@pytest.mark.parametrize("suffix", ["key.pem", "secret", "vkey"])
@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-9], lambda b: b + b"\n", lambda b: b * 99])
def test_damaged_files_are_refused_without_quoting_them(folder: Path, suffix: str, damage: object) -> None:
    path = folder / f"journal-0.{suffix}"
    content = path.read_bytes()
    path.write_bytes(damage(content))  # type: ignore[operator]
    try:
        keys.load_signer(folder, LEDGER, 0)
        keys.load_secret(folder, LEDGER, 0)
    except KeyFileError as error:
        private = content.decode().splitlines()[1] if suffix != "vkey" else "never"
        assert private[:20] not in str(error)
        assert str(path) in str(error)
    else:
        assert suffix == "key.pem"
        assert path.read_bytes() == content + b"\n"  # PEM readers allow a line more


def test_no_message_holds_private_bytes(folder: Path) -> None:
    secret = keys.load_secret(folder, LEDGER, 0)
    (folder / "journal-0.secret").write_bytes(b"elsewhere\n" + secret.hex().encode() + b"\n")
    with pytest.raises(KeyFileError) as caught:
        keys.load_secret(folder, LEDGER, 0)
    assert secret.hex() not in str(caught.value)
    assert "elsewhere" in str(caught.value)


def test_a_file_made_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "keys"
    link = os.link

    def late(draft: Path, path: Path) -> None:
        path.write_bytes(b"another process was faster")
        link(draft, path)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(KeyFileError, match="got one made meanwhile"):
        keys.generate(folder, LEDGER, 1)
    assert contents(folder) == {"journal-0.key.pem": b"another process was faster"}


def test_names_longer_than_a_length_byte_are_refused() -> None:
    with pytest.raises(KeyFileError, match="at most 255 bytes"):
        keys.key_name("x" * 250, 10)
