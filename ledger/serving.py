"""Serving an application over HTTP: a port taken with a clear word, and an end in exit code 0.

What the API and the witness share of being a server; neither knows the other. Nothing is created at import.
"""

from __future__ import annotations

import gc
import signal
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from ledger.errors import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS: Final = 10
BACKLOG: Final = 1024


def listen(host: str, port: int, instead: str) -> socket.socket:
    """Give a socket that listens on host and port (0: any free one).

    Raises Unfit when that cannot be had; `instead` says what to set then.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio answers without delay (TCP_NODELAY) only on sockets that say that they are TCP: 40 ms a request otherwise
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        return listening
    except OSError as error:
        listening.close()
        raise Unfit(
            f"{host}:{port}: expected a free address to listen on, got {error.strerror or error}; stop what uses it, "
            f"or set {instead}"
        ) from error


def serve(app: Callable[..., Any], listening: socket.socket, keep_alive_seconds: int = 5) -> None:
    """Serve an ASGI application on a listening socket until SIGTERM or Ctrl-C."""
    # no access log: a path may name a person (L11); metrics count requests by route
    config = uvicorn.Config(
        app,
        # together a quarter less of the processor per request than asyncio's own loop and h11
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=keep_alive_seconds,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    # what the routes are made of stays for good: no collection need look at it while somebody waits
    gc.collect()
    gc.freeze()
    _end_cleanly(server)
    server.run(sockets=[listening])


def _end_cleanly(server: uvicorn.Server) -> None:
    """Let SIGTERM and SIGINT end in exit code 0: uvicorn, once it has stopped, raises them again for who was before."""

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
