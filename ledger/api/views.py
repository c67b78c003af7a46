"""The answers of the API as structs: what is encoded is what the OpenAPI document shows.

Amounts stand twice: as integers of the unit's minor unit, which are the truth, and as decimal text with the unit's
exponent beside it, for people (L10: no float anywhere). Every answer about a worker cites the published checkpoint
that covers it (L8). `documented` gives the OpenAPI part of a route's answers.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from contracts.currencies import EXPONENTS
from contracts.entry import BalanceRow, Cause, ContributionRow, Entry, StoredEvent
from ledger.api.problems import MEDIA_TYPE, Problem
from ledger.domain.money import format_amount
from ledger.store.keys import key_name
from ledger.store.readers import Shown

SCHEMA_REF: Final = "#/components/schemas/{name}"


class CheckpointRef(msgspec.Struct):
    """The published checkpoint that covers an answer: `GET /log/{journal}/checkpoint` gives it or a later one."""

    journal: int
    origin: str
    size: int


class EntryRef(msgspec.Struct):
    """Where an entry stands: `GET /v1/entries/{journal}/{index}`; `leaf_hash` is RFC 6962's, hex."""

    journal: int
    index: int
    leaf_hash: str


class Balance(msgspec.Struct, omit_defaults=True):
    """One fund's lifetime totals: minor units, the same as decimal text, and the unit's number of decimals.

    What accrued is always there; the other states (minor units) where they are not 0. `due_minor`: accrued, less
    what was remitted and what is credit; below 0 while money paid ahead waits for its window to close.
    """

    scheme: str
    fund: str
    unit: str
    accrued_minor: int
    accrued: str
    exponent: int
    remitted_minor: int = 0
    withheld_minor: int = 0
    returned_minor: int = 0
    drawn_minor: int = 0
    credit_minor: int = 0
    due_minor: int = 0


class Balances(msgspec.Struct):
    """A worker's balances: what the newest entry under a published checkpoint says."""

    worker: str
    balances: list[Balance]
    entry: EntryRef
    received_at: str
    checkpoint: CheckpointRef


class EntryItem(msgspec.Struct):
    """One entry of a page: `entry` is its exact JSON, `cursor` may stand in `after`."""

    journal: int
    index: int
    leaf_hash: str
    cursor: str
    entry: msgspec.Raw


class EntryPage(msgspec.Struct):
    """A worker's entries, oldest first. `next` (null at the end) goes on, also after a page with few or no entries."""

    worker: str
    entries: list[EntryItem]
    next: str | None
    checkpoint: CheckpointRef


class CheckpointNote(msgspec.Struct):
    """A published checkpoint whole: `note` is the signed note's text (c2sp.org/tlog-checkpoint)."""

    journal: int
    origin: str
    size: int
    note: str


class EntryView(msgspec.Struct):
    """What a platform sees of an entry that its record caused: event and contributions, no balances, no salt.

    The journal's tree holds `leaf_hash` at `index`, and `checkpoint` is signed over that tree.
    """

    journal: int
    index: int
    kind: str
    leaf_hash: str
    received_at: str
    cause: Cause
    event: StoredEvent | None
    contributions: list[ContributionRow]
    rejection: str | None
    checkpoint: CheckpointNote


class WitnessState(msgspec.Struct):
    """One key of a witness (c2sp.org/signed-note): the newest size of a journal it cosigned, and when by its clock."""

    vkey: str
    size: int | None
    signed_at: str | None


class Witnessed(msgspec.Struct):
    """A journal and its witnesses: `quorum_size` is the newest size that had the cosignatures the policy asks for."""

    journal: int
    quorum_size: int | None
    witnesses: list[WitnessState]


class PlatformEvent(msgspec.Struct):
    """An accepted event of a platform: its entry, or several where workers of other journals have a gig of this id."""

    platform: str
    id: str
    entries: list[EntryView]


