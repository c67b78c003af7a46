"""How fine and how large what a name reads can be, told from the text alone: before anybody has worked.

Two checks rest on it. A rule that posts its line `as_is` must rest on whole smallest units of the currency, whatever
gigs come: an amount that does not come out would otherwise stop a ledger in the middle of a day. And a line that takes
more than the whole of pay says that this is meant, as a rate does: 20 % written as "20" is a slip. Upholds L10. What
cannot be told is taken for fine (and must be rounded), and for small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Final, TypeAlias

from ledger.domain.language.conditions import TRUTHS
from ledger.domain.language.measures import bounds_of
from ledger.domain.language.scope import Scope
from ledger.domain.language.tree import Node
from ledger.domain.quantity import decimal
from ledger.domain.scheme import Line, Operand, Rule, Table

ABOVE_ONE: Final = "above_one"
_WHOLE: Final = ("window.days", "window.months", "dispute.suspended_days")
_MONEY: Final = ("gig.commission", "remittance.amount")
_SUMS: Final = ("value", "add", "subtract", "least", "greatest")
_Grain: TypeAlias = Fraction | None


class Sizes:
    """The names of one version that has no circles; each is told once."""

    def __init__(self, scope: Scope, rules: Sequence[Rule]) -> None:
        self.scope = scope
        self.rules = rules
        self.minor = Fraction(1, 10**scope.digits)
        self.lines = {line.name: line for line in scope.read_lines}
        self.tables = {table.name: table for table in scope.read_tables}
        self.measures = {measure.name: measure for measure in scope.read_measures}
        self.parameters = {parameter.name: parameter for parameter in scope.read_parameters}
        self._grains: dict[str, _Grain] = {}
        self._mosts: dict[str, _Grain] = {}
        self._pays: dict[str, bool] = {}

    def check(self, nodes: Sequence[Node]) -> None:
        """Note rules whose amounts need not come out, and lines that take more than the whole of pay unsaid."""
        for node, rule in zip(nodes, self.rules, strict=True):
            if rule.unit == "money" and not rule.rounding.step and not self._comes_out(rule):
                name = rule.amount or rule.base
                told = f"rule {rule.fund} by {rule.payer}: rounding: as_is, but {name} need not come out in whole "
                told += "cents" if self.scope.digits == 2 else f"steps of {decimal(self.minor)}"
                mend = f'write {{mode: half_up, step: "{decimal(self.minor)}"}}, or round the line'
                self.scope.reading.wrong(node, told, mend)
        for name, line in self.lines.items():
            self._whole_of_pay(name, line)

    def _comes_out(self, rule: Rule) -> bool:
        if rule.amount is None:
            return False  # a rate of something, rounded by nobody
        grain = self.grain(rule.amount)
        return grain is not None and Fraction(grain, self.minor).denominator == 1

    def grain(self, operand: Operand | None) -> _Grain:
        """Give a figure of which what is read is always a whole multiple; None where none can be told."""
        if operand is None or isinstance(operand, Fraction):
            return operand
        if operand not in self._grains:
            self._grains[operand] = self._grain_of(operand)
        return self._grains[operand]

    def _grain_of(self, name: str) -> _Grain:
        measure = self.measures.get(name)
        if measure is not None:
            if measure.what in ("gigs", "days"):
                return Fraction(1)
            share = self._figures(self.tables.get(measure.share), 0) if measure.share else [Fraction(1)]
            return _shared_grain(share, self.minor) if measure.what == "pay" and share else None
        if name in self.parameters:
            return self.parameters[name].value
        line = self.lines.get(name)
        if line is None:
            return Fraction(1) if name in _WHOLE else self.minor if name in _MONEY else None
        if line.rounding is not None:
            return line.rounding.step
        bounds = [bound for bound in (line.at_least, line.at_most) if bound is not None]
        return _together([self._worked(line), *map(self.grain, bounds)])

    def _worked(self, line: Line) -> _Grain:
        if line.op in _SUMS:
            return _together(map(self.grain, line.of))
        if line.op == "times":
            product: _Grain = Fraction(1)
            for grain in map(self.grain, line.of):
                product = None if product is None or grain is None else product * grain
            return product
        if line.op == "choose":
            return _together(self.grain(choice.then) for choice in line.choices if choice.then != "nothing")
        if line.op == "lookup":
            figures = self._figures(self.tables.get(line.table), line.column)
            return _together(figures) if figures else None
        if line.op == "months_or_part":
            return Fraction(1)
        own = [rule for rule in self.rules if rule.fund.partition(".")[0] == line.fund.partition(".")[0]]
        return self.minor if line.op == "posted" and all(rule.unit == "money" for rule in own) else None

    def _figures(self, table: Table | None, column: int) -> list[Fraction]:
        if table is None:
            return []
        values = [row.values[column] for row in table.rows if column < len(row.values)]
        return [value for value in (*values, table.otherwise) if isinstance(value, Fraction)]

    def _whole_of_pay(self, name: str, line: Line) -> None:
        """Note a share of pay above 1, unless the line says that it is meant."""
        node = self.scope.lines[name]
        own = node.value if isinstance(node.value, dict) else {}
        said = self.scope.reading.choice(own.get(ABOVE_ONE), f"line {name}: above_one", TRUTHS, False)
        of_pay = line.op == "times" and [each for each in line.of if isinstance(each, str) and self.is_pay(each)]
        if not of_pay:
            if ABOVE_ONE in own:
                told = f"line {name}: above_one speaks of a share of pay"
                self.scope.reading.wrong(own[ABOVE_ONE], told, "take `above_one` out")
            return
        share = Fraction(1)
        for operand in line.of:
            most = None if operand in of_pay else self.most(operand)
            share *= 1 if most is None else most
        if share > 1 and not said:
            told = f"line {name}: times: takes up to {decimal(share)} times {of_pay[0]}, more than the whole of it"
            mend = 'write 1 % as "0.01"; if more than the whole is meant, add `above_one: true`'
            self.scope.reading.wrong(node, told, mend)

    def is_pay(self, name: str) -> bool:
        """Tell whether a name reads pay, or what is left of it: no share of it."""
        if name not in self._pays:
            measure, line = self.measures.get(name), self.lines.get(name)
            self._pays[name] = (measure is not None and measure.what == "pay") or (
                line is not None
                and line.op in _SUMS
                and bool(line.of)
                and isinstance(line.of[0], str)
                and self.is_pay(line.of[0])
            )
        return self._pays[name]

    def most(self, operand: Operand) -> _Grain:
        """Give the most that a figure by this name can come to, from figures alone; None where gigs or people say."""
        if isinstance(operand, Fraction):
            return operand
        if operand not in self._mosts:
            self._mosts[operand] = self._most_of(operand)
        return self._mosts[operand]

    def _most_of(self, name: str) -> _Grain:
        if name in self.parameters:
            return bounds_of(self.parameters[name])
        line = self.lines.get(name)
        if line is None:
            return None
        if line.op == "lookup":
            return max(self._figures(self.tables.get(line.table), line.column), default=None)
        if line.op == "choose":
            mosts = [self.most(choice.then) for choice in line.choices if choice.then != "nothing"]
            known = [most for most in mosts if most is not None]
            return max(known, default=None) if len(known) == len(mosts) else None
        return self.most(line.of[0]) if line.op == "value" else None


def _together(grains: Iterable[_Grain]) -> _Grain:
    """Give a figure of which every one of these is a whole multiple; None where one of them is not known."""
    grain_of_all = Fraction(0)
    for grain in grains:
        if grain is None:
            return None
        grain_of_all = _gcd(grain_of_all, grain)
    return grain_of_all


def _shared_grain(figures: Iterable[Fraction], unit: Fraction) -> Fraction:
    grain_of_all = Fraction(0)
    for figure in figures:
        grain_of_all = _gcd(grain_of_all, figure * unit)
    return grain_of_all


def _gcd(one: Fraction, other: Fraction) -> Fraction:
    denominator = lcm(one.denominator, other.denominator)
    return Fraction(gcd(int(one * denominator), int(other * denominator)), denominator)
