"""Money: whole numbers of a currency's minor unit, exact rates, and roundings that say their name.

Upholds L10: no float, no implicit rounding. A rate is a pair (numerator, denominator); a rounding names its mode and
its step, the step in minor units (Rp1 = 100 where the rupiah has two minor digits). How many minor digits a currency
has is not known here: the scheme's text says it (`minor_digits`), taken from ISO 4217 when the text was loaded.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from ledger.domain.quantity import exact


class Mode(StrEnum):
    """How what lies between two steps is rounded; all of it speaks of amounts that are not negative."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


WORDS = {
    Mode.DOWN: "rounded down",
    Mode.UP: "rounded up",
    Mode.HALF_UP: "rounded half up",
    Mode.HALF_EVEN: "rounded half to even",
}


class Rate(NamedTuple):
    """An exact share, in lowest terms: 2.75 % is (11, 400)."""

    numerator: int
    denominator: int


def parse_rate(text: str) -> Rate:
    """Give the exact rate that decimal text says. Raises ValueError."""
    number = Fraction(exact(text))
    return Rate(number.numerator, number.denominator)


def parse_amount(text: str, minor_digits: int) -> int:
    """Give the minor units that decimal text in the currency's unit says.

    Raises ValueError when the text is no decimal or finer than the currency's minor unit.
    """
    minor = Fraction(exact(text)) * 10**minor_digits
    if minor.denominator != 1:
        raise ValueError(f"amount: expected at most {minor_digits} decimals, got {text[:40]!r}")
    return int(minor)


def format_amount(minor: int, minor_digits: int) -> str:
    """Give minor units as decimal text in the currency's unit, with all its decimals; inverse of `parse_amount`."""
    whole, rest = divmod(abs(minor), 10**minor_digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{rest:0{minor_digits}}" if minor_digits else f"{sign}{whole}"


def speak_amount(minor: int, currency: str, minor_digits: int) -> str:
    """Give an amount for people: `IDR 20,500`, `USD 0.50`; decimals only where they say something."""
    whole, rest = divmod(abs(minor), 10**minor_digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{currency} {whole:,}.{rest:0{minor_digits}}" if rest else f"{sign}{currency} {whole:,}"


def speak_rate(rate: Rate) -> str:
    """Give a rate for people, as a percentage: (11, 400) -> `2.75 %`."""
    percent = Fraction(rate.numerator * 100, rate.denominator)
    text = format_amount((percent * 10**6).numerator // (percent * 10**6).denominator, 6).rstrip("0").rstrip(".")
    return f"{text} %"


def round_steps(numerator: int, denominator: int, mode: Mode) -> int:
    """Give numerator/denominator (not negative) as a whole number, rounded by the mode: the plain definition."""
    quotient, rest = divmod(numerator, denominator)
    if rest == 0 or mode is Mode.DOWN:
        return quotient
    if mode is Mode.UP:
        return quotient + 1
    if mode is Mode.HALF_UP:
        return quotient + (2 * rest >= denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))
