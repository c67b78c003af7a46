"""Who pays into a window that pools platforms, after a correction: found by a replay, or at once where one is all.

The short way is held against the replay over shipped and generated schemes; what an earlier version let platforms pay
goes back to each.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import correction
from ledger.domain.earning import Component
from ledger.domain.language.document import Document
from ledger.domain.posting import Contribution
from ledger.domain.registry import Registry
from tests.ledger.domain.generated import schemes
from tests.ledger.domain.stories import EXAMPLES, Story, stories
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.test_laws import WORLDS, funds
from tests.ledger.domain.test_laws import world as shipped
from tests.ledger.domain.test_laws_generated import STORIES
from tests.ledger.domain.worlds import gig, load

FEWER = settings(EXAMPLES, max_examples=EXAMPLES.max_examples // 4)


class OnOne(Teller):
    """All gigs are done on one platform, whatever the story says."""

    def gig(self, name: str, gig: Any) -> list[Contribution]:
        return super().gig(name, gig._replace(platform="gojek"))


def same_both_ways(story: Story, registry: Registry, later: Registry, half: int) -> None:
    def told() -> tuple[list[Contribution], list[Any]]:
        teller = OnOne(registry)
        for step in story.steps[:half]:
            step(teller, frozenset())
        teller.enact(later)
        for step in story.steps[half:]:
            step(teller, frozenset())
        return teller.postings(), teller.said

    at_once = told()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(correction, "_only_platform", lambda plan, story: None)
        assert at_once == told()


@FEWER
@given(stories(funds, pays=False), st.data())
def test_where_all_gigs_lie_on_one_platform_what_is_settled_is_what_a_replay_gives(story: Story, data: Any) -> None:
    late = data.draw(st.sampled_from(WORLDS[story.currency].schemes()))
    half = data.draw(st.integers(0, len(story.steps)))
    registry = shipped(story.currency, without=late)
    later = registry
    for version in WORLDS[story.currency].versions(late):
        later = later.enact(version)
    same_both_ways(story, registry, later, half)


@FEWER
@given(schemes(), STORIES, st.data())
def test_and_under_schemes_that_nobody_wrote(made: Document, story: Story, data: Any) -> None:
    half = data.draw(st.integers(0, len(story.steps)))
    first, *rest = made.versions
    registry = Registry([first])
    later = registry
    for version in rest:
        later = later.enact(version)
    same_both_ways(story, registry, later, half)


POOLED = """
scheme: XX-POOLED
title: "made up"
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
      - {fund: A, payer: platform, window: month, platforms: together, base: pay, rate: "0.01",
         rounding: {mode: down, step: "1"}}
  - from: 2026-01-01
    revision: 2
    source: own
    measures: {pay: {include: all}}
    rules:
      - {fund: B, payer: %s, window: month, platforms: together, base: pay, rate: "0.01",
         rounding: {mode: down, step: "1"}}
"""


@pytest.mark.parametrize("payer", ["worker", "platform"])
@pytest.mark.parametrize("platforms", [("gojek", "grab", "gojek"), ("gojek", "gojek")])
def test_what_platforms_no_longer_pay_goes_back_to_each(payer: str, platforms: tuple[str, ...]) -> None:
    first, second = load(POOLED % payer).versions
    teller = Teller(Registry([first]))
    for number, platform in enumerate(platforms):
        fare = (Component("fare", 2_000_000, None),)
        teller.gig(f"G-{number}", gig(currency="IDR", zone="ID-JK", platform=platform, components=fare))
    restated = teller.enact(teller.registry.enact(second))
    back = {own.payer: own.amount for own in restated if own.fund == "A"}
    assert back == {f"platform:{name}": -20_000 * platforms.count(name) for name in set(platforms)}
    assert {own.platform for own in restated if own.fund == "A"} == set(platforms)
    assert teller.account.balances["XX-POOLED", "A", "IDR"] == 0
    assert teller.account.balances["XX-POOLED", "B", "IDR"] == 20_000 * len(platforms)
