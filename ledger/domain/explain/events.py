"""An event explained: it is done again on a copy of the account, and each window that it moved is told.

A gig's windows are told even where they post nothing; of other events those in which something is posted, said or
closed. Schemes that do not cover a gig say why not. What a payment was laid against, and what is taken back whole, is
told posting by posting. Upholds L4: what is done again is what `ledger.domain` does for a journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ledger.domain.acting import act
from ledger.domain.correction import posted_by
from ledger.domain.credit import CREDIT, REMITTED
from ledger.domain.earning import Gig, addition, adjusted
from ledger.domain.explain.step import Step, step_of
from ledger.domain.explain.telling import Telling, Window, name_of_line
from ledger.domain.explain.words import exact_posted, notice_words, payer_words, speak, speak_number, speak_posted
from ledger.domain.money import WORDS, speak_amount
from ledger.domain.period import GIG, Span, local_day, window_span
from ledger.domain.posting import Contribution, Outcome, name_of
from ledger.domain.quantity import exact_text
from ledger.domain.reckoning.foreign import is_foreign
from ledger.domain.reckoning.shapes import zone_time
from ledger.domain.settling import existing
from ledger.domain.standing import Account, StaleStanding
from ledger.domain.story import (
    Adjusted,
    Chain,
    Changed,
    Closed,
    Completed,
    Decided,
    Fact,
    Remitted,
    Restated,
    Reversed,
    Told,
    chains,
)

if TYPE_CHECKING:
    from ledger.domain.earning import Component
    from ledger.domain.notices import Said
    from ledger.domain.reckoning.plan import Plan
    from ledger.domain.registry import Registry
    from ledger.domain.scheme import Version

_REPORTED: Final = "the event as reported"
_ACTS: Final = "the versions enacted since"


def explain(gig: Gig, account_before: Account, registry: Registry) -> list[Step]:
    """Give the steps for one gig, scheme by scheme in the order of their ids.

    Raises StaleStanding when the account was folded under versions since replaced.
    """
    return explain_event(Completed("", gig), account_before, registry, ())


def explain_event(fact: Fact, account_before: Account, registry: Registry, story: Sequence[Told]) -> list[Step]:
    """Give the steps for one event of a worker, whatever it is; the account stays as it was.

    `story`: the worker's facts before this one; `registry` holds the acts made by then, for a close the close too. A
    `Restated` is told from the account folded under the registry that makes it due. Raises StaleStanding as above, and
    ValueError for a fact that the story does not fit, such as the reversal of an unknown gig, and for figures told that
    are not those posted.
    """
    if account_before.is_stale(registry):
        raise StaleStanding("account: expected one folded under the versions now enacted, got an earlier fold")
    after = account_before.copy()
    after.alone = account_before.alone
    outcome = act(fact, after, registry, story, chains(story).get(getattr(fact, "name", "")))
    return [*_Event(fact, account_before, after, registry, story, outcome).steps()]


def _chain(name: str, story: Sequence[Told]) -> Chain:
    chain = chains(story).get(name)
    if chain is None:
        raise ValueError(f"{name}: expected its gig in the story and not reversed, got none")
    return chain


class _Event:
    """One event, its account before and after, and what came of it."""

    def __init__(
        self, fact: Fact, before: Account, after: Account, registry: Registry, story: Sequence[Told], outcome: Outcome
    ) -> None:
        self.fact, self.before, self.after, self.registry, self.story = fact, before, after, registry, story
        self.left = list(outcome.contributions)
        self.unsaid = list(outcome.said)

    def steps(self) -> Iterator[Step]:
        """Give the event itself (but for a gig), then scheme by scheme what it moved, then what is left over."""
        gig = self._gig()
        if not isinstance(self.fact, Completed):
            yield Step("", "", "event", "", "", "", self._said(), {}, _source(self.fact), "verified")
        by_scheme: dict[str, list[tuple[Plan, list[Step]]]] = {}
        told: set[tuple[str, str]] = set()
        for window, counted in self._windows(gig):
            made, said = self._take(window.plan)
            telling = Telling(window, self.before, self.after, self.registry, made, said, counted, told)
            by_scheme.setdefault(window.plan.scheme, []).append((window.plan, [*telling.steps()]))
        silent = True
        unread = {plan.scheme for plan in self.registry.plans(gig) if plan.group.compiled.unpriced} if gig else set()
        for scheme in self.registry.schemes():
            own = [(plan, steps) for plan, steps in by_scheme.get(scheme, ()) if steps]
            rest = [*self._rest(scheme)]
            if gig is not None and scheme in unread:
                yield _not_covered(scheme, gig, self.registry)
                yield from rest
            elif own or rest:
                silent = False
                yield from self._paragraph(scheme, own, rest, gig)
            elif gig is not None and scheme not in by_scheme:
                yield _not_covered(scheme, gig, self.registry)
            elif gig is not None and scheme in by_scheme:
                version = by_scheme[scheme][0][0].group.version
                text = f"{scheme} covers this gig (version {version.id}), and nothing of it is posted here."
                yield step_of(version, version.cite, "covered", text, {"window": by_scheme[scheme][0][0].window})
        if gig is None and silent:
            yield Step("", "", "nothing", "", "", "", _NOTHING, {}, _source(self.fact), "verified")

    def _paragraph(
        self, scheme: str, own: list[tuple[Plan, list[Step]]], rest: list[Step], gig: Gig | None
    ) -> Iterator[Step]:
        """Give a scheme's steps, headed by each version that holds."""
        plans = {plan.version: plan for plan, _ in reversed(own)}
        for version_id, plan in sorted(plans.items()):
            version = plan.group.version
            reason = self._why(plan)
            if gig is not None:
                text = f"{scheme} covers this gig (version {version_id}{_status(version)}{reason}): {version.title}."
                yield step_of(version, version.cite, "covered", text, {"window": plan.window})
                yield from _exchanged(gig, version)
            else:
                text = f"{scheme} (version {version_id}{_status(version)}{reason}): {version.title}."
                yield step_of(version, version.cite, "covered", text, {"window": plan.window})
            for each, steps in own:
                if each.version == version_id:
                    yield from steps
        if rest and not own:
            version = self.registry.versions(scheme)[-1]
            yield step_of(version, version.cite, "covered", f"{scheme}: {version.title}.", {})
        yield from rest

    def _why(self, plan: Plan) -> str:
        """Say why this version holds and no other: the latest that had begun by the window's last day."""
        versions = self.registry.versions(plan.scheme)
        if len(versions) == 1:
            return ""
        later = [own.id for own in versions if own.start > plan.span.last]
        said = f", the latest of {len(versions) - len(later)} that had begun by {plan.span.last}"
        if len(later) == len(versions) - 1:
            said = f", the only one that had begun by {plan.span.last}"
        return said + (f"; {later[0]} begins later" if later else "")

    # -- which windows -----------------------------------------------------------------------------------------------

    def _gig(self) -> Gig | None:
        """Give the gig that the event is, or is about; as it stands with the event."""
        if isinstance(self.fact, Completed):
            return self.fact.gig
        if isinstance(self.fact, Adjusted):
            return adjusted(_chain(self.fact.name, self.story).whole, (self.fact.adjustment,))
        return _chain(self.fact.name, self.story).whole if isinstance(self.fact, Reversed) else None

    def _windows(self, gig: Gig | None) -> Iterator[tuple[Window, Gig | None]]:
        """Give the windows to be told, with the gig whose parts are told with it: the gig's own, then the others."""
        seen = set()
        for window, counted in self._own(gig):
            key = (window.plan.scheme, window.plan.key, window.plan.group.key)
            if key not in seen:
                seen.add(key)
                if window.plan.key is None or window.plan.key in self.after.standings:
                    yield window, counted
        keys = {key for _, key, _ in seen}
        for plan in existing(set(self.registry.schemes()), self.after, self.registry):
            if plan.key not in keys and self._moves(plan):
                yield Window(plan, None, {}), None

    def _own(self, gig: Gig | None) -> Iterator[tuple[Window, Gig | None]]:
        fact, registry = self.fact, self.registry
        if isinstance(fact, Completed) and gig is not None:
            yield from ((Window(plan, gig, {}), gig) for plan in self._plans(gig))
        elif isinstance(fact, Adjusted) and gig is not None:
            chain = _chain(fact.name, self.story)
            extra = addition(chain.gig, fact.adjustment)
            for plan in sorted([*self._plans(gig), *self._plans(extra)], key=lambda plan: plan.scheme):
                due = not plan.group.by_gig
                if due and plan in self._plans(extra):
                    yield Window(plan, extra, {}), extra
                elif not due and plan in self._plans(gig):
                    yield Window(plan, gig, posted_by(plan, chain.posted, registry)), None
        elif isinstance(fact, Reversed):
            chain = _chain(fact.name, self.story)
            gigs = [chain.gig, *(addition(chain.gig, each) for each in chain.adjustments)]
            plans = [plan for each in gigs for plan in self._plans(each)]
            yield from ((Window(plan, chain.gig, {}), None) for plan in plans if plan.group.window != GIG)
        elif isinstance(fact, Restated) and fact.name:
            chain = _chain(fact.name, self.story)
            plans = [plan for plan in self._plans(chain.whole) if plan.group.window == GIG]
            yield from ((Window(plan, chain.whole, posted_by(plan, chain.posted, registry)), None) for plan in plans)

    def _plans(self, gig: Gig) -> list[Plan]:
        """Give the plans that cover a gig; not what is said of one whose pay cannot be read."""
        return [plan for plan in self.registry.plans(gig) if not plan.group.compiled.unpriced]

    def _moves(self, plan: Plan) -> bool:
        """Tell whether something was posted or said of a window, or it was closed and acts at its close."""
        if any(_is_of(posting, plan) for posting in self.left) or any(_speaks(said, plan) for said in self.unsaid):
            return True
        own = None if plan.key is None else self.after.standings.get(plan.key)
        earlier = None if plan.key is None else self.before.standings.get(plan.key)
        return own is not None and own.closed and plan.group.on_close and (earlier is None or not earlier.closed)

    def _take(self, plan: Plan) -> tuple[list[Contribution], list[Said]]:
        """Give what was posted and said of a window, and leave the rest for others."""
        made = [posting for posting in self.left if _is_of(posting, plan)]
        said = [own for own in self.unsaid if _speaks(own, plan)]
        self.left = [posting for posting in self.left if posting not in made]
        self.unsaid = [own for own in self.unsaid if own not in said]
        return made, said

    # -- what is left ------------------------------------------------------------------------------------------------

    def _rest(self, scheme: str) -> Iterator[Step]:
        for posting in [own for own in self.left if own.scheme == scheme]:
            yield self._left(posting)
        for said in [own for own in self.unsaid if own.scheme == scheme]:
            version = self._version(scheme, said.version)
            words, numbers = notice_words(said, version), {"kind": said.kind}
            yield step_of(version, version.cite, "notice", words, numbers, (said.fund, "", said.window))

    def _left(self, posting: Contribution) -> Step:
        version, unit = self._version(posting.scheme, posting.version), posting.unit
        amount = speak_posted(abs(posting.amount), unit, version)
        whom = payer_words(posting.payer, self.after.worker)
        if posting.state == REMITTED:
            what, text = "paid", f"{posting.fund} of {posting.window}: {amount} of what {whom} owed is paid."
        elif posting.state == CREDIT:
            into = "kept for what is still to come" if posting.amount > 0 else "used of what was paid ahead"
            what, text = "paid", f"{posting.fund} of {posting.window}: {amount} paid by {whom} is {into}."
        elif posting.amount < 0:
            what, text = (
                "taken_back",
                f"{posting.fund} of {posting.window}: {amount} is taken back from what {whom} paid.",
            )
        else:
            what, text = "posting", f"{posting.fund} of {posting.window}: {amount} is added for you, paid by {whom}."
        numbers = {"posting": exact_posted(posting.amount, unit, version)}
        of = (posting.fund, posting.payer, posting.window)
        return step_of(version, version.cite, what, text, numbers, of)

    def _version(self, scheme: str, version: str) -> Version:
        return next(own for own in self.registry.versions(scheme) if own.id == version)

    def _said(self) -> str:
        """Give the event in a sentence."""
        fact = self.fact
        if isinstance(fact, Adjusted):
            gig = _chain(fact.name, self.story).gig
            return f"Added to the gig {_short(fact.name)}: {self._parts(fact.adjustment.components, gig)}."
        if isinstance(fact, Reversed):
            return f"The gig {_short(fact.name)} is taken back whole; its windows are settled as if it had not been."
        if isinstance(fact, Changed):
            words = [f"{name} is {_raw(value)}" for name, value in sorted(fact.attributes.items())]
            since = "" if fact.from_day.toordinal() <= 1 else f"From {fact.from_day}: "
            return f"{since}{', '.join(words) or 'nothing new'}."
        if isinstance(fact, Closed):
            return f"{_days(fact.period)} is closed, {f'on {fact.platform}' if fact.platform else 'on all platforms'}."
        if isinstance(fact, Remitted):
            currency, digits = self._money(fact.scheme)
            who = "You" if fact.payer == "worker" else fact.platform
            to = fact.scheme + (f" ({fact.fund})" if fact.fund else "")
            amount = speak_amount(fact.amount_minor, currency, digits)
            return f"{who} paid {amount} to {to} on {fact.paid_on}, for {_days(fact.period)}."
        if isinstance(fact, Decided):
            days = f"{fact.suspended_days} days from {fact.suspended_from}"
            return f"The suspension by {fact.platform} of {days} was found {fact.finding}."
        what = f"the gig {_short(fact.name)}'s own window" if isinstance(fact, Restated) and fact.name else "windows"
        return f"Versions enacted since change what is due in {what}: the difference is posted."

    def _parts(self, components: Iterable[Component], gig: Gig) -> str:
        own = (v for s in self.registry.schemes() for v in self.registry.versions(s) if v.currency == gig.currency)
        digits = next((version.minor_digits for version in own), 2)
        digits = digits if gig.exchange is None else gig.exchange.minor_digits
        return ", ".join(f"{part.kind} {speak_amount(part.amount_minor, gig.currency, digits)}" for part in components)

    def _money(self, scheme: str) -> tuple[str, int]:
        version = self.registry.versions(scheme)[-1]
        return version.currency, version.minor_digits


