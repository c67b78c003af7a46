"""Writes what is derived from the models: a JSON Schema per event type, the examples, and the AsyncAPI description.

`python -m contracts.generate` writes the files beside this module; a test fails when the committed ones differ. The
schemas say what JSON Schema can say (members, forms, limits); the rules across members stand in README.md here and in
codec.py.

Must not know: anything but the models. Sources: JSON Schema 2020-12; AsyncAPI 3.0.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts import events, signing, topics
from contracts.codec import CONTROL_BYTES_MAX, GIG_BYTES_MAX
from contracts.examples import EXAMPLES

HOME: Final = Path(__file__).parent
SCHEMA_BASE: Final = "https://iuran.localhost/schemas/"


def schema_of(name: str, model: type[events.Envelope]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event type, self-contained."""
    schema = msgspec.json.schema(model)
    reference = schema.pop("$ref").rsplit("/", 1)[1]
    definitions = schema.pop("$defs")
    root = definitions.pop(reference)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}{name}.json",
        **root,
        "title": name,
        "$defs": dict(sorted(definitions.items())),
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI description of the topics others write to: a platform's gigs and the operator's control topic."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Iuran events",
            "version": "0.1.0",
            "description": (
                "Gigs that platforms report and correct, what the operator makes known. A record's key is its subject."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "gigs": {
                "address": f"{topics.GIGS}{{platform}}",
                "description": f"Written by the platform alone; a record has at most {GIG_BYTES_MAX} bytes.",
                "parameters": {"platform": {"description": f"The platform's name: {topics.PLATFORM_PATTERN}"}},
                "messages": _messages(events.GIG_EVENTS, {"headers": _HEADERS}),
            },
            "control": {
                "address": topics.CONTROL,
                "description": f"Written by the operator alone; a record has at most {CONTROL_BYTES_MAX} bytes.",
                "messages": _messages(events.OPERATOR_EVENTS),
            },
        },
        "operations": {
            name: {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}} for name in ("gigs", "control")
        },
    }


def files() -> dict[str, str]:
    """Every generated file: its text by its path relative to `contracts/`."""
    written = {"asyncapi.json": asyncapi()}
    for name, model in {**events.GIG_EVENTS, **events.OPERATOR_EVENTS}.items():
        written[f"schemas/{name}.json"] = schema_of(name, model)
    for name, value in EXAMPLES.items():
        written[f"examples/{name}.json"] = json.loads(value)
    return {path: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for path, value in written.items()}


_HEADERS: Final = {
    "type": "object",
    "properties": {
        signing.HEADER: {
            "description": "The platform's Ed25519 signature over the event, base64: formats/signature.md.",
            "type": "string",
            "pattern": f"^(?:{signing.SIGNATURE_PATTERN})$",
        }
    },
}


def _messages(models: Any, more: Any = None) -> dict[str, Any]:
    return {
        name: {
            "summary": (model.__doc__ or name).splitlines()[0],
            **(more or {}),
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": f"./schemas/{name}.json"},
            },
        }
        for name, model in models.items()
    }


def main() -> None:
    """Writes all generated files."""
    for path, text in files().items():
        target = HOME / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
