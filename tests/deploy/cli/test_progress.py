"""Progress in a pipe: a line a step, a line a tenth, one at the end; nothing on standard output."""

from __future__ import annotations

import io

import pytest

from deploy.cli.progress import SILENT, Lines, terminal


def test_a_step_is_a_line_and_a_track_is_a_line_a_tenth_and_its_end() -> None:
    stream = io.StringIO()
    progress = Lines(stream)
    progress.step("reading trips.csv")
    with progress.track(1000, "gigs published") as track:
        for _ in range(1000):
            track.advance()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "reading trips.csv"
    assert lines[1] == "gigs published: 1 of 1000"
    assert lines[2:-1] == [f"gigs published: {n} of 1000" for n in range(100, 1000, 100)]
    assert lines[-1] == "gigs published: 1000 of 1000"


def test_a_track_cut_short_says_how_far_it_came_and_closes_once() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), Lines(stream).track(10, "rows") as track:
        track.advance(4)
        track.close()
        raise ZeroDivisionError
    assert stream.getvalue().splitlines() == ["rows: 4 of 10", "rows: 4 of 10"]


@pytest.mark.parametrize("total", [0, 1])
def test_empty_and_single_tracks_end_in_one_line(total: int) -> None:
    stream = io.StringIO()
    with Lines(stream).track(total, "rows") as track:
        track.advance(total)
    assert stream.getvalue() == f"rows: {total} of {total}\n"


def test_a_pipe_gets_lines_on_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    progress = terminal()
    progress.step("one [bold]step[/bold]")
    SILENT.step("never seen")
    with SILENT.track(3, "never seen") as track:
        track.advance()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "one [bold]step[/bold]\n"
