"""A city that does not stop: synthetic gigs of several platforms, published at an even pace while a test breaks things.

The gigs are published by a producer that tries again for as long as a broken broker takes, so every gig is on its
topic exactly once; which gigs there are is known from the seed alone.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from contracts.topics import gigs_topic, partition_of
from streams import synthetic
from tests.support.ledgers import SmallLedger
from tests.support.running import sending

PULSE_SECONDS = 0.05


class City:
    """Publishes `gigs` gigs, `per_second` of them, shared out evenly among platforms, from a thread of its own."""

    def __init__(
        self,
        ledger: SmallLedger,
        platforms: Sequence[str],
        gigs: int,
        per_second: int,
        workers: int = 500,
        seed: int = 1,
    ) -> None:
        self.sent: Counter[tuple[str, str]] = Counter()
        self._ledger = ledger
        self._platforms = platforms
        self._gigs = gigs
        self._pace = per_second
        self._workers = workers
        self._seed = seed
        self._ended = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._publish, name="city")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Publish no further; what was sent is acknowledged when this returns."""
        self._ended.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def finish(self) -> Counter[tuple[str, str]]:
        """Wait until every gig is published and acknowledged; give how often each (source, id) was: once."""
        self._thread.join()
        self.stop()
        return self.sent

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        return not self._thread.is_alive()

    def _publish(self) -> None:
        try:
            self._publish_all()
        except BaseException as error:  # noqa: BLE001 - told to the test by `stop`
            self._failed = error

    def _publish_all(self) -> None:
        journals, prefix = self._ledger.settings.journals, self._ledger.settings.topic_prefix
        with sending(self._ledger, linger_ms=10, delivery_timeout_ms=120_000, enable_idempotence=True) as send:
            futures = []
            began = time.monotonic()
            for number, (platform, key, value) in enumerate(self._mixed()):
                if self._ended.is_set():
                    break
                futures.append(send(gigs_topic(platform, prefix), value, key, None, partition_of(key, journals)))
                self.sent[f"urn:iuran:platform:{platform}", json.loads(value)["id"]] += 1
                ahead = began + number / self._pace - time.monotonic()
                if ahead > PULSE_SECONDS:
                    time.sleep(ahead)
            for future in futures:
                future.get(timeout=120)

    def _mixed(self) -> Iterator[tuple[str, bytes, bytes]]:
        count, rest = divmod(self._gigs, len(self._platforms))
        streams = [
            synthetic.bench_gigs(self._seed + n, count + (n < rest), self._workers, platform)
            for n, platform in enumerate(self._platforms)
        ]
        for number in range(self._gigs):
            n = number % len(self._platforms)
            yield (self._platforms[n], *next(streams[n]))


@contextmanager
def city(
    ledger: SmallLedger, platforms: Sequence[str], gigs: int, per_second: int, workers: int = 500, seed: int = 1
) -> Iterator[City]:
    """Let a city publish while the block runs; it stops with the block."""
    running = City(ledger, platforms, gigs, per_second, workers, seed)
    running.start()
    try:
        yield running
    finally:
        running.stop()
