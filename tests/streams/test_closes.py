"""A period's close in the pipeline: what it posts to whom, that it waits; slices and crashes change no byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from contracts.entry import Position
from ledger.domain.language.document import load_document
from tests.support.corrections import (
    CLOSING,
    FLAT,
    MIXED,
    PERIODS,
    STEPS,
    balances,
    changed,
    codes,
    kinds,
    mixed,
    story,
)
from tests.support.replica import CrashError, Replica
from tests.support.strategies import CONTROL, CUTS, FEW, FEWER, GOJEK, GRAB, POOL, Feed, cut

_RULES = """
    source: own
    measures: {pay: {include: all}}
    rules: [{fund: C, payer: customer, window: gig, base: pay, rate: "0.%d", rounding: {mode: up, step: "1"}}]
"""
REVISED_GIGWISE = (
    """
scheme: XX-GIGWISE
title: "a share of each gig, revised (made up)"
status: example
currency: IDR
time_zone: UTC
sources: {own: {title: "made up"}}
versions:
  - from: 2026-01-01"""
    + _RULES % 1
    + """
  - from: 2026-01-01
    revision: 2"""
    + _RULES % 2
)


def opening(feed: Feed) -> list[Any]:
    return [feed.platform("gojek"), feed.platform("grab"), feed.enacted(FLAT)]


def test_a_close_posts_what_is_flat_to_each_worker_in_order_of_name() -> None:
    feed = Feed()
    records = [
        *opening(feed),
        changed(feed, "W-zoe", "1000000"),
        feed.gig("G-1", "W-ben"),
        changed(feed, "W-ann", "500000"),
        feed.closed("2026-03"),
    ]
    told: list[Any] = Replica().settle(records).told()
    assert kinds(told)[6:] == ["close", "close", "notice", "close", "notice"]
    assert [entry.get("worker") for entry in told[6:]] == [None, "W-ann", "W-ann", "W-zoe", "W-zoe"]
    assert [entry["cause"]["part"] for entry in told[6:]] == [[n, 5] for n in range(1, 6)]
    assert told[6]["event"]["type"] == "period.closed.v1"
    assert balances(told[7]) == {"F": 500_000}
    assert told[7]["contributions"] == [
        {
            "amount": 500_000,
            "fund": "F",
            "payer": "worker:W-ann",
            "scheme": "XX-FLAT",
            "unit": "IDR",
            "version": "2026-01-01",
            "window": "2026-03",
        }
    ]
    assert told[8]["notices"] == [
        {
            "amount": "5000",
            "kind": "due",
            "scheme": "XX-FLAT",
            "unit": "IDR",
            "version": "2026-01-01",
            "window": "2026-03",
        }
    ]
    assert balances(told[8]) == balances(told[7])
    assert all(entry["cause"]["since"] == {"duplicates": 0, "gap": 0} for entry in told[7:])


def test_a_close_waits_for_the_offsets_it_names_and_the_operators_topic_with_it() -> None:
    feed = Feed()
    first = opening(feed)
    close = feed.closed("2026-03", {GOJEK: 2, GRAB: 1})
    after = changed(feed, "W-ben", "2000000", day="2026-04-01")
    gigs = [feed.gig("G-1", "W-ann"), feed.gig("G-2", "W-ann"), feed.gig("G-3", "W-ann")]
    late = [feed.gig("H-1", "W-ann", topic=GRAB), feed.gig("H-2", "W-ann", topic=GRAB)]
    replica = Replica().settle([*first, close, after, *gigs])
    assert kinds(replica.told())[3:] == ["accrual"] * 3
    assert replica.positions[CONTROL].next_offset == close.offset
    told = replica.settle(late).told()
    assert kinds(told)[6:] == ["accrual", "close", "worker", "accrual"]
    assert replica.positions == {CONTROL: Position(5), GOJEK: Position(3), GRAB: Position(2)}


def test_a_close_comes_right_after_the_record_that_it_waited_for_however_records_were_cut() -> None:
    feed = Feed()
    first = opening(feed)
    gigs = [feed.gig(f"G-{n}", "W-ann") for n in range(4)]
    close = feed.closed("2026-03", {GOJEK: 2})
    order = [*first, gigs[0], close, gigs[1], gigs[2], gigs[3]]
    whole = Replica().settle(order)
    assert kinds(whole.told())[3:] == ["accrual", "accrual", "close", "accrual", "accrual"]
    assert Replica().settle_all([[record] for record in order]).leaves == whole.leaves


def test_a_close_that_names_a_topic_nobody_registered_is_refused_and_not_waited_for() -> None:
    feed = Feed()
    records = [*opening(feed), feed.closed("2026-03", {"gigs.uber": 7}), changed(feed, "W-ann", "1")]
    told = Replica().settle(records).told()
    assert codes(told)[3:] == ["schema_violation", None]


def test_closed_again_nothing_is_posted_twice_and_a_redelivered_close_is_a_duplicate() -> None:
    feed = Feed()
    close = None
    records = [*opening(feed), changed(feed, "W-ann", "500000")]
    close = feed.closed("2026-03")
    replica = Replica().settle([*records, close])
    size = len(replica.leaves)
    replica.settle([feed.again(close)])
    assert len(replica.leaves) == size
    assert replica.positions[CONTROL].duplicates == 1
    told: list[Any] = replica.settle([feed.closed("2026-Q1")]).told()
    # January and February were open: March is not posted again
    windows = [row["window"] for entry in told[size:] for row in entry.get("contributions", ())]
    assert windows == ["2026-01", "2026-02"]


def test_what_comes_after_a_close_is_settled_at_once_in_the_window_it_belongs_to() -> None:
    feed = Feed()
    replica = Replica().settle([*opening(feed), changed(feed, "W-ann", "500000"), feed.closed("2026-03")])
    told: list[Any] = replica.settle([changed(feed, "W-ann", "700000", 2, "2026-02-01")]).told()
    assert [(row["window"], row["amount"]) for row in told[-2]["contributions"]] == [("2026-03", 200_000)]
    assert kinds(told)[-2:] == ["worker", "notice"]
    assert told[-2]["refers_to"] == [5]


def test_a_close_first_corrects_what_acts_since_made_due() -> None:
    feed = Feed()
    records = [*opening(feed), feed.enacted(POOL[0]), feed.gig("G-1", "W-ann", "10000"), feed.enacted(POOL[1])]
    told: list[Any] = Replica().settle([*records, feed.closed("2026-03")]).told()
    assert kinds(told)[6:] == ["close", "correction"]
    assert balances(told[7]) == {"A": 30_000, "B": 5000}
    assert told[7]["cause"]["part"] == [2, 2]


def test_l9_a_gig_that_a_close_corrected_is_reversed_with_its_correction() -> None:
    feed = Feed()
    revised = load_document(REVISED_GIGWISE, "gigwise.yaml", EXPONENTS).versions
    records = [feed.platform("gojek"), feed.enacted(revised[0]), feed.gig("G-1", "W-ann"), feed.enacted(revised[1])]
    records += [feed.closed("2026-03"), feed.reversed("G-1", "W-ann")]
    told: list[Any] = Replica().settle(records).told()
    assert kinds(told)[4:] == ["close", "correction", "reversal"]
    assert balances(told[5]) == {"C": 400_000}
    assert balances(told[6]) == {}
    assert told[6]["refers_to"] == [2, 5]


@FEW
@given(STEPS, PERIODS, CUTS, st.integers(1, 4))
def test_l4_closes_cut_anyhow_give_the_same_bytes(
    steps: list[Any], periods: list[str], lengths: list[int], slice_workers: int
) -> None:
    records = story(steps, periods)
    whole = Replica().settle(records)
    parted = Replica()
    parted.slice_workers = slice_workers
    told: list[Any] = []
    for batch in cut(records, lengths):
        told += batch
        # what was held back is forgotten, and comes again with what is new
        parted.forget()
        parted.settle([r for r in told if r.offset >= parted.positions.get(r.topic, Position()).next_offset])
    kept = Replica().settle_all(cut(records, lengths))
    assert kept.leaves == whole.leaves
    assert parted.leaves == whole.leaves
    assert parted.positions == whole.positions


@FEW
@given(MIXED, CUTS)
def test_l4_accounts_kept_in_memory_over_closes_give_the_bytes_of_accounts_that_were_folded(
    told: tuple[list[Any], list[Any]], lengths: list[int]
) -> None:
    """Also whom a close passes over, because it can bring them nothing, stands as if it had gone by them."""
    records = mixed(told)
    folded = Replica().settle_all(cut(records, lengths))
    kept = Replica(keeps=True).settle_all(cut(records, lengths))
    assert kept.leaves == folded.leaves
    assert kept.state is not None
    for worker, held in kept.state.accounts.items():
        account, _, due = kept.loaded(worker, kept.state.acts)
        assert held.due == due
        # what is due will be folded anew, whole
        assert due or not kept.entries_of(worker) or held.account.dump() == account.dump()


def test_an_account_in_memory_for_which_something_is_due_is_corrected_by_the_close_too() -> None:
    """It was loaded for a record that was refused, so that nothing has corrected it since the act."""
    feed = Feed()
    records: list[Any] = [feed.platform("gojek"), feed.enacted(POOL[0]), feed.gig("G-1", "W-ann", "10000")]
    records += [feed.enacted(POOL[1]), feed.reversed("G-unknown", "W-ann")]
    kept = Replica(keeps=True).settle(records)
    assert kept.state is not None
    assert kept.state.accounts["W-ann"].due
    close = feed.closed("2026-03")
    told: list[Any] = kept.settle([close]).told()
    assert kinds(told)[-3:] == ["rejection", "close", "correction"]
    assert kept.leaves == Replica().settle_all([[record] for record in [*records, close]]).leaves


def test_a_balance_that_a_close_would_take_too_far_is_left_as_it_is_in_memory_too() -> None:
    feed = Feed()
    records: list[Any] = [feed.platform("gojek"), feed.platform("grab"), feed.enacted(CLOSING)]
    records += [feed.gig(f"G-{n}", "W-ann", "9" * 13) for n in range(10)]
    records += [feed.gig(f"G-{n}", "W-ben", "9" * 13) for n in range(10, 15)]
    close = feed.closed("2026-Q1")
    later = [feed.gig("G-20", "W-ann", "5"), feed.gig("G-21", "W-ben", "9" * 13), feed.gig("G-22", "W-ben", "7", GRAB)]
    kept = Replica(keeps=True).settle_all([records, [close]])
    told: list[Any] = kept.told()
    assert [entry.get("worker") for entry in told if entry["kind"] == "close"] == [None, "W-ben"]
    assert kept.state is not None
    # what comes for this one is tried first from here on; the other account went too far and is loaded again
    assert {worker: held.near_limit for worker, held in kept.state.accounts.items()} == {"W-ben": True}
    folded = Replica().settle_all([[record] for record in [*records, close, *later]])
    assert kept.settle(later).leaves == folded.leaves


@FEWER
@given(STEPS, PERIODS)
def test_l3_a_crash_at_any_commit_changes_no_byte(steps: list[Any], periods: list[str]) -> None:
    records = story(steps, periods)
    whole = Replica().settle(records)
    commits = len(whole.decisions)
    for commit in range(commits):
        replica = Replica()
        replica.slice_workers = 1 + commit % 2
        replica.commits_left = commit
        with pytest.raises(CrashError):
            replica.settle(records)
        replica.forget()
        replica.commits_left = None
        left = [r for r in records if r.offset >= replica.positions.get(r.topic, Position()).next_offset]
        replica.settle(left)
        assert replica.leaves == whole.leaves
        assert replica.positions == whole.positions
