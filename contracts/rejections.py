"""Refusals: what the world sent and we do not accept, as values.

`Code` lists every reason in order of precedence: a record with two faults carries the earlier one, so that the same
bytes are always refused for the same reason (the code is signed into the ledger). Upholds L4 and L12: a refusal is an
entry, never a silence. A detail reads `what: expected X, got Y` and is meant for the platform's engineer; it holds no
bytes a person sent except words of a vocabulary (L11): see `shown`.

Must not know: where a rejection is stored or published. Source: SPEC section 3; RFC 9457 shows the same code and
detail.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Code(StrEnum):
    """Why a record is refused, in order of precedence.

    All up to `time_out_of_range` need no more than the record and the gate of its topic. The two of signatures need the
    platform's key in force, which the journal's acts say. They come after those because a signature is over an event,
    and what breaks an earlier rule is none; and before the rest, which needs what the journal holds, because who can't
    sign for the platform must not learn from the answer which ids are taken, and so that the answer hangs on no
    look-up. So a record whose signature does not hold is refused even where its content is a duplicate.
    """

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    SCHEMA_VIOLATION = "schema_violation"
    SOURCE_MISMATCH = "source_mismatch"
    KEY_MISMATCH = "key_mismatch"
    WRONG_PARTITION = "wrong_partition"
    UNKNOWN_CURRENCY = "unknown_currency"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNATURE_MISSING = "signature_missing"
    EQUIVOCATION = "equivocation"
    UNKNOWN_GIG = "unknown_gig"
    ALREADY_REVERSED = "already_reversed"


class Rejection(NamedTuple):
    """A refused record: its code, a detail without personal data, and the event's (source, id) if both are valid."""

    code: Code
    detail: str
    source: str | None = None
    id: str | None = None


_WORD_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,31}")


def shown(value: object) -> str:
    """How a received value may stand in a detail: a vocabulary-like word as it is, anything else by its kind alone.

    For vocabulary fields only (type, currency, kind, member names): an id, a subject or an amount is never shown.
    """
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value if _WORD_LIKE.fullmatch(value) else f"a text of {len(value)} characters"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "a list or an object"
