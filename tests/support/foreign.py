"""The foreign verifiers: built or found once a run, and asked as a stranger would ask them.

Go's stand in `tests/foreign/go` and are built once, with Go's own caches kept (the first build on a machine takes about
half a minute of one core, one after a change a second); Node.js' is one file. Where a toolchain is missing, `missing`
says which and why, its tests are not collected (`tests/foreign/conftest.py`), and the run says so at its end.
"""

from __future__ import annotations

import base64
import fcntl
import json
import shutil
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

GO_MODULE = Path(__file__).parents[1] / "foreign" / "go"
NODE_VERIFIER = Path(__file__).parents[1] / "foreign" / "node" / "verify.mjs"
CACHE = Path(__file__).parents[2] / ".pytest_cache" / "foreign"
NODE_MAJOR_MIN = 18


class Verdict(NamedTuple):
    """What a verifier said: whether all held, its last line, and everything it printed."""

    holds: bool
    last: str
    text: str

    def laws(self) -> set[str]:
        """The laws of its findings."""
        return {line.split()[0] for line in self.text.splitlines() if line.startswith("L")}


@cache
def missing_go() -> str | None:
    """Why there is no Go toolchain that can build the verifiers; None if there is one."""
    if shutil.which("go") is None:
        return "Go: expected `go` on the path, got none"
    asked = subprocess.run(["go", "env", "GOVERSION"], cwd=GO_MODULE, capture_output=True, text=True, check=False)
    return None if asked.returncode == 0 else f"Go: {asked.stderr.strip()}"


@cache
def missing_node() -> str | None:
    """Why there is no Node.js that can run the verifier; None if there is one."""
    if shutil.which("node") is None:
        return "Node.js: expected `node` on the path, got none"
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    version = asked.stdout.strip()
    if not version.startswith("v") or int(version[1:].split(".")[0]) < NODE_MAJOR_MIN:
        return f"Node.js: expected version {NODE_MAJOR_MIN} or later, got {version}"
    return None


MISSING = {"test_go_*.py": missing_go, "test_node_*.py": missing_node}
"""Which tests need what: file names below `tests/foreign`, and what says why they can't run."""


@cache
def built() -> Path:
    """The folder of Go's programs; raises AssertionError with the compiler's words if they do not build.

    It is kept in the tests' cache under a name made of what it was built from, and one process of a run builds it.
    """
    asked = subprocess.run(["go", "env", "GOVERSION"], cwd=GO_MODULE, capture_output=True, check=True)
    of = sha256(asked.stdout)
    for path in sorted(GO_MODULE.rglob("*")):
        if path.suffix in (".go", ".mod", ".sum"):
            of.update(path.read_bytes())
    folder = CACHE / of.hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            for older in CACHE.glob("*/"):
                shutil.rmtree(older)
            draft = CACHE / "draft"
            command = ["go", "build", "-o", f"{draft}/", "./..."]
            done = subprocess.run(command, cwd=GO_MODULE, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            draft.rename(folder)
    return folder


def go(program: str, *arguments: str | Path) -> Verdict:
    """Run one of Go's verifiers."""
    return _verdict([str(built() / program), *map(str, arguments)])


def node(*arguments: str | Path) -> Verdict:
    """Run the verifier in Node.js."""
    return _verdict(["node", str(NODE_VERIFIER), *map(str, arguments)])


def _verdict(command: list[str]) -> Verdict:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, 1), done.stderr or done.stdout
    last = (done.stdout.splitlines() or [""])[-1]
    assert last.startswith("verified: " if done.returncode == 0 else "NOT verified: "), done.stdout + done.stderr
    return Verdict(done.returncode == 0, last, done.stdout)


class Oracle:
    """Go's log libraries, asked one question after the other; bytes go as base64, answers come as they are in JSON."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [built() / "oracle"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, question: str, **members: Any) -> dict[str, Any]:
        """Ask; what the library refuses comes back as {"error": ...}."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": question} | {k: _plain(v) for k, v in members.items()}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"oracle: expected an answer to {question}, got none"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Ask no more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def unbase64(texts: list[str] | None) -> list[bytes]:
    """The bytes of a list in an answer."""
    return [base64.b64decode(text) for text in texts or ()]
