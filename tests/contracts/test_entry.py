"""The entry's bytes: strict, canonical by an independent implementation, and shown as they are in formats/entry.md.

`python -m tests.contracts.test_entry` writes the examples of that page anew; the prose around them is written by hand.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import entry as entries
from contracts.currencies import EXPONENTS
from contracts.entry import EntryError, Salter, decode, encode, event_key, received_at, salt
from contracts.topics import partition_of
from ledger.domain.language.document import load_document
from ledger.log.keys import Verifier
from tests.support import signing
from tests.support.replica import SECRET, Replica
from tests.support.strategies import FEW, GOJEK, STORIES, Feed, Story, records_of

PAGE = Path(entries.__file__).parent / "formats" / "entry.md"
JOURNALS = 8
WORKER = "W-7f3a"
KEY = bytes(range(2, 34))


def golden_journal() -> Replica:
    """The ledger's opening, ID-JK-PILOT, two gigs, the second the README's, a refusal after a duplicate and a gap; then
    the platform's key, a gig under its signature, and one without.
    """
    journal = partition_of(WORKER.encode(), JOURNALS)
    feed = Feed(journal, JOURNALS)
    path = Path(entries.__file__).parent / "schemes" / "ID-JK-PILOT.yaml"
    pilot = load_document(path.read_text(encoding="utf-8"), path.name, EXPONENTS).versions[0]
    data: dict[str, Any] = {
        "components": [{"kind": "fare", "amount": "18500"}, {"kind": "tip", "amount": "2000"}],
        "commission": "3700",
        "engaged_seconds": 900,
        "distance_m": 5400,
        "accepted_at": "2026-03-01T08:00:10Z",
        "payment_due_on": "2026-03-03",
        "declared": [{"scheme": "ID-BPU", "fund": "JKK", "amount": "185"}],
    }
    feed.next[GOJEK] = 8810
    records = [
        feed.opened("iuran.localhost", [Verifier(f"iuran.localhost/log/{n}", KEY).vkey() for n in range(JOURNALS)]),
        feed.enacted(pilot, "iuran.localhost"),
        feed.gig("G-98", WORKER, "31000", time="2026-03-01T07:40:00Z"),
    ]
    feed.skip(GOJEK, 1)
    gig = feed.gig("G-99", WORKER, time="2026-03-01T08:15:30Z", data=data)
    records += [gig, feed.again(gig)]
    feed.skip(GOJEK, 2)
    records.append(feed.record(GOJEK, b"{", None))
    records.append(signing.changed(feed, word="example", signed_only=True))
    records.append(signing.signed(feed.gig("G-101", WORKER, "1000", time="2026-03-01T08:15:30Z"), "example"))
    records.append(feed.gig("G-102", WORKER, time="2026-03-01T08:15:30Z"))
    received = 1_772_352_931_123  # 2026-03-01T08:15:31.123Z
    return Replica(journal, JOURNALS).settle([r._replace(timestamp_ms=received) for r in records])


GOLDEN = golden_journal().leaves
ACCRUAL, REJECTION, SIGNED = GOLDEN[3], GOLDEN[4], GOLDEN[6]


def blocks() -> dict[str, str]:
    """What stands between the page's `begin` and `end` marks, by name."""
    written = {"journal": ""}
    for index, leaf in enumerate(GOLDEN):
        written["journal"] += f"| {index} | {json.loads(leaf)['kind']} | `{leaf_hash(leaf)}` |\n"
    for name, leaf in (("accrual", ACCRUAL), ("rejection", REJECTION), ("signed", SIGNED)):
        cause = json.loads(leaf)["cause"]
        written[f"{name}: pretty"] = f"```json\n{pretty(json.loads(leaf))}\n```\n"
        written[f"{name}: leaf"] = f"```\n{leaf.decode()}\n```\n"
        written[f"{name}: figures"] = f"| bytes | {len(leaf)} |\n| leaf hash | `{leaf_hash(leaf)}` |\n"
        if "id" in cause:
            key = event_key(json.loads(leaf)["journal"], cause["source"], cause["id"]).hex()
            written[f"{name}: figures"] += f"| event key | `{key}` |\n"
    return written


