"""The events Iuran hears: CloudEvents 1.0 envelopes and the data of each type, as frozen structs.

The JSON Schemas are generated from these models, so what stands here is what is published. Members stand in
alphabetical order and an omitted member is UNSET: msgspec's encoding of a struct is then its RFC 8785 form and holds
exactly what was received, no default filled in (upholds L4). Every text has a form (forms.py); the only free text is
the text of a scheme (L11). Money is a decimal text (L10). Unknown members of the envelope are ignored, as CloudEvents
wants; unknown members of data are refused.

Must not know: topics' records, refusals, what an event earns. Sources: SPEC section 3; CloudEvents 1.0.2 and its JSON
format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from contracts import canonical, forms
from contracts.fields import (
    Amount,
    AttributeText,
    Currency,
    Day,
    EventId,
    Fund,
    Instant,
    Kind,
    Period,
    Platform,
    Quantity,
    SchemeId,
    Service,
    SigningKey,
    Vehicle,
    VerifierKey,
    Whole,
    Word,
    Zone,
)

GIG_ADJUSTED: Final = "gig.adjusted.v1"
GIG_COMPLETED: Final = "gig.completed.v1"
GIG_REVERSED: Final = "gig.reversed.v1"
DISPUTE_DECIDED: Final = "dispute.decided.v1"
DISPUTE_OPENED: Final = "dispute.opened.v1"
KEY_CHANGED: Final = "key.changed.v1"
LEDGER_OPENED: Final = "ledger.opened.v1"
PERIOD_CLOSED: Final = "period.closed.v1"
PLATFORM_CHANGED: Final = "platform.changed.v1"
REMITTANCE_RECEIVED: Final = "remittance.received.v1"
SCHEME_ENACTED: Final = "scheme.enacted.v1"
WORKER_CHANGED: Final = "worker.changed.v1"

OPERATOR_SOURCE: Final = "urn:iuran:operator"
OperatorSource = Annotated[str, Meta(extra_json_schema={"const": OPERATOR_SOURCE})]

COMPONENTS_MAX: Final = 64
ATTRIBUTES_MAX: Final = 32
SCHEME_TEXT_MAX: Final = 48 * 1024
SUSPENDED_DAYS_MAX: Final = 3660
TOPICS_MAX: Final = 512
JOURNALS_MAX: Final = 256
"""What entry 0 can name whatever the ledger is called: its record has a verifier key of up to 165 bytes for each
journal, and a second, post-quantum one of its own, within the 48 KiB of `iuran.control`; 512 would fit short names."""
OWN_KEYS_MAX: Final = 8


class Data(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What all data has in common: frozen, nothing unknown, members in alphabetical order."""


class Component(Data, frozen=True, kw_only=True):
    """One part of a gig's pay. Negative only for the kinds penalty, refund and welfare_support_fee."""

    amount: Amount
    kind: Kind
    purpose: Word | UnsetType = UNSET


class Declared(Data, frozen=True, kw_only=True):
    """What the platform says it contributed for this gig: kept for reconciliation, never believed."""

    amount: Amount
    fund: Fund
    scheme: SchemeId


class Segment(Data, frozen=True, kw_only=True):
    """A part of a gig in one zone."""

    distance_m: Quantity | UnsetType = UNSET
    engaged_seconds: Quantity | UnsetType = UNSET
    zone: Zone


class GigCompleted(Data, frozen=True, kw_only=True):
    """A finished gig: pay and work. `rate`, on `rate_date`: what a unit of `currency` is worth in its place's money."""

    accepted_at: Instant | UnsetType = UNSET
    commission: Amount | UnsetType = UNSET
    components: Annotated[tuple[Component, ...], Meta(min_length=1, max_length=COMPONENTS_MAX)]
    currency: Currency
    declared: Annotated[tuple[Declared, ...], Meta(max_length=COMPONENTS_MAX)] | UnsetType = UNSET
    distance_m: Quantity | UnsetType = UNSET
    engaged_seconds: Quantity | UnsetType = UNSET
    payment_due_on: Day | UnsetType = UNSET
    rate: Annotated[str, forms.RATE.meta, forms.RATE] | UnsetType = UNSET
    rate_date: Day | UnsetType = UNSET
    segments: Annotated[tuple[Segment, ...], Meta(max_length=COMPONENTS_MAX)] | UnsetType = UNSET
    service: Service
    vehicle: Vehicle | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET


