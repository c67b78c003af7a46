"""Lines: the form of a version, each line one operation on what names read, then bounds and a rounding.

A line has exactly one operation. A figure inside a line may carry its own citation; the line keeps one: its own
source, else that of the first such figure, and it is unverified when any of its figures is. Whether lines go round in a
circle, and what may be read where, is told in `ledger.domain.language.reach`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from ledger.domain import ids
from ledger.domain.language.citing import close_to
from ledger.domain.language.conditions import read_conditions
from ledger.domain.language.keys import CITING_KEYS, FORMS
from ledger.domain.language.measures import read_window
from ledger.domain.language.names import DATED, NUMBER, OWN_NAME, TRUTH, WORD
from ledger.domain.language.operations import COLUMN, CUTOFF, NUMERIC, OPERATIONS, SIDE_KEYS
from ledger.domain.language.scope import Scope
from ledger.domain.language.tables import NOTHING, VALUE
from ledger.domain.language.tree import Node
from ledger.domain.money import Mode
from ledger.domain.scheme import Choice, Citation, DueDay, Line, Operand, Rounding

PAYER: Final = re.compile(r"worker|platform|customer|sponsor|none|subsidy:[A-Z][A-Z0-9]*(-[A-Z0-9]+)*", re.ASCII)
PAYER_FORMS: Final = "worker, platform, customer, sponsor, none or subsidy:JKT"
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_DAY_OF_MONTH: Final = re.compile(r"[0-9]|[12][0-9]|3[01]", re.ASCII)
_MODIFIERS: Final = ("at_least", "at_most", "rounding")
_ALL_KINDS: Final = (NUMBER, *DATED, WORD, TRUTH)


def read_line(scope: Scope, name: str, node: Node, above: Citation) -> Line:
    """Give a line: its operation, its modifiers, its citation."""
    where = f"line {name}"
    if not isinstance(node.value, dict):
        mend = (
            f"write {{value: {node.value[:40]}}}"
            if isinstance(node.value, str) and node.value
            else "write {add: [a, b]}"
        )
        scope.lose(node, f"{where}: expected one operation", mend)
        return Line(name, "value", (Fraction(0),), cite=above)
    found = [key for key in node.value if key in OPERATIONS]
    if len(found) != 1:
        told = f"{where}: expected one operation, got {' and '.join(found) or 'none'}"
        unknown = next((key for key in node.value if key not in (*_MODIFIERS, *CITING_KEYS, COLUMN, CUTOFF)), "")
        mend = close_to(unknown, OPERATIONS) or f"write one of {', '.join(OPERATIONS)}"
        scope.lose(node, told, "make each a line of its own" if found else mend)
        return Line(name, "value", (Fraction(0),), cite=above)
    return _Lines(scope, name, where, node, found[0], above).read()


class _Lines:
    """Reads one line; collects the citations of the figures in it."""

    def __init__(self, scope: Scope, name: str, where: str, node: Node, operation: str, above: Citation) -> None:
        self.scope, self.reading = scope, scope.reading
        self.name, self.where, self.operation = name, where, operation
        self.node = node
        form = FORMS["line"]
        self.own = scope.reading.mapping(node, where, (operation,), (*SIDE_KEYS.get(operation, ()), *form.optional))
        self.cite = scope.citing.cite(self.own, above)
        self.figures: list[Citation] = []

    def read(self) -> Line:
        fields = {"of": (), **self._operation()}
        least, most = (
            self._operand(self.own[key], key) if key in self.own else None for key in ("at_least", "at_most")
        )
        rounding = read_rounding(self.scope, self.own.get("rounding"), self.where, self.cite)
        line = Line(self.name, self.operation, at_least=least, at_most=most, rounding=rounding, **fields)
        self._modifiers(line)
        return replace(line, cite=self._cited())

    def _modifiers(self, line: Line) -> None:
        kind = self.scope.kind(self.name)
        least, most = line.at_least, line.at_most
        if isinstance(least, Fraction) and isinstance(most, Fraction) and least > most:
            self.reading.wrong(self.node, f"{self.where}: at_least is more than at_most", "exchange them")
        if any(each is not None for each in (least, most, line.rounding)) and kind not in (NUMBER, None):
            told = f"{self.where}: a {kind} is neither bounded nor rounded"
            self.reading.wrong(self.node, told, "take at_least, at_most and rounding out")

    def _cited(self) -> Citation:
        verified = self.cite.verified and all(figure.verified for figure in self.figures)
        first = next((figure.source for figure in self.figures if figure.source), "")
        source = self.cite.source if "source" in self.own or not first else first
        notes = [note for note in (self.cite.note, *(figure.note for figure in self.figures)) if note]
        return Citation(source, verified, "; ".join(dict.fromkeys(notes)))

    def _operand(self, node: Node | None, key: str, kinds: tuple[str, ...] = (NUMBER,)) -> Operand:
        operand, cite = self.scope.operand(node, f"{self.where}: {key}", kinds, self.cite)
        if node is not None and isinstance(node.value, dict):
            self.figures.append(replace(cite, source=cite.source if "source" in node.value else ""))
        return operand

    def _operation(self) -> dict[str, Any]:
        """Give the fields of a line that its operation fills."""
        node, operation = self.own[self.operation], self.operation
        if operation == "value":
            return {
                "of": (self._operand(node, operation, (NUMBER, *DATED) if not self._is_word(node) else _ALL_KINDS),)
            }
        if operation in NUMERIC:
            return {"of": self._operands(node, (NUMBER,))}
        if operation == "months_or_part":
            return {"of": self._operands(node, DATED)}
        if operation == "lookup":
            return self._lookup(node)
        if operation == "choose":
            return {"choices": self._choices(node)}
        if operation == "posted":
            return self._posted(node)
        if operation == "due":
            return {"due": self._due(node)}
        return self._starts(node)

    def _is_word(self, node: Node) -> bool:
        """Tell whether a name of words is read: only a defined one, so that a slip is not taken for a word."""
        return isinstance(node.value, str) and self.scope.defines(node.value)

    def _operands(self, node: Node, kinds: tuple[str, ...]) -> tuple[Operand, ...]:
        items = self.reading.items(node, f"{self.where}: {self.operation}")
        count = OPERATIONS[self.operation].operands
        if isinstance(node.value, list) and (len(items) != count if count else len(items) < 2):
            expected = "exactly two" if count else "two or more"
            told = f"{self.where}: {self.operation}: expected {expected} operands, got {len(items)}"
            self.scope.lose(node, told, f"write {OPERATIONS[self.operation].example}")
        operands = tuple(self._operand(item, self.operation, kinds) for item in items)
        if self.operation == "divide" and len(operands) == 2 and operands[1] == Fraction(0):
            self.reading.wrong(items[1], f"{self.where}: divides by 0", "name what it is divided by")
        return operands

    def _lookup(self, node: Node) -> dict[str, Any]:
        name = self.reading.text(node, f"{self.where}: lookup")
        table = self.scope.tables.get(name)
        if name and table is None:
            mend = close_to(name, self.scope.tables) or f"add it under `tables:`; known: {', '.join(self.scope.tables)}"
            self.scope.lose(node, f"{self.where}: no table {name[:48]!r}", mend)
        columns = columns_of(table)
        return {"table": name, "column": pick_column(self.scope, self.own.get(COLUMN), node, columns, self.where)}

    def _choices(self, node: Node) -> tuple[Choice, ...]:
        items = self.reading.items(node, f"{self.where}: choose")
        choices: list[Choice] = []
        for item in items[:-1]:
            choices += self._branch(item)
        if items and isinstance(items[-1].value, dict) and "otherwise" in items[-1].value:
            own = self.reading.mapping(items[-1], f"{self.where}: choose", ("otherwise",))
            if own["otherwise"].value != NOTHING:
                choices.append(Choice((), self._operand(own["otherwise"], "otherwise", self._kinds())))
        else:
            choices += self._branch(items[-1]) if items else []
            told = f"{self.where}: choose: expected `otherwise` as its last item, got none"
            self.reading.wrong(items[-1] if items else node, told, 'add `- otherwise: "0"`, or `- otherwise: nothing`')
        return tuple(choices)

    def _kinds(self) -> tuple[str, ...]:
        kind = self.scope.kind(self.name)
        if kind in DATED:
            return DATED
        return _ALL_KINDS if kind is None else (kind,)

    def _branch(self, item: Node) -> list[Choice]:
        form = FORMS["choice"]
        if isinstance(item.value, dict) and "otherwise" in item.value:
            self.reading.wrong(item, f"{self.where}: choose: nothing after `otherwise` is ever reached", "put it last")
            return []
        own = self.reading.mapping(item, f"{self.where}: choose", form.required, form.optional)
        tests = read_conditions(self.scope, own.get("when"), f"{self.where}: when")
        return [Choice(tests, self._operand(own.get("then"), "then", self._kinds()))]

    def _posted(self, node: Node) -> dict[str, Any]:
        own = self.reading.mapping(node, f"{self.where}: posted", FORMS["posted"].required)
        return {
            "fund": self.reading.word(own.get("fund"), f"{self.where}: fund", ids.FUND, "CPF"),
            "payer": self.reading.word(own.get("payer"), f"{self.where}: payer", PAYER, PAYER_FORMS),
            "window": read_window(self.scope, own.get("window"), f"{self.where}: window"),
        }

    def _due(self, node: Node) -> DueDay:
        where = f"{self.where}: due"
        own = self.reading.mapping(node, where, (), FORMS["due"].optional)
        roll = self.reading.choice(own.get("roll"), f"{where}: roll", {"working": True}, False)
        months, day, working = (
            self.reading.word(own.get(key), f"{where}: {key}", pattern, example)
            for key, pattern, example in (
                ("months", _COUNT, "1"),
                ("day", _DAY_OF_MONTH, "14"),
                ("working_days", _COUNT, "5"),
            )
        )
        if isinstance(node.value, dict) and ("working_days" in own) == ("months" in own or "day" in own):
            told = f"{where}: expected either months and day, or working_days"
            self.reading.wrong(node, told, "write {months: 1, day: 14} or {working_days: 5}")
        elif ("months" in own) != ("day" in own):
            self.reading.wrong(node, f"{where}: expected months and day together", "write {months: 1, day: 14}")
        elif "working_days" in own and "roll" in own:
            self.reading.wrong(own["roll"], f"{where}: working days never end on a weekend", "take `roll` out")
        return DueDay(int(months or 0), int(day or 0), int(working or 0), roll)

    def _starts(self, node: Node) -> dict[str, Any]:
        items = node.value if isinstance(node.value, list) else [node]
        names = tuple(self.scope.name(item, f"{self.where}: starts", DATED) for item in items)
        if not items:
            self.reading.wrong(node, f"{self.where}: expected a name to start from", "write worker.opted_in")
        cutoff = self.own.get(CUTOFF)
        text = self.reading.word(cutoff, f"{self.where}: {CUTOFF}", re.compile("[1-9]|[12][0-9]|3[01]"), "15")
        return {"of": names, "cutoff_day": int(text or 0)}


def columns_of(table: Node | None) -> tuple[str, ...]:
    """Give the columns that a table's node names, `value` where it names none; () where there is no such table."""
    if table is None or not isinstance(table.value, dict):
        return ()
    node = table.value.get("columns")
    if node is None:
        return (VALUE,)
    items: Sequence[Node] = node.value if isinstance(node.value, list) else []
    return tuple(item.value for item in items if isinstance(item.value, str) and OWN_NAME.fullmatch(item.value))


