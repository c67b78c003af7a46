"""One city of a programme, written out: the base scheme's texts with the city's own id, zone, days and co-financing.

Figures go into the text, so that a city's version is read, compiled and enacted like any other. What the base says
keeps the base's source, what the city says has the city's, and the version itself rests on the programme; its note
names the base text by digest. A city that keeps the base's own id is the base: nothing is rewritten, and what it states
is only compared. Upholds L4: equal programme and base, equal text. Knows no file; `language.programme` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Final, NamedTuple

from ledger.domain.language import read_version
from ledger.domain.language.document import Document
from ledger.domain.language.tree import Node, Reading, from_json
from ledger.domain.money import Rate
from ledger.domain.quantity import decimal, exact
from ledger.domain.reckoning.shapes import zone_time
from ledger.domain.scheme import Rule, Version

_CITED_BY_NAME: Final = ("parameters", "measures", "tables", "lines")
_CITED_IN_ORDER: Final = ("rules", "notices")
_OWN_ONLY: Final = ("until", "title", "time_zone", "parameters", "adds_up")


class Share(NamedTuple):
    """What takes the place of payer, rate or cap of the base's rule of this fund and payer, from a day on."""

    fund: str
    payer: str
    window: str  # "" where the base has one such rule
    start: date
    own: Mapping[str, Node]
    node: Node

    @property
    def what(self) -> str:
        """The rule as people name it."""
        return f"{self.fund} by {self.payer}{' over a ' + self.window if self.window else ''}"

    @property
    def ends(self) -> bool:
        """Whether it says nothing but that the scheme's own text holds again."""
        return not {"paid_by", "rate", "cap"} & set(self.own)

    @property
    def key(self) -> tuple[str, str, str, date]:
        """What no two shares of a city have in common."""
        return (self.fund, self.payer, self.window, self.start)


class City(NamedTuple):
    """One city as written: its own keys, typed as far as they are compared."""

    zone: str
    name: str
    scheme: str
    start: date
    until: date | None
    shares: tuple[Share, ...]
    own: Mapping[str, Node]
    line: int

    @property
    def end(self) -> date | None:
        """The first day on which nothing holds any more; None where it goes on."""
        return None if self.until is None else self.until + timedelta(days=1)

    def in_force(self, base: Document, day: date) -> list[Version]:
        """Give the base's texts of the latest day not after this one: the first and its revisions, in order."""
        start = max(version.start for version in base.versions if version.start <= day)
        return [version for version in base.versions if version.start == start]

    def days(self, base: Document) -> list[date]:
        """Give the days from which the city has another text, in order; its end is not among them."""
        later = [version.start for version in base.versions] + [share.start for share in self.shares]
        return sorted({self.start, *(day for day in later if day > self.start and (not self.end or day < self.end))})

    def shares_on(self, day: date) -> list[Share]:
        """Give the shares that hold on a day: of each rule the latest, unless it is the end of one."""
        begun = sorted((share for share in self.shares if share.start <= day), key=lambda share: share.start)
        latest = {share.key[:3]: share for share in begun}
        return [share for share in latest.values() if not share.ends]


def expand(reading: Reading, programme: Mapping[str, Node], city: City, base: Document) -> Document | None:
    """Give the city's scheme; None after noting problems, all of them at lines of the programme's file.

    `programme` are the members of the programme's file; `base` has a version in force on the city's day.
    """
    noted = len(reading.problems)
    _open(reading, city, base)
    if city.scheme == base.scheme:
        _compare(reading, city, base)
        return base if len(reading.problems) == noted else None
    versions: list[Version] = []
    for day in city.days(base):
        for version in city.in_force(base, day):
            text = _Text(reading, programme, city, version)
            top, node = text.begun(day)
            made = read_version(reading, top, node, version.minor_digits)
            versions += [] if made is None else [made]
    if city.end is not None:
        last = city.in_force(base, city.end)[0]
        top, node = _Text(reading, programme, city, last).ended(city.end)
        made = read_version(reading, top, node, last.minor_digits)
        versions += [] if made is None else [made]
    if len(reading.problems) > noted or not versions:
        return None
    return Document(city.scheme, versions[0].title, versions[0].status, reading.file, tuple(versions))


