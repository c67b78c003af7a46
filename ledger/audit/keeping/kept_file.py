"""The file of `iuran audit verify --keep`: what was verified of a ledger, to go on from with `--since`.

A line with the format's name, a line with the SHA-256 (hex) of all that follows, then MessagePack: which release and
engine verified, which ledger, and each journal by itself (`ledger.audit.kept`). Written whole or not at all, its
owner's alone: it holds pseudonyms and balances. The digest finds damage and nothing else: the file is the auditor's own
word to themselves, and whoever may write it can say that anything was verified.

A file of another release or engine is refused, as that one may have asked less of the same entries.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from contracts.entry import ENGINE
from ledger.audit.keeping.kept import KeptJournal
from ledger.durable import sync_folder
from ledger.errors import Unfit

FORMAT: Final = "iuran-verified/v1"
_MARK: Final = f"{FORMAT}\n".encode()
_DIGEST_BYTES: Final = 2 * 32 + 1


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    release: str
    engine: str
    ledger: str
    journals: dict[int, bytes]


def write(path: Path, ledger: str, journals: Mapping[int, bytes]) -> None:
    """Write what was kept of a ledger's journals; durable at return. Raises Unfit where it can't be written."""
    content = msgspec.msgpack.encode(_Content(version("iuran"), ENGINE, ledger, dict(journals)))
    draft = path.with_name(f".{path.name}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MARK + sha256(content).hexdigest().encode() + b"\n")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise Unfit(f"{path}: expected a file that can be written, got {error.strerror}") from None


def read(path: Path, ledger: str) -> dict[int, bytes]:
    """Give what was kept of this ledger's journals, each as `KeptJournal.decode` takes it.

    Raises Unfit for a file that can't be read, is none or damaged, or is of another release, engine or ledger.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unfit(f"{path}: expected a readable file, got {error.strerror}") from None
    if not content.startswith(_MARK):
        raise Unfit(f"{path}: expected a file that `iuran audit verify --keep` wrote, got another")
    start = len(_MARK) + _DIGEST_BYTES
    digest, body = content[len(_MARK) : start], memoryview(content)[start:]
    if digest != sha256(body).hexdigest().encode() + b"\n":
        raise Unfit(f"{path}: expected the bytes that were kept, got a damaged file; verify without --since")
    try:
        told = msgspec.msgpack.decode(body, type=_Content)
    except msgspec.MsgspecError as error:
        raise Unfit(f"{path}: expected what was kept, got {error}; verify without --since") from None
    made, own = (told.release, told.engine), (version("iuran"), ENGINE)
    if made != own:
        said = f"expected one of release {own[0]}, engine {own[1]}, got one of {made[0]}, engine {made[1]}"
        raise Unfit(f"{path}: {said}; verify without --since")
    if told.ledger != ledger:
        raise Unfit(f"{path}: expected what was verified of {ledger}, got that of {told.ledger[:80]}")
    return told.journals


def size_of(encoded: bytes) -> int:
    """Give the size up to which a journal was verified. Raises Unfit for what is none."""
    try:
        return KeptJournal.decode(encoded).size
    except msgspec.MsgspecError as error:
        raise Unfit(f"verified before: expected what was kept of a journal, got {error}") from None
