"""The seam between what the world says and what the law of contributions reads: an event becomes a gig.

Floor 2: knows contracts and domain, so that neither knows the other. The same function reads a fresh event and one
kept in an entry, so that what was accrued can be accrued again, bit for bit (L4).
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from contracts import forms
from contracts.codec import stored_gig
from contracts.entry import Kind, StoredEvent
from ledger.domain.accrual import Contribution
from ledger.domain.earning import Component, Gig, Segment
from ledger.domain.quantity import exact
from ledger.domain.scheme import parse
from ledger.errors import InvariantError

if TYPE_CHECKING:
    from msgspec import UnsetType

    from contracts.entry import Entry
    from contracts.events import GigCompleted
    from ledger.domain.scheme import Version

_PLATFORM_SOURCE = "urn:iuran:platform:"


def gig_of(
    source: str, subject: str, occurred_at: int, data: GigCompleted, amounts: tuple[int, ...], commission_minor: int
) -> Gig:
    """Give the gig of an accepted `gig.completed`: amounts in minor units, `occurred_at` in epoch seconds."""
    components = tuple(
        Component(c.kind, amount, None if c.purpose is UNSET else c.purpose)
        for c, amount in zip(data.components, amounts, strict=True)
    )
    segments = data.segments
    return Gig(
        subject,
        source[len(_PLATFORM_SOURCE) :],
        data.service,
        None if data.vehicle is UNSET else data.vehicle,
        None if data.zone is UNSET else data.zone,
        data.currency,
        components,
        commission_minor,
        _exact(data.engaged_seconds),
        _exact(data.distance_m),
        ()
        if segments is UNSET
        else tuple(Segment(s.zone, _exact(s.engaged_seconds), _exact(s.distance_m)) for s in segments),
        occurred_at,
        None if data.payment_due_on is UNSET else _day(data.payment_due_on),
    )


def gig_of_entry(entry: Entry) -> Gig:
    """Give the gig that an accrual entry keeps. Raises InvariantError (L4) when its event would not be accepted."""
    event = entry.event
    source = entry.cause.source
    if not isinstance(event, StoredEvent) or not isinstance(source, str):
        raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: expected a gig, got none")
    try:
        data, amounts, commission = stored_gig(bytes(event.data))
        return gig_of(source, event.subject, forms.parse_instant(event.time), data, amounts, commission)
    except ValueError as error:
        raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: {error}") from error


def version_of_entry(entry: Entry) -> Version | None:
    """Give the scheme version that an act enacted; None for an entry of another kind.

    Raises ValueError when its text is no scheme, which an accepted act's text is.
    """
    if entry.kind != Kind.SCHEME or not isinstance(entry.event, StoredEvent):
        return None
    act = msgspec.json.decode(entry.event.data)
    return parse(act["text"], f"{act['scheme']} {act['version']}")


def contributions_of(entry: Entry) -> list[Contribution]:
    """Give an accrual entry's postings as they were written."""
    rows = entry.contributions
    if rows is UNSET:
        return []
    return [Contribution(c.scheme, c.version, c.fund, c.payer, c.window, c.amount, c.unit) for c in rows]


def _exact(quantity: int | str | UnsetType) -> Fraction | int:
    return 0 if quantity is UNSET else exact(quantity)


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)
