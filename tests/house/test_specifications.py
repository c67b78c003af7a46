"""The page of what C2SP demands is held against the tests: each named there is there, and names the specification."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS / "ledger" / "log" / "C2SP.md"
FILES = {path.name: path for path in TESTS.rglob("test_*.py")}


@cache
def documented(file: str) -> dict[str, str]:
    """What each test of a file says of itself, and what the file says."""
    tree = ast.parse(FILES[file].read_text(encoding="utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {test.name: f"{ast.get_docstring(tree)} {ast.get_docstring(test)}" for test in tests}


def test_each_demand_has_a_test_that_names_its_specification() -> None:
    demands, specification = 0, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            specification = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| ---", "| section")):
            cited = re.findall(r"`\w+/(\w+\.py)::(\w+)`", line)
            demands += 1
            assert cited, line
            for file, test in cited:
                assert specification in documented(file)[test], f"{file}::{test}: expected it to name {specification}"
    assert demands > 50
