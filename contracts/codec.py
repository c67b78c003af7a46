"""Record bytes to an event or a rejection: the only place where outside JSON is opened.

`decode` tests in the order of `rejections.Code`, so that two faults always give the earlier code, and never raises
for bad input (upholds L4, L12). A well-formed gig walks one short path: size, typed decoding, form of each text
through memos, then source, key, partition, currency, amounts, times. Whatever looks odd on the way (an escape, an
extension member, a name that may come twice) is parsed a second time by the strict I-JSON reader, which decides what
is malformed; explanations of refusals are made on that slower path too. Nothing here depends on a clock, on the
interpreter's stack or on what was seen before.

Must not know: journals, whether an event was seen before. Sources: SPEC section 3; RFC 7493 (I-JSON); RFC 8785.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NoReturn

import msgspec
from msgspec import UNSET

from contracts import events, forms
from contracts.acts import operator_event, stored_remittance
from contracts.corrections import adjusted_amounts, correction, stored_adjustment
from contracts.currencies import EXPONENTS
from contracts.events import Event, GigCompleted, GigCompletedEvent
from contracts.explain import misfit
from contracts.fields import NEGATIVE_KINDS
from contracts.refusing import (
    CONTROL_BYTES_MAX,
    DAYS_APART_MAX,
    GIG_BYTES_MAX,
    MINOR_LIMIT,
    SCALES,
    TIME_AHEAD_SECONDS_MAX,
    TIME_MIN,
    Gate,
    Record,
    Refused,
    check_converted,
    check_source,
    refuse_amount,
    refuse_currency,
    refuse_key,
    refuse_partition,
    refuse_time,
    strict,
)
from contracts.rejections import Code, Rejection, shown
from contracts.topics import positive_hash

__all__ = [
    "CONTROL_BYTES_MAX",
    "GIG_BYTES_MAX",
    "Gate",
    "Record",
    "adjusted_amounts",
    "decode",
    "read_gig",
    "stored_adjustment",
    "stored_gig",
    "stored_remittance",
]

ENVELOPE_QUOTES: Final = 26
"""Quotation marks of an envelope with the seven standard members, data's own apart: 7 names and 6 texts."""


def decode(record: Record, gate: Gate) -> Event | Rejection:
    """The event a record holds, or why it is refused, in the order of `Code`. Never raises for bad input.

    The gate must be the one of the record's topic. The operator's acts are exempt from the partitioner: they are
    placed explicitly.
    """
    try:
        if gate.platform is None:
            return operator_event(record, gate.partitions)
        return _gig(record, gate.platform, gate.partitions)
    except Refused as refused:
        return _rejection(record, gate, refused)


# --- gigs: the hot path ------------------------------------------------------------

_open_gig = msgspec.json.Decoder(GigCompletedEvent).decode
_encode = msgspec.json.Encoder().encode

_word = forms.WORD.memo.__getitem__
_zone = forms.ZONE.memo.__getitem__
_currency = forms.CURRENCY.memo.__getitem__
_amount = forms.AMOUNT.memo.__getitem__
_quantity = forms.QUANTITY.memo.__getitem__
_rate = forms.RATE.memo.__getitem__
_day = forms.DATE.memo.__getitem__
_fund = forms.FUND.memo.__getitem__
_scheme = forms.SCHEME.memo.__getitem__
_worker = forms.WORKER.memo.__getitem__
_event_id = forms.EVENT_ID.read
_instant = forms.parse_instant


