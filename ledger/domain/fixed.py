"""Lines worked out in whole numbers: the same values as `ledger.domain.lines`, several times faster.

A line over sums of pay, counts and figures has a denominator that is known when the version is compiled, so its value
is a whole number over a fixed scale. Where that holds for all that an amount is worked out from, the hot path reckons
with integers; everything else (hours, miles, ages, attributes, open parameters, divisions) is left to the fractions.
Upholds L10: nothing is rounded but where a line says so; a property test holds both ways together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ledger.domain.money import Mode, Rate, round_steps

if TYPE_CHECKING:
    from ledger.domain.lines import View
    from ledger.domain.plan import Group
    from ledger.domain.scheme import Choice, Line, Operand, Rounding, Row, Rule, Table, Test

Work: TypeAlias = "Callable[[Sequence[Any], View], int | None]"
_RELATIONS: Final = ("above", "from", "to", "below")


class Fixed(NamedTuple):
    """A value as `work(inputs, view)` over `scale`; `sure`: it always has one."""

    scale: int
    work: Work
    sure: bool


class _Unfit(Exception):
    """What is asked for can't be said over a fixed scale."""


def compile_amount(rule: Rule, group: Group) -> Callable[[View, object], int] | None:
    """Give a rule's total in minor units, worked out in whole numbers; None where only fractions can say it."""
    step = rule.rounding.step * 10**group.version.minor_digits
    if rule.unit != "money" or not step or step.denominator != 1 or rule.on not in ("gig", "close"):
        return None
    try:
        amount = _amount(rule, _Compiling(group))
    except _Unfit:
        return None
    work, mode, whole = amount.work, rule.rounding.mode, int(step)
    numerator, denominator = rule.rounding.step.denominator, amount.scale * rule.rounding.step.numerator

    def total(view: View, _: object = None) -> int:
        value = work(view.standing.inputs, view)
        if not value:
            return 0
        if mode is Mode.DOWN and value > 0:
            return value * numerator // denominator * whole
        steps = round_steps(abs(value) * numerator, denominator, mode) * whole
        return steps if value > 0 else -steps

    return total


def _amount(rule: Rule, compiling: _Compiling) -> Fixed:
    if rule.amount is not None:
        return compiling.operand(rule.amount)
    if rule.base is None or not isinstance(rule.rate, Rate):
        raise _Unfit
    base = _bounded(compiling.operand(rule.base), compiling.operand(Fraction(0)), max)
    due = _product([base, compiling.operand(Fraction(*rule.rate))])
    if rule.cap is None:
        return due
    if rule.cap.amount is None:
        raise _Unfit
    return _bounded(due, compiling.operand(rule.cap.amount), min)


