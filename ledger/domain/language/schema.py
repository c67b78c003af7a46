"""The JSON Schema of a scheme file (2020-12), made from the tables of keys, operations and names.

`TYPES` says of each type that a key can take what it looks like, for the schema and in words for the reference page.
The schema says what JSON Schema can say: keys, forms, words to choose from. What goes across members (names, windows,
circles, dates in order) is the reader's alone. Meant for editors, which type `1` as a number and `true` as a truth:
those spellings are allowed, floats are not.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.domain import ids
from ledger.domain.language import forms
from ledger.domain.language.canonical import FORMAT
from ledger.domain.language.conditions import RELATIONS
from ledger.domain.language.forms import Form, Key
from ledger.domain.language.head import ATTRIBUTIONS
from ledger.domain.language.keys import FORMS
from ledger.domain.language.lines import PAYER
from ledger.domain.language.names import ANY_WORD, GIG_CONDITIONS, OWN_NAME
from ledger.domain.language.operations import OPERATIONS, SIDE_KEYS
from ledger.domain.money import Mode

SCHEMA_ID: Final = "https://iuran.localhost/schemas/scheme.schema.json"
_DECIMAL: Final = r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"
_NAME: Final = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$"


def _pattern(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern})$"}


def _enum(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


def _list(item: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": item, **({"minItems": least} if least else {})}


def _form(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _named(form: str) -> dict[str, Any]:
    """A mapping from names of one's own to a form."""
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{OWN_NAME.pattern}$"},
        "additionalProperties": _form(form),
    }


def _any(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(choices)}


_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
_FIGURE: Final = _any({"type": "string", "pattern": _DECIMAL}, {"type": "integer", "minimum": 0})
_COUNT: Final = _any(_pattern("0|[1-9][0-9]{0,2}"), {"type": "integer", "minimum": 0, "maximum": 999})
_ANY_NAME: Final[dict[str, Any]] = {"type": "string", "pattern": _NAME}
_OWN: Final = _pattern(OWN_NAME.pattern)
_OPERAND: Final = _any(_FIGURE, _ANY_NAME, _form("figure"))
_WORDED: Final = _any(_FIGURE, _pattern(ANY_WORD.pattern), _form("figure"))
_TRUE: Final = _enum("true", "false") | {"enum": [True, False, "true", "false"]}
_WINDOW: Final = _pattern(
    r"gig|day|week|week:[a-z]+T[0-9]{2}:[0-9]{2}|fortnight:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}|month|quarter"
    r"|year|FY|P[1-9][0-9]{0,2}[MD]|running"
)
_DATE: Final = _pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONDITIONS: Final[dict[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": _NAME},
    "additionalProperties": _form("condition"),
}

TYPES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "text": (_TEXT, "text"),
    "scheme id": (_pattern(ids.SCHEME.pattern), "capitals, figures and `-`"),
    "status": (_enum(*forms.STATUSES), ", ".join(f"`{word}`" for word in forms.STATUSES)),
    "currency": (_pattern(ids.CURRENCY.pattern), "ISO 4217 code"),
    "time zone": (_TEXT, "tz database name"),
    "time zones": ({"type": "object", "minProperties": 1, "additionalProperties": _TEXT}, "zone: tz database name"),
    "zones": (_list(_pattern(ids.ZONE.pattern)), "list of zone codes"),
    "platforms": (_list(_pattern(ids.PLATFORM.pattern)), "list of platforms"),
    "foreign pay": (_any(_enum("refuse"), _form("foreign_pay")), "`refuse`, or `{rounding}`"),
    "attribution": (_enum(*ATTRIBUTIONS), "`completed` or `payment_due`"),
    "funds": ({"type": "object", "minProperties": 1, "additionalProperties": _TEXT}, "fund: title"),
    "sources": (_named("source"), "key: `{title, url}`"),
    "versions": (_list(_form("version"), 1), "list of versions"),
    "day": (_DATE, "day, 2026-01-31"),
    "revision": (
        _any(_pattern("[2-9]|[1-9][0-9]{1,3}"), {"type": "integer", "minimum": 2, "maximum": 9999}),
        "2 or more",
    ),
    "source key": (_OWN, "key under `sources:`"),
    "confidence": (_enum("verified", "unverified"), "`verified` or `unverified`"),
    "parameters": (
        {"type": "object", "additionalProperties": _any(_FIGURE, _enum("open"), _form("parameter"))},
        "name: figure, `open`, or a mapping",
    ),
    "measures": (_named("measure"), "name: measure"),
    "tables": (_named("table"), "name: table"),
    "lines": (_named("line"), "name: line"),
    "rules": (_list(_form("rule")), "list of rules"),
    "notices": (_list(_form("notice")), "list of notices"),
    "shares of funds": ({"type": "object", "additionalProperties": _FIGURE}, "fund: total rate"),
    "figure or open": (_any(_FIGURE, _enum("open")), "decimal, or `open`"),
    "decimal": (_FIGURE, "decimal in quotes"),
    "figure": (_any(_FIGURE, _form("figure")), "figure"),
    "sum": (_enum(*forms.SUMS), " | ".join(forms.SUMS)),
    "count": (_enum(*forms.COUNTS), " | ".join(forms.COUNTS)),
    "kinds": (
        _any(_enum("all"), _list(_pattern(r"[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)?"))),
        "list of kinds of components",
    ),
    "less": (_list(_enum("commission")), "`[commission]`"),
    "table name": (_OWN, "name of a table"),
    "gig conditions": (
        {
            "type": "object",
            "minProperties": 1,
            "properties": {name: _form("condition") for name in GIG_CONDITIONS},
            "additionalProperties": False,
        },
        ", ".join(f"`{name}`" for name in GIG_CONDITIONS),
    ),
    "window": (_WINDOW, "window, section 8"),
    "sharing": (_enum("together", "each"), "`together` or `each`"),
    "shift": (_enum("previous"), "`previous`"),
    "apart": (_enum("platforms"), "`platforms`"),
    "names": (_list(_ANY_NAME, 1), "list of names"),
    "column names": (_list(_OWN, 1), "list of columns"),
    "otherwise": (_any(_FIGURE, _enum("nothing", "refuse"), _form("figure")), "`nothing`, `refuse` or a figure"),
    "rows": (_list({"type": "object", "minProperties": 1}, 1), "list of rows"),
    "columns that add up": (_form("adds_up"), "`{of: [columns], to: column or figure}`"),
    "column or figure": (_any(_OWN, _FIGURE), "column or figure"),
    "operand": (_OPERAND, "figure or name"),
    "operand or word": (_WORDED, "figure, name or word"),
    "operands": (_list(_OPERAND, 2), "two operands or more"),
    "two operands": (_list(_OPERAND, 2) | {"maxItems": 2}, "two operands"),
    "choices": (_list(_any(_form("choice"), _form("otherwise")), 1), "list of branches"),
    "posted": (_form("posted"), "`{fund, payer, window}`"),
    "due": (_form("due"), "`{months, day}` or `{working_days}`"),
    "starts": (_any(_ANY_NAME, _list(_ANY_NAME, 1)), "name of a day or month, or several"),
    "working count": (_COUNT, "count"),
    "number of months": (_COUNT, "count"),
    "day of month": (
        _any(_pattern("[0-9]|[12][0-9]|3[01]"), {"type": "integer", "minimum": 0, "maximum": 31}),
        "0 to 31",
    ),
    "roll": (_enum("working"), "`working`"),
    "mode": (_enum(*(mode.value for mode in Mode)), " | ".join(mode.value for mode in Mode)),
    "step": (_FIGURE, "figure above 0"),
    "rounding": (_form("rounding"), "`{mode, step}`"),
    "rule rounding": (_any(_enum("as_is"), _form("rounding")), "`{mode, step}` or `as_is`"),
    "fund": (_pattern(ids.FUND.pattern), "fund"),
    "payer": (_pattern(PAYER.pattern), "payer"),
    "moment of a rule": (_enum(*forms.RULE_MOMENTS), " | ".join(forms.RULE_MOMENTS)),
    "moment of a notice": (_enum(*forms.NOTICE_MOMENTS), " | ".join(forms.NOTICE_MOMENTS)),
    "conditions": (_CONDITIONS, "conditions, section 7"),
    "line or measure": (_ANY_NAME, "name"),
    "measure name": (_OWN, "name of a measure"),
    "rate": (_any(_FIGURE, _OWN, _form("figure")), "figure or parameter"),
    "cap": (_any(_FIGURE, _form("cap"), _form("figure")), "figure or `{table: name}`"),
    "truth": (_TRUE, "`true` or `false`"),
    "state": (_enum(*forms.STATES), " | ".join(forms.STATES)),
    "unit": (_enum(*forms.UNITS), " | ".join(forms.UNITS)),
    "notice kind": (_enum(*forms.NOTICE_KINDS), "kind, section 9"),
    "date line": (_ANY_NAME, "name of a day"),
}


