"""What a worker earned on one gig, as the schemes read it: a plain value without the record it came in.

Amounts are minor units of `currency`; seconds and metres are exact (an int, or a Fraction where the platform sent a
fraction). A gig may be added to later (tips, refunds): it then is a chain. Knows no scheme, no topic and no clock.
Source: the events gig.completed.v1 and gig.adjusted.v1 (contracts/events.py); the seam is `ledger.intake`.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import NamedTuple


class Component(NamedTuple):
    """One part of the pay: `kind` such as fare or tip; a purpose only where the platform gave one."""

    kind: str
    amount_minor: int
    purpose: str | None


class Segment(NamedTuple):
    """A stretch of the gig in one zone."""

    zone: str | None
    engaged_seconds: Fraction | int
    distance_m: Fraction | int


class Exchange(NamedTuple):
    """The rate recorded with a gig paid in another currency than its place's, exact: how many units of the place's
    money one unit of the gig's is worth. `day`: the day whose rate it is; `minor_digits`: of the gig's own currency.
    """

    rate: Fraction
    day: date
    minor_digits: int


class Gig(NamedTuple):
    """One completed gig. `occurred_at` in epoch seconds, not before 1970; `commission_minor` is what was kept.

    `payment_due_on` None: the local day of `occurred_at` in the scheme's time zone.
    """

    worker: str
    platform: str
    service: str
    vehicle: str | None
    zone: str | None
    currency: str
    components: tuple[Component, ...]
    commission_minor: int
    engaged_seconds: Fraction | int
    distance_m: Fraction | int
    segments: tuple[Segment, ...]
    occurred_at: int
    payment_due_on: date | None
    exchange: Exchange | None = None


class Adjustment(NamedTuple):
    """What is added to an earlier gig: components in its currency, negative where something is taken away."""

    components: tuple[Component, ...]
    occurred_at: int
    payment_due_on: date | None


def adjusted(gig: Gig, adjustments: tuple[Adjustment, ...]) -> Gig:
    """Give a gig with everything that was added to it."""
    if not adjustments:
        return gig
    added = tuple(part for adjustment in adjustments for part in adjustment.components)
    return gig._replace(components=gig.components + added)


def addition(gig: Gig, adjustment: Adjustment) -> Gig:
    """Give what an adjustment adds as a gig of its own without time, distance or commission: for what counts by the
    day on which pay falls due.
    """
    return gig._replace(
        components=adjustment.components,
        commission_minor=0,
        engaged_seconds=0,
        distance_m=0,
        segments=(),
        occurred_at=gig.occurred_at if adjustment.payment_due_on is not None else adjustment.occurred_at,
        payment_due_on=adjustment.payment_due_on,
    )
