"""Trees to prove things about: RFC 6962's definitions word for word, and uniform trees of any size.

The definitions are written from the standard and share nothing with the code under test but SHA-256.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from ledger.log.tiles import Tile

WORLD = 100


def leaf(n: int) -> bytes:
    """Leaf n of the world: its content."""
    return b"leaf %d" % n


@cache
def leaf_hash(n: int) -> bytes:
    return sha256(b"\x00" + leaf(n)).digest()


@cache
def mth(start: int, end: int) -> bytes:
    """MTH(D[start:end]) of section 2.1."""
    n = end - start
    if n == 0:
        return sha256().digest()
    if n == 1:
        return leaf_hash(start)
    k = split(n)
    return sha256(b"\x01" + mth(start, start + k) + mth(start + k, end)).digest()


def split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def fork(size: int, at: int) -> bytes:
    """The root of another history: its leaves are the world's up to `at`, and others from there on."""
    leaves = [leaf_hash(n) if n < at else sha256(b"\x00other %d" % n).digest() for n in range(size)]

    def root(start: int, end: int) -> bytes:
        if end - start == 1:
            return leaves[start]
        k = start + split(end - start)
        return sha256(b"\x01" + root(start, k) + root(k, end)).digest()

    return root(0, size)


def path(m: int, start: int, end: int) -> list[bytes]:
    """PATH(m, D[start:end]) of section 2.1.1."""
    n = end - start
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, end)]
    return [*path(m - k, start + k, end), mth(start, start + k)]


def proof(m: int, n: int) -> list[bytes]:
    """PROOF(m, D[n]) of section 2.1.2, and the empty proof for an empty old tree."""
    return subproof(m, 0, n, True) if m else []


def subproof(m: int, start: int, end: int, whole: bool) -> list[bytes]:
    n = end - start
    if m == n:
        return [] if whole else [mth(start, end)]
    k = split(n)
    if m <= k:
        return [*subproof(m, start, start + k, whole), mth(start + k, end)]
    return [*subproof(m - k, start + k, end, False), mth(start, start + k)]


@cache
def sides(m: int, n: int) -> str:
    """On which side of the way up from leaf m each sibling stands, leaf side first: all that a path says of m and n."""
    if n == 1:
        return ""
    k = split(n)
    return sides(m, k) + "R" if m < k else sides(m - k, n - k) + "L"


@cache
def growth(m: int, n: int, whole: bool = True) -> str:
    """The same for a consistency proof: where the old tree's last whole subtree (or all of it) stands in the new."""
    if m in (n, 0):
        return "=" if whole else ""
    k = split(n)
    return growth(m, k, whole) + "R" if m <= k else growth(m - k, n - k, False) + "L"


def uniform(height: int) -> bytes:
    """The root over 2**height leaves that are all alike."""
    return _UNIFORM[height]


def uniform_root(size: int) -> bytes:
    """MTH over `size` leaves that are all alike."""
    if size == 0:
        return sha256().digest()
    if size == 1 << size.bit_length() - 1:
        return uniform(size.bit_length() - 1)
    k = split(size)
    return sha256(b"\x01" + uniform_root(k) + uniform_root(size - k)).digest()


def uniform_tile(tile: Tile) -> bytes:
    """A tile of a tree whose leaves are all alike."""
    return uniform(8 * tile.level) * tile.width


def _all_uniform() -> list[bytes]:
    nodes = [sha256(b"\x00alike").digest()]
    for _ in range(63):
        nodes.append(sha256(b"\x01" + nodes[-1] * 2).digest())
    return nodes


_UNIFORM = _all_uniform()
