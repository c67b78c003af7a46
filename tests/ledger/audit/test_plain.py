"""The short way is the long way, only shorter: whatever is done to entries, both find the same and count the same.

A journal is made by the stream's own pipeline (gigs of two platforms over several workers, some with tips, corrections
and refusals between them). A change of any kind is then made to it, and it is walked twice.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import entry as entries
from contracts.entry import BalanceRow, Kind
from contracts.events import GigCompleted
from ledger.audit import grammar
from ledger.audit.checks import plain
from ledger.audit.checks.journal import JournalCheck
from ledger.audit.checks.totals import Fund, Listing, is_exact
from ledger.audit.findings import Finding
from ledger.audit.rows import Columns, Head, Rows
from tests.ledger.audit.tampering import encode, set_in
from tests.support.corrections import FLAT
from tests.support.replica import SECRET, Replica
from tests.support.strategies import GRAB, POOL, VERSIONS, Feed

Row = tuple[bytes, str, bytes | None, bytes | None, bytes | None]
"""Leaf, kind, worker, event key, refers_to."""
MATCH = grammar.plain_entry(0).fullmatch


@cache
def made() -> tuple[Row, ...]:
    feed = Feed()
    records = [
        feed.opened("test.localhost", ["key"]),
        *(feed.platform(name) for name in ("gojek", "grab")),
        *(feed.enacted(version) for version in (FLAT, POOL[0], POOL[1], VERSIONS[1])),
    ]
    for n in range(40):
        worker = f"W-{n % 5}0"
        topic = {"topic": GRAB} if n % 3 == 0 else {}
        records.append(feed.gig(f"G-{n}", worker, f"{9000 + 500 * (n % 7)}", **topic))
        if n == 20:
            records.append(feed.adjusted("G-19", "W-40", "400"))
            records.append(feed.record("gigs.gojek", b"no JSON", b"W-raw"))
        if n == 25:
            records.append(feed.platform("gojek"))
        if n == 30:
            feed.skip("gigs.gojek", 2)
            records.append(feed.again(records[-1]))
    written = Replica().settle(records).written
    return tuple(
        (w.leaf, str(w.kind), None if w.worker is None else w.worker.encode(), w.event_key, w.refers_to)
        for w in written
    )


def walked(
    rows: list[Row],
    *,
    short: bool,
    columns: bool = True,
    secret: bytes | None = None,
    at_once: int = 16,
    begin: Callable[[JournalCheck], None] = lambda check: None,
) -> tuple[list[Finding], Any, int]:
    """The findings; all that was counted; how many entries went the long way."""
    check = JournalCheck(0, secret)
    check.start(Head(0, 0, None), [], leaves_at=lambda indexes: {i: rows[i][0] for i in indexes if i < len(rows)})
    begin(check)
    long = 0
    read = check._entry

    def counted(*arguments: Any) -> None:
        nonlocal long
        long += 1
        read(*arguments)

    check._entry = counted  # type: ignore[method-assign]
    if not short:
        check._plain.take = lambda start, leaves, columns, at: at  # type: ignore[method-assign]
    for start in range(0, len(rows), at_once):
        leaves, kinds, workers, keys, refers = zip(*rows[start : start + at_once], strict=True)
        check.rows(Rows(start, leaves, Columns(kinds, workers, keys, refers) if columns else None))
    findings = check.finish(Head(0, len(rows), None), None)
    balances = {worker: list(totals.by_fund().items()) for worker, totals in check._balances._workers.items()}
    topics = {name: (p.index, p.offset, p.part, p.parts, p.sha256) for name, p in check._offsets._topics.items()}
    events = [
        (bytes(keys), list(indexes)) for keys, indexes in zip(check.events.keys, check.events.indexes, strict=True)
    ]
    return findings, (balances, topics, events, check.root(), check.opening), long


def both(rows: list[Row], **more: Any) -> list[Finding]:
    """What both ways find, which is the same."""
    short, long = walked(rows, short=True, **more), walked(rows, short=False, **more)
    assert short[0] == long[0]
    assert short[1] == long[1]
    return short[0]


def test_an_honest_journal_is_walked_the_short_way() -> None:
    rows = list(made())
    plain_ones = sum(MATCH(row[0]) is not None for row in rows)
    assert plain_ones >= 35
    for more in ({}, {"columns": False}, {"secret": SECRET}, {"at_once": 1}, {"at_once": 1000}):
        assert not [f for f in both(rows, **more) if f.index != 0]
        # the first of each platform makes it known, also after a platform was changed
        assert walked(rows, short=True, **more)[2] <= len(rows) - plain_ones + 4


def own(leaf: bytes) -> bytes:
    worker: str = json.loads(leaf)["event"]["subject"]
    return leaf.replace(worker.encode(), b"]")


def topic_of(leaf: bytes) -> str:
    topic: str = json.loads(leaf)["cause"]["topic"]
    return topic


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "amount": set_in("contributions", 0, "amount", to=lambda a: a + 1),
    "amount below zero": set_in("contributions", 0, "amount", to=-5),
    "amount at the limit": set_in("contributions", 0, "amount", to=10**15),
    "balance": set_in("balances", 0, "accrued", to=lambda a: a + 1),
    "both at the limit": lambda c: (
        set_in("contributions", 0, "amount", to=2**53 - 1)(c), set_in("balances", 0, "accrued", to=2**53 + 7)(c),
    )[0],
    "balances gone": set_in("balances", to=[]),
    "balances turned": set_in("balances", to=lambda b: b[::-1]),
    "contributions gone": set_in("contributions", to=[]),
    "fund": set_in("contributions", 0, "fund", to="Z"),
    "fund of a new name in both": lambda c: (
        set_in("contributions", 0, "fund", to="A%d")(c), set_in("balances", 0, "fund", to="A%d")(c),
    )[0],
    "fund named as a payer": lambda c: set_in("contributions", 0, "fund", to="worker:" + c["event"]["subject"])(c),
    "payer": set_in("contributions", 0, "payer", to="platform:uber"),
    "fund named as the worker": lambda c: set_in("contributions", 0, "fund", to=c["event"]["subject"])(c),
    "payer of a longer name": lambda c: set_in("contributions", 0, "payer", to=f"worker:{c['event']['subject']}1")(c),
    "payer oneself": lambda c: set_in("contributions", 0, "payer", to="worker:" + c["event"]["subject"])(c),
    "payer another worker": set_in("contributions", 0, "payer", to="worker:W-90"),
    "state": set_in("contributions", 0, "state", to="withheld"),
    "remitted": set_in("balances", 0, "remitted", to=5),
    "window": set_in("contributions", 0, "window", to="Friday"),
    "another worker": set_in("event", "subject", to="W-10"),
    "a worker never seen": set_in("event", "subject", to="W-77"),
    "type": set_in("event", "type", to="gig.adjusted.v1"),
    "unknown data": set_in("event", "data", "colour", to="red"),
    "text beyond ASCII": set_in("event", "data", "zone", to="Jawa Barat é"),
    "a quoted text": set_in("event", "data", "zone", to='a"b\\c'),
    "a long number": set_in("event", "data", "distance_m", to=2**53),
    "a number of 16 digits": set_in("event", "data", "distance_m", to=1234567890123456),
    "a list as a text": set_in("event", "data", "zone", to=["x"]),
    "index": set_in("index", to=lambda i: i + 1),
    "journal": set_in("journal", to=1),
    "offset": set_in("cause", "offset", to=lambda o: o + 1),
    "partition": set_in("cause", "partition", to=1),
    "part": set_in("cause", "part", to=[1, 2]),
    "second part": set_in("cause", "part", to=[2, 1]),
    "since": set_in("cause", "since", to={"duplicates": 1, "gap": 0}),
    "source": set_in("cause", "source", to="urn:iuran:platform:uber"),
    "topic": set_in("cause", "topic", to="gigs.uber"),
    "id": set_in("cause", "id", to="G-1"),
    "id another": set_in("cause", "id", to="G-other"),
    "signature": set_in("cause", "signature", to="A" * 86 + "=="),
    "salt": set_in("salt", to="00" * 16),
    "salt's form": set_in("salt", to="00" * 15 + "AB"),
    "salt in capitals": set_in("salt", to=str.upper),
    "record's hash in capitals": set_in("cause", "sha256", to=str.upper),
    "record's hash not hexadecimal": set_in("cause", "sha256", to=lambda text: "g" + text[1:]),
    "received": set_in("received_at", to="2026-13-01T00:00:00.000Z"),
    "engine": set_in("engine", to="2"),
    "kind": set_in("kind", to=Kind.ADJUSTMENT.value),
    "one member more": set_in("worker", to="W-10"),
}  # fmt: skip
SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "space": lambda leaf: leaf.replace(b":", b": ", 1),
    "newline behind": lambda leaf: leaf + b"\n",
    "leading zero": lambda leaf: leaf.replace(b'"index":', b'"index":0'),
    "minus zero": lambda leaf: leaf.replace(b'"amount":', b'"amount":-0', 1),
    "a leading zero in an amount": lambda leaf: leaf.replace(
        b'"contributions":[{"amount":', b'"contributions":[{"amount":0'
    ),
    "a space in a posting": lambda leaf: leaf.replace(b',"payer":', b', "payer":', 1),
    "members of a posting turned": lambda leaf: leaf.replace(
        b'"fund":"A","payer":"platform', b'"payer":"platform'
    ).replace(
        b'","scheme":"XX-POOL","unit":"IDR","version"', b'","fund":"A","scheme":"XX-POOL","unit":"IDR","version"', 1
    ),
    "another mark between postings": lambda leaf: leaf.replace(b'},{"amount"', b'};{"amount"', 1),
    "exponent": lambda leaf: leaf.replace(b'"journal":0', b'"journal":0e0'),
    "a payer that is nothing but the placeholder": lambda leaf: leaf.replace(b'"payer":"worker:W-', b"]W-", 1),
    "the placeholder": own,
    "a name twice": lambda leaf: leaf.replace(b'"salt":', b'"salt":"' + b"0" * 32 + b'","salt":'),
    "escaped": lambda leaf: leaf.replace(b"gojek", b"go\\u006aek"),
    "cut": lambda leaf: leaf[:-1],
    "nothing": lambda leaf: b"",
    "a comma behind the last posting": lambda leaf: leaf.replace(b'}],"engine"', b'},],"engine"'),
    "two lists": lambda leaf: leaf.replace(b'},{"amount"', b'}],[{"amount"', 1),
}


def plain_places(rows: list[Row]) -> list[int]:
    """Places of plain entries with postings, not the first of their platform."""
    return [n for n, row in enumerate(rows) if MATCH(row[0]) and b'"contributions":[{' in row[0]][4:]


@pytest.mark.parametrize("name", [*EDITS, *SPELLINGS])
@pytest.mark.parametrize("columns", [True, False])
def test_a_changed_entry_is_found_the_same_both_ways(name: str, columns: bool) -> None:
    rows = list(made())
    chance = random.Random(name)
    for place in chance.sample(plain_places(rows), 3):
        leaf = rows[place][0]
        if name in EDITS:
            content = msgspec.json.decode(leaf)
            EDITS[name](content)
            leaf = encode(content)
        else:
            leaf = SPELLINGS[name](leaf)
        changed = [*rows[:place], (leaf, *rows[place][1:]), *rows[place + 1 :]]
        both(changed, columns=columns)
        both(changed, columns=columns, secret=SECRET)


@given(st.integers(0, 10**9), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_any_changed_bytes_are_found_the_same_both_ways(seed: int, changes: int) -> None:
    chance = random.Random(seed)
    rows = list(made())
    for _ in range(changes):
        place = chance.randrange(len(rows))
        leaf = bytearray(rows[place][0])
        leaf[chance.randrange(len(leaf))] = chance.choice([*b'0"}],{:\\ \0', chance.randrange(256)])
        rows[place] = (bytes(leaf), *rows[place][1:])
    both(rows, columns=chance.random() < 0.5, secret=SECRET if chance.random() < 0.3 else None)


def test_what_one_worker_is_called_is_no_fund_of_another() -> None:
    """Postings are known without the worker's name: it must stand in them as the payer alone."""
    rows = list(made())
    contents = [msgspec.json.decode(leaf) for leaf, *_ in rows]
    one, *others = plain_places(rows)[8:]
    other = next(n for n in others if rows[n][2] != rows[one][2] and topic_of(rows[n][0]) == topic_of(rows[one][0]))
    called = contents[one]["event"]["subject"]
    posting = contents[one]["contributions"][0]
    for place in (one, other):
        own = contents[place]["event"]["subject"]
        contents[place]["contributions"] = [posting | {"fund": own, "payer": f"worker:{own}"}]
        before = next(contents[n]["balances"] for n in reversed(range(place)) if rows[n][2] == rows[place][2])
        gained = before[0] | {"accrued": posting["amount"], "fund": called, "scheme": posting["scheme"]}
        contents[place]["balances"] = sorted([*before, gained], key=lambda row: (row["scheme"], row["fund"]))
        rows[place] = (encode(contents[place]), *rows[place][1:])
    found = {f.index: f.detail for f in both(rows)}
    assert one not in found
    assert f"balance of {posting['scheme']}/{called}" in found[other]


