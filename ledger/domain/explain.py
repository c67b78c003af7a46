"""Why a gig accrued what it did: every step of every rule, with its numbers, in plain words, and its source.

Recomputed from the gig, the account as it stood before, and the enacted versions; nothing of it is stored. Changes
nothing. Schemes that are enacted and do not cover the gig say why not. The figures are those of `ledger.domain.accrual`
(a property test holds the two together); `Step.numbers` has them as exact decimal text in the currency's unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from ledger.domain.earning import Gig
from ledger.domain.ids import payer_of
from ledger.domain.money import WORDS, format_amount, speak_amount, speak_rate
from ledger.domain.period import Window, local_day, window_span
from ledger.domain.plan import Plan
from ledger.domain.quantity import decimal
from ledger.domain.registry import Registry
from ledger.domain.scheme import Base, Citation, Rule, Version
from ledger.domain.shapes import lookup
from ledger.domain.standing import Account, StaleStanding


class Step(NamedTuple):
    """One step. `what` is covered, not_covered, component, base, standing, rate, cap, rounding, posting or taken_back;
    `fund`, `payer` and `window` are "" where the step is not about one; `source` is title and address.
    """

    scheme: str
    version: str
    what: str
    fund: str
    payer: str
    window: str
    text: str
    numbers: dict[str, str]
    source: str
    confidence: str


def explain(gig: Gig, account_before: Account, registry: Registry) -> list[Step]:
    """Give the steps for one gig, scheme by scheme in the order of their ids.

    Raises StaleStanding when the account was folded under versions since replaced.
    """
    if account_before.is_stale(registry):
        raise StaleStanding("account: expected one folded under the versions now enacted, got an earlier fold")
    steps: list[Step] = []
    plans = registry.plans(gig)
    for scheme in registry.schemes():
        own = [plan for plan in plans if plan.scheme == scheme]
        if not own:
            steps.append(_not_covered(scheme, gig, registry))
        for plan in own:
            steps += _Telling(plan, gig, account_before).steps()
    return steps


def plain(steps: Sequence[Step]) -> str:
    """Give the steps as lines of plain English, a paragraph per scheme."""
    lines: list[str] = []
    for step in steps:
        if step.what in ("covered", "not_covered"):
            lines += ([""] if lines else []) + [step.text]
        else:
            mark = "  => " if step.what in ("posting", "taken_back") else "  - "
            unsure = " (not verified in a source)" if step.confidence == "unverified" else ""
            lines.append(f"{mark}{step.text}{unsure}")
    return "\n".join(lines)


def _not_covered(scheme: str, gig: Gig, registry: Registry) -> Step:
    first = registry.versions(scheme)[0]
    day = local_day(first.time_zone, gig.occurred_at)
    version = next((v for w in Window if (v := registry.in_force(scheme, window_span(w, day).last))), None)
    if gig.currency != first.currency:
        why, reason = f"it is about {first.currency} and the gig was paid in {gig.currency}", "currency"
    elif version is None:
        why, reason = f"its first version holds from {first.start} and the gig was on {day}", "date"
    elif not version.covers_zone(gig.zone):
        place = f"the gig was in {gig.zone}" if gig.zone else "the gig names no zone"
        why, reason = f"it covers {', '.join(version.zones)} and {place}", "zone"
    elif not version.covers_platform(gig.platform):
        why, reason = f"it covers {', '.join(version.platforms)} and the gig was on {gig.platform}", "platform"
    else:
        why, reason = f"its version {version.id} has no rules", "rules"
    said = version or first
    text = f"{scheme} does not cover this gig: {why}."
    return _step(said, said.cite, "not_covered", text, {"reason": reason})


def _step(
    version: Version,
    cite: Citation,
    what: str,
    text: str,
    numbers: dict[str, str],
    of: tuple[str, str, str] = ("", "", ""),
) -> Step:
    source = next((f"{s.title} {s.url}".strip() for s in version.sources if s.key == cite.source), cite.source)
    confidence = "verified" if cite.verified else "unverified"
    return Step(version.scheme, version.id, what, *of, text, numbers, source, confidence)


class _Telling:
    """The telling of one plan: a version over one window, for one gig."""

    def __init__(self, plan: Plan, gig: Gig, account: Account) -> None:
        self.plan, self.gig, self.group = plan, gig, plan.group
        self.version = plan.group.version
        standing = account.standings.get(plan.key) if plan.key is not None else None
        self.before = standing.inputs if standing else [0] * len(plan.assess)
        self.posted = standing.posted if standing else [0] * len(plan.lines)
        self.orphans = standing.orphans if standing else {}
        self.counted = [base(gig) for base in plan.assess]

    def steps(self) -> Iterator[Step]:
        """Give the steps of this plan, in the order in which a reader wants them."""
        status = {"example": ", an example and no law", "historic": ", historic", "draft": ", a draft"}
        version = self.version
        text = (
            f"{version.scheme} covers this gig (version {version.id}{status.get(version.status, '')}): {version.title}."
        )
        yield _step(version, version.cite, "covered", text, {"window": self.plan.window})
        for at, base in enumerate(self.group.bases):
            yield from self._base(at, base)
        for at, rule in enumerate(self.group.rules):
            yield from self._rule(at, rule)
        for (fund, kind, _), amount in sorted(self.orphans.items()):
            payer = payer_of(kind, self.gig.worker, self.gig.platform)
            text = f"{fund}: {self._say(amount)} posted under an earlier version is taken back from {payer}."
            yield self._of((fund, payer), version.cite, "taken_back", text, {"posting": self._exact(-amount)})

    def _base(self, at: int, base: Base) -> Iterator[Step]:
        for part in self.gig.components:
            amount = self._say(part.amount_minor)
            inside = (base.include is None or part.kind in base.include) and part.kind not in base.exclude
            why = "" if inside else f": this scheme leaves {part.kind} out"
            text = f"{part.kind} {amount} {'counts' if inside else 'does not count'}{why}."
            numbers = {"amount": self._exact(part.amount_minor), "counts": "yes" if inside else "no"}
            yield _step(self.version, base.cite, "component", text, {"kind": part.kind, **numbers})
        if self.gig.commission_minor:
            amount = self._say(self.gig.commission_minor)
            text = f"the platform's commission {amount} is {'taken off' if base.less_commission else 'not taken off'}."
            numbers = {
                "amount": self._exact(-self.gig.commission_minor),
                "counts": "yes" if base.less_commission else "no",
            }
            yield _step(self.version, base.cite, "component", text, {"kind": "commission", **numbers})
        text = f"of this gig {self._say(self.counted[at])} counts ({base.name})."
        yield _step(self.version, base.cite, "base", text, {base.name: self._exact(self.counted[at])})
        if self.plan.key is not None:
            before, after = self.before[at], self.before[at] + self.counted[at]
            where = "on all platforms together" if self.group.pooled else f"on {self.gig.platform}"
            text = f"in {self.plan.window}, {where}: {self._say(before)} before, {self._say(after)} with this gig."
            numbers = {"before": self._exact(before), "after": self._exact(after)}
            yield _step(self.version, base.cite, "standing", text, numbers)

    def _rule(self, at: int, rule: Rule) -> Iterator[Step]:
        line = self.plan.lines[at]
        total = self.before[line.base] + self.counted[line.base]
        payer = line.payer or payer_of(rule.payer, self.gig.worker, "")
        of = (rule.fund, payer)
        base = max(total, 0)
        raw = Fraction(base * rule.rate.numerator, rule.rate.denominator) / 10**self.version.minor_digits
        none = "" if total >= 0 else " (less than nothing counts as nothing)"
        text = (
            f"{rule.fund}, paid by {_payer_words(payer)}: {speak_rate(rule.rate)} of {self._say(base)}{none} "
            f"is {self.version.currency} {decimal(raw)}."
        )
        numbers = {"rate": decimal(Fraction(*rule.rate)), "base": self._exact(base), "raw": decimal(raw)}
        yield self._of(of, rule.rate_cite, "rate", text, numbers)
        due = line.total(total, self.gig)
        yield from self._cap(of, rule, raw)
        rounded = Fraction(due, 10**self.version.minor_digits)
        if rounded != raw and not self._capped(rule, raw):
            text = f"{WORDS[rule.rounding.mode]} to {self._say(rule.rounding.step)}: {self._say(due)}."
            numbers = {
                "mode": rule.rounding.mode.value,
                "step": self._exact(rule.rounding.step),
                "due": self._exact(due),
            }
            yield self._of(of, rule.rounding.cite, "rounding", text, numbers)
        before = self.posted[at]
        numbers = {"due": self._exact(due), "posted_before": self._exact(before), "posting": self._exact(due - before)}
        if due == before:
            text = f"{rule.fund}: nothing to add, {self._say(before)} is already posted."
        elif due > before:
            already = f" ({self._say(due)} less {self._say(before)} already posted)" if before else ""
            text = f"{rule.fund}: {self._say(due - before)} is added for you, paid by {_payer_words(payer)}{already}."
        else:
            text = f"{rule.fund}: {self._say(before - due)} is taken back from what {_payer_words(payer)} paid."
        yield self._of(of, rule.cite, "posting", text, numbers)

    def _cap_of(self, rule: Rule) -> int | None:
        if rule.cap is None:
            return None
        if rule.cap.table is None:
            return rule.cap.amount
        return lookup(self.version.table(rule.cap.table))(self.gig)

    def _capped(self, rule: Rule, raw: Fraction) -> bool:
        cap = self._cap_of(rule)
        return rule.cap is not None and (cap is None or raw >= Fraction(cap, 10**self.version.minor_digits))

    def _cap(self, of: tuple[str, str], rule: Rule, raw: Fraction) -> Iterator[Step]:
        if rule.cap is None:
            return
        cap, cite = self._cap_of(rule), rule.cap.cite
        if rule.cap.table is not None:
            cite = self.version.table(rule.cap.table).cite
        if cap is None:
            job = f"{self.gig.service} by {self.gig.vehicle or 'no vehicle'}"
            text = f"{rule.fund}: the table has no row for {job}, so nothing is posted: the scheme does not guess."
            yield self._of(of, cite, "cap", text, {"cap": "", "reached": "no row"})
            return
        reached = self._capped(rule, raw)
        per = "a gig" if self.group.window is Window.GIG else f"a {self.group.window.value}"
        text = f"at most {self._say(cap)} {per}: {'reached' if reached else 'not reached'}."
        yield self._of(of, cite, "cap", text, {"cap": self._exact(cap), "reached": "yes" if reached else "no"})

    def _of(self, of: tuple[str, str], cite: Citation, what: str, text: str, numbers: dict[str, str]) -> Step:
        return _step(self.version, cite, what, text, numbers, (*of, self.plan.window))

    def _say(self, minor: int) -> str:
        return speak_amount(minor, self.version.currency, self.version.minor_digits)

    def _exact(self, minor: int) -> str:
        return format_amount(minor, self.version.minor_digits)


def _payer_words(payer: str) -> str:
    kind, _, name = payer.partition(":")
    return {
        "platform": name,
        "worker": "you",
        "customer": f"the customer of {name}",
        "subsidy": f"the subsidy {name}",
    }.get(kind, payer)
