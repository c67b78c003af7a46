"""Recomputing's short way is its long way, only shorter: whatever is done to entries, both find and count the same.

Journals come out of the stream's own pipeline, are changed in any way, and are recomputed twice; also with accounts
that are let go and folded again, and with and without the column of event keys and the journal's secret.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.entry import BalanceRow, EntryError, decode, encode
from ledger.audit import grammar
from ledger.audit.findings import Finding
from ledger.audit.recomputing import plain_gigs
from ledger.audit.recomputing.journal import NO_COLUMN, Recomputing
from ledger.audit.recomputing.recurring import RecurringPostings
from tests.ledger.audit.tampering import encode as written
from tests.ledger.audit.tampering import set_in
from tests.ledger.audit.test_plain import EDITS, SPELLINGS, made, plain_places
from tests.ledger.audit.test_recompute import corrected
from tests.support.replica import SECRET

Row = tuple[bytes, bytes | None, str | None]
"""Leaf, event key, worker."""


def journal() -> list[Row]:
    return [(leaf, key, None if worker is None else worker.decode()) for leaf, _, worker, key, _ in made()]


def walked(
    rows: Sequence[Row], *, short: bool, columns: bool = True, secret: bytes | None = SECRET, accounts_max: int = 100
) -> tuple[list[Finding], Any, int]:
    """The findings; what was counted and what accounts came to; how many entries went the short way."""

    def earlier(worker: str, before: int) -> Iterator[tuple[int, bytes]]:
        return ((i, leaf) for i, (leaf, _, whose) in enumerate(rows[:before]) if whose == worker)

    recomputing = Recomputing(0, earlier, secret, accounts_max)
    took, taken = recomputing._took, 0

    def counted(*arguments: Any) -> bool:
        nonlocal taken
        done = took(*arguments)
        taken += done
        return done

    recomputing._took = counted  # type: ignore[method-assign]
    if not short:
        recomputing._plain.read = lambda index, column, leaf: None  # type: ignore[method-assign]
    for index, (leaf, key, _) in enumerate(rows):
        recomputing.entry(index, key if columns else NO_COLUMN, leaf)
    recomputing.finish()
    accounts = {worker: (own.balances, own.others) for worker, own in recomputing._accounts.items()}
    counts = (recomputing.entries, recomputing.accruals, recomputing._workers)
    return recomputing.findings.ordered(), (accounts, counts), taken


def both(rows: Sequence[Row], **more: Any) -> list[Finding]:
    """What both ways find, which is the same."""
    short, long = walked(rows, short=True, **more), walked(rows, short=False, **more)
    assert short[:2] == long[:2]
    assert long[2] == 0
    return short[0]


def test_an_honest_journal_goes_the_short_way() -> None:
    rows = journal()
    plain_ones = [n for n, (leaf, _, _) in enumerate(rows) if grammar.plain_entry(0).fullmatch(leaf)]
    for more in ({}, {"columns": False}, {"secret": None}, {"accounts_max": 1}):
        assert both(rows, **more) == []
        assert walked(rows, short=True, **more)[2] == len(plain_ones) >= 35
    told = [(leaf, key, worker) for _, key, leaf, worker in corrected()]
    assert both(told) == both(told, accounts_max=1) == []


@pytest.mark.parametrize("name", [*EDITS, *SPELLINGS])
def test_a_forged_entry_is_found_the_same_both_ways(name: str) -> None:
    honest = journal()
    chance = random.Random(name)
    places = [n for n in plain_places(list(made())) if honest[n][2] is not None]
    rows = list(honest)
    for place in chance.sample(places, 2):
        leaf, key, worker = rows[place]
        if name in EDITS:
            content = msgspec.json.decode(leaf)
            EDITS[name](content)
            leaf = written(content)
        else:
            leaf = SPELLINGS[name](leaf)
        rows[place] = (leaf, key, worker)
    found = both(rows)
    assert both(rows, columns=False, secret=None, accounts_max=1) is not None
    if name in ("amount", "balance", "payer", "fund", "window", "salt", "contributions gone", "both at the limit"):
        assert found


@given(st.integers(0, 10**9), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_any_changed_bytes_are_found_the_same_both_ways(seed: int, changes: int) -> None:
    chance = random.Random(seed)
    rows = journal()
    for _ in range(changes):
        place = chance.randrange(len(rows))
        leaf, key, worker = rows[place]
        spoilt = bytearray(leaf)
        spoilt[chance.randrange(len(spoilt))] = chance.choice([*b'0"}],{:\\ \0', chance.randrange(256)])
        rows[place] = (bytes(spoilt), key, worker)
    both(rows, columns=chance.random() < 0.5, secret=SECRET if chance.random() < 0.5 else None)


def test_a_source_that_no_platform_may_have_is_found_the_same_both_ways() -> None:
    rows = journal()
    place = plain_places(list(made()))[5]
    for source in ("urn:iuran:platform:gOjek", "urn:iuran:platform:", "urn:iuran:operator", ""):
        content = msgspec.json.decode(rows[place][0])
        set_in("cause", "source", to=source)(content)
        assert both([*rows[:place], (written(content), *rows[place][1:]), *rows[place + 1 :]])


def test_a_platform_that_need_not_be_written_is_found_the_same_both_ways() -> None:
    rows = journal()
    place = plain_places(list(made()))[6]
    content = msgspec.json.decode(rows[place][0])
    assert content["cause"]["source"] == "urn:iuran:platform:gojek"
    set_in("contributions", 0, "platform", to="gojek")(content)
    assert both([*rows[:place], (written(content), *rows[place][1:]), *rows[place + 1 :]])


def test_a_changed_column_is_found_the_same_both_ways() -> None:
    rows = journal()
    place = plain_places(list(made()))[7]
    for key in (None, b"\1" * 16):
        changed = [*rows[:place], (rows[place][0], key, rows[place][2]), *rows[place + 1 :]]
        assert [(f.law, f.index) for f in both(changed)] == [("L3", place)]


def test_strangers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_gigs, "VOICES_MAX", 1)
    assert both(journal()) == []


WORDS = st.one_of(st.just("worker:W-1"), st.text(max_size=5))
NUMBERS = st.one_of(st.integers(-3, 3), st.integers(-(10**16), 10**16))
OTHERS = dict.fromkeys(("credit", "drawn", "remitted", "returned", "withheld"), NUMBERS)
BALANCES = st.fixed_dictionaries(
    {"accrued": NUMBERS, "fund": WORDS, "scheme": WORDS, "unit": WORDS}, optional={**OTHERS, "more": WORDS}
)
POSTINGS = st.fixed_dictionaries(
    {"amount": NUMBERS, **dict.fromkeys(("fund", "payer", "scheme", "unit", "version", "window"), WORDS)},
    optional={"platform": WORDS, "state": st.sampled_from(("credit", "withheld", "accrued", ""))},
)


@given(st.lists(BALANCES, max_size=2), st.lists(POSTINGS, max_size=2))
@settings(max_examples=150, deadline=None)
def test_rows_that_the_short_way_reads_can_be_decoded(
    balances: list[dict[str, Any]], postings: list[dict[str, Any]]
) -> None:
    content = msgspec.json.decode(journal()[plain_places(list(made()))[0]][0])
    set_in("balances", to=balances)(content)
    set_in("contributions", to=postings)(content)
    leaf = written(content)
    reads = (
        grammar.rows(BalanceRow).fullmatch(written(balances)[1:-1]) is not None
        and RecurringPostings().written("gojek", b"W-1", written(postings)[1:-1]) is not None
    )
    try:
        assert encode(decode(leaf)) == leaf
    except EntryError:
        assert not reads
