"""Figures and where they come from: decimals read exactly, with a mend for each common slip, and their citations.

A citation is inherited downwards: version, then measure, table, line or rule, then the figure. Figures are never
negative: what is taken off is taken off by an operation that says so (`subtract`). Upholds L10: no float is read as a
figure. Knows no form of the language; the forms are read elsewhere in this package.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from ledger.domain import quantity
from ledger.domain.language.keys import CITING_KEYS, FORMS
from ledger.domain.language.tree import Node, Reading
from ledger.domain.scheme import Citation, Source

FIGURE_CHARACTERS_MAX: Final = 40
_PERCENT: Final = re.compile(r"(\d{1,20}(?:\.\d{1,20})?) ?%", re.ASCII)
_THOUSANDS: Final = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_COMMA: Final = re.compile(r"(\d+),(\d+)", re.ASCII)
_EXAMPLE: Final = 'write a decimal such as "0.05" or "10000"'


class Citing:
    """Reads figures and citations of one version, and keeps which sources it cites."""

    def __init__(self, reading: Reading, sources: Mapping[str, Source]) -> None:
        self.reading = reading
        self.sources = sources
        self.cited: set[str] = set()

    def cite(self, own: Mapping[str, Node], above: Citation) -> Citation:
        """Give the citation that stands among these members; what does not stand is taken from above."""
        source = self.reading.text(own.get("source"), "source")
        if source and source not in self.sources:
            mend = close_to(source, self.sources) or f"add it there; known: {', '.join(sorted(self.sources)) or 'none'}"
            self.reading.wrong(own["source"], f"source: {source[:40]!r} is not under `sources:`", mend)
        if source:
            self.cited.add(source)
        levels = {"verified": True, "unverified": False}
        verified = self.reading.choice(own.get("confidence"), "confidence", levels, above.verified)
        return Citation(source or above.source, verified, self.reading.text(own.get("note"), "note"))

    def figure(self, node: Node | None, where: str, above: Citation) -> tuple[Fraction, Citation]:
        """Give a figure, alone or as `{value: ..., source: ...}`, with its citation; 0 after noting that it is none."""
        if node is None:
            return Fraction(0), above
        if isinstance(node.value, dict):
            own = self.reading.mapping(node, where, FORMS["figure"].required, CITING_KEYS)
            return self.number(own.get("value"), where), self.cite(own, above)
        return self.number(node, where), above

    def number(self, node: Node | None, where: str) -> Fraction:
        """Give the exact number, 0 or more, that a scalar says; 0 after noting what is wrong with it."""
        text = self.reading.text(node, where)
        if node is None or not text:
            return Fraction(0)
        if node.plain and "." in text and quantity.DECIMAL.fullmatch(text):
            self.reading.wrong(node, f"{where}: expected a decimal in quotes, got the float {text}", f'write "{text}"')
        elif len(text) > FIGURE_CHARACTERS_MAX:
            what = f"{where}: expected at most {FIGURE_CHARACTERS_MAX} characters, got {len(text)}"
            self.reading.wrong(node, what, "write fewer decimals")
        elif quantity.DECIMAL.fullmatch(text) is None:
            self.reading.wrong(node, f"{where}: expected a decimal, got {text[:40]!r}", _mend(text))
        elif text.startswith("-"):
            mend = f'write "{text[1:]}", and `subtract` what is taken off'
            self.reading.wrong(node, f"{where}: expected 0 or more, got {text}", mend)
        else:
            return Fraction(quantity.exact(text))
        return Fraction(0)


def close_to(word: str, known: Iterable[str]) -> str:
    """Give `did you mean 'x'?` where one of the known is close, else ""."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {close[0]!r}?" if close else ""


def slip_of(word: str, known: Iterable[str]) -> str:
    """Give the known word that an unknown one is all but equal to (`tips`: `tip`), else "": somebody's own."""
    words = list(known)
    if word in words:
        return ""
    single = f"{word[:-3]}y" if word.endswith("ies") else word
    return next((near for near in difflib.get_close_matches(single, words, 3) if _nearly(single, near)), "")


def _nearly(one: str, other: str) -> bool:
    """Tell whether four fifths of the letters of both stand in both, in order."""
    alike = sum(block.size for block in difflib.SequenceMatcher(None, one, other).get_matching_blocks())
    return 5 * 2 * alike >= 4 * (len(one) + len(other))


def _mend(text: str) -> str:
    percent = _PERCENT.fullmatch(text.strip())
    if percent is not None:
        return f'write "{quantity.decimal(Fraction(percent[1]) / 100)}" for {text.strip()}'
    if _THOUSANDS.fullmatch(text):
        return f'write "{text.replace(",", "")}"'
    comma = _COMMA.fullmatch(text)
    if comma is not None:
        return f'write "{int(comma[1]) if len(comma[1]) < 20 else comma[1]}.{comma[2]}"'
    return _EXAMPLE
