"""Trials and stories for the simulator's tests: two schemes in rupiah, and workers with gigs in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hypothesis import strategies as st

from ledger.domain.earning import Gig
from ledger.domain.period import Span
from ledger.domain.simulation.counting import Measured
from ledger.domain.simulation.course import Course
from ledger.domain.simulation.trial import IN_FORCE, Trial, choose
from ledger.domain.story import Completed, Fact
from tests.ledger.domain.worlds import GIGS, SHIPPED, load, rule, scheme_text

MONTHS = Span(date(2026, 1, 1), date(2026, 4, 30))
TRIED = scheme_text(
    "\n".join(
        (
            rule(payer="worker", window="month", platforms="together", rate='"0.02"', cap='"400000"'),
            rule(fund="B", payer="platform", window="month", platforms="each", rate='"0.015"'),
            rule(fund="C", payer="customer", rate='"0.0033"', rounding='{mode: half_up, step: "0.01"}'),
            rule(fund="D", payer="platform", window="quarter", platforms="together", rate='"0.001"'),
        )
    ),
    scheme="X-TRIED",
    status="draft",
)


def shipped(name: str) -> str:
    """Give the text of a shipped scheme."""
    return (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")


def trial(tried: str = TRIED, against: str | None = "ID-JK-PILOT", closes: Span | None = MONTHS) -> Trial:
    """Give a trial of a scheme's text against a shipped scheme in force."""
    held = None if against is None else choose(load(shipped(against)), IN_FORCE)
    return Trial(choose(load(tried)), held, closes=closes)


def named(gigs: Sequence[Gig]) -> list[Fact]:
    """Give gigs as facts with names of their own."""
    return [Completed(f"{gig.platform}/{number}", gig) for number, gig in enumerate(gigs)]


def measured(own: Trial, worker: str, facts: Sequence[Fact], *, remember: bool = False) -> Measured:
    """Take a worker through a trial."""
    course = Course(worker, own, own.sides(), remember=remember)
    for fact in facts:
        course.take(fact)
    if own.closes is not None:
        course.close(own.closes)
    return course.measured()


WORKERS: st.SearchStrategy[dict[str, list[Gig]]] = st.dictionaries(
    st.sampled_from([f"W-{n}" for n in range(12)]), st.lists(GIGS, min_size=1, max_size=8), min_size=1, max_size=6
).map(lambda found: {worker: [gig._replace(worker=worker) for gig in gigs] for worker, gigs in found.items()})
