"""What was kept elsewhere, and must be in the log: checkpoints, cosigned or not, and receipts.

Whoever cuts a log's tail off, restores an old backup or writes it anew under the right keys contradicts what others
hold of it. A checkpoint must be of the tree at its size; a receipt's checkpoint too, and its path must lead from the
log's own entry. Upholds L6 as an auditor. Must not know files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.audit.findings import Finding, Findings
from ledger.errors import Unfit
from ledger.log.checkpoint import Checkpoint, claimed
from ledger.log.merkle import leaf_hash
from ledger.log.note import NoteError
from ledger.log.proof import ProofError, verify_inclusion
from ledger.log.receipt import Receipt, ReceiptError

RECEIPT_MARK: Final = b"c2sp.org/tlog-proof@"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class HeldPath(NamedTuple):
    """A receipt's way from a leaf to the root of a checkpoint, and where the receipt was found."""

    where: str
    place: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint


class Held(NamedTuple):
    """What was kept of one log: notes, each under a word that says where, and the ways of receipts."""

    notes: Mapping[str, bytes]
    paths: Sequence[HeldPath] = ()

    def check_receipts(self, leaves_at: Callable[[Sequence[int]], Mapping[int, bytes]], findings: Findings) -> None:
        """Hold each receipt's way against the log's own entry, but for those whose checkpoints prove nothing."""
        for where, place, path, checkpoint in self.paths:
            if where in findings.doubted:
                continue
            leaf = leaves_at([place]).get(place)
            if leaf is None:
                findings.add("L2", place, f"receipt {where}: expected the entry that it proves, got none")
                continue
            try:
                verify_inclusion(leaf_hash(leaf), place, checkpoint.size, path, checkpoint.root)
            except ProofError:
                findings.add("L2", place, f"receipt {where}: expected the entry that it proves, got another")


NOTHING_HELD: Final = Held({})


def held_by_journal(files: Mapping[str, bytes], ledger: str, journals: int) -> tuple[dict[int, Held], list[Finding]]:
    """Give what these files hold of each journal of a ledger, and what they tell of journals that it does not have.

    Raises Unfit for a file that is neither a checkpoint nor a receipt, or of another ledger.
    """
    notes: dict[int, dict[str, bytes]] = {}
    paths: dict[int, list[HeldPath]] = {}
    hidden: list[Finding] = []
    for where, content in files.items():
        note, receipt = content, None
        try:
            if content.startswith(RECEIPT_MARK):
                receipt = Receipt.parse(content)
                note = receipt.checkpoint
            checkpoint = claimed(note)
        except (ReceiptError, NoteError, UnicodeDecodeError) as error:
            raise Unfit(f"{where}: expected a checkpoint or a receipt, got {error}") from error
        name, _, number = checkpoint.origin.rpartition("/log/")
        if name != ledger or not _NUMBER.fullmatch(number):
            raise Unfit(f"{where}: expected one of {ledger}, got one of {checkpoint.origin[:80]}")
        journal = int(number)
        if journal >= journals:
            hidden.append(Finding("L2", journal, None, f"journal: expected it, as {where} is of it, got none"))
            continue
        notes.setdefault(journal, {})[where] = note
        if receipt is not None:
            paths.setdefault(journal, []).append(HeldPath(where, receipt.index, receipt.path, checkpoint))
    return {n: Held(own, tuple(paths.get(n, ()))) for n, own in notes.items()}, hidden
