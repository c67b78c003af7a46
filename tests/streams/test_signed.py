"""Platforms that sign: what becomes of records under each key, kept signatures, and what an audit makes of them (L4).

A story's steps register keys and bring gigs, signed or not; what each record must become is known from the story
alone. The audit's check stands beside it: it agrees with every journal so made, and finds every forgery of one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import entry as entries
from contracts.codec import Record
from contracts.events import platform_source
from contracts.rejections import Code
from ledger.audit.checks.signatures import Signatures
from ledger.audit.findings import Findings
from ledger.signatures import PlatformKey
from tests.support.replica import Replica
from tests.support.signing import changed, public_text, signature_of, signed, signed_gig
from tests.support.strategies import CUTS, FEW, GOJEK, GRAB, Feed, cut, gig_value

HEADER = "iuran-signature"
WORKER = "W-one"
WORDS = ("a", "b")


def header(text: bytes | None) -> tuple[tuple[str, bytes | None], ...]:
    return ((HEADER, text),)


def told_of(replica: Replica, record: Record) -> dict[str, Any] | None:
    """The entry that holds a record's event, or refuses it; None for a duplicate."""
    for told in replica.told():
        cause: Any = told["cause"]
        if (cause["topic"], cause["offset"]) == (record.topic, record.offset) and (
            "event" in told or "rejection" in told
        ):
            return told
    return None


def fate(replica: Replica, record: Record) -> str:
    told = told_of(replica, record)
    if told is None:
        return "duplicate"
    return f"rejected:{told['rejection']['code']}" if "rejection" in told else "entered"


def audited(leaves: Sequence[bytes]) -> list[tuple[str, int | None]]:
    """What the audit's check of signatures finds in a journal's leaves."""
    findings = Findings(0)
    check = Signatures(findings)
    for index, leaf in enumerate(leaves):
        check.check(index, entries.decode(leaf))
    return [(finding.law, finding.index) for finding in findings.ordered()]


# -- stories -------------------------------------------------------------------------------------------------------

PLATFORMS = st.sampled_from((GOJEK, GRAB))
SIGNED_BY = st.sampled_from((None, "a", "b", "spoilt", "twice", "empty"))
STEPS = st.one_of(
    st.tuples(st.just("key"), PLATFORMS, st.sampled_from((None, *WORDS)), st.sampled_from((None, True, False))),
    st.tuples(st.just("gig"), PLATFORMS, SIGNED_BY, st.just(0)),
    st.tuples(st.just("again"), PLATFORMS, SIGNED_BY, st.integers(0, 9)),
    st.tuples(st.just("other"), PLATFORMS, SIGNED_BY, st.integers(0, 9)),
)


def with_header(record: Record, by: str | None) -> Record:
    if by is None:
        return record
    good = signature_of(record.value or b"", "a").encode()
    if by == "twice":
        return record._replace(headers=(*header(good), *header(good)))
    if by == "empty":
        return record._replace(headers=header(None))
    return signed(record, by) if by in WORDS else record._replace(headers=header(good[:4] + b"AAAA" + good[8:]))


