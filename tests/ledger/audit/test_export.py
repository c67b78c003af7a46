"""`iuran audit export`: a folder of a real stored ledger, whole or going on, grown, repaired, served."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from typer.testing import CliRunner

from deploy.cli.audit import app as audit_app
from deploy.cli.audit_export import exported
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.audit.exporting import export_folder, export_sources
from ledger.audit.exporting.export import Export, ExportError
from ledger.audit.exporting.export_serving import ServedExport, create_app
from ledger.audit.sources.http_paths import HttpPaths
from ledger.audit.sources.notes import notes_of
from ledger.errors import StoreUnavailable, Unfit
from ledger.log.checkpoint import claimed
from ledger.log.note import NoteError
from ledger.log.tiles import ENTRIES, Tile
from tests.ledger.audit.conftest import JOURNALS, Honest
from tests.ledger.audit.tampering import copied
from tests.support.commands import Door
from tests.support.exports import laid_out
from tests.support.serving import served as served_app


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder by path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def export(url: str, folder: Path) -> dict[str, bytes]:
    """Export from a database; give what the folder then holds."""
    exported(folder, export_sources.of_database(url), SILENT)
    return files(folder)


def whole(folder: Path) -> bool:
    """Whether a folder has a manifest; if it has, everything that it tells of must be there."""
    if not (folder / "manifest.json").exists():
        return False
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for log in manifest["logs"]:
        root = folder / "log" / str(log["journal"])
        for name, digest in log["sha256"].items():
            assert sha256((root / name).read_bytes()).hexdigest() == digest, name
        for number in range(-(-log["size"] // 256)):
            width = min(256, log["size"] - 256 * number)
            for level in (ENTRIES, 0):
                assert (root / Tile(level, number, width).path()).is_file()
    for scheme in manifest["schemes"]:
        assert sha256((folder / scheme["file"]).read_bytes()).hexdigest() == scheme["sha256"]
    return True


@pytest.fixture(scope="module")
def fresh(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the honest ledger; not to be written to."""
    folder = tmp_path_factory.mktemp("fresh") / "export"
    export(honest.ledger.url, folder)
    return folder


@pytest.fixture
def older(honest: Honest, tmp_path: Path) -> Path:
    """An export of the ledger as it was earlier."""
    export(honest.earlier_url, tmp_path / "older")
    return tmp_path / "older"


def test_the_folder_holds_what_the_log_is_byte_for_byte(honest: Honest, fresh: Path, tmp_path: Path) -> None:
    with psycopg.connect(honest.ledger.url) as connection:
        laid_out(connection, tmp_path)
    logs = {path: content for path, content in files(fresh).items() if path.startswith("log/")}
    assert logs == files(tmp_path)
    assert whole(fresh)
    manifest = json.loads((fresh / "manifest.json").read_bytes())
    assert (manifest["format"], manifest["ledger"]) == ("iuran-export/v1", honest.ledger.settings.ledger)
    assert [log["size"] for log in manifest["logs"]] == [
        claimed((fresh / f"log/{n}/checkpoint").read_bytes()).size for n in range(JOURNALS)
    ]
    assert {scheme["scheme"] for scheme in manifest["schemes"]} == {"ID-JK-PILOT"}


def test_the_earlier_checkpoints_come_by_size_and_cut_apart_again(fresh: Path) -> None:
    for number in range(JOURNALS):
        content = (fresh / f"log/{number}/checkpoints").read_bytes()
        cut = list(notes_of([content]))
        sizes = [claimed(note).size for note in cut]
        assert b"".join(cut) == content
        assert (sizes, len(sizes) > 3) == (sorted(set(sizes)), True)
        pieces = [content[at : at + 7] for at in range(0, len(content), 7)]
        assert list(notes_of(pieces)) == cut
        with pytest.raises(NoteError, match="at the end that are none"):
            list(notes_of([content[:-1]]))


