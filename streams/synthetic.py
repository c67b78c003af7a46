"""Synthetic gigs: a seeded generator for what no open data covers. Nothing here is about a real person or company day.

Every worker (`W-synth-...`) and gig id (`S-...`) says so, and so must whatever shows them. The same arguments give the
same bytes on every machine and Python (L4): only `random.Random.getrandbits` is used, whose sequence is fixed by the
seed, and amounts are integers throughout (L10). Fares, tips, incentives and the platforms' cut (about a fifth) are of
the size usual in Jakarta, from Rp8,000 to Rp120,000; they are invented, not measured.

Values are written by hand for speed, byte for byte as `contracts.events.envelope` writes them; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from math import gcd
from random import Random
from typing import Final, NamedTuple

WIB: Final = timezone(timedelta(hours=7))
MORNING_START: Final = datetime(2026, 3, 2, 5, 0, tzinfo=WIB)
MORNING_SECONDS: Final = 6 * 3600
GIGS_PER_WORKER_MAX: Final = 18
_FULL_TIME_WEIGHT: Final = 6

# service, vehicle, weight of 16, base fare, fare per km, metres least and most, seconds per km
_KINDS: Final = (
    ("ride", "motorcycle", 7, 8000, 2300, 1500, 14_000, 170),
    ("delivery", "motorcycle", 5, 9000, 2100, 1000, 9_000, 200),
    ("ride", "car", 3, 14_000, 4200, 2500, 22_000, 190),
    ("logistics", "motorcycle", 1, 11_000, 2200, 2500, 18_000, 180),
)
_BY_WEIGHT: Final = tuple(kind for kind in _KINDS for _ in range(kind[2]))


class SyntheticGig(NamedTuple):
    """One synthetic gig as its platform publishes it: `key` the worker's pseudonym, `value` the event's JSON."""

    platform: str
    key: bytes
    value: bytes


def jakarta_morning(
    seed: int,
    workers: int,
    gigs: int,
    platforms: Sequence[str] = ("gojek", "grab", "maxim"),
    start: datetime = MORNING_START,
    apps: Sequence[Sequence[str]] | None = None,
) -> Iterator[SyntheticGig]:
    """Give exactly `gigs` gigs of one morning (six hours from `start`), ordered by the time they ended.

    A third of the workers drives full time and has most of the gigs; a worker has one to three of the platforms' apps
    under the same pseudonym (`apps` says which, else they are drawn), and never two gigs at a time.
    Raises ValueError if there is no platform or worker, or more gigs than so many workers can do in a morning.
    """
    _check(platforms, workers, gigs)
    random = Random(seed)
    tag = _tag(seed, workers, gigs, tuple(platforms), start.isoformat())
    ended = _schedule(random, workers, gigs)
    drawn = [_apps(random, platforms) for _ in range(workers)]
    apps = drawn if apps is None else apps
    for number, (end, worker, gap) in enumerate(ended, start=1):
        own = apps[worker]
        platform = own[_below(random, len(own))]
        time = (start + timedelta(seconds=end)).isoformat(timespec="seconds")
        subject = f"W-synth-{worker + 1:04d}"
        # A worker's vehicle is the same all morning: cars are every sixth worker's.
        gig = _gig(random, gap, car=worker % 6 == 5)
        value = (
            f'{{"data":{gig},"id":"S-{tag}-{number:06d}","source":"urn:iuran:platform:{platform}","specversion":"1.0",'
            f'"subject":"{subject}","time":"{time}","type":"gig.completed.v1"}}'
        )
        yield SyntheticGig(platform, subject.encode(), value.encode())


def jakarta_mornings(
    seed: int, workers: int, gigs: int, platforms: Sequence[str] = ("gojek", "grab", "maxim"), days: int = 1
) -> Iterator[SyntheticGig]:
    """Give `gigs` gigs on each of `days` mornings, one after the other from MORNING_START on: 30 fill its month.

    The same workers drive full time on all of them, each with the same apps; the rest is drawn anew, from a seed of
    each morning's own, the first one `seed`. Raises ValueError as `jakarta_morning` does.
    """
    _check(platforms, workers, gigs)
    random = Random(seed)
    _schedule(random, workers, gigs)
    apps = [_apps(random, platforms) for _ in range(workers)]
    for day in range(days):
        start = MORNING_START + timedelta(days=day)
        yield from jakarta_morning(seed + day, workers, gigs, platforms, start, apps)


def bench_gigs(
    seed: int, gigs: int, workers: int = 20_000, platform: str = "gojek", month: str = "2026-03"
) -> Iterator[tuple[bytes, bytes]]:
    """Give `gigs` synthetic (key, value) pairs of about 430 bytes for one platform, spread evenly over 28 days.

    Cheap enough to load topics with (above 100,000/s); workers follow one another in a scrambled, even order.
    """
    random = Random(seed)
    bits = random.getrandbits
    tag = _tag(seed, gigs, workers, platform, month)
    tail = f'","source":"urn:iuran:platform:{platform}","specversion":"1.0","subject":"'
    keys = [f"W-synth-{n:06d}" for n in range(workers)]
    encoded = [key.encode() for key in keys]
    step, worker = _coprime(workers), bits(32) % workers
    for number in range(gigs):
        drawn = bits(64)
        metres = 1500 + (drawn & 0x1FFF)
        fare = (8000 + metres * 23 // 10) // 500 * 500
        tip = 1000 * (1 + (drawn >> 13 & 3))
        seconds = 240 + metres * 17 // 100 + (drawn >> 15 & 0x7F)
        ended = 3600 + number * 2_415_000 // gigs
        yield (
            encoded[worker],
            (
                f'{{"data":{{"accepted_at":"{_instant(month, ended - seconds)}","commission":"{fare // 5}",'
                f'"components":[{{"amount":"{fare}","kind":"fare"}},{{"amount":"{tip}","kind":"tip"}}],'
                f'"currency":"IDR","distance_m":{metres},"engaged_seconds":{seconds},'
                f'"service":"ride","vehicle":"motorcycle","zone":"ID-JK"}},"id":"S-{tag}-{number:08d}{tail}{keys[worker]}",'
                f'"time":"{_instant(month, ended)}","type":"gig.completed.v1"}}'
            ).encode(),
        )
        worker = (worker + step) % workers


def _gig(random: Random, gap: int, *, car: bool) -> str:
    """Write the data of a gig that takes at most `gap` seconds, its way to the passenger included."""
    kind = _KINDS[2] if car else _BY_WEIGHT[_below(random, 16)]
    service, vehicle, _, base, per_km, least, most, seconds_per_km = kind if car or kind[1] != "car" else _KINDS[0]
    metres = min(least + _below(random, most - least), (gap - 420) * 1000 // seconds_per_km)
    fare = min(120_000, (base + metres * per_km // 1000) // 500 * 500)
    seconds = 180 + metres * seconds_per_km // 1000 + _below(random, 240)
    components = [("fare", fare)]
    if _below(random, 5) == 0:
        components.append(("tip", 1000 * (1 + _below(random, 10))))
    if _below(random, 12) == 0:
        components.append(("incentive", 2500 * (1 + _below(random, 4))))
    commission = fare * (18 + _below(random, 5)) // 100
    listed = ",".join(f'{{"amount":"{amount}","kind":"{name}"}}' for name, amount in components)
    return (
        f'{{"commission":"{commission}","components":[{listed}],"currency":"IDR","distance_m":{metres},'
        f'"engaged_seconds":{seconds},"service":"{service}","vehicle":"{vehicle}","zone":"ID-JK"}}'
    )


def _check(platforms: Sequence[str], workers: int, gigs: int) -> None:
    if not platforms or workers < 1 or gigs < 0 or gigs > workers * GIGS_PER_WORKER_MAX:
        raise ValueError(
            f"gigs: expected platforms, workers and 0 to {max(0, workers) * GIGS_PER_WORKER_MAX} gigs, "
            f"got {len(platforms)} platforms, {workers} workers, {gigs} gigs"
        )


def _schedule(random: Random, workers: int, gigs: int) -> list[tuple[int, int, int]]:
    """Give when each gig ends, by whom, and the seconds since that worker's gig before, in order of time."""
    return sorted(
        (end, worker, gap)
        for worker, count in enumerate(_shares(random, workers, gigs))
        for end, gap in _ends(random, count)
    )


