"""A witness's own folder: two private keys, what they have cosigned, and the public halves.

`witness.ed25519.pem`, `witness.mldsa44.pem`, `witness.memory` (SQLite) and `witness.vkey`, one verifier key a line; the
folder of mode 0700, its files 0600. The verifier keys come last: once they are there, keys that are missing are lost
and are not made anew, and so is a missing memory, without which the keys must not sign again. A call that was cut short
is mended by the same call.

Knows no ledger and no settings: a witness stands elsewhere, with somebody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.errors import Unfit
from ledger.log import keys
from ledger.log.note import NoteError
from ledger.store import private_files
from ledger.witness import memory
from ledger.witness.memory import Memory

if TYPE_CHECKING:
    from ledger.log.keys import Cosigner, MlDsaSigner

ED25519_FILE: Final = "witness.ed25519.pem"
MLDSA44_FILE: Final = "witness.mldsa44.pem"
MEMORY_FILE: Final = "witness.memory"
VKEY_FILE: Final = "witness.vkey"


def make(folder: Path, name: str, passphrase: bytes | None = None) -> list[str]:
    """Give the two verifier keys of a witness of this name, making the files that are not there yet; durable at return.

    Raises Unfit for a name that is none, a folder or file that others can read, another witness's, and a key or memory
    that was there once and is lost.
    """
    private_files.make_folder(folder)
    public = folder / VKEY_FILE
    if public.exists():
        signers, held = load(folder, passphrase)
        held.close()
        if signers[0].name != name:
            raise Unfit(f"{folder}: expected no witness yet, got {signers[0].name}; use another folder")
        return [signer.vkey() for signer in signers]
    try:
        fresh = {
            ED25519_FILE: keys.generate(name, keys.COSIGNATURE).pem(passphrase),
            MLDSA44_FILE: keys.generate(name, keys.MLDSA44).pem(passphrase),
        }
    except NoteError as error:
        raise Unfit(f"witness: {error}") from error
    for file, pem in fresh.items():
        if not (folder / file).exists():
            private_files.write_new(folder / file, pem)
    vkeys = [signer.vkey() for signer in _signers(folder, name, passphrase)]
    memory.make(folder / MEMORY_FILE, vkeys)
    Memory(folder / MEMORY_FILE, vkeys).close()
    private_files.write_new(public, "".join(f"{vkey}\n" for vkey in vkeys).encode())
    return vkeys


def load(folder: Path, passphrase: bytes | None = None) -> tuple[tuple[Cosigner, MlDsaSigner], Memory]:
    """Give a witness's keys and what they have cosigned.

    Raises Unfit for a folder or file that others can read, a missing or foreign file, and a wrong passphrase.
    """
    private_files.check_folder(folder)
    path = folder / VKEY_FILE
    vkeys = private_files.read(path).decode(errors="replace").splitlines()
    try:
        name = keys.parse_vkey(vkeys[0] if vkeys else "").name
    except NoteError as error:
        raise Unfit(f"{path}: {error}") from error
    signers = _signers(folder, name, passphrase)
    if [signer.vkey() for signer in signers] != vkeys:
        raise Unfit(f"{path}: expected the verifier keys of the private keys beside it, got others")
    return signers, Memory(folder / MEMORY_FILE, vkeys)


def _signers(folder: Path, name: str, passphrase: bytes | None) -> tuple[Cosigner, MlDsaSigner]:
    try:
        return (
            keys.load_pem(name, private_files.read(folder / ED25519_FILE), keys.COSIGNATURE, passphrase),
            keys.load_pem(name, private_files.read(folder / MLDSA44_FILE), keys.MLDSA44, passphrase),
        )
    except NoteError as error:
        raise Unfit(f"{folder}: {error}") from None
