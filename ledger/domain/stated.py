"""What was said besides versions: platforms' attributes, closed periods and, in trials, parameters; each from a day on.

Looked up by the registry of the versions in force, which each act gives anew. Values are as written; read when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from ledger.domain.attributes import PLATFORM, PLATFORM_DEFAULTS, Value, read
from ledger.domain.period import Span


@dataclass(frozen=True)
class Acts:
    """What else was said. `parameters` (in trials) by (scheme, name), `platforms` by platform and attribute, each with
    the day from which it holds; `closes`: the periods closed, on one platform or on all (None).
    """

    parameters: Mapping[tuple[str, str], tuple[tuple[int, Fraction], ...]] = field(default_factory=dict)
    platforms: Mapping[str, Mapping[str, tuple[tuple[int, Any], ...]]] = field(default_factory=dict)
    closes: tuple[tuple[Span, str | None], ...] = ()

    def parameter(self, scheme: str, name: str, day: date) -> Fraction | None:
        """Give what a trial says of a parameter on a day; None where it says nothing."""
        found = None
        for since, value in self.parameters.get((scheme, name), ()):
            if since <= day.toordinal():
                found = value
        return found

    def platform_attribute(self, platform: str, name: str, day: date) -> Value:
        """Give a platform's attribute as it stands on a day, else its default."""
        found: Value = PLATFORM_DEFAULTS.get(name)
        for since, raw in self.platforms.get(platform, {}).get(name, ()):
            if since <= day.toordinal():
                found = read(PLATFORM, name, raw)
        return found
