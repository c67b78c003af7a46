"""`iuran scheme`: list, show, check, test and enact schemes, and programmes that switch one on city by city.

Where they lie is told in `deploy.cli.scheme_files`. A door: prints, and turns problems into exit codes (0 all well, 1
something does not hold, 2 wrong use). Only `enact` needs a ledger; everything else is pure and starts without Kafka or
PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table as View

from deploy.cli.scheme_cases import print_json, print_table, run_files
from deploy.cli.scheme_files import (
    SHIPPED,
    Shelf,
    is_programme_file,
    load_file,
    load_folder,
    load_programme_file,
    load_shelf,
    paths_of,
)
from ledger.domain.language.document import Document
from ledger.domain.language.expansion import City
from ledger.domain.language.programme import Programme
from ledger.domain.language.tree import Problem, SchemeError
from ledger.domain.money import Rate
from ledger.domain.quantity import decimal
from ledger.domain.scheme import Rule, Version

__all__ = ["SHIPPED", "app", "load_file", "load_folder", "shipped"]

app = typer.Typer(name="scheme", no_args_is_help=True, help="Schemes: list, show, check, test, enact.")
_WIDE: Final = 160

SchemesDir = Annotated[Path, typer.Option("--schemes", help="folder of scheme files to use instead of the shipped")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def shipped() -> dict[str, Document]:
    """Give the schemes that come with Iuran, by id, those of its programmes' cities too."""
    return load_folder(SHIPPED)


@app.command("list")
def list_schemes(schemes: SchemesDir = SHIPPED, as_json: AsJson = False) -> None:
    """List schemes and their versions."""
    shelf = _load(schemes)
    versions = [version for document in shelf.schemes.values() for version in document.versions]
    if as_json:
        rows = [_summary(version) | {"programme": shelf.programme_of(version.scheme) or None} for version in versions]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    view = View("scheme", "version", "status", "currency", "zones", "funds", "confidence", "title")
    for version in versions:
        said = _summary(version)
        funds = ", ".join(said["funds"])
        zones = ", ".join(version.zones) or "all"
        view.add_row(
            *(
                version.scheme,
                version.id,
                version.status,
                version.currency,
                zones,
                funds,
                said["confidence"],
                version.title,
            )
        )
    _console().print(view)
    for programme in shelf.programmes.values():
        print(
            f"programme {programme.programme}: {len(programme.cities)} cities; iuran scheme show {programme.programme}"
        )


