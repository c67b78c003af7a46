"""Sending a file: all or nothing, chunk by chunk, and taken up again after a death at any point, with nothing lost.

The target fails once without effect and once with effect at every chunk (the broker may or may not have stored it);
each story ends in the same check: the ledger's view, deduplicated by id, is the file.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.rejections import Rejection
from contracts.topics import partition_of
from streams.publisher import NotPublished
from streams.publishing.resuming import Journal, Progressed
from streams.publishing.rows import FileUnfit
from streams.publishing.sending import BAD_SHOWN_MAX, Outcome, send, survey
from tests.streams.publishing.samples import JOURNALS, heard

ROWS, CHUNK = 25, 4


class Broker:
    """A target in memory. `dies_at` is the flush that fails; `stores` says whether what it was to flush is kept."""

    platform = "gojek"

    def __init__(self, topic_id: str = "T-1") -> None:
        self.topic_id = topic_id
        self.stored: list[bytes] = []
        self.flushes = 0
        self.dies_at, self.stores = 0, False
        self._queue: list[bytes] = []

    def check(self, key: bytes, value: bytes) -> tuple[Rejection | None, int]:
        got = heard(self.platform, key, value)
        return (got if isinstance(got, Rejection) else None), partition_of(key, JOURNALS)

    def publish_record(self, key: bytes, value: bytes) -> None:
        self._queue.append(value)

    def flush(self) -> None:
        self.flushes += 1
        dies = self.flushes == self.dies_at
        if not dies or self.stores:
            self.stored += self._queue
        self._queue = []
        if dies:
            raise NotPublished("gigs.gojek: expected an acknowledgement, got none", outcome_known=False)

    def ids(self) -> list[str]:
        return [json.loads(value)["id"] for value in self.stored]


def line(number: int, amount: str = "18500", worker: str = "W-7f3a") -> str:
    gig = {"service": "ride", "currency": "IDR", "components": [{"kind": "fare", "amount": amount}]}
    return json.dumps({"id": f"G-{number}", "worker": worker, "time": "2026-03-01T08:15:30Z", "data": gig})


def gigs(folder: Path, *lines: str) -> Path:
    path = folder / "gigs.jsonl"
    path.write_text("\n".join(lines or [line(n) for n in range(ROWS)]), encoding="utf-8")
    return path


def published(path: Path, broker: Broker, folder: Path, *, again: bool = False) -> Outcome:
    return send(survey(path, broker, None), broker, None, folder, again=again, chunk=CHUNK)


def test_a_file_is_sent_once_in_its_order_and_a_second_run_sends_nothing(tmp_path: Path) -> None:
    path, broker = gigs(tmp_path), Broker()
    assert published(path, broker, tmp_path) == Outcome(ROWS, 0)
    assert broker.ids() == [f"G-{n}" for n in range(ROWS)]
    assert published(path, broker, tmp_path) == Outcome(0, ROWS)
    assert len(broker.stored) == ROWS
    assert published(path, broker, tmp_path, again=True) == Outcome(ROWS, 0)
    assert len(broker.stored) == 2 * ROWS and len(set(broker.ids())) == ROWS


@pytest.mark.parametrize("stores", [False, True], ids=["without effect", "with effect"])
@pytest.mark.parametrize("dies_at", range(1, 8))
def test_a_death_at_any_chunk_loses_nothing_and_repeats_at_most_that_chunk(
    tmp_path: Path, dies_at: int, stores: bool
) -> None:
    path, broker = gigs(tmp_path), Broker()
    broker.dies_at, broker.stores = dies_at, stores
    with pytest.raises(NotPublished):
        published(path, broker, tmp_path)
    acknowledged = (dies_at - 1) * CHUNK
    outcome = published(path, broker, tmp_path)
    assert outcome == Outcome(ROWS - acknowledged, acknowledged)
    assert list(dict.fromkeys(broker.ids())) == [f"G-{n}" for n in range(ROWS)]
    assert len(broker.stored) - ROWS == (min(CHUNK, ROWS - acknowledged) if stores else 0)


def test_the_journal_is_written_only_after_the_acknowledgement(tmp_path: Path) -> None:
    path, broker = gigs(tmp_path), Broker()
    broker.dies_at = 1
    with pytest.raises(NotPublished):
        published(path, broker, tmp_path / "journals")
    assert not (tmp_path / "journals").exists()


def test_progress_on_one_topic_does_not_count_for_another(tmp_path: Path) -> None:
    path = gigs(tmp_path)
    published(path, Broker("T-1"), tmp_path)
    fresh = Broker("T-2")
    assert published(path, fresh, tmp_path) == Outcome(ROWS, 0)


def test_another_file_is_another_run(tmp_path: Path) -> None:
    broker = Broker()
    published(gigs(tmp_path), broker, tmp_path)
    assert published(gigs(tmp_path, line(1), line(99)), broker, tmp_path) == Outcome(2, 0)


def test_a_damaged_journal_means_from_the_beginning(tmp_path: Path) -> None:
    path, broker = gigs(tmp_path), Broker()
    published(path, broker, tmp_path)
    (journal,) = tmp_path.glob("*.json")
    journal.write_text("{")
    assert published(path, broker, tmp_path) == Outcome(ROWS, 0)


def test_a_journal_says_what_it_is_about_and_leaves_no_other_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "f", "gojek", "m")
    assert journal.read("T") == Progressed(topic_id="T")
    noted = Progressed(topic_id="T", file="gigs.jsonl", platform="gojek", ordinal=7, published=5)
    journal.write(noted)
    assert journal.read("T") == noted
    assert [p.name for p in tmp_path.iterdir()] == [journal.path.name]
    others = {
        Journal(tmp_path, *names).path for names in (("g", "gojek", "m"), ("f", "grab", "m"), ("f", "gojek", "n"))
    }
    assert len(others | {journal.path}) == 4


def test_bad_rows_are_named_up_to_a_number_and_then_counted(tmp_path: Path) -> None:
    path = gigs(tmp_path, *(line(n, "-1") for n in range(BAD_SHOWN_MAX + 5)), line(99))
    found = survey(path, Broker(), None)
    complaints = found.complaints()
    assert len(complaints) == BAD_SHOWN_MAX + 1
    assert complaints[0].startswith(f"{path}:1: amount_out_of_range: ")
    assert complaints[-1] == f"{path}: and 5 more bad rows"
    assert (found.ready, len(found.bad_ordinals), found.rows) == (1, 25, 26)


def test_bad_rows_are_left_out_and_a_run_that_leaves_out_others_starts_again(tmp_path: Path) -> None:
    path, broker = gigs(tmp_path, line(1), "nope", line(2, worker="7f3a"), line(3)), Broker()
    assert published(path, broker, tmp_path) == Outcome(2, 0)
    assert broker.ids() == ["G-1", "G-3"]
    assert published(path, broker, tmp_path) == Outcome(0, 2)


def test_the_same_id_twice_is_counted_or_bad_by_its_content(tmp_path: Path) -> None:
    spaced = line(1).replace(", ", " ,  ")
    path = gigs(tmp_path, line(1), spaced, line(1, "18501"), line(1, worker="W-other"))
    found = survey(path, Broker(), None)
    assert (found.ready, found.repeated) == (2, 1)
    assert [(bad.line, bad.code) for bad in found.bad] == [(3, "equivocation"), (4, "equivocation")]


def test_other_platforms_rows_are_counted_by_platform(tmp_path: Path) -> None:
    foreign = line(1)[:-1] + ', "source": "urn:iuran:platform:grab"}'
    found = survey(gigs(tmp_path, foreign, foreign, line(2)), Broker(), None)
    assert (found.ready, dict(found.others), found.rows) == (1, {"grab": 2}, 3)


def test_a_file_that_changed_since_the_survey_is_refused(tmp_path: Path) -> None:
    path, broker = gigs(tmp_path), Broker()
    found = survey(path, broker, None)
    gigs(tmp_path, line(1))
    with pytest.raises(FileUnfit, match="got a changed one"):
        send(found, broker, None, tmp_path)
    assert broker.stored == []


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnfit, match="expected a readable file"):
        survey(tmp_path / "none.jsonl", Broker(), None)
    with pytest.raises(FileUnfit, match=r"expected a name ending in \.csv"):
        survey(Path(__file__), Broker(), None)
