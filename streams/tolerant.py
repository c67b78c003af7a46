"""Header names that are no UTF-8: read all the same, where aiokafka raises and so would stop a partition for ever.

A header's name is any bytes on the wire; brokers do not look at them. aiokafka decodes each as UTF-8 while it unpacks
a batch, and one that is not ends the consumer: whoever may write to one topic could stop every journal (L12). This
stands between aiokafka's fetcher and its unpacker: a batch that can't be unpacked the fast way is unpacked again by
aiokafka's own slow way, from a buffer that decodes leniently (bytes that are no UTF-8 become surrogate escapes, so
the name's bytes can be had back). Batches without such names pass as they were, at a cost per batch, not per record.

Written against aiokafka 0.14; what it relies on is checked when it is put in place. Must not know events or journals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC_OFFSET = 16


class _LenientBytes(bytearray):
    """A buffer whose slices decode whatever they hold."""

    def __getitem__(self, key: Any) -> Any:
        """A byte, or a slice of the same kind."""
        got = super().__getitem__(key)
        return _LenientBytes(got) if isinstance(key, slice) else got

    def decode(self, *_: Any) -> str:
        """UTF-8, with surrogate escapes for what is not."""
        return super().decode("utf-8", "surrogateescape")


class _Batch:
    """A batch as the fetcher sees it: aiokafka's own, unpacked again when a name does not decode."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            # the fetcher skips what it was given already, by offset
            yield from _unpacked(self._raw)

    def __next__(self) -> Any:
        return next(self._batch)


def _unpacked(raw: bytes) -> Iterator[Any]:
    batch: Any = _DefaultRecordBatchPy(raw)
    batch._maybe_uncompress()
    batch._buffer = _LenientBytes(batch._buffer)
    return iter(batch)


class TolerantRecords:
    """What the fetcher takes for aiokafka's `MemoryRecords`: the batches of one fetched piece of a partition."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._records: Any = MemoryRecords(raw)
        self._at = 0

    def has_next(self) -> bool:
        """Whether a whole batch is left."""
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        """Bytes fetched."""
        return int(self._records.size_in_bytes())

    def next_batch(self) -> Any:
        """The next whole batch, or None."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        start = self._at
        self._at = start + 12 + int.from_bytes(self._raw[start + 8 : start + 12], "big")
        if self._raw[start + _MAGIC_OFFSET] < 2:
            return batch  # the formats before Kafka 0.11 have no headers
        return _Batch(batch, self._raw[start : self._at])


def read_any_header_name() -> None:
    """Put it in place for all aiokafka consumers of this process; again is harmless.

    Raises AttributeError when aiokafka is not built as it was.
    """
    if fetcher.MemoryRecords is not TolerantRecords:
        fetcher.MemoryRecords = TolerantRecords
