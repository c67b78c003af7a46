"""What was accrued can be accrued again from the entries alone, bit for bit; what was changed differs where it was.

First without servers: journals made by the stream's own pipeline from told stories (schemes enacted in between that
reach back, bad input, duplicates). Then on the real ledger's database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from typer.testing import CliRunner

from deploy.cli.audit import app
from ledger.audit.findings import Finding
from ledger.audit.recomputing import recompute
from ledger.audit.recomputing.journal import Recomputing
from ledger.audit.sources import evidence
from ledger.store import keys
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.tampering import Attacker, Edit, copied, encode, set_in
from tests.support.corrections import FLAT, PERIODS, STEPS, paid, story
from tests.support.corrections import changed as changed_attribute
from tests.support.replica import SECRET, Replica
from tests.support.strategies import CUTS, POOL, STORIES, VERSIONS, Feed, Story, cut, records_of

Row = tuple[int, bytes | None, bytes, str | None]


def rows_of(replica: Replica) -> list[Row]:
    return [(w.leaf_index, w.event_key, w.leaf, w.worker) for w in replica.written]


def recomputed(rows: list[Row], accounts_max: int = 100, secret: bytes | None = SECRET) -> list[Finding]:
    def earlier(worker: str, before: int) -> Iterator[tuple[int, bytes]]:
        return ((i, leaf) for i, _, leaf, whose in rows if whose == worker and i < before)

    recomputing = Recomputing(0, earlier, secret, accounts_max)
    for index, key, leaf, _ in rows:
        recomputing.entry(index, key, leaf)
    recomputing.finish()
    assert recomputing.entries == len(rows)
    return recomputing.findings.ordered()


@given(STORIES, CUTS)
@settings(max_examples=60, deadline=None)
def test_any_story_recomputes_to_the_same_whatever_is_kept_in_memory(story: Story, lengths: list[int]) -> None:
    replica = Replica().settle_all(cut(records_of(story).records, lengths))
    rows = rows_of(replica)
    assert recomputed(rows) == []
    assert recomputed(rows, accounts_max=1) == []


@given(STEPS, PERIODS)
@settings(max_examples=40, deadline=None)
def test_corrections_and_closes_recompute_to_the_same(steps: list[Any], periods: list[str]) -> None:
    rows = rows_of(Replica().settle(story(steps, periods)))
    assert recomputed(rows) == []
    assert recomputed(rows, accounts_max=1) == []


def corrected() -> list[Row]:
    """One of each: a tip, a revised rate, a back-dated attribute, a payment, a close with its notices, a reversal."""
    feed = Feed()
    records = [
        *(feed.platform(name) for name in ("gojek", "grab")),
        *(feed.enacted(version) for version in (FLAT, POOL[0])),
        changed_attribute(feed, "W-ann", "500000"),
        *(feed.gig(f"G-{n}", ("W-ann", "W-ben")[n % 2], "9000") for n in range(4)),
        feed.adjusted("G-0", "W-ann", "400"),
        feed.enacted(POOL[1]),
        feed.reversed("G-1", "W-ben"),
        paid(feed, "W-ann", "20"),
        feed.closed("2026-03"),
        changed_attribute(feed, "W-ann", "700000", 2),
    ]
    return rows_of(Replica().settle(records))


SPOILT: dict[str, tuple[str, Edit, str, str]] = {
    "a reversal's amount": ("reversal", set_in("contributions", 0, "amount", to=-1), "L4", "contribution 1: expected"),
    "a correction's amount": (
        "correction",
        set_in("contributions", 0, "amount", to=7),
        "L4",
        "contribution 1: expected",
    ),
    "a correction's reason": ("correction", set_in("reason", "version", to="2020-01-01"), "L4", "reason"),
    "what is referred to": ("adjustment", set_in("refers_to", to=[0]), "L4", "refer"),
    "a close's amount": ("close", set_in("contributions", 0, "amount", to=7), "L4", "contribution 1: expected"),
    "a state": ("remittance", set_in("contributions", 0, "state", to="withheld"), "L4", ""),
    "a paid balance": ("remittance", set_in("balances", 0, "remitted", to=5), "L1", "remitted"),
    "what is said": ("notice", set_in("notices", 0, "amount", to="1"), "L4", "notices"),
    "an attribute": ("worker", set_in("event", "data", "set", "basis", to="1"), "L4", "contribution|record"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_changed_correction_is_found(name: str) -> None:
    kind, edit, law, pattern = SPOILT[name]
    rows = corrected()
    assert recomputed(rows) == []
    told = [msgspec.json.decode(leaf) for _, _, leaf, _ in rows]
    index = next(i for i, e in enumerate(told) if e["kind"] == kind and ("balances" in e))
    found = recomputed(changed(rows, index, edit))
    assert any(f.law == law and re.search(pattern, f.detail) for f in found), found
    assert found[0].index is not None and found[0].index >= index


def test_a_close_that_passes_a_worker_over_is_found() -> None:
    rows = corrected()
    told = [msgspec.json.decode(leaf) for _, _, leaf, _ in rows]
    gone = [i for i, e in enumerate(told) if e["kind"] == "close" and e.get("worker") == "W-ann"]
    kept = [row for row in rows if row[0] not in gone]
    found = recomputed(kept)
    assert found


def told() -> list[Row]:
    """Twelve gigs of two workers around four enactments, two of which reach back into windows with gigs in them."""
    feed = Feed()
    records = [feed.opened("test.localhost", ["key"])]
    for turn, version in enumerate(VERSIONS):
        records.append(feed.enacted(version))
        for n in range(3):
            time = f"2026-0{1 + turn % 3}-1{n}T10:00:00Z"
            records.append(feed.gig(f"G-{turn}-{n}", ("W-ann", "W-ben")[n % 2], f"{1000 * (n + 1)}", time=time))
    return rows_of(Replica().settle(records))


def changed(rows: list[Row], index: int, edit: Edit) -> list[Row]:
    content = msgspec.json.decode(rows[index][2])
    edit(content)
    return [(i, k, encode(content) if i == index else leaf, w) for i, k, leaf, w in rows]


CHANGES: dict[str, tuple[Edit, str, str]] = {
    "an amount": (set_in("contributions", 0, "amount", to=lambda a: a + 1), "L4", r"contribution 1: expected \d+ IDR"),
    "a payer": (set_in("contributions", 0, "payer", to="worker:W-ann"), "L4", "contribution 1: expected .* by "),
    "a fund": (set_in("contributions", 0, "fund", to="Z"), "L4", "contribution 1: expected .*XX-.*got .*/Z"),
    "a window": (set_in("contributions", 0, "window", to="2025-12"), "L4", "got .* in 2025-12"),
    "a version": (set_in("contributions", 0, "version", to="2025-01-01"), "L4", "under 2025-01-01"),
    "one contribution fewer": (set_in("contributions", to=lambda c: c[:-1]), "L4", r"contribution \d+: .*got none"),
    "one more": (set_in("contributions", to=lambda c: [*c, c[0]]), "L4", r"contribution \d+: expected none"),
    "a balance": (set_in("balances", 0, "accrued", to=lambda a: a - 1), "L1", r"balance of XX-.*: expected \d.*got"),
    "one balance fewer": (set_in("balances", to=lambda b: b[:-1]), "L1", r"balance of XX-.*: expected \d+, got none"),
    "balances in another order": (set_in("balances", to=lambda b: b[::-1]), "L1", "another order"),
    "the fare": (
        set_in("event", "data", "components", 0, "amount", to="999999"), "L4", r"contribution 1: expected \d+"
    ),
    "the zone": (set_in("event", "data", "zone", to="ID-JB"), "L4", "contribution"),
    "the time": (set_in("event", "time", to="2024-01-01T10:00:00Z"), "L4", "contribution"),
    "data no gig has": (set_in("event", "data", to={}), "L4", "event: expected a gig that is accepted"),
    "the event's type": (set_in("event", "type", to="scheme.enacted.v1"), "L4", "the kind of its event's type"),
    "the salt": (set_in("salt", to="00" * 16), "L4", "salt: expected"),
    "the id": (set_in("cause", "id", to="G-other"), "L3", "column event_key: expected"),
    "the engine": (set_in("engine", to="2"), "L4", "engine"),
    "the format": (set_in("format", to="iuran-entry/v9"), "L4", "format"),
}  # fmt: skip


def test_a_journal_whose_schemes_reach_back_recomputes_to_the_same() -> None:
    assert recomputed(told()) == []
    assert recomputed(told(), accounts_max=1) == []


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("accounts_max", [100, 1])
def test_a_changed_entry_is_the_first_that_differs(name: str, accounts_max: int) -> None:
    edit, law, pattern = CHANGES[name]
    rows = told()
    index = next(i for i, _, leaf, _ in rows if i > 9 and len(msgspec.json.decode(leaf).get("contributions", ())) > 1)
    found = recomputed(changed(rows, index, edit), accounts_max)
    assert found[0].index == index
    assert any(f.law == law and re.search(pattern, f.detail) for f in found if f.index == index)
    assert not any(worker in f.detail for f in found for worker in ("W-ann", "W-ben"))


def test_a_rewritten_scheme_differs_from_the_first_entry_it_acts_on() -> None:
    rows = told()
    enacted = next(i for i, _, leaf, _ in rows if b'"kind":"scheme"' in leaf)
    rate: Edit = set_in("event", "data", "text", to=lambda text: text.replace("0.01", "0.02"))
    found = recomputed(changed(rows, enacted, rate))
    assert found[0].index == enacted + 1
    assert "contribution" in found[0].detail
    other: Edit = set_in("event", "data", "version", to="1999-01-01")
    assert recomputed(changed(rows, enacted, other))[0].index == enacted


def test_one_wrong_entry_makes_few_findings() -> None:
    rows = told()
    index = next(i for i, _, leaf, _ in rows if i > 9 and b'"balances":[{' in leaf)
    raised = changed(rows, index, set_in("balances", 0, "accrued", to=lambda a: a + 5))
    found = [f.index for f in recomputed(raised)]
    # the entry itself, and the worker's next record, of two parts at most
    assert found[0] == index and len(found) <= 3


def test_without_the_secret_the_salt_is_left_alone() -> None:
    rows = changed(told(), 9, set_in("salt", to="00" * 16))
    assert recomputed(rows, secret=None) == []


# -- on stored data --------------------------------------------------------------------------------------------------


def over(url: str, honest: Honest) -> list[Finding]:
    settings = honest.ledger.settings
    known = {n: keys.of_settings(settings, settings.ledger).secret(n) for n in range(settings.journals)}
    with evidence.frozen(url) as stored:
        done = recompute.recompute(stored, lambda _: None, known_secrets=known)
        assert sum(one.entries for one in done) == stored.entries()
        assert all(one.accruals for one in done)
    return [finding for one in done for finding in one.findings]


def test_an_honest_ledger_recomputes_to_the_same(honest: Honest) -> None:
    assert over(honest.ledger.url, honest) == []


STORED: dict[str, Callable[[Attacker, int], Any]] = {
    "an amount": lambda a, i: a.flip(i, b'"amount":', b'"contributions"'),
    "a balance": lambda a, i: a.flip(i, b'"accrued":'),
    "the pay": lambda a, i: a.flip(i, b'"amount":"', b'"components"'),
    "the salt": lambda a, i: a.flip(i, b'"salt":"'),
    "the key": lambda a, i: a.do('UPDATE entries SET event_key = NULL WHERE journal = JOURNAL AND "index" = %s', i),
}


@pytest.mark.parametrize("name", STORED)
def test_a_changed_stored_entry_is_named_with_expected_and_got(name: str, honest: Honest, servers: Any) -> None:
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            attacker = Attacker(connection, 1)
            index = attacker.of_kind("accrual")[5]
            STORED[name](attacker, index)
        found = over(url, honest)
    assert (found[0].journal, found[0].index) == (1, index)
    assert "expected" in found[0].detail
    assert "got" in found[0].detail


def test_the_command_exits_0_only_if_all_is_the_same(
    honest: Honest, servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IURAN_HOME", str(honest.ledger.settings.home))
    monkeypatch.setenv("IURAN_DATABASE_URL", honest.ledger.url)
    good = CliRunner().invoke(app, ["recompute"])
    assert good.exit_code == 0, good.output
    assert good.stdout.splitlines()[-1].startswith("recomputed the same: 2 journals, ")
    with copied(servers, honest.ledger.url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            attacker = Attacker(connection, 0)
            index = attacker.of_kind("accrual")[2]
            STORED["an amount"](attacker, index)
        monkeypatch.setenv("IURAN_DATABASE_URL", url)
        bad = CliRunner().invoke(app, ["recompute", "--json"])
    assert bad.exit_code == 1
    report = msgspec.json.decode(bad.stdout)
    assert not report["recomputed"]
    assert report["journals"][0]["findings"][0]["index"] == index
