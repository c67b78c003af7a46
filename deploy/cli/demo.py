"""`iuran demo`: what `make demo` runs."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.cli.progress import terminal
from ledger import settings as settings_of


def demo(once: Annotated[bool, typer.Option("--once", help="Exit after the verification.")] = False) -> None:
    """Set everything up, accrue real trips and a synthetic Jakarta morning, verify, and serve until Ctrl-C."""
    from deploy.cli.audit import verdict
    from deploy.demo import run

    if not run.run(settings_of.load(), terminal(), verdict, once):
        raise typer.Exit(1)
