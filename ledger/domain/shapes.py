"""The cumulative functions f: what a window has come to, from what it holds. Pure, exact, compiled once per version.

A shape takes a base (minor units, the window's total) and the gig, and gives the window's total contribution in minor
units, rounded; accrual subtracts what was posted before. Upholds L10: integers only, one rounding per shape, its mode
and step from the scheme's text. Of a base that is not positive every shape gives 0. A cap is a multiple of the step
(checked when the text is read), so rounding never passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ledger.domain.earning import Gig
from ledger.domain.money import Mode, Rate, round_steps
from ledger.domain.scheme import ANY, NONE, Base, Rounding, Rule, Table, Version

Shape: TypeAlias = Callable[[int, Gig], int]
Assess: TypeAlias = Callable[[Gig], int]
Lookup: TypeAlias = Callable[[Gig], int | None]


def assess(base: Base) -> Assess:
    """Give the function from a gig to what of it counts, in minor units; negative where more was taken than given."""
    include, exclude, less = base.include, base.exclude, base.less_commission

    def everything(gig: Gig) -> int:
        total = -gig.commission_minor if less else 0
        for part in gig.components:
            total += part[1]
        return total

    def chosen(gig: Gig) -> int:
        total = -gig.commission_minor if less else 0
        for kind, amount_minor, _ in gig.components:
            if (include is None or kind in include) and kind not in exclude:
                total += amount_minor
        return total

    return everything if include is None and not exclude else chosen


def lookup(table: Table) -> Lookup:
    """Give the function from a gig to its row's amount, or None where the table has no row for it."""
    rows: Mapping[tuple[str, ...], int] = dict(table.rows)
    by = table.by

    def row(gig: Gig) -> int | None:
        """Give the amount of the table's row for a gig."""
        found: int | None = None
        keys: list[tuple[str, ...]] = [()]
        for word in by:
            own = gig.service if word == "service" else gig.vehicle or NONE
            keys = [(*key, choice) for key in keys for choice in (own, ANY)]
        for key in keys:
            found = rows.get(key)
            if found is not None:
                return found
        return found

    return row


def compile_rule(rule: Rule, version: Version) -> Shape:
    """Give the rule's cumulative function."""
    total = _percentage(rule.rate, rule.rounding)
    if rule.cap is None:
        return total
    if rule.cap.amount is not None:
        return _capped(rule.rate, rule.rounding, rule.cap.amount)
    if rule.cap.table is None:
        raise ValueError(f"cap of {rule.fund}: expected an amount or a table, got neither")
    return _capped_by(total, lookup(version.table(rule.cap.table)))


def _affine(rate: Rate, rounding: Rounding) -> tuple[int, int, int] | None:
    """Give (a, b, d) so that steps = (base * a + b) // d for a base that is not negative; None where none does."""
    a, d = rate.numerator, rate.denominator * rounding.step
    if rounding.mode is Mode.DOWN:
        return a, 0, d
    if rounding.mode is Mode.UP:
        return a, d - 1, d
    if rounding.mode is Mode.HALF_UP:
        return 2 * a, d, 2 * d
    return None


def _percentage(rate: Rate, rounding: Rounding) -> Shape:
    step = rounding.step
    affine = _affine(rate, rounding)
    if affine is None:
        return lambda base, _: (
            round_steps(base * rate.numerator, rate.denominator * step, rounding.mode) * step if base > 0 else 0
        )
    a, b, d = affine

    def total(base: int, _: Gig) -> int:
        return (base * a + b) // d * step if base > 0 else 0

    return total


def _capped(rate: Rate, rounding: Rounding, cap: int) -> Shape:
    step = rounding.step
    affine = _affine(rate, rounding)
    if affine is None:
        uncapped = _percentage(rate, rounding)
        return lambda base, gig: min(uncapped(base, gig), cap)
    a, b, d = affine

    def total(base: int, _: Gig) -> int:
        # Written out instead of calling the percentage: this is the innermost line of the hot path.
        if base <= 0:
            return 0
        due = (base * a + b) // d * step
        return due if due < cap else cap

    return total


def _capped_by(uncapped: Shape, cap_of: Lookup) -> Shape:
    def total(base: int, gig: Gig) -> int:
        cap = cap_of(gig)
        return 0 if cap is None else min(uncapped(base, gig), cap)

    return total
