"""What is accepted: gigs as they were sent, amounts to the last minor unit, spellings of JSON that mean the same."""

import json
import re
from datetime import date, datetime
from pathlib import Path

import pytest
import rfc8785
from gig_records import ABSENT, GATE, RECEIVED_MS, gig, record
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec, forms, ijson
from contracts.codec import decode, stored_gig
from contracts.currencies import EXPONENTS
from contracts.events import Event
from contracts.fields import NEGATIVE_KINDS
from contracts.rejections import Code, Rejection


def accepted(event, **of_record):
    outcome = decode(record(event, **of_record), GATE)
    assert isinstance(outcome, Event), outcome
    return outcome


def test_the_gig_of_the_specification():
    event = accepted(gig())
    assert (event.type, event.source, event.id) == ("gig.completed.v1", "urn:iuran:platform:gojek", "G-99")
    assert (event.subject, event.time, event.occurred_at) == ("W-7f3a", "2026-03-01T08:15:30Z", RECEIVED_MS // 1000)
    assert event.amounts_minor == (1_850_000, 200_000)
    assert event.commission_minor == 370_000
    assert event.data_json == rfc8785.dumps(gig()["data"])


def test_what_is_omitted_stays_omitted():
    least = {"service": "ride", "currency": "JPY", "components": [{"kind": "fare", "amount": "700"}]}
    event = accepted(gig(data=least))
    assert event.data_json == rfc8785.dumps(least)
    assert (event.amounts_minor, event.commission_minor) == ((700,), 0)


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [
        ("IDR", "18500", 1_850_000),
        ("IDR", "18500.5", 1_850_050),
        ("IDR", "0.01", 1),
        ("IDR", "-0", 0),
        ("JPY", "0", 0),
        ("JPY", "999999999999999", 999_999_999_999_999),
        ("KWD", "1.234", 1_234),
        ("KWD", "999999999999.999", 999_999_999_999_999),
        ("CLF", "0.0001", 1),
    ],
)
def test_amounts_become_minor_units_exactly(currency, text, minor):
    event = accepted(
        gig({"currency": currency, "components": [{"kind": "fare", "amount": text}], "commission": "0", "declared": []})
    )
    assert event.amounts_minor == (minor,)


@pytest.mark.parametrize("kind", sorted(NEGATIVE_KINDS))
def test_three_kinds_may_be_negative(kind):
    event = accepted(gig({"components": [{"kind": kind, "amount": "-0.05"}]}))
    assert event.amounts_minor == (-5,)


