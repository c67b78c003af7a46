"""Journals walked side by side: one process a core, each walking one journal after the other.

Journals are strangers to each other, so an audit of many is many audits. Small ledgers are walked in this process:
starting others costs more than it saves. A walk is a function of this package with a task that can travel between
processes, and says how far it is in entries.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from ledger.errors import LedgerError

ENTRIES_WORTH_A_PROCESS: Final = 100_000
_LOOK_SECONDS: Final = 1

Task = TypeVar("Task")
Result = TypeVar("Result")
Advance = Callable[[int], None]
"""Told how many more entries are done."""


def cores_for(entries: int, journals: int) -> int:
    """Give the number of processes that a ledger of so many entries is worth."""
    return max(1, min(os.cpu_count() or 1, journals, entries // ENTRIES_WORTH_A_PROCESS))


def each(
    walk: Callable[[Task, Advance], Result], tasks: Sequence[Task], advance: Advance, cores: int = 1
) -> list[Result]:
    """Give what `walk` gives for each task, in the tasks' order. Raises what a walk raises, at once.

    Raises LedgerError when one of the processes was killed.
    """
    if cores <= 1 or len(tasks) <= 1:
        with _undisturbed():
            return [walk(task, advance) for task in tasks]
    # spawned, not forked: a connection of this process must not be shared with, or closed by, its children
    context = multiprocessing.get_context("spawn")
    done = context.Value("Q", 0)
    pool = ProcessPoolExecutor(min(cores, len(tasks)), context, _share, (done,))
    try:
        waiting = {pool.submit(_walked, walk, task): number for number, task in enumerate(tasks)}
        results: dict[int, Result] = {}
        shown = 0
        while waiting:
            for future in wait(waiting, _LOOK_SECONDS).done:
                results[waiting.pop(future)] = future.result()
            counted = int(done.value)
            advance(counted - shown)
            shown = counted
        return [results[number] for number in range(len(tasks))]
    except BrokenProcessPool as error:
        raise LedgerError("audit: expected every process to finish its journals, got one killed") from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Leave what stood before out of each search for unreachable objects: it is most of what there is to look at, and a
    walk of long would look at it again and again. Afterwards all is as it was.
    """
    is_frozen = gc.get_freeze_count() > 0
    if not is_frozen:
        gc.freeze()
    try:
        yield
    finally:
        if not is_frozen:
            gc.unfreeze()


_done: Any = None  # in a child: the counter that it shares with its parent


def _share(done: Any) -> None:
    global _done  # noqa: PLW0603 - the one way in which a pool hands a shared counter to its processes
    _done = done
    gc.freeze()


def _walked(walk: Callable[[Task, Advance], Result], task: Task) -> Result:
    return walk(task, _count)


def _count(entries: int) -> None:
    with _done.get_lock():
        _done.value += entries
