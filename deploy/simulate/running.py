"""A simulation from its source to its result: read, share out, measure, merge, rank.

Two rounds over the cores: readers fill the spool, then the shards are measured, one at a time in each process. Memory
holds a writer's block and one shard for each core, whatever the number of gigs. Equal input gives an equal result for
any number of cores: sums are of whole numbers, and a worker's facts are never parted (property tests).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.simulate import journals, kept, measuring, reading, spool
from ledger.audit import parallel
from ledger.domain.period import MONTH, Span, local_day, window_span
from ledger.domain.simulation.deciles import deciles
from ledger.domain.simulation.result import Origin, Result, unit_of
from ledger.domain.simulation.tally import Tally
from streams.publishing.rows import FileUnfit, digest, is_json

if TYPE_CHECKING:
    from deploy.cli.progress import Progress
    from deploy.simulate.journals import Ledger
    from ledger.domain.simulation.trial import Trial
    from streams.publishing.maps import Map
    from streams.publishing.rows import Bad

_SHARES: Final = 4
_PACKED: Final = 10
"""How many times its size a compressed file is taken to be."""
_ENTRY_BYTES: Final = 500
"""About what an entry's event takes in the spool."""
_STRETCH_BYTES: Final = 1_000_000
"""Below this a file is read by one process."""


class Refused(ValueError):
    """Rows that the ledger would refuse, and nobody said to leave them out; one line per problem."""


@dataclass(frozen=True)
class Spooled:
    """A source in the spool: facts and where they lie, the first and last instant of gigs, how it is described."""

    facts: int
    folder: Path
    first: int | None
    last: int | None
    origin: Origin


def simulate_file(
    path: Path,
    trial: Trial,
    progress: Progress,
    rule: Map | None = None,
    platform: str | None = None,
    *,
    skip_bad: bool = False,
    cores: int = 1,
) -> Result:
    """Simulate a file's gigs. Raises Refused for bad rows, FileUnfit for a file that cannot be read at all."""
    with tempfile.TemporaryDirectory(prefix="iuran-simulate-") as folder:
        spooled = spool_file(path, Path(folder), progress, rule, platform, skip_bad=skip_bad, cores=cores)
        return measured(spooled, trial, progress, cores)


def spool_file(
    path: Path,
    folder: Path,
    progress: Progress,
    rule: Map | None,
    platform: str | None,
    *,
    skip_bad: bool,
    cores: int,
) -> Spooled:
    """Read a file into the spool. Raises Refused and FileUnfit."""
    file_digest = digest(path)
    stretches = _stretches(path, folder, rule, platform, cores)
    with progress.track(reading.rows_in(path), f"{path.name}: rows read") as track:
        found = parallel.each(reading.read, stretches, track.advance, cores)
    bad = sorted({row for one in found for row in one.bad})[: reading.BAD_SHOWN_MAX]
    refused = max((one.refused for one in found), default=0) if rule else sum(one.refused for one in found)
    if refused and not skip_bad:
        raise Refused("\n".join([*_complaints(path, bad, refused), "leave bad rows out with --skip-bad"]))
    facts = sum(one.gigs for one in found)
    if not facts:
        raise FileUnfit(f"{path}: expected gigs{f' of {platform}' if platform else ''}, got none")
    origin = Origin(
        kind="file",
        name=path.name,
        rows=(("SHA-256", file_digest),) + ((("map", rule.name),) if rule else ()),
        refused=refused,
        others=0 if rule else sum(one.others for one in found),
    )
    firsts = [one.first for one in found if one.first is not None]
    lasts = [one.last for one in found if one.last is not None]
    return Spooled(facts, folder, min(firsts), max(lasts), origin)


def simulate_ledger(
    ledger: Ledger, trial: Trial, progress: Progress, *, cores: int = 1, home: Path | None = None
) -> Result:
    """Simulate the gigs of a ledger as it is shown. With `home`, what was measured is kept there, and only entries
    that came since the last run are read. Raises StoreUnavailable, KeptBusy, FileUnfit for a ledger without gigs.
    """
    with tempfile.TemporaryDirectory(prefix="iuran-simulate-") as folder:
        if home is None:
            return measured(_spool_ledger(ledger, {}, Path(folder), progress, cores), trial, progress, cores)
        file = kept.place_of(home, trial)
        with kept.opened(file, trial, ledger) as (connection, stood):
            spooled = _spool_ledger(ledger, stood.next, Path(folder), progress, cores, kept.SHARDS)
            instants = [at for at in (stood.first, stood.last, spooled.first, spooled.last) if at is not None]
            whole = replace(spooled, first=min(instants, default=None), last=max(instants, default=None))
            counted = int(connection.execute("SELECT count(*) FROM workers").fetchone()[0])
            closing = _closing(whole, trial)
            shares = [
                kept.Share(number, shards, file, Path(folder), Path(folder), closing, ledger)
                for number, shards in _shared_out(range(kept.SHARDS), cores)
            ]
            result = _fold(kept.measure, shares, counted, "workers measured", whole, trial, progress, cores)
            upto = {head.journal: head.size for head in ledger.heads}
            kept.save(connection, Path(folder), kept.Kept(upto, whole.first, whole.last))
        return result


