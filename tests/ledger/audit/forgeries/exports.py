"""Forgeries of an exported folder, by whoever hands it out; an auditor holds the keys and the newest checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ledger.audit.notes import notes_of
from ledger.log import keys
from ledger.log.checkpoint import claimed
from ledger.log.tiles import Tile, decode_bundle, encode_bundle, tiles_of_level
from tests.ledger.audit.forgeries.table import By, Who
from tests.support.exports import tile_files


class Spoilt(NamedTuple):
    """One way to spoil an export; `do` is given the folder of its first log."""

    what: str
    go: str
    do: Callable[[Path], Any]
    who: Who = Who.EXPORT
    by: By = By.EXPORT
    rewrites: bool = False

    @property
    def law(self) -> str:
        """The law that it breaks."""
        return self.go


Change = Callable[[bytes], bytes]


def file(name: str, change: Change) -> Callable[[Path], Any]:
    """One file is changed."""
    return lambda log: (log / name).write_bytes(change((log / name).read_bytes()))


def byte(at: int) -> Change:
    """One byte is another."""
    return lambda content: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def sizes(log: Path) -> list[bytes]:
    """The earlier checkpoints, by size."""
    return list(notes_of(iter([(log / "checkpoints").read_bytes()])))


def cut(log: Path) -> None:
    """The folder becomes that of an earlier checkpoint, whole in itself."""
    *earlier, newest = sizes(log)
    size = claimed(newest).size
    bundles = [decode_bundle((log / t.path()).read_bytes(), t.width) for t in all_bundles(log)]
    leaves = [leaf for bundle in bundles for leaf in bundle][:size]
    shutil.rmtree(log / "tile")
    for path, content in tile_files(leaves):
        (log / path).parent.mkdir(parents=True, exist_ok=True)
        (log / path).write_bytes(content)
    (log / "checkpoint").write_bytes(newest)
    (log / "checkpoints").write_bytes(b"".join(earlier))


def all_bundles(log: Path) -> list[Tile]:
    """The bundles of the folder's checkpoint."""
    return list(tiles_of_level(-1, claimed((log / "checkpoint").read_bytes()).size))


def swap(log: Path) -> None:
    """Two entries of a bundle change places."""
    first = all_bundles(log)[0]
    entries = decode_bundle((log / first.path()).read_bytes(), first.width)
    entries[7], entries[8] = entries[8], entries[7]
    (log / first.path()).write_bytes(encode_bundle(entries))


def exchange(log: Path) -> None:
    """The journals' folders change names."""
    for before, after in (("0", "x"), ("1", "0"), ("x", "1")):
        (log.parent / before).rename(log.parent / after)


def strangers(content: bytes) -> bytes:
    """Verifier keys of the same name that only the forger has."""
    name = content.decode().split("+")[0]
    return "".join(f"{keys.generate(name, kind).vkey()}\n" for kind in (keys.ED25519, keys.MLDSA44)).encode()


EXPORTS: tuple[Spoilt, ...] = (
    Spoilt("a byte of an exported entry is changed", "L2", file("tile/entries/000", byte(900))),
    Spoilt("two exported entries change places", "L5", swap),
    Spoilt("an exported bundle is cut short", "L2", file("tile/entries/000", lambda content: content[:-1])),
    Spoilt("an exported bundle is left out", "L2", lambda log: (log / "tile/entries/000").unlink()),
    Spoilt("a byte of an exported tile is changed", "L2", file("tile/0/000", byte(40))),
    Spoilt("an exported tile is left out", "L2", lambda log: (log / "tile/0/000").unlink()),
    Spoilt("the export's tail is cut at an earlier checkpoint", "L6", cut),
    Spoilt(
        "the exported checkpoint has another root", "L6",
        file("checkpoint", lambda note: note.replace(b"=\n", b"A=\n", 1)),
    ),
    Spoilt(
        "the exported checkpoint loses its newer kind of signature", "L6",
        file("checkpoint", lambda note: b"".join(note.splitlines(keepends=True)[:-1])),
    ),
    Spoilt(
        "an exported history loses a signature", "L6",
        file("checkpoints", lambda notes: notes.replace("— ".encode(), b"- ", 1)),
    ),
    Spoilt(
        "exported earlier checkpoints change places", "L6",
        lambda log: (log / "checkpoints").write_bytes(b"".join(sizes(log)[::-1])),
    ),
    Spoilt("a journal is left out of the export", "L2", lambda log: shutil.rmtree(log.parent / "1")),
    Spoilt("the exported journals change names", "L5", exchange),
    Spoilt("the exported keys are a stranger's", "L6", file("vkey", strangers)),
)  # fmt: skip
