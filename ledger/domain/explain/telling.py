"""The steps of one window: what counted, each rule worked out, what was due, posted before and is posted now.

Reads the account as it stands after the event, and as it stood before: what is due is what the engine's own shapes give
for the window, and at rest that is what was posted in it. Notices and what is taken back come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from ledger.domain.explain.counting import Counting
from ledger.domain.explain.forms import Form
from ledger.domain.explain.step import Step, step_of
from ledger.domain.explain.tracing import Tracing
from ledger.domain.explain.words import (
    and_list,
    exact_posted,
    exact_value,
    notice_words,
    payer_words,
    rule_words,
    speak,
    speak_number,
    speak_percent,
    speak_posted,
)
from ledger.domain.ids import payer_kind
from ledger.domain.money import WORDS
from ledger.domain.period import GIG
from ledger.domain.posting import ACCRUED, Name, name_of
from ledger.domain.quantity import exact_text
from ledger.domain.reckoning.amounts import in_units
from ledger.domain.settling import EVENTS, is_there
from ledger.domain.standing import Account, Standing

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.earning import Gig
    from ledger.domain.notices import Said
    from ledger.domain.posting import Contribution
    from ledger.domain.reckoning.plan import Line, Plan
    from ledger.domain.registry import Registry
    from ledger.domain.scheme import Citation, Measure, Notice, Rule


class Window(NamedTuple):
    """A window that the event moved: the gig that it was settled for, and what a gig's own window had posted."""

    plan: Plan
    gig: Gig | None
    already: Mapping[Name, int]


