"""A view that takes note of what it reads: each name with its value, in the order in which the form needs them.

It is the view that rules are worked out through, over the same compiled lines; only what was read is kept beside. What
a line was before its bounds and its rounding is read from the same lines compiled without them. Upholds L4: reading
changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ledger.domain.reckoning.lines import Sheet, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.domain.attributes import Value
    from ledger.domain.earning import Gig
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.scheme import Line, Version
    from ledger.domain.standing import Account, Standing

_ALIKE = ("value", "add", "subtract", "least", "greatest")


class Reading(NamedTuple):
    """One name as it was read: its value, and the names that it was worked out from."""

    name: str
    value: Value
    of: tuple[str, ...]


class Tracing(View):
    """See the module. `seen`: by name, what is needed first standing first."""

    __slots__ = ("_open", "seen")

    def __init__(
        self,
        account: Account,
        registry: Registry,
        plan: Plan,
        standing: Standing,
        gig: Gig | None = None,
        facts: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__(account, registry, plan, standing, gig, facts)
        self.seen: dict[str, Reading] = {}
        self._open: list[list[str]] = []

    def read(self, name: str) -> Value:
        """Give what a name reads in this window, and take note of it."""
        if self._open:
            self._open[-1].append(name)
        if name in self.memo:
            return self.memo[name]
        self._open.append([])
        value = super().read(name)
        self.seen[name] = Reading(name, value, tuple(dict.fromkeys(self._open.pop())))
        return value

    def missing(self, name: str) -> list[str]:
        """Give the names without a value that left this one without: those that nothing else left so."""
        reading = self.seen.get(name)
        if reading is None or reading.value is not None:
            return []
        deeper = [each for own in reading.of for each in self.missing(own)]
        return list(dict.fromkeys(deeper)) or [name]


@lru_cache(maxsize=64)
def bare(version: Version) -> Sheet:
    """Give the version's lines compiled without bounds and roundings."""
    lines = tuple(replace(line, at_least=None, at_most=None, rounding=None) for line in version.lines)
    return Sheet(replace(version, lines=lines))


@lru_cache(maxsize=64)
def unrounded(version: Version) -> Sheet:
    """Give the version's lines compiled without roundings."""
    return Sheet(replace(version, lines=tuple(replace(line, rounding=None) for line in version.lines)))


@lru_cache(maxsize=64)
def money_names(version: Version) -> frozenset[str]:
    """Give the names that are amounts of money, as far as that can be told: only their decimals hang on it."""
    names = {rule.amount for rule in version.rules if rule.unit == "money" and rule.amount is not None}
    names |= {notice.amount for notice in version.notices if isinstance(notice.amount, str)}
    names |= {measure.name for measure in version.measures if measure.what == "pay"}
    names |= {"gig.commission", "remittance.amount", "worker.income", "worker.basis", "worker.salary"}
    cent = 10**version.minor_digits
    names |= {own.name for own in version.lines if own.rounding is not None and own.rounding.step * cent == 1}
    while True:
        more = {name for line in version.lines for name in _alike(line, names)} - names
        if not more:
            return frozenset(names)
        names |= more


def _alike(line: Line, money: set[str]) -> set[str]:
    """Give the names that are money because others of this line are."""
    if line.op in _ALIKE or line.op == "choose":
        operands = [*line.of, *(choice.then for choice in line.choices)]
        own = {line.name, *(operand for operand in operands if isinstance(operand, str))}
        return own if own & money else set()
    if line.op == "posted" or (line.op == "times" and any(operand in money for operand in line.of)):
        return {line.name}
    if line.op == "divide" and line.of[0] in money and line.of[1] not in money:
        return {line.name}
    return set()
