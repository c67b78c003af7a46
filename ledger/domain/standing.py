"""What is remembered of a worker: accumulated to date in each window, dated attributes, and lifetime balances.

A standing holds its window's inputs (the measures' totals) and what was posted per rule, under one version; gig windows
keep none. An account is mutable and owned by one desk. It is a short cut: folding the worker's entries again gives the
same one, and `dump` / `load` carry it as a snapshot, exactly.

When a version is enacted that reaches back into windows with gigs in them, inputs added under the old text must not
be mixed with inputs under the new. The account then is stale: accruing raises StaleStanding before anything changed,
and the caller folds all of the worker's entries, from the first, into a new account under the registry as it is now.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from ledger.domain.attributes import WORKER, WORKER_DEFAULTS, Value, read

if TYPE_CHECKING:
    from ledger.domain.registry import Registry

NO_GIG: Final = -1
Key = tuple[str, str, str]
"""Of a standing: scheme, window, platform or "" where platforms are pooled. Of a balance: scheme, fund, unit."""


class StaleStanding(Exception):
    """The account was folded under versions since replaced: fold it from its entries again, then retry."""


class Standing:
    """One window so far: `inputs` by measure and `posted` by rule of the version's plan, in minor units.

    `days` holds, per measure that counts days, how many gigs stand on each. `told` is what was said last, per notice.
    `orphans` holds what was posted under (fund, kind of payer, state, unit) that the version has no rule for: an
    earlier version's; it is taken back when the window is settled next. `gigs`: how many lie in it, where that
    is asked; `platform`: whose came last; `events`: what was paid or decided about it, where a
    rule makes something of each.
    """

    __slots__ = ("closed", "days", "events", "gigs", "inputs", "orphans", "platform", "posted", "told", "version")

    def __init__(self, version: str, inputs: list[int | Fraction], posted: list[int], closed: bool = False) -> None:
        self.version = version
        self.inputs = inputs
        self.posted = posted
        self.closed = closed
        self.gigs = 0
        self.events: list[dict[str, Value]] = []
        self.platform = ""
        self.days: dict[int, dict[str, int]] = {}
        self.told: dict[str, str] = {}
        self.orphans: dict[tuple[str, str, str, str], int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Standing) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Standing{self.dump()}"

    def count_day(self, place: int, day: str, change: int) -> None:
        """Count a gig on a day (or one fewer); the input is how many days have one."""
        days = self.days.setdefault(place, {})
        count = days.get(day, 0) + change
        if count:
            days[day] = count
        else:
            days.pop(day, None)
        self.inputs[place] = len(days)

    def dump(self) -> list[Any]:
        """Give the standing as strings, integers and lists, in sorted order; inverse of `load`."""
        return [
            self.version,
            [value if isinstance(value, int) else str(value) for value in self.inputs],
            self.posted[:],
            [[*name, value] for name, value in sorted(self.orphans.items()) if value],
            int(self.closed),
            self.gigs,
            self.platform,
            [[place, sorted(map(list, days.items()))] for place, days in sorted(self.days.items()) if days],
            sorted(map(list, self.told.items())),
            [sorted([name, *_typed(value)] for name, value in event.items()) for event in self.events],
        ]

    @classmethod
    def load(cls, dumped: list[Any]) -> Standing:
        """Give the standing that was dumped."""
        version, inputs, posted, orphans, closed, gigs, platform, days, told, events = dumped
        own = cls(version, [v if isinstance(v, int) else Fraction(v) for v in inputs], list(posted), bool(closed))
        own.orphans = {(fund, kind, state, unit): amount for fund, kind, state, unit, amount in orphans}
        own.gigs, own.platform = gigs, platform
        own.days = {place: dict(map(tuple, counts)) for place, counts in days}
        own.told = dict(map(tuple, told))
        own.events = [{name: _untyped(kind, text) for name, kind, text in event} for event in events]
        return own


def _typed(value: Value) -> tuple[str, str]:
    if isinstance(value, Fraction):
        return "number", str(value)
    return ("day", value.isoformat()) if isinstance(value, date) else ("word", str(value))


def _untyped(kind: str, text: str) -> Value:
    if kind == "number":
        return Fraction(text)
    return date.fromisoformat(text) if kind == "day" else text


class Account:
    """One worker's state in one journal.

    `standings` by (scheme, window, platform or "" where platforms are pooled); `balances` by (scheme, fund, unit) in
    sorted order, of what accrued; `others` the other states' by (scheme, fund, unit, state); `newest` the latest
    instant folded, of a gig or a window's last day; `generation` the registry's under which all of it stands; `paid`
    what was paid in, by (scheme, window, payer, fund), `+` before the fund for what was paid ahead.
    """

    __slots__ = (
        *("alone", "attributes", "balances", "firsts", "generation", "joining", "newest", "others", "paid"),
        *("standings", "typed", "worker"),
    )

    def __init__(self, worker: str = "", *, alone: bool = False) -> None:
        """An account without anything. `alone`: a trial in which every scheme acts on this one worker, and what
        platforms owe as a whole falls due here.
        """
        self.worker = worker
        self.alone = alone
        self.standings: dict[Key, Standing] = {}
        self.balances: dict[Key, int] = {}
        self.others: dict[tuple[str, str, str, str], int] = {}
        self.attributes: dict[str, list[tuple[int, Any]]] = {}
        self.typed: dict[str, list[tuple[int, Value]]] = {}
        self.firsts: dict[tuple[str, str], int] = {}
        self.joining: set[str] = set()
        self.paid: dict[tuple[str, str, str, str], int] = {}
        self.newest = NO_GIG
        self.generation = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]

    def is_stale(self, registry: Registry) -> bool:
        """Tell whether this registry has changed windows in which this account already holds something."""
        if self.newest == NO_GIG or self.generation == registry.generation:
            return False
        reached = registry.reaches_back(self.generation)
        return reached is not None and self.newest >= reached

    def catch_up(self, registry: Registry) -> None:
        """Take note of a registry that changed nothing this account holds. Raises StaleStanding where it did."""
        if self.is_stale(registry):
            raise StaleStanding("account: expected one folded under the versions now enacted, got an earlier fold")
        self.generation = registry.generation

    def reach(self, instant: int) -> None:
        """Take note that something stands in the account as late as this instant."""
        self.newest = max(self.newest, instant)

    def add_balance(self, account: Key, amount: int) -> None:
        """Add to a balance, keeping the order when it is new."""
        balances = self.balances
        if account in balances:
            balances[account] += amount
        else:
            balances[account] = amount
            self.balances = dict(sorted(balances.items()))

    def add_other(self, account: Key, state: str, amount: int) -> None:
        """Add to what stands in another state than accrued."""
        key = (*account, state)
        self.others[key] = self.others.get(key, 0) + amount
        if account not in self.balances:
            self.add_balance(account, 0)

    def balance_rows(self) -> list[tuple[str, str, str, int]]:
        """Give (scheme, fund, unit, accrued) in the order in which an entry lists them."""
        return [(scheme, fund, unit, accrued) for (scheme, fund, unit), accrued in self.balances.items()]

    def state_attribute(self, name: str, raw: Any, from_day: date) -> None:
        """Take note of an attribute as it stands from a day on. Raises ValueError for an unknown one or another form.

        A later statement about the same day replaces an earlier one.
        """
        value = read(WORKER, name, raw)
        since = from_day.toordinal()
        raws = [item for item in self.attributes.get(name, ()) if item[0] != since]
        self.attributes[name] = sorted([*raws, (since, raw)], key=lambda item: item[0])
        values = [item for item in self.typed.get(name, ()) if item[0] != since]
        self.typed[name] = sorted([*values, (since, value)], key=lambda item: item[0])

    def attribute(self, name: str, day: date) -> Value:
        """Give an attribute as it stands on a day: what was stated last for a day not after it, else its default."""
        found: Value = None
        told = False
        at = day.toordinal()
        for since, value in self.typed.get(name, ()):
            if since <= at:
                found, told = value, True
        return found if told else WORKER_DEFAULTS.get(name)

    def joined(self, scheme: str, platform: str) -> date | None:
        """Give the local day of the first gig on a platform that is not the worker's first one in a scheme."""
        firsts = sorted((day, name) for (own, name), day in self.firsts.items() if own == scheme)
        if not firsts or firsts[0][1] == platform:
            return None
        return next((date.fromordinal(day) for day, name in firsts if name == platform), None)

    def note_first(self, scheme: str, platform: str, day: date) -> bool:
        """Take note of a gig's local day, where a scheme asks when a platform was joined; tell whether it is news."""
        known = self.firsts.get((scheme, platform))
        if known is not None and known <= day.toordinal():
            return False
        self.firsts[scheme, platform] = day.toordinal()
        return True

    def copy(self) -> Account:
        """Give one that changes apart from this one."""
        return Account.load(self.dump())

    def dump(self) -> dict[str, Any]:
        """Give the account as strings, integers and lists, in sorted order; inverse of `load`."""
        return {
            "worker": self.worker,
            "generation": self.generation,
            "newest": self.newest,
            "balances": [list(row) for row in self.balance_rows()],
            "others": [[*key, amount] for key, amount in sorted(self.others.items()) if amount],
            "attributes": [[name, list(map(list, stated))] for name, stated in sorted(self.attributes.items())],
            "firsts": [[*key, day] for key, day in sorted(self.firsts.items())],
            "paid": [[*key, amount] for key, amount in sorted(self.paid.items()) if amount],
            "standings": [[*key, *own.dump()] for key, own in sorted(self.standings.items())],
        }

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Account:
        """Give the account that was dumped."""
        account = cls(dumped["worker"])
        account.generation, account.newest = dumped["generation"], dumped["newest"]
        account.balances = {(scheme, fund, unit): accrued for scheme, fund, unit, accrued in dumped["balances"]}
        account.others = {(scheme, fund, unit, state): v for scheme, fund, unit, state, v in dumped["others"]}
        for name, stated in dumped["attributes"]:
            for since, raw in stated:
                account.state_attribute(name, raw, date.fromordinal(since))
        account.firsts = {(scheme, platform): day for scheme, platform, day in dumped["firsts"]}
        account.paid = {(scheme, window, payer, fund): v for scheme, window, payer, fund, v in dumped["paid"]}
        for scheme, window, platform, *own in dumped["standings"]:
            account.standings[scheme, window, platform] = Standing.load(own)
        return account
