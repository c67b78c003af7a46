"""One step of an explanation, and how steps read as a text. Knows no rule and no figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ledger.domain.scheme import Citation, Version


class Step(NamedTuple):
    """One step. `what` is one of the words below; `scheme` and `version` are "" where the step is about the event
    itself, `fund`, `payer` and `window` where it is not about one. `numbers` are exact texts: decimals in the
    currency's unit, fractions such as 10/3 where no decimal ends. `source` is title and address.

    event, covered, not_covered, exchange (the rate of pay in another currency), component, base, standing (of a gig);
    known, parameter, measure, line, lookup, choice, bound, rounding, rate, cap, condition (of a rule); posting,
    taken_back, paid, waiting, notice, nothing (what came of it).
    """

    scheme: str
    version: str
    what: str
    fund: str
    payer: str
    window: str
    text: str
    numbers: dict[str, str]
    source: str
    confidence: str


_HEADS = ("event", "covered", "not_covered", "nothing")
_RESULTS = ("posting", "taken_back", "paid", "notice")


def step_of(
    version: Version,
    cite: Citation,
    what: str,
    text: str,
    numbers: dict[str, str],
    of: tuple[str, str, str] = ("", "", ""),
) -> Step:
    """Give a step of a version with its citation spelled out. `of`: fund, payer and window."""
    source = next((f"{s.title} {s.url}".strip() for s in version.sources if s.key == cite.source), cite.source)
    confidence = "verified" if cite.verified else "unverified"
    return Step(version.scheme, version.id, what, *of, text, numbers, source, confidence)


def plain(steps: Sequence[Step]) -> str:
    """Give the steps as lines of plain English, a paragraph per scheme."""
    lines: list[str] = []
    before = ""
    for step in steps:
        unsure = " (not verified in a source)" if step.confidence == "unverified" and step.what != "not_covered" else ""
        if step.what in _HEADS:
            together = step.what == before == "not_covered"
            lines += ([""] if lines and not together else []) + [f"{step.text}{unsure}"]
        else:
            lines.append(f"{'  => ' if step.what in _RESULTS else '  - '}{step.text}{unsure}")
        before = step.what
    return "\n".join(lines)
