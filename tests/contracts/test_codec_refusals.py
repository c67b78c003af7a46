"""Every refusal the record alone can earn: each code with its faults, and the order between any two of them."""

import itertools
import json
import re

import pytest
from gig_records import ABSENT, ENVELOPE, GATE, RECEIVED_MS, gig, record

from contracts.codec import decode
from contracts.rejections import Code, Rejection

GOOD = json.dumps(gig()).encode()
DATA = ENVELOPE["data"]


def amount(text, kind="fare", **data):
    return gig({"components": [{"kind": kind, "amount": text}], **data})


def with_value(text):
    """A good gig with one extension member, whose value is this JSON text."""
    return GOOD[:-1] + b', "ext": ' + text + b"}"


LATER_CODES = {
    Code.SIGNATURE_INVALID,
    Code.SIGNATURE_MISSING,
    Code.EQUIVOCATION,
    Code.UNKNOWN_GIG,
    Code.ALREADY_REVERSED,
}
"""Need the journal, its acts or its entries; tested with the pipeline."""

FAULTS = {
    Code.TOO_LARGE: {
        "900 KB": record(b"x" * 900_000),
        "one byte": record(GOOD + b" " * (16 * 1024 + 1 - len(GOOD))),
    },
    Code.MALFORMED: {
        "null": record(None),
        "empty": record(b""),
        "no JSON": record(b"gig completed"),
        "half": record(GOOD[:-1]),
        "two": record(GOOD + GOOD),
        "invalid UTF-8": record(GOOD.replace(b"G-99", b"G-\xff9")),
        "invalid UTF-8 in an extension": record(with_value(b'"\xff"')),
        "encoded surrogate": record(with_value(b'"\xed\xa0\x80"')),
        "byte order mark": record(b"\xef\xbb\xbf" + GOOD),
        "NaN amount": record(GOOD.replace(b'"18500"', b"NaN")),
        "NaN in an extension": record(with_value(b"NaN")),
        "Infinity": record(with_value(b"-Infinity")),
        "1e400": record(GOOD.replace(b'"18500"', b"1e400")),
        "1e400 seconds": record(GOOD.replace(b"900", b"1e400")),
        "1e400 in an extension": record(with_value(b"1e400")),
        "lone surrogate": record(GOOD.replace(b"G-99", b"G-\\ud800")),
        "lone surrogate in an extension": record(with_value(b'"\\udfff"')),
        "lone surrogate in a name": record(GOOD[:-1] + b', "\\ud8ff": 1}'),
        "raw NUL": record(GOOD.replace(b"G-99", b"G-\x00")),
        "array": record(b"[" + GOOD + b"]"),
        "text": record(b'"gig"'),
        "number": record(b"7"),
        "deep arrays": record(b"[" * 16_000),
        "deep objects": record(b'{"a":' * 3_000),
        "deep extension": record(with_value(b"[" * 16 + b"]" * 16)),
        "id twice": record(GOOD.replace(b'"id"', b'"id": "G-98", "id"')),
        "same member twice, alike": record(GOOD.replace(b'"id"', b'"id": "G-99", "id"')),
        "currency twice": record(GOOD.replace(b'"currency"', b'"currency": "USD", "currency"')),
        "name twice, once escaped": record(GOOD.replace(b'"currency"', b'"c\\u0075rrency": "USD", "currency"')),
        "amount twice": record(GOOD.replace(b'"amount"', b'"amount": "1", "amount"', 1)),
        "number twice": record(GOOD.replace(b'"distance_m"', b'"distance_m": 1, "distance_m"')),
        "data twice": record(GOOD.replace(b'"data"', b'"data": {}, "data"')),
        "twice, and as many escaped marks in a text": record(
            GOOD.replace(b'"distance_m"', b'"distance_m": 1, "distance_m"').replace(b"ride", b"r\\u0022\\u0022")
        ),
        "twice in an extension": record(with_value(b'{"a": 1, "a": 1}')),
        "thousands of digits": record(with_value(b"9" * 5_000)),
    },
    Code.UNKNOWN_TYPE: {
        "none": record(gig(type=ABSENT)),
        "null": record(gig(type=None)),
        "number": record(gig(type=1)),
        "later issue": record(gig(type="benefit.paid.v1")),
        "no version": record(gig(type="gig.completed")),
        "operator's": record(gig(type="scheme.enacted.v1")),
        "upper case": record(gig(type="Gig.Completed.v1")),
        "empty object": record(b"{}"),
    },
    Code.SCHEMA_VIOLATION: {
        **{f"without {name}": record(gig(**{name: ABSENT})) for name in ENVELOPE if name != "type"},
        **{f"data without {name}": record(gig({name: ABSENT})) for name in ("service", "currency", "components")},
        **{f"data.{name} null": record(gig({name: None})) for name in DATA},
        "specversion": record(gig(specversion="0.3")),
        "data is a list": record(gig(data=[])),
        "unknown member": record(gig({"driver_name": "x"})),
        "unknown member of a component": record(gig({"components": [{"kind": "fare", "amount": "1", "note": "x"}]})),
        "no components": record(gig({"components": []})),
        "65 components": record(gig({"components": [{"kind": "fare", "amount": "1"}] * 65})),
        "segments": record(gig({"segments": [{"zone": "US"}] * 65})),
        "declared": record(gig({"declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": "1"}] * 65})),
        "float amount": record(amount(18500.0)),
        "float commission": record(gig({"commission": 37.5})),
        "integer amount": record(amount(18500)),
        "hex": record(amount("0x4844")),
        "space before": record(amount(" 18500")),
        "space after": record(amount("18500 ")),
        "line end": record(amount("18500\n")),
        "group": record(amount("18,500")),
        "underscore": record(amount("18_500")),
        "plus": record(amount("+18500")),
        "leading zero": record(amount("018500")),
        "exponent": record(amount("1e4")),
        "empty amount": record(amount("")),
        "minus alone": record(amount("-")),
        "point at the end": record(amount("1.")),
        "point in front": record(amount(".5")),
        "NaN text": record(amount("NaN")),
        "Arabic-Indic digits": record(amount("١٨٥٠٠")),
        "full-width digits": record(amount("１８５００")),
        "kind": record(amount("1", kind="Fare")),
        "purpose": record(gig({"components": [{"kind": "fare", "amount": "1", "purpose": "to earn"}]})),
        "long word": record(gig({"service": "r" * 33})),
        "vehicle": record(gig({"vehicle": "motor cycle"})),
        "zone": record(gig({"zone": "Jakarta"})),
        "zone tail": record(gig({"zone": "ID-"})),
        "currency lower": record(gig({"currency": "idr"})),
        "currency long": record(gig({"currency": "IDRX"})),
        "seconds below 0": record(gig({"engaged_seconds": -1})),
        "seconds float": record(gig({"engaged_seconds": 1.0})),
        "seconds 2^53": record(gig({"engaged_seconds": 2**53})),
        "seconds text below 0": record(gig({"engaged_seconds": "-1"})),
        "distance text": record(gig({"distance_m": "1e3"})),
        "distance true": record(gig({"distance_m": True})),
        "due 30 February": record(gig({"payment_due_on": "2026-02-30"})),
        "due no date": record(gig({"payment_due_on": "soon"})),
        "accepted without zone": record(gig({"accepted_at": "2026-03-01T08:00:10"})),
        "declared scheme": record(gig({"declared": [{"scheme": "bpu", "fund": "JKK", "amount": "1"}]})),
        "declared amount": record(gig({"declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": 1}]})),
        "rate alone": record(gig({"rate": "15000"})),
        "rate date alone": record(gig({"rate_date": "2026-03-01"})),
        "rate 0": record(gig({"rate": "0.00", "rate_date": "2026-03-01"})),
        "rate below 0": record(gig({"rate": "-1", "rate_date": "2026-03-01"})),
        "rate date": record(gig({"rate": "1", "rate_date": "1"})),
        "segment zone": record(gig({"segments": [{"zone": "somewhere", "distance_m": 1}]})),
        "segment distance": record(gig({"segments": [{"zone": "US", "distance_m": "-1"}]})),
        "time without zone": record(gig(time="2026-03-01T08:15:30")),
        "30 February": record(gig(time="2026-02-30T08:15:30Z")),
        "29 February 2025": record(gig(time="2025-02-29T08:15:30Z")),
        "year 0000": record(gig(time="0000-01-01T00:00:00Z")),
        "month 13": record(gig(time="2026-13-01T08:15:30Z")),
        "hour 24": record(gig(time="2026-03-01T24:00:00Z")),
        "second 60": record(gig(time="2026-03-01T08:15:60Z")),
        "lower case": record(gig(time="2026-03-01t08:15:30z")),
        "space for T": record(gig(time="2026-03-01 08:15:30Z")),
        "zone without colon": record(gig(time="2026-03-01T08:15:30+0700")),
        "zone of 24 h": record(gig(time="2026-03-01T08:15:30+24:00")),
        "point without digits": record(gig(time="2026-03-01T08:15:30.Z")),
        "ten fraction digits": record(gig(time="2026-03-01T08:15:30.0123456789Z")),
        "digits of another script in time": record(gig(time="２026-03-01T08:15:30Z")),
        "time as a number": record(gig(time=1_772_352_930)),
        "NUL in id": record(gig(id="G-\x0099")),
        "id with a space": record(gig(id="G 99")),
        "id with a line end": record(gig(id="G-99\n")),
        "empty id": record(gig(id="")),
        "id of 129": record(gig(id="G" * 129)),
        "subject": record(gig(subject="Budi"), key=b"Budi"),
        "short subject": record(gig(subject="W-7"), key=b"W-7"),
        "long subject": record(gig(subject="W-" + "7" * 63), key=b"W-" + b"7" * 63),
        "national id": record(gig(subject="3171 2345"), key=b"3171 2345"),
    },
    Code.SOURCE_MISMATCH: {
        "other platform": record(gig(source="urn:iuran:platform:grab")),
        "operator": record(gig(source="urn:iuran:operator")),
        "prefix": record(gig(source="urn:iuran:platform:gojek2")),
        "other form": record(gig(source="gojek")),
    },
    Code.KEY_MISMATCH: {
        "null": record(gig(), key=None),
        "empty": record(gig(), key=b""),
        "other": record(gig(), key=b"W-7f3b"),
        "longer": record(gig(), key=b"W-7f3a\x00"),
        "no text": record(gig(), key=b"\xff\xfe"),
    },
    Code.WRONG_PARTITION: {
        "next": record(gig(), partition=(record(gig()).partition + 1) % 8),
    },
    Code.UNKNOWN_CURRENCY: {
        "none such": record(gig({"currency": "XYZ"})),
        "no minor unit": record(gig({"currency": "XAU"})),
        "withdrawn": record(gig({"currency": "DEM"})),
    },
    Code.AMOUNT_OUT_OF_RANGE: {
        "negative fare": record(amount("-1")),
        "negative tip": record(amount("-0.01", kind="tip")),
        "negative commission": record(gig({"commission": "-1"})),
        "negative declared": record(gig({"declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": "-1"}]})),
        "16 digits": record(amount("10000000000000.00")),
        "16 digits negative": record(amount("-10000000000000.00", kind="penalty")),
        "16 digits of commission": record(gig({"commission": "10000000000000"})),
        "absurd": record(amount("9" * 40)),
        "absurd beyond reading": record(amount("9" * 10_000)),
        "too much at its rate": record(amount("1000000.00", rate="100000", rate_date="2026-03-01")),
        "too much commission at its rate": record(
            gig({"commission": "1000000.00", "rate": "100000", "rate_date": "2026-03-01"})
        ),
        "sum": record(gig({"components": [{"kind": "fare", "amount": "5000000000000.00"}] * 2})),
        "too fine": record(amount("1.005")),
        "too fine by a zero": record(amount("1.000")),
        "too fine for JPY": record(amount("1.0", currency="JPY", commission="0", declared=[])),
        "too fine for KWD": record(amount("1.0000", currency="KWD", commission="0", declared=[])),
        "commission too fine": record(gig({"commission": "1.001"})),
        "declared too fine": record(gig({"declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": "1.001"}]})),
    },
    Code.TIME_OUT_OF_RANGE: {
        "year 9999": record(gig(time="9999-12-31T23:59:59Z")),
        "before 2000": record(gig(time="1999-12-31T23:59:59Z")),
        "before 2000 by its zone": record(gig(time="2000-01-01T06:59:59+07:00")),
        "a day and a second ahead": record(gig(time="2026-03-02T08:15:31Z")),
        "accepted ahead": record(gig({"accepted_at": "2026-03-02T08:15:31Z"})),
        "due far ahead": record(gig({"payment_due_on": "2028-03-02"})),
        "due long ago": record(gig({"payment_due_on": "2024-02-28"})),
        "rate long ago": record(gig({"rate": "2", "rate_date": "2001-01-01"})),
    },
}
CASES = [(code, name) for code, faults in FAULTS.items() for name in faults]
OWN = ("urn:iuran:platform:gojek", "G-99")


