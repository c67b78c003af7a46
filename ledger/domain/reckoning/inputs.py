"""What went into a figure: the values of a scheme's measures, lines, parameters and tables for a window or a gig.

For people and for case files; changes nothing. Money in the currency's unit. Source: the names are those of the
scheme's own text.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ledger.domain.period import Span, local_day
from ledger.domain.reckoning.lines import View
from ledger.domain.reckoning.plan import RUNNING_KEY, Plan
from ledger.domain.standing import Standing

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.earning import Gig
    from ledger.domain.registry import Registry
    from ledger.domain.scheme import Version
    from ledger.domain.standing import Account


def inputs_of_window(
    scheme: str, name: str, period: Span | str, platform: str | None, account: Account, registry: Registry
) -> list[Value]:
    """Give what a name reads in each window of a scheme that lies within a period, or "running" for running windows.

    On one platform, or on all that the worker has windows on (None); a name read from a pooled window ignores it.
    Raises ValueError for a name that no version of the scheme knows.
    """
    _check(scheme, name, registry)
    found: dict[tuple[str, str, str] | None, Value] = {}
    names = [platform] if platform is not None else sorted({key[2] for key in account.standings if key[0] == scheme})
    plans = _plans(scheme, name, period, names or [""], account, registry)
    for plan in [plan for plan in plans if plan.span == period] or plans:
        if plan.key in found:
            continue
        standing = account.standings.get(plan.key) if plan.key is not None else None
        if standing is None:
            standing = Standing(plan.version, [0] * len(plan.assess), [0] * len(plan.lines))
        facts = standing.events[-1] if standing.events else None
        value = _read(View(account, registry, plan, standing, None, facts), name)
        if value is not None:
            found[plan.key] = value
    return list(found.values())


def inputs_of_gig(scheme: str, name: str, gig: Gig, account: Account, registry: Registry) -> list[Value]:
    """Give what a name reads for a gig: in its own window, or for the gig alone in the window that holds it.

    Raises ValueError for a name that no version of the scheme knows.
    """
    _check(scheme, name, registry)
    found: list[Value] = []
    for plan in registry.plans(gig):
        if plan.scheme != scheme or found or plan.group.compiled.unpriced:
            continue
        if _reads(plan, name):
            standing = Standing(plan.version, [base(gig) for base in plan.assess], [0] * len(plan.lines))
            for place, day_of in plan.group.days:
                standing.inputs[place] = int(day_of(gig) is not None)
            value = _read(View(account, registry, plan, standing, gig), name)
            if value is not None:
                found.append(value)
    return found


def _plans(
    scheme: str, name: str, period: Span | str, names: list[str], account: Account, registry: Registry
) -> list[Plan]:
    if isinstance(period, str) and period == RUNNING_KEY:
        day = date.fromtimestamp(0) if account.newest < 0 else _day(account.newest)
        keys = [(scheme, RUNNING_KEY, own) for own in (*names, "")]
        return [plan for key in keys for plan in registry.plan_of(key, day) if _reads(plan, name)]
    if isinstance(period, str):
        raise ValueError(f"period: expected days or {RUNNING_KEY!r}, got {period[:40]!r}")
    return [plan for plan in registry.plans_within(scheme, period, names) if _reads(plan, name)]


def _day(instant: int) -> date:

    return local_day("UTC", instant)


def _reads(plan: Plan, name: str) -> bool:
    """Tell whether a name can be read in a plan's window: its own measures, and lines over measures that it reads."""
    return plan.group.can_read(name)


def _read(view: View, name: str) -> Value:
    sheet = view.plan.group.sheet
    return view.read(name) if sheet.is_name(name) else sheet.table(name, 0)(view)


def _check(scheme: str, name: str, registry: Registry) -> None:
    if not any(name in names_of(version) for version in registry.versions(scheme)):
        raise ValueError(f"inputs: {scheme} has no measure, line, parameter or table {name[:40]!r}")


def names_of(version: Version) -> set[str]:
    """Give every name that a version defines."""
    names = {measure.name for measure in version.measures} | {line.name for line in version.lines}
    return names | {each.name for each in version.parameters} | {table.name for table in version.tables}
