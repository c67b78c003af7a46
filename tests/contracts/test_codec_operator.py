"""The operator's events on the control topic: the same order of refusals, placed explicitly, nothing contradictory."""

import base64
import hashlib
import json

import pytest
import rfc8785
from gig_records import CONTROL_GATE, GATE, control, gig, record

from contracts import codec
from contracts.codec import decode
from contracts.events import JOURNALS_MAX, Event, KeyChanged, LedgerOpened, PeriodClosed, PlatformChanged, SchemeEnacted
from contracts.examples import EXAMPLES
from contracts.rejections import Code, Rejection
from contracts.topics import partition_of
from ledger.domain.period import parse_period
from tests.support.signing import public_text

OPERATOR = {name: json.loads(value) for name, value in EXAMPLES.items() if not name.startswith("gig.")}
MODELS = {
    "ledger.opened.v1": LedgerOpened,
    "platform.changed.v1": PlatformChanged,
    "key.changed.v1": KeyChanged,
    "scheme.enacted.v1": SchemeEnacted,
    "period.closed.v1": PeriodClosed,
}
"""Acts: placed in each partition. What concerns one worker or payer is tested in test_codec_workers.py."""


def changed(name, changes=(), **envelope):
    """An example with some of its data and envelope replaced."""
    event = {**OPERATOR[name], **envelope}
    return {**event, "data": {**event["data"], **dict(changes)}}


def without(name, member):
    """An example whose data lack a member."""
    event = OPERATOR[name]
    return {**event, "data": {other: value for other, value in event["data"].items() if other != member}}


@pytest.mark.parametrize("name", MODELS)
def test_examples_are_accepted(name):
    event = decode(control(OPERATOR[name]), CONTROL_GATE)
    assert isinstance(event, Event), event
    assert isinstance(event.data, MODELS[name])
    assert event.data_json == rfc8785.dumps(OPERATOR[name]["data"])
    assert (event.amounts_minor, event.commission_minor) == ((), 0)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("ledger.opened.v1", "key.changed.v1")])
def test_they_are_accepted_in_every_partition(name):
    for partition in range(8):
        assert isinstance(decode(control(OPERATOR[name], partition=partition), CONTROL_GATE), Event)


def test_a_ledger_is_opened_in_the_partition_of_its_journal():
    vkeys = OPERATOR["ledger.opened.v1"]["data"]["vkeys"] * 8
    event = changed("ledger.opened.v1", {"journals": 8, "journal": 5, "vkeys": vkeys})
    assert isinstance(decode(control(event, partition=5), CONTROL_GATE), Event)
    assert decode(control(event, partition=4), CONTROL_GATE).code is Code.WRONG_PARTITION


def test_the_most_journals_under_the_longest_name_fit_into_the_record_that_opens_them():
    """Upholds that JOURNALS_MAX holds for every ledger name: each journal's key, and both keys of its own."""
    ledger, most = "x" * 100, JOURNALS_MAX
    own = [f"{ledger}/log/{most - 1}+00000000+{base64.b64encode(bytes(size)).decode()}" for size in (33, 1313)]
    data = {"journal": most - 1, "journals": most, "ledger": ledger, "own": own, "vkeys": [own[0]] * most}
    event = changed("ledger.opened.v1", data, subject=ledger, id="x" * 128)
    gate = codec.Gate(None, most)
    assert isinstance(decode(control(event, partition=most - 1), gate), Event)
    twice = {**data, "vkeys": [own[0]] * 2 * most}
    assert decode(control(changed("ledger.opened.v1", twice), partition=most - 1), gate).code is Code.TOO_LARGE


def test_keys_change_in_the_partition_of_their_journal():
    vkeys = [vkey.replace("/log/0+", "/log/5+") for vkey in OPERATOR["key.changed.v1"]["data"]["vkeys"]]
    event = changed("key.changed.v1", {"journal": 5, "vkeys": vkeys})
    assert isinstance(decode(control(event, partition=5), CONTROL_GATE), Event)
    assert decode(control(event, partition=4), CONTROL_GATE).code is Code.WRONG_PARTITION


def test_a_scheme_text_may_hold_any_text():
    text = 'title: "Iuran é 𝄞"\nnote: \\ / \u2028 \x7f\n'
    event = changed("scheme.enacted.v1", {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()})
    accepted = decode(control(event), CONTROL_GATE)
    assert accepted.data.text == text
    assert accepted.data_json == rfc8785.dumps(event["data"])


