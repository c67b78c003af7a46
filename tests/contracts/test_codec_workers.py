"""What the operator makes known of one worker or payer: attributes, disputes, remittances; placed by their key."""

import json

import pytest
import rfc8785
from gig_records import ABSENT, CONTROL_GATE, GATE, record
from test_codec_corrections import changed

from contracts import attributes
from contracts.codec import decode, stored_remittance
from contracts.events import DisputeDecided, DisputeOpened, Event, RemittanceReceived, WorkerChanged
from contracts.examples import EXAMPLES
from contracts.rejections import Code
from contracts.topics import partition_of
from ledger.domain import attributes as domain

MODELS = {
    "worker.changed.v1": WorkerChanged,
    "dispute.opened.v1": DisputeOpened,
    "dispute.decided.v1": DisputeDecided,
    "remittance.received.v1": RemittanceReceived,
    "remittance.received.v1.platform": RemittanceReceived,
}
EVENTS = {name: json.loads(EXAMPLES[name]) for name in MODELS}
CHANGED, OPENED, DECIDED, PAID, PAID_BY_PLATFORM = MODELS


def placed(event, **more):
    """The record of an event where it belongs: a worker's in the partition of the key, a platform's in 0."""
    subject = event["subject"]
    partition = partition_of(subject.encode(), 8) if subject.startswith("W-") else 0
    return record(event, **{"key": subject.encode(), "partition": partition, "topic": "iuran.control", **more})


def told(name, changes=(), /, **envelope):
    return placed(changed(EVENTS[name], changes, **envelope))


@pytest.mark.parametrize("name", MODELS)
def test_examples_are_accepted_in_their_place_alone(name):
    good = told(name)
    event = decode(good, CONTROL_GATE)
    assert isinstance(event, Event), event
    assert isinstance(event.data, MODELS[name])
    assert event.data_json == rfc8785.dumps(EVENTS[name]["data"])
    for partition in set(range(8)) - {good.partition}:
        assert decode(good._replace(partition=partition), CONTROL_GATE).code is Code.WRONG_PARTITION
    assert decode(good._replace(key=b"W-other"), CONTROL_GATE).code is Code.KEY_MISMATCH


def test_a_platform_cannot_say_them():
    for name in MODELS:
        rejection = decode(record(EVENTS[name]), GATE)
        assert rejection.code is Code.UNKNOWN_TYPE


def attribute(name, value):
    return told(CHANGED, {"set": {name: value}})


