"""A rule's total worked out in fractions, from its version's lines, through a view: the plain way.

What explanations tell, and what the whole numbers of the hot path (`reckoning.totals`) are held to by a property
test. Upholds L10: fractions only, one rounding per rule, its mode and step from the scheme's text. Of a base that is
not positive a percentage gives 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ledger.domain.reckoning.lines import rounded

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.reckoning.lines import View
    from ledger.domain.reckoning.plan import Group
    from ledger.domain.scheme import Rounding, Rule


def of_view(rule: Rule, group: Group) -> Callable[[Sequence[Any], Any], int]:
    """Give a rule's total, worked out from its version's lines in fractions: what the others are held to."""
    amount, holds = _valued(rule, group), group.sheet.conditions(rule.when)
    scale, unit, rounding = 10**group.version.minor_digits, rule.unit, rule.rounding

    def total(_: Sequence[Any], view: View) -> int:
        if not holds(view):
            return 0
        value = amount(view)
        if not isinstance(value, Fraction | int) or isinstance(value, bool):
            return 0
        return in_units(Fraction(value), unit, scale, rounding)

    return total


def in_units(value: Fraction, unit: str, scale: int, rounding: Rounding) -> int:
    """Give an amount in what is posted: minor units (rounded), whole seconds of hours, whole days (rounded down).

    Raises ValueError for money that is to be posted as it is and is finer than the currency's minor unit.
    """
    if unit == "hours":
        return (value * 3600).__floor__()
    if unit == "days":
        return value.__floor__()
    minor = rounded(value, rounding) * scale
    if minor.denominator != 1:
        raise ValueError(f"amount: expected whole minor units, got {minor}; round the line or the rule")
    return int(minor)


def _valued(rule: Rule, group: Group) -> Callable[[View], Value]:
    if rule.amount is not None:
        return group.sheet.operand(rule.amount)
    name, rate, cap = rule.base or "", rule.rate, rule.cap
    cap_table = None if cap is None or cap.table is None else group.sheet.table(cap.table, 0)

    def percentage(view: View) -> Value:
        """Give a rate of a measure, to a cap; no value where a figure or a row is missing."""
        base = view.read(name)
        share = view.read(rate) if isinstance(rate, str) else None if rate is None else Fraction(*rate)
        if not isinstance(base, Fraction) or not isinstance(share, Fraction | int):
            return None
        due: Value = max(base, Fraction(0)) * share
        most = cap.amount if cap is not None and cap.amount is not None else None
        if cap_table is not None:
            found = cap_table(view)
            if not isinstance(found, Fraction):
                return None
            most = found
        return due if most is None or not isinstance(due, Fraction) else min(due, most)

    return percentage
