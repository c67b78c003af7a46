"""Plans: a version compiled for one window and one platform, so that accruing a gig is a walk over flat tuples.

The rules of a version that share a window and a way of adding up (one platform, or all together) share one standing
and make one plan. Compiled once per version, bound once per window and platform, then only read. Knows shapes and
versions, not which version is in force: that is the registry's.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.domain import ids
from ledger.domain.period import Window, window_label
from ledger.domain.scheme import Base, Rule, Version
from ledger.domain.shapes import Assess, Shape, assess, compile_rule


class Line(NamedTuple):
    """One rule, bound: `payer` is None where it is the worker (named per gig); `account` keys the balance."""

    base: int
    total: Shape
    fund: str
    payer_kind: str
    payer: str | None
    account: tuple[str, str, str]


class Plan(NamedTuple):
    """The lines of one version for one window on one platform. `key` names the standing; None: a gig keeps none."""

    scheme: str
    version: str
    window: str
    unit: str
    key: tuple[str, str, str] | None
    assess: tuple[Assess, ...]
    lines: tuple[Line, ...]
    group: Group


class Group(NamedTuple):
    """The rules of a version that share a standing, with the bases they read; not yet bound to a window."""

    version: Version
    window: Window
    pooled: bool
    bases: tuple[Base, ...]
    assess: tuple[Assess, ...]
    rules: tuple[Rule, ...]
    shapes: tuple[Shape, ...]

    def bind(self, day: date, platform: str) -> Plan:
        """Give the plan for the window that holds this local day, on this platform."""
        version, label = self.version, window_label(self.window, day)
        kept = self.window is not Window.GIG
        names = [base.name for base in self.bases]
        lines = tuple(
            Line(
                names.index(rule.base),
                shape,
                rule.fund,
                rule.payer,
                None if rule.payer == ids.WORKER else ids.payer_of(rule.payer, "", platform),
                (version.scheme, rule.fund, version.currency),
            )
            for rule, shape in zip(self.rules, self.shapes, strict=True)
        )
        key = (version.scheme, label, "" if self.pooled else platform) if kept else None
        return Plan(version.scheme, version.id, label, version.currency, key, self.assess, lines, self)


def compile_version(version: Version) -> tuple[Group, ...]:
    """Give a version's groups, in the order in which its rules first name them."""
    shared: dict[tuple[Window, bool], list[Rule]] = {}
    for rule in version.rules:
        shared.setdefault((rule.window, rule.pooled), []).append(rule)
    groups = []
    for (window, pooled), rules in shared.items():
        bases = tuple(version.base(name) for name in dict.fromkeys(rule.base for rule in rules))
        shapes = tuple(compile_rule(rule, version) for rule in rules)
        groups.append(Group(version, window, pooled, bases, tuple(map(assess, bases)), tuple(rules), shapes))
    return tuple(groups)
