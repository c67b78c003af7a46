"""Canonical bytes: the same as an independent implementation's, and a strict inverse."""

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.canonical import CanonicalError, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = texts | st.sampled_from(["\U00010000", "\ue000", "\uffff", "\ufb33", "a", "B", "", "\x7f", "é"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=5),
    max_leaves=25,
)


@given(values)
@example({"\U00010000": 1, "\ue000": 2, "\uffff": 3, "z": 4})
@example('\x00\x01\b\t\n\x0b\f\r\x1f\x7f\x80\u2028\u2029/"\\')
@example([2**53 - 1, -(2**53) + 1, 0, True, None])
def test_bytes_are_those_of_the_independent_implementation_and_decode_inverts(value):
    canonical = encode(value)
    assert canonical == rfc8785.dumps(value)
    assert decode(canonical) == value


def test_the_sample_of_rfc_8785_in_utf_16_order():
    """RFC 8785 section 3.2.3."""
    members = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(decode(encode(members))) == order


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        0.5,
        float("nan"),
        2**53,
        -(2**53),
        "\ud800",
        ["\udfff"],
        {"\ud800": 1},
        {1: 2},
        {None: 1},
        {1},
        b"x",
        object(),
    ],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(CanonicalError):
        encode(value)


def test_a_bottomless_value_is_refused():
    value = []
    value.append(value)
    with pytest.raises(CanonicalError):
        encode(value)


@pytest.mark.parametrize(
    "almost",
    [
        b"",
        b" 1",
        b"1 ",
        b"01",
        b"-0",
        b"1.0",
        b"1e2",
        b"NaN",
        b"9007199254740992",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'"\\u0061"',
        b'"\\/"',
        b'"\\u001F"',
        b'"\\u000a"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\xff"',
        b'\xef\xbb\xbf"a"',
        b"[1,]",
        b"[1]x",
        b"[" * 100_000,
    ],
)
def test_bytes_in_another_form_are_refused(almost):
    with pytest.raises(CanonicalError):
        decode(almost)


@given(st.binary(max_size=30))
def test_what_decodes_is_canonical_and_nothing_else_is_raised(noise):
    try:
        value = decode(noise)
    except CanonicalError:
        return
    assert encode(value) == noise
