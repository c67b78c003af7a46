"""What a mapping of the language is made of: keys, what each takes and says; and the words that keys choose from.

The tables themselves stand in `keys_of_files` and `keys_of_rules`; everybody reads them together from `keys`. Types are
named in `TYPES` of `ledger.domain.language.schema`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Key(NamedTuple):
    """One key of a form: its name, the type of what it takes, whether it is required, what it says, an example."""

    name: str
    takes: str
    required: bool
    says: str
    example: str


class Form(NamedTuple):
    """One mapping of the language: what it is, and its keys in the order in which people write them."""

    title: str
    says: str
    keys: tuple[Key, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The keys that must stand."""
        return tuple(key.name for key in self.keys if key.required)

    @property
    def optional(self) -> tuple[str, ...]:
        """The keys that may stand."""
        return tuple(key.name for key in self.keys if not key.required)


def must(name: str, takes: str, says: str, example: str) -> Key:
    """Give a key that must stand."""
    return Key(name, takes, True, says, example)


def may(name: str, takes: str, says: str, example: str) -> Key:
    """Give a key that may stand."""
    return Key(name, takes, False, says, example)


CITING: Final = (
    may("source", "source key", "key of the document under `sources:` in which this was read", "go_413"),
    may("confidence", "confidence", "`unverified`: not read in a source, or inferred", "unverified"),
    may("note", "text", "anything a reader should know: a choice made, a contradiction", '"rounding is our choice"'),
)

STATUSES: Final = ("in force", "draft", "example", "historic")
SUMS: Final = ("pay", "minutes", "hours", "miles", "km")
COUNTS: Final = ("gigs", "days")
STATES: Final = ("accrued", "withheld", "returned")
UNITS: Final = ("money", "hours", "days")
RULE_MOMENTS: Final = ("gig", "close", "remittance", "dispute")
NOTICE_MOMENTS: Final = ("gig", "close", "dispute")
NOTICE_KINDS: Final[dict[str, str]] = {
    "shortfall": "less was contributed than is owed or needed (`amount`)",
    "excess": "more was contributed than is owed (`amount`)",
    "eligible": "whether a benefit's test is met (`truth`, or `value`: a word)",
    "coverage": "what the worker is covered for (`value`: a word)",
    "usable": "whether what was saved up may be used (`truth`)",
    "redeemable": "whether what was saved up may be redeemed (`truth`)",
    "breach": "a limit was passed (`amount`: too much)",
    "due": "the last day to pay (`date`)",
}
SPOKEN_BY_ENGINE: Final[dict[str, str]] = {
    "parameter_unset": "a parameter is open (`value`: its name)",
    "not_published": "a table that refuses to guess has no row (`value`: its name)",
    "rate_missing": "a gig was paid in another currency, and no rate was recorded (`value`: the currency)",
}
"""Notices that no scheme writes."""
