"""Strict reading of a YAML mapping: keys are taken out one by one, and what nobody took is refused with its line.

Built on PyYAML's node graph instead of its values, because only nodes know their line and the text as written (`2020`
and `no` stay text). Problems are collected, so that one run names them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import yaml

T = TypeVar("T")
ANY: Final = re.compile(r"(?s).+")


class Reader:
    """Collects problems, so that one run names them all."""

    def __init__(self) -> None:
        self.problems: list[tuple[int, str]] = []


class Section:
    """One mapping of the file: keys are taken out one by one; `close` refuses what is left."""

    def __init__(self, reader: Reader, node: yaml.Node | None, path: str) -> None:
        self._reader, self._path = reader, path
        self._line = node.start_mark.line + 1 if node else 1
        self._left: dict[str, yaml.Node] = {}
        self.is_mapping = isinstance(node, yaml.MappingNode)
        if not isinstance(node, yaml.MappingNode):
            self.problem("expected a mapping, got something else")
            return
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in self._left:
                self.problem(f"expected each key once, got {_shown(key)} again", key)
            else:
                self._left[key.value] = child

    def problem(self, what: str, node: yaml.Node | None = None, key: str = "") -> None:
        """Note a problem at a node of this mapping, or at its start."""
        line = node.start_mark.line + 1 if node else self._line
        self._reader.problems.append((line, f"{self._path}{'.' + key if key else ''}: {what}"))

    def has(self, key: str) -> bool:
        """Tell whether the key stands here and was not taken yet."""
        return key in self._left

    def text(self, key: str, shape: re.Pattern[str] = ANY, default: str | None = None) -> str:
        """Take a scalar as the text that stands in the file; without `default` it is required."""
        node = self._left.pop(key, None)
        if node is None:
            if default is None:
                self.problem("expected a value, got none", key=key)
            return default or ""
        if isinstance(node, yaml.ScalarNode) and shape.fullmatch(node.value):
            return str(node.value)
        self.problem(f"expected text like {shape.pattern}, got {_shown(node)}", node, key)
        return ""

    def optional(self, key: str, shape: re.Pattern[str] = ANY) -> str | None:
        """Take a scalar, or None when the key is absent."""
        return self.text(key, shape) if self.has(key) else None

    def flag(self, key: str) -> bool:
        """Take true or false; absent is false."""
        return self.text(key, re.compile("true|false"), default="false") == "true"

    def section(self, key: str) -> Section | None:
        """Take a mapping, or None when the key is absent."""
        node = self._left.pop(key, None)
        return Section(self._reader, node, f"{self._path}.{key}") if node is not None else None

    def items(self, key: str) -> list[yaml.Node]:
        """Take a list; absent is empty."""
        node = self._left.pop(key, None)
        if node is None or isinstance(node, yaml.SequenceNode):
            return list(node.value) if node else []
        self.problem(f"expected a list, got {_shown(node)}", node, key)
        return []

    def sections(self, key: str) -> list[Section]:
        """Take a list of mappings; absent is empty."""
        return [Section(self._reader, n, f"{self._path}.{key}[{i}]") for i, n in enumerate(self.items(key))]

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of scalars; absent is empty."""
        nodes = self.items(key)
        for node in nodes:
            if not isinstance(node, yaml.ScalarNode):
                self.problem("expected text, got something else", node, key)
        return tuple(node.value for node in nodes if isinstance(node, yaml.ScalarNode))

    def table(self, key: str, shape: re.Pattern[str]) -> Mapping[str, str]:
        """Take a mapping of texts; absent is empty."""
        inner = self.section(key)
        return {name: inner.text(name, shape) for name in inner.names()} if inner else {}

    def names(self) -> tuple[str, ...]:
        """Name the keys not taken yet, in the file's order."""
        return tuple(self._left)

    def close(self) -> None:
        """Refuse the keys nobody took."""
        for key, node in self._left.items():
            self.problem("expected no such key, got it", node, key)


def _shown(node: yaml.Node) -> str:
    return repr(str(node.value)[:40]) if isinstance(node, yaml.ScalarNode) else "something else"


def each(sections: list[Section], make: Callable[[Section], T]) -> tuple[T, ...]:
    """Make something of each section and close it; what is no mapping has been noted and is passed over."""
    made = []
    for section in sections:
        if section.is_mapping:
            made.append(make(section))
            section.close()
    return tuple(made)
