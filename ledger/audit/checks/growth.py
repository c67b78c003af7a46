"""The tree of one journal, grown again from its stored leaves and held against every checkpoint that was signed.

Fed leaves and checkpoints in order of index and size; keeps the frontier, the right edge of its tiles, and which
checkpoints disagreed. A checkpoint that disagrees while a later one agrees was signed beside the log (L6); where none
agrees any more, an entry between the last good size and the first bad one was changed (L2). Tiles, where they are kept
beside the leaves, must be those that the leaves make: from them come the proofs that others are given (L6).
Upholds L2, L5, L6 and L7 as an auditor: by what is stored, with no trust in who stored it. Knows no entry's meaning.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ledger.audit.checks.journal_keys import JournalKeys, OpenedNote
from ledger.audit.findings import Findings
from ledger.audit.keeping.kept import KeptTree
from ledger.audit.kept_tiles import KeptTile, Tiles, root_within
from ledger.audit.rows import Head
from ledger.errors import Unfit
from ledger.log.checkpoint import Checkpoint, claimed
from ledger.log.edge import Edge
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_BYTES, TILE_HEIGHT, Frontier, TreeError, leaf_hashes
from ledger.log.note import NoteError
from ledger.log.tiles import Tile

_PENDING_MAX: Final = 4096
_DOUBTS_MAX: Final = 20
_ROOT_BYTES: Final = SIZE_BYTES + HASH_BYTES


class Signed(NamedTuple):
    """A checkpoint that claims to be the log's, where it was found, and the note that must prove it."""

    checkpoint: Checkpoint
    where: str
    note: bytes

    @property
    def what(self) -> str:
        """What it is called in a finding about its signatures."""
        return f"checkpoint of size {self.checkpoint.size}" if self.where == "stored" else f"checkpoint {self.where}"


