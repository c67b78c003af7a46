"""A desk whose journal changes its keys while it works: who signs which checkpoint, and every crash on the way (L6)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from contracts import events
from contracts.codec import Record
from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from ledger.keyring import KeyRing, Trusted
from ledger.log import keys, note
from ledger.log.checkpoint import Checkpoint, claimed, sign_checkpoint
from ledger.log.keys import LogVerifier, MlDsaSigner, Signer
from ledger.log.note import NoteError
from ledger.store import opening
from ledger.store.private_files import KeyFileError
from streams import desk as desks
from tests.support.databases import NAME, Bare, Keys, bare_ledger, make_keys
from tests.support.deep import check_ledger_deeply
from tests.support.faults import Desks, Moment, breaking
from tests.support.replica import Replica
from tests.support.strategies import Feed

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off for no time at all."""
    monkeypatch.setattr(desks, "BACK_OFF_SECONDS", (0.0,))


def later() -> tuple[Signer, MlDsaSigner]:
    name = f"{NAME}/log/0"
    return keys.generate(name), keys.generate(name, keys.MLDSA44)


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with one empty journal, and a second pair of keys at hand."""
    with bare_ledger(servers, own=make_keys(1)._replace(later=later())) as ledger:
        yield ledger


def old(ledger: Bare) -> tuple[str, ...]:
    return tuple(signer.vkey() for signer in ledger.keys.pairs[0])


def new(ledger: Bare) -> tuple[str, ...]:
    return tuple(signer.vkey() for signer in ledger.keys.later)


def changed(feed: Feed, change: str, vkeys: tuple[str, ...], trusted: Trusted | None = None) -> Record:
    more = {} if trusted is None else {"trusted_size": trusted.size, "trusted_root": trusted.root}
    data = events.KeyChanged(change=change, journal=0, vkeys=vkeys, **more)  # type: ignore[arg-type]
    return feed.act(events.KEY_CHANGED, f"key/{feed.next['iuran.control']}", NAME, data)


def rotation(ledger: Bare, feed: Feed) -> list[Record]:
    """Entry 0 to 8: opening, gigs 1-2, added 3, gigs 4-5, retired 6, gigs 7-8."""
    return [
        ledger.opening(feed),
        *(feed.gig(f"A-{n}") for n in range(2)),
        changed(feed, "added", new(ledger)),
        *(feed.gig(f"B-{n}") for n in range(2)),
        changed(feed, "retired", old(ledger)),
        *(feed.gig(f"C-{n}") for n in range(2)),
    ]


def signers_of(stored: bytes, known: list[LogVerifier]) -> set[str]:
    """The keys whose signature a note carries, each asked by itself."""
    found = set()
    for verifier in known:
        try:
            note.open(stored, [verifier])
        except NoteError:
            continue
        found.add(verifier.vkey())
    return found


def signed_by(ledger: Bare) -> dict[int, set[str]]:
    """By size, the keys that signed the stored checkpoint."""
    rows = ledger.rows("SELECT size, note FROM checkpoints ORDER BY size")
    known = [signer.verifier for signer in (*ledger.keys.pairs[0], *ledger.keys.later)]
    return {int(size): signers_of(bytes(stored), known) for size, stored in rows}


def due(ledger: Bare, sizes: list[int]) -> dict[int, set[str]]:
    """Who must have signed: the old keys up to the act that adds, both up to the one that retires, then the new."""
    first, second = set(old(ledger)), set(new(ledger))
    return {size: first if size <= 4 else first | second if size <= 7 else second for size in sizes}


def check(desk: Desks, records: list[Record]) -> None:
    """Everything holds, the leaves are a replica's, and each checkpoint is signed by those who must sign it."""
    ledger = desk.ledger
    check_ledger_deeply(ledger.url, published=desk.outside.last(), secrets=dict(enumerate(ledger.secrets)))
    assert ledger.leaves() == Replica(secret=ledger.secrets[0]).settle(records).leaves
    found = signed_by(ledger)
    assert found == due(ledger, list(found))
    assert {4, 5, 7, 8} & set(found) >= {4, 7}, "an act stands alone, so the checkpoint that covers it is there"
    assert desk.outside.sizes()[-1] == len(ledger.leaves())


def test_a_running_desk_takes_the_new_keys_up_and_lets_the_old_ones_go(bare: Bare) -> None:
    records = rotation(bare, Feed())
    desk = Desks(bare, records)
    desk.settle(records)
    check(desk, records)
    assert bare.rows("SELECT vkey FROM heads") == [("\n".join((*new(bare), *old(bare))),)]
    assert desk.book.outcomes() == {"accrued": len(records)}


def test_one_desk_a_record_and_a_desk_for_each(bare: Bare) -> None:
    records = rotation(bare, Feed())
    desk = Desks(bare, records)
    for record in records:
        desk.settle([record])
    check(desk, records)
    assert set(signed_by(bare)) == set(range(1, 10))


