"""The floor plan holds: the lower floors import nothing of the machinery, in a fresh interpreter (HOUSE section 2)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MACHINERY = (
    "faust", "aiokafka", "kafka", "sqlmodel", "sqlalchemy", "psycopg", "fastapi", "starlette", "prometheus_client",
    "httpx", "uvicorn", "alembic",
)  # fmt: skip
LOWER = ("contracts", "ledger/domain", "ledger/log", "ledger/audit/checks")
LOWER_MODULES = (
    *("ledger.intake", "ledger.errors", "ledger.books", "ledger.parts", "ledger.accounts", "ledger.acts"),
    *("ledger.signatures", "ledger.keyring"),
    *("streams.pipeline", "streams.needs", "streams.writing", "streams.closes"),
)


def modules_of(folder: str) -> list[str]:
    """Give the dotted names of all modules below a folder."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in paths]


def test_floors_0_to_3_import_without_the_machinery() -> None:
    modules = [name for folder in LOWER for name in modules_of(folder)] + list(LOWER_MODULES)
    assert len(modules) > 20
    program = (
        "import sys\n"
        f"for name in {MACHINERY!r}: sys.modules[name] = None\n"
        "import importlib\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_ban_is_real() -> None:
    program = f"import sys\nfor name in {MACHINERY!r}: sys.modules[name] = None\nimport streams.desk\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
