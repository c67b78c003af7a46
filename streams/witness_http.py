"""The way to a witness: one POST over HTTP with everything bounded, connections kept for the next one.

Redirects are not followed, proxies of the environment not used, no cookie is kept and nothing is decompressed: a
witness answers at its address, in a few kilobytes, within seconds, or has not answered.
Source: c2sp.org/tlog-witness@v1.0.0, "HTTP Interface" (keep-alive), "add-checkpoint".
"""

from __future__ import annotations

from typing import Final

import aiohttp

from ledger.errors import LedgerError
from ledger.log.witness import ANSWER_BYTES_MAX, Answer

ANSWER_SECONDS: Final = 10.0
CONNECTIONS_PER_WITNESS: Final = 4


class WitnessAway(LedgerError):
    """A witness did not answer, or not in measure."""


class WitnessHttp:
    """A `streams.witnesses.Post`. Connects when it is first used; `close` at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str, body: bytes) -> Answer:
        """Give the answer to `body` sent to `url`. Raises WitnessAway: it may or may not have been cosigned."""
        try:
            async with self._opened().post(url, data=body, allow_redirects=False) as response:
                content = bytearray()
                async for chunk in response.content.iter_chunked(16384):
                    content += chunk
                    if len(content) > ANSWER_BYTES_MAX:
                        raise WitnessAway(f"{url}: expected at most {ANSWER_BYTES_MAX} bytes, got more")
                return Answer(response.status, bytes(content), response.headers.get("Content-Type", ""))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            what = f"{url}: expected an answer, got {str(error) or type(error).__name__}"
            raise WitnessAway(what, outcome_known=False) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
                connector=aiohttp.TCPConnector(limit_per_host=CONNECTIONS_PER_WITNESS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Content-Type": "text/plain; charset=utf-8", "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Let go of all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
