"""What the demo prints: accruals by scheme and platform, one worker's account, a gig in plain words, what to try.

Reads the ledger's entries, as anyone with access could; sums are integers of minor units until they are written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection
from rich.console import Console
from rich.table import Table

from contracts import entry as entries
from contracts.currencies import EXPONENTS
from contracts.entry import Entry, StoredEvent
from contracts.topics import platform_of
from ledger.domain.money import format_amount
from ledger.domain.registry import Registry
from ledger.intake import gig_of_entry, version_of_entry
from ledger.store import database
from ledger.store.rows import KIND_NUMBERS

EXAMPLE = {"ID-JK-PILOT": " (example, no law)"}
_decode = msgspec.json.Decoder(Entry).decode


class Trips(NamedTuple):
    """The ledger's gigs, added up. `accrued`: (scheme, platform, kind of payer, unit) -> minor units."""

    gigs: Counter[str]
    uncovered: Counter[str]
    covered: Counter[tuple[str, str]]
    accrued: dict[tuple[str, str, str, str], int]
    entries: Counter[str]
    workers: dict[str, tuple[int, int]]
    apps: dict[str, set[str]]


def read_trips(url: str) -> Trips:
    """Read all accrual entries and add them up."""
    trips = Trips(Counter(), Counter(), Counter(), defaultdict(int), Counter(), {}, defaultdict(set))
    with database.connect(url, "reader") as connection:
        rows = connection.execute(
            'SELECT leaf FROM entries WHERE kind = %s ORDER BY journal, "index"', (KIND_NUMBERS[entries.Kind.ACCRUAL],)
        )
        registry = _registry(connection)
        for (leaf,) in rows:
            _add(trips, _decode(bytes(leaf)), registry)
    return trips


def _registry(connection: Connection) -> Registry:
    """Give the schemes that journal 0 has enacted; all journals have enacted the same ones."""
    registry = Registry()
    for (leaf,) in connection.execute(
        'SELECT leaf FROM entries WHERE journal = 0 AND kind = %s ORDER BY "index"',
        (KIND_NUMBERS[entries.Kind.SCHEME],),
    ):
        version = version_of_entry(_decode(bytes(leaf)))
        if version is not None:
            registry = registry.enact(version)
    return registry


def _add(trips: Trips, entry: Entry, registry: Registry) -> None:
    platform = platform_of(entry.cause.topic) or ""
    trips.gigs[platform] += 1
    contributions = entry.contributions or []
    event = entry.event
    schemes = {plan.scheme for plan in registry.plans(gig_of_entry(entry))}
    if not schemes:
        trips.uncovered[platform] += 1
    for scheme in schemes:
        trips.covered[scheme, platform] += 1
    for c in contributions:
        trips.accrued[c.scheme, platform, c.payer.partition(":")[0], c.unit] += c.amount
    if isinstance(event, StoredEvent) and contributions and event.subject.startswith("W-synth"):
        trips.entries[event.subject] += 1
        trips.apps[event.subject].add(platform)
        trips.workers[event.subject] = (entry.journal, entry.index)


def busiest(trips: Trips) -> tuple[str, tuple[int, int]]:
    """Give a worker with gigs on the most apps (of those, the most gigs), and where that worker's newest entry is."""
    worker = max(trips.entries, key=lambda w: (len(trips.apps[w]), trips.entries[w], w))
    return worker, trips.workers[worker]


def table(trips: Trips) -> str:
    """Give the table of what was accrued, by scheme and platform, and how many trips no scheme covers."""
    shown = Table(title="What was accrued", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name, justify in (("scheme", "left"), ("platform", "left"), ("gigs", "right"), ("accrued, by payer", "left")):
        shown.add_column(name, justify=justify)  # type: ignore[arg-type]
    for scheme, platform in sorted(trips.covered):
        parts = [
            f"{payer} {unit} {format_amount(amount, EXPONENTS[unit])}"
            for (own, on, payer, unit), amount in sorted(trips.accrued.items())
            if (own, on) == (scheme, platform)
        ]
        covered = f"{trips.covered[scheme, platform]:,}"
        shown.add_row(scheme + EXAMPLE.get(scheme, ""), platform, covered, ", ".join(parts))
    for platform in sorted(trips.uncovered):
        shown.add_row(
            "no scheme covers", platform, f"{trips.uncovered[platform]:,}", "nothing (the trips are entries too)"
        )
    gigs, uncovered = sum(trips.gigs.values()), sum(trips.uncovered.values())
    lines = (
        "",
        _text(shown),
        f"{gigs:,} gigs, {uncovered:,} of them covered by no scheme (place or date outside all that are enacted)",
        "real trips (open data): uber, lyft, via, nyc-taxi, chicago-taxi; synthetic: gojek, grab, maxim",
        "",
    )
    return "\n".join(lines)


def worker_page(worker: str, balances: Any, explanation: Any) -> str:
    """Give one worker's balances, and one gig in plain words, as the API answered."""
    lines = [f"One worker: {worker} (synthetic), over all apps, as the API shows it"]
    for row in balances["balances"]:
        scheme = row["scheme"] + EXAMPLE.get(row["scheme"], "")
        lines.append(f"  {scheme} {row['fund']}: {row['unit']} {row['accrued']}")
    lines += ["", "Their newest gig, explained:"]
    lines += [f"  {line}" for line in explanation["text"].splitlines()]
    return "\n".join(lines) + "\n"


def next_steps(api_url: str, metrics_url: str, worker: str, place: tuple[int, int], token: str, auditor: str) -> str:
    """Give addresses, and commands with tokens to try."""
    journal, index = place
    return "\n".join(
        (
            "",
            f"API documentation  {api_url}/docs",
            f"metrics            {metrics_url}   {api_url}/metrics",
            "",
            "Try in another terminal (tokens are for this demo, good for a day):",
            f"  W='Authorization: Bearer {token}'",
            f'  curl -H "$W" {api_url}/v1/workers/{worker}/balances',
            f'  curl -H "$W" {api_url}/v1/entries/{journal}/{index}/explanation',
            f"  A='Authorization: Bearer {auditor}'",
            f'  curl -H "$A" {api_url}/v1/entries/{journal}/{index}',
            f"  curl {api_url}/log/{journal}/checkpoint",
            "  iuran audit verify    iuran audit recompute    iuran scheme show US-NY-BCF",
            "",
        )
    )


def _text(shown: Table) -> str:
    console = Console(width=140)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip()
