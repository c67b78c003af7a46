"""Start-up checks on the real broker: what does not fit is refused before anything is written (L3, L6, L12).

Each refusal says what was expected, what there is, and what to do about it.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from contracts.topics import CHECKPOINTS, CONTROL, REJECTED, gigs_topic, settings_of
from deploy.embedded.stack import Servers
from ledger.errors import LedgerError, Unfit
from ledger.settings import Settings
from ledger.store import keys
from streams import topics
from streams.app import check_start
from streams.connection import Broker
from streams.topics import TopicState
from tests.support.deep import check_ledger_deeply
from tests.support.ledgers import SmallLedger, found, gig

JOURNALS = 3
NAMES = (CONTROL, CHECKPOINTS, REJECTED, gigs_topic("gojek"))


# -- pure: what a state says against the rules -------------------------------------------------------------------------


def good(name: str) -> TopicState:
    """A topic as it must be."""
    wanted = settings_of(name)
    return TopicState("id-1", JOURNALS if wanted.partitions is None else wanted.partitions, dict(wanted.config))


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_as_it_must_be_fits(name: str) -> None:
    assert topics.check(name, good(name), JOURNALS, "id-1", "") == []
    assert topics.check(name, good(name), JOURNALS, None, "") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_that_is_not_there_or_another_one_is_named_with_what_to_do(name: str) -> None:
    (gone,) = topics.check(name, None, JOURNALS, "id-1", "")
    assert name in gone and "ledger init" in gone
    (anew,) = topics.check(name, good(name)._replace(topic_id="id-2"), JOURNALS, "id-1", "")
    assert "expected id id-1, got id-2" in anew and "made anew" in anew
    (grown,) = topics.check(name, good(name)._replace(partitions=9), JOURNALS, "id-1", "")
    assert "got 9" in grown


@pytest.mark.parametrize(
    ("name", "setting"), [(name, setting) for name in NAMES for setting in settings_of(name).config]
)
def test_each_setting_of_each_topic_is_checked(name: str, setting: str) -> None:
    state = good(name)
    for config in ({**state.config, setting: "other"}, {k: v for k, v in state.config.items() if k != setting}):
        (problem,) = topics.check(name, state._replace(config=config), JOURNALS, "id-1", "")
        assert f"expected {setting}=" in problem
        assert f"--entity-name {name} --add-config {setting}=" in problem


def test_all_that_is_wrong_is_said_at_once() -> None:
    state = TopicState("id-2", 1, {})
    assert len(topics.check(CONTROL, state, JOURNALS, "id-1", "")) == 2 + len(settings_of(CONTROL).config)


# -- the real broker ---------------------------------------------------------------------------------------------------


@pytest.fixture
def prefix() -> str:
    """A topic prefix of the test's own."""
    return f"p{secrets.token_hex(5)}."


@pytest.fixture
def broker(servers: Servers) -> Broker:
    """The real broker."""
    return Broker(servers.kafka_bootstrap_servers)


def made(broker: Broker, prefix: str) -> dict[str, str]:
    """All topics of a ledger with a platform, made as founding makes them; name -> id."""
    names = [prefix + name for name in NAMES]
    with topics.admin(broker) as client:
        for name in names:
            topics.create(client, name, JOURNALS, 1, prefix)
            topics.create(client, name, JOURNALS, 1, prefix)  # again: left as it is
        states = topics.describe(client, names, prefix)
    return {name: state.topic_id for name, state in states.items() if state is not None}


def seen(broker: Broker, prefix: str, name: str, changed: Callable[[TopicState | None], bool]) -> None:
    """Wait until the broker itself shows a change that it has acknowledged."""
    until = time.monotonic() + 30
    while True:
        with topics.admin(broker) as client:
            (state,) = topics.describe(client, [name], prefix).values()
        if changed(state):
            return
        assert time.monotonic() < until, f"{name}: expected the change to show, got {state}"
        time.sleep(0.05)


