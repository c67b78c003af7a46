"""The forgeries: what an owner of the database may do to it, and the law and place by which the audit finds it.

All on the stored data of a real ledger (Kafka, PostgreSQL), with the database's own guards switched off. Forgeries
"under the key" are done by who holds the journal's key too: what then finds them is another law, or the checkpoint
that was published outside.
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

from deploy.cli.audit import app, last_line
from ledger.audit import evidence, verify
from ledger.audit.findings import Finding
from ledger.audit.outside import Outside
from ledger.audit.verify import Verdict
from ledger.errors import Unfit
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.keys import MlDsaSigner, Signer
from ledger.store import keys, rejections
from ledger.store.keystore import LogSigner
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.tampering import GUARDED, Attacker, copied, encode, set_in
from tests.support.databases import make_keys

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


def after_duplicates(attacker: Attacker) -> int:
    """An entry before which its topic's partition brought a duplicate."""
    leaves = map(msgspec.json.decode, attacker.leaves())
    return next(n for n, leaf in enumerate(leaves) if leaf["cause"]["since"]["duplicates"])


def after_gap(attacker: Attacker) -> int:
    """An entry before which an offset never came."""
    return next(
        n for n, leaf in enumerate(map(msgspec.json.decode, attacker.leaves())) if leaf["cause"]["since"]["gap"]
    )


def refusal(attacker: Attacker) -> int:
    return attacker.of_kind("rejection")[0]


Forgery = tuple[Callable[[Attacker], int], Callable[[Attacker, int], Any], str]
"""Which entry; what is done to it; the law by which it is found at that entry."""


def sql(statement: str, *values: Any) -> Callable[[Attacker, int], Any]:
    return lambda attacker, index: attacker.do(statement, *values, index)


def swap(attacker: Attacker, index: int) -> None:
    one, other = attacker.leaf(index), attacker.leaf(index + 1)
    attacker.set_leaf(index, other)
    attacker.set_leaf(index + 1, one)


