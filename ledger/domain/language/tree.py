"""A text read as a tree in which every scalar is still text, and the problems found in it.

A scheme or a case is written in YAML by people and in canonical JSON by Iuran; both become the same tree, so that one
reader types the scalars by their key. A reader goes on after a problem, so that all are reported at once, each with
file, line and what to write instead. Knows no scheme; YAML itself is read in `ledger.domain.language.document`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from ledger.domain import quantity

T = TypeVar("T")
RENAMED: Final = {"bases": "measures", "sum_of": "sum", "condition": "when", "conditions": "when", "if": "when"}
"""Words that people try, and the key that says it."""


class Node(NamedTuple):
    """A scalar (text), a list or a mapping, with the line (from 1) it begins on; `plain`: written without quotes.

    `key_line`: the line of its key where it is a mapping's member, else 0.
    """

    value: str | list[Node] | dict[str, Node]
    line: int
    plain: bool = False
    key_line: int = 0


class Problem(NamedTuple):
    """One thing wrong in a file: what it is, and how to mend it."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"


class SchemeError(ValueError):
    """A scheme or case text that cannot be read; carries every problem found, in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def from_json(text: str, name: str) -> Node:
    """Give the tree of a JSON text whose scalars are all strings; the canonical form of a version.

    Raises SchemeError for text that is no JSON, a number, a boolean, a null or a key written twice.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_float=_refuse, parse_int=_refuse, parse_constant=_refuse
        )
        return _node(value)
    except (ValueError, RecursionError) as error:
        raise SchemeError([Problem(name, 1, f"canonical text: {error}", "write JSON with strings only")]) from error


def plain_value(node: Node) -> Any:
    """Give the tree as nested dict, list and str."""
    if isinstance(node.value, dict):
        return {key: plain_value(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain_value(child) for child in node.value]
    return node.value


@dataclass
class Reading:
    """One reading of one file: takes scalars out of nodes, and notes what does not fit instead of raising."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, node: Node, what: str, mend: str) -> None:
        """Note a problem at the node's line."""
        self.problems.append(Problem(self.file, node.line, what, mend))

    def close(self) -> None:
        """Raise SchemeError with everything noted, if anything was."""
        if self.problems:
            raise SchemeError(self.problems)

    def mapping(self, node: Node, where: str, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Node]:
        """Give a mapping's members; notes unknown and missing keys, and an empty mapping where it is none."""
        if not isinstance(node.value, dict):
            self.wrong(node, f"{where}: expected keys and values, got {_kind(node)}", f"write {_keys(required)}")
            return {}
        known = [*required, *optional]
        for key, child in node.value.items():
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                mend = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
                if key in RENAMED and RENAMED[key] in known:
                    mend = f"write `{RENAMED[key]}:`"
                at = child._replace(line=child.key_line or child.line)
                self.wrong(at, f"{where}: unknown key {key[:40]!r}", mend)
        for key in required:
            if key not in node.value:
                self.wrong(node, f"{where}: expected key {key!r}, got none", f"add `{key}:`")
        return node.value

    def items(self, node: Node | None, where: str) -> list[Node]:
        """Give a list's items; notes what is no list."""
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.wrong(node, f"{where}: expected a list, got {_kind(node)}", "write [a, b] or one `- item` a line")
            return []
        return node.value

    def text(self, node: Node | None, where: str) -> str:
        """Give a scalar's text, or "" after noting that it is none."""
        if node is None:
            return ""
        if not isinstance(node.value, str) or not node.value.strip():
            self.wrong(node, f"{where}: expected a text, got {_kind(node)}", "write one value")
            return ""
        return node.value

    def word(self, node: Node | None, where: str, pattern: re.Pattern[str], example: str) -> str:
        """Give a scalar that matches the pattern, or "" after noting that it does not."""
        text = self.text(node, where)
        if text and node is not None and pattern.fullmatch(text) is None:
            self.wrong(node, f"{where}: expected something like {example}, got {text[:40]!r}", f"write {example}")
            return ""
        return text

    def words(self, node: Node | None, where: str, pattern: re.Pattern[str], example: str) -> tuple[str, ...]:
        """Give the scalars of a list, each matching the pattern, none twice."""
        found = [self.word(item, where, pattern, example) for item in self.items(node, where)]
        if node is not None and len(set(found)) != len(found):
            self.wrong(node, f"{where}: the same word twice", "name each once")
        return tuple(word for word in found if word)

    def choice(self, node: Node | None, where: str, choices: Mapping[str, T], default: T) -> T:
        """Give what a scalar chooses from a closed list of words; the default where it stands not, or not rightly."""
        text = self.text(node, where)
        if node is None or not text:
            return default
        if text not in choices:
            self.wrong(node, f"{where}: expected {' | '.join(choices)}, got {text[:40]!r}", "write one of them")
            return default
        return choices[text]

    def number(self, node: Node | None, where: str, read: Callable[[str], T], default: T) -> T:
        """Give a decimal, in quotes where it has a fraction, read by `read` (which raises ValueError)."""
        text = self.text(node, where)
        if node is None or not text:
            return default
        if node.plain and "." in text and quantity.DECIMAL.fullmatch(text):
            self.wrong(node, f"{where}: expected a decimal in quotes, got the float {text}", f'write "{text}"')
            return default
        try:
            return read(text)
        except ValueError as error:
            self.wrong(node, f"{where}: {error}", 'write a decimal such as "0.05" or "10000"')
            return default


def _kind(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    return repr(node.value[:40]) if node.value.strip() else "nothing"


def _keys(keys: Iterable[str]) -> str:
    return " ".join(f"`{key}: ...`" for key in keys)


def _node(value: object) -> Node:
    if isinstance(value, str):
        return Node(value, 1)
    if isinstance(value, list):
        return Node([_node(item) for item in value], 1)
    if isinstance(value, dict):
        return Node({key: _node(item) for key, item in value.items()}, 1)
    raise ValueError(f"expected strings, lists and objects, got {value!r}")


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("the same key twice in one object")
    return dict(pairs)


def _refuse(text: str) -> object:
    raise ValueError(f"expected strings only, got the number {text[:40]}")
