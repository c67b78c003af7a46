"""Reconciliation with what was really levied: which trips Iuran reproduces to the cent, and what explains the rest.

A trip is held against named hypotheses in a fixed order; the first that gives the levied amount is its verdict. They
are variants of the scheme's own rule: another base (without tips, without tolls), another rounding (the tip rounded
by itself, half to even, down), a fare that a tax on the same receipt shows to have been another one, a trip that is
free of both charges. That nothing was levied, or a cent more or less, is seen and named, but no rule. An agreement is
no proof: a loose hypothesis agrees by chance, so each is also counted alone over all trips, per company. Upholds L10:
minor units and exact rates only. Knows no file, no scheme file and no engine: what Iuran posted is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from ledger.domain.money import Mode, Rate, round_steps

POSTED: Final = "as_published"
UNEXPLAINED: Final = "unexplained"
CENT_OFF: Final = "cent_off"
NONE_LEVIED: Final = "none_levied"
_TIP: Final = frozenset({"tip"})
_TOLL: Final = frozenset({"toll"})


class Trip(NamedTuple):
    """One trip: `parts` are its components (kind, minor units), `posted` what Iuran posts, `levied` what was charged.

    `taxed` is the base that another tax on the same receipt implies (tips are not in it), in exact minor units; None
    where there is no such tax.
    """

    platform: str
    line: int
    parts: tuple[tuple[str, int], ...]
    posted: int
    levied: int
    taxed: Fraction | None = None

    def total(self, kinds: frozenset[str] | None, less: frozenset[str] = frozenset()) -> int:
        """Give the sum of the components of these kinds (None: all), some left out; minor units."""
        return sum(amount for kind, amount in self.parts if (kinds is None or kind in kinds) and kind not in less)


class Levy(NamedTuple):
    """A scheme's percentage as its version says it. `kinds` of the base (None: all); `step` in minor units."""

    kinds: frozenset[str] | None
    rate: Rate
    mode: Mode
    step: int

    def of(self, base: int | Fraction, mode: Mode | None = None) -> int:
        """Give the charge on a base (minor units), rounded; 0 on a base that is not positive."""
        share = Fraction(base * self.rate.numerator, self.rate.denominator * self.step)
        return 0 if share <= 0 else self.step * round_steps(share.numerator, share.denominator, mode or self.mode)


class Hypothesis(NamedTuple):
    """One explanation: its key, its words, and what it says was levied (None: it says nothing of this trip)."""

    key: str
    words: str
    levied: Callable[[Trip, Levy], int | None]


class Reconciliation(NamedTuple):
    """What came out: verdicts (trip, hypothesis key), their counts, and each hypothesis counted alone, by platform."""

    platforms: tuple[str, ...]
    verdicts: tuple[tuple[Trip, str], ...]
    first: Counter[tuple[str, str]]
    alone: Counter[tuple[str, str]]

    def reproduced(self, platform: str | None = None) -> int:
        """Give how many trips (of a platform) Iuran reproduces to the minor unit."""
        return self.tally(self.first, POSTED, platform)

    def explained(self, platform: str | None = None) -> int:
        """Give how many more trips (of a platform) a rule explains: nothing levied, or a cent either way, is none."""
        odd = sum(self.tally(self.first, key, platform) for key in (POSTED, NONE_LEVIED, CENT_OFF, UNEXPLAINED))
        return self.trips(platform) - odd

    def not_levied(self, platform: str | None = None) -> int:
        """Give how many trips (of a platform) carry no charge, and no rule says why."""
        return self.tally(self.first, NONE_LEVIED, platform)

    def trips(self, platform: str | None = None) -> int:
        """Give how many trips there are (of a platform)."""
        return sum(platform in (None, trip.platform) for trip, _ in self.verdicts)

    def tally(self, counts: Counter[tuple[str, str]], key: str, platform: str | None = None) -> int:
        """Give one count, of a platform or of all."""
        return sum(counts[own, key] for own in self.platforms if platform in (None, own))

    def closest(self, platform: str) -> tuple[str, int]:
        """Give the hypothesis that alone explains most of a platform's trips, the simpler (earlier) of equals."""
        single = [(each.key, self.alone[platform, each.key]) for each in SINGLE]
        return max(single, key=lambda pair: pair[1])


