"""The one writer of a journal on the real database: fenced, all or nothing, and never below what was published.

Upholds L2, L3, L5, L6 and L7 by trying to break each. Batches are made by the replica, whose leaves are the measure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import errors as pg

from contracts.entry import Position
from deploy.embedded.stack import Servers
from ledger.errors import Fenced, InvariantError, KeysTaken, StoreUnavailable, Unfit
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.merkle import Frontier, leaf_hash
from ledger.store import database
from ledger.store.journal import Journal, RejectedRecord, Snapshot
from ledger.store.keystore import KeyStore
from ledger.store.opening import open_journal, root_at
from ledger.store.rows import KIND_NUMBERS, copy_row
from streams.pipeline import Written
from tests.support.databases import NAME, Bare, bare_ledger, copied, make_keys
from tests.support.deep import check_ledger_deeply
from tests.support.faults import Moment, breaking, kill
from tests.support.replica import Replica
from tests.support.strategies import GIGWISE, GOJEK, Feed

pytestmark = pytest.mark.stack


class Batch(NamedTuple):
    """What one commit writes."""

    rows: Sequence[bytes]
    leaves: Sequence[bytes]
    positions: Mapping[str, Position]
    rejected: Sequence[RejectedRecord] = ()
    snapshots: Sequence[Snapshot] = ()


class Supply:
    """Batches of one ledger's journal 0, in order, each with the entries of a few records."""

    def __init__(self, ledger: Bare) -> None:
        self.feed = Feed()
        self.replica = Replica(secret=ledger.secrets[0])
        self._waiting = [ledger.opening(self.feed), self.feed.enacted(GIGWISE)]
        self._gigs = 0

    def batch(self, gigs: int = 3, spoilt: bool = False) -> Batch:
        """The next batch."""
        records = [*self._waiting, *(self.feed.gig(f"G-{self._gigs + n}") for n in range(gigs))]
        if spoilt:
            records.append(self.feed.record(GOJEK, b"{", None))
        self._waiting, self._gigs = [], self._gigs + gigs
        before = len(self.replica.written)
        self.replica.settle(records)
        return batch_of(self.replica.written[before:], self.replica.positions)


