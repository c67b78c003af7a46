"""Tokens for development: a key of our own under the home, and tokens signed with it.

Real tokens come from an issuer whose public keys the settings name; once they do, nothing here may sign. The key is
one Ed25519 JWK in `<home>/keys/token-dev.jwk`, mode 0600, made on first use, whole or not at all, and never written
over; its id is its thumbprint (RFC 7638). Whoever can read it can be anybody.
"""

from __future__ import annotations

import base64
import stat
import time
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from ledger.api.access import Role, fits
from ledger.api.keysets import DEVELOPMENT_KEY
from ledger.errors import Unfit
from ledger.store import private_files
from ledger.store.private_files import FileTaken

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.settings import Settings

HOURS_DEFAULT: Final = 24


def issue(settings: Settings, role: Role, subject: str, hours: int = HOURS_DEFAULT) -> str:
    """Give a token for this role and subject, valid from now for `hours`, signed with the development key.

    Raises Unfit, in this order: the settings name an issuer's keys; a subject that does not fit the role; a key file
    that others can read, or that is no key.
    """
    if settings.token_jwks_file is not None or settings.token_jwks_url is not None:
        raise Unfit("token: expected no issuer's keys to be set, got some; only the issuer makes tokens then")
    if not fits(role, subject):
        forms = {Role.WORKER: "a pseudonym such as W-7f3a", Role.PLATFORM: "a platform such as gojek"}
        raise Unfit(f"--sub: expected {forms.get(role, '1 to 255 characters')} for role {role}, got another form")
    kid, key = development_key(settings.keys_dir)
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": settings.token_issuer,
        "sub": subject,
        "role": role.value,
        "iat": now,
        "exp": now + hours * 3600,
    }
    if settings.token_audience is not None:
        claims["aud"] = settings.token_audience
    return jwt.encode(claims, key, "EdDSA", headers={"kid": kid})


def development_key(keys_dir: Path) -> tuple[str, Ed25519PrivateKey]:
    """Give the development key and its id, making it on first use. Raises Unfit."""
    path = keys_dir / DEVELOPMENT_KEY
    if not path.exists():
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileTaken):  # another process was first: then its key holds
            private_files.write_new(path, _fresh_key())
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Unfit(f"{path}: expected mode 0600, got one open to others; `chmod 600` it, or remove it for a new key")
    try:
        jwk = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        key = OKPAlgorithm.from_jwk(dict(jwk))
        kid = jwk["kid"]
    except (msgspec.MsgspecError, jwt.PyJWTError, KeyError, ValueError) as error:
        raise Unfit(f"{path}: expected an Ed25519 JWK, got something else; remove it for a new key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Unfit(f"{path}: expected a private Ed25519 key, got another; remove it for a new key")
    return kid, key


def _fresh_key() -> bytes:
    key = Ed25519PrivateKey.generate()
    public = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_key().public_bytes_raw())}
    kid = _base64url(sha256(msgspec.json.encode(public)).digest())  # members in the order of RFC 7638
    private = {"d": _base64url(key.private_bytes_raw()), "kid": kid, "alg": "EdDSA", "use": "sig"}
    return msgspec.json.encode(public | private) + b"\n"


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
