"""The seam between what the world says and what the law of contributions reads: events and entries become facts.

Floor 2: knows contracts and domain, so that neither knows the other. The same functions read a fresh event and one
kept in an entry, so that what was accrued can be accrued again, bit for bit (L4). Postings are written and read back
here too: what an entry leaves out because its cause says it.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET

from contracts import events, forms
from contracts.codec import stored_adjustment, stored_gig, stored_remittance
from contracts.currencies import EXPONENTS
from contracts.entry import ContributionRow, Kind, StoredEvent
from ledger.domain.earning import Adjustment, Component, Exchange, Gig, Segment
from ledger.domain.language import parse
from ledger.domain.period import parse_period
from ledger.domain.posting import ACCRUED, Contribution
from ledger.domain.quantity import exact
from ledger.domain.story import Adjusted, Changed, Closed, Completed, Decided, Fact, Remitted, Reversed
from ledger.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from msgspec import UnsetType

    from contracts.entry import Entry
    from contracts.events import Event, GigAdjusted, GigCompleted
    from ledger.domain.scheme import Version

_Read: TypeAlias = "tuple[GigCompleted, tuple[int, ...], int]"
_new = tuple.__new__

_PLATFORM_SOURCE = "urn:iuran:platform:"

_open_changed = msgspec.json.Decoder(events.WorkerChanged).decode
_open_decided = msgspec.json.Decoder(events.DisputeDecided).decode
_open_closed = msgspec.json.Decoder(events.PeriodClosed).decode
_open_reversed = msgspec.json.Decoder(events.GigReversed).decode
_open_platform = msgspec.json.Decoder(events.PlatformChanged).decode
_SAYING: dict[str, Callable[[bytes], events.PlatformChanged | events.KeyChanged | events.LedgerOpened]] = {
    Kind.PLATFORM: _open_platform,
    Kind.KEY: msgspec.json.Decoder(events.KeyChanged).decode,
    Kind.LEDGER: msgspec.json.Decoder(events.LedgerOpened).decode,
}


def platform_of(source: str) -> str:
    """Give the platform that reports under a source; "" for the operator."""
    return source[len(_PLATFORM_SOURCE) :] if source.startswith(_PLATFORM_SOURCE) else ""


def gig_name(source: str, gig: str) -> str:
    """Give a gig's name in its worker's story: the platform, and the gig's id there."""
    return f"{platform_of(source)}/{gig}"


# -- facts of events -------------------------------------------------------------------------------------------------


def gig_of(
    source: str, subject: str, occurred_at: int, data: GigCompleted, amounts: tuple[int, ...], commission_minor: int
) -> Gig:
    """Give the gig of an accepted `gig.completed`: amounts in minor units, `occurred_at` in epoch seconds."""
    segments = data.segments
    own = (
        subject,
        source[len(_PLATFORM_SOURCE) :],
        data.service,
        None if data.vehicle is UNSET else data.vehicle,
        None if data.zone is UNSET else data.zone,
        data.currency,
        _components(data.components, amounts),
        commission_minor,
        _exact(data.engaged_seconds),
        _exact(data.distance_m),
        ()
        if segments is UNSET
        else tuple(Segment(s.zone, _exact(s.engaged_seconds), _exact(s.distance_m)) for s in segments),
        occurred_at,
        None if data.payment_due_on is UNSET else _day(data.payment_due_on),
        None if data.rate is UNSET or data.rate_date is UNSET else _exchange(data.rate, data.rate_date, data.currency),
    )
    return _new(Gig, own)


def adjusted_of(source: str, occurred_at: int, data: GigAdjusted, amounts: tuple[int, ...]) -> Adjusted:
    """Give what an accepted `gig.adjusted` adds: amounts in minor units of its gig's currency."""
    due = None if data.payment_due_on is UNSET else _day(data.payment_due_on)
    return Adjusted(gig_name(source, data.gig), Adjustment(_components(data.components, amounts), occurred_at, due))


def changed_of(time: str, data: events.WorkerChanged) -> Changed:
    """Give the attributes of an accepted `worker.changed`, and from when they hold."""
    return Changed(dict(data.set), from_day_of(time, data.effective_on))


def from_day_of(time: str, effective_on: str | UnsetType) -> date:
    """Give the day from which attributes hold: the one that is named, else the date that the event's time shows."""
    return _day(time[:10] if effective_on is UNSET else effective_on)


