"""What a simulation says in plain words: pure functions from the result to sentences and cells, for page and terminal.

Written for somebody who decides and does not compute. Amounts are exact where they are short and rounded, saying so,
where they are long; the exact ones stand in the tables. A draft and an example are called so wherever they are named.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from ledger.domain.quantity import DECIMAL, decimal, decimal_places
from ledger.domain.simulation.counting import AFTER_COVERED, BEFORE_COVERED, WORKERS
from ledger.domain.simulation.result import DAYS, HOURS
from ledger.domain.simulation.tally import PLATFORM
from ledger.domain.simulation.trial import AFTER, BEFORE, IN_FORCE, acting_versions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from ledger.domain.simulation.deciles import Moved
    from ledger.domain.simulation.result import Result
    from ledger.domain.simulation.trial import Chosen

NOTHING: Final = "–"
"""What stands in a cell where there is nothing to say."""
_PAYERS: Final = {"worker": "workers", "platform": "platforms", "customer": "customers", "none": "nobody"}
_LARGE: Final = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))
_BRIEF: Final = ((10**12, "tn"), (10**9, "bn"), (10**6, "m"), (10**3, "k"))
_WHOLE: Final = ("IDR", "COP", "CLP", "KRW", "JPY")
"""Currencies whose decimals nobody uses: left off where they are nought, and averages are rounded to whole units."""
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_STATUS: Final = {
    "draft": "a draft: it is no law, and nobody owes any of this",
    "example": "an example of our own: it is no law, and nobody owes any of this",
    "historic": "a scheme of the past",
}


# -- names and numbers -----------------------------------------------------------------------------------------------


def payer(kind: str) -> str:
    """Name a kind of payer: `customer` -> `customers`, `subsidy:JKT` -> `the subsidy JKT`."""
    return f"the subsidy {kind.partition(':')[2]}" if kind.startswith("subsidy:") else _PAYERS.get(kind, kind)


def name(chosen: Chosen) -> str:
    """Name a side: scheme and version, and that it is a draft where it is one."""
    word = {"draft": "the draft ", "example": "the example "}.get(chosen.status, "")
    return f"{word}{chosen.label}"


def day(of: date) -> str:
    """Write a day: `1 April 2020`."""
    return f"{of.day} {_MONTHS[of.month - 1]} {of.year}"


def amount(result: Result, value: int, unit: str | None = None) -> str:
    """Write an amount with its unit for a sentence: `USD 230.53`, `about IDR 895 million`, `12.50 hours`."""
    unit = unit or result.unit
    if unit in (HOURS, DAYS):
        return f"{_grouped(result.shown(value, unit))} {unit}"
    sign = "-" if value < 0 else ""
    for size, word in _LARGE:
        if abs(value) >= size * 10**result.digits:
            whole = Fraction(abs(value), size * 10**result.digits)
            digits = 0 if whole >= 100 else 1 if whole >= 10 else 2
            text = decimal_places(whole, digits)
            about = "" if Fraction(text) == whole else "about "
            return f"{about}{unit} {sign}{text} {word}"
    return f"{unit} {figure(result, value, unit)}"


def figure(result: Result, value: int, unit: str | None = None) -> str:
    """Write an amount exactly for a table: digits in groups, decimals only where the money has some: `1,250,000`."""
    return _bare(result, _grouped(result.shown(value, unit or result.unit)))


def exact(result: Result, total: Fraction) -> str:
    """Write a sum of exact amounts for a table, rounded half up to the currency's decimals."""
    return _bare(result, _grouped(decimal_places(total, result.digits))) if total else NOTHING


def brief(result: Result, value: int) -> str:
    """Write an amount for an axis: `250`, `1.5k`, `20m`."""
    whole = Fraction(abs(value), unit_size(result))
    sign = "-" if value < 0 else ""
    for size, word in _BRIEF:
        if whole >= size:
            return f"{sign}{_short(whole / size)}{word}"
    return sign + _short(whole)


def unit_size(result: Result) -> int:
    """Give how many of the smallest parts make one of the breakdowns' unit: 100 cents, 3600 seconds, 1 day."""
    return 3600 if result.unit == HOURS else 1 if result.unit == DAYS else 10**result.digits


def percent(part: int, whole: int, digits: int = 1) -> str:
    """Write a share of something that is more than 0: `6.3 %`."""
    return f"{decimal_places(Fraction(100 * part, whole), digits)} %" if whole > 0 else NOTHING


def told(place: str, value: str | None) -> str:
    """Write a figure of a text as it stands there, a rate in percent beside it: `0.025 (2.5 %)`."""
    if value is None:
        return NOTHING
    if not place.endswith("rate") or DECIMAL.fullmatch(value) is None:
        return value
    return f"{value} ({decimal(Fraction(value) * 100)} %)"


def signed(text: str) -> str:
    """Write a difference with its sign."""
    return text if text.startswith(("-", NOTHING)) or not text.strip("0.,% ") else f"+{text}"


