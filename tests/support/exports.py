"""Exported logs made by other means than ours: for verifiers to accept, and for forgers to spoil.

`MadeLog` holds leaves, keys and the sizes at which checkpoints were signed; `write` lays it out as an export's folder
(`log/<n>/vkey, checkpoint, checkpoints, tile/...`). Tiles are cut by RFC 6962's own recursion, not by the code under
test. `made_ledger` is a ledger of several journals out of the pure pipeline: entries are real, no server is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from contracts import events
from contracts.topics import partition_of
from ledger.log import keys, prover
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.log.tiles import Tile
from tests.support.replica import Replica
from tests.support.signing import changed, signed_gig
from tests.support.strategies import GRAB, POOL, Feed

LEDGER = "made.localhost"
WIDTH = 256


def tree_root(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1 over leaf hashes, word by word."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_root(hashes[:split]) + tree_root(hashes[split:])).digest()


def tile_files(leaves: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of all tiles and bundles of a tree over these leaves (c2sp.org/tlog-tiles)."""
    row = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    for number, start in enumerate(range(0, len(leaves), WIDTH)):
        several = leaves[start : start + WIDTH]
        yield _path("entries", number, len(several)), b"".join(len(e).to_bytes(2, "big") + e for e in several)
    level = 0
    while row:
        for number, start in enumerate(range(0, len(row), WIDTH)):
            several = row[start : start + WIDTH]
            yield _path(str(level), number, len(several)), b"".join(several)
        row = [tree_root(row[start : start + WIDTH]) for start in range(0, len(row) - WIDTH + 1, WIDTH)]
        level += 1


def _path(level: str, number: int, width: int) -> str:
    groups = f"{number:03}" if number < 1000 else f"x{number // 1000:03}/{number % 1000:03}"
    return f"tile/{level}/{groups}" + (f".p/{width}" if width < WIDTH else "")


@dataclass
class MadeLog:
    """One journal's log: `signers` sign a checkpoint at each of `sizes`, the newest last.

    `vkeys` stand in its file, by default the signers' own.
    """

    number: int
    signers: list[Any]
    leaves: list[bytes]
    sizes: list[int]
    vkeys: list[str] = field(default_factory=list)
    signed: dict[int, list[Any]] = field(default_factory=dict)
    """Who signs at a size, where it is not `signers`."""

    @property
    def origin(self) -> str:
        """The log's name."""
        return str(self.signers[0].name)

    def note(self, size: int, signers: Sequence[Any] | None = None) -> bytes:
        """A signed checkpoint of a size."""
        hashes = [sha256(b"\x00" + leaf).digest() for leaf in self.leaves[:size]]
        by = signers or self.signed.get(size, self.signers)
        return sign_checkpoint(Checkpoint(self.origin, size, tree_root(hashes)), by)

    def growth(self, old: int, new: int) -> list[bytes]:
        """The proof that the log of a size has grown from an earlier one."""
        tiles = {Tile.parse(path): content for path, content in tile_files(self.leaves[:new])}
        return prover.fold_consistency(old, new, tiles)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the log of a size holds an entry."""
        tiles = {Tile.parse(path): content for path, content in tile_files(self.leaves[:size])}
        return prover.fold_inclusion(index, size, tiles)

    def write(self, folder: Path) -> Path:
        """Lay the log out below an export's folder; give its own folder."""
        own = folder / "log" / str(self.number)
        *earlier, newest = [self.note(size) for size in self.sizes]
        files = {
            "vkey": "".join(f"{line}\n" for line in self.vkeys or [s.vkey() for s in self.signers]).encode(),
            "checkpoint": newest,
            "checkpoints": b"".join(earlier),
            **dict(tile_files(self.leaves[: self.sizes[-1]])),
        }
        _write(own, files)
        return own


def laid_out(connection: psycopg.Connection, folder: Path) -> None:
    """Lay out what a ledger's database holds of its logs, as it stands, believing none of it: as an export does.

    Full tiles are the stored ones; partial ones are cut, from the leaves or from the roots of the tiles beneath.
    """
    for number, vkeys in connection.execute("SELECT journal, vkey FROM heads ORDER BY journal").fetchall():
        notes = _column(connection, "SELECT note FROM checkpoints WHERE journal = %s ORDER BY size", number)
        leaves = _column(
            connection,
            'SELECT leaf FROM entries WHERE journal = %s AND length(leaf) < 65536 ORDER BY "index"',
            number,
        )
        *earlier, newest = notes or [b""]
        with suppress(ValueError):
            leaves = leaves[: claimed(newest).size]
        files = {"vkey": f"{vkeys}\n".encode(), "checkpoint": newest, "checkpoints": b"".join(earlier)}
        files |= dict(tile_files(leaves))
        if len(leaves) >= WIDTH:
            files["tile/0/000"], files["tile/1/000.p/1"] = (
                b"".join(_column(connection, f"SELECT {what} FROM tiles WHERE level = 0 AND journal = %s", number))
                for what in ("hashes", "root")
            )
        _write(folder / "log" / str(number), {path: content for path, content in files.items() if content})


