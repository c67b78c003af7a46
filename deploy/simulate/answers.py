"""A simulation's answer for other programs: JSON and CSV, the same figures as on the page.

Amounts are decimal strings in the currency's unit (or hours, or days) as in events and cases; never JSON numbers (L10).
`iuran-simulation/v1`: `totals` and each way of looking list (fund, payer, state, unit, before, after, change); `before`
is what the trial is held against. The CSV is the same in long form, one row a figure, so that a pivot table adds up to
`totals` in every way of looking. Holds no pseudonym (L11).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from deploy.simulate.words import assumptions, headline
from ledger.domain.quantity import decimal_places
from ledger.domain.simulation.counting import (
    AFTER_COVERED,
    BEFORE_COVERED,
    EARNINGS,
    GIGS,
    NEITHER,
    WORKERS,
)
from ledger.domain.simulation.deciles import Decile
from ledger.domain.simulation.figures import Change, Cited
from ledger.domain.simulation.result import Pair, Result
from ledger.domain.simulation.tally import MONTH, PLATFORM, ZONE
from ledger.domain.simulation.trial import AFTER, Chosen, acting_versions

FORMAT: Final = "iuran-simulation/v1"
_COLUMNS: Final = ("by", "key", "fund", "payer", "state", "unit", "before", "after", "change")


def as_json(result: Result) -> dict[str, Any]:
    """Give the answer as strings, whole counts, lists and objects, in a fixed order."""
    trial, tally = result.trial, result.tally
    return {
        "format": FORMAT,
        "headline": headline(result),
        "tried": _side(result, trial.tried),
        "against": None if trial.against is None else _side(result, trial.against),
        "source": {
            "kind": result.origin.kind,
            "name": result.origin.name,
            **{key.lower().replace("-", ""): value for key, value in result.origin.rows},
            "rows_refused": result.origin.refused,
            "rows_of_other_platforms": result.origin.others,
            "events_repeated": result.repeated,
            "first_day": result.days.first.isoformat(),
            "last_day": result.days.last.isoformat(),
        },
        "gigs": {
            "all": tally.gigs,
            "covered_before": result.counts()[BEFORE_COVERED],
            "covered_after": result.counts()[AFTER_COVERED],
            "covered_by_neither": tally.outside,
            "in_other_currency": tally.other_currency,
        },
        "workers": {
            "all": tally.workers,
            "concerned": tally.concerned,
            "made_up": tally.made_up,
            "synthetic": tally.synthetic,
        },
        "unit": result.unit,
        "totals": _pairs(result, result.pairs()),
        "deciles": [_decile(result, group) for group in result.deciles],
        "platforms": _looks(result, PLATFORM),
        "zones": _looks(result, ZONE),
        "months": _looks(result, MONTH),
        "notices": [
            {
                "side": "after" if side == AFTER else "before",
                "kind": kind,
                "value": value,
                "times": times,
                "amount": decimal_places(total, result.digits),
            }
            for (side, kind, value), (times, total) in sorted(tally.said.items())
        ],
        "assumed": assumptions(result),
        "unverified": [
            {"version": label, "place": doubt.place, "says": doubt.value, "note": doubt.note, "source": doubt.source}
            for label, doubt in result.doubts()
        ],
        "text_changes": None if (found := result.changes()) is None else [change_as_json(one) for one in found],
    }


def as_csv(result: Result) -> str:
    """Give the figures in long form, with a header; `key` is "" for all, a decile's number, a name or a month."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_rows(result, "all", "", result.pairs()))
    for group in result.deciles:
        pairs = [Pair(purse, *both) for purse, both in sorted(group.amounts.items())]
        writer.writerows(_rows(result, "decile", str(group.number), pairs))
    for look in (PLATFORM, ZONE, MONTH):
        for key in result.keys(look):
            writer.writerows(_rows(result, look, key, result.pairs((look, key))))
    return text.getvalue()


def change_as_json(change: Change) -> dict[str, Any]:
    """Give one change of a text, with both citations."""
    return {
        "place": change.place,
        "before": change.before,
        "after": change.after,
        "source_before": _cited(change.cited_before),
        "source_after": _cited(change.cited_after),
    }


def _side(result: Result, chosen: Chosen) -> dict[str, Any]:
    return {
        "scheme": chosen.scheme,
        "title": chosen.title,
        "status": chosen.status,
        "as_of": None if chosen.as_of is None else chosen.as_of.isoformat(),
        "versions": [
            {"scheme": v.scheme, "version": v.id, "digest": v.digest} for v in acting_versions(chosen, result.days)
        ],
    }


def _pairs(result: Result, pairs: Iterable[Pair]) -> list[dict[str, str]]:
    names = _COLUMNS[2:]
    return [dict(zip(names, row[2:], strict=True)) for row in _rows(result, "", "", pairs)]


def _rows(result: Result, look: str, key: str, pairs: Iterable[Pair]) -> list[tuple[str, ...]]:
    return [
        (
            look,
            key,
            *pair.purse,
            *(result.shown(each, pair.purse[3]) for each in (pair.before, pair.after, pair.change)),
        )
        for pair in pairs
    ]


def _looks(result: Result, look: str) -> list[dict[str, Any]]:
    found = []
    for key in result.keys(look):
        counts = result.counts((look, key))
        found.append(
            {
                "key": key,
                "gigs": counts[GIGS],
                "workers": counts[WORKERS],
                "covered_by_neither": counts[NEITHER],
                "earnings": result.shown(counts[EARNINGS], result.trial.tried.currency),
                "amounts": _pairs(result, result.pairs((look, key))),
            }
        )
    return found


def _decile(result: Result, group: Decile) -> dict[str, Any]:
    currency = result.trial.tried.currency
    return {
        "decile": group.number,
        "workers": group.workers,
        "gigs": group.gigs,
        "earnings": result.shown(group.earnings, currency),
        "earnings_from": result.shown(group.earnings_from, currency),
        "earnings_to": result.shown(group.earnings_to, currency),
        "amounts": _pairs(result, [Pair(purse, *both) for purse, both in sorted(group.amounts.items())]),
        "workers_credited": vars(group.credited),
        "workers_paying": vars(group.paid),
    }


def _cited(cited: Cited | None) -> dict[str, Any] | None:
    if cited is None:
        return None
    return {"title": cited.title, "url": cited.url, "verified": cited.verified, "note": cited.note}
