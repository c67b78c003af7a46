"""Every row of the three samples is a gig the ledger accepts, with an id and a content that never change silently.

If a golden digest here changes, publishing the sample again adds gigs (ids) or is refused as equivocation (events):
that is a decision to take and to write down, never a side effect.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256

import pytest

from contracts.events import Event
from streams.publishing import maps
from streams.publishing.mapping import Foreign, Ready, events
from tests.streams.publishing.samples import FOLDER, SAMPLES, Sample, heard

GOLDEN = {
    # platform: SHA-256 over the ids, one a line; the same over the events
    "juno": (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    "lyft": (
        "a0a63ad7693aac8bf86b5d5f9b14c26e25e7ceabaa0d79ca6bb04c1f8db1e4d5",
        "9e54343f517d19ee62637f32a37f85340e94084448b5fc5f48ae7d73cdae3b5b",
    ),
    "uber": (
        "f8fb250ac317cb70f0021c8be4e606443b52248ed5f4443e538875e120872484",
        "5aec71f5b53e2ee90891279d4e0518707b9f031742c1a7257ca4efe81f2749e4",
    ),
    "via": (
        "54b33acffa312fe7cb1a777f16ff002bcd85261a5837b7e51327f5d2b08ef16e",
        "394678e690ac8a8236700394a765dcdae9a43c3ce5aebf2168f4be17fb91b0f8",
    ),
    "nyc-taxi": (
        "05645c77082c45341575cf6cbc4d78918034cfbe75188ae3a1d26850e2bd93bc",
        "20c4df82df5e74ef5545b22855b025c050bef2ed365a76b31702b6de9467c5ff",
    ),
    "chicago-taxi": (
        "f7edccbdaae1c74c84314e826f751c1b9a49566bb53dea2150e43fb400cfb75e",
        "d3c11485731a96d29a14cfc29e0e70f56ffa96c624baf9183f1415b3ab05630c",
    ),
}

BOTH = [(sample, platform) for sample in SAMPLES for platform in sample.platforms]


def rule_of(sample: Sample) -> maps.Map:
    return next(rule for rule in maps.shipped() if rule.name == sample.map)


def ready_of(sample: Sample, platform: str) -> list[Ready]:
    return [row for row in events(sample.path, platform, rule_of(sample)) if isinstance(row, Ready)]


def rows_of(sample: Sample) -> list[dict[str, str]]:
    with gzip.open(sample.path, "rt", encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def data_of(row: Ready) -> dict:
    return json.loads(row.value)["data"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.file)
def test_the_samples_are_the_bytes_their_origin_describes(sample: Sample) -> None:
    assert sha256(sample.path.read_bytes()).hexdigest() == sample.sha256
    origin = (FOLDER / "ORIGIN.md").read_text(encoding="utf-8")
    assert f"| `{sample.file}` | {sample.rows:,} | `{sample.sha256}` |" in origin


@pytest.mark.parametrize(("sample", "platform"), BOTH, ids=lambda v: v if isinstance(v, str) else "")
def test_every_row_is_accepted_or_another_platforms(sample: Sample, platform: str) -> None:
    rows = list(events(sample.path, platform, rule_of(sample)))
    assert len(rows) == sample.rows
    foreign = Counter(row.platform for row in rows if isinstance(row, Foreign))
    assert foreign == {name: n for name, n in sample.platforms.items() if name != platform and n}
    ready = [row for row in rows if isinstance(row, Ready)]
    refused = [(row.line, got) for row in ready if not isinstance(got := heard(platform, row.key, row.value), Event)]
    assert refused == []
    assert len(ready) == sample.platforms[platform]


@pytest.mark.parametrize(("sample", "platform"), BOTH, ids=lambda v: v if isinstance(v, str) else "")
def test_ids_are_golden_and_differ(sample: Sample, platform: str) -> None:
    ready = ready_of(sample, platform)
    ids = [json.loads(row.value)["id"] for row in ready]
    assert len(set(ids)) == len(ids)
    got = (sha256("\n".join(ids).encode()).hexdigest(), sha256(b"\n".join(row.value for row in ready)).hexdigest())
    assert got == GOLDEN[platform]


def test_hvfhv_money_adds_up_row_by_row() -> None:
    """Components are fare, tolls and tips; pay without tolls and tips is what the driver got, unless that is more."""
    sample = SAMPLES[0]
    rows = rows_of(sample)
    for platform in ("uber", "lyft", "via"):
        for ready in ready_of(sample, platform):
            row, gig = rows[ready.ordinal - 1], data_of(ready)
            fare, paid = Decimal(row["base_passenger_fare"]), Decimal(row["driver_pay"])
            total = sum(Decimal(c["amount"]) for c in gig["components"])
            assert total == fare + Decimal(row["tolls"]) + Decimal(row["tips"])
            assert fare - Decimal(gig.get("commission", "0")) == (paid if paid < fare else fare)
            assert gig["declared"] == [{"scheme": "US-NY-BCF", "fund": "BCF", "amount": gig["declared"][0]["amount"]}]
            assert Decimal(gig["declared"][0]["amount"]) == Decimal(row["bcf"])
            assert Fraction(gig["distance_m"]) == Fraction(row["trip_miles"]) * Fraction("1609.344")
            assert gig["engaged_seconds"] == int(row["trip_time"])


def test_odd_hvfhv_rows_are_what_the_map_says() -> None:
    by_line = {row.line: data_of(row) for row in ready_of(SAMPLES[0], "uber")}
    assert by_line[191]["components"] == [{"kind": "refund", "amount": "-0.18"}]
    assert by_line[506]["components"] == [{"kind": "fare", "amount": "0"}]
    assert "commission" not in by_line[191] and "commission" not in by_line[506]
    assert by_line[254]["commission"] == by_line[254]["components"][0]["amount"] == "7.33"


def test_invented_workers_say_so_and_real_pseudonyms_are_kept() -> None:
    hvfhv = {p: Counter(row.key for row in ready_of(SAMPLES[0], p)) for p in ("uber", "lyft", "via")}
    assert all(key.startswith(b"W-madeup-") for counts in hvfhv.values() for key in counts)
    assert [len(counts) for counts in hvfhv.values()] == [12, 12, 7]
    assert not set(hvfhv["uber"]) & set(hvfhv["lyft"])
    for sample, platform in ((SAMPLES[1], "nyc-taxi"), (SAMPLES[2], "chicago-taxi")):
        cells = ["W-" + row["worker_id"] for row in rows_of(sample)]
        assert [row.key.decode() for row in ready_of(sample, platform)] == cells


def test_taxi_totals_are_the_components_and_the_tax() -> None:
    """All but eleven Chicago card trips, whose stated total is 50 cents more than their parts, as ORIGIN.md says."""
    for sample, platform, total, tax, off_by_50 in (
        (SAMPLES[1], "nyc-taxi", "total_amount", "mta_tax", []),
        (SAMPLES[2], "chicago-taxi", "Trip Total", None, [116, 142, 151, 160, 184, 404, 423, 453, 543, 591, 609]),
    ):
        rows = rows_of(sample)
        off = {}
        for ready in ready_of(sample, platform):
            row = rows[ready.ordinal - 1]
            stated = Decimal(row[total].strip("$")) - (Decimal(row[tax]) if tax else 0)
            off[ready.line] = stated - sum(Decimal(c["amount"]) for c in data_of(ready)["components"])
        assert {line: by for line, by in off.items() if by} == dict.fromkeys(off_by_50, Decimal("0.50"))


def test_chicago_times_in_the_hour_that_comes_twice_are_the_first() -> None:
    times = {json.loads(row.value)["time"] for row in ready_of(SAMPLES[2], "chicago-taxi")}
    assert {"2013-11-03T01:30:00-05:00", "2014-11-02T01:45:00-05:00"} <= times
    assert all(time.endswith(("-05:00", "-06:00")) for time in times)


def test_what_is_empty_is_left_out_and_what_is_zero_stays() -> None:
    nyc = [data_of(row) for row in ready_of(SAMPLES[1], "nyc-taxi")]
    assert sum("engaged_seconds" not in gig and "distance_m" not in gig for gig in nyc) == 219
    assert any(gig.get("engaged_seconds") == 0 for gig in nyc) and any(gig.get("distance_m") == "0" for gig in nyc)
    chicago = [data_of(row) for row in ready_of(SAMPLES[2], "chicago-taxi")]
    assert sum("engaged_seconds" not in gig for gig in chicago) == 9
    assert sum(gig.get("engaged_seconds") == 0 for gig in chicago) == 51
    assert sum(gig["distance_m"] == "0" for gig in chicago) == 184
