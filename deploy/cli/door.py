"""Where the `iuran` command begins: what must start at once is run alone, all else by `deploy.cli.main`.

The whole command loads broker, database and web libraries, which takes a second or two; who verifies a receipt at a
counter, or a thousand in a script, needs none of them.
"""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line."""
    if sys.argv[1:3] == ["audit", "verify-receipt"]:
        from deploy.cli.audit_receipt import main

        main(sys.argv[3:])
    else:
        from deploy.cli.main import run

        run()


if __name__ == "__main__":
    run()
