"""The reader is total: whatever is done to a scheme's text, it gives versions or problems at lines of that text.

And what it gives comes back from its canonical text. Mutations of the shipped schemes by characters, by words, by lines
and by whole values of the tree; canonical texts are broken in the same ways.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from ledger.domain.language import parse
from ledger.domain.language.document import load_document
from ledger.domain.language.keys import FORMS
from ledger.domain.language.names import GIVEN
from ledger.domain.language.operations import OPERATIONS
from ledger.domain.language.tree import SchemeError
from tests.ledger.domain.language.texts import EVERYTHING
from tests.ledger.domain.worlds import SHIPPED

TEXTS = [EVERYTHING, EVERYTHING, *(path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.yaml")))]
SHORT = [text for text in TEXTS if len(text) < 9_000]
WORDS = [
    *(key.name for form in FORMS.values() for key in form.keys),
    *OPERATIONS,
    *GIVEN,
    *(
        "any",
        "none",
        "nothing",
        "refuse",
        "open",
        "all",
        "gig",
        "month",
        "P0M",
        "P999M",
        "week:fooT99:99",
        "as_is",
        "true",
    ),
    *(
        '"0.5"',
        '"1"',
        '"-1"',
        "0.5",
        "2026-02-30",
        "9999-12-31",
        "0000-00-00",
        "[]",
        "{}",
        "[[]]",
        "{a: b}",
        "''",
        "pay",
    ),
    *("fortnight:2021-13-01T04:00", "~", "&a", "*a", "!!int 5", "|", ">", "%", "\t", "\x85", "\ud7ff", "\U0001f6b2"),
]
SETTINGS = settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))


def holds(text: str) -> None:
    """Read a text: versions that come back from their own canonical texts, or problems at lines of the text."""
    try:
        document = load_document(text, "mutant.yaml", EXPONENTS)
    except SchemeError as error:
        assert error.problems
        last = max(1, len(text.splitlines()))
        assert all(1 <= problem.line <= last and problem.what and problem.mend for problem in error.problems)
        return
    for version in document.versions:
        assert parse(version.text, "canonical") == version
        assert len(version.digest) == 64


@SETTINGS
@given(st.data())
def test_by_characters_and_words(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SHORT))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.sampled_from(WORDS) | st.text(max_size=3)) + text[end:]
    holds(text)


@SETTINGS
@given(st.data())
def test_by_lines(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(SHORT)).splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        one, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        deed = data.draw(st.sampled_from(("drop", "double", "exchange", "indent", "cut")))
        if deed == "drop" and len(lines) > 1:
            del lines[one]
        elif deed == "double":
            lines.insert(other, lines[one])
        elif deed == "exchange":
            lines[one], lines[other] = lines[other], lines[one]
        elif deed == "indent":
            lines[one] = " " * data.draw(st.integers(0, 8)) + lines[one].lstrip()
        else:
            lines = lines[: one + 1]
    holds("\n".join(lines) + "\n")


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the paths of all values of a tree."""
    found = [path] if path else []
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in members:
        found += places(value, (*path, key))
    return found


TREES = [yaml.load(text, Loader=yaml.BaseLoader) for text in TEXTS]
PLACES = [places(tree) for tree in TREES]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=5) | st.sampled_from(["0.5", "1", "99999999999999999999", "1" * 60, ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)


def put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Give the tree with another value at a path."""
    if not path:
        return value
    if isinstance(tree, dict):
        return {key: put(child, path[1:], value) if key == path[0] else child for key, child in tree.items()}
    return [put(child, path[1:], value) if at == path[0] else child for at, child in enumerate(tree)]


@SETTINGS
@given(st.data())
def test_by_values(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(TREES) - 1))
    path = data.draw(st.sampled_from(PLACES[at]))
    known = data.draw(st.sampled_from(PLACES[at]))
    moved: Any = TREES[at]
    for key in known:
        moved = moved[key]
    tree = put(TREES[at], path, data.draw(VALUES | st.just(moved)))
    holds(json.dumps(tree, ensure_ascii=False, indent=1))  # JSON is YAML, and quotes every figure


@SETTINGS
@given(st.data())
def test_canonical_texts_are_taken_whole_or_not_at_all(data: st.DataObject) -> None:
    text = load_document(data.draw(st.sampled_from(SHORT)), "shipped.yaml", EXPONENTS).versions[0].text
    if data.draw(st.booleans()):
        tree = json.loads(text)
        tree = put(tree, data.draw(st.sampled_from(places(tree))), data.draw(VALUES))
        mutant = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    else:
        start = data.draw(st.integers(0, len(text)))
        mutant = text[:start] + data.draw(st.sampled_from(WORDS)) + text[start + data.draw(st.integers(0, 9)) :]
    try:
        version = parse(mutant, "mutant")
    except SchemeError as error:
        assert all(problem.line == 1 for problem in error.problems)
    else:
        assert version.text == mutant
        assert version == parse(version.text, "again")