@pytest.mark.parametrize("more", [{"signing_key": public_text()}, {"signed_only": False}, {"signed_only": True}])
def test_a_platform_may_come_with_its_key_and_whether_it_must_sign(more):
    """Whether there is a key to sign with is known to the journal alone: a later act may say no more than `only`."""
    event = decode(control(changed("platform.changed.v1", more)), CONTROL_GATE)
    assert {name: getattr(event.data, name) for name in more} == more


def test_a_prefix_of_topics_holds_for_the_platforms_topic():
    event = changed("platform.changed.v1", {"topic": "t1.gigs.gojek"})
    assert isinstance(decode(control(event, topic="t1.iuran.control"), CONTROL_GATE), Event)
    assert decode(control(event), CONTROL_GATE).code is Code.SCHEMA_VIOLATION


LEDGER, PLATFORM, KEYS, SCHEME, CLOSE = MODELS
KEY = public_text()
TOO_LONG = "x" * codec.CONTROL_BYTES_MAX
FAULTS = [
    (Code.TOO_LARGE, changed(SCHEME, {"text": TOO_LONG})),
    (Code.UNKNOWN_TYPE, gig()),
    (Code.UNKNOWN_TYPE, changed(LEDGER, type="settlement.v1")),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"journals": 2})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"journal": 1})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"ledger": "other.localhost"})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"vkeys": ["no key"]})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"vkeys": []})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"own": OPERATOR[LEDGER]["data"]["own"][::-1]})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"own": OPERATOR[LEDGER]["data"]["vkeys"] * 2})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"own": []})),
    (Code.SCHEMA_VIOLATION, without(LEDGER, "own")),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"engine": "one"})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, {"note": "x"})),
    (Code.SCHEMA_VIOLATION, changed(LEDGER, subject="Iuran!")),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"platform": "grab"})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"topic": "gigs.grab"})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"status": "paused"})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"attributes": {"Turnover": "1"}})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"attributes": {"turnover": 1}})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"attributes": {"turnover": "a lot"}})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"change": "lost"})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"change": "added"})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"change": "retired"})),
    (Code.SCHEMA_VIOLATION, without(KEYS, "trusted_size")),
    (Code.SCHEMA_VIOLATION, without(KEYS, "trusted_root")),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"trusted_size": -1})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"trusted_root": "AB" * 32})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"vkeys": []})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"vkeys": ["no key"]})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"vkeys": OPERATOR["key.changed.v1"]["data"]["vkeys"] * 9})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, {"journal": 1})),
    (Code.SCHEMA_VIOLATION, changed(KEYS, subject="other.localhost")),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"signing_key": KEY[:-1]})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"signing_key": KEY + "\n"})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"signing_key": None})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"signing_key": [KEY]})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"signed_only": "yes"})),
    (Code.SCHEMA_VIOLATION, changed(PLATFORM, {"signed_only": 1})),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, {"sha256": "0" * 64})),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, {"text": ""})),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, {"version": "2026-02-30"})),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, {"scheme": "bpu"})),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, {"programme": "XX-EXAMPLE"})),
    (Code.SCHEMA_VIOLATION, {**OPERATOR[SCHEME], "data": {**OPERATOR[SCHEME]["data"], "schemes": []}}),
    (Code.SCHEMA_VIOLATION, without(SCHEME, "scheme")),
    (Code.SCHEMA_VIOLATION, without(CLOSE, "offsets")),
    (Code.SCHEMA_VIOLATION, without(CLOSE, "period")),
    (Code.SCHEMA_VIOLATION, changed(CLOSE, {"offsets": {"gigs.gojek": -1}})),
    (Code.SCHEMA_VIOLATION, changed(CLOSE, {"offsets": {"gigs.gojek": "7"}})),
    (Code.SCHEMA_VIOLATION, changed(CLOSE, {"offsets": {"rides": 7}})),
    (Code.SCHEMA_VIOLATION, changed(CLOSE, {"offsets": {"t1.gigs.gojek": 7}})),
    (Code.SCHEMA_VIOLATION, changed(CLOSE, {"offsets": {"iuran.control": 1}})),
    (Code.SCHEMA_VIOLATION, changed(CLOSE, {"platform": "gojek"})),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, time="2026-03-01")),
    (Code.SCHEMA_VIOLATION, changed(SCHEME, id="a b")),
    (Code.SOURCE_MISMATCH, changed(SCHEME, source="urn:iuran:platform:gojek")),
    (Code.TIME_OUT_OF_RANGE, changed(SCHEME, time="9999-12-31T23:59:59Z")),
    (Code.TIME_OUT_OF_RANGE, changed(SCHEME, time="1999-12-31T23:59:59Z")),
]


