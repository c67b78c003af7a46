"""Canonical JSON (RFC 8785, integers only) and Ed25519's edges held against Go's own."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import canonical
from contracts.canonical import CanonicalError
from tests.foreign.edges import CASES, Edge, ours
from tests.support.foreign import Oracle

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_a_value_has_the_same_canonical_bytes(oracle: Oracle, value: object) -> None:
    told = oracle.ask("canonical", document=json.dumps(value).encode())
    assert base64.b64decode(told["written"]) == canonical.encode(value)


# The rules of RFC 8785 that integers, texts and names leave; 3.2.2.2 and 3.2.3 are the RFC's own examples.
RULES = {
    "3.2.1 no white space": (b'[ 1 , {"a" : "b"}\n]', b'[1,{"a":"b"}]'),
    "3.2.2.1 literals": (b"[null,true,false]", b"[null,true,false]"),
    "3.2.2.2 escapes": (
        rb'"\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/"', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    ),
    "3.2.3 order by UTF-16": (
        rb'{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}',
        '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'.encode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_of_rfc_8785(rule: str, oracle: Oracle) -> None:
    document, expected = RULES[rule]
    assert canonical.encode(json.loads(document)) == expected
    assert canonical.decode(expected) == json.loads(document)
    assert base64.b64decode(oracle.ask("canonical", document=document)["written"]) == expected
    if document != expected:
        with pytest.raises(CanonicalError):
            canonical.decode(document)


@pytest.mark.parametrize("edge", CASES, ids=lambda edge: edge.name)
def test_an_edge_of_ed25519(edge: Edge, oracle: Oracle) -> None:
    assert ours(edge) == edge.ours
    told = oracle.ask("ed25519", key=edge.key, message=edge.message, signed=edge.signature)
    assert told == {"valid": edge.go}