@pytest.mark.parametrize(
    ("time", "occurred_at"),
    [
        ("2026-03-01T15:15:30+07:00", RECEIVED_MS // 1000),
        ("2026-03-01T08:15:30.999999999Z", RECEIVED_MS // 1000),
        ("2026-03-01T04:45:30.5-03:30", RECEIVED_MS // 1000),
        ("2024-02-29T00:00:00-00:00", 1_709_164_800),
    ],
)
def test_time_is_kept_as_written_and_understood(time, occurred_at):
    event = accepted(gig({"payment_due_on": ABSENT}, time=time))
    assert (event.time, event.occurred_at) == (time, occurred_at)


PLAIN = json.dumps(gig()).encode()


@pytest.mark.parametrize(
    "value",
    [
        json.dumps(gig(), indent=4).encode(),
        json.dumps(gig(), sort_keys=True, separators=(",", ":")).encode(),
        PLAIN.replace(b"ride", b"r\\u0069de").replace(b"urn:", b"\\u0075rn:"),
        PLAIN.replace(b'"service"', b'"\\u0073ervice"'),
        PLAIN.replace(b"900", b"900 "),
        json.dumps(gig(datacontenttype="application/json", traceparent="00-0af7", sequence=7)).encode(),
        json.dumps(
            gig(note='é "quoted" \\ \n 𝄞', nested={"a": [1.5, None, {"b": 1e300}]}), ensure_ascii=False
        ).encode(),
        json.dumps(gig(note="é 𝄞")).encode(),
        PLAIN[:-1] + b', "deep": ' + b"[" * 15 + b"]" * 15 + b"}",
        PLAIN[:-1] + b', "big": 123456789012345678901234567890}',
        b" \r\n\t" + PLAIN + b"\n",
    ],
)
def test_other_spellings_and_extensions_give_the_same_event(value):
    assert accepted(value) == accepted(gig())


def test_a_record_of_just_the_limit_is_accepted():
    accepted(PLAIN + b" " * (codec.GIG_BYTES_MAX - len(PLAIN)))


def test_limits_of_counts_are_inside():
    accepted(gig({"components": [{"kind": "fare", "amount": "1"}] * 64}))
    accepted(gig({"segments": [{"zone": "US-WA-SEATTLE", "distance_m": "1609.344", "engaged_seconds": 1}] * 64}))
    accepted(gig({"engaged_seconds": 2**53 - 1, "distance_m": "999999999999999.999999999"}))


def test_other_words_than_the_known_ones_are_accepted():
    accepted(gig({"service": "dog_walking", "vehicle": "cargo_bike", "zone": "ID-JK-X1"}))


def test_memos_stay_bounded_and_correct():
    memo = forms.Memo(len)
    for number in range(3 * forms.MEMO_ENTRIES_MAX):
        assert memo[str(number)] == len(str(number))
        assert len(memo) <= forms.MEMO_ENTRIES_MAX
    assert memo["x" * 1_000] == 1_000
    assert "x" * 1_000 not in memo


words = st.from_regex(forms.WORD.pattern, fullmatch=True)
zones = st.from_regex(forms.ZONE.pattern, fullmatch=True)
quantities = st.integers(0, 2**53 - 1) | st.from_regex(forms.QUANTITY.pattern, fullmatch=True)
days = st.dates(date(2024, 6, 1), date(2027, 6, 1)).map(str)
instants = st.datetimes(min_value=datetime(2025, 1, 1), max_value=datetime(2026, 2, 28)).map(
    lambda moment: moment.isoformat() + "Z"
)


def money(minor, exponent):
    """The decimal text of minor units, with all decimals."""
    sign, digits = "-" * (minor < 0), str(abs(minor)).rjust(exponent + 1, "0")
    return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)


@st.composite
def gigs(draw):
    """(members of data, amounts in minor units, commission in minor units)."""
    currency = draw(st.sampled_from(sorted(EXPONENTS)))
    exponent = EXPONENTS[currency]
    minors = draw(st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=8))
    components = [
        {
            "kind": draw(st.sampled_from(sorted(NEGATIVE_KINDS)) if minor < 0 else words),
            "amount": money(minor, exponent),
            **draw(st.fixed_dictionaries({}, optional={"purpose": words})),
        }
        for minor in minors
    ]
    charged = draw(st.integers(0, 10**15 - 1))
    declared = st.fixed_dictionaries(
        {
            "scheme": st.just("ID-BPU"),
            "fund": st.from_regex(forms.FUND.pattern, fullmatch=True),
            "amount": st.integers(0, 10**15 - 1).map(lambda minor: money(minor, exponent)),
        }
    )
    segment = st.fixed_dictionaries({"zone": zones}, optional={"distance_m": quantities, "engaged_seconds": quantities})
    optional = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "vehicle": words,
                "zone": zones,
                "engaged_seconds": quantities,
                "distance_m": quantities,
                "accepted_at": instants,
                "payment_due_on": days,
                "declared": st.lists(declared, max_size=4),
                "segments": st.lists(segment, max_size=4),
            },
        )
    )
    members = {
        "service": draw(words),
        "currency": currency,
        "components": components,
        "commission": money(charged, exponent),
    }
    return {**members, **optional}, tuple(minors), charged


@given(gigs(), st.booleans(), st.sampled_from([None, 2]))
def test_any_valid_gig_comes_back_canonically_with_its_amounts(drawn, ascii_only, indent):
    members, minors, charged = drawn
    value = json.dumps(gig(data=members), ensure_ascii=ascii_only, indent=indent).encode()
    if len(value) > codec.GIG_BYTES_MAX:
        return
    event = accepted(value)
    assert event.data_json == rfc8785.dumps(members)
    assert (event.amounts_minor, event.commission_minor) == (minors, charged)
    assert stored_gig(event.data_json) == (event.data, minors, charged)


