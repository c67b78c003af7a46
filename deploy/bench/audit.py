"""How fast an audit is: `verify_entries_per_s`, `audit_entries_per_s`, `recompute_entries_per_s`.

All on one ledger out of the stream's own pipeline, read from its exported folder, so that reading is done, and counted,
where the checks are. `verify_entries_per_s` is the log alone, by the clock, in two processes from the moment the first
begins its first journal to the moment the last ends its last: what starting Python costs is left out. The others are
by one process's own processor time, so they are per core: the whole check, and all gigs accrued again. From the folder
as an auditor has it, who has no secrets; once more with them, when salts are made again too; and with them from the
database, with the columns beside the entries, where the server's own time is not counted.

`memory_mb`, by number of entries: the peak of a process that does nothing else; what grows is 24 bytes an entry.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

from deploy.bench.made import Made, made, versions_of
from deploy.bench.report import figure, show
from deploy.cli.audit_export import exported
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.audit import parallel, verify
from ledger.audit.elsewhere.held import NOTHING_HELD
from ledger.audit.exporting import export_sources
from ledger.audit.recomputing import recompute as recomputing
from ledger.audit.sources import evidence, folder
from ledger.audit.sources.source import Stored

ENTRIES: Final = 200_000
FEWER: Final = 50_000
"""The smaller ledger that memory is compared on."""
JOURNALS: Final = 8
SCHEME: Final = "ID-JK-PILOT"
PROCESSES: Final = 2
FOLDER: Final = "folder"
DATABASE: Final = "database"


class Place(NamedTuple):
    """Where a made ledger is: its database, its exported folder, its secrets."""

    url: str
    folder: str
    secrets: Mapping[int, bytes]

    def opened(self, source: str) -> AbstractContextManager[Stored]:
        """Open one of the two sources."""
        return nullcontext(folder.opened(Path(self.folder)).stored) if source == FOLDER else evidence.frozen(self.url)


class Walked(NamedTuple):
    """When one journal's walk began and ended, by the machine's clock."""

    began: float
    ended: float


def run(servers: Servers, home: Path, times: int) -> None:
    """Measure and print the figures."""
    fewer, place = (_place(servers, home, gigs) for gigs in (FEWER, ENTRIES))
    setting: dict[str, Any] = {"entries": ENTRIES, "journals": JOURNALS, "scheme": SCHEME}
    memory = _memory(log_alone, (fewer, place))
    rates = [_log_rate(place) for _ in range(times)]
    shown = {**setting, "source": FOLDER, "processes": PROCESSES, "memory_mb": memory}
    show(figure("verify_entries_per_s", "entries/s", rates, **shown))
    for name, measure in (("audit_entries_per_s", whole), ("recompute_entries_per_s", recomputed)):
        memory = _memory(measure, (fewer, place))
        for source, secrets in ((FOLDER, verify.NO_SECRETS), (FOLDER, place.secrets), (DATABASE, place.secrets)):
            rates = [_rate(measure, place._replace(secrets=secrets), source) for _ in range(times)]
            shown = {**setting, "source": source, "salts": bool(secrets), "clock": "processor"}
            if source == FOLDER and secrets:
                shown["memory_mb"] = memory
            show(figure(name, "entries/s", rates, **shown))


def log_alone(place: Place, source: str) -> int:
    """Verify the log alone; give the number of entries. Raises RuntimeError when anything is found."""
    with place.opened(source) as stored:
        verdict = verify.verify(stored, None, _quiet, log_only=True)
    _found(verdict.findings)
    return verdict.entries


def whole(place: Place, source: str) -> int:
    """Verify all there is; give the number of entries. Raises RuntimeError when anything is found."""
    with place.opened(source) as stored:
        verdict = verify.verify(stored, None, _quiet, known_secrets=place.secrets)
    _found(verdict.findings)
    return verdict.entries


def recomputed(place: Place, source: str) -> int:
    """Recompute all gigs; give the number of entries. Raises RuntimeError when anything is found."""
    with place.opened(source) as stored:
        done = recomputing.recompute(stored, _quiet, known_secrets=place.secrets)
    _found([finding for one in done for finding in one.findings])
    return sum(one.entries for one in done)


def walked(task: verify.Task, advance: parallel.Advance) -> Walked:
    """Walk one journal's log and say when."""
    began = time.monotonic()
    _found(verify.walk(task, advance).findings)
    return Walked(began, time.monotonic())


def _place(servers: Servers, home: Path, gigs: int) -> Place:
    ledger: Made = made(servers, home, f"audit_{gigs}", gigs, JOURNALS, versions_of(SCHEME))
    where = home / f"audit-{gigs}"
    exported(where, export_sources.of_database(ledger.url), SILENT)
    return Place(ledger.url, str(where), ledger.secrets)


def _log_rate(place: Place) -> float:
    with place.opened(FOLDER) as stored:
        tasks = [verify.Task(stored.view, head, (), NOTHING_HELD, None, log_only=True) for head in stored.heads]
        walks = parallel.each(walked, tasks, _quiet, PROCESSES)
        return stored.entries() / (max(walk.ended for walk in walks) - min(walk.began for walk in walks))


def _rate(measure: Callable[[Place, str], int], place: Place, source: str) -> float:
    began = time.process_time()
    return measure(place, source) / (time.process_time() - began)


def _memory(measure: Callable[[Place, str], int], places: tuple[Place, ...]) -> dict[str, float]:
    """Give the peak memory in MB of a process of its own, by number of gigs."""
    context = multiprocessing.get_context("spawn")
    peaks = {}
    for place, gigs in zip(places, (FEWER, ENTRIES), strict=True):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_peak, args=(measure, place, sender))
        process.start()
        sender.close()
        peaks[str(gigs)] = round(receiver.recv(), 1)
        process.join()
    return peaks


def _peak(measure: Callable[[Place, str], int], place: Place, sender: Any) -> None:
    measure(place, FOLDER)
    # getrusage would tell the parent's peak, which a process inherits when it is started
    said = Path("/proc/self/status").read_text(encoding="ascii").partition("VmHWM:")[2]
    sender.send(int(said.split()[0]) / 1024)


def _found(findings: Any) -> None:
    if findings:
        raise RuntimeError(f"bench: expected a ledger that holds, got {findings[0]}")


def _quiet(_: int) -> None:
    """Nobody watches."""
