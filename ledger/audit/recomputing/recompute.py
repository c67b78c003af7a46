"""`iuran audit recompute`: each journal of a source recomputed (`recomputing`), in this process or in several.

A source with an index of workers and gigs is asked for earlier entries by it; of another (a folder, an address) it is
remembered which entries each worker has. Knows neither broker nor terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ledger.audit import parallel
from ledger.audit.findings import Finding
from ledger.audit.recomputing.journal import Recomputing
from ledger.audit.recomputing.plain_gigs import NO_COLUMN
from ledger.audit.sources.lookups import Lookups

if TYPE_CHECKING:
    from ledger.audit.parallel import Advance
    from ledger.audit.sources.source import Stored, View


class Task(NamedTuple):
    """One journal, as it travels to the process that recomputes it."""

    view: View
    journal: int
    secret: bytes | None


class Recomputed(NamedTuple):
    """One journal after it was recomputed."""

    journal: int
    entries: int
    accruals: int
    findings: list[Finding]
    unlisted: int


def recompute(
    stored: Stored,
    advance: Advance,
    *,
    journals: Sequence[int] | None = None,
    known_secrets: Mapping[int, bytes] | None = None,
    cores: int = 1,
) -> list[Recomputed]:
    """Recompute these journals (all), by number. Raises StoreUnavailable."""
    numbers = [h.head.journal for h in stored.heads if journals is None or h.head.journal in journals]
    tasks = [Task(stored.view, number, (known_secrets or {}).get(number)) for number in numbers]
    return parallel.each(walk, tasks, advance, cores)


def walk(task: Task, advance: Advance) -> Recomputed:
    """Recompute one journal. Raises StoreUnavailable."""
    with task.view.journal(task.journal) as source:
        look = source.lookup()
        told = Lookups(source.leaves_at)
        if look is None:
            recomputing = Recomputing(task.journal, told.earlier, task.secret, saw=told.saw)
        else:
            recomputing = Recomputing(task.journal, look.earlier, task.secret, of_gig=look.of_gig)
        for several in source.rows():
            columns = several.columns
            for place, leaf in enumerate(several.leaves):
                column = NO_COLUMN if columns is None else columns.event_keys[place]
                recomputing.entry(several.start + place, column, leaf)
            advance(len(several.leaves))
        recomputing.finish()
        for fault in source.faults:
            recomputing.findings.add("L5", fault.place, fault.detail)
    findings = recomputing.findings
    return Recomputed(task.journal, recomputing.entries, recomputing.accruals, findings.ordered(), findings.unlisted)
