"""Canonical JSON: the one byte string of a value, and its strict inverse.

What is hashed and signed is these bytes, never what a serializer happened to print (upholds L4). The values are those
of the JSON Canonicalization Scheme (RFC 8785) without fractions: null, booleans, integers below 2^53 in size, strings
without lone surrogates, arrays, and objects whose members are sorted by the UTF-16 code units of their names. Floats
are refused (L10): a fraction is a decimal string. `decode` takes canonical bytes only: it decodes, encodes again and
compares.

Must not know: events or entries. Source: RFC 8785 sections 3.2.2 and 3.2.3; RFC 7493 (I-JSON).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

INTEGER_LIMIT: Final = 1 << 53

_quoted = json.JSONEncoder(ensure_ascii=False).encode


class CanonicalError(ValueError):
    """The value has no canonical form, or the bytes are not one. Raised by this module, which raises nothing else."""


def encode(value: object) -> bytes:
    """The RFC 8785 bytes of None, bool, int, str, and lists, tuples and mappings of them.

    Raises CanonicalError for floats, integers of 2^53 and beyond, lone surrogates, names that are no strings, other
    types and nesting too deep for the interpreter.
    """
    parts: list[str] = []
    try:
        _write(value, parts.append)
        return "".join(parts).encode()
    except UnicodeEncodeError as error:
        raise CanonicalError("text: expected Unicode scalar values, got a lone surrogate") from error
    except RecursionError as error:
        raise CanonicalError("value: expected moderate nesting, got too deep a value") from error


def decode(canonical: bytes) -> Any:
    """The value of canonical bytes: None, bool, int, str, list or dict.

    Raises CanonicalError for bytes that are no JSON, name a member twice, or are not exactly what `encode` gives.
    """
    try:
        value = json.loads(
            canonical.decode("utf-8"),
            object_pairs_hook=members_once,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except CanonicalError:
        raise
    except (ValueError, RecursionError) as error:
        raise CanonicalError("bytes: expected canonical JSON, got none") from error
    if encode(value) != canonical:
        raise CanonicalError("bytes: expected the canonical form, got another form of the value")
    return value


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its (name, value) pairs, for `object_pairs_hook`.

    Raises CanonicalError when a name comes twice (I-JSON): readers would disagree about which one counts.
    """
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CanonicalError("object: expected each member once, got one twice")
    return members


def _write(value: object, put: Any) -> None:
    if isinstance(value, str):
        put(_quoted(value))
    elif value is None or isinstance(value, bool):
        put({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        if not -INTEGER_LIMIT < value < INTEGER_LIMIT:
            raise CanonicalError("number: expected an integer below 2^53, got a greater one")
        put(int.__repr__(value))
    elif isinstance(value, Mapping):
        _write_object(value, put)
    elif isinstance(value, list | tuple):
        put("[")
        for place, item in enumerate(value):
            if place:
                put(",")
            _write(item, put)
        put("]")
    else:
        raise CanonicalError(
            f"value: expected null, boolean, integer, text, list or mapping, got {type(value).__name__}"
        )


def _write_object(value: Mapping[Any, object], put: Any) -> None:
    names = list(value)
    if not all(isinstance(name, str) for name in names):
        raise CanonicalError("name: expected text, got another type")
    # UTF-16 and code point order differ once a name leaves the basic plane; ASCII names need no encoding.
    names.sort(key=None if all(map(str.isascii, names)) else _utf16)
    put("{")
    for place, name in enumerate(names):
        put(f",{_quoted(name)}:" if place else f"{_quoted(name)}:")
        _write(value[name], put)
    put("}")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _refuse_number(_: str) -> NoReturn:
    raise CanonicalError("number: expected an integer, got a fraction, an exponent or no number")
