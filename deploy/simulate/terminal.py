"""A simulation's answer for a terminal: the headline, a table for each way of looking, then what was assumed.

The same words as on the page (`words`), so that nobody reads two stories. Wide in a pipe, where nobody can scroll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table as View

from deploy.simulate import words
from ledger.domain.simulation.counting import GIGS, WORKERS
from ledger.domain.simulation.result import Pair, sum_up
from ledger.domain.simulation.tally import MONTH, PLATFORM, ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.domain.simulation.figures import Change
    from ledger.domain.simulation.result import Result

_WIDE: Final = 160


def print_result(result: Result) -> None:
    """Print the whole answer."""
    said = [words.headline(result), words.second(result), words.broken(result), words.coverage(result)]
    print("\n".join(sentence for sentence in said if sentence) + "\n")
    _print_totals(result)
    _print_deciles(result)
    for look in (PLATFORM, ZONE, MONTH):
        rows = []
        for key in result.keys(look):
            counts = result.counts((look, key))
            amounts = words.compared(result, *result.sums((look, key)))
            rows.append((key or f"no {look}", f"{counts[GIGS]:,}", f"{counts[WORKERS]:,}", *amounts))
        _table(f"by {look} ({result.unit})", (look, "gigs", "workers", *_compared(result)), rows, 1)
    for sentence in words.assumptions(result):
        print(f"- {sentence}")
    doubts = result.doubts()
    if doubts:
        print(f"- {len(doubts)} statements of the schemes are marked unverified; --html and --json list them.")


def print_changes(before: str, after: str, found: Sequence[Change]) -> None:
    """Print what two texts say differently, with the source of what is new."""
    if not found:
        print(f"{before} and {after} say the same\n")
        return
    rows = []
    for one in found:
        cited = one.cited_after or one.cited_before
        source = "" if cited is None else f"{cited.title}{'' if cited.verified else ' (unverified)'}"
        rows.append((one.place, words.told(one.place, one.before), words.told(one.place, one.after), source))
    _table("what the text changes", ("where", before, after, "source"), rows, 4)


def _print_totals(result: Result) -> None:
    rows = []
    for pair in result.pairs():
        fund, kind, state, unit = pair.purse
        rows.append((fund, words.payer(kind), state, unit, *words.compared(result, pair.before, pair.after, unit)))
    head = ("fund", "who pays", "state", "unit", *_compared(result))
    _table("totals per fund and payer", head, rows, 4)
    notices = [
        (("before", "after")[side], kind, value, f"{times:,}", words.exact(result, total))
        for (side, kind, value), (times, total) in sorted(result.tally.said.items())
    ]
    if notices:
        _table("notices", ("side", "kind", "value", "times", "amounts named"), notices, 3)


def _print_deciles(result: Result) -> None:
    currency = result.trial.tried.currency
    rows = []
    for group in result.deciles:
        both = sum_up([Pair(purse, *pair) for purse, pair in group.amounts.items()], result.unit)
        before, after = (words.average(result, total, group.workers) for total in both)
        earned = words.figure(result, words.average(result, group.earnings, group.workers, currency), currency)
        rows.append((str(group.number), f"{group.workers:,}", earned, *words.compared(result, before, after)))
    head = ("group", "workers", f"earned, {currency}", *_compared(result))
    _table(f"by tenth of workers, lowest earnings first; per worker ({result.unit})", head, rows, 1)


def _compared(result: Result) -> tuple[str, ...]:
    return tuple(text.lower() for text in words.compared_head(result))


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int) -> None:
    view = View(title=escape(title), title_justify="left")
    for at, name in enumerate(head):
        view.add_column(escape(name), justify="left" if at < text_columns else "right")
    for row in rows:
        view.add_row(*(escape(cell) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=_WIDE)).print(view)
