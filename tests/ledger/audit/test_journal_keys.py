"""An audit that follows a journal's keys: who trusts one comes to all of them, and no fork brings its own (L6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from contracts import events
from contracts.codec import Record
from ledger.audit.checks.journal import JournalCheck
from ledger.audit.checks.journal_keys import JournalKeys, OpenedNote
from ledger.audit.findings import Findings
from ledger.audit.kept_tiles import KeptTile
from ledger.audit.rows import Head, Rows
from ledger.keyring import KeyRing
from ledger.log import keys
from ledger.log import note as notes
from ledger.log import policy as policies
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.log.keys import MLDSA44, MlDsaSigner, Signer
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.note import NoteError
from ledger.log.tiles import Tile
from tests.support.exports import tile_files
from tests.support.replica import Replica
from tests.support.strategies import Feed

NAME = "test.localhost"
Pair = tuple[Signer, MlDsaSigner]


def pair() -> Pair:
    return keys.generate(f"{NAME}/log/0"), keys.generate(f"{NAME}/log/0", MLDSA44)


OLD, NEW, STRANGE = pair(), pair(), pair()


def written(signers: Sequence[Signer | MlDsaSigner]) -> tuple[str, ...]:
    return tuple(signer.vkey() for signer in signers)


def changed(feed: Feed, change: str, signers: Sequence[Signer | MlDsaSigner], **more: Any) -> Record:
    data = events.KeyChanged(change=change, journal=0, vkeys=written(signers), **more)  # type: ignore[arg-type]
    return feed.act(events.KEY_CHANGED, f"key/{feed.next['iuran.control']}", NAME, data)


def opened(feed: Feed, own: Sequence[Signer | MlDsaSigner] = OLD) -> Record:
    return feed.opened(NAME, [OLD[0].vkey()], written(own))


def rotated(second: Pair = NEW) -> list[bytes]:
    """Entries: 0 opening, 1 gig, 2 added, 3 gig, 4 retired, 5 gig."""
    feed = Feed()
    records = [opened(feed), feed.gig("A"), changed(feed, "added", second), feed.gig("B")]
    records += [changed(feed, "retired", OLD), feed.gig("C")]
    return Replica().settle(records).leaves


def root(leaves: Sequence[bytes], size: int) -> bytes:
    return Frontier().append([leaf_hash(leaf) for leaf in leaves[:size]]).root()


def signed(leaves: Sequence[bytes], size: int, signers: Sequence[Signer | MlDsaSigner]) -> bytes:
    return sign_checkpoint(Checkpoint(f"{NAME}/log/0", size, root(leaves, size)), list(signers))


def notes_of(leaves: Sequence[bytes], second: Pair = NEW) -> dict[int, bytes]:
    """A checkpoint of each size, by those who must sign it."""
    by = {1: OLD, 2: OLD, 3: OLD, 4: (*OLD, *second), 5: (*OLD, *second), 6: second}
    return {size: signed(leaves, size, signers) for size, signers in by.items()}


def audited(
    leaves: list[bytes], notes: dict[int, bytes], trusted: Sequence[str] = (), listed: Sequence[str] | None = None
) -> list[str]:
    """What the audit says of keys and checkpoints."""
    check = JournalCheck(0)
    size, frontier = len(leaves), Frontier().append([leaf_hash(leaf) for leaf in leaves])
    newest = notes[max(notes)]
    head = Head(0, size, frontier.encode(), claimed(newest).size, newest)
    lines = (*written(NEW), *written(OLD)) if listed is None else tuple(listed)
    files = dict(tile_files(leaves))
    check.start(head, lines, tiles=lambda wanted: [KeptTile(files[t.path()]) for t in wanted], trusted=tuple(trusted))
    for of_size, note in sorted(notes.items()):
        check.checkpoint(of_size, note)
    check.rows(Rows(0, leaves))
    return [str(finding) for finding in check.finish(head, None)]


@pytest.mark.parametrize(
    "trusted",
    [(), written(OLD), written(NEW), written(OLD)[:1], written(OLD)[1:], written(NEW)[:1], written(NEW)[1:]],
    ids=["as listed", "old", "new", "old Ed25519", "old ML-DSA", "new Ed25519", "new ML-DSA"],
)
def test_an_honest_rotation_holds_for_whoever_trusts_one_of_its_keys(trusted: tuple[str, ...]) -> None:
    leaves = rotated()
    assert audited(leaves, notes_of(leaves), trusted) == []


def test_the_list_may_lag_behind_an_act_until_the_journal_goes_on() -> None:
    """The act at 2 adds keys, and is listed once it has been entered; the list is the same when some are retired."""
    leaves = rotated()
    notes, both = notes_of(leaves), (*written(NEW), *written(OLD))
    for size, lists in {3: {written(OLD), both}, 4: {both}, 5: {both}, 6: {both}}.items():
        own = {of_size: note for of_size, note in notes.items() if of_size <= size}
        for listed in (written(OLD), both, both[::-1], both[:3], (*both, *written(STRANGE))):
            assert (audited(leaves[:size], own, listed=listed) == []) == (listed in lists), (size, listed)


def test_a_fork_that_names_its_own_keys_is_found_by_who_trusts_the_old_ones() -> None:
    """Real up to entry 1; then the forger adds keys, retires the old ones, and no size between is signed."""
    leaves = rotated(STRANGE)
    notes = notes_of(leaves, STRANGE)
    kept = {size: notes[size] for size in (1, 2, 6)}
    listed = (*written(STRANGE), *written(OLD))
    for trusted in (written(OLD), written(OLD)[:1]):
        found = audited(leaves, kept, trusted, listed)
        assert any("newest checkpoint: expected the signature of a key that is trusted" in said for said in found)
    assert audited(leaves, kept, (), listed) == [], "who trusts whatever the source lists believes the source"


@pytest.mark.parametrize("size", [3, 4, 5])
def test_one_checkpoint_of_the_old_keys_over_the_act_is_enough(size: int) -> None:
    leaves = rotated()
    notes = notes_of(leaves)
    assert audited(leaves, {size: notes[size], 6: notes[6]}, written(OLD)) == []


def test_a_key_that_only_stands_beside_a_trusted_one_in_entry_0_signs_for_nobody() -> None:
    """Entry 0 names the trusted Ed25519 key, which is public, and a forger's ML-DSA key that signs alone."""
    feed = Feed()
    own = (OLD[0], STRANGE[1])
    leaves = Replica().settle([opened(feed, own), feed.gig("A")]).leaves
    found = audited(leaves, {2: signed(leaves, 2, STRANGE[1:])}, (OLD[0].vkey(),), written(own))
    assert any("expected the signatures of all keys that sign at its size" in said for said in found)


