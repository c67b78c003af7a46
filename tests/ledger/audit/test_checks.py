"""An honest journal gives no finding; each way of tampering gives the right law and names the entry or the size.

The journals are made here, entry by entry, in a few lines of the audit's own input: rows, checkpoints, refused records,
positions and the head. A tampering changes what is stored and nothing else, unless it says that it signs again.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import entry as entries
from contracts.entry import Cause, Entry, Kind, Position, Refusal, Since, StoredEvent
from contracts.topics import partition_of
from ledger.audit.checks.journal import JournalCheck
from ledger.audit.checks.offsets import Offsets
from ledger.audit.findings import LAWS, Finding
from ledger.audit.rows import Columns, Head, RefusedRow, Rows
from ledger.log import keys
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.keys import Signer
from ledger.log.merkle import Frontier, leaf_hash
from tests.support.corrections import PERIODS, STEPS, story
from tests.support.replica import SECRET as REPLICA_SECRET
from tests.support.replica import CrashError, Replica

JOURNAL, JOURNALS = 3, 4
SIGNERS = [keys.generate(f"iuran.localhost/log/{n}") for n in range(JOURNALS)]
SIGNER = SIGNERS[JOURNAL]
SECRET = bytes(range(32))
WORKERS = [w for w in (f"W-{n:04}" for n in range(60)) if partition_of(w.encode(), JOURNALS) == JOURNAL][:5]
GOJEK, CONTROL = "gigs.gojek", "iuran.control"


@dataclass
class Row:
    worker: str | None
    event_key: bytes | None
    leaf: bytes
    kind: str
    refers_to: bytes | None = None

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the leaf's content, keeping it canonical."""
        content = msgspec.json.decode(self.leaf)
        edit(content)
        self.leaf = msgspec.json.Encoder(order="sorted").encode(content)


def rows_of(stored: dict[int, Row], at_once: int = 1) -> list[Rows]:
    """Rows by index, so many at once as there is no gap."""
    several: list[Rows] = []
    for index, row in sorted(stored.items()):
        name = None if row.worker is None else row.worker.encode()
        columns = ([row.kind], [name], [row.event_key], [row.refers_to])
        if several and several[-1].end == index and len(several[-1].leaves) < at_once:
            before = several[-1].columns
            assert before is not None
            joined = Columns(*([*a, *b] for a, b in zip(before, columns, strict=True)))
            several[-1] = Rows(several[-1].start, [*several[-1].leaves, row.leaf], joined)
        else:
            several.append(Rows(index, [row.leaf], Columns(*columns)))
    return several


