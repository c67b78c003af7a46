"""The cumulative functions f: what a window has come to, from what it holds. Pure, exact, compiled once per version.

A rule in short form (a rate of one measure, perhaps capped) becomes a shape over whole numbers: (minor units of the
window's base, the gig) -> minor units, rounded. Every other rule is worked out from its version's lines through a view.
Accrual subtracts what was posted before. Upholds L10: integers and fractions only, one rounding per rule, its mode and
step from the scheme's text. Of a base that is not positive a percentage gives 0.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.domain import ids
from ledger.domain.earning import Gig
from ledger.domain.fixed import compile_amount
from ledger.domain.lines import NONE, View, meets, rounded
from ledger.domain.money import Mode, Rate, round_steps
from ledger.domain.period import GIG, local_day
from ledger.domain.scheme import Measure, Rounding, Rule, Table, Test, Version

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.plan import Group

Shape: TypeAlias = Callable[[Any, Any], int]
"""(base in minor units, gig) where the line names a base; (view, None) where it reads a view."""
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
    """Give a word of the gig: its service, vehicle (`none` without one), zone or platform."""
    if name == "vehicle":
        return gig.vehicle or NONE
    if name == "service":
        return gig.service
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


def compile_rule(rule: Rule, group: Group) -> tuple[int, Shape]:
    """Give (place of the base, shape over it) for a rule in short form, or (-1, shape over a view) for any other."""
    if _is_short(rule, group):
        return group.places[rule.base or ""], _short(rule, group.version)
    slow, quick = of_view(rule, group), compile_amount(rule, group)
    if quick is None:
        return -1, slow
    # a parameter that an act has set may replace any figure: only the fractions look for that
    return -1, lambda view, _: slow(view, None) if view.registry.acts.parameters else quick(view, None)


def _is_short(rule: Rule, group: Group) -> bool:
    if rule.base is None or rule.base not in group.places or not isinstance(rule.rate, Rate):
        return False
    measure = group.version.measure(rule.base)
    plain = measure.what == "pay" and measure.share is None
    own = group.reads[rule.base].group == group.key and not measure.previous and group.reads[rule.base].windows == 1
    usual = rule.on == "gig" and not rule.when and rule.state == "accrued" and rule.unit == "money"
    gig_cap = (
        rule.cap is None
        or rule.cap.table is None
        or (group.window == GIG and all(by.startswith("gig.") for by in group.version.table(rule.cap.table).by))
    )
    fine = bool(rule.rounding.step) and (rule.rounding.step * 10**group.version.minor_digits).denominator == 1
    return plain and own and usual and gig_cap and fine


def _short(rule: Rule, version: Version) -> Shape:
    if not isinstance(rule.rate, Rate):
        raise ValueError(f"rate of {rule.fund}: expected a figure, got the name {rule.rate}")
    scale = 10**version.minor_digits
    step = int(rule.rounding.step * scale)
    if rule.cap is None:
        return _percentage(rule.rate, rule.rounding.mode, step)
    if rule.cap.amount is not None:
        return _capped(rule.rate, rule.rounding.mode, step, int(rule.cap.amount * scale))
    if rule.cap.table is None:
        raise ValueError(f"cap of {rule.fund}: expected an amount or a table, got neither")
    return _capped_by(_percentage(rule.rate, rule.rounding.mode, step), lookup(version.table(rule.cap.table)), scale)


def _affine(rate: Rate, mode: Mode, step: int) -> tuple[int, int, int] | None:
    """Give (a, b, d) so that steps = (base * a + b) // d for a base that is not negative; None where none does."""
    a, d = rate.numerator, rate.denominator * step
    if mode is Mode.DOWN:
        return a, 0, d
    if mode is Mode.UP:
        return a, d - 1, d
    if mode is Mode.HALF_UP:
        return 2 * a, d, 2 * d
    return None


def _percentage(rate: Rate, mode: Mode, step: int) -> Shape:
    affine = _affine(rate, mode, step)
    if affine is None:
        return lambda base, _: (
            round_steps(base * rate.numerator, rate.denominator * step, mode) * step if base > 0 else 0
        )
    a, b, d = affine

    def total(base: int, _: Gig) -> int:
        return (base * a + b) // d * step if base > 0 else 0

    return total


def _capped(rate: Rate, mode: Mode, step: int, cap: int) -> Shape:
    affine = _affine(rate, mode, step)
    if affine is None:
        uncapped = _percentage(rate, mode, step)
        return lambda base, gig: min(uncapped(base, gig), cap)
    a, b, d = affine

    def total(base: int, _: Gig) -> int:
        # Written out instead of calling the percentage: this is the innermost line of the hot path.
        if base <= 0:
            return 0
        due = (base * a + b) // d * step
        return due if due < cap else cap

    return total


def _capped_by(uncapped: Shape, cap_of: Callable[[Gig], Fraction | None], scale: int) -> Shape:
    caps: dict[Fraction, int] = {}

    def total(base: int, gig: Gig) -> int:
        cap = cap_of(gig)
        if cap is None:
            return 0
        most = caps.get(cap)
        if most is None:
            most = caps[cap] = int(cap * scale)
        due = uncapped(base, gig)
        return due if due < most else most

    return total


def of_view(rule: Rule, group: Group) -> Shape:
    """Give a rule's total, worked out from its version's lines: minor units, whole seconds or whole days."""
    amount = _amount(rule, group)
    scale, unit, rounding = 10**group.version.minor_digits, rule.unit, rule.rounding

    def total(view: View, _: object = None) -> int:
        value = amount(view)
        if not isinstance(value, Fraction | int) or isinstance(value, bool):
            return 0
        return in_units(Fraction(value), unit, scale, rounding)

    return total


def in_units(value: Fraction, unit: str, scale: int, rounding: Rounding) -> int:
    """Give an amount in what is posted: minor units (rounded), whole seconds of hours, whole days (rounded down).

    Raises ValueError for money that is to be posted as it is and is finer than the currency's minor unit.
    """
    if unit == "hours":
        return (value * 3600).__floor__()
    if unit == "days":
        return value.__floor__()
    minor = rounded(value, rounding) * scale
    if minor.denominator != 1:
        raise ValueError(f"amount: expected whole minor units, got {minor}; round the line or the rule")
    return int(minor)


def _amount(rule: Rule, group: Group) -> Callable[[View], Value]:
    if rule.amount is not None:
        return group.sheet.operand(rule.amount)
    name, rate, cap = rule.base or "", rule.rate, rule.cap
    cap_table = None if cap is None or cap.table is None else group.sheet.table(cap.table, 0)

    def percentage(view: View) -> Value:
        """Give a rate of a measure, to a cap; no value where a figure or a row is missing."""
        base = view.read(name)
        share = view.read(rate) if isinstance(rate, str) else None if rate is None else Fraction(*rate)
        if not isinstance(base, Fraction) or not isinstance(share, Fraction | int):
            return None
        due: Value = max(base, Fraction(0)) * share
        most = cap.amount if cap is not None and cap.amount is not None else None
        if cap_table is not None:
            found = cap_table(view)
            if not isinstance(found, Fraction):
                return None
            most = found
        return due if most is None or not isinstance(due, Fraction) else min(due, most)

    return percentage
