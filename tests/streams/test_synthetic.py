"""Synthetic gigs: the same for the same seed, accepted by the ledger, plausible, and called synthetic."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from contracts.events import Event, envelope
from streams.synthetic import GIGS_PER_WORKER_MAX, MORNING_SECONDS, MORNING_START, bench_gigs, jakarta_morning
from tests.streams.publishing.samples import heard

MORNING = list(jakarta_morning(7, 120, 900))
EVENTS = [json.loads(gig.value) for gig in MORNING]
BENCH = list(bench_gigs(3, 4000, workers=500))


def test_the_same_seed_gives_the_same_bytes_for_ever() -> None:
    assert list(jakarta_morning(7, 120, 900)) == MORNING
    assert list(bench_gigs(3, 4000, workers=500)) == BENCH
    assert (
        sha256(b"\n".join(gig.value for gig in MORNING)).hexdigest()
        == "193be3b2ff27f48352c485738a6935773f4f04a78806b9db1590e5482076a52f"
    )
    assert (
        sha256(b"\n".join(value for _, value in BENCH)).hexdigest()
        == "c3988950da3a95ef44dfd05badedb31a1ed289a068c060e2eb85a2b61f4c6885"
    )


def test_another_seed_or_size_never_claims_the_same_gig() -> None:
    ids = {event["id"] for event in EVENTS}
    for other in (jakarta_morning(8, 120, 900), jakarta_morning(7, 121, 900), jakarta_morning(7, 120, 901)):
        assert ids.isdisjoint(json.loads(gig.value)["id"] for gig in other)
    assert len(ids) == len(EVENTS) == 900


@pytest.mark.parametrize("case", ["morning", "bench"])
def test_values_are_what_the_envelope_builder_writes_and_the_ledger_accepts(case: str) -> None:
    made = [(gig.platform, gig.key, gig.value) for gig in MORNING]
    for platform, key, value in made if case == "morning" else [("gojek", key, value) for key, value in BENCH]:
        event = json.loads(value)
        members = {name: event[name] for name in ("type", "source", "id", "subject", "time", "data")}
        assert envelope(**members) == value
        got = heard(platform, key, value)
        assert isinstance(got, Event), got
        assert got.subject.encode() == key and got.source == f"urn:iuran:platform:{platform}"


def test_workers_and_ids_say_synthetic() -> None:
    for event in EVENTS + [json.loads(value) for _, value in BENCH]:
        assert event["subject"].startswith("W-synth-") and event["id"].startswith("S-")


def test_a_morning_is_ordered_and_within_its_hours() -> None:
    times = [datetime.fromisoformat(event["time"]) for event in EVENTS]
    assert times == sorted(times)
    assert times[0] > MORNING_START and times[-1] < MORNING_START + timedelta(seconds=MORNING_SECONDS)


def test_no_worker_does_two_gigs_at_a_time() -> None:
    for events in (EVENTS, [json.loads(gig.value) for gig in jakarta_morning(1, 20, 20 * GIGS_PER_WORKER_MAX)]):
        free_at: dict[str, datetime] = defaultdict(lambda: MORNING_START)
        for event in events:
            end = datetime.fromisoformat(event["time"])
            assert end - timedelta(seconds=event["data"]["engaged_seconds"]) >= free_at[event["subject"]]
            free_at[event["subject"]] = end


def test_a_city_has_full_time_and_occasional_workers_and_several_apps() -> None:
    counts = Counter(event["subject"] for event in EVENTS)
    assert max(counts.values()) >= 10 and sum(count <= 5 for count in counts.values()) >= 30
    apps = defaultdict(set)
    for event in EVENTS:
        apps[event["subject"]].add(event["source"])
    assert Counter(len(own) for own in apps.values()).keys() == {1, 2, 3}
    assert {(e["data"]["service"], e["data"]["vehicle"]) for e in EVENTS} == {
        ("ride", "motorcycle"),
        ("delivery", "motorcycle"),
        ("ride", "car"),
        ("logistics", "motorcycle"),
    }
    assert all(len({e["data"]["vehicle"] for e in EVENTS if e["subject"] == worker}) == 1 for worker in counts)


def test_money_is_of_a_plausible_size() -> None:
    kinds = Counter(c["kind"] for event in EVENTS for c in event["data"]["components"])
    assert kinds["fare"] == len(EVENTS) and 100 < kinds["tip"] < 300 and 30 < kinds["incentive"] < 150
    for event in EVENTS:
        fare = int(event["data"]["components"][0]["amount"])
        assert 8_000 <= fare <= 120_000
        assert 18 * fare <= 100 * int(event["data"]["commission"]) + 100 <= 22 * fare + 100


@pytest.mark.parametrize("arguments", [(1, 0, 1), (1, 1, GIGS_PER_WORKER_MAX + 1), (1, 1, -1), (1, 1, 1, ())])
def test_what_cannot_be_made_is_refused(arguments) -> None:
    with pytest.raises(ValueError, match="gigs: expected"):
        list(jakarta_morning(*arguments))


def test_exactly_as_many_gigs_as_asked_for_also_at_the_limit() -> None:
    full = list(jakarta_morning(5, 10, 10 * GIGS_PER_WORKER_MAX, platforms=("gojek",)))
    assert len(full) == 180 and {gig.platform for gig in full} == {"gojek"}
    assert list(jakarta_morning(5, 10, 0)) == []


def test_bench_gigs_use_all_workers_evenly_and_have_the_usual_size() -> None:
    counts = Counter(key for key, _ in BENCH)
    assert len(counts) == 500 and set(counts.values()) == {8}
    assert all(400 <= len(value) <= 460 for _, value in BENCH)
    assert len({json.loads(value)["id"] for _, value in BENCH}) == len(BENCH)
    for workers in (1, 2, 7, 45, 210, 20_000):
        assert len({key for key, _ in bench_gigs(1, workers, workers=workers)}) == workers