@dataclass
class Journal:
    """What a store holds of one journal, and what made it."""

    rows: dict[int, Row] = field(default_factory=dict)
    checkpoints: dict[int, bytes] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    head: Head = Head(JOURNAL, 0, Frontier().encode())  # noqa: RUF009 - a value
    balances: dict[str, dict[tuple[str, str, str], int]] = field(default_factory=dict)
    outside: dict[str, bytes] = field(default_factory=dict)
    audit: JournalCheck = field(default_factory=lambda: JournalCheck(JOURNAL))

    def add(self, topic: str, event_id: str | None, kind: Kind = Kind.ACCRUAL, worker: str = "", **more: Any) -> None:
        """Enter a record of a topic at its next offset; without id it is refused."""
        index, at = len(self.rows), self.positions.get(topic, Position())
        value = f"{topic} {at.next_offset}".encode()
        source = "urn:iuran:operator" if topic == CONTROL else "urn:iuran:platform:" + topic.removeprefix("gigs.")
        entry = Entry(
            cause=Cause(
                offset=at.next_offset,
                part=(1, 1),
                partition=JOURNAL,
                sha256=sha256(value).hexdigest(),
                since=Since(at.duplicates, at.gap),
                topic=topic,
            ),
            engine=entries.ENGINE,
            format=entries.FORMAT,
            index=index,
            journal=JOURNAL,
            kind=kind.value,
            received_at=entries.received_at(1_772_352_931_123 + index),
            salt=entries.salt(SECRET, topic, JOURNAL, at.next_offset, 1),
        )
        key = None
        if event_id is None:
            entry.rejection = Refusal("malformed")
            self.refused.append(RefusedRow(index, topic, JOURNAL, at.next_offset, "malformed", value))
        else:
            entry.cause.source, entry.cause.id = source, event_id
            key = entries.event_key(JOURNAL, source, event_id)
            data = more.get("data", {"currency": "IDR", "service": "ride"})
            raw = msgspec.Raw(msgspec.json.Encoder(order="sorted").encode(data))
            entry.event = StoredEvent(raw, worker or "iuran.localhost", "2026-03-01T08:15:30Z", f"{kind}.made.v1")
        if kind is Kind.ACCRUAL:
            self._account(entry, worker, source, index, more.get("funds", ("JHT", "JKK")))
        row = Row(worker or None, key, entries.encode(entry), kind.value)
        self.rows[index] = row
        self.positions[topic] = Position(at.next_offset + 1)

    def _account(self, entry: Entry, worker: str, source: str, index: int, funds: tuple[str, ...]) -> None:
        totals = self.balances.setdefault(worker, {})
        entry.contributions = []
        for fund in funds:
            for payer in ("platform:" + source.rpartition(":")[2], "worker:" + worker):
                amount = 100 + index
                totals["ID-JK-PILOT", fund, "IDR"] = totals.get(("ID-JK-PILOT", fund, "IDR"), 0) + amount
                row = entries.ContributionRow(
                    amount=amount, fund=fund, payer=payer, scheme="ID-JK-PILOT", unit="IDR", version="2026-01-01",
                    window="2026-03",
                )  # fmt: skip
                entry.contributions.append(row)
        entry.balances = [
            entries.BalanceRow(accrued=totals[k], fund=k[1], scheme=k[0], unit=k[2]) for k in sorted(totals)
        ]

    def duplicate(self, topic: str) -> None:
        at = self.positions[topic]
        self.positions[topic] = Position(at.next_offset + 1, at.duplicates + 1, at.gap)

    def gap(self, topic: str, offsets: int) -> None:
        at = self.positions[topic]
        self.positions[topic] = Position(at.next_offset + offsets, at.duplicates, at.gap + offsets)

    def frontier(self, size: int) -> Frontier:
        return Frontier().append([leaf_hash(self.rows[index].leaf) for index in range(size)])

    def sign(self, size: int | None = None, signer: Signer = SIGNER) -> None:
        size = len(self.rows) if size is None else size
        frontier = self.frontier(size)
        self.checkpoints[size] = sign_checkpoint(Checkpoint(signer.name, size, frontier.root()), [signer])
        self.head = Head(JOURNAL, size, frontier.encode(), size, self.checkpoints[size])

    def sign_all_again(self) -> None:
        for size in self.checkpoints:
            self.sign(size)

    def check(self, secret: bytes | None = SECRET, **more: Any) -> list[Finding]:
        audit = self.audit = JournalCheck(JOURNAL, secret)
        audit.start(self.head, [SIGNER.vkey()], self.outside)
        waiting = dict(sorted(self.checkpoints.items()))
        for rows in rows_of(self.rows, more.get("at_once", 1)):
            for size in [size for size in waiting if size <= rows.end]:
                audit.checkpoint(size, waiting.pop(size))
            audit.rows(rows)
        for size, note in waiting.items():
            audit.checkpoint(size, note)
        for refused in self.refused:
            audit.refused(refused)
        count = more.get("refused_rows", len(self.refused))
        findings = audit.finish(self.head, self.positions, count)
        assert {finding.law for finding in findings} <= set(LAWS)
        assert all(finding.journal == JOURNAL and str(finding) for finding in findings)
        assert not any(worker in finding.detail for worker in WORKERS for finding in findings)
        return findings