MUTATIONS = {
    "components": ([], Code.SCHEMA_VIOLATION),
    "commission": ("-1", Code.AMOUNT_OUT_OF_RANGE),
    "currency": ("XXX", Code.UNKNOWN_CURRENCY),
    "service": ("Ride!", Code.SCHEMA_VIOLATION),
    "vehicle": (7, Code.SCHEMA_VIOLATION),
    "zone": ("jakarta", Code.SCHEMA_VIOLATION),
    "engaged_seconds": (0.5, Code.SCHEMA_VIOLATION),
    "accepted_at": ("9999-01-01T00:00:00Z", Code.TIME_OUT_OF_RANGE),
    "payment_due_on": ("2026-02-30", Code.SCHEMA_VIOLATION),
    "driver": ("x", Code.SCHEMA_VIOLATION),
}


@given(gigs(), st.sampled_from(sorted(MUTATIONS)))
def test_one_broken_member_gives_its_code(drawn, name):
    broken, code = MUTATIONS[name]
    outcome = decode(record(gig(data={**drawn[0], name: broken})), GATE)
    assert isinstance(outcome, Rejection)
    assert outcome.code is code


@given(st.binary(max_size=400), st.none() | st.binary(max_size=80), st.integers(0, 7))
def test_no_bytes_raise(value, key, partition):
    assert isinstance(decode(record(value, key=key, partition=partition), GATE), Rejection)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from([*gig(), *gig()["data"]]), json_values)
def test_no_json_raises(name, value):
    for event in (gig({name: value}), gig(**{name: value}), {name: value}, value):
        outcome = decode(record(json.dumps(event).encode()), GATE)
        assert isinstance(outcome, Event | Rejection)


@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_any_changed_byte_gives_an_event_or_a_rejection(place, byte):
    value = PLAIN[:place] + bytes([byte]) + PLAIN[place + 1 :]
    outcome = decode(record(value), GATE)
    if isinstance(outcome, Event):
        assert outcome.data_json == rfc8785.dumps(ijson.read(value)["data"])


@given(st.sampled_from([place for place, byte in enumerate(PLAIN) if byte in b"{,"]), st.booleans())
def test_no_member_comes_twice_unnoticed(place, escaped):
    """The fast path counts quotation marks instead of looking at each name."""
    name = re.search(rb'"(\w+)":', PLAIN[place:])
    if name is None or PLAIN[place + 1 :].lstrip()[:1] != b'"':
        return
    first = b"\\u%04x" % name[1][0] if escaped else name[1][:1]
    twin = b'"' + first + name[1][1:] + b'": 1' + b","
    value = PLAIN[: place + 1] + twin + PLAIN[place + 1 :]
    assert decode(record(value), GATE).code is Code.MALFORMED


def test_the_answer_does_not_depend_on_what_was_seen_before():
    outcomes = [
        decode(record(value), GATE) for value in (gig(), gig({"service": "Ride"}), gig(), gig({"service": "Ride"}))
    ]
    assert outcomes[:2] == outcomes[2:]


@pytest.mark.parametrize(
    "data_json",
    [
        b"{}",
        b"no json",
        rfc8785.dumps({"service": "ride", "currency": "XYZ", "components": [{"kind": "fare", "amount": "1"}]}),
        rfc8785.dumps({"service": "ride", "currency": "JPY", "components": [{"kind": "fare", "amount": "0.5"}]}),
        rfc8785.dumps({"service": "ride", "currency": "JPY", "components": [{"kind": "fare", "amount": "x"}]}),
    ],
)
def test_stored_data_that_decode_would_refuse_raise(data_json):
    with pytest.raises(ValueError):
        stored_gig(data_json)


def test_committed_examples_are_accepted():
    folder = Path(codec.__file__).parent / "examples"
    for path in folder.glob("gig.completed.*.json"):
        accepted(path.read_bytes())
