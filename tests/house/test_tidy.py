"""Style that a formatter does not see: no float near money, the house's words, docstrings, sizes (HOUSE 3 to 6)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("contracts", "ledger", "streams", "deploy")
MONEY_ROOMS = ("contracts", "ledger/domain", "ledger/audit", "ledger/intake.py", "streams/pipeline.py")
SOURCES = sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))
NO_MONEY = {
    "contracts/ijson.py": "names floats in order to refuse them",
    "contracts/generate.py": "joins paths",
}
UNWANTED_NAMES = re.compile(r"^(.*_)?(util|utils|helper|helpers|manager|misc|common|handler|handlers)$")
UNWANTED_VERBS = re.compile(r"^_*process_")
LEFTOVER = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b")
FILE_LINES_MAX = 470
FUNCTION_LINES_MAX = 62


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def floats_in(tree: ast.Module) -> list[int]:
    """Lines with a float literal, the name float outside an isinstance refusal, or a true division."""
    lines = []
    refusals = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            lines.append(node.lineno)
        if isinstance(node, ast.Name) and node.id == "float" and id(node) not in refusals:
            lines.append(node.lineno)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not exact(node):
            lines.append(node.lineno)
    return lines


def exact(node: ast.BinOp) -> bool:
    """Whether a division is one of fractions, or joins path parts: some operand is a text."""
    operands = [node.left, node.right]
    if any(isinstance(o, ast.Call) and getattr(o.func, "id", "") == "Fraction" for o in operands):
        return True
    return any(isinstance(o, ast.Constant) and isinstance(o.value, str) for o in operands) or any(
        isinstance(o, ast.BinOp) and isinstance(o.op, ast.Div) and exact(o) for o in operands
    )


def test_no_float_near_money() -> None:
    """L10: amounts are integers of minor units and rates exact; a float or a true division has no place here."""
    found = []
    for room in MONEY_ROOMS:
        place = ROOT / room
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            if ids(path) not in NO_MONEY:
                found += [f"{ids(path)}:{line}" for line in floats_in(parsed(path))]
    assert not found


@pytest.mark.parametrize("text", ["x = 0.5", "x: float", "x = a / b", "y = float(z)"])
def test_the_float_check_can_fail(text: str) -> None:
    assert floats_in(ast.parse(text))


def test_names_say_something() -> None:
    found = [ids(p) for p in SOURCES if UNWANTED_NAMES.match(p.stem)]
    for path in SOURCES:
        for node in ast.walk(parsed(path)):
            name = getattr(node, "name", None)
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
                UNWANTED_NAMES.match(str(name).lower()) or UNWANTED_VERBS.match(str(name))
            ):
                found.append(f"{ids(path)}:{node.lineno} {name}")
    assert not found


def test_every_module_and_public_function_is_documented() -> None:
    found = []
    for path in SOURCES:
        tree = parsed(path)
        if not ast.get_docstring(tree):
            found.append(ids(path))
        found += [
            f"{ids(path)}:{f.lineno} {f.name}"
            for f in functions(tree)
            if not f.name.startswith("_") and not ast.get_docstring(f) and (f.end_lineno or 0) - f.lineno > 8
        ]
    assert not found


def test_files_and_functions_stay_small() -> None:
    found = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > FILE_LINES_MAX:
            found.append(f"{ids(path)}: {text.count(chr(10))} lines")
        for f in functions(ast.parse(text)):
            lines = (f.end_lineno or 0) - f.lineno
            if lines > FUNCTION_LINES_MAX:
                found.append(f"{ids(path)}:{f.lineno} {f.name}: {lines} lines")
    assert not found


def test_nothing_is_left_over() -> None:
    found = [
        f"{ids(path)}:{number}"
        for path in [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
        if path.name != "test_tidy.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        if LEFTOVER.search(line)
    ]
    assert not found


def test_stored_and_signed_bytes_are_not_guarded_by_assert() -> None:
    found = [f"{ids(p)}:{n.lineno}" for p in SOURCES for n in ast.walk(parsed(p)) if isinstance(n, ast.Assert)]
    assert not found
