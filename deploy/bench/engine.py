"""What the engine alone costs: `engine_us_per_contribution`, one line per shipped scheme; no servers, one process.

Gigs of many workers over one month, in the scheme's own place and money, accrue one after the other under that scheme
alone, in memory, as they do on the hot path; open parameters, attributes and platforms are stated beforehand. The
processor's time is divided by the postings that came of it: a month's cap reached, or a vehicle that the scheme does
not know, makes fewer postings and each of them dearer. Schemes of which no gig posts anything (flat per month, acting
at the close) are measured per gig instead.
"""

from __future__ import annotations

import gc
import random
import time
from datetime import date
from fractions import Fraction
from typing import Any, Final

from contracts.currencies import EXPONENTS
from deploy.bench.made import SCHEMES
from deploy.bench.report import figure, show
from ledger.domain.accrual import accrue
from ledger.domain.earning import Component, Gig
from ledger.domain.language.document import Document, load_document
from ledger.domain.period import midnight
from ledger.domain.registry import Registry
from ledger.domain.scheme import Version
from ledger.domain.standing import Account

GIGS: Final = 20_000
WORKERS: Final = 500
DAYS: Final = 28
PARAMETERS: Final = {"US-CA-PROP22": "16.90", "CL-LEY21431": "530000"}
"""What stands for open parameters; elsewhere the least that may be set, or 2 %."""
SERVICES: Final = {"US-ALIA": ("cleaning",)}
ATTRIBUTES: Final[dict[str, Any]] = {
    "born": "1990-04",
    "opted_in": "2024-01",
    "basis": "3000000",
    "plan": "2",
    "service_class": "III",
    "productive": True,
    "tier": "top",
}
FARES: Final = {
    "BRL": 20,
    "CLP": 5_000,
    "CNY": 30,
    "COP": 15_000,
    "IDR": 20_000,
    "INR": 200,
    "KRW": 30_000,
    "MYR": 15,
    "PHP": 200,
    "SGD": 15,
    "USD": 15,
}
"""What a gig pays about, in the currency's unit."""
PLATFORMS: Final[dict[str, dict[str, Any]]] = {
    "gojek": {"turnover": "10000000", "payouts": "3000000"},
    "doordash": {"turnover": "10000000", "payouts": "3000000"},
}


def run(times: int) -> None:
    """Measure and print each scheme that any gig can post something under."""
    for path in sorted(SCHEMES.glob("*.yaml")):
        document = load_document(path.read_text(encoding="utf-8"), path.name, EXPONENTS)
        if not any(version.rules for version in document.versions):
            continue
        seconds, postings = measure(document, times)
        setting = {"scheme": document.scheme, "gigs": GIGS, "workers": WORKERS, "contributions": postings}
        per = postings or GIGS
        name = "engine_us_per_contribution" if postings else "engine_us_per_gig"
        show(figure(name, "us", [each / per * 1_000_000 for each in seconds], **setting))


def measure(document: Document, times: int) -> tuple[list[float], int]:
    """Give the processor's seconds that all gigs took in each round, and how many postings came of them in one."""
    version = max((own for own in document.versions if own.rules), key=lambda own: (own.start, own.revision))
    registry = _registry(document)
    gigs = _gigs(version, random.Random(1))
    rounds = []
    postings = 0
    for _ in range(times + 1):  # the first one warms up
        accounts = [_account(number, registry) for number in range(WORKERS)]
        gc.collect()
        gc.disable()
        began = time.process_time()
        postings = sum(len(accrue(gig, accounts[number], registry).contributions) for number, gig in gigs)
        rounds.append(time.process_time() - began)
        gc.enable()
    return rounds[1:], postings


def _registry(document: Document) -> Registry:
    parameters = {
        (document.scheme, own.name): own.at_least or Fraction(PARAMETERS.get(document.scheme, "0.02"))
        for version in document.versions
        for own in version.parameters
        if own.value is None
    }
    return Registry(document.versions, drafts=True, parameters=parameters, platforms=PLATFORMS)


def _account(number: int, registry: Registry) -> Account:
    account = Account(f"W-{number:03}")
    for name, value in ATTRIBUTES.items():
        account.state_attribute(name, value, date(2020, 1, 1))
    account.catch_up(registry)
    return account


def _gigs(version: Version, chance: random.Random) -> list[tuple[int, Gig]]:
    """Give gigs with their workers' numbers, in order of time: over four weeks of a version, from its second month."""
    month = version.start.year * 12 + version.start.month
    begins = midnight(version.time_zone, date(month // 12, month % 12 + 1, 1))
    fare = FARES[version.currency] * 10**version.minor_digits
    gigs = []
    for instant in sorted(chance.randrange(begins, begins + DAYS * 86_400) for _ in range(GIGS)):
        number, paid = chance.randrange(WORKERS), chance.randrange(fare // 4, 2 * fare)
        own = Gig(
            worker=f"W-{number:03}",
            platform=version.platforms[0] if version.platforms else "gojek",
            service=chance.choice(SERVICES.get(version.scheme, ("ride", "delivery"))),
            vehicle=chance.choice(("car", "motorcycle", "bicycle")),
            zone=chance.choice(version.zones) if version.zones else None,
            currency=version.currency,
            components=(Component("fare", paid, None), Component("tip", paid // 10, None)),
            commission_minor=paid // 5,
            engaged_seconds=chance.randrange(300, 3_000),
            distance_m=chance.randrange(500, 20_000),
            segments=(),
            occurred_at=instant,
            payment_due_on=None,
        )
        gigs.append((number, own))
    return gigs