def measured(spooled: Spooled, trial: Trial, progress: Progress, cores: int) -> Result:
    """Measure what lies in the spool, and give the whole answer; at the end the months of the gigs are over."""
    with tempfile.TemporaryDirectory(prefix="iuran-rows-") as rows:
        closing = _closing(spooled, trial)
        shares = [
            measuring.Share(number, shards, spooled.folder, Path(rows), closing)
            for number, shards in _shared_out(spool.shards_in(spooled.folder), cores)
        ]
        return _fold(measuring.measure, shares, spooled.facts, "gigs measured", spooled, trial, progress, cores)


def _shared_out(shards: Sequence[int], cores: int) -> list[tuple[int, tuple[int, ...]]]:
    """Give numbered shares of the shards, several for each core, so that none waits long for the last."""
    several = min(len(shards), _SHARES * cores)
    return [(number, tuple(shards[number::several])) for number in range(several)]


def _fold(
    measure: Callable[[Any, parallel.Advance], measuring.Shared],
    shares: Sequence[Any],
    total: int,
    label: str,
    spooled: Spooled,
    trial: Trial,
    progress: Progress,
    cores: int,
) -> Result:
    with progress.track(total, label) as track:
        found = parallel.each(measure, shares, track.advance, cores)
    tally = Tally()
    for one in found:
        tally.merge(one.tally)
    if not tally.gigs:
        raise FileUnfit(f"{spooled.origin.name}: expected gigs, got none")
    unit = unit_of(tally, trial.tried.currency)
    groups = deciles(measuring.ranked([one.rows for one in found]), tally.concerned, unit)
    return Result(
        _closing(spooled, trial),
        spooled.origin,
        _days(spooled, trial),
        unit,
        tally,
        tuple(groups),
        sum(one.repeated for one in found),
    )


def _days(spooled: Spooled, trial: Trial) -> Span:
    zone = trial.tried.time_zone
    return Span(local_day(zone, spooled.first or 0), local_day(zone, spooled.last or 0))


def _closing(spooled: Spooled, trial: Trial) -> Trial:
    """Give the trial in which the months of the gigs are over."""
    return trial._replace(closes=whole_months(_days(spooled, trial)))


def _spool_ledger(
    ledger: Ledger, start: Mapping[int, int], folder: Path, progress: Progress, cores: int, shards: int | None = None
) -> Spooled:
    entries = sum(head.size - start.get(head.journal, 0) for head in ledger.heads)
    several = shards or spool.shards_for(entries * _ENTRY_BYTES, cores)
    reads = [
        journals.Journal(ledger.url, head, start.get(head.journal, 0), folder, several)
        for head in ledger.heads
        if head.size > start.get(head.journal, 0)
    ]
    with progress.track(entries, "entries read") as track:
        found = parallel.each(journals.read, reads, track.advance, cores)
    firsts = [one.first for one in found if one.first is not None]
    lasts = [one.last for one in found if one.last is not None]
    cited = tuple((f"journal {head.journal}", head.checkpoint) for head in ledger.heads)
    origin = Origin("ledger", ledger.name, cited)
    return Spooled(sum(one.facts for one in found), folder, min(firsts, default=None), max(lasts, default=None), origin)


def whole_months(days: Span) -> Span:
    """Give the days of the months in which a span begins and ends."""
    return Span(window_span(MONTH, days.first).first, window_span(MONTH, days.last).last)


def _stretches(path: Path, folder: Path, rule: Map | None, platform: str | None, cores: int) -> list[reading.Stretch]:
    json_lines = is_json(path)
    size = path.stat().st_size
    packed = path.name.endswith(".gz")
    shards = spool.shards_for(size * _PACKED if packed else size, cores)
    if rule is not None:
        return [
            reading.Stretch(path, part, rule, one, 0, None, folder, shards)
            for part, one in enumerate(rule.platforms())
            if platform in (None, one)
        ]
    if not json_lines:
        raise FileUnfit(f"{path}: expected --map for a CSV file, got none")
    several = 1 if packed or size < _STRETCH_BYTES else cores
    cuts = [size * number // several for number in range(several)] + [size]
    return [
        reading.Stretch(path, part, None, platform, cuts[part], cuts[part + 1], folder, shards)
        for part in range(several)
    ]


def _complaints(path: Path, bad: Sequence[Bad], refused: int) -> list[str]:
    lines = [f"{path}:{row.line}: {row.code}: {row.detail}" for row in bad]
    return [*lines, f"{path}: and {refused - len(bad)} more bad rows"] if refused > len(bad) else lines
