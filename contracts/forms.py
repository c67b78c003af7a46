"""The text forms of our events: what a word, an amount, a date or an instant looks like, and how it is read.

A form is a pattern (published in the JSON Schemas) and a reader that accepts what the pattern accepts and no more:
ASCII digits only, real calendar days, no spaces, no signs but `-`. Gigs repeat their words and amounts, so readers of
short texts stand behind a bounded memo; that keeps the check of a whole gig at about a microsecond. Upholds L10
(amounts are a coefficient and a number of places, never a float) and L11 (no form is free text).

Must not know: which member has which form (events.py), what is refused and how (codec.py). Sources: SPEC section 3;
RFC 3339 section 5.6, with upper-case T and Z, without leap seconds; ISO 3166.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import date
from typing import Final, Generic, TypeVar

import msgspec

from contracts.topics import PLATFORM_PATTERN

Value = TypeVar("Value")

MEMO_ENTRIES_MAX: Final = 1 << 14
MEMO_WORKERS_MAX: Final = 1 << 16
MEMO_TEXT_MAX: Final = 40
COEFFICIENT_DIGITS_MAX: Final = 60
SECONDS_PER_DAY: Final = 86_400
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


class FormError(ValueError):
    """A text is not of the form it should be. Says nothing about the text."""


class Memo(dict[str, Value]):
    """What a reader gives for a text, kept for texts seen lately; emptied when full: strangers cannot fill memory."""

    def __init__(self, read: Callable[[str], Value], entries_max: int = MEMO_ENTRIES_MAX) -> None:
        super().__init__()
        self.read = read
        self.entries_max = entries_max

    def __missing__(self, text: str) -> Value:
        value = self.read(text)
        if len(text) <= MEMO_TEXT_MAX:
            if len(self) >= self.entries_max:
                self.clear()
            self[text] = value
        return value


class Form(Generic[Value]):
    """One text form: `what` it is called in a detail, its `pattern` (ECMA and Python alike), and its reader.

    `meta` is for annotations of models: it puts the pattern into the JSON Schema and leaves the check to `read`,
    which is cheaper.
    """

    def __init__(
        self, what: str, pattern: str, convert: Callable[[str], Value], memo_entries_max: int = MEMO_ENTRIES_MAX
    ) -> None:
        self.what = what
        self.pattern = pattern
        self._matches = re.compile(pattern).fullmatch
        self._convert = convert
        self.memo = Memo(self.read, memo_entries_max)
        self.meta = msgspec.Meta(extra_json_schema={"pattern": f"^(?:{pattern})$"})

    def fits(self, text: str) -> bool:
        """Whether a text has the pattern."""
        return self._matches(text) is not None

    def read(self, text: str) -> Value:
        """What a text of this form means. Raises FormError for any other text."""
        if not self._matches(text):
            raise FormError(self.what)
        return self._convert(text)


def _decimal(text: str) -> tuple[int, int]:
    """(coefficient, places): "-12.50" is (-1250, 2). Beyond 60 digits just some number that is surely too great."""
    whole, _, places = text.partition(".")
    if len(text) > COEFFICIENT_DIGITS_MAX:
        return (-1 if whole[0] == "-" else 1) * 10**COEFFICIENT_DIGITS_MAX, 0
    return int(whole + places), len(places)


def _day(text: str) -> int:
    """Days since 1970-01-01."""
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:10])).toordinal() - _EPOCH_ORDINAL
    except ValueError as error:
        raise FormError("a real calendar date such as 2026-03-03") from error


def _offset(text: str) -> int:
    """Seconds a zone is ahead of UTC."""
    if text == "Z":
        return 0
    seconds = int(text[1:3]) * 3600 + int(text[4:6]) * 60
    return -seconds if text[0] == "-" else seconds


def _version(text: str) -> str:
    _day(text[:10])
    return text


def _period(text: str) -> str:
    """The text itself, once the days, weeks and years in it are real ones."""
    for day in _DAYS_IN.findall(text):
        _day(day)
    week = _WEEK.fullmatch(text)
    year = _FISCAL_YEAR.fullmatch(text)
    try:
        if week:
            date.fromisocalendar(int(week[1]), int(week[2]), 1)
    except ValueError as error:
        raise FormError(PERIOD.what) from error
    if year and (int(year[1]) + 1) % 100 != int(year[2]):
        raise FormError(PERIOD.what)
    return text


_DATE_PATTERN: Final = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_ZONE_PATTERN: Final = "Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_FRACTION_PATTERN: Final = r"(?:\.[0-9]{1,9})?"
_YEAR_PATTERN: Final = "(?:19|2[0-9])[0-9]{2}"
_MONTH_PATTERN: Final = f"{_YEAR_PATTERN}-(?:0[1-9]|1[0-2])"
_DAY_PATTERN: Final = f"{_MONTH_PATTERN}-(?:0[1-9]|[12][0-9]|3[01])"
_PERIOD_PATTERN: Final = "|".join(
    (
        f"{_DAY_PATTERN}(?:/P2W)?",
        f"{_YEAR_PATTERN}-W(?:0[1-9]|[1-4][0-9]|5[0-3])",
        _MONTH_PATTERN,
        f"{_YEAR_PATTERN}-Q[1-4]",
        _YEAR_PATTERN,
        f"FY{_YEAR_PATTERN}-[0-9]{{2}}",
        f"P[1-9][0-9]{{0,2}}M/{_MONTH_PATTERN}",
        f"P[1-9][0-9]{{0,3}}D/{_DAY_PATTERN}",
    )
)
_DAYS_IN: Final = re.compile(_DATE_PATTERN)
_WEEK: Final = re.compile("([0-9]{4})-W([0-9]{2})")
_FISCAL_YEAR: Final = re.compile("FY([0-9]{4})-([0-9]{2})")

WORD: Final = Form("a word of a-z, 0-9 and _", "[a-z][a-z0-9_]{0,31}", str)
CURRENCY: Final = Form("a currency code such as IDR", "[A-Z]{3}", str)
ZONE: Final = Form("a zone such as ID or ID-JK", "[A-Z]{2}(?:-[A-Z0-9]{1,12}){0,4}", str)
SCHEME: Final = Form("a scheme id such as ID-BPU", "[A-Z]{2}(?:-[A-Z0-9]{1,16}){1,4}", str)
FUND: Final = Form("a fund such as JKK", "[A-Z][A-Z0-9.-]{0,31}", str)
AMOUNT: Final = Form("a decimal text such as 18500.00", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", _decimal)
QUANTITY: Final = Form(
    "a decimal text of at most 15 digits and 9 decimals, not negative",
    r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?",
    _decimal,
)
RATE: Final = Form(
    "a decimal text above 0 of at most 15 digits and 15 decimals",
    r"(?!0(?:\.0+)?$)(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?",
    _decimal,
)
DATE: Final = Form("a calendar date such as 2026-03-03", _DATE_PATTERN, _day)
EVENT_ID: Final = Form("an id of 1 to 128 of A-Za-z0-9._:/-", "[A-Za-z0-9._:/-]{1,128}", str)
WORKER: Final = Form("a pseudonym such as W-7f3a", "W-[A-Za-z0-9_-]{2,62}", str, memo_entries_max=MEMO_WORKERS_MAX)
PLATFORM: Final = Form("a platform such as gojek", PLATFORM_PATTERN, str)
PLATFORM_SOURCE: Final = Form(
    "a source such as urn:iuran:platform:gojek", f"urn:iuran:platform:{PLATFORM_PATTERN}", str
)
LEDGER: Final = Form("a ledger name such as iuran.localhost", "[a-z0-9](?:[a-z0-9.:/-]{0,98}[a-z0-9])?", str)
TOPIC: Final = Form("a topic such as gigs.gojek", rf"[a-zA-Z0-9._-]{{0,80}}gigs\.{PLATFORM_PATTERN}", str)
ENGINE: Final = Form("a number such as 1", "[1-9][0-9]{0,8}", str)
SHA256: Final = Form("64 hexadecimal digits", "[0-9a-f]{64}", str)
VERSION: Final = Form(
    "a version such as 2026-01-01 or 2026-01-01.2", rf"{_DATE_PATTERN}(?:\.[1-9][0-9]{{0,3}})?", _version
)
VKEY: Final = Form("a verifier key", r"[!-*,-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{4,4000}={0,2}", str)
SIGNING_KEY: Final = Form(
    "base64 of the 32 bytes of an Ed25519 public key", "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", base64.b64decode
)
ATTRIBUTE: Final = Form("1 to 64 of A-Za-z0-9._-", "[A-Za-z0-9._-]{1,64}", str)
MONTH: Final = Form("a month such as 1996-04", _MONTH_PATTERN, str)
PERIOD: Final = Form("a period such as 2026-03, 2026-03-05, 2026-W10, 2026-Q1 or FY2025-26", _PERIOD_PATTERN, _period)
FEED: Final = Form(
    "a topic such as gigs.gojek or iuran.control",
    rf"[a-zA-Z0-9._-]{{0,80}}(?:gigs\.{PLATFORM_PATTERN}|iuran\.control)",
    str,
)
PAYING: Final = Form(
    "a worker such as W-7f3a or a platform such as gojek", f"W-[A-Za-z0-9_-]{{2,62}}|{PLATFORM_PATTERN}", str
)

_HOURS: Final = {f"T{hour:02}:": hour * 3600 for hour in range(24)}
_MINUTES: Final = {f"{minute:02}:": minute * 60 for minute in range(60)}
_SECONDS: Final = {f"{second:02}": second for second in range(60)}
_OFFSETS: Final = Form("a zone such as Z or +07:00", _ZONE_PATTERN, _offset).memo
_FRACTION: Final = re.compile(r"\.[0-9]{1,9}").match


def _hour(text: str) -> int:
    """Seconds since 1970-01-01T00:00Z of a date and hour such as 2026-03-01T08:, as if it were UTC's."""
    seconds = _HOURS.get(text[10:])
    if seconds is None:
        raise FormError(INSTANT.what)
    return DATE.memo[text[:10]] * SECONDS_PER_DAY + seconds


_HOUR: Final = Memo(_hour)


def parse_instant(text: str) -> int:
    """Seconds since 1970-01-01T00:00:00Z of an RFC 3339 instant with a zone, a fraction of a second rounded down.

    Looks its parts up in tables, so that it costs 0.3 us. Raises FormError for every other text, 30 February and
    second 60 too.
    """
    try:
        seconds = _MINUTES[text[14:17]] + _SECONDS[text[17:19]]
    except KeyError as error:
        raise FormError(INSTANT.what) from error
    hour = _HOUR[text[:14]]
    zone = text[19:]
    fraction = _FRACTION(zone) if zone[:1] == "." else None
    return hour + seconds - _OFFSETS[zone[fraction.end() :] if fraction else zone]


INSTANT: Final[Form[int]] = Form(
    "an instant with a zone such as 2026-03-01T08:15:30Z",
    f"{_DATE_PATTERN}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{_FRACTION_PATTERN}(?:{_ZONE_PATTERN})",
    parse_instant,
)
