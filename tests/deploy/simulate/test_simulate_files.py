"""Files simulated: the same whatever the cores and the order of workers, bad rows named, memory flat, figures exact."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.cli.progress import SILENT
from deploy.simulate import reading, spool
from deploy.simulate.answers import as_csv, as_json
from deploy.simulate.reading import Stretch, read, rows_in
from deploy.simulate.running import Refused, simulate_file
from deploy.simulate.spool import shards_in, workers_of
from streams.publishing.rows import FileUnfit
from tests.deploy.simulate.simulations import month, new_york, parts, shuffled, trial

GOLDEN = Path(__file__).parent / "new_york_raised.json"
FIGURES = ("headline", "gigs", "workers", "unit", "totals", "deciles", "platforms", "zones", "months", "notices")
"""What the golden answer holds: all figures, and no words that change with a scheme's notes."""


@pytest.fixture(scope="module")
def jakarta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month(tmp_path_factory.mktemp("jakarta") / "month.jsonl")


def test_several_processes_give_what_one_gives(jakarta: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = trial("ID-PERPRES-OJOL", "ID-JK-PILOT")
    alone = simulate_file(jakarta, own, SILENT, cores=1)
    monkeypatch.setattr("deploy.simulate.running._STRETCH_BYTES", 1000)
    assert parts(simulate_file(jakarta, own, SILENT, cores=2)) == parts(alone)
    assert alone.tally.gigs == 31 * 60
    assert as_json(alone) == as_json(simulate_file(jakarta, own, SILENT, cores=2))


def test_the_order_of_workers_changes_nothing(jakarta: Path) -> None:
    own = trial("ID-JK-PILOT", "ID-PERPRES-OJOL")
    assert parts(simulate_file(shuffled(jakarta, 7), own, SILENT)) == parts(simulate_file(jakarta, own, SILENT))


@pytest.mark.parametrize("cuts", [1, 2, 3, 7, 50])
def test_stretches_read_each_line_once_and_in_order(jakarta: Path, tmp_path: Path, cuts: int) -> None:
    size = jakarta.stat().st_size
    ends = [size * number // cuts for number in range(cuts + 1)]
    for part in range(cuts):
        read(Stretch(jakarta, part, None, None, ends[part], ends[part + 1], tmp_path, 3), lambda _: None)
    found = {
        w: [fact.id for fact in facts] for shard in shards_in(tmp_path) for w, facts in workers_of(tmp_path, shard)
    }
    expected: dict[str, list[str]] = {}
    for line in jakarta.read_text().splitlines():
        event = json.loads(line)
        expected.setdefault(event["subject"], []).append(event["id"])
    assert found == expected


def test_a_file_that_ends_within_a_line_or_starts_with_empty_ones_is_read_whole(tmp_path: Path) -> None:
    lines = [json.dumps(gig(f"G-{n}")) for n in range(5)]
    path = tmp_path / "gigs.jsonl"
    path.write_text("\n\n" + "\r\n".join(lines))
    for cuts in (1, 4):
        size = path.stat().st_size
        folder = tmp_path / str(cuts)
        folder.mkdir()
        ends = [size * number // cuts for number in range(cuts + 1)]
        stretches = [Stretch(path, n, None, "gojek", ends[n], ends[n + 1], folder, 1) for n in range(cuts)]
        assert sum(read(one, lambda _: None).gigs for one in stretches) == 5


def test_a_cut_at_any_byte_parts_no_line_and_repeats_none(tmp_path: Path) -> None:
    path = written(tmp_path / "gigs.jsonl", *(f"line {n}" for n in (1, 2)), "", "line 3")
    size = path.stat().st_size
    for cut in range(size + 1):
        found = []
        for start, end in ((0, cut), (cut, size)):
            stretch = Stretch(path, 0, None, None, start, end, tmp_path, 1)
            found += [(row.line, row.code) for row in read(stretch, lambda _: None).bad]
        assert found == [(1, "malformed"), (2, "malformed"), (4, "malformed")], cut


def gig(gig_id: str, worker: str = "W-one", fare: str = "20000", **more: object) -> dict[str, object]:
    data = {"service": "ride", "currency": "IDR", "zone": "ID-JK", "components": [{"kind": "fare", "amount": fare}]}
    return {"id": gig_id, "worker": worker, "time": "2026-03-01T08:15:30Z", "data": data} | more


def written(path: Path, *events: object) -> Path:
    path.write_text("".join(f"{event if isinstance(event, str) else json.dumps(event)}\n" for event in events))
    return path


def test_bad_rows_are_named_by_line_and_stop_unless_left_out(tmp_path: Path) -> None:
    source = {"source": "urn:iuran:platform:gojek"}
    path = written(
        tmp_path / "gigs.jsonl",
        gig("G-1", **source),
        gig("G-2", fare="-5", **source),
        "no JSON",
        gig("G-3"),
        gig("G-4", subject="W-one", **source),
        gig("G-5", source="urn:iuran:platform:Gojek"),
        gig("G-1", **source),
    )
    own = trial("ID-JK-PILOT")
    with pytest.raises(Refused) as refused:
        simulate_file(path, own, SILENT)
    lines = str(refused.value).splitlines()
    assert [line.split(": ")[0].removeprefix(f"{path}:") + " " + line.split(": ")[1] for line in lines[:-1]] == [
        "2 amount_out_of_range",
        "3 malformed",
        "4 source_mismatch",
        "5 malformed",
        "6 source_mismatch",
    ]
    result = simulate_file(path, own, SILENT, skip_bad=True)
    assert (result.tally.gigs, result.origin.refused, result.repeated) == (1, 5, 1)
    named = simulate_file(written(tmp_path / "bare.jsonl", gig("G-1"), gig("G-2")), own, SILENT, platform="gojek")
    assert named.keys("platform") == ["gojek"]


def test_bad_rows_of_a_later_stretch_are_named_by_their_line_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.simulate.running._STRETCH_BYTES", 100)
    good = [gig(f"G-{n}", source="urn:iuran:platform:gojek") for n in range(40)]
    path = written(tmp_path / "gigs.jsonl", *good[:33], "{", *good[33:])
    with pytest.raises(Refused, match=r"gigs\.jsonl:34: malformed"):
        simulate_file(path, trial("ID-JK-PILOT"), SILENT, cores=2)


def test_corrections_in_a_file_are_taken(tmp_path: Path) -> None:
    source = {"source": "urn:iuran:platform:gojek"}
    gone = {"type": "gig.reversed.v1", "data": {"gig": "G-2"}}
    path = written(tmp_path / "a.jsonl", gig("G-1", **source), gig("G-2", **source), gig("R-1", **source) | gone)
    plain = written(tmp_path / "b.jsonl", gig("G-1", **source))
    own = trial("ID-JK-PILOT")
    with_it, without = (simulate_file(one, own, SILENT) for one in (path, plain))
    assert with_it.pairs() == without.pairs()
    assert (with_it.tally.gigs, with_it.tally.earnings) == (without.tally.gigs, without.tally.earnings)


def test_files_that_are_no_gigs_are_refused(tmp_path: Path) -> None:
    own = trial("ID-JK-PILOT")
    for name, text in (("gigs.txt", "x"), ("gigs.csv", "a,b\n1,2\n"), ("gigs.jsonl", "\n")):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(FileUnfit):
            simulate_file(path, own, SILENT)
    with pytest.raises(FileUnfit):
        simulate_file(tmp_path / "none.jsonl", own, SILENT)
    broken = tmp_path / "gigs.jsonl.gz"
    broken.write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(FileUnfit):
        rows_in(broken)


def peak(act: Callable[[], object]) -> int:
    """The most that was held at once, in bytes; a collector that another test's server made rare holds up nothing."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.set_threshold(*before)


def test_memory_does_not_grow_with_the_gigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the gigs of as many workers: what is held at once is a writer's block and a shard."""
    monkeypatch.setattr(spool, "SHARD_BYTES", 30_000)
    monkeypatch.setattr(spool, "HELD_MAX", 100)
    monkeypatch.setattr(reading, "_COUNT_BYTES", 30_000)
    own = trial("ID-JK-PILOT")
    small, large = (month(tmp_path / f"{gigs}.jsonl", 5, 200, gigs) for gigs in (200, 2000))
    simulate_file(large, own, SILENT)  # what is read once (schemes, windows, amounts) is not the gigs' memory
    first, second = (peak(lambda path=path: simulate_file(path, own, SILENT)) for path in (small, large))
    assert second < first * 1.25


def test_a_raised_rate_on_the_real_trips_gives_the_golden_answer(tmp_path: Path) -> None:
    found = {name: as_json(new_york(tmp_path))[name] for name in FIGURES}
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_a_csv_adds_up_to_its_totals_in_every_way_of_looking(tmp_path: Path) -> None:
    rows = [line.split(",") for line in as_csv(new_york(tmp_path)).splitlines()]
    assert rows[0] == ["by", "key", "fund", "payer", "state", "unit", "before", "after", "change"]
    cents = {look: sum(int(row[8].replace(".", "")) for row in rows[1:] if row[0] == look) for look in LOOKS}
    assert len(set(cents.values())) == 1
    assert cents["all"] > 0


LOOKS = ("all", "decile", "platform", "zone", "month")


def test_a_draft_on_a_month_of_jakarta_is_paid_by_each_platform_that_somebody_worked_on(jakarta: Path) -> None:
    result = simulate_file(jakarta, trial("ID-PERPRES-OJOL"), SILENT)
    pairs = {(json.loads(line)["subject"], json.loads(line)["source"]) for line in jakarta.read_text().splitlines()}
    # without a declared basis: Rp10,000 and Rp6,800 a month for each worker and platform
    assert result.sums() == (0, len(pairs) * 16_800 * 100)
    assert result.tally.said[1, "breach", ""][0] == result.tally.gigs
    assert result.payers() == ["platform"]
    assert all(group.credited.more == group.workers for group in result.deciles)