def decided_of(data: events.DisputeDecided) -> Decided | None:
    """Give the suspension that a decision is about; None for one about none: no scheme reads it."""
    if data.suspended_from is UNSET or data.suspended_days is UNSET:
        return None
    return Decided(data.platform, data.finding, _day(data.suspended_from), data.suspended_days)


def remitted_of(time: str, data: events.RemittanceReceived, amount_minor: int) -> Remitted:
    """Give an accepted remittance; it was paid on the date that its time shows."""
    platform = "" if data.platform is UNSET else data.platform
    fund = None if data.fund is UNSET else data.fund
    period = parse_period(data.period)
    return Remitted(data.payer, platform, data.scheme, fund, period, amount_minor, _day(time[:10]))


def closed_of(data: events.PeriodClosed) -> Closed:
    """Give the period that an accepted `period.closed` closes."""
    return Closed(parse_period(data.period), None if data.platform is UNSET else data.platform)


def fact_of(event: Event, amounts: tuple[int, ...] | None = None) -> Fact | None:
    """Give the fact that an accepted event of a worker tells; None where no scheme reads it (a dispute opened).

    `amounts`: those of an adjustment in minor units, where the event leaves the currency to its gig.
    """
    data = event.data
    if isinstance(data, events.GigCompleted):
        own = (event.source, event.subject, event.occurred_at, data, event.amounts_minor, event.commission_minor)
        return Completed(gig_name(event.source, event.id), gig_of(*own))
    if isinstance(data, events.GigAdjusted):
        return adjusted_of(event.source, event.occurred_at, data, event.amounts_minor if amounts is None else amounts)
    if isinstance(data, events.GigReversed):
        return Reversed(gig_name(event.source, data.gig))
    if isinstance(data, events.WorkerChanged):
        return changed_of(event.time, data)
    if isinstance(data, events.DisputeDecided):
        return decided_of(data)
    if isinstance(data, events.RemittanceReceived):
        return remitted_of(event.time, data, event.amounts_minor[0])
    return None


# -- facts of entries ------------------------------------------------------------------------------------------------


def gig_of_entry(entry: Entry, read: Callable[[bytes], _Read] = stored_gig) -> Gig:
    """Give the gig that an accrual entry keeps. Raises InvariantError (L4) when its event would not be accepted.

    `read`: `codec.read_gig` for one that was accepted surely, whose words are not looked at again.
    """
    event = entry.event
    source = entry.cause.source
    if not isinstance(event, StoredEvent) or not isinstance(source, str):
        raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: expected a gig, got none")
    try:
        data, amounts, commission = read(bytes(event.data))
        return gig_of(source, event.subject, forms.parse_instant(event.time), data, amounts, commission)
    except ValueError as error:
        raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: {error}") from error


def fact_of_entry(
    entry: Entry, currency: str | None = None, read: Callable[[bytes], _Read] = stored_gig
) -> Fact | None:
    """Give the fact that an entry with an event of a worker tells; None where no scheme reads it.

    `currency`: an adjustment's gig's; `read` as in `gig_of_entry`. Raises InvariantError (L4) when its event would not
    be accepted.
    """
    event, source = entry.event, entry.cause.source
    if not isinstance(event, StoredEvent) or not isinstance(source, str):
        raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: expected an event, got none")
    if event.type == events.GIG_COMPLETED:
        return Completed(gig_name(source, str(entry.cause.id)), gig_of_entry(entry, read))
    try:
        return _fact(event, source, currency)
    except ValueError as error:
        raise InvariantError("L4", f"journal {entry.journal} entry {entry.index}: {error}") from error


def _fact(event: StoredEvent, source: str, currency: str | None) -> Fact | None:
    told = bytes(event.data)
    if event.type == events.GIG_ADJUSTED:
        if currency is None:
            raise ValueError("adjustment: expected its gig before it, got none")
        adjustment, amounts = stored_adjustment(told, currency)
        return adjusted_of(source, forms.parse_instant(event.time), adjustment, amounts)
    if event.type == events.GIG_REVERSED:
        return Reversed(gig_name(source, _open_reversed(told).gig))
    if event.type == events.WORKER_CHANGED:
        return changed_of(event.time, _open_changed(told))
    if event.type == events.DISPUTE_DECIDED:
        return decided_of(_open_decided(told))
    if event.type == events.REMITTANCE_RECEIVED:
        return remitted_of(event.time, *stored_remittance(told))
    return None


