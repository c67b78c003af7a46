"""Jars: what the lock does not know does not run, wherever it came from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.progress import SILENT
from deploy.embedded import jars, kafka, processes
from deploy.embedded.jars import Jar
from deploy.embedded.processes import StackError

GOOD = b"the jar we tested with"
JAR = Jar("org.example", "broker", "1.0", hashlib.sha256(GOOD).hexdigest())


class Repository:
    """jgo's context as far as it is used, giving whatever bytes it is told to; None: not there."""

    def __init__(self, folder: Path, content: bytes | None) -> None:
        self._folder, self._content = folder, content
        self.asked: list[str] = []

    def project(self, group: str, artifact: str) -> Repository:
        self.asked.append(f"{group}:{artifact}")
        return self

    def at_version(self, version: str) -> Repository:
        return self

    def artifact(self) -> Repository:
        return self

    def resolve(self) -> Path:
        if self._content is None:
            raise RuntimeError("not found in remote repositories")
        path = self._folder / "fetched.jar"
        path.write_bytes(self._content)
        return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "iuran" / "jars"


def repository(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes | None) -> Repository:
    made = Repository(folder, content)

    def context(_: Path) -> Any:
        return made

    monkeypatch.setattr(jars, "_context", context)
    return made


def test_a_missing_jar_is_fetched_once_and_then_found(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = repository(monkeypatch, tmp_path, GOOD).asked
    assert jars.class_path(SILENT, [JAR]) == str(cache / "broker-1.0.jar")
    assert jars.class_path(SILENT, [JAR]) == str(cache / "broker-1.0.jar")
    assert asked == ["org.example:broker"]
    assert sorted(path.name for path in cache.iterdir()) == [".lock", "broker-1.0.jar"]


def test_a_fetched_jar_of_another_hash_never_enters_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(monkeypatch, tmp_path, GOOD + b"!")
    with pytest.raises(StackError, match=f"expected SHA-256 {JAR.sha256}, got "):
        jars.class_path(SILENT, [JAR])
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_a_jar_that_is_not_to_be_had_is_named(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(monkeypatch, tmp_path, None)
    with pytest.raises(StackError, match=r"org\.example:broker:1\.0: could not be fetched"):
        jars.class_path(SILENT, [JAR])


def test_a_tampered_jar_in_the_cache_is_refused_and_no_broker_starts(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(monkeypatch, tmp_path, GOOD)
    jars.class_path(SILENT, [JAR])
    (cache / JAR.file_name).write_bytes(GOOD[:-1] + b"T")
    monkeypatch.setattr(jars, "read_lock", lambda: (JAR,))
    with pytest.raises(StackError, match=r"broker-1\.0\.jar: expected SHA-256"):
        kafka.start(tmp_path / "home", 0, SILENT)
    assert processes.find(tmp_path / "home", "kafka") is None
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "line",
    [
        "org.example:broker:1.0",
        "org.example:broker:1.0 abc",
        f"org.example:broker {JAR.sha256}",
        f"org.example:broker:1.0 {JAR.sha256.upper()}",
        f"org.example:broker:1.0  {JAR.sha256}",
        "",
    ],
)
def test_a_lock_line_without_coordinate_and_hash_is_refused(line: str) -> None:
    with pytest.raises(StackError, match=r"jars\.lock"):
        jars.read_lock(line)


def test_the_committed_lock_is_the_broker_and_logging_that_are_named_one_version_of_each() -> None:
    locked = jars.read_lock()
    coordinates = {f"{jar.group}:{jar.artifact}:{jar.version}" for jar in locked}
    assert {jars.BROKER, jars.LOGGING} <= coordinates
    assert len({(jar.group, jar.artifact) for jar in locked}) == len(locked)
    assert len({jar.file_name for jar in locked}) == len(locked)
    assert {jar.version for jar in locked if jar.group == "org.apache.kafka"} == {jars.BROKER.rpartition(":")[2]}
