"""Windows of time in a scheme's own time zone, and the written form of periods.

Days and months are local: which day an instant lies on follows the scheme's time zone and the tz database. No clock:
every function speaks about an instant it was given. The written forms are those of case files and entries: day
2025-03-04, week 2025-W10, fortnight 2025-03-10/P2W, month 2025-03, quarter 2025-Q1, year 2025, Indian fiscal year
FY2025-26, rolling P12M/2026-02 and P90D/2026-06-30.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

BLOCK_SECONDS: Final = 900


class Window(StrEnum):
    """Over what a rule's cumulative function adds up."""

    GIG = "gig"
    MONTH = "month"


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


def window_span(window: Window, day: date) -> Span:
    """Give the days of the window that holds a day; of a gig window that day itself, its date of attribution."""
    return Span(day, day) if window is Window.GIG else _months(day.year, day.month, 1)


def window_label(window: Window, day: date) -> str:
    """Give the written form under which postings of the window that holds this day are entered."""
    return day.isoformat() if window is Window.GIG else f"{day.year:04}-{day.month:02}"


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
    (re.compile(r"(\d{4})-Q([1-4])", re.ASCII), lambda m: _months(int(m[1]), int(m[2]) * 3 - 2, 3)),
    (re.compile(r"(\d{4})", re.ASCII), lambda m: _months(int(m[1]), 1, 12)),
    (re.compile(r"FY(\d{4})-(\d{2})", re.ASCII), _fiscal_year),
    (re.compile(r"P([1-9]\d{0,2})M/(\d{4})-(\d{2})", re.ASCII), _rolling_months),
    (re.compile(f"P([1-9]\\d{{0,3}})D/({_DAY})", re.ASCII), _rolling_days),
)
