"""Forgeries that a row of the table can't tell: every byte, what a stream refuses to start on, and the commands' words.

All on the stored data of a real ledger (Kafka, PostgreSQL), with the database's own guards switched off. The table
itself is in `forgeries/`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from deploy.cli.audit import app
from ledger.audit import verify
from ledger.audit.elsewhere.outside import Outside
from ledger.audit.findings import Finding
from ledger.audit.sources import evidence
from ledger.audit.verdict import Verdict
from ledger.errors import Unfit
from ledger.log.keys import MlDsaSigner, Signer
from ledger.store import keys, rejections
from ledger.store.keystore import LogSigner
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.tampering import GUARDED, Attacker, copied, set_in

JOURNAL = 0


def audit(url: str, honest: Honest, outside: Outside | None = None, **more: Any) -> Verdict:
    """Verify a database with the ledger's secrets at hand, and its verifier keys only if asked to."""
    settings = honest.ledger.settings
    known = {n: keys.of_settings(settings, settings.ledger).secret(n) for n in range(settings.journals)}
    with evidence.frozen(url) as stored:
        return verify.verify(stored, outside, lambda _: None, known_secrets=known, **more)


def signers(honest: Honest, journal: int = JOURNAL) -> Sequence[Signer | MlDsaSigner]:
    return keys.of_settings(honest.ledger.settings, honest.ledger.settings.ledger).signers(journal)


def vkeys(own: Sequence[LogSigner]) -> list[str]:
    return [signer.vkey() for signer in own]


@pytest.fixture
def attacked(servers: Any, honest: Honest) -> Iterator[Callable[[], Any]]:
    """Gives a context: an attacker at a copy of the database; what they did is committed when it ends."""

    @contextmanager
    def attack(journal: int = JOURNAL) -> Iterator[tuple[Attacker, str]]:
        with copied(servers, honest.ledger.url) as url:
            yield Attacker(psycopg.connect(url, autocommit=True), journal), url

    yield attack


def accrual(attacker: Attacker) -> int:
    """An accrual with postings, neither among the first nor the last entries."""
    return attacker.of_kind("accrual")[7]


def test_an_erased_refusal_is_counted_and_all_else_still_holds(honest: Honest, attacked: Any) -> None:
    """Not a forgery: what the ledger's own door does, the guards on; then the hash in the entry stands alone."""
    with attacked() as (attacker, url):
        for table in GUARDED:
            attacker.connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        index = attacker.of_kind("rejection")[0]
        assert rejections.erase(url, JOURNAL, index, "personal_data")
        found = audit(url, honest, honest.outside)
        assert found.holds
        assert [walked.erased for walked in found.journals] == [1, 0]
        attacker.connection.execute("ALTER TABLE rejections DISABLE TRIGGER USER")
        attacker.do("UPDATE rejections SET value = 'x' WHERE journal = JOURNAL AND " + '"index" = %s', index)
        assert [(f.law, f.index) for f in audit(url, honest).findings] == [("L12", index)]


def test_every_changed_byte_is_found_between_the_checkpoints_around_it(honest: Honest, attacked: Any) -> None:
    chance = random.Random(20260301)
    with attacked() as (attacker, url):
        sizes = [
            0,
            *(int(s) for (s,) in attacker.do("SELECT size FROM checkpoints WHERE journal = JOURNAL ORDER BY 1")),
        ]
        for _ in range(25):
            index = chance.randrange(attacker.size)
            leaf = attacker.leaf(index)
            changed = bytearray(leaf)
            changed[chance.randrange(len(leaf))] ^= 1 << chance.randrange(8)
            attacker.set_leaf(index, bytes(changed))
            start = max(s for s in sizes if s <= index)
            tree = [f for f in audit(url, honest).findings if f.law == "L2" and f.detail.startswith("tree")]
            assert len(tree) == 1
            assert f"it was right at size {start}" in tree[0].detail
            assert tree[0].index in (start, index)
            attacker.set_leaf(index, leaf)
        assert audit(url, honest).holds


def findings(attacked: Any, honest: Honest, forge: Callable[[Attacker], Any], **more: Any) -> list[Finding]:
    """What is found after a forgery, with what was published outside compared."""
    with attacked() as (attacker, url):
        forge(attacker)
        return list(audit(url, honest, honest.outside, **more).findings)


def says(found: list[Finding], law: str, pattern: str) -> bool:
    return any(f.law == law and re.search(pattern, f.detail) for f in found)


def test_the_last_entry_deleted_names_the_missing_size(honest: Honest, attacked: Any) -> None:
    size = 0

    def forge(attacker: Attacker) -> None:
        nonlocal size
        size = attacker.size
        attacker.do('DELETE FROM entries WHERE journal = JOURNAL AND "index" = %s', size - 1)

    found = findings(attacked, honest, forge)
    missing = f"expected .*{size}.*, got {size - 1}: entries {size - 1} are missing"
    assert says(found, "L5", f"head: {missing}")
    assert says(found, "L7", "checkpoint stored")
    assert says(found, "L6", f"checkpoint on iuran.checkpoints: expected the {size} entries it signs, got {size - 1}")


def test_an_entry_rewritten_under_the_key_is_beside_what_was_published(honest: Honest, attacked: Any) -> None:
    def forge(attacker: Attacker) -> None:
        attacker.edit(accrual(attacker), set_in("event", "time", to="2026-03-02T08:15:30Z"))
        attacker.resign(signers(honest))

    found = findings(attacked, honest, forge)
    assert says(found, "L6", "checkpoint on iuran.checkpoints of size .*: expected the tree's root|tree: expected")
    with attacked() as (attacker, url):
        forge(attacker)
        with pytest.raises(Unfit, match="a clone that went its own way"):
            replace(
                honest.ledger, url=url, settings=honest.ledger.settings.model_copy(update={"database_url": url})
            ).drain()


