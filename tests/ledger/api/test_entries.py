"""One entry: exact bytes and their tag, the platform's view, and the explanation."""

from __future__ import annotations

import json

import psycopg
import pytest

from ledger.log.merkle import leaf_hash
from tests.ledger.api.conftest import ALICE, BUSY, SHARED

pytestmark = pytest.mark.stack


def test_the_bytes_are_those_that_were_signed_and_may_be_kept_for_ever(api):
    journal, index, leaf = api.entry_of(ALICE)
    answer = api.get(f"/v1/entries/{journal}/{index}", "worker", ALICE)
    assert answer.content == leaf
    assert answer.headers["etag"] == f'"{leaf_hash(leaf).hex()}"'
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Authorization"
    assert answer.headers["content-type"] == "application/json"


def test_head_says_what_get_says_without_a_body(api):
    journal, index, leaf = api.entry_of(ALICE)
    path = f"/v1/entries/{journal}/{index}"
    got, head = (api.get(path, "worker", ALICE, method=method) for method in ("GET", "HEAD"))
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)
    assert head.headers["content-length"] == str(len(leaf))


def test_a_platforms_view_holds_its_event_and_contributions_and_nothing_of_other_platforms(api):
    journal, index, leaf = api.entry_of(ALICE, "grab")
    view = api.get(f"/v1/entries/{journal}/{index}", "platform", "grab").json()
    entry = json.loads(leaf)
    for member in ("journal", "index", "kind", "cause", "event", "contributions", "received_at"):
        assert view[member] == entry[member]
    assert "balances" not in view
    assert "salt" not in view
    assert view["leaf_hash"] == leaf_hash(leaf).hex()
    note = api.get(f"/log/{journal}/checkpoint").text
    origin, size = note.split("\n")[:2]
    assert view["checkpoint"] == {"journal": journal, "origin": origin, "size": int(size), "note": note}
    assert int(size) > index


def test_a_platforms_view_is_asked_for_again_and_its_tag_is_of_the_checkpoint_too(api):
    journal, index, _ = api.entry_of(ALICE, "grab")
    answer = api.get(f"/v1/entries/{journal}/{index}", "platform", "grab")
    assert answer.headers["cache-control"] == "private, no-cache"
    tag = {"If-None-Match": answer.headers["etag"]}
    assert api.get(f"/v1/entries/{journal}/{index}", "platform", "grab", headers=tag).status_code == 304


def test_a_platform_finds_its_event_by_its_id_and_sees_the_same_view(api):
    journal, index, leaf = api.entry_of(ALICE, "grab")
    event = json.loads(leaf)["cause"]["id"]
    answer = api.get(f"/v1/platforms/grab/events/{event}", "platform", "grab")
    view = api.get(f"/v1/entries/{journal}/{index}", "platform", "grab").json()
    assert answer.json() == {"platform": "grab", "id": event, "entries": [view]}
    assert answer.headers["cache-control"] == "private, no-cache"


def test_an_id_may_hold_slashes_and_lie_in_two_journals(api):
    """The same id under workers of two journals: each was accrued, and the platform is shown both."""
    assert [api.ledger.journal_of(worker) for worker in SHARED] == [0, 1]
    found = api.get("/v1/platforms/gojek/events/S/1:x", "platform", "gojek").json()
    assert [view["journal"] for view in found["entries"]] == [0, 1]
    assert [view["event"]["subject"] for view in found["entries"]] == list(SHARED)


def test_a_platform_sees_why_its_record_was_refused(api):
    journal, index = api.rejected()
    view = api.get(f"/v1/entries/{journal}/{index}", "platform", "gojek").json()
    assert (view["kind"], view["rejection"], view["event"]) == ("rejection", "malformed", None)


@pytest.mark.parametrize("path", ["/v1/entries/-1/0", "/v1/entries/x/0", f"/v1/entries/0/{2**53}", "/v1/entries/0/1.5"])
def test_a_number_that_is_none_is_a_bad_request(api, path):
    assert api.get(path, "auditor", "a").status_code == 400


