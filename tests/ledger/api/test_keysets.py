"""Key sets: read when needed, not more often than allowed, and not trusted for ever."""

from __future__ import annotations

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from ledger.api.keysets import DEVELOPMENT_KEY, KeySet, KeysUnavailable, key_set, parse_keys
from ledger.errors import Unfit
from ledger.settings import Settings


def _jwk(kid):
    return json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key())) | {"kid": kid}


class Issuer:
    """A key set that can change, fail, and count how often it was read; and a clock."""

    def __init__(self, *kids: str) -> None:
        self.jwks = {kid: _jwk(kid) for kid in kids}
        self.reads = 0
        self.now = 0.0
        self.away = False

    def read(self) -> bytes:
        self.reads += 1
        if self.away:
            raise OSError("away")
        return json.dumps({"keys": list(self.jwks.values())}).encode()

    def keys(self, **limits) -> KeySet:
        return KeySet(self.read, clock=lambda: self.now, **limits)


def test_an_unknown_key_id_reads_again_but_not_within_the_pause():
    issuer = Issuer("old")

    async def story():
        keys = issuer.keys(kept_seconds=3600, pause_seconds=10)
        assert await keys.find("old", "EdDSA") is not None
        issuer.jwks["new"] = _jwk("new")
        for made_up in range(50):
            assert await keys.find(f"x{made_up}", "EdDSA") is None
        assert issuer.reads == 1
        issuer.now = 11.0
        assert await keys.find("new", "EdDSA") is not None
        assert issuer.reads == 2

    asyncio.run(story())


def test_a_withdrawn_key_stops_counting_and_a_silent_issuer_ends_all_trust_after_the_time_kept():
    issuer = Issuer("a", "b")

    async def story():
        keys = issuer.keys(kept_seconds=600, pause_seconds=10)
        assert await keys.find("a", "EdDSA") is not None
        del issuer.jwks["a"]
        issuer.now = 101.0  # past a sixth: read again in the background
        assert await keys.find("b", "EdDSA") is not None
        while issuer.reads < 2:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        issuer.away = True
        assert await keys.find("a", "EdDSA") is None
        issuer.now = 690.0
        assert await keys.find("b", "EdDSA") is not None
        issuer.now = 702.0
        with pytest.raises(KeysUnavailable):
            await keys.find("b", "EdDSA")

    asyncio.run(story())


def test_without_any_set_nobody_is_told_that_a_token_is_wrong():
    issuer = Issuer("a")
    issuer.away = True
    with pytest.raises(KeysUnavailable):
        asyncio.run(issuer.keys().find("a", "EdDSA"))


def test_two_keys_that_fit_a_token_without_a_key_id_are_none():
    assert asyncio.run(Issuer("a", "b").keys().find(None, "EdDSA")) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys": 1}', b'{"kty": "OKP", "crv": "Ed25519", "x": "AA"}'])
def test_what_is_no_key_set_is_refused(content):
    with pytest.raises(ValueError, match="keys: expected"):
        parse_keys(content)


def test_a_key_set_file_with_private_members_gives_public_keys_only():
    private = json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate())) | {"kid": "p"}
    assert "d" in private
    (key,) = parse_keys(json.dumps(private).encode())
    assert not hasattr(key.public, "private_bytes")


def test_settings_that_name_two_sources_or_an_open_line_are_unfit(tmp_path):
    file = tmp_path / "jwks.json"
    with pytest.raises(Unfit, match="not there"):
        key_set(Settings(token_jwks_file=file))
    file.write_text("{}")
    with pytest.raises(Unfit, match="got both"):
        key_set(Settings(token_jwks_file=file, token_jwks_url="https://issuer.example/jwks"))
    with pytest.raises(Unfit, match="https"):
        key_set(Settings(token_jwks_url="http://issuer.example/jwks"))


def test_the_development_key_counts_as_soon_as_it_is_made(tmp_path):
    async def story():
        keys = key_set(Settings(home=tmp_path))
        assert await keys.find("dev", "EdDSA") is None
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / DEVELOPMENT_KEY).write_text(json.dumps(_jwk("dev")))
        assert await keys.find("dev", "EdDSA") is not None

    asyncio.run(story())
