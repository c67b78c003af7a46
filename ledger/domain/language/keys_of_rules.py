"""The keys of lines, rules and notices.

Part of the one place where keys live; see `ledger.domain.language.keys`. The operations of lines stand in `operations`.
"""

from __future__ import annotations

from typing import Final

from ledger.domain.language.forms import CITING, Form, may, must

RULE_FORMS: Final[dict[str, Form]] = {
    "line": Form(
        "A line",
        "One operation on operands, then its modifiers in this order. Operations: section 6.",
        (
            may("at_least", "operand", "no less than this", '"0"'),
            may("at_most", "operand", "no more than this", '"207000"'),
            may("rounding", "rounding", "after that", '{mode: half_up, step: "1"}'),
            may("above_one", "truth", "of `times`: `true` where more than the whole of pay is meant", "true"),
            *CITING,
        ),
    ),
    "choice": Form(
        "A branch of `choose`",
        "The first branch whose conditions all hold gives the value; the last item is `{otherwise: ...}`.",
        (
            must("when", "conditions", "what must hold", '{net: {to: "50"}}'),
            must("then", "operand or word", "what it gives", '"0"'),
        ),
    ),
    "posted": Form(
        "posted",
        "What rules have posted so far in the windows of this kind that lie within the reading rule's window.",
        (
            must("fund", "fund", "the fund, with its parts (`CPF` counts `CPF.OA`)", "CPF"),
            must("payer", "payer", "who paid", "worker"),
            must("window", "window", "finer than the reading rule's, or the same", "month"),
        ),
    ),
    "due": Form(
        "due",
        "A day after the window's end: either `months` and `day`, or `working_days`.",
        (
            may("months", "number of months", "months after the window's last month", "1"),
            may("day", "day of month", "day of that month; 0 is its last", "14"),
            may(
                "roll",
                "roll",
                "`working`: a Saturday or Sunday moves to Monday (public holidays are not known)",
                "working",
            ),
            may("working_days", "working count", "Mondays to Fridays after the window's end", "5"),
        ),
    ),
    "rule": Form(
        "A rule",
        "One kind of posting: the window's total (never an increment) for one fund and payer. Either `amount`, "
        "or in short `base`, `rate` and perhaps `cap`.",
        (
            must("fund", "fund", "the fund, or a part of one after a dot", "CPF.OA"),
            must(
                "payer",
                "payer",
                "who pays: `worker`, `platform`, `customer`, `subsidy:<NAME>`, `sponsor` (the platform in "
                "worker.sponsor), or `none` (hours and days)",
                "platform",
            ),
            must("window", "window", "over what it adds up", "month"),
            may(
                "platforms",
                "sharing",
                "all of a worker's platforms `together`, or `each` on its own; required unless window is gig",
                "each",
            ),
            may(
                "on",
                "moment of a rule",
                "`gig` (default): follows every gig, settled again at the close; `close`: once the window is "
                "closed; `remittance`; `dispute`",
                "close",
            ),
            may("when", "conditions", "what must hold, else the total is 0", "{worker.sector: transport}"),
            may("amount", "line or measure", "the line that says how much", "fee"),
            may("base", "measure name", "in short: the measure of which", "pay"),
            may("rate", "rate", "this share, a figure or a parameter, is owed", '"0.01"'),
            may("cap", "cap", "to at most this: a figure, or `{table: name}`", '"10000"'),
            may("above_one", "truth", "`true`: the rate of pay may be more than the whole of it", "true"),
            may("rounding", "rule rounding", "of the window's total; required for money", '{mode: down, step: "1"}'),
            may("state", "state", "`accrued` (default), `withheld`, `returned`", "withheld"),
            may(
                "unit",
                "unit",
                "`money` (default), `hours` (whole seconds, rounded down), `days` (whole, rounded down)",
                "hours",
            ),
            *CITING,
        ),
    ),
    "notice": Form(
        "A notice",
        "What is said to worker, platform or fund. With `on: gig` once a window, and again when its value changes.",
        (
            must("kind", "notice kind", "what kind of notice", "shortfall"),
            may("fund", "fund", "the fund it is about", "SKSPS"),
            must("window", "window", "over what", "month"),
            may("platforms", "sharing", "as in a rule", "together"),
            may("on", "moment of a notice", "`gig` (default), `close` or `dispute`", "close"),
            may("when", "conditions", "what must hold for it to be said", '{total: {above: "13"}}'),
            may(
                "truth",
                "conditions",
                "instead of `when`: said either way, its value is whether they hold",
                '{days: {from: "90"}}',
            ),
            may("amount", "operand", "an amount it names", "excess"),
            may("value", "operand or word", "a value it names", "full"),
            may("date", "date line", "a day it names", "by"),
            *CITING,
        ),
    ),
}
