"""`iuran key list | rotate | revoke`: the journals' keys, and their lives.

`list` is for whoever is to verify what they sign. It asks the ledger's database, which registered them; without one the
key files under the home. A key that signs is current; the others have retired, and what they signed still stands, or
were revoked. Whole lines can be handed on: the last word of each is a verifier key as c2sp.org/signed-note writes it.
What rotating and revoking do stands in `deploy.rotating`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from deploy import founding
from deploy.cli.ledger import reachable
from deploy.cli.progress import terminal
from deploy.embedded.processes import StackError
from ledger import settings as settings_of
from ledger.errors import Unfit
from ledger.log.keys import ED25519, MLDSA44, parse_log_vkey
from ledger.store import database
from ledger.store.keys import ALGORITHMS, verifiers_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ledger.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The journals' keys.")

NAMES = {ED25519: "Ed25519", MLDSA44: "ML-DSA-44"}


OfJournals = Annotated[list[int] | None, typer.Option("--journal", min=0, help="Only this journal; may be repeated.")]


class Listed(NamedTuple):
    """One verifier key of a journal; `status` is current, retired or revoked."""

    journal: int
    algorithm: str
    status: str
    vkey: str


@app.callback()
def group() -> None:
    """The journals' keys."""


@app.command("list")
def list_keys(
    journal: OfJournals = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the verifier keys, one a line: journal, algorithm, whether it signs now, and the key itself."""
    shown = [key for key in _listed(settings_of.load()) if journal is None or key.journal in journal]
    if as_json:
        print(json.dumps([key._asdict() for key in shown], indent=2))
        return
    for key in shown:
        print(f"{key.journal:>3}  {key.algorithm:9}  {key.status:7}  {key.vkey}")


@app.command("rotate")
def rotate(
    journal: OfJournals = None,
    finish: Annotated[bool, typer.Option("--finish", help="Retire the old keys: verifiers have the new ones.")] = False,
) -> None:
    """Let new keys sign beside the old ones, in all journals; with --finish the old ones sign no more.

    The new keys are entered under the old ones, so whoever trusts those can follow. Between the two calls both sign,
    and whoever has either accepts: give the new verifier keys to verifiers and witnesses meanwhile (iuran key list).
    """
    from deploy import rotating

    settings = reachable(settings_of.load())
    for step in (rotating.finish if finish else rotating.rotate)(settings, journal, terminal()):
        print(f"journal {step.journal}: {step.done}")
        for vkey in step.vkeys:
            print(f"  {vkey}")
    if finish:
        print("what retired keys signed still stands; destroy their private files once backups are not needed")
    else:
        print("next: hand the new keys on (iuran key list); then iuran key rotate --finish")


@app.command("revoke")
def revoke(
    journal: Annotated[int, typer.Argument(min=0)],
    key: Annotated[str, typer.Argument(help="The key's id, 8 hexadecimal digits, or the verifier key.")],
    trusted_size: Annotated[
        int, typer.Option(min=0, help="The last size of which a checkpoint from before is held by somebody else.")
    ],
) -> None:
    """Say that others may sign with a key: nothing it signed above the trusted size proves anything any more."""
    from deploy import rotating

    step, root = rotating.revoke(reachable(settings_of.load()), journal, key, trusted_size, terminal())
    print(f"journal {step.journal}: {step.done}")
    print(statement(step.vkeys[0], trusted_size, root))


def statement(vkey: str, size: int, root: str) -> str:
    """Say what can be trusted of a journal after a key of it was revoked, and what can not."""
    name, identity, _ = vkey.split("+", 2)
    return f"""{name} key {identity} is revoked from size {size} on; the tree of that size has the root {root}.
Compare size and root with a checkpoint from before that somebody else holds (a witness, an auditor, a receipt).
Still to be trusted:
  entries 0 to {size - 1}, and receipts whose checkpoint has a size up to {size};
  above it, checkpoints that carry a signature of a key that is not revoked, or a quorum of witnesses' cosignatures.
Not to be trusted:
  a checkpoint above size {size} that this key alone has signed, whoever shows it: whoever has the key can make one;
  other keys that only such a checkpoint vouches for: take new ones from elsewhere than this log.
Do now: let witnesses and verifiers take the key out of their policies; compare what they saw above size {size} with
this journal (iuran audit verify); find out how the key got out: secrets and keys beside it may be out as well."""


def listed(lines: Mapping[int, Sequence[str]], revoked: Collection[str] = (), signing: int = 2) -> Iterator[Listed]:
    """Give each journal's keys in their order; the first `signing` are those that sign.

    Raises NoteError for a line that is no log's verifier key.
    """
    for journal, vkeys in sorted(lines.items()):
        for place, vkey in enumerate(vkeys):
            status = "revoked" if vkey in revoked else "current" if place < signing else "retired"
            yield Listed(journal, NAMES[parse_log_vkey(vkey).algorithm], status, vkey)


def _listed(settings: Settings) -> Iterator[Listed]:
    """Give the keys of all journals. Raises Unfit where there is neither ledger nor key file."""
    try:
        _, url = founding.servers_of(reachable(settings))
    except StackError:
        found = dict(verifiers_in(settings.keys_dir))
        if not found:
            raise Unfit(f"keys: expected a ledger or files under {settings.keys_dir}, got none") from None
        yield from listed(found)
        return
    from deploy import rotating

    with database.connect(url, "reader") as connection:
        rows = connection.execute("SELECT journal, vkey FROM heads ORDER BY journal").fetchall()
    for journal, vkey in rows:
        known = rotating.ring(url, int(journal)).keys
        lines = str(vkey).split("\n")
        revoked = {key.verifier.vkey() for key in known if key.trusted is not None}
        signing = sum(key.until is None for key in known) or len(ALGORITHMS)
        yield from listed({int(journal): lines}, revoked, signing)
