"""Rules and notices: what is posted, and what is said; each key on its own, and which of them go together.

A rule says how much either by the name of a line or, in short, as a rate of a measure to a cap. One fund, payer, state,
unit and window has one rule, so that nobody has to add up two. What a rule may read, and the window of it, is told in
`ledger.domain.language.reach`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from ledger.domain import ids
from ledger.domain.language.citing import close_to
from ledger.domain.language.conditions import TRUTHS, read_conditions
from ledger.domain.language.forms import NOTICE_KINDS, NOTICE_MOMENTS, RULE_MOMENTS, SPOKEN_BY_ENGINE, STATES, UNITS
from ledger.domain.language.keys import CITING_KEYS, FORMS
from ledger.domain.language.lines import PAYER, PAYER_FORMS, columns_of, read_rounding
from ledger.domain.language.measures import SHARING, bounds_of, read_window
from ledger.domain.language.names import DATED, NUMBER, OWN_NAME, TRUTH, WORD
from ledger.domain.language.scope import Scope
from ledger.domain.language.tables import VALUE
from ledger.domain.language.tree import Node
from ledger.domain.money import Mode, Rate
from ledger.domain.period import DAY, GIG, RUNNING, Window
from ledger.domain.quantity import decimal
from ledger.domain.scheme import Cap, Citation, Notice, Rounding, Rule

AS_IS: Final = "as_is"
_STEPS: Final = {"hours": Fraction(1, 3600), "days": Fraction(1)}


def read_rule(scope: Scope, node: Node, above: Citation) -> Rule:
    """Give a rule; notes what each key allows and all of them together do not."""
    form = FORMS["rule"]
    own = scope.reading.mapping(node, "rule", form.required, form.optional)
    fund = scope.reading.word(own.get("fund"), "fund", ids.FUND, "JKK")
    payer = scope.reading.word(own.get("payer"), "payer", PAYER, PAYER_FORMS)
    where = f"rule {fund} by {payer}" if fund and payer else f"rule {fund}".rstrip()
    cite = scope.citing.cite(own, above)
    unit = scope.reading.choice(own.get("unit"), "unit", {word: word for word in UNITS}, "money")
    window = read_window(scope, own.get("window"), "window")
    rate, rate_cite = _rate(scope, own, where, cite)
    rounding = _rounding(scope, node, own, unit, where, cite)
    rule = Rule(
        fund=fund,
        payer=payer,
        state=scope.reading.choice(own.get("state"), "state", {word: word for word in STATES}, "accrued"),
        unit=unit,
        window=window or GIG,
        pooled=_pooled(scope, node, own, window, where),
        on=scope.reading.choice(own.get("on"), "on", {word: word for word in RULE_MOMENTS}, "gig"),
        when=read_conditions(scope, own.get("when"), f"{where}: when"),
        amount=scope.name(own.get("amount"), f"{where}: amount", (NUMBER,)) or None,
        base=_base(scope, own.get("base"), where),
        rate=rate,
        rate_cite=rate_cite,
        cap=_cap(scope, own.get("cap"), where, cite),
        rounding=rounding,
        cite=cite,
    )
    _how_much(scope, node, own, where)
    _together(scope, node, own, rule, window, where)
    return rule


def _pooled(scope: Scope, node: Node, own: Mapping[str, Node], window: Window | None, where: str) -> bool:
    sharing = own.get("platforms")
    if window == GIG and sharing is not None:
        scope.reading.wrong(sharing, "platforms: a gig lies on one platform", "leave it out where window is gig")
    if window not in (GIG, None) and sharing is None:
        mend = "add `platforms: together` or `platforms: each`"
        scope.reading.wrong(node, f"{where}: expected key 'platforms', got none", mend)
    return scope.reading.choice(sharing, "platforms", SHARING, False)


def _base(scope: Scope, node: Node | None, where: str) -> str | None:
    text = scope.reading.text(node, f"{where}: base")
    if node is not None and text and text not in scope.measures:
        known = ", ".join(scope.measures) or "none"
        mend = "write `amount:` for a line" if text in scope.lines else close_to(text, scope.measures)
        scope.lose(node, f"{where}: base: no measure {text[:48]!r}", mend or f"measures: {known}")
        return None
    return text or None


def _rate(scope: Scope, own: Mapping[str, Node], where: str, above: Citation) -> tuple[Rate | str | None, Citation]:
    node = own.get("rate")
    if node is None:
        return None, above
    if isinstance(node.value, str) and OWN_NAME.fullmatch(node.value):
        name = node.value
        if name not in scope.parameters:
            mend = "write `amount:` for a line" if name in scope.lines else close_to(name, scope.parameters)
            told = f"{where}: rate: no parameter {name[:48]!r}"
            scope.lose(node, told, mend or "add it under `parameters:`, or write a figure")
            return None, above
        parameter = next(each for each in scope.read_parameters if each.name == name)
        most = bounds_of(parameter)
        if most is not None and most > 1:
            _above_one(scope, node, own, where)
        return name, parameter.cite
    value, cite = scope.citing.figure(node, f"{where}: rate", above)
    if value > 1:
        _above_one(scope, node, own, where)
    return Rate(value.numerator, value.denominator), cite


def _above_one(scope: Scope, node: Node, own: Mapping[str, Node], where: str) -> None:
    """More than the whole of pay is a slip (`1.5` for 1.5 %) unless the rule says that it is meant."""
    base = own.get("base")
    measure = scope.measures.get(base.value) if base is not None and isinstance(base.value, str) else None
    keys = measure.value if measure is not None and isinstance(measure.value, dict) else {}
    of_pay = "count" not in keys and ("sum" not in keys or keys["sum"].value == "pay")
    said = scope.reading.choice(own.get("above_one"), "above_one", TRUTHS, False)
    if of_pay and not said:
        told = f"{where}: rate: expected a share from 0 to 1"
        scope.reading.wrong(node, told, 'write 1 % as "0.01"; if more than the whole is meant, add `above_one: true`')


def _cap(scope: Scope, node: Node | None, where: str, above: Citation) -> Cap | None:
    if node is None:
        return None
    if isinstance(node.value, dict) and "table" in node.value:
        own = scope.reading.mapping(node, f"{where}: cap", ("table",), CITING_KEYS)
        name = scope.reading.text(own.get("table"), f"{where}: cap")
        columns = columns_of(scope.tables.get(name))
        if name and name not in scope.tables:
            known = ", ".join(scope.tables) or "none"
            mend = close_to(name, scope.tables) or f"add it under `tables:`; known: {known}"
            scope.lose(node, f"{where}: cap: no table {name[:40]!r}", mend)
        elif columns and columns != (VALUE,):
            told = f"{where}: cap: expected a table with one value per row"
            scope.reading.wrong(node, told, "look it up in a line, with `column:`, and use `amount`")
        return Cap(None, name, scope.citing.cite(own, above))
    amount, cite = scope.citing.figure(node, f"{where}: cap", above)
    return Cap(amount, None, cite)


def _rounding(scope: Scope, node: Node, own: Mapping[str, Node], unit: str, where: str, above: Citation) -> Rounding:
    written = own.get("rounding")
    if unit != "money":
        if written is not None:
            told = f"{where}: {unit} are rounded down to whole {'seconds' if unit == 'hours' else 'days'} always"
            scope.reading.wrong(written, told, "take `rounding` out")
        return Rounding(Mode.DOWN, _STEPS[unit], above)
    if written is None:
        mend = 'add `rounding: {mode: down, step: "0.01"}`, or `rounding: as_is` where the line is exact'
        scope.reading.wrong(node, f"{where}: expected key 'rounding', got none", mend)
        return Rounding(Mode.DOWN, Fraction(0), above)
    if written.value == AS_IS:
        return Rounding(Mode.DOWN, Fraction(0), above)
    rounding = read_rounding(scope, written, where, above) or Rounding(Mode.DOWN, Fraction(0), above)
    if (rounding.step * 10**scope.digits).denominator != 1:
        told = f"{where}: step: expected at most {scope.digits} decimals, as the currency has"
        scope.reading.wrong(written, told, "round finer steps in a line")
    return rounding


def _how_much(scope: Scope, node: Node, own: Mapping[str, Node], where: str) -> None:
    if not own:
        return
    short = [key for key in ("base", "rate", "cap") if key in own]
    if "amount" in own and short:
        told = f"{where}: expected `amount`, or `base` and `rate`; got {', '.join(['amount', *short])}"
        scope.lose(node, told, "keep one way; a cap of a line is its `at_most`")
    elif "amount" not in own and not ("base" in own and "rate" in own):
        missing = "amount" if not short else "rate" if "base" in own else "base"
        told = f"{where}: expected key {missing!r}, got none"
        scope.lose(node, told, "name a line in `amount:`, or write `base:` and `rate:`")
    if "above_one" in own and "rate" not in own:
        scope.reading.wrong(own["above_one"], f"{where}: above_one speaks of a rate", "take `above_one` out")


def _together(scope: Scope, node: Node, own: Mapping[str, Node], rule: Rule, window: Window | None, where: str) -> None:
    if rule.payer == "none" and rule.unit == "money":
        scope.reading.wrong(node, f"{where}: money has a payer", "name one, or write `unit: days` or `unit: hours`")
    if "on" in own and window in (GIG, RUNNING) and rule.on in ("close", "remittance"):
        told = f"{where}: a {rule.window.text} window is never closed or paid for"
        scope.reading.wrong(own["on"], told, "use `on: gig`, or a window with an end")
    if rule.payer == "sponsor" and window in (GIG, RUNNING):
        told = f"{where}: who sponsors a worker may be stated later for an earlier day, and its window is {window.text}"
        scope.reading.wrong(own["payer"], told, "use a window with an end, which is worked out again")
    unclear = window is not None and (rule.on != "gig" or window == RUNNING or window.rolling)
    if unclear and rule.pooled and rule.payer in (ids.PLATFORM_PAYER, ids.CUSTOMER):
        told = f"{where}: takes all platforms together, and nothing says which of them pays"
        mend = "use `platforms: each`, or `on: gig` over a period with an end, where each gig's platform pays its part"
        scope.reading.wrong(node, told, mend)
    step = rule.rounding.step
    caps = [rule.cap.amount] if rule.cap is not None and rule.cap.amount is not None else []
    if rule.cap is not None and rule.cap.table is not None:
        caps = _table_caps(scope, rule.cap.table)
    if step and any(Fraction(cap, step).denominator != 1 for cap in caps):
        told = f"{where}: cap: expected a multiple of the rounding step"
        scope.reading.wrong(own["cap"], told, "else rounding could pass the cap")


def _table_caps(scope: Scope, name: str) -> list[Fraction]:
    table = next((table for table in scope.read_tables if table.name == name), None)
    return [value for row in table.rows for value in row.values if isinstance(value, Fraction)] if table else []


def read_notice(scope: Scope, node: Node, above: Citation) -> Notice:
    """Give a notice."""
    form = FORMS["notice"]
    own = scope.reading.mapping(node, "notice", form.required, form.optional)
    kind_node = own.get("kind")
    said = kind_node.value if kind_node is not None and isinstance(kind_node.value, str) else ""
    if kind_node is not None and said in SPOKEN_BY_ENGINE:
        mend = "take it out: an open parameter and `otherwise: refuse` say it"
        scope.reading.wrong(kind_node, f"notice: {said} is said of itself", mend)
        kind = ""
    else:
        kind = scope.reading.choice(kind_node, "kind", {word: word for word in NOTICE_KINDS}, "")
    where = f"notice {kind}".rstrip()
    window = read_window(scope, own.get("window"), "window")
    on = scope.reading.choice(own.get("on"), "on", {word: word for word in NOTICE_MOMENTS}, "gig")
    if on == "close" and window in (GIG, RUNNING):
        told = f"{where}: a {window.text if window else ''} window is never closed"
        scope.reading.wrong(own["on"], told, "use `on: gig`, or a window with an end")
    if "truth" in own and ("when" in own or "value" in own):
        told = f"{where}: `truth` is condition and value in one"
        scope.reading.wrong(own["truth"], told, "keep it alone, or write `when` and `value`")
    cite = scope.citing.cite(own, above)
    return Notice(
        kind=kind,
        fund=scope.reading.word(own.get("fund"), f"{where}: fund", ids.FUND, "JKK"),
        window=window or GIG,
        pooled=_pooled(scope, node, own, window, where),
        on=on,
        when=read_conditions(scope, own.get("truth") or own.get("when"), f"{where}: when"),
        amount=scope.operand(own["amount"], f"{where}: amount", (NUMBER,), cite)[0] if "amount" in own else None,
        value=_value(scope, own.get("value"), where, cite),
        date=scope.name(own.get("date"), f"{where}: date", DATED) or None,
        truth="truth" in own,
        cite=cite,
    )


def _value(scope: Scope, node: Node | None, where: str, above: Citation) -> Fraction | str | None:
    if node is None:
        return None
    return scope.operand(node, f"{where}: value", (WORD, NUMBER, TRUTH, *DATED), above)[0]


def check_rules(scope: Scope, nodes: Sequence[Node], rules: Sequence[Rule], totals: Node | None) -> None:
    """Note rules that say the same twice, and shares that do not add up."""
    seen: dict[tuple[str, ...], int] = {}
    for node, rule in zip(nodes, rules, strict=True):
        key = (rule.fund, rule.payer, rule.state, rule.unit, rule.window.text)
        if rule.fund and rule.payer and key in seen:
            told = f"rules: {rule.fund} by {rule.payer} stands twice (line {seen[key]})"
            scope.reading.wrong(node, told, "join the two in one line with `choose`, or name two funds")
        seen.setdefault(key, node.line)
    _apart(scope, nodes, rules)
    _whole(scope, nodes, rules)
    _totals(scope, totals, rules)


def _apart(scope: Scope, nodes: Sequence[Node], rules: Sequence[Rule]) -> None:
    """Note rules whose postings could not be told apart: a gig's, a day's and what runs on are all entered by day."""
    seen: dict[tuple[str, ...], Rule] = {}
    for node, rule in zip(nodes, rules, strict=True):
        key = by_day(rule)
        if key and key in seen and seen[key].window != rule.window:
            told = f"rules: {rule.fund} by {rule.payer} over {seen[key].window.text} and over {rule.window.text}"
            scope.reading.wrong(node, f"{told} are both entered by day", "name two funds, or a fund and a part of it")
        if key:
            seen.setdefault(key, rule)


def by_day(rule: Rule) -> tuple[str, ...]:
    """Give what names a rule's postings where they are entered by day; () where its window has another name."""
    return (rule.fund, rule.payer, rule.state, rule.unit) if rule.window in (GIG, DAY, RUNNING) and rule.fund else ()


