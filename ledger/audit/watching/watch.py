"""Following a log from outside: each new checkpoint must contain the last one seen, or both are evidence.

One look at a journal asks for its checkpoint, opens it with the keys that are pinned, and proves its growth with tiles
that are themselves proven against the new root, so that a server that lies about tiles proves nothing. What is seen is
kept only once it held. The contradictions (a `Raised`, upholding L6 from outside):

- `split view`: two signed checkpoints of one size with different roots;
- `fork`: a signed checkpoint whose tree, by its own tiles, does not contain the one seen before;
- `rollback`: a signed checkpoint smaller than the one seen before, whose tree is no longer there;
- `unproven`: a larger checkpoint whose tiles are not those of its root, or are withheld;
- `unsigned`: a checkpoint that no pinned key has signed; `gone`: none any more where there was one;
- `standing still`: a checkpoint that has not grown for as long as the watcher said.

Knows paths and a clock that is handed in; neither gigs nor how anything is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.audit.sources.proven import ProvenTiles
from ledger.log import keys
from ledger.log.checkpoint import Checkpoint, claimed, open_checkpoint
from ledger.log.note import NOTE_BYTES_MAX, NoteError
from ledger.log.proof import ProofError, verify_consistency
from ledger.log.prover import fold_consistency, needs_consistency
from ledger.log.tiles import TILE_BYTES, Tile, TileError

if TYPE_CHECKING:
    from ledger.audit.sources.paths import Paths

VKEYS_BYTES_MAX: Final = 1 << 16


class Seen(NamedTuple):
    """What is kept of a journal: its newest checkpoint that held, the pinned keys, and when it grew last (seconds)."""

    journal: int
    vkeys: tuple[str, ...]
    note: bytes
    grown_at: int

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, which was verified when it was kept."""
        return claimed(self.note)


class Look(NamedTuple):
    """What one look at a journal gives: what is to be kept of it, and the note that it shows now."""

    seen: Seen
    shown: bytes


class Raised(Exception):
    """A contradiction, with the signed notes that show it, older first."""

    def __init__(self, kind: str, journal: int, detail: str, evidence: tuple[bytes, ...]) -> None:
        super().__init__(f"L6 journal {journal}: {kind}: {detail}")
        self.kind = kind
        self.journal = journal
        self.evidence = evidence


def first_keys(paths: Paths, journal: int) -> tuple[str, ...] | None:
    """Give the verifier keys that the server lists for a journal; None if it has no such journal."""
    listed = paths.read([(f"log/{journal}/vkey", VKEYS_BYTES_MAX)])[0]
    return None if listed is None else tuple(listed.decode(errors="replace").splitlines())


def look(paths: Paths, journal: int, vkeys: Sequence[str], before: Seen | None, now: int) -> Look:
    """Look at a journal once; what is to be kept is `before` itself, but for keys, if it did not grow.

    Raises Raised for a contradiction, StoreUnavailable and Unfit for a server that does not answer as it should.
    """
    note = paths.read([(f"log/{journal}/checkpoint", NOTE_BYTES_MAX)])[0]
    held = () if before is None else (before.note,)
    if note is None:
        raise Raised("gone", journal, "expected a checkpoint, got none", held)
    try:
        checkpoint = open_checkpoint(note, [keys.parse_log_vkey(line) for line in vkeys])
    except NoteError as error:
        raise Raised("unsigned", journal, str(error), (*held, note)) from error
    if before is None:
        _proven(paths, journal, checkpoint, note)
        return Look(Seen(journal, tuple(vkeys), note, now), note)
    old = before.checkpoint
    if checkpoint.origin != old.origin:
        detail = f"expected a checkpoint of {old.origin}, got one of {checkpoint.origin}"
        raise Raised("unsigned", journal, detail, (*held, note))
    if checkpoint.size == old.size:
        if checkpoint.root != old.root:
            detail = f"two signed roots at size {old.size}: {old.root.hex()} and {checkpoint.root.hex()}"
            raise Raised("split view", journal, detail, (*held, note))
        return Look(before._replace(vkeys=tuple(vkeys)), note)
    if checkpoint.size < old.size:
        # an older checkpoint is shown by a cache, or where the first quorum came late: harmless, if the tree that was
        # seen is still there and contains it
        _check_growth(paths, journal, checkpoint, old, (before.note, note), "rollback")
        return Look(before._replace(vkeys=tuple(vkeys)), note)
    _check_growth(paths, journal, old, checkpoint, (before.note, note), "unproven")
    return Look(Seen(journal, tuple(vkeys), note, now), note)


def check_moving(seen: Seen, shown: bytes, now: int, stalled_after: int) -> None:
    """Raise Raised if a journal has not grown for `stalled_after` seconds; `shown` is what it shows now."""
    still = now - seen.grown_at
    if still >= stalled_after:
        detail = f"expected growth within {stalled_after} s, got size {seen.checkpoint.size} for {still} s"
        raise Raised("standing still", seen.journal, detail, (seen.note, shown))


def _check_growth(
    paths: Paths, journal: int, old: Checkpoint, new: Checkpoint, both: tuple[bytes, bytes], without: str
) -> None:
    """Raise Raised unless the larger tree contains the smaller one, by tiles that are of the larger one's root.

    `without` is what it is called when there are no such tiles.
    """
    wanted = needs_consistency(old.size, new.size)
    try:
        hashes = _tiles(paths, journal, new).tiles(wanted)
        path = fold_consistency(old.size, new.size, hashes)
    except (ProofError, TileError) as error:
        raise Raised(without, journal, f"signed sizes {old.size} and {new.size}: {error}", both) from error
    try:
        verify_consistency(old.size, old.root, new.size, new.root, path)
    except ProofError as error:
        detail = f"the tree of size {new.size} does not contain the one of size {old.size} that was signed: {error}"
        raise Raised("fork", journal, detail, both) from error


def _proven(paths: Paths, journal: int, checkpoint: Checkpoint, note: bytes) -> None:
    """Raise Raised unless the first checkpoint seen has its root's tiles behind it."""
    try:
        _tiles(paths, journal, checkpoint).tiles(())
    except (ProofError, TileError) as error:
        raise Raised("unproven", journal, f"tree of size {checkpoint.size}: {error}", (note,)) from error


def _tiles(paths: Paths, journal: int, checkpoint: Checkpoint) -> ProvenTiles:
    def fetch(wanted: Sequence[Tile]) -> dict[Tile, bytes]:
        found = paths.read([(f"log/{journal}/{tile.path()}", TILE_BYTES) for tile in wanted])
        return {tile: content for tile, content in zip(wanted, found, strict=True) if content is not None}

    return ProvenTiles(checkpoint.size, checkpoint.root, fetch)
