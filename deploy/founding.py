"""Founding a ledger and acting on it: init, platforms, enacting schemes. Composes store, streams and keys.

Each act can be cut short anywhere and done again: what is there already is checked and kept, the rest is made. The
order matters: keys before heads (a head names its key), topics before entries (an entry names its record).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from contracts import events
from contracts.entry import ENGINE, decode
from contracts.topics import CHECKPOINTS, CONTROL, REJECTED, gigs_topic
from deploy.settling import wait_read, wait_taken_up
from ledger.errors import Unfit
from ledger.store import database, keys, registry
from ledger.store.startup import check_keys, check_ledger
from streams import acts, positions, topics
from streams.checkpoints import Checkpoints
from streams.connection import broker as broker_of
from streams.drain import Unwatched, drain
from streams.office import Office

if TYPE_CHECKING:
    from deploy.cli.progress import Progress
    from ledger.domain.scheme import Version
    from ledger.settings import Settings
    from ledger.store.registry import LedgerFacts
    from streams.connection import Broker


def platform_act(platform: str) -> str:
    """Give the id of the act that registers a platform."""
    return f"platform.{platform}.added"


def scheme_act(version: Version) -> str:
    """Give the id of the act that enacts a scheme's version."""
    return f"scheme/{version.scheme}/{version.id}"


def acts_done(url: str) -> set[str]:
    """Give the ids of the operator's acts that every journal has entered."""
    with database.connect(url, "reader") as connection:
        row: Any = connection.execute("SELECT count(*) FROM heads").fetchone()
        leaves = connection.execute("SELECT leaf FROM entries WHERE kind > 1 AND worker IS NULL").fetchall()
    entered = Counter(entry.cause.id for entry in (decode(bytes(leaf)) for (leaf,) in leaves))
    return {str(act) for act, journals in entered.items() if journals == int(row[0])}


def servers_of(settings: Settings) -> tuple[Broker, str]:
    """Give broker and database of settings that have their addresses filled in. Raises Unfit otherwise."""
    if settings.kafka_bootstrap_servers is None or settings.database_url is None:
        raise Unfit("servers: expected addresses of broker and database, got none; run `iuran up` first")
    return broker_of(settings, settings.kafka_bootstrap_servers), settings.database_url


def found_ledger(settings: Settings, progress: Progress) -> LedgerFacts:
    """Make the ledger that the settings name, or finish making it; give its facts.

    Raises Unfit when another ledger is there already, LedgerError when a server does not answer.
    """
    broker, url = servers_of(settings)
    progress.step("database: tables")
    database.migrate(url)
    prefix = settings.topic_prefix
    with database.session(url) as session:
        facts = registry.read_facts(session)
    if facts is not None:
        registry.check_facts(facts, settings.ledger, settings.journals, prefix)
        check_keys(keys.of_settings(settings, facts.name), facts)
    progress.step(f"keys: {settings.journals} journals under {settings.keys_dir}")
    vkeys = keys.of_settings(settings, settings.ledger).generate(settings.journals)
    progress.step("topics")
    names = [prefix + CONTROL, prefix + CHECKPOINTS, prefix + REJECTED]
    ids = _make_topics(broker, names, settings, {} if facts is None else facts.topics)
    with database.session(url) as session:
        registry.write_ledger(session, settings.ledger, settings.journals, prefix, vkeys)
        for name in names:
            registry.register_topic(session, name, ids[name], None)
    facts, read = check_ledger(url)
    if any(not read.get((prefix + CONTROL, number)) for number in range(facts.journals)):
        progress.step("entry 0 of each journal")
        _open_journals(broker, url, settings, facts, read)
    return facts


def _open_journals(
    broker: Broker, url: str, settings: Settings, facts: LedgerFacts, read: dict[tuple[str, int], int]
) -> None:
    control = facts.topic_prefix + CONTROL
    with topics.admin(broker) as client:
        ends = topics.end_offsets(client, [control], facts.journals)
    empty = frozenset(number for (_, number), end in ends.items() if end == 0)
    if any(read.get((control, number), 0) > ends[control, number] for number in range(facts.journals)):
        raise Unfit(f"topic {control}: expected the records that the journals have read, got fewer; restore the topic")
    acts.announce(
        broker,
        facts.topic_prefix,
        facts.journals,
        acts.Act(
            events.LEDGER_OPENED,
            "ledger.opened",
            facts.name,
            lambda number: events.LedgerOpened(
                engine=ENGINE,
                journal=number,
                journals=facts.journals,
                ledger=facts.name,
                own=facts.vkeys[number],
                vkeys=tuple(own[0] for own in facts.vkeys),
            ),
        ),
        empty,
    )
    asyncio.run(_drain(broker, office_of(broker, url, facts), facts, settings))


