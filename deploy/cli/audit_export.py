"""`iuran audit export | serve`: the ledger as a folder that proves itself, and that folder served.

Thin: what is written and why it can be believed stands in `ledger.audit.export`. Progress goes to standard error, one
line about what the folder holds to standard output.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.progress import terminal
from deploy.embedded import postgres, processes
from ledger import settings as settings_of
from ledger.errors import Unfit

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from deploy.cli.progress import Progress
    from ledger.audit.exporting.export import Exported
    from ledger.audit.exporting.export_sources import Source

DirArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The export's own folder; an older one is grown.")]
Host = Annotated[str, typer.Option(help="Where to listen. An export holds personal data: think before it is not here.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")]
NoEntries = Annotated[
    bool, typer.Option("--no-entries", help="Serve no entries: hashes, checkpoints and schemes only.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to a group."""
    app.command("export")(export)
    app.command("serve")(serve)


def export(
    folder: DirArgument,
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="A ledger's API (or a served export) to export from.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="With --from: a file with an auditor's token.")] = None,
    served: Annotated[bool, typer.Option("--serve", help="Serve the folder afterwards.")] = False,
    host: Host = "127.0.0.1",
    port: Port = 8600,
) -> None:
    """Write everything an auditor needs into a folder that verifies without network and database.

    Killed at any instant, it goes on when it is run again; run later, it adds what is new. Nothing is written that was
    not proven against a signed checkpoint.
    """
    done = exported(folder, _source(source, token_file), terminal())
    print(f"exported: {done.journals} journals, {done.entries} entries, {done.schemes} schemes' versions to {folder}")
    if served:
        serve(folder, host, port)


def serve(folder: DirArgument, host: Host = "127.0.0.1", port: Port = 8600, no_entries: NoEntries = False) -> None:
    """Serve an exported folder with the content types of c2sp.org/tlog-tiles, until SIGTERM or Ctrl-C."""
    from ledger import serving
    from ledger.audit.exporting.export_serving import create_app

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = create_app(folder, with_entries=not no_entries)
    with serving.listen(host, port, "--host and --port") as listening:
        at, taken = listening.getsockname()[:2]
        logging.getLogger("deploy.export").info("serving %s on http://%s:%d", folder, at, taken)
        serving.serve(app, listening)


def exported(folder: Path, source: AbstractContextManager[Source], progress: Progress) -> Exported:
    """Export from a source to a folder. Raises Unfit, LedgerError."""
    from ledger.audit.exporting import export_folder
    from ledger.audit.exporting.export import Export

    with export_folder.opened(folder) as writing, source as reading:
        progress.step(f"exporting to {folder}")
        run = Export(reading, writing)
        with progress.track(run.begin(), "entries exported") as track:
            return run.write(track.advance)


def _source(url: str | None, token_file: Path | None) -> AbstractContextManager[Source]:
    from ledger.audit.exporting import export_sources

    if url is not None:
        return export_sources.of_address(url, None if token_file is None else token(token_file))
    if token_file is not None:
        raise Unfit("--token-file: expected --from beside it, got none")
    settings = settings_of.load()
    database_url = settings.database_url
    if database_url is None:
        found = processes.find(settings.home.resolve(), postgres.NAME)
        if found is None:
            raise Unfit(f"{settings.home}: expected the embedded database to run, got none; run `iuran up` first")
        database_url = postgres.url(settings.home.resolve(), found)
    return export_sources.of_database(database_url)


def token(path: Path) -> str:
    """Give the token in a file's one line; raises Unfit without a word of its content."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Unfit(f"{path}: expected a readable file with a token in it, got none") from None
    if not text or any(map(str.isspace, text)):
        raise Unfit(f"{path}: expected a token in one line, got something else")
    return text
