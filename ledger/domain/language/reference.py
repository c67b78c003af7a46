"""The reference page and the JSON Schema of scheme files, generated: `python -m ledger.domain.language.reference`.

Writes contracts/schemes/LANGUAGE.md and contracts/schemes/scheme.schema.json; a test fails when the committed ones
differ. Tables come from the reader's own tables of keys, operations and names, the messages from the reader itself.
A command, not a part of the engine: only `main` touches files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from ledger.domain import attributes
from ledger.domain.language import guide
from ledger.domain.language.conditions import RELATIONS
from ledger.domain.language.document import load_document
from ledger.domain.language.forms import NOTICE_KINDS, SPOKEN_BY_ENGINE
from ledger.domain.language.keys import CITING_KEYS, FORMS
from ledger.domain.language.names import ATTRIBUTES, BUILT_IN, GIG_WORDS
from ledger.domain.language.operations import OPERATIONS
from ledger.domain.language.schema import TYPES, scheme_schema
from ledger.domain.language.tree import SchemeError
from ledger.domain.language.walk import CASE, EXAMPLE, SLIPS

HOME: Final = Path(__file__).parents[3] / "contracts" / "schemes"
DIGITS: Final = {"EUR": 2}


def files() -> dict[str, str]:
    """Give every generated file: its text by its name in contracts/schemes."""
    return {
        "LANGUAGE.md": page(),
        "scheme.schema.json": json.dumps(scheme_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def page() -> str:
    """Give the reference page."""
    parts = [
        guide.OPENING,
        f"{guide.WALK_THROUGH}\n```yaml\n{EXAMPLE}```\n\n{guide.AFTER_EXAMPLE}",
        f"{guide.CASE_BEFORE}\n```yaml\n{CASE}```\n\n{guide.CASE_AFTER}",
        guide.WRITING,
        f"## 4. The file and its versions\n\n{_forms('file', 'source', 'version', 'foreign_pay')}",
        f"## 5. What is counted and looked up\n\n{_forms('parameter', 'measure', 'table', 'adds_up')}\n\n{guide.ROWS}",
        f"{guide.GIG_WORDS}\n\n{_words()}",
        f"## 6. Lines\n\n{guide.LINES}\n\n{_operations()}\n\n{_forms('line', 'choice', 'posted', 'due', 'rounding')}",
        f"## 7. Conditions and names\n\n{guide.CONDITIONS}\n\n{_relations()}\n\n{guide.NAMES}\n\n{_names()}",
        guide.WINDOWS,
        f"## 9. Rules and notices\n\n{guide.RULES}\n\n{guide.ACTING}",
        f"{_forms('rule', 'cap', 'figure', 'notice')}\n\n{_kinds()}",
        f"## 10. Slips and their mends\n\n{guide.SLIPS}\n\n{_slips()}\n\n{guide.MORE_SLIPS}",
        guide.ENACTING,
        guide.HOW_TO,
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part.strip() for part in parts)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _forms(*names: str) -> str:
    return "\n\n".join(_form(name) for name in names)


def _form(name: str) -> str:
    form = FORMS[name]
    # What every figure may carry is told once, in section 3; only a version must say its source.
    told = CITING_KEYS if "source" in form.optional else ()
    rows = [
        (f"`{key.name}`", "yes" if key.required else "", TYPES[key.takes][1], key.says, f"`{key.example}`")
        for key in form.keys
        if key.name not in told
    ]
    if told:
        rows.append((", ".join(f"`{key}`" for key in told), "", "section 3", "where it comes from", "`source: act`"))
    head = ("key", "must", "takes", "says", "example")
    return f"### {form.title}\n{form.says}\n\n{_table(head, rows)}"


def _operations() -> str:
    rows = [
        (f"`{name}`", TYPES[operation.takes][1], operation.gives, operation.says, f"`{operation.example}`")
        for name, operation in OPERATIONS.items()
    ]
    return _table(("operation", "takes", "gives", "meaning", "example"), rows)


def _relations() -> str:
    examples = {
        "above": '{net: {above: "50"}}',
        "from": "{window.last: {from: 2026-01-01}}",
        "to": '{net: {above: "50", to: "500"}}',
        "below": "{net: {below: minimum}}",
        "has": "{worker.programmes: {has: JKK}}",
        "known": "{worker.basis: {known: true}}",
    }
    first = [
        ("a value", "is this word, figure, day or truth", "`{worker.sector: transport}`"),
        ("a list", "is one of these words", "`{gig.vehicle: [car, van]}`"),
    ]
    rows = [(f"`{name}`", says, f"`{examples[name]}`") for name, says in RELATIONS.items()]
    return _table(("written", "holds where what is read", "example"), [*first, *rows])


def _words() -> str:
    heads = {"component": "kind of component", "service": "`gig.service`", "vehicle": "`gig.vehicle`"}
    return "\n\n".join(
        _table((head, "is"), [(f"`{word}`", says) for word, says in GIG_WORDS[what].items()])
        for what, head in heads.items()
    )


def _names() -> str:
    places = {
        "anywhere": "anywhere",
        "gig": "windows `gig`, tables read there",
        "platform": "`platforms: each`, windows `gig`",
        "remittance": "`on: remittance`",
        "dispute": "`on: dispute`",
    }
    defaults = {
        **{f"worker.{name}": value for name, value in attributes.WORKER_DEFAULTS.items()},
        **{f"platform.{name}": value for name, value in attributes.PLATFORM_DEFAULTS.items()},
    }
    rows = [
        (f"`{name}`", reads.kind, places[reads.where], reads.says, _default(defaults.get(name)))
        for name, reads in {**BUILT_IN, **ATTRIBUTES}.items()
    ]
    own = [("a measure, line or parameter", "", "anywhere", "its value; a measure: its total so far", "")]
    return _table(("name", "kind", "has a value in", "reads", "where unknown"), [*own, *rows])


def _default(value: attributes.Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f'`"{value}"`' if isinstance(value, Fraction) else f"`{value}`"


def _kinds() -> str:
    engine = [(f"`{kind}`", f"follows of itself, never written: {says}") for kind, says in SPOKEN_BY_ENGINE.items()]
    rows = [(f"`{kind}`", says) for kind, says in NOTICE_KINDS.items()]
    return _table(("kind of notice", "says"), [*rows, *engine])


def _slips() -> str:
    rows = []
    for slip in SLIPS:
        shown = " ".join(slip.wrong.split()) or f"(without `{' '.join(slip.right.split())}`)"
        what, mend = complaint(EXAMPLE.replace(slip.right, slip.wrong, 1))
        rows.append((f"`{shown}`" if slip.wrong else shown, what, mend))
    return _table(("written", "what is said", "mend"), rows)


def complaint(text: str) -> tuple[str, str]:
    """Give what the reader says of a text, and its mend: of several problems the one that is no consequence.

    Raises LookupError where it finds nothing wrong.
    """
    try:
        load_document(text, "scheme.yaml", DIGITS)
    except SchemeError as error:
        first = min(error.problems, key=lambda problem: problem.what.endswith("nothing reads it"))
        return first.what, first.mend
    raise LookupError("slip: expected one that the reader refuses, got one that it reads")


def main() -> None:
    """Write both files."""
    for name, text in files().items():
        HOME.joinpath(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
