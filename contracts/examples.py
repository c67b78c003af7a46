"""One good example of each event, as values: written to `examples/` by the generator and used by tests.

The gig is the one of the README: a motorcycle ride in Jakarta with a tip. Names, keys and texts of the operator's
examples are made up; the verifier key belongs to nobody.

Must not know: files. Source: SPEC section 3.
"""

from __future__ import annotations

import hashlib
from typing import Final

from contracts import events
from contracts.events import Component, Declared, GigCompleted, LedgerOpened, PlatformChanged, SchemeEnacted, Segment

_TIME: Final = "2026-03-01T08:15:30Z"
_SCHEME_TEXT: Final = 'scheme: XX-EXAMPLE\nversions:\n  - from: "2026-01-01"\n'

_GIG: Final = GigCompleted(
    accepted_at="2026-03-01T08:00:10Z",
    commission="3700",
    components=(Component(amount="18500", kind="fare"), Component(amount="2000", kind="tip")),
    currency="IDR",
    declared=(Declared(amount="185", fund="JKK", scheme="ID-BPU"),),
    distance_m=5400,
    engaged_seconds=900,
    payment_due_on="2026-03-03",
    service="ride",
    vehicle="motorcycle",
    zone="ID-JK",
)
_GIG_ABROAD: Final = GigCompleted(
    commission="1.250",
    components=(
        Component(amount="40.500", kind="fare"),
        Component(amount="3.000", kind="cancellation_fee", purpose="earning"),
        Component(amount="-0.500", kind="penalty"),
    ),
    currency="KWD",
    rate="53250.75",
    rate_date="2026-02-27",
    segments=(
        Segment(distance_m="1609.344", engaged_seconds=600, zone="US-WA-SEATTLE"),
        Segment(distance_m=2000, zone="US-WA"),
    ),
    service="delivery",
)


def _gig(data: GigCompleted, gig: str) -> bytes:
    return events.envelope(
        type=events.GIG_COMPLETED,
        source=events.platform_source("gojek"),
        id=gig,
        subject="W-7f3a",
        time=_TIME,
        data=data,
    )


def _operator(type: str, id: str, subject: str, data: events.Data) -> bytes:
    return events.envelope(type=type, source=events.OPERATOR_SOURCE, id=id, subject=subject, time=_TIME, data=data)


EXAMPLES: Final[dict[str, bytes]] = {
    "gig.completed.v1": _gig(_GIG, "G-99"),
    "gig.completed.v1.abroad": _gig(_GIG_ABROAD, "G-100"),
    "ledger.opened.v1": _operator(
        events.LEDGER_OPENED,
        "ledger-opened",
        "iuran.localhost",
        LedgerOpened(
            engine="1",
            journal=0,
            journals=1,
            ledger="iuran.localhost",
            vkeys=("iuran.localhost/log/0+0b1d2e3f+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",),
        ),
    ),
    "platform.changed.v1": _operator(
        events.PLATFORM_CHANGED,
        "platform-gojek-1",
        "gojek",
        PlatformChanged(
            attributes={"collects": "cumulative", "first_enrolment": False, "turnover": "10000000000"},
            platform="gojek",
            status="active",
            topic="gigs.gojek",
        ),
    ),
    "scheme.enacted.v1": _operator(
        events.SCHEME_ENACTED,
        "XX-EXAMPLE-2026-01-01",
        "iuran.localhost",
        SchemeEnacted(
            scheme="XX-EXAMPLE",
            sha256=hashlib.sha256(_SCHEME_TEXT.encode()).hexdigest(),
            text=_SCHEME_TEXT,
            version="2026-01-01",
        ),
    ),
}
"""Record value by name: the event's type, and a word after it where a type has several examples."""
