"""Windows of time in a scheme's own time zone, and the written form of periods.

Days and months are local: which day an instant lies on follows the scheme's time zone and the tz database. No clock:
every function speaks about an instant it was given. The written forms are those of case files and entries: day
2025-03-04, week 2025-W10, fortnight 2025-03-10/P2W, month 2025-03, quarter 2025-Q1, year 2025, Indian fiscal year
FY2025-26, rolling P12M/2026-02 and P90D/2026-06-30.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

BLOCK_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Window:
    """Over what a rule's cumulative function adds up. `kind` is one of the words of `parse_window`.

    `count`: months or days of a rolling window; `anchor`: a day on which a week or fortnight begins; `clock_seconds`:
    the local time of day at which it begins.
    """

    kind: str
    count: int = 0
    anchor: date = date(1970, 1, 5)
    clock_seconds: int = 0

    @property
    def text(self) -> str:
        """The written form; inverse of `parse_window`."""
        hour = f"T{self.clock_seconds // 3600:02}:{self.clock_seconds // 60 % 60:02}"
        if self.kind == "months":
            return f"P{self.count}M"
        if self.kind == "days":
            return f"P{self.count}D"
        if self.kind == "fortnight":
            return f"fortnight:{self.anchor.isoformat()}{hour}"
        if self.kind == "week" and (self.anchor != MONDAY or self.clock_seconds):
            return f"week:{WEEKDAYS[self.anchor.weekday()]}{hour}"
        return self.kind

    @property
    def value(self) -> str:
        """The written form, for people."""
        return self.text

    @property
    def rolling(self) -> bool:
        """Whether its windows overlap: each ends on a day or month of its own."""
        return self.kind in ("months", "days")


MONDAY: Final = date(1970, 1, 5)
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
GIG: Final = Window("gig")
DAY: Final = Window("day")
WEEK: Final = Window("week")
MONTH: Final = Window("month")
QUARTER: Final = Window("quarter")
YEAR: Final = Window("year")
FISCAL_YEAR: Final = Window("FY")
RUNNING: Final = Window("running")
MONTHS: Final = Window("bucket_month")
DAYS: Final = Window("bucket_day")
"""MONTHS and DAYS are no one's windows: what rolling windows are summed from. They have no written form."""
_PLAIN: Final = {w.kind: w for w in (GIG, DAY, WEEK, MONTH, QUARTER, YEAR, FISCAL_YEAR, RUNNING)}
_WEEK_FORM: Final = re.compile(r"week:([a-z]+)T(\d\d):(\d\d)", re.ASCII)
_FORTNIGHT_FORM: Final = re.compile(r"fortnight:(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)", re.ASCII)
_ROLLING_FORM: Final = re.compile(r"P([1-9]\d{0,2})([MD])", re.ASCII)
WINDOW_FORMS: Final = (
    "gig, day, week, week:mondayT04:00, fortnight:2021-01-04T04:00, month, quarter, year, FY, P12M, P90D, running"
)


@lru_cache(maxsize=256)
def parse_window(text: str) -> Window:
    """Give the window that its written form says. Raises ValueError naming the forms there are."""
    plain = _PLAIN.get(text)
    if plain is not None:
        return plain
    match = _ROLLING_FORM.fullmatch(text)
    if match is not None:
        return Window("months" if match[2] == "M" else "days", int(match[1]))
    match = _WEEK_FORM.fullmatch(text)
    if match is not None and match[1] in WEEKDAYS and int(match[2]) < 24 and int(match[3]) < 60:
        begins = MONDAY + timedelta(days=WEEKDAYS.index(match[1]))
        return Window("week", 0, begins, int(match[2]) * 3600 + int(match[3]) * 60)
    match = _FORTNIGHT_FORM.fullmatch(text)
    if match is not None and int(match[2]) < 24 and int(match[3]) < 60:
        return Window("fortnight", 0, date.fromisoformat(match[1]), int(match[2]) * 3600 + int(match[3]) * 60)
    raise ValueError(f"window: expected one of {WINDOW_FORMS}; got {text[:40]!r}")


class Span(NamedTuple):
    """Days from the first to the last, both included."""

    first: date
    last: date

    def holds(self, other: Span) -> bool:
        """Tell whether the other span lies wholly within this one."""
        return self.first <= other.first and other.last <= self.last


def local_day(time_zone: str, instant: int) -> date:
    """Give the calendar day of an instant (epoch seconds) in a time zone of the tz database."""
    return datetime.fromtimestamp(instant, ZoneInfo(time_zone)).date()


def block_day(time_zone: str, block: int) -> date | None:
    """Give the one local day on which a whole block of 900 seconds lies, or None when it lies on two.

    Days begin on quarter hours, so a block lies on two only where clocks are set back over midnight inside it
    (St. John's until 2011, at 00:01): there each instant must be asked for with `local_day`.
    """
    first = local_day(time_zone, block * BLOCK_SECONDS)
    return first if first == local_day(time_zone, block * BLOCK_SECONDS + BLOCK_SECONDS - 1) else None


