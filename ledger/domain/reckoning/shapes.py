"""What a measure takes of a gig: minor units, seconds, metres, pieces or a day. Pure, exact, compiled once per version.

The sums of these over a window are what rules are worked out from (`reckoning.totals`). Upholds L10: integers and
fractions only, nothing rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.domain import ids
from ledger.domain.earning import Gig
from ledger.domain.period import local_day
from ledger.domain.reckoning.lines import NONE, meets
from ledger.domain.scheme import Measure, Table, Test, Version

if TYPE_CHECKING:
    pass

Assess: TypeAlias = Callable[[Gig], "int | Fraction"]
DayOf: TypeAlias = Callable[[Gig], "str | None"]
METRES_A_MILE: Final = Fraction("1609.344")
_SECONDS: Final = {"minutes": Fraction(1, 60), "hours": Fraction(1, 3600)}
_METRES: Final = {"miles": Fraction(1, METRES_A_MILE), "km": Fraction(1, 1000)}


def unit_of(what: str, minor_digits: int) -> Fraction:
    """Give what one of a measure's stored units (minor units, seconds, metres, pieces) is in the unit that is read."""
    if what == "pay":
        return Fraction(1, 10**minor_digits)
    return _SECONDS.get(what) or _METRES.get(what) or Fraction(1)


def assess(measure: Measure, version: Version) -> Assess:
    """Give the function from a gig to what of it counts: minor units, seconds, metres or pieces; days count apart."""
    counts = conditions(measure)
    if measure.what == "days":
        return lambda _: 0
    if measure.what == "gigs":
        return lambda gig: 1 if counts is None or counts(gig) else 0
    if measure.what == "pay":
        sum_of: Assess = _pay(measure)
        share = None if measure.share is None else lookup(version.table(measure.share))
        if share is not None:
            plain, portion = sum_of, share
            sum_of = lambda gig: _whole(plain(gig) * (portion(gig) or 0))  # noqa: E731
    else:
        sum_of = _work(measure, version)
    if counts is None:
        return sum_of
    holds = counts
    return lambda gig: sum_of(gig) if holds(gig) else 0


def _whole(number: Fraction | int) -> Fraction | int:
    return int(number) if number.denominator == 1 else number


def _pay(measure: Measure) -> Assess:
    include, exclude, less = measure.include, measure.exclude, measure.less_commission

    def everything(gig: Gig) -> int:
        total = -gig.commission_minor if less else 0
        for part in gig.components:
            total += part[1]
        return total

    def chosen(gig: Gig) -> int:
        total = -gig.commission_minor if less else 0
        for kind, amount_minor, purpose in gig.components:
            named = f"{kind}:{purpose}" if purpose else kind
            if (include is None or kind in include or named in include) and not (kind in exclude or named in exclude):
                total += amount_minor
        return total

    return everything if include is None and not exclude else chosen


def _work(measure: Measure, version: Version) -> Assess:
    seconds = measure.what in _SECONDS
    share = None if measure.share is None else lookup(version.table(measure.share))

    def worked(gig: Gig) -> Fraction | int:
        return gig.engaged_seconds if seconds else gig.distance_m

    if share is None:
        return worked
    portion = share

    def priced(gig: Gig) -> Fraction | int:
        if not gig.segments:
            return _whole(worked(gig) * (portion(gig) or 0))
        total: Fraction | int = 0
        for part in gig.segments:
            amount = part.engaged_seconds if seconds else part.distance_m
            total += amount * (portion(gig._replace(zone=part.zone)) or 0)
        return _whole(total)

    return priced


def conditions(measure: Measure) -> Callable[[Gig], bool] | None:
    """Give the function that tells whether a measure counts a gig; None where it counts every one."""
    if not measure.where:
        return None
    tests = [(test.name, test.relation, test.value) for test in measure.where]

    def holds(gig: Gig) -> bool:
        return all(_holds(gig, name.rpartition(".")[2], relation, value) for name, relation, value in tests)

    return holds


def _holds(gig: Gig, name: str, relation: str, value: Any) -> bool:
    words = value if isinstance(value, tuple) else None
    if name == "earning":
        pays = sum(part.amount_minor for part in gig.components) - gig.commission_minor > 0
        return pays == (value in (True, "true"))
    if name == "any_zone":
        zones = [part.zone for part in gig.segments] or [gig.zone]
        return any(zone is not None and meets("zone", relation, zone, value, words) for zone in zones)
    found = word_of(gig, name)
    return found is not None and meets(name, relation, found, value, words)


def word_of(gig: Gig, name: str) -> str | None:
    """Give a word of the gig: its service, vehicle (`none` without one), zone, currency or platform."""
    if name == "vehicle":
        return gig.vehicle or NONE
    if name == "service":
        return gig.service
    if name == "currency":
        return gig.currency
    return gig.zone if name == "zone" else gig.platform


def counted_day(measure: Measure, version: Version) -> DayOf:
    """Give the function from a gig to the day it counts for; None where it counts for none."""
    counts = conditions(measure)

    def day(gig: Gig) -> str | None:
        if counts is not None and not counts(gig):
            return None
        own = local_day(zone_time(version, gig.zone), gig.occurred_at).isoformat()
        return f"{own} {gig.platform}" if measure.apart else own

    return day


def zone_time(version: Version, zone: str | None) -> str:
    """Give the time zone in which days of gigs in this zone are counted."""
    if zone is not None:
        for own, name in version.time_zones:
            if ids.zone_covers(own, zone):
                return name
    return version.time_zone


def lookup(table: Table) -> Callable[[Gig], Fraction | None]:
    """Give the function from a gig to its row's figure, by words of the gig alone; None where no row stands."""
    names = tuple(name.rpartition(".")[2] for name in table.by)
    found: dict[tuple[str | None, ...], Fraction | None] = {}
    rest = table.otherwise if isinstance(table.otherwise, Fraction) else None

    def row(gig: Gig) -> Fraction | None:
        """Give the figure of the table's first row that fits a gig."""
        key = tuple([word_of(gig, name) for name in names])
        if key not in found:
            if len(found) > 10_000:
                found.clear()
            found[key] = _find(key)
        return found[key]

    def _find(key: tuple[str | None, ...]) -> Fraction | None:
        words = dict(zip(table.by, key, strict=True))
        for line in table.rows:
            if all(_row_meets(test, words[test.name]) for test in line.tests):
                value = line.values[0]
                return value if isinstance(value, Fraction) else None
        return rest

    return row


def _row_meets(test: Test, word: str | None) -> bool:
    words = test.value if isinstance(test.value, tuple) else None
    return word is not None and meets(test.name, test.relation, word, test.value, words)
