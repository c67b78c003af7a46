"""`iuran key list`: the journals' verifier keys, for whoever is to verify what they sign.

Asks the ledger's database, which registered them; without one the key files under the home. A key that signs is
current; the others have retired, and what they signed still stands. Whole lines can be handed on: the last word of
each is a verifier key as c2sp.org/signed-note writes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from deploy import founding
from deploy.cli.ledger import reachable
from deploy.embedded.processes import StackError
from ledger import settings as settings_of
from ledger.errors import Unfit
from ledger.log.keys import ED25519, MLDSA44, parse_log_vkey
from ledger.store import database
from ledger.store.keys import ALGORITHMS, verifiers_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ledger.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The journals' keys.")

NAMES = {ED25519: "Ed25519", MLDSA44: "ML-DSA-44"}


class Listed(NamedTuple):
    """One verifier key of a journal; `status` is current or retired."""

    journal: int
    algorithm: str
    status: str
    vkey: str


@app.callback()
def group() -> None:
    """The journals' keys."""


@app.command("list")
def list_keys(
    journal: Annotated[list[int] | None, typer.Option(min=0, help="Only this journal; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the verifier keys, one a line: journal, algorithm, whether it signs now, and the key itself."""
    shown = [key for key in listed(_lines(settings_of.load())) if journal is None or key.journal in journal]
    if as_json:
        print(json.dumps([key._asdict() for key in shown], indent=2))
        return
    for key in shown:
        print(f"{key.journal:>3}  {key.algorithm:9}  {key.status:7}  {key.vkey}")


def listed(lines: Mapping[int, Sequence[str]]) -> Iterator[Listed]:
    """Give each journal's keys in their order; the first of each algorithm are those that sign.

    Raises NoteError for a line that is no log's verifier key.
    """
    for journal, vkeys in sorted(lines.items()):
        for place, vkey in enumerate(vkeys):
            status = "current" if place < len(ALGORITHMS) else "retired"
            yield Listed(journal, NAMES[parse_log_vkey(vkey).algorithm], status, vkey)


def _lines(settings: Settings) -> dict[int, Sequence[str]]:
    """Give the verifier keys by journal. Raises Unfit where there is neither ledger nor key file."""
    try:
        _, url = founding.servers_of(reachable(settings))
    except StackError:
        found: dict[int, Sequence[str]] = dict(verifiers_in(settings.keys_dir))
        if not found:
            raise Unfit(f"keys: expected a ledger or files under {settings.keys_dir}, got none") from None
        return found
    with database.connect(url, "reader") as connection:
        rows = connection.execute("SELECT journal, vkey FROM heads").fetchall()
    return {int(journal): str(vkey).split("\n") for journal, vkey in rows}
