"""What a rule's window has come to: the cumulative function f of each rule, compiled for one window of one platform.

Reckoned in whole numbers as far as that can be said (`ledger.domain.reckoning.compiling`), else in fractions
(`reckoning.amounts`). Accrual subtracts what was posted before. Upholds L10: one rounding per rule, its mode and
step from the scheme's text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ledger.domain.money import Mode, Rate, round_steps
from ledger.domain.reckoning import fixed
from ledger.domain.reckoning.amounts import of_view
from ledger.domain.reckoning.compiling import Compiling, Unfit

if TYPE_CHECKING:
    from ledger.domain.reckoning.compiling import Known
    from ledger.domain.reckoning.fixed import Fixed, Holds
    from ledger.domain.reckoning.plan import Group
    from ledger.domain.scheme import Rule

Work: TypeAlias = Callable[[Sequence[Any], Any], Any]
"""(a window's inputs, what is seen) -> minor units, whole seconds or days."""


class Total(NamedTuple):
    """A rule's total as `work(inputs, seen)`: what it sees is the gig where it is `free`, else a view. Its conditions
    are part of it: where they do not hold it is 0.
    """

    work: Work
    free: bool


def compile_total(rule: Rule, group: Group, known: Known) -> Total:
    """Give a rule's total for a window of which `known` stands fast; free where nothing else is read."""
    if rule.on in ("gig", "close"):
        for free in (True, False):
            compiling = Compiling(group, known, free)
            try:
                holds = compiling.conditions(rule.when)
                return Total(_conditional(holds, _ending(rule, _amount(rule, compiling), group)), free)
            except Unfit:
                continue
    return Total(of_view(rule, group), free=False)


def _amount(rule: Rule, compiling: Compiling) -> Fixed:
    """Give what a rule posts before it is rounded: its amount, or a rate of a measure to a cap."""
    if rule.amount is not None:
        return compiling.operand(rule.amount)
    base = fixed.greatest([compiling.operand(rule.base or ""), fixed.figure(Fraction(0))])
    rate = fixed.figure(Fraction(*rule.rate)) if isinstance(rule.rate, Rate) else compiling.operand(rule.rate or "")
    due = fixed.product([base, rate])
    if rule.cap is None:
        return due
    if rule.cap.amount is not None:
        return fixed.least([due, fixed.figure(rule.cap.amount)])
    return fixed.least([due, compiling.table(rule.cap.table or "", 0)])


def _conditional(holds: Holds, total: Work) -> Work:
    if holds is True:
        return total
    if holds is False:
        return lambda _inputs, _seen: 0
    asked = holds
    return lambda inputs, seen: total(inputs, seen) if asked(inputs, seen) else 0


def _ending(rule: Rule, amount: Fixed, group: Group) -> Work:
    """Give how an amount becomes what is posted: whole minor units, seconds of hours, days."""
    scale = {"hours": 3600, "days": 1}.get(rule.unit)
    if scale is not None:
        return _floored(amount, scale)
    minor, step, mode = 10**group.version.minor_digits, rule.rounding.step, rule.rounding.mode
    if not step:
        return _as_is(amount, minor)
    if (step * minor).denominator != 1:
        raise Unfit
    # value / scale / step is how many steps, each of `whole` minor units
    numerator, denominator, whole = step.denominator, amount.scale * step.numerator, int(step * minor)
    if mode is Mode.HALF_EVEN:
        return _half_even(amount, numerator, denominator, whole)
    steps = _Steps(numerator, 0, denominator, whole)
    if mode is Mode.HALF_UP:
        steps = _Steps(2 * numerator, denominator, 2 * denominator, whole)
    if mode is Mode.UP:  # upwards is downwards on the other side of 0; exact for fractions, too
        steps = _Steps(-numerator, 0, denominator, -whole)
    share = amount.share
    plainly = share is not None and share.place != fixed.NO_PLACE and share.factor >= 0
    return _percentage(share, steps) if plainly and share is not None else _rounded(amount, steps)


class _Steps(NamedTuple):
    """A rounding: (value * a + b) // d steps of `whole` minor units each, for a value that is not below 0."""

    a: int
    b: int
    d: int
    whole: int


def _percentage(share: fixed.Share, steps: _Steps) -> Work:
    """Give a share of one input, rounded (one below nothing as its opposite is): the innermost line of the hot path."""
    place, (a, b, d, whole) = share.place, steps
    a *= share.factor

    def signed(inputs: Sequence[Any], _: Any) -> Any:
        base = inputs[place]
        return (base * a + b) // d * whole if base >= 0 else (base * a - b) // -d * -whole

    def floored(inputs: Sequence[Any], _: Any) -> Any:
        base = inputs[place]
        return (base * a + b) // d * whole if base > 0 else 0

    if share.most is None:
        return floored if share.floored else signed
    cap = (share.most * steps.a + b) // d * whole

    def capped(inputs: Sequence[Any], _: Any) -> Any:
        base = inputs[place]
        if base <= 0:
            return 0
        due = (base * a + b) // d * whole
        return due if due < cap else cap

    return capped


def _rounded(amount: Fixed, steps: _Steps) -> Work:
    work, (a, b, d, whole) = amount.work, steps

    def total(inputs: Sequence[Any], seen: Any) -> Any:
        value = work(inputs, seen)
        if not value:
            return 0
        return (value * a + b) // d * whole if value > 0 else (value * a - b) // -d * -whole

    return total


def _half_even(amount: Fixed, numerator: int, denominator: int, whole: int) -> Work:
    work = amount.work

    def total(inputs: Sequence[Any], seen: Any) -> int:
        value = work(inputs, seen) or 0
        steps = round_steps(abs(value) * numerator, denominator, Mode.HALF_EVEN) * whole
        return steps if value > 0 else -steps

    return total


def _as_is(amount: Fixed, minor: int) -> Work:
    """Give an amount that is exact already. Raises ValueError for one that is finer than the minor unit."""
    work, scale = amount.work, amount.scale

    def total(inputs: Sequence[Any], seen: Any) -> int:
        value = work(inputs, seen)
        if not value:
            return 0
        units, rest = divmod(value * minor, scale)
        if rest:
            raise ValueError(f"amount: expected whole minor units, got {units} and a part; round the line or the rule")
        return int(units)

    return total


def _floored(amount: Fixed, units: int) -> Work:
    work, scale = amount.work, amount.scale

    def total(inputs: Sequence[Any], seen: Any) -> int:
        value = work(inputs, seen)
        return int(value * units // scale) if value else 0

    return total
