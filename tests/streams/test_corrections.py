"""Adjustments, reversals, changes, remittances in the pipeline: their entries, refusals, and that batches don't matter.

No server is needed: `tests.support.replica` drives the pipeline as a desk does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from contracts import entry as entries
from contracts import events
from ledger import parts
from streams import needs
from tests.support.corrections import (
    FLAT,
    PERIODS,
    STEPS,
    balances,
    changed,
    codes,
    kinds,
    paid,
    records_of,
    story,
)
from tests.support.replica import Replica
from tests.support.strategies import CUTS, FEW, FEWER, GIGWISE, GOJEK, GRAB, POOL, Feed, cut


def test_a_tip_days_later_is_added_and_refers_to_its_gig() -> None:
    feed = Feed()
    told: list[Any] = (
        Replica()
        .settle([feed.enacted(POOL[0]), feed.gig("G-1", fare="10000")])
        .settle([feed.adjusted("G-1", "W-one", "5000")])
        .told()
    )
    assert kinds(told) == ["scheme", "accrual", "adjustment"]
    assert told[2]["refers_to"] == [1]
    assert [row["amount"] for row in told[2]["contributions"]] == [5000]
    assert balances(told[2]) == {"A": 15_000}
    assert told[2]["event"]["data"]["gig"] == "G-1"


@pytest.mark.parametrize("lengths", [[], [1] * 9, [2] * 5], ids=["one", "each", "pairs"])
def test_a_reversal_takes_back_the_gig_with_its_adjustments(lengths: list[int]) -> None:
    feed = Feed()
    records = [
        feed.enacted(POOL[0]),
        feed.enacted(GIGWISE),
        feed.gig("G-1", fare="10000"),
        feed.gig("G-2", fare="2000", topic=GRAB),
        feed.adjusted("G-1", "W-one", "5000"),
        feed.adjusted("G-1", "W-one", "-3000", kind="fare"),
        feed.reversed("G-1", "W-one"),
    ]
    told: list[Any] = Replica().settle_all(cut(records, lengths)).told()
    assert kinds(told)[4:] == ["adjustment", "adjustment", "reversal"]
    assert told[6]["refers_to"] == [2, 4, 5]
    assert balances(told[5]) == {"A": 14_000, "C": 140_000}
    assert balances(told[6]) == {"A": 2000, "C": 20_000}


ABROAD: dict[str, Any] = {
    "service": "professional",
    "zone": "ID-JK",
    "currency": "USD",
    "components": [{"kind": "fare", "amount": "10.00"}],
}


def test_pay_in_another_currency_counts_at_its_gigs_rate_and_says_so_without_one() -> None:
    feed = Feed()
    told: list[Any] = (
        Replica()
        .settle([feed.enacted(POOL[0]), feed.enacted(GIGWISE)])
        .settle([feed.gig("G-1", data=ABROAD | {"rate": "1000.5", "rate_date": "2026-03-01"})])
        .settle([feed.adjusted("G-1", "W-one", "0.50"), feed.gig("G-2", data=ABROAD)])
        .told()
    )
    assert kinds(told)[2:] == ["accrual", "adjustment", "accrual", "notice"]
    assert [row["amount"] for row in told[2]["contributions"]] == [10_000]  # 1 % of 10,005.00, rounded down to 1
    assert [row["amount"] for row in told[3]["contributions"]] == [500]  # of 10,505.25 in all
    assert told[4]["contributions"] == []
    assert [(row["kind"], row["scheme"], row["value"]) for row in told[5]["notices"]] == [
        ("rate_missing", "XX-POOL", "USD")
    ]


def test_an_addition_that_leaves_the_exact_range_at_its_gigs_rate_is_refused() -> None:
    feed = Feed()
    replica = Replica().settle([feed.gig("G-1", data=ABROAD | {"rate": "100000", "rate_date": "2026-03-01"})])
    replica.settle([feed.adjusted("G-1", "W-one", "1000000"), feed.adjusted("G-1", "W-one", "999999")])
    assert codes(replica.told()) == [None, "amount_out_of_range", None]


REFUSED = {
    "an unknown gig": ("unknown_gig", lambda feed: feed.adjusted("G-9", "W-one", "1")),
    "another worker's gig": ("unknown_gig", lambda feed: feed.adjusted("G-1", "W-two", "1")),
    "another platform's gig": ("unknown_gig", lambda feed: feed.adjusted("G-1", "W-one", "1", topic=GRAB)),
    "an adjustment's own id": ("unknown_gig", lambda feed: feed.adjusted("G-1/7", "W-one", "1")),
    "an unknown gig reversed": ("unknown_gig", lambda feed: feed.reversed("G-9", "W-one")),
    "reversed twice": ("already_reversed", lambda feed: feed.reversed("G-2", "W-one", id="again")),
    "adjusted after its reversal": ("already_reversed", lambda feed: feed.adjusted("G-2", "W-one", "1")),
    "another currency": ("unknown_currency", lambda feed: feed.adjusted("G-1", "W-one", "1", data={"currency": "USD"})),
    "too fine for the gig": ("amount_out_of_range", lambda feed: feed.adjusted("G-1", "W-one", "0.005")),
    "the id of a gig": ("equivocation", lambda feed: feed.reversed("G-1", "W-one", id="G-1")),
}


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_corrected_is_refused(name: str, together: bool) -> None:
    code, record_of = REFUSED[name]
    feed = Feed()
    before = [
        feed.enacted(POOL[0]),
        feed.gig("G-1"),
        feed.gig("G-2"),
        feed.adjusted("G-1", "W-one", "7"),
        feed.reversed("G-2", "W-one"),
    ]
    replica = Replica()
    replica.settle([*before, record_of(feed)]) if together else replica.settle(before).settle([record_of(feed)])
    assert codes(replica.told())[5:] == [code]
    assert (
        replica.leaves
        == Replica().settle_all([[r] for r in [*before, record_of(Feed())]][:5]).leaves + replica.leaves[5:]
    )


def test_a_redelivered_correction_is_a_duplicate() -> None:
    feed = Feed()
    first = [feed.enacted(POOL[0]), feed.gig("G-1")]
    tip, back = feed.adjusted("G-1", "W-one", "7"), feed.reversed("G-1", "W-one")
    replica = Replica().settle(first).settle([tip, back])
    replica.settle([feed.again(tip), feed.again(back)])
    assert kinds(replica.told()) == ["scheme", "accrual", "adjustment", "reversal"]
    assert replica.positions[GOJEK].duplicates == 2


def test_an_attribute_is_an_entry_of_the_worker() -> None:
    feed = Feed()
    told: list[Any] = Replica().settle([feed.enacted(FLAT), changed(feed, "W-one", "1000000"), feed.gig("G-1")]).told()
    assert kinds(told) == ["scheme", "worker", "accrual"]
    assert (told[1]["contributions"], told[1]["balances"]) == ([], [])
    assert told[1]["event"]["subject"] == "W-one"


def test_a_remittance_is_laid_against_what_accrued() -> None:
    feed = Feed()
    told: list[Any] = (
        Replica()
        .settle([feed.enacted(POOL[2]), feed.gig("G-1", fare="10000"), paid(feed, "W-one", "50.00")])
        .settle([paid(feed, "W-one", "200.00", 2)])
        .told()
    )
    assert kinds(told) == ["scheme", "accrual", "remittance", "remittance"]
    states = [(row["state"], row["amount"]) for entry in told[2:] for row in entry["contributions"]]
    assert states == [("remitted", 5000), ("remitted", 15_000), ("credit", 5000)]
    assert told[3]["balances"] == [
        {"accrued": 20_000, "credit": 5000, "fund": "B", "remitted": 20_000, "scheme": "XX-POOL", "unit": "IDR"}
    ]


@pytest.mark.parametrize(
    "more", [{"scheme": "XX-NONE"}, {"currency": "USD"}, {"fund": "Z"}], ids=["scheme", "currency", "fund"]
)
def test_what_can_not_be_paid_is_refused(more: dict[str, str]) -> None:
    feed = Feed()
    told = Replica().settle([feed.enacted(POOL[2]), feed.gig("G-1"), paid(feed, "W-one", "50.00", **more)]).told()
    assert codes(told)[2:] == ["schema_violation"]


def test_a_platforms_remittance_is_an_act_that_moves_nothing_yet() -> None:
    feed = Feed()
    data = events.RemittanceReceived(
        amount="5", currency="IDR", payer="platform", period="2026-03", platform="gojek", scheme="XX-POOL"
    )
    enacted = feed.enacted(POOL[2])
    pay = feed.act(events.REMITTANCE_RECEIVED, "bank/1", "gojek", data, "2026-03-09T00:00:00Z")
    told = Replica().settle([enacted, pay]).told()
    assert kinds(told) == ["scheme", "remittance"]
    assert "balances" not in told[1]


def test_disputes_are_entries_that_refer_to_their_gig() -> None:
    feed = Feed()
    first = [feed.enacted(POOL[0]), feed.gig("G-1")]
    opened = feed.workers_own(
        events.DISPUTE_OPENED, "D-1", "W-one", events.DisputeOpened(platform="gojek", gig="G-1", reason="deactivated")
    )
    data = events.DisputeDecided(
        finding="unfounded", platform="gojek", dispute="D-1", suspended_from="2026-03-06", suspended_days=3
    )
    decided = feed.workers_own(events.DISPUTE_DECIDED, "D-1/end", "W-one", data)
    told: list[Any] = Replica().settle([*first, opened, decided]).told()
    assert kinds(told) == ["scheme", "accrual", "dispute", "dispute"]
    assert told[2]["refers_to"] == [1]
    assert "refers_to" not in told[3]


def test_a_revised_rate_is_corrected_at_the_workers_next_event_whatever_it_is() -> None:
    feed = Feed()
    replica = Replica().settle([feed.enacted(POOL[0]), feed.gig("G-1", fare="10000"), feed.enacted(POOL[1])])
    told: list[Any] = replica.settle([feed.adjusted("G-1", "W-one", "1000")]).told()
    assert kinds(told) == ["scheme", "accrual", "scheme", "correction", "adjustment"]
    correction = told[3]
    assert correction["reason"] == {"scheme": "XX-POOL", "version": "2026-01-01.2"}
    assert correction["refers_to"] == [1]
    assert {row["fund"]: row["amount"] for row in correction["contributions"]} == {"A": 20_000, "B": 5000}
    assert {row.get("platform") for row in correction["contributions"]} <= {"gojek", None}
    assert balances(correction) == {"A": 30_000, "B": 5000}
    assert balances(told[4]) == {"A": 33_000, "B": 5500}
    assert [entry["cause"]["part"] for entry in told[3:]] == [[1, 2], [2, 2]]
    assert told[4]["refers_to"] == [1]


def test_a_gig_corrected_for_a_later_scheme_can_still_be_adjusted_and_reversed() -> None:
    """What a correction posted for a gig's own window belongs to the gig."""
    feed = Feed()
    replica = Replica().settle([feed.gig("G-1", fare="100"), feed.gig("G-2", fare="50"), feed.enacted(GIGWISE)])
    replica.settle([feed.gig("G-3", fare="10")])
    assert balances(replica.told()[-1]) == {"C": 1600}
    told: list[Any] = replica.settle([feed.adjusted("G-1", "W-one", "20")]).told()
    assert balances(told[-1]) == {"C": 1800}
    assert balances(replica.settle([feed.reversed("G-1", "W-one")]).told()[-1]) == {"C": 600}
    corrected = [entry for entry in told if entry["kind"] == "correction"]
    assert [entry["refers_to"] for entry in corrected] == [[0], [1]]