_NOTHING: Final = "Nothing that was posted changes."


def _is_of(posting: Contribution, plan: Plan) -> bool:
    """Tell whether a posting lies in a window: its label and platform, and one of the version's rules or its orphan."""
    if (posting.scheme, posting.version, posting.window) != (plan.scheme, plan.version, plan.window):
        return False
    if plan.platform and plan.platform != posting.platform:
        return False
    return any(name_of(posting) == name_of_line(line) for line in plan.lines)


def _speaks(said: Said, plan: Plan) -> bool:
    own = (said.scheme, said.version, said.window, said.platform)
    kinds = {notice.kind for notice in plan.group.notices} | {"parameter_unset", "not_published"}
    return own == (plan.scheme, plan.version, plan.window, plan.platform) and said.kind in kinds


def _exchanged(gig: Gig, version: Version) -> Iterator[Step]:
    """Say at which rate pay in another currency is read."""
    exchange, rounding = gig.exchange, version.foreign_pay
    if not is_foreign(gig, version) or exchange is None or rounding is None:
        return
    rate = f"{version.currency} {speak_number(exchange.rate)}"
    text = (
        f"the gig was paid in {gig.currency}: {gig.currency} 1 is {rate}, the rate of {exchange.day} recorded with it; "
        f"each amount is converted alone, {WORDS[rounding.mode]} to {speak_number(rounding.step)}."
    )
    numbers = {"currency": gig.currency, "rate": exact_text(exchange.rate), "rate_date": exchange.day.isoformat()}
    yield step_of(version, rounding.cite, "exchange", text, numbers)


