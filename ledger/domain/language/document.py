"""Scheme files: YAML text read as a tree in which nothing is guessed, and all versions of one scheme in it.

YAML's own typing is switched off: every scalar stays text and is typed by its key, so `2026-01-01` and `0.01` mean
what is written. Anchors, aliases, tags and keys written twice are refused: what a lawyer reads is all there is. Opens
no file: text in, values out. The same tree serves case files (`ledger.domain.cases`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import yaml

from ledger.domain import ids
from ledger.domain.language import read_version
from ledger.domain.language.keys import FORMS
from ledger.domain.language.tree import Node, Problem, Reading, SchemeError
from ledger.domain.running import check_running
from ledger.domain.scheme import Version

_DEPTH_MAX: Final = 32
_BYTES_MAX: Final = 1_000_000
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_REVISION: Final = re.compile(r"[2-9]|[1-9][0-9]{1,3}", re.ASCII)
_UNSPEAKABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""Control characters and lone surrogates, which neither stored nor signed texts can hold; and what turns the direction
of writing or breaks lines unseen, so that a text never reads otherwise than it is."""


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
    form = FORMS["file"]
    top = reading.mapping(trees[0], "scheme file", form.required, form.optional)
    currency = reading.text(top.get("currency"), "currency")
    if currency and currency not in minor_digits:
        reading.wrong(top["currency"], f"currency: unknown {currency[:40]!r}", "write an ISO 4217 code in force")
    digits = minor_digits.get(currency, 2)
    versions: list[Version] = []
    nodes = reading.items(top.get("versions"), "versions")
    _in_order(reading, nodes)
    for node in nodes:
        version = read_version(reading, top, node, digits)
        versions += [version] if version is not None else []
    check_running(reading, nodes, versions)
    if "versions" in top and not versions and not reading.problems:
        reading.wrong(top["versions"], "versions: expected at least one", "add `- from: 2026-01-01` with its rules")
    reading.problems = list(dict.fromkeys(reading.problems))  # the scheme's own fields are read once per version
    reading.close()
    return Document(versions[0].scheme, versions[0].title, versions[0].status, name, tuple(versions))


class _Dated(NamedTuple):
    """A version's own day and revision as written, told before all of it can be read."""

    day: str
    revision: int

    @property
    def id(self) -> str:
        """The version's id."""
        return ids.version_id(self.day, self.revision)


def _dated(node: Node) -> _Dated | None:
    own = node.value if isinstance(node.value, dict) else {}
    day, revision = (own[key].value if key in own else "" for key in ("from", "revision"))
    if not isinstance(day, str) or not isinstance(revision, str) or _DAY.fullmatch(day) is None:
        return None
    return _Dated(day, int(revision)) if _REVISION.fullmatch(revision) else _Dated(day, 1)


def _in_order(reading: Reading, nodes: Sequence[Node]) -> None:
    """Note versions that are not later than the one before, or replace a text that does not stand before them."""
    last: _Dated | None = None
    for node in nodes:
        own = _dated(node)
        if own is None:
            continue
        if last is not None and own <= last:
            mend = "two texts of one day: give the later one `revision: 2`" if own == last else "write the oldest first"
            reading.wrong(node, f"version {own.id}: expected one later than {last.id}", mend)
        elif own.revision > 1 and last != _Dated(own.day, own.revision - 1):
            told = f"version {own.id}: the text that it replaces does not stand before it"
            reading.wrong(node, told, f"keep {_Dated(own.day, own.revision - 1).id} before it")
        last = own


def read_yaml(text: str, name: str) -> list[Node]:
    """Give the trees of a YAML text's documents. Raises SchemeError for what is no YAML, or more than plain YAML."""
    if len(text) > _BYTES_MAX:
        raise SchemeError([Problem(name, 1, f"file: expected at most {_BYTES_MAX} characters", "split it")])
    last = max(1, len(text.splitlines()))
    builder = _Builder(name, last)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = 1 if mark is None else min(mark.line + 1, last)
        said = f"no YAML: {error.problem or error.context}"
        builder.problems.append(Problem(name, line, said, "mend the line or the one above"))
    except yaml.reader.ReaderError as error:
        line = min(text.count("\n", 0, error.position) + 1, last)
        builder.problems.append(Problem(name, line, "no YAML: a character that may not stand there", "save as UTF-8"))
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):  # PyYAML lets its own conversions' errors out
        builder.problems.append(Problem(name, 1, "no YAML: cannot be read", "write plain keys, lists and values"))
    if builder.problems:
        raise SchemeError(builder.problems)
    return builder.trees


class _Builder:
    """Builds trees from YAML events, without recursion; notes what is more than plain keys, lists and values."""

    def __init__(self, name: str, last: int) -> None:
        self.name = name
        self.last = last
        self.trees: list[Node] = []
        self.problems: list[Problem] = []
        self._open: list[_Open] = []

    def take(self, event: yaml.Event) -> bool:
        """Take the next event; tell whether to go on: not below the deepest level, where YAML costs its square."""
        line = min(event.start_mark.line + 1, self.last) if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._wrong(line, "anchor or alias: expected plain values", "write it out")
        elif getattr(event, "tag", None) not in (None, "!"):
            self._wrong(line, "tag: expected plain values", "take the `!` word out")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(str(event.value), line, event.style is None)
        elif isinstance(event, yaml.AliasEvent):
            self._scalar("", line, False)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(self._open) == _DEPTH_MAX:
                self._wrong(line, "file: nested too deep", "flatten it")
                return False
            self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], line))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            closed = self._open.pop()
            self._place(Node(closed.value, closed.line))
        return True

    def _wrong(self, line: int, what: str, mend: str) -> None:
        self.problems.append(Problem(self.name, line, what, mend))

    def _scalar(self, text: str, line: int, plain: bool) -> None:
        if _UNSPEAKABLE.search(text):
            self._wrong(line, "text: expected characters that can be printed", "take control characters out")
        self._place(Node(text, line, plain))

    def _place(self, node: Node) -> None:
        """Put a finished node where it belongs: a tree of its own, a list's item, a key, or a key's value."""
        if not self._open:
            self.trees.append(node)
            return
        whole = self._open[-1]
        if isinstance(whole.value, list):
            whole.value.append(node)
        elif whole.key is None:
            key = node.value if isinstance(node.value, str) else ""
            if not key:
                self._wrong(node.line, "key: expected a word", "write `word: value`")
            elif key in whole.value:
                self._wrong(node.line, f"key {key[:40]!r} stands twice", "keep one of them")
            whole.key, whole.key_line = key, node.line
        else:
            whole.value[whole.key] = node._replace(key_line=whole.key_line)
            whole.key = None


@dataclass
class _Open:
    """A list or mapping whose end is still to come; `key`: the key whose value comes next."""

    value: list[Node] | dict[str, Node]
    line: int
    key: str | None = None
    key_line: int = 0
