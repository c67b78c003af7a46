"""The documentation page: the OpenAPI document as one HTML page that needs no network and no script.

Whatever the document says is shown: routes by tag, parameters, answers, schemas, and a command to try each with. All
text is escaped; the page carries its own style and loads nothing, so it works on an island and under a policy that
forbids everything.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--line:#d1d9e0;--panel:#f6f8fa;--accent:#0b5cad;--page:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#3d444d;--panel:#151b23;--accent:#6cb2ff;
--page:#0d1117}}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--page);color:var(--ink);
font:1rem/1.55 system-ui,sans-serif}
h1{margin:.2rem 0}h2{margin:2.2rem 0 .6rem;text-transform:capitalize}h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.4rem 0}a{color:var(--accent)}code,pre{font:.9rem/1.45 ui-monospace,monospace}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.7rem;overflow-x:auto;margin:.4rem 0}
.soft{color:var(--soft)}details{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;padding:0 .9rem}
details[open]{padding-bottom:.9rem}summary{cursor:pointer;padding:.65rem 0;overflow-wrap:anywhere}
summary b{display:inline-block;min-width:3.2rem;color:var(--accent)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;
border-top:1px solid var(--line)}th{font-weight:600}
""".strip()

_INTRODUCTION: Final = (
    "Every error is a problem (RFC 9457). Amounts are integers of the currency's minor unit; decimal text stands "
    "beside them. What is unknown and what is not yours to see get the same answer. Whatever is shown of a worker is "
    "covered by a signed, published checkpoint, and cites it."
)


def page(document: dict[str, Any]) -> bytes:
    """Give the HTML page (UTF-8) of an OpenAPI document."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(path, method, operation))
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>",
        f"<p>{escape(document['info'].get('description', ''))}</p><p>{escape(_INTRODUCTION)}</p>",
        '<p>The same for machines: <a href="/openapi.json">/openapi.json</a>. A token for trying things out: '
        "<code>TOKEN=$(iuran token issue --role worker --sub W-7f3a)</code>.</p>",
    ]
    for tag, operations in by_tag.items():
        parts += [f'<section aria-label="{escape(tag)}"><h2>{escape(tag)}</h2>', *operations, "</section>"]
    parts += ["<h2>Schemas</h2>", *(_schema(n, s) for n, s in sorted(document["components"]["schemas"].items()))]
    parts.append("</main></body></html>")
    return "\n".join(parts).encode()


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    secured = bool(operation.get("security"))
    return "".join(
        [
            f"<details><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code> ",
            '<span class="soft">'
            f"{escape(operation.get('summary', ''))}{', with a token' if secured else ''}</span></summary>",
            f"<p>{escape(operation.get('description', ''))}</p>",
            _parameters(parameters),
            _answers(operation["responses"]),
            f"<h3>Try it</h3><pre>{escape(_command(path, parameters, secured))}</pre></details>",
        ]
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = [
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}{', required' if p['required'] else ''}"
        f"</td><td>{escape(_words(p['schema']))}</td><td>{escape(p.get('description', ''))}</td></tr>"
        for p in parameters
    ]
    head = "<tr><th>Parameter</th><th>Where</th><th>Form</th><th>Meaning</th></tr>"
    return f"<h3>Parameters</h3><table>{head}{''.join(rows)}</table>"


def _answers(responses: dict[str, Any]) -> str:
    rows = []
    for status, response in responses.items():
        shapes = [
            f"<code>{escape(media)}</code> {_shape(content.get('schema', {}))}"
            for media, content in response.get("content", {}).items()
        ]
        description = escape(response.get("description", ""))
        rows.append(f"<tr><td>{escape(status)}</td><td>{description}</td><td>{'<br>'.join(shapes)}</td></tr>")
    return f"<h3>Answers</h3><table><tr><th>Status</th><th>When</th><th>Body</th></tr>{''.join(rows)}</table>"


def _shape(schema: dict[str, Any]) -> str:
    """Give a schema's name as a link to it, or nothing for plain text."""
    names = [s["$ref"].rpartition("/")[2] for s in schema.get("oneOf", [schema]) if "$ref" in s]
    return " or ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)


def _words(schema: dict[str, Any]) -> str:
    kinds = [str(s["type"]) for s in schema.get("anyOf", [schema]) if s.get("type", "null") != "null"]
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    told = [f"{word} {schema[name]}" for name, word in bounds.items() if name in schema]
    default = [f"default {schema['default']}"] if schema.get("default") is not None else []
    return ", ".join([" or ".join(kinds), *told, *default])


def _command(path: str, parameters: list[dict[str, Any]], secured: bool) -> str:
    examples = {"worker": "W-7f3a", "journal": "0", "index": "0", "scheme": "ID-JK-PILOT", "version": "2026-01-01"}
    examples |= {"level": "0", "number": "000.p/1", "platform": "gojek", "event": "G-99"}
    for parameter in parameters:
        example = examples.get(parameter["name"], "0")
        path = path.replace(f"{{{parameter['name']}}}", example).replace(f"{{{parameter['name']}:path}}", example)
    token = ' -H "Authorization: Bearer $TOKEN"' if secured else ""
    return f'curl -s{token} "$IURAN{path}"     # IURAN=http://127.0.0.1:8400'


def _schema(name: str, schema: dict[str, Any]) -> str:
    body = json.dumps({key: value for key, value in schema.items() if key != "title"}, indent=2, ensure_ascii=False)
    shown = f"<details><summary><code>{escape(name)}</code></summary><pre>{escape(body)}</pre></details>"
    return f'<div id="{escape(name)}">{shown}</div>'
