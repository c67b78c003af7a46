"""Corrections of gigs as they come in: `gig.adjusted` and `gig.reversed`, refused in the same order as gigs.

Off the hot path: the record is always read strictly. An adjustment that names no currency is in its gig's, which only
the journal knows: `adjusted_amounts` is asked once the gig was found. Its components may be of any kind and either
sign: what is taken away is a negative amount of the kind that it was.

Must not know: whether there is such a gig. Source: SPEC section 3.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import msgspec
from msgspec import UNSET

from contracts import canonical, events, forms
from contracts.events import Event, GigAdjusted
from contracts.explain import misfit, problem_of
from contracts.refusing import (
    MINOR_LIMIT,
    Record,
    Refused,
    accepted,
    check_converted,
    check_key,
    check_near,
    check_partition,
    check_source,
    check_time,
    exponent_of,
    known_type,
    minor_of,
    refuse_amount,
    strict,
)
from contracts.rejections import Code

_DECODERS: Final = {name: msgspec.json.Decoder(model) for name, model in events.GIG_EVENTS.items()}
_open_adjustment = msgspec.json.Decoder(GigAdjusted).decode


def correction(record: Record, value: bytes, platform: str, partitions: int) -> Event:
    """The adjustment or reversal in a record of a platform's topic that holds no completed gig. Raises Refused."""
    tree = strict(value)
    decoder = _DECODERS[known_type(tree, events.GIG_EVENTS)]
    try:
        event = decoder.decode(value)
    except (ValueError, RecursionError) as error:
        raise Refused(Code.SCHEMA_VIOLATION, problem_of(error)) from error
    if problem := misfit(event):
        raise Refused(Code.SCHEMA_VIOLATION, problem)
    check_source(event.source, platform)
    check_key(record, event.subject)
    check_partition(record, event.subject, partitions)
    data = event.data
    minor: tuple[int, ...] = ()
    if isinstance(data, GigAdjusted) and data.currency is not UNSET:
        minor = _minor(data, exponent_of(data.currency))
    occurred_at = forms.parse_instant(event.time)
    check_time(occurred_at, record)
    if isinstance(data, GigAdjusted) and data.payment_due_on is not UNSET:
        check_near("payment_due_on", data.payment_due_on, occurred_at)
    return accepted(event, occurred_at, canonical.encode(tree["data"]), minor)


def adjusted_amounts(data: GigAdjusted, currency: str, rate: Fraction | None = None) -> tuple[int, ...]:
    """The components' amounts of an adjustment in minor units of its gig's currency; `rate`: the gig's, if any.

    Raises ValueError for amounts that this currency can't hold, or not at this rate; the message is a detail.
    """
    try:
        minor = _minor(data, exponent_of(currency))
        if rate is not None:
            check_converted(sum(map(abs, minor)), exponent_of(currency), rate)
        return minor
    except Refused as refused:
        raise ValueError(refused.detail) from refused


def stored_adjustment(data_json: bytes, currency: str) -> tuple[GigAdjusted, tuple[int, ...]]:
    """An adjustment's data as an entry keeps them, and the components' amounts in minor units of the gig's currency.

    Raises ValueError for data that `decode` would not have accepted.
    """
    data = _open_adjustment(data_json)
    if problem := misfit(data):
        raise ValueError(problem)
    return data, adjusted_amounts(data, currency)


def _minor(data: GigAdjusted, exponent: int) -> tuple[int, ...]:
    minor = tuple(minor_of(component.amount, exponent) for component in data.components)
    if sum(map(abs, minor)) >= MINOR_LIMIT:
        refuse_amount("at most 15 digits in minor units, all together", "more")
    return minor
