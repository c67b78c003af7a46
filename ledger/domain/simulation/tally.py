"""Workers added up: sums of whole numbers, so that neither their order nor how they were shared out matters.

A tally counts along four ways of looking (all, platform, zone, month), each by purse. Its size grows with the places
there are, never with gigs. What cannot be added up worker by worker is the ranking: each concerned worker leaves one
`Row`, and rows in order of earnings make the deciles. Upholds L10 (integers), L1 (every way of looking at money has
the same sum: a property test).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple, TypeVar

from ledger.domain.simulation.counting import COUNTS, EARNINGS, NEITHER, WORKERS, Measured, Notice, Place, Purse

ALL: Final = "all"
PLATFORM: Final = "platform"
ZONE: Final = "zone"
MONTH: Final = "month"
LOOKS: Final = (ALL, PLATFORM, ZONE, MONTH)
Key = TypeVar("Key")
Look = tuple[str, str]
"""A way of looking and what is seen: ("platform", "gojek"); ("all", "")."""
_SYNTHETIC: Final = "W-synth-"
_MADE_UP: Final = "W-madeup-"


class Row(NamedTuple):
    """One concerned worker for the ranking; ordered by earnings, then by pseudonym so that ties are fixed."""

    earnings: int
    worker: str
    gigs: int
    amounts: tuple[tuple[Purse, int, int], ...]


class Tally:
    """Sums over workers. `amounts` [before, after] by look and purse, `counts` by look (places: `counting`).

    `gigs`, `workers` count all, `concerned` those with a row, `outside` gigs that neither side covers, `other_currency`
    the gigs of those in another currency. Pseudonyms say which workers are `made_up` (real gigs, of whom is not known)
    and which `synthetic` (their gigs are invented too).
    """

    def __init__(self) -> None:
        self.amounts: dict[tuple[Look, Purse], list[int]] = {}
        self.counts: dict[Look, list[int]] = {}
        self.said: dict[Notice, tuple[int, Fraction]] = {}
        self.gigs = self.workers = self.concerned = self.outside = self.other_currency = 0
        self.made_up = self.synthetic = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def add(self, measured: Measured) -> Row | None:
        """Count a worker once; gives the row for the ranking, None for one whom neither side concerns."""
        self.gigs += measured.gigs
        self.workers += 1
        self.other_currency += measured.other_currency
        self.made_up += measured.worker.startswith(_MADE_UP)
        self.synthetic += measured.worker.startswith(_SYNTHETIC)
        seen: set[Look] = set()
        for place, counts in measured.places.items():
            self.outside += counts[NEITHER]
            for look in _looks(place):
                own = self.counts.setdefault(look, [0] * COUNTS)
                for at in range(WORKERS):
                    own[at] += counts[at]
                seen.add(look)
        amounts: dict[Purse, list[int]] = {}
        for (place, purse), (before, after) in measured.cells.items():
            _add(amounts, purse, before, after)
            for look in _looks(place):
                _add(self.amounts, (look, purse), before, after)
                seen.add(look)
        for look in seen:
            self.counts.setdefault(look, [0] * COUNTS)[WORKERS] += 1
        self._hear(measured.said)
        if not measured.concerned:
            return None
        self.concerned += 1
        rows = tuple((purse, before, after) for purse, (before, after) in sorted(amounts.items()))
        return Row(measured.earnings, measured.worker, measured.gigs, rows)

    def merge(self, other: Tally) -> None:
        """Add the sums of other workers."""
        for key, (before, after) in other.amounts.items():
            _add(self.amounts, key, before, after)
        for look, counts in other.counts.items():
            own = self.counts.setdefault(look, [0] * COUNTS)
            for at, count in enumerate(counts):
                own[at] += count
        self._hear(other.said)
        self.gigs += other.gigs
        self.workers += other.workers
        self.concerned += other.concerned
        self.outside += other.outside
        self.other_currency += other.other_currency
        self.made_up += other.made_up
        self.synthetic += other.synthetic

    @property
    def earnings(self) -> int:
        """What all workers earned, in minor units of the trial's currency."""
        return self.counts.get((ALL, ""), [0] * COUNTS)[EARNINGS]

    def _hear(self, said: dict[Notice, tuple[int, Fraction]]) -> None:
        for notice, (times, amount) in said.items():
            own, total = self.said.get(notice, (0, Fraction(0)))
            self.said[notice] = (own + times, total + amount)


def _looks(place: Place) -> tuple[Look, ...]:
    platform, zone, month = place
    return (ALL, ""), (PLATFORM, platform), (ZONE, zone), (MONTH, month)


def _add(sums: dict[Key, list[int]], key: Key, before: int, after: int) -> None:
    own = sums.get(key)
    if own is None:
        sums[key] = [before, after]
    else:
        own[0] += before
        own[1] += after
