"""`iuran scheme simulate` and `iuran scheme diff`: a scheme tried on real gigs, beside another.

Arguments, the choice of what is compared, and exit codes; the work is done in `deploy.simulate`. The answer goes to
standard output, progress to standard error, files where they are asked for. Exit 0 when there is an answer, 1 when
schemes or rows do not fit (each named, with file and line), 2 for wrong use. Nothing is journaled here: with `--ledger`
entries are only read, and a draft with an error stops this command and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli.progress import terminal
from deploy.cli.scheme import SHIPPED, load_file, load_folder
from ledger.domain.language.tree import SchemeError
from ledger.domain.simulation.trial import (
    IN_FORCE,
    NEWEST,
    Assumed,
    ChoiceError,
    Chosen,
    Trial,
    assume,
    choose,
    together,
)

if TYPE_CHECKING:
    from ledger.domain.language.document import Document
    from ledger.domain.simulation.result import Result
    from ledger.settings import Settings

_WHICH: Final = "FILE.yaml or SCHEME; @DAY, @VERSION or @in-force behind it say which version"
_OUT: Final = Path("-")

New = Annotated[str, typer.Argument(help=f"what is tried: {_WHICH}; default its newest one, on all gigs")]
Events = Annotated[Path | None, typer.Option("--events", help="CSV or JSONL of gigs, also .gz, as for `iuran publish`")]
MapPath = Annotated[Path | None, typer.Option("--map", help="how rows become gigs; samples find theirs by file name")]
Platform = Annotated[str | None, typer.Option("--platform", help="only this platform's gigs")]
Ledger = Annotated[bool, typer.Option("--ledger", help="the ledger's gigs, as far as checkpoints are published")]
Against = Annotated[
    list[str] | None,
    typer.Option(help=f"{_WHICH}; may be repeated: all in force together; or `nothing`; default: the same, in force"),
]
Keep = Annotated[bool, typer.Option("--keep", help="with --ledger: remember, and read only new entries next time")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="write JSON here; - for standard output")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="write CSV here; - for standard output")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="write the report here: one file, needs no network")]
Cores = Annotated[int | None, typer.Option("--cores", min=1, help="processes to use; default: all cores")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="leave out rows that the ledger would refuse")]
Assume = Annotated[
    list[str] | None,
    typer.Option("--assume", help="worker.basis=1000000, platform.gojek.turnover=1, SCHEME.rate=0.05; may be repeated"),
]
SchemesDir = Annotated[Path, typer.Option("--schemes", help="folder of scheme files to use instead of the shipped")]


def register(app: typer.Typer) -> None:
    """Add the commands to `iuran scheme`."""
    app.command("simulate")(simulate)
    app.command("diff")(diff)


def simulate(
    new: New,
    events: Events = None,
    map_path: MapPath = None,
    platform: Platform = None,
    ledger: Ledger = False,
    against: Against = None,
    assumed: Assume = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    keep: Keep = False,
    skip_bad: SkipBad = False,
    cores: Cores = None,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Try a scheme on real gigs: who would pay or gain how much, against the scheme in force. Nothing is journaled."""
    from deploy.simulate.terminal import print_result

    if (events is None) != ledger:
        raise typer.BadParameter("name the gigs: either --events FILE or --ledger")
    if keep and not ledger:
        raise typer.BadParameter("--keep goes with --ledger: a file is read anew each time")
    _only_of_files(ledger, map_path, platform, skip_bad)
    with _refusals():
        tried = _chosen(new, schemes, NEWEST)
        given = assume(assumed or ())
        if events is not None:
            trial = Trial(tried, _against(against or (), tried, schemes), given)
            result = _from_file(events, trial, map_path, platform, skip_bad=skip_bad, cores=cores)
        else:
            result = _from_ledger(tried, given, against or (), schemes, keep=keep, cores=cores)
    if _write(result, json_file, csv_file, html_file):
        print_result(result)


def diff(
    a: Annotated[str, typer.Argument(help=f"the one: {_WHICH}")],
    b: Annotated[str, typer.Argument(help=f"the other: {_WHICH}")],
    events: Events = None,
    map_path: MapPath = None,
    platform: Platform = None,
    ledger: Ledger = False,
    assumed: Assume = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    skip_bad: SkipBad = False,
    cores: Cores = None,
    schemes: SchemesDir = SHIPPED,
) -> None:
    """Compare two versions: what their texts say differently and, on the gigs named, the money."""
    from deploy.simulate.answers import change_as_json
    from deploy.simulate.terminal import print_changes, print_result
    from ledger.domain.simulation.figures import changes

    if events is not None and ledger:
        raise typer.BadParameter("name the gigs: either --events FILE or --ledger")
    _only_of_files(events is None, map_path, platform, skip_bad)
    result = None
    with _refusals():
        before, after = _chosen(a, schemes, NEWEST), _chosen(b, schemes, NEWEST)
        given = assume(assumed or ())
        if events is not None:
            trial = Trial(after, _same_money(before, after), given)
            result = _from_file(events, trial, map_path, platform, skip_bad=skip_bad, cores=cores)
        elif ledger:
            result = _from_ledger(after, given, [a], schemes, keep=False, cores=cores, default=NEWEST)
    found = changes(before.acting(), after.acting())
    if result is None:
        if json_file is not None:
            _put(json_file, json.dumps([change_as_json(one) for one in found], indent=2, ensure_ascii=False) + "\n")
        if json_file != _OUT:
            print_changes(before.label, after.label, found)
    elif _write(result, json_file, csv_file, html_file):
        print_changes(before.label, after.label, found)
        print_result(result)


