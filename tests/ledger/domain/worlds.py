"""Small worlds for the domain's tests: schemes as text in three currencies, and strategies for gigs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from ledger.domain.earning import Component, Gig
from ledger.domain.language.document import Document, load_document
from ledger.domain.registry import Registry

SHIPPED = Path(str(files("contracts") / "schemes"))
MARCH = 1_772_298_000  # 2026-03-01T00:00+07:00


def scheme_text(rules: str, *, currency: str = "IDR", start: str = "2026-01-01", more: str = "", **top: str) -> str:
    """Give a scheme file with one measure `pay`; `rules` and `more` (further versions) are YAML, indented by two."""
    head = {"scheme": "X-TEST", "title": "test", "status": "example", "time_zone": "Asia/Jakarta"} | top
    lines = "\n".join(f"{key}: {value}" for key, value in head.items())
    return (
        f"{lines}\ncurrency: {currency}\nsources: {{own: {{title: own}}}}\nversions:\n"
        f"  - from: {start}\n    source: own\n    measures: {{pay: {{include: all, less: [commission]}}}}\n"
        f"    rules:\n{rules}\n{more}"
    )


def rule(**own: str) -> str:
    """Give one rule as a line of YAML."""
    whole = {"fund": "A", "payer": "platform", "window": "gig", "base": "pay", "rate": '"0.01"'} | own
    whole.setdefault("rounding", '{mode: down, step: "1"}')
    return "      - {" + ", ".join(f"{key}: {value}" for key, value in whole.items()) + "}"


def load(text: str) -> Document:
    """Give the document of a text."""
    return load_document(text, "test.yaml", EXPONENTS)


def registry(*texts: str) -> Registry:
    """Give a registry in which all versions of these texts are enacted."""
    return Registry(version for text in texts for version in load(text).versions)


FIRST = ("ID-JK-PILOT", "IN-KA-WELFARE-FEE", "US-NY-BCF")
"""Three shapes: a monthly cap over all platforms, a capped fee by table, a percentage by version."""


def shipped() -> Registry:
    """Give a registry in which the first three shipped schemes are enacted."""
    return registry(*((SHIPPED / f"{name}.yaml").read_text() for name in FIRST))


def gig(amount: int = 10_000, **own: object) -> Gig:
    """Give a gig of one fare in Jakarta on 1 March 2026, unless said otherwise."""
    whole: dict[str, object] = {
        "worker": "W-1",
        "platform": "gojek",
        "service": "ride",
        "vehicle": "motorcycle",
        "zone": "ID-JK",
        "currency": "IDR",
        "components": (Component("fare", amount, None),),
        "commission_minor": 0,
        "engaged_seconds": 0,
        "distance_m": 0,
        "segments": (),
        "occurred_at": MARCH,
        "payment_due_on": None,
    }
    return Gig(**(whole | own))  # type: ignore[arg-type]


PLACES = (("ID-JK", "IDR"), ("ID-JK-01", "IDR"), ("US-NY", "USD"), ("IN-KA", "INR"), (None, "USD"), ("ID-JB", "IDR"))
COMPONENTS = st.builds(
    Component,
    st.sampled_from(("fare", "surge", "tip", "toll", "incentive", "refund", "penalty")),
    st.integers(-3_000_000, 40_000_000),
    st.none(),
)
GIGS = st.builds(
    lambda place, **own: gig(zone=place[0], currency=place[1], **own),
    st.sampled_from(PLACES),
    platform=st.sampled_from(("gojek", "grab")),
    service=st.sampled_from(("ride", "delivery", "professional")),
    vehicle=st.sampled_from((None, "car", "motorcycle")),
    components=st.lists(COMPONENTS, min_size=1, max_size=4).map(tuple),
    commission_minor=st.integers(0, 3_000_000),
    occurred_at=st.integers(MARCH - 40 * 86_400, MARCH + 40 * 86_400),
)
