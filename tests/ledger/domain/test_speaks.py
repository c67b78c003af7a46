"""Whom a close may pass over: where nothing speaks at a close, closing posts and says nothing, whatever came before.

Over every shipped scheme alone, stories as in `test_laws`, of a worker who has paid nothing in and for whom nothing is
due. What was passed over must stand as if it had been closed: folding says so (`test_laws`), and the bytes
(`tests/streams/test_closes.py`).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain.closing import speaks
from ledger.domain.document import Document
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

    silent = 0

    def close(self, period: Span, platform: str | None = None) -> list[Contribution]:
        said, foretold = len(self.said), speaks(period, self.registry.close(period, platform))
        postings = super().close(period, platform)
        if not foretold:
            self.silent += 1
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


def test_the_shipped_schemes_that_speak_at_a_months_close() -> None:
    """Both kinds are there, so that the property above is about something; who posts with each gig does not speak."""
    month = parse_period("2026-03")
    speaking = {scheme for scheme, registry in ALONE.items() if speaks(month, registry)}
    assert {"ID-BPU", "SG-CPF-PW"} <= speaking
    assert {"ID-JK-PILOT", "US-NY-BCF"} <= set(ALONE) - speaking


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


@pytest.mark.parametrize(
    ("more", "period", "expected"),
    [
        ("", "2026-03", False),
        (", on: close", "2026-03", True),
        (", on: close", "2026-W10", False),  # no month lies within a week
        (", on: close", "2026-01", False),  # not in force yet
        (", on: close", "2026", True),
    ],
)
def test_a_close_speaks_where_a_rule_acts_on_it_in_a_window_within_the_period(
    more: str, period: str, expected: bool
) -> None:
    registry = Registry(load(SOME % more).versions)
    assert speaks(parse_period(period), registry) is expected
