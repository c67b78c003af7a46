"""Schemes that nobody wrote: strategies for texts of the language that the reader takes, over all its windows.

Every text is built so that what it declares is read: lines over measures, tables and attributes; rules that post them
gig by gig or at closes, over any window, for platforms together or each; a later version with other figures. A text
that the reader refuses after all is no example.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from ledger.domain.language.document import Document
from ledger.domain.language.tree import SchemeError
from ledger.domain.money import Mode, round_steps
from ledger.domain.period import Window, parse_window
from tests.ledger.domain.worlds import load

ROLLING = ("P2M", "P20D")
WINDOWS = ("gig", "day", "week", "fortnight:2026-01-05T04:00", "month", "quarter", "year", "FY", "running", *ROLLING)
LONGER = {"day": ("week", "month"), "month": ("quarter", "year"), "quarter": ("year",)}
BY_ONE = ("platform", "customer")
GIG = "gig"
OTHERS = ("worker", '"subsidy:TOWN"')
FIGURES = ("0", "0.5", "1", "2", "7.25", "100", "2500", "40000")
SHARES = ("0.01", "0.025", "0.3333", "0.5", "1")
BOUNDS = ("", "", ', at_least: "0"', ', at_most: "3000"', ', at_least: "10", at_most: "500"')
ROUNDINGS = ("", "", ', rounding: {mode: half_up, step: "0.1"}', ', rounding: {mode: down, step: "5"}')
MODES = ("down", "up", "half_up", "half_even")
OPERATIONS = ("add", "subtract", "times", "divide", "least", "greatest", "choose", "value")
KINDS = ("fare", "surge", "incentive", "tip", "toll", "refund")
KEEP = 'keep: {by: [gig.vehicle], otherwise: "1", rows: [{vehicle: car, value: "0.4"}, {vehicle: none, value: "0"}]}'
TABLES = {
    "by_vehicle": '{by: [gig.vehicle], otherwise: nothing, rows: [{vehicle: [car, bicycle], value: "3"}]}',
    "by_age": '{by: [age], otherwise: "2", rows: [{age: {to: "35"}, value: "5"}, {age: {above: "50"}, value: "9"}]}',
    "by_plan": '{by: [worker.plan], otherwise: refuse, rows: [{plan: "1", value: "11"}]}',
}
HEAD = "title: nobody wrote it\nstatus: example\ncurrency: IDR\ntime_zone: Asia/Jakarta\nzones: [ID]"


@st.composite
def measures(draw: st.DrawFn, window: str, together: bool) -> str:
    """Give one measure's form, read by a rule of a window."""
    what = draw(st.sampled_from(("pay", "pay", "pay", "hours", "km", "gigs", "days")))
    parts = [f"count: {what}" if what in ("gigs", "days") else f"sum: {what}"]
    if what == "pay":
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
        parts = [
            draw(st.sampled_from(("include: all", f"include: [{', '.join(kinds)}]", "include: all, exclude: [tip]")))
        ]
        parts += draw(st.sampled_from(([], ["less: [commission]"])))
        parts += draw(st.sampled_from(([], [], ["share: keep"])))
    parts += ["apart: platforms"] if what == "days" and draw(st.booleans()) else []
    parts += draw(st.sampled_from(([], [], ["where: {service: [ride, delivery]}"], ["where: {zone: ID-JK}"])))
    longer = draw(st.sampled_from((None, None, *LONGER.get(window, ()))))
    if longer is not None:
        sharing = "together" if together else draw(st.sampled_from(("together", "each")))
        parts += [f"window: {longer}", f"platforms: {sharing}"]
        parts += ["shift: previous"] if draw(st.booleans()) else []
    return f"{{{', '.join(parts)}}}"


@st.composite
def lines(draw: st.DrawFn, names: list[str], tables: list[str], *, stated: bool = True) -> str:
    """Give one line's form, an operation on names that stand before it; `stated`: also on the worker's attributes."""
    operand = st.sampled_from((*names, *names, *(f'"{figure}"' for figure in FIGURES)))
    op = draw(st.sampled_from((*OPERATIONS, *(["lookup"] if tables else []))))
    if op == "lookup":
        form = f"lookup: {draw(st.sampled_from(tables))}"
    elif op == "choose":
        relation = draw(st.sampled_from(("above", "from", "to", "below")))
        own = f'{names[-1]}: {{{relation}: "{draw(st.sampled_from(FIGURES))}"}}'
        test = draw(st.sampled_from((own, own, "worker.sector: transport", "worker.plan: 1") if stated else (own,)))
        form = f"choose: [{{when: {{{test}}}, then: {draw(operand)}}}, {{otherwise: {draw(operand)}}}]"
    elif op in ("times", "divide"):
        share = draw(st.sampled_from(SHARES if op == "times" else ("3", "7", "0.5")))
        form = f'{op}: [{draw(st.sampled_from(names))}, "{share}"]'
    elif op == "value":
        form = f"value: {draw(st.sampled_from(names))}"
    else:
        form = f"{op}: [{draw(st.sampled_from(names))}, {draw(operand)}]"
    return f"{{{form}{draw(st.sampled_from(BOUNDS))}{draw(st.sampled_from(ROUNDINGS))}}}"