def honest() -> Journal:
    """Sizes signed: 2, 7, 11, 16. Refused: entries 5 and 12. Duplicates and gaps before 7 and 12 and at the end."""
    journal = Journal()
    opening = {"engine": "1", "journal": JOURNAL, "journals": JOURNALS, "ledger": "iuran.localhost"}
    opening["vkeys"] = [signer.vkey() for signer in SIGNERS]
    journal.add(CONTROL, "open", Kind.LEDGER, data=opening)
    text = "a scheme"
    act = {"scheme": "S", "sha256": sha256(text.encode()).hexdigest(), "text": text, "version": "2026-01-01"}
    journal.add(CONTROL, "scheme", Kind.SCHEME, data=act)
    journal.sign()
    for n in range(3):
        journal.add(GOJEK, f"G-{n}", worker=WORKERS[n])
    journal.add(GOJEK, None, Kind.REJECTION)
    journal.add("gigs.grab", "G-0", worker=WORKERS[0])
    journal.sign()
    journal.duplicate(GOJEK)
    journal.gap(GOJEK, 4)
    for n in range(4):
        journal.add(GOJEK, f"H-{n}", worker=WORKERS[n], funds=("JHT", "JKM"))
    journal.sign()
    journal.duplicate("gigs.grab")
    journal.add(GOJEK, "I-1", worker=WORKERS[1])
    journal.add("gigs.grab", None, Kind.REJECTION)
    for n in range(3):
        journal.add("gigs.grab", f"J-{n}", worker=WORKERS[n])
    journal.sign()
    journal.duplicate(GOJEK)
    journal.gap("gigs.grab", 2)
    return journal


def first(findings: list[Finding]) -> tuple[str, int | None]:
    return findings[0].law, findings[0].index


def laws_at(findings: list[Finding], index: int | None) -> set[str]:
    return {finding.law for finding in findings if finding.index == index}


