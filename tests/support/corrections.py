"""Stories of corrections for tests: steps in the domain's words told as records of one journal, closes among them.

Tips and reversals speak of the gigs so far; attributes, remittances and enactments stand between them. No server is
needed. What a story must become is for the test to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from contracts import events
from contracts.codec import Record
from contracts.currencies import EXPONENTS
from ledger.domain.language.document import load_document
from ledger.domain.scheme import Version
from tests.support.strategies import GIGWISE, GOJEK, GRAB, POOL, Feed

_FLAT = """
scheme: XX-FLAT
title: "a flat month for who chose a basis (made up)"
status: example
currency: IDR
time_zone: UTC
zones: [ID-JK]
sources: {own: {title: "made up"}}
versions:
  - from: 2026-01-01
    source: own
    lines: {fee: {times: [worker.basis, "0.01"]}}
    rules:
      - {fund: F, payer: worker, window: month, platforms: together, on: close, amount: fee,
         when: {worker.basis: {known: true}}, rounding: {mode: down, step: "1"}}
    notices:
      - {kind: due, window: month, platforms: together, on: close, amount: fee, when: {worker.basis: {known: true}}}
"""
FLAT = load_document(_FLAT, "flat.yaml", EXPONENTS).versions[0]

_CLOSING = """
scheme: XX-CLOSING
title: "shares of a month's and a quarter's pay, posted at the close, with much to say (made up)"
status: example
currency: IDR
time_zone: UTC
zones: [ID-JK]
sources: {own: {title: "made up"}}
versions:
  - from: 2026-01-01
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: Z, payer: worker, window: month, platforms: together, on: close, base: pay, rate: "0.02",
         rounding: {mode: down, step: "1"}}
      - {fund: Q, payer: platform, window: quarter, platforms: each, on: close, base: pay, rate: "1",
         rounding: {mode: down, step: "1"}}
    notices:
      - {kind: eligible, window: month, platforms: together, amount: pay, when: {pay: {from: "10000"}}}
      - {kind: shortfall, window: month, platforms: together, on: close, amount: pay, when: {pay: {below: "20000"}}}
      - {kind: due, window: quarter, platforms: each, on: close, amount: pay, when: {pay: {from: "1"}}}
