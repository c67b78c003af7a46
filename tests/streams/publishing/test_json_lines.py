"""JSONL without a map: lines are events; what the command knows may be left out, what a line says is kept as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.events import Event
from streams.publishing.mapping import Bad, Foreign, Ready, events
from tests.streams.publishing.samples import heard

DATA = '{"service": "ride", "currency": "IDR", "components": [{"kind": "fare", "amount": "18500"}]}'
LEAST = f'{{"id": "G-1", "worker": "W-7f3a", "time": "2026-03-01T08:15:30Z", "data": {DATA}}}'


def read(folder: Path, *lines: str | bytes) -> list[Ready | Foreign | Bad]:
    path = folder / "gigs.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return list(events(path, "gojek", None))


def test_the_least_line_becomes_a_whole_event(tmp_path: Path) -> None:
    (row,) = read(tmp_path, LEAST)
    assert isinstance(row, Ready) and row.key == b"W-7f3a"
    event = heard("gojek", row.key, row.value)
    assert isinstance(event, Event)
    assert (event.source, event.type, event.id) == ("urn:iuran:platform:gojek", "gig.completed.v1", "G-1")


def test_a_whole_event_passes_byte_by_byte(tmp_path: Path) -> None:
    (short,) = read(tmp_path, LEAST)
    assert isinstance(short, Ready)
    whole = json.dumps(json.loads(short.value), indent=None) + " "
    (row,) = read(tmp_path, whole)
    assert isinstance(row, Ready) and row.value == whole.strip().encode()


def test_numbers_reach_the_ledger_as_they_were_written(tmp_path: Path) -> None:
    (row,) = read(tmp_path, LEAST.replace('"18500"', "18500.10"))
    assert isinstance(row, Ready) and b"18500.10" in row.value
    assert not isinstance(heard("gojek", row.key, row.value), Event)


def test_another_platforms_line_is_counted_not_published(tmp_path: Path) -> None:
    (row,) = read(tmp_path, LEAST[:-1] + ', "source": "urn:iuran:platform:grab"}')
    assert row == Foreign(1, 1, "grab")


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (LEAST[:-1] + ', "subject": "W-1"}', "worker: expected either worker or subject, got both"),
        (LEAST.replace('"W-7f3a"', "7"), "subject: expected a worker's pseudonym, got none"),
        (LEAST.replace('"worker"', '"driver"'), "subject: expected a worker's pseudonym, got none"),
        ("[1]", "line: expected a JSON object, got"),
        ("{", "line: expected a JSON object, got"),
        (b'{"id": "\xff"}', ""),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str | bytes, detail: str) -> None:
    good, bad, also = read(tmp_path, LEAST, line, LEAST)
    assert isinstance(good, Ready) and isinstance(also, Ready)
    assert isinstance(bad, Bad) and bad.line == 2 and bad.detail.startswith(detail)


def test_empty_lines_are_passed_over_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    rows = read(tmp_path, LEAST, "", "  ", "nope")
    assert [(row.ordinal, row.line) for row in rows] == [(1, 1), (2, 4)]
