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

from deploy.cli import brought
from ledger.errors import Unfit

if TYPE_CHECKING:
    from contracts.entry import BalanceRow
    from ledger.audit.receipts import Proven

NAME: Final = "verify-receipt"
STATES: Final = ("accrued", "remitted", "withheld", "returned", "drawn", "credit")


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
        trusted = None if policy is None else brought.policy(policy)
        verifiers = brought.keys(vkey)
        verifiers += [log.verifier for log in trusted.logs] if trusted is not None else []
        if not verifiers:
            raise Unfit("keys: expected --vkey or a --policy with a `log` line, got none: nothing proves itself")
        proven = prove(brought.read(entry), brought.read(proof), list(dict.fromkeys(verifiers)), trusted)
    except (Unfit, ReceiptError) as error:
        print(json.dumps({"proven": False, "reason": str(error)}) if as_json else f"NOT proven: {error}")
        raise typer.Exit(1) from None
    quorum = trusted is not None
    print(json.dumps(_as_json(proven, quorum), indent=2) if as_json else "\n".join(_lines(proven, quorum)))


def main(arguments: Sequence[str]) -> None:
    """Run this command alone: what `iuran audit verify-receipt` does without loading the others."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    register(alone)
    sys.exit(alone(list(arguments), prog_name=f"iuran audit {NAME}"))


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