class Telling:
    """The telling of one window. `made`: the event's postings in it; `said`: what was said about it."""

    def __init__(
        self,
        window: Window,
        before: Account,
        after: Account,
        registry: Registry,
        made: Sequence[Contribution],
        said: Sequence[Said],
        counted: Gig | None = None,
        told: set[tuple[str, str]] | None = None,
    ) -> None:
        """`counted`: the gig whose parts are to be told, where the event is one (or adds to one); `told`: the measures
        for which they were told already, by version and name.
        """
        self.told = set() if told is None else told
        self.plan, self.gig, self.counted = window.plan, window.gig, counted
        self.group, self.version = window.plan.group, window.plan.group.version
        self.before, self.after, self.registry = before, after, registry
        self.made, self.said = made, said
        self.standing = self._standing(window)
        self.already = self._already(window)
        facts = self.standing.events[-1] if self.standing.events else None
        self.view = Tracing(after, registry, self.plan, self.standing, self.gig, facts)
        self.form, self.counting = Form(self.view), Counting(self.plan)
        for _, share in self.group.refusing if self.gig is not None else ():
            share(self.view)

    def steps(self) -> Iterator[Step]:
        """Give the steps, in the order in which a reader wants them; none for a window that only others read."""
        yield from self._measures()
        if not self.group.acts:
            return
        waiting: list[tuple[Rule, str]] = []
        apart = False
        for at, (rule, line) in enumerate(zip(self.group.rules, self.plan.lines, strict=True)):
            self.form.of = (rule.fund, line.payer or rule_words(rule), self.plan.window)
            own = [each for each in self.made if name_of(each) == name_of_line(line)]
            if self._waits(at, rule) and not own:
                waiting.append((rule, self._named(rule, " by ")))
            elif own or self._applies(at):
                yield from self._rule(at, rule, line, own)
            elif rule.on == "close" and not self.group.own[at] and not apart:
                apart = True
                yield self._apart(rule)
        if waiting:
            names = and_list(list(dict.fromkeys(name for _, name in waiting)))
            text = f"worked out when {self.plan.window} is closed: {names}."
            yield self._of(waiting[0][0].cite, "waiting", text, {})
        self.form.of = ("", "", self.plan.window)
        for said in self.said:
            yield from self._notice(said)

    # -- measures ----------------------------------------------------------------------------------------------------

    def _measures(self) -> Iterator[Step]:
        """Give what a gig brings, and each measure's total before and after; a window that is hidden says nothing."""
        if self.plan.window.startswith("~"):
            return
        for at, measure in enumerate(self.group.measures):
            if self.counted is not None and (self.version.id, measure.name) not in self.told:
                self.told.add((self.version.id, measure.name))
                yield from self.counting.brought(at, measure, self.counted)
            read = self.group.reads.get(measure.name)
            own = read is not None and (read.group, read.previous, read.windows) == (self.group.key, False, 1)
            had, now = self._had(measure), self.standing.inputs[at]
            if self.plan.key is not None and (self.counted is not None or had != now):
                yield self.counting.standing(measure, had, now, self.counted is not None)
            elif self.counted is None:
                continue
            if own:
                self.form.skip(measure.name)

    def _had(self, measure: Measure) -> Fraction | int:
        """Give a measure's total in this window before the event, in stored units."""
        earlier = None if self.plan.key is None else self.before.standings.get(self.plan.key)
        kept = None if earlier is None else self.registry.group(self.plan.scheme, earlier.version, self.group.key)
        if earlier is None or kept is None or measure.name not in kept.places:
            return 0
        return earlier.inputs[kept.places[measure.name]]

    # -- rules -------------------------------------------------------------------------------------------------------

    def _rule(self, at: int, rule: Rule, line: Line, own: list[Contribution]) -> Iterator[Step]:
        before, on_event = self.already[at], rule.on in EVENTS
        if on_event and not own:
            return
        # what does not apply any more took back what it had posted
        applies = self._applies(at) and (on_event or self._holds(at, self.view))
        holds, words = self.form.tests(rule.when)
        if not applies and holds:
            words = f"{self.plan.window} has to do with you"
        yield from self.form.steps()
        if not applies or words:
            text = f"applies, as {words}" if applies else f"nothing{' any more' * bool(own)}, as it asks that {words}"
            yield self._of_rule(rule.cite, "condition", f"{self._named(rule)}: {text}.", {"holds": _yes(applies)})
        if on_event:
            due = sum(self._of_event(facts, at, line) for facts in self.standing.events)
            yield from self._worked(rule, self._of_event(self.standing.events[-1], at, line))
        else:
            due = line.total(self.standing.inputs, self.gig if line.free else self.view) if applies else 0
            if applies:
                yield from self._worked(rule, due)
        if applies or own:
            yield from self._postings(rule, line, due, before, own)

    def _apart(self, rule: Rule) -> Step:
        """Say that a window's rules have nothing to do with this worker."""
        stated = self.group.flat and self.group.pooled
        why = "you stated nothing that this scheme asks for" if stated else "no gig of yours stands in it"
        return self._of_rule(rule.cite, "condition", f"{self.plan.window}: nothing, as {why}.", {"holds": "no"})

    def _applies(self, at: int) -> bool:
        """Tell whether a rule may act: its window has to do with the worker, and is closed where it waits for that."""
        rule = self.group.rules[at]
        there = is_there(self.plan, self.standing, self.after, self.view)
        there = there if not self.group.own[at] else self.after.alone or not self.after.worker
        return there and (rule.on != "close" or self.standing.closed)

    def _waits(self, at: int, rule: Rule) -> bool:
        return rule.on == "close" and not self.standing.closed and not self.already[at]

    def _holds(self, at: int, view: Tracing) -> bool:
        holds = self.group.holds[at]
        return holds is None or holds(view)

    def _named(self, rule: Rule, by: str = ", paid by ") -> str:
        """Name a rule: its fund, its state where that is not accrued, and who pays."""
        state = "" if rule.state == ACCRUED else f" {rule.state}"
        return f"{rule.fund}{state}" + ("" if rule.payer == "none" else f"{by}{rule_words(rule)}")

    def _worked(self, rule: Rule, due: int) -> Iterator[Step]:
        """Give the steps by which a rule came to what is due."""
        if rule.amount is None:
            yield from self._short(rule, due)
            return
        value = self.view.read(rule.amount)
        yield from self.form.steps()
        if not isinstance(value, Fraction | int):
            yield self._without(rule, rule.amount, self.view.missing(rule.amount))
            return
        told = in_units(Fraction(value), rule.unit, 10**self.version.minor_digits, rule.rounding)
        if told != due:
            # the engine may reckon in whole numbers what is told in fractions: both are one figure, or neither is told
            raise ValueError(f"{rule.fund} of {self.plan.window}: expected {due} as posted, got {told} from its lines")
        yield from self._rounding(rule, Fraction(value), due)

    def _without(self, rule: Rule, name: str, missing: Sequence[str]) -> Step:
        names = [*missing] or [name]
        why = f"{and_list(names)} {'has' if len(names) == 1 else 'have'} no value"
        return self._of_rule(
            rule.cite, "condition", f"{self._named(rule)}: nothing can be worked out, as {why}.", {name: ""}
        )

    def _short(self, rule: Rule, due: int) -> Iterator[Step]:
        """Give the steps of a rate of a measure, to a cap."""
        name = rule.base or ""
        value, rate = self.view.read(name), self.form.rate(rule)
        yield from self.form.steps()
        if not isinstance(value, Fraction) or rate is None:
            missing = [*self.view.missing(name), *([str(rule.rate)] if rate is None else [])]
            yield self._without(rule, name, missing)
            return
        base, digits = max(value, Fraction(0)), self.form.digits(name)
        raw = base * rate[0]
        none = "" if value >= 0 else " (less than nothing counts as nothing)"
        unit = f"{self.version.currency} " if digits is not None else ""
        outcome = f"{self.version.currency} " if rule.unit == "money" else ""
        text = (
            f"{rule.fund}, paid by {rule_words(rule)}: {rate[1]}{speak_percent(rate[0])} of {name}, "
            f"{unit}{speak(base, digits)}{none}, is {outcome}{speak(raw, self.version.minor_digits)}."
        )
        numbers = {"rate": exact_text(rate[0]), "base": exact_text(base), "raw": exact_text(raw)}
        yield self._of_rule(rule.rate_cite, "rate", text, numbers)
        if rule.cap is not None:
            step, cap = self._cap(rule, raw)
            yield step
            if cap is None:
                return
            raw = min(raw, cap)
        yield from self._rounding(rule, raw, due)

    def _cap(self, rule: Rule, raw: Fraction) -> tuple[Step, Fraction | None]:
        cap = rule.cap
        if cap is None:
            raise ValueError(f"cap of {rule.fund}: expected one, got none")
        most, cite, words = cap.amount, cap.cite, ""
        if cap.table is not None:
            found = self.group.sheet.table(cap.table, 0)(self.view)
            most = found if isinstance(found, Fraction) else None
            cite, words = self.form.lookup(self.version.table(cap.table))
            if most is None:
                text = f"{rule.fund}: {words}, so nothing is posted."
                return self._of_rule(cite, "cap", text, {"cap": "", "reached": "no row"}), None
            words = f" ({words})"
        most = Fraction(most or 0)
        reached = raw >= most
        per = "a gig" if self.group.window == GIG else f"a {self.group.window.kind}"
        said = f"{self.version.currency} {speak_number(most, self.version.minor_digits)}"
        text = f"at most {said} {per}{words}: {'reached' if reached else 'not reached'}."
        numbers = {"cap": exact_text(most), "reached": "yes" if reached else "no"}
        return self._of_rule(cite, "cap", text, numbers), most

    def _rounding(self, rule: Rule, value: Fraction, due: int) -> Iterator[Step]:
        """Say how an amount became what is posted, where that changes it."""
        scale = {"hours": 3600, "days": 1}.get(rule.unit, 10**self.version.minor_digits)
        if Fraction(due, scale) == value:
            return
        rounding = rule.rounding
        if rule.unit == "money":
            how = f"{WORDS[rounding.mode]} to {speak_number(rounding.step, self.version.minor_digits)}"
            numbers = {"mode": rounding.mode.value, "step": exact_text(rounding.step)}
        else:
            how = "whole seconds" if rule.unit == "hours" else "whole days"
            numbers = {"mode": "down", "step": how}
        unit = self._unit(rule)
        text = f"{rule.fund}, {how}: {self._say(due, unit)}."
        yield self._of_rule(rounding.cite, "rounding", text, {**numbers, "due": self._exactly(due, unit)})

    def _postings(self, rule: Rule, line: Line, due: int, before: int, own: list[Contribution]) -> Iterator[Step]:
        unit = line.unit
        numbers = {"due": self._exactly(due, unit), "posted_before": self._exactly(before, unit)}
        if not own:
            text = f"{self._named(rule)}: nothing to add, {self._say(before, unit)} is already posted."
            if not due and not before:
                text = f"{self._named(rule)}: nothing is due."
            if due != before:
                text = f"{rule.fund}: {self._say(due - before, unit)} would be due, but nobody is known to pay it."
            of = (rule.fund, line.payer or rule_words(rule), self.plan.window)
            yield self._of_rule(rule.cite, "posting", text, {**numbers, "posting": self._exactly(0, unit)}, of)
        for posting in own:
            whom = payer_words(posting.payer, self.after.worker)
            amount = self._say(abs(posting.amount), unit)
            already = ""
            if before and due >= before:
                already = f" ({self._say(due, unit)} less {self._say(before, unit)} already posted)"
            text = f"{rule.fund}: {amount} {_added(posting, whom)}{already}."
            if posting.amount < 0:
                text = f"{rule.fund}: {amount} {_taken(posting, whom)} ({self._say(due, unit)} is due, "
                text += f"{self._say(before, unit)} was posted)."
            of = (rule.fund, posting.payer, posting.window)
            yield self._of_rule(
                rule.cite, "posting", text, {**numbers, "posting": self._exactly(posting.amount, unit)}, of
            )

    # -- notices -----------------------------------------------------------------------------------------------------

    def _notice(self, said: Said) -> Iterator[Step]:
        notice = self._noticed(said)
        cite = self.version.cite
        if notice is not None:
            cite = notice.cite
            self.form.tests(notice.when)
            for operand in (notice.amount, notice.value, notice.date):
                if isinstance(operand, str) and self.group.sheet.is_name(operand):
                    self.view.read(operand)
            self.form.of = (said.fund, "", self.plan.window)
            yield from self.form.steps()
        numbers = {"kind": said.kind}
        if said.amount is not None:
            numbers["amount"] = exact_text(said.amount)
        if said.value is not None:
            numbers["value"] = exact_value(said.value)
        if said.date is not None:
            numbers["date"] = said.date.isoformat()
        of = (said.fund, "", said.window)
        yield step_of(self.version, cite, "notice", notice_words(said, self.version), numbers, of)

    def _noticed(self, said: Said) -> Notice | None:
        own = [notice for notice in self.group.notices if (notice.kind, notice.fund) == (said.kind, said.fund)]
        return next((notice for notice in own if self.form.tests(notice.when)[0] or notice.truth), None)

    # -- numbers -----------------------------------------------------------------------------------------------------

    def _standing(self, window: Window) -> Standing:
        plan = window.plan
        if plan.key is not None:
            found = self.after.standings.get(plan.key)
            return found or Standing(plan.version, [0] * len(plan.assess), [0] * len(plan.lines))
        if window.gig is None:
            raise ValueError(f"window of {plan.scheme}: expected a gig, got none")
        return Standing(plan.version, [base(window.gig) for base in plan.assess], [0] * len(plan.lines))

    def _already(self, window: Window) -> list[int]:
        """Give what each rule had posted before: in a gig's own window, or in the account's standing."""
        plan = window.plan
        sums = dict(window.already)
        earlier = None if plan.key is None else self.before.standings.get(plan.key)
        kept = None if earlier is None else self.registry.group(plan.scheme, earlier.version, self.group.key)
        if earlier is not None and kept is not None:
            sums = dict.fromkeys(kept.names, 0)
            for name, amount in zip(kept.names, earlier.posted, strict=True):
                sums[name] += amount
        return [sums.get(name, 0) for name in self.group.names]

    def _of_event(self, facts: Mapping[str, Value], at: int, line: Line) -> int:
        view = Tracing(self.after, self.registry, self.plan, self.standing, self.gig, facts)
        self._holds(at, view)
        return line.total(self.standing.inputs, view)

    def _unit(self, rule: Rule) -> str:
        return self.version.currency if rule.unit == "money" else rule.unit

    def _say(self, amount: int, unit: str) -> str:
        return speak_posted(amount, unit, self.version)

    def _exactly(self, amount: int, unit: str) -> str:
        return exact_posted(amount, unit, self.version)

    def _of(self, cite: Citation, what: str, text: str, numbers: dict[str, str]) -> Step:
        return step_of(self.version, cite, what, text, numbers, ("", "", self.plan.window))

    def _of_rule(
        self, cite: Citation, what: str, text: str, numbers: dict[str, str], of: tuple[str, str, str] | None = None
    ) -> Step:
        return step_of(self.version, cite, what, text, numbers, of or self.form.of)


def name_of_line(line: Line) -> Name:
    """Give what names the rule of a bound line, as `name_of` does for a posting."""
    return line.fund, line.payer_kind, line.state, line.unit


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


def _added(posting: Contribution, whom: str) -> str:
    if payer_kind(posting.payer) == "measure":
        return "is counted for you"
    if posting.state == "withheld":
        return f"is withheld, paid by {whom}"
    if posting.state == "returned":
        return f"is to be returned to you, paid by {whom}"
    return f"is added for you, paid by {whom}" + ("" if posting.state == ACCRUED else f" ({posting.state})")


def _taken(posting: Contribution, whom: str) -> str:
    if payer_kind(posting.payer) == "measure":
        return "is counted no longer"
    words = {"withheld": "less is withheld of what", "returned": "less is to be returned of what"}
    return f"{words.get(posting.state, 'is taken back from what')} {whom} paid"
