"""Exact numbers from decimal text: what the events and the schemes write as `-?(0|[1-9][0-9]*)(\\.[0-9]+)?`.

No float enters and none leaves (L10): a whole number is an int, anything finer a Fraction. Knows no currency; money
in minor units is `ledger.domain.money`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)


def exact(text: str | int) -> int | Fraction:
    """Give the number that the decimal text (or whole number) says, as an int where it is whole.

    Raises ValueError for any other spelling: exponents, signs, spaces, other digits, a leading zero or point.
    """
    if isinstance(text, int):
        return text
    if DECIMAL.fullmatch(text) is None:
        raise ValueError(f"number: expected a decimal such as 0.05, got {text[:40]!r}")
    number = Fraction(text)
    return number.numerator if number.denominator == 1 else number


def decimal(number: int | Fraction) -> str:
    """Give the shortest decimal text of a number whose denominator has no prime but 2 and 5.

    Raises ValueError for a number that no finite decimal can say.
    """
    fraction = Fraction(number)
    digits = 0
    while (fraction * 10**digits).denominator != 1:
        digits += 1
        if digits > 60:
            raise ValueError(f"number: expected a finite decimal, got {fraction}")
    return decimal_places(fraction, digits)


def exact_text(number: Fraction | int) -> str:
    """Give a number as a decimal where one can say it, else as a fraction in lowest terms such as 10/3."""
    fraction = Fraction(number)
    rest = fraction.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return decimal(fraction) if rest == 1 else f"{fraction.numerator}/{fraction.denominator}"


def decimal_places(number: int | Fraction, digits: int) -> str:
    """Give a number with exactly so many decimals, rounded half up (away from zero)."""
    fraction = Fraction(number)
    scaled = (2 * abs(fraction.numerator) * 10**digits + fraction.denominator) // (2 * fraction.denominator)
    whole, rest = divmod(scaled, 10**digits)
    sign = "-" if fraction < 0 and scaled else ""
    return f"{sign}{whole}.{rest:0{digits}}" if digits else f"{sign}{whole}"
