"""`make bench`: prints the figures, one JSON object a line; `BENCH=ingest` runs one group.

Always on embedded servers of its own in a temporary home, whatever the environment says; three rounds each. `engine`
needs no server.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from deploy.bench import audit, closes, engine, export, ingest, latency, proof, takeover
from deploy.embedded import stack

ROUNDS = 3
INGEST = {"ingest", "copy", "naive", "bytes"}
GROUPS = ("engine", "ingest", "copy", "naive", "bytes", "latency", "takeover", "proof", "closes", "export", "audit")


def main(group: str) -> int:
    """Run a group, or all; give the exit code."""
    if group != "all" and group not in GROUPS:
        print(f"bench: expected all, {', '.join(GROUPS)}, got {group}", file=sys.stderr)
        return 2
    wanted = set(GROUPS) if group == "all" else {group}
    if "engine" in wanted:
        engine.run(ROUNDS)
    if wanted == {"engine"}:
        return 0
    with tempfile.TemporaryDirectory(prefix="iuran-bench-") as folder:
        home = Path(folder)
        if wanted & INGEST:
            # a round's processes start together and shall begin together, not one after the other
            with stack.ephemeral(home / "together", {"group.initial.rebalance.delay.ms": "3000"}) as servers:
                ingest.run(servers, home, wanted, ROUNDS)
        with stack.ephemeral(home / "servers") as servers:
            if "latency" in wanted:
                latency.run(servers, home, ROUNDS)
            if "takeover" in wanted:
                takeover.run(servers, home, ROUNDS)
            if "proof" in wanted:
                proof.run(servers, ROUNDS)
            if "closes" in wanted:
                closes.run(servers, home, ROUNDS)
            if "export" in wanted:
                export.run(servers, home, ROUNDS)
            if "audit" in wanted:
                audit.run(servers, home, ROUNDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "all"))