"""
CLOSING = load_document(_CLOSING, "closing.yaml", EXPONENTS).versions[0]


def changed(feed: Feed, worker: str, basis: str, number: int = 1, day: str = "2026-01-01") -> Record:
    data = events.WorkerChanged(set={"basis": basis}, effective_on=day)
    return feed.workers_own(events.WORKER_CHANGED, f"{worker}/{number}", worker, data)


def paid(feed: Feed, worker: str, amount: str, number: int = 1, **more: Any) -> Record:
    members = {"scheme": "XX-POOL", "currency": "IDR", "period": "2026-03", "payer": "worker"} | more
    data = events.RemittanceReceived(amount=amount, **members)
    return feed.workers_own(events.REMITTANCE_RECEIVED, f"pay/{worker}/{number}", worker, data)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("gig"), st.sampled_from((GOJEK, GRAB)), st.integers(1, 60_000), st.integers(0, 2)),
        st.tuples(st.just("tip"), st.integers(0, 30), st.integers(-5000, 9000), st.just(0)),
        st.tuples(st.just("back"), st.integers(0, 30), st.just(0), st.just(0)),
        st.tuples(st.just("basis"), st.integers(1, 3), st.integers(1, 9), st.just(0)),
        st.tuples(st.just("pay"), st.integers(1, 9000), st.just(0), st.just(0)),
        st.tuples(st.just("enact"), st.just(0), st.just(0), st.just(0)),
    ),
    min_size=2,
    max_size=22,
)
WORKERS = ("W-ann", "W-ben")
DAYS = ("2026-01-31", "2026-02-14", "2026-03-05")


MIXED = st.tuples(
    st.lists(
        st.one_of(
            st.tuples(st.just("gig"), st.sampled_from((GOJEK, GRAB)), st.integers(1, 60_000), st.integers(0, 2)),
            st.tuples(st.just("tip"), st.integers(0, 30), st.integers(-5000, 9000), st.just(0)),
            st.tuples(st.just("back"), st.integers(0, 30), st.just(0), st.just(0)),
            st.tuples(st.just("basis"), st.integers(1, 3), st.integers(1, 9), st.just(0)),
            st.tuples(st.just("pay"), st.integers(1, 9000), st.sampled_from(("XX-POOL", "XX-CLOSING")), st.just(0)),
            st.tuples(
                st.just("close"), st.sampled_from(("2026-01", "2026-02", "2026-03", "2026-Q1")), st.just(0), st.just(0)
            ),
            st.tuples(st.just("enact"), st.just(0), st.just(0), st.just(0)),
        ),
        min_size=6,
        max_size=30,
    ),
    st.permutations((FLAT, GIGWISE, CLOSING, POOL[1], POOL[2])),
)
"""Steps with closes anywhere among them, and the order in which versions are enacted: for `mixed`."""


def mixed(told: tuple[list[Any], list[Any]]) -> list[Any]:
    """Records of such steps."""
    feed = Feed()
    return [feed.platform("gojek"), feed.platform("grab"), *records_of(told[0], feed, told[1])]


def records_of(steps: list[Any], feed: Feed, later: Sequence[Version] = (FLAT, GIGWISE, POOL[1], POOL[2])) -> list[Any]:
    """The records of such steps; tips and reversals speak of the gigs so far, in turn. `later`: enacted one by one."""
    versions = [*later]
    records, gigs = [feed.enacted(POOL[0])], []
    for number, (what, one, two, day) in enumerate(steps):
        worker = WORKERS[number % 2]
        if what == "gig":
            records.append(feed.gig(f"G-{number}", worker, str(two), one, time=f"{DAYS[day]}T10:00:00Z"))
            gigs.append((f"G-{number}", worker, one))
        elif what == "tip" and gigs:
            gig, whose, topic = gigs[one % len(gigs)]
            records.append(feed.adjusted(gig, whose, str(two), topic=topic, id=f"A-{number}"))
        elif what == "back" and gigs:
            gig, whose, topic = gigs[one % len(gigs)]
            records.append(feed.reversed(gig, whose, topic, id=f"R-{number}"))
        elif what == "basis":
            records.append(changed(feed, worker, f"{two}00000", number, f"2026-0{one}-01"))
        elif what == "pay":
            records.append(paid(feed, worker, str(one), number, **({"scheme": two} if two else {})))
        elif what == "close":
            records.append(feed.closed(one))
        elif what == "enact" and versions:
            records.append(feed.enacted(versions.pop(0)))
    return records


def story(steps: list[Any], periods: list[str]) -> list[Any]:
    """Records of steps with closes among them, some of which wait for what comes behind them."""
    feed = Feed()
    first = [feed.platform("gojek"), feed.platform("grab")]
    records = [*first, *records_of(steps[: len(steps) // 2], feed), changed(feed, "W-cut", "300000", 99)]
    for number, period in enumerate(periods):
        # every second close waits for the gig behind it
        gig = feed.gig(f"H-{number}", "W-ben", "4000", (GOJEK, GRAB)[number % 2], time="2026-02-03T09:00:00Z")
        close = feed.closed(period, None if number % 2 == 0 else {})
        records += [close, gig, paid(feed, "W-ann", "10", 100 + number)]
    return records


PERIODS = st.lists(
    st.sampled_from(["2026-01", "2026-02", "2026-03", "2026-Q1", "2026"]), min_size=1, max_size=3, unique=True
)


def kinds(told: list[dict[str, Any]]) -> list[str]:
    """Give the kinds of entries."""
    return [entry["kind"] for entry in told]


def balances(entry: dict[str, Any]) -> dict[str, int]:
    """Give what accrued by fund, where there is any."""
    return {row["fund"]: row["accrued"] for row in entry["balances"] if row["accrued"]}


def codes(told: list[dict[str, Any]]) -> list[str | None]:
    """Give the codes of refusals, None for what was accepted."""
    return [entry.get("rejection", {}).get("code") for entry in told]
