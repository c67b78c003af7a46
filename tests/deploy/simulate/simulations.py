"""Files and schemes for the simulator's tests at its doors: real trips, and a synthetic month of Jakarta."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

from deploy.cli.progress import SILENT
from deploy.cli.scheme import SHIPPED, load_file
from deploy.simulate.running import simulate_file
from ledger.domain.simulation.result import Result
from ledger.domain.simulation.trial import IN_FORCE, NEWEST, Trial, choose
from streams.publishing.maps import shipped as shipped_maps
from streams.synthetic import MORNING_START, jakarta_morning

SAMPLE = Path(str(files("contracts") / "samples" / "nyc_hvfhv_2020-04.csv.gz"))
RATE = 'rate: "0.0275"'


def month(path: Path, days: int = 31, workers: int = 40, gigs: int = 60) -> Path:
    """Write a synthetic month of Jakarta, a morning a day, the same workers each day."""
    with path.open("wb") as stream:
        for day in range(days):
            start = MORNING_START + timedelta(days=day - 1)
            stream.writelines(gig.value + b"\n" for gig in jakarta_morning(day + 1, workers, gigs, start=start))
    return path


def shuffled(path: Path, seed: int) -> Path:
    """Write the same lines, the workers in another order, each worker's own lines in theirs."""
    lines = path.read_bytes().splitlines(keepends=True)
    own: dict[bytes, list[bytes]] = {}
    for line in lines:
        own.setdefault(line.split(b'"subject":')[1][:20], []).append(line)
    groups = list(own.values())
    random.Random(seed).shuffle(groups)
    other = path.with_name(f"shuffled-{seed}.jsonl")
    other.write_bytes(b"".join(line for group in groups for line in group))
    return other


def raised(folder: Path, rate: str = "0.03") -> Path:
    """Write the Black Car Fund's scheme with another rate in its newest version."""
    text = (SHIPPED / "US-NY-BCF.yaml").read_text(encoding="utf-8")
    if text.count(RATE) != 1:
        raise AssertionError(f"US-NY-BCF: expected {RATE} once")
    path = folder / "raised.yaml"
    path.write_text(text.replace(RATE, f'rate: "{rate}"'), encoding="utf-8")
    return path


def trial(tried: str | Path, against: str | None = None) -> Trial:
    """Give a trial of a file or shipped scheme against a shipped one in force."""
    path = tried if isinstance(tried, Path) else SHIPPED / f"{tried}.yaml"
    held = None if against is None else choose(load_file(SHIPPED / f"{against}.yaml"), IN_FORCE)
    return Trial(choose(load_file(path), NEWEST), held)


def new_york(folder: Path, cores: int = 1) -> Result:
    """Simulate the raised rate on the real trips."""
    rule = next(own for own in shipped_maps() if own.fits(SAMPLE.name))
    return simulate_file(SAMPLE, trial(raised(folder), "US-NY-BCF"), SILENT, rule, cores=cores)


def parts(result: Result) -> Sequence[object]:
    """Give everything that a result counts."""
    return result.tally, result.deciles, result.days, result.unit, result.repeated
