"""The jars of the embedded broker: exactly those of the committed lock, or nothing runs.

`jars.lock` beside this file has a line per jar: Maven coordinate and SHA-256. The jars lie in a cache that several
homes share (`$XDG_CACHE_HOME/iuran/jars`, by default below `~/.cache`); what is missing there is fetched by the wheel
`jgo`, in pure Python, from the Maven repository it is configured for. A jar enters the cache only after its hash was
compared, and every hash is compared again at each start of the broker, so neither a repository nor somebody with
access to the cache can slip in other code.

The lock comes from a real resolution: `python -m deploy.embedded.jars > deploy/embedded/jars.lock`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from deploy.cli.progress import Progress
from deploy.embedded.processes import StackError

BROKER = "org.apache.kafka:kafka_2.13:4.3.1"
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
_FETCHERS = 8


class Jar(NamedTuple):
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str  # lower-case hex

    @property
    def file_name(self) -> str:
        """Name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(text: str | None = None) -> tuple[Jar, ...]:
    """Give the jars of the lock, in class-path order; by default the committed one.

    Raises StackError for a line that is not `group:artifact:version sha256`.
    """
    text = files("deploy.embedded").joinpath("jars.lock").read_text(encoding="utf-8") if text is None else text
    jars = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        coordinate, _, sha256 = line.partition(" ")
        parts = coordinate.split(":")
        if len(parts) != 3 or len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise StackError(f"jars.lock line {number}: expected `group:artifact:version sha256`, got {line!r}")
        jars.append(Jar(parts[0], parts[1], parts[2], sha256))
    if not jars:
        raise StackError("jars.lock: expected a line per jar, got none")
    return tuple(jars)


def cache_dir() -> Path:
    """Folder of the jars, shared by all homes of this user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "iuran" / "jars"


def class_path(progress: Progress, lock: Sequence[Jar] | None = None) -> str:
    """Give the broker's class path, every jar present and compared with its hash; fetches what is missing.

    Raises StackError naming the jar whose hash differs (in the cache or as fetched) or that could not be fetched.
    """
    jars = read_lock() if lock is None else tuple(lock)
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    if any(not (cache / jar.file_name).is_file() for jar in jars):
        with (cache / ".lock").open("a+") as file:  # two homes starting at once fetch once
            fcntl.flock(file, fcntl.LOCK_EX)
            _fetch(cache, [jar for jar in jars if not (cache / jar.file_name).is_file()], progress)
    for jar in jars:
        path = cache / jar.file_name
        compare(jar, path, f"delete {path} and run again to fetch it anew")
    return os.pathsep.join(str(cache / jar.file_name) for jar in jars)


def compare(jar: Jar, path: Path, mend: str) -> None:
    """Raise StackError unless the file has the hash of the lock."""
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != jar.sha256:
        raise StackError(f"{path.name}: expected SHA-256 {jar.sha256}, got {got}; nothing was run; {mend}")


def _fetch(cache: Path, missing: Sequence[Jar], progress: Progress) -> None:
    """Put the missing jars into the cache, each by a rename after its hash was compared."""
    if not missing:
        return
    progress.step(f"fetching {len(missing)} jars of Apache Kafka into {cache}, once")
    making = Path(tempfile.mkdtemp(prefix=".fetching-", dir=cache))
    try:
        context = _context(making)
        with ThreadPoolExecutor(_FETCHERS) as pool, progress.track(len(missing), "jars fetched") as track:
            fetches = [pool.submit(_fetch_one, context, cache, jar) for jar in missing]
            try:
                for fetch in as_completed(fetches):
                    fetch.result()
                    track.advance()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _fetch_one(context: Any, cache: Path, jar: Jar) -> None:
    name = f"{jar.group}:{jar.artifact}:{jar.version}"
    try:
        fetched: Path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except Exception as error:  # jgo names none of its own: RuntimeError, requests', OSError
        raise StackError(f"{name}: could not be fetched ({error}); check the network, then run again") from error
    compare(jar, fetched, "the repository gave another file than the one this version was tested with")
    part = cache / f".{jar.file_name}.part"
    shutil.copyfile(fetched, part)
    part.replace(cache / jar.file_name)


def _context(repo_cache: Path) -> Any:
    """jgo's view of the repositories: its own default, and what the user's jgo settings add or put in its place."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ImportError as error:
        raise StackError("embedded Kafka: the wheel jgo is missing; pip install 'iuran[embedded]'") from error
    own: dict[str, str] = GlobalSettings.load().repositories
    standard = MavenContext(repo_cache=repo_cache)
    return MavenContext(repo_cache=repo_cache, remote_repos={**standard.remote_repos, **own}, timeout=60)


def _resolve() -> list[Jar]:
    """Resolve broker and logging anew, each on its own: as two roots of one resolution jgo picks an older client."""
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as folder:
        context = _context(Path(folder))
        found: dict[tuple[str, str], Jar] = {}
        for root in (BROKER, LOGGING):
            asked = replace(Coordinate.parse(root), scope="compile")
            roots, others = context.resolver.resolve([context.create_dependency(asked)])
            for each in (*roots, *(other for other in others if other.scope in ("compile", "runtime"))):
                jar = each.artifact
                digest = hashlib.sha256(jar.resolve().read_bytes()).hexdigest()
                found.setdefault((jar.groupId, jar.artifactId), Jar(jar.groupId, jar.artifactId, jar.version, digest))
        return list(found.values())


if __name__ == "__main__":
    sys.stdout.write(f"# Jars of {BROKER} and {LOGGING}: coordinate, SHA-256.\n")
    for locked in _resolve():
        sys.stdout.write(f"{locked.group}:{locked.artifact}:{locked.version} {locked.sha256}\n")