TILES: dict[str, tuple[str, str]] = {
    "a hash": (
        "UPDATE tiles SET hashes = set_byte(hashes, 99, 7 # get_byte(hashes, 99))",
        "tile/0/000: expected the hashes of its entries, got others",
    ),
    "cut short": ("UPDATE tiles SET hashes = substring(hashes FOR 32)", "tile/0/000: .*, got others"),
    "the root": ("UPDATE tiles SET root = sha256(root)", "tile/0/000: expected the root over its hashes, got another"),
    "gone": ("DELETE FROM tiles", "tile/0/000: expected the hashes of its entries, got none"),
    "one more": (
        "INSERT INTO tiles SELECT journal, 1, 0, root, hashes FROM tiles",
        "tiles of level 1: expected 0 full ones, got 1",
    ),
}


@pytest.mark.parametrize("name", TILES)
def test_tiles_are_held_against_the_entries(name: str, honest: Honest, attacked: Any) -> None:
    statement, pattern = TILES[name]
    found = findings(attacked, honest, lambda attacker: attacker.do(f"{statement} WHERE journal = JOURNAL"))
    assert [f.law for f in found] == ["L6"]
    assert re.search(pattern, found[0].detail)


def test_what_a_row_says_it_corrects_is_held_against_its_leaf(honest: Honest, attacked: Any) -> None:
    def forge(attacker: Attacker) -> None:
        row = 'WHERE journal = JOURNAL AND "index" = %s'
        attacker.do(f"UPDATE entries SET refers_to = event_key {row}", accrual(attacker))

    assert says(findings(attacked, honest, forge), "L2", "column refers_to: expected the key of the gig")


def test_a_topic_set_back_is_found(honest: Honest, servers: Any) -> None:
    older = dict(honest.outside.before)
    older[0] = None
    verdict = audit(honest.ledger.url, honest, Outside(older, older))
    assert [f.law for f in verdict.findings] == ["L6"]
    assert "iuran.checkpoints: expected the checkpoint published at size" in verdict.findings[0].detail


def test_a_restored_older_database_is_refused_and_found(honest: Honest) -> None:
    with psycopg.connect(honest.ledger.url) as connection:
        row: Any = connection.execute("SELECT size FROM heads WHERE journal = 0").fetchone()
    with psycopg.connect(honest.earlier_url) as connection:
        old: Any = connection.execute("SELECT size FROM heads WHERE journal = 0").fetchone()
    assert audit(honest.earlier_url, honest).holds
    found = list(audit(honest.earlier_url, honest, honest.outside).findings)
    missing = f"expected the {row[0]} entries it signs, got {old[0]}: entries {old[0]} to {row[0] - 1} are missing"
    assert says(found, "L6", missing)
    restored = replace(
        honest.ledger,
        url=honest.earlier_url,
        settings=honest.ledger.settings.model_copy(update={"database_url": honest.earlier_url}),
    )
    with pytest.raises(
        Unfit, match=f"expected at least the {row[0]} entries that were published, got {old[0]}; .*restore"
    ):
        restored.drain()


def command(honest: Honest, url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setenv("IURAN_HOME", str(honest.ledger.settings.home))
    monkeypatch.setenv("IURAN_DATABASE_URL", url)
    monkeypatch.setenv("IURAN_KAFKA_BOOTSTRAP_SERVERS", honest.ledger.broker.bootstrap_servers)
    return CliRunner().invoke(app, arguments)


def test_an_honest_ledger_is_verified_by_the_command(honest: Honest, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = sum(len(honest.ledger.leaves(n)) for n in range(2))
    done = command(honest, honest.ledger.url, monkeypatch, "verify")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"verified: 2 journals, {entries} entries"
    one = command(honest, honest.ledger.url, monkeypatch, "verify", "--journal", "1", "--json")
    assert one.exit_code == 0
    told = msgspec.json.decode(one.stdout)
    assert told["verified"]
    assert told["compared"]
    assert [j["journal"] for j in told["journals"]] == [1]
    offline = command(honest, honest.ledger.url, monkeypatch, "verify", "--offline")
    assert offline.exit_code == 0
    assert "not compared with iuran.checkpoints" in offline.stdout


def test_a_restored_older_database_ends_the_command_with_1(honest: Honest, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command(honest, honest.earlier_url, monkeypatch, "verify")
    assert done.exit_code == 1
    assert re.match(r"NOT verified: \d+ findings, first: L6 journal 0", done.stdout.splitlines()[-1])


def test_without_a_broker_the_command_says_what_to_do(honest: Honest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(honest.ledger.broker.__class__, "bootstrap_servers", "127.0.0.1:1")
    done = command(honest, honest.ledger.url, monkeypatch, "verify")
    assert done.exit_code == 1
    assert "--offline" in str(done.exception)


def test_a_gig_under_workers_of_two_journals_is_a_warning_or_when_strict_a_finding(honest: Honest) -> None:
    told = audit(honest.ledger.url, honest, honest.outside)
    assert told.holds
    assert len(told.warnings) == 1
    strict = audit(honest.ledger.url, honest, honest.outside, strict=True)
    assert [(f.law, f.journal) for f in strict.findings] == [("L3", 1)]
    assert strict.findings[0].index is not None
