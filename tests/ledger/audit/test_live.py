"""A running ledger audited over HTTP, by who has its address, an auditor's token and verifier keys: nothing else.

The ledger's keys were rotated twice by the operator's own commands; the second pair was then revoked, at a size of
which no checkpoint was ever signed. So all that the API shows, its history among it, is held against every law.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deploy import rotating
from deploy.cli.audit import app
from deploy.cli.audit_export import exported
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.api import routes_log
from ledger.audit.exporting import export_sources
from ledger.audit.exporting.export_serving import create_app
from ledger.audit.sources import live
from ledger.audit.sources.paths import ALL, Query, Wanted
from ledger.errors import Unfit
from ledger.log.checkpoint import claimed
from ledger.store import keys
from tests.ledger.audit.tampering import copied
from tests.support import foreign
from tests.support.exports import MadeLog, rewritten
from tests.support.ledgers import SmallLedger, found, gig
from tests.support.serving import served, served_api

pytestmark = pytest.mark.stack

JOURNAL = 0


class Rotated(NamedTuple):
    """A ledger whose keys changed, its three pairs of verifier keys, first to last, and the size trusted."""

    ledger: SmallLedger
    vkeys: list[tuple[str, ...]]
    trusted_size: int


@pytest.fixture(scope="module")
def rotated(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Rotated:
    """Such a ledger of one journal; read, copied, and never written to."""
    ledger = found(servers, tmp_path_factory.mktemp("rotated") / "home", journals=1, schemes=())

    def worked(word: str) -> None:
        ledger.publish(*(gig(f"{word}-{n}", "W-one", "20000") for n in range(5)))
        ledger.drain()

    def current() -> tuple[str, ...]:
        return keys.of_settings(ledger.settings, ledger.settings.ledger).vkeys(JOURNAL)[:2]

    pairs = [current()]
    worked("A")
    for word in ("B", "C"):
        rotating.rotate(ledger.settings, None, SILENT)
        ledger.drain()
        rotating.rotate(ledger.settings, None, SILENT)
        pairs.append(current())
        worked(word)
        if word == "B":
            rotating.finish(ledger.settings, None, SILENT)
            ledger.drain()
            worked("BB")
            size = len(ledger.leaves(JOURNAL)) - 3
    for vkey in pairs[1]:
        rotating.revoke(ledger.settings, JOURNAL, vkey, size, SILENT)
        ledger.drain()
    worked("D")
    return Rotated(ledger, pairs, size)


@pytest.fixture
def address(rotated: Rotated) -> Iterator[tuple[str, ...]]:
    """The API's address, with the arguments that a command takes along."""
    with served_api(rotated.ledger) as (url, token):
        yield (url, "--token", token)


def audit(*arguments: Any) -> tuple[int, list[str]]:
    """What `iuran audit verify` gives: its exit code (2: it could not be asked), and its lines."""
    done = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    if isinstance(done.exception, Unfit):
        return 2, [str(done.exception)]
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout.splitlines()


def signed_sizes(ledger: SmallLedger) -> list[int]:
    with psycopg.connect(ledger.url) as connection:
        return [size for (size,) in connection.execute("SELECT size FROM checkpoints ORDER BY size")]


def test_it_holds_for_whoever_trusts_a_key_that_was_not_revoked(rotated: Rotated, address: tuple[str, ...]) -> None:
    entries = len(rotated.ledger.leaves(JOURNAL))
    assert rotated.trusted_size not in signed_sizes(rotated.ledger)
    for more in (
        (),
        ("--log-only",),
        ("--recompute",),
        ("--vkey", rotated.vkeys[2][0]),
        ("--vkey", rotated.vkeys[2][1]),
    ):
        code, lines = audit(*address, *more)
        assert (code, lines[-1]) == (0, f"verified: 1 journals, {entries} entries"), lines
    code, lines = audit(*address, "--vkey", rotated.vkeys[1][0])
    assert code == 1
    assert any("newest checkpoint: expected the signature of a key that is trusted" in line for line in lines)


@pytest.mark.parametrize("page", [2, 200])
def test_every_earlier_checkpoint_is_held_against_the_log_page_by_page(
    page: int, rotated: Rotated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes_log, "CHECKPOINTS_PAGE", page)
    sizes = signed_sizes(rotated.ledger)
    with served_api(rotated.ledger) as (place, token):
        code, lines = audit(place, "--token", token, "--json")
    assert (code, json.loads("\n".join(lines))["journals"][0]["checkpoints"]) == (0, len(sizes))


