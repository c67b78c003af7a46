"""The whole answer of a simulation as one value: what every table, file and page is made from.

Nothing here is computed twice: totals stand in the tally, groups in the deciles, what the schemes say in their texts.
Amounts are whole numbers of a unit's smallest part: minor units of money, seconds of hours, days. `shown` writes them
for people and files (L10: exact, never through a float). Holds no pseudonym (L11).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from ledger.domain.money import format_amount
from ledger.domain.period import Span
from ledger.domain.quantity import decimal_places
from ledger.domain.simulation.counting import COUNTS, Purse
from ledger.domain.simulation.deciles import ACCRUED, Decile
from ledger.domain.simulation.figures import Change, Doubt, changes, doubts
from ledger.domain.simulation.tally import ALL, Look, Tally
from ledger.domain.simulation.trial import AFTER, BEFORE, Chosen, Trial, acting_versions

HOURS: Final = "hours"
DAYS: Final = "days"


class Origin(NamedTuple):
    """Where the gigs come from: a file or a ledger, its name, what identifies it, and what of it was left out.

    `refused`: rows that the ledger would refuse; `others`: rows of other platforms than the one asked for.
    """

    kind: str
    name: str
    rows: tuple[tuple[str, str], ...]
    refused: int = 0
    others: int = 0


class Pair(NamedTuple):
    """What one purse holds on either side."""

    purse: Purse
    before: int
    after: int

    @property
    def change(self) -> int:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class Result:
    """A simulation's answer. `days`: from the first to the last gig, in the tried scheme's time zone; `unit`: of what
    the breakdowns speak (the currency, or hours or days where no money is posted); `repeated`: events counted once.
    """

    trial: Trial
    origin: Origin
    days: Span
    unit: str
    tally: Tally
    deciles: tuple[Decile, ...]
    repeated: int

    def pairs(self, look: Look = (ALL, "")) -> list[Pair]:
        """Give what is posted under a look, all units and states, in order."""
        found = self.tally.amounts.items()
        return sorted(Pair(purse, *both) for (own, purse), both in found if own == look and any(both))

    def sums(self, look: Look = (ALL, ""), payer: str | None = None) -> tuple[int, int]:
        """Give (before, after) of what accrues under a look in the breakdowns' unit, of one payer or of all."""
        return sum_up(self.pairs(look), self.unit, payer)

    def payers(self) -> list[str]:
        """Give the kinds of payer of what accrues in the breakdowns' unit, in order."""
        return sorted({p.purse[1] for p in self.pairs() if p.purse[2] == ACCRUED and p.purse[3] == self.unit})

    def keys(self, look: str) -> list[str]:
        """Give what there is to see in one way of looking, in order."""
        seen = {key for way, key in self.tally.counts if way == look}
        return sorted(seen | {key for (way, key), _ in self.tally.amounts if way == look})

    def counts(self, look: Look = (ALL, "")) -> list[int]:
        """Give the counts under a look (places: `counting`)."""
        return self.tally.counts.get(look, [0] * COUNTS)

    @property
    def digits(self) -> int:
        """Decimals of the currency."""
        return self.trial.tried.versions[-1].minor_digits

    def shown(self, amount: int, unit: str | None = None) -> str:
        """Write an amount of a unit (default: the breakdowns') as decimal text: money in the currency, or hours."""
        unit = unit or self.unit
        if unit == HOURS:
            return hours(amount)
        return str(amount) if unit == DAYS else format_amount(amount, self.digits)

    def side(self, side: int) -> Chosen | None:
        """Give what stands on a side."""
        return self.trial.tried if side == AFTER else self.trial.against

    def doubts(self) -> list[tuple[str, Doubt]]:
        """Give what the acting versions of both sides mark as unverified, with the version's label."""
        found = []
        for side in (AFTER, BEFORE):
            chosen = self.side(side)
            for version in acting_versions(chosen, self.days) if chosen else ():
                found += [(f"{version.scheme} {version.id}", doubt) for doubt in doubts(version)]
        return list(dict.fromkeys(found))

    def changes(self) -> list[Change] | None:
        """Give what the tried text says differently from the one in force on the last day; None for another scheme."""
        against, tried = self.trial.against, self.trial.tried
        if against is None or against.scheme != tried.scheme:
            return None
        return changes(against.acting(self.days.last), tried.acting(self.days.last))


def sum_up(pairs: list[Pair], unit: str, payer: str | None = None) -> tuple[int, int]:
    """Give (before, after) of what accrues in a unit, of one payer or of all."""
    chosen = [p for p in pairs if p.purse[2] == ACCRUED and p.purse[3] == unit and payer in (None, p.purse[1])]
    return sum(p.before for p in chosen), sum(p.after for p in chosen)


def unit_of(tally: Tally, currency: str) -> str:
    """Give the unit that the breakdowns speak of: the currency wherever money is posted, else the first other unit."""
    units = {purse[3] for (look, purse) in tally.amounts if look == (ALL, "") and purse[2] == ACCRUED}
    return currency if currency in units or not units else min(units)


def hours(seconds: int) -> str:
    """Write seconds as hours with two decimals, rounded half up."""
    return decimal_places(Fraction(seconds, 3600), 2)
