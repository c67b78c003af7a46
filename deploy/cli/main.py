"""The `iuran` command: one Typer application, a file per group.

Groups are imported when the command starts, their heavy rooms (Faust, FastAPI) only when a command runs that needs
them. `run` is the door where breakage becomes one clear line on standard error and exit code 1; a broken law, or
anything unforeseen, keeps its trace.
"""

from __future__ import annotations

import sys

import typer

from deploy.cli import (
    audit,
    demo,
    keys,
    ledger,
    operating,
    platform,
    publish,
    reconcile,
    rejected,
    scheme,
    serve,
    simulate,
    stack,
    token,
    witness,
)
from ledger.errors import LedgerError
from ledger.settings import SettingsError

app = typer.Typer(
    name="iuran",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A signed, append-only ledger of social-protection contributions for gig workers.",
)
app.command("demo")(demo.demo)
stack.register(app)
app.command("stream")(serve.stream)
app.command("api")(serve.api)
app.add_typer(ledger.app, name="ledger")
app.add_typer(platform.app, name="platform")
app.add_typer(operating.workers, name="worker")
app.add_typer(operating.periods, name="period")
app.add_typer(operating.remittances, name="remittance")
app.add_typer(operating.disputes, name="dispute")
publish.register(app)
simulate.register(scheme.app)
reconcile.register(scheme.app)
operating.register(scheme.app)
app.add_typer(
    scheme.app, name="scheme", help="Schemes as data: list, show, check, test, enact, set, simulate, diff, reconcile."
)
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="key")
app.add_typer(rejected.app, name="rejected")
app.add_typer(token.app, name="token")
app.add_typer(witness.app, name="witness")


def run() -> None:
    """Run the command line."""
    try:
        app()
    except (LedgerError, SettingsError) as error:
        print(f"iuran: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
