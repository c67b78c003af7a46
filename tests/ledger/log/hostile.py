"""What an enemy sends to a parser: good bytes changed in a few places, any bytes, and monsters of a quarter megabyte.

A parser's promise is a `Door`: of whatever it is given it raises its own exception and no other, what it accepts is
written back as the same bytes (where it has a formatter), and the memory it takes stays in proportion to the input.
A new parser is a line in `test_hostile.DOORS`.
"""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

TOKENS = [
    *(b"\n", b"\n\n", b"\r\n", b" ", b"\t", b"\0", b"\x7f", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc2\xa0"),
    *(
        "\N{EM DASH} ".encode(),
        "\N{EM SPACE}".encode(),
        "\N{ARABIC-INDIC DIGIT THREE}".encode(),
        b"+",
        b"/",
        b"=",
        b"==",
    ),
    *(b"0", b"00", b"-1", b"+1", b"1e3", b"0x1", b"255", b"256", b"65535", b"9223372036854775807"),
    *(
        b"9223372036854775808",
        b"18446744073709551615",
        b"18446744073709551616",
        b"9" * 4301,
        b"old 0\n",
        b"extra YQ==\n",
    ),
]
NUMBER = re.compile(rb"[0-9]+")
MONSTER_BYTES = 1 << 18


class Door(NamedTuple):
    """A parser: what it reads, the one exception it may raise, its formatter if it has one, and good bytes to spoil."""

    name: str
    parse: Callable[[bytes], Any]
    error: type[Exception]
    seeds: Sequence[bytes]
    format: Callable[[Any], bytes] | None = None


def knock(door: Door, content: bytes) -> bool:
    """Tell whether the door opened; raises what came out that is not its own exception, or for other bytes back."""
    try:
        value = door.parse(content)
    except door.error as error:
        if type(error) is not door.error:
            raise AssertionError(f"{door.name}: expected {door.error.__name__} itself, got {type(error)}") from error
        if len(str(error)) > 1000:
            raise AssertionError(
                f"{door.name}: expected a message of at most 1,000 characters, got {len(str(error))}"
            ) from error
        return False
    if door.format is not None and door.format(value) != content:
        raise AssertionError(f"{door.name}: expected the bytes that were read, got {door.format(value)!r}")
    return True


@st.composite
def changed(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Good bytes with one to four changes: bits, slices, lines, numbers, tokens, an end too early."""
    content = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        match draw(st.integers(0, 6)):
            case 0 if at < len(content):
                content = content[:at] + bytes([content[at] ^ 1 << draw(st.integers(0, 7))]) + content[at + 1 :]
            case 1:
                content = content[:at] + content[end:]
            case 2:
                content = content[:at] + draw(st.sampled_from(TOKENS)) + content[at:]
            case 3:
                content = content[:at] + content[at:end] * draw(st.sampled_from([2, 3, 120])) + content[end:]
            case 4 if numbers := list(NUMBER.finditer(content)):
                found = draw(st.sampled_from(numbers))
                content = content[: found.start()] + draw(st.sampled_from(TOKENS)) + content[found.end() :]
            case 5:
                lines = content.split(b"\n")
                moved = lines.pop(draw(st.integers(0, len(lines) - 1)))
                content = b"\n".join([*lines, moved] if draw(st.booleans()) else [moved, *lines])
            case _:
                content = content[:at]
    return content


def monsters(door: Door) -> list[bytes]:
    """A quarter of a megabyte each, or more: one thing repeated, and good bytes with a part of them blown up."""
    seed = door.seeds[0]
    middle = len(seed) // 2
    plain = [b"\0", b"\xff", b"\n", b" ", b"9", b"a", b"A", b"+", b"a\n", b"\n\n", "\N{EM DASH} a YWFhYWE=\n".encode()]
    blown = [seed + plain[-1] * (MONSTER_BYTES // len(plain[-1])), seed[:middle] + b"A" * MONSTER_BYTES + seed[middle:]]
    blown.append(NUMBER.sub(b"9" * MONSTER_BYTES, seed, count=1))
    blown += [seed[:-1] * (MONSTER_BYTES // len(seed) + 1), seed * (MONSTER_BYTES // len(seed) + 1)]
    blown.append(b"".join(line + b"\n" for line in seed.split(b"\n") for _ in range(2000))[: 4 * MONSTER_BYTES])
    return [each * (MONSTER_BYTES // len(each)) for each in plain] + blown


def peak_bytes(call: Callable[[], object]) -> int:
    """Give the most memory, in bytes, that Python objects took at once during the call, beyond what there was."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
