"""Findings: what an audit says when a law does not hold, each with the law's number and the place.

A finding is a value and never an exception: an audit goes on after the first, and the first by index is the one to
look at, since what follows may be its consequence. A detail reads `what: expected X, got Y`; it may hold sums of money
and hashes, never a secret and no worker's pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LAWS: Final[dict[str, str]] = {
    "L1": "balance: legs and balances add up",
    "L2": "append-only: no entry changes or goes",
    "L3": "once: one event acts once",
    "L4": "determinism: the same records give the same bytes",
    "L5": "density: leaf n is row n, without gaps",
    "L6": "growth: checkpoints only grow, and each contains the earlier ones",
    "L7": "durable before signed: what was signed is there",
    "L10": "exact money: integers below 2^53",
    "L12": "nothing silently dropped: the counts add up to the offsets",
}
"""The laws that stored data can show to be broken, and what each says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One law that does not hold: `index` is the entry concerned, None where it is no single entry."""

    law: str
    journal: int
    index: int | None
    detail: str

    def __str__(self) -> str:
        where = f"journal {self.journal}" if self.index is None else f"journal {self.journal} entry {self.index}"
        return f"{self.law} {where}: {self.detail}"


class Findings:
    """Collects the findings of one journal, in the end ordered by index; at most `limit` of them are kept.

    `place` orders a finding that concerns no single entry among the others.
    """

    def __init__(self, journal: int, limit: int = 1000) -> None:
        self.journal = journal
        self.limit = limit
        self.unlisted = 0
        self.warnings: list[str] = []
        """What an auditor should know and what breaks no law."""
        self.doubted: set[str] = set()
        """Where checkpoints were found that prove nothing, so that neither does what else was found there."""
        self._found: list[tuple[int, Finding]] = []

    def add(self, law: str, index: int | None, detail: str, place: int = 0) -> None:
        """Take down that a law of LAWS does not hold at an entry, or, without index, somewhere before `place`."""
        if len(self._found) < self.limit:
            self._found.append((place if index is None else index, Finding(law, self.journal, index, detail)))
        else:
            self.unlisted += 1

    def doubt(self, where: str, text: str) -> None:
        """Take down that a checkpoint found there proves nothing, which breaks no law; at most `limit` are kept."""
        self.doubted.add(where)
        if len(self.warnings) < self.limit:
            self.warnings.append(text)

    def first_within(self, start: int, end: int) -> int | None:
        """Give the smallest index start <= i < end that has a finding, if any."""
        indexes = [f.index for _, f in self._found if f.index is not None and start <= f.index < end]
        return min(indexes, default=None)

    def ordered(self) -> list[Finding]:
        """Give what was found, by place; what was found first comes first at the same place."""
        return [finding for _, finding in sorted(self._found, key=lambda pair: pair[0])]
