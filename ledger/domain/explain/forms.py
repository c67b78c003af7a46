"""The steps of a form: each name that a rule needed, in the order in which it was needed, in words and numbers.

A line says its operation, the operands' names and values, and the outcome; then the bound that took hold and the
rounding. A lookup says the row that was found, a choice the branch that was taken. The values are those that the view
read (`ledger.domain.explain.tracing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from ledger.domain.explain.step import Step, step_of
from ledger.domain.explain.tracing import Tracing, bare, money_names, unrounded
from ledger.domain.explain.words import (
    and_list,
    counted_words,
    exact_value,
    operand_words,
    read_words,
    row_words,
    speak,
    speak_age,
    speak_number,
    test_words,
)
from ledger.domain.money import WORDS
from ledger.domain.quantity import exact_text
from ledger.domain.reckoning.lines import meets
from ledger.domain.scheme import Citation

if TYPE_CHECKING:
    from ledger.domain.attributes import Value
    from ledger.domain.scheme import Line, Operand, Row, Rule, Table, Test, Version

_SIGNS: Final = {"add": " + ", "subtract": " - ", "times": " × ", "divide": " ÷ "}
_LISTS: Final = {"least": "the least of", "greatest": "the greatest of"}
_STATED: Final = "what is known of the worker"
_PLATFORM: Final = "what is known of the platform"
_CALENDAR: Final = "the window's days"
_GIG: Final = "the gig as reported"
_EVENT: Final = "the event as reported"


class Form:
    """What one view read, to be told once each. `of`: fund, payer and window of the rule that is being told."""

    def __init__(self, view: Tracing) -> None:
        self.view = view
        self.version: Version = view.plan.group.version
        self.of = ("", "", view.plan.window)
        self._told: set[str] = set()
        self._money = money_names(self.version)
        self._lines = {line.name: line for line in self.version.lines}
        self._measures = {measure.name: measure for measure in self.version.measures}
        self._parameters = {parameter.name: parameter for parameter in self.version.parameters}

    def skip(self, name: str) -> None:
        """Leave a name out: it was told already."""
        self._told.add(name)

    def steps(self) -> Iterator[Step]:
        """Give the steps of what was read and not told yet."""
        for name in [own for own in self.view.seen if own not in self._told]:
            self._told.add(name)
            if name in self._lines:
                yield from self._line(self._lines[name])
            elif name in self._measures:
                yield self._measure(name)
            elif name in self._parameters:
                yield self._parameter(name)
            else:
                yield self._known(name)

    def tests(self, tests: tuple[Test, ...]) -> tuple[bool, str]:
        """Give whether conditions hold, and in words those that do, or the one that does not."""
        words = []
        for test in tests:
            if not self._holds(test):
                return False, self._test(test)
            words.append(self._test(test))
        return True, and_list(words) if words else ""

    def digits(self, name: Operand) -> int | None:
        """Give how many decimals a name's amounts show; None where it is no money."""
        return self.version.minor_digits if name in self._money else None

    def lookup(self, table: Table, column: int = 0) -> tuple[Citation, str]:
        """Give where the figure that is read from a table comes from, and which row was found."""
        keys = {by: self.view.read(by) for by in table.by}
        row = self._row(table, keys)
        asked = and_list([read_words(by, value, self.digits(by)) for by, value in keys.items()])
        label = f", column {table.columns[column]}" if len(table.columns) > 1 else ""
        if row is not None:
            fits = and_list([row_words(test, self.digits(test.name)) for test in row.tests]) if row.tests else "any"
            return row.cite, f"in the table {table.name}{label} by {asked}, row {fits}"
        if isinstance(table.otherwise, Fraction):
            return table.cite, f"in the table {table.name}{label} by {asked}, no row, so the rest"
        guess = ": the scheme does not guess" if table.otherwise == "refuse" else ""
        return table.cite, f"the table {table.name} has no row for {asked}{guess}"

    # -- names that are no lines -------------------------------------------------------------------------------------

    def _value(self, name: str) -> Value:
        return self.view.seen[name].value

    def _step(self, cite: Citation, what: str, text: str, numbers: dict[str, str]) -> Step:
        return step_of(self.version, cite, what, text, numbers, self.of)

    def _measure(self, name: str) -> Step:
        group, value = self.view.plan.group, self._value(name)
        measure, read = self._measures[name], group.reads[name]
        said = speak(value, self.digits(name))
        if measure.what != "pay" and isinstance(value, Fraction):
            said = counted_words(value, measure.what)
        pooled = read.group[1]
        where = "on all platforms together" if pooled else f"on {self.view.plan.platform or 'the platform'}"
        window = self.view.plan.window
        if read.windows > 1:
            window = f"the {read.windows} {read.group[0].kind.removeprefix('bucket_')}s to {self.view.span.last}"
        elif read.previous:
            window = f"the {read.group[0].kind} before {window}"
        elif read.group[0] != group.window:
            window = f"the {read.group[0].kind} that holds {window}"
        text = f"{name} of {window}, {where} = {said}."
        return self._step(measure.cite, "measure", text, {name: exact_value(value)})

    def _parameter(self, name: str) -> Step:
        value, cite = self._value(name), self._parameters[name].cite
        own = self._parameters[name].value
        if value is None:
            text = f"{name}: no instrument has set this figure yet, so nothing is worked out from it."
        elif value == own:
            text = f"{name} = {speak(value, self.digits(name))}, as the scheme sets it."
        else:
            text = f"{name} = {speak(value, self.digits(name))}, as an instrument sets it."
            cite = Citation(f"the value set for {name}", True, "")
        return self._step(cite, "parameter", text, {name: exact_value(value)})

    def _known(self, name: str) -> Step:
        value, whose = self._value(name), name.partition(".")[0]
        said = speak(value, self.digits(name))
        source = {"gig": _GIG, "platform": _PLATFORM, "remittance": _EVENT, "dispute": _EVENT}.get(whose, _STATED)
        text = f"{name} = {said}."
        if whose == "window":
            source = _CALENDAR
        elif name == "age" and isinstance(value, Fraction):
            text = f"age = {speak_age(value)} in the window's last month."
        elif name == "first_day":
            source = "the worker's gigs"
            text = text if value is not None else "first_day: it is not a further platform that the worker joined."
        elif whose == "worker":
            text = self._attribute(name, said)
        elif value is None:
            text = f"{name}: not known."
        return self._step(Citation(source, True, ""), "known", text, {name: exact_value(value)})

    def _attribute(self, name: str, said: str) -> str:
        last = self.view.span.last
        stated = [since for since, _ in self.view.account.typed.get(name.partition(".")[2], ())]
        since = max((own for own in stated if own <= last.toordinal()), default=None)
        if self._value(name) is None:
            return f"{name}: nobody has stated it."
        if since is None:
            return f"{name} = {said}, as long as nothing else is stated."
        return f"{name} = {said}, stated" + ("." if since <= 1 else f" from {date.fromordinal(since)}.")

    # -- lines -------------------------------------------------------------------------------------------------------

    def _line(self, line: Line) -> Iterator[Step]:
        value, name = self._value(line.name), line.name
        if value is None:
            yield self._step(line.cite, _WHATS.get(line.op, "line"), self._without(line), {name: ""})
            return
        worked = bare(self.version).reader(name)(self.view)
        cite, how = self._operation(line)
        digits = self.digits(name)
        result = speak(worked, digits)
        if line.op == "lookup":
            text = f"{name} = {result}: {how[0]}."
        elif line.op == "choose":
            text = f"{name} = {how[0]}{result}, {how[1]}."
        else:
            text = f"{' = '.join([name, *(own for own in how if own != result), result])}."
        yield self._step(cite, _WHATS.get(line.op, "line"), text, {name: exact_value(worked)})
        bounded = unrounded(self.version).reader(name)(self.view)
        yield from self._bounds(line, worked, bounded)
        if line.rounding is not None and line.rounding.step and isinstance(bounded, Fraction | int):
            mode, step = line.rounding.mode, line.rounding.step
            said = "" if bounded != value else ", which changes nothing"
            text = f"{name}, {WORDS[mode]} to {speak_number(step, digits)}{said}: {speak(value, digits)}."
            numbers = {"mode": mode.value, "step": exact_text(step), name: exact_value(value)}
            yield self._step(line.rounding.cite, "rounding", text, numbers)

    def _bounds(self, line: Line, worked: Value, bounded: Value) -> Iterator[Step]:
        digits = self.digits(line.name)
        words, numbers = [], {}
        for words_of, key, operand in (("at least", "at_least", line.at_least), ("at most", "at_most", line.at_most)):
            if operand is not None:
                limit = self._read(operand)
                numbers[key] = exact_value(limit)
                named = f"{operand} = " if isinstance(operand, str) else ""
                words.append(f"{words_of} {named}{speak(limit, digits)}")
        if words:
            took = worked != bounded
            said = f"so {speak(bounded, digits)} instead of {speak(worked, digits)}" if took else "not reached"
            numbers |= {"reached": "yes" if took else "no", line.name: exact_value(bounded)}
            yield self._step(line.cite, "bound", f"{line.name}: {and_list(words)}: {said}.", numbers)

    def _without(self, line: Line) -> str:
        """Say why a line has no value."""
        if line.op == "lookup":
            _, words = self.lookup(self.version.table(line.table), line.column)
            return f"{line.name} has no value: {words}."
        missing = [own for own in self.view.missing(line.name) if own != line.name]
        if line.op == "choose" and not missing:
            return f"{line.name} has no value: none of its branches gives one here."
        if line.op == "divide" and not missing:
            return f"{line.name} has no value: nothing can be divided by {operand_words(line.of[1])} = 0."
        names = missing or ["what it needs"]
        return f"{line.name} has no value, as {and_list(names)} {'has' if len(names) == 1 else 'have'} none."

    def _operation(self, line: Line) -> tuple[Citation, list[str]]:
        """Give the source of a line's figure, and its operation: with names, then with values."""
        if line.op == "lookup":
            cite, words = self.lookup(self.version.table(line.table), line.column)
            return cite, [words]
        if line.op == "choose":
            return line.cite, self._choice(line)
        names = [operand_words(operand, self._digits_in(line, operand)) for operand in line.of]
        values = [speak(self._read(operand), self._digits_in(line, operand)) for operand in line.of]
        if line.op in _SIGNS:
            sign = _SIGNS[line.op]
            shown = [f"({own})" if own.startswith("-") else own for own in values]
            return line.cite, list(dict.fromkeys([sign.join(names), sign.join(shown)]))
        if line.op in _LISTS:
            word = _LISTS[line.op]
            return line.cite, list(dict.fromkeys([f"{word} {and_list(names)}", f"{word} {and_list(values)}"]))
        return line.cite, self._special(line, names, values)

    def _special(self, line: Line, names: list[str], values: list[str]) -> list[str]:
        window = self.view.plan.window
        if line.op == "posted":
            each = "" if line.window is None else f" in each {line.window.text}"
            return [f"what {line.payer} paid to {line.fund}{each} of {window}"]
        if line.op == "due":
            return [f"the last day to pay for {window}"]
        if line.op == "starts":
            return [f"from when {and_list(names)} ({and_list(values)}) takes hold"]
        if line.op == "months_or_part":
            return [f"months begun between {names[0]} ({values[0]}) and {names[1]} ({values[1]})"]
        return names

    def _choice(self, line: Line) -> list[str]:
        """Say which branch was taken, and why not those before it."""
        passed: list[str] = []
        for choice in line.choices:
            holds, words = self.tests(choice.when)
            if holds:
                then = f"{choice.then} = " if isinstance(choice.then, str) else ""
                why = (
                    f"as {words}"
                    if words
                    else f"as not {' and not '.join(dict.fromkeys(passed))}"
                    if passed
                    else "in any case"
                )
                return [then, why]
            passed.append(words)
        return ["", "in any case"]

    def _digits_in(self, line: Line, operand: Operand) -> int | None:
        """Give the decimals of an operand: a figure beside money is money, unless it multiplies or divides it."""
        if isinstance(operand, str) or line.op in ("times", "divide"):
            return self.digits(operand)
        return self.digits(line.name)

    def _read(self, operand: Operand) -> Value:
        return self.view.read(operand) if isinstance(operand, str) else operand

    # -- conditions and rows -----------------------------------------------------------------------------------------

    def _holds(self, test: Test) -> bool:
        return self.view.plan.group.sheet.condition(test)(self.view)

    def _test(self, test: Test) -> str:
        value = test.value
        named = isinstance(value, str) and self.view.plan.group.sheet.is_name(value)
        other: Value = self.view.read(value) if named and isinstance(value, str) else value
        return test_words(test, other, self.view.read(test.name), self.digits(test.name))

    def _row(self, table: Table, keys: dict[str, Value]) -> Row | None:
        """Give the row that was found: the first that the engine's own comparison lets through."""
        for row in table.rows:
            if all(_fits(test, keys[test.name]) for test in row.tests):
                return row
        return None

    # -- rules in short form -----------------------------------------------------------------------------------------

    def rate(self, rule: Rule) -> tuple[Fraction, str] | None:
        """Give a short rule's rate and its words; None where no instrument has set it."""
        if rule.rate is None or isinstance(rule.rate, str):
            value = None if rule.rate is None else self.view.read(rule.rate)
            return (Fraction(value), f"{rule.rate} = ") if isinstance(value, Fraction | int) else None
        return Fraction(*rule.rate), ""


def _fits(test: Test, key: Value) -> bool:
    words = test.value if isinstance(test.value, tuple) else None
    return key is not None and meets(test.name, test.relation, key, test.value, words)


_WHATS: Final = {"lookup": "lookup", "choose": "choice"}