GOOD = [
    ("born", "1996-04"),
    ("opted_in", "2025-01"),
    ("opted_in", "2025-01-15"),
    ("income", "1050000"),
    ("basis", "1000000.50"),
    ("programmes", ["JKK", "JKM"]),
    ("programmes", []),
    ("sector", "transport"),
    ("state_paid", True),
    ("service_class", "III"),
    ("plan", "2"),
    ("pays", "year"),
    ("subsidy", "PENJANAGIG"),
    ("sponsor", "gojek"),
    ("salary", "0"),
    ("productive", False),
    ("tier", "top"),
    ("activity", ["commerce", "services"]),
]
BAD = [
    ("born", "1996"),
    ("born", "1996-13"),
    ("born", True),
    ("opted_in", "2025-02-30"),
    ("opted_in", "soon"),
    ("income", "-1"),
    ("income", "1e6"),
    ("basis", ["1"]),
    ("programmes", "JKK"),
    ("programmes", ["jkk"]),
    ("programmes", ["JKK", "JKK"]),
    ("programmes", [True]),
    ("sector", "Transport"),
    ("state_paid", "true"),
    ("plan", "0"),
    ("plan", 2),
    ("sponsor", "A"),
    ("activity", ["Commerce"]),
    ("Something", "x"),
    ("something_new", "x"),
    ("sector", "Budi Santoso"),
    ("sector", ""),
    ("sector", None),
    ("sector", {"a": "b"}),
    ("activity", [f"a{n}" for n in range(33)]),
    ("activity", [["a"]]),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_attributes_of_their_form(name, value):
    assert isinstance(decode(attribute(name, value), CONTROL_GATE), Event)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_attributes_of_another_form(name, value):
    rejection = decode(attribute(name, value), CONTROL_GATE)
    assert rejection.code is Code.SCHEMA_VIOLATION
    assert ": expected " in rejection.detail and "Budi" not in rejection.detail


def test_names_and_forms_are_those_that_schemes_read():
    """Two tables, as neither room may know the other; what the contract lets in, the engine can read."""
    assert set(attributes.WORKER) == set(domain.WORKER)
    assert set(attributes.PLATFORM) == set(domain.PLATFORM)
    for name, value in GOOD:
        assert domain.read(domain.WORKER, name, value) is not None
    for name, value in GOOD_OF_PLATFORMS:
        assert attributes.problem("x", attributes.PLATFORM, {name: value}) is None
        assert domain.read(domain.PLATFORM, name, value) is not None


GOOD_OF_PLATFORMS = [
    ("turnover", "10000000000"),
    ("payouts", "0.5"),
    ("service_fee_pct", "15"),
    ("collects", "maximum"),
    ("first_enrolment", True),
    ("flat_fee", False),
]

FAULTS = [
    (Code.SCHEMA_VIOLATION, told(CHANGED, {"set": {}})),
    (Code.SCHEMA_VIOLATION, told(CHANGED, {"effective_on": "2026-02-30"})),
    (Code.SCHEMA_VIOLATION, told(CHANGED, {"set": {f"a{n}": "x" for n in range(33)}})),
    (Code.SCHEMA_VIOLATION, told(CHANGED, {"name": "x"})),
    (Code.SCHEMA_VIOLATION, told(OPENED, {"platform": ABSENT})),
    (Code.SCHEMA_VIOLATION, told(OPENED, {"reason": "Too long a story"})),
    (Code.SCHEMA_VIOLATION, told(DECIDED, {"finding": "maybe"})),
    (Code.SCHEMA_VIOLATION, told(DECIDED, {"suspended_days": ABSENT})),
    (Code.SCHEMA_VIOLATION, told(DECIDED, {"suspended_from": ABSENT})),
    (Code.SCHEMA_VIOLATION, told(DECIDED, {"suspended_days": -1})),
    (Code.SCHEMA_VIOLATION, told(DECIDED, {"suspended_from": "2026-02-30"})),
    (Code.SCHEMA_VIOLATION, told(DECIDED, {"dispute": "D 17"})),
    (Code.SCHEMA_VIOLATION, told(PAID, {"payer": "platform"})),
    (Code.SCHEMA_VIOLATION, told(PAID, {"payer": "customer"})),
    (Code.SCHEMA_VIOLATION, told(PAID_BY_PLATFORM, {"payer": "worker"})),
    (Code.SCHEMA_VIOLATION, told(PAID_BY_PLATFORM, {"platform": "grab"})),
    (Code.SCHEMA_VIOLATION, told(PAID, {"period": "2026-13"})),
    (Code.SCHEMA_VIOLATION, told(PAID, {"scheme": ABSENT})),
    (Code.SCHEMA_VIOLATION, told(PAID, {"amount": 16800})),
    (Code.SOURCE_MISMATCH, told(PAID, source="urn:iuran:platform:gojek")),
    (Code.UNKNOWN_CURRENCY, told(PAID, {"currency": "XXZ"})),
    (Code.AMOUNT_OUT_OF_RANGE, told(PAID, {"amount": "0"})),
    (Code.AMOUNT_OUT_OF_RANGE, told(PAID, {"amount": "-1"})),
    (Code.AMOUNT_OUT_OF_RANGE, told(PAID, {"amount": "1.005"})),
    (Code.AMOUNT_OUT_OF_RANGE, told(PAID, {"amount": "9" * 16})),
    (Code.TIME_OUT_OF_RANGE, told(PAID, time="9999-12-31T23:59:59Z")),
    (Code.TIME_OUT_OF_RANGE, told(DECIDED, {"suspended_from": "2023-01-01"})),
]


@pytest.mark.parametrize(("code", "bad"), FAULTS)
def test_each_fault_earns_its_code(code, bad):
    assert decode(bad, CONTROL_GATE).code is code


def test_a_remittance_has_its_amount_in_minor_units():
    worker, platform = decode(told(PAID), CONTROL_GATE), decode(told(PAID_BY_PLATFORM), CONTROL_GATE)
    assert (worker.amounts_minor, platform.amounts_minor) == ((1_680_000,), (25_000_000_050,))
    assert stored_remittance(worker.data_json) == (worker.data, 1_680_000)
    for changes in ({"period": "2026-13"}, {"amount": "0"}, {"currency": "XXZ"}, {"payer": "x"}):
        with pytest.raises(ValueError, match=r".+"):
            stored_remittance(rfc8785.dumps({**EVENTS[PAID]["data"], **changes}))
