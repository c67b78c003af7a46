"""What an audit found: of one journal, and of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.audit.checks.event_keys import EventKeys
    from ledger.audit.findings import Finding


@dataclass(frozen=True)
class Walked:
    """One journal after its walk. `root` is the tree's, of the entries as they are stored."""

    journal: int
    entries: int
    size: int
    root: bytes
    checkpoints: int
    erased: int
    findings: list[Finding]
    unlisted: int
    opening: dict[str, Any] | None
    events: EventKeys | None
    schemes: dict[tuple[str, str], str]
    """SHA-256 (hex) of the text of each scheme's version that was enacted."""
    taken: int = 0
    """The size up to which the journal was taken as verified before; entries from there on were read."""
    warnings: tuple[str, ...] = ()
    kept: bytes | None = None
    """What was asked to be kept, if nothing was found."""


@dataclass(frozen=True)
class Verdict:
    """What an audit found, by journal and in order; `unlisted` findings were counted and not kept."""

    journals: tuple[Walked, ...]
    findings: tuple[Finding, ...]
    unlisted: int
    warnings: tuple[str, ...]
    compared: bool

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def entries(self) -> int:
        """How many entries were read."""
        return sum(walked.entries for walked in self.journals)

    @property
    def taken(self) -> int:
        """How many entries were taken as verified before."""
        return sum(walked.taken for walked in self.journals)

    def with_findings(self, more: Sequence[Finding]) -> Verdict:
        """Give the verdict with further findings, each behind those of its journal."""
        found = sorted((*self.findings, *more), key=lambda finding: finding.journal)
        return replace(self, findings=tuple(found))
