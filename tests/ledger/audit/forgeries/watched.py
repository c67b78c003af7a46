"""What a server shows to somebody who watches it from outside, after it has shown the log as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ledger.log.checkpoint import claimed, sign_checkpoint
from ledger.store.keystore import LogSigner
from tests.ledger.audit.forgeries.exports import cut
from tests.ledger.audit.forgeries.table import By, Who


class Shown(NamedTuple):
    """One way to show a watcher something else; `do` is given the served folder and journal 0's keys.

    `kind` is the contradiction's name, with both checkpoints as its evidence.
    """

    what: str
    kind: str
    do: Callable[[Path, Sequence[LogSigner]], object]
    who: Who = Who.KEYS
    by: By = By.WATCH
    law: str = "L6"
    go: str | None = None
    rewrites: bool = False


def split(folder: Path, signers: Sequence[LogSigner], fewer: int = 0) -> None:
    """Another root of the newest size, or of one below it, is signed."""
    place = folder / "log/0/checkpoint"
    head = claimed(place.read_bytes())
    place.write_bytes(sign_checkpoint(head._replace(size=head.size - fewer, root=bytes(32)), signers))


WATCHED: tuple[Shown, ...] = (
    Shown("a split view: another tree of the size that was seen", "split-view", split),
    Shown("another tree of a smaller size", "fork", lambda folder, signers: split(folder, signers, 1)),
    Shown("the log, set back to an earlier one", "rollback", lambda folder, _: cut(folder / "log/0"), Who.EXPORT),
    Shown(
        "no such journal any more", "gone", lambda folder, _: shutil.rmtree(folder / "log/0"), Who.EXPORT,
    ),
    Shown("the same checkpoint for ever (--stalled-after)", "standing-still", lambda *_: None, Who.STREAM),
)  # fmt: skip
