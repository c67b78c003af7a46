"""Key files: made once, never written over, open to nobody else, and each refusal says what to do."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.log import keys as log_keys
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.keys import MlDsaVerifier, Verifier
from ledger.settings import Settings
from ledger.store.keys import KeyFiles, key_name, of_settings
from ledger.store.keystore import KeyStore
from ledger.store.private_files import KeyFileError
from tests.support.databases import make_keys

LEDGER = "iuran.localhost"
PRIVATE = ("key.pem", "mldsa.pem")


@pytest.fixture
def files(tmp_path: Path) -> KeyFiles:
    made = KeyFiles(tmp_path / "home" / "keys", LEDGER)
    made.generate(3)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# -- what any key store gives ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["files", "files under a passphrase", "in memory"])
def test_a_key_store_gives_each_journal_two_keys_of_its_name_and_a_secret(tmp_path: Path, kind: str) -> None:
    store: KeyStore
    if kind == "in memory":
        store = make_keys(3, LEDGER)
    else:
        store = KeyFiles(tmp_path / "keys", LEDGER, b"a passphrase" if "passphrase" in kind else None)
        store.generate(3)
    public = set()
    for journal in range(3):
        signers, verifiers = store.signers(journal), store.verifiers(journal)
        assert [type(verifier) for verifier in verifiers] == [Verifier, MlDsaVerifier]
        assert [signer.vkey() for signer in signers] == [verifier.vkey() for verifier in verifiers]
        assert {signer.name for signer in signers} == {f"{LEDGER}/log/{journal}"}
        checkpoint = Checkpoint(key_name(LEDGER, journal), 1, bytes(32))
        note = sign_checkpoint(checkpoint, signers)
        for verifier in verifiers:
            assert open_checkpoint(note, [verifier]) == checkpoint
        assert len(store.secret(journal)) == 32
        public |= {verifier.public_key for verifier in verifiers}
    assert len(public) == 6
    assert len({store.secret(journal) for journal in range(3)}) == 3


# -- files -------------------------------------------------------------------------------------------------------------


def test_what_is_generated_is_said_line_by_line(files: KeyFiles) -> None:
    vkeys = files.generate(3)
    for journal, lines in enumerate(vkeys):
        assert (files.folder / f"journal-{journal}.vkey").read_text() == "\n".join(lines) + "\n"
        assert lines == files.vkeys(journal)


def test_folder_and_files_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        KeyFiles(tmp_path / "keys", LEDGER).generate(1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_made_again_it_changes_nothing(files: KeyFiles) -> None:
    before = contents(files.folder)
    assert log_keys.parse_vkey(files.generate(3)[2][1]).name == f"{LEDGER}/log/2"
    assert contents(files.folder) == before


@pytest.mark.parametrize(
    "lost",
    [
        ["vkey"],
        ["vkey", "secret"],
        ["vkey", "secret", "mldsa.pem"],
        ["vkey", "secret", "mldsa.pem", "key.pem"],
    ],
)
def test_a_call_cut_short_is_mended_by_the_same_call(files: KeyFiles, lost: list[str]) -> None:
    before = contents(files.folder)
    for suffix in lost:
        (files.folder / f"journal-2.{suffix}").unlink()
    kept = contents(files.folder)
    files.generate(3)
    after = contents(files.folder)
    assert set(after) == set(before)
    assert {name: after[name] for name in kept} == kept
    files.signers(2)


@pytest.mark.parametrize("suffix", [*PRIVATE, "secret"])
def test_what_was_there_once_is_not_made_anew(files: KeyFiles, suffix: str) -> None:
    (files.folder / f"journal-1.{suffix}").unlink()
    with pytest.raises(KeyFileError, match=rf"journal-1\.{suffix}: expected a key file, got none; restore it"):
        files.generate(3)


def test_another_number_of_journals_or_another_ledger_is_refused(files: KeyFiles) -> None:
    with pytest.raises(KeyFileError, match="expected 2 journals, got a key of journal 2"):
        files.generate(2)
    other = KeyFiles(files.folder, "other.example")
    with pytest.raises(
        KeyFileError, match=r"expected the secret of other\.example/log/0, got that of 'iuran\.localhost"
    ):
        other.generate(3)
    for ask in (other.signers, other.verifiers):
        with pytest.raises(KeyFileError, match=r"expected a key of other\.example/log/0"):
            ask(0)
    with pytest.raises(KeyFileError, match=r"expected the secret of other\.example/log/0"):
        other.secret(0)


@pytest.mark.parametrize("suffix", PRIVATE)
def test_keys_of_another_journal_under_this_name_are_refused(files: KeyFiles, suffix: str) -> None:
    for moved in (suffix, "secret"):
        (files.folder / f"journal-0.{moved}").replace(files.folder / f"journal-1.{moved}")
    with pytest.raises(KeyFileError, match="expected the key of"):
        files.signers(1)
    with pytest.raises(KeyFileError, match=r"expected the secret of iuran\.localhost/log/1"):
        files.secret(1)


def test_one_kind_of_key_in_the_others_file_is_refused(files: KeyFiles) -> None:
    first, second = (files.folder / f"journal-0.{suffix}" for suffix in PRIVATE)
    second.write_bytes(first.read_bytes())
    with pytest.raises(KeyFileError, match=r"mldsa\.pem: private key of .*: expected ML-DSA-44, got another"):
        files.signers(0)


def lines_of(files: KeyFiles, change: Callable[[list[str]], list[str]]) -> None:
    path = files.folder / "journal-0.vkey"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def test_retired_keys_stand_after_the_current_ones_and_sign_nothing(files: KeyFiles) -> None:
    retired = log_keys.generate(key_name(LEDGER, 0))
    lines_of(files, lambda lines: [*lines, retired.vkey()])
    assert files.verifiers(0)[2] == retired.verifier
    assert retired.key_id not in {signer.key_id for signer in files.signers(0)}
    assert files.generate(3)[0] == files.vkeys(0)


@pytest.mark.parametrize("change", [lambda lines: lines[::-1], lambda lines: lines[:1], lambda lines: [lines[0]] * 2])
def test_other_verifier_keys_than_one_of_each_kind_first_are_refused(
    files: KeyFiles, change: Callable[[list[str]], list[str]]
) -> None:
    """Among them the one key of a ledger that an older release made."""
    lines_of(files, change)
    for ask in (files.verifiers, files.signers):
        with pytest.raises(KeyFileError, match="expected an Ed25519 key and an ML-DSA-44 key, in this order"):
            ask(0)


def test_a_cosigners_key_is_no_logs_key(files: KeyFiles) -> None:
    cosigner = log_keys.generate(key_name(LEDGER, 0), log_keys.COSIGNATURE)
    lines_of(files, lambda lines: [*lines, cosigner.vkey()])
    with pytest.raises(KeyFileError, match="got a cosigner's"):
        files.verifiers(0)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o610])
def test_files_open_to_others_are_refused(files: KeyFiles, mode: int) -> None:
    for suffix in (*PRIVATE, "secret"):
        (files.folder / f"journal-0.{suffix}").chmod(mode)
    with pytest.raises(KeyFileError, match=r"expected mode 0600, got 06.*chmod 600"):
        files.signers(0)
    with pytest.raises(KeyFileError, match="expected mode 0600"):
        files.secret(0)


def test_a_folder_open_to_others_is_refused(files: KeyFiles) -> None:
    files.folder.chmod(0o750)
    for call in (files.signers, files.verifiers, files.secret, files.generate):
        with pytest.raises(KeyFileError, match=r"expected mode 0700, got 0750.*chmod 700"):
            call(3)


def test_a_missing_folder_or_file_says_what_to_do(files: KeyFiles, tmp_path: Path) -> None:
    nowhere = KeyFiles(tmp_path / "elsewhere", LEDGER)
    for load in (nowhere.signers, nowhere.verifiers, nowhere.secret):
        with pytest.raises(KeyFileError, match="restore it from its backup"):
            load(0)
    for load in (files.signers, files.verifiers, files.secret):
        with pytest.raises(KeyFileError, match="restore it from its backup"):
            load(7)


@pytest.mark.parametrize("suffix", [*PRIVATE, "secret", "vkey"])
@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-9], lambda b: b + b"\n", lambda b: b * 99])
def test_damaged_files_are_refused_without_quoting_them(files: KeyFiles, suffix: str, damage: object) -> None:
    path = files.folder / f"journal-0.{suffix}"
    content = path.read_bytes()
    path.write_bytes(damage(content))  # type: ignore[operator]
    try:
        files.signers(0)
        files.secret(0)
    except KeyFileError as error:
        private = content.decode().splitlines()[1] if suffix != "vkey" else "never"
        assert private[:20] not in str(error)
        assert str(path) in str(error)
    else:
        assert suffix in PRIVATE  # PEM readers take the first key and allow what comes after it
        assert path.read_bytes() in (content + b"\n", content * 99)


def test_no_message_holds_private_bytes(files: KeyFiles) -> None:
    secret = files.secret(0)
    (files.folder / "journal-0.secret").write_bytes(b"elsewhere\n" + secret.hex().encode() + b"\n")
    with pytest.raises(KeyFileError) as caught:
        files.secret(0)
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
        KeyFiles(folder, LEDGER).generate(1)
    assert contents(folder) == {"journal-0.key.pem": b"another process was faster"}


def test_names_longer_than_a_length_byte_are_refused() -> None:
    with pytest.raises(KeyFileError, match="at most 255 bytes"):
        key_name("x" * 250, 10)


# -- passphrase --------------------------------------------------------------------------------------------------------


def settings_of(tmp_path: Path, line: bytes | None, mode: int = 0o600) -> Settings:
    path = tmp_path / "passphrase"
    if line is None:
        return Settings(home=tmp_path)
    path.write_bytes(line)
    path.chmod(mode)
    return Settings(home=tmp_path, keys_passphrase_file=path)


def test_private_keys_lie_encrypted_under_the_passphrase_of_a_file_and_open_with_no_other(tmp_path: Path) -> None:
    files = of_settings(settings_of(tmp_path, b"correct horse\n"), LEDGER)
    files.generate(1)
    for suffix in PRIVATE:
        assert (files.folder / f"journal-0.{suffix}").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
    assert of_settings(settings_of(tmp_path, b"correct horse"), LEDGER).vkeys(0) == files.vkeys(0)
    for line in (b"wrong horse", None):
        with pytest.raises(KeyFileError, match=r"key\.pem: .* IURAN_KEYS_PASSPHRASE_FILE") as caught:
            of_settings(settings_of(tmp_path, line), LEDGER).signers(0)
        assert "horse" not in str(caught.value)


def test_keys_without_a_passphrase_do_not_open_with_one(tmp_path: Path) -> None:
    """Whoever sets one believes that the files are of no use to a thief."""
    of_settings(settings_of(tmp_path, None), LEDGER).generate(1)
    with pytest.raises(KeyFileError, match="IURAN_KEYS_PASSPHRASE_FILE"):
        of_settings(settings_of(tmp_path, b"correct horse"), LEDGER).signers(0)


@pytest.mark.parametrize("line", [b"", b"\n", b"two\nlines\n"])
def test_a_passphrase_file_holds_one_line(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(KeyFileError, match="expected one line with a passphrase"):
        of_settings(settings_of(tmp_path, line), LEDGER)


def test_a_passphrase_file_is_its_owners_alone(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="expected mode 0600, got 0644"):
        of_settings(settings_of(tmp_path, b"correct horse", 0o644), LEDGER)
