"""Key files: for each journal two private keys, a secret, and the verifier keys that say whose they are.

`journal-<n>.key.pem` (Ed25519) and `journal-<n>.mldsa.pem` (ML-DSA-44), PEM PKCS#8, with a passphrase or without;
`journal-<n>.secret` (32 random bytes from which the salts of the entries come, in hexadecimal beneath the origin);
`journal-<n>.vkey`, one verifier key a line: those that sign in their order, then the others. Later keys lie in files
`journal-<n>.<key id>.key.pem` and `journal-<n>.<key id>.mldsa.pem`. A file appears whole or not at all and no private
one is ever written over; the verifier keys come last, so their presence says that the others were durable, and the
absence of one beside them that it was lost.

Upholds L7 (a key is on disk, with its folder's entry, before anything can be signed with it). Private bytes leave this
room only as a signer or as the secret itself: never in a message. Knows files; what is signed is others' affair.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from ledger.log import keys
from ledger.log.keys import ED25519, MLDSA44
from ledger.log.note import NoteError
from ledger.store import private_files
from ledger.store.private_files import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ledger.log.keys import LogVerifier, MlDsaSigner, Signer
    from ledger.settings import Settings

SECRET_BYTES: Final = 32
ALGORITHMS: Final = (ED25519, MLDSA44)
"""The algorithms of a journal's current keys, in the order in which they sign."""
_NAME_BYTES_MAX: Final = 255  # a length byte counts the name in what cosigners sign (c2sp.org/tlog-cosignature)
_PUBLIC_FILE = re.compile(r"journal-(0|[1-9][0-9]*)\.vkey")
_SUFFIXES: Final = {ED25519: "key.pem", MLDSA44: "mldsa.pem"}


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


def of_settings(settings: Settings, ledger: str) -> KeyFiles:
    """Give the key files of a ledger that the settings name. Raises KeyFileError for an unfit passphrase file."""
    path = settings.keys_passphrase_file
    passphrase = None
    if path is not None:
        passphrase = private_files.read(path).removesuffix(b"\n")
        if not passphrase or b"\n" in passphrase:
            raise KeyFileError(f"{path}: expected one line with a passphrase, got none or several")
    return KeyFiles(settings.keys_dir, ledger, passphrase)


