"""The options that audits share, and what they bring along: keys by the journals they are of, and a token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import brought
from ledger.errors import Unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def keys_by_journal(given: Sequence[str] | None, ledger: str, journals: int) -> dict[int, str]:
    """Give the keys that are trusted, one a line, by the journal that their name is of.

    Raises Unfit for a key of another ledger or of a journal that it does not have.
    """
    names = {f"{ledger}/log/{number}": number for number in range(journals)}
    found: dict[int, list[str]] = {}
    for verifier in brought.keys(given):
        if verifier.name not in names:
            raise Unfit(f"--vkey: expected a key of {ledger}/log/0 to {journals - 1}, got one of {verifier.name[:80]}")
        found.setdefault(names[verifier.name], []).append(verifier.vkey())
    return {number: "\n".join(own) for number, own in found.items()}


def token(given: str) -> str:
    """Give the token itself, also where a file of it was named."""
    if given and given.count(".") != 2 and brought.is_file(given):
        return brought.read(Path(given)).decode("ascii", errors="replace").strip()
    return given
