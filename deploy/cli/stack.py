"""`iuran up | down | status`: the embedded stack from the command line.

Words only: the work is done in `deploy.embedded.stack`. Breakage goes up to the command's door as it is.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from deploy.cli.progress import terminal
from ledger import settings as settings_of


def register(app: typer.Typer) -> None:
    """Add the three commands to the `iuran` command."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up() -> None:
    """Start broker, database, stream and API, make a ledger if there is none, and wait until all are ready."""
    from deploy.cli.ledger import ensure_ledger
    from deploy.embedded import stack

    settings = settings_of.load()
    addresses = stack.up(settings, terminal(), ensure_ledger)
    print(f"kafka    {addresses.servers.kafka_bootstrap_servers}")
    print(f"database {stack.shown(addresses.servers.database_url)}")
    print(f"stream   {addresses.stream_metrics_url}")
    print(f"api      {addresses.api_url}  (documentation: {addresses.api_url}/docs)")


def down() -> None:
    """Stop everything that `iuran up` started; state stays. Exit 0 also when nothing ran."""
    from deploy.embedded import stack

    settings = settings_of.load()
    stopped = stack.down(settings)
    print(f"stopped: {', '.join(stopped)}" if stopped else f"nothing ran in {settings.home.resolve()}")


def status(as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False) -> None:
    """Say what runs and where. Exit 0 if every part is ready, else 1."""
    from deploy.embedded import stack

    parts = stack.status(settings_of.load())
    print(json.dumps(parts, indent=2) if as_json else _table(parts))
    if not all(part["ready"] for part in parts.values()):
        raise typer.Exit(1)


def _table(parts: dict[str, dict[str, Any]]) -> str:
    """A line per part: name, state, pid, address."""
    lines = []
    for name, part in parts.items():
        address = next(part[key] for key in ("bootstrap_servers", "url", "metrics_url") if key in part)
        state = "ready" if part["ready"] else "not ready" if address else "not running"
        pid = f"pid {part['pid']}" if part["pid"] else ""
        lines.append(f"{name:<9} {state:<12} {pid:<12} {address or ''}".rstrip())
    return "\n".join(lines)
