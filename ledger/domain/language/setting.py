"""Open parameters set: the text of a version with the figure that another instrument says, and where it says so.

A parameter that a scheme leaves open (`value: open`) is set by an act like any other change of the law: a version of
the scheme whose text carries the figure with its citation. So audits, recomputation and explanations know it from the
journal alone, and there is no second way by which a figure comes into force. From a day on: as a version that begins
then, or the next revision of one that does; and in every later version that leaves the parameter open, until one says a
figure itself. Pure: who enacts the texts is not known here. Upholds L4: equal texts and values, equal texts.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ledger.domain.language import read_version
from ledger.domain.language.tree import Reading, from_json
from ledger.domain.scheme import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.domain.scheme import Version

SET: Final = "set_"
"""How keys of instruments' sources begin: what one of them set, a later one may set anew."""


def texts_setting(
    enacted: Sequence[Version], values: Mapping[str, str], from_day: date, title: str, url: str
) -> list[Version]:
    """Give the versions that set these parameters (decimal texts) of one scheme from a day on, oldest first.

    `enacted`: all of the scheme's versions that were. What stands so already is given as it stands, so that enacting it
    again finishes an act that was cut short. Raises ValueError for a day before the scheme, for a parameter that the
    scheme has not or says itself; SchemeError for values of another form or out of bounds, and for other such texts.
    """
    newest = _newest(enacted)
    holding = [version for version in newest if version.start <= from_day]
    if not holding:
        raise ValueError(f"expected a version in force on {from_day}, got none; enact the scheme first")
    source = Source(f"{SET}{from_day:%Y_%m_%d}", title, url)
    made = [_written(holding[-1], values, from_day, source)]
    for later in newest[newest.index(holding[-1]) + 1 :]:
        values = {name: value for name, value in values.items() if _is_open(later, name)}
        if not values:
            break
        made.append(_written(later, values, later.start, source))
    return made


def _newest(enacted: Sequence[Version]) -> list[Version]:
    """Give of each day's texts the newest, by day."""
    by_day = {version.start: version for version in sorted(enacted, key=lambda own: (own.start, own.revision))}
    return [by_day[day] for day in sorted(by_day)]


def _is_open(version: Version, name: str) -> bool:
    return any(own.name == name and own.value is None for own in version.parameters)


def _written(base: Version, values: Mapping[str, str], start: date, source: Source) -> Version:
    """Give a version's text with figures written in, from a day on; itself where they stand there already."""
    for name in values:
        _check(base, name)
    whole: dict[str, Any] = json.loads(base.text)
    own: dict[str, Any] = whole["version"]
    for name, value in values.items():
        before = own["parameters"][name]
        kept = before if isinstance(before, dict) else {}
        own["parameters"][name] = {**kept, "value": value, "source": source.key, "confidence": "verified"}
    whole["sources"][source.key] = {"title": source.title, **({"url": source.url} if source.url else {})}
    if base.start == start:
        if _read(whole, base).text == base.text:
            return base
        own["revision"] = str(base.revision + 1)
    else:
        own["from"] = start.isoformat()
        own.pop("revision", None)
    return _read(whole, base)


def _check(base: Version, name: str) -> None:
    what, known = f"{base.scheme} {base.id}", {parameter.name: parameter for parameter in base.parameters}
    if name not in known:
        raise ValueError(f"{what}: expected one of its parameters {', '.join(known) or '(none)'}, got {name[:40]}")
    if known[name].value is not None and not known[name].cite.source.startswith(SET):
        raise ValueError(f"{what}: {name}: expected a parameter that is left open, got one that the scheme sets itself")


def _read(whole: Mapping[str, Any], base: Version) -> Version:
    """Give the version of a text that need not be canonical: sources that it cites no more fall away."""
    name = f"{base.scheme} {whole['version']['from']}"
    tree = from_json(json.dumps(whole, ensure_ascii=False), name)
    reading = Reading(name)
    top = dict(tree.value) if isinstance(tree.value, dict) else {}
    version = read_version(reading, top, top["version"], base.minor_digits)
    reading.close()
    if version is None:
        raise ValueError(f"{name}: expected a version, got none")
    return version