class RejectedItem(msgspec.Struct):
    """One refused record: the entry that refuses it, where the record stands, its SHA-256 (hex), and why.

    `id` as the platform gave it, where it was one. The bytes are not shown: whoever sent them has them.
    """

    journal: int
    index: int
    topic: str
    partition: int
    offset: int
    sha256: str
    id: str | None
    received_at: str
    code: str
    detail: str
    erased: bool


class RejectedPage(msgspec.Struct):
    """Refused records of a platform by journal, in each in its topic's order. `next` (null at the end) goes on."""

    platform: str
    rejected: list[RejectedItem]
    next: str | None


class ExplainedStep(msgspec.Struct):
    """One step of one rule: what it did, in words and exact numbers, and the source of the rule."""

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


class Explanation(msgspec.Struct):
    """Why an entry says what it says: recomputed from the worker's entries up to it; `text` is the whole in words."""

    journal: int
    index: int
    kind: str
    worker: str | None
    text: str
    contributions: list[ContributionRow]
    steps: list[ExplainedStep]


class SchemeVersion(msgspec.Struct, rename={"from_": "from"}):
    """One enacted version: its digest, and the entry that records it (each journal has one of its own)."""

    version: str
    from_: str
    sha256: str
    enacted: EntryRef
    href: str


class Scheme(msgspec.Struct):
    """A scheme and its enacted versions, oldest first; title and status as in the newest."""

    scheme: str
    title: str
    status: str
    currency: str
    zones: list[str]
    platforms: list[str]
    versions: list[SchemeVersion]


class Schemes(msgspec.Struct):
    """All enacted schemes."""

    schemes: list[Scheme]


class SchemeText(msgspec.Struct):
    """An enacted version whole: `sha256` is of `text`; `document` is `text` parsed: parameters, sources, rules."""

    scheme: str
    version: str
    status: str
    title: str
    currency: str
    sha256: str
    enacted: EntryRef
    sources: list[dict[str, str]]
    document: msgspec.Raw
    text: str


def checkpoint_ref(ledger: str, shown: Shown) -> CheckpointRef:
    """Give the citation of a published checkpoint of this ledger."""
    return CheckpointRef(shown.journal, key_name(ledger, shown.journal), shown.size)


def balance(row: BalanceRow) -> Balance:
    """Give a balance for showing; a unit that is no currency has no decimals."""
    exponent = EXPONENTS.get(row.unit, 0)
    return Balance(
        row.scheme,
        row.fund,
        row.unit,
        row.accrued,
        format_amount(row.accrued, exponent),
        exponent,
        row.remitted,
        row.withheld,
        row.returned,
        row.drawn,
        row.credit,
        row.accrued - row.remitted - row.credit,
    )


def documented(
    answer: type[msgspec.Struct] | str, *problems: int, description: str = "The answer."
) -> dict[int | str, dict[str, Any]]:
    """Give OpenAPI's `responses`: a struct as JSON (or text of a media type), and problems by status."""
    if isinstance(answer, str):
        content: dict[str, Any] = {answer.partition(";")[0]: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": {"$ref": SCHEMA_REF.format(name=answer.__name__)}}}
    responses: dict[int | str, dict[str, Any]] = {200: {"description": description, "content": content}}
    for status in problems:
        responses[status] = {
            "description": _PROBLEMS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMA_REF.format(name="Problem")}}},
        }
    return responses


_PROBLEMS: Final = {
    400: "A parameter that does not fit.",
    401: "No token, or one that does not hold.",
    404: "Unknown, or not yours to see.",
    503: "Something needed does not answer; try again.",
}


def schema_components() -> dict[str, Any]:
    """Give the JSON Schemas of all answers, by name, for the OpenAPI document."""
    of_people = (Balances, Entry, EntryPage, EntryView, Explanation, PlatformEvent, RejectedPage)
    shown = (*of_people, Schemes, SchemeText, Witnessed, Problem)
    _, components = msgspec.json.schema_components(shown, ref_template=SCHEMA_REF)
    return components