def reconcile(trips: Iterable[Trip], levies: Sequence[Levy] | Levy) -> Reconciliation:
    """Give the verdict of each trip, in their order. `levies`: one for all trips, or one for each trip.

    Raises ValueError when the numbers of trips and levies differ.
    """
    told = tuple(trips)
    rules = [levies] * len(told) if isinstance(levies, Levy) else list(levies)
    first: Counter[tuple[str, str]] = Counter()
    alone: Counter[tuple[str, str]] = Counter()
    verdicts: list[tuple[Trip, str]] = []
    for trip, levy in zip(told, rules, strict=True):
        fitting = [each.key for each in HYPOTHESES if each.levied(trip, levy) == trip.levied]
        verdict = fitting[0] if fitting else UNEXPLAINED
        verdicts.append((trip, verdict))
        first[trip.platform, verdict] += 1
        alone.update((trip.platform, key) for key in fitting)
    return Reconciliation(tuple(sorted({trip.platform for trip in told})), tuple(verdicts), first, alone)


def words(key: str) -> str:
    """Give a verdict for people."""
    return next((each.words for each in HYPOTHESES if each.key == key), "no explanation found")


def _tip_apart(trip: Trip, levy: Levy, rest: int | Fraction | None) -> int | None:
    tip = trip.total(levy.kinds, frozenset(kind for kind, _ in trip.parts if kind != "tip"))
    return None if rest is None else levy.of(rest) + levy.of(tip)


def _on_taxed(trip: Trip, levy: Levy) -> int | None:
    if trip.taxed is None:
        return None
    tip = trip.total(levy.kinds) - trip.total(levy.kinds, _TIP)
    return levy.of(trip.taxed + tip)


def _near(trip: Trip, levy: Levy) -> int | None:
    return trip.levied if abs(trip.levied - trip.posted) == levy.step else None


HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    Hypothesis(POSTED, "as the scheme says", lambda trip, _: trip.posted),
    Hypothesis("exempt", "exempt: neither this nor the other tax", lambda trip, _: 0 if trip.taxed == 0 else None),
    Hypothesis(NONE_LEVIED, "nothing levied", lambda *_: 0),
    Hypothesis(
        "tip_apart",
        "the tip's share rounded by itself",
        lambda trip, levy: _tip_apart(trip, levy, trip.total(levy.kinds, _TIP)),
    ),
    Hypothesis("without_tips", "tips left out", lambda trip, levy: levy.of(trip.total(levy.kinds, _TIP))),
    Hypothesis("without_tolls", "tolls left out", lambda trip, levy: levy.of(trip.total(levy.kinds, _TOLL))),
    Hypothesis(
        "fare_alone", "tips and tolls left out", lambda trip, levy: levy.of(trip.total(levy.kinds, _TIP | _TOLL))
    ),
    Hypothesis("other_fare", "another fare, the one that the sales tax implies", _on_taxed),
    Hypothesis(
        "other_fare_tip_apart",
        "another fare, the one that the sales tax implies; the tip's share rounded by itself",
        lambda trip, levy: _tip_apart(trip, levy, trip.taxed),
    ),
    Hypothesis("half_even", "half a cent to even", lambda trip, levy: levy.of(trip.total(levy.kinds), Mode.HALF_EVEN)),
    Hypothesis("rounded_down", "cents rounded down", lambda trip, levy: levy.of(trip.total(levy.kinds), Mode.DOWN)),
    Hypothesis(CENT_OFF, "a cent either way", _near),
)
"""In the order in which they are tried: first the rule itself, then what says least more than it."""

SINGLE: Final = tuple(each for each in HYPOTHESES if each.key not in ("exempt", CENT_OFF))
"""Those that could be a company's own rule."""
