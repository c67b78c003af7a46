"""What a witness is asked to cosign and must not: forks, rollbacks, other logs' checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.witness import Request
from ledger.store.keystore import LogSigner
from tests.ledger.audit.forgeries.table import By, Who
from tests.support.exports import MadeLog, rewritten


class Asked(NamedTuple):
    """A forged request, and the status with which it is refused after the honest size `cosigned`."""

    what: str
    status: int
    do: Callable[[MadeLog, int, Sequence[LogSigner]], bytes]
    law: str = "L6"
    who: Who = Who.KEYS
    by: By = By.WITNESS
    go: str | None = None
    rewrites: bool = False


def ask(old: int, proof: Sequence[bytes], signed: bytes) -> bytes:
    """A request's body."""
    return Request(old, tuple(proof), signed).format()


def fork(log: MadeLog) -> MadeLog:
    """The same log with its second entry changed."""
    return rewritten(log, [log.leaves[0], b"{}", *log.leaves[2:]])


def other_keys(log: MadeLog, size: int, other: Sequence[LogSigner]) -> bytes:
    """This log's checkpoint with another journal's signatures."""
    lines = sign_checkpoint(Checkpoint(other[0].name, size, bytes(32)), other).split(b"\n\n")[1]
    return log.note(size).split(b"\n\n")[0] + b"\n\n" + lines


WITNESSES: tuple[Asked, ...] = (
    Asked("a fork of the size that was cosigned", 422, lambda log, size, _: ask(size, [], fork(log).note(size))),
    Asked(
        "a log written anew that has grown", 422,
        lambda log, size, _: ask(size, log.growth(size, size + 2), fork(log).note(size + 2)),
    ),
    Asked("growth without a proof", 422, lambda log, size, _: ask(size, [], log.note(size + 2))),
    Asked(
        "growth with the proof of another size", 422,
        lambda log, size, _: ask(size, log.growth(size - 1, size + 2), log.note(size + 2)),
    ),
    Asked("a checkpoint below the one that was cosigned", 400, lambda log, size, _: ask(size, [], log.note(size - 1))),
    Asked(
        "an older state of the log, as if the witness were new", 409,
        lambda log, size, _: ask(0, [], log.note(size - 1)),
    ),
    Asked(
        "a checkpoint under another journal's keys", 403,
        lambda log, size, other: ask(size, [], other_keys(log, size, other)), who=Who.DATABASE,
    ),
)  # fmt: skip
