"""Programmes: one scheme switched on city by city, each from its own day and with its own co-financing.

A programme is a document beside the schemes. It becomes one scheme per city: dated versions of the base scheme's text
with the city's id, zone and co-financing written into it (`language.expansion`), so that what is enacted, audited
and replayed is a scheme like any other, and nobody reads a programme again after that. All problems are found at once,
each with line and mend. Opens no file: text and the schemes it may build on in, schemes out. Upholds L4: the same
programme and the same base give the same texts. Source of the format: contracts/schemes/PROGRAMMES.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Final, NamedTuple

from ledger.domain import ids
from ledger.domain.language.document import Document, read_yaml
from ledger.domain.language.expansion import City, Share, expand
from ledger.domain.language.forms import CITING, STATUSES, Form, may, must
from ledger.domain.language.tree import Node, Problem, Reading, SchemeError
from ledger.domain.period import GIG, RUNNING, window_span

PROGRAMME: Final = Form(
    "The file",
    "One programme: which scheme, in which cities, from which days.",
    (
        must("programme", "scheme id", "its own id; no scheme has it", "ID-GIG-15"),
        must("title", "text", "one line for people", '"Fifteen cities"'),
        must("status", "status", "that of the scheme, or `draft`: then no city of it is enacted", "example"),
        must("scheme", "scheme id", "the scheme that is switched on; a file beside the programmes", "ID-JK-PILOT"),
        may("first", "zone", "the city that no other may come before", "ID-JK"),
        must("sources", "sources", "the documents that were read, as in a scheme; other keys than the scheme's", "{}"),
        must("source", "source key", "what the programme rests on; its cities inherit it", "decree_7"),
        *CITING[1:],
        must("cities", "cities", "one item a city", "[...]"),
    ),
)
CITY: Final = Form(
    "A city",
    "Where, from when, and what is different there.",
    (
        must("zone", "zone", "a gig is in the city when its zone is this one or finer", "ID-JB-BDG"),
        must("name", "text", "for people", "Bandung"),
        must("scheme", "scheme id", "the city's own; the base's for the city whose text the base is", "ID-BDG-PILOT"),
        must("from", "day", "first day; no window may be cut by it", "2026-07-01"),
        may("until", "day", "last day; a version without rules follows", "2028-03-31"),
        may("title", "text", "else name and title of the programme", '"Bandung pilot"'),
        may("time_zone", "time zone", "where it is not the scheme's", "Asia/Makassar"),
        may("co_financing", "shares", "what other payers, rates or caps are in force here", "[...]"),
        may("parameters", "figures by name", "what the scheme's open parameters come to here", '{city_rate: "0.01"}'),
        may(
            "adds_up",
            "shares of funds",
            "the fund's rates while co_financing speaks of it, instead of the scheme's",
            '{JHT: "0.025"}',
        ),
        *CITING,
    ),
)
SHARE: Final = Form(
    "A share of co-financing",
    "The scheme's rule of this fund and payer, with what takes the place of its payer, rate or cap.",
    (
        must("fund", "fund", "the fund of the scheme's rule", "JHT"),
        must("payer", "payer", "the payer of the scheme's rule", '"subsidy:JKT"'),
        may("window", "window", "needed where the scheme has several such rules", "month"),
        may(
            "from",
            "day",
            "where it takes effect after the city's day; replaces the earlier item; alone: the scheme's own text again",
            "2027-01-01",
        ),
        may("paid_by", "payer", "who pays instead", '"subsidy:BDG"'),
        may("rate", "figure", "the rate instead", '"0.005"'),
        may("cap", "figure", "the cap instead", '"5000"'),
        *CITING,
    ),
)
_KEY: Final = re.compile(r"""^["']?programme["']?[ \t]*:""", re.MULTILINE | re.ASCII)
_YEAR_MAX: Final = 2999
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Programme(NamedTuple):
    """A programme read whole: its cities in the order of the file, and beside each the scheme it becomes there."""

    programme: str
    title: str
    status: str
    file: str
    scheme: str
    cities: tuple[City, ...]
    documents: tuple[Document, ...]


def is_programme(text: str) -> bool:
    """Tell whether a YAML text is a programme's and no scheme's: it has the key `programme` at its top."""
    return _KEY.search(text) is not None


def load_programme(text: str, name: str, schemes: Mapping[str, Document]) -> Programme:
    """Give the programme that a YAML text says; `name` is its file, `schemes` those it may build on, by id.

    Raises SchemeError with all problems of the text at once, also those that its cities' schemes would have.
    """
    trees = read_yaml(text, name)
    if len(trees) != 1:
        raise SchemeError([Problem(name, 1, f"file: expected one programme, got {len(trees)}", "one programme a file")])
    reading = Reading(name)
    top = reading.mapping(trees[0], "programme file", PROGRAMME.required, PROGRAMME.optional)
    own_id = reading.word(top.get("programme"), "programme", ids.SCHEME, "ID-GIG-15")
    title = reading.text(top.get("title"), "title")
    status = reading.choice(top.get("status"), "status", {word: word for word in STATUSES}, "draft")
    base = _base(reading, top, schemes, status)
    reading.text(top.get("note"), "note")
    if "sources" in top and not isinstance(top["sources"].value, dict):
        reading.wrong(top["sources"], "sources: expected documents under short keys", 'write {decree: {title: "..."}}')
    if own_id in schemes:
        reading.wrong(top["programme"], f"programme: {own_id} is a scheme", "give the programme an id of its own")
    nodes = reading.items(top.get("cities"), "cities")
    if "cities" in top and not nodes and isinstance(top["cities"].value, list):
        reading.wrong(top["cities"], "cities: expected at least one", "add `- {zone: ..., name: ..., ...}`")
    read = [_city(reading, node) for node in nodes]
    cities = [city for city in read if city is not None]
    _apart(reading, cities)
    if nodes:
        _first(reading, top.get("first"), cities)
    documents: list[Document] = []
    for city in cities:
        taken = schemes.get(city.scheme)
        if base is None:
            continue
        if taken is not None and city.scheme != base.scheme:
            told = f"city {city.name}: scheme {city.scheme} stands in {taken.file} too"
            reading.wrong(city.own["scheme"], told, "give the city a scheme id of its own")
        elif _days_fit(reading, city, base):
            whole = {**top, "programme": Node(own_id, 1), "title": Node(title, 1), "status": Node(status, 1)}
            documents += [] if (one := expand(reading, whole, city, base)) is None else [one]
    reading.problems = list(dict.fromkeys(reading.problems))  # a city's fields are read once per version
    reading.close()
    return Programme(own_id, title, status, name, base.scheme if base else "", tuple(cities), tuple(documents))


def _base(reading: Reading, top: Mapping[str, Node], schemes: Mapping[str, Document], status: str) -> Document | None:
    name = reading.word(top.get("scheme"), "scheme", ids.SCHEME, "ID-JK-PILOT")
    base = schemes.get(name)
    if name and base is None:
        known = ", ".join(sorted(schemes)) or "none"
        reading.wrong(top["scheme"], f"scheme: unknown {name[:40]!r}", f"write one of {known}")
    if base is not None and "status" in top and status not in (base.status, "draft"):
        mend = f"write `{base.status}`, or `draft` where it is not switched on yet"
        reading.wrong(top["status"], f"status: the scheme {name} is {base.status!r}, got {status!r}", mend)
    return base


def _city(reading: Reading, node: Node) -> City | None:
    """Give a city as written; None after noting what is wrong with it."""
    noted = len(reading.problems)
    own = reading.mapping(node, "city", CITY.required, CITY.optional)
    name = reading.text(own.get("name"), "name")
    where = f"city {name}".rstrip()
    reading.text(own.get("note"), f"{where}: note")
    zone = reading.word(own.get("zone"), f"{where}: zone", ids.ZONE, "ID-JB-BDG")
    scheme = reading.word(own.get("scheme"), f"{where}: scheme", ids.SCHEME, "ID-BDG-PILOT")
    start = _day(reading, own.get("from"), f"{where}: from")
    until = _day(reading, own.get("until"), f"{where}: until") if "until" in own else None
    if until is not None and until < start:
        reading.wrong(own["until"], f"{where}: until: expected {start} or later, got {until}", "mend one of the days")
    shares = [_share(reading, item, where, start) for item in reading.items(own.get("co_financing"), "co_financing")]
    seen: set[tuple[str, str, str, date]] = set()
    for share in shares:
        if share.key in seen:
            told = f"{where}: {share.what} stands twice from {share.start}"
            reading.wrong(share.node, told, "keep one, or give the later one its own `from`")
        seen.add(share.key)
        if until is not None and share.start > until:
            reading.wrong(share.node, f"{where}: {share.what}: from {share.start} is after {until}", "take it out")
    totals = own["adds_up"].value if "adds_up" in own else {}
    for fund, child in totals.items() if isinstance(totals, dict) else ():
        if fund not in [share.fund for share in shares]:
            reading.wrong(child, f"{where}: adds_up: no co_financing speaks of {fund[:40]}", "take it out")
    if len(reading.problems) > noted:
        return None
    return City(zone, name, scheme, start, until, tuple(shares), own, node.line)


def _share(reading: Reading, node: Node, where: str, start: date) -> Share:
    own = reading.mapping(node, f"{where}: co_financing", SHARE.required, SHARE.optional)
    fund = reading.word(own.get("fund"), f"{where}: fund", ids.FUND, "JHT")
    payer = reading.text(own.get("payer"), f"{where}: payer")
    window = reading.text(own.get("window"), f"{where}: window")
    day = _day(reading, own.get("from"), f"{where}: {fund} by {payer}: from") if "from" in own else start
    if day < start:
        told = f"{where}: {fund} by {payer}: from: expected the city's day {start} or later, got {day}"
        reading.wrong(own["from"], told, "leave it out where it holds from the city's day")
    if own and not {"from", "paid_by", "rate", "cap"} & set(own):
        told = f"{where}: {fund} by {payer}: expected what is different, got nothing"
        reading.wrong(node, told, "write `paid_by:`, `rate:` or `cap:`, or `from:` where an earlier item ends")
    return Share(fund, payer, window, day, own, node)


def _apart(reading: Reading, cities: Sequence[City]) -> None:
    """Note cities of which a gig could lie in two, and schemes that two cities share."""
    for one, other in combinations(cities, 2):
        node = other.own["zone"]
        if one.zone == other.zone:
            reading.wrong(node, f"city {other.name}: {one.zone} stands twice (line {one.line})", "keep one of them")
        elif ids.zone_covers(one.zone, other.zone) or ids.zone_covers(other.zone, one.zone):
            told = f"city {other.name}: {other.zone} and {one.zone} ({one.name}, line {one.line}) overlap"
            reading.wrong(node, told, "a gig in both would be counted twice: keep zones apart")
        if one.scheme == other.scheme:
            told = f"city {other.name}: scheme {one.scheme} is that of {one.name} (line {one.line})"
            reading.wrong(other.own["scheme"], told, "give each city its own")


def _first(reading: Reading, node: Node | None, cities: Sequence[City]) -> None:
    zone = reading.word(node, "first", ids.ZONE, "ID-JK")
    leader = next((city for city in cities if city.zone == zone), None)
    if node is not None and zone and leader is None:
        reading.wrong(node, f"first: no city has the zone {zone}", "name the zone of one of the cities")
    for city in cities:
        if leader is not None and city.start < leader.start:
            told = f"city {city.name}: from: {city.start} is before {leader.name}'s {leader.start}, which is first"
            reading.wrong(city.own["from"], told, f"write {leader.start} or later, or change `first:`")


def _days_fit(reading: Reading, city: City, base: Document) -> bool:
    """Tell whether the base knows the city's days and no window is cut by one, after noting what does not fit.

    A window takes the version in force on its last day: one that begins before a city's day would count whole.
    """
    noted = len(reading.problems)
    if city.start < base.versions[0].start:
        told = f"city {city.name}: from: {city.start} is before the first version of {base.scheme}"
        reading.wrong(city.own["from"], told, f"write {base.versions[0].start} or later")
        return False
    days = [(city.own["from"], "from", city.start)] if city.scheme != base.scheme else []
    days += [(share.node, f"{share.what}: from", share.start) for share in city.shares if share.start != city.start]
    days += [] if city.end is None else [(city.own["until"], "the day after until", city.end)]
    for node, what, day in days:
        windows = {rule.window for version in city.in_force(base, day) for rule in version.rules}
        cut = [window for window in windows if window not in (GIG, RUNNING) and not window.rolling]
        spans = {window.text: window_span(window, day) for window in cut}
        for kind, span in sorted(spans.items()):
            if span.first != day:
                told = f"city {city.name}: {what}: {day} cuts the {kind} of {span.first} to {span.last}"
                reading.wrong(node, told, f"begin with {span.first} or with the next one: a window counts whole")
    return len(reading.problems) == noted


def _day(reading: Reading, node: Node | None, where: str) -> date:
    text = reading.word(node, where, _DAY, "2026-07-01")
    try:
        day = date.fromisoformat(text) if text else date.min
    except ValueError:
        day = date.max
    if node is not None and day.year > _YEAR_MAX:
        reading.wrong(node, f"{where}: expected a day of the calendar, got {text}", "write it as 2026-07-01")
        return date.min
    return day
