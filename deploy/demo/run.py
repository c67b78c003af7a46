"""What `iuran demo` does, in order: servers, ledger, platforms, schemes, trips, accounts, audit, what to try next.

Everything is the ordinary way: the same functions as the single commands, the real broker and database, the API asked
with a worker's token. Done again it finds what is there and adds nothing. Always on embedded servers; its home is the
default one, so that `iuran up` afterwards serves the same ledger.
"""

from __future__ import annotations

import json
import signal
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contracts.topics import CONTROL
from deploy import founding
from deploy.cli.ledger import ensure_ledger
from deploy.cli.progress import SILENT
from deploy.cli.publish import publish_files
from deploy.cli.scheme import shipped
from deploy.demo import receipt, report
from deploy.embedded import stack
from deploy.settling import wait_settled, writers
from ledger.api import tokens
from ledger.api.access import Role
from ledger.store.startup import check_ledger
from streams.synthetic import jakarta_morning

if TYPE_CHECKING:
    from deploy.cli.progress import Progress
    from ledger.settings import Settings

SAMPLES: Final = Path(__file__).parents[2] / "contracts" / "samples"
TRIPS: Final = (
    ("nyc_hvfhv_2020-04.csv.gz", ("uber", "lyft", "via")),
    ("nyc_taxi_2013.csv.gz", ("nyc-taxi",)),
    ("chicago_taxi.csv.gz", ("chicago-taxi",)),
)
JAKARTA: Final = ("gojek", "grab", "maxim")
MORNING_SEED: Final = 2026
MORNING_WORKERS: Final = 400
MORNING_GIGS: Final = 4000
SCHEMES: Final = ("ID-JK-PILOT", "US-NY-BCF", "IN-KA-WELFARE-FEE")

Verify = Callable[["Settings", "Progress"], tuple[bool, str]]
"""Audits the ledger; gives whether all holds, and the last line to print."""


def run(
    settings: Settings, progress: Progress, verify: Callable[[Settings, Progress], tuple[bool, str]], once: bool
) -> bool:
    """Run the demo; give whether the audit's verdict was good. `verify` gives (holds, last line).

    Serves until Ctrl-C unless `once`. Stops what it started, and leaves running what ran before.
    """
    settings = settings.model_copy(update={"kafka_bootstrap_servers": None, "database_url": None})
    before = {name for name, part in stack.status(settings).items() if part["pid"]}
    began = time.monotonic()
    try:
        addresses = stack.up(settings, progress, prepare)
        effective = stack.effective(settings, addresses.servers)
        publish_all(effective, progress)
        broker, url = founding.servers_of(effective)
        facts, _ = check_ledger(url)
        feeding = [*facts.platforms.values(), facts.topic_prefix + CONTROL]
        wait_settled(broker, url, feeding, facts.journals, progress)
        trips = report.read_trips(url)
        print(report.table(trips))
        worker, place = report.busiest(trips)
        print(_one_worker(effective, addresses.api_url, worker, place))
        progress.step("verifying the ledger as an auditor would")
        holds, verdict = verify(effective, progress)
        if not once:
            print(_next_steps(effective, addresses, worker, place))
            print(verdict, flush=True)
            _serve()
    finally:
        if not before:
            progress.step("stopping")
            stack.down(settings)
    if once:
        print(f"set up, published, accrued and audited in {time.monotonic() - began:.0f} s; next: make demo")
        print(verdict, flush=True)
    return holds


def prepare(settings: Settings, progress: Progress) -> None:
    """Make the ledger, its platforms and schemes, as far as they are not there."""
    ensure_ledger(settings, progress)
    _, url = founding.servers_of(settings)
    done = founding.acts_done(url)
    facts, _ = check_ledger(url)
    for platform in [*JAKARTA, *(name for _, names in TRIPS for name in names)]:
        if platform not in facts.platforms or founding.platform_act(platform) not in done:
            progress.step(f"registering platform {platform}")
            founding.add_platform(settings, platform, SILENT)
    documents = shipped()
    for scheme in SCHEMES:
        for version in documents[scheme].versions:
            if founding.scheme_act(version) not in done:
                progress.step(f"enacting {version.scheme} {version.id} ({version.status})")
                founding.enact(settings, version, SILENT)
    if not writers(url):
        founding.settle_waiting(settings)


def publish_all(settings: Settings, progress: Progress) -> None:
    """Publish the real trips and the synthetic morning; what was published before is not sent again."""
    morning = settings.home / "demo" / "synthetic-jakarta-morning.jsonl"
    if not morning.exists():
        morning.parent.mkdir(parents=True, exist_ok=True)
        gigs = jakarta_morning(MORNING_SEED, MORNING_WORKERS, MORNING_GIGS, JAKARTA)
        morning.write_bytes(b"".join(gig.value + b"\n" for gig in gigs))
    files = [(SAMPLES / name, platform) for name, platforms in TRIPS for platform in platforms]
    files += [(morning, platform) for platform in JAKARTA]
    for file, platform in files:
        publish_files([file], platform, settings, str(settings.kafka_bootstrap_servers), progress)


def _one_worker(settings: Settings, api_url: str, worker: str, place: tuple[int, int]) -> str:
    token = tokens.issue(settings, Role.WORKER, worker, 1)
    balances = _ask(f"{api_url}/v1/workers/{worker}/balances", token)
    explanation = _ask(f"{api_url}/v1/entries/{place[0]}/{place[1]}/explanation", token)
    entry = balances["entry"]
    saved = receipt.save(settings.home / "demo", api_url, token, (entry["journal"], entry["index"]))
    return report.worker_page(worker, balances, explanation) + "\n" + receipt.page(saved)


def _ask(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _next_steps(settings: Settings, addresses: stack.Addresses, worker: str, place: tuple[int, int]) -> str:
    token = tokens.issue(settings, Role.WORKER, worker, 24)
    auditor = tokens.issue(settings, Role.AUDITOR, "demo-auditor", 24)
    return report.next_steps(addresses.api_url, addresses.stream_metrics_url, worker, place, token, auditor)


def _serve() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    print("serving until Ctrl-C", flush=True)
    while not asked.wait(1.0):
        pass
