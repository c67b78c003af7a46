"""The reference page and the JSON Schema stay in step with the reader, and what the page teaches is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import fields
from contracts.currencies import EXPONENTS
from ledger.domain.cases.file import read_cases
from ledger.domain.cases.run import run_case
from ledger.domain.language import reference
from ledger.domain.language.document import load_document
from ledger.domain.language.keys import FORMS
from ledger.domain.language.names import GIG_WORDS, GIVEN
from ledger.domain.language.operations import OPERATIONS
from ledger.domain.language.schema import TYPES, scheme_schema
from ledger.domain.language.walk import CASE, EXAMPLE, SLIPS, Slip
from tests.ledger.domain.language.texts import EVERYTHING, changed
from tests.ledger.domain.worlds import SHIPPED

PAGE = reference.page()
SCHEMA = scheme_schema()


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Tell whether a value fits a schema: the words of JSON Schema that ours uses, and no others."""
    words = {
        "$schema",
        "$id",
        "$defs",
        "$ref",
        "title",
        "description",
        "type",
        "enum",
        "pattern",
        "minLength",
        "minimum",
    }
    words |= {
        "maximum",
        "items",
        "minItems",
        "maxItems",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
    }
    assert set(schema) <= words | {"minProperties", "anyOf", "oneOf"}, schema
    kinds = {"string": str, "integer": int, "object": dict, "array": list, "boolean": bool}
    named = schema.get("type", [])
    types = [named] if isinstance(named, str) else named
    return all(
        (
            not types or any(isinstance(value, kinds[kind]) for kind in types),
            "$ref" not in schema or fits(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], value),
            "enum" not in schema or value in schema["enum"],
            "anyOf" not in schema or any(fits(each, value) for each in schema["anyOf"]),
            "oneOf" not in schema or sum(fits(each, value) for each in schema["oneOf"]) == 1,
            not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None,
            not isinstance(value, str) or len(value) >= schema.get("minLength", 0),
            not isinstance(value, int) or schema.get("minimum", value) <= value <= schema.get("maximum", value),
            not isinstance(value, list) or fits_list(schema, value),
            not isinstance(value, dict) or fits_members(schema, value),
        )
    )


def fits_list(schema: dict[str, Any], value: list[Any]) -> bool:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    return least <= len(value) <= most and all(fits(schema.get("items", {}), item) for item in value)


def fits_members(schema: dict[str, Any], value: dict[str, Any]) -> bool:
    own, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    if len(value) < schema.get("minProperties", 0) or not set(schema.get("required", ())) <= set(value):
        return False
    if not all(fits(schema.get("propertyNames", {}), name) for name in value):
        return False
    return all(
        fits(own[name], child) if name in own else others is not False and fits(others, child)
        for name, child in value.items()
    )


def tree(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)


@pytest.mark.parametrize("name", sorted(reference.files()))
def test_committed_files_are_the_generated_ones(name: str) -> None:
    there = (SHIPPED / name).read_text(encoding="utf-8")
    assert there == reference.files()[name], "run python -m ledger.domain.language.reference"


def test_the_example_is_read_and_its_case_holds() -> None:
    document = load_document(EXAMPLE, "example.yaml", EXPONENTS)
    (case,) = read_cases(CASE, "case.yaml")
    result = run_case(case, {document.scheme: document}, EXPONENTS)
    assert result.error == ""
    assert [(check.expected, check.got) for check in result.checks if not check.holds] == []
    assert len(result.checks) == 5


def test_what_the_page_shows_is_what_is_tested() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert blocks == [EXAMPLE, CASE]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: " ".join(slip.wrong.split())[:40])
def test_every_slip_shown_is_one(slip: Slip) -> None:
    assert slip.right in EXAMPLE
    assert reference.complaint(EXAMPLE.replace(slip.right, slip.wrong, 1))[0]


def test_the_page_names_all_there_is() -> None:
    keys = {key.name for form in FORMS.values() for key in form.keys}
    assert [name for name in (*keys, *OPERATIONS, *GIVEN) if f"`{name}`" not in PAGE] == []
    assert all(reads.says for reads in GIVEN.values())
    assert [key.takes for form in FORMS.values() for key in form.keys if key.takes not in TYPES] == []
    assert "\n\n\n" not in PAGE


def test_how_to_say_it_names_schemes_that_say_it_so() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \|$", PAGE.partition("## 12.")[2], re.MULTILINE)
    assert len(rows) > 20
    words = {key.name for form in FORMS.values() for key in form.keys} | set(OPERATIONS) | set(GIVEN)
    for how, schemes in rows:
        said = {word.split(":")[0].split(" ")[0] for word in re.findall(r"`([^`]+)`", how)} & words
        for scheme in re.findall(r"[A-Z]{2}-[A-Z0-9-]+", schemes):
            text = (SHIPPED / f"{scheme}.yaml").read_text(encoding="utf-8")
            assert [word for word in said if word not in text] == [], scheme


def test_words_of_gigs_are_those_of_the_events() -> None:
    assert set(GIG_WORDS["component"]) == set(fields.COMPONENT_KINDS)
    assert set(GIG_WORDS["service"]) == set(fields.SERVICES)
    assert set(GIG_WORDS["vehicle"]) == {*fields.VEHICLES, "none"}
    assert [word for words in GIG_WORDS.values() for word in words if f"`{word}`" not in PAGE] == []


def test_examples_of_operations_are_lines_of_the_language() -> None:
    for name, operation in OPERATIONS.items():
        assert fits(SCHEMA["$defs"]["line"], tree(operation.example)), name


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_schemes_fit_the_schema(path: Path) -> None:
    assert fits(SCHEMA, tree(path.read_text(encoding="utf-8")))


def test_everything_fits_the_schema() -> None:
    assert fits(SCHEMA, tree(EVERYTHING))
    assert fits(SCHEMA, tree(EXAMPLE))
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: everything once", "titel: everything once"),
        ("status: draft", "status: drafted"),
        ("from: 2026-01-01\n", "from: 1 January\n"),
        ('rate: "0.01", cap', 'rate: "-0.01", cap'),
        ('rate: "0.01", cap', 'rate: "1%", cap'),
        ("sum: hours, where", "sum: hour, where"),
        ("any_zone: US-NY", "anyzone: US-NY"),
        ("        otherwise: refuse\n", ""),
        ("above: {subtract: [pay, free]", "above: {minus: [pay, free]"),
        ("above: {subtract: [pay, free]", "above: {subtract: [pay]"),
        ("above: {subtract: [pay, free]", "above: {subtract: [pay, free], add: [pay, free]"),
        ('{pay: {to: "50"}', '{pay: {upto: "50"}'),
        ("{fund: B, payer: platform", "{fund: B, payer: state"),
        ("kind: due,", "kind: deadline,"),
        ("window: quarter, shift", "window: quarterly, shift"),
    ],
)
def test_the_schema_refuses_what_it_can(old: str, new: str) -> None:
    assert not fits(SCHEMA, tree(changed(old, new)))
