"""Measures and parameters: what is counted over the gigs of a window, and named figures.

A measure is a sum or a count, gig by gig, so that the order in which gigs come never matters. Notes keys that do not
fit together (components of pay for a sum of hours). Knows no rule: whether the window of a measure fits the rule that
reads it is told in `ledger.domain.language.reach`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from ledger.domain import ids
from ledger.domain.language.conditions import TRUTHS
from ledger.domain.language.forms import COUNTS, SUMS
from ledger.domain.language.keys import FORMS
from ledger.domain.language.names import ANY_WORD, COMPONENT, GIG_CONDITIONS
from ledger.domain.language.scope import Scope, word_of_gigs
from ledger.domain.language.tree import Node
from ledger.domain.period import GIG, RUNNING, Window, parse_window
from ledger.domain.scheme import Citation, Measure, Parameter, Test

SHARING: Final = {"together": True, "each": False}
OPEN: Final = "open"
_KIND: Final = re.compile(rf"{ids.WORD.pattern}(:{ids.WORD.pattern})?", re.ASCII)


def read_window(scope: Scope, node: Node | None, where: str) -> Window | None:
    """Give the window of a written form; None where it is absent, or after noting that there is no such form."""
    text = scope.reading.text(node, where)
    if node is None or not text:
        return None
    try:
        return parse_window(text)
    except ValueError as error:
        scope.reading.wrong(
            node,
            f"{where}: no window {text[:40]!r}",
            str(error).partition("; got")[0].replace("window: expected", "write"),
        )
        return None


def read_parameter(scope: Scope, name: str, node: Node, above: Citation) -> Parameter:
    """Give a named figure: alone, `open`, or with bounds and a citation."""
    where = f"parameter {name}"
    if not isinstance(node.value, dict):
        return Parameter(name, None if node.value == OPEN else scope.citing.number(node, where), None, None, above)
    form = FORMS["parameter"]
    own = scope.reading.mapping(node, where, form.required, form.optional)
    cite = scope.citing.cite(own, above)
    value = own.get("value")
    least, most = (
        scope.citing.number(own[key], f"{where}: {key}") if key in own else None for key in ("at_least", "at_most")
    )
    given = None if value is None or value.value == OPEN else scope.citing.number(value, where)
    if least is not None and most is not None and least > most:
        scope.reading.wrong(node, f"{where}: at_least is more than at_most", "exchange them")
    elif given is not None and not (least or 0) <= given <= (given if most is None else most):
        scope.reading.wrong(node, f"{where}: its value lies outside its own bounds", "mend the value or the bounds")
    return Parameter(name, given, least, most, cite)


def read_measure(scope: Scope, name: str, node: Node, above: Citation) -> Measure:
    """Give a measure: what is summed or counted, of which gigs, over which window."""
    where = f"measure {name}"
    form = FORMS["measure"]
    own = scope.reading.mapping(node, where, form.required, form.optional)
    what = scope.reading.choice(own.get("sum"), f"{where}: sum", {word: word for word in SUMS}, "pay")
    what = scope.reading.choice(own.get("count"), f"{where}: count", {word: word for word in COUNTS}, what)
    _fits(scope, node, own, what, where)
    include, exclude = _kinds(scope, own, where)
    less = scope.reading.words(own.get("less"), f"{where}: less", re.compile("commission"), "commission")
    window = read_window(scope, own.get("window"), f"{where}: window")
    sharing = own.get("platforms")
    previous = scope.reading.choice(own.get("shift"), f"{where}: shift", {"previous": True}, False)
    if previous and window in (GIG, RUNNING):
        scope.reading.wrong(own["shift"], f"{where}: a {window.text} window has none before it", "name a longer window")
    if window == GIG and sharing is not None:
        scope.reading.wrong(sharing, f"{where}: a gig lies on one platform", "leave `platforms` out")
    return Measure(
        name=name,
        what=what,
        include=include,
        exclude=exclude,
        less_commission="commission" in less,
        share=_share(scope, own.get("share"), where),
        where=_of_gigs(scope, own.get("where"), where),
        window=window,
        pooled=scope.reading.choice(sharing, f"{where}: platforms", SHARING, False) if sharing is not None else None,
        previous=previous,
        apart=scope.reading.choice(own.get("apart"), f"{where}: apart", {"platforms": True}, False),
        cite=scope.citing.cite(own, above),
    )


def _fits(scope: Scope, node: Node, own: Mapping[str, Node], what: str, where: str) -> None:
    """Note keys that have no meaning for what is summed or counted."""
    if "sum" in own and "count" in own:
        scope.reading.wrong(own["count"], f"{where}: expected `sum` or `count`, got both", "keep one of them")
    if what == "pay" and "include" not in own and isinstance(node.value, dict):
        scope.reading.wrong(node, f"{where}: expected key 'include', got none", "write `include: all` or [fare, surge]")
    for key in ("include", "exclude", "less"):
        if what != "pay" and key in own:
            scope.reading.wrong(own[key], f"{where}: {key} speaks of pay, and this is {what}", f"take `{key}` out")
    if what in COUNTS and "share" in own:
        scope.reading.wrong(own["share"], f"{where}: {what} are counted whole", "take `share` out")
    if what != "days" and "apart" in own:
        scope.reading.wrong(own["apart"], f"{where}: apart speaks of days, and this is {what}", "take `apart` out")


def _kinds(scope: Scope, own: Mapping[str, Node], where: str) -> tuple[frozenset[str] | None, frozenset[str]]:
    include = own.get("include")
    kinds: frozenset[str] | None = None
    if include is not None and include.value != "all":
        words = scope.reading.words(include, f"{where}: include", _KIND, "fare or cancellation_fee:earning")
        kinds = frozenset(word_of_gigs(scope.reading, include, COMPONENT, word) for word in words)
        if not kinds:
            scope.reading.wrong(include, f"{where}: expected kinds of components", "write `all` or [fare, surge]")
        for kind in kinds:
            if kind.partition(":")[0] in kinds - {kind}:
                scope.reading.wrong(include, f"{where}: {kind} is in {kind.partition(':')[0]} already", "keep one")
    exclude = frozenset(scope.reading.words(own.get("exclude"), f"{where}: exclude", _KIND, "tip"))
    for word in sorted(exclude):
        word_of_gigs(scope.reading, own["exclude"], COMPONENT, word)
    if kinds is not None and exclude:
        told = f"{where}: a list of what is included leaves the rest out"
        scope.reading.wrong(own["exclude"], told, "use `include: all`, or take `exclude` out")
    return kinds, exclude


def _share(scope: Scope, node: Node | None, where: str) -> str | None:
    name = scope.reading.text(node, f"{where}: share")
    if node is not None and name and name not in scope.tables:
        known = ", ".join(scope.tables) or "none"
        scope.lose(node, f"{where}: no table {name[:40]!r}", f"add it under `tables:`; known: {known}")
        return None
    return name or None


def _of_gigs(scope: Scope, node: Node | None, where: str) -> tuple[Test, ...]:
    """Words of the gig; the names of the tests are those written (service, vehicle, zone, any_zone, ...)."""
    if node is None:
        return ()
    own = scope.reading.mapping(node, f"{where}: where", (), GIG_CONDITIONS)
    if not own:
        scope.reading.wrong(node, f"{where}: expected a condition, got none", "write {service: cleaning}")
    tests: list[Test] = []
    for name in GIG_CONDITIONS:
        child = own.get(name)
        if child is None:
            continue
        if name == "earning":
            tests.append(Test(name, "is", scope.reading.choice(child, f"{where}: earning", TRUTHS, True)))
            continue
        pattern, example = (ids.ZONE, "US-WA") if "zone" in name else (ANY_WORD, "ride")
        if isinstance(child.value, list):
            words = scope.reading.words(child, f"{where}: {name}", pattern, example)
            if not child.value:
                scope.reading.wrong(child, f"{where}: {name}: expected at least one word", f"write [{example}]")
            for word in words:
                word_of_gigs(scope.reading, child, name, word)
            tests.append(Test(name, "in", words))
        else:
            word = scope.reading.word(child, f"{where}: {name}", pattern, example)
            tests.append(Test(name, "is", word_of_gigs(scope.reading, child, name, word)))
    return tuple(tests)


def bounds_of(parameter: Parameter) -> Fraction | None:
    """Give the most that a parameter can come to, or None where nothing bounds it."""
    return parameter.value if parameter.value is not None else parameter.at_most
