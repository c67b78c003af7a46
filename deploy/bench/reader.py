"""A caller who reads balances at a steady rate, in a process of its own: it waits for the API and for nothing else.

`python -m deploy.bench.reader`, told by one JSON object on standard input ({"host", "port", "token", "seed",
"workers", "per_second", "seconds"}), reads balances of chosen workers and ends with a JSON list of the seconds that
each took. Within the process that publishes, a read would also wait for that one's own work and be counted as slow.
"""

from __future__ import annotations

import gc
import http.client
import json
import random
import sys
import time


def read(host: str, port: int, token: str, seed: int, workers: int, per_second: int, seconds: float) -> list[float]:
    """Read for so many seconds; give the seconds of each read. Raises RuntimeError on an answer that is no balance."""
    chosen = random.Random(seed)
    headers = {"Authorization": f"Bearer {token}"}
    taken: list[float] = []
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.connect()
    gc.disable()
    due = began = time.perf_counter()
    while due < began + seconds:
        time.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        connection.request("GET", f"/v1/workers/W-synth-{chosen.randrange(workers):06d}/balances", headers=headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - asked)
        if answer.status not in (200, 404):
            raise RuntimeError(f"bench: expected a balance, got status {answer.status}")
        due = max(due + 1 / per_second, time.perf_counter())
    connection.close()
    return taken


if __name__ == "__main__":
    json.dump(read(**json.load(sys.stdin)), sys.stdout)
