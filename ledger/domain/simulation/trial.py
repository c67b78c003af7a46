"""What a simulation compares: two sides, each a choice of scheme versions, and what is assumed for both.

A side is judged by the version in force on each window's own last day, or as of one day whatever the window (a law on
trial acts on gigs that happened before it). Values only, so that a trial travels between processes; the registries are
made where they are used. Drafts may act here: nothing of a simulation is ever journaled (L2 is not touched).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final, NamedTuple

from ledger.domain.attributes import PLATFORM, WORKER, read
from ledger.domain.language.document import Document
from ledger.domain.period import Span
from ledger.domain.quantity import exact
from ledger.domain.registry import Registry
from ledger.domain.scheme import Version

IN_FORCE: Final = "in-force"
NEWEST: Final = "newest"
BEFORE: Final = 0
AFTER: Final = 1
"""Places of the two sides wherever a pair of figures stands."""


class ChoiceError(ValueError):
    """A choice that names no version of the scheme; the message says which there are."""


class Chosen(NamedTuple):
    """One side: versions of one scheme, or of several that are in force together (`together`). `as_of` None: each
    window by the version in force on its last day.
    """

    scheme: str
    title: str
    status: str
    versions: tuple[Version, ...]
    as_of: date | None

    @property
    def currency(self) -> str:
        """The currency that all its versions share."""
        return self.versions[0].currency

    @property
    def time_zone(self) -> str:
        """The time zone that all its versions share."""
        return self.versions[0].time_zone

    @property
    def label(self) -> str:
        """Scheme and version: `US-NY-BCF 2024-01-01`, or `US-NY-BCF in force`: each window's own version."""
        return f"{self.scheme} in force" if self.as_of is None else f"{self.scheme} {self.acting().id}"

    def acting(self, day: date = date.max, scheme: str = "") -> Version:
        """Give the version that acts on a day (the newest for a day beyond all); the first for a day before all.

        Of several schemes together, that of the one named.
        """
        limit = self.as_of or day
        own = [version for version in self.versions if scheme in ("", version.scheme)]
        ordered = sorted(own, key=lambda v: (v.start, v.revision))
        return next((v for v in reversed(ordered) if v.start <= limit), ordered[0])


class Assumed(NamedTuple):
    """What is taken for granted where the events do not say it. As (key, value) pairs, so that it can be hashed.

    `attributes` of every worker who states none of that name; `platforms` ((platform, attribute), value);
    `parameters` ((scheme, name), value).
    """

    attributes: tuple[tuple[str, str], ...] = ()
    platforms: tuple[tuple[tuple[str, str], str], ...] = ()
    parameters: tuple[tuple[tuple[str, str], Fraction], ...] = ()


class Stated(NamedTuple):
    """What an act said of a platform: its attributes, as written, from a day on."""

    platform: str
    attributes: tuple[tuple[str, str | bool], ...]
    from_day: date


class Trial(NamedTuple):
    """Both sides: what is tried, and what it is held against (None: nothing, so that all of it is new).

    `stated`: what a ledger's acts say of platforms; an assumption about the same attribute comes first.
    `closes`: the days whose windows are taken as over once all facts are told; None while that is not known.
    """

    tried: Chosen
    against: Chosen | None
    assumed: Assumed = Assumed()
    stated: tuple[Stated, ...] = ()
    closes: Span | None = None

    def sides(self) -> Sides:
        """Give the registries, each pair in the order BEFORE, AFTER. Raises EnactError and ValueError."""
        going = self._registry(self.against), self._registry(self.tried)
        period = self.closes
        if period is None:
            return Sides(going, going)
        return Sides(going, (going[0].close(period, None), going[1].close(period, None)))

    def _registry(self, chosen: Chosen | None) -> Registry:
        if chosen is None:
            return Registry()
        platforms = _by_platform(self.assumed.platforms)
        parameters = dict(self.assumed.parameters)
        registry = Registry(
            chosen.versions, drafts=True, as_of=chosen.as_of, parameters=parameters, platforms=platforms
        )
        for platform, attributes, from_day in self.stated:
            own = {name: raw for name, raw in attributes if name not in platforms.get(platform, {})}
            registry = registry.state(platform, own, from_day) if own else registry
        return registry


class Sides(NamedTuple):
    """The registries of both sides: while facts come, and when the last period is closed."""

    going: tuple[Registry, Registry]
    closed: tuple[Registry, Registry]