def batch_of(written: Sequence[Written], positions: Mapping[str, Position]) -> Batch:
    """What the journal takes for these entries."""
    rows = [copy_row(0, KIND_NUMBERS[w.kind], w.leaf_index, w.event_key, w.worker, w.leaf) for w in written]
    rejected = [
        RejectedRecord(w.leaf_index, r.topic, 0, r.offset, r.timestamp_ms, x.code.value, x.detail, r.key, r.value, [])
        for w in written
        if w.refused is not None
        for r, x in [w.refused]
    ]
    return Batch(rows, [w.leaf for w in written], dict(positions), rejected)


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with one empty journal."""
    with bare_ledger(servers) as ledger:
        yield ledger


@asynccontextmanager
async def journal_of(
    ledger: Bare, outside: bytes | None = None, keys: KeyStore | None = None
) -> AsyncIterator[Journal]:
    """Journal 0, opened and claimed."""
    connection = await database.connect_async(ledger.url, "writer")
    try:
        yield await open_journal(connection, 0, keys or ledger.keys, outside)
    finally:
        await connection.close()


def run(acts: Callable[[], Awaitable[object]]) -> None:
    """Run what a test does."""

    async def life() -> None:
        await acts()

    asyncio.run(life())


def filled(ledger: Bare, *sizes: int, publish: bool = True) -> tuple[Supply, list[bytes]]:
    """A journal with a batch of each of these numbers of gigs; its supply, and the checkpoints signed."""
    supply, notes = Supply(ledger), []

    async def acts() -> None:
        async with journal_of(ledger) as journal:
            for gigs in sizes:
                note = await journal.append(supply.batch(gigs))
                assert note is not None
                notes.append(note)
                if publish:
                    await journal.published(note, journal.size)

    run(acts)
    return supply, notes


def test_what_is_appended_is_there_signed_and_under_its_root(bare: Bare) -> None:
    supply = Supply(bare)

    async def acts() -> None:
        async with journal_of(bare) as journal:
            assert journal.size == 0
            assert journal.positions == {}
            for gigs, spoilt in ((3, False), (1, True), (7, True)):
                note = await journal.append(supply.batch(gigs, spoilt))
                assert note is not None
                frontier = Frontier().append([leaf_hash(leaf) for leaf in supply.replica.leaves])
                checkpoint = open_checkpoint(note, [bare.signers[0].verifier])
                assert checkpoint == Checkpoint(f"{NAME}/log/0", frontier.size, frontier.root())
                assert journal.size == frontier.size
                await journal.published(note, journal.size)
        async with journal_of(bare, note) as journal:
            assert journal.size == len(supply.replica.leaves)
            assert journal.positions == supply.replica.positions

    run(acts)
    assert bare.leaves() == supply.replica.leaves
    check_ledger_deeply(bare.url)


def test_a_batch_without_entries_moves_positions_and_signs_nothing(bare: Bare) -> None:
    _, notes = filled(bare, 3)
    position = Position(4, duplicates=1, gap=0)

    async def acts() -> None:
        async with journal_of(bare, notes[-1]) as journal:
            assert await journal.append(Batch([], [], {GOJEK: position})) is None
            assert journal.positions[GOJEK] == position

    run(acts)
    assert bare.rows("SELECT count(*) FROM checkpoints") == [(1,)]
    assert bare.rows("SELECT next_offset, duplicates FROM positions WHERE topic = %s", GOJEK) == [(4, 1)]
    check_ledger_deeply(bare.url)


# -- L3: one writer ----------------------------------------------------------------------------------------------------


def test_l3_of_two_writers_the_one_who_claimed_before_is_fenced_and_writes_nothing(bare: Bare) -> None:
    supply = Supply(bare)
    first_batch, second_batch, third_batch = supply.batch(), supply.batch(), supply.batch(spoilt=True)

    async def acts() -> None:
        async with journal_of(bare) as first:
            await first.append(first_batch)
            async with journal_of(bare) as second:
                before = everything(bare)
                with pytest.raises(Fenced):
                    await first.append(second_batch)
                assert everything(bare) == before
                with pytest.raises(Fenced):
                    await first.append(Batch([], [], {GOJEK: Position(99)}))
                assert everything(bare) == before
                await second.append(second_batch)
                await second.append(third_batch)

    run(acts)
    assert bare.leaves() == supply.replica.leaves
    check_ledger_deeply(bare.url)


def test_l3_a_claim_waits_for_a_commit_on_its_way_and_then_sees_it(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    supply, _ = filled(bare, 2)
    batch = supply.batch()

    async def acts() -> None:
        written, go_on = asyncio.Event(), asyncio.Event()
        async with journal_of(bare) as first:
            real = first._write

            async def slow(*args: Any) -> None:
                await real(*args)
                written.set()
                await go_on.wait()

            monkeypatch.setattr(first, "_write", slow)
            appending = asyncio.create_task(first.append(batch))
            await written.wait()

            async def claim() -> int:
                async with journal_of(bare) as second:
                    return second.size

            claiming = asyncio.create_task(claim())
            while not bare.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.005)
            assert not claiming.done()
            go_on.set()
            await appending
            assert await claiming == len(supply.replica.leaves)

    run(acts)
    check_ledger_deeply(bare.url)


def test_l3_taken_keys_refuse_the_whole_batch(bare: Bare) -> None:
    supply, _ = filled(bare, 3)
    again = supply.replica.written[-1]
    fresh = supply.replica.settle([supply.feed.gig("G-fresh")]).written[-1]
    index = fresh.leaf_index

    async def acts() -> None:
        async with journal_of(bare) as journal:
            before = everything(bare)
            doubled = [fresh, again._replace(leaf_index=index + 1)]
            with pytest.raises(KeysTaken):
                await journal.append(batch_of(doubled, {GOJEK: Position(5)}))
            assert everything(bare) == before
            assert journal.size == index
            await journal.append(batch_of([fresh], {GOJEK: Position(4)}))

    run(acts)
    check_ledger_deeply(bare.url)


@pytest.mark.parametrize("table", ["entries", "checkpoints", "rejections"])
def test_l5_a_row_that_is_there_already_is_a_contradiction_and_no_taken_key(bare: Bare, table: str) -> None:
    """Looking keys up would not mend it: the desk must not try that for ever."""
    supply, _ = filled(bare, 3)
    batch = supply.batch(1, spoilt=True)
    planted = {
        "entries": "INSERT INTO entries (journal, kind, \"index\", leaf) VALUES (0, 1, 5, '{}')",
        "checkpoints": "INSERT INTO checkpoints VALUES (0, 7, 'x')",
        "rejections": 'INSERT INTO rejections (journal, "index", topic, partition, "offset", timestamp_ms, code, '
        "detail, headers) VALUES (0, 99, 'gigs.gojek', 0, 4, 0, 'malformed', '', '[]')",
    }[table]

    async def acts() -> None:
        async with journal_of(bare) as journal:
            bare.act(planted)
            with pytest.raises(InvariantError):
                await journal.append(batch)

    run(acts)
    assert bare.rows("SELECT size FROM heads") == [(5,)]


# -- fault pairs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "in", "after"])
def test_l7_a_commit_that_breaks_off_is_all_there_or_not_at_all(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, moment: Moment
) -> None:
    supply, notes = filled(bare, 3)
    batch = supply.batch(2, spoilt=True)
    before = everything(bare)

    async def acts() -> None:
        with breaking(bare, monkeypatch) as breaks:
            breaks.at = {1: moment}
            async with journal_of(bare, notes[-1]) as journal:
                with pytest.raises(StoreUnavailable) as raised:
                    await journal.append(batch)
                assert not raised.value.outcome_known
                assert journal.size == 5
            async with journal_of(bare, notes[-1]) as again:
                if moment == "after":
                    assert again.size == 8
                    assert again.positions == dict(batch.positions)
                else:
                    assert {**everything(bare), "heads": None} == {**before, "heads": None}
                    await again.append(batch)
            assert breaks.happened == 1

    run(acts)
    assert bare.leaves() == supply.replica.leaves
    check_ledger_deeply(bare.url)


def test_a_database_that_is_away_says_so(bare: Bare) -> None:
    async def acts() -> None:
        async with journal_of(bare) as journal:
            await asyncio.to_thread(kill, bare.url, journal.connection.info.backend_pid)
            with pytest.raises(StoreUnavailable):
                await journal.published(b"x\n1\n\n", 1)
            with pytest.raises(StoreUnavailable):
                await open_journal(journal.connection, 0, bare.keys, None)

    run(acts)
    with pytest.raises(StoreUnavailable):
        database.connect("postgresql://iuran@127.0.0.1:1/none", "reader")


# -- L6: what was published --------------------------------------------------------------------------------------------


def test_l6_an_older_database_is_refused(bare: Bare) -> None:
    filled(bare, 3)
    with copied(bare) as backup:
        _, notes = filled_on(bare, 4)

        async def acts() -> None:
            async with journal_of(backup, notes[-1]):
                pass

        with pytest.raises(Unfit, match="restored from an older backup"):
            run(acts)


def filled_on(ledger: Bare, gigs: int, worker: str = "W-one") -> tuple[Replica, list[bytes]]:
    """The same journal with one more batch, whoever wrote what is there; the checkpoint signed."""
    leaves = ledger.leaves()
    notes: list[bytes] = []
    feed = Feed()
    replica = Replica(secret=ledger.secrets[0])
    records = [ledger.opening(feed), feed.enacted(GIGWISE)]
    records += [feed.gig(f"G-{n}") for n in range(len(leaves) - 2)]
    replica.settle(records)
    assert replica.leaves == leaves
    before = len(leaves)
    replica.settle([feed.gig(f"H-{n}", worker) for n in range(gigs)])

    async def acts() -> None:
        async with journal_of(ledger) as journal:
            note = await journal.append(batch_of(replica.written[before:], replica.positions))
            assert note is not None
            notes.append(note)

    run(acts)
    return replica, notes


@pytest.mark.parametrize("more", [0, 3], ids=["of the same size", "larger"])
def test_l6_a_clone_that_went_its_own_way_is_refused(bare: Bare, more: int) -> None:
    filled(bare, 3)
    with copied(bare) as clone:
        _, notes = filled_on(bare, 4, "W-one")
        filled_on(clone, 4 + more, "W-two")

        async def acts() -> None:
            async with journal_of(clone, notes[-1]):
                pass

        with pytest.raises(Unfit, match="went its own way"):
            run(acts)


def test_l6_a_database_that_is_ahead_of_what_was_published_goes_on(bare: Bare) -> None:
    """A crash between commit and publishing: the published tree is contained, whether or not it has a checkpoint."""
    supply, notes = filled(bare, 3, 2, 4)

    async def acts() -> None:
        for note in notes:
            async with journal_of(bare, note) as journal:
                assert journal.size == 11
        bare.tamper("checkpoints", "DELETE FROM checkpoints WHERE size = 5")
        async with journal_of(bare, notes[0]) as journal:
            await journal.append(supply.batch())
            async with journal.connection.transaction():
                for size in (1, 5, 7, 11):
                    frontier = Frontier().append([leaf_hash(leaf) for leaf in supply.replica.leaves[:size]])
                    assert await root_at(journal.connection, 0, size) == frontier.root()

    run(acts)
    assert bare.leaves() == supply.replica.leaves


def test_l6_nothing_is_signed_below_or_beside_what_was_published(bare: Bare) -> None:
    """The last guard, should whoever opened the journal have been fooled; what is published later does not lower it.

    tlog-checkpoint, Signatures: a log MUST not sign a checkpoint inconsistent with any that it signed before.
    """
    supply, _ = filled(bare, 3)
    near = sign_checkpoint(Checkpoint(f"{NAME}/log/0", 5, b"\1" * 32), [bare.signers[0]])
    far = sign_checkpoint(Checkpoint(f"{NAME}/log/0", 8, b"\1" * 32), [bare.signers[0]])
    batch = supply.batch(3)

    async def acts() -> None:
        async with journal_of(bare) as journal:
            await journal.published(far, 8)
            await journal.published(near, 5)
            with pytest.raises(InvariantError, match="L6"):
                await journal.append(batch)

    run(acts)
    assert bare.rows("SELECT size FROM heads") == [(5,)]


def test_l6_every_checkpoint_is_signed_by_both_keys_and_opens_by_either(bare: Bare) -> None:
    _, notes = filled(bare, 3, 2)
    stored = bare.rows("SELECT note FROM checkpoints ORDER BY size")
    assert [bytes(note) for (note,) in stored] == notes
    for note in notes:
        opened = [open_checkpoint(note, [verifier]) for verifier in bare.keys.verifiers(0)]
        assert len(opened) == 2
        assert opened[0] == opened[1]


def test_l6_neither_key_is_asked_to_sign_below_or_beside_what_was_published(bare: Bare) -> None:
    supply, notes = filled(bare, 3)
    asked: list[bytes] = []

    class Listening(NamedTuple):
        """A key that tells what it is to sign."""

        signer: Any
        name: str
        key_id: bytes

        def vkey(self) -> str:
            return str(self.signer.vkey())

        def sign(self, message: bytes) -> bytes:
            asked.append(message)
            return bytes(self.signer.sign(message))

    class Overheard(NamedTuple):
        """The ledger's keys, each of them listening."""

        store: KeyStore

        def signers(self, journal: int, vkeys: Sequence[str] = ()) -> list[Listening]:
            return [Listening(signer, signer.name, signer.key_id) for signer in self.store.signers(journal, vkeys)]

        def verifiers(self, journal: int) -> Sequence[Any]:
            return self.store.verifiers(journal)

        def secret(self, journal: int) -> bytes:
            return self.store.secret(journal)

    async def acts() -> None:
        async with journal_of(bare, notes[-1], Overheard(bare.keys)) as journal:
            assert asked == [], "opening signs nothing"
            await journal.append(supply.batch(2))
            assert len(asked) == 2
            for size in (9, 10, 12):
                beside = sign_checkpoint(Checkpoint(f"{NAME}/log/0", size, b"\1" * 32), bare.keys.signers(0))
                await journal.published(beside, size)
                with pytest.raises(InvariantError, match="L6"):
                    await journal.append(supply.batch(2))
            assert len(asked) == 2

    run(acts)


