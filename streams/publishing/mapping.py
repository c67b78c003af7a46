"""From a row to an event of Kafka: pure, one row at a time, the same bytes for the same file, platform and map.

A row of another platform is a `Foreign`, what the map cannot read a `Bad` with the column's name; nothing raises for
bad input. Money and distances are exact decimals, never floats (L10). Ids do not depend on when or how often a file is
published (L3): where the set has none, an id is a hash of platform, the row's cells and the how-manieth such row of
the file. Where the set has no worker the pseudonym is invented, and says so (`W-madeup-`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from contracts.events import GIG_COMPLETED, envelope, platform_source
from streams.publishing.maps import ComponentRule, Map
from streams.publishing.rows import Bad, FileUnfit, JsonLine, Row, cells_of, is_json, read_csv, read_jsonl

_EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow])
_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_ENCODER: Final = msgspec.json.Encoder()
_SOURCES: Final = "urn:iuran:platform:"


class Ready(NamedTuple):
    """A row as Kafka gets it: key = the worker's pseudonym, value = the event's JSON bytes."""

    ordinal: int
    line: int
    key: bytes
    value: bytes


class Foreign(NamedTuple):
    """A row that belongs to another platform of the same file."""

    ordinal: int
    line: int
    platform: str


class _Unreadable(ValueError):
    """A cell the map cannot read; leaves this module as a `Bad`."""


def events(path: Path, platform: str, rule: Map | None) -> Iterator[Ready | Foreign | Bad]:
    """Give each row of a file as an event of `platform`, in the file's order.

    A CSV file needs a map; a JSONL file without one holds events (see `contracts/maps/README.md`).
    Raises FileUnfit if the file as a whole cannot be read or the map knows no such platform.
    """
    json_lines = is_json(path)
    if rule is None:
        if not json_lines:
            raise FileUnfit(f"{path}: expected a map for a CSV file, got none; name one with --map")
        for line in read_jsonl(path):
            yield line if isinstance(line, Bad) else _from_json(line, platform)
        return
    if platform not in rule.platforms():
        raise FileUnfit(f"{rule.name}: expected one of its platforms {', '.join(rule.platforms())}, got {platform}")
    mapper = _Mapper(rule, platform)
    if not json_lines:
        for row in read_csv(path, rule.columns(), frozenset(rule.left_out)):
            yield row if isinstance(row, Bad) else mapper.event(row)
        return
    known = rule.columns() | rule.left_out.keys()
    for line in read_jsonl(path):
        flat = line if isinstance(line, Bad) else cells_of(line)
        if isinstance(flat, Row) and (unknown := sorted(flat.cells.keys() - known)):
            flat = Bad(flat.ordinal, flat.line, "row", f"row: expected members the map names, got {', '.join(unknown)}")
        yield flat if isinstance(flat, Bad) else mapper.event(flat)


class _Mapper:
    """One file under one map; remembers how often it saw a row, so that repeated rows are gigs of their own."""

    def __init__(self, rule: Map, platform: str) -> None:
        self._map, self._platform = rule, platform
        self._seen: Counter[bytes] = Counter()

    def event(self, row: Row) -> Ready | Foreign | Bad:
        """Give the row's event, or why there is none."""
        try:
            owner = self._owner(row.cells)
            if owner != self._platform:
                return Foreign(row.ordinal, row.line, owner)
            gig_id = self._id(row.cells)
            worker = self._worker(row.cells, gig_id)
            value = envelope(
                type=GIG_COMPLETED,
                source=platform_source(owner),
                id=gig_id,
                subject=worker,
                time=self._time(row.cells),
                data=self._gig(row.cells),
            )
        except _Unreadable as error:
            return Bad(row.ordinal, row.line, "cell", str(error))
        return Ready(row.ordinal, row.line, worker.encode(), value)

    def _owner(self, cells: Mapping[str, str]) -> str:
        rule = self._map.platform
        if rule.always is not None:
            return rule.always
        cell = cells.get(rule.column or "", "")
        if cell not in rule.values:
            raise _Unreadable(f"{rule.column}: expected one of {', '.join(rule.values)}, got {_shown(cell)}")
        return rule.values[cell]

    def _id(self, cells: Mapping[str, str]) -> str:
        if self._map.id_column is not None:
            return cells.get(self._map.id_column, "")
        row = _ENCODER.encode([self._platform, *cells.values()])
        same = sha256(row).digest()[:16]
        self._seen[same] += 1
        name = sha256(row + b"\n%d" % self._seen[same]).hexdigest()[:32]
        return f"{self._map.id_prefix}-{name}"

    def _worker(self, cells: Mapping[str, str], gig_id: str) -> str:
        rule = self._map.worker
        if rule.column is not None:
            return "W-" + cells.get(rule.column, "")
        number = int.from_bytes(sha256(gig_id.encode()).digest()[:8], "big") % rule.workers
        group = cells.get(rule.made_up_by or "", "")
        return "W-madeup-" + sha256(_ENCODER.encode([self._platform, group, number])).hexdigest()[:12]

    def _time(self, cells: Mapping[str, str]) -> str:
        """Give the local time with its offset from UTC; of two possible times the first (fold=0)."""
        cell = cells.get(self._map.time_column, "")
        try:
            local = datetime.strptime(cell, self._map.time_format)
        except ValueError:
            raise _Unreadable(
                f"{self._map.time_column}: expected a time like {self._map.time_format}, got {_shown(cell)}"
            ) from None
        return local.replace(tzinfo=self._map.time_zone, fold=0).isoformat()

    def _gig(self, cells: Mapping[str, str]) -> dict[str, Any]:
        rule = self._map
        gig: dict[str, Any] = dict(rule.gig)
        gig["components"] = [c for each in rule.components if (c := self._component(each, cells)) is not None]
        if rule.commission is not None:
            kept = self._money(cells, rule.commission[0])
            paid = self._money(cells, rule.commission[1]) if rule.commission[1] else Decimal(0)
            if kept is not None and paid is not None and (taken := _EXACT.subtract(kept, paid)) > 0:
                gig["commission"] = _plain(taken)
        if rule.seconds_column is not None and (cell := cells.get(rule.seconds_column, "").strip()):
            if not _COUNT.fullmatch(cell):
                raise _Unreadable(f"{rule.seconds_column}: expected whole seconds, got {_shown(cell)}")
            gig["engaged_seconds"] = int(cell)
        if rule.distance is not None and (length := self._decimal(cells, rule.distance[0], "a distance")) is not None:
            gig["distance_m"] = _plain(_EXACT.multiply(length, Decimal(rule.distance[1])))
        declared = [
            {"scheme": each.scheme, "fund": each.fund, "amount": _plain(amount)}
            for each in rule.declared
            if (amount := self._money(cells, each.column)) is not None
        ]
        return gig | {"declared": declared} if declared else gig

    def _component(self, rule: ComponentRule, cells: Mapping[str, str]) -> dict[str, str] | None:
        amount = self._money(cells, rule.column)
        if amount is None or (amount == 0 and not rule.keep_zero):
            return None
        kind = rule.negative if amount < 0 and rule.negative is not None else rule.kind
        return {"kind": kind, "amount": _plain(amount)}

    def _money(self, cells: Mapping[str, str], column: str) -> Decimal | None:
        return self._decimal(cells, column, "money", self._map.money_symbol, self._map.money_thousands)

    def _decimal(
        self, cells: Mapping[str, str], column: str, what: str, symbol: str = "", thousands: str = ""
    ) -> Decimal | None:
        """Read a cell as an exact decimal; empty is None. `symbol` must stand before each amount."""
        cell = cells.get(column, "").strip()
        if not cell:
            return None
        sign, digits = ("-", cell[1:]) if cell.startswith("-") else ("", cell)
        bare = sign + (digits.removeprefix(symbol).replace(thousands, "") if thousands else digits.removeprefix(symbol))
        if not digits.startswith(symbol) or not _DECIMAL.fullmatch(bare):
            raise _Unreadable(f"{column}: expected {what} like {symbol}12.50, got {_shown(cell)}")
        return Decimal(bare)


