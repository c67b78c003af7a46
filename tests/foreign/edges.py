"""Where implementations of Ed25519 differ; each case is worked out here from the curve (RFC 8032 section 5.1).

For each: the bytes, what ours says (`keys.Verifier`, and so checkpoints, cosignatures and platforms' signatures), and
what Go's crypto/ed25519 and OpenSSL (Node.js, `cryptography`) say. Ours is OpenSSL's, without the cofactor, on keys
that an honest signer can have: "refused" is a key that is never taken, whatever it signs.
"""

from __future__ import annotations

from hashlib import sha512
from typing import Literal, NamedTuple

from ledger.log import keys
from ledger.log.note import NoteError

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
Answer = Literal["valid", "invalid", "refused"]
IDENTITY: Point = (0, 1)
MESSAGE = b"iuran-event/v1\n{}"


def add(one: Point, other: Point) -> Point:
    """The sum of two points of -x^2 + y^2 = 1 + d x^2 y^2."""
    (x1, y1), (x2, y2) = one, other
    both = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + both, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - both, -1, P) % P


def times(number: int, point: Point) -> Point:
    """A multiple of a point."""
    total = IDENTITY
    while number:
        total = add(total, point) if number & 1 else total
        point, number = add(point, point), number >> 1
    return total


def on_curve(y: int, odd: int) -> Point:
    """The point with this y and the parity of x."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square, "expected a point, got a y of none"
    return (x if x & 1 == odd else P - x, y)


def written(point: Point, *, beyond: bool = False) -> bytes:
    """A point in 32 bytes; `beyond`: y in its second spelling, y + p."""
    return (point[1] + beyond * P | (point[0] & 1) << 255).to_bytes(32, "little")


BASE = on_curve(4 * pow(5, -1, P) % P, 0)
SECRET, NONCE = 0x1234567890ABCDEF, 0xFEDCBA0987654321
PUBLIC = times(SECRET, BASE)
ORDER_8 = on_curve(0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7, 0)


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    """The number that R, the key and the message are hashed to."""
    return int.from_bytes(sha512(r + key + message).digest(), "little") % L


def signed(key: bytes, message: bytes = MESSAGE, r: bytes | None = None, more: int = 0) -> bytes:
    """A signature by SECRET under a written key; `more` is added to S."""
    r = written(times(NONCE, BASE)) if r is None else r
    return r + ((NONCE + challenge(r, key, message) * SECRET) % L + more).to_bytes(32, "little")


def of_order_8(multiple: bool) -> tuple[bytes, bytes]:
    """A key with a part of order 8, and a message whose challenge is (not) a multiple of 8."""
    key = written(add(PUBLIC, ORDER_8))
    r = written(times(NONCE, BASE))
    return key, next(m for m in (b"%d" % n for n in range(1000)) if (challenge(r, key, m) % 8 == 0) == multiple)


class Edge(NamedTuple):
    """One case: key, message, signature, and three answers."""

    name: str
    key: bytes
    message: bytes
    signature: bytes
    ours: Answer
    go: bool
    openssl: bool


def _case(name: str, key: bytes, signature: bytes, ours: Answer, go: bool, openssl: bool) -> Edge:
    return Edge(name, key, MESSAGE, signature, ours, go, openssl)


KEY = written(PUBLIC)
_MIXED, _LUCKY = of_order_8(False), of_order_8(True)
_NOTHING = written(IDENTITY) + bytes(32)
CASES = (
    _case("a signature", KEY, signed(KEY), "valid", True, True),
    _case("S + L, the scalar not reduced", KEY, signed(KEY, more=L), "invalid", False, False),
    _case("S of 2^255 and more", KEY, signed(KEY)[:63] + b"\xff", "invalid", False, False),
    _case("S = 0 and R = 0", KEY, _NOTHING, "invalid", False, False),
    _case("63 bytes", KEY, signed(KEY)[:-1], "invalid", False, False),
    _case("65 bytes", KEY, signed(KEY) + b"\0", "invalid", False, False),
    _case("another R", KEY, written(times(NONCE + 1, BASE)) + signed(KEY)[32:], "invalid", False, False),
    _case(
        "R with a part of order 8",
        KEY,
        signed(KEY, r=written(add(times(NONCE, BASE), ORDER_8))),
        "invalid",
        False,
        False,
    ),
    _case("a key of order 1, which signs everything", written(IDENTITY), _NOTHING, "refused", True, True),
    _case("a key of order 1 in its second spelling", written(IDENTITY, beyond=True), _NOTHING, "refused", True, True),
    _case("a key of order 8", written(ORDER_8), signed(written(ORDER_8)), "refused", False, False),
    Edge("a key with a part of order 8", _MIXED[0], _MIXED[1], signed(*_MIXED), "invalid", False, False),
    Edge("the same where the cofactor does not matter", _LUCKY[0], _LUCKY[1], signed(*_LUCKY), "valid", True, True),
    _case("a key that is no point", (2).to_bytes(32, "little"), signed(KEY), "invalid", False, False),
)


def ours(edge: Edge) -> Answer:
    """What this project says of a case."""
    try:
        verifier = keys.Verifier("example.com/edge", edge.key)
    except NoteError:
        return "refused"
    return "valid" if verifier.verify(edge.message, edge.signature) else "invalid"