@app.command()
def show(
    scheme: Annotated[str, typer.Argument(help="id of a scheme or programme, or a YAML file")],
    version: Annotated[str | None, typer.Option("--version", help="one version; default: the newest")] = None,
    canonical: Annotated[bool, typer.Option("--canonical", help="print the exact text that is enacted")] = False,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Show one version of a scheme: every rule, figure and source, and its digest; or a programme and its cities."""
    document = _chosen(scheme, schemes)
    if isinstance(document, Programme):
        if version or canonical:
            raise typer.BadParameter(f"{document.programme} is a programme: name the scheme of one of its cities")
        _show_programme(document)
        return
    chosen = _version(document, version) if version else document.versions[-1]
    if canonical:
        typer.echo(chosen.text, nl=False)
        return
    print(f"{chosen.scheme} {chosen.id} ({chosen.status}): {chosen.title}")
    print(f"digest  {chosen.digest}")
    print(f"scope   {', '.join(chosen.zones) or 'all zones'}; {', '.join(chosen.platforms) or 'all platforms'}")
    print(f"money   {chosen.currency}, {chosen.minor_digits} decimals; days as in {chosen.time_zone}\n")
    print(json.dumps(json.loads(chosen.text)["version"], indent=2, ensure_ascii=False))
    print("\nsources")
    for source in chosen.sources:
        print(f"  {source.key}: {source.title} {source.url}".rstrip())
    others = ", ".join(each.id for each in document.versions)
    print(f"\nversions: {others}")


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="files of schemes or programmes; default: all")] = None,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Read files of schemes and programmes and report every problem, with line and mend."""
    problems: list[Problem] = []
    for path in paths or paths_of(schemes):
        try:
            if is_programme_file(path):
                programme = load_programme_file(path, schemes)
                print(f"{path}: {programme.programme}, {len(programme.cities)} city(s), well-formed")
            else:
                document = load_file(path)
                print(f"{path}: {document.scheme}, {len(document.versions)} version(s), well-formed")
        except SchemeError as error:
            problems += error.problems
    for problem in problems:
        print(problem)
    raise typer.Exit(1 if problems else 0)


@app.command()
def test(
    paths: Annotated[list[Path] | None, typer.Argument(help="case files or folders; default: all shipped")] = None,
    schemes: SchemesDir = SHIPPED,
    as_json: AsJson = False,
) -> None:
    """Run case files: exit 0 if every row holds, else 1 with expected and got side by side."""
    tested = run_files(paths or [SHIPPED / "cases"], _load(schemes).schemes)
    (print_json if as_json else print_table)(tested)
    raise typer.Exit(0 if tested.holds else 1)


@app.command()
def enact(
    scheme: Annotated[str, typer.Argument(help="id of a scheme or programme, or a YAML file")],
    version: Annotated[str | None, typer.Option("--version", help="only this version of a scheme")] = None,
    city: Annotated[str | None, typer.Option("--city", help="only this city of a programme, by its zone")] = None,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Switch a scheme on: write its versions, oldest first, into every journal. Drafts are refused.

    Of a programme those of all its cities, also of those whose day is still to come: a version waits for its day.
    """
    from deploy.cli.ledger import enact_version
    from ledger.settings import load

    versions = _to_enact(_chosen(scheme, schemes), version, city)
    settings = load()
    for each in versions:
        enact_version(settings, each)
        print(f"{each.scheme} {each.id} enacted, digest {each.digest}")


def _to_enact(chosen: Document | Programme, version: str | None, city: str | None) -> list[Version]:
    """Give the versions that are meant, in the order in which they are enacted. Raises BadParameter for wrong use."""
    name = chosen.programme if isinstance(chosen, Programme) else chosen.scheme
    if chosen.status == "draft":
        raise typer.BadParameter(f"{name} is a draft: drafts are computed beside the law, never enacted")
    if isinstance(chosen, Document):
        if city is not None:
            raise typer.BadParameter(f"--city goes with a programme; {name} is a scheme")
        return [_version(chosen, version)] if version else [*chosen.versions]
    if version is not None:
        raise typer.BadParameter(f"--version goes with a scheme; {name} is a programme: name the scheme of a city")
    pairs = [pair for pair in zip(chosen.cities, chosen.documents, strict=True) if city in (None, pair[0].zone)]
    if not pairs:
        known = ", ".join(each.zone for each in chosen.cities)
        raise typer.BadParameter(f"{name} has no city {city!r}; there are {known}")
    return [each for _, document in pairs for each in document.versions]


@contextmanager
def _problems() -> Iterator[None]:
    """Print the problems of what cannot be read, and end with exit code 1."""
    try:
        yield
    except SchemeError as error:
        for problem in error.problems:
            print(problem)
        raise typer.Exit(1) from error


def _load(folder: Path) -> Shelf:
    with _problems():
        return load_shelf(folder)


def _chosen(name: str, schemes: Path) -> Document | Programme:
    if name.endswith((".yaml", ".yml")):
        with _problems():
            path = Path(name)
            return load_programme_file(path, schemes) if is_programme_file(path) else load_file(path)
    shelf = _load(schemes)
    found = shelf.schemes.get(name) or shelf.programmes.get(name)
    if found is None:
        known = ", ".join([*sorted(shelf.schemes), *sorted(shelf.programmes)])
        raise typer.BadParameter(f"unknown scheme {name!r}; there are {known}")
    return found


def _show_programme(programme: Programme) -> None:
    print(f"{programme.programme} ({programme.status}): {programme.title}")
    print(f"scheme {programme.scheme}, switched on in {len(programme.cities)} cities")
    view = View("city", "zone", "scheme", "from", "until", "co-financing")
    for city, document in zip(programme.cities, programme.documents, strict=True):
        until = "" if city.until is None else city.until.isoformat()
        view.add_row(city.name, city.zone, city.scheme, city.start.isoformat(), until, _financed(city, document))
    _console().print(view)


def _financed(city: City, document: Document) -> str:
    """Give what each version says of the rules that the city's co-financing speaks of, a line a version."""
    paid = {(share.fund, share.payer) for share in city.shares}
    paid |= {(share.fund, str(share.own["paid_by"].value)) for share in city.shares if "paid_by" in share.own}
    told = []
    for version in document.versions if paid else ():
        said = [_rule(rule) for rule in version.rules if (rule.fund, rule.payer) in paid]
        day = f"{version.id}: " if len(document.versions) > 1 else ""
        told.append(day + (", ".join(said) or "no rules"))
    return "\n".join(told)


def _rule(rule: Rule) -> str:
    rate = decimal(Fraction(*rule.rate)) if isinstance(rule.rate, Rate) else rule.rate or rule.amount
    cap = f" to {decimal(rule.cap.amount)}" if rule.cap is not None and rule.cap.amount is not None else ""
    return f"{rule.fund} by {rule.payer} {rate}{cap}"


def _version(document: Document, name: str) -> Version:
    for version in document.versions:
        if version.id == name:
            return version
    known = ", ".join(version.id for version in document.versions)
    raise typer.BadParameter(f"{document.scheme} has no version {name!r}; there are {known}")


def _summary(version: Version) -> dict[str, Any]:
    cites = [version.cite, *(rule.rate_cite for rule in version.rules), *(rule.rounding.cite for rule in version.rules)]
    cites += [measure.cite for measure in version.measures] + [line.cite for line in version.lines]
    cites += [parameter.cite for parameter in version.parameters] + [notice.cite for notice in version.notices]
    cites += [row.cite for table in version.tables for row in table.rows]
    return {
        "scheme": version.scheme,
        "version": version.id,
        "status": version.status,
        "title": version.title,
        "currency": version.currency,
        "time_zone": version.time_zone,
        "zones": list(version.zones),
        "funds": list(dict.fromkeys(rule.fund for rule in version.rules)),
        "confidence": "verified" if all(cite.verified for cite in cites) else "unverified in part",
        "digest": version.digest,
    }


def _console() -> Console:
    # In a pipe nobody can widen the window: keep rows on one line there.
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)
