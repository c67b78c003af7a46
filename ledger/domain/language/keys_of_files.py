"""The keys of a scheme file down to its tables and figures.

Part of the one place where keys live; see `ledger.domain.language.keys`.
"""

from __future__ import annotations

from typing import Final

from ledger.domain.language.forms import CITING, Form, may, must

FILE_FORMS: Final[dict[str, Form]] = {
    "file": Form(
        "The file",
        "One scheme: who is covered, in which money and time, its sources, and its dated versions.",
        (
            must("scheme", "scheme id", "capitals, figures and `-`; the file is named after it", "IN-KA-WELFARE-FEE"),
            must("title", "text", "one line for people", '"Karnataka welfare fee"'),
            must("status", "status", "`draft` and `example` say that it is no law; a draft is never enacted", "draft"),
            must("currency", "currency", "ISO 4217; figures are written in its unit (rupees, not paise)", "INR"),
            must(
                "time_zone",
                "time zone",
                "tz database name: days, weeks and months are those of this zone",
                "Asia/Kolkata",
            ),
            may(
                "time_zones",
                "time zones",
                "where part of the scope has another: zone and its time zone",
                "{US-UT: America/Denver}",
            ),
            may(
                "zones", "zones", "where gigs are in scope; a zone covers what is finer. Absent: everywhere", "[IN-KA]"
            ),
            may("platforms", "platforms", "platforms in scope. Absent: all", "[doordash]"),
            may(
                "attribution",
                "attribution",
                "which day a gig falls on: the day it was `completed` (default), or the day its payment is due",
                "payment_due",
            ),
            may(
                "funds",
                "funds",
                "the funds there are, with their titles; then any other fund is refused",
                '{JKK: "work accident"}',
            ),
            must(
                "sources",
                "sources",
                "the documents that were read, each under a short key",
                '{go_413: {title: "Order LD 413"}}',
            ),
            must("versions", "versions", "oldest first; each holds until the next one's `from`", "[...]"),
        ),
    ),
    "source": Form(
        "A source",
        "A document that somebody can look up.",
        (
            must("title", "text", "what it is, of whom, of when", '"Order LD 413"'),
            may("url", "text", "where it lies", "https://example.org/order"),
        ),
    ),
    "version": Form(
        "A version",
        "All that holds from one day on. Its id is `<from>`, or `<from>.<revision>`.",
        (
            must("from", "day", "first day on which it holds", "2026-02-13"),
            may("revision", "revision", "2 or more: replaces an enacted text of the same day that was wrong", "2"),
            must("source", "source key", "the document that the version rests on; all below inherits it", "go_413"),
            *CITING[1:],
            may("zones", "zones", "instead of the file's", "[IN-KA]"),
            may("platforms", "platforms", "instead of the file's", "[doordash]"),
            may(
                "foreign_pay",
                "foreign pay",
                "how pay in another currency is read, see below. Absent: at its recorded rate, rounded half up to the "
                "smallest unit, where the version names zones; else not at all",
                "refuse",
            ),
            may(
                "parameters",
                "parameters",
                "named figures, set here or left open for another instrument",
                "{minimum_wage: open}",
            ),
            may("measures", "measures", "what is counted, gig by gig", "{pay: {include: all}}"),
            may("tables", "tables", "figures or words found by what names read", "{caps: {...}}"),
            may("lines", "lines", "the form: each line one operation", '{fee: {times: [pay, "0.01"]}}'),
            must("rules", "rules", "what is posted; `[]` where nothing is (any more)", "[...]"),
            may("notices", "notices", "what is said", "[...]"),
            may(
                "adds_up",
                "shares of funds",
                "check: the rates of a fund's rules, over all payers, add up to this",
                '{JHT: "0.03"}',
            ),
        ),
    ),
    "foreign_pay": Form(
        "foreign_pay",
        "Pay in another currency is read at the rate recorded with the gig (`rate`: what one unit of its currency is "
        "worth in the money of its place, of `rate_date`). Each amount of the gig, and its commission, is converted "
        "alone, exactly, and rounded as this says; what is added to the gig later is converted at the gig's rate. "
        "A gig without a rate is not covered: nothing is posted, and the notice `rate_missing` names its currency. "
        "`refuse`: only pay in the scheme's own currency is covered. A version without zones takes foreign pay only "
        "where it says how, as nothing else tells which currency a rate is in.",
        (must("rounding", "rounding", "of each converted amount", '{mode: half_up, step: "0.01"}'), *CITING),
    ),
    "parameter": Form(
        "A parameter",
        "A figure with a name. `open`: another instrument sets it; until then, what reads it posts nothing and "
        "the notice `parameter_unset` says so.",
        (
            must("value", "figure or open", "the figure, or `open`", '"16.90"'),
            may("at_least", "figure", "the least that may be set", '"0.01"'),
            may("at_most", "figure", "the most that may be set", '"0.02"'),
            *CITING,
        ),
    ),
    "measure": Form(
        "A measure",
        "A sum or a count over the gigs of a window. The order in which gigs come never matters.",
        (
            may("sum", "sum", "`pay` (default), `minutes` or `hours` engaged, `miles` or `km` driven", "hours"),
            may("count", "count", "instead of `sum`: `gigs`, or local calendar `days` with a gig", "days"),
            may(
                "include",
                "kinds",
                "pay only, required: `all`, or the kinds of components that count; `kind:purpose` names one purpose",
                '[fare, "cancellation_fee:earning"]',
            ),
            may("exclude", "kinds", "pay only, with `include: all`: the kinds that do not", "[tip]"),
            may("less", "less", "pay only: the platform's commission is taken off", "[commission]"),
            may(
                "share",
                "table name",
                "each gig's (or segment's) amount is multiplied by this table's row, 0 to 1",
                "keep",
            ),
            may("where", "gig conditions", "only gigs of which this holds", "{service: cleaning}"),
            may("window", "window", "where it is not that of the rule which reads it: coarser, never finer", "quarter"),
            may(
                "platforms",
                "sharing",
                "where it is not that of the rule which reads it: `together` for a pooled test",
                "together",
            ),
            may("shift", "shift", "`previous`: the window before that one", "previous"),
            may("apart", "apart", "days only: the same day on two platforms is two days", "platforms"),
            *CITING,
        ),
    ),
    "table": Form(
        "A table",
        "Rows found by what names read. The first row that matches holds; an exception stands before the general row.",
        (
            must("by", "names", "the names that are looked up", "[gig.service, gig.vehicle]"),
            may(
                "columns",
                "column names",
                "where a row gives several values; else it gives `value`",
                "[worker, platform]",
            ),
            must(
                "otherwise",
                "otherwise",
                "where no row matches: `nothing` is posted; `refuse`: the same, and a notice says that the "
                "scheme does not know; or a figure",
                "nothing",
            ),
            must("rows", "rows", "each with a condition per name and its value", '[{service: ride, value: "1"}]'),
            may(
                "adds_up",
                "columns that add up",
                "check: in each row these columns add up to another, or to a figure",
                "{of: [oa, sa], to: total}",
            ),
            *CITING,
        ),
    ),
    "adds_up": Form(
        "adds_up of a table",
        "A check on each row: parts and their total.",
        (must("of", "column names", "the parts", "[oa, sa, ma]"), must("to", "column or figure", "the total", "total")),
    ),
    "rounding": Form(
        "A rounding",
        "Mode and step. `rounding: as_is` on a rule: the line is exact already; what does not come out in the "
        "smallest unit is an error.",
        (
            must("mode", "mode", "`down`, `up`, `half_up` or `half_even`", "half_up"),
            must("step", "step", "to a multiple of this, in the currency's unit", '"0.01"'),
            *CITING,
        ),
    ),
    "cap": Form(
        "A cap from a table",
        "The row that the window finds.",
        (must("table", "table name", "a table with one value per row", "caps"), *CITING),
    ),
    "figure": Form(
        "A figure with its own source",
        "Wherever a figure may stand.",
        (must("value", "decimal", "the figure", '"0.01"'), *CITING),
    ),
}
