"""The language of schemes: one dated version as a value, its reader, and its canonical text.

A version says who is covered (currency, zones, platforms), what counts (bases), how much (rules: a rate, a cap, a
rounding), who pays, and where each figure comes from. No code and no expressions: every key is listed here and in
contracts/schemes/README.md. The canonical text is what `scheme.enacted` carries: JSON of this one version with the
scheme's own fields, keys sorted, strings only; `parse` reads it back strictly, and its SHA-256 is the version's digest.
Upholds L4 (equal text, equal postings) and L10 (each rounding names mode and step).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger.domain import ids
from ledger.domain.money import Mode, Rate, parse_amount, parse_rate
from ledger.domain.period import Window
from ledger.domain.tree import Node, Problem, Reading, SchemeError, from_json, plain_value

FORMAT: Final = "iuran-scheme/v1"
STATUSES: Final = ("in force", "draft", "example", "historic")
TABLE_KEYS: Final = ("service", "vehicle")
ANY: Final = "any"
NONE: Final = "none"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_COUNT: Final = re.compile(r"[0-9]")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REVISION: Final = re.compile(r"[2-9]|[1-9][0-9]{1,3}")
_CITING: Final = ("source", "confidence", "note")


@dataclass(frozen=True, slots=True)
class Source:
    """A document that was read: its title, and its address where it has one."""

    key: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a figure comes from. `verified` is False for what was not read in a source (`confidence: unverified`)."""

    source: str
    verified: bool
    note: str


@dataclass(frozen=True, slots=True)
class Base:
    """What counts: component kinds included (None: all) and excluded, less the commission or not; minor units."""

    name: str
    include: frozenset[str] | None
    exclude: frozenset[str]
    less_commission: bool
    cite: Citation


@dataclass(frozen=True, slots=True)
class Table:
    """Amounts (minor units) by words of the gig; where no row stands, a rule that reads it posts nothing."""

    name: str
    by: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], int], ...]
    cite: Citation


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that a window may come to: an amount in minor units, or the row of a table (gig windows only)."""

    amount: int | None
    table: str | None
    cite: Citation


@dataclass(frozen=True, slots=True)
class Rounding:
    """How the window's total is rounded: mode, and step in minor units."""

    mode: Mode
    step: int
    cite: Citation


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a version: fund, who pays, over which window, of which base, at what rate, to which cap."""

    fund: str
    payer: str
    window: Window
    pooled: bool
    base: str
    rate: Rate
    rate_cite: Citation
    cap: Cap | None
    rounding: Rounding
    cite: Citation


@dataclass(frozen=True, slots=True)
class Version:
    """One dated version of one scheme; two are equal when their canonical texts are."""

    text: str
    scheme: str = field(compare=False)
    title: str = field(compare=False)
    status: str = field(compare=False)
    currency: str = field(compare=False)
    minor_digits: int = field(compare=False)
    time_zone: str = field(compare=False)
    zones: tuple[str, ...] = field(compare=False)
    platforms: tuple[str, ...] = field(compare=False)
    start: date = field(compare=False)
    revision: int = field(compare=False)
    sources: tuple[Source, ...] = field(compare=False)
    bases: tuple[Base, ...] = field(compare=False)
    tables: tuple[Table, ...] = field(compare=False)
    rules: tuple[Rule, ...] = field(compare=False)
    cite: Citation = field(compare=False)

    @property
    def id(self) -> str:
        """`<from>`, or `<from>.<revision>` from the second revision on."""
        return ids.version_id(self.start.isoformat(), self.revision)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical text's UTF-8, hex."""
        return sha256(self.text.encode()).hexdigest()

    def base(self, name: str) -> Base:
        """The base of this name; every rule's base has one."""
        return next(base for base in self.bases if base.name == name)

    def table(self, name: str) -> Table:
        """The table of this name."""
        return next(table for table in self.tables if table.name == name)

    def covers_zone(self, zone: str | None) -> bool:
        """Tell whether a gig in this zone is in scope; one without a zone only where the version names no zones."""
        return not self.zones or (zone is not None and any(ids.zone_covers(own, zone) for own in self.zones))

    def covers_platform(self, platform: str) -> bool:
        """Tell whether the platform is in scope; all are where the version names none."""
        return not self.platforms or platform in self.platforms


def parse(text: str, name: str) -> Version:
    """Give the version whose canonical text this is; `name` is what problems call the text.

    Raises SchemeError with all problems; a text that is not exactly its own canonical form is one.
    """
    root = from_json(text, name)
    reading = Reading(name)
    scheme_keys = ("format", "minor_digits", "scheme", "status", "title", "currency", "time_zone", "sources", "version")
    top = reading.mapping(root, "canonical text", scheme_keys, ("zones", "platforms"))
    if "format" in top and top["format"].value != FORMAT:
        reading.wrong(top["format"], f"format: expected {FORMAT}", "write the text that `iuran scheme show` prints")
    digits = int(reading.word(top.get("minor_digits"), "minor_digits", _COUNT, "2") or 0)
    reading.close()
    version = read_version(reading, top, top["version"], digits)
    reading.close()
    if version is None or version.text != text:
        raise SchemeError([Problem(name, 1, "canonical text: expected its canonical form, got another", "sort keys")])
    return version