def test_done_again_nothing_is_written(honest: Honest, fresh: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fresh, tmp_path / "again"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    export(honest.ledger.url, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_older_export_grows_into_what_a_fresh_one_is(honest: Honest, fresh: Path, older: Path) -> None:
    kept = older / "log/0/tile/entries/000"
    before = kept.stat().st_mtime_ns
    assert export(honest.ledger.url, older) == files(fresh)
    assert kept.stat().st_mtime_ns == before


class Killed(BaseException):
    """The process is gone."""


def test_killed_at_any_file_it_goes_on_and_a_manifest_never_lies(
    honest: Honest, fresh: Path, older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, real = files(fresh), Path.replace
    deaths = 0
    for begun in (None, older):
        for after in range(200):
            folder = tmp_path / f"killed-{begun is None}-{after}"
            if begun is not None:
                shutil.copytree(begun, folder)
            left = [after]

            def replace(draft: Path, target: Path, left: list[int] = left) -> Path:
                if left[0] == 0:
                    draft.write_bytes(draft.read_bytes()[:-1])
                    raise Killed
                left[0] -= 1
                return real(draft, target)

            monkeypatch.setattr(Path, "replace", replace)
            try:
                export(honest.ledger.url, folder)
                break
            except Killed:
                deaths += 1
            finally:
                monkeypatch.setattr(Path, "replace", real)
            whole(folder)
            assert export(honest.ledger.url, folder) == expected
            shutil.rmtree(folder)
    assert deaths > 15


def test_spoilt_files_are_found_and_written_again(honest: Honest, fresh: Path, tmp_path: Path) -> None:
    expected = files(fresh)
    for path in ("log/0/tile/entries/000", "log/0/tile/0/000", "log/1/tile/0/000.p/", "log/0/vkey", "manifest.json"):
        folder = Path(shutil.copytree(fresh, tmp_path / path.replace("/", "-")))
        full = next(name for name in expected if name.startswith(path))
        content = bytearray(expected[full])
        content[len(content) // 2] ^= 1
        (folder / full).write_bytes(content)
        assert export(honest.ledger.url, folder) == expected, path


@pytest.mark.parametrize(
    ("table", "statement", "law"),
    [
        ("entries", 'UPDATE entries SET leaf = set_byte(leaf, 9, 90) WHERE journal = 0 AND "index" = 7', "L2"),
        ("entries", 'DELETE FROM entries WHERE journal = 0 AND "index" = 257', "L2"),
        (
            "tiles",
            "UPDATE tiles SET hashes = set_byte(hashes, 9, 1 # get_byte(hashes, 9)) WHERE journal = 0 AND level = 0",
            "L2",
        ),
        ("tiles", "DELETE FROM tiles WHERE journal = 0", "L2"),
        (
            "checkpoints",
            "UPDATE checkpoints SET note = set_byte(note, 30, 1 # get_byte(note, 30)) WHERE journal = 0",
            "L6",
        ),
    ],
)
def test_what_the_checkpoint_does_not_sign_is_not_written(
    honest: Honest, servers: Servers, tmp_path: Path, table: str, statement: str, law: str
) -> None:
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url) as connection:
            for step in (f"ALTER TABLE {table} DISABLE TRIGGER USER", statement):
                connection.execute(step)  # type: ignore[call-overload]
        with pytest.raises(ExportError, match=rf"^{law} journal 0"):
            export(url, tmp_path / "export")
    assert not whole(tmp_path / "export")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda notes: notes[::-1], "expected sizes that grow"),
        (lambda notes: [*notes, b"nothing\n"], "at the end that are none"),
        (lambda notes: [notes[0].replace(b"\n", b"\xff\n", 1), *notes[1:]], "codec can't decode"),
    ],
)
def test_a_history_that_is_spoilt_is_told_and_not_built_upon(
    change: Callable[[list[bytes]], list[bytes]], told: str, honest: Honest, fresh: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(fresh, tmp_path / "spoilt"))
    place = folder / "log/0/checkpoints"
    place.write_bytes(b"".join(change(list(notes_of([place.read_bytes()])))))
    with pytest.raises(ExportError, match=f"^L6 journal 0: .*{told}"):
        export(honest.ledger.url, folder)


def test_a_history_of_nonsense_in_the_database_is_told(honest: Honest, servers: Servers, tmp_path: Path) -> None:
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE checkpoints DISABLE TRIGGER USER")
            newest = "SELECT max(size) FROM checkpoints WHERE journal = 0"
            connection.execute(f"UPDATE checkpoints SET note = 'x' WHERE journal = 0 AND size < ({newest})")
        with pytest.raises(ExportError, match=r"^L6 journal 0: checkpoints: checkpoint: expected three lines"):
            export(url, tmp_path / "export")
    assert not whole(tmp_path / "export")


def test_a_ledger_set_back_is_refused_by_an_export_that_has_seen_more(
    honest: Honest, fresh: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(fresh, tmp_path / "seen"))
    with pytest.raises(ExportError, match=r"L6 journal 0: checkpoint: expected size \d+ or more"):
        export(honest.earlier_url, folder)
    assert files(folder) == files(fresh)


