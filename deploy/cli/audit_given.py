"""What an auditor brings along: verifier keys, a policy, things held elsewhere, a token. Read from files, bounded.

Whatever is not as it must be is one clear line and exit code 1; nothing here is believed further than its form.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ledger.errors import Unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.log.keys import LogVerifier
    from ledger.log.policy import Policy

FILE_BYTES_MAX: Final = 1 << 23

Keys = Annotated[
    list[str] | None,
    typer.Option("--vkey", metavar="KEY", help="A verifier key that you trust, or a file of them; repeatable."),
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="A trust policy (tlog-policy): its quorum must have cosigned.")
]
Token = Annotated[
    str, typer.Option("--token", envvar="AUDITOR_TOKEN", help="An auditor's token, for entries over HTTP; or a file.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Journals = Annotated[list[int] | None, typer.Option("--journal", min=0, help="Only this journal; may be repeated.")]
Cores = Annotated[int | None, typer.Option(min=1, help="Processes to use; default: as many as it is worth.")]


def read(path: Path) -> bytes:
    """Give a file's content. Raises Unfit for one that can't be read or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Unfit(f"{path}: expected a readable file, got {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise Unfit(f"{path}: expected at most {FILE_BYTES_MAX} bytes, got more")
    return content


def keys(given: Sequence[str] | None) -> list[LogVerifier]:
    """Give the verifiers that `--vkey` names: files of verifier keys, or keys as text. Raises Unfit for others."""
    from ledger.audit.receipts import parse_keys
    from ledger.log.note import NoteError

    found: list[LogVerifier] = []
    for text in given or ():
        is_key = text.count("+") >= 2
        try:
            found += parse_keys(text if is_key else read(Path(text)).decode("ascii"))
        except (NoteError, UnicodeDecodeError) as error:
            raise Unfit(f"--vkey {text[:80]}: expected a verifier key or a file of them, got {error}") from None
    return list(dict.fromkeys(found))


def keys_by_journal(given: Sequence[str] | None, ledger: str, journals: int) -> dict[int, str]:
    """Give the keys that are trusted, one a line, by the journal that their name is of.

    Raises Unfit for a key of another ledger or of a journal that it does not have.
    """
    names = {f"{ledger}/log/{number}": number for number in range(journals)}
    found: dict[int, list[str]] = {}
    for verifier in keys(given):
        if verifier.name not in names:
            raise Unfit(f"--vkey: expected a key of {ledger}/log/0 to {journals - 1}, got one of {verifier.name[:80]}")
        found.setdefault(names[verifier.name], []).append(verifier.vkey())
    return {number: "\n".join(own) for number, own in found.items()}


def policy(path: Path | None) -> Policy | None:
    """Give the policy in a file. Raises Unfit for a file that is none."""
    from ledger.log import policy as policies

    if path is None:
        return None
    try:
        return policies.parse(read(path))
    except policies.PolicyError as error:
        raise Unfit(f"{path}: {error}") from None


def token(given: str) -> str:
    """Give the token itself, also where a file of it was named."""
    if given and given.count(".") != 2 and Path(given).is_file():
        return read(Path(given)).decode("ascii", errors="replace").strip()
    return given
