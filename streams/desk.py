"""A desk: the one place in a process where journal n is written, fed by partition n of every registered topic.

It takes records from its inbox, decides them through the pure pipeline, commits, publishes the checkpoint, counts. It
is plain asyncio and knows nothing of Faust: the stream process feeds it from agents, `iuran ledger init` and replays
feed it directly. On a broken dependency it backs off and takes the ordinary path again from the journal's head; when
it was fenced it gives the journal up; a broken law stops it. Upholds L3 (what lies below the journal's position is
skipped), L8 (publishes before it goes on) and L12 (a forward jump of offsets counts as a gap only when the broker
itself has nothing there).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final, TypeVar, TypeVarTuple

import psycopg

from contracts import entry as entries
from contracts.entry import Kind
from contracts.events import Event, PeriodClosed
from ledger.acts import Acts
from ledger.errors import Fenced, InvariantError, KeysTaken, LedgerError, StoreUnavailable, Unfit
from ledger.store import database
from ledger.store.opening import open_journal
from ledger.store.standings import load_accounts, load_books, load_gigs, newest_entry, taken
from streams import closes, pipeline
from streams.closer import Place, work_out
from streams.office import Commit
from streams.rows import write_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contracts.codec import Record
    from ledger.store.journal import Journal
    from ledger.store.keystore import KeyStore
    from streams.closes import UnderWay
    from streams.office import Office
    from streams.pipeline import Decision, State
    from streams.rows import Write

log = logging.getLogger(__name__)

Given = TypeVarTuple("Given")
Thought = TypeVar("Thought")

BACK_OFF_SECONDS: Final = (0.1, 0.3, 1.0, 3.0, 5.0)
GIVE_UP_SECONDS: Final = 120.0
CHECK_FIRST_BATCHES: Final = 20
PACE_SECONDS: Final = 0.1
"""A commit costs some milliseconds whatever it holds, so a journal begins one at most this often unless it is full.

