"""Key files of a journal that changes its keys: made once, taken up where a call broke off, never overwritten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ledger.log.keys import ED25519, MLDSA44
from ledger.store import private_files
from ledger.store.keys import KeyFiles
from ledger.store.private_files import KeyFileError

LEDGER = "iuran.localhost"


@pytest.fixture(params=[None, b"a passphrase"], ids=["plain", "under a passphrase"])
def files(tmp_path: Path, request: pytest.FixtureRequest) -> KeyFiles:
    made = KeyFiles(tmp_path / "keys", LEDGER, request.param)
    made.generate(2)
    return made


def private(files: KeyFiles) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files.folder.glob("*.pem")}


def test_new_keys_stand_behind_the_old_and_each_signs_under_its_own_name(files: KeyFiles) -> None:
    old = files.vkeys(0)
    before = private(files)
    fresh = files.prepare(0, old)
    assert [verifier.algorithm for verifier in files.verifiers(0)] == [ED25519, MLDSA44] * 2
    assert files.vkeys(0) == (*old, *fresh)
    assert [signer.vkey() for signer in files.signers(0)] == list(old), "they sign when an entry says so, not before"
    both = files.signers(0, (*fresh, *old))
    assert [signer.vkey() for signer in both] == [*fresh, *old]
    assert {name: content for name, content in private(files).items() if name in before} == before
    assert files.vkeys(1) == files.generate(2)[1]
    assert len(private(files)) == len(before) + 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.folder.iterdir()} == {0o600}


def test_prepared_again_they_are_the_same_until_an_entry_names_them(files: KeyFiles) -> None:
    old = files.vkeys(0)
    fresh = files.prepare(0, old)
    assert files.prepare(0, old) == fresh
    files.arrange(0, (*fresh, *old))
    assert files.prepare(0, (*fresh, *old)) != fresh
    assert len(files.vkeys(0)) == 6


@pytest.mark.parametrize("made", [1, 2])
def test_a_call_that_broke_off_before_the_lines_were_written_is_taken_up(
    files: KeyFiles, monkeypatch: pytest.MonkeyPatch, made: int
) -> None:
    """A private key without its line was never told to anybody: it is taken and not thrown away."""
    old, written = files.vkeys(0), 0

    def breaks(path: Path, content: bytes) -> None:
        nonlocal written
        if written == made:
            raise OSError("no more")
        written += 1
        real(path, content)

    real = private_files.write_new
    with monkeypatch.context() as patched:
        patched.setattr(private_files, "write_new", breaks)
        patched.setattr(private_files, "replace", breaks)
        with pytest.raises(OSError, match="no more"):
            files.prepare(0, old)
    left = private(files)
    assert files.vkeys(0) == old
    fresh = files.prepare(0, old)
    assert {name: content for name, content in private(files).items() if name in left} == left
    assert len(private(files)) == 4 + 2
    assert [signer.vkey() for signer in files.signers(0, fresh)] == list(fresh)


def test_the_lines_are_arranged_and_none_goes(files: KeyFiles) -> None:
    old = files.vkeys(0)
    fresh = files.prepare(0, old)
    files.arrange(0, (*fresh, *old))
    assert files.vkeys(0) == (*fresh, *old)
    files.arrange(0, fresh)
    assert files.vkeys(0) == (*fresh, *old)
    assert [signer.vkey() for signer in files.signers(0)] == list(fresh)
    again = KeyFiles(files.folder, LEDGER, files._passphrase)
    assert again.generate(2)[0] == (*fresh, *old)


def test_a_key_that_is_not_at_hand_is_refused(files: KeyFiles) -> None:
    foreign = files.prepare(1, files.vkeys(1))
    with pytest.raises(KeyFileError, match=r"expected the key .* which signs this journal, got none such"):
        files.signers(0, foreign)
    with pytest.raises(KeyFileError, match="got none such"):
        files.arrange(0, foreign)


def test_a_lost_private_key_of_a_later_pair_is_named(files: KeyFiles) -> None:
    old = files.vkeys(0)
    fresh = files.prepare(0, old)
    (path,) = files.folder.glob("journal-0.*.mldsa.pem")
    path.unlink()
    with pytest.raises(KeyFileError, match=r"expected the key of .*, got the key of"):
        files.signers(0, fresh)
    assert [signer.vkey() for signer in files.signers(0, old)] == list(old)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    private_files.write_new(path, b"one\n")
    private_files.replace(path, b"two\n")
    assert path.read_bytes() == b"two\n"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            private_files.replace(path, b"three\n")
    assert path.read_bytes() == b"two\n"
    assert [each.name for each in tmp_path.iterdir()] == ["lines"], "no draft is left"


def test_what_is_written_is_on_the_disk_with_its_name_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is announced and then lost with the power would stop its journal for good."""
    synced: list[tuple[str, int]] = []
    real = os.fsync

    def seen(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        names = [each.name for each in tmp_path.iterdir() if not each.name.startswith(".")]
        synced.append((kind, len(names)))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    private_files.write_new(tmp_path / "lines", b"one\n")
    assert synced == [("file", 0), ("folder", 1)]
    synced.clear()
    private_files.replace(tmp_path / "lines", b"two\n")
    assert synced == [("file", 1), ("folder", 1)]
    synced.clear()
    with pytest.raises(private_files.FileTaken):
        private_files.write_new(tmp_path / "lines", b"three\n")
    assert (tmp_path / "lines").read_bytes() == b"two\n"