@FEW
@given(STEPS, CUTS, st.booleans())
def test_l4_corrections_cut_into_batches_anyhow_give_the_same_bytes(
    steps: list[Any], lengths: list[int], forget: bool
) -> None:
    """Also when everything in memory is forgotten between batches, as after a crash."""
    records = records_of(steps, Feed())
    whole = Replica().settle(records)
    parted = Replica()
    for batch in cut(records, lengths):
        parted.settle(batch)
        if forget:
            parted.forget()
    assert parted.leaves == whole.leaves
    assert parted.positions == whole.positions


@FEW
@given(STEPS)
def test_l1_balances_are_the_sums_of_contributions_part_by_part(steps: list[Any]) -> None:
    replica = Replica().settle(records_of(steps, Feed()))
    totals: dict[str, dict[tuple[str, str, str, str], int]] = {}
    for leaf in replica.leaves:
        entry = entries.decode(leaf)
        worker = entries.worker_of(entry)
        if worker is None:
            continue
        own = totals.setdefault(worker, {})
        for row in entry.contributions or ():
            key = (row.scheme, row.fund, row.unit, "accrued" if row.state is entries.UNSET else row.state)
            own[key] = own.get(key, 0) + row.amount
        shown = {
            (row["scheme"], row["fund"], row["unit"], state): row[state]
            for row in json.loads(leaf)["balances"]
            for state in row.keys() - {"scheme", "fund", "unit"}
        }
        assert {k: v for k, v in shown.items() if v} == {k: v for k, v in own.items() if v}


