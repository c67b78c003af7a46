"""What a scheme may read without declaring it: the names of the language, their kinds, and where each has a value.

A name reads one thing: a measure, line or parameter of the version, an attribute of the worker or the platform, or
what is listed here. A kind is number, word, truth, list, month, day or `month or day`; None stands for a kind that is
not known because of another problem. Knows no file; the reference page prints these tables.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ledger.domain import attributes

NUMBER: Final = "number"
WORD: Final = "word"
TRUTH: Final = "truth"
LIST: Final = "list"
DAY: Final = "day"
MONTH: Final = "month"
MONTH_OR_DAY: Final = "month or day"
DATED: Final = (DAY, MONTH, MONTH_OR_DAY)

OWN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
"""What a version may call its measures, tables, lines, parameters and columns."""
ANY_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", re.ASCII)
ANY_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}", re.ASCII)


class Reads(NamedTuple):
    """One name of the language: its kind, what it reads, and where: anywhere, gig, platform, remittance, dispute."""

    kind: str
    where: str
    says: str


BUILT_IN: Final[dict[str, Reads]] = {
    "gig.service": Reads(WORD, "gig", "the gig's service: ride, delivery, logistics, marketplace, professional, ..."),
    "gig.vehicle": Reads(WORD, "gig", "walk, bicycle, ebike, motorcycle, three_wheeler, car, van, truck; else `none`"),
    "gig.zone": Reads(
        WORD, "gig", "the gig's zone code; a zone covers itself and what is finer (US-WA: US-WA-SEATTLE)"
    ),
    "gig.platform": Reads(WORD, "gig", "the gig's platform"),
    "gig.currency": Reads(WORD, "gig", "the currency that the gig was paid in"),
    "gig.commission": Reads(NUMBER, "gig", "what the platform kept of the gig"),
    "platform": Reads(WORD, "platform", "the platform whose gigs the window adds up"),
    "age": Reads(NUMBER, "anywhere", "years from the birth month to the window's last month, in twelfths, exact"),
    "window.first": Reads(DAY, "anywhere", "the window's first day"),
    "window.last": Reads(DAY, "anywhere", "the window's last day (of a gig: its day of attribution)"),
    "window.days": Reads(NUMBER, "anywhere", "days of the window"),
    "window.weeks": Reads(NUMBER, "anywhere", "days of the window / 7"),
    "window.months": Reads(NUMBER, "anywhere", "months of the window"),
    "first_day": Reads(DAY, "platform", "day of the first gig on this platform, of a worker who had others before"),
    "remittance.amount": Reads(NUMBER, "remittance", "what was paid in"),
    "remittance.fund": Reads(WORD, "remittance", "the fund it was paid for"),
    "remittance.date": Reads(DAY, "remittance", "the day it was paid in"),
    "remittance.period_last": Reads(DAY, "remittance", "the last day of the period it was paid for"),
    "dispute.suspended_from": Reads(DAY, "dispute", "first day of the suspension"),
    "dispute.suspended_days": Reads(NUMBER, "dispute", "days of the suspension"),
    "dispute.finding": Reads(WORD, "dispute", "upheld or unfounded"),
}
ATTRIBUTE_KINDS: Final[dict[str, str]] = {
    "decimal": NUMBER,
    "list": LIST,
    "truth": TRUTH,
    "word": WORD,
    "month": MONTH,
    "month or day": MONTH_OR_DAY,
}
SAID_OF_WORKERS: Final[dict[str, str]] = {
    "born": "birth month",
    "opted_in": "a month: in effect from its first day; or the day of the choice, from which `starts` counts",
    "income": "declared monthly income",
    "basis": "chosen basis itself, instead of income",
    "programmes": "programmes joined",
    "sector": "sector of work",
    "state_paid": "contributions are paid from a state budget",
    "service_class": "chosen class of service: I, II, III",
    "plan": "chosen plan, in the order of insured earnings",
    "pays": "`month` or `year`",
    "subsidy": "programme that the worker is admitted to",
    "sponsor": "platform that co-funds",
    "salary": "monthly pay from employment beside the gigs",
    "productive": "the platform counts the worker as productive",
    "tier": "the platform's tier; `top` is the highest",
    "activity": "kinds of business, of a registered trader",
}
SAID_OF_PLATFORMS: Final[dict[str, str]] = {
    "turnover": "of the whole platform in the fiscal year",
    "payouts": "paid to all workers in the fiscal year",
    "first_enrolment": "it enrols for the first time",
    "collects": "`cumulative`, or `maximum`: withholds at the highest rate and returns the rest",
    "flat_fee": "it takes a flat fee instead of a share",
    "service_fee_pct": "its share of the fare",
}
ATTRIBUTES: Final[dict[str, Reads]] = {
    **{
        f"worker.{name}": Reads(ATTRIBUTE_KINDS[kind], "anywhere", SAID_OF_WORKERS.get(name, ""))
        for name, kind in attributes.WORKER.items()
    },
    **{
        f"platform.{name}": Reads(ATTRIBUTE_KINDS[kind], "platform", SAID_OF_PLATFORMS.get(name, ""))
        for name, kind in attributes.PLATFORM.items()
    },
}
GIVEN: Final[dict[str, Reads]] = {**BUILT_IN, **ATTRIBUTES}

COMPONENT: Final = "component"
GIG_WORDS: Final[dict[str, dict[str, str]]] = {
    COMPONENT: {
        "fare": "the price of the gig, or the worker's part of it",
        "surge": "added where or when many ask",
        "incentive": "for a number of gigs, a time or a place; may come without a gig",
        "tip": "from the customer",
        "toll": "road, bridge, parking",
        "cancellation_fee": "for a gig called off; `cancellation_fee:earning` or `cancellation_fee:reimbursement`",
        "referral_bonus": "for bringing somebody in",
        "reimbursement": "makes a cost good",
        "in_kind": "a voucher, goods: no money",
        "penalty": "taken off (negative)",
        "refund": "given back to the customer (negative)",
        "welfare_support_fee": "kept by the platform for workers' welfare (negative)",
    },
    "service": {
        "ride": "people",
        "delivery": "food, groceries, whatever comes at once",
        "logistics": "parcels, freight",
        "marketplace": "goods of an online market",
        "professional": "freelance and trade work",
        "cleaning": "homes, offices",
    },
    "vehicle": {
        "walk": "on foot",
        "bicycle": "",
        "ebike": "power-assisted bicycle",
        "motorcycle": "",
        "three_wheeler": "",
        "car": "",
        "van": "light goods vehicle",
        "truck": "lorry, heavy goods vehicle",
        "none": "a gig without a vehicle",
    },
}
"""Words of gigs that the language knows. The lists are open: another word is a platform's own, unless nearly one."""

GIG_KEYS: Final = ("gig.service", "gig.vehicle", "gig.zone", "gig.platform")
"""What a `share` table may be looked up by: words that every gig carries itself."""
GIG_CONDITIONS: Final = ("service", "vehicle", "zone", "any_zone", "platform", "earning")
"""What a measure's `where` may ask of a gig; `any_zone`: of the gig or one of its segments; `earning`: pay above 0."""

RESERVED: Final = frozenset(
    {"age", "all", "any", "dispute", "first_day", "gig", "none", "nothing", "open", "otherwise", "platform", "refuse"}
    | {"remittance", "value", "window", "worker"}
)
CLOSED_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "platform.collects": ("cumulative", "maximum"),
    "worker.pays": ("month", "year"),
    "dispute.finding": ("upheld", "unfounded"),
}
"""Names that read one of a few words; any other word in a condition on them could never hold."""