def _open(reading: Reading, city: City, base: Document) -> None:
    """Note parameters that no text of the base leaves open."""
    texts = [version for day in city.days(base) for version in city.in_force(base, day)]
    known = dict.fromkeys(each.name for version in texts for each in version.parameters if each.value is None)
    node = city.own.get("parameters")
    if node is not None and not isinstance(node.value, dict):
        reading.wrong(node, f"city {city.name}: parameters: expected names and figures", 'write {city_rate: "0.01"}')
    for name, child in _members(node).items():
        if name not in known:
            told = f"city {city.name}: {base.scheme} has no open parameter {name[:40]!r}"
            reading.wrong(child, told, f"open are: {', '.join(known) or 'none'}")


# -- the city that the base was written for --------------------------------------------------------------------------


def _compare(reading: Reading, city: City, base: Document) -> None:
    """Note where a city that keeps the base's own id says something else than the base."""
    mend = "give the city a scheme id of its own, or change the scheme itself"
    for key in _OWN_ONLY:
        if key in city.own:
            told = f"city {city.name}: {base.scheme} is the scheme itself, whose text says no {key} of the city's"
            reading.wrong(city.own[key], told, mend)
    if city.start != base.versions[0].start:
        told = f"city {city.name}: from: {base.scheme} is the scheme itself, from {base.versions[0].start}"
        reading.wrong(city.own["from"], told, mend)
    for version in base.versions:
        if version.zones != (city.zone,):
            told = f"city {city.name}: zone: {base.scheme} itself has {', '.join(version.zones) or 'all zones'}"
            reading.wrong(city.own["zone"], told, mend)
        for share in city.shares_on(version.start):
            for rule in _rules(reading, share, version):
                _same(reading, city, share, rule, mend)
    for share in city.shares:
        if share.start not in [version.start for version in base.versions]:
            told = f"city {city.name}: {share.what}: {base.scheme} has no version from {share.start}"
            reading.wrong(share.node, told, mend)


def _rules(reading: Reading, share: Share, version: Version) -> Iterator[Rule]:
    at = _places(reading, share, version)
    if at is not None:
        yield version.rules[at]


def _same(reading: Reading, city: City, share: Share, rule: Rule, mend: str) -> None:
    rate = Fraction(*rule.rate) if isinstance(rule.rate, Rate) else None
    cap = None if rule.cap is None else rule.cap.amount
    said = {"rate": None if rate is None else decimal(rate), "cap": None if cap is None else decimal(cap)}
    for key, there in (said | {"paid_by": rule.payer}).items():
        node = share.own.get(key)
        value = node.value.get("value") if node is not None and isinstance(node.value, dict) else node
        if node is None or value is None or not isinstance(value.value, str):
            continue
        if value.plain and "." in value.value:
            told = (
                f"city {city.name}: {share.what}: {key}: expected a decimal in quotes, got the float {value.value[:40]}"
            )
            reading.wrong(value, told, f'write "{value.value[:40]}"')
        elif there is None or _plain(value.value) != there:
            told = f"city {city.name}: {share.what}: {key}: {city.scheme} itself says {there or 'none'}"
            reading.wrong(node, f"{told}, got {value.value[:40]}", mend)


def _plain(text: str) -> str:
    try:
        return decimal(Fraction(exact(text)))
    except ValueError:
        return text


# -- every other city ------------------------------------------------------------------------------------------------


