"""The laws of `test_laws`, over schemes that nobody wrote: any measure, line, window and rule that the reader takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.correction import restate
from ledger.domain.language.document import Document
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from tests.ledger.domain.generated import schemes
from tests.ledger.domain.stories import EXAMPLES, Story, accrued, close_of, same_account, stories, tell

PLACES = [("ID-JK", "IDR"), ("ID-JB", "IDR")]


def no_funds(_: str) -> dict[str, set[str]]:
    return {}


STORIES = stories(no_funds, PLACES, pays=False)


def world(*documents: Document) -> Registry:
    return Registry(version for document in documents for version in document.versions)


@EXAMPLES
@given(schemes(), STORIES)
def test_a_correction_leaves_what_a_replay_without_the_gig_gives(made: Document, story: Story) -> None:
    registry = world(made)
    assert accrued(tell(story, registry)) == accrued(tell(story, registry, story.gone))


@EXAMPLES
@given(schemes(), STORIES)
def test_folding_the_story_gives_the_account_and_nothing_is_due(made: Document, story: Story) -> None:
    teller = tell(story, world(made))
    folded = teller.folded()
    same_account(folded, teller.account)
    assert Account.load(json.loads(json.dumps(folded.dump()))) == teller.account
    assert [name for name, due in restate(folded, teller.registry, teller.story) if due.contributions] == []


@EXAMPLES
@given(schemes(), stories(no_funds, PLACES, acts=False), st.randoms())
def test_order_never_changes_worker_fund_and_kind_of_payer(made: Document, story: Story, random: Any) -> None:
    gigs_only = [step for step in story.steps if step.__qualname__.startswith("_gig")]
    shuffled = list(gigs_only)
    random.shuffle(shuffled)
    closes = [close_of(period) for period in ("2026-02", "2026-03", "2026-Q1", "P2M/2026-03", "P20D/2026-04-05")]
    registry = world(made)
    once = tell(Story([*gigs_only, *closes], story.gone, story.currency), registry, story.gone)
    again = tell(Story([*closes, *shuffled], story.gone, story.currency), registry, story.gone)
    assert accrued(once, payers=False) == accrued(again, payers=False)


@EXAMPLES
@given(schemes(), schemes("X-LATE"), STORIES, st.data())
def test_a_scheme_enacted_late_ends_where_it_would_have_been(
    made: Document, late: Document, story: Story, data: st.DataObject
) -> None:
    half = data.draw(st.integers(0, len(story.steps)))
    whole = world(made, late)
    teller = tell(Story(story.steps[:half], story.gone, story.currency), world(made))
    registry = teller.registry
    for version in whole.versions("X-LATE"):
        registry = registry.enact(version)
    teller.enact(registry)
    for step in story.steps[half:]:
        step(teller, frozenset())
    assert accrued(teller) == accrued(tell(story, whole))
    same_account(teller.folded(), teller.account)
