"""`iuran audit verify-receipt`: two files and a key say whether a log holds an entry. No settings, network or database.

For workers, unions and courts, years later: it reads what it is given and nothing else. Prints what is proven and
ends with exit code 0, or prints the one reason why nothing is and ends with 1. Imports what it needs when it runs, so
that it starts at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from contracts.entry import BalanceRow
    from ledger.audit.receipts import Proven
    from ledger.log.keys import LogVerifier
    from ledger.log.policy import Policy

NAME: Final = "verify-receipt"
FILE_BYTES_MAX: Final = 1 << 23
STATES: Final = ("accrued", "remitted", "withheld", "returned", "drawn", "credit")


class Refused(Exception):
    """Something given is not what it must be; the message says what."""


def register(app: typer.Typer) -> None:
    """Add the command to a group."""
    app.command(NAME)(verify_receipt)


def verify_receipt(
    entry: Annotated[Path, typer.Argument(help="The entry's exact bytes, as `GET /v1/entries/J/I` gave them.")],
    proof: Annotated[Path, typer.Argument(help="The proof, as `GET /v1/entries/J/I/proof` gave it.")],
    vkey: Annotated[
        list[str] | None, typer.Option("--vkey", metavar="KEY", help="A verifier key, or a file of them; repeatable.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="A trust policy (tlog-policy): its quorum must have cosigned.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify with these files and keys alone that the log holds exactly this entry. Exit 0: proven; 1: not."""
    from ledger.audit.receipts import prove
    from ledger.log.receipt import ReceiptError

    try:
        trusted = None if policy is None else read_policy(policy)
        verifiers = [one for given in vkey or () for one in read_keys(given)]
        verifiers += [log.verifier for log in trusted.logs] if trusted is not None else []
        if not verifiers:
            raise Refused("keys: expected --vkey or a --policy with a `log` line, got none: nothing proves itself")
        proven = prove(_read(entry), _read(proof), list(dict.fromkeys(verifiers)), trusted)
    except (Refused, ReceiptError) as error:
        print(json.dumps({"proven": False, "reason": str(error)}) if as_json else f"NOT proven: {error}")
        raise typer.Exit(1) from None
    quorum = trusted is not None
    print(json.dumps(_as_json(proven, quorum), indent=2) if as_json else "\n".join(_lines(proven, quorum)))


def main(arguments: Sequence[str]) -> None:
    """Run this command alone: what `iuran audit verify-receipt` does without loading the others."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    register(alone)
    sys.exit(alone(list(arguments), prog_name=f"iuran audit {NAME}"))


# -- what is given ---------------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Refused(f"{path}: expected a readable file, got {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise Refused(f"{path}: expected at most {FILE_BYTES_MAX} bytes, got more")
    return content


def read_keys(given: str) -> list[LogVerifier]:
    """Give the verifiers that a `--vkey` names: a file of verifier keys, or one key as text."""
    from ledger.audit.receipts import parse_keys
    from ledger.log.note import NoteError

    try:
        if _is_file(given):
            try:
                return parse_keys(_read(Path(given)).decode("ascii"))
            except UnicodeDecodeError:
                raise Refused(f"{given[:80]}: expected verifier keys in ASCII, got other bytes") from None
        if given.count("+") < 2:
            raise Refused(f"--vkey: expected a verifier key `name+id+key` or a file of them, got {given[:80]!r}")
        return parse_keys(given)
    except NoteError as error:
        raise Refused(f"--vkey: {error}") from None


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except (OSError, ValueError):
        return False  # a key is longer than a file's name may be


def read_policy(path: Path) -> Policy:
    from ledger.log import policy

    try:
        return policy.parse(_read(path))
    except policy.PolicyError as error:
        raise Refused(f"{path}: {error}") from None


# -- wording ---------------------------------------------------------------------------------------------------------


def _lines(proven: Proven, quorum: bool) -> list[str]:
    lines = [
        f"proven: {proven.origin} holds exactly these bytes as entry {proven.index}",
        f"  leaf hash   {proven.leaf_hash.hex()}",
        f"  checkpoint  size {proven.size}, root {proven.root.hex()}",
        f"  signed by   {proven.origin} ({', '.join(proven.signed)})",
    ]
    if quorum:
        lines.append(f"  cosigned by {', '.join(proven.cosigned) or 'nobody'}: a quorum of the policy")
    if proven.entry is None:
        return [*lines, "  the bytes are no entry of Iuran's: what they mean is not told"]
    from contracts.entry import worker_of

    entry, worker = proven.entry, worker_of(proven.entry)
    lines.append(f"  entry       {entry.kind}, received {entry.received_at}" + (f", worker {worker}" if worker else ""))
    balances = entry.balances if isinstance(entry.balances, list) else []
    return lines + [f"  balance     {_balance(row)}" for row in balances]


def _balance(row: BalanceRow) -> str:
    from contracts.currencies import EXPONENTS
    from ledger.domain.money import format_amount

    shown = [
        f"{state} {format_amount(amount, EXPONENTS[row.unit]) if row.unit in EXPONENTS else amount}"
        for state in STATES
        if (amount := getattr(row, state)) or state == "accrued"
    ]
    return f"{row.scheme} {row.fund}: {row.unit} {', '.join(shown)}"


def _as_json(proven: Proven, quorum: bool) -> dict[str, Any]:
    from contracts.entry import encode, worker_of

    entry = proven.entry
    balances = entry.balances if entry is not None and isinstance(entry.balances, list) else []
    return {
        "proven": True,
        "origin": proven.origin,
        "index": proven.index,
        "leaf_hash": proven.leaf_hash.hex(),
        "size": proven.size,
        "root": proven.root.hex(),
        "signed": list(proven.signed),
        "quorum": quorum or None,
        "cosigned": list(proven.cosigned),
        "kind": None if entry is None else entry.kind,
        "worker": None if entry is None else worker_of(entry),
        "balances": [json.loads(encode(row)) for row in balances],
    }