def read_version(reading: Reading, top: Mapping[str, Node], node: Node, minor_digits: int) -> Version | None:
    """Give the version that a node of `versions:` says under its scheme's own fields; None after noting problems."""
    noted = len(reading.problems)
    head = _Head(reading, top)
    required, optional = ("from", "source", "rules"), ("revision", "confidence", "note", "zones", "platforms")
    own = reading.mapping(node, "version", required, (*optional, "bases", "tables"))
    scope = {key: own.get(key) or top.get(key) for key in ("zones", "platforms")}
    start = _day(reading, own.get("from"))
    cite = _cite(reading, own, Citation("", True, ""), head.sources)
    bases = tuple(_base(reading, *item, cite, head.sources) for item in _named(reading, own, "bases"))
    tables = tuple(_table(reading, *item, cite, head.sources, minor_digits) for item in _named(reading, own, "tables"))
    rules = tuple(
        _rule(reading, rule, cite, head.sources, minor_digits, bases, tables)
        for rule in reading.items(own.get("rules"), "rules")
    )
    revision = int(reading.word(own.get("revision"), "revision", _REVISION, "2") or 1)
    _once(reading, node, rules)
    zones = reading.words(scope["zones"], "zones", ids.ZONE, "US-NY")
    platforms = reading.words(scope["platforms"], "platforms", ids.PLATFORM, "gojek")
    if len(reading.problems) > noted:
        return None
    cited = _cited(cite, bases, tables, rules)
    return Version(
        text=_canonical(top, node, minor_digits, cited),
        scheme=head.scheme,
        title=head.title,
        status=head.status,
        currency=head.currency,
        minor_digits=minor_digits,
        time_zone=head.time_zone,
        zones=zones,
        platforms=platforms,
        start=start,
        revision=revision,
        sources=tuple(source for key, source in sorted(head.sources.items()) if key in cited),
        bases=bases,
        tables=tables,
        rules=rules,
        cite=cite,
    )


class _Head:
    """The scheme's own fields, typed."""

    def __init__(self, reading: Reading, top: Mapping[str, Node]) -> None:
        self.scheme = reading.word(top.get("scheme"), "scheme", ids.SCHEME, "ID-JK-PILOT")
        self.title = reading.text(top.get("title"), "title")
        self.status = reading.choice(top.get("status"), "status", {word: word for word in STATUSES}, "draft")
        self.currency = reading.word(top.get("currency"), "currency", ids.CURRENCY, "IDR")
        self.time_zone = reading.text(top.get("time_zone"), "time_zone")
        if self.time_zone and not _is_time_zone(self.time_zone):
            node = top["time_zone"]
            reading.wrong(node, f"time_zone: unknown {self.time_zone[:40]!r}", "write a tz database name: Asia/Jakarta")
        self.sources = {key: _source(reading, key, node) for key, node in _named(reading, top, "sources")}


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
        return False
    except KeyError:  # ZoneInfoNotFoundError
        return False
    return True


def _source(reading: Reading, key: str, node: Node) -> Source:
    own = reading.mapping(node, f"source {key}", ("title",), ("url",))
    return Source(key, reading.text(own.get("title"), "title"), reading.text(own.get("url"), "url"))


def _named(reading: Reading, own: Mapping[str, Node], key: str) -> list[tuple[str, Node]]:
    node = own.get(key)
    if node is None:
        return []
    if not isinstance(node.value, dict):
        reading.wrong(node, f"{key}: expected names with what they mean", f"write `{key}:` and below it `name: ...`")
        return []
    for name, child in node.value.items():
        if _NAME.fullmatch(name) is None:
            reading.wrong(child, f"{key}: expected a name like pay or go_413, got {name[:40]!r}", "use a-z, 0-9 and _")
    return list(node.value.items())


def _cite(reading: Reading, own: Mapping[str, Node], above: Citation, sources: Mapping[str, Source]) -> Citation:
    source = reading.text(own.get("source"), "source") or above.source
    if "source" in own and source and source not in sources:
        known = ", ".join(sorted(sources)) or "none"
        reading.wrong(
            own["source"], f"source: {source[:40]!r} is not under `sources:`", f"add it there; known: {known}"
        )
    levels = {"verified": True, "unverified": False}
    verified = reading.choice(own.get("confidence"), "confidence", levels, above.verified)
    return Citation(source, verified, reading.text(own.get("note"), "note"))


