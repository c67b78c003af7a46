"""A file into Kafka: survey every row first, then send in chunks, each acknowledged before it is noted as done.

Upholds L3 (ids never depend on the run, so sending a chunk twice adds nothing) and L12 (each row is published, another
platform's, or named as bad; the counts add up to the rows). Nothing is sent while a row is bad, unless the caller says
to leave bad rows out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from contracts.rejections import Rejection
from streams.publishing.mapping import Foreign, Ready, events
from streams.publishing.maps import Map
from streams.publishing.resuming import Journal, Progressed
from streams.publishing.rows import Bad, FileUnfit, digest

CHUNK_EVENTS: Final = 1000
BAD_SHOWN_MAX: Final = 20


class Target(Protocol):
    """What sending needs of `streams.publisher.Publisher`: see the promises there."""

    platform: str
    topic_id: str

    def check(self, key: bytes, value: bytes) -> tuple[Rejection | None, int]:
        """Give what the ledger would refuse, or None, and the partition."""

    def publish_record(self, key: bytes, value: bytes) -> Any:
        """Queue one event."""

    def flush(self) -> None:
        """Return once all queued events are durable; raises if one is not."""


@dataclass
class Survey:
    """What a file holds for one platform. `bad` names the first rows only; `bad_ordinals` has all of them."""

    path: Path
    digest: str
    ready: int = 0
    others: Counter[str] = field(default_factory=Counter)
    bad: list[Bad] = field(default_factory=list)
    bad_ordinals: set[int] = field(default_factory=set)
    repeated: int = 0

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.ready + self.others.total() + len(self.bad_ordinals)

    def complaints(self) -> list[str]:
        """Give a line `file:line: code: detail` for each of the first bad rows, then how many more there are."""
        lines = [f"{self.path}:{row.line}: {row.code}: {row.detail}" for row in self.bad]
        more = len(self.bad_ordinals) - len(self.bad)
        return [*lines, f"{self.path}: and {more} more bad rows"] if more else lines


@dataclass(frozen=True)
class Outcome:
    """What a run did: events sent now, and those an earlier run had done already."""

    sent: int
    earlier: int


def survey(path: Path, target: Target, rule: Map | None) -> Survey:
    """Read the whole file and check each row as the ledger will; sends nothing.

    An id that comes twice with the same content is counted in `repeated`, with other content it is bad (equivocation).
    Raises FileUnfit if the file as a whole cannot be read.
    """
    found = Survey(path, digest(path))
    contents: dict[str, bytes] = {}
    for row in events(path, target.platform, rule):
        if isinstance(row, Foreign):
            found.others[row.platform] += 1
            continue
        bad = row if isinstance(row, Bad) else _refused(row, target, contents, found)
        if bad is None:
            found.ready += 1
            continue
        found.bad_ordinals.add(bad.ordinal)
        if len(found.bad) < BAD_SHOWN_MAX:
            found.bad.append(bad)
    return found


def send(
    found: Survey,
    target: Target,
    rule: Map | None,
    folder: Path,
    *,
    again: bool = False,
    chunk: int = CHUNK_EVENTS,
    sent: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Publish the surveyed file's good rows, from where an earlier run stopped; `folder` keeps the journals.

    `sent` is told of events done with, earlier ones included. At return all of them are on the broker's disks.
    Raises FileUnfit if the file changed since the survey, and what the target raises; the journal then says what was
    acknowledged, and the next run goes on there.
    """
    if digest(found.path) != found.digest:
        raise FileUnfit(f"{found.path}: expected the file as it was checked, got a changed one; run again")
    # The rows left out are part of the run: with one more row left out, another journal.
    skipped = ",".join(map(str, sorted(found.bad_ordinals)))
    journal = Journal(folder, found.digest, target.platform, f"{rule.digest if rule else ''}/{skipped}")
    stood = Progressed(topic_id=target.topic_id) if again else journal.read(target.topic_id)
    sent(stood.published)
    if stood.finished:
        return Outcome(0, stood.published)
    run = _Run(found, target, journal, stood, sent)
    for row in events(found.path, target.platform, rule):
        if isinstance(row, Ready) and row.ordinal > stood.ordinal and row.ordinal not in found.bad_ordinals:
            run.queue(row)
            if run.queued >= chunk:
                run.settle(finished=False)
    run.settle(finished=True)
    return Outcome(run.published - stood.published, stood.published)


class _Run:
    """Queues events, and notes them in the journal only after the broker has them."""

    def __init__(
        self, found: Survey, target: Target, journal: Journal, stood: Progressed, sent: Callable[[int], None]
    ) -> None:
        self._found, self._target, self._journal, self._topic_id, self._sent = (
            found,
            target,
            journal,
            stood.topic_id,
            sent,
        )
        self.ordinal, self.published, self.queued = stood.ordinal, stood.published, 0

    def queue(self, row: Ready) -> None:
        """Hand one event to the target, which may still hold it in memory."""
        self._target.publish_record(row.key, row.value)
        self.ordinal, self.queued = row.ordinal, self.queued + 1

    def settle(self, *, finished: bool) -> None:
        """Wait for the chunk, then note it. A crash in between sends it again, and the ledger counts duplicates."""
        self._target.flush()
        self.published += self.queued
        noted = Progressed(
            topic_id=self._topic_id,
            file=self._found.path.name,
            platform=self._target.platform,
            ordinal=self.ordinal,
            published=self.published,
            finished=finished,
        )
        self._journal.write(noted)
        self._sent(self.queued)
        self.queued = 0


def _refused(row: Ready, target: Target, contents: dict[str, bytes], found: Survey) -> Bad | None:
    """Say what is wrong with an event, or None; remembers its id and content."""
    refusal, _ = target.check(row.key, row.value)
    if refusal is not None:
        return Bad(row.ordinal, row.line, refusal.code, refusal.detail)
    envelope = msgspec.json.decode(row.value)
    named = {name: envelope.get(name) for name in ("type", "subject", "time", "data")}
    content = sha256(msgspec.json.encode(named, order="deterministic")).digest()[:16]
    first = contents.setdefault(envelope["id"], content)
    if first is not content:
        if first != content:
            return Bad(row.ordinal, row.line, "equivocation", "id: expected the content of its first row, got another")
        found.repeated += 1
    return None