@pytest.mark.parametrize("column", [1, 2, 3, 4])
@pytest.mark.parametrize("to", [None, b"\1" * 16])
def test_a_changed_column_is_found_the_same_both_ways(column: int, to: bytes | None) -> None:
    rows = list(made())
    place = plain_places(rows)[7]
    row: list[Any] = list(rows[place])
    row[column] = str(to) if column == 1 else to
    rows[place] = tuple(row)  # type: ignore[assignment]
    changed = to is not None or column != 4
    assert any(f.index == place for f in both(rows)) == changed


@pytest.mark.parametrize(
    "moved", [lambda r, n: r.pop(n), lambda r, n: r.insert(n, r[n]), lambda r, n: r.insert(n, r.pop(n + 1))]
)
def test_entries_moved_are_found_the_same_both_ways(moved: Callable[[list[Row], int], Any]) -> None:
    for at_once in (1, 7, 100):
        rows = list(made())
        moved(rows, plain_places(rows)[5])
        assert both(rows, at_once=at_once)


def test_a_platform_that_signs_from_now_on_is_heard_no_more() -> None:
    rows = list(made())
    place = [n for n, row in enumerate(rows) if row[1] == Kind.PLATFORM][-1]
    content = msgspec.json.decode(rows[place][0])
    signer = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    content["event"]["data"] |= {"signed_only": True, "signing_key": base64.b64encode(signer).decode()}
    rows[place] = (encode(content), *rows[place][1:])
    unsigned = [f.index for f in both(rows) if "platform signature: expected one" in f.detail]
    gojek = b'"source":"urn:iuran:platform:gojek"'
    assert unsigned == [n for n, row in enumerate(rows) if n > place and row[1] == Kind.ACCRUAL and gojek in row[0]]