def close_of_entry(entry: Entry) -> Closed | None:
    """Give the period that an entry closes; None for another kind, and for the parts that post it to workers."""
    if entry.kind != Kind.CLOSE or not isinstance(entry.event, StoredEvent):
        return None
    return closed_of(_open_closed(bytes(entry.event.data)))


def version_of_entry(entry: Entry) -> Version | None:
    """Give the scheme version that an act enacted; None for an entry of another kind.

    Raises ValueError when its text is no scheme, which an accepted act's text is.
    """
    if entry.kind != Kind.SCHEME or not isinstance(entry.event, StoredEvent):
        return None
    act = msgspec.json.decode(entry.event.data)
    named = f"{act['scheme']} {act['version']}"
    version = parse(act["text"], named)
    if f"{version.scheme} {version.id}" != named:
        raise ValueError(f"data.text: expected {named}, which data names, got another version's")
    return version


class PlatformStated(NamedTuple):
    """What a `platform.changed` says: the platform's topic, its attributes from a day on, and how it signs.

    `signing_key` (base64) and `signed_only` are None where the act leaves them as they were.
    """

    platform: str
    topic: str
    attributes: dict[str, Any]
    from_day: date
    signing_key: str | None = None
    signed_only: bool | None = None


def stated_of(time: str, data: events.PlatformChanged) -> PlatformStated:
    """Give what an accepted `platform.changed` says."""
    attributes = {} if data.attributes is UNSET else dict(data.attributes)
    return PlatformStated(
        data.platform,
        data.topic,
        attributes,
        from_day_of(time, data.effective_on),
        None if data.signing_key is UNSET else data.signing_key,
        None if data.signed_only is UNSET else data.signed_only,
    )


def platform_of_entry(entry: Entry) -> PlatformStated | None:
    """Give what a platform's entry says; None for an entry of another kind."""
    if entry.kind != Kind.PLATFORM or not isinstance(entry.event, StoredEvent):
        return None
    return stated_of(entry.event.time, _open_platform(bytes(entry.event.data)))


def said_by_entry(
    entry: Entry,
) -> tuple[str, events.PlatformChanged | events.KeyChanged | events.LedgerOpened] | None:
    """Give time and data of an act about a platform, the journal's keys or its opening; None for another entry."""
    opens = _SAYING.get(entry.kind)
    if opens is None or not isinstance(entry.event, StoredEvent):
        return None
    return entry.event.time, opens(bytes(entry.event.data))


# -- postings --------------------------------------------------------------------------------------------------------


def contributions_of(entry: Entry) -> list[Contribution]:
    """Give an entry's postings as they were written; [] for one that has none."""
    rows = entry.contributions
    if rows is UNSET:
        return []
    own = platform_of(entry.cause.source) if isinstance(entry.cause.source, str) else ""
    return [posting_of(row, own) for row in rows]


def posting_of(row: ContributionRow, platform: str) -> Contribution:
    """Give a posting as it was written; `platform` as in `row_of`."""
    state = ACCRUED if row.state is UNSET else row.state
    on = platform if row.platform is UNSET else row.platform
    own = (row.scheme, row.version, row.fund, row.payer, row.window, row.amount, row.unit, state, on)
    return _new(Contribution, own)


def row_of(posting: Contribution, platform: str) -> ContributionRow:
    """Give a posting as an entry writes it; `platform` is the one whose record causes the entry, "" for none."""
    scheme, version, fund, payer, window, amount, unit, state, on = posting
    row = ContributionRow(
        amount=amount, fund=fund, payer=payer, scheme=scheme, unit=unit, version=version, window=window
    )
    if state != ACCRUED:
        row.state = state  # type: ignore[assignment]
    if on not in ("", platform):
        row.platform = on
    return row


def _components(components: Iterable[events.Component], amounts: tuple[int, ...]) -> tuple[Component, ...]:
    return tuple(
        [
            _new(Component, (c.kind, amount, None if c.purpose is UNSET else c.purpose))
            for c, amount in zip(components, amounts, strict=True)
        ]
    )


@lru_cache(maxsize=4096)
def _exchange(rate: str, rate_date: str, currency: str) -> Exchange:
    return Exchange(Fraction(rate), _day(rate_date), EXPONENTS[currency])


def _exact(quantity: int | str | UnsetType) -> Fraction | int:
    return 0 if quantity is UNSET else exact(quantity)


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)
