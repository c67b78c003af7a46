"""Words for what a form reads: numbers, values, amounts, payers, states, windows and conditions.

Numbers are exact: a decimal where one ends, else a fraction with what it is about. Changes no figure. Knows the
language of schemes, no account.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from ledger.domain.attributes import Month
from ledger.domain.money import format_amount, speak_amount
from ledger.domain.notices import NOT_PUBLISHED, PARAMETER_UNSET
from ledger.domain.quantity import decimal_places, exact_text
from ledger.domain.reckoning.foreign import RATE_MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.domain.attributes import Value
    from ledger.domain.notices import Said
    from ledger.domain.scheme import Operand, Rule, Test, Version

_DECIMALS_MAX: Final = 12
RELATIONS: Final = {
    "is": "is",
    "in": "is one of",
    "has": "has",
    "above": "is above",
    "from": "is at least",
    "to": "is at most",
    "below": "is below",
}
_DATED: Final = {"above": "is after", "from": "is not before", "to": "is not after", "below": "is before"}
_TIMED: Final = {"hours": 3600, "days": 1}


def exact_value(value: Value) -> str:
    """Give any value as exact text; "" for none."""
    if value is None:
        return ""
    if isinstance(value, Fraction | int) and not isinstance(value, bool):
        return exact_text(value)
    return speak(value)


def speak_number(number: Fraction | int, digits: int | None = None) -> str:
    """Give a number for people: `80,540.50`; money of so many `digits` shows all of them unless it is whole."""
    text = exact_text(number)
    if "/" in text or len(text.partition(".")[2]) > _DECIMALS_MAX:
        return f"{text} (about {decimal_places(number, 4)})"
    whole, point, rest = text.partition(".")
    if point and digits is not None:
        rest = rest.ljust(digits, "0")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(whole):,}{point}{rest}"


def speak(value: Value, digits: int | None = None) -> str:
    """Give any value for people; `digits` where it is money."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    if isinstance(value, Month):
        return f"{value.year:04}-{value.month:02}"
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) else speak_number(value, digits)


def counted_words(number: Fraction | int, what: str) -> str:
    """Give so many hours, miles, gigs or days for people: `1 hour`, `3.75 miles`."""
    return f"{speak_number(number)} {what.removesuffix('s') if number == 1 else what}"


def speak_age(age: Fraction) -> str:
    """Give an age in years and months."""
    months = int(age * 12)
    return f"{months // 12} years" + (f" and {months % 12} months" if months % 12 else "")


def speak_posted(amount: int, unit: str, version: Version) -> str:
    """Give an amount as posted (minor units, seconds of hours, days) for people."""
    if unit in _TIMED:
        return counted_words(Fraction(amount, _TIMED[unit]), unit)
    return speak_amount(amount, unit, version.minor_digits)


def exact_posted(amount: int, unit: str, version: Version) -> str:
    """Give an amount as posted as exact text: money with all its decimals, hours as a decimal where one ends."""
    if unit in _TIMED:
        return exact_text(Fraction(amount, _TIMED[unit]))
    return format_amount(amount, version.minor_digits)


def speak_percent(rate: Fraction) -> str:
    """Give a rate as a percentage: 11/400 -> `2.75 %`."""
    return f"{speak_number(rate * 100)} %"


def payer_words(payer: str, worker: str = "") -> str:
    """Give who a payer is, for the worker: `you`, the platform's name, its customers, a subsidy."""
    kind, _, name = payer.partition(":")
    if kind == "worker":
        return "you" if not worker or name == worker else name
    words = {"customer": f"the customer of {name}", "subsidy": f"the subsidy {name}", "measure": "nobody"}
    return words.get(kind, name or payer)


def rule_words(rule: Rule) -> str:
    """Give who pays by a rule, before it is known whom it meets."""
    kind, _, name = rule.payer.partition(":")
    words = {"worker": "you", "platform": "the platform", "customer": "the customer", "sponsor": "the sponsor"}
    return f"the subsidy {name}" if kind == "subsidy" else words.get(kind, "nobody")


def operand_words(operand: Operand, digits: int | None = None) -> str:
    """Give an operand as the scheme writes it: a name, or the figure."""
    return operand if isinstance(operand, str) else speak_number(operand, digits)


def test_words(test: Test, other: Value, found: Value, digits: int | None = None) -> str:
    """Give a condition in words, with what was found where that says more; `other` is what its value reads."""
    if test.relation == "known":
        wanted = test.value in (True, "true")
        return f"{test.name} is {'known' if wanted else 'not known'}"
    relation = (_DATED if isinstance(other, date) else {}).get(test.relation, RELATIONS[test.relation])
    told = _truth(other) if isinstance(other, bool) else speak(other, digits)
    named = isinstance(test.value, str) and other != test.value
    own = f"{test.value} ({told})" if named else told
    same = test.relation == "is" and found == other
    return f"{test.name} {relation} {own}" if same else f"{read_words(test.name, found, digits)} {relation} {own}"


def read_words(name: str, found: Value, digits: int | None = None) -> str:
    """Give a name with what it read: `age (28 years and 11 months)`."""
    if name == "age" and isinstance(found, Fraction):
        return f"age ({speak_age(found)})"
    return f"{name} ({_truth(found) if isinstance(found, bool) else speak(found, digits)})"


def row_words(test: Test, digits: int | None = None) -> str:
    """Give a condition of a table's row: `age is at most 35`."""
    relation = (_DATED if isinstance(test.value, date) else {}).get(test.relation, RELATIONS.get(test.relation, "is"))
    value = _truth(test.value) if isinstance(test.value, bool) else speak(test.value, digits)
    return f"{test.name.rpartition('.')[2]} {relation} {value}"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def notice_words(said: Said, version: Version) -> str:
    """Give a notice in a sentence."""
    if said.kind == PARAMETER_UNSET:
        return f"notice: no instrument has set {said.value} yet; until then nothing is worked out from it."
    if said.kind == NOT_PUBLISHED:
        return f"notice: {said.value} has no published row for this; the scheme does not guess."
    if said.kind == RATE_MISSING:
        return f"notice: the gig was paid in {said.value} and has no rate to {version.currency}; it is not guessed."
    what = said.kind.replace("_", " ") + (f" ({said.fund})" if said.fund else "")
    parts = []
    if said.value is not None:
        parts.append("yes" if said.value is True else "no" if said.value is False else str(said.value))
    if said.amount is not None:
        parts.append(f"{version.currency} {speak_number(said.amount, version.minor_digits)}")
    if said.date is not None:
        parts.append(f"by {said.date}")
    return f"notice of {said.window}: {what}{': ' if parts else ''}{', '.join(parts)}."


def and_list(words: Sequence[str]) -> str:
    """Give words as one list: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
