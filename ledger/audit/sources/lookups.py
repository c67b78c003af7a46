"""A worker's earlier entries, where the source can't look them up by itself: indexes taken down as entries pass.

8 bytes an entry; the entries themselves are read again when they are asked for. Must not know what they say.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

_AT_ONCE: Final = 64


class Lookups:
    """Who has entries where; `saw` each, then ask."""

    def __init__(self, leaves_at: Callable[[Sequence[int]], Mapping[int, bytes]]) -> None:
        """`leaves_at` gives leaves by index."""
        self._leaves_at = leaves_at
        self._indexes: dict[str, array[int]] = {}

    def saw(self, worker: str, index: int) -> None:
        """Take down that the entry at an index is a worker's; in order of index."""
        own = self._indexes.get(worker)
        if own is None:
            own = self._indexes[worker] = array("Q")
        own.append(index)

    def earlier(self, worker: str, before: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, leaf) of a worker's entries below an index, in order."""
        own = [index for index in self._indexes.get(worker, ()) if index < before]
        for start in range(0, len(own), _AT_ONCE):
            some = own[start : start + _AT_ONCE]
            leaves = self._leaves_at(some)
            yield from ((index, leaves[index]) for index in some if index in leaves)
