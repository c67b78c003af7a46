"""Tables: rows found by what names read, each with its values, and what holds where no row does.

The first row that matches holds. An exception may stand before the general row that it is part of; two rows of the
same, a row behind one that covers it, and rows that overlap in part are refused, so that a reader never has to ask
which of two holds. `otherwise` must be said; where numbers leave gaps they are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from ledger.domain import ids
from ledger.domain.language.citing import close_to
from ledger.domain.language.conditions import read_test
from ledger.domain.language.keys import CITING_KEYS, FORMS
from ledger.domain.language.names import ANY_NAME, NUMBER, OWN_NAME, WORD
from ledger.domain.language.scope import Scope
from ledger.domain.language.tree import Node
from ledger.domain.scheme import Citation, Operand, Row, Table, Test

VALUE: Final = "value"
ANY: Final = "any"
NOTHING: Final = "nothing"
REFUSE: Final = "refuse"
ROWS_MAX: Final = 1000


def read_table(scope: Scope, name: str, node: Node, above: Citation) -> Table:
    """Give a table with all its rows."""
    where = f"table {name}"
    form = FORMS["table"]
    if isinstance(node.value, dict) and "otherwise" not in node.value:
        required = tuple(key for key in form.required if key != "otherwise")
    else:
        required = form.required
    own = scope.reading.mapping(node, where, required, (*form.optional, "otherwise"))
    cite = scope.citing.cite(own, above)
    by = _by(scope, own.get("by"), where)
    columns = scope.reading.words(own.get("columns"), f"{where}: columns", OWN_NAME, "worker") or (VALUE,)
    keys = {short_of(full): full for full in by}
    if len(keys) < len(by) or set(keys) & {*columns, *CITING_KEYS}:
        scope.reading.wrong(
            own["by"], f"{where}: two keys of a row have one name", "name a line instead of one of them"
        )
    nodes = scope.reading.items(own.get("rows"), f"{where}: rows")
    if len(nodes) > ROWS_MAX:
        scope.reading.wrong(
            own["rows"], f"{where}: expected at most {ROWS_MAX} rows, got {len(nodes)}", "split the table"
        )
        nodes = nodes[:ROWS_MAX]
    rows = tuple(_row(scope, row, keys, columns, where, cite) for row in nodes)
    if "rows" in own and not rows:
        scope.reading.wrong(own["rows"], f"{where}: expected at least one row", "add a row with its value")
    _columns_agree(scope, nodes, rows, columns, where)
    _overlaps(scope, nodes, rows, where)
    _adds_up(scope, own.get("adds_up"), nodes, rows, columns, where)
    otherwise = own.get("otherwise")
    if otherwise is None and isinstance(node.value, dict):
        _no_otherwise(scope, node, by, rows, where)
    return Table(name, by, columns, rows, _otherwise(scope, otherwise, where, cite), cite)


def short_of(name: str) -> str:
    """Give the key of a row for a name that is looked up: what stands after its dot."""
    return name.rpartition(".")[2]


def _by(scope: Scope, node: Node | None, where: str) -> tuple[str, ...]:
    found: list[str] = []
    for item in scope.reading.items(node, f"{where}: by"):
        text = scope.reading.word(item, f"{where}: by", ANY_NAME, "gig.service")
        if text and not scope.defines(text):
            longer = f"gig.{text}" if scope.defines(f"gig.{text}") else f"worker.{text}"
            mend = f"write {longer}" if scope.defines(longer) else scope.mend(text)
            scope.lose(item, f"{where}: nothing defines {text[:48]!r}", mend)
        elif text:
            found.append(text)
    if node is not None and isinstance(node.value, list) and not node.value:
        scope.reading.wrong(node, f"{where}: expected names to look up, got none", "write [gig.service]")
    return tuple(found)


def _row(scope: Scope, node: Node, keys: Mapping[str, str], columns: Sequence[str], where: str, above: Citation) -> Row:
    own = scope.reading.mapping(node, f"{where}: row", (*keys, *columns), CITING_KEYS)
    cite = scope.citing.cite(own, above)
    tests: list[Test] = []
    for short, full in keys.items():
        child = own.get(short)
        if child is not None and child.value != ANY:
            tests += read_test(scope, full, child, f"{where}: {short}")
    values = tuple(_cell(scope, own.get(column), f"{where}: {column}", cite) for column in columns)
    return Row(tuple(tests), values, cite)


def _cell(scope: Scope, node: Node | None, where: str, above: Citation) -> Operand:
    if node is not None and isinstance(node.value, str) and scope.defines(node.value):
        scope.reading.wrong(node, f"{where}: a row holds figures and words, {node.value} is a name", "write its figure")
        return Fraction(0)
    return scope.operand(node, where, (NUMBER, WORD), above)[0]


def _otherwise(scope: Scope, node: Node | None, where: str, above: Citation) -> str | Fraction:
    if node is None or node.value in (NOTHING, REFUSE):
        return str(node.value) if node is not None else NOTHING
    text = node.value if isinstance(node.value, str) else ""
    if text[:1].isalpha():
        mend = "write `nothing`" if text == "post nothing" else close_to(text, (NOTHING, REFUSE)) or "write one of them"
        scope.reading.wrong(node, f"{where}: otherwise: expected nothing | refuse | a figure, got {text[:40]!r}", mend)
        return NOTHING
    return scope.citing.figure(node, f"{where}: otherwise", above)[0]


def _columns_agree(
    scope: Scope, nodes: Sequence[Node], rows: Sequence[Row], columns: Sequence[str], where: str
) -> None:
    for index, column in enumerate(columns):
        words = {isinstance(row.values[index], str) for row in rows}
        if len(words) > 1:
            told = f"{where}: {column} holds figures in some rows and words in others"
            scope.reading.wrong(nodes[0], told, "write all as figures, or all as words")


def _adds_up(
    scope: Scope, node: Node | None, nodes: Sequence[Node], rows: Sequence[Row], columns: Sequence[str], where: str
) -> None:
    """Check the parts and the total of each row where the table says which they are."""
    if node is None:
        return
    form = FORMS["adds_up"]
    own = scope.reading.mapping(node, f"{where}: adds_up", form.required)
    parts = scope.reading.words(own.get("of"), f"{where}: adds_up", OWN_NAME, "oa")
    total = own.get("to")
    named = str(total.value) if total is not None and isinstance(total.value, str) else ""
    fixed = None if named in columns or total is None else scope.citing.number(total, f"{where}: adds_up: to")
    for part in parts:
        if part not in columns:
            mend = close_to(part, columns) or f"columns: {', '.join(columns)}"
            scope.reading.wrong(node, f"{where}: adds_up: no column {part!r}", mend)
    if not set(parts) <= set(columns):
        return
    for at, row in zip(nodes, rows, strict=True):
        cells = dict(zip(columns, row.values, strict=True))
        found = sum((v for part in parts if isinstance(v := cells[part], Fraction)), Fraction(0))
        expected = cells.get(named) if fixed is None else fixed
        if isinstance(expected, Fraction) and found != expected:
            told = f"{where}: {' + '.join(parts)} come to {_spoken(found)}, expected {_spoken(expected)}"
            scope.reading.wrong(at, told, "mend the shares or the total")


def _no_otherwise(scope: Scope, node: Node, by: Sequence[str], rows: Sequence[Row], where: str) -> None:
    gaps = gaps_of(rows) if len(by) == 1 and scope.kind(by[0]) == NUMBER else []
    said = f"; no row holds {', '.join(gaps)}" if gaps else ""
    mend = "add `otherwise: nothing`, `otherwise: refuse` (not known beyond these rows), or a figure"
    scope.reading.wrong(node, f"{where}: expected key 'otherwise', got none{said}", mend)


class _Interval(NamedTuple):
    """Numbers or days between two bounds; None: no bound on that side."""

    low: Fraction | date | None
    low_open: bool
    high: Fraction | date | None
    high_open: bool


def gaps_of(rows: Sequence[Row]) -> list[str]:
    """Give in words the numbers that no row of a table by one number holds."""
    spans = sorted(
        (_interval(row.tests) for row in rows),
        key=lambda span: (span.low is not None, _number(span.low), span.low_open),
    )
    gaps: list[str] = []
    reach: Fraction | None = None
    reach_open = True  # nothing is held so far, not even the bound itself
    for number, span in enumerate(spans):
        low, high = _number(span.low), span.high
        if span.low is not None and number == 0:
            gaps.append(f"below {_spoken(low)}")
        elif reach is not None and (low > reach or (low == reach and span.low_open and reach_open)):
            gaps.append(f"{_spoken(reach)}" if low == reach else f"between {_spoken(reach)} and {_spoken(low)}")
        if high is None:
            return gaps
        if reach is None or (_number(high), not span.high_open) > (reach, not reach_open):
            reach, reach_open = _number(high), span.high_open
    return [*gaps, f"above {_spoken(reach)}"] if reach is not None else gaps


def _number(bound: Fraction | date | None) -> Fraction:
    return bound if isinstance(bound, Fraction) else Fraction(0)


def _spoken(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{number.numerator}/{number.denominator}"


def _interval(tests: Sequence[Test]) -> _Interval:
    low = high = None
    low_open = high_open = False
    for test in tests:
        if not isinstance(test.value, Fraction | date):
            continue
        if test.relation in ("above", "from", "is"):
            low, low_open = test.value, test.relation == "above"
        if test.relation in ("to", "below", "is"):
            high, high_open = test.value, test.relation == "below"
    return _Interval(low, low_open, high, high_open)


def _overlaps(scope: Scope, nodes: Sequence[Node], rows: Sequence[Row], where: str) -> None:
    """Note pairs of rows of which a gig could find both, unless the earlier is an exception to the later."""
    for index, later in enumerate(rows):
        for before, earlier in enumerate(rows[:index]):
            if _meet(earlier, later) and not (_within(earlier, later) and not _within(later, earlier)):
                mend = f"see line {nodes[before].line}: let each case find one row, an exception before the general row"
                said = ", ".join(_said(test) for test in later.tests) or "any"
                scope.reading.wrong(nodes[index], f"{where}: {said} stands in two rows", mend)
                break


def _said(test: Test) -> str:
    value = test.value
    if isinstance(value, tuple):
        return " | ".join(value)
    shown = _spoken(value) if isinstance(value, Fraction) else str(value)
    return shown if test.relation == "is" else f"{test.relation} {shown}"


def _by_name(row: Row) -> dict[str, list[Test]]:
    found: dict[str, list[Test]] = {}
    for test in row.tests:
        found.setdefault(test.name, []).append(test)
    return found


def _meet(left: Row, right: Row) -> bool:
    """Tell whether one case could find both rows; bounds that are names are not known here and never meet."""
    own, other = _by_name(left), _by_name(right)
    return all(_tests_meet(own[name], other[name]) for name in own.keys() & other.keys())


def _within(inner: Row, outer: Row) -> bool:
    """Tell whether every case that finds `inner` would find `outer`."""
    own, other = _by_name(inner), _by_name(outer)
    return all(name in own and _tests_within(own[name], tests) for name, tests in other.items())


def _words(tests: Sequence[Test]) -> tuple[str, ...] | None:
    test = tests[0]
    if isinstance(test.value, tuple):
        return test.value
    return (test.value,) if test.relation in ("is", "has") and isinstance(test.value, str) else None


def _tests_meet(left: Sequence[Test], right: Sequence[Test]) -> bool:
    own, other = _words(left), _words(right)
    if own is not None and other is not None:
        return any(ids.zone_covers(a, b) or ids.zone_covers(b, a) for a in own for b in other)
    if not (_literal(left) and _literal(right)):
        return list(left) == list(right)
    if isinstance(left[0].value, bool) or isinstance(right[0].value, bool):
        return left[0] == right[0]
    a, b = _interval(left), _interval(right)
    return _below(a.low, a.low_open, b.high, b.high_open) and _below(b.low, b.low_open, a.high, a.high_open)


def _tests_within(inner: Sequence[Test], outer: Sequence[Test]) -> bool:
    own, other = _words(inner), _words(outer)
    if own is not None and other is not None:
        return all(any(ids.zone_covers(b, a) for b in other) for a in own)
    if not (_literal(inner) and _literal(outer)) or isinstance(outer[0].value, bool):
        return list(inner) == list(outer)
    a, b = _interval(inner), _interval(outer)
    low = b.low is None or (a.low is not None and (a.low, a.low_open) >= (b.low, b.low_open))
    high = b.high is None or (a.high is not None and (a.high, not a.high_open) <= (b.high, not b.high_open))
    return bool(low and high)


def _literal(tests: Sequence[Test]) -> bool:
    return all(isinstance(test.value, Fraction | date | bool) and test.relation != "known" for test in tests)


def _below(low: Fraction | date | None, low_open: bool, high: Fraction | date | None, high_open: bool) -> bool:
    if low is None or high is None:
        return True
    return bool(low < high or (low == high and not low_open and not high_open))  # type: ignore[operator]
