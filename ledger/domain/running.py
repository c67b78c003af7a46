"""What runs on without end is the same in every version of a scheme that has such a window, else the scheme is refused.

A running window is worked out over all gigs since the first, under one version. If its rules differed from version to
version, the later ones would reach back over every gig before them, and which of them counts would hang on the order in
which gigs arrive (L9). A revision replaces a text of its own day, which then counts nowhere: it may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from ledger.domain.language.rules import by_day
from ledger.domain.language.tree import Node, Reading
from ledger.domain.period import RUNNING
from ledger.domain.reckoning.plan import Compiled, named
from ledger.domain.scheme import Citation, Line, Measure, Notice, Parameter, Rule, Table, Version


def check_running(reading: Reading, nodes: Sequence[Node], versions: Sequence[Version]) -> None:
    """Note versions in which what runs on differs from an earlier one's, or is entered gig by gig or day by day."""
    if len(nodes) != len(versions):
        return
    _entered_by_day(reading, nodes, versions)
    before: Version | None = None
    newest = {version.start: (node, version) for node, version in zip(nodes, versions, strict=True)}
    for node, version in newest.values():
        own = _runs(version)
        if own and before is not None and own != _runs(before):
            told = (
                f"version {version.id}: what runs on is not what it is in version {before.id}, whose gigs it counts too"
            )
            mend = "leave what is over `running`, with all that it reads, as it is; or use `month`, `quarter` or `year`"
            reading.wrong(node, told, mend)
        before = version if own else before


def _entered_by_day(reading: Reading, nodes: Sequence[Node], versions: Sequence[Version]) -> None:
    """Note a fund that runs on in one version and is entered gig by gig, or day by day, in another."""
    seen: dict[tuple[str, ...], str] = {}
    for node, version in zip(nodes, versions, strict=True):
        for rule in version.rules:
            key, runs = by_day(rule), rule.window.text
            if key and seen.setdefault(key, runs) != runs and "running" in (seen[key], runs):
                told = f"version {version.id}: {rule.fund} by {rule.payer} was over {seen[key]} and is over {runs} now"
                reading.wrong(node, f"{told}: both are entered by day", "name another fund, or a part of it")


def _runs(version: Version) -> list[Any]:
    """Give what runs on in a version, with all that it reads, without citations; [] where nothing does."""
    every: list[Rule | Notice] = [*version.rules, *version.notices]
    items = [item for item in every if item.window == RUNNING]
    if not items:
        return []
    read = Compiled(version).closure(name for item in items for name in named(item))
    parts: list[Parameter | Measure | Table | Line] = [*version.parameters, *version.measures]
    parts += [*version.tables, *version.lines]
    shares = {part.share for part in version.measures if part.name in read}
    return [version.attribution, *(_bare(part) for part in parts if part.name in read or part.name in shares)] + [
        _bare(item) for item in items
    ]


def _bare(value: Any) -> Any:
    """Give a value of the model without its citations."""
    if isinstance(value, Citation):
        return None
    if isinstance(value, tuple):
        return tuple(_bare(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(_bare(getattr(value, field.name)) for field in fields(value))
    return value
