"""A worker's receipt in the demo: the newest entry's exact bytes and its proof, as two files that need nothing else.

They are fetched as a worker would fetch them, with the worker's own token, and verified here with the log's key before
anybody is told to: what the printed command does again, by its own way and with the network off.
"""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from typing import NamedTuple

from ledger.log.keys import parse_log_vkey
from ledger.log.receipt import Receipt


class Saved(NamedTuple):
    """Where a receipt lies, and the verifier key that it takes."""

    entry: Path
    proof: Path
    vkey: str


def save(folder: Path, api_url: str, token: str, place: tuple[int, int]) -> Saved:
    """Save the receipt of an entry (journal, index) as `entry.json` and `entry.tlog-proof`, over what lay there.

    Raises ReceiptError if it does not hold, URLError where the API does not answer.
    """
    journal, index = place
    entry = _fetched(f"{api_url}/v1/entries/{journal}/{index}", token)
    proof = _fetched(f"{api_url}/v1/entries/{journal}/{index}/proof", token)
    vkey = _fetched(f"{api_url}/log/{journal}/vkey").decode().split("\n")[0]
    Receipt.parse(proof).verify(entry, [parse_log_vkey(vkey)])
    saved = Saved(folder / "entry.json", folder / "entry.tlog-proof", vkey)
    folder.mkdir(parents=True, exist_ok=True)
    saved.entry.write_bytes(entry)
    saved.proof.write_bytes(proof)
    return saved


def page(saved: Saved) -> str:
    """Give where the receipt is, and the one line that verifies it."""
    entry, proof = (_short(path) for path in (saved.entry, saved.proof))
    return "\n".join(
        (
            f"Their receipt: {entry} (the exact bytes that were signed, with the balance) and {proof}.",
            "With these two files and the log's key alone, the network off, anybody verifies it:",
            f"  iuran audit verify-receipt {entry} {proof} --vkey {saved.vkey}",
            "",
        )
    )


def _short(path: Path) -> str:
    """The path as seen from here, where that is below."""
    here = Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def _fetched(url: str, token: str | None = None) -> bytes:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return bytes(answer.read())