@pytest.mark.parametrize(("newest", "found"), [(2**53 - 1, 0), (2**53, 1)])
def test_balances_stay_within_the_range_of_exact_numbers(newest: int, found: int) -> None:
    """A worker who had much before: what the newest gig brings takes a balance to the limit, or beyond."""
    rows = list(made())
    of_worker = [n for n, row in enumerate(rows) if row[2] == b"W-00" and b'"balances":[{' in row[0]]
    stated = [msgspec.json.decode(rows[n][0]) for n in of_worker]
    had = newest - stated[-1]["balances"][0]["accrued"]
    for n, content in zip(of_worker, stated, strict=True):
        set_in("balances", 0, "accrued", to=lambda accrued: accrued + had)(content)
        rows[n] = (encode(content), *rows[n][1:])
    first = stated[0]["balances"][0]

    def begin(check: JournalCheck) -> None:
        fund = check._balances.fund(BalanceRow(**first | {"accrued": had}))
        check._balances.totals("W-00").set(check._balances.listings, {fund: had})

    assert MATCH(rows[of_worker[-1]][0])
    findings = [f for f in both(rows, begin=begin) if f.index != 0]
    assert [f.law for f in findings] == ["L10"] * found


@given(st.lists(st.integers(-(2**53) - 1, 2**53 + 1), max_size=3))
def test_amounts_are_exact_below_2_to_the_53rd(amounts: list[int]) -> None:
    assert is_exact(amounts) == all(abs(amount) < 2**53 for amount in amounts)


