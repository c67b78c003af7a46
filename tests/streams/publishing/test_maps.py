"""Maps are read strictly: every wrong key is named with its line, and a column is used, left out, or refused."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from streams.publishing import maps
from streams.publishing.mapping import Bad, Foreign, Ready, events
from streams.publishing.rows import FileUnfit
from tests.streams.publishing.samples import SAMPLES

GOOD = """\
format: iuran-map/v1
title: trips
files: ["trips*.csv"]
platform: {column: who, values: {A: gojek, B: grab}}
id: {hash: row, prefix: t}
worker: {column: driver}
time: {column: at, format: "%Y-%m-%d %H:%M", zone: Asia/Jakarta}
gig: {service: ride, currency: IDR}
components:
  - {kind: fare, column: fare, negative: refund}
left_out: {note: free text}
"""


def test_a_good_map_says_its_platforms_and_columns() -> None:
    rule = maps.parse(GOOD, "t.yaml")
    assert rule.platforms() == ("gojek", "grab")
    assert rule.columns() == {"who", "driver", "at", "fare"}
    assert rule.fits("trips-2026.csv") and not rule.fits("other.csv")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("iuran-map/v1", "iuran-map/v2", "t.yaml:1: map.format:"),
        ("title: trips", "titel: trips", "t.yaml:2: map.titel: expected no such key"),
        ("title: trips", "title: trips\ntitle: again", "t.yaml:3: map: expected each key once"),
        ("values: {A: gojek, B: grab}", "values: {A: Gojek}", "t.yaml:4: map.platform.values.A:"),
        ("{column: who, values: {A: gojek, B: grab}}", "{column: who}", "t.yaml:4: map.platform: expected either"),
        ("{column: who, values: {A: gojek, B: grab}}", "gojek", "t.yaml:4: map.platform: expected a mapping"),
        ("hash: row, prefix: t", "hash: row", "t.yaml:5: map.id: expected either"),
        ("hash: row, prefix: t", "hash: file, prefix: t", "t.yaml:5: map.id.hash:"),
        ("worker: {column: driver}", "worker: {made_up_by: who}", "t.yaml:6: map.worker: expected either"),
        ("worker: {column: driver}", "worker: {made_up_by: who, workers: 0}", "t.yaml:6: map.worker.workers:"),
        ("Asia/Jakarta", "Asia/Batavia", "t.yaml:7: map.time.zone: expected a time zone"),
        ("currency: IDR", "currency: rupiah", "t.yaml:8: map.gig.currency:"),
        ("service: ride, ", "", "t.yaml:8: map.gig.service: expected a value, got none"),
        ("negative: refund", "negative: fare", "t.yaml:10: map.components[0].negative:"),
        ("negative: refund", "keep_zero: yes", "t.yaml:10: map.components[0].keep_zero:"),
        ("note: free text", "fare: free text", "map.left_out: expected columns the map does not use, got 'fare'"),
        ("left_out: {note: free text}", "distance_m: {column: d, unit: li}", "t.yaml:11: map.distance_m.unit:"),
        ("components:\n  - {kind: fare, column: fare, negative: refund}", "", "map.components: expected at least one"),
        (GOOD, "- a list", "t.yaml:1: map: expected a mapping"),
        (GOOD, "", "t.yaml:1: map: expected a mapping"),
        (GOOD, "a: [", "t.yaml: expected YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(maps.MapError) as refusal:
        maps.parse(GOOD.replace(old, new), "t.yaml")
    assert expected in str(refusal.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(maps.MapError) as refusal:
        maps.parse(GOOD.replace("title", "titel").replace("IDR", "Rp"), "t.yaml")
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.file)
def test_each_sample_finds_its_map_and_every_column_is_accounted_for(sample) -> None:
    fitting = [rule for rule in maps.shipped() if rule.fits(sample.file)]
    assert [rule.name for rule in fitting] == [sample.map]
    with gzip.open(sample.path, "rt", encoding="utf-8", newline="") as text:
        header = set(next(csv.reader(text)))
    assert header == fitting[0].columns() | fitting[0].left_out.keys()


def _csv(folder: Path, text: str | bytes, name: str = "trips.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


HEADER = "who,driver,at,fare,note\n"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("who,driver,at,note", "expected columns the map reads, got none called fare"),
        ("who,driver,at,fare,note,tip", "expected only columns the map uses or leaves out, got tip"),
        ("who,driver,at,fare,note,fare", "expected each column once, got again fare"),
        ("", "expected a CSV header, got an empty file"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(tmp_path: Path, header: str, expected: str) -> None:
    with pytest.raises(FileUnfit, match=expected):
        list(events(_csv(tmp_path, header), "gojek", maps.parse(GOOD, "t.yaml")))


def test_rows_become_events_others_or_bad_and_none_is_lost(tmp_path: Path) -> None:
    rows = [
        "A,x1,2026-03-02 05:00,18500,",
        "B,x1,2026-03-02 05:00,18500,",
        "C,x1,2026-03-02 05:00,18500,",
        "A,x1,2026-03-02 05:00,eighteen,",
        "A,x1,02.03.2026,18500,",
        "A,x1,2026-03-02 05:00,18500",
        'A,"x1"y,2026-03-02 05:00,18500,',
        "A,x1,2026-03-02 05:00,-500,",
        "A,x1,2026-03-02 05:00,1e400,",
    ]
    path = _csv(tmp_path, HEADER + "\n".join(rows) + "\n")
    got = list(events(path, "gojek", maps.parse(GOOD, "t.yaml")))
    assert [type(row) for row in got] == [Ready, Foreign, Bad, Bad, Bad, Bad, Bad, Ready, Bad]
    assert [(row.ordinal, row.line) for row in got] == [(n, n + 1) for n in range(1, 10)]
    details = {row.line: row.detail for row in got if isinstance(row, Bad)}
    assert details[4] == "who: expected one of A, B, got 'C'"
    assert details[5] == "fare: expected money like 12.50, got 'eighteen'"
    assert details[7] == "row: expected 5 cells, got 4"
    assert isinstance(got[7], Ready) and b'{"amount":"-500","kind":"refund"}' in got[7].value


def test_bytes_that_are_no_utf8_spoil_only_their_row(tmp_path: Path) -> None:
    body = HEADER.encode() + b"A,x\xff,2026-03-02 05:00,1,\nA,x1,2026-03-02 05:00,1,\n"
    got = list(events(_csv(tmp_path, body), "gojek", maps.parse(GOOD, "t.yaml")))
    assert [type(row) for row in got] == [Bad, Ready]


def test_a_line_number_is_the_files_also_after_a_cell_with_line_breaks(tmp_path: Path) -> None:
    body = HEADER + 'A,x1,2026-03-02 05:00,1,"two\nlines"\nA,x1,never,1,\n'
    got = list(events(_csv(tmp_path, body), "gojek", maps.parse(GOOD, "t.yaml")))
    assert [(type(row), row.line) for row in got] == [(Ready, 3), (Bad, 4)]


def test_gzip_is_told_by_its_bytes_and_gives_the_same_events(tmp_path: Path) -> None:
    body = HEADER + "A,x1,2026-03-02 05:00,1,\n"
    rule = maps.parse(GOOD, "t.yaml")
    plain = list(events(_csv(tmp_path, body), "gojek", rule))
    packed = list(events(_csv(tmp_path, gzip.compress(body.encode()), "packed.csv"), "gojek", rule))
    assert plain == packed and len(plain) == 1


def test_a_gzip_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    body = gzip.compress((HEADER + "A,x1,2026-03-02 05:00,1,\n" * 1000).encode())
    with pytest.raises(FileUnfit, match="expected a whole file"):
        list(events(_csv(tmp_path, body[:-20]), "gojek", maps.parse(GOOD, "t.yaml")))


def test_repeated_rows_are_gigs_of_their_own_and_keep_their_ids(tmp_path: Path) -> None:
    rule = maps.parse(GOOD, "t.yaml")
    row = "A,x1,2026-03-02 05:00,1,\n"
    two = list(events(_csv(tmp_path, HEADER + row * 2), "gojek", rule))
    three = list(events(_csv(tmp_path, HEADER + row + "A,x2,2026-03-02 05:00,1,\n" + row * 2), "gojek", rule))
    ids = [b"".join(v for v in (r.value,)) for r in two if isinstance(r, Ready)]
    again = [r.value for r in three if isinstance(r, Ready) and r.key == b"W-x1"]
    assert len(set(again)) == 3 and ids == again[:2]


def test_a_map_reads_flat_json_lines_as_well(tmp_path: Path) -> None:
    line = '{"who": "A", "driver": 7, "at": "2026-03-02 05:00", "fare": 12.50, "note": null}\n'
    path = _csv(tmp_path, line + '{"who": ["A"]}\n{"who": "A", "extra": 1}\nnot json\n', "t.jsonl")
    got = list(events(path, "gojek", maps.parse(GOOD, "t.yaml")))
    assert [type(row) for row in got] == [Ready, Bad, Bad, Bad]
    assert isinstance(got[0], Ready) and got[0].key == b"W-7" and b'"amount":"12.5"' in got[0].value


def test_a_platform_the_map_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnfit, match="expected one of its platforms gojek, grab, got uber"):
        list(events(_csv(tmp_path, HEADER), "uber", maps.parse(GOOD, "t.yaml")))


def test_a_commission_is_what_remains_and_only_if_it_is_positive(tmp_path: Path) -> None:
    text = GOOD.replace("left_out: {note: free text}", "commission: {column: fare, less: note}")
    rows = [f"A,x1,2026-03-02 05:00,10,{paid}\n" for paid in ("7.5", "10", "12", "")]
    got = list(events(_csv(tmp_path, HEADER + "".join(rows)), "gojek", maps.parse(text, "t.yaml")))
    assert [b'"commission":"2.5"' in row.value for row in got if isinstance(row, Ready)] == [True, False, False, False]
    assert sum(b"commission" in row.value for row in got if isinstance(row, Ready)) == 1


def test_a_local_time_that_comes_twice_is_the_first_and_one_that_never_comes_keeps_the_offset(tmp_path: Path) -> None:
    rule = maps.parse(GOOD.replace("Asia/Jakarta", "America/New_York"), "t.yaml")
    rows = [f"A,x1,{time},1,\n" for time in ("2025-11-02 01:30", "2025-03-09 02:30", "2025-07-01 12:00")]
    got = list(events(_csv(tmp_path, HEADER + "".join(rows)), "gojek", rule))
    times = [json.loads(row.value)["time"] for row in got if isinstance(row, Ready)]
    assert times == ["2025-11-02T01:30:00-04:00", "2025-03-09T02:30:00-05:00", "2025-07-01T12:00:00-04:00"]


def test_money_with_symbol_and_thousands(tmp_path: Path) -> None:
    rule = maps.parse(GOOD + 'money: {symbol: "$", thousands: ","}\n', "t.yaml")
    cells = ["$4.00", "-$4.00", '"$1,234.50"', "4.00", "$", "$0.00"]
    text = io.StringIO()
    text.write(HEADER + "".join(f"A,x1,2026-03-02 05:00,{cell},\n" for cell in cells))
    got = list(events(_csv(tmp_path, text.getvalue()), "gojek", rule))
    amounts = [row.value.split(b'"amount":"')[1].split(b'"')[0] for row in got[:3] if isinstance(row, Ready)]
    assert amounts == [b"4", b"-4", b"1234.5"]
    assert [type(row) for row in got[3:]] == [Bad, Bad, Ready]
