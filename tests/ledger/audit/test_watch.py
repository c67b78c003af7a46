"""`iuran audit watch`: a real log, grown, set back, forked and hidden while somebody watches from outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.audit_export import exported
from deploy.cli.audit_watch import Rounds, pinned_keys
from deploy.cli.progress import SILENT
from ledger.audit.exporting import export_sources
from ledger.audit.sources.folder import FolderPaths
from ledger.audit.watching import watch_memory
from ledger.audit.watching.watch_memory import Memory
from ledger.errors import Unfit
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.store.keys import KeyFiles
from tests.ledger.audit.conftest import JOURNALS, Honest
from tests.ledger.audit.forgeries.watched import WATCHED, Shown
from tests.support.exports import MadeLog

NOW = 1_800_000_000


class Served:
    """A served log that somebody watches: what lies in `folder` is what the server shows."""

    def __init__(self, older: Path, newer: Path, tmp_path: Path) -> None:
        self.older, self.newer = older, newer
        self.folder = tmp_path / "served"
        self.state = tmp_path / "state"
        self.show(older)

    def show(self, export: Path) -> None:
        """Serve this export from now on."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(export, self.folder)

    def write(self, journal: int, name: str, content: bytes) -> None:
        """Serve these bytes as one file."""
        (self.folder / "log" / str(journal) / name).write_bytes(content)

    def note(self, export: Path, journal: int = 0) -> bytes:
        """An export's checkpoint."""
        return (export / "log" / str(journal) / "checkpoint").read_bytes()

    def round(
        self, now: int = NOW, *, stalled_after: int | None = None, pinned: dict[int, list[str]] | None = None
    ) -> int:
        """Watch for one round, as a process that was started anew."""
        with watch_memory.opened(self.state) as memory:
            paths = FolderPaths(str(self.folder))
            return Rounds(paths, memory, pinned or {}, None, stalled_after, lambda _: False).round(now)

    def evidence(self) -> dict[str, list[bytes]]:
        """The kept evidence: notes by the kind of contradiction and journal."""
        folders = sorted((self.state / "evidence").glob("*"))
        return {
            folder.name.rpartition("-")[0]: [path.read_bytes() for path in sorted(folder.glob("checkpoint-*"))]
            for folder in folders
        }


