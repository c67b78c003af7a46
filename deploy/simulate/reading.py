"""Files of gigs into the spool: CSV with a map, or JSONL, each row checked as the ledger would check it.

Every row is taken by `contracts.codec` exactly as a record of Kafka would be, so that a simulation counts what the
ledger would accept and names what it would refuse, with file and line (L12: the counts add up to the rows). Plain JSONL
is cut into stretches that several processes read at once; a map or a compressed file is read by one for each platform.
Order is the file's. Knows no scheme.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from contracts.codec import Gate, Record, decode
from contracts.events import GIG_COMPLETED, Event, platform_source
from contracts.rejections import Rejection
from contracts.topics import gigs_topic
from deploy.simulate.spool import Fact, Writer
from ledger.audit.parallel import Advance
from ledger.domain.ids import PLATFORM
from streams.publishing.mapping import Foreign, Ready, events
from streams.publishing.maps import Map
from streams.publishing.rows import Bad, FileUnfit

BAD_SHOWN_MAX: Final = 20
_SOURCES: Final = "urn:iuran:platform:"
_ANY_TIME_MS: Final = 253_370_764_800_000
"""The year 9999: a trial may use gigs that have not happened yet."""
_COUNT_BYTES: Final = 1 << 20
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Stretch(NamedTuple):
    """What one process reads: a file (or bytes of it), one platform's rows or all, into the spool as this part."""

    path: Path
    part: int
    rule: Map | None
    platform: str | None
    start: int
    end: int | None
    folder: Path
    shards: int


class Read(NamedTuple):
    """What a stretch held. `bad` names the first refused rows only; times are epoch seconds, None without gigs."""

    gigs: int
    refused: int
    others: int
    bad: tuple[Bad, ...]
    first: int | None
    last: int | None


def rows_in(path: Path) -> int:
    """Give how many lines a file has, for a progress bar. Raises FileUnfit for a compressed file that breaks off."""
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(_COUNT_BYTES), b""))
    except (EOFError, OSError) as error:
        raise FileUnfit(f"{path}: expected a whole file, got {error}") from error


def read(stretch: Stretch, advance: Advance) -> Read:
    """Read a stretch into the spool. Raises FileUnfit for a file that cannot be read as gigs at all."""
    writer = Writer(stretch.folder, stretch.part, stretch.shards)
    gates: dict[str, tuple[str, Gate]] = {}
    gigs = refused = others = seen = 0
    first: int | None = None
    last: int | None = None
    bad: list[Bad] = []
    for row in _rows(stretch):
        if isinstance(row, Foreign):
            others += 1
            continue
        seen += 1
        if seen >= 2000:
            advance(seen)
            seen = 0
        found = row if isinstance(row, Bad) else _decoded(row, gates)
        if isinstance(found, Bad):
            refused += 1
            bad += [found] if len(bad) < BAD_SHOWN_MAX else []
            continue
        gigs += 1
        first = found.occurred_at if first is None else min(first, found.occurred_at)
        last = found.occurred_at if last is None else max(last, found.occurred_at)
        writer.add(found.subject, Fact(row.ordinal, found.type, found.source, found.id, found.time, found.data_json))
    writer.flush()
    advance(seen)
    return Read(gigs, refused, others, tuple(bad), first, last)


class _Line(NamedTuple):
    """A row as a record; `ordinal` is its place in the file (of JSONL in bytes, so that stretches keep the order)."""

    ordinal: int
    line: int
    platform: str
    key: bytes
    value: bytes


_Rows = Iterator[_Line | Foreign | Bad]


def _decoded(row: _Line, gates: dict[str, tuple[str, Gate]]) -> Event | Bad:
    found = gates.get(row.platform)
    if found is None:
        found = gates[row.platform] = (gigs_topic(row.platform), Gate(row.platform, 1))
    event = decode(Record(found[0], 0, 0, _ANY_TIME_MS, row.key, row.value, ()), found[1])
    if isinstance(event, Rejection):
        return Bad(row.ordinal, row.line, event.code, event.detail)
    return event


def _rows(stretch: Stretch) -> _Rows:
    if stretch.rule is None:
        yield from _lines(stretch)
        return
    platform = stretch.platform or ""
    for row in events(stretch.path, platform, stretch.rule):
        yield _Line(row.ordinal, row.line, platform, row.key, row.value) if isinstance(row, Ready) else row


def _lines(stretch: Stretch) -> _Rows:
    for ordinal, line, text in _texts(stretch):
        if not text:
            continue
        try:
            members = _members(text)
            source = _text(members["source"]) if "source" in members else None
            subject = _text(members.get("subject") or members.get("worker") or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield Bad(ordinal, line, "malformed", f"line: expected a gig as a JSON object, got {error}")
            continue
        platform = stretch.platform if source is None else source.removeprefix(_SOURCES)
        if platform is None or not PLATFORM.fullmatch(platform):
            yield Bad(ordinal, line, "source_mismatch", "source: expected a platform (or --platform), got none")
        elif stretch.platform not in (None, platform):
            yield Foreign(ordinal, line, platform)
        elif "worker" in members and "subject" in members:
            yield Bad(ordinal, line, "malformed", "worker: expected either worker or subject, got both")
        else:
            yield _Line(ordinal, line, platform, subject.encode(), _whole(text, members, platform))


def _texts(stretch: Stretch) -> Iterator[tuple[int, int, bytes]]:
    """Give (place, line, text) of the lines that begin within the stretch; lines are counted from the file's start."""
    if stretch.path.name.endswith(".gz"):
        with gzip.open(stretch.path) as packed:
            try:
                yield from ((number, number, text.strip()) for number, text in enumerate(packed, 1))
            except (EOFError, OSError) as error:
                raise FileUnfit(f"{stretch.path}: expected a whole file, got {error}") from error
        return
    with stretch.path.open("rb") as stream:
        at, line = _begin(stream, stretch.start)
        for text in stream:
            if stretch.end is not None and at >= stretch.end:
                return
            line += 1
            yield at, line, text.strip()
            at += len(text)


def _begin(stream: BinaryIO, start: int) -> tuple[int, int]:
    """Move to the first line that begins at or after a place; give where that is, and how many lines lie before."""
    if start == 0:
        return 0, 0
    lines, left = 0, start - 1
    while left and (block := stream.read(min(left, _COUNT_BYTES))):
        lines += block.count(b"\n")
        left -= len(block)
    rest = stream.readline()
    return start - 1 + len(rest), lines + 1


def _whole(text: bytes, members: dict[str, msgspec.Raw], platform: str) -> bytes:
    """Complete the envelope with what the command knows; what the line says itself stays character by character."""
    given = {"specversion": "1.0", "source": platform_source(platform), "type": GIG_COMPLETED}
    missing: dict[str, Any] = {name: value for name, value in given.items() if name not in members}
    if not missing and "worker" not in members:
        return text
    renamed = {"subject" if name == "worker" else name: raw for name, raw in members.items()}
    return _encode(missing | renamed)
