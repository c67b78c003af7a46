"""L1 and L10: each worker's balances are those before plus the entry's contributions, paid by who can pay.

Fed entry by entry in order of index. After a wrong number it goes on from what the entry says, so that one wrong entry
makes few findings. Upholds L1 and L10 as an auditor. Memory: a worker's funds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from contracts.entry import BalanceRow, ContributionRow
from ledger.accounts import OTHER_STATES
from ledger.audit.checks.totals import INTEGER_END, Fund, Listings, Totals, is_exact
from ledger.audit.findings import Findings
from ledger.audit.keeping.kept import KeptBalances
from ledger.domain.ids import PLATFORM
from ledger.domain.period import parse_period

PLATFORM_SOURCE: Final = "urn:iuran:platform:"
_platform = PLATFORM.fullmatch


class Balances:
    """L1 and L10: each worker's balances are those before plus the entry's contributions."""

    def __init__(self, findings: Findings) -> None:
        self.listings = Listings()
        self._add = findings.add
        self._workers: dict[str, Totals] = {}
        self._others: dict[str, dict[tuple[str, str, str, str], int]] = {}
        self._sponsors: set[str] = set()
        self._otherwise: dict[str, dict[Fund, int]] = {}
        self._funds: dict[tuple[str, str, str], Fund] = {}
        self._legs: dict[str, set[tuple[str, str]]] = {}
        self._windows: set[str] = set()

    def kept(self) -> KeptBalances:
        """Give what `resume` takes, of balances that all were right."""
        numbers = {fund: number for number, fund in enumerate(self._funds.values())}
        return KeptBalances(
            list(self._funds),
            {
                worker: [n for fund, total in totals.by_fund().items() for n in (numbers[fund], total)]
                for worker, totals in self._workers.items()
            },
            {worker: [(*key, amount) for key, amount in others.items()] for worker, others in self._others.items()},
            sorted(self._sponsors),
        )

    def resume(self, kept: KeptBalances) -> None:
        """Become what was kept. Raises ValueError for what no `kept` gives."""
        self._funds = {named: Fund(named) for named in kept.funds}
        self._others = {worker: {row[:4]: row[4] for row in rows} for worker, rows in kept.others.items()}
        self._sponsors = set(kept.sponsors)
        funds = list(self._funds.values())
        for worker, told in kept.workers.items():
            if len(told) % 2 or not all(0 <= number < len(funds) for number in told[::2]):
                raise ValueError("balances: expected pairs of a fund's number and an amount, got others")
            totals = self.totals(worker)
            totals.set(self.listings, {funds[n]: total for n, total in zip(told[::2], told[1::2], strict=True)})
            totals.plain = worker not in self._others

    def __contains__(self, worker: str) -> bool:
        return worker in self._workers

    def sponsor(self, platform: str) -> None:
        """Take note that a worker named a platform that pays for them."""
        self._sponsors.add(platform)

    def totals(self, worker: str) -> Totals:
        """Give what accrued to a worker, who is known from here on."""
        found = self._workers.get(worker)
        if found is None:
            found = self._workers[worker] = Totals(self.listings[()])
        return found

    def fund(self, row: ContributionRow | BalanceRow) -> Fund:
        """Give the fund of a posting or of a balance: one and the same value for all of them."""
        named = (row.scheme, row.fund, row.unit)
        fund = self._funds.get(named)
        if fund is None:
            fund = self._funds[named] = Fund(named)
        return fund

    def may_pay(self, row: ContributionRow, worker: str, source: str) -> bool:
        """Tell whether a posting's payer is one that the event names, and its window one in its written form."""
        kind, _, name = row.payer.partition(":")
        return self._is_named(kind, name, row, worker, source) and _is_window(row.window)

    def check(
        self, index: int, worker: str, source: str, contributions: list[ContributionRow], balances: list[BalanceRow]
    ) -> None:
        """Take a worker's next entry that shows balances; `source` is the platform's whose gig it accrues, else ""."""
        known = self.totals(worker)
        totals = known.by_fund()
        self._check(index, worker, source, totals, contributions, balances)
        known.set(self.listings, totals)
        known.plain = worker not in self._others and worker not in self._otherwise

    def _check(
        self,
        index: int,
        worker: str,
        source: str,
        totals: dict[Fund, int],
        contributions: list[ContributionRow],
        balances: list[BalanceRow],
    ) -> None:
        legs = self._legs.setdefault(source, set())
        own = "worker:" + worker
        within = True
        for row in contributions:
            amount = row.amount
            fund = self.fund(row)
            if row.state is not UNSET:
                totals.setdefault(fund, 0)
                others = self._others.setdefault(worker, {})
                key = (*fund, row.state)
                total = others[key] = others.get(key, 0) + amount
            else:
                total = totals[fund] = totals.get(fund, 0) + amount
            # Legs seen before are right; a worker's own are not kept, as there are as many as workers.
            if (row.window not in self._windows) if row.payer == own else ((row.payer, row.window) not in legs):
                self._check_leg(index, row, worker, source, legs)
            if not (-INTEGER_END < amount < INTEGER_END and -INTEGER_END < total < INTEGER_END):
                within = False
        if worker in self._others or any(getattr(row, state) for row in balances for state in OTHER_STATES):
            self._check_others(index, worker, balances)
        if within and [*totals.items()] == [((row.scheme, row.fund, row.unit), row.accrued) for row in balances]:
            if self._otherwise:
                self._otherwise.pop(worker, None)
            return
        self._check_closely(index, worker, totals, contributions, balances)

    def _check_others(self, index: int, worker: str, balances: list[BalanceRow]) -> None:
        """Hold the states beside what accrued against their sums; goes on from what the entry states."""
        stated = {
            (row.scheme, row.fund, row.unit, state): amount
            for row in balances
            for state in OTHER_STATES
            if (amount := getattr(row, state))
        }
        expected = {key: amount for key, amount in self._others.get(worker, {}).items() if amount}
        for key in sorted(stated.keys() | expected.keys()):
            if stated.get(key, 0) != expected.get(key, 0):
                scheme, fund, unit, state = key
                detail = f"expected {expected.get(key, 0)}, the balance before plus contributions"
                got = stated.get(key, 0)
                self._add("L1", index, f"balance of {scheme}/{fund} in {unit} ({state}): {detail}, got {got}")
        self._others[worker] = stated

    def _check_closely(
        self,
        index: int,
        worker: str,
        totals: dict[Fund, int],
        contributions: list[ContributionRow],
        balances: list[BalanceRow],
    ) -> None:
        """Say what is wrong with balances that are not word for word the totals; a new fund is nothing wrong."""
        for row in contributions:
            if not -INTEGER_END < row.amount < INTEGER_END:
                self._add("L10", index, f"contribution: expected an amount within 2^53, got {row.amount}")
        stated = {self.fund(row): row.accrued for row in balances}
        if not is_exact(stated.values()):
            self._add("L10", index, "balance: expected amounts within 2^53, got one beyond")
        if stated != totals:
            self._check_apart(index, worker, totals, stated, contributions)
        elif self._otherwise:
            self._otherwise.pop(worker, None)
        if len(stated) != len(balances) or list(stated) != list(totals):
            self._check_order(index, stated, balances)
            _become(totals, stated)

    def _check_order(self, index: int, stated: dict[Fund, int], balances: list[BalanceRow]) -> None:
        if len(stated) != len(balances) or list(stated) != sorted(stated):
            self._add("L4", index, "balances: expected each fund once, by scheme, fund and unit, got another order")

    def _check_apart(
        self,
        index: int,
        worker: str,
        totals: dict[Fund, int],
        stated: dict[Fund, int],
        contributions: list[ContributionRow],
    ) -> None:
        """Say which balances are not the sum, and go on from what the entry states."""
        otherwise = self._otherwise.pop(worker, {})
        for row in contributions if otherwise else ():
            fund = self.fund(row)
            otherwise[fund] = otherwise.get(fund, 0) + row.amount
        before = dict(totals)
        _become(totals, stated)
        if otherwise and _without_zeros(otherwise) == _without_zeros(stated):
            return
        wrong = sorted(fund for fund in before.keys() | stated.keys() if before.get(fund, 0) != stated.get(fund, 0))
        for fund in wrong:
            detail = f"expected {before.get(fund, 0)}, the balance before plus contributions, got {stated.get(fund, 0)}"
            self._add("L1", index, f"balance of {fund[0]}/{fund[1]} in {fund[2]}: {detail}")
        if wrong:
            # Either the statement or the contributions may be what was changed: the next entry fits one of the two.
            self._otherwise[worker] = before

    def _check_leg(
        self, index: int, row: ContributionRow, worker: str, source: str, legs: set[tuple[str, str]]
    ) -> None:
        kind, _, name = row.payer.partition(":")
        if not self._is_named(kind, name, row, worker, source):
            self._add("L1", index, "contribution: expected a payer that the event names, got another")
            return
        if not _is_window(row.window):
            self._add("L1", index, "contribution: expected a window in its written form, got another text")
            return
        if kind == "worker":
            self._windows.add(row.window)
        else:
            legs.add((row.payer, row.window))

    def _is_named(self, kind: str, name: str, row: ContributionRow, worker: str, source: str) -> bool:
        """Tell whether a payer is one that can pay: on a gig of its own platform, or what else may cause a posting."""
        if kind == "worker":
            return name == worker
        if kind in ("platform", "customer"):
            if not source:
                return _platform(name) is not None
            own = source.removeprefix(PLATFORM_SOURCE) if row.platform is UNSET else row.platform
            return name == own or name in self._sponsors
        if kind == "measure":
            return name == f"{row.scheme}/{row.fund}"
        return kind == "subsidy" and bool(name)


def _become(totals: dict[Fund, int], others: Mapping[Fund, int]) -> None:
    totals.clear()
    totals.update(others)


def _is_window(text: str) -> bool:
    try:
        parse_period(text)
    except ValueError:
        return False
    return True


def _without_zeros(totals: Mapping[Fund, int]) -> dict[Fund, int]:
    return {fund: amount for fund, amount in totals.items() if amount}