@pytest.fixture(scope="module")
def exports(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The ledger as it was earlier, and as it is."""
    older, newer = (tmp_path_factory.mktemp("watched") / name for name in ("older", "newer"))
    exported(older, export_sources.of_database(honest.earlier_url), SILENT)
    exported(newer, export_sources.of_database(honest.ledger.url), SILENT)
    return older, newer


@pytest.fixture
def served(exports: tuple[Path, Path], tmp_path: Path) -> Served:
    """The earlier ledger, served."""
    return Served(*exports, tmp_path)


@pytest.fixture(scope="module")
def signers(honest: Honest) -> list[object]:
    """Journal 0's own keys, in the wrong hands."""
    settings = honest.ledger.settings
    return list(KeyFiles(settings.keys_dir, settings.ledger).signers(0))


def test_an_honest_log_is_followed_as_it_grows(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert served.round() == 0
    said = capsys.readouterr()
    assert said.out.count("first seen at size") == JOURNALS
    assert said.err.count("trusted on first use") == 2 * JOURNALS
    served.show(served.newer)
    assert served.round() == 0
    assert capsys.readouterr().out.count("grew to size") == JOURNALS
    assert served.round() == 0
    assert capsys.readouterr() == ("", "")
    assert served.evidence() == {}
    assert json.loads((served.state / "log-0.json").read_bytes())["checkpoint"].encode() == served.note(served.newer)


def test_a_rollback_is_raised_with_both_checkpoints(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.show(served.newer)
    assert served.round() == 0
    served.show(served.older)
    assert served.round() == 1
    assert "L6 journal 0: rollback: signed sizes" in capsys.readouterr().out
    assert served.evidence()["log-0-rollback"] == [served.note(served.newer), served.note(served.older)]
    before = served.evidence()
    assert (served.round(), served.evidence()) == (1, before)
    served.show(served.newer)
    assert served.round() == 0


def test_an_older_checkpoint_over_a_tree_that_is_still_there_is_harmless(served: Served) -> None:
    served.show(served.newer)
    assert served.round() == 0
    served.write(0, "checkpoint", served.note(served.older))
    assert (served.round(), served.evidence()) == (0, {})
    assert json.loads((served.state / "log-0.json").read_bytes())["checkpoint"].encode() == served.note(served.newer)


def test_an_older_checkpoint_of_another_tree_is_a_fork(served: Served, signers: list[object]) -> None:
    served.show(served.newer)
    assert served.round() == 0
    older = claimed(served.note(served.older))
    other = sign_checkpoint(older._replace(root=b"\7" * 32), signers)  # type: ignore[arg-type]
    served.write(0, "checkpoint", other)
    assert served.round() == 1
    assert served.evidence() == {"log-0-fork": [served.note(served.newer), other]}


def test_two_roots_at_one_size_are_a_split_view(served: Served, signers: list[object]) -> None:
    assert served.round() == 0
    seen = claimed(served.note(served.older))
    other = sign_checkpoint(Checkpoint(seen.origin, seen.size, b"\7" * 32), signers)  # type: ignore[arg-type]
    served.write(0, "checkpoint", other)
    assert served.round() == 1
    assert served.evidence() == {"log-0-split-view": [served.note(served.older), other]}


def forked(served: Served, signers: list[object], leaves: list[bytes]) -> bytes:
    """Serve another tree of journal 0, larger and with all its tiles, under the true keys; give its checkpoint."""
    log = MadeLog(0, signers, leaves, [len(leaves)])
    shutil.rmtree(served.folder / "log" / "0")
    return (log.write(served.folder) / "checkpoint").read_bytes()


def test_a_rewritten_log_is_a_fork_by_its_own_tiles(served: Served, signers: list[object], honest: Honest) -> None:
    assert served.round() == 0
    leaves = honest.ledger.leaves(0)
    leaves[3] = leaves[3].replace(b"accrual", b"accruaL") + b" "
    other = forked(served, signers, leaves)
    assert served.round() == 1
    assert served.evidence() == {"log-0-fork": [served.note(served.older), other]}
    kept = json.loads((served.state / "log-0.json").read_bytes())["checkpoint"].encode()
    assert kept == served.note(served.older)


def test_the_same_log_made_anew_is_no_fork(served: Served, signers: list[object], honest: Honest) -> None:
    assert served.round() == 0
    forked(served, signers, honest.ledger.leaves(0))
    assert served.round() == 0


def test_a_first_checkpoint_without_its_tiles_is_not_taken(served: Served) -> None:
    shutil.rmtree(served.folder / "log" / "0" / "tile" / "0")
    assert served.round() == 1
    assert served.evidence() == {"log-0-unproven": [served.note(served.older)]}
    assert not (served.state / "log-0.json").exists()


def test_another_logs_checkpoint_is_none_of_this_one_whoever_is_pinned(served: Served) -> None:
    """Keys of two logs may be pinned together: what one of them signs later is still not the other's log."""
    pinned = {0: [line for n in (0, 1) for line in (served.folder / "log" / str(n) / "vkey").read_text().splitlines()]}
    assert served.round(pinned=pinned) == 0
    shutil.rmtree(served.folder / "log" / "0")
    shutil.copytree(served.newer / "log" / "1", served.folder / "log" / "0")
    assert served.round(pinned=pinned) == 1
    assert served.evidence()["log-0-unsigned"] == [served.note(served.older), served.note(served.newer, 1)]


@pytest.mark.parametrize("withheld", [True, False])
def test_growth_that_tiles_do_not_prove_is_not_taken(served: Served, withheld: bool) -> None:
    assert served.round() == 0
    served.show(served.newer)
    size = claimed(served.note(served.newer)).size
    edge = served.folder / f"log/0/tile/0/001.p/{size % 256}"
    content = bytearray(edge.read_bytes())
    content[5] ^= 1
    edge.unlink()
    if not withheld:
        edge.write_bytes(content)
    assert served.round() == 1
    assert served.evidence() == {"log-0-unproven": [served.note(served.older), served.note(served.newer)]}


def test_a_checkpoint_that_no_pinned_key_signed_is_raised(served: Served) -> None:
    assert served.round() == 0
    served.show(served.newer)
    served.write(0, "checkpoint", served.note(served.newer, 1))
    served.write(0, "vkey", (served.newer / "log/1/vkey").read_bytes())
    assert served.round() == 1
    assert list(served.evidence()) == ["log-0-unsigned"]


def test_keys_listed_later_are_told_and_not_trusted(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert served.round() == 0
    other = (served.newer / "log/1/vkey").read_bytes()
    served.write(0, "vkey", (served.newer / "log/0/vkey").read_bytes() + other)
    capsys.readouterr()
    assert served.round() == 0
    assert capsys.readouterr().err.count("not trusted until --vkey says so") == 2
    assert len(json.loads((served.state / "log-0.json").read_bytes())["vkeys"]) == 2


def test_pinned_keys_are_asked_of_the_first_checkpoint_too(served: Served, tmp_path: Path) -> None:
    pinned = pinned_keys([str(served.newer / "log/0/vkey")], None)
    assert served.round(pinned=pinned) == 0
    wrong = {0: pinned_keys([str(served.newer / "log/1/vkey")], None)[1]}
    assert served.round(pinned=wrong) == 1
    lines = (served.newer / "log/0/vkey").read_text().split()
    (tmp_path / "policy").write_text(f"log {lines[0]}\nquorum none\n")
    assert pinned_keys([], tmp_path / "policy") == {0: lines[:1]}
    for given in ("nonsense", str(tmp_path / "policy")):
        with pytest.raises(Unfit, match="--vkey: "):
            pinned_keys([given], None)


def test_a_journal_that_is_hidden_is_raised(served: Served) -> None:
    assert served.round() == 0
    shutil.rmtree(served.folder / "log/1")
    assert served.round() == 1
    assert served.evidence() == {"log-1-gone": [served.note(served.older, 1)]}


def test_a_journal_that_stands_still_is_raised_with_what_it_shows(served: Served) -> None:
    assert served.round(NOW, stalled_after=60) == 0
    assert served.round(NOW + 59, stalled_after=60) == 0
    shutil.copytree(served.newer / "log/1", served.folder / "log/1", dirs_exist_ok=True)
    assert served.round(NOW + 60, stalled_after=60) == 1
    assert served.evidence() == {"log-0-standing-still": [served.note(served.older)] * 2}


@pytest.mark.parametrize("row", WATCHED, ids=lambda row: row.what)
def test_what_a_watcher_must_not_be_shown_is_raised(row: Shown, served: Served, signers: list[Any]) -> None:
    served.show(served.newer)
    assert served.round() == 0
    row.do(served.folder, signers)
    stalled_after = 60 if row.kind == "standing-still" else None
    assert served.round(NOW + 60, stalled_after=stalled_after) == 1
    assert served.evidence()[f"log-0-{row.kind}"][0] == served.note(served.newer)


def test_a_server_that_cannot_be_asked_is_no_finding(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(served.folder)
    assert served.round() == 2
    assert "not asked" in capsys.readouterr().err
    assert served.evidence() == {}


def test_one_watcher_at_a_time_and_no_foreign_memory(served: Served) -> None:
    assert served.round() == 0
    with watch_memory.opened(served.state), pytest.raises(Unfit, match="expected one watcher"):
        served.round()
    (served.state / "log-0.json").write_bytes(b"{}")
    assert served.round() == 2
    with watch_memory.opened(served.state) as memory, pytest.raises(Unfit, match="expected what a watcher keeps"):
        memory.seen(0)


class Killed(BaseException):
    """The process is gone."""


def test_killed_at_any_write_it_has_seen_what_it_had_or_what_is_new(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, deaths = Path.replace, 0
    assert served.round() == 0
    kept = {path.name: path.read_bytes() for path in served.state.glob("log-*.json")}
    served.show(served.newer)
    for after in range(JOURNALS + 1):
        left = [after]

        def replace(draft: Path, target: Path, left: list[int] = left) -> Path:
            if left[0] == 0:
                draft.write_bytes(draft.read_bytes()[:-9])
                raise Killed
            left[0] -= 1
            return real(draft, target)

        for name, content in kept.items():
            (served.state / name).write_bytes(content)
        monkeypatch.setattr(Path, "replace", replace)
        try:
            served.round()
        except Killed:
            deaths += 1
        monkeypatch.setattr(Path, "replace", real)
        memory = Memory(served.state)
        for journal in range(JOURNALS):
            seen = memory.seen(journal)
            assert seen is not None
            assert seen.note in (served.note(served.older, journal), served.note(served.newer, journal))
        assert served.round() == 0
    assert deaths == JOURNALS


@pytest.fixture
def address(served: Served) -> Iterator[str]:
    """Where the newer export is served over HTTP."""
    command = [
        sys.executable,
        "-m",
        "deploy.cli.door",
        "audit",
        "serve",
        str(served.newer),
        "--port",
        "0",
        "--no-entries",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = next(line for line in process.stderr if "serving" in line)
    try:
        yield line.rstrip().rpartition(" on ")[2]
    finally:
        process.kill()
        process.wait()


def test_the_command_follows_over_http(served: Served, address: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.cli.door", "audit", "watch", "--state", str(tmp_path / "s"), "--once"]
    done = subprocess.run([*command, address], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("first seen at size")) == (0, JOURNALS), done.stderr
    away = subprocess.run([*command, "http://127.0.0.1:9"], capture_output=True, text=True, check=False)
    assert (away.returncode, away.stdout) == (2, "")
    assert "expected an answer" in away.stderr