@pytest.mark.parametrize("which", [0, 1], ids=["Ed25519", "ML-DSA-44"])
def test_l6_a_checkpoint_outside_binds_whichever_of_the_keys_signed_it(bare: Bare, which: int) -> None:
    """So it is while one of them is changed, and for who keeps one line only."""
    filled(bare, 3)
    signer = bare.keys.signers(0)[which]
    ((frontier,),) = bare.rows("SELECT frontier FROM heads")
    root = Frontier.decode(bytes(frontier)).root()
    for size, other, match in ((5, root, None), (5, b"\1" * 32, "went its own way"), (6, root, "older backup")):
        note = sign_checkpoint(Checkpoint(signer.name, size, other), [signer])

        async def acts(note: bytes = note) -> None:
            async with journal_of(bare, note):
                pass

        if match is None:
            run(acts)
        else:
            with pytest.raises(Unfit, match=match):
                run(acts)


@pytest.mark.parametrize("which", [0, 1], ids=["Ed25519", "ML-DSA-44"])
def test_l6_a_checkpoint_outside_with_one_signature_spoilt_is_refused(bare: Bare, which: int) -> None:
    _, notes = filled(bare, 3)
    lines = notes[-1].split(b"\n")
    line = 4 + which
    lines[line] = lines[line][:-12] + (b"AAAA" if lines[line][-12:-8] != b"AAAA" else b"BBBB") + lines[line][-8:]

    async def acts() -> None:
        async with journal_of(bare, b"\n".join(lines)):
            pass

    with pytest.raises(Unfit, match="expected the last published checkpoint signed by"):
        run(acts)


