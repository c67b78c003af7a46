"""Stands in for `iuran stream` and `iuran api`: serves /readyz on the port the environment gives it, and nothing else.

`part.py <name of the port's variable> [absent]`; with `absent` it exits at once, as a process with a broken dependency.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/readyz", "/metrics") else 404)
        self.end_headers()
        self.wfile.write(os.environ["IURAN_DATABASE_URL"].encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if "absent" in sys.argv:
    print("no dependency today", flush=True)
    sys.exit(3)
HTTPServer(("127.0.0.1", int(os.environ[sys.argv[1]])), Ready).serve_forever()
