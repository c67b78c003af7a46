"""Attributes of workers and platforms that schemes may read: their names, their types, what stands for an unknown one.

Values arrive as text, lists of text or truths and are typed by their name. Source: the list of attributes in
contracts/schemes/LANGUAGE.md. Knows nothing of who has which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final, TypeAlias

from ledger.domain.quantity import exact

Value: TypeAlias = Fraction | str | bool | date | tuple[str, ...] | None
"""What a name reads: a number (money in the currency's unit), a word, a truth, a day, several words, or nothing."""


class Month(date):
    """A month as a value: its first day, known to have been written as a month."""


WORKER: Final[Mapping[str, str]] = {
    "born": "month",
    "opted_in": "month or day",
    "income": "decimal",
    "basis": "decimal",
    "programmes": "list",
    "sector": "word",
    "state_paid": "truth",
    "service_class": "word",
    "plan": "decimal",
    "pays": "word",
    "subsidy": "word",
    "sponsor": "word",
    "salary": "decimal",
    "productive": "truth",
    "tier": "word",
    "activity": "list",
}
PLATFORM: Final[Mapping[str, str]] = {
    "turnover": "decimal",
    "payouts": "decimal",
    "first_enrolment": "truth",
    "collects": "word",
    "flat_fee": "truth",
    "service_fee_pct": "decimal",
}
WORKER_DEFAULTS: Final[Mapping[str, Value]] = {
    "programmes": ("JKK", "JKM"),
    "sector": "other",
    "state_paid": False,
    "pays": "month",
    "subsidy": "none",
    "salary": Fraction(0),
    "productive": False,
    "activity": (),
}
PLATFORM_DEFAULTS: Final[Mapping[str, Value]] = {
    "first_enrolment": False,
    "collects": "cumulative",
    "flat_fee": False,
}
_MONTH: Final = re.compile(r"\d{4}-\d{2}", re.ASCII)


def read(types: Mapping[str, str], name: str, raw: Any) -> Value:
    """Give the typed value of an attribute. Raises ValueError naming the attribute and its form."""
    kind = types.get(name)
    if kind is None:
        raise ValueError(f"attribute: expected one of {', '.join(types)}, got {name[:40]!r}")
    try:
        return _typed(kind, raw)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: expected a {kind}, got {str(raw)[:40]!r}") from error


def _typed(kind: str, raw: Any) -> Value:
    if kind == "list":
        if not isinstance(raw, list | tuple) or not all(isinstance(item, str) for item in raw):
            raise TypeError
        return tuple(raw)
    if kind == "truth":
        if raw not in (True, False, "true", "false"):
            raise ValueError
        return raw in (True, "true")
    if not isinstance(raw, str):
        raise TypeError
    if kind == "decimal":
        return Fraction(exact(raw))
    if kind == "word":
        return raw
    if _MONTH.fullmatch(raw):
        return Month(int(raw[:4]), int(raw[5:]), 1)
    if kind == "month":
        raise ValueError
    return date.fromisoformat(raw)
