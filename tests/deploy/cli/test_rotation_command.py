"""`iuran key rotate | revoke` as typed, on a real ledger, with a stream and without: nothing is lost or stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.entry import decode
from deploy.cli.keys import statement
from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from ledger.log import note
from ledger.log.keys import parse_log_vkey
from ledger.log.note import NoteError
from ledger.store.keys import of_settings
from tests.support.commands import Door
from tests.support.databases import make_keys
from tests.support.ledgers import found, gig
from tests.support.running import findings, streams, until, until_settled

pytestmark = pytest.mark.stack

JOURNALS = 2


@pytest.fixture
def door(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Door:
    folder = tmp_path_factory.mktemp("rotation")
    return Door(found(servers, folder / "home", journals=JOURNALS, schemes=()), folder)


def keys_of(door: Door) -> dict[int, list[dict[str, Any]]]:
    told = json.loads(door.ok("key", "list", "--json"))
    return {n: [one for one in told if one["journal"] == n] for n in range(JOURNALS)}


def signed_by(door: Door, journal: int, vkeys: list[str]) -> set[str]:
    """Which of these keys signed a journal's newest checkpoint."""
    import psycopg

    with psycopg.connect(door.ledger.url) as connection:
        query = "SELECT note FROM checkpoints WHERE journal = %s ORDER BY size DESC LIMIT 1"
        stored = bytes(connection.execute(query, (journal,)).fetchone()[0])  # type: ignore[index]
    found = set()
    for vkey in vkeys:
        try:
            note.open(stored, [parse_log_vkey(vkey)])
        except NoteError:
            continue
        found.add(vkey)
    return found


def publish(door: Door, word: str) -> None:
    door.ledger.publish(*(gig(f"{word}-{n}", f"W-{n:02}", "20000") for n in range(8)))
    door.ledger.drain()


def test_keys_are_rotated_retired_and_revoked_without_a_stream(door: Door) -> None:
    """Announced, and entered when somebody settles: each call again in between adds nothing."""
    old = {n: [key["vkey"] for key in own] for n, own in keys_of(door).items()}
    for _ in range(2):
        assert "announced" in door.ok("key", "rotate")
    door.ledger.drain()
    assert "both sign already" in door.ok("key", "rotate")
    publish(door, "A")
    files = of_settings(door.ledger.settings, door.ledger.settings.ledger)
    for journal, own in keys_of(door).items():
        assert [key["status"] for key in own] == ["current"] * 4
        lines = [key["vkey"] for key in own]
        assert lines[2:] == old[journal]
        assert signed_by(door, journal, lines) == set(lines)
        assert files.vkeys(journal) == tuple(lines)
    new = {n: [key["vkey"] for key in own][:2] for n, own in keys_of(door).items()}

    for _ in range(2):
        assert "announced" in door.ok("key", "rotate", "--finish")
    door.ledger.drain()
    assert "nothing to retire" in door.ok("key", "rotate", "--finish")
    publish(door, "B")
    for journal, own in keys_of(door).items():
        assert [key["status"] for key in own] == ["current", "current", "retired", "retired"]
        assert signed_by(door, journal, [*old[journal], *new[journal]]) == set(new[journal])

    # a key that got out after it was retired, and one that nobody may revoke as it is alone
    identity = old[0][0].split("+")[1]
    said = door.ok("key", "revoke", "0", identity, "--trusted-size", "3")
    assert f"key {identity} is revoked from size 3 on" in said and "Not to be trusted" in said
    door.ledger.drain()
    assert "was revoked before" in door.ok("key", "revoke", "0", old[0][0], "--trusted-size", "3")
    assert [key["status"] for key in keys_of(door)[0]] == ["current", "current", "revoked", "retired"]
    publish(door, "C")
    kinds = [[decode(leaf).kind for leaf in door.ledger.leaves(n)] for n in range(JOURNALS)]
    assert [own.count("key") for own in kinds] == [3, 2]
    assert [own.count("rejection") for own in kinds] == [0, 0]
    assert sum(own.count("accrual") for own in kinds) == 24
    assert findings(door.ledger) == []
    refusals = {
        ("revoke", "0", new[0][0], "--trusted-size", "1"): "iuran key rotate --journal 0",
        ("revoke", "0", identity, "--trusted-size", "2"): "got one that was, from size 3 on",
        ("revoke", "0", "00000000", "--trusted-size", "1"): "expected the id or the verifier key of one",
        ("revoke", "0", identity, "--trusted-size", "9999"): "trusted size: expected at most",
        ("rotate", "--journal", "7"): "expected one of 0 to 1, got 7",
    }
    for arguments, why in refusals.items():
        got = door.run("key", *arguments)
        assert isinstance(got.exception, Unfit) and why in str(got.exception), (arguments, got.exception)


def test_a_running_stream_changes_keys_and_one_that_is_killed_goes_on(door: Door) -> None:
    old = {n: [key["vkey"] for key in own] for n, own in keys_of(door).items()}
    with streams(door.ledger, 1) as (stream,):
        until(stream.is_ready, "the process ready", (stream,))
        until(lambda: "both sign" in door.ok("key", "rotate", "--journal", "0"), "both to sign", (stream,))
        door.ledger.publish(*(gig(f"A-{n}", f"W-{n:02}", "20000") for n in range(8)))
        stream.kill()
        stream.start()
        until(stream.is_ready, "the process ready again", (stream,))
        until_settled(door.ledger, (stream,))
        own = [key["vkey"] for key in keys_of(door)[0]]
        assert len(own) == 4 and own[2:] == old[0]
        assert signed_by(door, 0, own) == set(own)
        assert [key["vkey"] for key in keys_of(door)[1]] == old[1]
        finish = ("key", "rotate", "--journal", "0", "--finish")
        until(lambda: "journal 0: nothing to retire" in door.ok(*finish), "the old keys to retire", (stream,))
        door.ledger.publish(*(gig(f"B-{n}", f"W-{n:02}", "20000") for n in range(8)))
        until_settled(door.ledger, (stream,))
        assert signed_by(door, 0, own) == set(own[:2])
        assert stream.stop() == 0
    assert sum(decode(leaf).kind == "accrual" for n in range(JOURNALS) for leaf in door.ledger.leaves(n)) == 16


def test_the_statement_names_size_root_and_both_lists() -> None:
    vkey = make_keys(1).pairs[0][0].vkey()
    said = statement(vkey, 4711, "ab" * 32)
    assert f"test.localhost/log/0 key {vkey.split('+')[1]} is revoked from size 4711 on" in said
    assert "ab" * 32 in said and "entries 0 to 4710" in said
    assert said.index("Still to be trusted") < said.index("Not to be trusted") < said.index("Do now")
