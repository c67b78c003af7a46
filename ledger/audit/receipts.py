"""A receipt as its holder checks it: the entry's bytes, the proof, keys, and nothing else.

`prove` takes what somebody holds in files and gives what is thereby proven, or the one reason why nothing is. That the
log holds the bytes is `ledger.log.receipt`'s affair; here an entry of Iuran must besides say of itself what the proof
says of it (its journal and index), so that nobody is handed a true proof of another entry than the one shown.

Upholds L8 as its holder. Knows no settings, network or database; imports nothing that takes long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts import entry as entries
from contracts.entry import Entry, EntryError
from ledger.log import keys, note
from ledger.log.keys import LogVerifier
from ledger.log.merkle import leaf_hash
from ledger.log.note import NoteError
from ledger.log.policy import Policy
from ledger.log.receipt import Receipt, ReceiptError

LINE_ENDS = (b"\r\n", b"\n")


@dataclass(frozen=True, slots=True)
class Proven:
    """What a receipt proves: the entry's place under a checkpoint, who signed that, and the entry if it is Iuran's.

    `cosigned` names the policy's witnesses that did, in its own words; empty without a policy.
    """

    origin: str
    size: int
    index: int
    root: bytes
    leaf_hash: bytes
    signed: tuple[str, ...]
    cosigned: tuple[str, ...]
    entry: Entry | None


def prove(leaf: bytes, proof: bytes, verifiers: Sequence[LogVerifier], policy: Policy | None = None) -> Proven:
    """Give what these two files prove under these keys, and under the policy's quorum if there is one.

    Raises ReceiptError: what `Receipt.parse` and `Receipt.verify` refuse; a line end added to the entry, named as such;
    an entry of Iuran that says another index or journal of itself.
    """
    receipt = Receipt.parse(proof)
    try:
        checkpoint = receipt.verify(leaf, verifiers, policy)
    except ReceiptError as error:
        _check_line_end(receipt, leaf, verifiers, policy)
        raise error
    text, signatures = note.parse(receipt.checkpoint)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers if verifier.name == checkpoint.origin}
    met = dict.fromkeys((s.name, s.key_id) for s in signatures if (s.name, s.key_id) in known)
    cosigned = frozenset[bytes]() if policy is None else policy.cosigned(text, signatures)
    return Proven(
        checkpoint.origin,
        checkpoint.size,
        receipt.index,
        checkpoint.root,
        leaf_hash(leaf),
        tuple(_algorithm(known[one]) for one in met),
        tuple(sorted(name.decode(errors="replace") for name in cosigned)),
        _own(leaf, checkpoint.origin, receipt.index),
    )


def parse_keys(text: str) -> list[LogVerifier]:
    """Give the verifiers of a `vkey` file's lines; empty lines and those that begin with `#` are let through.

    Raises NoteError for a line that is no log's verifier key, and for none at all.
    """
    lines = [line.strip() for line in text.splitlines()]
    found = [keys.parse_log_vkey(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise NoteError("verifier keys: expected one or more lines, got none")
    return found


def _check_line_end(receipt: Receipt, leaf: bytes, verifiers: Sequence[LogVerifier], policy: Policy | None) -> None:
    """Raise ReceiptError if the entry is proven but for a line end that an editor or `echo` added."""
    for end in LINE_ENDS:
        if not leaf.endswith(end):
            continue
        try:
            receipt.verify(leaf.removesuffix(end), verifiers, policy)
        except ReceiptError:
            continue
        raise ReceiptError(
            f"entry: expected its exact {len(leaf) - len(end)} bytes, got them with a newline added at the end; "
            "without that newline the proof holds: save the bytes as they come (`curl -o FILE`)"
        ) from None


def _own(leaf: bytes, origin: str, index: int) -> Entry | None:
    """Give the entry if the bytes are one of Iuran's; raises ReceiptError if it claims to be another one."""
    try:
        entry = entries.decode(leaf)
    except EntryError:
        return None
    if (entry.index, origin.rpartition("/log/")[2]) != (index, str(entry.journal)):
        raise ReceiptError(
            f"entry: expected to say of itself index {index} of {origin}, as is proven, got index {entry.index} of "
            f"journal {entry.journal}"
        )
    return entry


def _algorithm(verifier: LogVerifier) -> str:
    return "Ed25519" if verifier.algorithm == keys.ED25519 else "ML-DSA-44"