@pytest.mark.parametrize("moment", ["before", "in", "after"])
@pytest.mark.parametrize("number", [3, 4, 6, 7])
def test_a_crash_around_a_change_of_keys_changes_nothing(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, moment: Moment, number: int
) -> None:
    """Transactions: 0 opens, 1 entry 0, 2 gigs, 3 the act that adds, 4 opens anew, 5 gigs, 6 and 7 as 3 and 4."""
    with bare_ledger(servers, own=OWN) as ledger:
        records = rotation(ledger, Feed())
        desk = Desks(ledger, records)
        with breaking(ledger, monkeypatch) as breaks:
            breaks.at = {number: moment}
            desk.settle(records)
            assert breaks.happened == 1
        check(desk, records)
        assert ledger.rows("SELECT vkey FROM heads") == [("\n".join((*new(ledger), *old(ledger))),)]


OWN = make_keys(1)._replace(later=later())


def test_an_act_whose_keys_are_not_at_hand_is_not_entered(bare: Bare) -> None:
    """A journal that entered it could sign nothing any more; with the keys there it goes on."""
    records = rotation(bare, Feed())
    poor = Desks(bare._replace(keys=bare.keys._replace(later=())), records)
    with pytest.raises(KeyFileError):
        poor.settle(records)
    assert len(bare.leaves()) == 3
    rich = Desks(bare, records)
    rich.outside = poor.outside
    rich.office = rich.office._replace(outside=poor.outside)
    rich.settle(records)
    check(rich, records)


def test_a_desk_without_the_new_keys_does_not_open_after_they_were_entered(bare: Bare) -> None:
    records = rotation(bare, Feed())
    Desks(bare, records).settle(records[:5])
    with pytest.raises(Unfit, match=r"another ledger's keys"):
        Desks(bare._replace(keys=bare.keys._replace(later=())), records).settle(records[5:])


def test_a_stranger_who_writes_to_the_database_can_not_vouch_for_its_head(bare: Bare) -> None:
    """Keys that entries name are believed only if they are at hand: the files are the process's root of trust."""
    records = rotation(bare, Feed())
    desk = Desks(bare, records)
    desk.settle(records[:6])
    stranger = make_keys(1).pairs[0]
    head = claimed(desk.outside.last()[0])
    forged = sign_checkpoint(head, list(stranger))
    bare.tamper("checkpoints", f"UPDATE checkpoints SET note = '\\x{forged.hex()}' WHERE size = {head.size}")
    with pytest.raises(Unfit, match="newest checkpoint"):
        desk.settle(records[6:])


@pytest.mark.parametrize(
    ("by", "size", "fits"),
    [("old", 4, True), ("new", 4, False), ("old", 6, True), ("new", 6, True), ("old", 9, False), ("new", 9, True)],
)
def test_what_was_published_must_be_signed_by_a_key_of_its_size(bare: Bare, by: str, size: int, fits: bool) -> None:
    """A verifier with the old or the new key alone accepts the overlap; a retired key alone proves nothing after."""
    records = rotation(bare, Feed())
    desk = Desks(bare, records)
    for record in records:
        desk.settle([record])
    root = claimed(bytes(bare.rows("SELECT note FROM checkpoints WHERE size = %s", size)[0][0])).root
    pair = bare.keys.pairs[0] if by == "old" else bare.keys.later
    desk.outside.notes[0] = [sign_checkpoint(Checkpoint(f"{NAME}/log/0", size, root), list(pair))]
    if fits:
        desk.settle([])
        asyncio.run(_opened(desk))
    else:
        with pytest.raises(Unfit, match="expected the last published checkpoint signed"):
            asyncio.run(_opened(desk))


async def _opened(desk: Desks) -> None:
    async with desk.opened():
        pass


def test_a_revoked_key_alone_vouches_for_nothing_above_the_trusted_size(bare: Bare) -> None:
    feed = Feed()
    records = [*rotation(bare, feed)[:6]]
    desk = Desks(bare, records)
    desk.settle(records)
    root = claimed(bytes(bare.rows("SELECT note FROM checkpoints WHERE size = 3")[0][0])).root
    revoked = changed(feed, "revoked", old(bare), Trusted(3, root.hex()))
    more = [revoked, feed.gig("D-1")]
    desk.feeds.records += more
    desk.settle(more)
    check_ledger_deeply(bare.url, published=desk.outside.last())
    found = signed_by(bare)
    assert found[7] == {*old(bare), *new(bare)} and found[8] == set(new(bare))
    own = bare.keys
    ring = KeyRing().opened(old(bare)).changed("added", new(bare), 3)
    ring = ring.changed("revoked", old(bare), 6, Trusted(3, root.hex()))
    at_hand = own.verifiers(0)
    believed = {size: [v.vkey() for v in opening.believed(ring, size, at_hand)] for size in (3, 4, 6, 7, 8)}
    assert believed == {3: list(old(bare)), 4: [], **{size: list(new(bare)) for size in (6, 7, 8)}}


def test_keys_without_the_named_ones_are_refused_by_the_store_itself() -> None:
    own: Keys = make_keys(1)
    with pytest.raises(KeyFileError):
        own.signers(0, (later()[0].vkey(),))