def average(result: Result, total: int, workers: int, unit: str | None = None) -> int:
    """Give the average in minor units, half away from zero; of a currency without used decimals in whole ones."""
    step = 10**result.digits if (unit or result.unit) in _WHOLE else 1
    half = (2 * abs(total) + workers * step) // (2 * workers * step) * step
    return half if total >= 0 else -half


def compared_head(result: Result) -> tuple[str, ...]:
    """Give the headings of `compared`."""
    return ("Amount",) if result.trial.against is None else ("Before", "After", "Change", "Change, %")


def compared(result: Result, before: int, after: int, unit: str | None = None) -> tuple[str, ...]:
    """Give the cells of an amount on both sides; of one alone where it is held against nothing."""
    if result.trial.against is None:
        return (figure(result, after, unit),)
    change = signed(figure(result, after - before, unit))
    share = signed(percent(after - before, before))
    return figure(result, before, unit), figure(result, after, unit), change, share


# -- sentences -------------------------------------------------------------------------------------------------------


def headline(result: Result) -> str:
    """Give the one sentence: what the tried scheme changes on these gigs, and for whom."""
    before, after = result.sums()
    on, kinds = f"On these {gigs(result)}", _all(result)
    pay, paid = ("pay", "paid") if result.unit not in (HOURS, DAYS) else ("grant", "granted")
    if result.trial.against is None:
        each = [f"{payer(kind)} would {pay} {amount(result, result.sums(payer=kind)[1])}" for kind in kinds]
        return f"{on}, under {name(result.trial.tried)}, {_listed(each) or f'nobody would {pay} anything'}."
    if not before and not after:
        return f"{on}, neither scheme posts anything."
    moved = [(kind, *pair) for kind in kinds if (pair := result.sums(payer=kind))[0] != pair[1]]
    instead = f"{amount(result, after)} instead of {amount(result, before)}"
    if not moved:
        return f"{on}, nothing changes: {amount(result, after)} either way."
    if len(kinds) == 1:
        return f"{on}, {payer(kinds[0])} would {pay} {instead}: {_more(result, before, after)}."
    each = [f"{payer(kind)} {_more(result, was, now)}" for kind, was, now in moved]
    share = f" ({signed(percent(after - before, before))})" if before > 0 else ""
    return f"{on}, {instead} would be {paid}{share}: {_listed(each)}."


def second(result: Result) -> str:
    """Give the sentence after it: how many workers have more or less in their funds, or pay more or less."""
    more, less, same = _moved([group.credited for group in result.deciles])
    if not more + less + same:
        return "No worker is concerned."
    if result.trial.against is None:
        workers = more + less + same
        each = amount(result, average(result, result.sums()[1], workers))
        if not more:
            return f"None of {workers:,} workers has anything in their funds from it."
        sentence = f"{more:,} of {workers:,} workers have something in their funds from it, {each} each on average"
    else:
        said = [
            f"{count:,} {word}"
            for count, word in ((more, "have more"), (less, "have less"), (same, "have the same"))
            if count
        ]
        who = "made-up workers" if result.tally.made_up == result.tally.workers else "workers"
        sentence = f"Of {more + less + same:,} {who}{_on_platforms(result)}, {_listed(said)} in their funds"
    paid_more, paid_less, _ = _moved([group.paid for group in result.deciles])
    if result.trial.against is None:
        return f"{sentence}; {paid_more:,} pay something themselves." if paid_more else f"{sentence}."
    own = [f"{count:,} pay {word} themselves" for count, word in ((paid_more, "more"), (paid_less, "less")) if count]
    return f"{sentence}; {_listed(own)}." if own else f"{sentence}."


def _on_platforms(result: Result) -> str:
    """Say on how many platforms a worker works on average, where there are several."""
    platforms = result.keys(PLATFORM)
    if len(platforms) < 2 or not result.tally.workers:
        return ""
    each = Fraction(sum(result.counts((PLATFORM, key))[WORKERS] for key in platforms), result.tally.workers)
    return f" (on {decimal_places(each, 1)} platforms each on average)" if each >= Fraction(21, 20) else ""


def broken(result: Result) -> str | None:
    """Give the sentence about limits that gigs break, or None where none does."""
    said = []
    for side, chosen in ((AFTER, result.trial.tried), (BEFORE, result.trial.against)):
        found = [both for (own, kind, _), both in result.tally.said.items() if own == side and kind == "breach"]
        if found and chosen is not None:
            times, total = sum(times for times, _ in found), sum(amounts for _, amounts in found)
            whole = amount(result, round(total * 10**result.digits), result.trial.tried.currency)
            limits = _limits(result, chosen)
            said.append(f"{times:,} times a gig goes beyond a limit of {name(chosen)}{limits}, by {whole} in all.")
    return " ".join(said) or None


