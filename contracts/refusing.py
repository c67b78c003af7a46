"""What all readers of records share: the record, the first fault found, and the checks in the words of their codes.

A check raises `Refused` with its code; the reader that called leaves there, and `codec.decode` turns it into a
rejection. The order of the checks is the caller's, and follows `rejections.Code`. Details say `what: expected X, got
Y` and repeat nothing that a person sent (L11). Upholds L4: no clock but the record's own time.

Must not know: what any one type of event says. Source: SPEC section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, NamedTuple, NoReturn

from contracts import events, forms, ijson
from contracts.currencies import EXPONENTS
from contracts.events import Event
from contracts.rejections import Code, shown
from contracts.topics import positive_hash

GIG_BYTES_MAX: Final = 16 * 1024
CONTROL_BYTES_MAX: Final = 48 * 1024
MINOR_LIMIT: Final = 10**15
TIME_MIN: Final = 946_684_800
"""2000-01-01T00:00:00Z in epoch seconds."""
TIME_AHEAD_SECONDS_MAX: Final = 86_400
DAYS_APART_MAX: Final = 731
"""How far a payment or rate date may lie from the gig: two years."""
CONVERTED_LIMIT: Final = 10**11
"""What a gig's amounts may come to at its recorded rate, in units: 15 digits even in a currency of four decimals."""
SCALES: Final = tuple(10**places for places in range(5))

_amount = forms.AMOUNT.memo.__getitem__
_day = forms.DATE.memo.__getitem__


class Record(NamedTuple):
    """One Kafka record as fetched; `timestamp_ms` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Gate(NamedTuple):
    """What the transport says about a topic: the platform that may write it (None: the operator), and all journals."""

    platform: str | None
    partitions: int


class Refused(Exception):
    """Leaves the checks at the first fault; never leaves the readers of records."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


# --- what comes first ------------------------------------------------------------


def strict(value: bytes) -> dict[str, Any]:
    """The members of the record's I-JSON object; refuses all else as malformed."""
    try:
        return ijson.read(value)
    except ijson.MalformedError as error:
        raise Refused(Code.MALFORMED, str(error)) from error


def known_type(tree: dict[str, Any], known: Mapping[str, object]) -> str:
    """The type of an event, which must be one of those that belong on its topic."""
    name = tree.get("type")
    if not isinstance(name, str) or name not in known:
        raise Refused(Code.UNKNOWN_TYPE, f"type: expected {' or '.join(known)}, got {shown(name)}")
    return name


# --- checks ------------------------------------------------------------


def check_source(source: str, platform: str) -> None:
    """Refuses a source that is not the platform of the topic."""
    if source != "urn:iuran:platform:" + platform:
        raise Refused(Code.SOURCE_MISMATCH, "source: expected the platform of the topic, got another")


def check_key(record: Record, subject: str) -> None:
    """Refuses a key that is not the subject."""
    if record.key is None or record.key != subject.encode():
        refuse_key(record.key)


def check_partition(record: Record, subject: str, partitions: int) -> None:
    """Refuses a record that lies elsewhere than its subject's records do."""
    expected = positive_hash(subject.encode()) % partitions
    if expected != record.partition:
        refuse_partition(expected, record.partition)


def exponent_of(currency: str) -> int:
    """How many decimals a currency has; refuses an unknown one."""
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        refuse_currency(currency)
    return exponent


def minor_of(text: str, exponent: int) -> int:
    """An amount in minor units; refuses one with more decimals than the currency has."""
    coefficient, places = _amount(text)
    if places > exponent:
        refuse_amount(f"at most {exponent} decimals", f"{places}")
    return int(coefficient * SCALES[exponent - places])


def check_time(occurred_at: int, record: Record) -> None:
    """Refuses a time (epoch seconds) before 2000 or more than a day after the record."""
    if not TIME_MIN <= occurred_at <= record.timestamp_ms // 1000 + TIME_AHEAD_SECONDS_MAX:
        refuse_time("time: expected 2000-01-01 to 24 h after receipt, got a time outside")


def check_near(member: str, day: str, occurred_at: int) -> None:
    """Refuses a day (of `data.<member>`) more than two years away from the event's time."""
    if abs(_day(day) - occurred_at // forms.SECONDS_PER_DAY) > DAYS_APART_MAX:
        refuse_time(f"data.{member}: expected a day within {DAYS_APART_MAX} days of time, got one outside")


def accepted(
    event: events.PlatformEvent | events.OperatorEvent, occurred_at: int, data_json: bytes, minor: tuple[int, ...] = ()
) -> Event:
    """The event that passed all checks; `minor` are its amounts in minor units."""
    return Event(
        event.type, event.source, event.id, event.subject, event.time, occurred_at, event.data, data_json, minor, 0
    )


# --- refusals in words ------------------------------------------------------------


def refuse_key(key: bytes | None) -> NoReturn:
    """Refuses a key."""
    raise Refused(Code.KEY_MISMATCH, f"key: expected the subject, got {'null' if key is None else 'another key'}")


def refuse_partition(expected: int, got: int) -> NoReturn:
    """Refuses a partition."""
    raise Refused(Code.WRONG_PARTITION, f"partition: expected {expected}, got {got}")


def refuse_currency(currency: str) -> NoReturn:
    """Refuses a currency that no country uses."""
    raise Refused(Code.UNKNOWN_CURRENCY, f"data.currency: expected an ISO 4217 code, got {shown(currency)}")


def check_converted(total_minor: int, exponent: int, rate: Fraction) -> None:
    """Refuses amounts (minor units of a currency with so many digits) that leave the exact range at a recorded rate."""
    if total_minor * rate >= CONVERTED_LIMIT * 10**exponent:
        refuse_amount("less than 10^11 units once converted at the rate", "more")


def refuse_amount(expected: str, got: str) -> NoReturn:
    """Refuses an amount."""
    raise Refused(Code.AMOUNT_OUT_OF_RANGE, f"data amount: expected {expected}, got {got}")


def refuse_time(detail: str) -> NoReturn:
    """Refuses a time or day."""
    raise Refused(Code.TIME_OUT_OF_RANGE, detail)
