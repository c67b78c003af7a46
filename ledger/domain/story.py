"""A worker's story: the facts of their entries in journal order, each with what it posted.

Corrections that need more than an account read it: a cap pooled over platforms is replayed without the reversed gig, a
rate found wrong is applied to every gig again. Pure values; who fetches them is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.domain.earning import Adjustment, Gig, adjusted
from ledger.domain.period import Span

if TYPE_CHECKING:
    from ledger.domain.posting import Contribution


class Completed(NamedTuple):
    """A gig; `name` is its platform and id, unique in the worker's story."""

    name: str
    gig: Gig


class Adjusted(NamedTuple):
    """What was added to an earlier gig."""

    name: str
    adjustment: Adjustment


class Reversed(NamedTuple):
    """An earlier gig taken back whole."""

    name: str


class Changed(NamedTuple):
    """Attributes as they stand from a day on."""

    attributes: Mapping[str, Any]
    from_day: date


class Closed(NamedTuple):
    """A period closed, on one platform or on all (None)."""

    period: Span
    platform: str | None


class Remitted(NamedTuple):
    """Money paid in: by the worker or a platform, for a period."""

    payer: str
    platform: str
    scheme: str
    fund: str | None
    period: Span
    amount_minor: int
    paid_on: date


class Decided(NamedTuple):
    """A dispute's end: `finding` upheld or unfounded; the suspension it was about."""

    platform: str
    finding: str
    suspended_from: date
    suspended_days: int


class Restated(NamedTuple):
    """A correction that later acts made due: of a gig's own window (the gig's name), or of longer ones ("")."""

    name: str = ""


Fact = Completed | Adjusted | Reversed | Changed | Closed | Remitted | Decided | Restated


class Told(NamedTuple):
    """One fact and what it posted."""

    fact: Fact
    contributions: tuple[Contribution, ...]


class Chain(NamedTuple):
    """A gig as it stands: what was added to it, and everything that it and its additions posted."""

    gig: Gig
    adjustments: tuple[Adjustment, ...]
    posted: tuple[Contribution, ...]
    name: str = ""

    @property
    def whole(self) -> Gig:
        """The gig with its additions."""
        return adjusted(self.gig, self.adjustments)


def chains(story: Sequence[Told]) -> dict[str, Chain]:
    """Give the gigs of a story that were not reversed, by name, in the order in which they came."""
    found: dict[str, Chain] = {}
    for fact, posted in story:
        if isinstance(fact, Completed):
            found[fact.name] = Chain(fact.gig, (), tuple(posted), fact.name)
        elif isinstance(fact, Adjusted) and fact.name in found:
            chain = found[fact.name]
            added, all_posted = (*chain.adjustments, fact.adjustment), (*chain.posted, *posted)
            found[fact.name] = Chain(chain.gig, added, all_posted, fact.name)
        elif isinstance(fact, Restated) and fact.name in found:
            chain = found[fact.name]
            found[fact.name] = chain._replace(posted=(*chain.posted, *posted))
        elif isinstance(fact, Reversed):
            found.pop(fact.name, None)
    return found


def gigs_in_order(story: Sequence[Told]) -> Iterator[tuple[Gig, Gig | None, Adjustment | None]]:
    """Give each step of the gigs that were not reversed: (the gig as of then, the gig before, what was added)."""
    standing = chains(story)
    so_far: dict[str, Gig] = {}
    for fact, _ in story:
        if isinstance(fact, Completed) and fact.name in standing:
            so_far[fact.name] = fact.gig
            yield fact.gig, None, None
        elif isinstance(fact, Adjusted) and fact.name in so_far:
            before = so_far[fact.name]
            so_far[fact.name] = after = adjusted(before, (fact.adjustment,))
            yield after, before, fact.adjustment
