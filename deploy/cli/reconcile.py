"""`iuran scheme reconcile`: real trips with the charge that was really levied, held against a scheme, trip by trip.

Rows become gigs by their map and pass the ledger's own checks; what the platform declared is never believed, only
compared. The verdicts are those of `ledger.domain.reconcile`; here are files, the trial accrual and the tables. Without
arguments the shipped sample of New York is taken. Exit code 1 only where nothing could be compared.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table as View

from contracts.codec import Gate, Record, decode
from contracts.currencies import EXPONENTS
from contracts.events import Event, GigCompleted
from contracts.topics import gigs_topic, partition_of
from ledger.domain import reconcile as reconciling
from ledger.domain.accrual import accrue
from ledger.domain.ids import payer_kind
from ledger.domain.language.document import load_document
from ledger.domain.language.tree import SchemeError
from ledger.domain.money import Rate, format_amount
from ledger.domain.period import GIG, local_day
from ledger.domain.quantity import decimal, decimal_places, exact
from ledger.domain.reconcile import HYPOTHESES, UNEXPLAINED, Levy, Reconciliation, Trip
from ledger.domain.registry import Registry
from ledger.domain.standing import Account
from ledger.intake import gig_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from ledger.domain.earning import Gig
    from ledger.domain.language.document import Document
    from ledger.domain.scheme import Rule, Version
    from streams.publishing.maps import Map

_PACKAGE: Final = files("contracts")
SHIPPED: Final = Path(str(_PACKAGE / "schemes"))
SAMPLE: Final = Path(str(_PACKAGE / "samples" / "nyc_hvfhv_2020-04.csv.gz"))
_WIDE: Final = 160
_SHOWN_MAX: Final = 20


class Compared(NamedTuple):
    """All trips of a file: what is held against what (in words), what came out, the rows that are no gig or declare
    nothing, and the minor digits.
    """

    what: str

    outcome: Reconciliation
    undeclared: int
    refused: int
    minor_digits: int


class Unfit(ValueError):
    """The files or the scheme do not fit; one line per problem."""


def register(app: typer.Typer) -> None:
    """Add the command to the group `iuran scheme`."""
    app.command("reconcile")(reconcile)


def reconcile(
    scheme: Annotated[str, typer.Argument(help="a shipped scheme's id, or a YAML file")] = "US-NY-BCF",
    events: Annotated[Path | None, typer.Option("--events", help="CSV or JSONL; default: New York, April 2020")] = None,
    map_path: Annotated[Path | None, typer.Option("--map", help="how rows become gigs")] = None,
    tax_column: Annotated[
        str, typer.Option(help="column of another tax on the same fare, if there is one")
    ] = "sales_tax",
    tax_rate: Annotated[str, typer.Option(help="that tax's rate; New York City's sales tax is 8.875 %")] = "0.08875",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """State how many real trips the scheme reproduces to the cent, per company, and explain the rest by rule."""
    try:
        compared = compare(_document(scheme), events or SAMPLE, map_path, tax_column, tax_rate)
    except (Unfit, SchemeError, ValueError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    if as_json:
        print(json.dumps(_as_json(compared, scheme), indent=2, ensure_ascii=False))
    else:
        _print(compared, scheme)


def compare(document: Document, path: Path, map_path: Path | None, tax_column: str, tax_rate: str) -> Compared:
    """Accrue each gig of a file under the scheme, by itself, and hold it against what was declared as levied.

    Raises Unfit when file, map or scheme do not fit, or no trip declares anything for the scheme.
    """
    registry = Registry(document.versions, drafts=True)
    taxes = _taxes(path, map_path, tax_column, Fraction(exact(tax_rate)))
    trips: list[Trip] = []
    levies: list[Levy] = []
    versions: dict[str, Rule] = {}
    days: set[date] = set()
    undeclared = refused = 0
    for line, platform, event in _heard(path, map_path):
        if not isinstance(event, Event) or not isinstance(event.data, GigCompleted):
            refused += 1
            continue
        found = _declared(event.data, document.scheme)
        if found is None:
            undeclared += 1
            continue
        gig = _gig(event)
        version, rule = _in_force(document, gig)
        digits = version.minor_digits
        posted = _posted(gig, registry, rule)
        parts = tuple((part.kind, part.amount_minor) for part in gig.components)
        levied = int(Fraction(exact(found)) * 10**digits)
        taxed = taxes[line] * 10**digits if line in taxes else None
        trips.append(Trip(platform, line, parts, posted, levied, taxed))
        levies.append(_levy(version, rule))
        versions[version.id] = rule
        days.add(local_day(version.time_zone, gig.occurred_at))
    if not trips:
        raise Unfit(f"{path}: expected gigs that declare a charge for {document.scheme}, got none")
    what = _what(document, versions, days, path, len(trips))
    return Compared(what, reconciling.reconcile(trips, levies), undeclared, refused, document.versions[0].minor_digits)


def _what(document: Document, versions: dict[str, Rule], days: set[date], path: Path, trips: int) -> str:
    """Say in words what is compared: for somebody who reads the tables and nothing else."""
    rates = [
        f"{decimal(Fraction(*rule.rate) * 100)} % ({version})" if isinstance(rule.rate, Rate) else version
        for version, rule in versions.items()
    ]
    when = " to ".join(dict.fromkeys(day.isoformat() for day in (min(days), max(days))))
    return (
        f"{document.scheme}, {', '.join(rates)}: what Iuran computes for each of {trips:,} trips of {path.name},\n"
        f"{when}, beside the charge that the company itself recorded for it. What differs is held against variants\n"
        "of the rule, one by one; that one agrees is no proof of it."
    )


def _document(scheme: str) -> Document:
    path = Path(scheme) if scheme.endswith((".yaml", ".yml")) else SHIPPED / f"{scheme}.yaml"
    try:
        return load_document(path.read_text(encoding="utf-8"), str(path), EXPONENTS)
    except OSError as error:
        raise Unfit(f"{scheme}: expected a shipped scheme or a YAML file, got {error.strerror}") from error


def _rule(path: Path, map_path: Path | None) -> Map | None:
    from deploy.cli.publish import map_for
    from streams.publishing.maps import MapError
    from streams.publishing.rows import FileUnfit

    try:
        return map_for(path, map_path)
    except (MapError, FileUnfit) as error:
        raise Unfit(str(error)) from error


def _heard(path: Path, map_path: Path | None) -> Iterator[tuple[int, str, object]]:
    """Give (line, platform, event or refusal) of each row that a platform of the map owns."""
    from streams.publishing.mapping import Ready
    from streams.publishing.mapping import events as read
    from streams.publishing.rows import Bad, FileUnfit

    rule = _rule(path, map_path)
    if rule is None:
        raise Unfit(f"{path}: expected a map that says whose rows they are, got none; name one with --map")
    now = time.time_ns() // 1_000_000
    try:
        for platform in rule.platforms():
            for row in read(path, platform, rule):
                if isinstance(row, Ready):
                    partition = partition_of(row.key, 1)
                    record = Record(gigs_topic(platform), partition, 0, now, row.key, row.value, ())
                    yield row.line, platform, decode(record, Gate(platform, 1))
                elif isinstance(row, Bad) and platform == rule.platforms()[0]:
                    yield row.line, platform, row
    except FileUnfit as error:
        raise Unfit(str(error)) from error


def _taxes(path: Path, map_path: Path | None, column: str, rate: Fraction) -> dict[int, Fraction]:
    """Give the base that each row's tax implies, in the currency's unit, by line; none without such a column."""
    from streams.publishing.rows import Row, is_json, read_csv

    rule = _rule(path, map_path)
    if rule is None or is_json(path) or column not in rule.columns() | rule.left_out.keys():
        return {}
    rows = read_csv(path, rule.columns(), frozenset(rule.left_out))
    cells = {row.line: row.cells[column].strip() for row in rows if isinstance(row, Row)}
    return {line: Fraction(exact(cell)) / rate for line, cell in cells.items() if cell}


def _declared(gig: GigCompleted, scheme: str) -> str | None:
    rows = gig.declared if isinstance(gig.declared, (list, tuple)) else ()
    return next((row.amount for row in rows if row.scheme == scheme), None)


def _gig(event: Event) -> Gig:
    if not isinstance(event.data, GigCompleted):
        raise Unfit("event: expected a completed gig, got another")
    return gig_of(
        event.source, event.subject, event.occurred_at, event.data, event.amounts_minor, event.commission_minor
    )


def _in_force(document: Document, gig: Gig) -> tuple[Version, Rule]:
    """Give the version that a gig falls under and its one percentage. Raises Unfit where it is no plain percentage."""
    day = local_day(document.versions[0].time_zone, gig.occurred_at)
    held = [each for each in document.versions if each.start <= day]
    version = held[-1] if held else None
    if version is None:
        raise Unfit(f"{document.scheme}: expected a version in force on {day}, got none")
    rules = [rule for rule in version.rules if rule.window == GIG and rule.base is not None]
    if len(rules) != 1:
        raise Unfit(f"{document.scheme} {version.id}: expected one percentage per gig, got {len(rules)}")
    return version, rules[0]


def _posted(gig: Gig, registry: Registry, rule: Rule) -> int:
    own = (rule.fund, rule.payer)
    rows = accrue(gig, Account(), registry).contributions
    return sum(row.amount for row in rows if (row.fund, payer_kind(row.payer)) == own)


def _levy(version: Version, rule: Rule) -> Levy:
    if rule.base is None or not isinstance(rule.rate, Rate):
        raise Unfit(f"{version.scheme} {version.id}: expected a rate written in the rule, got a parameter")
    step = rule.rounding.step * 10**version.minor_digits
    return Levy(version.measure(rule.base).include, rule.rate, rule.rounding.mode, int(step))


def _as_json(compared: Compared, scheme: str) -> dict[str, Any]:
    outcome, digits = compared.outcome, compared.minor_digits
    return {
        "scheme": scheme,
        "trips": outcome.trips(),
        "reproduced": outcome.reproduced(),
        "explained": outcome.explained(),
        "not_levied": outcome.not_levied(),
        "what": compared.what,
        "undeclared": compared.undeclared,
        "refused": compared.refused,
        "platforms": {
            platform: {
                "trips": outcome.trips(platform),
                "reproduced": outcome.reproduced(platform),
                "explained": outcome.explained(platform),
                "first": {key: outcome.first[platform, key] for key in _keys() if outcome.first[platform, key]},
                "alone": {key: outcome.alone[platform, key] for key in _keys() if key != UNEXPLAINED},
                "closest": outcome.closest(platform)[0],
            }
            for platform in outcome.platforms
        },
        "words": {key: reconciling.words(key) for key in _keys()},
        "differing": [
            {
                "platform": trip.platform,
                "line": trip.line,
                "posted": format_amount(trip.posted, digits),
                "levied": format_amount(trip.levied, digits),
                "verdict": key,
            }
            for trip, key in outcome.verdicts
            if key != reconciling.POSTED
        ],
    }


def _print(compared: Compared, scheme: str) -> None:
    outcome = compared.outcome
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=_WIDE)
    print(f"{compared.what}\n")
    console.print(_table(outcome, outcome.first, "what was levied: the first explanation that gives it", [*_keys()]))
    single = [each.key for each in reconciling.SINGLE]
    console.print(_table(outcome, outcome.alone, "each explanation alone, tried on all trips", single))
    for platform in outcome.platforms:
        key, count = outcome.closest(platform)
        trips, own = outcome.trips(platform), outcome.reproduced(platform)
        share = decimal_places(Fraction(100 * own, trips), 1)
        said = f"{platform}: {own} of {trips} trips to the cent ({share} %); as a rule of its own "
        said += f"{reconciling.words(key)!r} comes closest, {count} of {trips}"
        console.print(said, highlight=False, markup=False)
    odd = [(trip, key) for trip, key in outcome.verdicts if key in (UNEXPLAINED, reconciling.CENT_OFF)]
    for trip, key in odd[:_SHOWN_MAX]:
        posted, levied = (format_amount(minor, compared.minor_digits) for minor in (trip.posted, trip.levied))
        said = f"line {trip.line} ({trip.platform}): posted {posted}, levied {levied}: {reconciling.words(key)}"
        console.print(said, highlight=False, markup=False)
    if len(odd) > _SHOWN_MAX:
        console.print(f"and {len(odd) - _SHOWN_MAX} more; --json names them all", highlight=False)
    unclear = outcome.trips() - outcome.reproduced() - outcome.explained() - outcome.not_levied()
    left = f"; {compared.undeclared} gigs declare nothing, {compared.refused} rows are no gigs"
    print(
        f"{scheme}: {outcome.reproduced()} of {outcome.trips()} real trips reproduced to the cent, "
        f"{outcome.explained()} more explained by rule, {outcome.not_levied()} carry no charge, {unclear} not explained"
        f"{left if compared.undeclared or compared.refused else ''}"
    )


def _table(outcome: Reconciliation, counts: Counter[tuple[str, str]], title: str, keys: Sequence[str]) -> View:
    """Give a table of counts: an explanation a row, a company a column; rows of noughts are left out."""
    columns = [f"{platform} ({outcome.trips(platform)})" for platform in outcome.platforms]
    view = View("explanation", *columns, f"all ({outcome.trips()})", title=title, title_justify="left")
    for key in keys:
        if total := outcome.tally(counts, key):
            own = [str(counts[platform, key]) for platform in outcome.platforms]
            view.add_row(reconciling.words(key), *own, str(total))
    return view


def _keys() -> tuple[str, ...]:
    return (*(each.key for each in HYPOTHESES), UNEXPLAINED)
