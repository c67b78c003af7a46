"""The deep checker can fail: each thing that it checks is broken once, and it says so.

Each breach is made in a copy of one whole ledger, so that it is seen alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from deploy.embedded.stack import Servers
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.store.tables import APPEND_ONLY
from tests.support.databases import NAME, Bare, bare_ledger, copied
from tests.support.deep import check_ledger_deeply
from tests.support.faults import Desks
from tests.support.strategies import GIGWISE, GOJEK, GRAB, POOL, Feed

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def whole(servers: Servers) -> Iterator[tuple[Bare, Desks]]:
    """A ledger with something of everything, a snapshot too."""
    with bare_ledger(servers) as ledger:
        feed = Feed()
        records = [ledger.opening(feed), feed.enacted(POOL[0]), feed.enacted(GIGWISE)]
        records += [feed.gig(f"G-{n}", "W-ann", "90") for n in range(64)]
        feed.skip(GRAB, 2)
        records += [feed.gig("H-1", "W-ben", topic=GRAB), feed.record(GOJEK, b"{", None), feed.gig("H-2", "W-ben")]
        records += [feed.again(records[-1])]
        desk = Desks(ledger, records)
        desk.settle(records[:40], records[40:67], records[67:])
        assert check_ledger_deeply(ledger.url, published=desk.outside.last(), secrets={0: ledger.secrets[0]}) == 70
        yield ledger, desk


def swap(old: str, new: str, index: int) -> str:
    """A statement that replaces text in a leaf."""
    text = f"replace(encode(leaf, 'escape'), '{old}', '{new}')::bytea"
    return f'UPDATE entries SET leaf = {text} WHERE "index" = {index}'


BREACHES: dict[str, tuple[str, str]] = {
    "an entry deleted": ("L5", 'DELETE FROM entries WHERE "index" = 5'),
    "the newest entry deleted": ("L5", 'DELETE FROM entries WHERE "index" = 69'),
    "a byte changed": ("L6", swap('"fare"', '"tips"', 20)),
    "a space added": ("L4", swap('"kind"', ' "kind"', 20)),
    "a member added": ("L4", swap('"format"', '"foreign":1,"format"', 20)),
    "an index changed": ("L2", swap('"index":20', '"index":21', 20)),
    "two entries swapped": ("L2", 'UPDATE entries SET "index" = CASE "index" WHEN 20 THEN 1021 ELSE 1020 END WHERE '
                            '"index" IN (20, 21); UPDATE entries SET "index" = "index" - 1000 WHERE "index" > 1000'),
    "a worker changed": ("L2", 'UPDATE entries SET worker = \'W-cut\' WHERE "index" = 20'),
    "a worker of an act": ("L2", 'UPDATE entries SET worker = \'W-cut\' WHERE "index" = 1'),
    "a kind changed": ("L2", 'UPDATE entries SET kind = 4 WHERE "index" = 1'),
    "an event key changed": ("L3", "UPDATE entries SET event_key = gen_random_uuid() WHERE \"index\" = 20"),
    "an event key gone": ("L3", 'UPDATE entries SET event_key = NULL WHERE "index" = 20'),
    "an event twice": ("L3", swap("G-20", "G-21", 23)),
    "an id left out": ("L3", swap('"id":"G-20",', "", 23)),
    "a duplicate not counted": ("L12", swap('"duplicates":0', '"duplicates":1', 20)),
    "a gap not counted": ("L12", swap('"gap":2', '"gap":0', 67)),
    "an offset changed": ("L12", swap('"offset":17', '"offset":18', 20)),
    "another partition": ("L3", swap('"partition":0', '"partition":1', 20)),
    "a contribution changed": ("L1", swap('"amount":900', '"amount":901', 20)),
    "a balance changed": ("L1", swap('"accrued":', '"accrued":1', 20)),
    "a position set back": ("L12", "UPDATE positions SET next_offset = next_offset - 1 WHERE topic = 'gigs.gojek'"),
    "a position's count changed": ("L12", "UPDATE positions SET duplicates = 0 WHERE topic = 'gigs.gojek'"),
    "a position gone": ("L12", "DELETE FROM positions WHERE topic = 'gigs.grab'"),
    "a refused record gone": ("L12", "DELETE FROM rejections"),
    "a refused record changed": ("L12", "UPDATE rejections SET value = 'x'"),
    "a refusal's code changed": ("L12", "UPDATE rejections SET code = 'too_large'"),
    "a refused record too many": ("L12", 'INSERT INTO rejections SELECT journal, 3, topic, partition, 99, '
                                  "timestamp_ms, code, detail, key, value, headers, recorded_at FROM rejections"),
    "a head set back": ("L5", "UPDATE heads SET size = 60"),
    "a frontier changed": ("L6", "UPDATE heads SET frontier = set_byte(frontier, 9, get_byte(frontier, 9) # 1)"),
    "a checkpoint gone": ("L6", "DELETE FROM checkpoints WHERE size = 70"),
    "a checkpoint's root changed": ("L6", "UPDATE checkpoints SET note = set_byte(note, 26, CASE get_byte(note, 26) "
                                    "WHEN 65 THEN 66 ELSE 65 END) WHERE size = 40"),
    "a signature changed": ("L6", "UPDATE checkpoints SET note = set_byte(note, length(note) - 10, "
                            "get_byte(note, length(note) - 10) # 1) WHERE size = 40"),
    "a signature that is no base64": ("L6", "UPDATE checkpoints SET note = set_byte(note, length(note) - 10, 46) "
                                      "WHERE size = 40"),
    "a checkpoint of another size": ("L6", "UPDATE checkpoints SET size = 41 WHERE size = 40"),
    "a checkpoint beyond the end": ("L6", "UPDATE checkpoints SET size = 71 WHERE size = 70"),
    "another key": ("L6", "UPDATE heads SET vkey = 'test.localhost/log/0+00000000+"
                    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA='"),
    "a published size changed": ("L8", "UPDATE heads SET published_size = 5"),
    "a standing changed": ("L9", "UPDATE standings SET account = replace(encode(account, 'escape'), '\"newest\":', "
                           "'\"newest\":1')::bytea"),
    "a standing of another entry": ("L9", "UPDATE standings SET as_of = as_of - 1"),
    "rows of no journal": ("heads", "UPDATE standings SET journal = 9"),
    "a head too many": ("heads", "INSERT INTO heads SELECT 2, size, commits, frontier, vkey, 0 FROM heads"),
    "no opening": ("L4", swap('"kind":"ledger"', '"kind":"platform"', 0)),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES, ids=str)
def test_each_breach_is_named_by_its_law(whole: tuple[Bare, Desks], breach: str) -> None:
    ledger, _ = whole
    law, statements = BREACHES[breach]
    with copied(ledger) as copy:
        with psycopg.connect(copy.url) as connection:
            for table in APPEND_ONLY:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # type: ignore[call-overload]
            for statement in statements.split("; "):
                assert connection.execute(statement).rowcount > 0  # type: ignore[call-overload]
        with pytest.raises(AssertionError, match="standings: expected rows" if breach == "rows of no journal" else law):
            check_ledger_deeply(copy.url)


def test_what_stands_outside_must_be_a_prefix(whole: tuple[Bare, Desks]) -> None:
    ledger, desk = whole
    for note in desk.outside.notes[0]:
        check_ledger_deeply(ledger.url, published={0: note})
    for size in (40, 71):
        beside = sign_checkpoint(Checkpoint(f"{NAME}/log/0", size, b"\1" * 32), [ledger.signers[0]])
        with pytest.raises(AssertionError, match=r"L6 .* checkpoint outside"):
            check_ledger_deeply(ledger.url, published={0: beside})


def test_another_secret_is_seen(whole: tuple[Bare, Desks]) -> None:
    with pytest.raises(AssertionError, match=r"L4 .*expected salt"):
        check_ledger_deeply(whole[0].url, secrets={0: bytes(32)})
