"""Maps: how the rows of a data set become gigs, as YAML (`iuran-map/v1`).

A map is data beside the events it makes; every key stands in `contracts/maps/README.md`. The parser is strict: unknown,
missing or ill-formed keys are refused with their line, and all of them at once, so that no misspelt key passes for an
absent one. Each column of a file is either used or named in `left_out` with the reason, so that nothing is dropped
silently (L12). Knows nothing of Kafka.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from streams.publishing.strict_yaml import Reader, Section, each

FORMAT: Final = "iuran-map/v1"
METRES_PER_UNIT: Final[Mapping[str, str]] = {"metre": "1", "kilometre": "1000", "mile": "1609.344"}
_PLATFORM: Final = re.compile(r"[a-z][a-z0-9-]{1,30}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,31}")


class MapError(ValueError):
    """A map that does not fit; the message has a line `file:line: key: expected X, got Y` per problem."""


@dataclass(frozen=True)
class PlatformRule:
    """Whose row it is: `column`'s cell looked up in `values`, or, without a column, `always`."""

    always: str | None
    column: str | None
    values: Mapping[str, str]


@dataclass(frozen=True)
class WorkerRule:
    """`W-` + the cell of `column`; or an invented pseudonym out of `workers` for each value of `made_up_by`."""

    column: str | None
    made_up_by: str | None
    workers: int


@dataclass(frozen=True)
class ComponentRule:
    """One component: zero and empty cells are left out unless `keep_zero`; a negative cell is of kind `negative`."""

    kind: str
    column: str
    keep_zero: bool
    negative: str | None


@dataclass(frozen=True)
class DeclaredRule:
    """What the platform says it contributed: kept for reconciliation, never believed."""

    scheme: str
    fund: str
    column: str


@dataclass(frozen=True)
class Map:
    """One map. `digest` is the SHA-256 (hex) of its text: another text is another run for the resuming journal."""

    name: str
    digest: str
    title: str
    files: tuple[str, ...]
    platform: PlatformRule
    id_column: str | None
    id_prefix: str
    worker: WorkerRule
    time_column: str
    time_format: str
    time_zone: ZoneInfo
    money_symbol: str
    money_thousands: str
    gig: Mapping[str, str]
    components: tuple[ComponentRule, ...]
    commission: tuple[str, str | None] | None
    seconds_column: str | None
    distance: tuple[str, str] | None
    declared: tuple[DeclaredRule, ...]
    left_out: Mapping[str, str]

    def fits(self, name: str) -> bool:
        """Tell whether a file of this name is one of the map's data set."""
        return any(fnmatchcase(name, pattern) for pattern in self.files)

    def platforms(self) -> tuple[str, ...]:
        """Name the platforms whose rows the map can tell apart, in order."""
        return (self.platform.always,) if self.platform.always else tuple(sorted(set(self.platform.values.values())))

    def columns(self) -> frozenset[str]:
        """Name the columns a file must have because something is made of them."""
        return frozenset(self._used())

    def _used(self) -> Iterator[str]:
        yield from (c.column for c in self.components)
        yield from (d.column for d in self.declared)
        yield self.time_column
        singles = (self.platform.column, self.id_column, self.worker.column, self.worker.made_up_by)
        more = (self.seconds_column, *(self.commission or ()))
        yield from (column for column in singles + more if column is not None)
        if self.distance:
            yield self.distance[0]


def parse(text: str, name: str) -> Map:
    """Give the map that `text` says; `name` is used in messages.

    Raises MapError naming every problem with its line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise MapError(f"{name}: expected YAML, got {error}") from error
    reader = Reader()
    top = Section(reader, root, "map")
    built = _build(top, name, sha256(text.encode()).hexdigest()) if top.is_mapping else None
    if reader.problems or built is None:
        raise MapError("\n".join(f"{name}:{line}: {problem}" for line, problem in sorted(reader.problems)))
    return built


def shipped() -> tuple[Map, ...]:
    """Give the maps of `contracts/maps`, ordered by name."""
    folder = resources.files("contracts") / "maps"
    entries = sorted((e for e in folder.iterdir() if e.name.endswith(".yaml")), key=lambda e: e.name)
    return tuple(parse(e.read_text(encoding="utf-8"), e.name) for e in entries)


def load(path: Path) -> Map:
    """Give the map in a file. Raises MapError, also when the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(f"{path}: expected a map file, got {error}") from error
    return parse(text, str(path))


