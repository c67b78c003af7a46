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

GIG_COMPLETED: Final = "gig.completed.v1"
LEDGER_OPENED: Final = "ledger.opened.v1"
PLATFORM_CHANGED: Final = "platform.changed.v1"
SCHEME_ENACTED: Final = "scheme.enacted.v1"

OPERATOR_SOURCE: Final = "urn:iuran:operator"

SERVICES: Final = ("cleaning", "delivery", "logistics", "marketplace", "professional", "ride")
VEHICLES: Final = ("bicycle", "car", "ebike", "motorcycle", "three_wheeler", "truck", "van", "walk")
COMPONENT_KINDS: Final = (
    "cancellation_fee",
    "fare",
    "in_kind",
    "incentive",
    "penalty",
    "referral_bonus",
    "refund",
    "reimbursement",
    "surge",
    "tip",
    "toll",
    "welfare_support_fee",
)
"""Known members of open vocabularies: other words are accepted, and a scheme may ignore them."""
NEGATIVE_KINDS: Final = frozenset({"penalty", "refund", "welfare_support_fee"})

COMPONENTS_MAX: Final = 64
SCHEME_TEXT_MAX: Final = 48 * 1024
JOURNALS_MAX: Final = 1024

Word = Annotated[str, forms.WORD.meta, forms.WORD]
Service = Annotated[str, forms.WORD.meta, forms.WORD, Meta(extra_json_schema={"examples": list(SERVICES)})]
Vehicle = Annotated[str, forms.WORD.meta, forms.WORD, Meta(extra_json_schema={"examples": list(VEHICLES)})]
Kind = Annotated[str, forms.WORD.meta, forms.WORD, Meta(extra_json_schema={"examples": list(COMPONENT_KINDS)})]
Amount = Annotated[str, forms.AMOUNT.meta, forms.AMOUNT]
Zone = Annotated[str, forms.ZONE.meta, forms.ZONE]
Day = Annotated[str, forms.DATE.meta, forms.DATE, Meta(extra_json_schema={"format": "date"})]
Instant = Annotated[str, forms.INSTANT.meta, forms.INSTANT, Meta(extra_json_schema={"format": "date-time"})]
Whole = Annotated[int, Meta(ge=0, le=canonical.INTEGER_LIMIT - 1)]
QuantityText = Annotated[str, forms.QUANTITY.meta, forms.QUANTITY]
OperatorSource = Annotated[str, Meta(extra_json_schema={"const": OPERATOR_SOURCE})]
Quantity: TypeAlias = Whole | QuantityText


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
    fund: Annotated[str, forms.FUND.meta, forms.FUND]
    scheme: Annotated[str, forms.SCHEME.meta, forms.SCHEME]


class Segment(Data, frozen=True, kw_only=True):
    """A part of a gig in one zone."""

    distance_m: Quantity | UnsetType = UNSET
    engaged_seconds: Quantity | UnsetType = UNSET
    zone: Zone


class GigCompleted(Data, frozen=True, kw_only=True):
    """A finished gig: what was earned, in which currency, by what work. `rate` and `rate_date` go together."""

    accepted_at: Instant | UnsetType = UNSET
    commission: Amount | UnsetType = UNSET
    components: Annotated[tuple[Component, ...], Meta(min_length=1, max_length=COMPONENTS_MAX)]
    currency: Annotated[str, forms.CURRENCY.meta, forms.CURRENCY]
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


class LedgerOpened(Data, frozen=True, kw_only=True):
    """Entry 0 of a journal: the ledger's name, its journals for life, the verifier key of each journal in order."""

    engine: Annotated[str, forms.ENGINE.meta, forms.ENGINE]
    journal: Annotated[int, Meta(ge=0, lt=JOURNALS_MAX)]
    journals: Annotated[int, Meta(ge=1, le=JOURNALS_MAX)]
    ledger: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    vkeys: Annotated[
        tuple[Annotated[str, forms.VKEY.meta, forms.VKEY], ...], Meta(min_length=1, max_length=JOURNALS_MAX)
    ]


class PlatformChanged(Data, frozen=True, kw_only=True):
    """A platform as it stands from now on: its topic, whether it is taken from, and its attributes for schemes."""

    attributes: (
        Annotated[
            dict[Word, Annotated[str, forms.ATTRIBUTE.meta, forms.ATTRIBUTE] | bool],
            Meta(max_length=32),
        ]
        | UnsetType
    ) = UNSET
    platform: Annotated[str, forms.PLATFORM.meta, forms.PLATFORM]
    status: Literal["active", "closed"]
    topic: Annotated[str, forms.TOPIC.meta, forms.TOPIC]


class SchemeEnacted(Data, frozen=True, kw_only=True):
    """One version of a scheme becomes law in this journal: canonical text, and SHA-256 of the text's UTF-8 bytes."""

    scheme: Annotated[str, forms.SCHEME.meta, forms.SCHEME]
    sha256: Annotated[str, forms.SHA256.meta, forms.SHA256]
    text: Annotated[str, Meta(min_length=1, max_length=SCHEME_TEXT_MAX)]
    version: Annotated[str, forms.VERSION.meta, forms.VERSION]


EventData: TypeAlias = GigCompleted | LedgerOpened | PlatformChanged | SchemeEnacted


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """What all envelopes have in common; `subject` is a worker, or a ledger or platform in the operator's events."""

    id: Annotated[str, forms.EVENT_ID.meta, forms.EVENT_ID]
    specversion: Literal["1.0"]
    time: Instant


class GigCompletedEvent(Envelope, frozen=True, kw_only=True):
    """A platform reports a finished gig of a worker."""

    data: GigCompleted
    source: Annotated[str, forms.PLATFORM_SOURCE.meta]
    subject: Annotated[str, forms.WORKER.meta, forms.WORKER]
    type: Literal["gig.completed.v1"]


class LedgerOpenedEvent(Envelope, frozen=True, kw_only=True):
    """The operator opens a ledger; subject is the ledger, one record in each partition."""

    data: LedgerOpened
    source: OperatorSource
    subject: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    type: Literal["ledger.opened.v1"]


class PlatformChangedEvent(Envelope, frozen=True, kw_only=True):
    """The operator registers or changes a platform; subject is the platform, one record in each partition."""

    data: PlatformChanged
    source: OperatorSource
    subject: Annotated[str, forms.PLATFORM.meta, forms.PLATFORM]
    type: Literal["platform.changed.v1"]


class SchemeEnactedEvent(Envelope, frozen=True, kw_only=True):
    """The operator enacts one version of a scheme; subject is the ledger, one record in each partition."""

    data: SchemeEnacted
    source: OperatorSource
    subject: Annotated[str, forms.LEDGER.meta, forms.LEDGER]
    type: Literal["scheme.enacted.v1"]


OperatorEvent: TypeAlias = LedgerOpenedEvent | PlatformChangedEvent | SchemeEnactedEvent

GIG_EVENTS: Final[Mapping[str, type[GigCompletedEvent]]] = {GIG_COMPLETED: GigCompletedEvent}
"""Envelope of each type that belongs on a platform's topic."""
OPERATOR_EVENTS: Final[Mapping[str, type[OperatorEvent]]] = {
    LEDGER_OPENED: LedgerOpenedEvent,
    PLATFORM_CHANGED: PlatformChangedEvent,
    SCHEME_ENACTED: SchemeEnactedEvent,
}
"""Envelope of each type that belongs on the control topic; all are placed in every partition explicitly."""


class Event(Struct, frozen=True, gc=False):
    """An accepted event: `occurred_at` in epoch seconds, rounded down; amounts in the currency's minor unit."""

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
