"""Whole numbers and fractions agree: each rule's total as it is compiled for a window, against the plain way.

Over every shipped scheme: random sums in a window, attributes known or not, parameters set or not.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.reckoning.amounts import of_view
from ledger.domain.reckoning.lines import View
from ledger.domain.registry import Registry
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
PARAMETERS = {
    (document.scheme, parameter.name): parameter.at_least or Fraction("0.02")
    for document in DOCUMENTS
    for version in document.versions
    for parameter in version.parameters
    if parameter.value is None
}
WITH_RULES = [
    (document.scheme, number)
    for document in DOCUMENTS
    for number, version in enumerate(document.versions)
    if version.rules
]
FIGURES = st.one_of(
    st.integers(0, 300_000_000),
    st.integers(-5_000, 5_000),
    st.sampled_from((0, 2, 4, 5_000, 75_000, 100_000, 2_500_025)),
    st.fractions(0, 5_000, max_denominator=12),
)
WORDS = {
    "born": ("1996-04", "1965-01", "1971-03"),
    "opted_in": ("2024-06", "2025-01-10"),
    "sector": ("transport", "other"),
    "basis": ("1000000", "20700000.5"),
    "plan": ("1", "4", "7"),
    "salary": ("0", "2500"),
    "service_class": ("I", "III"),
    "activity": (["services"], ["commerce"]),
    "subsidy": ("none", "PENJANAGIG", "SKSPS-90"),
    "tier": ("top", "low"),
}


FEES = (None, "10", "22", "30")


@lru_cache
def registry_of(scheme: str, number: int, fee: str | None, are_set: bool) -> Registry:
    """One version, its platform's fee known or not, its open parameters set or not: each compiled once."""
    version = next(document for document in DOCUMENTS if document.scheme == scheme).versions[number]
    told = {} if fee is None else {"grab": {"service_fee_pct": fee, "flat_fee": fee != "22"}}
    return Registry([version], drafts=True, parameters=PARAMETERS if are_set else {}, platforms=told)


@pytest.mark.parametrize(("scheme", "number"), WITH_RULES, ids=str)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_both_ways_give_the_same_total(scheme: str, number: int, data: st.DataObject) -> None:
    version = next(document for document in DOCUMENTS if document.scheme == scheme).versions[number]
    registry = registry_of(scheme, number, data.draw(st.sampled_from(FEES)), data.draw(st.booleans()))
    account = Account("W-1", alone=True)
    for name, values in WORDS.items():
        value = data.draw(st.sampled_from((None, *values)))
        if value is not None:
            account.state_attribute(name, value, date(2020, 1, 1))
    own = gig(
        vehicle=data.draw(st.sampled_from(("car", "bicycle", None))),
        service=data.draw(st.sampled_from(("ride", "delivery"))),
        zone=data.draw(st.sampled_from((*version.zones, None))),
        platform="grab",
        commission_minor=4_321,
    )
    for group in registry.compiled(version).groups.values():
        plan = group.bind(date(version.start.year, 12, 15), "grab", registry)
        standing = Standing(version.id, [data.draw(FIGURES) for _ in group.measures], [0] * len(plan.lines))
        for rule, line in zip(group.rules, plan.lines, strict=True):
            if rule.on not in ("gig", "close"):
                continue
            views = [View(account, registry, plan, standing, own) for _ in range(2)]
            try:
                expected: Any = of_view(rule, group)(standing.inputs, views[0])
            except ValueError:
                expected = ValueError  # what is posted as it is has parts of a minor unit
            try:
                found: Any = line.total(standing.inputs, own if line.free else views[1])
            except ValueError:
                found = ValueError
            assert found == expected
            assert line.free or (views[0].unknown, views[0].unset) == (views[1].unknown, views[1].unset)
            assert not line.free or not (views[0].unknown or views[0].unset)


@pytest.mark.parametrize("scheme", ["BR-PLP152-2025", "IN-KA-WELFARE-FEE", "KR-EI-PLATFORM", "MY-GWA", "US-WA-DRC"])
def test_what_a_gig_settles_by_its_sums_alone_goes_the_quick_way(scheme: str) -> None:
    """Percentages, caps, bands, thresholds, flat fees, set parameters, also where more waits for the close."""
    version = next(document for document in DOCUMENTS if document.scheme == scheme).versions[-1]
    registry = Registry([version], drafts=True, parameters=PARAMETERS)
    groups = registry.compiled(version).groups.values()
    assert all(group.bind(version.start, "grab", registry).fast for group in groups)


def test_an_open_parameter_keeps_a_rule_from_the_quick_way_until_it_is_set() -> None:
    """It has to say so: that takes a view."""
    version = next(document for document in DOCUMENTS if document.scheme == "KR-EI-PLATFORM").versions[-1]
    registry = Registry([version], drafts=True)
    group = next(iter(registry.compiled(version).groups.values()))
    assert not group.bind(version.start, "grab", registry).fast
