"""Values over a fixed scale: what lines reckon with on the hot path, in whole numbers instead of fractions.

A value is `work(inputs, seen)` over its scale, which is known beforehand: a sum of pay is whole minor units, 2 % of it
whole ten-thousandths. Where a value is plainly a share of one sum, perhaps not below 0 and to at most so much, that is
kept beside, so that a whole form of lines folds into one percentage. Figures fold into one another at once. Sums may
hold fractions where a platform sent fractions of seconds: everything here stays exact over those, too. Upholds L10:
nothing is rounded but by `rounded`. Knows no scheme: what names read stands in `ledger.domain.reckoning.compiling`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ledger.domain.money import round_steps

if TYPE_CHECKING:
    from ledger.domain.money import Mode

Work: TypeAlias = Callable[[Sequence[Any], Any], Any]
"""(a window's inputs, what is seen) -> the value times its scale, None for no value. Seen is the gig, or a view."""
Holds: TypeAlias = "bool | Callable[[Sequence[Any], Any], bool]"
"""A condition: known beforehand, or to be asked."""
NO_PLACE: Final = -1


class Share(NamedTuple):
    """A plain value: `factor` times the input at `place`, not below 0 where `floored`, to at most `most` (then it is
    floored too). A figure has no place.
    """

    place: int
    factor: int
    floored: bool = False
    most: int | None = None


class Fixed(NamedTuple):
    """A value as `work` over `scale`; `sure`: it always has one."""

    scale: int
    work: Work
    sure: bool
    share: Share | None = None

    @property
    def figure(self) -> int | None:
        """The value times its scale where it is a figure."""
        return self.share.factor if self.share is not None and self.share.place == NO_PLACE else None


def figure(value: Fraction) -> Fixed:
    """Give a figure."""
    return plain(value.denominator, Share(NO_PLACE, value.numerator))


def plain(scale: int, share: Share) -> Fixed:
    """Give a share of one input, or a figure."""
    place, factor, floored, most = share
    work: Work
    if place == NO_PLACE:
        work = lambda _inputs, _seen: factor  # noqa: E731
    elif most is not None:
        work = lambda inputs, _: min(inputs[place] * factor, most) if inputs[place] > 0 else 0  # noqa: E731
    elif floored:
        work = lambda inputs, _: inputs[place] * factor if inputs[place] > 0 else 0  # noqa: E731
    elif factor == 1:
        work = lambda inputs, _: inputs[place]  # noqa: E731
    else:
        work = lambda inputs, _: inputs[place] * factor  # noqa: E731
    return Fixed(scale, work, True, share)


def rescaled(value: Fixed, scale: int) -> Fixed:
    """Give the same value over a multiple of its scale."""
    return value if scale == value.scale else _times(value, scale // value.scale, scale)


def _times(value: Fixed, factor: int, scale: int) -> Fixed:
    """Give a value whose numerator is so many times another's, over a scale of its own; the factor is not negative."""
    share, work = value.share, value.work
    if share is not None:
        most = None if share.most is None else share.most * factor
        return plain(scale, share._replace(factor=share.factor * factor, most=most))
    if value.sure:
        return Fixed(scale, lambda inputs, seen: work(inputs, seen) * factor, True)

    def times(inputs: Sequence[Any], seen: Any) -> Any:
        found = work(inputs, seen)
        return None if found is None else found * factor

    return Fixed(scale, times, False)


# -- reckoning ---------------------------------------------------------------------------------------------------------


def product(values: Sequence[Fixed]) -> Fixed:
    """Give values multiplied."""
    scale = factor = 1
    others = []
    for value in values:
        scale *= value.scale
        if value.figure is None or value.figure < 0:
            others.append(value)
        else:
            factor *= value.figure
    if not others:
        return plain(scale, Share(NO_PLACE, factor))
    if len(others) == 1:
        return _times(others[0], factor, scale)

    def multiply(found: Sequence[Any]) -> Any:
        whole = factor
        for each in found:
            whole *= each
        return whole

    return _reckoned(scale, others, multiply)


def total(values: Sequence[Fixed]) -> Fixed:
    """Give values added up."""
    return _linear(_alike(values), sum, sum)


def difference(values: Sequence[Fixed]) -> Fixed:
    """Give the first of two values less the second."""
    return _linear(_alike(values), lambda found: found[0] - found[1], lambda factors: factors[0] - factors[1])


def _linear(
    values: Sequence[Fixed], operation: Callable[[Sequence[Any]], Any], of_factors: Callable[[Sequence[int]], int]
) -> Fixed:
    """Reckon with values of one scale; of shares of one and the same input, and of figures, with their factors."""
    shares = [value.share for value in values if value.share is not None]
    places = {share.place for share in shares}
    if len(shares) == len(values) and len(places) == 1 and not any(share.floored for share in shares):
        return plain(values[0].scale, Share(places.pop(), of_factors([share.factor for share in shares])))
    return _reckoned(values[0].scale, values, operation)


def quotient(value: Fixed, by: Fixed) -> Fixed:
    """Give a value divided by another, exact; no value where that is 0. What it comes to is over no fixed scale."""
    if by.figure is not None and by.figure > 0:
        return product([value, figure(Fraction(by.scale, by.figure))])
    above, below, up, down = value.work, by.work, by.scale, value.scale

    def divide(inputs: Sequence[Any], seen: Any) -> Fraction | None:
        whole, part = above(inputs, seen), below(inputs, seen)
        return None if whole is None or not part else Fraction(whole * up, part * down)

    return Fixed(1, divide, False)


def kept(name: str, value: Fixed) -> Fixed:
    """Give a value that a view works out once, whoever reads it."""
    work = value.work

    def read(inputs: Sequence[Any], view: Any) -> Any:
        sums = view.sums
        if name not in sums:
            sums[name] = work(inputs, view)
        return sums[name]

    return value if value.share is not None else value._replace(work=read)


def least(values: Sequence[Fixed]) -> Fixed:
    """Give the smallest of values. To at most a figure, a share that is not below 0 stays one."""
    values = _alike(values)
    if len(values) == 2 and values[1].figure is not None and values[1].figure >= 0:
        share, most = values[0].share, values[1].figure
        if share is not None and share.floored:
            bound = most if share.most is None else min(share.most, most)
            return plain(values[0].scale, share._replace(most=bound))
    if len(values) == 2 and not all(value.sure for value in values):
        return _smaller(*values)
    return _extreme(values, min)


def _smaller(left: Fixed, right: Fixed) -> Fixed:
    """Give the smaller of two values, none where either has none: what a cap out of a table asks for at each gig."""
    ours, theirs = left.work, right.work

    def smaller(inputs: Sequence[Any], seen: Any) -> Any:
        # both are read, also behind one that has no value: what is missing is taken note of
        one, other = ours(inputs, seen), theirs(inputs, seen)
        if one is None or other is None:
            return None
        return one if one <= other else other

    return Fixed(left.scale, smaller, False)


def greatest(values: Sequence[Fixed]) -> Fixed:
    """Give the largest of values. A share that is not below 0 stays one."""
    values = _alike(values)
    if len(values) == 2 and values[1].figure == 0:
        share = values[0].share
        if share is not None and share.place != NO_PLACE and share.factor >= 0:
            return plain(values[0].scale, share._replace(floored=True))
    return _extreme(values, max)


def _extreme(values: Sequence[Fixed], choose: Callable[[Sequence[Any]], Any]) -> Fixed:
    figures = [value.figure for value in values]
    if None not in figures:
        return plain(values[0].scale, Share(NO_PLACE, choose(figures)))
    return _reckoned(values[0].scale, values, choose)


def _alike(values: Sequence[Fixed]) -> list[Fixed]:
    """Give the values over one scale."""
    scale = lcm(*(value.scale for value in values))
    return [rescaled(value, scale) for value in values]


def _reckoned(scale: int, values: Sequence[Fixed], operation: Callable[[Sequence[Any]], Any]) -> Fixed:
    works = [value.work for value in values]
    sure = all(value.sure for value in values)
    if len(works) == 2:
        left, right = works
        if sure:
            return Fixed(scale, lambda inputs, seen: operation((left(inputs, seen), right(inputs, seen))), True)

        def pair(inputs: Sequence[Any], seen: Any) -> Any:
            # both are read, also behind one that has no value: what is missing is taken note of
            one, other = left(inputs, seen), right(inputs, seen)
            return None if one is None or other is None else operation((one, other))

        return Fixed(scale, pair, False)

    def reckon(inputs: Sequence[Any], seen: Any) -> Any:
        found = [each(inputs, seen) for each in works]
        return None if None in found else operation(found)

    return Fixed(scale, reckon, sure)


def rounded(value: Fixed, mode: Mode, step: Fraction) -> Fixed:
    """Give a value rounded to a multiple of the step; one below nothing as its opposite is."""
    # value / scale / step = value * q / (scale * p): rounded to steps, then over the step's own denominator
    numerator, denominator, whole, work = step.denominator, value.scale * step.numerator, step.numerator, value.work

    def of(found: Any) -> int:
        steps = round_steps(abs(found) * numerator, denominator, mode) * whole
        return steps if found >= 0 else -steps

    if value.figure is not None:
        return plain(step.denominator, Share(NO_PLACE, of(value.figure)))

    def rounding(inputs: Sequence[Any], seen: Any) -> int | None:
        found = work(inputs, seen)
        return None if found is None else of(found)

    return Fixed(step.denominator, rounding, value.sure)


def first(branches: Sequence[tuple[Holds, Fixed]], none: Work | None = None) -> Fixed:
    """Give the value of the first branch whose condition holds; where none does, none (or what `none` says)."""
    open_ = [(holds, value) for holds, value in branches if holds is not False]
    certain = next((at for at, (holds, _) in enumerate(open_) if holds is True), None)
    if certain == 0:
        return open_[0][1]
    rest = none if certain is None else open_[certain][1].work
    scale = lcm(*(value.scale for _, value in open_)) if open_ else 1
    taken = [(holds, rescaled(value, scale).work) for holds, value in open_[:certain] if not isinstance(holds, bool)]
    if certain is not None:
        rest = rescaled(open_[certain][1], scale).work

    def choose(inputs: Sequence[Any], seen: Any) -> Any:
        for holds, then in taken:
            if holds(inputs, seen):
                return then(inputs, seen)
        return None if rest is None else rest(inputs, seen)

    return Fixed(scale, choose, certain is not None and all(value.sure for _, value in open_[: certain + 1]))


# -- conditions --------------------------------------------------------------------------------------------------------


def compared(left: Fixed, right: Fixed, relation: str) -> Holds:
    """Give whether a value stands in a relation (above, from, to, below, is) to another; not without a value."""
    # left / scale against right / scale: multiplied crosswise
    up, down, compare = right.scale, left.scale, _COMPARE[relation]
    bound = None if right.figure is None else right.figure * down
    if left.figure is not None and bound is not None:
        return compare(left.figure * up, bound)
    ours, theirs = left.work, right.work
    if left.share is not None and not left.share.floored and bound is not None:
        place, factor = left.share.place, left.share.factor * up
        return lambda inputs, _: compare(inputs[place] * factor, bound)
    if left.sure and bound is not None:
        return lambda inputs, seen: compare(ours(inputs, seen) * up, bound)

    def meets(inputs: Sequence[Any], seen: Any) -> bool:
        mine, other = ours(inputs, seen), theirs(inputs, seen)
        return mine is not None and other is not None and compare(mine * up, other * down)

    return meets


def known(value: Fixed, wanted: bool) -> Holds:
    """Give whether there is a value at all, or (not `wanted`) whether there is none."""
    work = value.work
    return wanted if value.sure else lambda inputs, seen: (work(inputs, seen) is not None) == wanted


def every(conditions: Sequence[Holds]) -> Holds:
    """Give whether all conditions hold."""
    asked = [holds for holds in conditions if not isinstance(holds, bool)]
    if False in conditions:
        return False
    if not asked:
        return True
    if len(asked) == 1:
        return asked[0]
    if len(asked) == 2:
        one, other = asked
        return lambda inputs, seen: one(inputs, seen) and other(inputs, seen)
    return lambda inputs, seen: all(holds(inputs, seen) for holds in asked)


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "above": operator.gt,
    "from": operator.ge,
    "to": operator.le,
    "below": operator.lt,
    "is": operator.eq,
}