@pytest.mark.parametrize("outside", [True, False], ids=["with a published checkpoint", "with none"])
def test_l6_another_key_is_refused(bare: Bare, outside: bool) -> None:
    _, notes = filled(bare, 3)
    stranger = make_keys(1)

    async def acts() -> None:
        async with journal_of(bare, notes[-1] if outside else None, stranger):
            pass

    with pytest.raises(Unfit, match="key"):
        run(acts)
    check_ledger_deeply(bare.url)


@pytest.mark.parametrize("note", [b"", b"x", b"\xff\n\n", b"a\n1\nAAAA\n\n"], ids=repr)
def test_l6_what_is_no_checkpoint_outside_is_refused(bare: Bare, note: bytes) -> None:
    filled(bare, 3)

    async def acts() -> None:
        async with journal_of(bare, note):
            pass

    with pytest.raises(Unfit):
        run(acts)


def test_what_was_published_is_said_without_an_fsync_and_nothing_else_is(bare: Bare) -> None:
    _, notes = filled(bare, 3, publish=False)
    said: list[Any] = []

    async def acts() -> None:
        async with journal_of(bare) as journal:
            async with journal.connection.transaction():
                await journal.published(notes[0], 5)
                said.extend(await (await journal.connection.execute("SHOW synchronous_commit")).fetchall())
            said.extend(await (await journal.connection.execute("SHOW synchronous_commit")).fetchall())

    run(acts)
    assert said == [("off",), ("on",)]