def _day(reading: Reading, node: Node | None) -> date:
    text = reading.word(node, "from", _DAY, "2026-01-31")
    try:
        return date.fromisoformat(text) if text else date.min
    except ValueError:
        if node is not None:
            reading.wrong(node, f"from: expected a day of the calendar, got {text}", "write it as 2026-01-31")
        return date.min


def _base(reading: Reading, name: str, node: Node, cite: Citation, sources: Mapping[str, Source]) -> Base:
    own = reading.mapping(node, f"base {name}", ("include",), ("exclude", "less", *_CITING))
    include = own.get("include")
    kinds: frozenset[str] | None = None
    if include is not None and include.value != "all":
        kinds = frozenset(reading.words(include, "include", ids.WORD, "fare"))
        if not kinds:
            reading.wrong(include, "include: expected kinds of components", "write `all` or [fare, surge]")
    exclude = frozenset(reading.words(own.get("exclude"), "exclude", ids.WORD, "tip"))
    if kinds is not None and exclude:
        reading.wrong(own["exclude"], "exclude: a list of what is included leaves the rest out", "use include: all")
    less = reading.words(own.get("less"), "less", re.compile("commission"), "commission")
    return Base(name, kinds, exclude, "commission" in less, _cite(reading, own, cite, sources))


def _table(
    reading: Reading, name: str, node: Node, cite: Citation, sources: Mapping[str, Source], digits: int
) -> Table:
    own = reading.mapping(node, f"table {name}", ("by", "otherwise", "rows"), _CITING)
    by = reading.words(own.get("by"), "by", re.compile("|".join(TABLE_KEYS)), " or ".join(TABLE_KEYS))
    reading.choice(own.get("otherwise"), "otherwise", {"post nothing": True}, True)
    rows: dict[tuple[str, ...], int] = {}
    for row in reading.items(own.get("rows"), "rows"):
        members = reading.mapping(row, "row", (*by, "value"))
        value = _amount(reading, members.get("value"), "value", digits)
        keys: list[tuple[str, ...]] = [()]
        for word in by:
            keys = [(*key, choice) for key in keys for choice in _choices(reading, members.get(word), word)]
        for key in keys:
            if any(_overlap(key, other) for other in rows):
                reading.wrong(row, f"row: {', '.join(key)} stands in two rows", "let each gig find one row only")
            rows[key] = value
    if "rows" in own and not rows:
        reading.wrong(own["rows"], "rows: expected at least one", "add a row with its value")
    return Table(name, by, tuple(sorted(rows.items())), _cite(reading, own, cite, sources))


def _choices(reading: Reading, node: Node | None, where: str) -> tuple[str, ...]:
    if node is not None and isinstance(node.value, list):
        return reading.words(node, where, ids.WORD, "ride")
    return (reading.word(node, where, ids.WORD, "ride"),)


