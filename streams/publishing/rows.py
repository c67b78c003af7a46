"""Reading files of gigs: CSV and JSONL, plain or gzip, one row after the other with its line.

A row that cannot be read is a value (`Bad`) and never stops the file, so that one survey names every bad line. Bytes
that are no UTF-8 spoil only their own row. Cells keep the characters of the file: ids are hashes of them. The file is
read as a stream; memory does not grow with it. Knows neither maps nor Kafka.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

_GZIP: Final = b"\x1f\x8b"
_JSON_SUFFIXES: Final = (".jsonl", ".ndjson")


class FileUnfit(ValueError):
    """A file that cannot be read as gigs at all; nothing of it was published."""


class Row(NamedTuple):
    """One row. `ordinal` counts rows from 1 (bad ones too), `line` is where it ends in the file, from 1."""

    ordinal: int
    line: int
    cells: Mapping[str, str]


class JsonLine(NamedTuple):
    """One line of JSONL: its members with their values exactly as they stand there."""

    ordinal: int
    line: int
    text: bytes
    members: Mapping[str, msgspec.Raw]


class Bad(NamedTuple):
    """A row that cannot be published: `code` and `detail` as in a rejection."""

    ordinal: int
    line: int
    code: str
    detail: str


def is_json(path: Path) -> bool:
    """Tell whether the name says JSONL (.jsonl, .ndjson, each also .gz) or CSV (.csv, .csv.gz).

    Raises FileUnfit for any other name.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(_JSON_SUFFIXES):
        return True
    if name.endswith(".csv"):
        return False
    raise FileUnfit(f"{path}: expected a name ending in .csv, .jsonl or .ndjson (or these with .gz), got {path.name}")


def digest(path: Path) -> str:
    """Give the SHA-256 (hex) of the file's bytes as they are. Raises FileUnfit if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileUnfit(f"{path}: expected a readable file, got {error.strerror}") from error


def read_csv(path: Path, used: frozenset[str], left_out: frozenset[str]) -> Iterator[Row | Bad]:
    """Give the rows of a CSV file (RFC 4180, header first).

    Raises FileUnfit if the header misses a column of `used`, names one twice, or names one neither used nor left out;
    and if a gzip file breaks off.
    """
    with _opened(path) as stream, io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text, strict=True)
        ordinal = -1
        header: list[str] = []
        while True:
            ordinal += 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if not header:
                    raise FileUnfit(f"{path}:1: columns: expected a CSV header, got {error}") from error
                yield Bad(ordinal, reader.line_num, "row", f"row: expected CSV, got {error}")
                continue
            except (EOFError, OSError) as error:
                raise FileUnfit(f"{path}: expected a whole file, got {error}") from error
            if cells is None:
                if not header:
                    raise FileUnfit(f"{path}:1: columns: expected a CSV header, got an empty file")
                return
            if not header:
                _check_columns(path, cells, used, left_out)
                header = cells
            else:
                yield _row(ordinal, reader.line_num, header, cells)


def read_jsonl(path: Path) -> Iterator[JsonLine | Bad]:
    """Give the lines of a JSONL file; empty lines are passed over. Raises FileUnfit if a gzip file breaks off."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    ordinal = 0
    with _opened(path) as stream:
        try:
            for number, raw in enumerate(stream, start=1):
                text = raw.strip()
                if not text:
                    continue
                ordinal += 1
                try:
                    members = decoder.decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    yield Bad(ordinal, number, "malformed", f"line: expected a JSON object, got {error}")
                else:
                    yield JsonLine(ordinal, number, text, members)
        except (EOFError, OSError) as error:
            raise FileUnfit(f"{path}: expected a whole file, got {error}") from error


def cells_of(line: JsonLine) -> Row | Bad:
    """Read a flat JSON object as a row, for maps: strings as they are, numbers as written, null as an empty cell."""
    cells: dict[str, str] = {}
    for name, raw in line.members.items():
        value = msgspec.json.decode(raw)
        if value is None:
            cells[name] = ""
        elif isinstance(value, str):
            cells[name] = value
        elif isinstance(value, (dict, list)):
            return Bad(line.ordinal, line.line, "row", f"{name}: expected text or a number, got a list or an object")
        else:
            cells[name] = bytes(raw).decode()
    return Row(line.ordinal, line.line, cells)


def _opened(path: Path) -> BinaryIO:
    try:
        stream = path.open("rb")
        start = stream.read(2)
        stream.seek(0)
    except OSError as error:
        raise FileUnfit(f"{path}: expected a readable file, got {error.strerror}") from error
    return io.BufferedReader(gzip.GzipFile(fileobj=stream)) if start == _GZIP else stream


def _check_columns(path: Path, header: list[str], used: frozenset[str], left_out: frozenset[str]) -> None:
    names = set(header)
    twice = sorted(name for name in names if header.count(name) > 1)
    problems = [
        (twice, "expected each column once, got again"),
        (sorted(used - names), "expected columns the map reads, got none called"),
        (sorted(names - used - left_out), "expected only columns the map uses or leaves out, got"),
    ]
    lines = [f"{path}:1: columns: {what} {', '.join(found)}" for found, what in problems if found]
    if lines:
        raise FileUnfit("\n".join(lines))


def _row(ordinal: int, line: int, header: list[str], cells: list[str]) -> Row | Bad:
    if len(cells) != len(header):
        return Bad(ordinal, line, "row", f"row: expected {len(header)} cells, got {len(cells)}")
    if not "".join(cells).isascii() and any("\ud800" <= char <= "\udfff" for cell in cells for char in cell):
        return Bad(ordinal, line, "row", "row: expected UTF-8, got other bytes")
    return Row(ordinal, line, dict(zip(header, cells, strict=True)))
