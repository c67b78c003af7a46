"""What accrued to a worker, as an auditor keeps it: amounts, and the listing of funds that they belong to.

Most workers have the same funds. So the funds and the text of balances that list them are one value for all of them
(`Listing`), and a worker's own is a row of amounts. Must not know entries or findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from contracts.entry import balances_form

INTEGER_END: Final = 2**53


class Fund(tuple[str, str, str]):
    """Scheme, fund, unit: one value for each that there is, given out by `Balances.fund`, to be looked up quickly."""

    __slots__ = ()
    __hash__ = object.__hash__


class Listing:
    """Funds in the order in which balances list them; one value for each order, given out by `Listings`.

    `form` is the text of such balances without their brackets, with a place for each amount. No amount of a text of at
    most `narrow` bytes has more than 15 digits.
    """

    __slots__ = ("form", "funds", "narrow")

    def __init__(self, funds: tuple[Fund, ...]) -> None:
        self.funds = funds
        self.form = balances_form(funds)
        self.narrow = len(self.form % ((0,) * len(funds))) + 14


class Listings(dict[tuple[Fund, ...], Listing]):
    """The listings that there are, by their funds."""

    def __missing__(self, funds: tuple[Fund, ...]) -> Listing:
        """Make a listing when it is asked for first."""
        made = self[funds] = Listing(funds)
        return made

    def with_more(self, listing: Listing, funds: Iterable[Fund]) -> Listing:
        """Give the listing of these funds too, in the order of entries; the same where it has all of them."""
        more = set(funds).difference(listing.funds)
        return self[(*sorted((*listing.funds, *more)),)] if more else listing


class Totals:
    """What accrued to one worker so far: `amounts` of the funds of `listing`.

    `plain`: nothing but what accrued is to be held against an entry's balances.
    """

    __slots__ = ("amounts", "listing", "plain")

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.amounts: tuple[int, ...] = (0,) * len(listing.funds)
        self.plain = True

    def by_fund(self) -> dict[Fund, int]:
        """Give the amounts by fund, in order."""
        return dict(zip(self.listing.funds, self.amounts, strict=True))

    def set(self, listings: Listings, amounts: Mapping[Fund, int]) -> None:
        """Become these amounts, listed in this order."""
        self.listing = listings[(*amounts,)]
        self.amounts = (*amounts.values(),)

    def widened(self, listing: Listing) -> tuple[int, ...]:
        """Give the amounts as another listing has them, which has all the funds of this one."""
        if not self.amounts:
            return (0,) * len(listing.funds)
        by_fund = self.by_fund()
        return tuple(by_fund.get(fund, 0) for fund in listing.funds)


def is_exact(amounts: Iterable[int]) -> bool:
    """Tell whether all of them are in the range of exact numbers (L10)."""
    return all(-INTEGER_END < amount < INTEGER_END for amount in amounts)
