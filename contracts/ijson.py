"""The strict reader of outside JSON: an I-JSON object of modest depth, or one exception that says what it is not.

Slow and picky on purpose; codec.py calls it for whatever its fast decoder could not vouch for. Refused as malformed:
bytes that are no UTF-8 or no JSON, NaN and numbers beyond a double, a member named twice (readers would disagree
about which one counts), lone surrogates, nesting beyond a fixed depth (so that the answer does not hang on how much
stack is left; upholds L4).

Must not know: events. Source: RFC 8259; RFC 7493 (I-JSON).
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Final, NoReturn

from contracts.canonical import CanonicalError, members_once

NESTING_MAX: Final = 16

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class MalformedError(ValueError):
    """The bytes are no I-JSON object; the message is a detail `value: expected X, got Y`."""


def read(value: bytes) -> dict[str, Any]:
    """The members of an I-JSON object.

    Raises MalformedError, in this order: no UTF-8, too deep, no JSON (or NaN, an infinite number, a member twice), a
    lone surrogate, no object.
    """
    try:
        text = value.decode("utf-8")
        _check_nesting(value)
        members = json.loads(text, object_pairs_hook=members_once, parse_float=_finite, parse_constant=_refuse_constant)
        if b"\\u" in value:
            json.dumps(members, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("value: expected UTF-8, got other bytes") from error
    except UnicodeEncodeError as error:
        raise MalformedError("value: expected Unicode text, got a lone surrogate") from error
    except CanonicalError as error:
        raise MalformedError("value: expected each member once, got one twice") from error
    except MalformedError:
        raise
    except (RecursionError, ValueError) as error:
        raise MalformedError("value: expected JSON, got none") from error
    if not isinstance(members, dict):
        raise MalformedError("value: expected a JSON object, got another value")
    return members


def _check_nesting(value: bytes) -> None:
    depth = 0
    for byte in _TEXTS.sub(b"", value):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > NESTING_MAX:
            raise MalformedError(f"value: expected at most {NESTING_MAX} levels of nesting, got more")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise MalformedError("value: expected numbers that a double can hold, got a greater one")
    return number


def _refuse_constant(_: str) -> NoReturn:
    raise MalformedError("value: expected numbers of digits, got NaN or Infinity")