def pretty(entry: dict[str, Any]) -> str:
    """An entry over several lines: one for each member, and for each row of a list of rows."""
    lines = []
    for name, value in entry.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list):
            text = "[\n" + ",\n".join("    " + json.dumps(row) for row in value) + "\n  ]"
        lines.append(f"  {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}"


def page(text: str) -> str:
    """The page with every block as it must be."""
    for name, block in blocks().items():
        marks = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text = marks.sub(lambda match, block=block: match[1] + block + match[2], text)  # type: ignore[misc]
    return text


def leaf_hash(leaf: bytes) -> str:
    """SHA-256(0x00 || leaf), worked out here and not by the code that is tested."""
    return sha256(b"\x00" + leaf).hexdigest()


def test_the_page_of_the_format_is_in_step() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "write it anew: python -m tests.contracts.test_entry"
    named = re.findall("<!-- begin (.*) -->", text)
    assert sorted(named) == sorted(set(blocks()) - {"rejection: pretty", "signed: pretty"})
    assert "accrual" in text and leaf_hash(ACCRUAL) in text


def test_the_page_names_every_member_kind_and_limit() -> None:
    text = PAGE.read_text(encoding="utf-8")
    structs = (entries.Entry, entries.Cause, entries.Since, entries.StoredEvent, entries.Refusal, entries.NoticeRow)
    for struct in (*structs, entries.BalanceRow, entries.ContributionRow, entries.Reason):
        for name in struct.__struct_fields__:
            assert f"`{name}`" in text, name
    for kind in entries.Kind:
        assert f"| `{kind.value}` |" in text
    assert f"{entries.LEAF_BYTES_MAX:,} bytes" in text
    assert entries.FORMAT in text


@pytest.mark.parametrize("leaf", GOLDEN, ids=lambda leaf: json.loads(leaf)["kind"])
def test_an_entry_comes_back_as_it_went(leaf: bytes) -> None:
    assert encode(decode(leaf)) == leaf
    assert rfc8785.dumps(json.loads(leaf)) == leaf


@FEW
@given(STORIES)
def test_every_leaf_is_canonical_by_an_independent_implementation(story: Story) -> None:
    for leaf in Replica().settle(records_of(story).records).leaves:
        assert rfc8785.dumps(json.loads(leaf)) == leaf
        assert encode(decode(leaf)) == leaf


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def with_data(data: bytes) -> bytes:
    """The golden accrual with other bytes as its event's data."""
    entry = decode(ACCRUAL)
    assert isinstance(entry.event, entries.StoredEvent)
    entry.event.data = msgspec.Raw(data)
    return encode(entry)


@settings(FEW, max_examples=150)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_events_of_any_canonical_data_decode(data: dict[str, Any]) -> None:
    leaf = with_data(rfc8785.dumps(data))
    assert encode(decode(leaf)) == leaf


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1.5}',
        b'{"a":9.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":18446744073709551616}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        '{"\uffff":2,"\U0001f600":1}'.encode(),
        b"[1]",
        b'"text"',
        b"7",
        b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    ],
    ids=repr,
)
def test_data_in_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        decode(with_data(data))


@pytest.mark.parametrize("leaf", [ACCRUAL, REJECTION], ids=["accrual", "rejection"])
def test_a_changed_byte_is_refused_or_says_something_else_in_its_own_canonical_form(leaf: bytes) -> None:
    """Every byte changed to each of some, left out, and doubled: never the same entry under another spelling."""
    told = json.loads(leaf)
    passed = 0
    for at in range(len(leaf)):
        changes = [leaf[:at] + bytes([b]) + leaf[at + 1 :] for b in (*b' 019.-eE"\\/{}[],:aZ', leaf[at] ^ 1, 0, 0xFF)]
        for changed in (*changes, leaf[:at] + leaf[at + 1 :], leaf[:at] + leaf[at : at + 1] + leaf[at:]):
            if changed == leaf:
                continue
            try:
                decode(changed)
            except EntryError:
                continue
            passed += 1
            assert json.loads(changed) != told
            assert rfc8785.dumps(json.loads(changed)) == changed
    assert passed > 100  # digits and letters of texts: another entry, which the tree tells apart


def reshaped(change: Callable[[dict[str, Any]], object], leaf: bytes = ACCRUAL) -> bytes:
    """A golden leaf with its members changed, written canonically."""
    entry = json.loads(leaf)
    change(entry)
    return rfc8785.dumps(entry)


WITHIN: dict[str, Any] = {"worker": WORKER, "contributions": json.loads(ACCRUAL)["contributions"], "balances": []}
NOTICE: dict[str, Any] = {"kind": "due", "scheme": "ID-JK-PILOT", "version": "2026-01-01", "window": "2026-03"}


def of_kind(kind: str, members: dict[str, Any], *without: str) -> bytes:
    """The golden accrual as an entry of another kind: `members` added, and some taken away."""
    entry = json.loads(ACCRUAL) | {"kind": kind} | members
    return rfc8785.dumps({name: value for name, value in entry.items() if name not in without})