@pytest.mark.parametrize(("code", "event"), FAULTS)
def test_each_fault_earns_its_code(code, event):
    assert decode(control(event), CONTROL_GATE).code is code


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (Code.MALFORMED, None),
        (Code.MALFORMED, b"\xff"),
        (Code.MALFORMED, b"[" * 40_000),
        (Code.MALFORMED, json.dumps(OPERATOR[SCHEME]).encode().replace(b'"id"', b'"id": "x", "id"')),
        (Code.TOO_LARGE, b"x" * 900_000),
        (Code.UNKNOWN_TYPE, b"{}"),
    ],
)
def test_bytes_that_are_no_event(code, value):
    assert decode(record(value), CONTROL_GATE) == Rejection(code, decode(record(value), CONTROL_GATE).detail)


@pytest.mark.parametrize("key", [b"", b"other"])
def test_the_key_is_the_subject(key):
    assert decode(control(OPERATOR[SCHEME], key=key), CONTROL_GATE).code is Code.KEY_MISMATCH
    unkeyed = control(OPERATOR[SCHEME])._replace(key=None)
    assert decode(unkeyed, CONTROL_GATE).code is Code.KEY_MISMATCH


def test_a_platform_cannot_speak_for_the_operator():
    event = OPERATOR[SCHEME]
    key = event["subject"].encode()
    rejection = decode(record(event, key=key, partition=partition_of(key, 8)), GATE)
    assert (rejection.code, rejection.source) == (Code.UNKNOWN_TYPE, None)


def test_a_rejection_names_the_operators_event():
    rejection = decode(control(changed(SCHEME, {"sha256": "0" * 64})), CONTROL_GATE)
    assert (rejection.source, rejection.id) == ("urn:iuran:operator", "XX-EXAMPLE-2026-01-01")


def test_one_platforms_close_has_it_as_its_subject():
    event = changed(CLOSE, {"platform": "gojek"}, subject="gojek")
    assert isinstance(decode(control(event), CONTROL_GATE), Event)


def test_a_close_may_name_its_own_topic_up_to_itself():
    event = changed(CLOSE, {"offsets": {"t1.iuran.control": 5, "t1.gigs.gojek": 7}})
    record = control(event, topic="t1.iuran.control")
    assert isinstance(decode(record._replace(offset=5), CONTROL_GATE), Event)
    assert decode(record._replace(offset=4), CONTROL_GATE).code is Code.SCHEMA_VIOLATION


PERIODS = [
    "2026-03-05", "2024-02-29", "2026-W10", "2026-W53", "2026-03-02/P2W", "2026-03", "2026-Q1", "2026", "FY2025-26",
    "FY2099-00", "P12M/2026-02", "P1M/2026-01", "P90D/2026-06-30",
]  # fmt: skip
NO_PERIODS = [
    "2025-02-29", "2026-2-1", "2025-W53", "2026-W00", "2026-W54", "2026-02-30/P2W", "2026-03-02/P1W", "2026-13",
    "2026-Q5", "2026-Q0", "1899", "9999", "FY2025-27", "FY2025", "P0M/2026-02", "P1000M/2026-02", "P12M/2026",
    "P12M/0001-02", "P90D/2026-06-31", "P90D/2026-06", "\u0662026", "2026\n", "",
]  # fmt: skip


@pytest.mark.parametrize("period", PERIODS)
def test_periods_in_their_written_forms(period):
    assert isinstance(decode(control(changed(CLOSE, {"period": period})), CONTROL_GATE), Event)


@pytest.mark.parametrize("period", NO_PERIODS, ids=ascii)
def test_what_is_no_period_is_refused(period):
    assert decode(control(changed(CLOSE, {"period": period})), CONTROL_GATE).code is Code.SCHEMA_VIOLATION


def test_every_period_that_is_accepted_can_be_read():
    for period in PERIODS:
        span = parse_period(period)
        assert span.first <= span.last
