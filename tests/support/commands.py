"""The `iuran` command as typed, in this process: with an environment of its own, or on one small ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from deploy.cli.main import app
from tests.support.ledgers import SmallLedger


def run(*arguments: str | Path, **environ: str) -> Any:
    """What a command gives: exit code, output, and the exception that its door would have told."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environ)


class Door:
    """The command line on one small ledger; `folder` is for files."""

    def __init__(self, ledger: SmallLedger, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        settings = ledger.settings
        self.environ = {
            "IURAN_HOME": str(settings.home),
            "IURAN_LEDGER": settings.ledger,
            "IURAN_JOURNALS": str(settings.journals),
            "IURAN_TOPIC_PREFIX": settings.topic_prefix,
            "IURAN_DATABASE_URL": ledger.url,
            "IURAN_KAFKA_BOOTSTRAP_SERVERS": ledger.broker.bootstrap_servers,
        }

    def run(self, *arguments: str | Path) -> Any:
        """What a command gives."""
        return run(*arguments, **self.environ)

    def ok(self, *arguments: str | Path) -> str:
        """What a command prints that must do well."""
        got = self.run(*arguments)
        assert got.exit_code == 0, (got.output, got.exception)
        return str(got.stdout)
