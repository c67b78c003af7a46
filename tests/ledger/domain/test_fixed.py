"""Whole numbers and fractions agree: each rule that the hot path reckons in integers, against the plain way.

Over every shipped scheme: random inputs in a window, and each rule's total both ways.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.fixed import compile_amount
from ledger.domain.lines import View
from ledger.domain.registry import Registry
from ledger.domain.shapes import of_view
from ledger.domain.standing import Account, Standing
from tests.ledger.domain.worlds import SHIPPED, gig, load

EVERYTHING = """\
scheme: X-FORM
title: every operation that whole numbers can say
status: example
currency: IDR
time_zone: Asia/Jakarta
sources: {own: {title: own}}
versions:
  - from: 2026-01-01
    source: own
    measures:
      pay: {include: all, less: [commission]}
      tips: {include: [tip]}
      gigs: {count: gigs}
    tables:
      bands:
        by: [pay, gigs]
        columns: [rate, flat]
        otherwise: refuse
        rows:
          - {pay: {to: "1000"}, gigs: any, rate: "0", flat: "1.5"}
          - {pay: {above: "1000", below: "25000.25"}, gigs: {from: "2"}, rate: "0.0125", flat: "7"}
          - {pay: {from: "25000.25"}, gigs: any, rate: "0.02", flat: "40000.5"}
    lines:
      rest: {subtract: [pay, tips]}
      owed: {subtract: [tips, pay], rounding: {mode: half_up, step: "0.1"}}
      both: {add: [rest, tips, "12.34"], at_least: "0"}
      rated: {times: [both, rate], rounding: {mode: half_up, step: "0.1"}}
      rate: {lookup: bands, column: rate}
      flat: {lookup: bands, column: flat}
      low: {least: [rated, flat, "5000"]}
      high: {greatest: [rated, flat]}
      chosen:
        choose:
          - {when: {rest: {above: tips}, gigs: {to: "4"}}, then: low}
          - {when: {worker.sector: transport}, then: high}
          - {otherwise: both}
    rules:
      - {fund: A, payer: platform, window: month, platforms: each, amount: chosen,
         rounding: {mode: half_even, step: "1"}}
      - {fund: B, payer: worker, window: month, platforms: each, amount: rest, rounding: {mode: up, step: "0.5"}}
      - {fund: D, payer: worker, window: month, platforms: each, amount: owed, rounding: {mode: down, step: "0.01"}}
      - {fund: C, payer: worker, window: month, platforms: each, amount: high, rounding: {mode: down, step: "0.01"}}
"""
DOCUMENTS = [load(EVERYTHING)] + [load(path.read_text()) for path in sorted(SHIPPED.glob("*.yaml"))]
QUICK = [
    (document.scheme, number)
    for document in DOCUMENTS
    for number, version in enumerate(document.versions)
    if any(
        compile_amount(rule, group) is not None
        for group in Registry([version], drafts=True).compiled(version).groups.values()
        for rule in group.rules
    )
]
FIGURES = st.one_of(
    st.integers(0, 300_000_000),
    st.integers(-5_000, 5_000),
    st.sampled_from((0, 2, 4, 5_000, 75_000, 100_000, 2_500_025)),
)


@pytest.mark.parametrize(("scheme", "number"), QUICK, ids=str)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_ways_give_the_same_total(scheme: str, number: int, data: st.DataObject) -> None:
    version = next(document for document in DOCUMENTS if document.scheme == scheme).versions[number]
    flat: dict[str, dict[str, Any]] = {
        "grab": {
            "flat_fee": data.draw(st.booleans()),
            "service_fee_pct": data.draw(st.sampled_from(("10", "22", "30"))),
        }
    }
    registry = Registry([version], drafts=True, platforms=flat)
    account = Account("W-1", alone=True)
    account.state_attribute("born", data.draw(st.sampled_from(("1996-04", "1965-01"))), date(2020, 1, 1))
    account.state_attribute("opted_in", "2025-01", date(2020, 1, 1))
    account.state_attribute("sector", data.draw(st.sampled_from(("transport", "other"))), date(2020, 1, 1))
    own = gig(vehicle=data.draw(st.sampled_from(("car", "bicycle"))), platform="grab")
    for group in registry.compiled(version).groups.values():
        plan = group.bind(date(version.start.year, 12, 15), "grab")
        inputs: list[int | Fraction] = [data.draw(FIGURES) for _ in group.measures]
        standing = Standing(version.id, inputs, [0] * len(plan.lines))
        for rule in group.rules:
            quick = compile_amount(rule, group)
            if quick is not None:
                views = [View(account, registry, plan, standing, own) for _ in range(2)]
                assert quick(views[0], None) == of_view(rule, group)(views[1], None)
                assert views[0].unknown == views[1].unknown
