"""Go's own log libraries accept our logs, and refuse each tampering by the law that it breaks.

The log is made without servers; the same verifier sees the stored ledger's forgeries in `tests/ledger/audit`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.log import keys
from tests.support.exports import MadeLog, rewritten
from tests.support.foreign import go
from tests.support.strategies import Feed

LOG = 0


def entries_of(made: list[MadeLog]) -> int:
    return sum(len(log.leaves) for log in made)


def trusted(made: list[MadeLog], folder: Path, *which: int) -> Path:
    """A file of the journals' keys: of each the ones with these numbers, 0 Ed25519 and 1 ML-DSA-44."""
    path = folder / "trusted"
    path.write_text("".join(f"{log.signers[n].vkey()}\n" for log in made for n in which or (0, 1)))
    return path


def test_a_log_is_verified_with_its_own_keys_and_says_that_they_are_its_own(made: list[MadeLog], export: Path) -> None:
    own = go("verify-log", export)
    assert own.last == f"verified: 2 journals, {entries_of(made)} entries"
    assert "keys are the log's own" in own.text


@pytest.mark.parametrize("which", [(0, 1), (0,), (1,)])
def test_a_log_is_verified_with_trusted_keys_of_either_kind(
    made: list[MadeLog], export: Path, which: tuple[int, ...], tmp_path: Path
) -> None:
    done = go("verify-log", "-vkeys", trusted(made, tmp_path, *which), export)
    assert done.text == f"verified: 2 journals, {entries_of(made)} entries\n"


def test_every_size_up_to_the_first_tile_of_level_1_is_verified(made: list[MadeLog], tmp_path: Path) -> None:
    for size in (1, 2, 3, 255, 256, 257):
        replace(made[0], sizes=[size]).write(tmp_path / str(size))
        replace(made[1], sizes=[5]).write(tmp_path / str(size))
        assert go("verify-log", tmp_path / str(size)).last == f"verified: 2 journals, {size + 5} entries"
    assert len(made[0].leaves) > 257


