"""Whom a close may pass over: to them it posts and says nothing, whatever came before.

Over every shipped scheme alone and over generated ones, stories as in `test_laws`, of a worker who has paid nothing in
and for whom nothing is due. What was passed over must stand as if it had been closed: folding says so (`test_laws`),
and the bytes (`tests/streams/test_closes.py`).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain.closing import heard_by
from ledger.domain.language.document import Document
from ledger.domain.period import Span, parse_period
from ledger.domain.posting import Contribution
from ledger.domain.registry import Registry
from tests.ledger.domain.generated import schemes
from tests.ledger.domain.stories import Story, stories
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.test_laws import DOCUMENTS, PARAMETERS, PLATFORMS, funds
from tests.ledger.domain.test_laws_generated import STORIES, world
from tests.ledger.domain.worlds import load

EVERY = ("2026-02", "2026-03", "2026-04", "2026-W14", "2026-Q1", "P12M/2026-03", "FY2025-26", "2026")
ALONE = {
    own.scheme: Registry(own.versions, drafts=True, parameters=PARAMETERS, platforms=PLATFORMS) for own in DOCUMENTS
}
BY_CURRENCY: dict[str, list[str]] = {}
for document in DOCUMENTS:
    BY_CURRENCY.setdefault(document.versions[0].currency, []).append(document.scheme)


class Closing(Teller):
    """Tells a story, and holds each close of it against what was foretold of it."""

    def close(self, period: Span, platform: str | None = None) -> list[Contribution]:
        said, heard_by_whom = len(self.said), heard_by(period, self.registry.close(period, platform))
        postings = super().close(period, platform)
        if heard_by_whom == "nobody" or (heard_by_whom == "stated" and not self.account.attributes):
            assert (postings, self.said[said:]) == ([], [])
        return postings


EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def close_all(registry: Registry, story: Story, data: Any) -> None:
    teller = Closing(registry)
    for step in story.steps:
        step(teller, frozenset())
    for period in EVERY:
        teller.close(parse_period(period), data.draw(st.sampled_from((None, "gojek"))))


@EXAMPLES
@given(stories(funds, pays=False), st.data())
def test_where_nothing_speaks_a_close_posts_and_says_nothing(story: Story, data: Any) -> None:
    close_all(ALONE[data.draw(st.sampled_from(BY_CURRENCY[story.currency]))], story, data)


@EXAMPLES
@given(schemes(), STORIES, st.data())
def test_nor_under_schemes_that_nobody_wrote(made: Document, story: Story, data: Any) -> None:
    close_all(world(made), story, data)


def test_who_hears_of_a_months_close_under_the_shipped_schemes() -> None:
    """All kinds are there, so that the properties above are about something."""
    month = parse_period("2026-03")
    kinds = {scheme: heard_by(month, registry) for scheme, registry in ALONE.items()}
    assert {kinds[scheme] for scheme in ("ID-JK-PILOT", "US-NY-BCF")} == {"nobody"}
    assert {kinds[scheme] for scheme in ("ID-BPU", "PH-SSS-SE", "MY-SKSPS")} == {"stated"}
    assert {kinds[scheme] for scheme in ("SG-CPF-PW", "BR-MEI", "MY-GWA")} == {"all"}


SOME = """
scheme: XX-SOME
title: "made up"
status: example
currency: IDR
time_zone: UTC
zones: [ID-JK]
sources: {own: {title: "made up"}}
versions:
  - from: 2026-02-01
    source: own
    measures: {pay: {include: all}}
    rules: [{fund: A, payer: worker, window: month, platforms: together, base: pay, rate: "0.1",
             rounding: {mode: down, step: "1"}%s}]
"""


FLAT = SOME.replace("measures: {pay: {include: all}}", 'lines: {fee: {times: [worker.basis, "0.01"]}}').replace(
    'base: pay, rate: "0.1"', "amount: fee"
)
KNOWN = ", when: {worker.basis: {known: true}}"
DUE = "\n    notices: [{kind: due, window: month, platforms: together, on: close, amount: fee" + KNOWN + "}]"


@pytest.mark.parametrize(
    ("text", "period", "expected"),
    [
        (SOME % "", "2026-03", "nobody"),
        (SOME % ", on: close", "2026-03", "all"),
        (SOME % ", on: close", "2026-W10", "nobody"),  # no month lies within a week
        (SOME % ", on: close", "2026-01", "nobody"),  # not in force yet
        (SOME % ", on: close", "2026", "all"),
        (FLAT % (", on: close" + KNOWN), "2026-03", "stated"),
        (FLAT % (", on: close" + KNOWN) + DUE, "2026-03", "all"),  # a notice may be for anybody who has a gig
    ],
)
def test_a_close_is_heard_by_those_for_whom_something_acts_on_it_within_the_period(
    text: str, period: str, expected: str
) -> None:
    assert heard_by(parse_period(period), Registry(load(text).versions)) == expected
