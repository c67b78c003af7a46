"""Forged receipts: what is handed to somebody who holds a verifier key, and perhaps a policy, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ledger.log import keys, note, policy
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.log.receipt import Receipt
from ledger.store.keystore import LogSigner
from tests.ledger.audit.forgeries.table import By, Who

TIME = 1_772_352_931
WITNESSES = tuple(keys.generate(f"witness.example/w{n}", keys.COSIGNATURE) for n in range(2))
POLICY = policy.parse(
    "".join(
        (
            *(f"witness w{n} {one.vkey()} http://w{n}.example/\n" for n, one in enumerate(WITNESSES)),
            "group both all w0 w1\nquorum both\n",
        )
    ).encode()
)


@dataclass(frozen=True)
class Given:
    """What is handed out, and what is asked of it: an entry's bytes, a receipt, verifier keys, perhaps a policy."""

    leaf: bytes
    receipt: Receipt
    vkeys: tuple[str, ...]
    policy: policy.Policy | None = None

    def signed(self, signers: Sequence[LogSigner], head: Checkpoint | None = None) -> Given:
        """The same under other signatures, over another head if one is given."""
        head = head or claimed(self.receipt.checkpoint)
        return replace(self, receipt=replace(self.receipt, checkpoint=sign_checkpoint(head, signers)))

    def cosigned(self, *cosigners: keys.Cosigner, over: Checkpoint | None = None) -> Given:
        """The same with cosignatures, made over another head if one is given."""
        text = (over or claimed(self.receipt.checkpoint)).format()
        lines = note.sign(text, [one.at(TIME) for one in cosigners]).split(b"\n\n")[1]
        receipt = replace(self.receipt, checkpoint=self.receipt.checkpoint + lines)
        return replace(self, receipt=receipt, policy=POLICY)


class Honest(NamedTuple):
    """Honest receipts of a stored ledger: two of one worker's entries, one of another journal, one at an older size."""

    own: Given
    next: Given
    elsewhere: Given
    older: Given


class Forged(NamedTuple):
    """One way to forge a receipt, and the words in which it is refused."""

    what: str
    law: str
    says: str
    do: Callable[[Honest], Given]
    who: Who = Who.RECEIPT
    by: By = By.RECEIPT
    go: str | None = "refused"
    rewrites: bool = False


def path(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Callable[[Honest], Given]:
    """The inclusion proof's hashes are changed."""
    return lambda h: replace(h.own, receipt=replace(h.own.receipt, path=change(h.own.receipt.path)))


def stranger(h: Honest) -> Given:
    """Signed by keys that only the forger has, under the log's name."""
    name = claimed(h.own.receipt.checkpoint).origin
    return h.own.signed([keys.generate(name), keys.generate(name, keys.MLDSA44)])


def resized(h: Honest) -> Given:
    """The checkpoint's size has a digit more."""
    note_bytes = h.own.receipt.checkpoint.replace(b"\n", b"\n9", 1)
    return replace(h.own, receipt=replace(h.own.receipt, checkpoint=note_bytes))


def other_head(h: Honest) -> Checkpoint:
    """The head of the other journal."""
    return claimed(h.elsewhere.receipt.checkpoint)


def mixed(h: Honest) -> Given:
    """The Ed25519 line of this checkpoint, the ML-DSA-44 line of an older one."""
    own, older = (one.receipt.checkpoint.splitlines(keepends=True) for one in (h.own, h.older))
    return replace(h.own, receipt=replace(h.own.receipt, checkpoint=b"".join((*own[:-1], older[-1]))))


RECEIPTS: tuple[Forged, ...] = (
    Forged(
        "a balance in the entry is raised", "L2", "root",
        lambda h: replace(h.own, leaf=h.own.leaf.replace(b'"accrued":', b'"accrued":9', 1)),
    ),
    Forged("another entry of the same worker is shown", "L2", "root", lambda h: replace(h.own, leaf=h.next.leaf)),
    Forged(
        "the index is altered", "L2", "root|expected",
        lambda h: replace(h.own, receipt=replace(h.own.receipt, index=h.own.receipt.index + 1)),
    ),
    Forged("a hash of the proof is altered", "L2", "root", path(lambda p: (bytes(32), *p[1:]))),
    Forged("a hash of the proof is left out", "L2", "expected", path(lambda p: p[1:])),
    Forged("a hash is added to the proof", "L2", "expected", path(lambda p: (*p, bytes(32)))),
    Forged(
        "the checkpoint of another size is put beneath the proof", "L2", "expected|root",
        lambda h: replace(h.own, receipt=replace(h.own.receipt, checkpoint=h.older.receipt.checkpoint)),
    ),
    Forged(
        "the checkpoint says a higher size, its signatures kept", "L6", "expected a valid one",
        resized,
    ),
    Forged(
        "a receipt is replayed under another journal's key", "L6", "expected an origin with a known key",
        lambda h: replace(h.own, vkeys=h.elsewhere.vkeys),
    ),
    Forged(
        "another journal's receipt is given for it", "L6", "expected an origin with a known key",
        lambda h: replace(h.elsewhere, leaf=h.own.leaf, vkeys=h.own.vkeys),
    ),
    Forged(
        "it is signed by a stranger's keys of the same name", "L6", "expected one of a known key",
        stranger,
    ),
    Forged(
        "of the two signatures the newer kind's is of another checkpoint", "L6", "expected a valid one",
        mixed,
    ),
    Forged(
        "one witness of the two has cosigned", "L6", "expected cosignatures of a quorum",
        lambda h: h.own.cosigned(WITNESSES[0]),
    ),
    Forged(
        "a witness's cosignature is of another log", "L6", "expected a valid one",
        lambda h: h.own.cosigned(*WITNESSES, over=other_head(h)),
    ),
)  # fmt: skip
