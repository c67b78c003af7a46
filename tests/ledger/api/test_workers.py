"""Balances and entries of a worker: true to the journal, signed before shown, pages complete and stable."""

from __future__ import annotations

import json
from collections import Counter

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.checkpoint import open_checkpoint
from ledger.log.keys import parse_vkey
from ledger.log.merkle import leaf_hash
from tests.ledger.api.conftest import ALICE, DAYS

pytestmark = pytest.mark.stack

BALANCES = f"/v1/workers/{ALICE}/balances"
ENTRIES = f"/v1/workers/{ALICE}/entries"


def _alice(api, path, **options):
    return api.get(path, "worker", ALICE, **options)


def _page(api, **query):
    answer = _alice(api, ENTRIES, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _all(api, **query):
    found, page = [], _page(api, **query)
    while page["next"] is not None:
        assert len(page["entries"]) == query.get("limit", 50)
        found += page["entries"]
        page = _page(api, after=page["next"], **query)
    return found + page["entries"]


def test_balances_are_the_sums_of_the_workers_contributions(api):
    owed: Counter[tuple[str, str, str]] = Counter()
    for _, leaf in api.leaves_of(ALICE):
        for row in json.loads(leaf)["contributions"]:
            owed[row["scheme"], row["fund"], row["unit"]] += row["amount"]
    shown = _alice(api, BALANCES).json()
    assert {(b["scheme"], b["fund"], b["unit"]): b["accrued_minor"] for b in shown["balances"]} == owed
    assert all(owed.values())


def test_a_balance_shows_minor_units_and_the_same_as_decimal_text(api):
    for balance in _alice(api, BALANCES).json()["balances"]:
        assert balance["exponent"] == 2
        assert balance["accrued"] == f"{balance['accrued_minor'] // 100}.{balance['accrued_minor'] % 100:02}"


def test_balances_cite_the_newest_entry_and_a_checkpoint_that_is_signed_and_covers_it(api):
    shown = _alice(api, BALANCES).json()
    index, leaf = api.leaves_of(ALICE)[-1]
    journal = api.ledger.journal_of(ALICE)
    assert shown["entry"] == {"journal": journal, "index": index, "leaf_hash": leaf_hash(leaf).hex()}
    vkeys = api.get(f"/log/{journal}/vkey").text.splitlines()
    signed = open_checkpoint(api.get(f"/log/{journal}/checkpoint").content, [parse_vkey(line) for line in vkeys])
    assert shown["checkpoint"] == {"journal": journal, "origin": signed.origin, "size": signed.size}
    assert index < signed.size


def test_what_is_committed_but_not_yet_published_is_not_shown(api):
    """L8: as between a commit and the publishing of its checkpoint, or while the broker is away."""
    journal = api.ledger.journal_of(ALICE)
    leaves = api.leaves_of(ALICE)
    (before, older), (hidden, _) = leaves[-2:]
    with psycopg.connect(api.ledger.url, autocommit=True) as connection:
        said = connection.execute("SELECT published_size FROM heads WHERE journal = %s", (journal,)).fetchone()[0]
        connection.execute("UPDATE heads SET published_size = %s WHERE journal = %s", (hidden, journal))
        try:
            balances, entries = _alice(api, BALANCES).json(), _all(api)
            statuses = [
                api.get(f"/v1/entries/{journal}/{index}{rest}", "auditor", "a").status_code
                for index in (before, hidden)
                for rest in ("", "/explanation")
            ]
        finally:
            connection.execute("UPDATE heads SET published_size = %s WHERE journal = %s", (said, journal))
    assert statuses == [200, 200, 404, 404]
    assert balances["entry"]["index"] == before
    assert {b["fund"]: b["accrued_minor"] for b in balances["balances"]} == {
        b["fund"]: b["accrued"] for b in json.loads(older)["balances"]
    }
    assert [e["index"] for e in entries] == [index for index, _ in leaves[:-1]]


def test_unchanged_balances_are_not_sent_again(api):
    tag = _alice(api, BALANCES).headers["etag"]
    again = _alice(api, BALANCES, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert _alice(api, BALANCES, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50, 200])
def test_pages_of_any_size_give_every_entry_once_in_order_as_it_was_signed(api, limit):
    answered = _all(api, limit=limit)
    assert [e["index"] for e in answered] == [index for index, _ in api.leaves_of(ALICE)]
    text = _alice(api, ENTRIES, params={"limit": 200}).content
    assert all(leaf in text for _, leaf in api.leaves_of(ALICE))


def test_every_entry_is_a_cursor_and_a_cursor_always_gives_the_same(api):
    entries = _all(api)
    for at, entry in enumerate(entries):
        assert _page(api, after=entry["cursor"])["entries"] == entries[at + 1 :]
    assert _page(api, after=entries[-1]["cursor"])["next"] is None


@settings(max_examples=25, deadline=None)
@given(
    limit=st.integers(1, 13),
    platform=st.sampled_from([None, "gojek", "grab", "uber"]),
    fund=st.sampled_from([None, "JKK", "JHT", "BPJS"]),
    since=st.sampled_from([None, *DAYS, "2026-03-01T02:00:00Z", "2026-03-01T09:00:00+07:00"]),
    to=st.sampled_from([None, *DAYS, "2026-03-01T02:00:00Z"]),
)
def test_filters_give_what_a_look_at_all_entries_gives(api, limit, platform, fund, since, to):
    def fits(entry):
        at = entry["event"]["time"]
        begin = {"2026-03-01T09:00:00+07:00": "2026-03-01T02:00:00Z"}.get(since, since or "")
        end = to if to is None or "T" in to else f"{to}T24"
        return (
            at >= begin
            and (end is None or at < end)
            and platform in (None, entry["cause"]["source"].rpartition(":")[2])
            and (fund is None or any(row["fund"] == fund for row in entry["contributions"]))
        )

    query = {"platform": platform, "fund": fund, "from": since, "to": to}
    answered = _all(api, limit=limit, **{name: value for name, value in query.items() if value is not None})
    expected = [index for index, leaf in api.leaves_of(ALICE) if fits(json.loads(leaf))]
    assert [e["index"] for e in answered] == expected


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("after=7", "after"),
        ("after=99:7", "after"),
        ("after=0:-1", "after"),
        ("after=0:٣", "after"),
        ("after=0:99999999999999999", "after"),
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("to=2026-03-01T00:00:00", "to"),
    ],
)
def test_parameters_that_do_not_fit_are_named(api, query, parameter):
    answer = _alice(api, f"{ENTRIES}?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]
