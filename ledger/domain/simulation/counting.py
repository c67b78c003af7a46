"""What becomes of one worker, counted: where, into what, how much on each side, and what was said.

A posting is counted in the month in which its window lies; of a window longer than a month, in the month of the fact
that caused it. It lies on the platform it names, else on the fact's, in the zone of the fact. Whole minor units (L10);
a worker as payer is counted by kind, so that no pseudonym enters a cell (L11). Knows no engine.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ledger.domain.earning import Gig
from ledger.domain.ids import payer_kind
from ledger.domain.notices import Said
from ledger.domain.period import BLOCK_SECONDS, block_day, local_day, parse_period
from ledger.domain.posting import Contribution, Outcome
from ledger.domain.simulation.trial import AFTER, BEFORE

GIGS, BEFORE_COVERED, AFTER_COVERED, NEITHER, EARNINGS, WORKERS = range(6)
"""Places in the counts of a place: gigs, those either side covers, those none does, earnings (minor units), workers."""
COUNTS: Final = 6

Place = tuple[str, str, str]
"""Platform, zone ("" for a gig without one), month (2026-03)."""
Purse = tuple[str, str, str, str]
"""Fund, kind of payer, state (accrued, ...), unit (a currency, hours, days)."""
Notice = tuple[int, str, str]
"""Side, kind, value: true, false or a name; "" where it says none, or a figure."""


class Measured(NamedTuple):
    """What became of one worker: cells [before, after] by place and purse, counts by place, notices.

    `earnings`: all components less commission, minor units, of gigs in the trial's currency. `other_currency`: gigs
    in another one. `concerned`: some gig was covered, or something was posted. `said`: how often each notice was
    given, and the sum of the amounts it named, exact, in the currency's unit.
    """

    worker: str
    gigs: int
    earnings: int
    other_currency: int
    concerned: bool
    cells: dict[tuple[Place, Purse], list[int]]
    places: dict[Place, list[int]]
    said: dict[Notice, tuple[int, Fraction]]


class Counting:
    """The counts of one worker under way."""

    def __init__(self, worker: str, currency: str) -> None:
        self._worker, self._currency = worker, currency
        self._gigs = self._earnings = self._other = 0
        self._cells: dict[tuple[Place, Purse], list[int]] = {}
        self._places: dict[Place, list[int]] = {}
        self._said: dict[Notice, tuple[int, Fraction]] = {}
        self._latest: dict[tuple[int, str, str, str, str], tuple[str, Fraction]] = {}

    def gig(self, gig: Gig, place: Place, covered: list[bool], sign: int = 1) -> None:
        """Count a gig, or (sign -1) take one out again as it was counted."""
        counts = self._places.get(place)
        if counts is None:
            counts = self._places[place] = [0] * COUNTS
        self._gigs += sign
        counts[GIGS] += sign
        if covered[BEFORE]:
            counts[BEFORE_COVERED] += sign
        if covered[AFTER]:
            counts[AFTER_COVERED] += sign
        elif not covered[BEFORE]:
            counts[NEITHER] += sign
        if gig.currency == self._currency:
            earned = sign * (sum([component.amount_minor for component in gig.components]) - gig.commission_minor)
            self._earnings += earned
            counts[EARNINGS] += earned
        else:
            self._other += sign

    def outcome(self, side: int, outcome: Outcome, place: Place) -> None:
        """Count what a fact posted and said."""
        for posting in outcome.contributions:
            key = (_where(posting, place), (posting.fund, payer_kind(posting.payer), posting.state, posting.unit))
            cell = self._cells.get(key)
            if cell is None:
                cell = self._cells[key] = [0, 0]
            cell[side] += posting.amount
        for said in outcome.said:
            self._hear(side, said)

    def measured(self) -> Measured:
        """Give what became of the worker so far."""
        concerned = bool(self._cells) or any(c[BEFORE_COVERED] or c[AFTER_COVERED] for c in self._places.values())
        said = dict(self._said)
        for (side, kind, *_), (value, amount) in self._latest.items():
            _hear(said, (side, kind, value), amount)
        return Measured(
            self._worker, self._gigs, self._earnings, self._other, concerned, self._cells, self._places, said
        )

    def dump(self) -> list[Any]:
        """Give the counts as texts, integers and lists; inverse of `load`."""
        return [
            [self._gigs, self._earnings, self._other],
            [[*place, *purse, *pair] for (place, purse), pair in self._cells.items()],
            [[*place, *counts] for place, counts in self._places.items()],
            [[*notice, times, str(total)] for notice, (times, total) in self._said.items()],
            [[*which, value, str(amount)] for which, (value, amount) in self._latest.items()],
        ]

    def load(self, dumped: list[Any]) -> None:
        """Take up the counts that were dumped."""
        (self._gigs, self._earnings, self._other), cells, places, said, latest = dumped
        self._cells = {((a, b, c), (d, e, f, g)): [before, after] for a, b, c, d, e, f, g, before, after in cells}
        self._places = {(a, b, c): counts for a, b, c, *counts in places}
        self._said = {(side, kind, value): (times, Fraction(total)) for side, kind, value, times, total in said}
        self._latest = {(a, b, c, d, e): (value, Fraction(amount)) for a, b, c, d, e, value, amount in latest}

    def _hear(self, side: int, said: Said) -> None:
        value = str(said.value).lower() if said.value is not None and not _is_figure(said.value) else ""
        amount = said.amount if said.amount is not None else Fraction(0)
        if _is_day(said.window):
            # of one gig: each counts
            _hear(self._said, (side, said.kind, value), amount)
        else:
            # of a window: what is said last holds; of the same kind, one for each name (a parameter, a table)
            named = value if said.kind in _BY_NAME else ""
            self._latest[side, said.kind, said.window, said.platform, f"{said.fund} {named}"] = (value, amount)


def month_at(time_zone: str, instant: int) -> str:
    """Give the local month (2026-03) of an instant in epoch seconds."""
    return _block_month(time_zone, instant // BLOCK_SECONDS) or month_of(local_day(time_zone, instant))


def month_of(day: date) -> str:
    """Give the month (2026-03) of a day."""
    return f"{day.year:04}-{day.month:02}"


_BY_NAME: Final = ("parameter_unset", "not_published")


def _where(posting: Contribution, place: Place) -> Place:
    platform, zone, caused = place
    month = _window_month(posting.window) or caused
    own = posting.platform or platform
    return place if month == caused and own == platform else (own, zone, month)


def _hear(sums: dict[Notice, tuple[int, Fraction]], notice: Notice, amount: Fraction) -> None:
    times, total = sums.get(notice, (0, Fraction(0)))
    sums[notice] = (times + 1, total + amount)


def _is_day(window: str) -> bool:
    return len(window) == 10 and window[4] == window[7] == "-"


def _is_figure(value: str | bool) -> bool:
    return isinstance(value, str) and not value.replace("_", "").replace(".", "").replace("-", "").isalpha()


@lru_cache(maxsize=65_536)
def _block_month(time_zone: str, block: int) -> str | None:
    day = block_day(time_zone, block)
    return None if day is None else month_of(day)


@lru_cache(maxsize=65_536)
def _window_month(window: str) -> str | None:
    """Give the month in which a window lies, or None for one that lies in several."""
    first, last = parse_period(window)
    return month_of(first) if (first.year, first.month) == (last.year, last.month) else None
