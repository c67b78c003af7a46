"""Ed25519's edges: what ours says, and what OpenSSL says of the same bytes. No other toolchain is needed."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.signatures import PlatformKey
from tests.foreign.edges import CASES, Edge, ours


def openssl(edge: Edge) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(edge.key).verify(edge.signature, edge.message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("edge", CASES, ids=lambda edge: edge.name)
def test_ours_takes_no_more_than_openssl(edge: Edge) -> None:
    assert openssl(edge) == edge.openssl
    assert ours(edge) == edge.ours


@pytest.mark.parametrize("edge", CASES, ids=lambda edge: edge.name)
def test_a_platforms_key_is_asked_the_same(edge: Edge) -> None:
    try:
        key = PlatformKey(base64.b64encode(edge.key).decode(), only=False)
    except ValueError:
        assert edge.ours == "refused"
        return
    assert key.holds(base64.b64encode(edge.signature).decode(), edge.message) == (edge.ours == "valid")