class Made(NamedTuple):
    """What a rule posts, for others to read: fund, payer, window, and whether over all platforms together."""

    fund: str
    payer: str
    window: str
    together: bool


@st.composite
def rules(draw: st.DrawFn, number: int, pieces: dict[str, list[str]], made: list[Made]) -> None:
    """Add one rule with a measure and lines of its own, and notices that read what it does not."""
    longer = tuple(over for own in made for over in LONGER.get(own.window, ()))
    window, together = draw(st.sampled_from((*WINDOWS, *longer * 4))), draw(st.booleans())
    sharing = "" if window == GIG else f", platforms: {'together' if together else 'each'}"
    where = f"window: {window}{sharing}"
    measure = draw(measures(window, together))
    names = [f"m{number}"]
    pieces["measures"].append(f"m{number}: {measure}")
    shorter = [own for own in made if window in LONGER.get(own.window, ()) and (own.together or not together)]
    for at in range(draw(st.integers(bool(shorter), 3))):
        tables = {GIG: ["by_vehicle"], "running": []}.get(window, ["by_age", "by_plan"])
        names.append(f"r{number}_{at}")
        if shorter and draw(st.booleans()):
            own = draw(st.sampled_from(shorter))
            pieces["lines"].append(
                f"{names[-1]}: {{posted: {{fund: {own.fund}, payer: {own.payer}, window: {own.window}}}}}"
            )
            continue
        pieces["lines"].append(f"{names[-1]}: {draw(lines(names[:-1], tables, stated=window not in (GIG, 'running')))}")
    on = (
        "close"
        if window in ROLLING
        else "gig"
        if window in ("gig", "running")
        else draw(st.sampled_from(("gig", "close")))
    )
    further = bool(shorter) or "window:" in measure
    unclear = together and window != "gig" and (on == "close" or window == "running" or further)
    kind = {"gig": "G", "day": "D", "running": "R"}.get(window, "F")
    payer = draw(st.sampled_from(OTHERS if unclear else (*OTHERS, *BY_ONE)))
    made.append(Made(f"{kind}{number}", payer, window, together))
    rule = f"fund: {kind}{number}, payer: {payer}, {where}, on: {on}"
    if len(names) == 1 and "include" in measure:
        rule += f', base: {names[0]}, rate: "{draw(st.sampled_from(SHARES))}"'
        rule += draw(st.sampled_from(("", ', cap: "250"', ', cap: "40000"')))
    else:
        rule += f", amount: {names[-1]}"
    conditions = [f'{names[0]}: {{from: "50"}}', f'{names[0]}: {{below: "400"}}']
    conditions += [] if window in (GIG, "running") else ["worker.state_paid: false"]
    rule += draw(st.sampled_from(("", "", *(f", when: {{{condition}}}" for condition in conditions))))
    step = draw(st.sampled_from(("1", "0.01", "0.5")))
    pieces["rules"].append(f'{{{rule}, rounding: {{mode: {draw(st.sampled_from(MODES))}, step: "{step}"}}}}')
    for name in names[:-1]:
        moment = draw(st.sampled_from(("gig", "close"))) if window not in ("gig", "running") else "gig"
        says = draw(st.sampled_from((f"amount: {name}", f"amount: {name}, when: {{{conditions[0]}}}")))
        says = draw(st.sampled_from((says, says, f'truth: {{{name}: {{above: "100"}}}}')))
        pieces["notices"].append(f"{{kind: breach, {where}, on: {moment}, {says}}}")


@st.composite
def versions(draw: st.DrawFn, start: str) -> str:
    """Give one version of one to three rules."""
    pieces: dict[str, list[str]] = {key: [] for key in ("measures", "tables", "lines", "rules", "notices")}
    made: list[Made] = []
    for number in range(draw(st.integers(1, 3))):
        draw(rules(number, pieces, made))
    pieces["rules"] = draw(st.permutations(pieces["rules"]))
    written = "".join(pieces["lines"])
    pieces["tables"] = [f"{name}: {form}" for name, form in TABLES.items() if f"lookup: {name}" in written]
    pieces["tables"] += [KEEP] if "share: keep" in "".join(pieces["measures"]) else []
    text = f"  - from: {start}\n    source: own\n"
    for key, own in pieces.items():
        item = "      - " if key in ("rules", "notices") else "      "
        text += f"    {key}:\n" + "".join(f"{item}{piece}\n" for piece in own) if own else ""
    return text


