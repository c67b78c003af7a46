"""`iuran stream` and `iuran api`: the two long-running processes, in the foreground.

Settings are read here, once; the rest of the process is handed what it needs. Logs go to standard error.
"""

from __future__ import annotations

import logging

from deploy import founding
from deploy.cli.ledger import reachable
from ledger import settings as settings_of


def stream() -> None:
    """Run the Faust process that accrues. Stops on SIGTERM or Ctrl-C; metrics on the stream's metrics port."""
    from streams import service

    _log()
    settings = reachable(settings_of.load())
    broker, url = founding.servers_of(settings)
    service.run(settings, broker, url)


def api() -> None:
    """Run the HTTP server. Documentation at /docs; stops on SIGTERM or Ctrl-C."""
    from ledger.api.app import run

    _log()
    settings = reachable(settings_of.load())
    run(settings)


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("aiokafka", "faust", "mode", "kafka", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