@FEW
@given(STEPS)
def test_l9_a_reversal_leaves_what_a_story_without_the_gig_leaves(steps: list[Any]) -> None:
    """All gigs reversed at the end leave what only attributes and payments leave: nothing accrued."""
    feed = Feed()
    records = records_of(steps, feed)
    replica = Replica().settle(records)
    standing = {}
    for entry in replica.told():
        event: Any = entry.get("event")
        if entry["kind"] == "accrual":
            cause: Any = entry["cause"]
            standing[cause["topic"], cause["id"]] = event["subject"]
        elif entry["kind"] == "reversal":
            standing.pop((entry["cause"]["topic"], event["data"]["gig"]))  # type: ignore[index]
    replica.settle([feed.reversed(gig, worker, topic, id=f"Z-{gig}") for (topic, gig), worker in standing.items()])
    newest = {entries.worker_of(entry): entry for entry in replica.entries()}
    for worker, entry in newest.items():
        if worker in standing.values():
            assert all(row.accrued == 0 for row in entry.balances or ())


@FEWER
@given(STEPS, PERIODS, CUTS)
def test_parts_that_one_entry_can_not_hold_go_on_in_the_next(
    steps: list[Any], periods: list[str], lengths: list[int]
) -> None:
    """With room for a single posting or notice in each entry: the same balances, and batches still do not matter."""
    records = story(steps, periods)
    plain = Replica().settle(records)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parts, "ROWS_MAX", 1)
        narrow = Replica().settle(records)
        assert Replica().settle_all(cut(records, lengths)).leaves == narrow.leaves
    assert all(len(entry.contributions or ()) <= 1 for entry in narrow.entries())
    assert newest(narrow) == newest(plain)