@given(st.lists(st.integers(-(2**53), 2**53), max_size=4))
def test_balances_of_few_bytes_have_small_amounts(amounts: list[int]) -> None:
    listing = Listing(tuple(Fund(("S%d", f"F{n}", "IDR")) for n in range(len(amounts))))
    rows = [BalanceRow(accrued=a, fund=f"F{n}", scheme="S%d", unit="IDR") for n, a in enumerate(amounts)]
    written = listing.form % (*amounts,)
    assert written == entries.encode(rows)[1:-1]
    assert len(written) > listing.narrow or all(-(10**14) < amount < 10**15 for amount in amounts)


def test_strangers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "POSTED_MAX", 2)
    monkeypatch.setattr(plain, "TAILS_MAX", 2)
    monkeypatch.setattr(plain, "VOICES_MAX", 1)
    assert not [f for f in both(list(made())) if f.index != 0]


WORDS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=9)
NUMBERS = st.integers(0, 2**53 - 1)
QUANTITIES = st.one_of(NUMBERS, WORDS)
COMPONENTS = st.fixed_dictionaries({"amount": WORDS, "kind": WORDS}, optional={"purpose": WORDS})
DECLARED = st.fixed_dictionaries({"amount": WORDS, "fund": WORDS, "scheme": WORDS})
SEGMENTS = st.fixed_dictionaries({"zone": WORDS}, optional={"distance_m": QUANTITIES, "engaged_seconds": QUANTITIES})
GIGS = st.fixed_dictionaries(
    {"components": st.lists(COMPONENTS, min_size=1, max_size=3), "currency": WORDS, "service": WORDS},
    optional={
        **dict.fromkeys(("accepted_at", "commission", "payment_due_on", "rate", "rate_date", "vehicle", "zone"), WORDS),
        "declared": st.lists(DECLARED, max_size=2),
        "distance_m": QUANTITIES,
        "engaged_seconds": QUANTITIES,
        "segments": st.lists(SEGMENTS, max_size=2),
    },
)


