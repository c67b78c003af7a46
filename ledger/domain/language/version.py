"""One dated version, read whole: from a scheme file's tree, or back from its canonical text.

A reader goes on after a problem, so that all are named at once. What stands in a version is read first (parameters,
measures, tables, lines, rules, notices); then everything is followed from the rules and notices. Upholds L4: `parse`
takes nothing but the canonical text, so that equal versions have equal digests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final

from ledger.domain import ids
from ledger.domain.language.canonical import FORMAT, MORE_FIELDS, OWN_FIELDS, canonical_text
from ledger.domain.language.citing import Citing
from ledger.domain.language.head import Head
from ledger.domain.language.keys import FORMS
from ledger.domain.language.lines import read_line, read_rounding
from ledger.domain.language.measures import read_measure, read_parameter
from ledger.domain.language.reach import Reach
from ledger.domain.language.rules import check_rules, read_notice, read_rule
from ledger.domain.language.scope import Scope
from ledger.domain.language.sizes import Sizes
from ledger.domain.language.tables import read_table
from ledger.domain.language.tree import Node, Problem, Reading, SchemeError, from_json
from ledger.domain.money import Mode
from ledger.domain.scheme import Citation, Notice, Rounding, Rule, Version

REFUSE: Final = "refuse"
QUOTED_BYTES_MAX: Final = 47 * 1024
"""Of a version's canonical text as a JSON string: one record of 48 KiB carries it (contracts/README.md)."""
YEARS: Final = (1970, 2199)
"""Of a version's first day: windows that begin before it or end after it are days of the calendar, too."""
_DIGIT: Final = re.compile(r"[0-9]", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_REVISION: Final = re.compile(r"[2-9]|[1-9][0-9]{1,3}", re.ASCII)
_REQUIRED: Final = ("scheme", "title", "status", "currency", "time_zone", "sources")


def parse(text: str, name: str) -> Version:
    """Give the version whose canonical text this is; `name` is what problems call the text.

    Raises SchemeError with all problems; a text that is not exactly its own canonical form is one.
    """
    root = from_json(text, name)
    reading = Reading(name)
    required = ("format", "minor_digits", *_REQUIRED, "version")
    optional = tuple(key for key in (*OWN_FIELDS, *MORE_FIELDS) if key not in required)
    top = reading.mapping(root, "canonical text", required, optional)
    if "format" in top and top["format"].value != FORMAT:
        reading.wrong(top["format"], f"format: expected {FORMAT}", "write the text that `iuran scheme show` prints")
    digits = int(reading.word(top.get("minor_digits"), "minor_digits", _DIGIT, "2") or 0)
    reading.close()
    version = read_version(reading, top, top["version"], digits)
    reading.close()
    if version is None or version.text != text:
        raise SchemeError([Problem(name, 1, "canonical text: expected its canonical form, got another", "sort keys")])
    return version


def read_version(reading: Reading, top: Mapping[str, Node], node: Node, minor_digits: int) -> Version | None:
    """Give the version that a node of `versions:` says under its scheme's own fields; None after noting problems."""
    noted = len(reading.problems)
    head = Head(reading, top)
    form = FORMS["version"]
    own = reading.mapping(node, "version", form.required, form.optional)
    citing = Citing(reading, head.sources)
    start = _day(reading, own.get("from"))
    revision = int(reading.word(own.get("revision"), "revision", _REVISION, "2") or 1)
    cite = citing.cite(own, Citation("", True, ""))
    scope = Scope(citing, own, minor_digits)
    rules, notices = _read(scope, own, cite)
    _check(scope, own, rules, notices, head.funds)
    zones = _scope(reading, own.get("zones") or top.get("zones"), "zones", ids.ZONE, "US-NY")
    platforms = _scope(reading, own.get("platforms") or top.get("platforms"), "platforms", ids.PLATFORM, "gojek")
    foreign_pay = _foreign_pay(scope, own.get("foreign_pay"), cite, bool(zones))
    if len(reading.problems) > noted:
        return None
    funds = {rule.fund for rule in rules} | {notice.fund for notice in notices}
    text = canonical_text(top, node, minor_digits, citing.cited, funds)
    size = len(json.dumps(text, ensure_ascii=False).encode())
    if size > QUOTED_BYTES_MAX:
        told = f"version {start}: expected at most {QUOTED_BYTES_MAX} bytes of canonical text, got {size}"
        reading.wrong(node, told, "split the scheme, or shorten its notes: a longer text could not be enacted")
        return None
    return Version(
        text=text,
        scheme=head.scheme,
        title=head.title,
        status=head.status,
        currency=head.currency,
        minor_digits=minor_digits,
        time_zone=head.time_zone,
        time_zones=head.time_zones,
        zones=zones,
        platforms=platforms,
        attribution=head.attribution,
        foreign_pay=foreign_pay,
        start=start,
        revision=revision,
        sources=tuple(source for key, source in sorted(head.sources.items()) if key in citing.cited),
        parameters=scope.read_parameters,
        measures=scope.read_measures,
        tables=scope.read_tables,
        lines=scope.read_lines,
        rules=rules,
        notices=notices,
        cite=cite,
    )


def _scope(reading: Reading, node: Node | None, what: str, form: re.Pattern[str], example: str) -> tuple[str, ...]:
    words = reading.words(node, what, form, example)
    if node is not None and node.value == []:
        reading.wrong(node, f"{what}: expected at least one, got none", f"write [{example}], or leave it out for all")
    return words


def _foreign_pay(scope: Scope, node: Node | None, cite: Citation, placed: bool) -> Rounding | None:
    """Give how converted amounts are rounded; None where pay in another currency is not covered.

    Where nothing is said, a version that names its zones takes a recorded rate, as it is one to the money of its place.
    """
    if node is None:
        return Rounding(Mode.HALF_UP, Fraction(1, 10**scope.digits), cite) if placed else None
    if node.value == REFUSE:
        return None
    form = FORMS["foreign_pay"]
    own = scope.reading.mapping(node, "foreign_pay", form.required, form.optional)
    rounding = read_rounding(scope, own.get("rounding"), "foreign_pay", scope.citing.cite(own, cite))
    if rounding is not None and (rounding.step * 10**scope.digits).denominator != 1:
        told = f"foreign_pay: step: expected at most {scope.digits} decimals, as the currency has"
        scope.reading.wrong(node, told, "amounts are converted to whole smallest units")
    return rounding


def _read(scope: Scope, own: Mapping[str, Node], cite: Citation) -> tuple[tuple[Rule, ...], tuple[Notice, ...]]:
    scope.read_parameters = tuple(read_parameter(scope, *item, cite) for item in sorted(scope.parameters.items()))
    scope.read_measures = tuple(read_measure(scope, *item, cite) for item in sorted(scope.measures.items()))
    scope.read_tables = tuple(read_table(scope, *item, cite) for item in sorted(scope.tables.items()))
    scope.read_lines = tuple(read_line(scope, *item, cite) for item in sorted(scope.lines.items()))
    rules = tuple(read_rule(scope, node, cite) for node in scope.reading.items(own.get("rules"), "rules"))
    notices = tuple(read_notice(scope, node, cite) for node in scope.reading.items(own.get("notices"), "notices"))
    return rules, notices


def _check(
    scope: Scope,
    own: Mapping[str, Node],
    rules: Sequence[Rule],
    notices: Sequence[Notice],
    funds: Sequence[str],
) -> None:
    """Note what each part allows and all of them together do not."""
    rule_nodes = scope.reading.items(own.get("rules"), "rules") if rules else []
    notice_nodes = scope.reading.items(own.get("notices"), "notices") if notices else []
    check_rules(scope, rule_nodes, rules, own.get("adds_up"))
    reach = Reach(scope, rules, funds)
    for node, rule in zip(rule_nodes, rules, strict=True):
        reach.follow(reach.root_of_rule(node, rule))
        if funds:
            reach.check_fund(node, rule.fund, f"rule {rule.fund} by {rule.payer}")
    for node, notice in zip(notice_nodes, notices, strict=True):
        reach.follow(reach.root_of_notice(node, notice))
        reach.check_fund(node, notice.fund, f"notice {notice.kind}")
    reach.check_lines()
    reach.check_read()
    reach.check_acts()
    if not reach.circular and reach.check_depth():
        Sizes(scope, rules).check(rule_nodes)


def _day(reading: Reading, node: Node | None) -> date:
    text = reading.word(node, "from", _DAY, "2026-01-31")
    try:
        day = date.fromisoformat(text) if text else date.min
    except ValueError:
        if node is not None:
            reading.wrong(node, f"from: expected a day of the calendar, got {text}", "write it as 2026-01-31")
        return date.min
    if node is not None and text and not YEARS[0] <= day.year <= YEARS[1]:
        told = f"from: expected a day from {YEARS[0]} to {YEARS[1]}, got {text}"
        reading.wrong(node, told, "write the day on which it takes effect")
    return day
