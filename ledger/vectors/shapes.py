"""Vectors of two small formats: the paths of tiles, and bundles of entries. Source: c2sp.org/tlog-tiles."""

from __future__ import annotations

from ledger.log.merkle import SIZE_MAX
from ledger.log.tiles import ENTRIES, Tile, encode_bundle
from ledger.vectors.cases import Case, bad, file_of, good, in_base64

_PATHS = (
    *(Tile(0, 0), Tile(0, 999, 1), Tile(1, 1000), Tile(0, 1_234_067), Tile(2, 70, 255), Tile(63, 0, 17)),
    *(Tile(0, 10**9), Tile(0, SIZE_MAX), Tile(ENTRIES, 0), Tile(ENTRIES, 1_234_067, 8)),
)
_NO_PATHS = {
    "empty": "",
    "no number": "tile/0",
    "an empty number": "tile/0/",
    "a slash in front": "/tile/0/000",
    "a slash at the end": "tile/0/000/",
    "a newline at the end": "tile/0/000\n",
    "level 64": "tile/64/000",
    "level -1": "tile/-1/000",
    "a level with a leading zero": "tile/00/000",
    "an empty level": "tile//000",
    "a level of another name": "tile/data/000",
    "a height": "tile/8/0/000",
    "a number of one digit": "tile/0/0",
    "a number of four digits": "tile/0/1234",
    "a leading group of zeroes": "tile/0/x000/001",
    "a first group without x": "tile/0/001/000",
    "a last group with x": "tile/0/x001/x000",
    "a capital X": "tile/0/X001/000",
    "digits that are not ASCII": "tile/0/\u0660\u0660\u0660",
    "width 0": "tile/0/000.p/0",
    "width 256": "tile/0/000.p/256",
    "a width with a leading zero": "tile/0/000.p/01",
    "no width": "tile/0/000.p/",
    "a width without a slash": "tile/0/000.p",
    "a capital P": "tile/0/000.P/1",
    "a way out": "tile/0/../000",
}
_BUNDLES: dict[str, tuple[bytes, ...]] = {
    "one entry": (b"entry",),
    "an empty entry": (b"",),
    "three entries, one of them empty": (b"one", b"", b"three"),
    "an entry of 4,660 bytes": (b"x" * 0x1234,),
    "256 entries": tuple(b"%d" % index for index in range(256)),
}
_NO_BUNDLES: dict[str, tuple[bytes, int]] = {
    "no byte": (b"", 1),
    "width 0": (b"", 0),
    "width 257": (b"\0\0" * 257, 257),
    "an entry fewer": (b"\0\1a", 2),
    "an entry more": (b"\0\1a\0\1b", 1),
    "half a length": (b"\0\1a\0", 2),
    "an entry cut short": (b"\0\2a", 1),
    "a byte after the last": (b"\0\1ab", 1),
    "lengths in the other byte order": (b"\1\0a", 1),
}


def tile_paths() -> str:
    """Give the file of paths."""
    cases = [
        good(
            tile.path(),
            path=tile.path(),
            level="entries" if tile.level == ENTRIES else tile.level,
            number=str(tile.number),
            width=tile.width,
        )
        for tile in _PATHS
    ]
    cases += [bad(name, path=path) for name, path in _NO_PATHS.items()]
    cases.append(bad("a number of 2**63", path="tile/0/x009/x223/x372/x036/x854/x775/808", own_limit=True))
    return file_of(
        "paths of tiles and entry bundles, below the log's prefix", "c2sp.org/tlog-tiles, Merkle Tree", cases
    )


def entry_bundles() -> str:
    """Give the file of bundles."""
    cases: list[Case] = []
    for name, entries in _BUNDLES.items():
        written = {"width": len(entries), "bundle_base64": in_base64(encode_bundle(entries))}
        cases.append(good(name, **written, entries_base64=[in_base64(entry) for entry in entries]))
    for name, (bundle, width) in _NO_BUNDLES.items():
        cases.append(bad(name, width=width, bundle_base64=in_base64(bundle)))
    return file_of("entry bundles: 1 to 256 entries", "c2sp.org/tlog-tiles, Log entries", cases)
