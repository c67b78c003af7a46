"""A journal that stands still while its topics go on is found, one that is behind and moving is not.

Where no stream process runs, the records that wait are a warning.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from kafka.errors import CoordinatorNotAvailableError
from typer.testing import CliRunner

from deploy.cli.audit import app
from ledger.audit.elsewhere import standing, unread
from ledger.audit.elsewhere.standing import Look, Unread
from streams import unread as broker_side
from streams.connection import Broker
from tests.ledger.audit.conftest import in_transaction
from tests.ledger.audit.forgeries.standing import STANDING
from tests.support.ledgers import SmallLedger, found, gig

A, B = ("a", 0), ("b", 0)
places = some.tuples(some.sampled_from("ab"), some.integers(0, 2))
offsets = some.dictionaries(places, some.integers(0, 3))
looks = some.builds(Look, offsets, some.dictionaries(some.integers(0, 2), some.integers(0, 2)))


@given(offsets, looks, looks)
def test_only_a_journal_that_did_not_move_at_all_is_still(ends: Any, first: Look, then: Look) -> None:
    still = standing.unmoved(ends, first, then)
    for (topic, journal), read in still.items():
        assert first.read.get((topic, journal), 0) == then.read.get((topic, journal), 0) == read < ends[topic, journal]
        assert all(first.read.get(p, 0) == offset for p, offset in then.read.items() if p[1] == journal)
        assert then.sizes.get(journal) == first.sizes.get(journal)
    assert standing.unmoved(ends, first, first) == standing.behind(ends, first)


def test_a_move_in_any_topic_or_an_entry_alone_is_a_move() -> None:
    ends, first = {A: 5, B: 5}, Look({A: 2, B: 5}, {0: 7})
    assert standing.unmoved(ends, first, first) == {A: 2}
    assert standing.unmoved(ends, first, Look({A: 2, B: 6}, {0: 7})) == {}
    assert standing.unmoved(ends, first, Look({A: 2, B: 5}, {0: 8})) == {}
    assert standing.unmoved({A: 2, B: 5}, first, first) == {}


def test_what_ends_a_transaction_is_no_record() -> None:
    assert list(standing.found({A: 2, B: 3}, {B: 4}, {A: 3, B: 9}, held=True)) == [Unread("b", 0, 3, 4, 9, True)]


@pytest.mark.parametrize(("held", "strict", "findings"), [(True, False, 1), (False, True, 1), (False, False, 0)])
def test_who_runs_decides_whether_it_is_a_finding(held: bool, strict: bool, findings: int) -> None:
    one = Unread("a", 1, 2, 3, 9, held)
    listed, warnings = standing.check([one], [0, 1], strict=strict)
    assert (len(listed), len(warnings)) == (findings, 1 - findings)
    told = str(listed[0]) if listed else warnings[0]
    assert told.startswith("L12 journal 1: position of a: expected 4 or later, since the broker held records up to 9")
    assert told.endswith(standing.STANDING_STILL if held else standing.NOBODY_READS)
    assert standing.check([one], [0], strict=strict) == ([], [])


class Client:
    """A broker's client that answers one thing about groups."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def describe_groups(self, groups: list[str]) -> dict[str, Any]:
        """Answer, or raise."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict.fromkeys(groups, self.answer)


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        ({"group_state": "Stable", "members": ["one"]}, True),
        ({"group_state": "PreparingRebalance", "members": ["one"]}, False),
        ({"group_state": "Empty", "members": []}, False),
        (CoordinatorNotAvailableError(), False),
    ],
)
def test_journals_are_held_by_a_settled_group_alone(answer: Any, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_side.topics, "admin", lambda broker: nullcontext(Client(answer)))
    assert broker_side.held(Broker("nobody"), broker_side.stream_group("x.", "y")) == held


@pytest.fixture(scope="module")
def small(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> SmallLedger:
    """A ledger of one journal, settled."""
    return found(servers, tmp_path_factory.mktemp("still"), journals=1)


def told(ledger: SmallLedger, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, list[str]]:
    """What the command says."""
    monkeypatch.setenv("IURAN_HOME", str(ledger.settings.home))
    monkeypatch.setenv("IURAN_DATABASE_URL", ledger.url)
    monkeypatch.setenv("IURAN_KAFKA_BOOTSTRAP_SERVERS", ledger.broker.bootstrap_servers)
    done = CliRunner().invoke(app, ["verify", *more])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, [line for line in done.stdout.splitlines() if "position of" in line]


def test_on_the_broker_records_wait_until_they_are_read(small: SmallLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one story, for each step needs the one before: nothing, a transaction's end, records, held, moving, read."""
    assert told(small, monkeypatch) == (0, [])
    in_transaction(small, gig("G-1", "W-1", "9000"))
    small.drain()
    assert told(small, monkeypatch, "--strict") == (0, []), "the end of the transaction has an offset and is no record"
    small.publish(gig("G-2", "W-1", "9000"), gig("G-3", "W-1", "9000"))
    code, lines = told(small, monkeypatch)
    assert code == 0
    assert [line.startswith("warning: L12 journal 0: position of ") for line in lines] == [True]
    assert lines[0].endswith(STANDING[1].says)
    code, lines = told(small, monkeypatch, "--strict")
    assert code == 1
    assert lines[0].startswith(f"{STANDING[1].law} journal 0: ")
    monkeypatch.setattr(broker_side, "held", lambda broker, group: True)
    monkeypatch.setattr(unread, "STILL_SECONDS", 0)
    monkeypatch.setattr(unread, "SESSIONS", 0)
    code, lines = told(small, monkeypatch)
    assert code == 1
    assert lines[0].startswith(f"{STANDING[0].law} journal 0: ")
    assert lines[0].endswith(STANDING[0].says)
    monkeypatch.setattr(unread, "STILL_SECONDS", 60)
    monkeypatch.setattr(unread, "pause", lambda _: small.drain())
    assert told(small, monkeypatch) == (0, []), "it moved while it was waited for"
