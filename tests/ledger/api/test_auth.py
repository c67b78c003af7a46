"""Tokens: what is accepted, and every way in which one can be wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from ledger.api import auth
from ledger.api.access import Caller, Role
from ledger.api.auth import Authenticator
from ledger.api.keysets import KeySet
from ledger.api.problems import Refused

ISSUER = "https://issuer.example"
ED = Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = Ed25519PrivateKey.generate()
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
ED448 = ed448.Ed448PrivateKey.generate()


def _jwk(algorithm, key, kid):
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid}


KEYS = {
    "keys": [
        _jwk(OKPAlgorithm, ED, "ed"),
        _jwk(RSAAlgorithm, RSA, "rsa"),
        _jwk(RSAAlgorithm, SHORT_RSA, "short"),
        _jwk(OKPAlgorithm, ED448, "ed448"),
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        _jwk(OKPAlgorithm, STRANGER, "encrypts") | {"use": "enc"},
    ]
}


def _claims(**changes):
    claims = {"iss": ISSUER, "sub": "W-alice", "role": "worker", "exp": int(time.time()) + 60} | changes
    return {name: value for name, value in claims.items() if value is not None}


def _token(key=ED, algorithm="EdDSA", kid="ed", **changes):
    return jwt.encode(_claims(**changes), key, algorithm, headers={} if kid is None else {"kid": kid})


def _verify(token, audience=None):
    keys = KeySet(lambda: json.dumps(KEYS).encode())
    return asyncio.run(Authenticator(keys, ISSUER, audience).verify(token))


def _forged(header, signature=b"", **changes):
    parts = [json.dumps(header).encode(), json.dumps(_claims(**changes)).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_both_algorithms_and_a_token_without_a_key_id_give_the_caller():
    expected = Caller(Role.WORKER, "W-alice")
    assert _verify(_token()) == expected
    assert _verify(_token(RSA, "RS256", "rsa")) == expected
    assert _verify(_token(kid=None)) == expected
    assert _verify(_token(aud="elsewhere")) == expected  # no audience is asked for
    assert _verify(_token(aud="iuran"), audience="iuran") == expected


def _hs256_with_public_key():
    # the classic confusion: the public key as an HMAC secret
    return _hmac(_public_pem(RSA), "rsa")


def _hmac(secret, kid):
    import hmac

    signed = _forged({"alg": "HS256", "typ": "JWT", "kid": kid}).rsplit(".", 1)[0]
    tag = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"


WRONG = {
    "empty": lambda: "",
    "no JWT": lambda: "a.b.c",
    "two parts": lambda: _token().rsplit(".", 1)[0],
    "over-long": lambda: _token(note="x" * 9000),
    "alg none": lambda: _forged({"alg": "none", "kid": "ed"}),
    "alg None, odd case": lambda: _forged({"alg": "nOnE", "kid": "ed"}),
    "HS256 with the public key": _hs256_with_public_key,
    "HS256 with a key of the set": lambda: _hmac(b"secret", "oct"),
    "EdDSA token naming an RSA key": lambda: _token(kid="rsa"),
    "RS256 token naming an Ed25519 key": lambda: _token(RSA, "RS256", "ed"),
    "RS512": lambda: _token(RSA, "RS512", "rsa"),
    "PS256": lambda: _token(RSA, "PS256", "rsa"),
    "short RSA key": lambda: _token(SHORT_RSA, "RS256", "short"),
    "Ed448": lambda: _token(ED448, "EdDSA", "ed448"),
    "a key for encryption": lambda: _token(STRANGER, "EdDSA", "encrypts"),
    "unknown key id": lambda: _token(kid="other"),
    "key id that is no text": lambda: _forged({"alg": "EdDSA", "kid": 7}),
    "signed by a stranger": lambda: _token(STRANGER),
    "tampered claims": lambda: _swap_claims(_token(), sub="W-bob"),
    "tampered signature": lambda: _token()[:-6] + "AAAAAA",
    "expired": lambda: _token(exp=int(time.time()) - 31),
    "no expiry": lambda: _token(exp=None),
    "not yet valid": lambda: _token(nbf=int(time.time()) + 60),
    "another issuer": lambda: _token(iss="https://other.example"),
    "no issuer": lambda: _token(iss=None),
    "no subject": lambda: _token(sub=None),
    "no role": lambda: _token(role=None),
    "unknown role": lambda: _token(role="admin"),
    "role that is a list": lambda: _token(role=["worker"]),
    "subject of another role": lambda: _token(role="platform"),
    "crit header": lambda: jwt.encode(_claims(), ED, "EdDSA", headers={"kid": "ed", "crit": ["x"], "x": 1}),
}


def _swap_claims(token, **changes):
    header, _, signature = token.split(".")
    claims = base64.urlsafe_b64encode(json.dumps(_claims(**changes)).encode()).rstrip(b"=").decode()
    return f"{header}.{claims}.{signature}"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_token_is_refused_with_401_and_repeats_nothing_of_itself(case):
    token = WRONG[case]()
    with pytest.raises(Refused) as refused:
        _verify(token)
    problem = refused.value.problem
    assert (problem.status, problem.type) == (401, "urn:iuran:problem:invalid_token")
    assert "W-" not in problem.detail
    assert (refused.value.headers or {})["WWW-Authenticate"] == 'Bearer realm="iuran", error="invalid_token"'


@pytest.mark.parametrize("claims", [{}, {"aud": "other"}])
def test_where_an_audience_is_set_the_token_must_name_it(claims):
    with pytest.raises(Refused):
        _verify(_token(**claims), audience="iuran")


def test_clocks_may_differ_by_half_a_minute():
    assert _verify(_token(exp=int(time.time()) - 20)).subject == "W-alice"


class _Issuer:
    """An authenticator whose issuer can change its keys, and what it verified so far."""

    def __init__(self, monkeypatch):
        self.set = KEYS
        self.clock = 0.0
        self.verified = 0
        keys = KeySet(lambda: json.dumps(self.set).encode(), kept_seconds=60, clock=lambda: self.clock)
        self.authenticator = Authenticator(keys, ISSUER)
        decode = jwt.decode

        def counted(*arguments, **named):
            self.verified += 1
            return decode(*arguments, **named)

        monkeypatch.setattr(jwt, "decode", counted)

    def verify(self, *tokens):
        async def each():
            return [await self.authenticator.verify(token) for token in tokens]

        return asyncio.run(each())


def test_a_token_that_held_costs_one_signature(monkeypatch):
    issuer = _Issuer(monkeypatch)
    alice, bob = _token(), _token(sub="W-bob")
    assert [caller.subject for caller in issuer.verify(alice, bob, alice, bob, alice)] == [
        "W-alice",
        "W-bob",
        "W-alice",
        "W-bob",
        "W-alice",
    ]
    assert issuer.verified == 2


def test_a_token_that_was_refused_is_refused_again_at_the_same_price(monkeypatch):
    issuer = _Issuer(monkeypatch)
    for expected in (1, 2):
        with pytest.raises(Refused):
            issuer.verify(_token(STRANGER))
        assert issuer.verified == expected


@pytest.mark.parametrize("left", [[], [_jwk(OKPAlgorithm, STRANGER, "ed")]], ids=["withdrawn", "another under its id"])
def test_a_remembered_token_falls_with_its_key(monkeypatch, left):
    issuer = _Issuer(monkeypatch)
    token = _token()
    issuer.verify(token, token)
    issuer.set, issuer.clock = {"keys": left}, 61.0
    with pytest.raises(Refused, match="token"):
        issuer.verify(token)


def test_a_remembered_token_expires(monkeypatch):
    issuer = _Issuer(monkeypatch)
    token = _token()
    issuer.verify(token, token)
    now = time.time() + 60 + 31

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(now, tz)

    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr("jwt.api_jwt.datetime", Later)
    with pytest.raises(Refused, match="one that has not expired"):
        issuer.verify(token)


def test_memory_for_tokens_is_bounded(monkeypatch):
    monkeypatch.setattr(auth, "REMEMBERED_MAX", 3)
    issuer = _Issuer(monkeypatch)
    tokens = [_token(sub=f"W-{number:03d}") for number in range(10)]
    assert [caller.subject for caller in issuer.verify(*tokens)] == [f"W-{number:03d}" for number in range(10)]
    assert len(issuer.authenticator._held) <= 3