class Told:
    """A story told: records, and the fate of each by the story alone."""

    def __init__(self, steps: Sequence[tuple[str, str, Any, Any]]) -> None:
        self.feed = Feed()
        self.records: list[Record] = []
        self.fates: list[str] = []
        self.kept: list[str | None] = []
        self._keys: dict[str, tuple[str, bool]] = {}
        self._held: dict[str, dict[str, bytes]] = {GOJEK: {}, GRAB: {}}
        for number, (kind, topic, what, more) in enumerate(steps):
            if kind == "key":
                self._key(topic, what, more)
            else:
                self._event(kind, topic, number, what, more)

    def _key(self, topic: str, word: str | None, only: bool | None) -> None:
        more = {} if only is None else {"signed_only": only}
        before = self._keys.get(topic, (None, False))
        word_after, only_after = word or before[0], before[1] if only is None else only
        refused = word_after is None and only_after
        if word_after is not None:
            self._keys[topic] = (word_after, only_after)
        self._add(changed(self.feed, topic[5:], word, **more), "rejected:schema_violation" if refused else "entered")

    def _event(self, kind: str, topic: str, number: int, by: str | None, which: int) -> None:
        held = self._held[topic]
        if kind != "gig" and not held:
            return
        name = f"G-{number}" if kind == "gig" else list(held)[which % len(held)]
        value = held.get(name) or gig_value(name, WORKER, "20000", topic)
        if kind == "other":
            value = gig_value(name, WORKER, "1", topic)
        record = with_header(self.feed.record(topic, value, WORKER.encode()), by)
        key = self._keys.get(topic)
        if key is not None and by != key[0] and (by is not None or key[1]):
            self._add(record, f"rejected:signature_{'missing' if by is None else 'invalid'}")
        elif name in held:
            self._add(record, "duplicate" if held[name] == value else "rejected:equivocation")
        else:
            held[name] = value
            self._add(record, "entered", None if key is None or by is None else signature_of(value, by))

    def _add(self, record: Record, becomes: str, kept: str | None = None) -> None:
        self.records.append(record)
        self.fates.append(becomes)
        self.kept.append(kept)


STORIES = st.lists(STEPS, min_size=1, max_size=25).map(Told)


@FEW
@given(STORIES)
def test_every_record_becomes_what_the_story_says_and_keeps_its_signature(told: Told) -> None:
    replica = Replica().settle(told.records)
    assert [fate(replica, record) for record in told.records] == told.fates
    entered = [told_of(replica, record) for record in told.records]
    assert [None if e is None else e["cause"].get("signature") for e in entered] == told.kept


@FEW
@given(STORIES, CUTS, st.lists(st.booleans(), max_size=30))
def test_l4_cutting_forgetting_and_looking_first_never_change_a_byte(
    told: Told, lengths: list[int], crashes: list[bool]
) -> None:
    whole = Replica().settle(told.records)
    other = Replica()
    for number, batch in enumerate(cut(told.records, lengths)):
        if crashes[number : number + 1] == [True]:
            other.forget()
        other.settle(batch, look_first=bool(number % 2))
    assert other.leaves == whole.leaves
    assert other.positions == whole.positions


@FEW
@given(STORIES)
def test_the_audit_agrees_with_every_journal_that_the_stream_makes(told: Told) -> None:
    replica = Replica().settle(told.records)
    assert audited(replica.leaves) == []
    signers = replica.acts().signers
    assert all(isinstance(key, PlatformKey) for key in signers.values())


# -- one by one ----------------------------------------------------------------------------------------------------


def under_key(only: bool = False) -> tuple[Feed, Replica]:
    feed = Feed()
    return feed, Replica().settle([changed(feed, signed_only=only)])