class Growth:
    """One journal's tree while it is walked.

    `tiles`: those that are kept, where they are; `partial`: whether the partial tiles of the whole tree are too;
    `remember`: whether the roots that agreed are remembered, for `kept`.
    """

    def __init__(
        self,
        findings: Findings,
        keys: JournalKeys,
        tiles: Tiles | None = None,
        partial: bool = False,
        remember: bool = False,
    ) -> None:
        self.rows = 0
        """Index after the newest leaf seen."""
        self.agreed = 0
        """The newest size at which a signed root was the tree's."""
        self.doubts: list[Signed] = []
        """Signed checkpoints since then whose root was not the tree's; the first ones, by size."""
        self._findings = findings
        self._keys = keys
        self._tiles = tiles
        self._partial = partial
        self._edge = Edge()
        self._frontier = Frontier()
        self._pending: list[bytes] = []
        self._awaited: dict[int, list[Signed]] = {}
        self._next_awaited = -1
        self._newest_size = 0
        self._signed_size = 0
        self._broken = False
        self._taken = 0
        self._roots = bytearray()
        self._remember = remember

    def kept(self) -> KeptTree:
        """Give what `resume` takes, of a tree that was remembered and of which all held."""
        return KeptTree(self._edge.size, list(self._edge.rows), bytes(self._roots))

    def resume(self, kept: KeptTree) -> None:
        """Go on from a tree that was verified before. Raises ValueError for rows that are no such tree's."""
        self._edge = Edge.of(kept.size, kept.rows)
        self._frontier = self._edge.frontier()
        self.rows = self.agreed = self._taken = kept.size
        self._roots = bytearray(kept.roots)
        if len(kept.roots) % _ROOT_BYTES or self.root_before(kept.size) != self._frontier.root():
            raise ValueError(f"tree: expected the root that was verified at size {kept.size}, got another")
        # The checkpoint of that size is read again: it may be the newest.
        self._newest_size = self._signed_size = kept.size - 1

    def root_before(self, size: int) -> bytes | None:
        """Give the root of a size at which a checkpoint was verified before; None for other sizes."""
        if size == 0:
            return EMPTY_ROOT
        key = size.to_bytes(SIZE_BYTES, "big")
        places = range(0, len(self._roots), _ROOT_BYTES)
        place = bisect_left(places, key, key=lambda at: bytes(self._roots[at : at + SIZE_BYTES])) * _ROOT_BYTES
        if self._roots[place : place + SIZE_BYTES] != key:
            return None
        return bytes(self._roots[place + SIZE_BYTES : place + _ROOT_BYTES])

    def begin(self, head: Head, outside: Mapping[str, bytes]) -> None:
        """Take what the head says was published, and what was seen elsewhere, each under a word that says where."""
        if head.published is not None:
            published = self.outside(head.published, "published")
            if published is not None and published.size != head.published_size:
                detail = f"head: expected {published.size} as published size, as its checkpoint says"
                self._findings.add("L6", None, f"{detail}, got {head.published_size}", published.size)
        elif head.published_size:
            detail = f"head: expected a checkpoint published at {head.published_size}, got none"
            self._findings.add("L6", None, detail, head.size)
        for where, note in outside.items():
            self.outside(note, where)

    def leaves(self, start: int, leaves: Sequence[bytes]) -> None:
        """Take the stored leaves of the rows `start` and following."""
        if start != self.rows:
            self._misplaced(start)
        if self._broken:
            self.rows = start + len(leaves)
            return
        hashes = leaf_hashes(leaves)
        at, end = 0, len(hashes)
        while at < end:
            to = end if self._next_awaited < 0 else min(end, at + self._next_awaited - self.rows)
            self._pending += hashes[at:to]
            self.rows += to - at
            at = to
            if self.rows == self._next_awaited or len(self._pending) >= _PENDING_MAX:
                self._grow()
                self._compare_awaited()

    def checkpoint(self, size: int, note: bytes) -> None:
        """Take the stored checkpoint of a size, in order of size and before the leaves from there on."""
        checkpoint = self._claimed(note, f"checkpoint of size {size}", size)
        if checkpoint is None:
            return
        if checkpoint.size != size:
            detail = f"checkpoint of size {size}: expected that size, got {checkpoint.size}"
            self._findings.add("L6", None, detail, size)
            return
        if size <= self._newest_size:
            detail = f"checkpoint of size {size}: expected a size above {self._newest_size}, got no growth"
            self._findings.add("L6", None, detail, size)
            return
        self._newest_size = size
        self._await(Signed(checkpoint, "stored", note))

    def outside(self, note: bytes, where: str) -> Checkpoint | None:
        """Take a checkpoint that was seen elsewhere, before any leaf, and give what it claims to be."""
        checkpoint = self._claimed(note, f"checkpoint {where}", 0)
        if checkpoint is not None and checkpoint.size < self._taken:
            self._look_back(Signed(checkpoint, where, note))
        elif checkpoint is not None:
            self._await(Signed(checkpoint, where, note))
        return checkpoint

    def root(self) -> bytes:
        """Give the root of the tree over the leaves seen, as far as they came without a gap."""
        self._grow()
        return self._frontier.root()

    def finish(self, head_size: int, head_frontier: bytes | None, full_tiles: Mapping[int, int] | None = None) -> None:
        """Hold the end of the walk against the journal's head and against checkpoints of sizes never reached.

        `head_frontier` and `full_tiles` (how many there are, by level): as they are kept; None where they are not.
        """
        self._grow()
        if full_tiles is not None:
            self._count_tiles(full_tiles)
        if self._partial and not self._broken:
            self._check_tiles({tile: KeptTile(hashes) for tile, hashes in self._edge.partials().items()})
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
                if self._open(signed) is not None and size > rows:
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
        if head_frontier is not None and not self._broken and not self.doubts and rows == head_size:
            self._check_frontier(head_frontier)
        self._check_claims()
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

    def _claimed(self, note: bytes, what: str, place: int) -> Checkpoint | None:
        try:
            return claimed(note)
        except (NoteError, UnicodeDecodeError) as error:
            self._findings.add("L6", None, f"{what}: expected one signed by this journal's key, got {error}", place)
            return None

    def _open(self, signed: Signed) -> OpenedNote | None:
        """Open a checkpoint under the keys that the entries have named by now."""
        size, detail = signed.checkpoint.size, None
        try:
            opened = self._keys.open(signed.note)
        except NoteError as error:
            self._findings.add(
                "L6", None, f"{signed.what}: expected one signed by this journal's key, got {error}", size
            )
            return None
        if signed.where == "stored":
            missing = self._keys.missing(opened)
            if missing:
                detail = f"the signatures of all keys that sign at its size, got none of {', '.join(missing)}"
            else:
                self._signed_size = max(self._signed_size, size)
        elif self._keys.proves_nothing(opened):
            self._doubt(signed)
            return None
        elif not self._keys.is_vouched(opened):
            detail = "a signature that proves something at its size, got those of keys not in use there"
        if detail is not None:
            self._findings.add("L6", None, f"{signed.what}: expected {detail}", size)
        strangers = self._keys.strangers(opened)
        if strangers and detail is None:
            others = f"no signature of a key that does not sign at its size, got that of {', '.join(strangers)}"
            self._findings.add("L6", None, f"{signed.what}: expected {others}", size)
        return opened

    def _doubt(self, signed: Signed) -> None:
        """Say so if a checkpoint that only revoked keys signed is not of this tree: a thief's, or the log was written
        anew by who revoked them.
        """
        size = signed.checkpoint.size
        root = self.root_before(size)
        if size == self.rows and not self._broken:
            self._grow()
            root = self._frontier.root()
        if root == signed.checkpoint.root:
            return
        detail = (
            f"{signed.what} of size {size} is of another tree and proves nothing: only keys revoked below it signed it"
        )
        self._findings.doubt(signed.where, detail)

    def _look_back(self, signed: Signed) -> None:
        """Hold a checkpoint below the size that was verified before against the roots that were verified with it."""
        size = signed.checkpoint.size
        root = self.root_before(size)
        if root is None:
            raise Unfit(
                f"checkpoint {signed.where}: expected a size from {self._taken} on, or one that was verified before, "
                f"got {size}; verify it without --since"
            )
        if self._open(signed) is not None and signed.checkpoint.root != root:
            self._beside(signed)

    def _await(self, signed: Signed) -> None:
        size = signed.checkpoint.size
        if size < self.rows and not self._broken:
            raise ValueError(
                f"checkpoint of size {size}: expected before the leaves from there on, got it at {self.rows}"
            )
        self._awaited.setdefault(size, []).append(signed)
        if size >= self.rows:
            self._next_awaited = size if self._next_awaited < 0 else min(size, self._next_awaited)
        self._compare_awaited()

    def _grow(self) -> None:
        if not self._pending:
            return
        self._frontier, nodes = self._frontier.grow(self._pending)
        self._pending.clear()
        if self._tiles is not None:
            self._edge, full = self._edge.grow(nodes)
            self._check_tiles({Tile(tile.level, tile.number): KeptTile(tile.hashes, tile.root) for tile in full})

    def _check_tiles(self, due: Mapping[Tile, KeptTile]) -> None:
        if self._tiles is None or not due:
            return
        for (tile, made), kept in zip(due.items(), self._tiles(list(due)), strict=True):
            if kept is None or kept.hashes != made.hashes:
                got = "none" if kept is None else "others"
                detail = f"{tile.path()}: expected the hashes of its entries, got {got}"
                self._findings.add("L6", None, detail, tile.start)
            elif kept.root not in (None, made.root):
                detail = f"{tile.path()}: expected the root over its hashes, got another"
                self._findings.add("L6", None, detail, tile.start)

    def _check_claims(self) -> None:
        """Hold the trees up to which revoked keys are believed against this one."""
        for entry, trusted in self._keys.claims:
            root = self.root_before(trusted.size)
            if root is None:
                if self._tiles is None or self._broken or trusted.size > self._edge.size:
                    continue
                root = root_within(trusted.size, self._edge, self._tiles)
            if root is None or root.hex() != trusted.root:
                detail = f"key: expected the tree's root at the trusted size {trusted.size}, got another"
                self._findings.add("L6", entry, detail)

    def _count_tiles(self, full_tiles: Mapping[int, int]) -> None:
        for level, count in sorted(full_tiles.items()):
            due = self._edge.size >> TILE_HEIGHT * (level + 1)
            if not self._broken and count > due:
                detail = f"tiles of level {level}: expected {due} full ones, got {count}"
                self._findings.add("L6", None, detail, self.rows)

    def _compare_awaited(self) -> None:
        due = self._awaited.pop(self.rows, None)
        if due is None:
            return
        opened = [(signed, self._open(signed)) for signed in due]
        due = [signed for signed, note in opened if note is not None]
        if self._broken:
            return
        self._grow()
        root = self._frontier.root()
        for _, note in opened:
            if note is not None and note.checkpoint.root == root:
                self._keys.agreed(note)
        agreeing = [signed for signed in due if signed.checkpoint.root == root]
        if agreeing:
            self._settle_doubts()
            self.agreed = self.rows
            if self._remember and self.root_before(self.rows) is None:
                self._roots += self.rows.to_bytes(SIZE_BYTES, "big") + root
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
        if start and start == self._taken and named is None:
            detail += f", or the log below size {start} is not the one that was verified before"
        self._findings.add("L2", start if named is None else named, detail)


def _span(start: int, end: int) -> str:
    """Write the indexes start..end-1."""
    return str(start) if end - start == 1 else f"{start} to {end - 1}"