def verifiers_in(folder: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Give each journal with the lines of its file of verifier keys, whosever they are; none for no folder."""
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _PUBLIC_FILE.fullmatch(path.name)
        if match:
            yield int(match[1]), tuple(private_files.read(path).decode(errors="replace").splitlines())


class KeyFiles:
    """A `keystore.KeyStore` of files in one folder of mode 0700, each of mode 0600."""

    def __init__(self, folder: Path, ledger: str, passphrase: bytes | None = None) -> None:
        """With a passphrase all private keys of the folder are encrypted with it; without one none is."""
        self.folder = folder
        self.ledger = ledger
        self._passphrase = passphrase

    def __repr__(self) -> str:
        return f"KeyFiles({str(self.folder)!r}, {self.ledger!r})"

    def generate(self, journals: int) -> list[tuple[str, ...]]:
        """Give the verifier keys of journals 0..journals-1, making the files that are not there yet.

        Files that are there are kept and checked, so a call that was cut short is mended by the same call. Durable at
        return: files and folder are synced. A caller with an empty database and keys that were here before must
        compare with the published checkpoints before it signs: these keys may have signed another tree.

        Raises KeyFileError for a folder that others can read, keys of another ledger or of more journals, and a
        private key or secret that was there once and is lost.
        """
        private_files.make_folder(self.folder)
        beyond = sorted(n for n, _ in verifiers_in(self.folder) if n >= journals)
        if beyond:
            raise KeyFileError(
                f"keys in {self.folder}: expected {journals} journals, got a key of journal {beyond[-1]}; the number "
                "of journals is fixed for a ledger's life: use it, or another folder for another ledger"
            )
        for journal in range(journals):
            self._complete(journal)
        return [self.vkeys(journal) for journal in range(journals)]

    def signers(self, journal: int, vkeys: Sequence[str] = ()) -> Sequence[Signer | MlDsaSigner]:
        """Give the private keys of these verifier keys, in their order; without any, of the first two lines.

        Raises KeyFileError for a folder or file that others can read, a missing file, a file that is no key (or not
        under this passphrase), keys of another ledger or journal, and a private key that is not its verifier key's.
        """
        at_hand = {verifier.vkey(): verifier for verifier in self.verifiers(journal)}
        wanted = list(vkeys) or list(at_hand)[: len(ALGORITHMS)]
        for vkey in wanted:
            if vkey not in at_hand:
                raise KeyFileError(
                    f"{self._public(journal)}: expected the key {vkey[:200]}, which signs this journal, got none such; "
                    "restore the file, and the private key beside it, from where that key was made"
                )
        return [self._signer(journal, at_hand[vkey]) for vkey in wanted]

    def verifiers(self, journal: int) -> Sequence[LogVerifier]:
        """Give the verifiers of the journal's file: those that sign, then the others. Raises as `signers`."""
        name = key_name(self.ledger, journal)
        private_files.check_folder(self.folder)
        path = self._public(journal)
        lines = private_files.read(path).decode(errors="replace").removesuffix("\n").split("\n")
        try:
            verifiers = [keys.parse_log_vkey(line) for line in lines]
        except NoteError as error:
            raise KeyFileError(f"{path}: {error}; restore the file from its backup") from error
        for verifier in verifiers:
            if verifier.name != name:
                raise KeyFileError(
                    f"{path}: expected a key of {name}, got one of {verifier.name}; "
                    "correct the ledger's name or point to its own keys"
                )
        if tuple(verifier.algorithm for verifier in verifiers[: len(ALGORITHMS)]) != ALGORITHMS:
            raise KeyFileError(
                f"{path}: expected an Ed25519 key and an ML-DSA-44 key, in this order, got others; a ledger of a "
                "release before 1.0 that had one key a journal cannot be carried over: make a new one elsewhere"
            )
        return verifiers

    def vkeys(self, journal: int) -> tuple[str, ...]:
        """Give the same in their written form, one for each line of the file."""
        return tuple(verifier.vkey() for verifier in self.verifiers(journal))

    def secret(self, journal: int) -> bytes:
        """Give the 32 secret bytes from which this journal's salts are made.

        Raises KeyFileError for a folder or file that others can read, a missing file, a file that is no secret, and
        the secret of another ledger or journal.
        """
        name = key_name(self.ledger, journal)
        private_files.check_folder(self.folder)
        path = self._path(journal, "secret")
        content = private_files.read(path)
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

    def prepare(self, journal: int, known: Sequence[str]) -> tuple[str, ...]:
        """Give the verifier keys of two new keys, Ed25519 and ML-DSA-44, made unless an earlier call has made them.

        `known` are the keys that the journal's entries name already: new ones are at hand and not among them. Durable
        at return; the new lines stand last in the file. Raises KeyFileError as `signers`.
        """
        verifiers = self.verifiers(journal)
        fresh = []
        for algorithm in ALGORITHMS:
            made = next((v for v in verifiers if v.algorithm == algorithm and v.vkey() not in known), None)
            fresh.append((made or self._make_another(journal, algorithm, verifiers)).vkey())
        lines = [verifier.vkey() for verifier in verifiers]
        self._write_public(journal, [*lines, *(vkey for vkey in fresh if vkey not in lines)])
        return tuple(fresh)

    def arrange(self, journal: int, vkeys: Sequence[str]) -> None:
        """Put the lines of the journal's file in this order; others that are at hand stay behind them.

        Raises KeyFileError as `signers`, and for a key that is not at hand.
        """
        lines = list(self.vkeys(journal))
        missing = next((vkey for vkey in vkeys if vkey not in lines), None)
        if missing is not None:
            raise KeyFileError(f"{self._public(journal)}: expected the key {missing[:200]}, got none such")
        self._write_public(journal, [*vkeys, *(line for line in lines if line not in vkeys)])

    def _write_public(self, journal: int, lines: Sequence[str]) -> None:
        if tuple(lines) != self.vkeys(journal):
            private_files.replace(self._public(journal), b"".join(line.encode() + b"\n" for line in lines))

    def _make_another(self, journal: int, algorithm: int, had: Sequence[LogVerifier]) -> LogVerifier:
        """Make a further key, or take one that was made and is in no line: its call was cut short."""
        suffix, ids = _SUFFIXES[algorithm], {verifier.key_id.hex() for verifier in had}
        for path in sorted(self.folder.glob(f"journal-{journal}.*.{suffix}")):
            named = path.name.removeprefix(f"journal-{journal}.").removesuffix(f".{suffix}")
            if named not in ids:
                return self._load(journal, algorithm, path).verifier
        signer = _make(key_name(self.ledger, journal), algorithm)
        path = self._path(journal, f"{signer.key_id.hex()}.{suffix}")
        private_files.write_new(path, signer.pem(self._passphrase))
        return signer.verifier

    def _signer(self, journal: int, verifier: LogVerifier) -> Signer | MlDsaSigner:
        """Load the private key of a verifier key: in the file of its own, else in that of the journal's first keys."""
        path = self._path(journal, f"{verifier.key_id.hex()}.{_SUFFIXES[verifier.algorithm]}")
        if not path.exists():
            path = self._private(journal, verifier.algorithm)
        signer = self._load(journal, verifier.algorithm, path)
        if signer.verifier != verifier:
            raise KeyFileError(
                f"{path}: expected the key of {verifier.vkey()}, got the key of {signer.vkey()}; restore the right one"
            )
        return signer

    def _path(self, journal: int, suffix: str) -> Path:
        return self.folder / f"journal-{journal}.{suffix}"

    def _private(self, journal: int, algorithm: int) -> Path:
        return self._path(journal, _SUFFIXES[algorithm])

    def _public(self, journal: int) -> Path:
        return self._path(journal, "vkey")

    def _complete(self, journal: int) -> None:
        name, public = key_name(self.ledger, journal), self._public(journal)
        if not public.exists():
            # Only while the verifier keys are not there may a private key or secret be made: afterwards a missing one
            # is lost, and a new one in its place would be another log's.
            signers = [self._load_or_make(journal, algorithm) for algorithm in ALGORITHMS]
            secret = self._path(journal, "secret")
            if not secret.exists():
                fresh = secrets.token_bytes(SECRET_BYTES)
                private_files.write_new(secret, _format_secret(name.encode(), fresh))
            self.secret(journal)
            private_files.write_new(public, b"".join(signer.vkey().encode() + b"\n" for signer in signers))
        self.secret(journal)
        self.signers(journal)

    def _load_or_make(self, journal: int, algorithm: int) -> Signer | MlDsaSigner:
        path = self._private(journal, algorithm)
        if not path.exists():
            private_files.write_new(path, _make(key_name(self.ledger, journal), algorithm).pem(self._passphrase))
        return self._load(journal, algorithm, path)

    def _load(self, journal: int, algorithm: int, path: Path) -> Signer | MlDsaSigner:
        name = key_name(self.ledger, journal)
        content = private_files.read(path)
        try:
            if algorithm == ED25519:
                return keys.load_pem(name, content, ED25519, self._passphrase)
            return keys.load_pem(name, content, MLDSA44, self._passphrase)
        except NoteError as error:
            raise KeyFileError(
                f"{path}: {error}; restore the file from its backup, or set IURAN_KEYS_PASSPHRASE_FILE as it was when "
                "the keys were made"
            ) from None


def _make(name: str, algorithm: int) -> Signer | MlDsaSigner:
    return keys.generate(name) if algorithm == ED25519 else keys.generate(name, MLDSA44)


def _format_secret(origin: bytes, secret: bytes) -> bytes:
    return origin + b"\n" + secret.hex().encode() + b"\n"
