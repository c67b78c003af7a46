"""Receipts, honest and forged, as three files each: an entry's bytes, its tlog-proof, and a verifier key's file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ledger.log import keys, prover
from ledger.log.receipt import Receipt
from ledger.log.tiles import Tile
from tests.support.exports import MadeLog, rewritten, tile_files

INDEX = 20


class Given(NamedTuple):
    """What is handed to a verifier: entry, proof, keys."""

    entry: bytes
    proof: bytes
    vkey: bytes

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """Lay it down as files."""
        paths = folder / "entry.json", folder / "entry.tlog-proof", folder / "vkey"
        for path, content in zip(paths, self, strict=True):
            path.write_bytes(content)
        return paths


def receipt_of(log: MadeLog, index: int = INDEX, size: int | None = None) -> Receipt:
    """A receipt for an entry under the log's checkpoint of a size."""
    size = size or log.sizes[-1]
    tiles = {Tile.parse(path): content for path, content in tile_files(log.leaves[:size])}
    return Receipt(index, tuple(prover.fold_inclusion(index, size, tiles)), log.note(size))


def given(log: MadeLog, index: int = INDEX, size: int | None = None) -> Given:
    """An honest receipt of a log with its keys."""
    vkey = "".join(f"{signer.vkey()}\n" for signer in log.signers).encode()
    return Given(log.leaves[index], receipt_of(log, index, size).format(), vkey)


def _proof(change: Callable[[Receipt], Receipt]) -> Callable[[list[MadeLog]], Given]:
    return lambda made: given(made[0])._replace(proof=change(receipt_of(made[0])).format())


FORGED: dict[str, Callable[[list[MadeLog]], Given]] = {
    "another balance": lambda made: given(made[0])._replace(
        entry=made[0].leaves[INDEX].replace(b'"accrued":', b'"accrued":9')
    ),
    "another entry": lambda made: given(made[0])._replace(entry=made[0].leaves[INDEX + 3]),
    "another index": _proof(lambda receipt: replace(receipt, index=INDEX + 1)),
    "the index of the other side": _proof(lambda receipt: replace(receipt, index=INDEX ^ 1)),
    "a hash more": _proof(lambda receipt: replace(receipt, path=(*receipt.path, bytes(32)))),
    "a hash fewer": _proof(lambda receipt: replace(receipt, path=receipt.path[:-1])),
    "a hash altered": _proof(lambda receipt: replace(receipt, path=(bytes(32), *receipt.path[1:]))),
    "a checkpoint of another size": lambda made: given(made[0])._replace(
        proof=replace(receipt_of(made[0]), checkpoint=made[0].note(made[0].sizes[-2])).format()
    ),
    "another journal's receipt": lambda made: given(made[0])._replace(proof=given(made[1]).proof),
    "another journal's key": lambda made: given(made[0])._replace(vkey=given(made[1]).vkey),
    "a stranger's key of the same name": lambda made: given(made[0])._replace(
        vkey=keys.generate(made[0].origin).vkey().encode()
    ),
    "a stranger's signature": lambda made: given(made[0])._replace(
        proof=given(replace(made[0], signers=[keys.generate(made[0].origin)])).proof
    ),
    "an entry of another place, signed": lambda made: given(
        rewritten(made[0], [*made[0].leaves[:INDEX], made[0].leaves[INDEX + 1], *made[0].leaves[INDEX + 1 :]])
    ),
}