def test_published_only_moves_forward(bare: Bare) -> None:
    _, notes = filled(bare, 3, 2, publish=False)

    async def acts() -> None:
        async with journal_of(bare) as journal:
            await journal.published(notes[1], 7)
            await journal.published(notes[0], 5)

    run(acts)
    assert bare.rows("SELECT published_size FROM heads") == [(7,)]
    check_ledger_deeply(bare.url)


# -- L5 and what was done behind our back ------------------------------------------------------------------------------


TAMPERED = {
    "the newest entry deleted": ("entries", 'DELETE FROM entries WHERE "index" = 7'),
    "an entry added": ("entries", "INSERT INTO entries (journal, kind, \"index\", leaf) VALUES (0, 1, 8, '{}')"),
    "all entries deleted": ("entries", "DELETE FROM entries"),
    "the newest checkpoint deleted": ("checkpoints", "DELETE FROM checkpoints WHERE size = 8"),
    "all checkpoints deleted": ("checkpoints", "DELETE FROM checkpoints"),
    "the newest checkpoint another's": ("checkpoints", "UPDATE checkpoints SET note = (SELECT note FROM checkpoints "
                                        "WHERE size = 5) WHERE size = 8"),
    "the head set back": ("heads", "UPDATE heads SET size = 5"),
    "the frontier set back": ("heads", "UPDATE heads SET frontier = '\\x0000000000000000'"),
    "a peak changed": ("heads", "UPDATE heads SET frontier = set_byte(frontier, 20, get_byte(frontier, 20) # 1)"),
    "the frontier cut short": ("heads", "UPDATE heads SET frontier = '\\x00'"),
    "the newest checkpoint unsigned": (
        "checkpoints",
        "UPDATE checkpoints SET note = substr(note, 1, length(note) - 20) WHERE size = 8",
    ),
    "the newest checkpoint no checkpoint": ("checkpoints", "UPDATE checkpoints SET note = 'x' WHERE size = 8"),
    "another key registered": ("heads", "UPDATE heads SET vkey = 'other'"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED, ids=str)
def test_a_journal_changed_behind_its_back_is_refused(bare: Bare, how: str) -> None:
    filled(bare, 3, 3)
    table, statement = TAMPERED[how]
    bare.tamper(table, statement)

    async def acts() -> None:
        async with journal_of(bare):
            pass

    with pytest.raises(Unfit):
        run(acts)


def test_a_journal_that_is_not_there_is_refused(bare: Bare) -> None:
    async def acts() -> None:
        connection = await database.connect_async(bare.url, "writer")
        try:
            await open_journal(connection, 7, make_keys(8), None)
        finally:
            await connection.close()

    with pytest.raises(Unfit, match="expected journal 7"):
        run(acts)


# -- L2: append-only ---------------------------------------------------------------------------------------------------

CHANGES = [
    (table, change)
    for table, column in (("entries", "kind"), ("checkpoints", "size"), ("rejections", "detail"), ("tiles", "root"))
    for change in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"TRUNCATE {table} CASCADE",
    )
]