def choose(document: Document, which: str = NEWEST) -> Chosen:
    """Give a side: `newest`, `in-force`, a day (as of it) or a version's id (that one alone).

    Raises ChoiceError for a day before the first version, or an id that the scheme does not have.
    """
    versions = tuple(sorted(document.versions, key=lambda v: (v.start, v.revision)))
    if which == IN_FORCE:
        return Chosen(document.scheme, document.title, document.status, versions, None)
    if which == NEWEST:
        return _alone(document, versions[-1])
    named = [version for version in versions if version.id == which]
    if named and named[0].revision > 1:
        return _alone(document, named[0])
    known = ", ".join(version.id for version in versions)
    try:
        day = date.fromisoformat(which)
    except ValueError:
        raise ChoiceError(f"{document.scheme}: expected a day, {IN_FORCE} or one of {known}, got {which!r}") from None
    acting = [version for version in versions if version.start <= day]
    if not acting:
        raise ChoiceError(f"{document.scheme}: expected a day from {versions[0].id} on, got {which}")
    return _alone(document, acting[-1])


def together(sides: Sequence[Chosen]) -> Chosen:
    """Give one side of several: schemes that are in force beside one another, each by its own versions.

    Raises ChoiceError for a version chosen alone, another currency, or a scheme named twice.
    """
    if len(sides) == 1:
        return sides[0]
    first = sides[0]
    for number, side in enumerate(sides):
        if side.as_of is not None:
            raise ChoiceError(f"{side.label}: expected schemes {IN_FORCE} where several are named, got one version")
        if side.currency != first.currency:
            raise ChoiceError(f"{side.scheme}: expected a scheme in {first.currency} like {first.scheme}")
        if side.scheme in [other.scheme for other in sides[:number]]:
            raise ChoiceError(f"{side.scheme}: expected each scheme once, got it twice")
    status = next((side.status for side in sides if side.status != "in force"), first.status)
    versions = tuple(version for side in sides for version in side.versions)
    return Chosen(" + ".join(s.scheme for s in sides), "; ".join(s.title for s in sides), status, versions, None)


def _alone(document: Document, version: Version) -> Chosen:
    return Chosen(document.scheme, document.title, document.status, (version,), version.start)


def acting_versions(chosen: Chosen, days: Span) -> list[Version]:
    """Give the versions that act on some day of a span, oldest first."""
    if chosen.as_of is not None:
        return [chosen.acting()]
    found: dict[tuple[str, str], Version] = {}
    for scheme in dict.fromkeys(version.scheme for version in chosen.versions):
        day = days.first
        while day <= days.last:
            version = chosen.acting(day, scheme)
            if version.start <= day:
                found.setdefault((scheme, version.id), version)
            day += timedelta(days=1)
    return sorted(found.values(), key=lambda v: (v.start, v.revision, v.scheme))


def assume(words: Iterable[str]) -> Assumed:
    """Read assumptions: `worker.<attribute>=V`, `platform.<name>.<attribute>=V`, `<SCHEME>.<parameter>=V`.

    Raises ChoiceError for another form.
    """
    attributes: dict[str, str] = {}
    platforms: dict[tuple[str, str], str] = {}
    parameters: dict[tuple[str, str], Fraction] = {}
    for word in words:
        name, equals, value = word.partition("=")
        parts = name.split(".")
        if not equals or not value or len(parts) < 2 or not all(parts):
            raise ChoiceError(f"assumption: expected worker.basis=1000000 or the like, got {word!r}")
        try:
            if parts[0] == "worker" and len(parts) == 2:
                read(WORKER, parts[1], raw_of(parts[1], value))
                attributes[parts[1]] = value
            elif parts[0] == "platform" and len(parts) == 3:
                read(PLATFORM, parts[2], value)
                platforms[parts[1], parts[2]] = value
            elif parts[0].isupper() and len(parts) == 2:
                parameters[parts[0], parts[1]] = Fraction(exact(value))
            else:
                raise ValueError("expected worker.A=V, platform.P.A=V or SCHEME.P=V")
        except ValueError as error:
            raise ChoiceError(f"assumption {word!r}: {error}") from error
    return Assumed(tuple(attributes.items()), tuple(platforms.items()), tuple(parameters.items()))


def raw_of(attribute: str, value: str) -> str | list[str]:
    """Give a worker's attribute as events write it, from the text of an assumption: `JKK,JKM` is a list where due."""
    return value.split(",") if WORKER.get(attribute) == "list" else value


def _by_platform(pairs: Iterable[tuple[tuple[str, str], str]]) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for (platform, attribute), value in pairs:
        found.setdefault(platform, {})[attribute] = value
    return found