BARE = ("event", "contributions", "balances")
KINDS: dict[str, bytes] = {
    "adjustment": of_kind("adjustment", {"refers_to": [2]}),
    "reversal": of_kind("reversal", {"refers_to": [2, 3]}),
    "a reversal goes on": of_kind("reversal", WITHIN, "event"),
    "worker": of_kind("worker", {}),
    "worker, corrected": of_kind("worker", {"refers_to": [2]}),
    "dispute": of_kind("dispute", {}),
    "dispute, refers": of_kind("dispute", {"refers_to": [2]}),
    "remittance of a worker": of_kind("remittance", {}),
    "remittance of a platform": of_kind("remittance", {}, *BARE[1:]),
    "close": of_kind("close", {}, *BARE[1:]),
    "close of a worker": of_kind("close", WITHIN, "event"),
    "correction": of_kind(
        "correction", {**WITHIN, "refers_to": [2], "reason": {"scheme": "ID-BPU", "version": "2026-01-01.2"}}, "event"
    ),
    "notice": of_kind("notice", {"worker": WORKER, "notices": [NOTICE]}, "event", "contributions"),
    "notice with all": of_kind(
        "notice",
        {
            "worker": WORKER,
            "notices": [NOTICE | {"platform": "gojek", "fund": "JKK", "amount": "10/3", "unit": "IDR", "value": True}],
        },
        "event", "contributions",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS, ids=str)
def test_each_kind_comes_back_as_it_went(name: str) -> None:
    assert encode(decode(KINDS[name])) == KINDS[name]
    told = json.loads(KINDS[name])
    balanced = "balances" in told
    assert entries.worker_of(decode(KINDS[name])) == (WORKER if balanced else None)


def test_states_are_written_only_where_they_are_not_the_usual() -> None:
    leaf = reshaped(lambda e: e["contributions"][0].update(state="withheld"))
    entry = decode(leaf)
    assert [row.state for row in entry.contributions or ()] == ["withheld", msgspec.UNSET, msgspec.UNSET, msgspec.UNSET]
    leaf = reshaped(lambda e: e["balances"][0].update(withheld=16800, credit=1, drawn=2, remitted=3, returned=4))
    first = (decode(leaf).balances or [])[0]
    assert (first.withheld, first.credit, first.drawn, first.remitted, first.returned) == (16800, 1, 2, 3, 4)
    assert encode(decode(leaf)) == leaf


SHAPES: dict[str, bytes] = {
    "accrued said": reshaped(lambda e: e["contributions"][0].update(state="accrued")),
    "an unknown state": reshaped(lambda e: e["contributions"][0].update(state="lent")),
    "a state of 0 said": reshaped(lambda e: e["balances"][0].update(credit=0)),
    "an unknown state of a balance": reshaped(lambda e: e["balances"][0].update(lent=1)),
    "an accrual that refers": reshaped(lambda e: e.update(refers_to=[2])),
    "an accrual with a worker too": reshaped(lambda e: e.update(worker=WORKER)),
    "an accrual with notices": reshaped(lambda e: e.update(notices=[NOTICE])),
    "an adjustment that refers to nothing": of_kind("adjustment", {}),
    "a correction without reason": of_kind("correction", {**WITHIN, "refers_to": [2]}, "event"),
    "a correction with an event": of_kind(
        "correction", {"refers_to": [2], "reason": {"scheme": "A", "version": "2026-01-01"}}
    ),
    "a notice with contributions": of_kind("notice", {**WITHIN, "notices": [NOTICE]}, "event"),
    "a notice without any": of_kind("notice", {"worker": WORKER}, "event", "contributions"),
    "a close with event and contributions": of_kind("close", {}),
    "indexes as text": of_kind("adjustment", {"refers_to": ["2"]}),
    "a notice of an unknown member": of_kind(
        "notice", {"worker": WORKER, "notices": [NOTICE | {"text": "x"}]}, "event", "contributions"
    ),
    "another format": reshaped(lambda e: e.update(format="iuran-entry/v2")),
    "another kind": reshaped(lambda e: e.update(kind="gift")),
    "an unknown member": reshaped(lambda e: e.update(note="x")),
    "an unknown member of cause": reshaped(lambda e: e["cause"].update(note="x")),
    "an unknown member of event": reshaped(lambda e: e["event"].update(note="x")),
    "a null member": reshaped(lambda e: e.update(rejection=None)),
    "an index as text": reshaped(lambda e: e.update(index="3")),
    "an index as true": reshaped(lambda e: e.update(index=True)),
    "a part of three": reshaped(lambda e: e["cause"].update(part=[1, 1, 1])),
    "no salt": reshaped(lambda e: e.pop("salt")),
    "no cause": reshaped(lambda e: e.pop("cause")),
    "no event": reshaped(lambda e: e.pop("event")),
    "no contributions": reshaped(lambda e: e.pop("contributions")),
    "no balances": reshaped(lambda e: e.pop("balances")),
    "an accrual with a rejection": reshaped(lambda e: e.update(rejection={"code": "malformed"})),
    "a rejection with balances": reshaped(lambda e: e.update(balances=[]), REJECTION),
    "a rejection with an event": reshaped(lambda e: e.update(event=json.loads(ACCRUAL)["event"]), REJECTION),
    "an opening with contributions": reshaped(lambda e: e.update(contributions=[]), GOLDEN[0]),
    "a scheme with balances": reshaped(lambda e: e.update(balances=[]), GOLDEN[1]),
    "nothing": b"",
    "a list": b"[]",
    "two entries": ACCRUAL + ACCRUAL,
    "a newline after it": ACCRUAL + b"\n",
    "a mark before it": b"\xef\xbb\xbf" + ACCRUAL,
    "deep nesting": b"[" * 10_000,
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_has_not_the_members_of_its_kind_is_refused(shape: str) -> None:
    with pytest.raises(EntryError):
        decode(SHAPES[shape])


@settings(FEW, max_examples=300)
@given(st.binary(max_size=60) | st.tuples(st.integers(0, len(ACCRUAL)), st.binary(min_size=1, max_size=6)))
def test_decode_leaks_no_other_exception(spoilt: Any) -> None:
    if isinstance(spoilt, tuple):
        at, inserted = spoilt
        spoilt = ACCRUAL[:at] + inserted + ACCRUAL[at + len(inserted) :]
    with contextlib.suppress(EntryError):
        assert encode(decode(spoilt)) == spoilt


def test_salts_and_keys_are_what_the_page_says() -> None:
    entry = json.loads(ACCRUAL)
    cause = entry["cause"]
    message = f"iuran-salt/v1\n{cause['topic']}\n{cause['partition']}\n{cause['offset']}\n1".encode()
    assert entry["salt"] == hmac.new(SECRET, message, "sha256").digest()[:16].hex()
    assert entry["salt"] == salt(SECRET, cause["topic"], cause["partition"], cause["offset"], 1)
    digest = sha256(f"{entry['journal']}\n{cause['source']}\n{cause['id']}".encode()).digest()
    assert event_key(entry["journal"], cause["source"], cause["id"]) == digest[:16]


@given(st.binary(max_size=80), st.text("abc.-", min_size=1, max_size=200), st.integers(0, 1023), st.integers(0, 2**53))
def test_salts_of_one_partition_are_made_the_same_whichever_way(
    secret: bytes, topic: str, partition: int, offset: int
) -> None:
    salter = Salter(secret, topic, partition)
    for at in (offset, offset + 1):
        assert salter.first(b"%d" % at).hex() == salt(secret, topic, partition, at, 1)


def test_the_golden_refusal_signs_what_was_silent_before_it() -> None:
    assert json.loads(ACCRUAL)["cause"]["since"] == {"duplicates": 0, "gap": 1}
    assert json.loads(REJECTION)["cause"]["since"] == {"duplicates": 1, "gap": 2}
    assert "source" not in json.loads(REJECTION)["cause"]


@pytest.mark.parametrize(
    ("timestamp_ms", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_772_352_931_123, "2026-03-01T08:15:31.123Z"),
        (1_772_352_931_999, "2026-03-01T08:15:31.999Z"),
        (1_772_352_932_000, "2026-03-01T08:15:32.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_received_at_is_written_in_utc_with_milliseconds(timestamp_ms: int, written: str) -> None:
    assert received_at(timestamp_ms) == written


def test_the_greatest_record_makes_an_entry_within_the_limit() -> None:
    """Escapes cannot blow a record up: what canonical JSON escapes was escaped in the record too."""
    feed = Feed()
    components = [{"amount": "0", "kind": f"k{n:031}", "purpose": "p" * 32} for n in range(64)]
    segments = [{"zone": "ID-" + "-".join(["Z" * 12] * 4), "engaged_seconds": "1.123456789"} for _ in range(64)]
    declared = [{"scheme": "ID-BPU", "fund": "J" * 32, "amount": "1"} for _ in range(24)]
    data = {"components": components, "segments": segments, "declared": declared}
    gig = feed.gig("G" * 128, "W-" + "w" * 62, data=data)
    assert 15_000 < len(gig.value or b"") <= 16 * 1024
    leaf = Replica().settle([gig]).leaves[0]
    assert json.loads(leaf)["kind"] == "accrual"
    assert len(leaf) < entries.LEAF_BYTES_MAX // 3


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