class GigAdjusted(Data, frozen=True, kw_only=True):
    """What is added to an earlier gig of the same worker: components of any kind and sign, on their own payment day.

    `gig` is that gig's id. Without `currency` the amounts are in the gig's; with it, it must be the gig's.
    """

    components: Annotated[tuple[Component, ...], Meta(min_length=1, max_length=COMPONENTS_MAX)]
    currency: Currency | UnsetType = UNSET
    gig: EventId
    payment_due_on: Day | UnsetType = UNSET


class GigReversed(Data, frozen=True, kw_only=True):
    """An earlier gig of the same worker, by its id, is as if it had never been, with all that was added to it."""

    gig: EventId
    reason: Word | UnsetType = UNSET


class WorkerChanged(Data, frozen=True, kw_only=True):
    """Attributes of a worker for schemes, as they are from a day on: `effective_on`, else the date that `time` shows.

    The day may lie long ago. Names and their forms stand in attributes.py.
    """

    effective_on: Day | UnsetType = UNSET
    set: Annotated[
        dict[Word, AttributeText | bool | Annotated[tuple[AttributeText, ...], Meta(max_length=ATTRIBUTES_MAX)]],
        Meta(min_length=1, max_length=ATTRIBUTES_MAX),
    ]


class DisputeOpened(Data, frozen=True, kw_only=True):
    """A worker disputes what a platform did: about one gig of it, or about the work as a whole."""

    gig: EventId | UnsetType = UNSET
    platform: Platform
    reason: Word | UnsetType = UNSET


class DisputeDecided(Data, frozen=True, kw_only=True):
    """What an inquiry found; `dispute` is the id of the event that opened it. A suspension has its day and length."""

    dispute: EventId | UnsetType = UNSET
    finding: Literal["unfounded", "upheld"]
    gig: EventId | UnsetType = UNSET
    platform: Platform
    reason: Word | UnsetType = UNSET
    reviewer: Word | UnsetType = UNSET
    suspended_days: Annotated[int, Meta(ge=0, le=SUSPENDED_DAYS_MAX)] | UnsetType = UNSET
    suspended_from: Day | UnsetType = UNSET


class RemittanceReceived(Data, frozen=True, kw_only=True):
    """Money that really came in under a scheme, for a period; `payer` repeats which kind of subject paid."""

    amount: Amount
    currency: Currency
    fund: Fund | UnsetType = UNSET
    payer: Literal["platform", "worker"]
    period: Period
    platform: Platform | UnsetType = UNSET
    scheme: SchemeId


class PeriodClosed(Data, frozen=True, kw_only=True):
    """All windows within a period are closed, of all platforms or of one, once the journal has read to `offsets`.

    `offsets`: by topic, the end of the record's own partition (one past the newest offset).
    """

    offsets: Annotated[
        dict[Annotated[str, forms.FEED.meta, forms.FEED], Whole],
        Meta(max_length=TOPICS_MAX),
    ]
    period: Period
    platform: Platform | UnsetType = UNSET


class LedgerOpened(Data, frozen=True, kw_only=True):
    """Entry 0 of a journal: the ledger's name, its journals for life, the verifier key of each journal in order.

    `vkeys` are the journals' Ed25519 keys; `own` are all keys of this journal, of which the first stands in `vkeys`.
    """

    engine: Annotated[str, forms.ENGINE.meta, forms.ENGINE]
    journal: Annotated[int, Meta(ge=0, lt=JOURNALS_MAX)]
    journals: Annotated[int, Meta(ge=1, le=JOURNALS_MAX)]
    ledger: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    own: Annotated[tuple[VerifierKey, ...], Meta(min_length=1, max_length=OWN_KEYS_MAX)]
    vkeys: Annotated[tuple[VerifierKey, ...], Meta(min_length=1, max_length=JOURNALS_MAX)]


class KeyChanged(Data, frozen=True, kw_only=True):
    """Keys of one journal, by their verifier keys: added ones sign from the next checkpoint on, retired ones no more.

    A revoked key signs no more either, and what it signed above `trusted_size` proves nothing: `trusted_root` is the
    root of the tree of that size.
    """

    change: Literal["added", "retired", "revoked"]
    journal: Annotated[int, Meta(ge=0, lt=JOURNALS_MAX)]
    trusted_root: Annotated[str, forms.SHA256.meta, forms.SHA256] | UnsetType = UNSET
    trusted_size: Whole | UnsetType = UNSET
    vkeys: Annotated[tuple[VerifierKey, ...], Meta(min_length=1, max_length=OWN_KEYS_MAX)]


