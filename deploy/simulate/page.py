"""The report as one HTML file: opens without a network, reads on a phone, prints, follows light and dark.

For somebody who decides: a sentence first, then who pays, whom it reaches, when and where; what was assumed and what is
not known stands on the same page (`fineprint`), with the sources and digests that make it repeatable. Every picture has
its table. Refers to nothing outside itself but the addresses of cited sources. Deterministic: no clock, no chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from deploy.simulate import fineprint, words
from deploy.simulate.markup import figure, paragraph, section, table
from deploy.simulate.plots import Series, bars, columns, lines
from deploy.simulate.style import STYLE
from ledger.domain.ids import WORKER
from ledger.domain.simulation.counting import AFTER_COVERED, EARNINGS, GIGS, NEITHER, WORKERS
from ledger.domain.simulation.result import DAYS, HOURS, Pair, Result, sum_up
from ledger.domain.simulation.tally import MONTH, PLATFORM, ZONE

if TYPE_CHECKING:
    from ledger.domain.simulation.deciles import Decile

ROWS_MAX: Final = 25
"""Rows of a table of places; the rest stands in the CSV."""
SMALL_GROUP: Final = 5
Both = tuple[int, int]


def page(result: Result) -> str:
    """Give the whole page."""
    title = f"What {result.trial.tried.label} would change"
    body = [
        _top(result),
        _key_figures(result),
        _payers(result),
        _deciles(result),
        _months(result),
        _places(result, PLATFORM, "By platform", "Platform"),
        _places(result, ZONE, "By zone", "Zone"),
        fineprint.text_changes(result),
        fineprint.assumed(result),
        fineprint.unverified(result),
        fineprint.notices(result),
        fineprint.sources(result),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _top(result: Result) -> str:
    tried = result.trial.tried
    standing, broken = words.standing(tried), words.broken(result)
    against = f" beside {result.trial.against.label}" if result.trial.against is not None else ""
    return (
        f"<header>\n{paragraph(f'Simulation · {tried.label}{against}', 'over')}<h1>{escape(tried.title)}</h1>\n"
        + (paragraph(standing, "badge") if standing else "")
        + paragraph(words.headline(result), "lead")
        + paragraph(words.second(result), "lead2")
        + (paragraph(broken, "lead2") if broken else "")
        + "</header>"
    )


def _key_figures(result: Result) -> str:
    before, after = result.sums()
    against = result.trial.against
    cards = [(words.amount(result, after), f"{'after: ' if against else ''}{result.trial.tried.label}")]
    if against is not None:
        change = words.amount(result, abs(after - before))
        cards.append((words.amount(result, before), f"before: {against.label}"))
        cards.append((change, "less is paid" if after < before else "more is paid"))
    cards += [
        (f"{result.tally.concerned:,}", f"workers concerned, of {result.tally.workers:,}"),
        (f"{result.counts()[AFTER_COVERED]:,}", f"gigs covered, of {result.tally.gigs:,}"),
        (f"{result.tally.outside:,}", "gigs that no scheme here covers"),
    ]
    shown = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>" for value, what in cards)
    return f'<section aria-label="Key figures"><dl class="cards">{shown}</dl></section>'


def _payers(result: Result) -> str:
    payers = result.payers()
    labels = [words.payer(kind).removeprefix("the ") for kind in payers]
    sums = [result.sums(payer=kind) for kind in payers]
    series = _series(result, sums)
    drawn = figure("payers", f"Who pays how much ({result.unit})", _said(result, labels, sums), _bars(labels, series))
    with_states = {pair.purse[2] for pair in result.pairs()} - {"accrued"}
    head = ["Fund", "Who pays", *(["State"] if with_states else []), "Unit"]
    rows = []
    for pair in result.pairs():
        fund, kind, state, unit = pair.purse
        first = [fund, words.payer(kind), *([state] if with_states else []), unit]
        rows.append([*first, *words.compared(result, pair.before, pair.after, unit)])
    if not rows:
        return section("Who pays", paragraph("Nobody: nothing is posted."))
    totals = table("Totals per fund and payer", [*head, *words.compared_head(result)], rows, len(head), ("Unit",))
    return section("Who pays", drawn if payers else "", totals)


def _deciles(result: Result) -> str:
    groups = result.deciles
    if not groups:
        return ""
    sums = [sum_up(_pairs(group), result.unit) for group in groups]
    own = [sum_up(_pairs(group), result.unit, WORKER) for group in groups]
    workers_pay = any(any(pair) for pair in own)
    parts = [paragraph("Workers in ten groups of equal size by what they earned; group 1 earned least.")]
    if any(any(pair) for pair in sums):
        parts.append(_decile_plot(result, "reach", "What comes into a worker's funds, on average", sums))
    if workers_pay:
        parts.append(_decile_plot(result, "own", "What a worker pays of it, on average", own))
    parts.append(_decile_table(result, sums, own if workers_pay else None))
    if min(group.workers for group in groups) < SMALL_GROUP:
        note = "Some groups have fewer than five workers: figures of so few can point to a person. Do not publish them."
        parts.append(paragraph(note, "note"))
    return section("Whom it reaches, by what workers earn", *parts)


def _decile_plot(result: Result, name: str, title: str, sums: Sequence[Both]) -> str:
    labels = [str(group.number) for group in result.deciles]
    means = [_averages(result, pair, group) for pair, group in zip(sums, result.deciles, strict=True)]
    series = _series(result, means)
    said = _said(result, [f"group {label}" for label in labels], means)
    step = _step(result, means)
    tick = _tick(result)
    return figure(name, f"{title} ({result.unit})", said, lambda frame: columns(frame, labels, series, tick, step))


def _decile_table(result: Result, sums: Sequence[Both], own: Sequence[Both] | None) -> str:
    currency, alone = result.trial.tried.currency, result.trial.against is None
    money = result.unit not in (HOURS, DAYS)
    rows = []
    for at, group in enumerate(result.deciles):
        before, after = sums[at]
        earned = words.figure(result, words.average(result, group.earnings, group.workers, currency), currency)
        shares = [words.percent(each, group.earnings, 2) for each in ((after,) if alone else (before, after))]
        moved = [f"{group.credited.more:,}" if alone else f"{group.credited.more:,} / {group.credited.less:,}"]
        if own is not None:
            moved.append(words.figure(result, _averages(result, own[at], group)[1]))
        averages = words.compared(result, *_averages(result, sums[at], group))[:3]
        rows.append([str(group.number), f"{group.workers:,}", earned, *averages, *(shares if money else []), *moved])
    shares_head = ["% of pay"] if alone else ["Before, % of pay", "After, % of pay"]
    head = ["Group", "Workers", f"Earned, {currency}", *words.compared_head(result)[:3]]
    head += [*(shares_head if money else []), "With some" if alone else "More / less", *(["Own part"] if own else [])]
    said = "how many workers have something in their funds" if alone else "how many have more, or less, in their funds"
    own_said = "; own part: what a worker pays of it, after" if own else ""
    note = paragraph(f"{head[-2 if own else -1]}: {said}{own_said}.", "note")
    hide = ("Workers", *shares_head, "More / less", "With some")
    return table(f"Per worker, on average, in {result.unit}", head, rows, hide=hide) + note


def _months(result: Result) -> str:
    months = result.keys(MONTH)
    sums = [result.sums((MONTH, month)) for month in months]
    drawn = ""
    if len(months) > 1 and any(any(pair) for pair in sums):
        series, step, tick = _series(result, sums), _step(result, sums), _tick(result)
        title = f"What is paid, month by month ({result.unit})"
        drawn = figure("months", title, _said(result, months, sums), lambda f: lines(f, months, series, tick, step))
    return section("By month", drawn, _look_table(result, MONTH, "By month", "Month", months))


def _places(result: Result, look: str, title: str, column: str) -> str:
    keys = sorted(result.keys(look), key=lambda key: (-max(result.sums((look, key))), key))
    drawn = ""
    sums = [result.sums((look, key)) for key in keys]
    if look == PLATFORM and 1 < len(keys) <= ROWS_MAX and any(any(pair) for pair in sums):
        labels = [key or "no platform" for key in keys]
        said = _said(result, labels, sums)
        drawn = figure(look, f"{title} ({result.unit})", said, _bars(labels, _series(result, sums)))
    more = paragraph(f"{len(keys) - ROWS_MAX:,} more stand in the CSV.", "note") if len(keys) > ROWS_MAX else ""
    return section(title, drawn, _look_table(result, look, title, column, keys[:ROWS_MAX]), more)


def _look_table(result: Result, look: str, title: str, column: str, keys: Sequence[str]) -> str:
    head = [column, "Gigs", "Not covered", "Workers", "Earned", *words.compared_head(result)]
    rows = []
    for key in keys:
        counts = result.counts((look, key))
        numbers = [f"{counts[at]:,}" for at in (GIGS, NEITHER, WORKERS)]
        earned = words.figure(result, counts[EARNINGS], result.trial.tried.currency)
        rows.append([key or f"no {look}", *numbers, earned, *words.compared(result, *result.sums((look, key)))])
    return table(f"{title}, in {result.unit}", head, rows, hide=("Not covered", "Workers", "Earned"))


# -- what pictures are made of ---------------------------------------------------------------------------------------


def _pairs(group: Decile) -> list[Pair]:
    return [Pair(purse, *both) for purse, both in group.amounts.items()]


def _averages(result: Result, both: Both, group: Decile) -> Both:
    before, after = (words.average(result, total, group.workers) for total in both)
    return before, after


def _series(result: Result, both: Sequence[Both]) -> list[Series]:
    after = Series("after", "after", [b[1] for b in both], [words.figure(result, b[1]) for b in both])
    if result.trial.against is None:
        return [after._replace(name="")]
    before = Series("before", "before", [b[0] for b in both], [words.figure(result, b[0]) for b in both])
    return [before, after]


def _bars(labels: Sequence[str], series: Sequence[Series]) -> Callable[..., str]:
    return lambda frame: bars(frame, labels, series)


def _said(result: Result, labels: Sequence[str], sums: Sequence[Both]) -> str:
    """Say in words what a picture shows."""
    if result.trial.against is None:
        return "; ".join(f"{label}: {words.figure(result, b[1])}" for label, b in zip(labels, sums, strict=True))
    return "; ".join(
        f"{label}: {words.figure(result, before)} before, {words.figure(result, after)} after"
        for label, (before, after) in zip(labels, sums, strict=True)
    )


def _tick(result: Result) -> Callable[[int], str]:
    return lambda value: words.brief(result, value)


def _step(result: Result, both: Sequence[Both]) -> int:
    """Give the unit of an axis: whole currency units, hours or days where the numbers are that large, else parts."""
    size = words.unit_size(result)
    largest = max((abs(value) for pair in both for value in pair), default=0)
    return size if largest >= 4 * size else 1 if result.unit != HOURS else 360 if largest >= 1440 else 36