@pytest.mark.parametrize(("table", "change"), CHANGES, ids=[change for _, change in CHANGES])
@pytest.mark.parametrize("role", ["owner", "writer", "reader"])
def test_l2_nobody_changes_or_deletes(
    servers: Servers, full: Bare, role: database.Role, table: str, change: str
) -> None:
    with database.connect(full.url, role) as connection:
        expected = pg.RestrictViolation if role == "owner" else pg.InsufficientPrivilege
        with pytest.raises(expected):
            connection.execute(change)  # type: ignore[call-overload]
    assert full.rows(f"SELECT count(*) > 0 FROM {table}") == [(True,)]


@pytest.fixture(scope="module")
def full(servers: Servers) -> Iterator[Bare]:
    """A ledger with something in each append-only table; nobody can change it, so tests share it."""
    with bare_ledger(servers) as ledger:
        supply = Supply(ledger)

        async def acts() -> None:
            async with journal_of(ledger) as journal:
                await journal.append(supply.batch(256, spoilt=True))

        run(acts)
        yield ledger


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO entries (journal, kind, \"index\", leaf) VALUES (0, 1, 99, '')",
        "UPDATE heads SET size = size",
        "UPDATE positions SET gap = gap",
        "INSERT INTO standings VALUES (0, 'W-x', 0, '')",
        "DELETE FROM standings",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE entries DISABLE TRIGGER USER",
        "DROP TABLE entries",
    ],
)
def test_l2_a_reader_only_reads(full: Bare, change: str) -> None:
    with database.connect(full.url, "reader") as connection, pytest.raises(pg.InsufficientPrivilege):
        connection.execute(change)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO heads (journal, size, commits, frontier, vkey, published_size) VALUES (9, 0, 0, '', '', 0)",
        "INSERT INTO ledger (id, name, journals, topic_prefix) VALUES (2, 'x', 1, '')",
        "UPDATE ledger SET name = 'x'",
        "UPDATE topics SET topic_id = 'x'",
        "UPDATE heads SET journal = 9",
        "DELETE FROM heads",
        "DELETE FROM positions",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE entries DISABLE TRIGGER USER",
        "DROP TABLE entries",
    ],
)
def test_l2_a_writer_only_writes_what_a_commit_writes(full: Bare, change: str) -> None:
    with database.connect(full.url, "writer") as connection, pytest.raises(pg.InsufficientPrivilege):
        connection.execute(change)  # type: ignore[call-overload]


def everything(ledger: Bare) -> dict[str, Any]:
    """All rows of the tables that a commit writes."""
    tables = ("heads", "entries", "checkpoints", "tiles", "rejections", "positions", "standings")
    with psycopg.connect(ledger.url) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # type: ignore[call-overload]
            for table in tables
        }
