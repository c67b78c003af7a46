"""Parts of a close that wait to be written: they come out as they went in, and nothing of them is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.entry import BalanceRow, ContributionRow, Kind, NoticeRow, Reason
from ledger.domain.posting import Contribution
from ledger.errors import LedgerError
from ledger.parts import Part
from streams.spool import Own, Spool, SpoolError

BALANCES = [BalanceRow(accrued=7, fund="JHT", scheme="XX", unit="IDR", remitted=3)]
POSTED = Contribution("XX", "2026-01-01", "JHT", "worker:W-1", "2026-03", -7, "IDR", "accrued", "gojek")
ROW = ContributionRow(amount=-7, fund="JHT", payer="worker:W-1", scheme="XX", unit="IDR", version="1", window="2026-03")
SAID = NoticeRow(kind="due", scheme="XX", version="1", window="2026-03", amount="5000", unit="IDR", value=True)
PARTS = (
    Part(Kind.CLOSE, True, BALANCES, [ROW], postings=(POSTED,)),
    Part(Kind.NOTICE, False, BALANCES, notices=[SAID]),
    Part(
        Kind.CORRECTION, False, [], [ROW], None, (1, 7), Reason(scheme="XX", version="1", gig=4), (POSTED,), "gojek/G"
    ),
)
PAGES = st.lists(
    st.lists(st.tuples(st.text(min_size=1, max_size=5), st.lists(st.sampled_from(PARTS), min_size=1, max_size=4))),
    max_size=6,
)


@given(PAGES, st.integers(1, 9), st.integers(0, 4000))
def test_what_was_put_in_comes_out_in_lots_of_whole_workers(pages: list[list[Own]], parts_min: int, kept: int) -> None:
    with Spool(kept) as spool:
        for page in pages:
            spool.put(page)
        lots = list(spool.lots(parts_min))
        assert [own for lot in lots for own in lot] == [own for page in pages for own in page]
        sizes = [sum(len(made) for _, made in lot) for lot in lots]
        assert spool.parts == sum(sizes)
        assert all(size >= parts_min for size in sizes[:-1])
        # no more than a worker beyond what was asked for
        assert all(size - len(lot[-1][1]) < parts_min for size, lot in zip(sizes, lots, strict=True))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_file_has_no_name_that_a_crash_could_leave_or_another_could_open(folder: Path) -> None:
    with Spool(10) as spool:
        spool.put([("W-1", [*PARTS])])
        assert spool._file._rolled  # it is in a file by now
        assert list(folder.iterdir()) == []
        assert list(spool.lots(1)) == [[("W-1", [*PARTS])]]
    assert list(folder.iterdir()) == []


_KILLED = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from streams.spool import Spool
from tests.streams.test_spool import PARTS
spool = Spool(10)
spool.put([("W-1", [*PARTS])] * 100)
spool._file.flush()
print("written", flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_killed_leaves_nothing_behind(folder: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert list(folder.iterdir()) == []


def test_each_spool_begins_empty_whatever_lies_about(folder: Path) -> None:
    (folder / "iuran-close-left").write_bytes(b"left by another")
    with Spool(0) as spool:
        assert (spool.parts, list(spool.lots(1))) == (0, [])


def test_a_full_disk_is_breakage_and_the_close_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with Spool() as spool:

        def full(block: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(spool._file, "write", full)
        with pytest.raises(SpoolError, match="expected room for a close, got No space left on device"):
            spool.put([("W-1", [*PARTS])])
        assert spool.parts == 0
    assert issubclass(SpoolError, LedgerError)
