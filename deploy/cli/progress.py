"""Progress of long jobs: a bar on a terminal, plain lines in a pipe.

A long job takes a `Progress` and never asks where it goes. `terminal()` picks what fits standard error: rich's bars
when a person looks, one line per step and per tenth of a track when a file or a pipe reads. `SILENT` is for callers
that want nothing. Everything goes to standard error, so that what a command answers on standard output stays clean.

    progress = terminal()
    progress.step("reading trips.csv")
    with progress.track(total=len(rows), label="gigs published") as track:
        for batch in batches:
            ...
            track.advance(len(batch))
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Track(Protocol):
    """One countable job under way; a context manager that closes itself."""

    def advance(self, n: int = 1) -> None:
        """Count `n` more units as done."""

    def close(self) -> None:
        """End the job where it stands; a second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Progress(Protocol):
    """Where a long job says how far it is: see `terminal`, `Lines`, `SILENT`."""

    def step(self, text: str) -> None:
        """Say what is done now: one short line, no full stop."""

    def track(self, total: int, label: str) -> Track:
        """Start counting to `total` units; `label` names them ("gigs published")."""


class _Closing:
    def advance(self, n: int = 1) -> None:
        """Count nothing."""

    def close(self) -> None:
        """Nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _LineTrack(_Closing):
    """A line whenever another tenth is done, and one at the end."""

    def __init__(self, stream: TextIO, total: int, label: str) -> None:
        self._stream, self._total, self._label = stream, total, label
        self._done, self._shown, self._closed = 0, -1, False

    def advance(self, n: int = 1) -> None:
        self._done += n
        tenth = 10 if self._total <= 0 else self._done * 10 // self._total
        if tenth > self._shown and self._done < self._total:
            self._show()
            self._shown = tenth

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._show()

    def _show(self) -> None:
        print(f"{self._label}: {self._done} of {self._total}", file=self._stream, flush=True)


class Lines:
    """Plain lines to a text stream, for pipes, files and continuous integration."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream

    def step(self, text: str) -> None:
        """Write one line."""
        print(text, file=self._stream, flush=True)

    def track(self, total: int, label: str) -> Track:
        """Write a line for each tenth of `total`, and one at the end."""
        return _LineTrack(self._stream, total, label)


class _BarTrack(_Closing):
    def __init__(self, console: Console, total: int, label: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Bars(*columns, console=console)
        self._task = self._bars.add_task(label, total=total)
        self._bars.start()

    def advance(self, n: int = 1) -> None:
        self._bars.advance(self._task, n)

    def close(self) -> None:
        self._bars.stop()


class Rich:
    """Steps and bars for a person at a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, text: str) -> None:
        """Print one line, without markup: paths may hold brackets."""
        self._console.print(text, style="dim", markup=False, highlight=False)

    def track(self, total: int, label: str) -> Track:
        """Draw a bar until the track is closed."""
        return _BarTrack(self._console, total, label)


class _Silent:
    def step(self, text: str) -> None:
        """Say nothing."""

    def track(self, total: int, label: str) -> Track:  # noqa: ARG002 - the protocol's parameters
        """Count in silence."""
        return _Closing()


SILENT: Progress = _Silent()


def terminal() -> Progress:
    """Give the progress that fits standard error: rich on a terminal, lines elsewhere."""
    console = Console(stderr=True)
    return Rich(console) if console.is_terminal else Lines()
