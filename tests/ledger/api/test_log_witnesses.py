"""A journal and its witnesses as the API shows them: the checkpoint with its cosignatures, and who signed how far."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from deploy.embedded.stack import Servers
from ledger.api.app import create_app
from ledger.log import keys, note
from ledger.log.receipt import Receipt
from ledger.store.cosignatures import Book
from ledger.store.readers import Readers
from ledger.store.receipts import make_receipt
from ledger.store.startup import check_ledger
from tests.support.databases import Bare, bare_ledger
from tests.support.faults import Desks
from tests.support.strategies import GIGWISE, POOL, Feed

pytestmark = pytest.mark.stack

W = [keys.generate("witness.example/w1", algorithm) for algorithm in (keys.COSIGNATURE, keys.MLDSA44)]
VKEYS = [key.vkey() for key in W]


@pytest.fixture
def ledger(servers: Servers) -> Iterator[Bare]:
    """Two journals; the first was published at sizes 1 and 3, the second never."""
    with bare_ledger(servers, journals=2) as made:
        feed = Feed()
        records = [made.opening(feed), feed.enacted(POOL[0]), feed.enacted(GIGWISE)]
        Desks(made, records).settle(records[:1], records[1:])
        yield made


def get(ledger: Bare, *paths: str) -> list[httpx.Response]:
    facts, _ = check_ledger(ledger.url)

    async def ask(app: FastAPI) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://iuran.localhost") as client,
        ):
            return [await client.get(path) for path in paths]

    return asyncio.run(ask(create_app(Readers(ledger.url), None, facts)))  # type: ignore[arg-type]


def cosign(ledger: Bare, size: int, at: int) -> None:
    text = note.parse(bytes(ledger.rows("SELECT note FROM checkpoints WHERE size = %s", size)[0][0])).text
    lines = note.parse(note.sign(text, [key.at(at) for key in W])).signatures

    async def keep() -> None:
        book = Book(ledger.url)
        numbers = await book.register(VKEYS)
        await book.keep(0, size, {numbers[vkey]: line for vkey, line in zip(VKEYS, lines, strict=True)})
        await book.reached(0, size)
        await book.close()

    asyncio.run(keep())


def test_without_witnesses_the_newest_checkpoint_is_shown_as_it_was_signed(ledger: Bare) -> None:
    checkpoint, states, empty, unknown = get(
        ledger, "/log/0/checkpoint", "/log/0/witnesses", "/log/1/witnesses", "/log/2/witnesses"
    )
    assert checkpoint.content == bytes(ledger.rows("SELECT note FROM checkpoints WHERE size = 3")[0][0])
    assert states.json() == {"journal": 0, "quorum_size": None, "witnesses": []}
    assert empty.status_code == unknown.status_code == 404


def test_the_newest_checkpoint_with_a_quorum_is_shown_with_its_cosignatures(ledger: Bare) -> None:
    cosign(ledger, 1, 1772352931)
    checkpoint, states = get(ledger, "/log/0/checkpoint", "/log/0/witnesses")
    log_keys = [signer.verifier for signer in ledger.keys.signers(0)]
    opened = note.open(checkpoint.content, [*log_keys, *(key.verifier for key in W)])
    assert (opened.text.split("\n")[1], len(opened.signatures)) == ("1", 4)
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == states.headers["cache-control"] == "public, max-age=2"
    state = {"size": 1, "signed_at": "2026-03-01T08:15:31Z"}
    assert states.json() == {
        "journal": 0,
        "quorum_size": 1,
        "witnesses": [{"vkey": vkey} | state for vkey in VKEYS],
    }


def test_an_entry_is_proven_under_the_cosigned_checkpoint_if_that_covers_it_else_under_the_newest(ledger: Bare) -> None:
    cosign(ledger, 1, 1772352931)
    log_keys = [signer.verifier for signer in ledger.keys.signers(0)]

    async def proven() -> list[tuple[int, int]]:
        readers = Readers(ledger.url, connections_max=1)
        await readers.open()
        found = []
        for index, leaf in enumerate(ledger.leaves(0)):
            receipt = await make_receipt(readers, 0, index, leaf, (await readers.cited(0, index)).note)
            checkpoint = Receipt.parse(receipt.format()).verify(leaf, log_keys)
            found.append((checkpoint.size, len(note.parse(receipt.checkpoint).signatures)))
        await readers.close()
        return found

    assert asyncio.run(proven()) == [(1, 4), (3, 2), (3, 2)]


def test_a_witness_whose_clock_is_beyond_the_calendar_is_shown_at_its_end(ledger: Bare) -> None:
    cosign(ledger, 3, 2**63 - 1)
    (states,) = get(ledger, "/log/0/witnesses")
    assert {w["signed_at"] for w in states.json()["witnesses"]} == {"9999-12-31T23:59:59Z"}
