"""Where an entry parts from what was worked out again, in the words of an audit: no worker is named (L11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec

from contracts.entry import BalanceRow, Entry
from ledger.domain.posting import Contribution
from ledger.intake import contributions_of

if TYPE_CHECKING:
    from ledger.parts import Part


def difference(part: Part, entry: Entry) -> str | None:
    """Say what of an entry is not as it was worked out, balances apart; None if all is."""
    rows = entry.contributions if isinstance(entry.contributions, list) else None
    if part.kind != entry.kind:
        return f"entry: expected kind {part.kind}, got {entry.kind}"
    if part.contributions != rows:
        written = contributions_of(entry)
        due = list(part.postings)
        if len(due) == len(written) and all(_shown(a, b) == _shown(b, a) for a, b in zip(due, written, strict=True)):
            return "contributions: expected their platforms as worked out, got others"
        return _first_difference(due, written)
    if part.notices != (entry.notices if isinstance(entry.notices, list) else None):
        return "notices: expected those that the schemes give, got others"
    refers = tuple(entry.refers_to) if isinstance(entry.refers_to, list) else None
    if part.refers_to != refers or (part.reason or msgspec.UNSET) != entry.reason:
        return "entry: expected to refer to what it corrects, with the reason, got another reference"
    return None


def _first_difference(due: Sequence[Contribution], written: Sequence[Contribution]) -> str:
    """Say where the postings part; a payer's kind alone, as a worker is a payer too (L11)."""
    number, expected, got = next((n, a, b) for n, (a, b) in enumerate(zip_longest(due, written), 1) if a != b)
    return f"contribution {number}: expected {_shown(expected, got)}, got {_shown(got, expected)}"


def _shown(posting: Contribution | None, other: Contribution | None) -> str:
    if posting is None:
        return "none"
    scheme, version, fund, payer, window, amount, unit = posting[:7]
    kind = payer.partition(":")[0]
    if other is not None and kind == other.payer.partition(":")[0] and payer != other.payer:
        kind = f"{kind} (another one)"
    return f"{amount} {unit} to {scheme}/{fund} by {kind} in {window} under {version}"


def balance_difference(due: Sequence[BalanceRow], stated: Sequence[BalanceRow]) -> str:
    """Say where balances part: the first fund and state, in order of their names."""
    expected = _amounts(due)
    written = _amounts(stated)
    for scheme, fund, unit, state in sorted(expected.keys() | written.keys()):
        key = (scheme, fund, unit, state)
        if expected.get(key) != written.get(key):
            what = "" if state == "accrued" else f" ({state})"
            got = f"expected {_or_none(expected.get(key))}, got {_or_none(written.get(key))}"
            return f"balance of {scheme}/{fund} in {unit}{what}: {got}"
    return "balances: expected each fund once, by scheme, fund and unit, got another order"


def _amounts(rows: Iterable[BalanceRow]) -> dict[tuple[str, str, str, str], int]:
    return {
        (row.scheme, row.fund, row.unit, state): amount
        for row in rows
        for state in ("accrued", "credit", "drawn", "remitted", "returned", "withheld")
        if (amount := getattr(row, state)) or state == "accrued"
    }


def _or_none(amount: int | None) -> str:
    return "none" if amount is None else str(amount)