def _gig(record: Record, platform: str, partitions: int) -> Event:
    value = record.value
    if value is None:
        raise Refused(Code.MALFORMED, "value: expected a JSON object, got null")
    if len(value) > GIG_BYTES_MAX:
        raise Refused(Code.TOO_LARGE, f"value: expected at most {GIG_BYTES_MAX} bytes, got {len(value)}")
    try:
        event = _open_gig(value)
    except (ValueError, RecursionError):
        return correction(record, value, platform, partitions)
    data = event.data
    data_json = _encode(data)
    # Without escapes each quotation mark delimits a name or a text. Equal counts then mean seven members in the
    # envelope and none twice, there or in data: the decoder would drop a second one, and its marks with it.
    if value.count(b'"') != ENVELOPE_QUOTES + data_json.count(b'"') or b"\\" in value:
        strict(value)
    try:
        _event_id(event.id)
        subject = _worker(event.subject)
        occurred_at = _instant(event.time)
        amounts, commission, accepted_at = _check_forms(data)
    except forms.FormError:
        _refuse_misfit(event)
    source = event.source
    if source != "urn:iuran:platform:" + platform:
        check_source(source, platform)
    key = record.key
    if key is None or key != subject.encode():
        refuse_key(key)
    if positive_hash(key) % partitions != record.partition:
        refuse_partition(positive_hash(key) % partitions, record.partition)
    exponent = EXPONENTS.get(data.currency)
    if exponent is None:
        refuse_currency(data.currency)
    amounts_minor, commission_minor = _minor(data, amounts, commission, exponent)
    _check_times(data, occurred_at, accepted_at, record.timestamp_ms)
    return Event(
        event.type,
        source,
        event.id,
        subject,
        event.time,
        occurred_at,
        data,
        data_json,
        amounts_minor,
        commission_minor,
    )


def _check_forms(data: GigCompleted) -> tuple[list[tuple[int, int]], tuple[int, int], int | None]:
    """(coefficient, places) of each component's amount and of the commission, and `accepted_at` in epoch seconds.

    Raises FormError where a text does not have its form.
    """
    _word(data.service)
    _currency(data.currency)
    amounts = []
    for component in data.components:
        amounts.append(_amount(component.amount))
        _word(component.kind)
        if component.purpose is not UNSET:
            _word(component.purpose)
    commission = (0, 0) if data.commission is UNSET else _amount(data.commission)
    if data.vehicle is not UNSET:
        _word(data.vehicle)
    if data.zone is not UNSET:
        _zone(data.zone)
    if isinstance(data.engaged_seconds, str):
        _quantity(data.engaged_seconds)
    if isinstance(data.distance_m, str):
        _quantity(data.distance_m)
    accepted_at = None if data.accepted_at is UNSET else _instant(data.accepted_at)
    if data.payment_due_on is not UNSET:
        _day(data.payment_due_on)
    if data.declared is not UNSET:
        for declared in data.declared:
            _amount(declared.amount)
            _fund(declared.fund)
            _scheme(declared.scheme)
    if data.rate is not UNSET or data.rate_date is not UNSET:
        _check_rate(data)
    if data.segments is not UNSET:
        for segment in data.segments:
            _zone(segment.zone)
            for quantity in (segment.engaged_seconds, segment.distance_m):
                if isinstance(quantity, str):
                    _quantity(quantity)
    return amounts, commission, accepted_at


def _check_rate(data: GigCompleted) -> None:
    if data.rate is UNSET or data.rate_date is UNSET:
        raise Refused(Code.SCHEMA_VIOLATION, "data: expected rate and rate_date together, got one without the other")
    _rate(data.rate)
    _day(data.rate_date)


def _minor(
    data: GigCompleted, amounts: list[tuple[int, int]], commission: tuple[int, int], exponent: int
) -> tuple[tuple[int, ...], int]:
    """Each component's amount, and the commission, in minor units. Refuses those too fine, too great, wrongly negative.

    The limit of 15 digits holds for the sum of a gig's amounts too, so that no figure made of them leaves the exact
    range.
    """
    minor = []
    total = 0
    for component, (coefficient, places) in zip(data.components, amounts, strict=True):
        if places > exponent:
            refuse_amount(f"at most {exponent} decimals", f"{places}")
        amount = coefficient * SCALES[exponent - places]
        if amount < 0:
            if component.kind not in NEGATIVE_KINDS:
                refuse_amount(f"0 or more for the kind {component.kind}", "a negative amount")
            total -= amount
        else:
            total += amount
        minor.append(amount)
    coefficient, places = commission
    if places > exponent or coefficient < 0:
        refuse_amount(f"a commission of 0 or more with at most {exponent} decimals", "another")
    charged = coefficient * SCALES[exponent - places]
    if total >= MINOR_LIMIT or charged >= MINOR_LIMIT:
        refuse_amount("at most 15 digits in minor units, all together", "more")
    if data.declared is not UNSET:
        for declared in data.declared:
            coefficient, places = _amount(declared.amount)
            if places > exponent or not 0 <= coefficient * SCALES[exponent - places] < MINOR_LIMIT:
                refuse_amount(f"a declared amount of 0 or more, at most {exponent} decimals, 15 digits", "another")
    if data.rate is not UNSET:
        check_converted(max(total, charged), exponent, Fraction(data.rate))
    return tuple(minor), charged


