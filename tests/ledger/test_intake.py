"""The seam: a fresh event and the one kept in its entry are the same gig, bit for bit (L4)."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from msgspec import UNSET

from contracts import entry as entries
from contracts import events
from contracts.codec import adjusted_amounts, decode
from contracts.events import Event, GigAdjusted, GigCompleted
from ledger.books import book_of
from ledger.domain.earning import Adjustment, Component, Exchange, Gig, Segment
from ledger.domain.period import Span
from ledger.domain.posting import Contribution
from ledger.domain.story import Adjusted, Changed, Decided, Remitted, Reversed
from ledger.errors import InvariantError
from ledger.intake import contributions_of, fact_of, from_day_of, gig_of, gig_of_entry, row_of
from tests.support.corrections import paid
from tests.support.replica import Replica
from tests.support.strategies import FEW, GIGWISE, GOJEK, POOL, STORIES, Feed, Story, gates, records_of

WHOLE: dict[str, Any] = {
    "service": "delivery",
    "vehicle": "van",
    "zone": "ID-JK-01",
    "currency": "KWD",
    "components": [
        {"kind": "fare", "amount": "40.5"},
        {"kind": "cancellation_fee", "amount": "3.000", "purpose": "earning"},
        {"kind": "penalty", "amount": "-0.125"},
    ],
    "commission": "1.25",
    "engaged_seconds": "900.5",
    "distance_m": 5400,
    "segments": [
        {"zone": "ID-JK", "engaged_seconds": 600, "distance_m": "1609.344"},
        {"zone": "ID-JB"},
    ],
    "payment_due_on": "2026-03-09",
    "accepted_at": "2026-03-05T08:00:00Z",
    "rate": "53250.75",
    "rate_date": "2026-03-04",
    "declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": "0.185"}],
}


def test_a_gig_with_every_member() -> None:
    feed = Feed()
    record = feed.gig("G-1", "W-ann", time="2026-03-05T10:15:30.9+07:00", data=WHOLE)
    event = decode(record, gates()[GOJEK])
    assert isinstance(event, Event) and isinstance(event.data, GigCompleted)
    gig = gig_of(
        event.source, event.subject, event.occurred_at, event.data, event.amounts_minor, event.commission_minor
    )
    assert gig == Gig(
        "W-ann",
        "gojek",
        "delivery",
        "van",
        "ID-JK-01",
        "KWD",
        (
            Component("fare", 40_500, None),
            Component("cancellation_fee", 3000, "earning"),
            Component("penalty", -125, None),
        ),
        1250,
        Fraction(1801, 2),
        5400,
        (Segment("ID-JK", 600, Fraction(1_609_344, 1000)), Segment("ID-JB", 0, 0)),
        1_772_680_530,  # 2026-03-05T03:15:30Z
        date(2026, 3, 9),
        Exchange(Fraction(213_003, 4), date(2026, 3, 4), 3),
    )
    assert gig_of_entry(entries.decode(Replica().settle([record]).leaves[0])) == gig


def test_a_gig_with_nothing_that_may_be_left_out() -> None:
    data = {"service": "professional", "currency": "JPY", "components": [{"kind": "fare", "amount": "185"}]}
    feed = Feed()
    value = json.loads(feed.gig("G-1", "W-ann").value or b"") | {"data": data}
    record = feed.record(GOJEK, json.dumps(value).encode(), b"W-ann")
    gig = gig_of_entry(entries.decode(Replica().settle([record]).leaves[0]))
    nothing = (None, None, "JPY", (Component("fare", 185, None),), 0, 0, 0, ())
    assert gig == Gig("W-ann", "gojek", "professional", *nothing, 1_772_698_530, None)


@FEW
@given(STORIES)
def test_the_entrys_gig_is_the_events(story: Story) -> None:
    told = records_of(story)
    replica = Replica().settle(told.records)
    kept = {(e.cause.topic, e.cause.offset): e for e in replica.entries() if e.kind == "accrual"}
    for record, fate in zip(told.records, told.fates, strict=True):
        if fate != "accrued":
            continue
        event = decode(record, gates()[record.topic])
        assert isinstance(event, Event) and isinstance(event.data, GigCompleted)
        own = (event.source, event.subject, event.occurred_at, event.data, event.amounts_minor, event.commission_minor)
        assert gig_of_entry(kept[record.topic, record.offset]) == gig_of(*own)


def test_contributions_come_back_as_they_were_written() -> None:
    feed = Feed()
    replica = Replica().settle([feed.enacted(POOL[1]), feed.enacted(GIGWISE), feed.gig("G-1", "W-ann", "100")])
    gig, act = replica.entries()[2], replica.entries()[0]
    assert contributions_of(gig) == [
        Contribution("XX-GIGWISE", "2026-01-01", "C", "customer:gojek", "2026-03-05", 1000, "IDR", platform="gojek"),
        Contribution("XX-POOL", "2026-01-01.2", "A", "platform:gojek", "2026-03", 300, "IDR", platform="gojek"),
        Contribution("XX-POOL", "2026-01-01.2", "B", "worker:W-ann", "2026-03", 50, "IDR", platform="gojek"),
    ]
    assert contributions_of(act) == []


SPOILT: dict[str, Any] = {
    "no source": lambda e: e["cause"].pop("source"),
    "another shape": lambda e: e["event"].update(data={"service": "ride"}),
    "an unknown member": lambda e: e["event"]["data"].update(nik="3171"),
    "an unknown currency": lambda e: e["event"]["data"].update(currency="XXZ"),
    "an amount too fine": lambda e: e["event"]["data"]["components"][0].update(amount="0.001"),
    "a negative fare": lambda e: e["event"]["data"]["components"][0].update(amount="-1"),
    "a date that is none": lambda e: e["event"]["data"].update(payment_due_on="2026-02-30"),
    "a time that is none": lambda e: e["event"].update(time="2026-03-05"),
}


@pytest.mark.parametrize("how", SPOILT, ids=str)
def test_an_entry_that_no_event_can_have_made_stops(how: str) -> None:
    entry = json.loads(Replica().settle([Feed().gig("G-1")]).leaves[0])
    SPOILT[how](entry)
    leaf = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(InvariantError, match="L4: journal 0 entry 0"):
        gig_of_entry(entries.decode(leaf))


def test_a_rejection_is_no_gig() -> None:
    refused = Replica().settle([Feed().record(GOJEK, b"{", None)]).entries()[0]
    with pytest.raises(InvariantError, match="expected a gig, got none"):
        gig_of_entry(refused)


def test_postings_are_written_and_read_back_with_state_and_platform() -> None:
    posting = Contribution("XX", "2026-01-01", "A", "worker:W-ann", "2026-03", -5, "IDR", "withheld", "grab")
    row = row_of(posting, "gojek")
    assert (row.state, row.platform) == ("withheld", "grab")
    assert row_of(posting, "grab").platform is UNSET
    plain = row_of(posting._replace(state="accrued", platform=""), "gojek")
    assert (plain.state, plain.platform) == (UNSET, UNSET)


def test_facts_of_events_are_the_facts_of_their_entries() -> None:
    """A tip, a reversal, an attribute, a payment, a decision: fresh and stored they say the same (L4)."""
    feed = Feed()
    gig = feed.gig("G-1", "W-ann", "100")
    decided = events.DisputeDecided(
        finding="upheld", platform="gojek", suspended_days=2, suspended_from="2026-03-01", reviewer="panel_3"
    )
    first = feed.enacted(POOL[2])
    told = [
        feed.adjusted("G-1", "W-ann", "-7.50", kind="fare", data={"payment_due_on": "2026-03-12"}),
        feed.workers_own(events.WORKER_CHANGED, "w/1", "W-ann", events.WorkerChanged(set={"born": "1996-04"})),
        paid(feed, "W-ann", "12.50", fund="B"),
        feed.workers_own(events.DISPUTE_DECIDED, "d/1", "W-ann", decided),
        feed.reversed("G-1", "W-ann"),
    ]
    replica = Replica().settle([first, gig, *told])
    book = book_of([e for e in replica.entries() if entries.worker_of(e) == "W-ann"])
    facts = [line.told.fact for line in book]
    fresh = []
    for record in [gig, *told]:
        event = decode(record, gates()[record.topic])
        assert isinstance(event, Event)
        amounts = adjusted_amounts(event.data, "IDR") if isinstance(event.data, GigAdjusted) else None
        fresh.append(fact_of(event, amounts))
    assert facts == fresh
    assert fresh[1:] == [
        Adjusted("gojek/G-1", Adjustment((Component("fare", -750, None),), 1_773_043_200, date(2026, 3, 12))),
        Changed({"born": "1996-04"}, date(2026, 3, 9)),
        Remitted("worker", "", "XX-POOL", "B", Span(date(2026, 3, 1), date(2026, 3, 31)), 1250, date(2026, 3, 9)),
        Decided("gojek", "upheld", date(2026, 3, 1), 2),
        Reversed("gojek/G-1"),
    ]


def test_from_when_attributes_hold() -> None:
    """The day that is named, else the date that the time shows where it was written."""
    assert from_day_of("2026-03-01T00:30:00+07:00", UNSET) == date(2026, 3, 1)
    assert from_day_of("2026-02-28T17:30:00Z", UNSET) == date(2026, 2, 28)
    assert from_day_of("2026-02-28T17:30:00Z", "2025-01-01") == date(2025, 1, 1)
