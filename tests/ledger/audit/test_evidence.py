"""The view is frozen, bounded in memory, read with no right to write, and the same however many processes read it."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
import pytest

from contracts.entry import LEAF_BYTES_MAX
from ledger.audit import verify
from ledger.audit.parallel import cores_for, each
from ledger.audit.recomputing import recompute
from ledger.audit.sources import evidence
from ledger.errors import LedgerError, StoreUnavailable, Unfit
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.tampering import Attacker, copied, drop
from tests.support.ledgers import new_database


def indexes(rows: evidence.JournalRows) -> list[int]:
    return [index for several in rows.rows() for index in range(several.start, several.end)]


def test_a_view_gives_what_is_stored_in_order(honest: Honest) -> None:
    with evidence.frozen(honest.ledger.url) as stored:
        assert [h.head.journal for h in stored.heads] == [0, 1]
        assert (stored.journals, stored.topic_prefix) == (2, honest.ledger.settings.topic_prefix)
        assert stored.strangers == ()
        for head in stored.heads:
            with evidence.journal(stored.view, head.head.journal) as rows:
                leaves = [leaf for several in rows.rows() for leaf in several.leaves]
                assert leaves == honest.ledger.leaves(head.head.journal)
                assert indexes(rows) == list(range(head.head.size))
                sizes = [size for size, _ in rows.checkpoints()]
                assert sizes == sorted(sizes)
                assert sizes[-1] == head.head.size
                refused = list(rows.refused())
                assert len(refused) == rows.refused_count() > 0
                assert [r.index for r in refused] == sorted(r.index for r in refused)
                assert set(rows.positions()) == {msgspec.json.decode(leaf)["cause"]["topic"] for leaf in leaves}
        assert stored.entries() == sum(h.head.size for h in stored.heads)
        assert stored.entries([1]) == stored.heads[1].head.size


def test_what_is_written_meanwhile_does_not_show(honest: Honest, servers: Any) -> None:
    with copied(servers, honest.ledger.url) as url, evidence.frozen(url) as stored:
        size = stored.heads[0].head.size
        with psycopg.connect(url, autocommit=True) as connection:
            attacker = Attacker(connection, 0)
            attacker.do("DELETE FROM checkpoints WHERE journal = JOURNAL")
            attacker.do('DELETE FROM entries WHERE journal = JOURNAL AND "index" > 2')
            attacker.do("UPDATE heads SET size = 3 WHERE journal = JOURNAL")
        with evidence.journal(stored.view, 0) as rows:
            assert indexes(rows) == list(range(size))
        assert verify.verify(stored, None, lambda _: None).holds
        with evidence.frozen(url) as later:
            assert later.heads[0].head.size == 3


def test_no_leaf_takes_more_memory_than_an_entry_may(honest: Honest, servers: Any) -> None:
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            Attacker(connection, 0).set_leaf(4, b"x" * 3_000_000)
        with evidence.frozen(url) as stored, evidence.journal(stored.view, 0) as rows:
            assert max(len(leaf) for several in rows.rows() for leaf in several.leaves) == LEAF_BYTES_MAX + 1


def test_an_audit_has_no_right_to_write(honest: Honest) -> None:
    with (
        evidence.frozen(honest.ledger.url) as stored,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        evidence.journal(stored.view, 0) as rows,
    ):
        rows._connection.execute("DELETE FROM standings")


def test_a_worker_is_given_from_its_first_entry_up_to_an_index(honest: Honest) -> None:
    with evidence.frozen(honest.ledger.url) as stored, evidence.journal(stored.view, 0) as rows:
        stored = [
            (rows_.start + n, leaf, name)
            for rows_ in rows.rows()
            if rows_.columns is not None
            for n, (leaf, name) in enumerate(zip(rows_.leaves, rows_.columns.workers, strict=True))
        ]
        worker = next(name for _, _, name in stored if name is not None)
        every = [(index, leaf) for index, leaf, name in stored if name == worker]
        assert list(rows.earlier(worker.decode(), every[2][0])) == every[:2]
        assert list(rows.earlier("W-nobody", 1 << 40)) == []


def test_two_processes_find_what_one_finds(honest: Honest, servers: Any) -> None:
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for journal in (0, 1):
                attacker = Attacker(connection, journal)
                attacker.set_leaf(attacker.of_kind("accrual")[3], b"{}")
        with evidence.frozen(url) as stored:
            counted: list[int] = []
            alone = verify.verify(stored, None, lambda _: None)
            both = verify.verify(stored, None, counted.append, cores=2)
            assert both.findings == alone.findings
            assert both.warnings == alone.warnings
            assert [w.root for w in both.journals] == [w.root for w in alone.journals]
            assert sum(counted) == alone.entries == stored.entries()
            assert recompute.recompute(stored, lambda _: None, cores=2) == recompute.recompute(stored, lambda _: None)


def _dies(number: int, _: Any) -> int:
    import os

    os._exit(number)


def test_a_process_that_was_killed_is_told() -> None:
    with pytest.raises(LedgerError, match="got one killed"):
        each(_dies, [3, 4], lambda _: None, cores=2)


def test_small_ledgers_are_not_worth_a_process() -> None:
    assert cores_for(5000, 8) == 1
    assert cores_for(10**9, 1) == 1


def test_no_ledger_and_no_database_are_told(servers: Any) -> None:
    url = new_database(servers, "audit_of_nothing")
    try:
        with pytest.raises(Unfit, match="expected a ledger, got none"), evidence.frozen(url):
            pass
    finally:
        with psycopg.connect(servers.database_url, autocommit=True) as connection:
            drop(connection, "audit_of_nothing")
    with pytest.raises(StoreUnavailable), evidence.frozen("postgresql://nobody@127.0.0.1:1/none"):
        pass
