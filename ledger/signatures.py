"""Platforms' signatures: which key is in force, and whether a record or an entry carries what it must.

A platform's key is in force in a journal from the entry that records the act which registers it, so the answer hangs
on the journal's entries alone: whoever decides, replays or audits asks with the same acts and gets the same (L4).
An Ed25519 signature costs about 0.11 ms of a core to check, ten times what the rest of a gig costs; a platform without
a key costs nothing here.

Floor 2: pure. Must not know journals' writers, files or private keys. Source: SPEC section 3; RFC 8032 section 5.1.7,
without the cofactor, S below the group's order, as OpenSSL checks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from contracts import forms
from contracts.entry import StoredEvent
from contracts.forms import FormError
from contracts.rejections import Code, Rejection
from contracts.signing import HEADER, message, parse_signature
from ledger.log.ed25519 import check_public_key, verifies

if TYPE_CHECKING:
    from contracts.codec import Record
    from contracts.entry import Entry
    from contracts.events import Event


class PlatformKey:
    """The key under which a platform signs, and whether it must; equal where both are equal."""

    __slots__ = ("_key", "only", "text")

    def __init__(self, text: str, only: bool) -> None:
        """Take the key as an act writes it. Raises ValueError for a text that is no key, and for one under which anyone
        can sign anything.
        """
        self.text = text
        self.only = only
        self._key = check_public_key(forms.SIGNING_KEY.read(text), "data.signing_key")

    def holds(self, written: str, signed: bytes) -> bool:
        """Tell whether a written signature is this key's over `signed`; False for what is no signature."""
        try:
            signature = parse_signature(written)
        except FormError:
            return False
        return verifies(self._key, signature, signed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlatformKey) and (self.text, self.only) == (other.text, other.only)

    def __hash__(self) -> int:
        return hash((self.text, self.only))


def changed(before: PlatformKey | None, text: str | None, only: bool | None) -> PlatformKey | None:
    """Give a platform's key after an act that says `text` and `only` of it; None says nothing, and leaves what was.

    Raises ValueError for a key that is none, and where a platform without a key should sign all it sends.
    """
    text = (None if before is None else before.text) if text is None else text
    only = (before is not None and before.only) if only is None else only
    if text is None:
        if only:
            raise ValueError("data.signed_only: expected a signing key with it or before it, got none")
        return None
    return PlatformKey(text, only)


def taken_from(record: Record, event: Event, key: PlatformKey) -> str | Rejection | None:
    """Give the signature that a record carries over its event, as the entry keeps it; None where it need carry none.

    Refused, in this order: `signature_invalid` for a header that comes twice, that is no signature, or whose signature
    is not this key's over the event; `signature_missing` where the platform signs all it sends.
    """
    written = [value for name, value in record.headers if name == HEADER]
    if not written:
        if not key.only:
            return None
        return _refusal(Code.SIGNATURE_MISSING, event, "one, as the platform signs all it sends", "none")
    if len(written) > 1:
        return _refusal(Code.SIGNATURE_INVALID, event, "one", f"{len(written)}")
    text = (written[0] or b"").decode("latin-1")
    signed = message(event.id, event.source, event.type, event.subject, event.time, event.data_json)
    if not key.holds(text, signed):
        return _refusal(Code.SIGNATURE_INVALID, event, "the platform's over this event", "another")
    return text


def problem_of(entry: Entry, key: PlatformKey | None) -> str | None:
    """Say what is wrong with an entry's signature under the key in force before it, as `expected X, got Y`; or None.

    Without a key (an unsigned platform's, the operator's), without an event (a refusal, a further part) there is none.
    """
    cause, event = entry.cause, entry.event
    kept = cause.signature
    if key is None or not isinstance(event, StoredEvent):
        return None if kept is UNSET else "expected none here, got one"
    if kept is UNSET:
        return "expected one, as the platform signs all it sends, got none" if key.only else None
    signed = message(str(cause.id), str(cause.source), event.type, event.subject, event.time, bytes(event.data))
    return None if key.holds(kept, signed) else "expected the platform's over this event, got another"


def _refusal(code: Code, event: Event, expected: str, got: str) -> Rejection:
    return Rejection(code, f"header {HEADER}: expected {expected}, got {got}", event.source, event.id)
