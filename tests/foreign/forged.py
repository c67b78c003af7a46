"""Forged logs, as tables: what is done to an export's files, and what a holder of the keys writes and signs again.

Each has the law by which it is found; the second kind also the entry. All verifiers are shown the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.log import keys
from tests.support.exports import MadeLog, rewritten
from tests.support.strategies import Feed

LOG = 0
"""The journal that is forged."""

Forge = Callable[[Path, MadeLog], Any]


def flipped(name: str, at: int | bytes = -1) -> Forge:
    """One byte of a file, at a place or 40 bytes behind a text; it stays a letter where it was one."""

    def forge(own: Path, log: MadeLog) -> None:
        content = bytearray((own / name).read_bytes())
        place = at if isinstance(at, int) else content.index(at) + len(log.origin) + 40
        content[place] = ord("B") if content[place] == ord("A") else ord("A")
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