def _not_covered(scheme: str, gig: Gig, registry: Registry) -> Step:
    """Say why a scheme does not cover a gig: currency, date, zone, platform or a missing rate, in this order."""
    versions = registry.versions(scheme)
    first = versions[0]
    day = local_day(zone_time(first, gig.zone), gig.occurred_at)
    if first.attribution == "payment_due" and gig.payment_due_on is not None:
        day = gig.payment_due_on
    windows = {GIG: None} | {rule.window: None for own in versions for rule in own.rules}
    version = next((v for w in reversed(windows) if (v := registry.in_force(scheme, window_span(w, day).last))), None)
    foreign = is_foreign(gig, first)
    if foreign and (version or first).foreign_pay is None:
        why, reason = f"it is about {first.currency} and the gig was paid in {gig.currency}", "currency"
    elif version is None:
        why, reason = f"its first version holds from {first.start} and the gig was on {day}", "date"
    elif not version.covers_zone(gig.zone):
        place = f"the gig was in {gig.zone}" if gig.zone else "the gig names no zone"
        why, reason = f"it covers {', '.join(version.zones)} and {place}", "zone"
    elif not version.covers_platform(gig.platform):
        why, reason = f"it covers {', '.join(version.platforms)} and the gig was on {gig.platform}", "platform"
    elif foreign and gig.exchange is None:
        why, reason = f"it was paid in {gig.currency} and no rate to {first.currency} was recorded", "rate"
    else:
        why, reason = f"its version {version.id} has no rules for it", "rules"
    said = version or first
    text = f"{scheme} does not cover this gig: {why}."
    return step_of(said, said.cite, "not_covered", text, {"reason": reason})


def _status(version: Version) -> str:
    words = {"example": ", an example and no law", "historic": ", historic", "draft": ", a draft that nobody owes"}
    return words.get(version.status, "")


def _source(fact: Fact) -> str:
    return _ACTS if isinstance(fact, Restated) else _REPORTED


def _short(name: str) -> str:
    return name.partition("/")[2] or name


def _raw(value: Any) -> str:
    return speak(tuple(value) if isinstance(value, list) else value)


def _days(span: Span) -> str:
    return f"{span.first}" if span.first == span.last else f"{span.first} to {span.last}"
