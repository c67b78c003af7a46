"""L9 and its kin, over every shipped scheme at once: corrections equal a replay, in any order, closed or not.

A story is told to the engine: gigs in many places, additions, reversals, dated attributes, closes. Whatever happened,
every sum by scheme, fund, payer, window and state must be what the same story without the reversed gigs gives; the
account must be what folding the story gives; and nothing may be due at rest.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.correction import restate
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from tests.ledger.domain.stories import EXAMPLES, ZONES, Story, accrued, close_of, same_account, stories, tell
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.worlds import SHIPPED, load

DOCUMENTS = [load(path.read_text()) for path in sorted(SHIPPED.glob("*.yaml"))]
PARAMETERS = {
    (document.scheme, parameter.name): parameter.at_least or Fraction("0.02")
    for document in DOCUMENTS
    for version in document.versions
    for parameter in version.parameters
    if parameter.value is None
}
PLATFORMS = {
    "gojek": {"turnover": "10000000", "payouts": "3000000", "collects": "maximum"},
    "grab": {"flat_fee": True, "service_fee_pct": "22"},
}


def world(currency: str, *, without: str = "") -> Registry:
    """Give a registry with every shipped scheme of a currency, drafts too."""
    documents = [document for document in DOCUMENTS if document.versions[0].currency == currency]
    versions = [version for own in documents if own.scheme != without for version in own.versions]
    return Registry(versions, drafts=True, parameters=PARAMETERS, platforms=PLATFORMS)


WORLDS = {currency: world(currency) for currency in ZONES}


def funds(currency: str) -> dict[str, set[str]]:
    """Give a currency's schemes with the funds that payments may be for: those of their rules, and their parents."""
    world = WORLDS[currency]
    found = {
        scheme: {rule.fund for own in world.versions(scheme) for rule in own.rules if rule.unit == "money"}
        for scheme in world.schemes()
    }
    return {scheme: own | {fund.partition(".")[0] for fund in own} for scheme, own in found.items()}


def told(story: Story, without: frozenset[str] = frozenset()) -> Teller:
    """Tell a story under every shipped scheme of its currency."""
    return tell(story, WORLDS[story.currency], without)


@EXAMPLES
@given(stories(funds))
def test_a_correction_leaves_what_a_replay_without_the_gig_gives(story: Story) -> None:
    """L9, by payer and window: also when it is closed, also where a cap is pooled over platforms."""
    assert accrued(told(story)) == accrued(told(story, story.gone))


@EXAMPLES
@given(stories(funds))
def test_folding_the_story_gives_the_account_and_nothing_is_due(story: Story) -> None:
    """Cumulative equality: what was posted in each window is f of what it holds, so restating posts nothing."""
    teller = told(story)
    folded = teller.folded()
    same_account(folded, teller.account)
    assert Account.load(json.loads(json.dumps(folded.dump()))) == teller.account
    assert [name for name, due in restate(folded, teller.registry, teller.story) if due.contributions] == []


@EXAMPLES
@given(stories(funds, acts=False), st.randoms())
def test_order_never_changes_worker_fund_and_kind_of_payer(story: Story, random: Any) -> None:
    """L9: as long as a gig precedes what refers to it; here the gigs that stay are shuffled, closed before or after."""
    gigs_only = [step for step in story.steps if step.__qualname__.startswith("_gig")]
    shuffled = list(gigs_only)
    random.shuffle(shuffled)
    closes = [close_of(period) for period in ("2026-02", "2026-03", "2026-Q1", "P12M/2026-03")]
    once = told(Story([*gigs_only, *closes], story.gone, story.currency), story.gone)
    again = told(Story([*closes, *shuffled], story.gone, story.currency), story.gone)
    assert accrued(once, payers=False) == accrued(again, payers=False)


@EXAMPLES
@given(stories(funds, pays=False), st.data())
def test_a_scheme_enacted_late_ends_where_it_would_have_been(story: Story, data: st.DataObject) -> None:
    """A version enacted later leads to compensating entries: together they are what it would have posted in time."""
    late = data.draw(st.sampled_from(WORLDS[story.currency].schemes()))
    half = data.draw(st.integers(0, len(story.steps)))
    teller = Teller(world(story.currency, without=late))
    for step in story.steps[:half]:
        step(teller, frozenset())
    registry = teller.registry
    for version in WORLDS[story.currency].versions(late):
        registry = registry.enact(version)
    teller.enact(registry)
    for step in story.steps[half:]:
        step(teller, frozenset())
    assert accrued(teller) == accrued(told(story))
    same_account(teller.folded(), teller.account)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.scheme)
def test_every_shipped_scheme_compiles(document: Any) -> None:
    assert Registry(document.versions, drafts=True).schemes() == (document.scheme,)
