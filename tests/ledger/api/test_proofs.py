"""Receipts over the API: a worker's exact bytes and a proof that whoever knows the keys verifies with nothing else."""

from __future__ import annotations

import psycopg
import pytest

from ledger.log.keys import parse_vkey
from ledger.log.receipt import Receipt
from tests.ledger.api.conftest import ALICE

pytestmark = pytest.mark.stack


def test_every_entry_of_a_worker_is_proven_under_each_key_of_its_journal(api):
    journal = api.ledger.journal_of(ALICE)
    vkeys = [parse_vkey(line) for line in api.get(f"/log/{journal}/vkey").text.splitlines()]
    assert len(vkeys) == 2
    for index, leaf in api.leaves_of(ALICE):
        path = f"/v1/entries/{journal}/{index}"
        answer = api.get(f"{path}/proof", "worker", ALICE)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        receipt = Receipt.parse(answer.content)
        assert api.get(path, "worker", ALICE).content == leaf
        for known in ([vkeys[0]], [vkeys[1]], vkeys):
            checkpoint = receipt.verify(leaf, known)
            assert checkpoint.origin == f"iuran.localhost/log/{journal}"
        assert receipt.index == index
        assert receipt.checkpoint == api.get(f"/log/{journal}/checkpoint").content


def test_every_entry_of_every_journal_is_proven_to_an_auditor(api):
    for journal in range(2):
        leaves = api.ledger.leaves(journal)
        vkeys = [parse_vkey(line) for line in api.get(f"/log/{journal}/vkey").text.splitlines()]
        for index in {0, 1, 2, len(leaves) // 2, len(leaves) - 2, len(leaves) - 1}:
            proof = api.get(f"/v1/entries/{journal}/{index}/proof", "auditor", "a").content
            assert Receipt.parse(proof).verify(leaves[index], vkeys).size == len(leaves)


def test_a_proof_is_asked_for_again_and_is_the_same_until_the_checkpoint_is_another(api):
    journal, index, _ = api.entry_of(ALICE)
    answer = api.get(f"/v1/entries/{journal}/{index}/proof", "worker", ALICE)
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Authorization"
    tag = {"If-None-Match": answer.headers["etag"]}
    assert api.get(f"/v1/entries/{journal}/{index}/proof", "worker", ALICE, headers=tag).status_code == 304


@pytest.mark.parametrize("what", ["its own leaf", "another entry beside it"])
def test_what_is_not_as_it_was_signed_gets_no_proof(api, what):
    """Changed in the database, past the triggers: a false receipt would be the operator's word against itself."""
    journal, index, _ = api.entry_of(ALICE)
    changed = index if what == "its own leaf" else index ^ 1
    old = api.ledger.leaves(journal)[changed]
    with psycopg.connect(api.ledger.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE entries DISABLE TRIGGER append_only")
        change = 'UPDATE entries SET leaf = %s WHERE journal = %s AND "index" = %s'
        connection.execute(change, (old.replace(b'"salt":"', b'"salt":"0'), journal, changed))
        try:
            answer = api.get(f"/v1/entries/{journal}/{index}/proof", "auditor", "a")
        finally:
            connection.execute(change, (old, journal, changed))
            connection.execute("ALTER TABLE entries ENABLE TRIGGER append_only")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:iuran:problem:internal")
    assert api.get(f"/v1/entries/{journal}/{index}/proof", "auditor", "a").status_code == 200
