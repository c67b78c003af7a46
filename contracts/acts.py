"""The operator's events on the control topic, read strictly: acts for all journals, and what concerns one worker.

Acts (a ledger opened, a platform changed, a scheme enacted, a period closed) are placed in every partition
explicitly; a worker's events lie in the partition of their key; a platform's remittance lies in partition 0. Rules
across members are checked together with the forms, as `schema_violation`.

Must not know: what a journal holds. Source: SPEC section 3.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from msgspec import UNSET

from contracts import attributes, canonical, events, forms
from contracts.events import Event, RemittanceReceived
from contracts.explain import misfit, problem_of
from contracts.refusing import (
    CONTROL_BYTES_MAX,
    MINOR_LIMIT,
    Record,
    Refused,
    accepted,
    check_key,
    check_near,
    check_partition,
    check_time,
    exponent_of,
    known_type,
    minor_of,
    refuse_amount,
    refuse_partition,
    strict,
)
from contracts.rejections import Code
from contracts.topics import CONTROL, GIGS

_DECODERS: Final = {name: msgspec.json.Decoder(model) for name, model in events.OPERATOR_EVENTS.items()}
_open_remittance = msgspec.json.Decoder(RemittanceReceived).decode


def operator_event(record: Record, partitions: int) -> Event:
    """The operator's event in a record of the control topic. Raises Refused."""
    value = record.value
    if value is None:
        raise Refused(Code.MALFORMED, "value: expected a JSON object, got null")
    if len(value) > CONTROL_BYTES_MAX:
        raise Refused(Code.TOO_LARGE, f"value: expected at most {CONTROL_BYTES_MAX} bytes, got {len(value)}")
    tree = strict(value)
    decoder = _DECODERS[known_type(tree, events.OPERATOR_EVENTS)]
    try:
        event = decoder.decode(value)
    except (ValueError, RecursionError) as error:
        raise Refused(Code.SCHEMA_VIOLATION, problem_of(error)) from error
    problem = misfit(event) or _contradiction(event.data, event.subject, record)
    if problem:
        raise Refused(Code.SCHEMA_VIOLATION, problem)
    if event.source != events.OPERATOR_SOURCE:
        raise Refused(Code.SOURCE_MISMATCH, f"source: expected {events.OPERATOR_SOURCE}, got another")
    check_key(record, event.subject)
    data = event.data
    _check_place(event, record, partitions)
    minor = (_received(data),) if isinstance(data, RemittanceReceived) else ()
    occurred_at = forms.parse_instant(event.time)
    check_time(occurred_at, record)
    if isinstance(data, events.DisputeDecided) and data.suspended_from is not UNSET:
        check_near("suspended_from", data.suspended_from, occurred_at)
    return accepted(event, occurred_at, canonical.encode(tree["data"]), minor)


def stored_remittance(data_json: bytes) -> tuple[RemittanceReceived, int]:
    """A remittance's data as an entry keeps them, and its amount in minor units.

    Raises ValueError for data that `decode` would not have accepted.
    """
    data = _open_remittance(data_json)
    if problem := misfit(data):
        raise ValueError(problem)
    try:
        return data, _received(data)
    except Refused as refused:
        raise ValueError(refused.detail) from refused


def _check_place(event: events.OperatorEvent, record: Record, partitions: int) -> None:
    data = event.data
    if isinstance(data, events.LedgerOpened | events.KeyChanged):
        if data.journal != record.partition:
            refuse_partition(data.journal, record.partition)
    elif isinstance(data, RemittanceReceived) and data.payer == "platform":
        if record.partition:
            refuse_partition(0, record.partition)
    elif isinstance(event, events.WorkerEvent) or isinstance(data, RemittanceReceived):
        check_partition(record, event.subject, partitions)


def _received(data: RemittanceReceived) -> int:
    amount = minor_of(data.amount, exponent_of(data.currency))
    if not 0 < amount < MINOR_LIMIT:
        refuse_amount("more than 0 and at most 15 digits in minor units", "another")
    return amount


def _contradiction(data: events.EventData, subject: str, record: Record) -> str | None:
    """What members of an operator's event say against each other, or None."""
    if isinstance(data, events.LedgerOpened):
        if data.ledger != subject:
            return "data.ledger: expected the subject, got another ledger"
        if data.journal >= data.journals or len(data.vkeys) != data.journals:
            return f"data: expected {data.journals} verifier keys and a journal below that, got others"
        if data.own[0] != data.vkeys[data.journal] or len(set(data.own)) != len(data.own):
            return "data.own: expected different keys, the first this journal's of vkeys, got others"
    elif isinstance(data, events.KeyChanged):
        trusted = (data.trusted_root is not UNSET, data.trusted_size is not UNSET)
        if trusted != ((data.change == "revoked"),) * 2:
            return "data: expected trusted_size and trusted_root with a revoked key and with no other, got others"
        if any(vkey.partition("+")[0] != f"{subject}/log/{data.journal}" for vkey in data.vkeys):
            return "data.vkeys: expected keys of the journal's own name, got another"
    elif isinstance(data, events.PlatformChanged):
        if data.platform != subject:
            return "data.platform: expected the subject, got another platform"
        if data.topic != f"{_prefix(record)}{GIGS}{data.platform}":
            return "data.topic: expected the platform's topic beside the control topic, got another"
        if data.attributes is not UNSET:
            return attributes.problem("data.attributes", attributes.PLATFORM, data.attributes)
    elif isinstance(data, events.SchemeEnacted):
        if hashlib.sha256(data.text.encode()).hexdigest() != data.sha256:
            return "data.sha256: expected the digest of text, got another"
    elif isinstance(data, events.WorkerChanged):
        return attributes.problem("data.set", attributes.WORKER, data.set)
    elif isinstance(data, RemittanceReceived):
        if (data.payer == "worker") != forms.WORKER.fits(subject):
            return "data.payer: expected the kind of payer that the subject is, got the other"
        if data.payer == "platform" and data.platform not in (UNSET, subject):
            return "data.platform: expected the subject, which paid, got another platform"
    elif isinstance(data, events.DisputeDecided):
        if (data.suspended_from is UNSET) != (data.suspended_days is UNSET):
            return "data: expected suspended_from and suspended_days together, got one without the other"
    elif isinstance(data, events.PeriodClosed):
        return _close_contradiction(data, subject, record)
    return None


def _close_contradiction(data: events.PeriodClosed, subject: str, record: Record) -> str | None:
    if data.platform not in (UNSET, subject):
        return "data.platform: expected the subject, got another platform"
    prefix = _prefix(record)
    if not all(topic == prefix + CONTROL or topic.startswith(prefix + GIGS) for topic in data.offsets):
        return "data.offsets: expected topics beside the control topic, got another"
    if data.offsets.get(record.topic, 0) > record.offset:
        return "data.offsets: expected of its own topic what lies before it, got a later offset"
    return None


def _prefix(record: Record) -> str:
    return record.topic.removesuffix(CONTROL)
