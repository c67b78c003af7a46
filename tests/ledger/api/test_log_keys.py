"""The verifier keys that the API hands out once one was stolen and revoked: they prove no receipt of the thief."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from contracts import events
from contracts.codec import Record
from deploy.embedded.stack import Servers
from ledger.audit.receipts import parse_keys, prove
from ledger.log import keys
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.merkle import leaf_hash
from ledger.log.receipt import Receipt, ReceiptError
from ledger.store.readers import Readers
from ledger.store.receipts import make_receipt
from tests.ledger.api.test_log_witnesses import get
from tests.support.databases import NAME, Bare, bare_ledger, make_keys
from tests.support.faults import Desks
from tests.support.strategies import Feed

pytestmark = pytest.mark.stack

ORIGIN = f"{NAME}/log/0"


def act(feed: Feed, change: str, vkeys: list[str], **trusted: object) -> Record:
    data = events.KeyChanged(change=change, journal=0, vkeys=tuple(vkeys), **trusted)  # type: ignore[arg-type]
    return feed.act(events.KEY_CHANGED, f"key/{change}", NAME, data)


@pytest.fixture
def ledger(servers: Servers) -> Iterator[Bare]:
    """One journal: opened, a gig, keys added beside the first ones, the first Ed25519 key revoked, another gig."""
    heirs = keys.generate(ORIGIN), keys.generate(ORIGIN, keys.MLDSA44)
    with bare_ledger(servers, own=make_keys(1)._replace(later=heirs)) as made:
        feed, stolen = Feed(), made.keys.pairs[0][0]
        records = [
            made.opening(feed),
            feed.gig("A"),
            act(feed, "added", [heir.vkey() for heir in heirs]),
            act(feed, "revoked", [stolen.vkey()], trusted_size=2, trusted_root="ab" * 32),
            feed.gig("B"),
        ]
        Desks(made, records).settle(records)
        yield made


def test_a_revoked_key_is_not_handed_out_to_who_checks_a_receipt(ledger: Bare) -> None:
    (stolen, second), heirs = ledger.keys.pairs[0], ledger.keys.later
    offered, whole = get(ledger, "/log/0/vkey", "/log/0/vkey?revoked=true")
    assert offered.text.splitlines() == [heirs[0].vkey(), heirs[1].vkey(), second.vkey()]
    assert whole.text.splitlines() == [*offered.text.splitlines(), stolen.vkey()]

    async def newest() -> tuple[bytes, bytes]:
        readers = Readers(ledger.url)
        await readers.open()
        try:
            (leaf, cited) = await readers.entry(0, 4), await readers.cited(0, 4)
            assert leaf is not None
            return leaf, (await make_receipt(readers, 0, 4, leaf, cited.note)).format()
        finally:
            await readers.close()

    leaf, honest = asyncio.run(newest())
    assert prove(leaf, honest, parse_keys(offered.text)).size == 5
    raised = leaf.replace(b'"index":4', b'"index":0')
    thiefs = sign_checkpoint(Checkpoint(ORIGIN, 1, leaf_hash(raised)), [stolen])
    forged = Receipt(0, (), thiefs).format()
    assert prove(raised, forged, parse_keys(whole.text)).index == 0, "what who has only the old key is shown"
    with pytest.raises(ReceiptError, match="expected one of a known key"):
        prove(raised, forged, parse_keys(offered.text))
