"""Where an event departs from its model, in words: for the details of `schema_violation`. Slow path only.

Two sources of the fault are put into one shape, `path: expected X, got Y`: what msgspec found while decoding (types,
lengths, missing and unknown members), and texts whose form does not fit (the forms stand in the models' annotations).
Values are never repeated, member names only where they look like words (L11).

Must not know: codes, topics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from contracts.forms import Form, FormError
from contracts.rejections import shown

_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<what>[^`]*)`(?P<limit>[^,]*?)(?:, got `(?P<got>[^`]*)`)?")
_MEMBER = re.compile(r"Object (?P<fault>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)


def problem_of(error: Exception) -> str:
    """A decoder's complaint as `path: expected X, got Y`."""
    if not isinstance(error, msgspec.ValidationError):
        return "value: expected an event of the published schema, got another value"
    message = _MESSAGE.fullmatch(str(error))
    problem, path = (message["problem"], message["path"]) if message else ("", None)
    where = (path or "$").removeprefix("$").removeprefix(".") or "value"
    if member := _MEMBER.fullmatch(problem):
        if member["fault"] == "missing required":
            return f"{where}: expected the member {member['name']}, got none"
        return f"{where}: expected no other members, got {shown(member['name'])}"
    if expected := _EXPECTED.fullmatch(problem):
        return f"{where}: expected {expected['what']}{expected['limit']}, got {expected['got'] or 'another'}"
    return f"{where}: expected a value of the published schema, got another"


def misfit(event: Struct) -> str | None:
    """The first text of an event that does not have its form, as `path: expected X, got Y`; None if all fit."""
    return next(_misfits(event, type(event), ""), None)


def _misfits(value: Any, hint: Any, path: str) -> Iterator[str]:
    if isinstance(value, Struct):
        for name, member in _hints(type(value)).items():
            yield from _misfits(getattr(value, name), member, f"{path}.{name}" if path else name)
    elif isinstance(value, str):
        for form in _forms(hint):
            try:
                form.read(value)
            except FormError:
                yield f"{path}: expected {form.what}, got a text of another form"
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _misfits(item, _items(hint), f"{path}[{place}]")
    elif isinstance(value, Mapping):
        names, items = get_args(_plain(hint, dict))
        for name, item in value.items():
            yield from _misfits(name, names, f"{path} name")
            yield from _misfits(item, items, f"{path} value")


def _forms(hint: Any) -> Iterator[Form[Any]]:
    """The forms a text under this annotation must have: its own, or that of the one text among a union's members."""
    if get_origin(hint) is Annotated:
        yield from (item for item in hint.__metadata__ if isinstance(item, Form))
    else:
        for option in get_args(hint):
            yield from _forms(option)


def _items(hint: Any) -> Any:
    return get_args(_plain(hint, tuple))[0]


def _plain(hint: Any, kind: type) -> Any:
    """The bare `kind[...]` inside unions and annotations."""
    if get_origin(hint) is kind:
        return hint
    options = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return next((found for option in options if (found := _plain(option, kind)) is not None), None)


@cache
def _hints(model: type[Struct]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)