_ROW = 'WHERE journal = JOURNAL AND "index" = %s'
AT_AN_ENTRY: dict[str, Forgery] = {
    "a digit of an amount": (accrual, lambda a, i: a.flip(i, b'"amount":', b'"contributions"'), "L1"),
    "a digit of a balance": (accrual, lambda a, i: a.flip(i, b'"accrued":'), "L1"),
    "a digit of the salt": (accrual, lambda a, i: a.flip(i, b'"salt":"'), "L4"),
    "a digit of the index": (accrual, lambda a, i: a.flip(i, b'"index":'), "L5"),
    "a digit of the offset": (accrual, lambda a, i: a.flip(i, b'"offset":'), "L12"),
    "another spelling": (accrual, lambda a, i: a.set_leaf(i, a.leaf(i).replace(b'"index":', b'"index": ')), "L4"),
    "bytes that are no text": (accrual, lambda a, i: a.set_leaf(i, a.leaf(i).replace(b"ride", b"\xff\xfe")), "L4"),
    "a leaf of nothing": (accrual, lambda a, i: a.set_leaf(i, b""), "L4"),
    "a leaf of a million bytes": (accrual, lambda a, i: a.set_leaf(i, b"[" * 1_000_000), "L4"),
    "another payer": (accrual, lambda a, i: a.edit(i, set_in("contributions", 0, "payer", to="platform:grab")), "L1"),
    "a contribution gone": (accrual, lambda a, i: a.edit(i, set_in("contributions", to=lambda c: c[1:])), "L1"),
    "another worker in the leaf": (accrual, lambda a, i: a.edit(i, set_in("event", "subject", to="W-other")), "L2"),
    "duplicates under the signature": (
        after_duplicates, lambda a, i: a.edit(i, set_in("cause", "since", "duplicates", to=0)), "L12"
    ),
    "a gap under the signature": (after_gap, lambda a, i: a.edit(i, set_in("cause", "since", "gap", to=0)), "L12"),
    "a refusal's code": (refusal, lambda a, i: a.edit(i, set_in("rejection", "code", to="malformed")), "L12"),
    "the keys of entry 0": (lambda _: 0, lambda a, i: a.edit(i, set_in("event", "data", "vkeys", to=["x", "y"])), "L6"),
    "the number of journals": (lambda _: 0, lambda a, i: a.edit(i, set_in("event", "data", "journals", to=1)), "L6"),
    "two entries swapped": (accrual, swap, "L5"),
    "an entry deleted": (accrual, sql(f"DELETE FROM entries {_ROW}"), "L5"),
    "column worker": (accrual, sql(f"UPDATE entries SET worker = 'W-thief' {_ROW}"), "L2"),
    "column worker of a refusal": (refusal, sql(f"UPDATE entries SET worker = 'W-thief' {_ROW}"), "L2"),
    "column kind": (accrual, sql(f"UPDATE entries SET kind = 1 {_ROW}"), "L2"),
    "column kind unheard of": (accrual, sql(f"UPDATE entries SET kind = 77 {_ROW}"), "L2"),
    "column event_key": (accrual, sql(f"UPDATE entries SET event_key = %s {_ROW}", "00" * 16), "L3"),
    "column event_key gone": (accrual, sql(f"UPDATE entries SET event_key = NULL {_ROW}"), "L3"),
    "a refused record gone": (refusal, sql(f"DELETE FROM rejections {_ROW}"), "L12"),
    "a refused record's bytes": (refusal, sql(f"UPDATE rejections SET value = value || ' ' {_ROW}"), "L12"),
    "a refused record's bytes gone": (refusal, sql(f"UPDATE rejections SET value = NULL {_ROW}"), "L12"),
    "a refused record's bytes gone, said to be erased but for its headers": (
        refusal,
        sql(
            "UPDATE rejections SET key = NULL, value = NULL, headers = '[[\"aa\", null]]', erased_at = now(), "
            f"erased_reason = 'x' {_ROW}"
        ),
        "L12",
    ),
    "a refused record's code": (refusal, sql(f"UPDATE rejections SET code = 'malformed' {_ROW}"), "L12"),
    "a refused record's offset": (refusal, sql(f'UPDATE rejections SET "offset" = 4711 {_ROW}'), "L12"),
    "a refused record of no refusal": (
        lambda _: 3, lambda a, i: a.do(f'UPDATE rejections SET "index" = %s {_ROW}', i, refusal(a)), "L12"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_AN_ENTRY)
def test_a_forged_entry_is_named(name: str, honest: Honest, attacked: Any) -> None:
    which, forge, law = AT_AN_ENTRY[name]
    with attacked() as (attacker, url):
        index = which(attacker)
        forge(attacker, index)
        found = audit(url, honest, honest.outside)
    assert not found.holds
    assert law in {f.law for f in found.findings if f.index == index}
    assert min(f.index for f in found.findings if f.index is not None) == index
    assert last_line(found).startswith(f"NOT verified: {len(found.findings)} findings, first: ")


def test_an_erased_refusal_is_counted_and_all_else_still_holds(honest: Honest, attacked: Any) -> None:
    """Not a forgery: what the ledger's own door does, the guards on; then the hash in the entry stands alone."""
    with attacked() as (attacker, url):
        for table in GUARDED:
            attacker.connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        index = refusal(attacker)
        assert rejections.erase(url, JOURNAL, index, "personal_data")
        found = audit(url, honest, honest.outside)
        assert found.holds
        assert [walked.erased for walked in found.journals] == [1, 0]
        attacker.connection.execute("ALTER TABLE rejections DISABLE TRIGGER USER")
        attacker.do(f"UPDATE rejections SET value = 'x' {_ROW}", index)
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


def set_back(attacker: Attacker) -> None:
    """As whoever restores or trims consistently: entries, checkpoints, positions, rejections and head."""
    sizes = [int(s) for (s,) in attacker.do("SELECT size FROM checkpoints WHERE journal = JOURNAL ORDER BY size DESC")]
    attacker.cut_to(sizes[1])


def test_a_tail_cut_off_consistently_is_found_by_what_was_published(honest: Honest, attacked: Any) -> None:
    with attacked() as (attacker, url):
        size = attacker.size
        set_back(attacker)
        alone, compared = audit(url, honest), audit(url, honest, honest.outside)
        shorter = attacker.size
    assert alone.holds
    assert not alone.compared
    assert says(
        list(compared.findings), "L6", f"iuran.checkpoints: expected the {size} entries it signs, got {shorter}"
    )


@pytest.mark.parametrize(
    ("statement", "pattern"),
    [
        ("UPDATE positions SET duplicates = duplicates + 1", "position of .*: expected next offset"),
        ("UPDATE positions SET gap = gap + 1", "position of .*: expected next offset"),
        ("UPDATE positions SET next_offset = next_offset + 1", "position of .*: expected next offset"),
        ("DELETE FROM positions", "position of .*, got none"),
    ],
)
def test_an_edited_count_is_named_with_its_topic(statement: str, pattern: str, honest: Honest, attacked: Any) -> None:
    def forge(attacker: Attacker) -> None:
        attacker.do(f"{statement} WHERE journal = JOURNAL AND topic LIKE '%%gigs.gojek'")

    assert says(findings(attacked, honest, forge), "L12", pattern)


def test_an_added_entry_is_unsigned_and_past_the_head(honest: Honest, attacked: Any) -> None:
    def forge(attacker: Attacker) -> None:
        end = attacker.size
        entry = msgspec.json.decode(attacker.leaf(attacker.of_kind("accrual")[-1]))
        entry["index"], entry["cause"]["id"] = end, "G-invented"
        entry["cause"]["offset"] += 1
        attacker.insert(end, encode(entry))

    found = findings(attacked, honest, forge)
    assert says(found, "L5", "head: expected no entry from size")
    assert says(found, "L6", "are unsigned")


def test_an_entry_inserted_under_the_key_is_beside_what_was_published(honest: Honest, attacked: Any) -> None:
    def forge(attacker: Attacker) -> None:
        last = attacker.size - 1
        entry = msgspec.json.decode(attacker.leaf(accrual(attacker)))
        entry["index"], entry["cause"]["id"] = last, "G-invented"
        attacker.edit(last, set_in("index", to=last + 1))
        attacker.do('UPDATE entries SET "index" = %s WHERE journal = JOURNAL AND "index" = %s', last + 1, last)
        attacker.insert(last, encode(entry))
        attacker.do("UPDATE checkpoints SET size = size + 1 WHERE journal = JOURNAL AND size = %s", last + 1)
        attacker.resign(signers(honest))

    found = findings(attacked, honest, forge)
    assert says(found, "L6", "checkpoint on iuran.checkpoints of size .*: expected the tree's root, got another")


def forged_checkpoint(by: Sequence[LogSigner], size: int) -> bytes:
    return sign_checkpoint(Checkpoint(by[0].name, size, bytes(32)), by)


CHECKPOINTS: dict[str, tuple[Callable[[Honest, int], bytes], str]] = {
    "nonsense": (lambda honest, size: b"nonsense", "checkpoint of size {}: expected one signed by this journal's key"),
    "another journal's key": (
        lambda honest, size: forged_checkpoint(signers(honest, 1), size),
        "checkpoint of size {}: expected one signed by this journal's key",
    ),
    "another root under the key": (
        lambda honest, size: forged_checkpoint(signers(honest), size),
        "checkpoint stored of size {}: expected the tree's root, got another, signed beside it",
    ),
    "another size under the key": (
        lambda honest, size: forged_checkpoint(signers(honest), size + 1),
        "checkpoint of size {}: expected that size",
    ),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_was_altered_is_named_by_its_size(name: str, honest: Honest, attacked: Any) -> None:
    make, pattern = CHECKPOINTS[name]
    with attacked() as (attacker, url):
        size = int(attacker.do("SELECT size FROM checkpoints WHERE journal = JOURNAL ORDER BY size")[3][0])
        note = make(honest, size)
        attacker.do("UPDATE checkpoints SET note = %s WHERE journal = JOURNAL AND size = %s", note, size)
        found = list(audit(url, honest, honest.outside).findings)
    assert says(found, "L6", pattern.format(size))


def test_all_of_it_signed_again_by_another_key_is_found(honest: Honest, attacked: Any) -> None:
    strangers = make_keys(1, honest.ledger.settings.ledger).signers(0)
    true = {n: vkeys(signers(honest, n)) for n in range(2)}

    def forge(attacker: Attacker) -> None:
        both = [strangers[0].vkey(), true[1][0]]
        for journal in (0, 1):
            one = Attacker(attacker.connection, journal)
            one.edit(0, set_in("event", "data", "vkeys", to=both))
            if journal == 0:
                one.edit(0, set_in("event", "data", "own", to=vkeys(strangers)))
            one.resign(strangers if journal == 0 else signers(honest, 1))
        attacker.do("UPDATE heads SET vkey = %s WHERE journal = JOURNAL", "\n".join(vkeys(strangers)))

    with attacked() as (attacker, url):
        forge(attacker)
        assert audit(url, honest).holds, "a forgery that is consistent in itself"
        outside = audit(url, honest, honest.outside)
        trusted = audit(url, honest, vkeys={n: "\n".join(own) for n, own in true.items()})
    assert says(list(outside.findings), "L6", "checkpoint on iuran.checkpoints: expected one signed by this journal's")
    assert says(list(trusted.findings), "L6", "verifier key: expected .*, which is trusted, got")


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


@pytest.mark.parametrize(
    ("statement", "law", "pattern"),
    [
        ("UPDATE heads SET size = size - 1 WHERE journal = JOURNAL", "L5", "head: expected no entry from size"),
        ("UPDATE heads SET frontier = '\\x00' WHERE journal = JOURNAL", "L6", "head: "),
        ("UPDATE heads SET published_size = 99999 WHERE journal = JOURNAL", "L6", "expected a checkpoint published"),
        ("DELETE FROM checkpoints WHERE journal = JOURNAL", "L6", "are unsigned"),
        ("UPDATE ledger SET name = 'other.localhost'", "L6", "expected the ledger that the database names"),
        ("UPDATE ledger SET journals = 3", "L2", "expected 2 journals, as entry 0 names, got 3"),
        ("DELETE FROM heads WHERE journal <> JOURNAL", "L2", "journal: expected it, as the ledger's row names 2"),
        ("DELETE FROM heads", "L2", "journal: expected it"),
        ("UPDATE entries SET journal = 9 WHERE journal <> JOURNAL", "L5", "entries: expected no rows of a journal"),
        ("DELETE FROM entries WHERE journal = JOURNAL", "L2", "entry 0: expected the entry that opens the journal"),
    ],
)
def test_what_stands_beside_the_entries_is_held_against_them(
    statement: str, law: str, pattern: str, honest: Honest, attacked: Any
) -> None:
    assert says(findings(attacked, honest, lambda attacker: attacker.do(statement)), law, pattern)


def test_a_hidden_journal_is_found(honest: Honest, attacked: Any) -> None:
    def forge(attacker: Attacker) -> None:
        for table in ("entries", "checkpoints", "positions", "rejections", "heads"):
            attacker.do(f"DELETE FROM {table} WHERE journal <> JOURNAL")
        attacker.do("UPDATE ledger SET journals = 1")

    found = findings(attacked, honest, forge)
    assert says(found, "L2", "journal: expected it, as entry 0 names 2 journals, got none")


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
