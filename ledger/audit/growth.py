"""The tree of one journal, grown again from its stored leaves and held against every checkpoint that was signed.

Fed leaves and checkpoints in order of index and size; keeps the frontier, the leaf hashes since the last comparison,
and which checkpoints disagreed. A checkpoint that disagrees while a later one agrees was signed beside the log (L6);
where none agrees any more, an entry between the last good size and the first bad one was changed (L2).
Upholds L2, L5, L6 and L7 as an auditor: by what is stored, with no trust in who stored it. Knows no entry's meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.audit.findings import Findings
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.keys import LogVerifier
from ledger.log.merkle import Frontier, TreeError, leaf_hash
from ledger.log.note import NoteError

_PENDING_MAX: Final = 4096
_DOUBTS_MAX: Final = 20


class Signed(NamedTuple):
    """A checkpoint that some key of the log signed, and where it was found."""

    checkpoint: Checkpoint
    where: str


class Growth:
    """One journal's tree while it is walked."""

    def __init__(self, findings: Findings, verifiers: Sequence[LogVerifier]) -> None:
        self.rows = 0
        """Index after the newest leaf seen."""
        self.agreed = 0
        """The newest size at which a signed root was the tree's."""
        self.doubts: list[Signed] = []
        """Signed checkpoints since then whose root was not the tree's; the first ones, by size."""
        self._findings = findings
        self._verifiers = verifiers
        self._frontier = Frontier()
        self._pending: list[bytes] = []
        self._awaited: dict[int, list[Signed]] = {}
        self._next_awaited = -1
        self._signed_size = 0
        self._broken = False

    def leaf(self, index: int, leaf: bytes) -> None:
        """Take the stored leaf of row `index`."""
        if index != self.rows:
            self._misplaced(index)
        if not self._broken:
            self._pending.append(leaf_hash(leaf))
        self.rows = index + 1
        if self.rows == self._next_awaited or len(self._pending) >= _PENDING_MAX:
            self._grow()
            self._compare_awaited()

    def checkpoint(self, size: int, note: bytes) -> None:
        """Take the stored checkpoint of a size, after the leaves below it and before the others."""
        opened = self._open(note, f"checkpoint of size {size}", size)
        if opened is None:
            return
        if opened.size != size:
            self._findings.add("L6", None, f"checkpoint of size {size}: expected that size, got {opened.size}", size)
            return
        if size <= self._signed_size:
            detail = f"checkpoint of size {size}: expected a size above {self._signed_size}, got no growth"
            self._findings.add("L6", None, detail, size)
            return
        self._signed_size = size
        self._await(Signed(opened, "stored"))

    def outside(self, note: bytes, where: str) -> Checkpoint | None:
        """Take a checkpoint that was seen elsewhere, before any leaf, and give it if it opens; `where` says where."""
        opened = self._open(note, f"checkpoint {where}", 0)
        if opened is not None:
            self._await(Signed(opened, where))
        return opened

    def root(self) -> bytes:
        """Give the root of the tree over the leaves seen, as far as they came without a gap."""
        self._grow()
        return self._frontier.root()

    def finish(self, head_size: int, head_frontier: bytes) -> None:
        """Hold the end of the walk against the journal's head and against checkpoints of sizes never reached."""
        self._grow()
        add, rows = self._findings.add, self.rows
        if head_size > rows:
            add(
                "L5",
                rows,
                f"head: expected entries up to size {head_size}, got {rows}: entries {_span(rows, head_size)}"
                " are missing",
            )
        elif head_size < rows:
            add("L5", head_size, f"head: expected no entry from size {head_size} on, got entries up to {rows - 1}")
        for size in sorted(self._awaited):
            for signed in self._awaited[size]:
                if size > rows:
                    law = "L7" if signed.where == "stored" else "L6"
                    add(
                        law,
                        rows,
                        f"checkpoint {signed.where}: expected the {size} entries it signs, got {rows}: "
                        f"entries {_span(rows, size)} are missing",
                    )
        if self._signed_size < rows:
            add(
                "L6",
                self._signed_size,
                f"checkpoint: expected one of size {rows}, got the newest at "
                f"{self._signed_size}: entries {_span(self._signed_size, rows)} are unsigned",
            )
        if not self._broken and not self.doubts and rows == head_size:
            self._check_frontier(head_frontier)
        self._report_change()

    def _misplaced(self, index: int) -> None:
        if index > self.rows:
            detail = f"row: expected index {self.rows}, got {index}: entries {_span(self.rows, index)} are missing"
            self._findings.add("L5", self.rows, detail)
        else:
            self._findings.add("L5", index, f"row: expected index {self.rows}, got {index} again or out of order")
        # The tree cannot be grown past a gap: what later checkpoints sign stays open, and the gap is the finding.
        self._grow()
        self._broken = True

    def _open(self, note: bytes, what: str, place: int) -> Checkpoint | None:
        try:
            return open_checkpoint(note, self._verifiers)
        except NoteError as error:
            self._findings.add("L6", None, f"{what}: expected one signed by this journal's key, got {error}", place)
            return None

    def _await(self, signed: Signed) -> None:
        size = signed.checkpoint.size
        if size < self.rows and not self._broken:
            raise ValueError(
                f"checkpoint of size {size}: expected before the leaves from there on, got it at {self.rows}"
            )
        self._awaited.setdefault(size, []).append(signed)
        self._next_awaited = min(s for s in self._awaited if s >= self.rows) if size >= self.rows else -1
        self._compare_awaited()

    def _grow(self) -> None:
        if self._pending:
            self._frontier = self._frontier.append(self._pending)
            self._pending.clear()

    def _compare_awaited(self) -> None:
        due = self._awaited.pop(self.rows, None)
        if due is None or self._broken:
            return
        self._grow()
        root = self._frontier.root()
        agreeing = [signed for signed in due if signed.checkpoint.root == root]
        if agreeing:
            self._settle_doubts()
            self.agreed = self.rows
        others = [signed for signed in due if signed.checkpoint.root != root]
        for signed in others:
            if self.agreed == self.rows:
                self._beside(signed)
            elif len(self.doubts) < _DOUBTS_MAX:
                self.doubts.append(signed)
        self._next_awaited = min(self._awaited, default=-1)

    def _settle_doubts(self) -> None:
        for signed in self.doubts:
            self._beside(signed)
        self.doubts.clear()

    def _beside(self, signed: Signed) -> None:
        size = signed.checkpoint.size
        detail = f"checkpoint {signed.where} of size {size}: expected the tree's root, got another, signed beside it"
        self._findings.add("L6", None, detail, size)

    def _check_frontier(self, encoded: bytes) -> None:
        try:
            same = Frontier.decode(encoded) == self._frontier
        except TreeError as error:
            self._findings.add("L6", None, f"head: {error}", self.rows)
            return
        if not same:
            self._findings.add("L6", None, "head: expected the tree's frontier, got another", self.rows)

    def _report_change(self) -> None:
        if not self.doubts:
            return
        start, end = self.agreed, self.doubts[0].checkpoint.size
        named = self._findings.first_within(start, end)
        detail = f"tree: expected the root signed at size {end}, got another; it was right at size {start}: "
        if named is not None:
            detail += f"of entries {_span(start, end)} this one is wrong by itself"
        elif end - start == 1:
            detail += "this entry is not the one that was signed"
        else:
            detail += f"one of entries {_span(start, end)} is not the one that was signed"
        self._findings.add("L2", start if named is None else named, detail)


def _span(start: int, end: int) -> str:
    """Write the indexes start..end-1."""
    return str(start) if end - start == 1 else f"{start} to {end - 1}"
