"""What is added up along a journal: each topic's offsets, each worker's balances, the keys of all events, gig ids.

Small keepers, each fed entry by entry in order of index, each with the law it watches. After a wrong number they
go on from what the entry says, so that one wrong entry makes few findings. `GigIds` are compared across journals.
Upholds L1, L3, L10 and L12 as an auditor. Memory: a topic, a worker's funds, 40 bytes an event.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from msgspec import UNSET

from contracts.entry import BalanceRow, Cause, ContributionRow, Position
from ledger.accounts import OTHER_STATES
from ledger.audit.findings import Findings
from ledger.domain.ids import PLATFORM
from ledger.domain.period import parse_period

INTEGER_END: Final = 2**53
PLATFORM_SOURCE: Final = "urn:iuran:platform:"
_KEY_BYTES: Final = 16
_platform = PLATFORM.fullmatch

Fund = tuple[str, str, str]
"""Scheme, fund, unit."""


class Partition:
    """Where one topic's partition stands: the newest entry's index, offset and part."""

    __slots__ = ("index", "offset", "part", "parts", "sha256")

    def __init__(self) -> None:
        self.index: int | None = None
        self.offset = -1
        self.part = self.parts = 1
        self.sha256 = ""


class Offsets:
    """L12 and the causes of L3: every offset up to a topic's newest entry is an entry or is counted in a `since`."""

    def __init__(self, findings: Findings) -> None:
        self._add = findings.add
        self._topics: dict[str, Partition] = {}

    def check(self, index: int, cause: Cause, journal: int) -> None:
        """Take the cause of the next entry."""
        seen = self._topics.get(cause.topic)
        if seen is None:
            seen = self._topics[cause.topic] = Partition()
        part, parts = cause.part
        since = cause.since
        if cause.partition != journal:
            self._add(
                "L12", index, f"cause: expected partition {journal}, which feeds this journal, got {cause.partition}"
            )
        if part == 1:
            self._check_whole(cause.topic, seen)
            self._check_next(index, cause, seen)
        elif (part, parts, cause.offset, cause.sha256) != (seen.part + 1, seen.parts, seen.offset, seen.sha256):
            detail = f"cause: expected part {seen.part + 1} of {seen.parts} at offset {seen.offset} of {cause.topic}"
            if seen.part == seen.parts:
                detail = "cause: expected part 1 of a new record"
            self._add("L3", index, f"{detail}, got part {part} of {parts} at offset {cause.offset}")
        elif since.duplicates or since.gap:
            self._add("L12", index, "since: expected nothing between two parts of one record, got a count")
        if not 1 <= part <= parts:
            self._add("L3", index, f"cause: expected part k of m, got {part} of {parts}")
        seen.index, seen.offset, seen.part, seen.parts, seen.sha256 = index, cause.offset, part, parts, cause.sha256

    def finish(self, positions: Mapping[str, Position], size: int) -> None:
        """Hold the positions' unsigned counts against the newest entries; `size` is the journal's."""
        for topic in sorted(self._topics.keys() | positions.keys()):
            seen = self._topics.get(topic) or Partition()
            under_way = positions.get(topic)
            if seen.part < seen.parts and seen.index == size - 1 and under_way and under_way.next_offset <= seen.offset:
                continue  # a close whose other parts are still to come: its record does not count as read yet
            self._check_whole(topic, seen)
            newest = "no entry" if seen.index is None else f"entry {seen.index} at offset {seen.offset}"
            stored = positions.get(topic)
            if stored is None:
                detail = f"position of {topic}: expected one at least {seen.offset + 1} after {newest}, got none"
                self._add("L12", None, detail, size)
                continue
            expected = seen.offset + 1 + stored.duplicates + stored.gap
            if min(stored.duplicates, stored.gap) < 0 or stored.next_offset != expected:
                counts = f"{stored.duplicates} duplicates and gap {stored.gap} since {newest}"
                detail = f"position of {topic}: expected next offset {expected} with {counts}, got {stored.next_offset}"
                self._add("L12", None, detail, size)

    def _check_whole(self, topic: str, seen: Partition) -> None:
        if seen.part != seen.parts:
            detail = f"cause: expected {seen.parts} parts of the record at offset {seen.offset} of {topic}"
            self._add("L3", seen.index, f"{detail}, got {seen.part}")

    def _check_next(self, index: int, cause: Cause, seen: Partition) -> None:
        since = cause.since
        expected = seen.offset + 1 + since.duplicates + since.gap
        if cause.offset == expected and since.duplicates >= 0 and since.gap >= 0:
            return
        if cause.offset <= seen.offset:
            detail = f"cause: expected an offset of {cause.topic} after {seen.offset}, got {cause.offset}, used before"
            self._add("L3", index, detail)
            return
        counts = f"{since.duplicates} duplicates and gap {since.gap}"
        detail = f"since: expected offset {expected} of {cause.topic}, which is {seen.offset} + 1 with {counts}"
        self._add("L12", index, f"{detail}, got {cause.offset}")