def test_every_entry_of_a_worker_is_explained_by_steps_that_end_in_its_contributions(api):
    journal = api.ledger.journal_of(ALICE)
    for index, leaf in api.leaves_of(ALICE):
        told = api.get(f"/v1/entries/{journal}/{index}/explanation", "worker", ALICE).json()
        entry = json.loads(leaf)
        assert told["contributions"] == entry["contributions"]
        posted = [
            (step["fund"], step["payer"], step["window"], step["numbers"]["posting"])
            for step in told["steps"]
            if step["what"] == "posting" and step["numbers"]["posting"] != "0.00"
        ]
        assert posted == [
            (row["fund"], row["payer"], row["window"], f"{row['amount'] // 100}.{row['amount'] % 100:02}")
            for row in entry["contributions"]
        ]
        assert all(step["source"] for step in told["steps"])
        assert "ID-JK-PILOT covers this gig" in told["text"]


def test_the_explanation_starts_from_what_earlier_entries_had_come_to(api):
    journal = api.ledger.journal_of(ALICE)
    in_march = [i for i, leaf in api.leaves_of(ALICE) if json.loads(leaf)["contributions"][0]["window"] == "2026-03"]
    befores = []
    for index in in_march:
        told = api.get(f"/v1/entries/{journal}/{index}/explanation", "worker", ALICE).json()
        befores += [s["numbers"] for s in told["steps"] if s["what"] == "standing"]
    assert befores[0]["before"] == "0.00"
    assert [one["after"] for one in befores[:-1]] == [other["before"] for other in befores[1:]]


def test_explanations_from_a_snapshot_and_from_the_first_entry_are_alike(api):
    """The kept account is of the 90th gig: the 91st is explained from it, the 90th from the beginning."""
    journal = api.ledger.journal_of(BUSY)
    ((kept, _),) = api.rows(f"SELECT as_of, account FROM standings WHERE worker = '{BUSY}'")
    entries = [index for index, _ in api.leaves_of(BUSY)]
    at = entries.index(kept)
    told = []
    for index in entries[at - 1 : at + 3]:
        answer = api.get(f"/v1/entries/{journal}/{index}/explanation", "worker", BUSY)
        told.append(next(s["numbers"] for s in answer.json()["steps"] if s["what"] == "standing"))
    assert [one["after"] for one in told[:-1]] == [other["before"] for other in told[1:]]
    assert told[1]["after"] == f"{(at + 1) * 20_000}.00"


def test_a_gig_that_no_scheme_covers_says_why(api):
    journal = api.ledger.journal_of("W-bob")
    index, leaf = api.leaves_of("W-bob")[-1]
    assert json.loads(leaf)["contributions"] == []
    told = api.get(f"/v1/entries/{journal}/{index}/explanation", "worker", "W-bob").json()
    assert "does not cover this gig: it covers ID-JK and the gig was in US-NY" in told["text"]


def test_acts_and_refusals_are_explained_as_moving_nothing(api):
    act = api.get("/v1/entries/0/0/explanation", "auditor", "a").json()
    journal, index = api.rejected()
    refusal = api.get(f"/v1/entries/{journal}/{index}/explanation", "auditor", "a").json()
    assert (act["steps"], refusal["steps"]) == ([], [])
    assert "ledger.opened.v1" in act["text"]
    assert "malformed" in refusal["text"]


def test_an_entry_that_does_not_follow_from_those_before_it_is_not_explained_away(api):
    """A contribution edited in the database, past the triggers: a story about it would be a lie."""
    journal, index, leaf = api.entry_of(ALICE)
    edited = leaf.replace(b'"amount":20100,"fund":"JKK"', b'"amount":20199,"fund":"JKK"')
    assert edited != leaf
    with psycopg.connect(api.ledger.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE entries DISABLE TRIGGER append_only")
        change = 'UPDATE entries SET leaf = %s WHERE journal = %s AND "index" = %s'
        connection.execute(change, (edited, journal, index))
        try:
            answer = api.get(f"/v1/entries/{journal}/{index}/explanation", "worker", ALICE)
        finally:
            connection.execute(change, (leaf, journal, index))
            connection.execute("ALTER TABLE entries ENABLE TRIGGER append_only")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:iuran:problem:internal")
    assert "20199" not in answer.text