class _Text:
    """The text of one base version, on its way to a city's. Its nodes lie on the city's line of the programme."""

    def __init__(self, reading: Reading, programme: Mapping[str, Node], city: City, version: Version) -> None:
        self.reading, self.programme, self.city, self.version = reading, programme, city, version
        tree = _moved(from_json(version.text, version.scheme), city.line)
        self.top = dict(tree.value) if isinstance(tree.value, dict) else {}
        own = self.top.pop("version").value
        self.own = dict(own) if isinstance(own, dict) else {}

    def begun(self, day: date) -> tuple[dict[str, Node], Node]:
        """Give the scheme's own fields and the version's node as they stand from a day on."""
        self._head()
        self._settle_citations()
        self._cite("", self.version.id)
        self.own["from"] = self._node(day.isoformat())
        for share in self.city.shares_on(day):
            self._finance(share)
        for parameter in self.version.parameters:
            node = _members(self.city.own.get("parameters")).get(parameter.name)
            if node is not None and parameter.value is None:
                self._set(parameter.name, node)
        self._add_up(day)
        return self.top, self._node(self.own)

    def ended(self, day: date) -> tuple[dict[str, Node], Node]:
        """Give the same for the day from which nothing holds any more."""
        self._head()
        self.top.pop("funds", None)
        self.own = {"from": self._node(day.isoformat()), "rules": self._node([])}
        self._cite("switched off here; ", self.version.id)
        return self.top, self._node(self.own)

    def _node(self, value: str | list[Node] | dict[str, Node]) -> Node:
        return Node(value, self.city.line)

    def _head(self) -> None:
        """Put the city in the place of the scheme's own fields."""
        city = self.city
        for key in ("format", "minor_digits", "zones", "time_zones"):
            self.top.pop(key, None)
        self.own.pop("zones", None)
        self.top["scheme"] = city.own["scheme"]
        self.top["status"] = self.programme["status"]
        title = f"{city.name}: {self.programme['title'].value}"
        self.top["title"] = city.own.get("title") or self._node(title)
        self.top["zones"] = self._node([city.own["zone"]])
        self.top["time_zone"] = city.own.get("time_zone") or self._node(zone_time(self.version, city.zone))
        known = dict(_members(self.top["sources"]))
        for key, node in _members(self.programme.get("sources")).items():
            if key in known and _bare(node) != _bare(known[key]):
                told = f"sources: {key!r} is another document in {self.version.scheme}"
                self.reading.wrong(node, told, "give the programme's its own key")
            known[key] = node
        self.top["sources"] = self._node(known)

    def _settle_citations(self) -> None:
        """Write the base version's own citation where it was inherited, so that the city's may stand above."""
        above = {"source": self.own["source"]}
        if not self.version.cite.verified or not self._verified():
            above["confidence"] = self._node("verified" if self.version.cite.verified else "unverified")
        for key in _CITED_BY_NAME:
            if key in self.own:
                items = _members(self.own[key]).items()
                self.own[key] = self._node({name: self._settled(node, above) for name, node in items})
        for key in _CITED_IN_ORDER:
            if key in self.own and isinstance(self.own[key].value, list):
                nodes = [node for node in self.own[key].value if isinstance(node, Node)]
                self.own[key] = self._node([self._settled(node, above) for node in nodes])

    def _settled(self, node: Node, above: Mapping[str, Node]) -> Node:
        return self._node({**above, **(_members(node) or {"value": node})})

    def _verified(self) -> bool:
        said = self.city.own.get("confidence") or self.programme.get("confidence")
        return said is None or said.value != "unverified"

    def _cite(self, before: str, version: str) -> None:
        """Let the version rest on the programme, and say from which text it was made."""
        city, programme = self.city, self.programme
        made = f"{before}{city.name} in programme {programme['programme'].value}; {self.version.scheme} {version}"
        said = [f"{made}, sha256 {self.version.digest}"]
        notes = [each["note"].value for each in (city.own, self.own, programme) if "note" in each]
        said += [note for note in notes if isinstance(note, str)]
        self.own["note"] = self._node("; ".join(said))
        self.own.pop("confidence", None)
        self.own["source"] = self._node(self.version.cite.source)  # where the programme names none, which is noted
        for key in ("source", "confidence"):
            node = city.own.get(key) or programme.get(key)
            if node is not None:
                self.own[key] = node

    def _finance(self, share: Share) -> None:
        """Put a share's payer, rate and cap in the place of the rule's, each with its citation."""
        at = _places(self.reading, share, self.version)
        rules = self.own["rules"].value
        if at is None or not isinstance(rules, list):
            return
        rule = dict(_members(rules[at]))
        if "paid_by" in share.own:
            self._unread(share)
            rule["payer"] = share.own["paid_by"]
        for key in ("rate", "cap"):
            if key in share.own:
                if "base" not in rule:
                    told = f"city {self.city.name}: {share.what}: {key}: the scheme's rule has `amount`, no {key}"
                    self.reading.wrong(share.own[key], told, "only its payer can be another: change the scheme's line")
                    continue
                rule[key] = self._figure(share.own[key], share.own)
        rules = [*rules[:at], Node(rule, share.node.line), *rules[at + 1 :]]
        self.own["rules"] = self._node(rules)

    def _figure(self, node: Node, share: Mapping[str, Node]) -> Node:
        """Give a figure with its own citation, else the share's, the city's or the programme's."""
        own = _members(node) or {"value": node}
        found = {key: share[key] for key in ("source", "confidence", "note") if key in share}
        found.setdefault("source", self.own["source"])
        found.setdefault("confidence", self.own.get("confidence") or self._node("verified"))
        return Node({**found, **own}, node.line)

    def _add_up(self, day: date) -> None:
        """Put the city's totals in the place of the scheme's, of those funds that its co-financing speaks of."""
        said = self.city.own.get("adds_up")
        if said is not None and isinstance(said.value, dict):
            financed = {share.fund for share in self.city.shares_on(day)}
            checked = dict(_members(self.own.get("adds_up")))
            checked |= {fund: node for fund, node in said.value.items() if fund in financed}
            if checked:
                self.own["adds_up"] = Node(checked, said.line)
        elif said is not None:
            self.own["adds_up"] = said  # the reader says what is wrong with it

    def _unread(self, share: Share) -> None:
        """Note a line that reads what the old payer has posted: it would read nothing."""
        for line in self.version.lines:
            part = share.fund == line.fund or share.fund.startswith(f"{line.fund}.")
            if line.op == "posted" and part and line.payer == share.payer:
                told = f"city {self.city.name}: {share.what}: the line {line.name} reads what {share.payer} has posted"
                self.reading.wrong(share.own["paid_by"], told, "keep the payer, or change the scheme")

    def _set(self, name: str, node: Node) -> None:
        """Give an open parameter its value; its bounds stay, and the reader checks them."""
        parameters = _members(self.own["parameters"])
        bounds = {key: value for key, value in _members(parameters[name]).items() if key in ("at_least", "at_most")}
        value = _members(self._figure(node, self.city.own))
        self.own["parameters"] = self._node({**parameters, name: Node({**bounds, **value}, node.line)})


def _places(reading: Reading, share: Share, version: Version) -> int | None:
    """Give the place of the one rule that a share names; None after noting that it names none, or several."""
    found = [
        at
        for at, rule in enumerate(version.rules)
        if (rule.fund, rule.payer) == (share.fund, share.payer) and share.window in ("", rule.window.text)
    ]
    if len(found) == 1:
        return found[0]
    what = f"co_financing: {version.scheme} {version.id} has {'no rule' if not found else 'several rules'}"
    known = dict.fromkeys(f"{rule.fund} by {rule.payer} over a {rule.window.text}" for rule in version.rules)
    mend = f"its rules: {', '.join(known)}" if not found else "add `window:`"
    reading.wrong(share.node, f"{what} {share.what}", mend)
    return None


def _members(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _bare(node: Node) -> object:
    return {key: child.value for key, child in _members(node).items()}


def _moved(node: Node, line: int) -> Node:
    """Give the tree as if all of it were written on one line."""
    if isinstance(node.value, dict):
        return Node({key: _moved(child, line) for key, child in node.value.items()}, line)
    if isinstance(node.value, list):
        return Node([_moved(child, line) for child in node.value], line)
    return Node(node.value, line)