def set_in(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(content: dict[str, Any]) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to(content[path[-1]]) if callable(to) else to

    return edit


def test_an_honest_journal_gives_no_finding() -> None:
    assert honest().check() == []
    assert honest().check(secret=None, refused_rows=None) == []
    assert Journal().check() == []


def test_every_changed_byte_of_every_entry_is_found_in_its_interval() -> None:
    chance = random.Random(4711)
    sizes = [0, 2, 7, 11, 16]
    for index in range(16):
        start, end = next((a, b) for a, b in pairwise(sizes) if a <= index < b)
        for position in chance.sample(range(len(honest().rows[index].leaf)), 25):
            journal = honest()
            leaf = bytearray(journal.rows[index].leaf)
            leaf[position] ^= 1 << chance.randrange(8)
            journal.rows[index].leaf = bytes(leaf)
            findings = journal.check()
            tree = [finding for finding in findings if finding.law == "L2" and finding.detail.startswith("tree")]
            assert len(tree) == 1
            assert f"signed at size {end}" in tree[0].detail
            assert f"right at size {start}" in tree[0].detail
            named = tree[0].index
            assert named is not None
            assert named == index or (named == start and "one of entries" in tree[0].detail)


def test_a_change_that_nothing_else_shows_is_narrowed_to_its_interval() -> None:
    journal = honest()
    journal.rows[9].change(set_in("event", "time", to="2026-03-01T08:15:31Z"))
    findings = journal.check()
    assert [(f.law, f.index) for f in findings] == [("L2", 7)]
    assert findings[0].detail.endswith("one of entries 7 to 10 is not the one that was signed")


def test_a_change_in_an_interval_of_one_is_named() -> None:
    journal = honest()
    for size in range(8, 16):
        journal.sign(size)
    journal.sign(16)
    journal.rows[9].change(set_in("event", "time", to="2026-03-01T08:15:31Z"))
    assert [(f.law, f.index) for f in journal.check()] == [("L2", 9)]


Tampering = tuple[Callable[[dict[str, Any]], None], int, str]
TAMPERINGS: dict[str, Tampering] = {
    "contribution": (set_in("contributions", 0, "amount", to=lambda a: a + 1), 9, "L1"),
    "balance": (set_in("balances", 0, "accrued", to=lambda a: a - 1), 9, "L1"),
    "balance gone": (set_in("balances", to=lambda b: b[1:]), 9, "L1"),
    "fund": (set_in("contributions", 0, "fund", to="JP"), 9, "L1"),
    "unit": (set_in("balances", 1, "unit", to="USD"), 9, "L1"),
    "payer of another platform": (set_in("contributions", 0, "payer", to="platform:grab"), 9, "L1"),
    "payer another worker": (set_in("contributions", 1, "payer", to="worker:W-other"), 9, "L1"),
    "payer of no kind": (set_in("contributions", 1, "payer", to="nobody"), 9, "L1"),
    "window": (set_in("contributions", 0, "window", to="March"), 9, "L1"),
    "amount out of range": (set_in("contributions", 0, "amount", to=2**53), 9, "L10"),
    "balances out of order": (set_in("balances", to=lambda b: b[::-1]), 9, "L4"),
    "own index": (set_in("index", to=10), 9, "L5"),
    "own journal": (set_in("journal", to=2), 9, "L5"),
    "format": (set_in("format", to="iuran-entry/v2"), 9, "L4"),
    "kind": (set_in("kind", to="settlement"), 9, "L4"),
    "salt's form": (set_in("salt", to="00"), 9, "L4"),
    "salt": (set_in("salt", to="00" * 16), 9, "L4"),
    "hash's form": (set_in("cause", "sha256", to="AB" * 32), 9, "L4"),
    "received_at": (set_in("received_at", to="2026-03-01T08:15:31Z"), 9, "L4"),
    "engine": (set_in("engine", to="one"), 9, "L4"),
    "unknown member": (set_in("cause", to=lambda c: {**c, "note": "x"}), 9, "L4"),
    "too long": (set_in("event", "data", to={"currency": "x" * 65_000}), 9, "L4"),
    "source": (set_in("cause", "source", to="urn:iuran:platform:grab"), 9, "L4"),
    "id": (set_in("cause", "id", to="G-2"), 9, "L3"),
    "signature of nobody": (set_in("cause", to=lambda c: {**c, "signature": "A" * 86 + "=="}), 9, "L4"),
    "no id": (set_in("cause", to=lambda c: {k: v for k, v in c.items() if k != "id"}), 9, "L3"),
    "subject": (set_in("event", "subject", to="W-other"), 9, "L2"),
    "duplicates": (set_in("cause", "since", "duplicates", to=2), 7, "L12"),
    "gap": (set_in("cause", "since", "gap", to=3), 7, "L12"),
    "negative count": (set_in("cause", "since", to={"duplicates": 6, "gap": -1}), 7, "L12"),
    "negative duplicates": (set_in("cause", "since", to={"duplicates": -1, "gap": 6}), 7, "L12"),
    "offset skipped": (set_in("cause", "offset", to=lambda o: o + 1), 9, "L12"),
    "offset again": (set_in("cause", "offset", to=lambda o: o - 1), 9, "L3"),
    "partition": (set_in("cause", "partition", to=0), 9, "L12"),
    "part": (set_in("cause", "part", to=[2, 2]), 9, "L3"),
    "part of none": (set_in("cause", "part", to=[1, 0]), 9, "L3"),
    "part missing": (set_in("cause", "part", to=[1, 2]), 9, "L3"),
    "code": (set_in("rejection", "code", to="disliked"), 12, "L4"),
    "another code": (set_in("rejection", "code", to="too_large"), 12, "L12"),
    "opening key": (set_in("event", "data", "vkeys", to=lambda v: v[::-1]), 0, "L6"),
    "opening journals": (set_in("event", "data", "journals", to=0), 0, "L6"),
    "opening journal": (set_in("event", "data", "journal", to=1), 0, "L4"),
    "opening of nothing": (set_in("event", "data", to={}), 0, "L4"),
    "opening kind": (set_in("kind", to="scheme"), 0, "L4"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
@pytest.mark.parametrize("signed_again", [False, True])
def test_a_tampered_entry_is_named(name: str, signed_again: bool) -> None:
    edit, index, law = TAMPERINGS[name]
    journal = honest()
    journal.rows[index].change(edit)
    if signed_again:  # by whoever holds the key: then only the other laws can tell
        journal.sign_all_again()
    findings = journal.check()
    assert findings[0].index == index
    assert law in laws_at(findings, index)
    assert ("L2" in laws_at(findings, index)) or signed_again or law == "L2"


def test_an_erased_refusal_is_accepted_as_erased_and_counted() -> None:
    journal = honest()
    journal.refused = [replace(row, value=None, erased=True, emptied=True) for row in journal.refused]
    assert journal.check() == []
    assert journal.audit.erased == len(journal.refused)


@pytest.mark.parametrize(
    "change",
    [
        {"emptied": False},
        {"value": b"kept", "emptied": False},
        {"code": "too_large"},
        {"topic": "gigs.grab"},
        {"offset": 99},
        {"index": 9},
        {"erased": False, "value": b"another"},
        {"erased": False},
    ],
    ids=str,
)
def test_an_erased_refusal_that_was_altered_is_named(change: dict[str, Any]) -> None:
    journal = honest()
    journal.refused[0] = replace(journal.refused[0], **({"value": None, "erased": True, "emptied": True} | change))
    assert ("L12", journal.refused[0].index) in [(f.law, f.index) for f in journal.check()]


def test_a_wrong_balance_makes_one_finding_whichever_side_was_changed() -> None:
    for edit in (TAMPERINGS["balance"][0], TAMPERINGS["contribution"][0]):
        journal = honest()
        journal.rows[4].change(edit)
        assert {f.index for f in journal.check() if f.law == "L1"} == {4}


def test_a_balance_that_grows_past_what_json_can_carry_is_named() -> None:
    journal = honest()
    huge = 2**53 - 1
    journal.rows[9].change(set_in("contributions", 0, "amount", to=huge))
    journal.rows[9].change(set_in("balances", 0, "accrued", to=lambda a: a - 109 + huge))
    journal.sign_all_again()
    findings = journal.check()
    assert [(f.law, f.index) for f in findings if f.law == "L10"] == [("L10", 9)]
    assert "balance: expected amounts within" in next(f.detail for f in findings if f.law == "L10")


def test_a_part_beyond_the_parts_is_said_to_be_one() -> None:
    journal = honest()
    journal.rows[9].change(set_in("cause", "part", to=[1, 0]))
    assert any("part k of m, got 1 of 0" in f.detail for f in journal.check() if f.index == 9)


def test_a_key_under_another_name_is_refused_even_if_it_signed() -> None:
    other = keys.generate("elsewhere.example/log/7")
    audit = JournalCheck(JOURNAL)
    audit.start(Head(JOURNAL, 0, Frontier().encode()), [other.vkey()])
    findings = audit.finish(Head(JOURNAL, 0, Frontier().encode()), {})
    assert [(f.law, f.index) for f in findings] == [("L6", None)]
    assert "key name: expected one ending with /log/3" in findings[0].detail


def test_another_spelling_of_an_entry_is_no_entry() -> None:
    for spell in (lambda b: b + b"\n", lambda b: b.replace(b":", b": ", 1), lambda b: b"", lambda b: b"\xff" + b):
        journal = honest()
        journal.rows[4].leaf = spell(journal.rows[4].leaf)
        assert {"L2", "L4"} <= laws_at(journal.check(), 4)


def test_a_missing_entry_is_named() -> None:
    for index in range(16):
        journal = honest()
        del journal.rows[index]
        assert first(journal.check())[1] == index
        assert "L5" in laws_at(journal.check(), index)
    journal = honest()
    for index in (8, 9, 10):
        del journal.rows[index]
    assert journal.check()[0].detail == "row: expected index 8, got 11: entries 8 to 10 are missing"


def test_the_last_entry_deleted_names_the_missing_size() -> None:
    journal = honest()
    del journal.rows[15]
    findings = journal.check()
    assert {"L5", "L7", "L6"} <= laws_at(findings, 15)
    assert any("size 16, got 15: entries 15 are missing" in f.detail for f in findings)


def test_a_cut_end_whose_head_was_set_back_is_found_by_what_was_signed() -> None:
    journal = honest()
    journal.outside["on iuran.checkpoints"] = journal.checkpoints[16]
    for index in range(11, 16):
        del journal.rows[index]
    del journal.checkpoints[16]
    journal.refused = journal.refused[:1]
    journal.positions = {
        CONTROL: Position(2),
        GOJEK: Position(13),
        "gigs.grab": Position(2, 1),
    }
    older = Head(JOURNAL, 11, journal.frontier(11).encode(), 11, journal.checkpoints[11])
    journal.head = older
    findings = journal.check()
    assert [(f.law, f.index) for f in findings] == [("L6", 11)]
    assert "entries 11 to 15 are missing" in findings[0].detail
    journal.outside.clear()
    assert journal.check() == []  # nothing stored here can tell: that is why checkpoints are kept outside


def test_swapped_entries_are_both_named() -> None:
    journal = honest()
    journal.rows[8], journal.rows[9] = journal.rows[9], journal.rows[8]
    findings = journal.check()
    assert first(findings)[1] == 8
    assert "L5" in laws_at(findings, 8)
    assert "L5" in laws_at(findings, 9)
    assert "L2" in laws_at(findings, 8)


def test_an_entry_added_behind_the_head_is_found() -> None:
    journal = honest()
    journal.add(GOJEK, "late", worker=WORKERS[0])
    findings = journal.check()
    assert {"L5", "L6"} <= laws_at(findings, 16)


@pytest.mark.parametrize("column", ["worker", "event_key", "kind", "refers_to"])
@pytest.mark.parametrize("index", [1, 5, 9])
def test_columns_say_what_the_leaf_says(column: str, index: int) -> None:
    journal = honest()
    setattr(journal.rows[index], column, b"\0" * 16 if column in ("event_key", "refers_to") else "W-other")
    law = "L3" if column == "event_key" else "L2"
    assert [(f.law, f.index) for f in journal.check()] == [(law, index)]


def test_a_column_set_to_nothing_is_found() -> None:
    for column, law in (("worker", "L2"), ("event_key", "L3")):
        journal = honest()
        setattr(journal.rows[9], column, None)
        assert [(f.law, f.index) for f in journal.check()] == [(law, 9)]


def test_an_event_entered_twice_is_named_whoever_signed_it() -> None:
    journal = honest()
    journal.add(GOJEK, "G-1", worker=WORKERS[1])
    last = journal.rows[16]
    last.change(set_in("cause", "since", to={"duplicates": 1, "gap": 0}))
    journal.sign()
    findings = journal.check()
    assert [(f.law, f.index) for f in findings] == [("L3", 16)]
    assert "entry 3 again" in findings[0].detail


def test_a_worker_of_another_journal_is_named() -> None:
    stranger = next(w for w in (f"W-{n:04}" for n in range(60)) if partition_of(w.encode(), JOURNALS) != JOURNAL)
    journal = Journal()
    opening = honest().rows[0]
    journal.rows[0] = opening
    journal.positions[CONTROL] = Position(1)
    journal.add(GOJEK, "G-1", worker=stranger)
    journal.sign()
    assert [(f.law, f.index) for f in journal.check()] == [("L3", 1)]


@pytest.mark.parametrize("topic", [GOJEK, "gigs.grab", CONTROL])
@pytest.mark.parametrize("change", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, -1, 0), (0, -3, 3), None])
def test_an_edited_position_is_found(topic: str, change: tuple[int, int, int] | None) -> None:
    journal = honest()
    last = max(i for i, row in journal.rows.items() if f'"topic":"{topic}"'.encode() in row.leaf)
    if change is None:
        del journal.positions[topic]
    else:
        old = journal.positions[topic]
        journal.positions[topic] = Position(*(a + b for a, b in zip(old, change, strict=True)))
    if change == (-1, -1, 0) and topic == GOJEK:
        assert journal.check() == []  # the unsigned tail is only as good as the database: L12 says so
        return
    findings = journal.check()
    assert [(f.law, f.index) for f in findings] == [("L12", None)]
    assert f"position of {topic}" in findings[0].detail
    assert f"entry {last} at offset" in findings[0].detail


def test_a_topic_without_entries_counts_from_its_beginning() -> None:
    journal = honest()
    journal.positions["gigs.uber"] = Position(3, 2, 1)
    assert journal.check() == []
    journal.positions["gigs.uber"] = Position(4, 2, 1)
    assert [(f.law, f.index) for f in journal.check()] == [("L12", None)]


def test_refused_records_and_their_entries_agree() -> None:
    journal = honest()
    journal.refused.pop()
    assert {f.law for f in journal.check()} == {"L12"}
    assert "L12" in laws_at(journal.check(), 12)
    journal = honest()
    journal.refused.append(RefusedRow(9, GOJEK, JOURNAL, 1, "malformed", b""))
    assert laws_at(journal.check(), 9) == {"L12"}
    for change in ({"value": b"another"}, {"code": "too_large"}, {"offset": 99}, {"topic": CONTROL}, {"value": None}):
        journal = honest()
        old = journal.refused[0]
        parts = {name: getattr(old, name) for name in RefusedRow.__slots__}
        journal.refused[0] = RefusedRow(**{**parts, **change})
        assert [(f.law, f.index) for f in journal.check()] == [("L12", 5)]
    assert [f.law for f in honest().check(refused_rows=3)] == ["L12"]


def test_parts_of_one_record_follow_each_other() -> None:
    journal = honest()
    for part in (1, 2, 3):
        journal.add(GOJEK, f"close-{part}", worker=WORKERS[0])
        since = {"duplicates": 1, "gap": 0} if part == 1 else {"duplicates": 0, "gap": 0}
        offset, digest = 15, "ab" * 32
        edit = {"offset": offset, "sha256": digest, "part": [part, 3], "since": since}
        journal.rows[15 + part].change(set_in("cause", to=lambda cause, edit=edit: {**cause, **edit}))
    journal.positions[GOJEK] = Position(16)
    journal.sign()
    honest_findings = journal.check(secret=None)
    assert honest_findings == []
    for index, path, to in ((17, "part", [3, 3]), (17, "sha256", "cd" * 32), (18, "part", [1, 1])):
        broken = msgspec.convert(msgspec.to_builtins(journal.rows), dict[int, Row])
        broken[index].change(set_in("cause", path, to=to))
        other = Journal(broken, journal.checkpoints, journal.refused, journal.positions, journal.head)
        assert "L3" in laws_at(other.check(secret=None), index)
    journal.rows[17].change(set_in("cause", "since", "gap", to=1))
    assert "L12" in laws_at(journal.check(secret=None), 17)


def note_of(size: int, root: bytes, signer: Signer = SIGNER) -> bytes:
    return sign_checkpoint(Checkpoint(signer.name, size, root), [signer])


def test_wrong_checkpoints_are_named_by_size() -> None:
    honest_root = honest().frontier(11).root()
    stranger = keys.generate(SIGNER.name)
    for note, what in (
        (note_of(11, honest_root, stranger), "known key"),
        (note_of(11, honest_root, SIGNERS[0]), "known key"),
        (note_of(11, honest_root).replace(b"\n11\n", b"\n12\n"), "expected that size, got 12"),
        (b"", "three lines"),
        (note_of(10, honest().frontier(10).root()), "expected that size, got 10"),
        (note_of(11, b"\1" * 32), "signed beside it"),
    ):
        journal = honest()
        journal.checkpoints[11] = note
        findings = journal.check()
        assert [(f.law, f.index) for f in findings] == [("L6", None)]
        assert what in findings[0].detail
        assert "11" in findings[0].detail


def test_a_last_checkpoint_of_another_tree_is_found() -> None:
    journal = honest()
    journal.checkpoints[16] = note_of(16, b"\1" * 32)
    assert {f.law for f in journal.check()} == {"L6"}  # the published one agrees, so this one was signed beside it
    journal.head = journal.head._replace(published=journal.checkpoints[16])
    assert first(journal.check()) == ("L2", 11)


def test_checkpoints_only_grow() -> None:
    journal = honest()
    audit = JournalCheck(JOURNAL)
    audit.start(journal.head, [SIGNER.vkey()])
    audit.rows(Rows(0, [journal.rows[0].leaf, journal.rows[1].leaf]))
    audit.checkpoint(2, journal.checkpoints[2])
    audit.checkpoint(2, journal.checkpoints[2])
    findings = audit.finish(Head(JOURNAL, 2, journal.frontier(2).encode()), {CONTROL: Position(2)})
    assert "L6" in {f.law for f in findings}
    assert any("above 2" in f.detail for f in findings)


def test_entries_under_no_checkpoint_are_found() -> None:
    journal = honest()
    del journal.checkpoints[16]
    assert [(f.law, f.index) for f in journal.check()] == [("L6", 11)]


def test_a_checkpoint_beyond_the_entries_was_signed_before_it_was_durable() -> None:
    journal = honest()
    journal.checkpoints[18] = note_of(18, b"\1" * 32)
    findings = journal.check()
    assert [(f.law, f.index) for f in findings] == [("L7", 16)]
    assert "entries 16 to 17 are missing" in findings[0].detail


def test_a_checkpoint_seen_elsewhere_must_be_in_the_tree() -> None:
    journal = honest()
    journal.outside = {"at a witness": note_of(9, journal.frontier(9).root())}
    assert journal.check() == []
    journal.outside = {"at a witness": note_of(9, b"\1" * 32)}
    findings = journal.check()
    assert [(f.law, f.index) for f in findings] == [("L6", None)]
    assert "at a witness of size 9" in findings[0].detail
    journal.outside = {"at a witness": note_of(9, b"\1" * 32, keys.generate(SIGNER.name))}
    assert [f.law for f in journal.check()] == ["L6"]


@pytest.mark.parametrize(
    "change",
    [
        {"size": 17},
        {"size": 15},
        {"journal": 2},
        {"frontier": Frontier().encode()},
        {"frontier": b"short"},
        {"frontier": (16).to_bytes(8, "big") + b"\1" * 32},
        {"published": None},
        {"published": b"no note"},
        {"published_size": 11},
        {"published": note_of(16, b"\1" * 32)},
    ],
)
def test_an_edited_head_is_found(change: dict[str, Any]) -> None:
    journal = honest()
    journal.head = journal.head._replace(**change)
    assert {f.law for f in journal.check()} <= {"L5", "L6"}
    assert journal.check()


def test_other_trusted_keys_are_refused() -> None:
    journal = honest()
    for vkeys in ([], ["no key"], [SIGNERS[0].vkey()], [keys.generate(SIGNER.name).vkey()]):
        audit = JournalCheck(JOURNAL)
        audit.start(journal.head, vkeys)
        audit.rows(Rows(0, [journal.rows[0].leaf]))
        audit.checkpoint(2, journal.checkpoints[2])
        assert "L6" in {f.law for f in audit.finish(journal.head, journal.positions)}


def test_a_late_checkpoint_is_the_callers_mistake() -> None:
    journal = honest()
    audit = JournalCheck(JOURNAL)
    audit.start(journal.head, [SIGNER.vkey()])
    audit.rows(Rows(0, [journal.rows[index].leaf for index in range(4)]))
    with pytest.raises(ValueError, match="before the leaves"):
        audit.checkpoint(2, journal.checkpoints[2])


def test_many_findings_are_counted_and_the_first_is_kept() -> None:
    audit = JournalCheck(JOURNAL)
    audit.start(Head(JOURNAL, 0, b""), [SIGNER.vkey()])
    for index in range(3000):
        audit.rows(Rows(index, [b"{}"]))
    findings = audit.finish(Head(JOURNAL, 3000, b""), {})
    assert len(findings) == 1000
    assert audit.findings.unlisted >= 2000
    assert findings[0].index == 0


@given(STEPS, PERIODS, st.integers(0, 40), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_corrections_and_closes_hold_also_while_a_close_is_under_way(
    steps: list[Any], periods: list[str], commits: int, at_once: int
) -> None:
    replica = Replica()
    replica.slice_workers = 1
    replica.commits_left = commits
    with contextlib.suppress(CrashError):
        replica.settle(story(steps, periods))
    check = JournalCheck(0, REPLICA_SECRET)
    kept = {w.leaf_index: Row(w.worker, w.event_key, w.leaf, w.kind, w.refers_to) for w in replica.written}
    check.start(Head(0, 0, None), [], leaves_at=lambda indexes: {index: replica.leaves[index] for index in indexes})
    for rows in rows_of(kept, at_once):
        check.rows(rows)
    offsets = Offsets(check.findings)
    for entry in replica.entries():
        offsets.check(entry.index, entry.cause, 0)
    offsets.finish(replica.positions, len(replica.leaves))
    # such stories are not opened by entry 0
    assert [finding for finding in check.findings.ordered() if finding.index != 0] == []