def _shares(random: Random, workers: int, gigs: int) -> list[int]:
    """Share the gigs out: every third worker is full time and so many times as likely to get the next one."""
    weights = [_FULL_TIME_WEIGHT if worker % 3 == 0 else 1 for worker in range(workers)]
    tickets = [worker for worker, weight in enumerate(weights) for _ in range(weight)]
    counts = [0] * workers
    for _ in range(gigs):
        worker = tickets[_below(random, len(tickets))]
        while counts[worker] >= GIGS_PER_WORKER_MAX:
            worker = (worker + 1) % workers
        counts[worker] += 1
    return counts


def _ends(random: Random, count: int) -> Iterator[tuple[int, int]]:
    """Give when a worker's gigs end, in seconds after the start, and the seconds since the one before ended."""
    slot, before = MORNING_SECONDS // max(1, count), 0
    for nth in range(count):
        end = nth * slot + slot * 3 // 4 + _below(random, slot // 4)
        yield end, end - before
        before = end


def _apps(random: Random, platforms: Sequence[str]) -> list[str]:
    """Choose a worker's platforms: half have one, a third two, the others three, as far as there are so many."""
    wanted = (1, 1, 1, 2, 2, 3)[_below(random, 6)]
    left = list(platforms)
    return [left.pop(_below(random, len(left))) for _ in range(min(wanted, len(platforms)))]


def _tag(*arguments: object) -> str:
    """Name a generated set in its ids, so that sets made otherwise never claim the same gig."""
    return sha256(repr(arguments).encode()).hexdigest()[:8]


def _below(random: Random, limit: int) -> int:
    """Give an integer from 0 to limit-1; the bias of a 32-bit draw does not matter here."""
    return random.getrandbits(32) * limit >> 32


def _instant(month: str, seconds: int) -> str:
    """Write the time so many seconds into a month, in UTC."""
    minute, second = divmod(seconds, 60)
    hour, minute = divmod(minute, 60)
    return f"{month}-{hour // 24 + 1:02d}T{hour % 24:02d}:{minute:02d}:{second:02d}Z"


def _coprime(workers: int) -> int:
    """Give a step that visits every worker before any comes again."""
    step = workers * 61_803 // 100_000 | 1
    while gcd(step, workers) != 1:
        step += 1
    return step