@st.composite
def schemes(draw: st.DrawFn, name: str = "X-MADE", *, dated: bool = True, due: bool = True) -> Document:
    """Give a scheme of one version, or two where it is `dated`; here and there attributed by payment, if `due`."""
    start = draw(st.sampled_from(("2026-01-01", "2026-01-01", "2026-03-20")))  # some gigs come before the scheme
    own = draw(versions(start))
    if dated and draw(st.booleans()):  # what runs on can only stay as it is
        same = draw(st.integers(0, 3)) == 0
        own += own.replace(start, "2026-04-01", 1) if same else draw(versions("2026-04-01"))
    attribution = draw(st.sampled_from(("completed", "completed", "payment_due"))) if due else "completed"
    text = f"scheme: {name}\n{HEAD}\nattribution: {attribution}\nsources: {{own: {{title: own}}}}\nversions:\n{own}"
    try:
        return load(text)
    except SchemeError:
        assume(False)
        raise


class Split(NamedTuple):
    """A scheme that splits one whole over funds and payers, and what the whole of a window's pay comes to."""

    document: Document
    window: Window
    together: bool
    on: str
    rates: dict[date, Fraction]
    """The whole's rate, by the day from which it holds."""
    mode: Mode
    step: Fraction

    def whole(self, pay: Fraction, day: date) -> int:
        """Give the whole of a window that ends on a day, rounded once, in minor units."""
        rate = self.rates[max((since for since in self.rates if since <= day), default=min(self.rates))]
        due = max(pay * rate, Fraction(0)) / self.step
        return int(round_steps(due.numerator, due.denominator, self.mode) * self.step * 100)


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """Give a whole over any window, rounded once, whose last part is what the others leave; in one version or two."""
    window = draw(st.sampled_from([name for name in WINDOWS if name not in ROLLING]))
    together, many = draw(st.booleans()), draw(st.integers(2, 4))
    on = "gig" if window in ("gig", "running") else draw(st.sampled_from(("gig", "close")))
    sharing = "" if window == GIG else f", platforms: {'together' if together else 'each'}"
    unclear = together and (on == "close" or window == "running") and window != GIG
    payers = [draw(st.sampled_from(OTHERS if unclear else (*OTHERS, *BY_ONE))) for _ in range(many)]
    mode, step = draw(st.sampled_from(MODES)), draw(st.sampled_from(("1", "0.05", "0.01", "25")))
    days = ("2026-01-01",) if window == "running" or draw(st.booleans()) else ("2026-01-01", "2026-04-01")
    text, rates = "", {}
    for day in days:
        rate = draw(st.sampled_from(("0.0275", "0.3333", "0.01", "0.00007")))
        rates[date.fromisoformat(day)] = Fraction(rate)
        own = [f'whole: {{times: [pay, "{rate}"], at_least: "0", rounding: {{mode: {mode}, step: "{step}"}}}}']
        left, parts = "whole", []
        for at in range(many - 1):
            share, finer = draw(st.sampled_from(("0.3333", "0.5", "0.07"))), draw(st.sampled_from((step, "0.01")))
            rounding = f'{{mode: {draw(st.sampled_from(MODES))}, step: "{finer}"}}'
            own.append(f'p{at}: {{times: [whole, "{share}"], rounding: {rounding}}}')
            own.append(f"left{at}: {{subtract: [{left}, p{at}]}}")
            left, parts = f"left{at}", [*parts, f"p{at}"]
        where = f"window: {window}{sharing}, on: {on}, rounding: as_is"
        made = zip(payers, [*parts, left], strict=True)
        posted = [f"{{fund: F{at}, payer: {payer}, amount: {name}, {where}}}" for at, (payer, name) in enumerate(made)]
        text += f"  - from: {day}\n    source: own\n    foreign_pay: refuse\n"
        text += "    measures: {pay: {include: all, less: [commission]}}\n"
        text += "    lines:\n" + "".join(f"      {line}\n" for line in own)
        text += "    rules:\n" + "".join(f"      - {each}\n" for each in posted)
    document = load(f"scheme: X-SPLIT\n{HEAD}\nsources: {{own: {{title: own}}}}\nversions:\n{text}")
    return Split(document, parse_window(window), together, on, rates, Mode[mode.upper()], Fraction(step))
