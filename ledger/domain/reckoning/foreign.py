"""Pay in another currency than a scheme's: converted at the rate that was recorded with the gig, or not read at all.

A gig's `rate` says how many units of the money of its place one unit of its own currency is worth. Each amount of the
gig is converted alone, exactly, and rounded once, as the version says; from there on the gig is like any other, so
that what is added to it later, at the same rate, adds up (L9). Without a rate the version does not cover the gig and
says so by a notice: a rate is never guessed, nor looked up. Upholds L10: the rounding names its mode and step.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from ledger.domain.earning import Component
from ledger.domain.money import round_steps
from ledger.domain.period import GIG
from ledger.domain.scheme import Notice

if TYPE_CHECKING:
    from ledger.domain.earning import Exchange, Gig
    from ledger.domain.scheme import Rounding, Version

RATE_MISSING: Final = "rate_missing"


def is_foreign(gig: Gig, version: Version) -> bool:
    """Tell whether a gig was paid in another currency than a version's."""
    return gig.currency != version.currency


def converted(gig: Gig, version: Version) -> Gig:
    """Give a gig in a version's own currency. Raises ValueError where no rate is recorded, or none is taken."""
    exchange, rounding = gig.exchange, version.foreign_pay
    if exchange is None or rounding is None:
        raise ValueError(f"pay in {gig.currency}: expected a recorded rate that {version.scheme} takes, got none")
    unit = 10**version.minor_digits

    def amount(minor: int) -> int:
        return in_place(minor, exchange, rounding, unit)

    return gig._replace(
        currency=version.currency,
        components=tuple(Component(part.kind, amount(part.amount_minor), part.purpose) for part in gig.components),
        commission_minor=amount(gig.commission_minor),
        exchange=None,
    )


def in_place(minor: int, exchange: Exchange, rounding: Rounding, unit: int) -> int:
    """Give an amount (minor units of the gig's currency) in minor units of the other, of which `unit` make one.

    An amount below nothing is rounded as its opposite is.
    """
    steps = Fraction(abs(minor) * exchange.rate, 10**exchange.minor_digits * rounding.step)
    whole = round_steps(steps.numerator, steps.denominator, rounding.mode) * int(rounding.step * unit)
    return whole if minor >= 0 else -whole


def unpriced(version: Version) -> Version:
    """Give what is left of a version for a gig whose pay it cannot read: one notice, and no rule."""
    notice = Notice(
        kind=RATE_MISSING,
        fund="",
        window=GIG,
        pooled=False,
        on="gig",
        when=(),
        amount=None,
        value="gig.currency",
        date=None,
        truth=False,
        cite=version.cite,
    )
    return replace(
        version,
        text=f"{version.text}\nwithout a rate",
        parameters=(),
        measures=(),
        tables=(),
        lines=(),
        rules=(),
        notices=(notice,),
    )