@pytest.mark.stack
def test_topics_as_they_are_made_fit(broker: Broker, prefix: str) -> None:
    registered = made(broker, prefix)
    assert len(registered) == len(set(registered.values())) == len(NAMES)
    topics.check_all(broker, registered, JOURNALS, prefix)
    with topics.admin(broker) as client:
        found_states = topics.describe(client, [*registered, prefix + gigs_topic("nobody")], prefix)
    assert found_states.pop(prefix + gigs_topic("nobody")) is None
    assert all(state is not None for state in found_states.values())


@pytest.mark.stack
def test_more_partitions_are_refused(broker: Broker, prefix: str) -> None:
    registered = made(broker, prefix)
    with topics.admin(broker) as client:
        client.create_partitions({prefix + CONTROL: JOURNALS + 1})
    seen(broker, prefix, prefix + CONTROL, lambda s: s is not None and s.partitions > JOURNALS)
    with pytest.raises(Unfit, match=f"expected {JOURNALS} partitions, one per journal, got {JOURNALS + 1}"):
        topics.check_all(broker, registered, JOURNALS, prefix)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        (gigs_topic("gojek"), "retention.ms", "1000"),
        (CONTROL, "message.timestamp.type", "CreateTime"),
        (CONTROL, "cleanup.policy", "compact"),
        (CHECKPOINTS, "cleanup.policy", "delete"),
    ],
)
def test_changed_settings_are_refused(broker: Broker, prefix: str, name: str, setting: str, value: str) -> None:
    registered = made(broker, prefix)
    with topics.admin(broker) as client:
        resource = ConfigResource(ConfigResourceType.TOPIC, prefix + name, configs={setting: value})
        client.alter_configs([resource])
    seen(broker, prefix, prefix + name, lambda s: s is not None and s.config[setting] == value)
    with pytest.raises(Unfit, match=f"expected {setting}=.*, got {value}: set it back with"):
        topics.check_all(broker, registered, JOURNALS, prefix)


@pytest.mark.stack
def test_a_topic_deleted_and_one_made_anew_are_refused(broker: Broker, prefix: str) -> None:
    registered = made(broker, prefix)
    platform = prefix + gigs_topic("gojek")
    with topics.admin(broker) as client:
        client.delete_topics([platform])
    seen(broker, prefix, platform, lambda s: s is None)
    with pytest.raises(Unfit, match=f"topic {platform}: expected it on the broker, got none"):
        topics.check_all(broker, registered, JOURNALS, prefix)
    with topics.admin(broker) as client:
        topics.create(client, platform, JOURNALS, 1, prefix)
    seen(broker, prefix, platform, lambda s: s is not None)
    with pytest.raises(Unfit, match=f"topic {platform}: expected id {registered[platform]}, got"):
        topics.check_all(broker, registered, JOURNALS, prefix)


@pytest.mark.stack
def test_l12_a_position_past_a_topics_end_is_refused(broker: Broker, prefix: str) -> None:
    made(broker, prefix)
    control = prefix + CONTROL
    topics.check_positions(broker, {}, JOURNALS)
    topics.check_positions(broker, {(control, n): 0 for n in range(JOURNALS)}, JOURNALS)
    with pytest.raises(Unfit, match=f"topic {control} partition 2: expected an end at 1 or later, got 0"):
        topics.check_positions(broker, {(control, 1): 0, (control, 2): 1}, JOURNALS)


@pytest.mark.stack
def test_a_foreign_topic_of_our_name_is_left_as_it_is_and_named(broker: Broker, prefix: str) -> None:
    control = prefix + CONTROL
    with topics.admin(broker) as client:
        client.create_topics([NewTopic(control, num_partitions=1, replication_factor=1)], wait_for_metadata=True)
        topics.create(client, control, JOURNALS, 1, prefix)
        (state,) = topics.describe(client, [control], prefix).values()
    problems = topics.check(control, state, JOURNALS, None, prefix)
    assert "got 1" in problems[0]
    assert any("LogAppendTime" in problem for problem in problems)


# -- all of it, as `iuran stream` begins -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> SmallLedger:
    """A founded ledger with one gig; tests put back what they change."""
    ledger = found(servers, tmp_path_factory.mktemp("small"), journals=2, schemes=())
    ledger.publish(gig("G-1", "W-ann", "18500"))
    ledger.drain()
    return ledger


