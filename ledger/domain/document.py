"""Scheme files: YAML text read as a tree in which nothing is guessed, and all versions of one scheme in it.

YAML's own typing is switched off: every scalar stays text and is typed by its key, so `2026-01-01` and `0.01` mean
what is written. Anchors, aliases, tags and keys written twice are refused: what a lawyer reads is all there is. Opens
no file: text in, values out. The same tree serves case files (`ledger.domain.cases`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import yaml

from ledger.domain.scheme import Version, read_version
from ledger.domain.tree import Node, Problem, Reading, SchemeError

_DEPTH_MAX: Final = 32
_BYTES_MAX: Final = 1_000_000


class Document(NamedTuple):
    """All versions of one scheme as its file says them, oldest first."""

    scheme: str
    title: str
    status: str
    file: str
    versions: tuple[Version, ...]


def load_document(text: str, name: str, minor_digits: Mapping[str, int]) -> Document:
    """Give the scheme that a YAML text says; `name` is its file, `minor_digits` ISO 4217's digits by currency.

    Raises SchemeError with all problems of the text at once, each with line and mend.
    """
    trees = read_yaml(text, name)
    if len(trees) != 1:
        raise SchemeError([Problem(name, 1, f"file: expected one scheme, got {len(trees)}", "one scheme a file")])
    reading = Reading(name)
    required = ("scheme", "title", "status", "currency", "time_zone", "sources", "versions")
    top = reading.mapping(trees[0], "scheme file", required, ("zones", "platforms"))
    currency = reading.text(top.get("currency"), "currency")
    if currency and currency not in minor_digits:
        reading.wrong(top["currency"], f"currency: unknown {currency[:40]!r}", "write an ISO 4217 code in force")
    digits = minor_digits.get(currency, 2)
    versions: list[Version] = []
    for node in reading.items(top.get("versions"), "versions"):
        version = read_version(reading, top, node, digits)
        if version is None:
            continue
        if versions and (version.start, version.revision) <= (versions[-1].start, versions[-1].revision):
            reading.wrong(
                node, f"version {version.id}: expected one later than {versions[-1].id}", "oldest first, each once"
            )
        versions.append(version)
    if "versions" in top and not versions and not reading.problems:
        reading.wrong(top["versions"], "versions: expected at least one", "add `- from: 2026-01-01` with its rules")
    reading.problems = list(dict.fromkeys(reading.problems))  # the scheme's own fields are read once per version
    reading.close()
    return Document(versions[0].scheme, versions[0].title, versions[0].status, name, tuple(versions))


def read_yaml(text: str, name: str) -> list[Node]:
    """Give the trees of a YAML text's documents. Raises SchemeError for what is no YAML, or more than plain YAML."""
    if len(text) > _BYTES_MAX:
        raise SchemeError([Problem(name, 1, f"file: expected at most {_BYTES_MAX} characters", "split it")])
    problems: list[Problem] = []
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                line = 1 if event.start_mark is None else event.start_mark.line + 1
                problems.append(Problem(name, line, "anchor or alias: expected plain values", "write it out"))
        if problems:
            raise SchemeError(problems)
        trees = [_tree(node, name, problems, 0) for node in yaml.compose_all(text, Loader=yaml.SafeLoader)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = 1 if mark is None else mark.line + 1
        raise SchemeError(
            [Problem(name, line, f"no YAML: {error.problem}", "mend the line or the one above")]
        ) from error
    except yaml.YAMLError as error:
        raise SchemeError(
            [Problem(name, 1, "no YAML: a character that may not stand there", "save as UTF-8")]
        ) from error
    except RecursionError as error:
        raise SchemeError([Problem(name, 1, "file: nested too deep", "flatten it")]) from error
    if problems:
        raise SchemeError(problems)
    return trees


def _tree(node: yaml.Node | None, name: str, problems: list[Problem], depth: int) -> Node:
    if node is None:
        return Node("", 1)
    line = node.start_mark.line + 1
    if depth > _DEPTH_MAX:
        problems.append(Problem(name, line, "file: nested too deep", "flatten it"))
        return Node("", line)
    if isinstance(node, yaml.MappingNode):
        members: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            at = key_node.start_mark.line + 1
            if not key:
                problems.append(Problem(name, at, "key: expected a word", "write `word: value`"))
            elif key in members:
                problems.append(Problem(name, at, f"key {key[:40]!r} stands twice", "keep one of them"))
            members[key] = _tree(value_node, name, problems, depth + 1)
        return Node(members, line)
    if isinstance(node, yaml.SequenceNode):
        return Node([_tree(item, name, problems, depth + 1) for item in node.value], line)
    return Node(str(node.value), line, plain=getattr(node, "style", None) is None)
