"""`iuran scheme`: list, show, check, test and enact schemes.

Shipped schemes lie in the package `contracts` under `schemes/`, one YAML file each, their cases in `schemes/cases/`.
A door: opens files, prints, and turns problems into exit codes (0 all well, 1 something does not hold, 2 wrong use).
Only `enact` needs a ledger; everything else is pure and starts without Kafka or PostgreSQL.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table as View

from contracts.currencies import EXPONENTS
from ledger.domain.casefile import read_cases
from ledger.domain.cases import CaseResult, run_case
from ledger.domain.document import Document, load_document
from ledger.domain.scheme import Version
from ledger.domain.tree import Problem, SchemeError

app = typer.Typer(name="scheme", no_args_is_help=True, help="Schemes: list, show, check, test, enact.")
SHIPPED: Final = Path(str(files("contracts") / "schemes"))
_WIDE: Final = 160

SchemesDir = Annotated[Path, typer.Option("--schemes", help="folder of scheme files to use instead of the shipped")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def load_folder(folder: Path) -> dict[str, Document]:
    """Give the schemes of a folder's YAML files, by id.

    Raises SchemeError with the problems of all files; a scheme in two files, or a folder without any, is one.
    """
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")) if folder.is_dir() else []
    if not paths:
        problems.append(Problem(str(folder), 1, "folder: expected scheme files, got none", "name a folder of *.yaml"))
    for path in paths:
        try:
            document = load_file(path)
        except SchemeError as error:
            problems += error.problems
            continue
        if document.scheme in documents:
            other = documents[document.scheme].file
            problems.append(Problem(str(path), 1, f"scheme {document.scheme}: stands in {other} too", "keep one"))
        documents[document.scheme] = document
    if problems:
        raise SchemeError(problems)
    return documents


def load_file(path: Path) -> Document:
    """Give the scheme of one YAML file. Raises SchemeError with all its problems."""
    return load_document(_read(path), str(path), EXPONENTS)


def shipped() -> dict[str, Document]:
    """Give the schemes that come with Iuran, by id."""
    return load_folder(SHIPPED)


@app.command("list")
def list_schemes(schemes: SchemesDir = SHIPPED, as_json: AsJson = False) -> None:
    """List schemes and their versions."""
    rows = [(document, version) for document in _load(schemes).values() for version in document.versions]
    if as_json:
        print(json.dumps([_summary(version) for _, version in rows], indent=2, ensure_ascii=False))
        return
    view = View("scheme", "version", "status", "currency", "zones", "funds", "confidence", "title")
    for _, version in rows:
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


@app.command()
def show(
    scheme: Annotated[str, typer.Argument(help="a scheme's id, or a YAML file")],
    version: Annotated[str | None, typer.Option("--version", help="one version; default: the newest")] = None,
    canonical: Annotated[bool, typer.Option("--canonical", help="print the exact text that is enacted")] = False,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Show one version of a scheme: every rule, figure and source, and its digest."""
    document = _document(scheme, schemes)
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
    paths: Annotated[list[Path] | None, typer.Argument(help="scheme files; default: all shipped")] = None,
) -> None:
    """Read scheme files and report every problem, with line and mend."""
    problems: list[Problem] = []
    chosen = paths or sorted(SHIPPED.glob("*.yaml"))
    for path in chosen:
        try:
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
) -> None:
    """Run case files: exit 0 if every row holds, else 1 with expected and got side by side."""
    documents = _load(schemes)
    unread: list[Problem] = []
    results: list[CaseResult] = []
    for path in _case_files(paths or [SHIPPED / "cases"], unread):
        try:
            results += [run_case(case, documents, EXPONENTS) for case in read_cases(_read(path), str(path))]
        except SchemeError as error:
            unread += error.problems
    for problem in unread:
        print(problem)
    _print_failures(results)
    failed = sum(not result.holds for result in results)
    checks = [check for result in results for check in result.checks]
    # By case, not by row: one published table may be spread over many rows.
    published = [result for result in results if result.case.basis == "published"]
    print(
        f"{len(results)} cases, {failed} failed, {len(unread)} problems in files; "
        f"{sum(check.holds for check in checks)} of {len(checks)} rows hold; "
        f"{sum(result.holds for result in published)} of {len(published)} cases of published figures reproduced"
    )
    raise typer.Exit(1 if failed or unread or not results else 0)


@app.command()
def enact(
    scheme: Annotated[str, typer.Argument(help="a shipped scheme's id, or a YAML file")],
    version: Annotated[str | None, typer.Option("--version", help="only this version")] = None,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Switch a scheme on: write its versions, oldest first, into every journal. Drafts are refused."""
    from deploy.cli.ledger import enact_version
    from ledger.settings import load

    document = _document(scheme, schemes)
    if document.status == "draft":
        raise typer.BadParameter(f"{document.scheme} is a draft: drafts are computed beside the law, never enacted")
    settings = load()
    for each in [_version(document, version)] if version else document.versions:
        enact_version(settings, each)
        print(f"{each.scheme} {each.id} enacted, digest {each.digest}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SchemeError([Problem(str(path), 1, "file: expected UTF-8", "save it as UTF-8")]) from error
    except OSError as error:
        raise SchemeError([Problem(str(path), 1, f"file: {error.strerror}", "name a file that is there")]) from error


def _load(folder: Path) -> dict[str, Document]:
    try:
        return load_folder(folder)
    except SchemeError as error:
        for problem in error.problems:
            print(problem)
        raise typer.Exit(1) from error


def _document(scheme: str, schemes: Path) -> Document:
    if scheme.endswith((".yaml", ".yml")):
        try:
            return load_file(Path(scheme))
        except SchemeError as error:
            for problem in error.problems:
                print(problem)
            raise typer.Exit(1) from error
    documents = _load(schemes)
    if scheme not in documents:
        raise typer.BadParameter(f"unknown scheme {scheme!r}; there are {', '.join(sorted(documents))}")
    return documents[scheme]


def _version(document: Document, name: str) -> Version:
    for version in document.versions:
        if version.id == name:
            return version
    known = ", ".join(version.id for version in document.versions)
    raise typer.BadParameter(f"{document.scheme} has no version {name!r}; there are {known}")


def _summary(version: Version) -> dict[str, Any]:
    cites = [version.cite, *(rule.rate_cite for rule in version.rules), *(rule.rounding.cite for rule in version.rules)]
    cites += [base.cite for base in version.bases] + [table.cite for table in version.tables]
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


def _case_files(paths: list[Path], unread: list[Problem]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        own = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
        if not own:
            unread.append(Problem(str(path), 1, "folder: expected case files, got none", "name one with *.yaml"))
        found += own
    return found


def _print_failures(results: list[CaseResult]) -> None:
    view = View("case", "line", "what", "expected", "got", title="what does not hold", title_justify="left")
    for result in results:
        if result.error:
            view.add_row(result.case.id, str(result.case.line), "could not be run", "", result.error)
        for row in result.checks:
            if not row.holds:
                view.add_row(result.case.id, str(row.line), row.what, row.expected, row.got)
    if view.row_count:
        _console().print(view)


def _console() -> Console:
    # In a pipe nobody can widen the window: keep rows on one line there.
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)