def pick_column(scope: Scope, node: Node | None, at: Node, columns: Sequence[str], where: str) -> int:
    """Give which of a table's columns is meant; notes a column that is missing or not there."""
    if not columns:
        return 0
    if node is None:
        if tuple(columns) != (VALUE,):
            scope.reading.wrong(at, f"{where}: expected which column", f"add `column: {columns[0]}`")
        return 0
    text = scope.reading.text(node, f"{where}: column")
    if text and text not in columns:
        mend = close_to(text, columns) or f"columns: {', '.join(columns)}"
        scope.reading.wrong(node, f"{where}: no column {text[:48]!r}", mend)
        return 0
    return list(columns).index(text) if text else 0


def read_rounding(scope: Scope, node: Node | None, where: str, above: Citation) -> Rounding | None:
    """Give a rounding, its step exact in the currency's unit; None where it is absent."""
    if node is None:
        return None
    form = FORMS["rounding"]
    own = scope.reading.mapping(node, f"{where}: rounding", form.required, form.optional)
    mode = scope.reading.choice(own.get("mode"), f"{where}: mode", {mode.value: mode for mode in Mode}, Mode.DOWN)
    step = scope.citing.number(own.get("step"), f"{where}: step")
    if not step and "step" in own:
        told = f"{where}: step: expected more than 0"
        scope.reading.wrong(own["step"], told, 'write "1" for whole units, "0.01" for cents')
    return Rounding(mode, step or Fraction(1), scope.citing.cite(own, above))