def newest(replica: Replica) -> dict[str | None, Any]:
    """The balances of each worker's newest entry."""
    return {entries.worker_of(entry): entry.balances for entry in replica.entries() if entry.balances is not UNSET}


@FEWER
@given(STEPS, PERIODS)
def test_l4_few_books_at_a_time_give_the_same_bytes(steps: list[Any], periods: list[str]) -> None:
    records = story(steps, periods)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(needs, "BOOKS_MAX", 1)
        few = Replica().settle(records)
    assert few.leaves == Replica().settle(records).leaves


def test_l10_what_would_leave_the_range_of_exact_numbers_is_refused_and_changes_nothing() -> None:
    feed = Feed()
    first = [feed.enacted(GIGWISE), feed.gig("G-1", fare="100"), feed.gig("G-2", fare="100")]
    more = [feed.adjusted("G-1", "W-one", "7"), feed.gig("G-3", fare="3"), feed.reversed("G-2", "W-one")]
    replica = Replica().settle(first)
    assert replica.state is not None
    held = replica.state.accounts["W-one"]
    key = ("XX-GIGWISE", "C", "IDR")
    held.account.balances[key] = 2**53 - 50
    held.near_limit = True
    told: list[Any] = replica.settle(more, look_first=True).told()
    assert codes(told)[3:] == ["amount_out_of_range", "amount_out_of_range", None]
    assert replica.state.accounts["W-one"].account.balances[key] == 2**53 - 50 - 1000


@FEWER
@given(STEPS, PERIODS, st.sampled_from([1, 200]))
def test_a_fund_has_a_balance_from_its_first_posting_on_part_by_part(
    steps: list[Any], periods: list[str], rows_max: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parts, "ROWS_MAX", rows_max)
        replica = Replica().settle(story(steps, periods))
    funds: dict[str | None, set[tuple[str, str, str]]] = {}
    for entry in replica.entries():
        if entry.balances is UNSET:
            continue
        own = funds.setdefault(entries.worker_of(entry), set())
        own |= {(row.scheme, row.fund, row.unit) for row in entry.contributions or ()}
        assert [(row.scheme, row.fund, row.unit) for row in entry.balances] == sorted(own)
