"""Who asks: a bearer token becomes a caller, or the request is refused with 401.

A token is a JWT signed with EdDSA (Ed25519) or RS256 by a key of the issuer's set; the algorithm comes from the key,
never from the token alone, so neither `none` nor a symmetric algorithm can pass. Required: `iss` as set, `exp`, `sub`
that fits the role, `role`; `aud` where one is set. Clocks may differ by `LEEWAY_SECONDS`.
A token that held is remembered by its digest, so that the next request with it costs no signature: as long as the key
that verified it is still the issuer's and the token has not expired, and never one that was refused.
Refusals in order: no bearer token, over-long, not a JWT of ours, unknown key, bad signature, expired, other claims.
Source: RFC 6750, RFC 7519, RFC 8725.
"""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jwt
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ledger.api.access import Caller, Role, fits
from ledger.api.keysets import Key, KeySet, KeysUnavailable
from ledger.api.problems import Refused, problem, unauthorized

if TYPE_CHECKING:
    from ledger.settings import Settings

ALGORITHMS: Final = ("EdDSA", "RS256")
LEEWAY_SECONDS: Final = 30
TOKEN_CHARS_MAX: Final = 8192
REMEMBERED_MAX: Final = 10_000

_REQUIRED = ["exp", "iss", "sub", "role"]

_bearer = HTTPBearer(
    bearerFormat="JWT",
    scheme_name="token",
    description="`iuran token issue --role R --sub S` prints one for development.",
    auto_error=False,
)
_asking = Depends(_bearer)


class _Held(NamedTuple):
    """A token that was verified: what its header names, the key that verified it, who it proves and until when."""

    kid: str | None
    algorithm: str
    key: Key
    caller: Caller
    expires_at: int


class Authenticator:
    """A FastAPI dependency that gives the Caller of a request."""

    def __init__(self, keys: KeySet, issuer: str, audience: str | None = None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._held: dict[bytes, _Held] = {}

    async def __call__(self, credentials: HTTPAuthorizationCredentials | None = _asking) -> Caller:
        """Give the caller, or raise Refused: 401, or 503 when the issuer's keys cannot be had."""
        if credentials is None:
            raise unauthorized("token: expected `Authorization: Bearer` with one, got none")
        try:
            return await self.verify(credentials.credentials)
        except KeysUnavailable as error:
            detail = "token keys: expected the issuer's, got none; try again later"
            raise Refused(problem(503, "keys_unavailable", detail), {"Retry-After": "10"}) from error

    async def verify(self, token: str) -> Caller:
        """Give the caller that a token proves. Raises Refused (401) and KeysUnavailable."""
        if len(token) > TOKEN_CHARS_MAX:
            raise _invalid("one of moderate length")
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        held = self._held.get(digest)
        kid, algorithm = _header(token) if held is None else (held.kid, held.algorithm)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise _invalid("one signed by a known key")
        if held is not None:
            if held.key is key and held.expires_at > time.time() - LEEWAY_SECONDS:
                return held.caller
            self._held.pop(digest, None)
        claims = self._claims(token, key)
        caller = _caller(claims)
        if len(self._held) >= REMEMBERED_MAX:
            self._held.clear()
        self._held[digest] = _Held(kid, algorithm, key, caller, int(claims["exp"]))
        return caller

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED, "verify_aud": self._audience is not None},
            )
        except jwt.InvalidSignatureError:
            raise _invalid("a signature that holds") from None
        except jwt.ExpiredSignatureError:
            raise _invalid("one that has not expired") from None
        except jwt.PyJWTError:
            raise _invalid("iss, exp, sub, role (and aud) as this ledger asks for them") from None
        return claims


def authenticator(keys: KeySet, settings: Settings) -> Authenticator:
    """Give the authenticator that the settings describe."""
    return Authenticator(keys, settings.token_issuer, settings.token_audience)


def _header(token: str) -> tuple[str | None, str]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _invalid("a signed JWT") from None
    kid, algorithm = header.get("kid"), header.get("alg")
    if algorithm not in ALGORITHMS or not (kid is None or isinstance(kid, str)):
        raise _invalid("one signed with EdDSA or RS256")
    return kid, algorithm


def _caller(claims: dict[str, Any]) -> Caller:
    role, subject = claims["role"], claims["sub"]
    if not isinstance(role, str) or role not in set(Role) or not fits(Role(role), subject):
        raise _invalid("a role and a sub that fit each other")
    return Caller(Role(role), subject)


def _invalid(expected: str) -> Refused:
    return unauthorized(f"token: expected {expected}", "invalid_token")