@given(GIGS)
@settings(max_examples=150, deadline=None)
def test_whatever_a_gig_may_say_the_grammar_can_read(data: dict[str, Any]) -> None:
    rows = list(made())
    content = msgspec.json.decode(rows[plain_places(rows)[0]][0])
    set_in("event", "data", to=data)(content)
    leaf = encode(content)
    entries.decode(leaf)
    told = json.dumps(data)
    numbers = [n for d in (data, *data.get("segments", ())) for n in d.values() if isinstance(n, int)]
    assert (MATCH(leaf) is not None) == ("\\" not in told and max(numbers, default=0) < 10**15)


@given(st.binary(max_size=3), st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_what_the_grammar_reads_is_canonical_but_for_what_it_leaves_to_others(junk: bytes, seed: int) -> None:
    rows = list(made())
    chance = random.Random(seed)
    leaf = rows[chance.choice(plain_places(rows))][0]
    at = chance.randrange(len(leaf))
    leaf = leaf[:at] + junk + leaf[at + chance.randrange(3) :]
    found = MATCH(leaf)
    if found is not None and grammar.unhexed(found[grammar.SHA256 + 1] + found[grammar.SALT + 1]) is not None:
        given_out = leaf.replace(found[grammar.BALANCES + 1], b"").replace(found[grammar.CONTRIBUTIONS + 1], b"")
        entry = entries.decode(given_out)
        assert (entry.kind, entry.journal, entry.cause.part) == (Kind.ACCRUAL, 0, (1, 1))
        assert msgspec.json.decode(bytes(entry.event.data), type=GigCompleted)  # type: ignore[union-attr]


def test_the_grammar_of_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a struct"):
        grammar._struct(int)
    with pytest.raises(TypeError, match="expected a text"):
        grammar._value(msgspec.inspect.type_info(dict[str, str]))
