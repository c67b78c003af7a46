"""Acts about a journal's own keys: entries like others, taken in by whoever decides or reads, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import events
from contracts.codec import Record
from ledger.log import keys
from ledger.log.keys import MLDSA44
from streams import pipeline
from tests.support.replica import Replica
from tests.support.strategies import CUTS, FEWER, Feed, cut, gates

LEDGER = "test.localhost"
ED = [keys.generate(f"{LEDGER}/log/0").vkey() for _ in range(3)]
ML = [keys.generate(f"{LEDGER}/log/0", MLDSA44).vkey() for _ in range(3)]
ROOT = "ab" * 32


def opened(feed: Feed) -> Record:
    return feed.opened(LEDGER, [ED[0]], (ED[0], ML[0]))


def changed(feed: Feed, change: str, *vkeys: str, **more: Any) -> Record:
    data = events.KeyChanged(change=change, journal=feed.journal, vkeys=vkeys, **more)  # type: ignore[arg-type]
    return feed.act(events.KEY_CHANGED, f"key/{feed.next.get('iuran.control', 0)}", LEDGER, data)


def rotation(feed: Feed) -> list[Record]:
    return [
        opened(feed),
        feed.gig("G-1"),
        changed(feed, "added", ED[1], ML[1]),
        feed.gig("G-2"),
        changed(feed, "retired", ED[0], ML[0]),
        feed.gig("G-3"),
        changed(feed, "revoked", ED[0], trusted_size=2, trusted_root=ROOT),
    ]


def test_keys_change_by_entries_of_their_own_kind() -> None:
    replica = Replica().settle(rotation(Feed()))
    assert [entry.kind for entry in replica.entries()] == [
        "ledger", "accrual", "key", "accrual", "key", "accrual", "key",
    ]  # fmt: skip
    ring = replica.acts().ring
    assert ring.listed() == (ED[1], ML[1], ED[0], ML[0])
    sizes = {size: [verifier.vkey() for verifier in ring.signing(size)] for size in (1, 3, 4, 5, 6)}
    both = [ED[1], ML[1], ED[0], ML[0]]
    assert sizes == {1: [ED[0], ML[0]], 3: [ED[0], ML[0]], 4: both, 5: both, 6: [ED[1], ML[1]]}


def test_an_act_about_keys_stands_alone_in_its_commit() -> None:
    """So the checkpoint that covers it is the last under the keys from before."""
    records = rotation(Feed())
    decoded = pipeline.decode_all(records, gates(), 0)
    ends = []
    while decoded:
        end = pipeline.batch_end(decoded)
        ends.append([record.topic for record, _, _ in decoded[:end]])
        decoded = decoded[end:]
    assert all(len(topics) == 1 for topics in ends if "iuran.control" in topics)


@FEWER
@given(CUTS, st.lists(st.booleans(), max_size=9))
def test_l4_however_they_are_cut_and_forgotten_the_keys_are_the_same(lengths: list[int], crashes: list[bool]) -> None:
    records = rotation(Feed())
    whole, other = Replica().settle(records), Replica()
    for number, batch in enumerate(cut(records, lengths)):
        if crashes[number : number + 1] == [True]:
            other.forget()
        other.settle(batch)
    assert other.leaves == whole.leaves
    assert other.state is None or other.state.acts.ring == whole.acts().ring


@pytest.mark.parametrize(
    ("change", "vkeys", "more"),
    [
        ("added", (ED[0],), {}),
        ("added", (ED[1][:-1] + ("A" if ED[1][-1] != "A" else "B"),), {}),
        ("retired", (ED[0], ML[0]), {}),
        ("retired", (ED[1],), {}),
        ("revoked", (ED[0],), {"trusted_size": 0, "trusted_root": ROOT}),
        ("revoked", (ED[1],), {"trusted_size": 0, "trusted_root": ROOT}),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(change: str, vkeys: tuple[str, ...], more: Any) -> None:
    feed = Feed()
    replica = Replica().settle([opened(feed), feed.gig("G-1")])
    before = replica.acts().ring
    replica.settle([changed(feed, change, *vkeys, **more), feed.gig("G-2")])
    assert [entry.kind for entry in replica.entries()[2:]] == ["rejection", "accrual"]
    assert replica.told()[2]["rejection"] == {"code": "schema_violation"}
    assert replica.acts().ring == before
    assert replica.state is not None and replica.state.acts.ring == before


def test_a_journal_is_opened_once() -> None:
    feed = Feed()
    replica = Replica().settle([opened(feed)])
    data = events.LedgerOpened(engine="1", journal=0, journals=1, ledger=LEDGER, own=(ED[1], ML[1]), vkeys=(ED[1],))
    replica.settle([feed.act(events.LEDGER_OPENED, "ledger.opened.again", LEDGER, data)])
    assert [entry.kind for entry in replica.entries()] == ["ledger", "rejection"]
    assert replica.acts().ring.listed() == (ED[0], ML[0])
