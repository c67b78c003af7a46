"""A close seen again by an audit: which workers it passed over, and what it brings one of them.

The parts of a close come in order of the workers' names; whoever had entries before it and is passed over must have
nothing due. Knows the stream's own way to the parts (`streams.closes` does the same from the same functions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contracts.entry import Entry
    from ledger.acts import Acts
    from ledger.books import Line
    from ledger.domain.standing import Account
    from ledger.domain.story import Closed
    from ledger.parts import Part


class ClosedWorkers:
    """A close under way in an audit: its first part, the acts without it, and the workers still to come."""

    def __init__(self, entry: Entry, closed: Closed, before: Acts, workers: Sequence[str]) -> None:
        self.entry = entry
        self.before = before
        self._closed = closed
        self._left = list(reversed(workers))

    def holds(self, entry: Entry) -> bool:
        """Tell whether an entry is a part of this close."""
        cause = self.entry.cause
        return (entry.cause.topic, entry.cause.offset) == (cause.topic, cause.offset)

    def passed(self, worker: str | None) -> Iterator[str]:
        """Give the workers before this one in order of name, and take it off too; None: all that are left."""
        while self._left and (worker is None or self._left[-1] < worker):
            yield self._left.pop()
        if self._left and self._left[-1] == worker:
            self._left.pop()

    def parts_of(self, account: Account, acts: Acts, due: bool, book: Sequence[Line]) -> list[Part]:
        """Give the parts of the close for one worker."""
        return parts.close_parts(self._closed, account, self.before, acts, due, book)