def _whole(scope: Scope, nodes: Sequence[Node], rules: Sequence[Rule]) -> None:
    """The shares of one fund in one measure come to no more than the whole, unless a rule says that it may."""
    groups: dict[tuple[str, ...], list[tuple[Node, Rule]]] = {}
    for node, rule in zip(nodes, rules, strict=True):
        said = isinstance(node.value, dict) and "above_one" in node.value
        pay = any(each.name == rule.base and each.what == "pay" for each in scope.read_measures)
        if isinstance(rule.rate, Rate) and pay and not said and not rule.when:
            key = (rule.fund, rule.base or "", rule.window.text, rule.state, rule.unit)
            groups.setdefault(key, []).append((node, rule))
    for (fund, base, *_), members in groups.items():
        total = sum((Fraction(*rule.rate) for _, rule in members if isinstance(rule.rate, Rate)), Fraction(0))
        if len(members) > 1 and total > 1:
            told = f"rules: the payers of {fund} pay more than the whole of {base} together"
            scope.reading.wrong(members[-1][0], told, "mend the rates; if it is meant, add `above_one: true`")


def _totals(scope: Scope, node: Node | None, rules: Sequence[Rule]) -> None:
    if node is None:
        return
    if not isinstance(node.value, dict):
        scope.reading.wrong(node, "adds_up: expected funds and their totals", 'write {JHT: "0.03"}')
        return
    for fund, child in node.value.items():
        expected = scope.citing.number(child, f"adds_up: {fund[:40]}")
        rates = [rule.rate for rule in rules if rule.fund == fund and rule.state == "accrued"]
        if not rates or not all(isinstance(rate, Rate) for rate in rates):
            told = f"adds_up: {fund[:40]} has no rules with a rate in figures"
            scope.reading.wrong(child, told, "name a fund of this version whose rules have `rate:`")
            continue
        found = sum((Fraction(*rate) for rate in rates if isinstance(rate, Rate)), Fraction(0))
        if found != expected:
            told = f"adds_up: the shares of {fund} come to {decimal(found)}, expected {decimal(expected)}"
            scope.reading.wrong(child, told, "mend the rates or the total")