@pytest.mark.parametrize(
    ("size", "signers"),
    [
        *((6, OLD), (6, (*OLD, NEW[0])), (4, OLD), (4, NEW), (2, NEW), (2, OLD[:1]), (2, OLD[1:]), (6, STRANGE)),
        *((2, (*OLD, NEW[0])), (3, (*OLD, *NEW)), (6, (*NEW, OLD[1]))),
    ],
)
def test_a_checkpoint_by_others_than_those_of_its_size_is_found(size: int, signers: tuple[Any, ...]) -> None:
    leaves = rotated()
    notes = notes_of(leaves) | {size: signed(leaves, size, signers)}
    assert any(f"checkpoint of size {size}: expected" in said for said in audited(leaves, notes))


@pytest.mark.parametrize("honest", [True, False])
def test_a_revocation_names_the_tree_that_was_signed(honest: bool) -> None:
    feed = Feed()
    leaves = Replica().settle([opened(feed), feed.gig("A"), changed(feed, "added", NEW)]).leaves
    trusted_root = root(leaves, 2).hex() if honest else "ab" * 32
    feed = Feed()
    records = [opened(feed), feed.gig("A"), changed(feed, "added", NEW)]
    records += [changed(feed, "revoked", OLD, trusted_size=2, trusted_root=trusted_root), feed.gig("B")]
    leaves = Replica().settle(records).leaves
    by = {1: OLD, 2: OLD, 3: OLD, 4: (*OLD, *NEW), 5: NEW}
    notes = {size: signed(leaves, size, signers) for size, signers in by.items()}
    found = audited(leaves, notes, written(NEW))
    assert (found == []) == honest
    # the old keys are believed up to the trusted size alone, and the act that added the new ones lies above it
    assert any("newest checkpoint" in said for said in audited(leaves, notes, written(OLD)))
    ring = KeyRing().opened(written(OLD)).changed("added", written(NEW), 2)
    assert ring.believed(written(OLD), dict.fromkeys(written(OLD), 2)) == set(written(OLD))


@pytest.mark.parametrize("lie", [None, bytes(32 * 256)])
def test_a_source_that_gives_other_tiles_when_it_is_asked_again_proves_no_trusted_root(lie: bytes | None) -> None:
    """The act states a root that nobody can check then: that it is right is not believed."""
    feed = Feed()
    before = [opened(feed), *(feed.gig(f"G-{n}") for n in range(260)), changed(feed, "added", NEW)]
    told = feed.next.copy()
    leaves = Replica().settle(before).leaves
    feed.next = told
    revoked = changed(feed, "revoked", OLD, trusted_size=100, trusted_root=root(leaves, 100).hex())
    leaves = Replica().settle([*before, revoked, feed.gig("B")]).leaves
    files, asked = dict(tile_files(leaves)), []

    def tiles(wanted: Sequence[Tile]) -> list[KeptTile | None]:
        asked.append(wanted)
        honest = [KeptTile(files[tile.path()]) for tile in wanted]
        return honest if len(asked) == 1 else [None if lie is None else KeptTile(lie) for _ in wanted]

    check, size = JournalCheck(0), len(leaves)
    newest = signed(leaves, size, NEW)
    frontier = Frontier().append([leaf_hash(leaf) for leaf in leaves])
    check.start(Head(0, size, frontier.encode(), size, newest), (*written(NEW), *written(OLD)), tiles=tiles)
    check.checkpoint(size, newest)
    check.rows(Rows(0, leaves))
    found = [str(finding) for finding in check.finish(Head(0, size, frontier.encode(), size, newest), None)]
    assert found == [
        f"L6 journal 0 entry {size - 2}: key: expected the tree's root at the trusted size 100, got another"
    ]
    assert len(asked) == 2


def test_what_witnesses_cosigned_of_another_log_is_not_of_this_one() -> None:
    witness = keys.generate("witness.example/w", keys.COSIGNATURE)
    policy = policies.parse(f"witness w {witness.vkey()} https://witness.example/w\nquorum w\n".encode())
    known = JournalKeys(0, Findings(0))
    known.start(written(OLD), (), policy)
    leaves = rotated()
    for log, is_own in ((0, True), (1, False)):
        checkpoint = Checkpoint(f"{NAME}/log/{log}", 2, root(leaves, 2))
        alone = notes.sign(checkpoint.format(), [witness.at(1_772_352_931)])
        if is_own:
            assert known.open(alone) == OpenedNote(checkpoint, frozenset(), witnessed=True)
        else:
            with pytest.raises(NoteError, match="checkpoint origin: expected the signing key's name, got test"):
                known.open(alone)
