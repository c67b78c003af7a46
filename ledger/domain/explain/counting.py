"""What a gig brings to a window's measures: which of its parts count and why not the others, and the totals then.

The amounts are those of the measures as compiled (`reckoning.shapes`); the rows of a share's table are looked up by
the very function that the measure multiplies by. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ledger.domain.explain.step import Step, step_of
from ledger.domain.explain.words import and_list, counted_words, speak_number
from ledger.domain.money import format_amount, speak_amount
from ledger.domain.period import RUNNING
from ledger.domain.quantity import exact_text
from ledger.domain.reckoning.foreign import converted, is_foreign
from ledger.domain.reckoning.shapes import conditions, lookup, unit_of, word_of

if TYPE_CHECKING:
    from ledger.domain.earning import Gig
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.scheme import Measure


class Counting:
    """The measures of one window, in words."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.version = plan, plan.group.version
        self._several = sum(measure.what == "pay" for measure in self.version.measures) > 1

    def brought(self, place: int, measure: Measure, gig: Gig) -> Iterator[Step]:
        """Say what of a gig a measure counts; `place`: where the measure stands in its group."""
        counts = conditions(measure)
        inside = counts is None or counts(gig)
        if measure.what == "pay" and inside:
            yield from self._components(measure, gig)
        own = self._unit(measure) * (self.plan.assess[place](gig) if measure.what != "days" else 0)
        if measure.what == "days":
            text = f"the gig's day counts ({measure.name})." if inside else f"no day counts ({measure.name})."
        elif not inside:
            text = f"this gig does not count: {measure.name} counts others ({self._where(measure)})."
        else:
            text = f"of this gig {self._say(own, measure)} counts ({measure.name}){self._share(measure, gig)}."
        yield self._step(measure, "base", text, {measure.name: exact_text(own)})

    def standing(self, measure: Measure, had: Fraction | int, now: Fraction | int, with_gig: bool) -> Step:
        """Say what a measure's total was before, and is now (both in stored units)."""
        unit = self._unit(measure)
        where = "on all platforms together" if self.plan.group.pooled else f"on {self.plan.platform}"
        window = "so far" if self.plan.group.window == RUNNING else f"in {self.plan.window}"
        if len(self.plan.group.measures) > 1 or not with_gig:
            window = f"{measure.name} {window}"
        was, is_now = self._say(had * unit, measure), self._say(now * unit, measure)
        text = f"{window}, {where}: {was} before, {is_now} {'with this gig' if with_gig else 'now'}."
        numbers = {"before": self._exact(had * unit, measure), "after": self._exact(now * unit, measure)}
        return self._step(measure, "standing", text, numbers)

    def _components(self, measure: Measure, gig: Gig) -> Iterator[Step]:
        digits, currency = self.version.minor_digits, self.version.currency
        into = f" as {measure.name}" if self._several else ""
        read = converted(gig, self.version) if is_foreign(gig, self.version) else gig
        for part, paid in zip(read.components, gig.components, strict=True):
            named = f"{part.kind}:{part.purpose}" if part.purpose else part.kind
            include, exclude = measure.include, measure.exclude
            inside = include is None or part.kind in include or named in include
            inside = inside and not (part.kind in exclude or named in exclude)
            verdict = f"counts{into}." if inside else f"does not count{into}: this scheme leaves {named} out."
            told = f"{speak_amount(part.amount_minor, currency, digits)}{_paid(paid.amount_minor, gig, read)}"
            exact = format_amount(part.amount_minor, digits)
            numbers = {"kind": part.kind, "amount": exact, "counts": "yes" if inside else "no"}
            yield self._step(measure, "component", f"{named} {told} {verdict}", numbers)
        if gig.commission_minor:
            less = measure.less_commission
            amount = speak_amount(read.commission_minor, currency, digits) + _paid(gig.commission_minor, gig, read)
            text = f"the platform's commission {amount} is {'taken off' if less else 'not taken off'}{into}."
            exact = format_amount(-read.commission_minor, digits)
            numbers = {"kind": "commission", "amount": exact, "counts": "yes" if less else "no"}
            yield self._step(measure, "component", text, numbers)

    def _share(self, measure: Measure, gig: Gig) -> str:
        """Say by which figure of its table a measure keeps a part of the gig."""
        if measure.share is None:
            return ""
        table = self.version.table(measure.share)
        words = and_list([word_of(gig, by.rpartition(".")[2]) or "none" for by in table.by])
        if measure.what != "pay" and gig.segments:
            return f": each stretch times its row of the table {table.name}"
        portion = lookup(table)(gig)
        if portion is None:
            return f": the table {table.name} has no row for {words}"
        return f": times {speak_number(portion)}, the row of the table {table.name} for {words}"

    def _where(self, measure: Measure) -> str:
        shown = (own.value for own in measure.where)
        values = [" or ".join(own) if isinstance(own, tuple) else str(own) for own in shown]
        names = [f"{test.name.rpartition('.')[2]} {own}" for test, own in zip(measure.where, values, strict=True)]
        return and_list(names)

    def _unit(self, measure: Measure) -> Fraction:
        return unit_of(measure.what, self.version.minor_digits)

    def _say(self, value: Fraction, measure: Measure) -> str:
        if measure.what != "pay":
            return counted_words(value, measure.what)
        minor = value * 10**self.version.minor_digits
        if minor.denominator == 1:
            return speak_amount(int(minor), self.version.currency, self.version.minor_digits)
        return f"{self.version.currency} {speak_number(value, self.version.minor_digits)}"

    def _exact(self, value: Fraction, measure: Measure) -> str:
        minor = value * 10**self.version.minor_digits
        if measure.what == "pay" and minor.denominator == 1:
            return format_amount(int(minor), self.version.minor_digits)
        return exact_text(value)

    def _step(self, measure: Measure, what: str, text: str, numbers: dict[str, str]) -> Step:
        return step_of(self.version, measure.cite, what, text, numbers, ("", "", self.plan.window))


def _paid(minor: int, gig: Gig, read: Gig) -> str:
    """Say what was paid in the gig's own currency, where that is another than the one it is read in."""
    if read is gig or gig.exchange is None:
        return ""
    return f" ({speak_amount(minor, gig.currency, gig.exchange.minor_digits)})"