def _only_of_files(without: bool, map_path: Path | None, platform: str | None, skip_bad: bool) -> None:
    if without and (map_path is not None or platform is not None or skip_bad):
        raise typer.BadParameter("--map, --platform and --skip-bad go with --events")


# -- what is compared ------------------------------------------------------------------------------------------------


def _chosen(which: str, schemes: Path, default: str) -> Chosen:
    name, at, version = which.partition("@")
    return choose(_document(name, schemes), version if at else default)


def _document(name: str, schemes: Path) -> Document:
    if name.endswith((".yaml", ".yml")):
        return load_file(Path(name))
    found = _shipped(name, schemes)
    if found is None:
        known = ", ".join(sorted(load_folder(schemes)))
        raise ChoiceError(f"scheme: expected a file or one of {known}, got {name!r}")
    return found


def _shipped(name: str, schemes: Path) -> Document | None:
    """Give a scheme of the folder by its id; its own file alone where there is one, so that no other can be wrong."""
    own = schemes / f"{name}.yaml"
    if own.is_file():
        document = load_file(own)
        if document.scheme == name:
            return document
    return load_folder(schemes).get(name)


def _against(against: Sequence[str], tried: Chosen, schemes: Path, default: str = IN_FORCE) -> Chosen | None:
    """Give what the trial is held against: as named, else the same scheme of the folder unless that is a draft."""
    if list(against) == ["nothing"]:
        return None
    if against:
        return _same_money(together([_chosen(one, schemes, default) for one in against]), tried)
    same = _shipped(tried.scheme, schemes)
    return None if same is None or same.status == "draft" else _same_money(choose(same, IN_FORCE), tried)


def _same_money(against: Chosen, tried: Chosen) -> Chosen:
    if against.currency != tried.currency:
        expected = f"expected a scheme in {tried.currency} like {tried.scheme}, got {against.currency}"
        raise ChoiceError(f"{against.scheme}: {expected}")
    return against


# -- on which gigs ---------------------------------------------------------------------------------------------------


def _from_file(
    events: Path, trial: Trial, map_path: Path | None, platform: str | None, *, skip_bad: bool, cores: int | None
) -> Result:
    from deploy.cli.publish import map_for
    from deploy.simulate.running import simulate_file

    rule = map_for(events, map_path)
    return simulate_file(events, trial, terminal(), rule, platform, skip_bad=skip_bad, cores=cores or cpu_count() or 1)


def _from_ledger(
    tried: Chosen,
    given: Assumed,
    against: Sequence[str],
    schemes: Path,
    *,
    keep: bool,
    cores: int | None,
    default: str = IN_FORCE,
) -> Result:
    """Simulate on the ledger; held against the versions that it records as enacted, unless another is named."""
    from deploy.simulate import journals
    from deploy.simulate.running import simulate_ledger
    from ledger import settings as settings_of

    settings = settings_of.load()
    ledger = journals.shown(_database_of(settings))
    acts = journals.acts(ledger)
    own = tuple(version for version in acts.versions if version.scheme == tried.scheme)
    if not against and own:
        held: Chosen | None = Chosen(tried.scheme, own[-1].title, own[-1].status, own, None)
    else:
        held = _against(against, tried, schemes, default)
    trial = Trial(tried, held, given, acts.platforms)
    return simulate_ledger(
        ledger, trial, terminal(), cores=cores or cpu_count() or 1, home=settings.home if keep else None
    )


def _database_of(settings: Settings) -> str:
    from deploy.embedded import postgres, processes
    from deploy.embedded.processes import StackError

    if settings.database_url is not None:
        return settings.database_url
    home = settings.home.resolve()
    found = processes.find(home, postgres.NAME)
    if found is None:
        raise StackError(f"{home}: expected the embedded database to run, got none; run `iuran up` first")
    return postgres.url(home, found)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell what does not fit, a line a problem, and leave with exit code 1."""
    from deploy.simulate.measuring import CannotAct
    from deploy.simulate.running import Refused
    from ledger.domain.registry import EnactError
    from streams.publishing.maps import MapError
    from streams.publishing.rows import FileUnfit

    try:
        yield
    except SchemeError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(1) from error
    except (CannotAct, ChoiceError, EnactError, MapError, FileUnfit, Refused) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error


# -- where the answer goes -------------------------------------------------------------------------------------------


def _write(result: Result, json_file: Path | None, csv_file: Path | None, html_file: Path | None) -> bool:
    """Write what was asked for; tell whether standard output is still free for people."""
    from deploy.simulate.answers import as_csv, as_json
    from deploy.simulate.page import page

    if json_file is not None:
        _put(json_file, json.dumps(as_json(result), indent=2, ensure_ascii=False) + "\n")
    if csv_file is not None:
        _put(csv_file, as_csv(result))
    if html_file is not None:
        _put(html_file, page(result))
    return _OUT not in (json_file, csv_file, html_file)


def _put(path: Path, text: str) -> None:
    if path == _OUT:
        print(text, end="")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"{path}: expected a place to write, got {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{path} written", file=sys.stderr)
