"""Workers in ten groups of equal size by what they earned, the lowest first, and what changes for each group.

The ranks are exact: rows must come in order of (earnings, pseudonym), and rank r of n lies in group r*10 // n. Groups
differ in size by one at most. Needs the number of workers before the first row, and remembers none of them. Whole minor
units throughout (L10); averages are left to whoever shows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.ids import WORKER
from ledger.domain.simulation.counting import Purse
from ledger.domain.simulation.tally import Row

GROUPS: Final = 10
ACCRUED: Final = "accrued"


@dataclass
class Moved:
    """How many workers have more, less or the same of something after than before."""

    more: int = 0
    less: int = 0
    same: int = 0

    def count(self, before: int, after: int) -> None:
        """Count one worker."""
        if after > before:
            self.more += 1
        elif after < before:
            self.less += 1
        else:
            self.same += 1


@dataclass
class Decile:
    """One group. Earnings in minor units; `amounts` [before, after] by purse.

    `credited`: what comes into the worker's funds from all payers; `paid`: what the worker pays of it.
    """

    number: int
    workers: int = 0
    gigs: int = 0
    earnings: int = 0
    earnings_from: int = 0
    earnings_to: int = 0
    amounts: dict[Purse, list[int]] = field(default_factory=dict)
    credited: Moved = field(default_factory=Moved)
    paid: Moved = field(default_factory=Moved)


def deciles(rows: Iterable[Row], workers: int, unit: str) -> list[Decile]:
    """Give the groups that have workers, lowest earnings first; `workers` is how many rows come, `unit` what moves.

    Raises ValueError when rows come out of order, or not as many as said.
    """
    groups = [Decile(number) for number in range(1, GROUPS + 1)]
    rank, last = 0, None
    for row in rows:
        if last is not None and row[:2] <= last:
            raise ValueError(f"ranking: expected workers in order of earnings, got one out of order at {rank}")
        if rank >= workers:
            raise ValueError(f"ranking: expected {workers} workers, got more")
        _take(groups[rank * GROUPS // workers], row, unit)
        last = row[:2]
        rank += 1
    if rank != workers:
        raise ValueError(f"ranking: expected {workers} workers, got {rank}")
    return [group for group in groups if group.workers]


def _take(group: Decile, row: Row, unit: str) -> None:
    group.earnings_from = min(group.earnings_from, row.earnings) if group.workers else row.earnings
    group.earnings_to = max(group.earnings_to, row.earnings) if group.workers else row.earnings
    group.workers += 1
    group.gigs += row.gigs
    group.earnings += row.earnings
    credited, paid = [0, 0], [0, 0]
    for purse, before, after in row.amounts:
        own = group.amounts.setdefault(purse, [0, 0])
        own[0] += before
        own[1] += after
        _, payer, state, of_unit = purse
        if state == ACCRUED and of_unit == unit:
            credited[0] += before
            credited[1] += after
            if payer == WORKER:
                paid[0] += before
                paid[1] += after
    group.credited.count(*credited)
    group.paid.count(*paid)
