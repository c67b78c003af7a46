"""Key files: for each journal a private key, a secret, and the verifier key that says whose they are.

`journal-<n>.key.pem` (PEM PKCS#8), `journal-<n>.secret` (32 random bytes from which the salts of the entries come, in
hexadecimal beneath the origin) and `journal-<n>.vkey`, in one folder of mode 0700, each file of mode 0600.
A file appears whole or not at all and is never written over; the verifier key comes last, so its presence says
that the other two were durable, and their absence beside it that they were lost.

Upholds L7 (a key is on disk, with its folder's entry, before anything can be signed with it). Private bytes leave this
room only as a Signer or as the secret itself: never in a message. Knows files; what is signed is others' affair.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from ledger.errors import Unfit
from ledger.log import keys
from ledger.log.keys import Signer
from ledger.log.note import NoteError

SECRET_BYTES = 32
_NAME_BYTES_MAX = 255  # a length byte counts the name in what cosigners sign (c2sp.org/tlog-cosignature)
_FILE_BYTES_MAX = 4096
_PUBLIC_FILE = re.compile(r"journal-(0|[1-9][0-9]*)\.vkey")


class KeyFileError(Unfit):
    """A key file is missing, foreign or open to others; the message says which and what to do."""


def key_name(ledger: str, journal: int) -> str:
    """Give the name of a journal's keys, which is its checkpoints' origin: `<ledger>/log/<n>`.

    Raises KeyFileError if the name is longer than 255 bytes.
    """
    name = f"{ledger}/log/{journal}"
    if len(name.encode()) > _NAME_BYTES_MAX:
        raise KeyFileError(
            f"key name: expected at most {_NAME_BYTES_MAX} bytes, got {name}; choose a shorter ledger name"
        )
    return name


def generate(keys_dir: Path, ledger: str, journals: int) -> list[str]:
    """Give the verifier keys of journals 0..journals-1, making the files that are not there yet.

    Files that are there are kept and checked, so a call that was cut short is mended by the same call. Durable at
    return: files and folder are synced. A caller with an empty database and keys that were here before must compare
    with the published checkpoints before it signs: these keys may have signed another tree.

    Raises KeyFileError for a folder that others can read, keys of another ledger or of more journals, and a
    private key or secret that was there once and is lost.
    """
    _make_folder(keys_dir)
    beyond = sorted(n for n in _journals_in(keys_dir) if n >= journals)
    if beyond:
        raise KeyFileError(
            f"keys in {keys_dir}: expected {journals} journals, got a key of journal {beyond[-1]}; the number of "
            "journals is fixed for a ledger's life: use it, or another folder for another ledger"
        )
    return [_complete(keys_dir, ledger, journal) for journal in range(journals)]


def load_signer(keys_dir: Path, ledger: str, journal: int) -> Signer:
    """Give the key that signs this journal's checkpoints; `Signer.vkey()` is what the ledger's own record must match.

    Raises KeyFileError for a folder or file that others can read, a missing file, a file that is no key, keys of
    another ledger or journal, and a private key that is not the verifier key's.
    """
    name = key_name(ledger, journal)
    _check_folder(keys_dir)
    verifier = _load_vkey(keys_dir, name, journal)
    path = _private_path(keys_dir, journal)
    try:
        signer = keys.load_pem(name, _read(path))
    except NoteError as error:
        raise KeyFileError(f"{path}: {error}; restore the file from its backup") from None
    if signer.vkey() != verifier:
        raise KeyFileError(
            f"{path}: expected the key of {verifier}, got the key of {signer.vkey()}; restore the right one"
        )
    return signer


def load_secret(keys_dir: Path, ledger: str, journal: int) -> bytes:
    """Give the 32 secret bytes from which this journal's salts are made.

    Raises KeyFileError for a folder or file that others can read, a missing file, a file that is no secret, and the
    secret of another ledger or journal.
    """
    name = key_name(ledger, journal)
    _check_folder(keys_dir)
    path = _secret_path(keys_dir, journal)
    content = _read(path)
    origin, _, rest = content.partition(b"\n")
    try:
        secret = bytes.fromhex(rest.decode("ascii").removesuffix("\n"))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES or content != _format_secret(origin, secret):
        raise KeyFileError(
            f"{path}: expected an origin and {SECRET_BYTES} bytes in hexadecimal, got something else; "
            "restore the file from its backup"
        )
    if origin != name.encode():
        raise KeyFileError(
            f"{path}: expected the secret of {name}, got that of {origin.decode(errors='replace')!r}; "
            "restore the right one, or correct the ledger's name"
        )
    return secret


def _private_path(keys_dir: Path, journal: int) -> Path:
    return keys_dir / f"journal-{journal}.key.pem"


def _secret_path(keys_dir: Path, journal: int) -> Path:
    return keys_dir / f"journal-{journal}.secret"


def _public_path(keys_dir: Path, journal: int) -> Path:
    return keys_dir / f"journal-{journal}.vkey"


def _journals_in(keys_dir: Path) -> set[int]:
    matches = (_PUBLIC_FILE.fullmatch(path.name) for path in keys_dir.iterdir())
    return {int(match[1]) for match in matches if match}


def _format_secret(origin: bytes, secret: bytes) -> bytes:
    return origin + b"\n" + secret.hex().encode() + b"\n"


def _complete(keys_dir: Path, ledger: str, journal: int) -> str:
    name = key_name(ledger, journal)
    private, secret, public = (path(keys_dir, journal) for path in (_private_path, _secret_path, _public_path))
    if not public.exists():
        # Only while the verifier key is not there may a private key or secret be made: afterwards a missing one is
        # lost, and a new one in its place would be another log's.
        try:
            signer = keys.load_pem(name, _read(private)) if private.exists() else keys.generate(name)
        except NoteError as error:
            raise KeyFileError(f"{private}: {error}; use another folder for a new ledger") from None
        if not private.exists():
            _write_new(private, signer.pem())
        if not secret.exists():
            _write_new(secret, _format_secret(name.encode(), secrets.token_bytes(SECRET_BYTES)))
        load_secret(keys_dir, ledger, journal)
        _write_new(public, signer.vkey().encode() + b"\n")
    load_secret(keys_dir, ledger, journal)
    return load_signer(keys_dir, ledger, journal).vkey()


def _load_vkey(keys_dir: Path, name: str, journal: int) -> str:
    path = _public_path(keys_dir, journal)
    content = _read(path).decode(errors="replace")
    try:
        verifier = keys.parse_vkey(content.removesuffix("\n"))
    except NoteError as error:
        raise KeyFileError(f"{path}: {error}; restore the file from its backup") from error
    if verifier.name != name:
        raise KeyFileError(
            f"{path}: expected a key of {name}, got one of {verifier.name}; "
            "correct the ledger's name or point to its own keys"
        )
    return verifier.vkey()


def _make_folder(keys_dir: Path) -> None:
    if not keys_dir.exists():
        keys_dir.parent.mkdir(parents=True, exist_ok=True)
        keys_dir.mkdir(mode=0o700)
        _sync_folder(keys_dir.parent)
    _check_folder(keys_dir)


def _check_folder(keys_dir: Path) -> None:
    try:
        mode = keys_dir.stat().st_mode
    except FileNotFoundError:
        raise KeyFileError(
            f"{keys_dir}: expected the folder of keys, got none; restore it from its backup, "
            "or make a new ledger with `iuran ledger init`"
        ) from None
    if not stat.S_ISDIR(mode):
        raise KeyFileError(f"{keys_dir}: expected the folder of keys, got something else")
    _check_mode(keys_dir, mode, 0o700)


def _check_mode(path: Path, mode: int, allowed: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(
            f"{path}: expected mode {allowed:04o}, got {stat.S_IMODE(mode):04o}, open to others; "
            f"`chmod {allowed:o} {path}`, and think who may have read it"
        )


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: expected a key file, got none; restore it from its backup") from None
    except OSError as error:
        raise KeyFileError(f"{path}: expected a readable key file, got {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        # The mode of what was opened, not of what stands under the name by now.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileError(f"{path}: expected a regular file, got something else")
        _check_mode(path, mode, 0o600)
        content = file.read(_FILE_BYTES_MAX + 1)
    if len(content) > _FILE_BYTES_MAX:
        raise KeyFileError(f"{path}: expected at most {_FILE_BYTES_MAX} bytes, got more")
    return content


def _write_new(path: Path, content: bytes) -> None:
    """Make the file, whole and synced, or leave things as they are; raises KeyFileError if it is there already."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        # A link, unlike a rename, fails where the name is taken: two calls at once cannot write over each other.
        os.link(draft, path)
    except FileExistsError:
        raise KeyFileError(
            f"{path}: expected no such file, got one made meanwhile; is another `ledger init` running?"
        ) from None
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