class PlatformChanged(Data, frozen=True, kw_only=True):
    """A platform as it stands from now on: its topic, whether it is taken from, and its attributes for schemes.

    The attributes hold from `effective_on`, else from the date that `time` shows; how it signs, from this act on. What
    is left out stays as it was: a signing key can be replaced, not taken away.
    """

    attributes: (
        Annotated[
            dict[Word, AttributeText | bool],
            Meta(max_length=ATTRIBUTES_MAX),
        ]
        | UnsetType
    ) = UNSET
    effective_on: Day | UnsetType = UNSET
    platform: Platform
    signed_only: bool | UnsetType = UNSET
    signing_key: SigningKey | UnsetType = UNSET
    status: Literal["active", "closed"]
    topic: Annotated[str, forms.TOPIC.meta, forms.TOPIC]


class SchemeEnacted(Data, frozen=True, kw_only=True):
    """One version of a scheme becomes law in this journal: canonical text, and SHA-256 of the text's UTF-8 bytes.

    A programme is enacted as the schemes of its cities.
    """

    scheme: SchemeId
    sha256: Annotated[str, forms.SHA256.meta, forms.SHA256]
    text: Annotated[str, Meta(min_length=1, max_length=SCHEME_TEXT_MAX)]
    version: Annotated[str, forms.VERSION.meta, forms.VERSION]


EventData: TypeAlias = (
    GigCompleted
    | GigAdjusted
    | GigReversed
    | WorkerChanged
    | DisputeOpened
    | DisputeDecided
    | RemittanceReceived
    | PeriodClosed
    | KeyChanged
    | LedgerOpened
    | PlatformChanged
    | SchemeEnacted
)


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """What all envelopes have in common; `subject` is a worker, or a ledger or platform in the operator's acts."""

    id: EventId
    specversion: Literal["1.0"]
    time: Instant


class GigEvent(Envelope, frozen=True, kw_only=True):
    """What a platform writes to its own topic; subject is the worker, in the partition of its key."""

    source: Annotated[str, forms.PLATFORM_SOURCE.meta]
    subject: Annotated[str, forms.WORKER.meta, forms.WORKER]


class WorkerEvent(Envelope, frozen=True, kw_only=True):
    """What the operator makes known of one worker, the subject; in the partition of its key."""

    source: OperatorSource
    subject: Annotated[str, forms.WORKER.meta, forms.WORKER]


class ActEvent(Envelope, frozen=True, kw_only=True):
    """What the operator makes known to all journals: one record placed in each partition."""

    source: OperatorSource


class GigCompletedEvent(GigEvent, frozen=True, kw_only=True):
    """A platform reports a finished gig of a worker."""

    data: GigCompleted
    type: Literal["gig.completed.v1"]


class GigAdjustedEvent(GigEvent, frozen=True, kw_only=True):
    """A platform adds to (or takes from) the pay of a gig that it reported before."""

    data: GigAdjusted
    type: Literal["gig.adjusted.v1"]


class GigReversedEvent(GigEvent, frozen=True, kw_only=True):
    """A platform takes back a gig that it reported before."""

    data: GigReversed
    type: Literal["gig.reversed.v1"]


class WorkerChangedEvent(WorkerEvent, frozen=True, kw_only=True):
    """Attributes of a worker hold from `time` on."""

    data: WorkerChanged
    type: Literal["worker.changed.v1"]


class DisputeOpenedEvent(WorkerEvent, frozen=True, kw_only=True):
    """A worker disputes what a platform did."""

    data: DisputeOpened
    type: Literal["dispute.opened.v1"]


class DisputeDecidedEvent(WorkerEvent, frozen=True, kw_only=True):
    """A dispute of a worker was decided."""

    data: DisputeDecided
    type: Literal["dispute.decided.v1"]


class RemittanceReceivedEvent(ActEvent, frozen=True, kw_only=True):
    """Money came in; subject is the worker who paid (partition of the key) or the platform (partition 0)."""

    data: RemittanceReceived
    subject: Annotated[str, forms.PAYING.meta, forms.PAYING]
    type: Literal["remittance.received.v1"]


