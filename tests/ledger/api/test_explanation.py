"""Every entry of every kind is explained, and its steps tell what it says: over journals made by the stream's pipeline.

Without servers: the questions are answered from the replica's own rows, as the database would answer them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from msgspec import UNSET

from contracts import entry as entries
from contracts import events
from contracts.entry import Entry, Kind, worker_of
from ledger.api.explanation import Explaining
from ledger.api.views import Explanation
from ledger.domain.explain.words import exact_posted
from ledger.domain.registry import Registry
from ledger.errors import InvariantError
from ledger.store.readers import Stored
from tests.support.corrections import FLAT, PERIODS, STEPS, changed, paid, story
from tests.support.replica import Replica
from tests.support.strategies import POOL, STORIES, Feed, Story, records_of

RESULTS = ("posting", "taken_back", "paid")


class Shelf:
    """The readers' questions, answered from rows in memory; `kept` are accounts as (index, account) by worker."""

    def __init__(self, replica: Replica, kept: dict[str, tuple[int, bytes]] | None = None) -> None:
        self.rows = [(written.leaf_index, written.worker, written.leaf) for written in replica.written]
        self.kept = kept or {}

    async def acts(self, journal: int, before: int) -> list[Stored]:
        return [Stored(i, leaf) for i, worker, leaf in self.rows if worker is None and i < before]

    async def entry(self, journal: int, index: int) -> bytes | None:
        return next((leaf for i, _, leaf in self.rows if i == index), None)

    async def pages(self, journal: int, worker: str, after: int, before: int) -> AsyncIterator[list[Stored]]:
        own = [Stored(i, leaf) for i, whose, leaf in self.rows if whose == worker and after < i < before]
        for one in own:
            yield [one]

    async def snapshot(self, journal: int, worker: str, before: int) -> tuple[int, bytes] | None:
        kept = self.kept.get(worker)
        return kept if kept is not None and kept[0] < before else None


def explained(shelf: Shelf, entry: Entry) -> Explanation:
    return asyncio.run(Explaining(shelf).explanation(entry))  # type: ignore[arg-type]


def hold(shelf: Shelf, registry: Registry) -> list[tuple[Entry, Explanation]]:
    """Explain every entry, and hold what is told against what it says."""
    versions = {(version.scheme, version.id): version for version in registry.enacted}
    told = []
    for _, _, leaf in shelf.rows:
        entry = entries.decode(leaf)
        own = explained(shelf, entry)
        told.append((entry, own))
        assert own.text
        assert own.worker == worker_of(entry)
        rows = [] if entry.contributions is UNSET else entry.contributions
        posted = Counter(
            (step.scheme, step.version, step.fund, step.payer, step.window, step.numbers["posting"])
            for step in own.steps
            if step.what in RESULTS and set(step.numbers["posting"]) - set("0.")
        )
        made = Counter(
            (
                r.scheme,
                r.version,
                r.fund,
                r.payer,
                r.window,
                exact_posted(r.amount, r.unit, versions[r.scheme, r.version]),
            )
            for r in rows
        )
        if entry.kind != Kind.NOTICE:
            assert posted == made
        for row in [] if entry.notices is UNSET else entry.notices:
            assert row.kind in {step.numbers["kind"] for step in own.steps if step.what == "notice"}
        assert msgspec.json.encode(own)
    return told


@given(STEPS, PERIODS)
@settings(max_examples=40, deadline=None)
def test_corrections_and_closes_are_told_as_they_were_written(steps: list[Any], periods: list[str]) -> None:
    replica = Replica().settle(story(steps, periods))
    hold(Shelf(replica), replica.registry())


@given(STORIES)
@settings(max_examples=40, deadline=None)
def test_gigs_and_late_versions_are_told_as_they_were_written(told: Story) -> None:
    replica = Replica().settle(records_of(told).records)
    hold(Shelf(replica), replica.registry())


OPENED = events.DisputeOpened(platform="gojek", gig="G-3", reason="deactivated")
DECIDED = events.DisputeDecided(
    finding="unfounded", platform="gojek", dispute="D-1", suspended_from="2026-03-06", suspended_days=3
)


def one_of_each() -> Replica:
    feed = Feed()
    records = [
        *(feed.platform(name) for name in ("gojek", "grab")),
        *(feed.enacted(version) for version in (FLAT, POOL[0])),
        changed(feed, "W-ann", "500000"),
        *(feed.gig(f"G-{n}", ("W-ann", "W-ben")[n % 2], "9000") for n in range(4)),
        feed.adjusted("G-0", "W-ann", "400"),
        feed.enacted(POOL[1]),
        feed.reversed("G-1", "W-ben"),
        paid(feed, "W-ann", "20"),
        feed.closed("2026-03"),
        changed(feed, "W-ann", "700000", 2),
        feed.workers_own(events.DISPUTE_OPENED, "D-1", "W-ben", OPENED),
        feed.workers_own(events.DISPUTE_DECIDED, "D-1/end", "W-ben", DECIDED),
    ]
    return Replica().settle(records)


def test_each_kind_of_entry_says_what_it_was() -> None:
    replica = one_of_each()
    told = hold(Shelf(replica), replica.registry())
    texts = {str(entry.kind): own.text for entry, own in told}
    assert set(Kind) - {Kind.LEDGER, Kind.KEY, Kind.REJECTION} == texts.keys()
    assert "Added to the gig G-0: " in texts["adjustment"]
    assert "The gig G-1 is taken back whole" in texts["reversal"]
    assert "Versions enacted since change what is due in" in texts["correction"]
    assert "basis is 700000" in texts["worker"]
    assert "You paid " in texts["remittance"]
    assert "2026-03-01 to 2026-03-31 is closed, on all platforms." in texts["close"]
    assert "The suspension by gojek of 3 days from 2026-03-06 was found unfounded." in texts["dispute"]
    assert "dispute.opened.v1: it moved nothing." in {own.text for _, own in told}
    assert "notice of " in texts["notice"]
    assert texts["platform"] == "An act of the operator (platform.changed.v1): it moved nothing."


def test_a_gig_is_told_alike_from_a_snapshot_and_from_the_first_entry() -> None:
    feed = Feed()
    records = [feed.platform("gojek"), feed.enacted(POOL[0]), *(feed.gig(f"G-{n}", "W-ann", "9000") for n in range(5))]
    replica = Replica().settle(records)
    own = [i for i, worker, _ in Shelf(replica).rows if worker == "W-ann"]
    before = Replica().settle(records[: own[2] + 1])
    kept = before.account("W-ann", before.registry())
    shelves = (Shelf(replica), Shelf(replica, {"W-ann": (own[2], msgspec.json.encode(kept.dump()))}))
    entry = entries.decode(Shelf(replica).rows[own[4]][2])
    one, other = (explained(shelf, entry) for shelf in shelves)
    assert one == other
    assert any(step.what == "standing" and step.numbers["before"] != "0.00" for step in one.steps)


@pytest.mark.parametrize("kind", ["accrual", "adjustment", "close", "correction"])
def test_an_entry_that_does_not_follow_from_those_before_it_is_not_explained_away(kind: str) -> None:
    shelf = Shelf(one_of_each())
    entry = next(
        own
        for own in (entries.decode(leaf) for _, _, leaf in shelf.rows)
        if own.kind == kind and own.contributions is not UNSET and own.contributions
    )
    entry.contributions[0].amount += 1  # type: ignore[index,union-attr]
    with pytest.raises(InvariantError, match="L4"):
        explained(shelf, entry)
