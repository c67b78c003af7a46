"""What `iuran scheme test` does: case files found, run, and told as a table or as JSON.

A door: a case that breaks the engine is told like one that cannot be run, and does not keep the others from running.
The published figures are counted apart: a case of `basis: published` says what a source says, so each of its rows is a
figure that Iuran reproduces or does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table as View

from contracts.currencies import EXPONENTS
from ledger.domain.cases.file import Case, read_cases
from ledger.domain.cases.run import CaseResult, run_case
from ledger.domain.language.document import Document
from ledger.domain.language.tree import Problem, SchemeError

_WIDE: Final = 160


class Tested(NamedTuple):
    """All cases run, in the order of their files, and what could not be read."""

    results: list[CaseResult]
    unread: list[Problem]

    @property
    def failed(self) -> int:
        """How many cases did not hold."""
        return sum(not result.holds for result in self.results)

    @property
    def holds(self) -> bool:
        """Whether everything could be read and held; a folder without cases is a problem."""
        return not self.failed and not self.unread

    @property
    def summary(self) -> dict[str, int]:
        """The counts, by name."""
        checks = [check for result in self.results for check in result.checks]
        published = [result for result in self.results if result.case.basis == "published"]
        figures = [check for result in published for check in result.checks]
        lost = sum(result.case.rows for result in published if result.error)
        return {
            "cases": len(self.results),
            "failed": self.failed,
            "problems": len(self.unread),
            "rows": len(checks),
            "rows_held": sum(check.holds for check in checks),
            "published_cases": len(published),
            "published_cases_held": sum(result.holds for result in published),
            "published_figures": len(figures) + lost,
            "published_figures_reproduced": sum(check.holds for check in figures),
        }


def run_files(paths: Sequence[Path], documents: Mapping[str, Document]) -> Tested:
    """Give how the cases of these files and folders went against these schemes."""
    tested = Tested([], [])
    for path in _case_files(paths, tested.unread):
        try:
            cases = read_cases(path.read_text(encoding="utf-8"), str(path))
        except SchemeError as error:
            tested.unread.extend(error.problems)
        except UnicodeDecodeError:
            tested.unread.append(Problem(str(path), 1, "file: expected UTF-8", "save it as UTF-8"))
        except OSError as error:
            tested.unread.append(Problem(str(path), 1, f"file: {error.strerror}", "name a file that is there"))
        else:
            tested.results.extend(_run(case, documents) for case in cases)
    return tested


def print_table(tested: Tested) -> None:
    """Print what could not be read, what does not hold with expected and got side by side, and the counts."""
    for problem in tested.unread:
        print(problem)
    view = View("case", "file", "what", "expected", "got", title="what does not hold", title_justify="left")
    for result in tested.results:
        file = Path(result.case.file).name
        if result.error:
            view.add_row(result.case.id, f"{file}:{result.case.line}", "could not be run", "", result.error)
        for row in result.checks:
            if not row.holds:
                view.add_row(result.case.id, f"{file}:{row.line}", row.what, row.expected, row.got)
    if view.row_count:
        console = Console()
        # In a pipe nobody can widen the window: keep rows on one line there.
        (console if console.is_terminal else Console(width=_WIDE)).print(view)
    count = tested.summary
    print(
        f"{count['cases']} cases, {count['failed']} failed, {count['problems']} problems in files; "
        f"{count['rows_held']} of {count['rows']} rows hold; published figures reproduced: "
        f"{count['published_figures_reproduced']} of {count['published_figures']}, in "
        f"{count['published_cases_held']} of {count['published_cases']} cases"
    )


def print_json(tested: Tested) -> None:
    """Print the counts, the problems and every case with its checks as one JSON object."""
    problems = [problem._asdict() for problem in tested.unread]
    cases = [_plain(result) for result in tested.results]
    said = tested.summary | {"holds": tested.holds, "unread": problems, "results": cases}
    print(json.dumps(said, indent=2, ensure_ascii=False))


def _run(case: Case, documents: Mapping[str, Document]) -> CaseResult:
    try:
        return run_case(case, documents, EXPONENTS)
    except Exception as error:  # noqa: BLE001 - the door: one case must not silence the others
        return CaseResult(case, (), f"{type(error).__name__}: {error}")


def _plain(result: CaseResult) -> dict[str, Any]:
    case = result.case
    return {
        "id": case.id,
        "file": case.file,
        "line": case.line,
        "scheme": case.scheme,
        "basis": case.basis,
        "holds": result.holds,
        "error": result.error or None,
        "checks": [check._asdict() for check in result.checks],
    }


def _case_files(paths: Sequence[Path], unread: list[Problem]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        own = [path]
        if path.is_dir():
            own = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml"))
        if not own:
            unread.append(Problem(str(path), 1, "folder: expected case files, got none", "name one with *.yaml"))
        found += own
    return list(dict.fromkeys(found))
