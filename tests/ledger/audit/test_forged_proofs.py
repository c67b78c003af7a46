"""Forged receipts are refused, and forged requests to a witness, on what a real ledger has stored.

A receipt is shown to all verifiers that are there; each row says in which words ours refuses it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from contracts.entry import decode
from ledger.log import keys as log_keys
from ledger.log import policy
from ledger.log.keys import parse_log_vkey
from ledger.log.receipt import Receipt, ReceiptError
from ledger.log.witness import Request
from ledger.store import keys
from ledger.store.readers import Readers
from ledger.store.receipts import make_receipt
from ledger.witness import memory
from ledger.witness.app import Witness
from ledger.witness.known import KnownLogs
from tests.ledger.audit import conftest
from tests.ledger.audit.forgeries.receipts import RECEIPTS, TIME, WITNESSES, Forged, Given, Honest
from tests.ledger.audit.forgeries.witnesses import WITNESSES as ASKED
from tests.ledger.audit.forgeries.witnesses import Asked
from tests.support import foreign
from tests.support.exports import MadeLog


@pytest.fixture(scope="module")
def logs(honest: conftest.Honest) -> list[MadeLog]:
    """The ledger's logs as they are stored."""
    settings = honest.ledger.settings
    store = keys.of_settings(settings, settings.ledger)
    found = []
    with psycopg.connect(honest.ledger.url) as connection:
        for number in range(settings.journals):
            rows = connection.execute("SELECT size FROM checkpoints WHERE journal = %s ORDER BY size", (number,))
            sizes = [int(size) for (size,) in rows]
            found.append(MadeLog(number, list(store.signers(number)), honest.ledger.leaves(number), sizes))
    return found


@pytest.fixture(scope="module")
def receipts(honest: conftest.Honest, logs: list[MadeLog]) -> Honest:
    """Honest receipts as the API makes them of what is stored."""
    with psycopg.connect(honest.ledger.url) as connection:
        notes = {
            (journal, size): bytes(note)
            for journal, size, note in connection.execute("SELECT journal, size, note FROM checkpoints")
        }

    async def made(journal: int, index: int, size: int) -> Receipt:
        readers = Readers(honest.ledger.url)
        await readers.open()
        try:
            return await make_receipt(readers, journal, index, logs[journal].leaves[index], notes[journal, size])
        finally:
            await readers.close()

    def given(journal: int, index: int, size: int) -> Given:
        vkeys = tuple(signer.vkey() for signer in logs[journal].signers)
        return Given(logs[journal].leaves[index], asyncio.run(made(journal, index, size)), vkeys)

    *_, older, newest = logs[0].sizes
    worker = conftest.WORKERS[0][0]
    own = [
        n for n, leaf in enumerate(logs[0].leaves[:older]) if decode(leaf).kind == "accrual" and worker.encode() in leaf
    ]
    other = next(n for n, leaf in enumerate(logs[1].leaves) if decode(leaf).kind == "accrual")
    return Honest(
        given(0, own[5], newest), given(0, own[6], newest), given(1, other, logs[1].sizes[-1]), given(0, own[5], older)
    )


def refusal(given: Given) -> str | None:
    """Why ours refuses what was handed out; None if it does not."""
    try:
        receipt = Receipt.parse(given.receipt.format())
        receipt.verify(given.leaf, [parse_log_vkey(vkey) for vkey in given.vkeys], given.policy)
    except ReceiptError as error:
        return str(error)
    return None


def foreigners(given: Given, folder: Path) -> dict[str, bool]:
    """Whether the other verifiers take it; JavaScript's knows no policy and no ML-DSA-44."""
    files = [folder / name for name in ("entry", "proof", "vkeys", "policy")]
    vkeys = "".join(f"{line}\n" for line in given.vkeys).encode()
    for path, content in zip(files, (given.leaf, given.receipt.format(), vkeys), strict=False):
        path.write_bytes(content)
    told, asked = {}, ()
    if given.policy is not None:
        files[3].write_bytes(given.policy.format())
        asked = ("-policy", files[3])
    if foreign.missing_go() is None:
        told["go"] = foreign.go("verify-receipt", *asked, *files[:3]).holds
    if foreign.missing_node() is None and given.policy is None:
        told["node"] = foreign.node("receipt", *files[:3]).holds
    return told


def test_honest_receipts_are_taken_by_all(receipts: Honest, tmp_path: Path) -> None:
    for given in (*receipts, receipts.own.cosigned(*WITNESSES)):
        assert refusal(given) is None
        assert set(foreigners(given, tmp_path).values()) <= {True}


@pytest.mark.parametrize("row", RECEIPTS, ids=lambda row: row.what)
def test_a_forged_receipt_is_refused_as_its_row_says(row: Forged, receipts: Honest, tmp_path: Path) -> None:
    given = row.do(receipts)
    said = refusal(given)
    assert said is not None
    assert re.search(row.says, said), said
    told = foreigners(given, tmp_path)
    if "the newer kind's" in row.what:
        told.pop("node", None)
    assert set(told.values()) <= {False}, told


@pytest.fixture
def witness(logs: list[MadeLog], tmp_path: Path) -> Witness:
    """A witness of both journals that has cosigned nothing yet."""
    known = tmp_path / "logs"
    known.write_text("".join(f"log {s.vkey()}\n" for log in logs for s in log.signers) + "quorum none\n")
    own = [log_keys.generate("witness.example/w", log_keys.COSIGNATURE)]
    memory.make(tmp_path / "memory", [own[0].vkey()])
    return Witness(own, memory.Memory(tmp_path / "memory", [own[0].vkey()]), KnownLogs(known), lambda: TIME)


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.what)
def test_a_witness_refuses_to_cosign(row: Asked, logs: list[MadeLog], witness: Witness) -> None:
    log, size = logs[0], logs[0].sizes[-2]
    first = Request(0, (), log.note(size)).format()
    assert witness.add_checkpoint(first).status == 200
    assert witness.add_checkpoint(row.do(log, size, logs[1].signers)).status == row.status
    forks = witness.memory.forks()
    assert [fork[:2] for fork in forks] == ([(log.origin, size)] if row.what.startswith("a fork") else [])
    newest = log.sizes[-1]
    grown = Request(size, tuple(log.growth(size, newest)), log.note(newest)).format()
    assert witness.add_checkpoint(grown).status == 200, "what is honest goes on"


def test_a_policy_of_the_same_key_twice_is_none() -> None:
    vkey = WITNESSES[0].vkey()
    with pytest.raises(policy.PolicyError, match="public key"):
        policy.parse(f"witness a {vkey}\nwitness b {vkey}\ngroup g all a b\nquorum g\n".encode())


def test_the_older_receipt_is_of_the_same_entry(receipts: Honest) -> None:
    assert replace(receipts.older, receipt=receipts.own.receipt) == receipts.own
