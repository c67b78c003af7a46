"""Forgeries of an exported folder, by whoever hands it out; an auditor holds the keys and the newest checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ledger.audit.sources.folder import MANIFEST, SCHEMES
from ledger.audit.sources.notes import notes_of
from ledger.log import keys
from ledger.log.checkpoint import claimed
from ledger.log.tiles import Tile, decode_bundle, encode_bundle, tiles_of_level
from tests.ledger.audit.forgeries.table import By, Who
from tests.support.exports import tile_files

OTHER = Path(__file__).parents[4] / "contracts" / "schemes" / "PH-SSS-SE.yaml"
"""A text of another scheme."""


class Spoilt(NamedTuple):
    """One way to spoil an export; `do` is given the folder of its first log.

    `go` is the law by which Go's verifier refuses it, None for what lies beside the logs.
    """

    what: str
    law: str
    go: str | None
    do: Callable[[Path], Any]
    who: Who = Who.EXPORT
    by: By = By.EXPORT
    rewrites: bool = False


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


def manifest(change: Callable[[Any], Any]) -> Callable[[Path], Any]:
    """What the export says of itself is changed."""

    def do(log: Path) -> None:
        place = log.parents[1] / MANIFEST
        told = json.loads(place.read_bytes())
        change(told)
        place.write_bytes(json.dumps(told).encode())

    return do


def hide(log: Path) -> None:
    """The other log's folder goes, and what the manifest says of it."""
    shutil.rmtree(log.parent / "1")

    def one(told: Any) -> None:
        told.update(journals=1, logs=told["logs"][:1])

    manifest(one)(log)


def texts(log: Path) -> list[Path]:
    """The files of the schemes."""
    return sorted((log.parents[1] / SCHEMES).iterdir())


def scheme(change: Change) -> Callable[[Path], Any]:
    """The text of a scheme is changed."""
    return lambda log: texts(log)[0].write_bytes(change(texts(log)[0].read_bytes()))


def added(log: Path) -> None:
    """Another scheme's text lies beside those that are recorded."""
    shutil.copy(texts(log)[0], texts(log)[0].with_name("XX-OTHER@1.json"))


def other_root(note: bytes) -> bytes:
    """The note with a root of zeros, its signatures kept."""
    origin, size, _, rest = note.split(b"\n", 3)
    return b"\n".join((origin, size, b"A" * 43 + b"=", rest))


def strangers(content: bytes) -> bytes:
    """Verifier keys of the same name that only the forger has."""
    name = content.decode().split("+")[0]
    return "".join(f"{keys.generate(name, kind).vkey()}\n" for kind in (keys.ED25519, keys.MLDSA44)).encode()


class Stale(NamedTuple):
    """A witness whose memory was set back cosigns a fork: what it gave away is held against the log."""

    what: str = "a witness that was set back cosigns a fork; the log, against what it cosigned"
    law: str = "L6"
    who: Who = Who.WITNESS
    by: By = By.EXPORT
    go: str | None = "L6"
    rewrites: bool = False


STALE = Stale()
EXPORTS: tuple[Spoilt, ...] = (
    Spoilt("a byte of an exported entry is changed", "L2", "L2", file("tile/entries/000", byte(900))),
    Spoilt("two exported entries change places", "L5", "L5", swap),
    Spoilt("an exported bundle is cut short", "L2", "L2", file("tile/entries/000", lambda content: content[:-1])),
    Spoilt("an exported bundle is left out", "L2", "L2", lambda log: (log / "tile/entries/000").unlink()),
    Spoilt("a byte of an exported tile is changed", "L6", "L2", file("tile/0/000", byte(40))),
    Spoilt("an exported tile is left out", "L6", "L2", lambda log: (log / "tile/0/000").unlink()),
    Spoilt("the export's tail is cut at an earlier checkpoint", "L6", "L6", cut),
    Spoilt(
        "the exported checkpoint has another root", "L6", "L6",
        file("checkpoint", other_root),
    ),
    Spoilt(
        "the exported checkpoint loses its newer kind of signature", "L6", "L6",
        file("checkpoint", lambda note: b"".join(note.splitlines(keepends=True)[:-1])),
    ),
    Spoilt(
        "an exported history loses a signature", "L6", "L6",
        file("checkpoints", lambda notes: notes.replace("— ".encode(), b"- ", 1)),
    ),
    Spoilt(
        "exported earlier checkpoints change places", "L5", "L6",
        lambda log: (log / "checkpoints").write_bytes(b"".join(sizes(log)[::-1])),
    ),
    Spoilt("a journal is left out of the export", "L2", "L2", lambda log: shutil.rmtree(log.parent / "1")),
    Spoilt("the exported journals change names", "L5", "L5", exchange),
    Spoilt("the exported keys are a stranger's", "L6", "L6", file("vkey", strangers)),
    Spoilt("the manifest says another size", "L6", None, manifest(lambda told: told["logs"][0].update(size=3))),
    Spoilt("the manifest says another root", "L6", None, manifest(lambda told: told["logs"][0].update(root="00" * 32))),
    Spoilt(
        "the manifest says other digests", "L6", None,
        manifest(lambda told: told["logs"][0]["sha256"].update(checkpoints="00" * 32)),
    ),
    Spoilt("the manifest leaves a log out", "L6", None, manifest(lambda told: told["logs"].pop(0))),
    Spoilt("the manifest leaves a scheme out", "L4", None, manifest(lambda told: told["schemes"].clear())),
    Spoilt("a journal is hidden, and the manifest knows nothing of it", "L2", "L2", hide),
    Spoilt("an exported scheme's text is altered", "L4", None, scheme(lambda text: text[:-2] + b" " + text[-2:])),
    Spoilt("an exported scheme is swapped for another's text", "L4", None, scheme(lambda content: OTHER.read_bytes())),
    Spoilt("a scheme that no journal records is added", "L4", None, added),
)  # fmt: skip
