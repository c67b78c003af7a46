"""What members of events may hold: the texts' forms as annotated types, and the open vocabularies' known words.

A type here puts its pattern into the JSON Schemas; what reads and checks the text is the form (forms.py).

Must not know: which event has which member (events.py). Source: SPEC section 3; contracts/schemes/NAMES.md.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from contracts import canonical, forms

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
Quantity: TypeAlias = Whole | QuantityText
EventId = Annotated[str, forms.EVENT_ID.meta, forms.EVENT_ID]
Currency = Annotated[str, forms.CURRENCY.meta, forms.CURRENCY]
Platform = Annotated[str, forms.PLATFORM.meta, forms.PLATFORM]
SchemeId = Annotated[str, forms.SCHEME.meta, forms.SCHEME]
Fund = Annotated[str, forms.FUND.meta, forms.FUND]
Period = Annotated[str, forms.PERIOD.meta, forms.PERIOD]
VerifierKey = Annotated[str, forms.VKEY.meta, forms.VKEY]
AttributeText = Annotated[str, forms.ATTRIBUTE.meta, forms.ATTRIBUTE]
SigningKey = Annotated[str, forms.SIGNING_KEY.meta, forms.SIGNING_KEY]
