"""A ledger simulated: what its entries say, no more than its checkpoints show, and only new entries when kept."""

from __future__ import annotations

import sqlite3
from collections import Counter
from itertools import count
from pathlib import Path

import msgspec
import psycopg
import pytest

from deploy.cli.progress import SILENT, Lines
from deploy.embedded.stack import Servers
from deploy.simulate import journals, kept
from deploy.simulate.running import simulate_ledger
from ledger.domain.ids import payer_kind
from ledger.domain.simulation.result import Result
from ledger.domain.simulation.trial import IN_FORCE, Trial, assume, choose
from ledger.errors import Unfit
from ledger.store import database
from tests.deploy.simulate.simulations import parts, trial
from tests.ledger.domain.simulation.trials import shipped
from tests.ledger.domain.worlds import load
from tests.support.ledgers import SmallLedger, found, gig, new_database

DRAFT = trial("ID-PERPRES-OJOL", "ID-JK-PILOT")
WORKERS = [f"W-{name}" for name in ("ann", "ben", "cut", "dee", "eve")]


_days = count(1)


def morning() -> list[dict[str, object]]:
    """Give one gig of each worker, on a day of its own."""
    day = next(_days)
    return [
        gig(f"G-{day}-{n}", worker, str(20_000 + 500 * n), platform=("gojek", "grab")[(day + n) % 2], commission="4000")
        | {"time": f"2026-03-{day:02}T01:00:00Z"}
        for n, worker in enumerate(WORKERS)
    ]


@pytest.fixture(scope="module")
def small(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> SmallLedger:
    """One ledger for all tests here: each says what it adds, and compares with what is there then."""
    home = tmp_path_factory.mktemp("simulated")
    ledger = found(servers, home, journals=2, platforms=("gojek", "grab"))
    ledger.publish(*morning(), *morning())
    ledger.drain()
    return ledger


def simulated(ledger: SmallLedger, own: Trial = DRAFT, *, home: Path | None = None, cores: int = 1) -> Result:
    return simulate_ledger(journals.shown(ledger.url), own, SILENT, cores=cores, home=home)


def posted(ledger: SmallLedger) -> Counter[tuple[str, str, str]]:
    """What the entries themselves say."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for number in range(ledger.settings.journals):
        for leaf in ledger.leaves(number):
            for row in msgspec.json.decode(leaf).get("contributions", ()):
                sums[row["fund"], payer_kind(row["payer"]), row["unit"]] += row["amount"]
    return sums


@pytest.mark.stack
def test_the_scheme_in_force_comes_out_as_it_was_journaled(small: SmallLedger) -> None:
    acts = journals.acts(journals.shown(small.url))
    assert [version.id for version in acts.versions] == [v.id for v in load(shipped("ID-JK-PILOT")).versions]
    own = Trial(choose(load(shipped("ID-JK-PILOT")), IN_FORCE), None)
    result = simulated(small, own, cores=2)
    sums = {(fund, payer, unit): after for (fund, payer, _, unit), _, after in result.pairs()}
    assert sums == dict(posted(small))
    assert [name for name, _ in result.origin.rows] == ["journal 0", "journal 1"]
    assert all("size" in cited for _, cited in result.origin.rows)


@pytest.mark.stack
def test_a_kept_simulation_reads_only_new_entries_and_equals_a_fresh_one(
    small: SmallLedger, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = simulated(small, home=tmp_path)
    assert parts(first) == parts(simulated(small))
    small.publish(*morning(), *morning())
    small.drain()
    shown = journals.shown(small.url)
    again = simulate_ledger(shown, DRAFT, Lines(), home=tmp_path, cores=2)
    assert "entries read: 10 of 10" in capfd.readouterr().err
    assert parts(again) == parts(simulated(small))
    assert again.tally.gigs == first.tally.gigs + 10
    assert parts(simulate_ledger(shown, DRAFT, Lines(), home=tmp_path)) == parts(again)
    assert "entries read: 0 of 0" in capfd.readouterr().err


@pytest.mark.stack
def test_another_trial_starts_anew_and_a_broken_run_leaves_the_state_before(
    small: SmallLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated(small, home=tmp_path)
    file = kept.place_of(tmp_path, DRAFT)
    before = rows_of(file)
    assert len(before) == len(WORKERS)
    small.publish(*morning())
    small.drain()

    def breaks(*_: object) -> None:
        raise RuntimeError("broken off")

    monkeypatch.setattr(kept, "save", breaks)
    with pytest.raises(RuntimeError, match="broken off"):
        simulated(small, home=tmp_path)
    assert rows_of(file) == before
    monkeypatch.undo()
    richer = DRAFT._replace(assumed=assume(["worker.basis=5000000"]))
    assert parts(simulated(small, richer, home=tmp_path)) == parts(simulated(small, richer))
    assert parts(simulated(small, home=tmp_path)) == parts(simulated(small))


def rows_of(file: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute("SELECT worker, shard, course FROM workers ORDER BY worker").fetchall()
    finally:
        connection.close()


@pytest.mark.stack
def test_a_correction_of_an_old_gig_takes_its_worker_again_from_the_first_entry(
    small: SmallLedger, tmp_path: Path
) -> None:
    old = morning()
    small.publish(*old)
    small.drain()
    gigs = simulated(small, home=tmp_path).tally.gigs
    gone = old[0] | {"id": "R-1", "type": "gig.reversed.v1", "data": {"gig": old[0]["id"]}}
    small.publish(gone, *morning())
    small.drain()
    again = simulated(small, home=tmp_path)
    assert parts(again) == parts(simulated(small))
    assert again.tally.gigs == gigs - 1 + len(WORKERS)


@pytest.mark.stack
def test_nothing_beyond_the_published_checkpoint_is_simulated_and_nothing_is_written(small: SmallLedger) -> None:
    sizes = {head.journal: head.size for head in journals.shown(small.url).heads}
    with psycopg.connect(small.url, autocommit=True) as connection:
        connection.execute("UPDATE heads SET published_size = published_size - 2 WHERE journal = 0")
    gigs = simulated(small).tally.gigs
    with psycopg.connect(small.url, autocommit=True) as connection:
        connection.execute("UPDATE heads SET published_size = published_size + 2 WHERE journal = 0")
    assert gigs < simulated(small).tally.gigs
    assert {head.journal: head.size for head in journals.shown(small.url).heads} == sizes
    with database.reading(small.url) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM standings")


@pytest.mark.stack
def test_a_database_without_a_ledger_is_unfit(servers: Servers) -> None:
    url = new_database(servers, "t_without_ledger_" + str(id(servers)))
    with pytest.raises(Unfit):
        journals.shown(url)
