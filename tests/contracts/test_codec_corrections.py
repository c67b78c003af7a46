"""Adjustments and reversals of gigs: accepted as sent, refused in the same order as gigs."""

import itertools
import json

import pytest
import rfc8785
from gig_records import ABSENT, CONTROL_GATE, GATE, gig, record

from contracts.codec import adjusted_amounts, decode, stored_adjustment
from contracts.events import Event, GigAdjusted, GigReversed
from contracts.examples import EXAMPLES
from contracts.rejections import Code, Rejection

ADJUSTED = json.loads(EXAMPLES["gig.adjusted.v1"])
REVERSED = json.loads(EXAMPLES["gig.reversed.v1"])


def changed(event, changes=(), /, **envelope):
    """An example with members of its data and envelope replaced; ABSENT takes one away."""
    event = {**event, **envelope}
    if isinstance(event["data"], dict):
        event["data"] = {k: v for k, v in {**event["data"], **dict(changes)}.items() if v is not ABSENT}
    return {name: value for name, value in event.items() if value is not ABSENT}


def adjusted(changes=(), /, **envelope):
    return changed(ADJUSTED, changes, **envelope)


def test_an_adjustment_is_accepted_with_amounts_of_either_sign():
    event = decode(record(ADJUSTED), GATE)
    assert isinstance(event, Event) and isinstance(event.data, GigAdjusted)
    assert (event.type, event.subject, event.data.gig) == ("gig.adjusted.v1", "W-7f3a", "G-99")
    assert (event.amounts_minor, event.commission_minor) == ((500_000, -150_000), 0)
    assert event.data_json == rfc8785.dumps(ADJUSTED["data"])


def test_without_a_currency_the_amounts_wait_for_the_gig():
    event = decode(record(adjusted({"currency": ABSENT})), GATE)
    assert event.amounts_minor == ()
    assert adjusted_amounts(event.data, "IDR") == (500_000, -150_000)
    assert adjusted_amounts(event.data, "JPY") == (5000, -1500)
    assert stored_adjustment(event.data_json, "KWD") == (event.data, (5_000_000, -1_500_000))
    fine = decode(record(adjusted({"currency": ABSENT, "components": [{"kind": "tip", "amount": "1.005"}]})), GATE)
    assert adjusted_amounts(fine.data, "KWD") == (1005,)
    with pytest.raises(ValueError, match="data amount: expected at most 2 decimals, got 3"):
        adjusted_amounts(fine.data, "IDR")
    with pytest.raises(ValueError, match="currency: expected an ISO 4217 code"):
        adjusted_amounts(fine.data, "XXZ")


def test_stored_data_that_no_event_had_are_refused():
    for data in ({"gig": "G-1"}, {"gig": "G 1", "components": [{"kind": "tip", "amount": "1"}]}):
        with pytest.raises(ValueError, match=r"expected|missing"):
            stored_adjustment(rfc8785.dumps(data), "IDR")


def test_a_reversal_is_accepted():
    for event in (REVERSED, changed(REVERSED, {"reason": ABSENT})):
        got = decode(record(event), GATE)
        assert isinstance(got.data, GigReversed)
        assert got.data.gig == "G-99"
        assert got.data_json == rfc8785.dumps(event["data"])
        assert got.amounts_minor == ()


def test_extensions_and_escapes_are_read_as_of_gigs():
    value = json.dumps({**ADJUSTED, "traceparent": "x"}).replace("G-99", "G\\u002d99").encode()
    assert decode(record(value), GATE).data.gig == "G-99"
    twice = json.dumps(ADJUSTED).encode().replace(b'"gig"', b'"gig": "G-1", "gig"')
    assert decode(record(twice), GATE).code is Code.MALFORMED


def components(amount, kind="tip", count=1):
    return {"components": [{"kind": kind, "amount": amount}] * count}


