"""The API as what an export is made from: an auditor gets the same folder as from the database, others get nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlencode

import pytest

from deploy.cli.audit_export import exported, token
from deploy.cli.progress import SILENT
from ledger.audit.exporting import export_sources
from ledger.audit.exporting.export import ExportError
from ledger.audit.exporting.export_sources import HttpSource
from ledger.audit.sources.paths import ALL, Query, Wanted
from ledger.errors import Unfit
from tests.ledger.api.conftest import Api


class ApiPaths:
    """`paths.Paths` over the application; `lies` replaces what it answers at these paths."""

    def __init__(self, api: Api, role: str | None) -> None:
        self._api, self._role = api, role
        self.lies: dict[str, bytes] = {}

    def read(self, paths: Wanted) -> list[bytes | None]:
        """Ask one after the other."""
        return [self._one(path) for path, _ in paths]

    def stream(self, path: str, query: Query = ALL) -> Iterator[bytes]:
        """Give it page after page, small ones."""
        further: str | None = urlencode({**query, "limit": 1})
        while further is not None:
            got = self._api.get(f"/{path}?{further}", self._role, "W-7f3a")
            yield got.content
            further = got.headers["link"].partition(">")[0].removeprefix("<?") if "link" in got.headers else None

    def _one(self, path: str) -> bytes | None:
        got = self._api.get(f"/{path}", self._role, "W-7f3a")
        assert got.status_code in (200, 404), got.text
        return self.lies.get(path, got.content) if got.status_code == 200 else None


def export(paths: ApiPaths, folder: Path) -> None:
    """Export from the API."""
    exported(folder, nullcontext(HttpSource(paths)), SILENT)


def test_an_auditor_gets_the_folder_that_the_database_gives(api: Api, tmp_path: Path) -> None:
    export(ApiPaths(api, "auditor"), tmp_path / "api")
    exported(tmp_path / "database", export_sources.of_database(api.ledger.url), SILENT)
    for path in sorted((tmp_path / "database").rglob("*")):
        name = path.relative_to(tmp_path / "database")
        if path.is_file():
            assert (tmp_path / "api" / name).read_bytes() == path.read_bytes(), name
    earlier = api.rows("SELECT note FROM checkpoints WHERE journal = 0 ORDER BY size")[:-1]
    assert (tmp_path / "api/log/0/checkpoints").read_bytes() == b"".join(note for (note,) in earlier) != b""


def test_what_the_folder_had_seen_becomes_an_earlier_checkpoint(api: Api, tmp_path: Path) -> None:
    """Also where a server shows its newest checkpoint alone, as a static one may."""
    folder = tmp_path / "api"
    paths = ApiPaths(api, "auditor")
    paths.stream = lambda path, query=ALL: iter(())  # type: ignore[method-assign]
    export(paths, folder)
    newest = (folder / "log/0/checkpoint").read_bytes()
    older = api.rows("SELECT note FROM checkpoints WHERE journal = 0 ORDER BY size")[1][0]
    (folder / "log/0/checkpoint").write_bytes(older)
    export(paths, folder)
    assert (folder / "log/0/checkpoints").read_bytes() == older
    assert (folder / "log/0/checkpoint").read_bytes() == newest


def test_without_an_auditors_token_there_is_none(api: Api, tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="expected bundles of entries, got none; give an auditor's token"):
        export(ApiPaths(api, "worker"), tmp_path / "api")


def test_a_server_that_lies_writes_nothing_false(api: Api, tmp_path: Path) -> None:
    for path, refused in (
        ("log/0/checkpoint", (Unfit, ExportError)),
        ("log/1/checkpoint", (ExportError,)),
        ("log/1/tile/0/000.p/", (ExportError,)),
        ("log/1/tile/entries/000.p/", (ExportError,)),
        ("log/1/vkey?revoked=true", (ExportError,)),
    ):
        size = api.rows("SELECT published_size FROM heads WHERE journal = 1")[0][0]
        place = f"{path}{size}" if path.endswith("/") else path
        paths = ApiPaths(api, "auditor")
        content = bytearray(paths.read([(place, 0)])[0] or b"")
        content[len(content) // 2 if "tile" in place else 26] ^= 1
        paths.lies[place] = bytes(content)
        folder = tmp_path / place.replace("/", "-")
        with pytest.raises(refused):
            export(paths, folder)
        assert not (folder / "manifest.json").exists()
        written = [p for p in folder.rglob("*") if p.is_file()]
        assert bytes(content) not in [p.read_bytes() for p in written]


def test_a_token_file_holds_one_line(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("abc.def.ghi\n")
    assert token(tmp_path / "good") == "abc.def.ghi"
    (tmp_path / "bad").write_text("abc def\n")
    for name in ("bad", "none"):
        with pytest.raises(Unfit) as told:
            token(tmp_path / name)
        assert "abc" not in str(told.value)
