"""What is remembered of a worker: accumulated to date in each open window, and lifetime balances.

A standing holds its window's inputs (the bases' totals) and what was posted per line, under one version; gig windows
keep none. An account is mutable and owned by one desk. It is a short cut: folding the worker's entries again gives the
same one, and `dump` / `load` carry it as a snapshot, exactly.

When a version is enacted that reaches back into windows with gigs in them, inputs added under the old text must not
be mixed with inputs under the new. The account then is stale: accruing raises StaleStanding before anything changed,
and the caller folds all of the worker's entries, from the first, into a new account under the registry as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ledger.domain.registry import Registry

NO_GIG: Final = -1


class StaleStanding(Exception):
    """The account was folded under versions since replaced: fold it from its entries again, then retry."""


class Standing:
    """One window so far: `inputs` by base and `posted` by line of the version's plan, in minor units.

    `orphans` holds what was posted under (fund, kind of payer, unit) that the version has no line for: an earlier
    version's; the next gig in the window takes it back.
    """

    __slots__ = ("inputs", "orphans", "posted", "version")

    def __init__(self, version: str, inputs: list[int], posted: list[int]) -> None:
        self.version = version
        self.inputs = inputs
        self.posted = posted
        self.orphans: dict[tuple[str, str, str], int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Standing) and self._all() == other._all()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Standing{self._all()}"

    def copy(self) -> Standing:
        """Give one that changes apart from this one."""
        twin = Standing(self.version, list(self.inputs), list(self.posted))
        twin.orphans = dict(self.orphans)
        return twin

    def _all(self) -> tuple[object, ...]:
        return self.version, self.inputs, self.posted, self.orphans


class Account:
    """One worker's state in one journal.

    `standings` by (scheme, window, platform or "" where platforms are pooled); `balances` by (scheme, fund, unit) in
    sorted order; `newest` the latest `occurred_at` folded; `generation` the registry's under which all of it stands.
    """

    __slots__ = ("balances", "generation", "newest", "standings")

    def __init__(self) -> None:
        self.standings: dict[tuple[str, str, str], Standing] = {}
        self.balances: dict[tuple[str, str, str], int] = {}
        self.newest = NO_GIG
        self.generation = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]

    def is_stale(self, registry: Registry) -> bool:
        """Tell whether this registry has changed windows in which this account already holds gigs."""
        if self.newest == NO_GIG or self.generation == registry.generation:
            return False
        reached = registry.reaches_back(self.generation)
        return reached is not None and self.newest >= reached

    def catch_up(self, registry: Registry) -> None:
        """Take note of a registry that changed nothing this account holds. Raises StaleStanding where it did."""
        if self.is_stale(registry):
            raise StaleStanding("account: expected one folded under the versions now enacted, got an earlier fold")
        self.generation = registry.generation

    def add_balance(self, account: tuple[str, str, str], amount: int) -> None:
        """Add to a balance, keeping the order when it is new."""
        balances = self.balances
        if account in balances:
            balances[account] += amount
        else:
            balances[account] = amount
            self.balances = dict(sorted(balances.items()))

    def balance_rows(self) -> list[tuple[str, str, str, int]]:
        """Give (scheme, fund, unit, accrued) in the order in which an entry lists them."""
        return [(scheme, fund, unit, accrued) for (scheme, fund, unit), accrued in self.balances.items()]

    def copy(self) -> Account:
        """Give one that changes apart from this one."""
        twin = Account()
        twin.standings = {key: standing.copy() for key, standing in self.standings.items()}
        twin.balances = dict(self.balances)
        twin.newest, twin.generation = self.newest, self.generation
        return twin

    def dump(self) -> dict[str, Any]:
        """Give the account as strings, integers and lists, in sorted order; inverse of `load`."""
        return {
            "generation": self.generation,
            "newest": self.newest,
            "balances": [list(row) for row in self.balance_rows()],
            "standings": [
                [
                    *key,
                    own.version,
                    own.inputs[:],
                    own.posted[:],
                    [[*name, v] for name, v in sorted(own.orphans.items())],
                ]
                for key, own in sorted(self.standings.items())
            ],
        }

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Account:
        """Give the account that was dumped."""
        account = cls()
        account.generation, account.newest = dumped["generation"], dumped["newest"]
        account.balances = {(scheme, fund, unit): accrued for scheme, fund, unit, accrued in dumped["balances"]}
        for scheme, window, platform, version, inputs, posted, orphans in dumped["standings"]:
            own = account.standings[scheme, window, platform] = Standing(version, list(inputs), list(posted))
            own.orphans = {(fund, kind, unit): amount for fund, kind, unit, amount in orphans}
        return account