FAULTS = {
    Code.TOO_LARGE: [json.dumps(ADJUSTED).encode() + b" " * 16_384],
    Code.MALFORMED: [json.dumps(ADJUSTED).encode()[:-1] + b', "ext": NaN}', json.dumps(ADJUSTED).encode()[:-1]],
    Code.UNKNOWN_TYPE: [adjusted(type="gig.adjusted.v2"), adjusted(type="worker.changed.v1"), adjusted(type=1)],
    Code.SCHEMA_VIOLATION: [
        adjusted({"gig": ABSENT}),
        adjusted({"gig": "G 99"}),
        adjusted({"gig": "G" * 129}),
        adjusted({"components": ABSENT}),
        adjusted({"components": []}),
        adjusted(components("1", count=65)),
        adjusted(components(1)),
        adjusted(components("+1")),
        adjusted(components("1", kind="Tip")),
        adjusted({"currency": "idr"}),
        adjusted({"payment_due_on": "2026-02-30"}),
        adjusted({"service": "ride"}),
        adjusted(data=None),
        adjusted(subject="Budi"),
        adjusted(id="a b"),
        adjusted(time="2026-02-30T00:00:00Z"),
        adjusted(specversion="0.3"),
        changed(REVERSED, {"gig": ABSENT}),
        changed(REVERSED, {"reason": "because of the rain"}),
        changed(REVERSED, {"components": []}),
    ],
    Code.SOURCE_MISMATCH: [adjusted(source="urn:iuran:platform:grab"), changed(REVERSED, source="urn:iuran:operator")],
    Code.UNKNOWN_CURRENCY: [adjusted({"currency": "XXZ"})],
    Code.AMOUNT_OUT_OF_RANGE: [
        adjusted(components("1.005")),
        adjusted(components("9" * 16)),
        adjusted(components("-" + "9" * 16, kind="fare")),
        adjusted(components("5000000000000.00", count=2)),
    ],
    Code.TIME_OUT_OF_RANGE: [
        adjusted(time="9999-01-01T00:00:00Z"),
        adjusted(time="1999-12-31T23:59:59Z"),
        adjusted({"payment_due_on": "2029-01-01"}),
        changed(REVERSED, time="2026-03-02T08:15:31Z"),
    ],
}


@pytest.mark.parametrize(("code", "event"), [(code, event) for code, events in FAULTS.items() for event in events])
def test_each_fault_earns_its_code(code, event):
    rejection = decode(record(event, key=b"Budi" if b"Budi" in json_of(event) else b"W-7f3a"), GATE)
    assert isinstance(rejection, Rejection)
    assert rejection.code is code
    assert ": expected " in rejection.detail


def json_of(event):
    return event if isinstance(event, bytes) else json.dumps(event).encode()


def test_key_and_partition_are_the_workers():
    good = record(ADJUSTED)
    assert decode(good._replace(key=None), GATE).code is Code.KEY_MISMATCH
    assert decode(good._replace(key=b"W-7f3b"), GATE).code is Code.KEY_MISMATCH
    assert decode(good._replace(partition=(good.partition + 1) % 8), GATE).code is Code.WRONG_PARTITION


ORDER = {
    Code.UNKNOWN_TYPE: {"type": "gig.vanished.v1"},
    Code.SCHEMA_VIOLATION: {"id": "G 99"},
    Code.SOURCE_MISMATCH: {"source": "urn:iuran:platform:grab"},
    Code.UNKNOWN_CURRENCY: {"currency": "XXZ"},
    Code.AMOUNT_OUT_OF_RANGE: {"components": [{"kind": "tip", "amount": "9" * 16}]},
    Code.TIME_OUT_OF_RANGE: {"time": "9999-12-31T23:59:59Z"},
}


@pytest.mark.parametrize(("first", "second"), itertools.combinations([*ORDER, Code.KEY_MISMATCH], 2))
def test_of_two_faults_the_earlier_code_wins(first, second):
    envelope, data, key = {}, {}, b"W-7f3a"
    for code in (first, second):
        if code is Code.KEY_MISMATCH:
            key = b"W-other"
        elif code in (Code.UNKNOWN_CURRENCY, Code.AMOUNT_OUT_OF_RANGE):
            data.update(ORDER[code])
        else:
            envelope.update(ORDER[code])
    got = decode(record(adjusted(data, **envelope), key=key), GATE).code
    assert got is min((first, second), key=list(Code).index)


def test_a_correction_belongs_on_the_platforms_topic():
    for event in (ADJUSTED, REVERSED):
        got = decode(record(event, topic="iuran.control"), CONTROL_GATE)
        assert got.code is Code.UNKNOWN_TYPE


def test_a_rejection_names_the_platforms_event():
    rejection = decode(record(adjusted({"gig": "G 99"})), GATE)
    assert (rejection.source, rejection.id) == ("urn:iuran:platform:gojek", "G-99/adjusted/1")
    assert "G 99" not in rejection.detail


def test_a_gig_is_still_a_gig():
    assert decode(record(gig()), GATE).type == "gig.completed.v1"
