"""A file of vectors as JSON: what it is about, where its format is specified, and its cases, good and bad.

Bytes are hex where they are short and base64 where they are long; texts are texts where they are UTF-8. Sizes, indexes
and times are decimal texts, since not every reader of JSON has 64-bit integers. The same input gives the same bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

FORMAT: Final = "iuran-vectors/v1"
Case = dict[str, Any]


def good(name: str, /, **members: Any) -> Case:
    """Give a case that is to be accepted."""
    return {"name": name, "valid": True, **members}


def bad(name: str, /, **members: Any) -> Case:
    """Give a case that is to be refused; its name says what is wrong with it."""
    return {"name": name, "valid": False, **members}


def content(octets: bytes, member: str = "content") -> Case:
    """Give bytes as the member of a case: a text if they are UTF-8, else base64 under `<member>_base64`."""
    try:
        return {member: octets.decode()}
    except UnicodeDecodeError:
        return {f"{member}_base64": in_base64(octets)}


def in_base64(octets: bytes) -> str:
    """Give the base64 of bytes (RFC 4648 section 4)."""
    return base64.b64encode(octets).decode()


def flipped(octets: bytes, at: int = 0, bit: int = 0) -> bytes:
    """Give the bytes with one bit flipped in the byte `at`."""
    changed = bytearray(octets)
    changed[at] ^= 1 << bit
    return bytes(changed)


def file_of(about: str, source: str, cases: Sequence[Case]) -> str:
    """Give the text of a file of vectors; raises ValueError if two cases have one name."""
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        raise ValueError(f"cases: expected different names, got {sorted({n for n in names if names.count(n) > 1})}")
    written = {"format": FORMAT, "about": about, "source": source, "cases": list(cases)}
    return json.dumps(written, ensure_ascii=False, indent=1) + "\n"