class Balances:
    """L1 and L10: each worker's balances are those before plus the entry's contributions."""

    def __init__(self, findings: Findings) -> None:
        self._add = findings.add
        self._workers: dict[str, dict[Fund, int]] = {}
        self._others: dict[str, dict[tuple[str, str, str, str], int]] = {}
        self._sponsors: set[str] = set()
        self._otherwise: dict[str, dict[Fund, int]] = {}
        self._funds: dict[Fund, Fund] = {}  # one tuple per fund, however many workers have it
        self._legs: dict[str, set[tuple[str, str]]] = {}
        self._windows: set[str] = set()

    def __contains__(self, worker: str) -> bool:
        return worker in self._workers

    def sponsor(self, platform: str) -> None:
        """Take note that a worker named a platform that pays for them."""
        self._sponsors.add(platform)

    def check(
        self, index: int, worker: str, source: str, contributions: list[ContributionRow], balances: list[BalanceRow]
    ) -> None:
        """Take a worker's next entry that shows balances; `source` is the platform's whose gig it accrues, else ""."""
        totals = self._workers.setdefault(worker, {})
        legs = self._legs.setdefault(source, set())
        own = "worker:" + worker
        within = True
        for row in contributions:
            amount = row.amount
            fund = (row.scheme, row.fund, row.unit)
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
        stated = {(row.scheme, row.fund, row.unit): row.accrued for row in balances}
        if stated and not -INTEGER_END < min(stated.values()) <= max(stated.values()) < INTEGER_END:
            self._add("L10", index, "balance: expected amounts within 2^53, got one beyond")
        if stated != totals:
            self._check_apart(index, worker, totals, stated, contributions)
        elif self._otherwise:
            self._otherwise.pop(worker, None)
        if len(stated) != len(balances) or list(stated) != list(totals):
            self._check_order(index, stated, balances)
            self._workers[worker] = {self._funds.setdefault(fund, fund): accrued for fund, accrued in stated.items()}

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
            fund = (row.scheme, row.fund, row.unit)
            otherwise[fund] = otherwise.get(fund, 0) + row.amount
        self._workers[worker] = {self._funds.setdefault(fund, fund): accrued for fund, accrued in stated.items()}
        if otherwise and _without_zeros(otherwise) == _without_zeros(stated):
            return
        wrong = sorted(fund for fund in totals.keys() | stated.keys() if totals.get(fund, 0) != stated.get(fund, 0))
        for fund in wrong:
            detail = f"expected {totals.get(fund, 0)}, the balance before plus contributions, got {stated.get(fund, 0)}"
            self._add("L1", index, f"balance of {fund[0]}/{fund[1]} in {fund[2]}: {detail}")
        if wrong:
            # Either the statement or the contributions may be what was changed: the next entry fits one of the two.
            self._otherwise[worker] = totals

    def _check_leg(
        self, index: int, row: ContributionRow, worker: str, source: str, legs: set[tuple[str, str]]
    ) -> None:
        kind, _, name = row.payer.partition(":")
        if not self._is_named(kind, name, row, worker, source):
            self._add("L1", index, "contribution: expected a payer that the event names, got another")
            return
        try:
            parse_period(row.window)
        except ValueError:
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


class EventKeys:
    """L3: no event key twice; 24 bytes an event, in 256 heaps by the key's first byte."""

    def __init__(self, findings: Findings) -> None:
        self._add = findings.add
        self._keys = [bytearray() for _ in range(256)]
        self._indexes = [array("Q") for _ in range(256)]

    def take(self, index: int, key: bytes) -> None:
        """Take the key (16 bytes) of the event at an index."""
        heap = key[0]
        self._keys[heap] += key
        self._indexes[heap].append(index)

    def finish(self) -> None:
        """Name each entry whose event an earlier one entered."""
        for keys, indexes in zip(self._keys, self._indexes, strict=True):
            cut = [bytes(keys[start : start + _KEY_BYTES]) for start in range(0, len(keys), _KEY_BYTES)]
            if len(set(cut)) == len(cut):
                continue
            first: dict[bytes, int] = {}
            for key, index in zip(cut, indexes, strict=True):
                if key in first:
                    self._add(
                        "L3", index, f"event: expected one not entered before, got that of entry {first[key]} again"
                    )
                first.setdefault(key, index)


class GigIds:
    """The ids of a journal's gigs, to be held against those of other journals; 16 bytes a gig.

    Kept as keyed digests of 64 bits: nobody who does not know the key of this audit can make two ids meet, and by
    chance two of a hundred million meet in one of thousands of audits.
    """

    def __init__(self, key: bytes) -> None:
        """Take the audit's key (16 bytes), the same for all journals."""
        self._keyed = key
        self._hash = blake2b(key=key, digest_size=8)
        self.heaps = [array("Q") for _ in range(64)]
        self.indexes = [array("Q") for _ in range(64)]

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes: a hash under way can't."""
        return _gig_ids, (self._keyed, self.heaps, self.indexes)

    def take(self, index: int, source: str, event_id: str) -> None:
        """Take the gig entered at an index."""
        digest = self._hash.copy()
        digest.update(f"{source}\n{event_id}".encode())
        number = int.from_bytes(digest.digest(), "big")
        self.heaps[number & 63].append(number)
        self.indexes[number & 63].append(index)


def _gig_ids(key: bytes, heaps: list[array[int]], indexes: list[array[int]]) -> GigIds:
    made = GigIds(key)
    made.heaps, made.indexes = heaps, indexes
    return made


Place = tuple[int, int]
"""Journal, index."""


def gigs_met_again(journals: Sequence[tuple[int, GigIds]]) -> Iterator[tuple[Place, Place]]:
    """Give each gig whose id an earlier journal has too, as (place there, place here)."""
    for heap in range(64):
        every = [number for _, ids in journals for number in ids.heaps[heap]]
        if len(set(every)) == len(every):
            continue
        first: dict[int, Place] = {}
        for journal, ids in journals:
            for number, index in zip(ids.heaps[heap], ids.indexes[heap], strict=True):
                place = first.setdefault(number, (journal, index))
                if place[0] != journal:
                    yield place, (journal, index)


def _without_zeros(totals: Mapping[Fund, int]) -> dict[Fund, int]:
    return {fund: amount for fund, amount in totals.items() if amount}