def scheme_schema() -> dict[str, Any]:
    """Give the JSON Schema of a scheme file."""
    definitions = {name: _object(form) for name, form in FORMS.items() if name not in ("file", "line")}
    definitions["line"] = _line()
    definitions["condition"] = _condition()
    definitions["otherwise"] = {
        "type": "object",
        "properties": {"otherwise": _WORDED},
        "required": ["otherwise"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": f"A scheme file ({FORMAT})",
        "description": "Keys and forms; what goes across members is told by `iuran scheme check`.",
        **_object(FORMS["file"]),
        "$defs": dict(sorted(definitions.items())),
    }


def _object(form: Form) -> dict[str, Any]:
    return {
        "description": form.says,
        "type": "object",
        "properties": {key.name: _property(key) for key in form.keys},
        "required": list(form.required),
        "additionalProperties": False,
    }


def _property(key: Key) -> dict[str, Any]:
    return {"description": key.says, **TYPES[key.takes][0]}


def _line() -> dict[str, Any]:
    """A line has exactly one operation."""
    whole = _object(FORMS["line"])
    for name, operation in OPERATIONS.items():
        whole["properties"][name] = {"description": operation.says, **TYPES[operation.takes][0]}
    sides = {"column": _OWN, "cutoff_day": TYPES["day of month"][0]}
    whole["properties"] |= {key: sides[key] for keys in SIDE_KEYS.values() for key in keys}
    whole["oneOf"] = [{"required": [name]} for name in OPERATIONS]
    return whole


def _condition() -> dict[str, Any]:
    scalar = {"type": ["string", "integer", "boolean"]}
    comparisons = {
        "type": "object",
        "minProperties": 1,
        "properties": {relation: {"description": says, **scalar} for relation, says in RELATIONS.items()},
        "additionalProperties": False,
    }
    return _any(scalar, _list({"type": "string"}, 1), comparisons)
