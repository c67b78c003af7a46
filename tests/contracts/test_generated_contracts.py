"""What is generated stays in step: schemas, examples, AsyncAPI; and the schemas say what the codec does."""

import json
import re
from pathlib import Path

import pytest
from gig_records import GATE, gig, record
from test_codec_refusals import FAULTS

import contracts
from contracts import currencies, events, generate
from contracts.codec import decode
from contracts.events import Event
from contracts.examples import EXAMPLES
from contracts.rejections import Code

HOME = Path(contracts.__file__).parent
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (HOME / "schemas").glob("*.json")}


def test_committed_files_are_the_generated_ones():
    for path, text in generate.files().items():
        assert (HOME / path).read_text(encoding="utf-8") == text, f"{path}: run python -m contracts.generate"


def test_no_stale_files_lie_beside_them():
    there = {f"{folder}/{path.name}" for folder in ("schemas", "examples") for path in (HOME / folder).iterdir()}
    assert there == {path for path in generate.files() if "/" in path}


def test_every_type_has_a_schema_and_an_example():
    types = {*events.GIG_EVENTS, *events.OPERATOR_EVENTS}
    assert set(SCHEMAS) == types
    assert types <= set(EXAMPLES)


def test_members_of_data_stand_in_canonical_order():
    """msgspec writes them in the order of the model; only so is its encoding RFC 8785."""
    models = [model for model in vars(events).values() if isinstance(model, type) and issubclass(model, events.Data)]
    assert len(models) == 16
    for model in models:
        assert list(model.__struct_fields__) == sorted(model.__struct_fields__)


def fits(schema, value, root):
    """Whether a value is valid, by the part of JSON Schema that the generator uses; other keywords fail."""
    if "$ref" in schema:
        return fits(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    checks = {
        "anyOf": lambda options: any(fits(option, value, root) for option in options),
        "type": lambda name: type(value) is TYPES[name],
        "enum": lambda members: value in members,
        "const": lambda member: value == member,
        "pattern": lambda pattern: not isinstance(value, str) or re.search(pattern.replace("$", r"\Z"), value),
        "minLength": lambda least: len(value) >= least,
        "maxLength": lambda most: len(value) <= most,
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "exclusiveMaximum": lambda bound: value < bound,
        "minItems": lambda least: len(value) >= least,
        "maxItems": lambda most: len(value) <= most,
        "minProperties": lambda least: len(value) >= least,
        "maxProperties": lambda most: len(value) <= most,
        "items": lambda item: all(fits(item, one, root) for one in value),
        "required": lambda names: set(names) <= set(value),
        "properties": lambda known: all(fits(known[name], value[name], root) for name in known if name in value),
        "propertyNames": lambda name_schema: all(fits(name_schema, name, root) for name in value),
        "additionalProperties": lambda rest: all(
            rest and fits(rest, value[name], root) for name in value if name not in schema.get("properties", {})
        ),
    }
    silent = {"$schema", "$id", "$defs", "title", "description", "format", "examples"}
    applied = [name for name in schema if name not in silent]
    applied.sort(key=lambda name: name != "type")
    return all(checks[name](schema[name]) for name in applied)


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_their_schema(name):
    event = json.loads(EXAMPLES[name])
    schema = SCHEMAS[event["type"]]
    assert fits(schema, event, schema)
    assert not fits(schema, {**event, "data": {**event["data"], "unknown": 1}}, schema)
    assert fits(schema, {**event, "extension": 1}, schema)


BEYOND_SCHEMA = {
    "due 30 February",
    "30 February",
    "29 February 2025",
    "year 0000",
    "rate alone",
    "rate date alone",
}
"""Violations that only the codec sees: the calendar, and rules across members (README.md)."""


@pytest.mark.parametrize("name", FAULTS[Code.SCHEMA_VIOLATION])
def test_schema_and_codec_agree_on_violations(name):
    schema = SCHEMAS["gig.completed.v1"]
    event = json.loads(FAULTS[Code.SCHEMA_VIOLATION][name].value)
    assert bool(fits(schema, event, schema)) == (name in BEYOND_SCHEMA)


def test_what_breaks_a_later_rule_still_fits_the_schema():
    schema = SCHEMAS["gig.completed.v1"]
    for code in (Code.KEY_MISMATCH, Code.UNKNOWN_CURRENCY, Code.AMOUNT_OUT_OF_RANGE, Code.TIME_OUT_OF_RANGE):
        for name, broken in FAULTS[code].items():
            assert fits(schema, json.loads(broken.value), schema), name
    assert fits(schema, gig(), schema)


def test_the_builder_writes_what_the_codec_accepts():
    event = gig()
    value = events.envelope(**{name: event[name] for name in event if name != "specversion"})
    assert isinstance(decode(record(value), GATE), Event)
    assert json.loads(value) == event
    assert events.platform_source("gojek") == event["source"]


def test_currencies_are_those_of_the_kept_source():
    kept = json.loads((HOME / "iso4217.json").read_text())["minor_units"]
    assert dict(currencies.EXPONENTS) == kept
    assert {code: kept[code] for code in ("IDR", "JPY", "KWD", "USD", "CLF")} == {
        "IDR": 2, "JPY": 0, "KWD": 3, "USD": 2, "CLF": 4,
    }  # fmt: skip
    assert not {"XXX", "XAU", "XTS", "DEM"} & set(kept)
