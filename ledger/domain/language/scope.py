"""What can be named in one version: its own measures, parameters, tables and lines, and the names of the language.

The kind of a name is told before the forms are read, from the nodes alone, so that forms may stand in any order and a
condition can be typed by what it asks about. A kind that cannot be told is None, and nothing is said about it: its
cause is another problem, named elsewhere. Knows which operation gives which kind; reads no form whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from ledger.domain import quantity
from ledger.domain.language.citing import Citing, close_to, slip_of
from ledger.domain.language.names import (
    ANY_NAME,
    ANY_WORD,
    CLOSED_WORDS,
    DAY,
    GIG_WORDS,
    GIVEN,
    NUMBER,
    OWN_NAME,
    RESERVED,
    WORD,
)
from ledger.domain.language.operations import OPERATIONS
from ledger.domain.language.tree import Node, Reading
from ledger.domain.scheme import Citation, Line, Measure, Operand, Parameter, Table

NAMED: Final = ("parameters", "measures", "tables", "lines")
NAMES_MAX: Final = 300
"""How many of each a version may have: whoever walks along lines that read one another walks no further."""


class Scope:
    """The names of one version with their nodes; reads operands, and notes names that nothing defines."""

    def __init__(self, citing: Citing, own: Mapping[str, Node], digits: int) -> None:
        self.citing = citing
        self.reading: Reading = citing.reading
        self.digits = digits
        self.parameters, self.measures, self.tables, self.lines = (
            dict(named(self.reading, own.get(key), key)) for key in NAMED
        )
        self.read_parameters: tuple[Parameter, ...] = ()
        self.read_measures: tuple[Measure, ...] = ()
        self.read_tables: tuple[Table, ...] = ()
        self.read_lines: tuple[Line, ...] = ()
        self.lost = False
        self._kinds: dict[str, str | None] = {}
        self._unique()

    def lose(self, node: Node, what: str, mend: str) -> None:
        """Note a problem that cuts a reading short: what nothing reads is not told then."""
        self.lost = True
        self.reading.wrong(node, what, mend)

    def _unique(self) -> None:
        seen: dict[str, str] = {}
        for what in ("parameters", "measures", "lines"):
            for name, node in getattr(self, what).items():
                if name in seen:
                    told = f"{what}: {name!r} stands under {seen[name]} too"
                    self.reading.wrong(node, told, "give one of them another name")
                seen[name] = what

    def defines(self, name: str) -> bool:
        """Tell whether the version or the language has this name (tables are not read by name)."""
        return name in self.parameters or name in self.measures or name in self.lines or name in GIVEN

    def mend(self, name: str) -> str:
        """Give what to write instead of a name that nothing defines."""
        own = [*self.parameters, *self.measures, *self.lines]
        return close_to(name, [*own, *GIVEN]) or f"define it, or name one of: {', '.join(sorted(own)) or 'none yet'}"

    def kind(self, name: str) -> str | None:
        """Give the kind of what a name reads; None where it cannot be told (another problem, or a circle)."""
        path: list[str] = []
        told: str | None = None
        while name not in self._kinds and name not in path:
            path.append(name)
            told, further = self._told(name)
            if not further:
                break
            name = further
        else:
            told = self._kinds.get(name)
        self._kinds.update(dict.fromkeys(path, told))
        return told

    def _told(self, name: str) -> tuple[str | None, str]:
        """Give the kind of a name, or the further name that it is the kind of."""
        if name in GIVEN:
            return GIVEN[name].kind, ""
        if name in self.parameters or name in self.measures:
            return NUMBER, ""
        node = self.lines.get(name)
        if node is None or not isinstance(node.value, dict):
            return None, ""
        operation = next((key for key in node.value if key in OPERATIONS), None)
        if operation is None:
            return None, ""
        gives = OPERATIONS[operation].gives
        if gives in (NUMBER, DAY):
            return gives, ""
        taken = node.value[operation]
        if operation == "value":
            return self._written(taken)
        if operation == "lookup":
            return self._looked_up(taken, node.value.get("column")), ""
        given = next((each for each in _given(taken) if each.value != "nothing"), None)
        return self._written(given) if given is not None else (None, "")

    def _written(self, node: Node) -> tuple[str | None, str]:
        """Give the kind of an operand as written: a figure, or (where nothing has the name) a word; or the name."""
        text = node.value
        if isinstance(text, dict):
            return (NUMBER if "value" in text else None), ""
        if not isinstance(text, str) or not text:
            return None, ""
        if quantity.DECIMAL.fullmatch(text):
            return NUMBER, ""
        return (None, text) if self.defines(text) else (WORD, "")

    def _looked_up(self, node: Node, column: Node | None) -> str | None:
        table = self.tables.get(node.value) if isinstance(node.value, str) else None
        rows = table.value.get("rows") if table is not None and isinstance(table.value, dict) else None
        key = column.value if column is not None and isinstance(column.value, str) else "value"
        for row in rows.value if rows is not None and isinstance(rows.value, list) else []:
            value = row.value.get(key) if isinstance(row.value, dict) else None
            if value is not None:
                return NUMBER if self._written(value)[0] == NUMBER else WORD
        return None

    def name(self, node: Node | None, where: str, kinds: tuple[str, ...]) -> str:
        """Give a name that reads one of these kinds, or "" after noting that it does not."""
        text = self.reading.text(node, where)
        if node is None or not text:
            return ""
        if not self.defines(text):
            self.lose(node, f"{where}: nothing defines {text[:48]!r}", self.mend(text))
            return ""
        kind = self.kind(text)
        if kind is not None and kind not in kinds:
            expected = " or ".join(f"a {each}" for each in kinds)
            self.lose(node, f"{where}: expected {expected}, but {text} is a {kind}", "name another one")
            return ""
        return text

    def operand(
        self, node: Node | None, where: str, kinds: tuple[str, ...], above: Citation
    ) -> tuple[Operand, Citation]:
        """Give a figure (where numbers fit) or a name that reads one of these kinds, and its citation.

        Words fit where `kinds` holds word: a text that names nothing is then a word.
        """
        if node is None:
            return Fraction(0), above
        text = node.value
        if isinstance(text, dict) or (isinstance(text, str) and ANY_NAME.fullmatch(text) is None and WORD not in kinds):
            if NUMBER not in kinds:
                self.reading.wrong(node, f"{where}: expected the name of a {kinds[0]}, got a figure", "name a line")
                return Fraction(0), above
            return self.citing.figure(node, where, above)
        if WORD in kinds and isinstance(text, str) and not self.defines(text):
            if quantity.DECIMAL.fullmatch(text) or not ANY_WORD.fullmatch(text):
                return self.citing.figure(node, where, above)
            return text, above
        return self.name(node, where, kinds), above


def _given(node: Node) -> Iterator[Node]:
    """Give what the branches of `choose` give, as far as they are written as such."""
    for branch in node.value if isinstance(node.value, list) else []:
        own = branch.value if isinstance(branch.value, dict) else {}
        yield from (own[key] for key in ("then", "otherwise") if key in own)


def named(reading: Reading, node: Node | None, where: str) -> list[tuple[str, Node]]:
    """Give the members of a mapping from names of one's own choosing; notes those that cannot be names."""
    if node is None:
        return []
    if not isinstance(node.value, dict):
        reading.wrong(
            node, f"{where}: expected names with what they mean", f"write `{where}:` and below it `name: ...`"
        )
        return []
    if len(node.value) > NAMES_MAX:
        reading.wrong(node, f"{where}: expected at most {NAMES_MAX}, got {len(node.value)}", "split the scheme")
    for name, child in node.value.items():
        if OWN_NAME.fullmatch(name) is None:
            told = f"{where}: expected a name like pay or go_413, got {name[:40]!r}"
            reading.wrong(child, told, "use a-z, 0-9 and _, a letter first")
        elif name in RESERVED and where != "sources":
            reading.wrong(child, f"{where}: {name!r} is a word of the language", "give it another name")
    return list(node.value.items())


def word_of(reading: Reading, node: Node, name: str, text: str) -> str:
    """Give a word that a condition on a name asks for; notes one that the name never reads."""
    choices = CLOSED_WORDS.get(name, ())
    if choices and text not in choices:
        told = f"{name}: expected {' | '.join(choices)}, got {text[:40]!r}"
        reading.wrong(node, told, close_to(text, choices) or "write one of them")
    return word_of_gigs(reading, node, name.removeprefix("gig."), text)


def word_of_gigs(reading: Reading, node: Node, what: str, text: str) -> str:
    """Give a word of a gig (service, vehicle, component); notes one that is all but one of the language's."""
    meant = slip_of(text.partition(":")[0], GIG_WORDS.get(what, ()))
    if meant:
        told = f"{what}: unknown {text[:40]!r}"
        reading.wrong(node, told, f"did you mean {meant!r}?")
    return text
