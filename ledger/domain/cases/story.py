"""A case's story, told to the engine event by event: what it posted and said, each with the event that caused it.

The same functions decide as in a journal, on a trial registry: drafts act, all versions are enacted beforehand, open
parameters have the case's values, and a close acts on the worker without a gig. This is the only file of the cases that
calls the engine. Upholds L4: the order of the list is the order of receipt. Pure. A story that cannot be told raises
ValueError with the line of its event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Final, NamedTuple

from ledger.domain import ids
from ledger.domain.acting import act
from ledger.domain.cases import file as casefile
from ledger.domain.cases.file import Case, CaseEvent, instant, later
from ledger.domain.credit import is_within
from ledger.domain.earning import Adjustment, Component, Exchange, Gig, Segment
from ledger.domain.money import parse_amount
from ledger.domain.notices import Said
from ledger.domain.period import Span, local_day, parse_period
from ledger.domain.posting import Contribution, Outcome
from ledger.domain.quantity import exact
from ledger.domain.reckoning.inputs import inputs_of_gig, inputs_of_window
from ledger.domain.registry import Registry
from ledger.domain.scheme import Version
from ledger.domain.standing import Account
from ledger.domain.story import (
    Adjusted,
    Chain,
    Changed,
    Closed,
    Completed,
    Decided,
    Fact,
    Remitted,
    Reversed,
    Told,
)

WORKER: Final = "W-case"
_BEGINNING: Final = date.min


class Posting(NamedTuple):
    """One contribution, with the number of the event that caused it and the names that select it.

    `platform`: on whose gigs it lies, or who pays it where it lies on all of them; "" for neither.
    """

    number: int
    names: tuple[str, ...]
    platform: str
    contribution: Contribution


class Notice(NamedTuple):
    """One thing said, with the number of the event that caused it and the names that select it."""

    number: int
    names: tuple[str, ...]
    said: Said


class Story:
    """The story of one case under the versions of its scheme: `postings` and `notices` in the order they came."""

    def __init__(self, case: Case, versions: Sequence[Version], minor_digits: Mapping[str, int]) -> None:
        """Tell it; `minor_digits` are ISO 4217's, by currency. Raises ValueError, with the line of the event."""
        self.scheme = versions[0]
        self._funds = {rule.fund for version in versions for rule in version.rules}
        self.postings: list[Posting] = []
        self.notices: list[Notice] = []
        self._minor_digits = minor_digits
        self._account = Account(WORKER)
        self._account.alone = True
        self._chains: dict[str, Chain] = {}
        self._platforms: dict[str, str] = {}
        self._facts: list[Told] = []
        self._registry = _registry(case, versions)
        if case.worker:
            self._change(case.worker, _BEGINNING)
        for event in case.events:
            try:
                self._tell(event)
            except ValueError as error:
                raise ValueError(f"line {event.line}: event {event.number}: {error}") from error

    def inputs(self, selectors: Mapping[str, str], name: str) -> list[Any]:
        """Give every value that an input of this name has: of the gigs selected, or of the windows; [] for none.

        Without a period or a gig a running window is meant. What only gigs have is added up over a period. Raises
        ValueError for a name that no version knows.
        """
        scheme, platform = self.scheme.scheme, selectors.get("platform")
        if "gig" in selectors:
            own = selectors["gig"]
            gigs = [chain.whole for key, chain in self._chains.items() if own in (key, key.rpartition("/")[0])]
            return [value for gig in gigs for value in inputs_of_gig(scheme, name, gig, *self._state)]
        if "period" not in selectors:
            return list(inputs_of_window(scheme, name, "running", platform, *self._state))
        period = parse_period(selectors["period"])
        found = list(inputs_of_window(scheme, name, period, platform, *self._state))
        return found or self._added_up(name, period, platform)

    def _added_up(self, name: str, period: Span, platform: str | None) -> list[Any]:
        values = [
            value
            for gig in (chain.whole for chain in self._chains.values())
            if platform in (None, gig.platform) and period.first <= self._day(gig) <= period.last
            for value in inputs_of_gig(self.scheme.scheme, name, gig, *self._state)
        ]
        return [sum(values)] if values and all(isinstance(value, (int, Fraction)) for value in values) else values

    def _day(self, gig: Gig) -> date:
        if self.scheme.attribution == "payment_due" and gig.payment_due_on is not None:
            return gig.payment_due_on
        return local_day(self._time_zone(gig.zone), gig.occurred_at)

    @property
    def _state(self) -> tuple[Account, Registry]:
        return self._account, self._registry

    def _tell(self, event: CaseEvent) -> None:
        gig = self._chains[event.gig].gig if event.gig in self._chains else None
        zone = self._time_zone(event.members.get("zone") or (gig.zone if gig is not None else None))
        at = instant(event.at, zone) if event.at else 0
        for name in event.names:
            gig_name, outcome = self._act(event, name, at)
            names = tuple(dict.fromkeys((event.id, name, gig_name, gig_name.rpartition("/")[0] or gig_name)))
            for posting in outcome.contributions:
                self.postings.append(Posting(event.number, names, _platform_of(posting), posting))
            self.notices += [Notice(event.number, names, said) for said in outcome.said]
            if event.every != "PT0S":
                at = later(at, event.every, zone)

    def _act(self, event: CaseEvent, name: str, at: int) -> tuple[str, Outcome]:
        """Give the gig that the event speaks of (or the event itself), and what came of it."""
        match event.type:
            case casefile.GIG:
                return name, self._completed(event, name, at)
            case casefile.ADJUSTED:
                return event.gig, self._adjusted(event, at)
            case casefile.REVERSED:
                return event.gig, self._do(Reversed(event.gig), self._chains.pop(event.gig))
            case casefile.CHANGED:
                return name, self._change(event.members["set"], local_day(self.scheme.time_zone, at))
            case casefile.CLOSED:
                return name, self._close(event)
            case casefile.REMITTED:
                return name, self._remit(event, local_day(self.scheme.time_zone, at))
            case casefile.DECIDED:
                return name, self._decide(event)
            case _:  # an opened dispute moves nothing
                return name, Outcome([], [])

    def _completed(self, event: CaseEvent, name: str, at: int) -> Outcome:
        gig = self._gig(event, at)
        outcome = self._do(Completed(name, gig))
        self._chains[name] = Chain(gig, (), tuple(outcome.contributions), name)
        self._platforms[name] = gig.platform
        return outcome

    def _adjusted(self, event: CaseEvent, at: int) -> Outcome:
        chain = self._chains[event.gig]
        parts = self._components(event.members["components"], self._digits(chain.gig.currency))
        adjustment = Adjustment(parts, at, event.members.get("payment_due_on"))
        outcome = self._do(Adjusted(event.gig, adjustment), chain)
        posted = (*chain.posted, *outcome.contributions)
        self._chains[event.gig] = Chain(chain.gig, (*chain.adjustments, adjustment), posted, event.gig)
        return outcome

    def _change(self, attributes: Mapping[str, Any], from_day: date) -> Outcome:
        return self._do(Changed(attributes, from_day))

    def _close(self, event: CaseEvent) -> Outcome:
        period = parse_period(event.members["period"])
        self._registry = self._registry.close(period, event.platform)
        return self._do(Closed(period, event.platform))

    def _remit(self, event: CaseEvent, day: date) -> Outcome:
        own = event.members
        amount = parse_amount(own["amount"], self.scheme.minor_digits)
        payer, period = own.get("payer", ids.PLATFORM_PAYER), parse_period(own["period"])
        if "fund" in own and not any(is_within(own["fund"], fund) for fund in self._funds):
            known = ", ".join(sorted(self._funds)) or "none"
            raise ValueError(f"fund: expected one of {known}, got {own['fund'][:40]!r}")
        return self._do(Remitted(payer, event.platform or "", self.scheme.scheme, own.get("fund"), period, amount, day))

    def _decide(self, event: CaseEvent) -> Outcome:
        own, platform = event.members, self._platforms.get(event.gig, event.platform or "")
        return self._do(Decided(platform, own["finding"], own["suspended_from"], own["suspended_days"]))

    def _do(self, fact: Fact, chain: Chain | None = None) -> Outcome:
        """Let a fact act, and keep it with what it posted."""
        outcome = act(fact, *self._state, self._facts, chain)
        self._facts.append(Told(fact, tuple(outcome.contributions)))
        return outcome

    def _gig(self, event: CaseEvent, at: int) -> Gig:
        own = event.members
        currency = own.get("currency", self.scheme.currency)
        digits = self._digits(currency)
        parts = own.get("components", [{"kind": "fare", "amount": own["gross"]}] if "gross" in own else [])
        segments = tuple(
            Segment(part["zone"], part.get("engaged_seconds", 0), part.get("distance_m", 0))
            for part in own.get("segments", ())
        )
        return Gig(
            worker=WORKER,
            platform=event.platform or "",
            service=own.get("service", "ride"),
            vehicle=own.get("vehicle"),
            zone=own.get("zone", self.scheme.zones[0] if self.scheme.zones else None),
            currency=currency,
            components=self._components(parts, digits),
            commission_minor=parse_amount(own.get("commission", "0"), digits),
            engaged_seconds=sum(s.engaged_seconds for s in segments) if segments else own.get("engaged_seconds", 0),
            distance_m=sum(s.distance_m for s in segments) if segments else own.get("distance_m", 0),
            segments=segments,
            occurred_at=at,
            payment_due_on=own.get("payment_due_on"),
            exchange=self._exchange(own, at, digits),
        )

    def _exchange(self, own: Mapping[str, Any], at: int, digits: int) -> Exchange | None:
        if "rate" not in own:
            return None
        day = own.get("rate_date", local_day(self._time_zone(own.get("zone")), at))
        return Exchange(Fraction(exact(own["rate"])), day, digits)

    def _components(self, parts: Sequence[Mapping[str, str]], digits: int) -> tuple[Component, ...]:
        return tuple(Component(p["kind"], parse_amount(p["amount"], digits), p.get("purpose")) for p in parts)

    def _digits(self, currency: str) -> int:
        if currency not in self._minor_digits:
            raise ValueError(f"currency: expected an ISO 4217 code, got {currency[:40]!r}")
        return self._minor_digits[currency]

    def _time_zone(self, zone: str | None) -> str:
        own = (name for place, name in self.scheme.time_zones if zone is not None and ids.zone_covers(place, zone))
        return next(own, self.scheme.time_zone)


def _registry(case: Case, versions: Sequence[Version]) -> Registry:
    known = {parameter.name for version in versions for parameter in version.parameters}
    for name in case.parameters:
        if name not in known:
            names = ", ".join(sorted(known)) or "no parameter at all"
            raise ValueError(f"line {case.line}: parameters: {case.scheme} has {names}, got {name[:40]!r}")
    parameters = {(case.scheme, name): Fraction(exact(value)) for name, value in case.parameters.items()}
    return Registry(versions, drafts=True, as_of=case.as_of, parameters=parameters, platforms=case.platforms)


def _platform_of(posting: Contribution) -> str:
    kind, _, platform = posting.payer.partition(":")
    return posting.platform or (platform if kind in (ids.PLATFORM_PAYER, ids.CUSTOMER) else "")