def _from_json(line: JsonLine, platform: str) -> Ready | Foreign | Bad:
    """Complete a JSON line's envelope; what it says itself is kept character by character."""
    source, members = platform_source(platform), dict(line.members)
    if "source" in members:
        stated = _text(members["source"])
        if stated is not None and stated != source and stated.startswith(_SOURCES):
            return Foreign(line.ordinal, line.line, stated.removeprefix(_SOURCES))
    if "worker" in members:
        if "subject" in members:
            return Bad(line.ordinal, line.line, "malformed", "worker: expected either worker or subject, got both")
        members["subject"] = members.pop("worker")
    given = {"specversion": "1.0", "source": source, "type": GIG_COMPLETED}
    missing = {name: msgspec.Raw(_ENCODER.encode(value)) for name, value in given.items() if name not in members}
    unchanged = not missing and "worker" not in line.members
    value = line.text if unchanged else _ENCODER.encode(missing | members)
    subject = _text(members["subject"]) if "subject" in members else None
    if subject is None:
        return Bad(line.ordinal, line.line, "malformed", "subject: expected a worker's pseudonym, got none")
    try:
        return Ready(line.ordinal, line.line, subject.encode(), value)
    except UnicodeEncodeError:
        return Bad(line.ordinal, line.line, "malformed", "subject: expected Unicode text, got a lone surrogate")


def _text(raw: msgspec.Raw) -> str | None:
    try:
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, str) else None


def _plain(amount: Decimal) -> str:
    """Write a decimal as events spell it: no exponent, no zeros at the end, no minus before zero."""
    text = format(amount, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _shown(cell: str) -> str:
    return repr(cell[:40])