def test_what_was_signed_earlier_must_be_contained(made: list[MadeLog], export: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.write_bytes(made[1].note(7))
    assert go("verify-log", "-against", held, export).holds
    forked = rewritten(made[1], put(made[1].leaves, 6, b"{}"))
    held.write_bytes(forked.note(7))
    done = go("verify-log", "-against", held, export)
    assert "L6 journal 1: held checkpoint of size 7: expected a tree that this one has grown from" in done.last
    shorter = tmp_path / "shorter"
    for log in made:
        replace(log, sizes=[5, 40]).write(shorter)
    held.write_bytes(made[0].note(300))
    assert go("verify-log", shorter).holds
    done = go("verify-log", "-against", held, shorter)
    assert done.last.endswith("held checkpoint of size 300: expected the 300 entries that were signed, got 40")


Forge = Callable[[Path, MadeLog], Any]


def flipped(name: str, at: int | bytes = -1) -> Forge:
    """One bit of a file, at a place or 40 bytes behind a text."""

    def forge(own: Path, log: MadeLog) -> None:
        content = bytearray((own / name).read_bytes())
        content[at if isinstance(at, int) else content.index(at) + len(log.origin) + 40] ^= 1
        (own / name).write_bytes(content)

    return forge


def written(name: str, make: Callable[[MadeLog], bytes]) -> Forge:
    """Other bytes in a file's place."""
    return lambda own, log: (own / name).write_bytes(make(log))


def changed(name: str, make: Callable[[bytes], bytes]) -> Forge:
    """A file's bytes changed."""
    return lambda own, log: (own / name).write_bytes(make((own / name).read_bytes()))


def exchanged(own: Path, log: MadeLog) -> None:
    for before, after in (("0", "x"), ("1", "0"), ("x", "1")):
        (own.parent / before).rename(own.parent / after)


def leaf_edit(index: int, edit: Callable[[dict[str, Any]], None]) -> Callable[[MadeLog], MadeLog]:
    """Change what an entry says, canonically, and sign all of it again: who holds the keys can."""

    def change(log: MadeLog) -> MadeLog:
        content = json.loads(log.leaves[index])
        edit(content)
        leaf = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return rewritten(log, put(log.leaves, index, leaf))

    return change


def put(leaves: list[bytes], index: int, leaf: bytes) -> list[bytes]:
    """Other bytes in an entry's place."""
    changed = list(leaves)
    changed[index] = leaf
    return changed


def raised(content: dict[str, Any]) -> None:
    content["balances"][0]["accrued"] += 1


def spelt(index: int, old: bytes, new: bytes) -> Callable[[MadeLog], MadeLog]:
    return lambda log: rewritten(log, put(log.leaves, index, log.leaves[index].replace(old, new, 1)))


NOTE, EARLIER, BUNDLE, TILE = "checkpoint", "checkpoints", "tile/entries/000", "tile/0/000"
ON_FILES: dict[str, tuple[Forge, str]] = {
    "a byte of an entry": (flipped(BUNDLE, 900), "L2"),
    "a byte of a tile": (flipped(TILE, 40), "L2"),
    "a byte of the partial tile": (flipped("tile/0/001.p/52"), "L2"),
    "a byte of the tile above": (flipped("tile/1/000.p/1"), "L2"),
    "a tile that is gone": (lambda own, log: (own / TILE).unlink(), "L2"),
    "a bundle that is gone": (lambda own, log: (own / BUNDLE).unlink(), "L2"),
    "a bundle cut short": (changed(BUNDLE, lambda content: content[:-1]), "L2"),
    "a bundle with one more": (changed(BUNDLE, lambda content: content + b"\0\2{}"), "L2"),
    "a byte of the root": (flipped(NOTE, len("made.localhost/log/0\n308\n")), "L6"),
    "a byte of the Ed25519 signature": (flipped(NOTE, b"\xe2"), "L6"),
    "a byte of the ML-DSA-44 signature": (flipped(NOTE, -40), "L6"),
    "the ML-DSA-44 line taken away": (written(NOTE, lambda log: log.note(log.sizes[-1], log.signers[:1])), "L6"),
    "another log's checkpoint": (lambda own, log: shutil.copy(own.parent / "1" / NOTE, own / NOTE), "L6"),
    "a root beside the tree": (
        written(NOTE, lambda log: rewritten(log, put(log.leaves, -1, b"{}")).note(log.sizes[-1])), "L2"
    ),
    "an earlier checkpoint forked": (
        written(EARLIER, lambda log: log.note(1) + rewritten(log, [b"{}"] * 5).note(5)), "L6"
    ),
    "earlier checkpoints in another order": (written(EARLIER, lambda log: log.note(5) + log.note(1)), "L6"),
    "an earlier checkpoint by a stranger": (
        written(EARLIER, lambda log: log.note(5, [keys.generate(log.origin)])), "L6"
    ),
    "a journal hidden": (lambda own, log: shutil.rmtree(own.parent / "1"), "L2"),
    "two journals exchanged": (exchanged, "L5"),
    "a key more": (
        changed("vkey", lambda lines: lines + keys.generate("made.localhost/log/0").vkey().encode() + b"\n"), "L6"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ON_FILES)
def test_what_was_done_to_the_files_is_refused(name: str, made: list[MadeLog], export: Path, tmp_path: Path) -> None:
    forge, law = ON_FILES[name]
    folder = tmp_path / "forged"
    shutil.copytree(export, folder)
    forge(folder / "log" / str(LOG), made[LOG])
    done = go("verify-log", folder)
    assert not done.holds
    assert law in done.laws(), done.text


GIG = 20
STRANGER = Feed(1, 2).workers(1)[0]
UNDER_THE_KEY: dict[str, tuple[Callable[[MadeLog], MadeLog], str, int]] = {
    "a balance": (leaf_edit(GIG, raised), "L1", GIG),
    "an amount": (leaf_edit(GIG, lambda c: c["contributions"][0].update(amount=7)), "L1", GIG),
    "an amount of 2^53": (leaf_edit(GIG, lambda c: c["contributions"][0].update(amount=2**53)), "L4", GIG),
    "another worker's pay": (leaf_edit(GIG, lambda c: c["contributions"][0].update(payer="worker:W-x")), "L1", GIG),
    "a worker of another journal": (leaf_edit(GIG, lambda c: c["event"].update(subject=STRANGER)), "L3", GIG),
    "the index": (leaf_edit(GIG, lambda c: c.update(index=GIG + 1)), "L5", GIG),
    "the journal": (leaf_edit(GIG, lambda c: c.update(journal=1)), "L5", GIG),
    "the offset": (leaf_edit(GIG, lambda c: c["cause"].update(offset=999)), "L12", GIG),
    "the offset of one before": (leaf_edit(GIG, lambda c: c["cause"].update(offset=1)), "L3", GIG),
    "the partition": (leaf_edit(GIG, lambda c: c["cause"].update(partition=1)), "L12", GIG),
    "a part": (leaf_edit(GIG, lambda c: c["cause"].update(part=[1, 2])), "L3", GIG),
    "the same gig again": (leaf_edit(GIG, lambda c: c["cause"].update(id="G-0-1")), "L3", GIG),
    "who speaks": (leaf_edit(GIG, lambda c: c["cause"].update(source="urn:iuran:platform:grab")), "L3", GIG),
    "white space": (spelt(GIG, b'"index":', b'"index": '), "L4", GIG),
    "a member twice": (spelt(GIG, b'{"balances":', b'{"balances":[],"balances":'), "L4", GIG),
    "a member in capitals": (spelt(GIG, b'"accrued":', b'"Accrued":'), "L4", GIG),
    "a fraction": (spelt(GIG, b'"offset":', b'"offset":0.'), "L4", GIG),
    "no JSON": (spelt(GIG, b"{", b""), "L4", GIG),
    "the opening": (leaf_edit(0, lambda c: c["event"]["data"].update(ledger="other.localhost")), "L6", 0),
    "the number of journals": (leaf_edit(0, lambda c: c["event"]["data"].update(journals=1)), "L4", 0),
    "two entries exchanged": (
        lambda log: rewritten(log, [*log.leaves[:GIG], log.leaves[GIG + 1], log.leaves[GIG], *log.leaves[GIG + 2 :]]),
        "L5", GIG,
    ),
    "a signed platform's gig altered": (
        leaf_edit(-1, lambda c: c["event"].update(time="2026-03-06T08:15:30Z")), "L4", -1
    ),
    "a signed platform's gig without its signature": (leaf_edit(-1, lambda c: c["cause"].pop("signature")), "L4", -1),
    "a gig of theirs made up": (
        leaf_edit(GIG, lambda c: c["cause"].update(source="urn:iuran:platform:grab", topic="gigs.grab")), "L4", GIG
    ),
    "an entry dropped": (lambda log: rewritten(log, log.leaves[:GIG] + log.leaves[GIG + 1 :]), "L5", GIG),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDER_THE_KEY)
def test_what_the_keys_holder_writes_is_refused_for_what_it_says(
    name: str, made: list[MadeLog], tmp_path: Path
) -> None:
    forge, law, index = UNDER_THE_KEY[name]
    for log in made:
        (forge(log) if log.number == LOG else log).write(tmp_path)
    done = go("verify-log", tmp_path)
    assert not done.holds
    index %= len(made[LOG].leaves)
    assert any(line.startswith(f"{law} journal {LOG} entry {index}: ") for line in done.text.splitlines()), done.text


def test_a_ledger_written_anew_under_other_keys_holds_in_itself_and_not_against_trusted_keys(
    made: list[MadeLog], tmp_path: Path
) -> None:
    signers = [[keys.generate(log.origin), keys.generate(log.origin, keys.MLDSA44)] for log in made]
    vkeys = [own[0].vkey() for own in signers]
    for log, own in zip(made, signers, strict=True):
        named: dict[str, Any] = {"own": [signer.vkey() for signer in own], "vkeys": vkeys}
        opened = leaf_edit(0, lambda c, named=named: c["event"]["data"].update(named))  # type: ignore[misc]
        replace(opened(log), signers=own).write(tmp_path / "anew")
    assert go("verify-log", tmp_path / "anew").holds
    done = go("verify-log", "-vkeys", trusted(made, tmp_path), tmp_path / "anew")
    assert done.last.endswith("L6 journal 0: checkpoint: Ed25519: note has no verifiable signatures")
