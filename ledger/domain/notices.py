"""Notices: what a scheme has to say without moving money: a shortfall, eligibility reached, a day by which to pay.

Said once for a window, again when what it says changes, and at each close where the notice belongs to the close. What
was said last stands in the window's standing. A parameter that no instrument has set, and a table that refuses to
guess, are said the same way. Upholds L4: whether something is said follows from the account alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.domain.attributes import Value

if TYPE_CHECKING:
    from ledger.domain.reckoning.lines import View
    from ledger.domain.scheme import Notice, Operand

PARAMETER_UNSET: Final = "parameter_unset"
NOT_PUBLISHED: Final = "not_published"
_NEVER: Final = ""


class Said(NamedTuple):
    """One notice. `amount` in the currency's unit; `platform` is "" where platforms are pooled."""

    scheme: str
    version: str
    kind: str
    window: str
    platform: str
    fund: str
    amount: Fraction | None
    value: str | bool | None
    date: date | None


def say(view: View, on: str) -> Iterator[Said]:
    """Give what is to be said of a window now, and take note that it was. `on`: gig, close or dispute."""
    group = view.plan.group
    for place, (notice, holds) in enumerate(zip(group.notices, group.notice_holds, strict=True)):
        if not _is_time(notice, on, view.standing.closed):
            continue
        met = holds(view)
        key = str(place)
        if notice.truth:
            before = view.standing.told.get(key, _NEVER if notice.on != "gig" else str(False))
            said = _said(view, notice.kind, notice.fund, None, met, None)
        elif met:
            before = view.standing.told.get(key, _NEVER)
            said = _of(view, notice)
        else:
            view.standing.told.pop(key, None)
            continue
        now = f"{said.value}" if notice.truth else f"{said.amount} {said.value} {said.date}"
        if now != before:
            view.standing.told[key] = now
            yield said
    for kind, names in ((PARAMETER_UNSET, view.unset), (NOT_PUBLISHED, view.unknown)):
        for name in names:
            if view.standing.told.get(f"{kind} {name}") is None:
                view.standing.told[f"{kind} {name}"] = "said"
                yield _said(view, kind, "", None, name, None)


def _is_time(notice: Notice, on: str, closed: bool) -> bool:
    """A notice of the close is said at the close, and again later when a correction changes it."""
    if notice.on == "dispute" or on in ("dispute", "remittance"):
        return notice.on == on
    return notice.on == "gig" or closed


def _of(view: View, notice: Notice) -> Said:
    amount = _read(view, notice.amount)
    value = _read(view, notice.value)
    day = None if notice.date is None else view.read(notice.date)
    return _said(
        view,
        notice.kind,
        notice.fund,
        Fraction(amount) if isinstance(amount, Fraction | int) and not isinstance(amount, bool) else None,
        value if isinstance(value, str | bool) else None if value is None else str(value),
        day if isinstance(day, date) else None,
    )


def _read(view: View, operand: Operand | None) -> Value:
    """Give what an operand reads; a word that names nothing is the word itself."""
    if not isinstance(operand, str):
        return operand
    try:
        return view.read(operand)
    except ValueError:
        return operand


def _said(
    view: View, kind: str, fund: str, amount: Fraction | None, value: str | bool | None, day: date | None
) -> Said:
    plan = view.plan
    return Said(plan.scheme, plan.version, kind, plan.window, plan.platform, fund, amount, value, day)
