"""Gigs of days before a version began count where its windows reach back to them, and nothing is posted for them."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.domain.earning import Gig
from ledger.domain.period import midnight, parse_period
from ledger.domain.registry import Registry
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.worlds import gig, load, rule, scheme_text

NET = "measures: {pay: {include: all, less: [commission]}}"
BEFORE = "measures: {pay: {include: all, window: month, platforms: each, shift: previous}}"
ROLLING = scheme_text(rule(window="P3M", platforms="each", on="close"), start="2026-03-01")
PREVIOUS = scheme_text(rule(window="month", platforms="each"), start="2026-03-01").replace(NET, BEFORE)
OLD = f"  - from: 2026-01-01\n    source: own\n    {NET}\n    rules:\n{rule(fund='OLD')}\n"
"""A version before, which knows nothing of longer windows."""
TEXTS = pytest.mark.parametrize(
    ("text", "closed", "window"), [(ROLLING, "P3M/2026-03", "P3M/2026-03"), (PREVIOUS, "2026-03", "2026-03")]
)


def on(day: str, amount: int = 50_000) -> Gig:
    return gig(amount, occurred_at=midnight("Asia/Jakarta", date.fromisoformat(day)) + 3_600)


def world(text: str, *, old: bool) -> Registry:
    return Registry(load(text.replace("versions:\n", f"versions:\n{OLD}") if old else text).versions)


def tell(registry: Registry, closed: str, days: list[str]) -> Teller:
    teller = Teller(registry)
    for day in days:
        teller.gig(day, on(day))
    teller.close(parse_period(closed))
    return teller


def posted(teller: Teller) -> dict[str, int]:
    sums: dict[str, int] = {}
    for own in teller.postings():
        if own.fund == "A":
            sums[own.window] = sums.get(own.window, 0) + own.amount
    return sums


@TEXTS
@pytest.mark.parametrize("old", [False, True])
def test_the_first_windows_count_what_lies_before_the_version(text: str, closed: str, window: str, old: bool) -> None:
    teller = tell(world(text, old=old), closed, ["2025-12-31", "2026-02-10", "2026-03-02"])
    # 1 % of 500.00 a gig: in three months February's and March's, in the month before February's alone
    assert posted(teller) == {window: 1_000 if text is ROLLING else 500}
    assert teller.folded() == teller.account


@TEXTS
def test_a_late_gig_of_those_days_and_its_reversal_are_settled_though_closed(
    text: str, closed: str, window: str
) -> None:
    teller = tell(world(text, old=False), closed, ["2026-02-10", "2026-03-02"])
    had = posted(teller)
    late = teller.gig("late", on("2026-02-20"))
    assert [(own.window, own.amount) for own in late] == [(window, 500)]
    teller.reverse("late")
    assert posted(teller) == had
    assert teller.folded() == teller.account


@TEXTS
def test_enacted_late_it_ends_where_it_would_have_been(text: str, closed: str, window: str) -> None:
    teller = tell(Registry(), closed, ["2026-02-10", "2026-03-02"])
    (version,) = load(text).versions
    teller.enact(teller.registry.enact(version))
    assert posted(teller) == posted(tell(world(text, old=False), closed, ["2026-02-10", "2026-03-02"]))


@TEXTS
def test_an_account_that_holds_such_days_is_folded_anew_when_the_version_is_enacted(
    text: str, closed: str, window: str
) -> None:
    teller = Teller(world(scheme_text(rule(fund="OLD")).replace("X-TEST", "X-OTHER"), old=False))
    teller.gig("G-1", on("2026-02-10"))
    (version,) = load(text).versions
    assert teller.account.is_stale(teller.registry.enact(version))


def test_days_that_no_window_reaches_are_not_kept() -> None:
    registry = world(ROLLING, old=False)
    assert registry.plans(on("2025-12-31")) == ()
    (plan,) = registry.plans(on("2026-01-01"))
    assert not plan.group.acts
