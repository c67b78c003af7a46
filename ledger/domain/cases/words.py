"""The words of case files: readers of one value each, and the members that each type of event has.

A reader takes a node and gives its value typed, or notes in the `Reading` what is wrong with it and gives an empty one.
Amounts stay text, since how many decimals a currency has is known only with the scheme; attributes stay text, truths
and lists of texts, as the events carry them. What the values mean together is `ledger.domain.cases.file`. Source: the
tables of events in contracts/schemes/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from ledger.domain import attributes, quantity
from ledger.domain.language.tree import Node, Reading, plain_value
from ledger.domain.period import parse_period

Read: TypeAlias = Callable[[Reading, Node, str], Any]

COUNT: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
TRUTH: Final = {"true": True, "false": False}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DAYS: Final = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


def text(reading: Reading, node: Node, where: str) -> str:
    """Give any text."""
    return reading.text(node, where)


def decimal(reading: Reading, node: Node | None, where: str) -> str:
    """Give the text of a decimal; quotes around it are not asked for, since nothing here is read as a float."""
    return reading.word(node, where, quantity.DECIMAL, '"0.50"')


def day(reading: Reading, node: Node | None, where: str) -> date | None:
    """Give a day of the calendar."""
    written = reading.word(node, where, _DAY, "2026-01-31")
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        reading.wrong(node or Node("", 1), f"{where}: expected a day of the calendar, got {written}", "mend the day")
        return None


def period(reading: Reading, node: Node, where: str) -> str:
    """Give a period as written."""
    written = reading.text(node, where)
    try:
        if written:
            parse_period(written)
    except ValueError as error:
        said = str(error)
        what = said if said.startswith("period: ") else f"period: expected one of the calendar, got {written[:40]!r}"
        reading.wrong(node, what, "write it as 2025-03, 2025-Q1, 2025 or FY2025-26")
    return written


def mapping(reading: Reading, node: Node | None, where: str) -> dict[str, Node]:
    """Give a mapping whose keys are free."""
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        reading.wrong(node, f"{where}: expected keys and values", "write {name: value}")
        return {}
    return node.value


def attribute_set(reading: Reading, node: Node | None, where: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Give attributes by name, raw: texts, truths, lists of texts; each was seen to be of its type."""
    found: dict[str, Any] = {}
    own = reading.mapping(node, where, (), tuple(types)) if node is not None else {}
    for name, child in own.items():
        if name not in types:
            continue
        raw = plain_value(child)
        try:
            attributes.read(types, name, raw)
            found[name] = TRUTH[raw] if types[name] == "truth" else raw
        except ValueError as error:
            reading.wrong(child, f"{where}: {error}", f"write a {types[name]}")
    return found


def worker_attributes(reading: Reading, node: Node | None, where: str) -> dict[str, Any]:
    """Give a worker's attributes."""
    return attribute_set(reading, node, where, attributes.WORKER)


def _choice(*words: str) -> Read:
    return lambda reading, node, where: reading.choice(node, where, {word: word for word in words}, words[0])


def _amount_of_nature(reading: Reading, node: Node, where: str) -> Any:
    number = quantity.exact(decimal(reading, node, where) or "0")
    if number < 0:
        reading.wrong(node, f"{where}: expected 0 or more, got {quantity.decimal(number)}", "write 0 or more")
    return number


def _paid(reading: Reading, node: Node, where: str) -> str:
    written = decimal(reading, node, where)
    if written and quantity.exact(written) <= 0:
        reading.wrong(node, f"{where}: expected more than 0, got {written}", "write what was paid in")
    return written


def _whole_days(reading: Reading, node: Node, where: str) -> int:
    return int(reading.word(node, where, _DAYS, "40") or "0")


def _currency(reading: Reading, node: Node, where: str) -> str:
    return reading.word(node, where, _CURRENCY, "IDR")


def _rate(reading: Reading, node: Node, where: str) -> str:
    written = decimal(reading, node, where)
    if written and quantity.exact(written) <= 0:
        reading.wrong(node, f"{where}: expected a rate above 0, got {written}", "write what one unit is worth")
        return "1"
    return written or "1"


def _components(reading: Reading, node: Node, where: str) -> list[dict[str, str]]:
    found = []
    for part in reading.items(node, where):
        own = reading.mapping(part, "component", ("kind", "amount"), ("purpose",))
        amount = decimal(reading, own.get("amount"), "amount") or "0"
        found.append({"kind": reading.text(own.get("kind"), "kind"), "amount": amount})
        if "purpose" in own:
            found[-1]["purpose"] = reading.text(own["purpose"], "purpose")
    return found


def _segments(reading: Reading, node: Node, where: str) -> list[dict[str, Any]]:
    found = []
    numbers = ("engaged_seconds", "distance_m")
    for part in reading.items(node, where):
        own = reading.mapping(part, "segment", ("zone",), numbers)
        found.append({name: _amount_of_nature(reading, own[name], name) for name in numbers if name in own})
        found[-1]["zone"] = reading.text(own.get("zone"), "zone")
    return found


def _declared(reading: Reading, node: Node, where: str) -> None:
    # What a platform says it paid is kept for reconciliation; no scheme reads it.
    for part in reading.items(node, where):
        reading.mapping(part, where, ("scheme", "fund", "amount"))


MEMBERS: Final[Mapping[str, Read]] = {
    "at": text,
    "gig": text,
    "service": text,
    "vehicle": text,
    "zone": text,
    "gross": decimal,
    "components": _components,
    "commission": decimal,
    "engaged_seconds": _amount_of_nature,
    "distance_m": _amount_of_nature,
    "segments": _segments,
    "payment_due_on": day,
    "currency": _currency,
    "rate": _rate,
    "rate_date": day,
    "accepted_at": text,
    "declared": _declared,
    "set": worker_attributes,
    "period": period,
    "amount": _paid,
    "payer": _choice("worker", "platform"),
    "fund": text,
    "finding": _choice("upheld", "unfounded"),
    "suspended_from": day,
    "suspended_days": _whole_days,
}
"""How each key of an event is read."""