@pytest.mark.parametrize(("code", "name"), CASES)
def test_each_fault_earns_its_code(code, name):
    rejection = decode(FAULTS[code][name], GATE)
    assert isinstance(rejection, Rejection)
    assert (rejection.code, name) == (code, name)
    assert re.fullmatch(r"[ -~]{1,200}", rejection.detail)
    assert re.fullmatch(r"\S.*: expected .+, got .+", rejection.detail)


def test_every_code_is_either_tested_here_or_needs_the_journal():
    assert list(FAULTS) + [code for code in Code if code in LATER_CODES] == list(Code)


FIXES = {
    Code.SCHEMA_VIOLATION: {"id": "G 99"},
    Code.SOURCE_MISMATCH: {"source": "urn:iuran:platform:grab"},
    Code.TIME_OUT_OF_RANGE: {"time": "9999-12-31T23:59:59Z"},
    Code.UNKNOWN_TYPE: {"type": "gig.vanished.v1"},
}
DATA_FAULTS = {
    Code.UNKNOWN_CURRENCY: {"currency": "XYZ"},
    Code.AMOUNT_OUT_OF_RANGE: {"commission": "-1"},
}


def faulty(codes):
    """A record with one fault of each of these codes."""
    event = gig(
        {name: value for code in codes for name, value in DATA_FAULTS.get(code, {}).items()},
        **{name: value for code in codes for name, value in FIXES.get(code, {}).items()},
    )
    value = json.dumps(event).encode()
    if Code.MALFORMED in codes:
        value = value[:-1] + b', "ext": NaN}'
    if Code.TOO_LARGE in codes:
        value += b" " * 16_384
    good = record(value)
    shift = 1 if Code.WRONG_PARTITION in codes else 0
    if Code.KEY_MISMATCH not in codes:
        return good._replace(partition=(good.partition + shift) % 8)
    other = record(value, key=b"W-other")
    return other._replace(partition=(other.partition + shift) % 8)


