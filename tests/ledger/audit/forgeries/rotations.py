"""Forgeries of who signs: keys that sign before they may, after they may not, or that no entry names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from tests.ledger.audit.forgeries.table import By, Who
from tests.support.exports import MadeLog, rotated_log

LOG, (FIRST, SECOND, THIRD) = rotated_log()
"""A log whose keys were added, retired and revoked, and its three pairs of keys, first to last."""


class Resigned(NamedTuple):
    """One checkpoint or more of the log by other keys, and the words in which Go's verifier refuses it."""

    what: str
    do: Callable[[MadeLog], MadeLog]
    go_says: str
    law: str = "L6"
    who: Who = Who.EXPORT
    by: By = By.EXPORT
    go: str | None = "L6"
    rewrites: bool = False


def at(size: int, signers: list[Any]) -> Callable[[MadeLog], MadeLog]:
    """The checkpoint of a size is signed by these."""
    return lambda log: replace(log, signed=log.signed | {size: signers})


def unnamed(log: MadeLog) -> MadeLog:
    """The log ends before the act that adds the third pair, which signs its last checkpoint."""
    sizes = [size for size in log.sizes if size <= 9]
    return replace(log, leaves=log.leaves[:9], sizes=sizes, signers=THIRD, signed=log.signed | {9: THIRD})


ROTATIONS: tuple[Resigned, ...] = (
    Resigned("a key is added and does not sign", at(6, FIRST[:1]), "size 6: expected the keys that vouch"),
    Resigned(
        "a rotation is undone: the retired keys alone sign", at(8, FIRST),
        "size 8: expected signatures of keys that sign",
    ),
    Resigned("a revoked key signs on", at(12, SECOND), "size 12: expected signatures of keys that sign"),
    Resigned("a key that no entry names signs", unnamed, "entry 0: expected to name the verifier keys"),
    Resigned("a key signs too before it is added", at(5, FIRST + SECOND), "size 5: expected signatures of keys that"),
    Resigned("a retired key signs on beside its heirs", at(8, SECOND + FIRST), "size 8: expected signatures of keys"),
    Resigned("a revoked key signs on beside its heirs", at(12, THIRD + SECOND), "size 12: expected signatures of keys"),
)  # fmt: skip
