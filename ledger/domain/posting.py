"""What one event does to a worker's account: postings and notices, as values.

A posting moves an amount to (or, negative, back from) one fund of one scheme, in one window, owed by one payer. Named
as in the entry (contracts/formats/entry.md). Knows no rule: those are settled in `ledger.domain.settling`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.domain.ids import payer_kind

if TYPE_CHECKING:
    from ledger.domain.notices import Said

ACCRUED: Final = "accrued"
Name = tuple[str, str, str, str]
"""What names a rule of a window: fund, kind of payer, state, unit."""


class Contribution(NamedTuple):
    """One posting, named as in the entry. `amount` in minor units of `unit` (a currency), whole seconds (`hours`) or
    whole days (`days`), never 0, negative when taken back; `payer` such as `platform:gojek`; `window` as written in
    `ledger.domain.period`; `platform`: on whose gigs it lies, "" for all of them together.
    """

    scheme: str
    version: str
    fund: str
    payer: str
    window: str
    amount: int
    unit: str
    state: str = ACCRUED
    platform: str = ""


class Outcome(NamedTuple):
    """What one event did: postings and notices, in order."""

    contributions: list[Contribution]
    said: list[Said]


def name_of(posting: Contribution) -> Name:
    """Give what names the rule of a posting: fund, kind of payer, state and unit."""
    return posting.fund, payer_kind(posting.payer), posting.state, posting.unit