def _column(connection: psycopg.Connection, query: str, number: int) -> list[bytes]:
    rows = connection.execute(query, (number,)).fetchall()  # type: ignore[call-overload]
    return [bytes(value) for (value,) in rows]


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def made_ledger(gigs: Sequence[int] = (300, 40)) -> list[MadeLog]:
    """A ledger of as many journals as numbers of gigs, each with a tip, a reversal, a refusal, a duplicate and a gap.

    Grab signs all it sends, Gojek nothing.
    """
    journals = len(gigs)
    signers = [
        [keys.generate(f"{LEDGER}/log/{n}"), keys.generate(f"{LEDGER}/log/{n}", keys.MLDSA44)] for n in range(journals)
    ]
    vkeys = [own[0].vkey() for own in signers]
    logs = []
    for number, own in enumerate(signers):
        feed = Feed(number, journals)
        ann, ben, cid = feed.workers(3)
        records = [
            feed.opened(LEDGER, vkeys, [signer.vkey() for signer in own]),
            feed.platform("gojek"),
            changed(feed, "grab", "grab", signed_only=True),
            feed.enacted(POOL[0], LEDGER),
            *(feed.gig(f"G-{number}-{n}", (ann, ben, cid)[n % 3], f"{9000 + 100 * n}") for n in range(gigs[number])),
        ]
        records += [feed.adjusted(f"G-{number}-0", ann, "400"), feed.reversed(f"G-{number}-1", ben)]
        records += [feed.again(records[5]), feed.record("gigs.gojek", b"{", ann.encode())]
        feed.skip(GRAB, 3)
        records += [signed_gig(feed, f"H-{number}", "grab", GRAB, worker=cid)]
        leaves = Replica(number, journals).settle(records).leaves
        assert all(partition_of(w.encode(), journals) == number for w in (ann, ben, cid))
        logs.append(MadeLog(number, own, leaves, sorted({1, 5, gigs[number] // 2, gigs[number], len(leaves)})))
    return logs


def rotated_log() -> tuple[MadeLog, list[list[Any]]]:
    """A ledger of one journal whose keys change: added, retired, and one of the new ones revoked for a third pair.

    Give the log, its checkpoints signed as its entries ask, and the three pairs; the acts stand at indexes 4, 6, 9, 10.
    """
    origin = f"{LEDGER}/log/0"
    pairs = [[keys.generate(origin), keys.generate(origin, keys.MLDSA44)] for _ in range(3)]
    vkeys = [[signer.vkey() for signer in pair] for pair in pairs]
    feed, replica = Feed(), Replica()

    def changed_keys(change: str, which: Sequence[str], **more: Any) -> Any:
        number = feed.next.get("iuran.control", 0)
        data = events.KeyChanged(change=change, journal=0, vkeys=tuple(which), **more)  # type: ignore[arg-type]
        return feed.act(events.KEY_CHANGED, f"key/0/{change}/{number}", LEDGER, data)

    def gig(number: int) -> Any:
        return feed.gig(f"G-{number}", "W-one", "9000")

    replica.settle([feed.opened(LEDGER, [vkeys[0][0]], vkeys[0]), feed.platform("gojek"), gig(1), gig(2)])
    replica.settle([changed_keys("added", vkeys[1])]).settle([gig(3)])
    replica.settle([changed_keys("retired", vkeys[0])]).settle([gig(4), gig(5)])
    trusted = tree_root([sha256(b"\x00" + leaf).digest() for leaf in replica.leaves[:8]]).hex()
    replica.settle([changed_keys("added", vkeys[2])])
    replica.settle([changed_keys("revoked", vkeys[1], trusted_size=8, trusted_root=trusted)]).settle([gig(6)])
    log = MadeLog(
        0, pairs[2], replica.leaves, [4, 5, 6, 7, 8, 9, 10, 11, 12], [line for pair in vkeys[::-1] for line in pair]
    )
    both = {6: pairs[1] + pairs[0], 7: pairs[1] + pairs[0], 11: pairs[2] + pairs[1]}
    log.signed = {4: pairs[0], 5: pairs[0], **both, 8: pairs[1], 9: pairs[1], 10: pairs[1]}
    return log, pairs


def rewritten(log: MadeLog, leaves: Sequence[bytes]) -> MadeLog:
    """The same log over other leaves, signed again under the same keys."""
    return replace(log, leaves=list(leaves), sizes=sorted({min(size, len(leaves)) for size in log.sizes}))
