"""Journals walked side by side: what stood before is left out of the search for garbage, and only meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress

import pytest

from ledger.audit.parallel import each


def _frozen(_task: int, _advance: Callable[[int], None]) -> int:
    return gc.get_freeze_count()


def _fails(_task: int, _advance: Callable[[int], None]) -> int:
    raise ValueError(str(gc.get_freeze_count()))


@pytest.fixture
def nothing_frozen() -> None:
    gc.unfreeze()


def test_what_stood_before_is_not_looked_through_while_journals_are_walked(nothing_frozen: None) -> None:
    assert min(each(_frozen, [1, 2], lambda _: None)) > 1000
    assert gc.get_freeze_count() == 0
    with pytest.raises(ValueError, match=r"[1-9][0-9]{3}"):
        each(_fails, [1], lambda _: None)
    assert gc.get_freeze_count() == 0


def test_other_processes_look_through_what_they_make_alone(nothing_frozen: None) -> None:
    assert min(each(_frozen, [1, 2], lambda _: None, cores=2)) > 1000
    assert gc.get_freeze_count() == 0


def test_who_has_left_out_more_already_is_not_disturbed(nothing_frozen: None) -> None:
    gc.freeze()
    try:
        made_since = [[] for _ in range(5000)]  # type: ignore[var-annotated]
        before = gc.get_freeze_count()
        with suppress(ValueError):
            each(_fails, [1], lambda _: None)
        assert each(_frozen, [1], lambda _: None)[0] < before + len(made_since)
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
