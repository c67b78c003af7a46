"""The public keys that may have signed a token: from a file, from an address, or the development key.

A set is read when first asked, again when a token names a key that is not in it (from an address at most once in
`PAUSE_SECONDS`, so that made-up key ids cannot make us hammer the issuer), and again from time to time, so that a
withdrawn key stops counting: at the latest after `KEPT_SECONDS`, and then nobody gets in until it can be read.

Only Ed25519 and RSA keys of at least 2048 bits count; a symmetric key in a set is passed over (whoever can read a
public set could sign with it), and so is every private member. Source: RFC 7517, RFC 8037, RFC 8725 section 3.
"""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jwt
import msgspec

from ledger.errors import LedgerError, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.settings import Settings

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 3600.0
FETCH_SECONDS: Final = 5.0
SET_BYTES_MAX: Final = 256 * 1024
RSA_BITS_MIN: Final = 2048
DEVELOPMENT_KEY: Final = "token-dev.jwk"

_PUBLIC = {"OKP": ("kty", "crv", "x"), "RSA": ("kty", "n", "e")}
_ALGORITHMS = {"OKP": "EdDSA", "RSA": "RS256"}


class KeysUnavailable(LedgerError):
    """The issuer's keys could not be read, and none are known: no token can be verified now."""


class Key(NamedTuple):
    """A public key, its id ("" for none) and the one algorithm that it verifies."""

    kid: str
    algorithm: str
    public: Any


class KeySet:
    """The keys that `read` gives (bytes of a JWK or JWK set, None when there is none yet), kept and read again.

    `kept_seconds`: how long keys count after they were read; a sixth of it later they are read again in the
    background. `pause_seconds`: how long not to read again, whatever key ids come.
    """

    def __init__(
        self,
        read: Callable[[], bytes | None],
        kept_seconds: float = KEPT_SECONDS,
        pause_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._kept = kept_seconds
        self._pause = pause_seconds
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()
        self._in_background: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Give the key of this id for this algorithm; without an id, the only key there is for the algorithm.

        Raises KeysUnavailable when the set cannot be read and what was read before counts no longer.
        """
        found = self._pick(kid, algorithm)
        if found is None or self._age() > self._kept:
            await self._refresh()
            found = self._pick(kid, algorithm)
        elif self._age() > self._kept / 6 and (self._in_background is None or self._in_background.done()):
            self._in_background = asyncio.create_task(self._refresh())
        if self._age() > self._kept:
            raise KeysUnavailable("token keys: expected the issuer's key set, got none")
        return found

    def _pick(self, kid: str | None, algorithm: str) -> Key | None:
        fitting = [k for k in self._keys if k.algorithm == algorithm and kid in (None, k.kid)]
        return fitting[0] if len(fitting) == 1 else None

    def _age(self) -> float:
        return self._clock() - self._read_at

    async def _refresh(self) -> None:
        async with self._one_at_a_time:
            if self._clock() - self._tried_at < self._pause:
                return
            self._tried_at = self._clock()
            try:
                content = await asyncio.to_thread(self._read)
                self._keys = () if content is None else parse_keys(content)
                self._read_at = self._clock()
            except (OSError, ValueError) as error:
                log.warning("token keys: expected a JWK set, got %s", error)


def parse_keys(content: bytes) -> tuple[Key, ...]:
    """Give the usable public keys of a JWK or a JWK set. Raises ValueError when it is neither."""
    try:
        members = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise ValueError(f"keys: expected JSON, got {error}") from None
    listed = members.get("keys", [members]) if isinstance(members, dict) else None
    if not isinstance(listed, list):
        raise ValueError("keys: expected a JWK or a JWK set, got something else")
    return tuple(key for key in map(_key, listed) if key is not None)


def _key(jwk: Any) -> Key | None:
    if not isinstance(jwk, dict) or jwk.get("kty") not in _PUBLIC or jwk.get("use", "sig") != "sig":
        return None
    algorithm = _ALGORITHMS[jwk["kty"]]
    if jwk.get("alg", algorithm) != algorithm or jwk.get("crv", "Ed25519") != "Ed25519":
        return None
    public = {name: jwk[name] for name in _PUBLIC[jwk["kty"]] if name in jwk}
    try:
        key = jwt.PyJWK.from_dict(public, algorithm).key
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"keys: expected a public key, got {type(error).__name__}") from None
    if jwk["kty"] == "RSA" and key.key_size < RSA_BITS_MIN:
        return None
    return Key(str(jwk.get("kid", "")), algorithm, key)


def key_set(settings: Settings) -> KeySet:
    """Give the key set that the settings name, or that of the development key under the home.

    Raises Unfit when two sources are set, a file is not there, or an address is not https (http only to this host).
    """
    path, url = settings.token_jwks_file, settings.token_jwks_url
    if path is not None and url is not None:
        raise Unfit("token keys: expected one of IURAN_TOKEN_JWKS_FILE and IURAN_TOKEN_JWKS_URL, got both")
    if url is not None:
        if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise Unfit("IURAN_TOKEN_JWKS_URL: expected an https address, got another")
        return KeySet(lambda: _fetch(url), pause_seconds=PAUSE_SECONDS)
    if path is not None:
        if not path.is_file():
            raise Unfit(f"IURAN_TOKEN_JWKS_FILE: expected a file, got {path} which is not there")
        return KeySet(path.read_bytes)
    own = settings.keys_dir / DEVELOPMENT_KEY
    return KeySet(lambda: own.read_bytes() if own.exists() else None)


def _fetch(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/jwk-set+json, application/json"})
    with urllib.request.urlopen(request, timeout=FETCH_SECONDS) as response:
        content: bytes = response.read(SET_BYTES_MAX + 1)
    if len(content) > SET_BYTES_MAX:
        raise ValueError(f"at most {SET_BYTES_MAX} bytes expected, got more")
    return content
