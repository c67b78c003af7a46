"""Conditions: what must hold of what a name reads, typed by the kind of the name.

A mapping of names to tests; all must hold. A word, figure, day or truth alone means `is`; a list means `in`; else a
mapping of comparisons. Months and days compare with each other. A condition that can never hold is refused. Knows
nothing of rules; the same tests stand in rows of tables and in `when`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Final

from ledger.domain import ids
from ledger.domain.attributes import Month
from ledger.domain.language.citing import close_to
from ledger.domain.language.names import (
    ANY_NAME,
    ANY_WORD,
    DATED,
    DAY,
    LIST,
    MONTH,
    NUMBER,
    TRUTH,
    WORD,
)
from ledger.domain.language.scope import Scope, word_of
from ledger.domain.language.tree import Node
from ledger.domain.scheme import Citation, Operand, Test

COMPARISONS: Final[dict[str, str]] = {
    "above": "more than, or later",
    "from": "this or more, or later",
    "to": "this or less, or earlier",
    "below": "less than, or earlier",
}
RELATIONS: Final[dict[str, str]] = {
    **COMPARISONS,
    "has": "the list holds this word",
    "known": "`true`: there is a value; `false`: there is none",
}
TRUTHS: Final = {"true": True, "false": False}
_DAY_FORM: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH_FORM: Final = re.compile(r"\d{4}-\d{2}", re.ASCII)
_ZONE_OR_NONE: Final = re.compile(rf"{ids.ZONE.pattern}|none", re.ASCII)
_NO_CITE: Final = Citation("", True, "")


def read_conditions(scope: Scope, node: Node | None, where: str) -> tuple[Test, ...]:
    """Give the tests of a mapping from names to what must hold of them."""
    if node is None:
        return ()
    if not isinstance(node.value, dict) or not node.value:
        scope.reading.wrong(node, f"{where}: expected names and what must hold of them", "write {worker.plan: 2}")
        return ()
    tests: list[Test] = []
    for name, child in sorted(node.value.items()):
        if not scope.defines(name):
            at = child._replace(line=child.key_line or child.line)
            scope.lose(at, f"{where}: nothing defines {name[:48]!r}", scope.mend(name))
            continue
        tests += read_test(scope, name, child, f"{where}: {name}")
    return tuple(tests)


def read_test(scope: Scope, name: str, node: Node, where: str) -> tuple[Test, ...]:
    """Give the tests that one node says about what a name reads; several where it bounds it on both sides."""
    kind = scope.kind(name)
    if kind is None:
        scope.lose(node, f"{where}: what {name} reads cannot be told", f"mend {name} first")
        return ()
    if isinstance(node.value, list):
        words = _several(scope, name, kind, node, where)
        return (Test(name, "in", words),) if words else ()
    if isinstance(node.value, dict):
        return _relations(scope, name, kind, node, where)
    value = _literal(scope, name, kind, node, where)
    return () if value is None else (Test(name, "is", value),)


def _several(scope: Scope, name: str, kind: str, node: Node, where: str) -> tuple[str, ...]:
    if kind != WORD:
        mend = "write {has: JKK}" if kind == LIST else 'write {from: "1", to: "2"}, or a row or rule for each'
        scope.reading.wrong(node, f"{where}: one of several fits words, but it is a {kind}", mend)
        return ()
    pattern, example = _word_form(name)
    words = scope.reading.words(node, where, pattern, example)
    if not words:
        scope.reading.wrong(node, f"{where}: expected at least one word", f"write [{example}]")
    return tuple(word_of(scope.reading, node, name, word) for word in words)


def _relations(scope: Scope, name: str, kind: str, node: Node, where: str) -> tuple[Test, ...]:
    own = scope.reading.mapping(node, where, (), tuple(RELATIONS))
    tests: list[Test] = []
    for relation in RELATIONS:
        child = own.get(relation)
        if child is None:
            continue
        value: Operand | date | bool | None
        if relation == "known":
            value = scope.reading.choice(child, where, TRUTHS, True)
        elif relation == "has":
            value = _held(scope, kind, child, where)
        else:
            value = _bound(scope, name, kind, child, where)
        if value is not None:
            tests.append(Test(name, relation, value))
    if not own and isinstance(node.value, dict) and not node.value:
        scope.reading.wrong(node, f"{where}: expected a comparison, got none", 'write {above: "50"}')
    if never(tests):
        scope.reading.wrong(node, f"{where}: no value lies within these bounds", "exchange or widen them")
    return tuple(tests)


def _held(scope: Scope, kind: str, node: Node, where: str) -> str | None:
    if kind != LIST:
        scope.reading.wrong(node, f"{where}: `has` asks a list, but it is a {kind}", "write the value itself")
        return None
    return scope.reading.word(node, where, ANY_WORD, "JKK") or None


def _bound(scope: Scope, name: str, kind: str, node: Node, where: str) -> Operand | date | None:
    if kind not in (NUMBER, *DATED):
        scope.reading.wrong(node, f"{where}: a {kind} is not compared", "write the value itself, or a list")
        return None
    if isinstance(node.value, str) and ANY_NAME.fullmatch(node.value):
        return scope.name(node, where, (NUMBER,) if kind == NUMBER else DATED) or None
    found = _literal(scope, name, kind, node, where)
    return None if isinstance(found, bool) else found


def _literal(scope: Scope, name: str, kind: str, node: Node, where: str) -> Operand | date | bool | None:
    if kind == NUMBER:
        return scope.citing.figure(node, where, _NO_CITE)[0]
    text = scope.reading.text(node, where)
    if not text:
        return None
    if kind in DATED:
        return _dated(scope, kind, node, text, where)
    if kind == TRUTH:
        if text not in TRUTHS:
            scope.reading.wrong(node, f"{where}: expected true or false, got {text[:40]!r}", "write one of them")
        return TRUTHS.get(text)
    if kind == LIST:
        scope.reading.wrong(node, f"{where}: it is a list of words", f"write {{has: {text[:40]}}}")
        return None
    pattern, example = _word_form(name)
    word = scope.reading.word(node, where, pattern, example)
    return word_of(scope.reading, node, name, word) if word else None


def _dated(scope: Scope, kind: str, node: Node, text: str, where: str) -> date | None:
    try:
        if kind != MONTH and _DAY_FORM.fullmatch(text):
            return date.fromisoformat(text)
        if kind != DAY and _MONTH_FORM.fullmatch(text):
            return Month(int(text[:4]), int(text[5:]), 1)
    except ValueError:
        scope.reading.wrong(node, f"{where}: expected a day of the calendar, got {text}", "write it as 2026-01-31")
        return None
    forms = {DAY: "a day such as 2026-01-31", MONTH: "a month such as 1995-01"}
    form = forms.get(kind, "a month such as 1995-01, or a day such as 2026-01-31")
    written = text[:7] if kind == MONTH and _DAY_FORM.fullmatch(text) else form
    scope.reading.wrong(
        node, f"{where}: expected {form}, got {text[:40]!r}", close_to(text, scope.lines) or f"write {written}"
    )
    return None


def _word_form(name: str) -> tuple[re.Pattern[str], str]:
    if name in ("gig.zone", "zone", "any_zone"):
        return _ZONE_OR_NONE, "US-WA"
    return ANY_WORD, "transport"


def never(tests: Iterable[Test]) -> bool:
    """Tell whether bounds written as figures or days leave nothing between them."""
    low = high = None
    open_low = open_high = False
    for test in tests:
        if not isinstance(test.value, Fraction | date):
            continue
        if test.relation in ("above", "from"):
            low, open_low = test.value, test.relation == "above"
        elif test.relation in ("to", "below"):
            high, open_high = test.value, test.relation == "below"
    if low is None or high is None:
        return False
    return bool(low > high or (low == high and (open_low or open_high)))  # type: ignore[operator]
