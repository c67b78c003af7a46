"""The Faust application: a factory that composes transport, batching, desks and metrics. Door, floor 6.

Faust gives membership, assignment and fetching; nothing of ours depends on its tables, its acknowledgements or its
committed offsets. One agent hands each fetched batch to the desk of its partition. New platforms are found in the
database every few seconds and subscribed to while running. A desk that stops for good ends the process: a supervisor
starts it again, and recovery is the ordinary way from the journals' heads.
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import faust
from sqlalchemy.exc import OperationalError

from contracts.codec import Gate
from contracts.topics import CHECKPOINTS, CONTROL, REJECTED
from ledger.errors import LedgerError
from ledger.store import database, keys, registry
from ledger.store.cosignatures import Book
from streams import positions, tolerant, topics
from streams.assignor import journal_assignor
from streams.batching import PartitionBatches
from streams.checkpoints import Checkpoints
from streams.floor import Floor
from streams.metrics import StreamMetrics
from streams.office import Commit, Office
from streams.rejected import DeadLetters
from streams.unread import stream_group
from streams.witness_http import WitnessHttp
from streams.witnesses import Offering, Witnesses, load_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.settings import Settings
    from ledger.store.registry import LedgerFacts
    from streams.connection import Broker
    from streams.office import Outside

log = logging.getLogger(__name__)

PLATFORMS_SECONDS: Final = 2.0
LAG_SECONDS: Final = 2.0
BATCHES_AT_ONCE: Final = 3
"""One being decided, one at the database, one between: more would only hold memory."""
EXIT_BROKEN: Final = 70


class Process(NamedTuple):
    """The parts of one stream process."""

    app: faust.App
    floor: Floor
    metrics: StreamMetrics
    gates: dict[str, Gate]


class _Watch:
    """Counts a commit and copies what it refused."""

    def __init__(self, metrics: StreamMetrics, letters: DeadLetters) -> None:
        self._metrics = metrics
        self._letters = letters

    def committed(self, commit: Commit) -> None:
        self._metrics.committed(commit)
        self._letters.offer(commit.rejected)

    def published(self, seconds: float) -> None:
        self._metrics.published(seconds)


def gates_of(facts: LedgerFacts) -> dict[str, Gate]:
    """Give the gate of each topic that feeds journals."""
    gates = {facts.topic_prefix + CONTROL: Gate(None, facts.journals)}
    gates.update({topic: Gate(platform, facts.journals) for platform, topic in facts.platforms.items()})
    return gates


def create_process(settings: Settings, broker: Broker, database_url: str, facts: LedgerFacts) -> Process:
    """Compose a stream process; nothing has connected yet. `facts` have been checked by the caller."""
    tolerant.read_any_header_name()
    gates = gates_of(facts)
    metrics = StreamMetrics(gates)
    letters = DeadLetters(broker, facts.topic_prefix + REJECTED)

    async def probe(topic: str, partition: int, offset: int) -> int | None:
        return await positions.first_offset(broker, topic, partition, offset)

    witnesses = _witnesses(settings, database_url, metrics)
    outside: Outside = Checkpoints(broker, facts.topic_prefix + CHECKPOINTS)
    office = Office(
        database_url,
        gates,
        outside if witnesses is None else Offering(outside, witnesses),
        _Watch(metrics, letters),
        probe,
        asyncio.Semaphore(BATCHES_AT_ONCE),
        ThreadPoolExecutor(1, "thinking"),
        settings.batch_events_max,
        max(1, settings.workers_in_memory_max // facts.journals),
    )
    floor = Floor(office, keys.of_settings(settings, facts.name), _leave)
    app = _faust_app(settings, broker, facts)
    transport = positions.positioned_transport(floor.open)
    app.transport = transport(app.conf.broker_consumer, app, app.loop)
    channel = app.topic(*gates, key_serializer="raw", value_serializer="raw", internal=False)
    _add_agent(app, channel, floor)
    _add_tasks(app, channel, floor, gates, metrics, database_url, witnesses)
    return Process(app, floor, metrics, gates)


def _witnesses(settings: Settings, database_url: str, metrics: StreamMetrics) -> Witnesses | None:
    if settings.witness_policy_file is None:
        return None
    policy = load_policy(settings.witness_policy_file)
    return Witnesses(policy, Book(database_url), WitnessHttp(), metrics, settings.witness_pause_seconds)


def _faust_app(settings: Settings, broker: Broker, facts: LedgerFacts) -> faust.App:
    session = settings.session_timeout_seconds
    return faust.App(
        stream_group(facts.topic_prefix, facts.name),
        broker=[f"kafka://{server}" for server in broker.bootstrap_servers.split(",")],
        broker_credentials=broker.faust_credentials(),
        datadir=str(settings.home / "faust"),
        # Faust takes its co-partitioning assignor only with standby replicas on; without it partition n of two
        # topics may go to two processes, and no journal could be written
        table_standby_replicas=1,
        PartitionAssignor=journal_assignor(facts.journals),
        topic_allow_declare=False,
        topic_disable_leader=True,
        ConsumerScheduler=PartitionBatches,
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 4,
        broker_commit_interval=2.8,
        broker_max_poll_interval=600.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=512 * 1024,
        # each message is a whole batch: few in memory; a rebalance must not wait for those a closed desk refuses
        stream_buffer_maxsize=4,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        web_enabled=False,
        loghandlers=[],
        autodiscover=False,
    )


def _add_agent(app: faust.App, channel: Any, floor: Floor) -> None:
    @app.agent(channel, name="settle")  # type: ignore[untyped-decorator]
    async def settle(stream: Any) -> None:
        # nothing is raised in here for bad input: a batch is handed over as it came, and decided at the desk
        async for event in stream.events():
            await floor.put(event.message.partition, event.message.value)


def _add_tasks(
    app: faust.App,
    channel: Any,
    floor: Floor,
    gates: dict[str, Gate],
    metrics: StreamMetrics,
    database_url: str,
    witnesses: Witnesses | None,
) -> None:
    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator]
    async def give_up(*_: Any, **__: Any) -> None:
        await floor.close()
        if witnesses is not None:
            # the journals are offered again as their desks open, here or elsewhere
            await witnesses.withdraw()

    @app.on_before_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    async def leave(*_: Any, **__: Any) -> None:
        # told to stop, Faust leaves the group without revoking: the next owner would claim journals that are still
        # written here, and this process would end as one that was fenced
        await floor.leave()

    @app.timer(PLATFORMS_SECONDS)  # type: ignore[untyped-decorator]
    async def find_platforms() -> None:
        """Take up topics that were registered since."""
        found = await asyncio.to_thread(_registered, database_url)
        fresh = {topic: gate for topic, gate in found.items() if topic not in gates}
        if fresh:
            log.info("new platforms: %s", ", ".join(sorted(fresh)))
            gates.update(fresh)
        # what is subscribed are copies of the channel that the agent was given, so each is told; and Faust forgets a
        # change that it hears of during a rebalance, so it is told again until it has taken it up
        if not gates.keys() <= app.topics._topic_name_index.keys():
            for subscribed in (channel, *app.topics):
                if channel.topics[0] in subscribed.topics:
                    subscribed.topics = list(gates)
            app.topics._resubscribe_sleep_lock_seconds = 0.2
            app.topics._flag_changes()

    @app.timer(LAG_SECONDS)  # type: ignore[untyped-decorator]
    async def measure_lag() -> None:
        for tp in app.consumer.assignment():
            end = _highwater(app, tp)
            desk = floor.desks.get(tp.partition)
            if end is not None and desk is not None and tp.topic in gates:
                metrics.lagging(tp.topic, tp.partition, max(0, end - desk.next_offsets().get(tp.topic, 0)))


def _highwater(app: faust.App, tp: Any) -> int | None:
    try:
        end: int | None = app.consumer.highwater(tp)
    except (AssertionError, AttributeError):
        return None  # the consumer's own thread gave the partition up meanwhile; a timer that raises ends the process
    return end


def _registered(database_url: str) -> Mapping[str, Gate]:
    try:
        with database.session(database_url) as session:
            facts = registry.read_facts(session)
    except (LedgerError, OperationalError):
        return {}  # asked again soon; what is broken is the desks' business
    return {} if facts is None else gates_of(facts)


def _leave(error: BaseException) -> None:
    """End the process at once: what is not committed comes again, and nobody believes that we still write."""
    log.critical("leaving: %s: %s", type(error).__name__, error)
    logging.shutdown()
    os._exit(EXIT_BROKEN)


def check_start(broker: Broker, database_url: str, settings: Settings) -> LedgerFacts:
    """Give the ledger's facts, or raise Unfit with all that does not fit (schema, topics, positions, keys)."""
    from ledger.store.startup import check_keys, check_ledger

    facts, next_offsets = check_ledger(database_url)
    check_keys(keys.of_settings(settings, facts.name), facts)
    topics.check_all(broker, facts.topics, facts.journals, facts.topic_prefix)
    topics.check_positions(broker, next_offsets, facts.journals)
    return facts