def test_a_checkpoint_beside_the_log_in_its_history_is_found_over_the_address(
    rotated: Rotated, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes_log, "CHECKPOINTS_PAGE", 2)
    ledger = rotated.ledger
    signers = list(keys.of_settings(ledger.settings, ledger.settings.ledger).signers(JOURNAL))
    size = signed_sizes(ledger)[-2]
    fork = rewritten(MadeLog(JOURNAL, signers, ledger.leaves(JOURNAL), [size]), [b"{}", *ledger.leaves(JOURNAL)[1:]])
    with copied(servers, ledger.url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE checkpoints DISABLE TRIGGER USER")
            connection.execute("UPDATE checkpoints SET note = %s WHERE size = %s", (fork.note(size), size))
        with served_api(ledger, url) as (place, token):
            code, lines = audit(place, "--token", token)
            if foreign.missing_go() is None:
                (tmp_path / "token").write_text(token)
                assert "L6" in foreign.go("verify-log", "-token-file", tmp_path / "token", place).laws()
    assert code == 1
    assert any(f"of size {size}: expected the tree's root, got another, signed beside it" in line for line in lines)


def test_an_auditor_goes_on_over_the_address_and_finds_a_ledger_set_back(
    rotated: Rotated, servers: Servers, tmp_path: Path
) -> None:
    kept, again = tmp_path / "kept", tmp_path / "again"
    entries = len(rotated.ledger.leaves(JOURNAL))
    with copied(servers, rotated.ledger.url) as url:
        size = set_back(url)
        with served_api(rotated.ledger, url) as (place, token):
            assert audit(place, "--token", token, "--keep", kept)[0] == 0
        with served_api(rotated.ledger) as (place, token):
            code, lines = audit(place, "--token", token, "--since", kept, "--keep", again)
            told = f"verified: 1 journals, {entries - size} entries, going on from {size} verified before"
            assert (code, lines[-1]) == (0, told), lines
        with served_api(rotated.ledger, url) as (place, token):
            code, lines = audit(place, "--token", token, "--since", again)
    assert code == 1
    missing = f"expected the {entries} entries it signs, got {size}: "
    assert any(line.startswith(f"L6 journal 0 entry {size}: checkpoint verified before: {missing}") for line in lines)
    assert not any("were taken as verified before" in line for line in lines), "all of it was read"


def test_what_is_held_below_the_size_that_was_verified_before_is_told_to_be_verified_whole(
    rotated: Rotated, address: tuple[str, ...], tmp_path: Path
) -> None:
    kept, held, entries = tmp_path / "kept", tmp_path / "held", len(rotated.ledger.leaves(JOURNAL))
    assert audit(*address, "--keep", kept)[0] == 0
    signers = list(keys.of_settings(rotated.ledger.settings, rotated.ledger.settings.ledger).signers(JOURNAL))
    known = signed_sizes(rotated.ledger)
    log = MadeLog(JOURNAL, signers, rotated.ledger.leaves(JOURNAL), known)
    held.write_bytes(log.note(known[-2]))
    assert audit(*address, "--since", kept, "--against", held)[0] == 0
    below = rotated.trusted_size
    held.write_bytes(log.note(below))
    code, lines = audit(*address, "--since", kept, "--against", held)
    expected = f"expected a size from {entries} on, or one that was verified before, got {below}"
    assert (code, lines) == (2, [f"checkpoint {held}: {expected}; verify it without --since"])


def set_back(url: str) -> int:
    """Set a copy of the ledger back to the checkpoint before its newest, in every table; give that size."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("entries", "checkpoints", "heads", "positions"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # type: ignore[call-overload]
        sizes = [size for (size,) in connection.execute("SELECT size FROM checkpoints ORDER BY size")]
        back = sizes[-2]
        connection.execute("DELETE FROM checkpoints WHERE size > %s", (back,))
        connection.execute('DELETE FROM entries WHERE "index" >= %s', (back,))
        connection.execute("UPDATE heads SET size = %s, published_size = %s", (back, back))
        (note,) = connection.execute("SELECT note FROM checkpoints WHERE size = %s", (back,)).fetchone() or (b"",)
        assert claimed(bytes(note)).size == back
    return back


def test_the_history_travels_into_an_export_and_is_verified_there(
    rotated: Rotated, address: tuple[str, ...], tmp_path: Path
) -> None:
    url, _, token = address
    (tmp_path / "token").write_text(token)
    out = CliRunner().invoke(
        app, ["export", str(tmp_path / "out"), "--from", url, "--token-file", str(tmp_path / "token")]
    )
    assert out.exit_code == 0, out.output
    code, lines = audit(tmp_path / "out", "--json")
    assert (code, json.loads("\n".join(lines))["journals"][0]["checkpoints"]) == (0, len(signed_sizes(rotated.ledger)))
    with served(create_app(tmp_path / "out")) as place:
        assert audit(place)[0] == 0
    if foreign.missing_go() is None:
        assert foreign.go("verify-log", tmp_path / "out").holds
        assert foreign.go("verify-log", "-token-file", tmp_path / "token", url).holds


def test_without_an_auditors_token_nothing_is_read(address: tuple[str, ...], rotated: Rotated) -> None:
    url, _, token = address
    for shown in ((), ("--token", token[:-4] + "AAAA")):
        code, lines = audit(url, *shown)
        assert code == 2
        assert "token" in lines[0]


@pytest.mark.parametrize("ago", [3, 8])
def test_where_the_quorum_came_before_keys_changed_all_holds_too(
    ago: int, rotated: Rotated, servers: Servers, tmp_path: Path
) -> None:
    """The checkpoint that is shown is then older than the keys that are listed."""
    size, entries = signed_sizes(rotated.ledger)[-ago], len(rotated.ledger.leaves(JOURNAL))
    with copied(servers, rotated.ledger.url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO quorums (journal, size) VALUES (%s, %s)", (JOURNAL, size))
        exported(tmp_path / "out", export_sources.of_database(url), SILENT)
        with served_api(rotated.ledger, url) as (place, token):
            live = audit(place, "--token", token)
            (tmp_path / "token").write_text(token)
            out = CliRunner().invoke(
                app, ["export", str(tmp_path / "again"), "--from", place, "--token-file", str(tmp_path / "token")]
            )
            assert out.exit_code == 0, out.output
    assert claimed((tmp_path / "out/log/0/checkpoint").read_bytes()).size == size
    code, lines = audit(tmp_path / "out")
    assert (code, lines[-1]) == (0, f"verified: 1 journals, {size} entries"), lines
    assert (tmp_path / "out/log/0/vkey").read_bytes() == (tmp_path / "again/log/0/vkey").read_bytes()
    assert (live[0], live[1][-1]) == (0, f"verified: 1 journals, {entries} entries"), live
    if foreign.missing_go() is None:
        assert foreign.go("verify-log", tmp_path / "out").holds


class Turning:
    """Paths to journals whose keys change at some of the questions, counted from 0."""

    together = 8

    def __init__(self, changes: Sequence[frozenset[int]]) -> None:
        self.changes = changes
        self.now = -1

    def read(self, paths: Wanted) -> list[bytes | None]:
        self.now += 1
        return [self._one(int(path.split("/")[1]), path) for path, _ in paths]

    def _one(self, journal: int, path: str) -> bytes:
        number = sum(change <= self.now for change in self.changes[journal])
        return b"keys %d" % number if "vkey" in path else b"checkpoint under keys %d" % number

    def stream(self, path: str, query: Query = ALL) -> Iterator[bytes]:
        raise NotImplementedError


@given(st.lists(st.frozensets(st.integers(1, 9), max_size=live.ATTEMPTS - 1), min_size=1, max_size=4))
def test_a_checkpoint_and_keys_are_of_one_moment_while_keys_change(changes: list[frozenset[int]]) -> None:
    paths = Turning(changes)
    for newest, shown, vkeys in live.heads_of(paths, len(changes)).values():
        assert newest == shown == b"checkpoint under " + (vkeys or b"")
    assert paths.now <= 2 + 2 * len(frozenset().union(*changes)), "asked again only where keys changed"


def test_keys_that_change_all_the_time_are_not_asked_for_for_ever() -> None:
    paths = Turning([frozenset(range(1000))])
    assert list(live.heads_of(paths, 1)) == [0]
    assert paths.now == 2 * live.ATTEMPTS
