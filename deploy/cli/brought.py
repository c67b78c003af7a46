"""What somebody who verifies brings along in files, bounded: verifier keys, a policy, notes and receipts.

Whatever is not as it must be is an Unfit with one clear line; nothing here is believed further than its form. Imports
what it needs when it is asked, and nothing that is slow to load: `verify-receipt` starts at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.errors import Unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.log.keys import LogVerifier
    from ledger.log.policy import Policy

FILE_BYTES_MAX: Final = 1 << 23


def read(path: Path) -> bytes:
    """Give a file's content. Raises Unfit for one that can't be read or is larger than FILE_BYTES_MAX."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Unfit(f"{path}: expected a readable file, got {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise Unfit(f"{path}: expected at most {FILE_BYTES_MAX} bytes, got more")
    return content


def keys(given: Sequence[str] | None) -> list[LogVerifier]:
    """Give the verifiers that `--vkey` names, each once: files of verifier keys, or keys as text.

    Raises Unfit for others.
    """
    return list(dict.fromkeys(verifier for text in given or () for verifier in _keys(text)))


def policy(path: Path) -> Policy:
    """Give the policy in a file. Raises Unfit for a file that is none."""
    from ledger.log import policy as policies

    try:
        return policies.parse(read(path))
    except policies.PolicyError as error:
        raise Unfit(f"{path}: {error}") from None


def _keys(given: str) -> list[LogVerifier]:
    from ledger.audit.receipts import parse_keys
    from ledger.log.note import NoteError

    if is_file(given):
        try:
            return parse_keys(read(Path(given)).decode("ascii"))
        except UnicodeDecodeError:
            raise Unfit(f"{given[:80]}: expected verifier keys in ASCII, got other bytes") from None
        except NoteError as error:
            raise Unfit(f"--vkey: {given[:200]}: {error}") from None
    if given.count("+") < 2:
        raise Unfit(f"--vkey: expected a verifier key `name+id+key` or a file of them, got {given[:80]!r}")
    try:
        return parse_keys(given)
    except NoteError as error:
        raise Unfit(f"--vkey: expected a verifier key or a file of them, got {error}") from None


def is_file(given: str) -> bool:
    """Tell whether a file of this name is there; a key is longer than a file's name may be."""
    try:
        return Path(given).is_file()
    except (OSError, ValueError):
        return False
