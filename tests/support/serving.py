"""An application served over real HTTP for a test: an exported folder, or the API of a small ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from ledger import serving
from ledger.api import auth, keysets, tokens
from ledger.api.access import Role
from ledger.api.app import create_app
from ledger.store.readers import Readers
from ledger.store.startup import check_ledger

if TYPE_CHECKING:
    from tests.support.ledgers import SmallLedger


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application on a free port, in a thread; give its address."""
    listening = serving.listen("127.0.0.1", 0, "nothing")
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def served_api(ledger: SmallLedger, url: str | None = None) -> Iterator[tuple[str, str]]:
    """Serve a ledger's API, by default over its own database; give its address and an auditor's token."""
    place = url or ledger.url
    facts, _ = check_ledger(place)
    authenticate = auth.authenticator(keysets.key_set(ledger.settings), ledger.settings)
    token = tokens.issue(ledger.settings, Role.AUDITOR, "an-auditor")
    with served(create_app(Readers(place), authenticate, facts)) as address:
        yield address, token