SPOILT: dict[str, Callable[[bytes], tuple[tuple[str, bytes | None], ...]]] = {
    "null": lambda _: header(None),
    "empty": lambda _: header(b""),
    "hexadecimal": lambda good: header(good.hex().encode()),
    "a line end": lambda good: header(good + b"\n"),
    "no UTF-8": lambda good: header(b"\xff" * 88),
    "no padding": lambda good: header(good[:-2]),
    "zeros": lambda _: header(b"A" * 86 + b"=="),
    "twice": lambda good: header(good) * 2,
    "good and bad": lambda good: (*header(good), *header(b"x")),
    "900 KB": lambda good: header(good * 10_000),
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("only", [False, True])
def test_a_header_that_is_no_signature_is_refused(name: str, only: bool) -> None:
    feed, replica = under_key(only)
    gig = feed.gig("G-1")
    good = signature_of(gig.value or b"").encode()
    gig = gig._replace(headers=SPOILT[name](good))
    assert fate(replica.settle([gig]), gig) == "rejected:signature_invalid"


def test_every_single_changed_bit_of_a_signature_is_refused() -> None:
    feed, replica = under_key()
    value = gig_value("G-1", WORKER, "20000")
    good = bytearray(signature_of(value).encode())
    gigs = []
    for place in range(0, 86, 5):
        changed_byte = good.copy()
        changed_byte[place] = ord("A") if good[place] != ord("A") else ord("B")
        gigs.append(feed.record(GOJEK, value, WORKER.encode(), ((HEADER, bytes(changed_byte)),)))
    replica.settle(gigs)
    assert {fate(replica, gig) for gig in gigs} == {"rejected:signature_invalid"}


@pytest.mark.parametrize("name", ["iuran-Signature", "Iuran-Signature", "iuran-signature ", "signature"])
def test_a_header_of_another_name_is_none(name: str) -> None:
    feed, replica = under_key(only=True)
    gig = feed.gig("G-1")
    gig = gig._replace(headers=((name, signature_of(gig.value or b"").encode()),))
    assert fate(replica.settle([gig]), gig) == "rejected:signature_missing"


def test_other_headers_beside_it_do_not_matter() -> None:
    feed, replica = under_key(only=True)
    gig = feed.gig("G-1")._replace(headers=(("traceparent", b"00"), ("traceparent", None)))
    assert fate(replica.settle([signed(gig)]), gig) == "entered"


@pytest.mark.parametrize("member", ["id", "subject", "time", "type", "source", "data"])
def test_a_signature_of_another_event_is_refused(member: str) -> None:
    """Another event's signature, whichever member differs: what is signed is all that the entry keeps."""
    feed, replica = under_key()
    gig = feed.gig("G-1")
    other = json.loads(gig.value or b"")
    other[member] = {**other["data"], "commission": "1"} if member == "data" else other[member] + "1"
    stolen = signature_of(json.dumps(other).encode()).encode()
    gig = gig._replace(headers=header(stolen))
    assert fate(replica.settle([gig]), gig) == "rejected:signature_invalid"


def test_without_a_key_the_header_is_neither_looked_at_nor_kept() -> None:
    feed = Feed()
    gig = feed.gig("G-1")._replace(headers=header(b"\xff"))
    told = told_of(Replica().settle([gig]), gig)
    assert told is not None
    assert "signature" not in told["cause"]


def test_one_platforms_key_is_not_anothers() -> None:
    feed, replica = under_key(only=True)
    unsigned, foreign = feed.gig("G-1", topic=GRAB), signed_gig(feed, "G-2", topic=GRAB, worker=WORKER)
    replica.settle([unsigned, foreign])
    assert [fate(replica, gig) for gig in (unsigned, foreign)] == ["entered", "entered"]
    assert told_of(replica, foreign)["cause"].get("signature") is None  # type: ignore[index]


def test_a_key_acts_from_the_entry_after_its_own() -> None:
    feed = Feed()
    before, act, after = feed.gig("G-1"), changed(feed, signed_only=True), feed.gig("G-2")
    replica = Replica().settle([before, act, after])
    assert [fate(replica, record) for record in (before, after)] == ["entered", "rejected:signature_missing"]


def test_what_was_refused_for_its_signature_takes_no_id() -> None:
    feed, replica = under_key(only=True)
    bare = feed.gig("G-1")
    replica.settle([bare])
    again = signed(feed.again(bare))
    assert fate(replica.settle([again]), again) == "entered"


def test_content_makes_a_duplicate_and_the_entry_keeps_the_signature_it_had() -> None:
    """Ed25519 signs deterministically, but nobody must: another valid signature of the same gig is no other gig."""
    feed, replica = under_key()
    first = feed.gig("G-1")
    kept, later = signed(first), signed(feed.again(first))
    bare = feed.again(first)
    replica.settle([kept, later, bare])
    assert [fate(replica, record) for record in (kept, later, bare)] == ["entered", "duplicate", "duplicate"]
    assert told_of(replica, kept)["cause"]["signature"] == signature_of(first.value or b"")  # type: ignore[index]


def test_a_repeated_gig_whose_signature_does_not_hold_is_refused_and_no_duplicate() -> None:
    feed, replica = under_key()
    first = signed_gig(feed, "G-1")
    spoilt = signed(feed.again(first), "another")
    replica.settle([first, spoilt])
    assert fate(replica, spoilt) == "rejected:signature_invalid"
    assert replica.positions[GOJEK].duplicates == 0


def test_precedence_of_signatures_among_the_codes() -> None:
    """A worse event first, then the signature, then whatever the journal alone knows."""
    feed, replica = under_key(only=True)
    gig = signed_gig(feed, "G-1")
    malformed = feed.record(GOJEK, b"{", None)
    future = feed.gig("G-2", time="9999-03-05T08:15:30Z")
    equivocal = feed.gig("G-1", fare="1")
    unknown = feed.reversed("G-404", WORKER)
    replica.settle([gig, malformed, future, equivocal, unknown])
    assert [fate(replica, r).partition(":")[2] for r in (malformed, future, equivocal, unknown)] == [
        Code.MALFORMED, Code.TIME_OUT_OF_RANGE, Code.SIGNATURE_MISSING, Code.SIGNATURE_MISSING,
    ]  # fmt: skip
    codes = [signed(feed.gig("G-1", fare="1")), signed(feed.reversed("G-404", WORKER))]
    replica.settle(codes)
    assert [fate(replica, r).partition(":")[2] for r in codes] == [Code.EQUIVOCATION, Code.UNKNOWN_GIG]


def test_adjustments_and_reversals_are_signed_as_gigs_are() -> None:
    feed, replica = under_key(only=True)
    gig = signed_gig(feed, "G-1")
    tip, bare = signed(feed.adjusted("G-1", WORKER, "500")), feed.adjusted("G-1", WORKER, "700")
    back = signed(feed.reversed("G-1", WORKER))
    replica.settle([gig, tip, bare, back])
    assert [fate(replica, r) for r in (gig, tip, back)] == ["entered"] * 3
    assert fate(replica, bare) == "rejected:signature_missing"
    for record in (gig, tip, back):
        assert told_of(replica, record)["cause"]["signature"] == signature_of(record.value or b"")  # type: ignore[index]
    assert audited(replica.leaves) == []


def test_a_key_that_is_replaced_leaves_what_it_signed() -> None:
    feed, replica = under_key(only=True)
    old = signed_gig(feed, "G-1")
    replica.settle([old, changed(feed, word="new")])
    late, fresh = signed_gig(feed, "G-2"), signed_gig(feed, "G-3", "new")
    replica.settle([late, fresh])
    assert [fate(replica, r) for r in (old, late, fresh)] == ["entered", "rejected:signature_invalid", "entered"]
    assert audited(replica.leaves) == []
    assert replica.acts().signers[platform_source("gojek")] == PlatformKey(public_text("new"), True)


def test_keys_stay_in_force_across_a_close_and_in_a_copy_of_the_acts() -> None:
    feed, replica = under_key(only=True)
    replica.settle([signed_gig(feed, "G-1"), feed.closed("2026-03")])
    bare = feed.gig("G-2")
    assert fate(replica.settle([bare]), bare) == "rejected:signature_missing"
    acts = replica.acts()
    apart = acts.copy()
    assert apart.signers == acts.signers != {}
    apart.signers.clear()
    assert acts.signers != {}


WEAK = {"the neutral point": 1, "a point of order 4": 0, "a second spelling": 2**255 - 1}


@pytest.mark.parametrize("name", WEAK)
def test_a_key_under_which_anyone_signs_is_refused(name: str) -> None:
    feed = Feed()
    weak = base64.b64encode(WEAK[name].to_bytes(32, "little")).decode()
    act = changed(feed, word=None, signing_key=weak, signed_only=True)
    bare = feed.gig("G-1")
    replica = Replica().settle([act, bare])
    assert [fate(replica, record) for record in (act, bare)] == ["rejected:schema_violation", "entered"]
    assert replica.acts().signers == {}


# -- forgeries: by an operator who may write any entry and sign any tree ---------------------------------------------


def forged(leaves: Sequence[bytes], index: int, edit: Callable[[dict[str, Any]], object]) -> list[bytes]:
    """The leaves with one entry changed, canonical still."""
    content = msgspec.json.decode(leaves[index])
    edit(content)
    return [*leaves[:index], msgspec.json.Encoder(order="sorted").encode(content), *leaves[index + 1 :]]


def honest() -> tuple[list[bytes], dict[str, int]]:
    """A journal with a platform that signs all it sends, and where each thing stands in it."""
    feed = Feed()
    records = {
        "unsigned": feed.gig("G-0"),
        "act": changed(feed, signed_only=True),
        "gig": signed_gig(feed, "G-1"),
        "tip": signed(feed.adjusted("G-1", WORKER, "500")),
        "refused": feed.gig("G-2"),
        "other": signed_gig(feed, "G-3"),
        "grab": feed.gig("G-4", topic=GRAB),
    }
    replica = Replica().settle(list(records.values()))
    return replica.leaves, {name: number for number, name in enumerate(records)}


def _in_cause(**members: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["cause"].update(members)


def _without(content: dict[str, Any]) -> None:
    del content["cause"]["signature"]


FORGERIES: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "made up, without a signature": ("gig", _without),
    "made up, with another gig's signature": ("gig", lambda c: c["cause"].update(id="G-77")),
    "signed by the operator's own key": (
        "gig",
        _in_cause(signature=signature_of(gig_value("G-1", WORKER, "20000"), "op")),
    ),
    "signature's last bit": ("gig", lambda c: c["cause"].update(signature=_next(c["cause"]["signature"]))),
    "signature in another spelling": ("gig", lambda c: c["cause"].update(signature=c["cause"]["signature"] + "\n")),
    "signature emptied": ("gig", _in_cause(signature="")),
    "pay raised": ("gig", lambda c: c["event"]["data"]["components"][0].update(amount="90000")),
    "another worker": ("gig", lambda c: c["event"].update(subject="W-two")),
    "another time": ("gig", lambda c: c["event"].update(time="2026-03-06T08:15:30Z")),
    "another type": ("gig", lambda c: c["event"].update(type="gig.completed.v2")),
    "tip changed": ("tip", lambda c: c["event"]["data"]["components"][0].update(amount="1")),
    "tip's signature dropped": ("tip", _without),
    "a signature where the platform has no key": ("grab", _in_cause(signature="A" * 86 + "==")),
    "a signature from before the key": (
        "unsigned",
        _in_cause(signature=signature_of(gig_value("G-0", WORKER, "20000"))),
    ),
    "a signature on a refusal": ("refused", _in_cause(signature="A" * 86 + "==")),
    "a signature on an act": ("act", _in_cause(signature="A" * 86 + "==")),
    "under another platform's name": ("grab", _in_cause(source=platform_source("gojek"))),
}


def _next(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_entry_is_named(name: str) -> None:
    place, edit = FORGERIES[name]
    leaves, places = honest()
    assert audited(leaves) == []
    assert audited(forged(leaves, places[place], edit)) == [("L4", places[place])]


def test_a_key_that_is_no_key_is_named_where_it_is_registered() -> None:
    leaves, places = honest()
    weak = lambda content: content["event"]["data"].update(signing_key="A" * 43 + "=")  # noqa: E731
    assert ("L4", places["act"]) in audited(forged(leaves, places["act"], weak))
    keyless = lambda content: content["event"]["data"].pop("signing_key")  # noqa: E731
    assert ("L4", places["act"]) in audited(forged(leaves, places["act"], keyless))


def test_another_key_in_the_act_leaves_the_platforms_gigs_unsigned() -> None:
    """The operator's own key in the act: then the platform's real signatures no longer hold."""
    leaves, places = honest()
    swapped = lambda content: content["event"]["data"].update(signing_key=public_text("op"))  # noqa: E731
    found = audited(forged(leaves, places["act"], swapped))
    assert found == [("L4", places[name]) for name in ("gig", "tip", "other")]