def settle_waiting(settings: Settings) -> None:
    """Settle what waits on the topics without a stream process (none may run): entries, signed and published.

    Raises what `streams.drain.drain` raises.
    """
    broker, url = servers_of(settings)
    facts, _ = check_ledger(url)
    asyncio.run(_drain(broker, office_of(broker, url, facts), facts, settings))


async def _drain(broker: Broker, office: Office, facts: LedgerFacts, settings: Settings) -> None:
    try:
        await drain(broker, office, keys.of_settings(settings, facts.name), facts.journals)
    finally:
        await office.outside.close()


def office_of(broker: Broker, url: str, facts: LedgerFacts) -> Office:
    """Give what desks need outside the stream process (`streams.drain`): all registered topics, nobody counting."""
    from streams.app import gates_of

    async def probe(topic: str, partition: int, offset: int) -> int | None:
        return await positions.first_offset(broker, topic, partition, offset)

    outside = Checkpoints(broker, facts.topic_prefix + CHECKPOINTS)
    return Office(
        url, gates_of(facts), outside, Unwatched(), probe, asyncio.Semaphore(1), ThreadPoolExecutor(1, "thinking")
    )


def _make_topics(broker: Broker, names: list[str], settings: Settings, registered: dict[str, str]) -> dict[str, str]:
    prefix, journals = settings.topic_prefix, settings.journals
    with topics.admin(broker) as client:
        before = topics.describe(client, names, prefix)
        for name in names:
            if before[name] is None and name not in registered:
                topics.create(client, name, journals, settings.kafka_replication_factor, prefix)
        states = topics.describe(client, names, prefix)
    problems = [p for n in names for p in topics.check(n, states[n], journals, registered.get(n), prefix)]
    if problems:
        raise Unfit("\n".join(problems))
    return {name: state.topic_id for name, state in states.items() if state is not None}


def add_platform(
    settings: Settings, platform: str, progress: Progress, told: events.PlatformChanged | None = None
) -> str:
    """Register a platform: topic, registration, one act in each journal; give the topic's name.

    `told` is what the act says, the same each time; no more than that there is the platform, unless given.

    Raises Unfit for a bad name or a topic that does not fit, LedgerError when a server does not answer.
    """
    broker, url = servers_of(settings)
    facts, _ = check_ledger(url)
    try:
        topic = gigs_topic(platform, facts.topic_prefix)
    except ValueError as error:
        raise Unfit(str(error)) from error
    settings = settings.model_copy(update={"journals": facts.journals, "topic_prefix": facts.topic_prefix})
    progress.step(f"topic {topic}")
    ids = _make_topics(broker, [topic], settings, facts.topics)
    with database.session(url) as session:
        registry.register_topic(session, topic, ids[topic], platform)
    progress.step("one act in each journal")
    offsets = acts.announce(
        broker,
        facts.topic_prefix,
        facts.journals,
        acts.Act(
            events.PLATFORM_CHANGED,
            platform_act(platform),
            platform,
            lambda _: told or events.PlatformChanged(platform=platform, status="active", topic=topic),
        ),
    )
    if wait_read(url, facts.topic_prefix + CONTROL, offsets, progress):
        wait_taken_up(url, topic, facts.journals)
    return topic


def enact(settings: Settings, version: Version, progress: Progress) -> None:
    """Let a scheme's version act in every journal from its next entry on; enacting it again adds nothing.

    Raises Unfit when a journal refuses it, LedgerError when a server does not answer.
    """
    broker, url = servers_of(settings)
    facts, _ = check_ledger(url)
    offsets = acts.announce(
        broker,
        facts.topic_prefix,
        facts.journals,
        acts.Act(
            events.SCHEME_ENACTED,
            scheme_act(version),
            facts.name,
            lambda _: events.SchemeEnacted(
                scheme=version.scheme, version=version.id, sha256=version.digest, text=version.text
            ),
        ),
    )
    if wait_read(url, facts.topic_prefix + CONTROL, offsets, progress):
        refused = refusals(url, facts.topic_prefix + CONTROL, offsets)
        if refused:
            raise Unfit(f"scheme {version.scheme} {version.id}: {refused[0]}")


def refusals(url: str, topic: str, offsets: dict[int, int]) -> list[str]:
    """Give code and detail of each of these records, by partition and offset, that was refused."""
    with database.connect(url, "reader") as connection:
        rows = connection.execute(
            "SELECT r.code || ': ' || r.detail FROM rejections r "
            "JOIN unnest(%s::int[], %s::bigint[]) AS a(partition, at) "
            'ON r.topic = %s AND r.partition = a.partition AND r."offset" = a.at',
            (list(offsets), list(offsets.values()), topic),
        ).fetchall()
    return [str(row[0]) for row in rows]