TESTED_HERE = [code for code in Code if code not in LATER_CODES]


@pytest.mark.parametrize(("first", "second"), itertools.combinations(TESTED_HERE, 2))
def test_of_two_faults_the_earlier_code_wins(first, second):
    assert decode(faulty({first}), GATE).code is first
    assert decode(faulty({second}), GATE).code is second
    assert decode(faulty({first, second}), GATE).code is first


def test_all_faults_at_once_peel_off_in_order():
    left = list(TESTED_HERE)
    while left:
        assert decode(faulty(set(left)), GATE).code is left.pop(0)
    assert not isinstance(decode(faulty(set()), GATE), Rejection)


@pytest.mark.parametrize(("code", "name"), CASES)
def test_a_rejection_names_the_event_only_if_source_and_id_are_valid(code, name):
    rejection = decode(FAULTS[code][name], GATE)
    named = (rejection.source, rejection.id)
    assert named in (OWN, (None, None))
    if code in (Code.TOO_LARGE, Code.MALFORMED, Code.SOURCE_MISMATCH):
        assert named == (None, None)
    if code in (Code.KEY_MISMATCH, Code.WRONG_PARTITION, Code.UNKNOWN_CURRENCY):
        assert named == OWN


SECRETS = ("budi.santoso@example.id", "3171234567890001", "W-Budi_Santoso", "Jalan Merdeka 17")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("member", [*ENVELOPE, *DATA, "unknown", "Nama Lengkap"])
def test_a_detail_never_repeats_a_persons_text(member, secret):
    for event in (gig({member: secret}), gig(**{member: secret}), gig({secret: 1}), gig({member: {secret: secret}})):
        outcome = decode(record(event), GATE)
        if isinstance(outcome, Rejection):
            assert secret not in outcome.detail