def _overlap(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return all(a == b or ANY in (a, b) for a, b in zip(left, right, strict=True))


def _amount(reading: Reading, node: Node | None, where: str, digits: int) -> int:
    amount = reading.number(node, where, lambda text: parse_amount(text, digits), 0)
    if amount < 0 and node is not None:
        reading.wrong(node, f"{where}: expected an amount of 0 or more, got {node.value!r}", "write it without a minus")
    return amount


def _figure(reading: Reading, node: Node, where: str, value_key: str) -> dict[str, Node]:
    """A parameter stands alone, or with its own citation: `{value: ..., source: ..., confidence: ..., note: ...}`."""
    if isinstance(node.value, dict):
        return reading.mapping(node, where, (value_key,), _CITING)
    return {value_key: node}


def _rate(reading: Reading, node: Node | None, cite: Citation, sources: Mapping[str, Source]) -> tuple[Rate, Citation]:
    if node is None:
        return Rate(0, 1), cite
    own = _figure(reading, node, "rate", "value")
    rate = reading.number(own.get("value"), "rate", parse_rate, Rate(0, 1))
    if not 0 <= rate.numerator <= rate.denominator:
        reading.wrong(node, "rate: expected a share from 0 to 1", 'write 1 % as "0.01"')
    return rate, _cite(reading, own, cite, sources)


def _cap(reading: Reading, node: Node | None, cite: Citation, sources: Mapping[str, Source], digits: int) -> Cap | None:
    if node is None:
        return None
    if isinstance(node.value, dict) and "table" in node.value:
        own = reading.mapping(node, "cap", ("table",), _CITING)
        return Cap(None, reading.text(own["table"], "table"), _cite(reading, own, cite, sources))
    own = _figure(reading, node, "cap", "value")
    return Cap(_amount(reading, own.get("value"), "cap", digits), None, _cite(reading, own, cite, sources))


def _rounding(
    reading: Reading, node: Node | None, cite: Citation, sources: Mapping[str, Source], digits: int
) -> Rounding:
    if node is None:
        return Rounding(Mode.DOWN, 1, cite)
    own = reading.mapping(node, "rounding", ("mode", "step"), _CITING)
    mode = reading.choice(own.get("mode"), "mode", {mode.value: mode for mode in Mode}, Mode.DOWN)
    step = _amount(reading, own.get("step"), "step", digits)
    if step < 1:
        reading.wrong(
            own.get("step", node), "step: expected more than 0", 'write "1" for whole units, "0.01" for cents'
        )
    return Rounding(mode, max(step, 1), _cite(reading, own, cite, sources))


def _rule(
    reading: Reading,
    node: Node,
    above: Citation,
    sources: Mapping[str, Source],
    digits: int,
    bases: tuple[Base, ...],
    tables: tuple[Table, ...],
) -> Rule:
    required = ("fund", "payer", "window", "base", "rate", "rounding")
    own = reading.mapping(node, "rule", required, ("platforms", "cap", *_CITING))
    cite = _cite(reading, own, above, sources)
    rate, rate_cite = _rate(reading, own.get("rate"), cite, sources)
    rule = Rule(
        fund=reading.word(own.get("fund"), "fund", ids.FUND, "JKK"),
        payer=reading.word(own.get("payer"), "payer", ids.PAYER_KIND, "worker, platform, customer or subsidy:JKT"),
        window=reading.choice(own.get("window"), "window", {w.value: w for w in Window}, Window.GIG),
        pooled=reading.choice(own.get("platforms"), "platforms", {"together": True, "each": False}, False),
        base=reading.choice(own.get("base"), "base", {base.name: base.name for base in bases}, ""),
        rate=rate,
        rate_cite=rate_cite,
        cap=_cap(reading, own.get("cap"), cite, sources, digits),
        rounding=_rounding(reading, own.get("rounding"), cite, sources, digits),
        cite=cite,
    )
    _fits(reading, node, own, rule, tables)
    return rule


def _fits(reading: Reading, node: Node, own: Mapping[str, Node], rule: Rule, tables: tuple[Table, ...]) -> None:
    """Note what each key allows and all of them together do not."""
    if rule.window is Window.GIG and "platforms" in own:
        reading.wrong(own["platforms"], "platforms: a gig lies on one platform", "leave it out where window is gig")
    if rule.window is not Window.GIG and "platforms" not in own:
        reading.wrong(
            node, "rule: expected key 'platforms', got none", "add `platforms: together` or `platforms: each`"
        )
    if rule.cap is None:
        return
    caps = [] if rule.cap.amount is None else [rule.cap.amount]
    if rule.cap.table is not None:
        found = [table for table in tables if table.name == rule.cap.table]
        if not found:
            known = ", ".join(table.name for table in tables) or "none"
            reading.wrong(
                own["cap"], f"cap: no table {rule.cap.table[:40]!r}", f"add it under `tables:`; known: {known}"
            )
        if rule.window is not Window.GIG:
            reading.wrong(own["cap"], "cap: a table is looked up for one gig", "use `window: gig`, or an amount")
        caps = [value for table in found for _, value in table.rows]
    if any(cap % rule.rounding.step for cap in caps):
        reading.wrong(own["cap"], "cap: expected a multiple of the rounding step", "or rounding could pass the cap")


def _once(reading: Reading, node: Node, rules: tuple[Rule, ...]) -> None:
    seen: set[tuple[str, str]] = set()
    for rule in rules:
        if rule.fund and (rule.fund, rule.payer) in seen:
            reading.wrong(node, f"rules: {rule.fund} by {rule.payer} stands twice", "join the two, or name two funds")
        seen.add((rule.fund, rule.payer))


def _cited(
    cite: Citation, bases: tuple[Base, ...], tables: tuple[Table, ...], rules: tuple[Rule, ...]
) -> frozenset[str]:
    named = [cite, *(base.cite for base in bases), *(table.cite for table in tables)]
    for rule in rules:
        named += [rule.cite, rule.rate_cite, rule.rounding.cite, *([rule.cap.cite] if rule.cap else [])]
    return frozenset(each.source for each in named)


def _canonical(top: Mapping[str, Node], version: Node, minor_digits: int, cited: frozenset[str]) -> str:
    # Only the sources this version cites: a source added for a later version must not change this one's digest.
    whole: dict[str, Any] = {"format": FORMAT, "minor_digits": str(minor_digits), "version": plain_value(version)}
    for key in ("scheme", "title", "status", "currency", "time_zone", "zones", "platforms", "sources"):
        if key in top:
            whole[key] = plain_value(top[key])
    whole["sources"] = {key: value for key, value in whole["sources"].items() if key in cited}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