class PeriodClosedEvent(ActEvent, frozen=True, kw_only=True):
    """A period is closed; subject is the ledger, or the platform where one is named, one record in each partition."""

    data: PeriodClosed
    subject: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    type: Literal["period.closed.v1"]


class LedgerOpenedEvent(ActEvent, frozen=True, kw_only=True):
    """The operator opens a ledger; subject is the ledger, one record in each partition."""

    data: LedgerOpened
    subject: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    type: Literal["ledger.opened.v1"]


class KeyChangedEvent(ActEvent, frozen=True, kw_only=True):
    """The operator changes the keys of one journal; subject is the ledger, one record in that journal's partition."""

    data: KeyChanged
    subject: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    type: Literal["key.changed.v1"]


class PlatformChangedEvent(ActEvent, frozen=True, kw_only=True):
    """The operator registers or changes a platform; subject is the platform, one record in each partition."""

    data: PlatformChanged
    subject: Platform
    type: Literal["platform.changed.v1"]


class SchemeEnactedEvent(ActEvent, frozen=True, kw_only=True):
    """The operator enacts one version of a scheme; subject is the ledger, one record in each partition."""

    data: SchemeEnacted
    subject: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    type: Literal["scheme.enacted.v1"]


PlatformEvent: TypeAlias = GigCompletedEvent | GigAdjustedEvent | GigReversedEvent
OperatorEvent: TypeAlias = (
    WorkerChangedEvent
    | DisputeOpenedEvent
    | DisputeDecidedEvent
    | RemittanceReceivedEvent
    | PeriodClosedEvent
    | KeyChangedEvent
    | LedgerOpenedEvent
    | PlatformChangedEvent
    | SchemeEnactedEvent
)

GIG_EVENTS: Final[Mapping[str, type[PlatformEvent]]] = {
    GIG_COMPLETED: GigCompletedEvent,
    GIG_ADJUSTED: GigAdjustedEvent,
    GIG_REVERSED: GigReversedEvent,
}
"""Envelope of each type that belongs on a platform's topic."""
OPERATOR_EVENTS: Final[Mapping[str, type[OperatorEvent]]] = {
    DISPUTE_DECIDED: DisputeDecidedEvent,
    DISPUTE_OPENED: DisputeOpenedEvent,
    KEY_CHANGED: KeyChangedEvent,
    LEDGER_OPENED: LedgerOpenedEvent,
    PERIOD_CLOSED: PeriodClosedEvent,
    PLATFORM_CHANGED: PlatformChangedEvent,
    REMITTANCE_RECEIVED: RemittanceReceivedEvent,
    SCHEME_ENACTED: SchemeEnactedEvent,
    WORKER_CHANGED: WorkerChangedEvent,
}
"""Envelope of each type that belongs on the control topic."""


class Event(Struct, frozen=True, gc=False):
    """An accepted event: `occurred_at` in epoch seconds, rounded down; amounts in the currency's minor unit.

    `amounts_minor` are those of a gig's or adjustment's components, or the one of a remittance; empty for the rest,
    and for an adjustment that leaves the currency to its gig (codec.adjusted_amounts).
    """

    type: str
    source: str
    id: str
    subject: str
    time: str
    occurred_at: int
    data: EventData
    data_json: bytes
    amounts_minor: tuple[int, ...]
    commission_minor: int


def platform_source(platform: str) -> str:
    """The `source` of a platform's events. Raises ValueError for a platform of another form."""
    return "urn:iuran:platform:" + forms.PLATFORM.read(platform)


def envelope(*, type: str, source: str, id: str, subject: str, time: str, data: Mapping[str, Any] | Data) -> bytes:
    """The record value of an event: a CloudEvent as canonical JSON, what platforms and operator publish.

    `data` is a struct of this module or a plain mapping. Checks nothing but that the JSON is canonical: decode the
    result (codec.decode) to learn whether it would be accepted. Raises canonical.CanonicalError for what RFC 8785
    cannot write.
    """
    members = msgspec.to_builtins(data) if isinstance(data, Struct) else data
    return canonical.encode(
        {
            "data": members,
            "id": id,
            "source": source,
            "specversion": "1.0",
            "subject": subject,
            "time": time,
            "type": type,
        }
    )
