"""The grammar of a plain entry: one regular expression over the bytes of a leaf, as strict as decoding is.

Nearly every entry of a ledger is the one entry of one gig: nothing before it was skipped or counted, nothing is signed
by the platform, all is printable ASCII. For such an entry `plain_entry` says in one step what `contracts.entry.decode`
says in many: a leaf that it matches is canonical JSON (RFC 8785) with exactly the members of kind `accrual`, in their
forms; balances, contributions and what must be hexadecimal apart, which are given out for others to judge. A leaf that
it does not match is nothing in particular: it is read the long way.

The grammar of a gig's data is made from its struct, so the two can't part. Upholds L4 as an auditor; a property test
holds it against `decode`. Must not know findings.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from functools import cache
from typing import Any, Final

from msgspec import inspect

from contracts.entry import ENGINE, FORMAT, BalanceRow, ContributionRow, Kind
from contracts.events import GIG_COMPLETED, GigCompleted

_TEXT: Final = r'"[ !#-\[\]-~]*+"'
"""Printable ASCII without quotation mark and reverse solidus: written as it is, whatever writes it."""
_WHOLE: Final = r"(?:0|[1-9][0-9]{0,14}+)"
"""A number of at most 15 digits, which is below 2^53."""
_OTHER_THAN_0: Final = r"-?[1-9][0-9]{0,14}+"
_SIGNED: Final = rf"(?:0|{_OTHER_THAN_0})"
_DAY: Final = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_INSTANT: Final = _DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"

BALANCES, EVENT_ID, OFFSET, SHA256, VOICE, CONTRIBUTIONS, DATA, SUBJECT, TIME, INDEX, SALT = range(11)
"""The groups of a match: balances and contributions without their brackets; VOICE: the members source and topic.

SHA256 and SALT are of the right length, and `unhexed` tells the rest.
"""


@cache
def plain_entry(journal: int, told: bool = True) -> re.Pattern[bytes]:
    """Give the grammar of this journal's plain entries; match all of a leaf.

    `told` False: without the groups DATA and TIME, for who does not ask what an entry tells of its gig.
    """
    data, time = _struct(GigCompleted), _inner(_TEXT)
    if told:
        data, time = f"({data})", f"({time})"
    return re.compile(
        (
            r'\{"balances":\[([^\]]*+)\],'
            rf'"cause":\{{"id":"({_inner(_TEXT)})","offset":({_WHOLE}),"part":\[1,1\],"partition":{journal},'
            r'"sha256":"([^"]{64}+)","since":\{"duplicates":0,"gap":0\},'
            rf'("source":{_TEXT},"topic":{_TEXT})\}},'
            r'"contributions":\[([^\]]*+)\],'
            rf'"engine":"{ENGINE}",'
            rf'"event":\{{"data":{data},"subject":"({_inner(_TEXT)})","time":"{time}",'
            rf'"type":"{re.escape(GIG_COMPLETED)}"\}},'
            rf'"format":"{re.escape(FORMAT)}","index":({_WHOLE}),"journal":{journal},"kind":"{Kind.ACCRUAL}",'
            rf'"received_at":"{_INSTANT}","salt":"([^"]{{32}}+)"\}}'
        ).encode()
    )


def unhexed(text: bytes) -> bytes | None:
    """Give the bytes that a text writes in lower-case hexadecimal, None for another text.

    Several times as fast as a regular expression. Digits alone are not taken: what has no letter in 96 of them goes the
    long way, which will happen to nobody.
    """
    try:
        return unhexlify(text) if text.islower() else None
    except ValueError:
        return None


def rows(struct: type[BalanceRow | ContributionRow]) -> re.Pattern[bytes]:
    """Give the grammar of an entry's rows of one struct without the brackets around them; match all of them."""
    row = _struct(struct, _SIGNED, _OTHER_THAN_0)
    return re.compile(rf"(?:{row}(?:,{row})*+)?+".encode())


def _inner(text: str) -> str:
    return text[1:-1]


def _struct(struct: Any, number: str = _WHOLE, optional: str = _WHOLE) -> str:
    """Give the grammar of a struct of `contracts.events` whose members are texts, numbers, and lists of such structs.

    Members that may be missing are told apart from each other by the comma before them, or, before the first one that
    may not, by the comma behind. `number` is the grammar of numbers, `optional` that of those that may be missing.
    """
    info = inspect.type_info(struct)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"grammar: expected a struct, got {info}")
    fields = sorted(info.fields, key=lambda field: field.encode_name)
    first = next(number for number, field in enumerate(fields) if field.required)
    members = [
        f'"{field.encode_name}":{_value(field.type, number if field.required else optional)}' for field in fields
    ]
    before = "".join(f"(?:{member},)?+" for member in members[:first])
    after = "".join(
        f",{member}" if field.required else f"(?:,{member})?+"
        for field, member in zip(fields[first + 1 :], members[first + 1 :], strict=True)
    )
    return rf"\{{{before}{members[first]}{after}\}}"


def _value(kind: inspect.Type, number: str = _WHOLE) -> str:
    if isinstance(kind, inspect.Metadata):
        return _value(kind.type, number)
    if isinstance(kind, inspect.StrType):
        return _TEXT
    if isinstance(kind, inspect.IntType):
        return number
    if isinstance(kind, inspect.LiteralType):
        return f'"(?:{"|".join(map(str, kind.values))})"'
    if isinstance(kind, inspect.UnionType):
        return f"(?:{'|'.join(map(_value, kind.types))})"
    if isinstance(kind, inspect.VarTupleType):
        item = _value(kind.item_type)
        return rf"\[(?:{item}(?:,{item})*+)?+\]"
    if isinstance(kind, inspect.StructType):
        return _struct(kind.cls)
    raise TypeError(f"grammar: expected a text, a word, a number or a list of structs, got {kind}")
