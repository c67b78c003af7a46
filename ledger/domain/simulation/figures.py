"""A scheme version's text read as figures: what two versions say differently, and what no source was read for.

Works on the canonical text alone (a tree of strings), so that whatever the language may say is compared, also what the
engine learns later. A figure is one value with the place where it stands, in words (`rules > BCF by customer > rate`),
and the citation that holds for it: its own, or the nearest above. Items of lists are known by what names them (fund and
payer, a row's keys), so that a rule that moved is not a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ledger.domain.scheme import Version

ARROW: Final = " › "
WHOLE: Final = "the whole version"
_SAID_MAX: Final = 160
_CITING: Final = ("source", "confidence", "note")
_NAMED_BY: Final = (("fund", "payer"), ("kind",), ("when",))
_IN_ANY_ORDER: Final = ("include", "exclude", "zones", "platforms")
"""Lists of which the order says nothing."""
_ORDER: Final = (
    "from",
    "revision",
    "zones",
    "platforms",
    "parameters",
    "rules",
    "lines",
    "tables",
    "measures",
    "bases",
)


class Cited(NamedTuple):
    """Where a figure comes from: title and address of the document read, whether it was read, and a note."""

    title: str
    url: str
    verified: bool
    note: str


class Figure(NamedTuple):
    """One value as the text writes it."""

    place: tuple[str, ...]
    value: str
    cited: Cited


class Change(NamedTuple):
    """One figure in two versions; None where a version does not have it. `cited` is of the later one, if it has it."""

    place: str
    before: str | None
    after: str | None
    cited_before: Cited | None
    cited_after: Cited | None


class Doubt(NamedTuple):
    """Something that a version calls unverified, or reads in its own way where it is: place, value, note, source."""

    place: str
    value: str
    note: str
    source: str


def figures(version: Version) -> list[Figure]:
    """Give every value of a version, in the order of the language's parts."""
    text = json.loads(version.text)
    found = list(_walk(text["version"], (), Cited("", "", True, ""), text.get("sources", {})))
    for key in ("zones", "platforms"):
        if key in text and not any(figure.place == (key,) for figure in found):
            found.append(Figure((key,), _written(sorted(text[key])), Cited("", "", True, "")))
    return sorted(found, key=lambda figure: _rank(figure.place[0]))


def changes(before: Version, after: Version) -> list[Change]:
    """Give what two versions say differently: changed and new figures as the later lists them, then what is gone."""
    old = {figure.place: figure for figure in figures(before)}
    new = {figure.place: figure for figure in figures(after)}
    found = []
    for place, figure in new.items():
        was = old.get(place)
        if was is None or was.value != figure.value:
            then = None if was is None else was.value
            cited = None if was is None else was.cited
            found.append(Change(ARROW.join(place), then, figure.value, cited, figure.cited))
    gone = [
        Change(ARROW.join(place), was.value, None, was.cited, None) for place, was in old.items() if place not in new
    ]
    return found + gone


def doubts(version: Version) -> list[Doubt]:
    """Give what the version itself marks as unverified, and its notes wherever that holds; the whole version first."""
    text = json.loads(version.text)
    found = list(_doubts(text["version"], (), text.get("sources", {}), ("", True)))
    return sorted(found, key=lambda doubt: _rank(doubt.place.split(ARROW)[0]) if doubt.place != WHOLE else -1)


def _walk(node: Any, place: tuple[str, ...], cited: Cited, sources: Mapping[str, Any]) -> Iterator[Figure]:
    if isinstance(node, dict):
        own = _cited(node, cited, sources)
        for key, child in node.items():
            if key not in _CITING:
                alone = key == "value" and place and set(node) <= {"value", *_CITING}
                yield from _walk(child, place if alone else (*place, key), own, sources)
    elif isinstance(node, list) and any(isinstance(item, dict) for item in node):
        names: dict[str, int] = {}
        for number, item in enumerate(node, 1):
            name = _name(item, number)
            names[name] = names.get(name, 0) + 1
            name = name if names[name] == 1 else f"{name} ({names[name]})"
            yield from _walk(item, (*place, name), cited, sources)
    else:
        in_any_order = isinstance(node, list) and place and place[-1] in _IN_ANY_ORDER
        yield Figure(place, _written(sorted(node) if in_any_order else node), cited)


def _doubts(node: Any, place: tuple[str, ...], sources: Mapping[str, Any], above: tuple[str, bool]) -> Iterator[Doubt]:
    source, verified = above
    if isinstance(node, dict):
        source = sources.get(node.get("source", ""), {}).get("title", "") or source
        verified = node["confidence"] == "verified" if "confidence" in node else verified
        if not verified and ("confidence" in node or "note" in node):
            yield Doubt(ARROW.join(place) or WHOLE, _said(node) if place else "", node.get("note", ""), source)
        for key, child in node.items():
            yield from _doubts(child, (*place, key), sources, (source, verified))
    elif isinstance(node, list):
        for number, item in enumerate(node, 1):
            yield from _doubts(item, (*place, _name(item, number)), sources, above)


def _said(node: Mapping[str, Any]) -> str:
    """Write what a node says, in short: its own words and figures."""
    own = {key: value for key, value in node.items() if key not in _CITING}
    if set(own) == {"value"}:
        return _written(own["value"])
    text = ", ".join(f"{key}: {_written(_plain(value))}" for key, value in own.items())
    return text if len(text) <= _SAID_MAX else text[: _SAID_MAX - 1] + "…"


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        own = {key: _plain(value) for key, value in node.items() if key not in _CITING}
        return own["value"] if set(own) == {"value"} else own
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _cited(node: Mapping[str, Any], above: Cited, sources: Mapping[str, Any]) -> Cited:
    source = sources.get(node.get("source", ""))
    title, url = (above.title, above.url) if source is None else (source.get("title", ""), source.get("url", ""))
    verified = node["confidence"] == "verified" if "confidence" in node else above.verified
    # A note speaks of what it stands at, not of everything below.
    return Cited(title, url, verified, node.get("note", ""))


def _name(item: Any, number: int) -> str:
    """Say which item of a list it is, by what names it."""
    if isinstance(item, dict):
        for keys in _NAMED_BY:
            if all(isinstance(item.get(key), str) for key in keys):
                return " by ".join(item[key] for key in keys)
        words = [_written(v) for k, v in item.items() if k not in (*_CITING, "value", "then") and not _is_figure(v)]
        if words:
            return ", ".join(words)
    return str(number)


def _is_figure(value: Any) -> bool:
    return isinstance(value, str) and value[:1].isdigit() and "-" not in value


def _written(node: Any) -> str:
    if isinstance(node, list):
        return f"[{', '.join(_written(item) for item in node)}]"
    if isinstance(node, dict):
        return f"{{{', '.join(f'{key}: {_written(value)}' for key, value in node.items())}}}"
    return str(node)


def _rank(part: str) -> int:
    return _ORDER.index(part) if part in _ORDER else len(_ORDER)
