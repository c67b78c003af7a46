"""Parts of a close between being worked out and being written: in memory while they are few, else in a temporary file.

A close says how many parts it has before the first is written, and is worked out once: what came of it waits here, so
that memory does not grow with the number of workers. The file has no name (it lies where the system keeps temporary
files, TMPDIR): with the process it is gone, whatever ended the process, nobody else can open it, and nothing that an
earlier attempt left can be taken for this one's. What is lost is worked out again. Upholds L4.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from ledger.errors import LedgerError
from ledger.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

Own = tuple[str, list[Part]]
MEMORY_BYTES: Final = 32 * 1024 * 1024
_LENGTH: Final = 4
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Own]).decode


class SpoolError(LedgerError):
    """The temporary file took or gave no more; the close is worked out again."""


class Spool:
    """What workers' parts are put into, page by page, and taken from in the same order. Use it in a `with`."""

    def __init__(self, memory_bytes: int | None = None) -> None:
        """Keep so many bytes in memory before a file is made."""
        self.parts = 0
        most = MEMORY_BYTES if memory_bytes is None else memory_bytes
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=most)  # noqa: SIM115

    def put(self, own: Sequence[Own]) -> None:
        """Put the parts of some workers behind those that are there. Raises SpoolError."""
        if own:
            block = _encode(list(own))
            try:
                self._file.write(len(block).to_bytes(_LENGTH, "big") + block)
            except OSError as error:
                raise SpoolError(f"temporary file: expected room for a close, got {error.strerror}") from error
            self.parts += sum(len(made) for _, made in own)

    def lots(self, parts_min: int) -> Iterator[list[Own]]:
        """Give all that was put in, once, in lots of whole workers with so many parts or more (the last with fewer).

        Raises SpoolError.
        """
        lot: list[Own] = []
        waiting = 0
        try:
            self._file.seek(0)
            while length := self._file.read(_LENGTH):
                for own in _decode(self._file.read(int.from_bytes(length, "big"))):
                    lot.append(own)
                    waiting += len(own[1])
                    if waiting >= parts_min:
                        yield lot
                        lot, waiting = [], 0
        except OSError as error:
            raise SpoolError(f"temporary file: expected a close's parts, got {error.strerror}") from error
        if lot:
            yield lot

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
