"""How a figure is printed: one JSON object a line, the value being the median of its rounds (SPEC section 10)."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from typing import Any


def figure(name: str, unit: str, rounds: Sequence[float], **setting: Any) -> dict[str, Any]:
    """Give a figure: `value` is the median of `rounds`, `setting` says how it was measured."""
    return {
        "name": name,
        "value": _rounded(statistics.median(rounds)),
        "unit": unit,
        "rounds": [_rounded(value) for value in rounds],
        "setting": {"cores": os.cpu_count(), "python": platform.python_version(), **setting},
    }


def show(shown: dict[str, Any]) -> None:
    """Print a figure at once, so that a run that is cut short has said what it knew."""
    print(json.dumps(shown), flush=True)


def percentile(values: Sequence[float], percent: int) -> float:
    """Give the nearest-rank percentile of unsorted values."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, rank - 1)]


def _rounded(value: float) -> float | int:
    return round(value) if abs(value) >= 1000 else round(value, 3)
