"""What a worker earned on one gig, as the schemes read it: a plain value without the record it came in.

Amounts are minor units of `currency`; seconds and metres are exact (an int, or a Fraction where the platform sent a
fraction). Knows no scheme, no topic and no clock. Source: the event gig.completed.v1 (contracts/events.py); the seam
that builds it is `ledger.intake`.
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


class Gig(NamedTuple):
    """One completed gig. `occurred_at` in epoch seconds, not before 1970; `commission_minor` is what was kept."""

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
