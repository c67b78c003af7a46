"""The scheme's own fields, typed: what all its versions share.

Time zones are names of the tz database in the form Area/City, so that no machine's own settings stand behind a name.
Knows no version; `ledger.domain.language.version` reads those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ledger.domain import ids
from ledger.domain.language.forms import STATUSES
from ledger.domain.language.keys import FORMS
from ledger.domain.language.scope import named
from ledger.domain.language.tree import Node, Reading
from ledger.domain.scheme import Source

ATTRIBUTIONS: Final = ("completed", "payment_due")
_URL: Final = re.compile(r"https?://[!-~]+", re.ASCII)
_TIME_ZONE: Final = re.compile(r"[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]+){1,2}|UTC", re.ASCII)


class Head:
    """The fields of one scheme; reading them notes what is wrong with them."""

    def __init__(self, reading: Reading, top: Mapping[str, Node]) -> None:
        self.reading = reading
        self.scheme = reading.word(top.get("scheme"), "scheme", ids.SCHEME, "ID-JK-PILOT")
        self.title = reading.text(top.get("title"), "title")
        self.status = reading.choice(top.get("status"), "status", {word: word for word in STATUSES}, "draft")
        self.currency = reading.word(top.get("currency"), "currency", ids.CURRENCY, "IDR")
        self.time_zone = self._time_zone(top.get("time_zone"), "time_zone")
        ways = {word: word for word in ATTRIBUTIONS}
        self.attribution = reading.choice(top.get("attribution"), "attribution", ways, "completed")
        self.sources = {key: self._source(key, node) for key, node in named(reading, top.get("sources"), "sources")}
        self.funds = tuple(self._funds(top.get("funds")))
        self.time_zones = tuple(self._time_zones(top.get("time_zones"), top.get("zones")))

    def _time_zone(self, node: Node | None, where: str) -> str:
        text = self.reading.text(node, where)
        if node is not None and text and not is_time_zone(text):
            self.reading.wrong(node, f"{where}: unknown {text[:40]!r}", "write a tz database name: Asia/Jakarta")
            return ""
        return text

    def _source(self, key: str, node: Node) -> Source:
        form = FORMS["source"]
        own = self.reading.mapping(node, f"source {key}", form.required, form.optional)
        title = self.reading.text(own.get("title"), f"source {key}: title")
        url = self.reading.word(own.get("url"), f"source {key}: url", _URL, "https://example.org/order")
        return Source(key, title, url)

    def _funds(self, node: Node | None) -> list[str]:
        if node is None:
            return []
        if not isinstance(node.value, dict) or not node.value:
            self.reading.wrong(node, "funds: expected funds with their titles", 'write {JKK: "work accident"}')
            return []
        for fund, title in node.value.items():
            if ids.FUND.fullmatch(fund) is None:
                self.reading.wrong(title, f"funds: expected a fund like JKK, got {fund[:40]!r}", "use capitals")
            self.reading.text(title, f"funds: {fund[:40]}")
        return list(node.value)

    def _time_zones(self, node: Node | None, zones: Node | None) -> list[tuple[str, str]]:
        if node is None:
            return []
        if not isinstance(node.value, dict) or not node.value:
            told = "time_zones: expected zones with their time zones"
            self.reading.wrong(node, told, "write {US-UT: America/Denver}")
            return []
        found: list[tuple[str, str]] = []
        scope = self.reading.words(zones, "zones", ids.ZONE, "US-NY")
        for zone, child in node.value.items():
            if ids.ZONE.fullmatch(zone) is None:
                told = f"time_zones: expected a zone like US-UT, got {zone[:40]!r}"
                self.reading.wrong(child, told, "use the zone codes of gigs")
            elif scope and not any(ids.zone_covers(own, zone) or ids.zone_covers(zone, own) for own in scope):
                told = f"time_zones: {zone} lies in none of the scheme's zones"
                self.reading.wrong(child, told, f"zones: {', '.join(scope)}")
            found.append((zone, self._time_zone(child, f"time_zones: {zone[:40]}")))
        return sorted(found)


@lru_cache(maxsize=512)
def is_time_zone(name: str) -> bool:
    """Tell whether the tz database has a time zone of this name (Area/City, or UTC)."""
    if _TIME_ZONE.fullmatch(name) is None:
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
        return False
    except KeyError:  # ZoneInfoNotFoundError
        return False
    return True
