"""One good example of each event, as values: written to `examples/` by the generator and used by tests.

The gig is the one of the README: a motorcycle ride in Jakarta with a tip. Names, keys and texts of the operator's
examples are made up; the keys belong to nobody.

Must not know: files. Source: SPEC section 3.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from contracts import events
from contracts.events import (
    Component,
    Declared,
    DisputeDecided,
    DisputeOpened,
    GigAdjusted,
    GigCompleted,
    GigReversed,
    KeyChanged,
    LedgerOpened,
    PeriodClosed,
    PlatformChanged,
    RemittanceReceived,
    SchemeEnacted,
    Segment,
    WorkerChanged,
)

_TIME: Final = "2026-03-01T08:15:30Z"
_WORKER: Final = "W-7f3a"
_LEDGER: Final = "iuran.localhost"
_SCHEME_TEXT: Final = 'scheme: XX-EXAMPLE\nversions:\n  - from: "2026-01-01"\n'


def _vkey(algorithm: int, key: bytes) -> str:
    """Give the written form of a public key of journal 0 (c2sp.org/signed-note; 0x01 Ed25519, 0x06 ML-DSA-44)."""
    name, typed = f"{_LEDGER}/log/0", bytes([algorithm]) + key
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(typed).decode()}"


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


def _gig(data: events.Data, id: str, type: str = events.GIG_COMPLETED) -> bytes:
    return events.envelope(
        type=type, source=events.platform_source("gojek"), id=id, subject=_WORKER, time=_TIME, data=data
    )


def _operator(type: str, id: str, subject: str, data: events.Data) -> bytes:
    return events.envelope(type=type, source=events.OPERATOR_SOURCE, id=id, subject=subject, time=_TIME, data=data)


EXAMPLES: Final[dict[str, bytes]] = {
    "gig.completed.v1": _gig(_GIG, "G-99"),
    "gig.completed.v1.abroad": _gig(_GIG_ABROAD, "G-100"),
    "gig.adjusted.v1": _gig(
        GigAdjusted(
            components=(Component(amount="5000", kind="tip"), Component(amount="-1500", kind="fare")),
            currency="IDR",
            gig="G-99",
            payment_due_on="2026-03-10",
        ),
        "G-99/adjusted/1",
        events.GIG_ADJUSTED,
    ),
    "gig.reversed.v1": _gig(GigReversed(gig="G-99", reason="double_booked"), "G-99/reversed", events.GIG_REVERSED),
    "worker.changed.v1": _operator(
        events.WORKER_CHANGED,
        "W-7f3a/2",
        _WORKER,
        WorkerChanged(
            effective_on="2026-02-01",
            set={"basis": "1000000", "born": "1996-04", "programmes": ("JKK", "JKM"), "state_paid": False},
        ),
    ),
    "dispute.opened.v1": _operator(
        events.DISPUTE_OPENED,
        "D-17/opened",
        _WORKER,
        DisputeOpened(platform="gojek", reason="suspended"),
    ),
    "dispute.decided.v1": _operator(
        events.DISPUTE_DECIDED,
        "D-17/decided",
        _WORKER,
        DisputeDecided(
            dispute="D-17/opened",
            finding="unfounded",
            platform="gojek",
            reviewer="panel_3",
            suspended_days=5,
            suspended_from="2026-02-20",
        ),
    ),
    "remittance.received.v1": _operator(
        events.REMITTANCE_RECEIVED,
        "bank/2026/000017",
        _WORKER,
        RemittanceReceived(
            amount="16800",
            currency="IDR",
            payer="worker",
            period="2026-03",
            scheme="ID-BPU",
        ),
    ),
    "remittance.received.v1.platform": _operator(
        events.REMITTANCE_RECEIVED,
        "bank/2026/000018",
        "gojek",
        RemittanceReceived(
            amount="250000000.50",
            currency="IDR",
            fund="JKK",
            payer="platform",
            period="2026-02",
            platform="gojek",
            scheme="ID-JK-PILOT",
        ),
    ),
    "period.closed.v1": _operator(
        events.PERIOD_CLOSED,
        "close/2026-02",
        _LEDGER,
        PeriodClosed(offsets={"gigs.gojek": 8812, "gigs.grab": 0}, period="2026-02"),
    ),
    "ledger.opened.v1": _operator(
        events.LEDGER_OPENED,
        "ledger-opened",
        _LEDGER,
        LedgerOpened(
            engine="1",
            journal=0,
            journals=1,
            ledger=_LEDGER,
            own=(_vkey(0x01, bytes(range(32))), _vkey(0x06, bytes(range(256)) * 5 + bytes(32))),
            vkeys=(_vkey(0x01, bytes(range(32))),),
        ),
    ),
    "key.changed.v1": _operator(
        events.KEY_CHANGED,
        "key/0/revoked/1",
        _LEDGER,
        KeyChanged(
            change="revoked",
            journal=0,
            trusted_root=hashlib.sha256(b"a tree").hexdigest(),
            trusted_size=4711,
            vkeys=(_vkey(0x01, bytes(range(32))),),
        ),
    ),
    "platform.changed.v1": _operator(
        events.PLATFORM_CHANGED,
        "platform-gojek-1",
        "gojek",
        PlatformChanged(
            attributes={"collects": "cumulative", "first_enrolment": False, "turnover": "10000000000"},
            platform="gojek",
            signed_only=True,
            signing_key="RCmTBlAEqh5MSPTdAVgZTAI0m8xmTNluQA6iaZGKjVE=",
            status="active",
            topic="gigs.gojek",
        ),
    ),
    "scheme.enacted.v1": _operator(
        events.SCHEME_ENACTED,
        "XX-EXAMPLE-2026-01-01",
        _LEDGER,
        SchemeEnacted(
            scheme="XX-EXAMPLE",
            sha256=hashlib.sha256(_SCHEME_TEXT.encode()).hexdigest(),
            text=_SCHEME_TEXT,
            version="2026-01-01",
        ),
    ),
}
"""Record value by name: the event's type, and a word after it where a type has several examples."""