At 1,000 gigs/s over 8 journals, paced at 0.02 commits queued for each other and for the cores, and a gig waited longer.
"""

FEW_RECORDS: Final = 40
FEW_BYTES: Final = 16 * 1024
RECORD_BYTES: Final = 100
"""Records of so many bytes are thought about on the event loop: about 40 gigs, 3 ms. Each counts RECORD_BYTES more."""

_ACTS = 'SELECT leaf FROM entries WHERE journal = %s AND kind > 1 AND worker IS NULL ORDER BY "index"'


class Desk:
    """Writes one journal. `put` feeds it, `run` works until closed; `settle` does one batch."""

    def __init__(self, number: int, keys: KeyStore, office: Office) -> None:
        self.number = number
        self.closed = False
        self._keys = keys
        self._office = office
        self._journal: Journal | None = None
        self._state: State | None = None
        self._check_first = 0
        self._offsets: dict[str, int] = {}
        self._held: list[Record] = []
        self._under_way: UnderWay | None = None
        self._before: Acts | None = None
        self._waiting: list[Record] = []
        self._changed = asyncio.Condition()

    # -- opening -------------------------------------------------------------------------------------------------

    async def open(self) -> dict[str, int]:
        """Claim the journal, load what deciding needs, publish the head; give the next offset per topic.

        Raises Unfit when database, keys or topics do not fit together, LedgerError when one does not answer.
        """
        await self.let_go()
        outside = await self._office.outside.newest(self.number)
        connection = await database.connect_async(self._office.database_url, "writer")
        try:
            journal = await open_journal(connection, self.number, self._keys, outside)
            self._under_way = closes.under_way(await newest_entry(connection, self.number))
            state = pipeline.State(
                self.number, self._keys.secret(self.number), await self._acts(connection), journal.size
            )
            state.positions.update(journal.positions)
            await journal.take_up(list(self._office.gates))
            await self._publish_head(journal, connection)
        except psycopg.OperationalError as error:
            await connection.close()
            raise StoreUnavailable(f"journal {self.number}: {str(error).strip()}") from error
        except BaseException:
            await connection.close()
            raise
        self._journal, self._state = journal, state
        self._offsets = {topic: position.next_offset for topic, position in state.positions.items()}
        return self.next_offsets()

    def next_offsets(self) -> dict[str, int]:
        """Give the committed next offset per topic; what was handed over and is not committed counts as unread."""
        return dict(self._offsets)

    async def _acts(self, connection: psycopg.AsyncConnection) -> Acts:
        """Take in all acts; keep those before a close that is under way apart."""
        acts = Acts()
        async for (leaf,) in await connection.execute(_ACTS, (self.number,)):
            entry = entries.decode(bytes(leaf))
            if self._under_way is not None and entry.kind == Kind.CLOSE:
                self._before = acts.copy()
            acts.take(entry)
        return acts

    async def _publish_head(self, journal: Journal, connection: psycopg.AsyncConnection) -> None:
        """A crash between commit and publishing leaves a head that is not outside yet: it is mended here."""
        rows = await connection.execute(
            "SELECT note FROM checkpoints WHERE journal = %s AND size = %s", (self.number, journal.size)
        )
        row = await rows.fetchone()
        if row is not None:
            await self._office.outside.publish(self.number, journal.origin, bytes(row[0]))
            await journal.published(bytes(row[0]), journal.size)

    # -- feeding -------------------------------------------------------------------------------------------------

    async def put(self, records: Sequence[Record]) -> None:
        """Hand records over; waits while two batches are waiting. A closed desk takes nothing (they come again)."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.closed or len(self._waiting) < self._office.batch_events_max)
            if not self.closed:
                self._waiting.extend(records)
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Number of records handed over and not yet taken up."""
        return len(self._waiting)

    async def close(self) -> None:
        """Give the journal up: what waits is dropped, whoever waits in `put` goes on."""
        async with self._changed:
            self.closed = True
            self._waiting.clear()
            self._held = []
            self._changed.notify_all()

    async def run(self) -> None:
        """Work until closed. Raises Fenced, InvariantError, Unfit, and LedgerError after GIVE_UP_SECONDS."""
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self.closed or bool(self._waiting))
                    if self.closed:
                        return
                    most = self._office.batch_events_max
                    records, self._waiting = self._waiting[:most], self._waiting[most:]
                    self._changed.notify_all()
                began = time.monotonic()
                await self.settle(records)
                if len(self._waiting) < most:
                    await asyncio.sleep(max(0.0, began + PACE_SECONDS - time.monotonic()))
        finally:
            await self.close()
            await self.let_go()

    async def let_go(self) -> None:
        """Drop what is held in memory and the connection; the next `open` or `settle` loads it again."""
        journal, self._journal, self._state = self._journal, None, None
        if journal is not None:
            with contextlib.suppress(Exception):  # the connection may be broken already; nothing hangs on closing it
                await journal.connection.close()

    # -- settling ------------------------------------------------------------------------------------------------

    async def settle(self, records: Sequence[Record]) -> None:
        """Bring records to committed, published entries; retries in place on breakage.

        Raises Fenced, Unfit, InvariantError; LedgerError when a dependency stays broken for GIVE_UP_SECONDS.
        """
        began = time.monotonic()
        attempt = 0
        while not self.closed:  # opening claims the journal, which may be another's by now
            try:
                if self._state is None:
                    await self.open()
                # from here on they are in `records`, so that another attempt has them too
                records, self._held = closes.put_back(self._held, records), []
                async with self._office.turns:
                    records = await self._settle_once(records)
                if not records and not self._is_held_ready():
                    return
                attempt = 0
            except Fenced:
                raise
            except KeysTaken:
                # duplicates are rare, so keys are not looked up before each batch; now look first for a while
                self._check_first = CHECK_FIRST_BATCHES
                await self.let_go()
            except LedgerError as error:
                await self.let_go()
                if isinstance(error, Unfit) or time.monotonic() - began > GIVE_UP_SECONDS:
                    raise
                pause = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)]
                attempt += 1
                log.warning("journal %d: %s; trying again in %.1f s", self.number, error, pause)
                await asyncio.sleep(pause)

    async def _settle_once(self, records: Sequence[Record]) -> Sequence[Record]:
        """Commit what may be decided together; give the rest."""
        journal, state = self._open_journal(), self._state
        if state is None:
            raise InvariantError("L7", f"journal {self.number}: expected it open, got it closed")
        clock = [time.perf_counter()]
        fresh = await self._unread(records, state)
        few = sum(RECORD_BYTES + len(record.value or b"") for record in fresh) <= FEW_BYTES
        decoded = await self._think(few, pipeline.decode_all, fresh, self._office.gates, self.number)
        going, held = closes.set_aside(decoded, state, self._under_way)
        self._held = [record for record, _, _ in held]
        batch: Sequence[pipeline.Decoded] = going[: pipeline.batch_end(going)]
        if not batch:
            return ()
        clock.append(time.perf_counter())
        batch, known = await self._load(batch, state, journal.connection)
        clock.append(time.perf_counter())
        if self._is_close(batch, state, known):
            if not await self._close(batch[0], state):
                return records
        else:
            quick = few and not state.books  # a worker's whole book may take long, however few records want it
            decision = await self._think(quick, pipeline.decide, batch, state, known, self._check_first > 0)
            if decision.rekeyed:
                # before the act is entered: a journal whose keys are not at hand could sign nothing after it
                self._keys.signers(self.number, [v.vkey() for v in state.acts.ring.signing(state.size + 1)])
            await self._commit(batch, decision, state, clock)
            if decision.rekeyed:
                await self.open()
        self._check_first = max(0, self._check_first - 1)
        self._make_room(state)
        entered = {id(one) for one in (*batch, *held)}
        return [one[0] for one in decoded if id(one) not in entered]

    async def _commit(
        self, batch: Sequence[pipeline.Decoded], decision: Decision, state: State, clock: list[float]
    ) -> None:
        """Commit a decision, publish its checkpoint, count."""
        journal = self._open_journal()
        write = await self._think(len(decision.written) <= FEW_RECORDS, write_of, decision, state)
        clock.append(time.perf_counter())
        note = await journal.append(write)
        clock.append(time.perf_counter())
        self._offsets.update((topic, position.next_offset) for topic, position in write.positions.items())
        self._committed(batch, decision, write, clock)
        if note is not None:
            await self._office.outside.publish(self.number, journal.origin, note)
            await journal.published(note, journal.size)
            self._office.watch.published(time.perf_counter() - clock[-1])

    def _open_journal(self) -> Journal:
        if self._journal is None:
            raise InvariantError("L7", f"journal {self.number}: expected it open, got it closed")
        return self._journal

    # -- closes --------------------------------------------------------------------------------------------------

    def _is_held_ready(self) -> bool:
        """Tell whether the close that is held back, if any, need wait no longer."""
        state = self._state
        if not self._held or state is None:
            return False
        decoded = pipeline.decode_all(self._held[:1], self._office.gates, self.number)
        return not closes.set_aside(decoded, state, self._under_way)[1]

    def _is_close(
        self, batch: Sequence[pipeline.Decoded], state: State, known: Mapping[bytes, pipeline.Content]
    ) -> bool:
        """Tell whether a batch is a close to be worked out: neither refused nor entered before, or only in part."""
        record, event, key = batch[0]
        if not isinstance(event, Event) or not isinstance(event.data, PeriodClosed):
            return False
        if self._under_way is not None:
            return True
        return key not in known and closes.refusal(event, state.acts, closes.prefix_of(record)) is None

    async def _close(self, decoded: pipeline.Decoded, state: State) -> bool:
        """Work a close out for all workers; goes on where a crash left it. False when the desk was closed meanwhile."""

        async def commit(batch: Sequence[pipeline.Decoded], decision: Decision) -> None:
            await self._commit(batch, decision, state, [time.perf_counter()] * 3)

        journal = self._open_journal()
        place = Place(state, journal.connection, self._office.thinking, commit, lambda: self.closed)
        if not await work_out(decoded, place, self._under_way, self._before):
            return False
        self._under_way = self._before = None
        return True

    # -- looking up ----------------------------------------------------------------------------------------------

    async def _think(self, few: bool, function: Callable[[*Given], Thought], *given: *Given) -> Thought:
        """Call a pure function in the thread for thinking; over few records here: handing them over costs more."""
        if few:
            return function(*given)
        return await asyncio.get_running_loop().run_in_executor(self._office.thinking, function, *given)

    async def _unread(self, records: Sequence[Record], state: State) -> list[Record]:
        """Leave out what the journal has read already; let no jump of offsets pass that the broker does not confirm."""
        ahead: dict[str, int] = {}
        fresh = []
        for record in records:
            expected = ahead.get(record.topic)
            if expected is None:
                position = state.positions.get(record.topic)
                expected = 0 if position is None else position.next_offset
            if record.offset < expected:
                continue
            if record.offset > expected:
                first = await self._office.probe(record.topic, record.partition, expected)
                if first is None:
                    # the broker gave this record: one that finds nothing now did not answer, and its word makes no gap
                    raise LedgerError(f"{record.topic}: expected the broker to find {record.offset} again, got nothing")
                if first < record.offset:
                    raise InvariantError(
                        "L12",
                        f"{record.topic} partition {record.partition}: expected offset {first}, got {record.offset}",
                    )
            ahead[record.topic] = record.offset + 1
            fresh.append(record)
        return fresh

    async def _load(
        self, batch: Sequence[pipeline.Decoded], state: State, connection: psycopg.AsyncConnection
    ) -> tuple[Sequence[pipeline.Decoded], dict[bytes, pipeline.Content]]:
        """Look up what deciding needs; give how much of the batch that goes for, and the keys that are taken."""
        wanted = pipeline.needs(batch, state)
        if wanted.workers:
            accounts = await load_accounts(connection, self.number, wanted.workers, state.acts)
            state.accounts.update((worker, pipeline.hold(*loaded)) for worker, loaded in accounts.items())
        workers, length = pipeline.needs_books(batch, state)
        state.books = await load_books(connection, self.number, workers, state.acts)
        state.gigs = await load_gigs(connection, wanted.gigs)
        keys = wanted.keys if self._check_first else wanted.firm_keys
        return batch[:length], await taken(connection, keys)

    def _committed(
        self, batch: Sequence[pipeline.Decoded], decision: Decision, write: Write, clock: list[float]
    ) -> None:
        steps = ("decode", "load", "decide", "commit")
        seconds = {step: after - before for step, before, after in zip(steps, clock, clock[1:], strict=False)}
        timestamps = [record.timestamp_ms for record, _, _ in batch]
        size = 0 if self._state is None else self._state.size
        self._office.watch.committed(
            Commit(self.number, size, len(batch), decision, write.rejected, timestamps, decision.positions, seconds)
        )

    def _make_room(self, state: State) -> None:
        """Forget the accounts held longest when there are too many; they load again when needed."""
        excess = len(state.accounts) - self._office.accounts_max
        if excess > 0:
            for worker in list(state.accounts)[: excess + self._office.accounts_max // 8]:
                del state.accounts[worker]