def _check_times(data: GigCompleted, occurred_at: int, accepted_at: int | None, timestamp_ms: int) -> None:
    """Refuses a time or acceptance outside 2000-01-01 .. 24 h after receipt, and dates two years away from the gig."""
    latest = timestamp_ms // 1000 + TIME_AHEAD_SECONDS_MAX
    if not TIME_MIN <= occurred_at <= latest:
        refuse_time("time: expected 2000-01-01 to 24 h after receipt, got a time outside")
    if accepted_at is not None and not TIME_MIN <= accepted_at <= latest:
        refuse_time("data.accepted_at: expected 2000-01-01 to 24 h after receipt, got a time outside")
    for day in (data.payment_due_on, data.rate_date):
        if day is not UNSET and abs(_day(day) - occurred_at // forms.SECONDS_PER_DAY) > DAYS_APART_MAX:
            refuse_time(
                f"data: expected payment_due_on and rate_date within {DAYS_APART_MAX} days of time, got one outside"
            )


# --- faults: the slow path ------------------------------------------------------------


def _refuse_misfit(event: GigCompletedEvent) -> NoReturn:
    raise Refused(Code.SCHEMA_VIOLATION, misfit(event) or "value: expected texts of the published forms, got another")


def _rejection(record: Record, gate: Gate, refused: Refused) -> Rejection:
    """The refusal as a value; it names (source, id) if the source is the topic's own and the id well formed."""
    if refused.code in (Code.TOO_LARGE, Code.MALFORMED) or record.value is None:
        return Rejection(refused.code, refused.detail)
    tree = strict(record.value)
    source, event_id = tree.get("source"), tree.get("id")
    own = events.OPERATOR_SOURCE if gate.platform is None else "urn:iuran:platform:" + gate.platform
    if source != own or not isinstance(event_id, str) or not forms.EVENT_ID.fits(event_id):
        return Rejection(refused.code, refused.detail)
    return Rejection(refused.code, refused.detail, own, event_id)


# --- what was accepted before ------------------------------------------------------------

_open_data = msgspec.json.Decoder(GigCompleted).decode


def read_gig(data_json: bytes) -> tuple[GigCompleted, tuple[int, ...], int]:
    """What `stored_gig` gives, of an entry that was accepted, for whoever reads many: words are not looked at again.

    Raises ValueError for data that has no gig's members, or amounts that its currency can't hold.
    """
    data = _open_data(data_json)
    exponent = EXPONENTS.get(data.currency, -1)
    minor = tuple([_read_minor("amount", component.amount, exponent) for component in data.components])
    charged = 0 if data.commission is UNSET else _read_minor("commission", data.commission, exponent)
    return data, minor, charged


def _read_minor(what: str, amount: str, exponent: int) -> int:
    coefficient, places = _amount(amount)
    if places > exponent:
        raise ValueError(f"data {what}: expected at most {exponent} decimals, got {places}")
    minor: int = coefficient * SCALES[exponent - places]
    return minor


def stored_gig(data_json: bytes) -> tuple[GigCompleted, tuple[int, ...], int]:
    """A gig's data as an entry keeps them: the struct, the components' amounts and the commission in minor units.

    Raises ValueError for data that `decode` would not have accepted.
    """
    data = _open_data(data_json)
    exponent = EXPONENTS.get(data.currency)
    if exponent is None:
        raise ValueError(f"data.currency: expected an ISO 4217 code, got {shown(data.currency)}")
    try:
        amounts, commission, _ = _check_forms(data)
        amounts_minor, commission_minor = _minor(data, amounts, commission, exponent)
    except Refused as refused:
        raise ValueError(refused.detail) from refused
    return data, amounts_minor, commission_minor
