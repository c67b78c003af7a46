"""Builders of good gigs and of the records that carry them; each test breaks one thing."""

import copy
import json

from contracts.codec import Gate, Record
from contracts.topics import partition_of

RECEIVED_MS = 1_772_352_930_000  # 2026-03-01T08:15:30Z
GATE = Gate("gojek", 8)
CONTROL_GATE = Gate(None, 8)

ENVELOPE = {
    "specversion": "1.0",
    "id": "G-99",
    "source": "urn:iuran:platform:gojek",
    "type": "gig.completed.v1",
    "subject": "W-7f3a",
    "time": "2026-03-01T08:15:30Z",
    "data": {
        "service": "ride",
        "vehicle": "motorcycle",
        "zone": "ID-JK",
        "currency": "IDR",
        "components": [{"kind": "fare", "amount": "18500"}, {"kind": "tip", "amount": "2000"}],
        "commission": "3700",
        "engaged_seconds": 900,
        "distance_m": 5400,
        "accepted_at": "2026-03-01T08:00:10Z",
        "payment_due_on": "2026-03-03",
        "declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": "185"}],
    },
}
ABSENT = object()


def gig(changes=(), /, **envelope):
    """A good gig as members, with some of its envelope and data replaced; ABSENT takes a member away."""
    event = copy.deepcopy(ENVELOPE)
    event.update(envelope)
    if isinstance(event["data"], dict):
        event["data"].update(changes)
        event["data"] = {name: value for name, value in event["data"].items() if value is not ABSENT}
    return {name: value for name, value in event.items() if value is not ABSENT}


def record(event, *, key=b"W-7f3a", partition=None, topic="gigs.gojek", received_ms=RECEIVED_MS, journals=8):
    """The record of an event given as members or as bytes, in the partition of its key."""
    value = event if event is None or isinstance(event, bytes) else json.dumps(event).encode()
    if partition is None:
        partition = 0 if key is None else partition_of(key, journals)
    return Record(topic, partition, 0, received_ms, key, value, ())


def control(event, *, partition=0, key=None, topic="iuran.control"):
    """The record of an operator's event, placed in a partition explicitly, keyed by its subject."""
    subject = event["subject"] if isinstance(event, dict) else json.loads(event)["subject"]
    return record(event, key=subject.encode() if key is None else key, partition=partition, topic=topic)
