"""The vectors are those that the code writes, each file of them, and each has its paragraph in their README."""

from __future__ import annotations

from ledger.vectors.files import HOME, files


def test_committed_vectors_are_the_generated_ones() -> None:
    written = files()
    assert {path.name for path in HOME.glob("*.json")} == set(written)
    for name, text in written.items():
        assert (HOME / name).read_text(encoding="utf-8") == text, f"{name}: run python -m ledger.vectors"


def test_each_file_is_explained() -> None:
    page = (HOME / "README.md").read_text(encoding="utf-8")
    assert [name for name in files() if f"`{name}`" not in page] == []