def midnight(time_zone: str, day: date) -> int:
    """Give the epoch second at which a local day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC).timestamp())


def shifted_day(time_zone: str, instant: int, clock_seconds: int) -> date:
    """Give the local day of an instant when days begin at this time of day instead of midnight."""
    if not clock_seconds:
        return local_day(time_zone, instant)
    wall = datetime.fromtimestamp(instant, ZoneInfo(time_zone)).replace(tzinfo=None)
    return (wall - timedelta(seconds=clock_seconds)).date()


def window_span(window: Window, day: date) -> Span:
    """Give the days of the window that holds a day; of a gig window that day itself, its date of attribution.

    A rolling window is the one that ends with the day's month, or the day; a running one has no end but the day.
    """
    kind = window.kind
    if kind in ("month", "bucket_month"):
        return _months(day.year, day.month, 1)
    if kind in ("gig", "day", "running", "bucket_day"):
        return Span(day, day)
    if kind == "quarter":
        return _months(day.year, (day.month - 1) // 3 * 3 + 1, 3)
    if kind == "year":
        return _months(day.year, 1, 12)
    if kind == "FY":
        return _months(day.year - (day.month < 4), 4, 12)
    if kind in ("week", "fortnight"):
        length = 7 if kind == "week" else 14
        first = day - timedelta(days=(day - window.anchor).days % length)
        return Span(first, first + timedelta(days=length - 1))
    if kind == "months":
        begin = day.year * 12 + day.month - window.count
        return _months(begin // 12, begin % 12 + 1, window.count)
    return Span(day - timedelta(days=window.count - 1), day)


def window_label(window: Window, day: date) -> str:
    """Give the written form under which postings of the window that holds this day are entered."""
    kind = window.kind
    if kind == "month":
        return f"{day.year:04}-{day.month:02}"
    if kind in ("gig", "day", "running"):
        return day.isoformat()
    if kind == "quarter":
        return f"{day.year:04}-Q{(day.month + 2) // 3}"
    if kind == "year":
        return f"{day.year:04}"
    if kind == "FY":
        year = day.year - (day.month < 4)
        return f"FY{year:04}-{(year + 1) % 100:02}"
    if kind == "week" and window.anchor.weekday() == 0:
        year, week, _ = day.isocalendar()
        return f"{year:04}-W{week:02}"
    if kind in ("week", "fortnight"):
        return f"{window_span(window, day).first.isoformat()}/P{1 if kind == 'week' else 2}W"
    if kind == "months":
        return f"P{window.count}M/{day.year:04}-{day.month:02}"
    if kind == "days":
        return f"P{window.count}D/{day.isoformat()}"
    return f"~{day.year:04}-{day.month:02}" if kind == "bucket_month" else f"~{day.isoformat()}"


def is_day(label: str) -> bool:
    """Tell whether a window's label is a day's: of a gig, a day, or what runs on."""
    return len(label) == 10 and label[4] == "-" and label[7] == "-"


def windows_within(window: Window, span: Span) -> list[date]:
    """Give a day of each window that lies wholly within a span, oldest first; none of a gig's or a running window."""
    if window.kind in ("gig", "running", "bucket_month", "bucket_day"):
        return []
    days: list[date] = []
    step = {"months": MONTH, "days": DAY}.get(window.kind, window)
    day = span.first
    while day <= span.last:
        own = window_span(step, day)
        if span.holds(window_span(window, own.last)):
            days.append(own.last)
        day = own.last + timedelta(days=1)
    return days


@lru_cache(maxsize=4096)
def parse_period(text: str) -> Span:
    """Give the days of a period in its written form. Raises ValueError naming the forms there are."""
    for pattern, read in _FORMS:
        match = pattern.fullmatch(text)
        if match is not None:
            return read(match)
    raise ValueError(f"period: expected 2025-03-04, 2025-W10, 2025-03, 2025-Q1, 2025 or FY2025-26, got {text[:40]!r}")


def _months(year: int, month: int, count: int) -> Span:
    after = year * 12 + month - 1 + count
    return Span(date(year, month, 1), date(after // 12, after % 12 + 1, 1) - timedelta(days=1))


def _one_week(match: re.Match[str]) -> Span:
    first = date.fromisoformat(match[1])
    return Span(first, first + timedelta(days=6))


def _week(match: re.Match[str]) -> Span:
    monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
    return Span(monday, monday + timedelta(days=6))


def _fortnight(match: re.Match[str]) -> Span:
    first = date.fromisoformat(match[1])
    return Span(first, first + timedelta(days=13))


def _fiscal_year(match: re.Match[str]) -> Span:
    year = int(match[1])
    if (year + 1) % 100 != int(match[2]):
        raise ValueError(f"period: expected FY{year}-{(year + 1) % 100:02}, got {match[0]!r}")
    return _months(year, 4, 12)


def _rolling_months(match: re.Match[str]) -> Span:
    count, year, month = int(match[1]), int(match[2]), int(match[3])
    first = year * 12 + month - count
    return _months(first // 12, first % 12 + 1, count)


def _rolling_days(match: re.Match[str]) -> Span:
    last = date.fromisoformat(match[2])
    return Span(last - timedelta(days=int(match[1]) - 1), last)


_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Span]], ...]] = (
    (re.compile(f"({_DAY})", re.ASCII), lambda m: Span(date.fromisoformat(m[1]), date.fromisoformat(m[1]))),
    (re.compile(r"(\d{4})-(\d{2})", re.ASCII), lambda m: _months(int(m[1]), int(m[2]), 1)),
    (re.compile(r"(\d{4})-W(\d{2})", re.ASCII), _week),
    (re.compile(f"({_DAY})/P2W", re.ASCII), _fortnight),
    (re.compile(f"({_DAY})/P1W", re.ASCII), _one_week),
    (re.compile(r"(\d{4})-Q([1-4])", re.ASCII), lambda m: _months(int(m[1]), int(m[2]) * 3 - 2, 3)),
    (re.compile(r"(\d{4})", re.ASCII), lambda m: _months(int(m[1]), 1, 12)),
    (re.compile(r"FY(\d{4})-(\d{2})", re.ASCII), _fiscal_year),
    (re.compile(r"P([1-9]\d{0,2})M/(\d{4})-(\d{2})", re.ASCII), _rolling_months),
    (re.compile(f"P([1-9]\\d{{0,3}})D/({_DAY})", re.ASCII), _rolling_days),
)