def test_only_an_empty_folder_or_an_export_is_written_and_by_one_at_a_time(honest: Honest, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(Unfit, match="expected an empty folder or an export"):
        export(honest.ledger.url, tmp_path)
    with (
        export_folder.opened(tmp_path / "one"),
        pytest.raises(Unfit, match="another export under way"),
        export_folder.opened(tmp_path / "one"),
    ):
        pass


class Stalls:
    """An application that leaves one question unanswered until whoever asked is gone: `reached` is set when it came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.at = 0
        self.asked = 0
        self.reached = threading.Event()

    def stall(self, at: int) -> None:
        """Leave the question of this number, from now on, unanswered; 0: none."""
        self.at, self.asked = at, 0
        self.reached.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one question."""
        if scope["type"] == "http":
            self.asked += 1
            if self.asked == self.at:
                self.reached.set()
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        await self._app(scope, receive, send)


def test_a_process_that_is_killed_goes_on_and_ends_with_the_same_folder(fresh: Path, older: Path) -> None:
    """SIGKILL while it waits for its n-th answer, again and again: also while an older export grows."""
    app = Stalls(create_app(fresh))
    left = []
    with served_app(app) as url:
        for folder in (older.with_name("anew"), older):
            command = [sys.executable, "-m", "deploy.cli.door", "audit", "export", str(folder), "--from", url]
            for at in (3, 9, 14):
                app.stall(at)
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                assert app.reached.wait(60), process.communicate(timeout=60)[0]
                process.kill()
                process.communicate()
                left.append((process.returncode, whole(folder)))
            app.stall(0)
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stdout.startswith(f"exported: {JOURNALS} journals, ")
            assert files(folder) == files(fresh)
            verified = CliRunner().invoke(audit_app, ["verify", str(folder)])
            assert verified.exit_code == 0, verified.output
    assert [code for code, _ in left] == [-signal.SIGKILL] * 6
    assert not any(there for _, there in left[:3]), "without a manifest until all is there"


# -- served ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(fresh: Path) -> Iterator[str]:
    """The address of the served export."""
    command = [sys.executable, "-m", "deploy.cli.door", "audit", "serve", str(fresh), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "serving" in line:
            break
    try:
        yield said.rstrip().rpartition(" on ")[2]
    finally:
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(30) == 0


def test_an_export_of_a_served_export_is_the_same(fresh: Path, served: str, tmp_path: Path) -> None:
    exported(tmp_path / "copy", export_sources.of_address(served, None), SILENT)
    assert files(tmp_path / "copy") == files(fresh)
    paths = HttpPaths(served)
    try:
        assert paths.read([("log/0/vkey", 8), ("log/9/vkey", 8)]) == [(fresh / "log/0/vkey").read_bytes()[:9], None]
        assert b"".join(paths.stream("log/0/checkpoints")) == (fresh / "log/0/checkpoints").read_bytes()
    finally:
        paths.close()


def test_nobody_there_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"http://127\.0\.0\.1:9/log/0/checkpoint: expected an answer"):
        exported(tmp_path / "copy", export_sources.of_address("http://127.0.0.1:9", None), SILENT)


def test_files_are_served_with_their_content_types_and_nothing_else_is(fresh: Path) -> None:
    answers = ServedExport(fresh, with_entries=True)
    text, raw = "text/plain; charset=utf-8", "application/octet-stream"
    for path, media_type, caching in (
        ("log/0/checkpoint", text, "public, max-age=2"),
        ("log/0/vkey", text, "public, max-age=2"),
        ("log/0/checkpoints", text, "public, max-age=2"),
        ("log/0/tile/0/000", raw, "public, max-age=31536000, immutable"),
        ("log/0/tile/entries/000", raw, "private, max-age=31536000, immutable"),
        ("manifest.json", "application/json", "public, max-age=2"),
    ):
        got = answers.answer("GET", path)
        assert (got.status_code, got.body) == (200, (fresh / path).read_bytes()), path
        assert (got.headers["content-type"], got.headers["cache-control"]) == (media_type, caching)
        assert answers.answer("HEAD", path).body == b""
    for scheme in json.loads((fresh / "manifest.json").read_bytes())["schemes"]:
        assert answers.answer("GET", scheme["file"]).body == (fresh / scheme["file"]).read_bytes()
    for path in ("log/0/tile/0/0", "log/00/vkey", "log/0/../../letter", "../letter", "log/0/tile/0/001/../000", "log"):
        assert answers.answer("GET", path).status_code == 404, path
    assert answers.answer("POST", "manifest.json").status_code == 405
    assert ServedExport(fresh, with_entries=False).answer("GET", "log/0/tile/entries/000").status_code == 404


def test_narrower_tiles_are_cut_from_wider_ones(fresh: Path) -> None:
    answers = ServedExport(fresh, with_entries=True)
    size = claimed((fresh / "log/0/checkpoint").read_bytes()).size
    assert answers.answer("GET", "log/0/tile/0/000.p/9").body == (fresh / "log/0/tile/0/000").read_bytes()[: 9 * 32]
    cut = bytes(answers.answer("GET", "log/0/tile/entries/000.p/9").body)
    assert (fresh / "log/0/tile/entries/000").read_bytes().startswith(cut)
    assert cut.count(b'"format":"iuran-entry/v1"') == 9
    assert answers.answer("GET", f"log/0/tile/0/001.p/{size % 256 + 1}").status_code == 404


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_the_folder_holds(honest: Honest, fresh: Path, tmp_path: Path) -> None:
    door = Door(honest.ledger, tmp_path)
    said = door.ok("audit", "export", tmp_path / "export")
    assert said.startswith(f"exported: {JOURNALS} journals, ")
    assert files(tmp_path / "export") == files(fresh)
    got = door.run("audit", "export", tmp_path / "export", "--token-file", tmp_path / "none")
    assert isinstance(got.exception, Unfit)


def test_progress_counts_entries(honest: Honest, tmp_path: Path) -> None:
    with export_folder.opened(tmp_path / "e") as folder, export_sources.of_database(honest.ledger.url) as source:
        counted: list[int] = []
        run = Export(source, folder)
        total = run.begin()
        run.write(counted.append)
        assert sum(counted) == total > 300