def start(ledger: SmallLedger, settings: Settings | None = None, url: str | None = None) -> object:
    """What `iuran stream` does first."""
    return check_start(ledger.broker, url or ledger.url, settings or ledger.settings)


@pytest.fixture
def moved(small: SmallLedger, tmp_path: Path) -> Iterator[Path]:
    """A copy of the keys, to be spoilt."""
    shutil.copytree(small.settings.keys_dir, tmp_path / "keys", copy_function=shutil.copy2)
    yield tmp_path
    shutil.rmtree(tmp_path / "keys", ignore_errors=True)


@pytest.mark.stack
def test_a_ledger_as_it_was_founded_starts(small: SmallLedger) -> None:
    start(small)
    secret = {n: keys.of_settings(small.settings, small.settings.ledger).secret(n) for n in range(2)}
    assert check_ledger_deeply(small.url, secrets=secret) == 2 + 2 + 1


@pytest.mark.stack
def test_a_position_past_the_end_does_not_start(small: SmallLedger) -> None:
    with psycopg.connect(small.url, autocommit=True) as connection:
        connection.execute("UPDATE positions SET next_offset = next_offset + 100")
        try:
            with pytest.raises(Unfit, match="records that the journal has entered are gone"):
                start(small)
        finally:
            connection.execute("UPDATE positions SET next_offset = next_offset - 100")
    start(small)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("journal-1.key.pem", "restore"),
        ("journal-1.mldsa.pem", "restore"),
        ("journal-1.secret", "restore"),
        ("journal-0.vkey", "restore"),
        ("", "iuran ledger init"),
    ],
    ids=["private key", "second private key", "secret", "verifier key", "all keys"],
)
def test_a_missing_key_does_not_start(small: SmallLedger, moved: Path, file: str, said: str) -> None:
    if file:
        (moved / "keys" / file).unlink()
    else:
        shutil.rmtree(moved / "keys")
    with pytest.raises(Unfit, match=said):
        start(small, small.settings.model_copy(update={"home": moved}))


@pytest.mark.stack
def test_another_ledgers_keys_do_not_start(small: SmallLedger, tmp_path: Path) -> None:
    """Same name, other keys: the verifier key tells."""
    keys.KeyFiles(tmp_path / "keys", small.settings.ledger).generate(2)
    with pytest.raises(Unfit, match="journal 0: expected the key"):
        start(small, small.settings.model_copy(update={"home": tmp_path}))


@pytest.mark.stack
def test_keys_of_another_ledgers_name_do_not_start(small: SmallLedger, tmp_path: Path) -> None:
    keys.KeyFiles(tmp_path / "keys", "other.localhost").generate(2)
    with pytest.raises(Unfit, match=r"other\.localhost"):
        start(small, small.settings.model_copy(update={"home": tmp_path}))


@pytest.mark.stack
def test_another_ledgers_database_does_not_start(
    servers: Servers, small: SmallLedger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = found(servers, tmp_path_factory.mktemp("other"), journals=2, platforms=(), schemes=())
    with pytest.raises(Unfit, match="another ledger's"):
        start(small, url=other.url)
    with pytest.raises(Unfit):
        start(small, url=urlunsplit(urlsplit(small.url)._replace(path="/postgres")))


@pytest.mark.stack
def test_a_topic_made_anew_does_not_start(small: SmallLedger) -> None:
    with psycopg.connect(small.url, autocommit=True) as connection:
        connection.execute("UPDATE topics SET topic_id = topic_id || 'x' WHERE platform = 'gojek'")
        try:
            with pytest.raises(Unfit, match="deleted and made anew"):
                start(small)
        finally:
            connection.execute("UPDATE topics SET topic_id = rtrim(topic_id, 'x') WHERE platform = 'gojek'")
    start(small)


@pytest.mark.stack
def test_a_database_that_is_away_is_breakage(small: SmallLedger) -> None:
    with pytest.raises(LedgerError):
        start(small, url="postgresql://iuran@127.0.0.1:1/none")