def _limits(result: Result, chosen: Chosen) -> str:
    """Say what the limits of a side are, as far as its texts do."""
    notices = [notice for version in acting_versions(chosen, result.days) for notice in version.notices]
    notes = dict.fromkeys(notice.cite.note for notice in notices if notice.kind == "breach" and notice.cite.note)
    return f" ({' or '.join(notes)})" if notes else ""


def gigs(result: Result) -> str:
    """Say how many gigs of when: `532 gigs of April 2020`."""
    first, last = result.days
    kind = "synthetic gigs" if result.tally.synthetic == result.tally.workers else "gigs"
    if (first.year, first.month) == (last.year, last.month):
        return f"{result.tally.gigs:,} {kind} of {_MONTHS[first.month - 1]} {first.year}"
    return f"{result.tally.gigs:,} {kind} from {day(first)} to {day(last)}"


def standing(chosen: Chosen) -> str | None:
    """Say what a scheme is that is not law in force; None for one that is."""
    said = _STATUS.get(chosen.status)
    return f"{chosen.scheme} is {said}." if said else None


def coverage(result: Result) -> str:
    """Say how many gigs which side covers, and how many neither does."""
    counts, outside = result.counts(), result.tally.outside
    tried = f"{counts[AFTER_COVERED]:,} of {result.tally.gigs:,} gigs are covered by {result.trial.tried.label}"
    against = result.trial.against
    if against is None:
        return f"{tried}; {outside:,} are not." if outside else f"{tried}."
    return (
        f"{tried}, {counts[BEFORE_COVERED]:,} by {against.label}; {f'{outside:,}' if outside else 'none'} by neither."
    )


def assumptions(result: Result) -> list[str]:
    """Give what was taken for granted, a sentence each."""
    trial, tally = result.trial, result.tally
    said = ["Nobody works more or less, and no price changes, because of a scheme: the gigs are counted as they are."]
    sides = list(dict.fromkeys((trial.tried.scheme, standing(c)) for c in (trial.tried, trial.against) if c))
    said += [sentence for _, sentence in sides if sentence]
    said += [_applied(trial.tried, "after")]
    said += [_applied(trial.against, "before") if trial.against else "It is held against nothing: all of it is new."]
    said += [f"Every worker of whom it is not known has {key} = {value}." for key, value in trial.assumed.attributes]
    said += [f"{platform} has {key} = {value}." for (platform, key), value in trial.assumed.platforms]
    said += [f"{scheme}: {key} = {value}." for (scheme, key), value in trial.assumed.parameters]
    if tally.synthetic:
        said.append(f"{tally.synthetic:,} of {tally.workers:,} workers are synthetic, and so are their gigs: invented.")
    if tally.made_up:
        said.append(
            f"{tally.made_up:,} of {tally.workers:,} workers are made up: the gigs are real, but the data does not say "
            "whose they are. Who earns how much is then invented too."
        )
    if tally.other_currency:
        said.append(f"{tally.other_currency:,} gigs are in another currency than {trial.tried.currency}: not counted.")
    if trial.closes is not None:
        first, last = trial.closes
        said.append(f"The time from {day(first)} to {day(last)} is taken as over: what falls due at its closes counts.")
    said.append(
        "Workers are ranked by what they earned on all their gigs in the data (all components less commission); only "
        "those are ranked whom a scheme concerns."
    )
    said.append(
        "What is posted for longer than a month counts in the month of the gig or close that caused it; what no single "
        "gig caused counts in the zone of the worker's last gig."
    )
    return said


# -- parts -----------------------------------------------------------------------------------------------------------


def _applied(chosen: Chosen, column: str) -> str:
    if chosen.as_of is None:
        return f"{chosen.scheme} ({column}) is applied as it stood on each gig's own day ({IN_FORCE})."
    return f"{chosen.label} ({column}) is applied to all gigs, whatever their day."


def _all(result: Result) -> list[str]:
    return [kind for kind in result.payers() if any(result.sums(payer=kind))]


def _more(result: Result, before: int, after: int) -> str:
    share = f" ({signed(percent(after - before, before))})" if before > 0 else " (nothing before)"
    share = share if after else " (nothing any more)"
    return f"{amount(result, abs(after - before)).removeprefix('about ')} {'more' if after > before else 'less'}{share}"


def _moved(all_moved: Sequence[Moved]) -> tuple[int, int, int]:
    return sum(m.more for m in all_moved), sum(m.less for m in all_moved), sum(m.same for m in all_moved)


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _grouped(text: str) -> str:
    whole, point, rest = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.removeprefix('-')):,}{point}{rest}"


def _bare(result: Result, text: str) -> str:
    return text.removesuffix("." + "0" * result.digits) if result.trial.tried.currency in _WHOLE else text


def _short(whole: Fraction) -> str:
    text = decimal_places(whole, 2)
    return text.rstrip("0").rstrip(".")