def _build(top: Section, name: str, digest: str) -> Map:
    """Take every key out of `top`; what it returns counts only when no problem was noted."""
    top.text("format", re.compile(re.escape(FORMAT)))
    title, files = top.text("title"), top.texts("files")
    money, id_rule, time = top.section("money"), top.section("id"), top.section("time")
    gig, seconds = top.section("gig"), top.section("engaged_seconds")
    time_zone, (id_column, id_prefix) = _zone(time), _id(id_rule)
    built = Map(
        name=name,
        digest=digest,
        title=title,
        files=files,
        platform=_platform(top, top.section("platform")),
        id_column=id_column,
        id_prefix=id_prefix,
        worker=_worker(top, top.section("worker")),
        time_column=time.text("column") if time else "",
        time_format=time.text("format") if time else "",
        time_zone=time_zone,
        money_symbol=money.text("symbol", default="") if money else "",
        money_thousands=money.text("thousands", re.compile("[,.' ]"), default="") if money else "",
        gig=_gig(gig),
        components=each(top.sections("components"), _component),
        commission=_commission(top.section("commission")),
        seconds_column=seconds.text("column") if seconds else None,
        distance=_distance(top.section("distance_m")),
        declared=each(top.sections("declared"), _declared),
        left_out=top.table("left_out", re.compile("(?s).+")),
    )
    for section in (money, id_rule, time, gig, seconds):
        if section is not None:
            section.close()
    for required, section in (("id", id_rule), ("time", time), ("gig", gig)):
        if section is None:
            top.problem("expected a mapping, got none", key=required)
    if not built.components:
        top.problem("expected at least one component, got none", key="components")
    for column in sorted(built.columns() & built.left_out.keys()):
        top.problem(f"expected columns the map does not use, got {column!r}", key="left_out")
    top.close()
    return built


def _platform(top: Section, section: Section | None) -> PlatformRule:
    if section is None:
        top.problem("expected a mapping, got none", key="platform")
        return PlatformRule(None, None, {})
    always, column = section.optional("always", _PLATFORM), section.optional("column")
    values = section.table("values", _PLATFORM)
    if (always is None) == (column is None) or bool(values) != (column is not None):
        section.problem("expected either always, or column and values, got another set of keys")
    section.close()
    return PlatformRule(always, column, values)


def _id(section: Section | None) -> tuple[str | None, str]:
    """Take the id's column, or the prefix of ids that are hashes of the row."""
    if section is None:
        return None, ""
    column, prefix = section.optional("column"), section.optional("prefix", _PREFIX)
    hashed = section.optional("hash", re.compile("row"))
    if (column is None) == (hashed is None) or (hashed is None) != (prefix is None):
        section.problem("expected either column, or hash and prefix, got another set of keys")
    return column, prefix or ""


def _worker(top: Section, section: Section | None) -> WorkerRule:
    if section is None:
        top.problem("expected a mapping, got none", key="worker")
        return WorkerRule(None, None, 0)
    column, made_up_by = section.optional("column"), section.optional("made_up_by")
    workers = section.optional("workers", re.compile("[1-9][0-9]{0,6}"))
    if (column is None) == (made_up_by is None) or (workers is None) != (made_up_by is None):
        section.problem("expected either column, or made_up_by and workers, got another set of keys")
    section.close()
    return WorkerRule(column, made_up_by, int(workers or 0))


def _zone(section: Section | None) -> ZoneInfo:
    name = section.text("zone") if section else "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if section and name:
            section.problem(f"expected a time zone like America/New_York, got {name!r}", key="zone")
        return ZoneInfo("UTC")


def _gig(section: Section | None) -> Mapping[str, str]:
    """Take what is the same in each row; required: service and currency."""
    if section is None:
        return {}
    members = {
        "service": section.text("service", _WORD),
        "vehicle": section.optional("vehicle", _WORD),
        "zone": section.optional("zone", re.compile("[A-Z]{2}(-[A-Z0-9]+)*")),
        "currency": section.text("currency", re.compile("[A-Z]{3}")),
    }
    return {key: value for key, value in members.items() if value is not None}


def _component(section: Section) -> ComponentRule:
    return ComponentRule(
        kind=section.text("kind", _WORD),
        column=section.text("column"),
        keep_zero=section.flag("keep_zero"),
        negative=section.optional("negative", re.compile("refund|penalty|welfare_support_fee")),
    )


def _declared(section: Section) -> DeclaredRule:
    shape = re.compile("[A-Z0-9][A-Z0-9.-]*")
    return DeclaredRule(section.text("scheme", shape), section.text("fund", shape), section.text("column"))


def _commission(section: Section | None) -> tuple[str, str | None] | None:
    """Take the commission: a column, or what remains of it after the column `less`."""
    if section is None:
        return None
    rule = (section.text("column"), section.optional("less"))
    section.close()
    return rule


def _distance(section: Section | None) -> tuple[str, str] | None:
    """Take the distance's column and how many metres its unit has, as a decimal."""
    if section is None:
        return None
    column, unit = section.text("column"), section.text("unit", re.compile("|".join(METRES_PER_UNIT)))
    section.close()
    return column, METRES_PER_UNIT.get(unit, "1")