def test_a_schema_violation_says_where():
    details = {
        "data.components[1].amount": gig(
            {"components": [{"kind": "fare", "amount": "1"}, {"kind": "tip", "amount": "x"}]}
        ),
        "data.commission": gig({"commission": 7}),
        "data.declared[0].scheme": gig({"declared": [{"scheme": "bpu", "fund": "JKK", "amount": "1"}]}),
        "data.engaged_seconds": gig({"engaged_seconds": "-1"}),
        "data.segments[1].zone": gig({"segments": [{"zone": "US"}, {"zone": "x"}]}),
        "data.payment_due_on": gig({"payment_due_on": "2026-02-30"}),
        "data": gig({"service": ABSENT}),
        "id": gig(id="G 99"),
        "time": gig(time="2026-03-01"),
    }
    for path, event in details.items():
        assert decode(record(event), GATE).detail.startswith(f"{path}: expected ")


def test_the_edges_of_time_are_inside():
    for time in ("2000-01-01T00:00:00Z", "2026-03-02T08:15:30Z", "2000-01-01T07:00:00+07:00"):
        event = gig({"payment_due_on": ABSENT, "accepted_at": ABSENT}, time=time)
        assert not isinstance(decode(record(event, received_ms=RECEIVED_MS), GATE), Rejection)