class _Compiling:
    """One group's names, compiled as they are asked for."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.lines = {line.name: line for line in group.version.lines}
        self.tables = {table.name: table for table in group.version.tables}

    def operand(self, operand: Operand) -> Fixed:
        if isinstance(operand, Fraction):
            value = operand.numerator
            return Fixed(operand.denominator, lambda _inputs, _view: value, sure=True)
        if operand in self.lines:
            return self._line(self.lines[operand])
        if operand in self.group.places:
            return self._measure(operand)
        raise _Unfit

    def _measure(self, name: str) -> Fixed:
        read, measure = self.group.reads.get(name), self.group.version.measure(name)
        if read is None or read.group != self.group.key or read.previous or read.windows != 1:
            raise _Unfit
        place = self.group.places[name]
        if measure.what in ("gigs", "days"):
            return Fixed(1, lambda inputs, _: inputs[place], sure=True)
        if measure.what != "pay":
            raise _Unfit
        scale = 10**self.group.version.minor_digits
        if measure.share is None:
            return Fixed(scale, lambda inputs, _: inputs[place], sure=True)
        table = self.tables[measure.share]
        figures = [value for row in table.rows for value in row.values] + [table.otherwise]
        shares = lcm(*(value.denominator for value in figures if isinstance(value, Fraction)), 1)
        return Fixed(scale * shares, lambda inputs, _: int(inputs[place] * shares), sure=True)

    def _line(self, line: Line) -> Fixed:
        value = self._work(line)
        if line.at_least is not None:
            value = _bounded(value, self.operand(line.at_least), max)
        if line.at_most is not None:
            value = _bounded(value, self.operand(line.at_most), min)
        return value if line.rounding is None or not line.rounding.step else _rounded(value, line.rounding)

    def _work(self, line: Line) -> Fixed:
        if line.op == "value":
            return self.operand(line.of[0])
        if line.op == "lookup":
            return self._lookup(self.tables[line.table], line.column)
        if line.op == "choose":
            return self._choose(line.choices)
        values = [self.operand(operand) for operand in line.of] if line.op in _OPERATIONS or line.op == "times" else []
        if line.op == "times":
            return _product(values)
        if line.op in _OPERATIONS:
            return _same_scale(values, _OPERATIONS[line.op])
        raise _Unfit

    def _choose(self, choices: Sequence[Choice]) -> Fixed:
        branches = [(self._conditions(choice.when), self.operand(choice.then)) for choice in choices]
        scale = lcm(*(value.scale for _, value in branches))
        steps = [(holds, value.work, scale // value.scale) for holds, value in branches]

        def work(inputs: Sequence[Any], view: View) -> int | None:
            for holds, then, factor in steps:
                if holds(inputs, view):
                    value = then(inputs, view)
                    return None if value is None else value * factor
            return None

        return Fixed(scale, work, sure=False)

    def _lookup(self, table: Table, column: int) -> Fixed:
        rows = [(self._row(row), self.operand(row.values[column])) for row in table.rows]
        if isinstance(table.otherwise, Fraction):
            rows.append((lambda _inputs, _view: True, self.operand(table.otherwise)))
        scale = lcm(*(value.scale for _, value in rows))
        steps = [(fits, value.work, scale // value.scale) for fits, value in rows]
        refuses, name, by = table.otherwise == "refuse", table.name, table.by

        def work(inputs: Sequence[Any], view: View) -> int | None:
            for fits, figure, factor in steps:
                if fits(inputs, view):
                    value = figure(inputs, view)
                    return None if value is None else value * factor
            if refuses and all(view.read(key) is not None for key in by):
                view.unknown[name] = None
            return None

        return Fixed(scale, work, sure=False)

    def _row(self, row: Row) -> Callable[[Sequence[Any], View], bool]:
        return self._conditions(row.tests)

    def _conditions(self, tests: Sequence[Test]) -> Callable[[Sequence[Any], View], bool]:
        compiled = [self._condition(test) for test in tests]
        if not compiled:
            return lambda _inputs, _view: True
        if len(compiled) == 1:
            return compiled[0]
        return lambda inputs, view: all(holds(inputs, view) for holds in compiled)

    def _condition(self, test: Test) -> Callable[[Sequence[Any], View], bool]:
        sheet = self.group.sheet
        try:
            if test.relation not in _RELATIONS or not isinstance(test.value, Fraction | str):
                raise _Unfit
            left, right = self.operand(test.name), self.operand(test.value)
        except _Unfit:
            holds = sheet.condition(test)
            return lambda _, view: holds(view)
        ours, theirs = left.work, right.work
        # left / scale against right / scale: multiplied crosswise
        up, down, compare = right.scale, left.scale, _COMPARE[test.relation]

        def meets(inputs: Sequence[Any], view: View) -> bool:
            mine, other = ours(inputs, view), theirs(inputs, view)
            return mine is not None and other is not None and compare(mine * up, other * down)

        return meets


_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "above": lambda left, right: left > right,
    "from": lambda left, right: left >= right,
    "to": lambda left, right: left <= right,
    "below": lambda left, right: left < right,
}
_OPERATIONS: Final[dict[str, Callable[[Sequence[int]], int]]] = {
    "add": sum,
    "subtract": lambda values: values[0] - values[1],
    "least": min,
    "greatest": max,
}


def _product(values: Sequence[Fixed]) -> Fixed:
    scale = 1
    for value in values:
        scale *= value.scale
    if len(values) == 2 and all(value.sure for value in values):
        left, right = values[0].work, values[1].work
        return Fixed(scale, lambda inputs, view: left(inputs, view) * right(inputs, view), sure=True)  # type: ignore[operator]
    works = [value.work for value in values]

    def work(inputs: Sequence[Any], view: View) -> int | None:
        product = 1
        for each in works:
            value = each(inputs, view)
            if value is None:
                return None
            product *= value
        return product

    return Fixed(scale, work, all(value.sure for value in values))


def _same_scale(values: Sequence[Fixed], operation: Callable[[Sequence[int]], int]) -> Fixed:
    scale = lcm(*(value.scale for value in values))
    works = [(value.work, scale // value.scale) for value in values]

    def work(inputs: Sequence[Any], view: View) -> int | None:
        found = []
        for each, factor in works:
            value = each(inputs, view)
            if value is None:
                return None
            found.append(value * factor)
        return operation(found)

    return Fixed(scale, work, all(value.sure for value in values))


def _bounded(value: Fixed, bound: Fixed, choose: Callable[[Sequence[int]], int]) -> Fixed:
    return _same_scale((value, bound), choose)


def _rounded(value: Fixed, rounding: Rounding) -> Fixed:
    step, work = rounding.step, value.work
    # value / scale / step = value * q / (scale * p): rounded to steps, then over the step's own denominator
    numerator, denominator, mode, whole = step.denominator, value.scale * step.numerator, rounding.mode, step.numerator

    def rounded(inputs: Sequence[Any], view: View) -> int | None:
        found = work(inputs, view)
        if found is None:
            return None
        steps = round_steps(abs(found) * numerator, denominator, mode) * whole
        return steps if found >= 0 else -steps

    return Fixed(step.denominator, rounded, value.sure)
