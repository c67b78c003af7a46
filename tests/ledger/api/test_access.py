"""Who sees what: the table of roles, executed over HTTP, and refusals that say nothing about what exists."""

from __future__ import annotations

import pytest

from ledger.api.access import Caller, Resource, Role, fits, may

pytestmark = pytest.mark.stack

OWN, OTHERS = "own", "others"
# (role, sub) -> resources that answer 200: of W-alice and W-bob, or of the platform's own gig and another's
SEES = {
    ("worker", "W-alice"): {
        *(("balances", "W-alice"), ("entries", "W-alice"), ("entry", "A"), ("explanation", "A"), ("proof", "A")),
        *(("entry", "A-grab"), ("explanation", "A-grab"), ("proof", "A-grab")),
    },
    ("worker", "W-bob"): {
        *(("balances", "W-bob"), ("entries", "W-bob"), ("entry", "B"), ("explanation", "B"), ("proof", "B")),
    },
    ("worker", "W-nobody"): set(),
    ("platform", "gojek"): {
        ("entry", "A"),
        ("entry", "B"),
        ("entry", "refused"),
        ("event", "gojek/events/B-1"),
        ("rejected", "gojek"),
    },
    ("platform", "grab"): {("entry", "A-grab"), ("event", "grab/events/A-2026-03-01"), ("rejected", "grab")},
    ("platform", "uber"): {("rejected", "uber")},
    ("auditor", "bpk"): {
        *((resource, worker) for resource in ("balances", "entries") for worker in ("W-alice", "W-bob")),
        *((kind, of) for kind in ("entry", "explanation", "proof") for of in ("A", "A-grab", "B", "refused", "act")),
        *(("bundle", "000.p/3"), ("rejected", "gojek"), ("rejected", "grab"), ("rejected", "uber")),
    },
    ("delegate", "union"): set(),
    ("operator", "ops"): set(),
}


def _paths(api) -> dict[tuple[str, str], str]:
    entries = {
        "A": api.entry_of("W-alice")[:2],
        "A-grab": api.entry_of("W-alice", "grab")[:2],
        "B": api.entry_of("W-bob")[:2],
        "refused": api.rejected(),
        "act": (0, 0),
        "unknown": (0, 10**9),
        "no journal": (77, 0),
    }
    paths = {("entry", name): f"/v1/entries/{journal}/{index}" for name, (journal, index) in entries.items()}
    for resource in ("explanation", "proof"):
        paths |= {(resource, name): f"{path}/{resource}" for (kind, name), path in paths.items() if kind == "entry"}
    for event in (
        "gojek/events/B-1",
        "grab/events/A-2026-03-01",
        "gojek/events/no-such",
        "uber/events/B-1",
        "x/events/!",
    ):
        paths["event", event] = f"/v1/platforms/{event}"
    paths |= {("rejected", name): f"/v1/platforms/{name}/rejected" for name in ("gojek", "grab", "uber", "X")}
    paths |= {("bundle", number): f"/log/0/tile/entries/{number}" for number in ("000.p/3", "000", "0", "x000/000")}
    for resource in ("balances", "entries"):
        for worker in ("W-alice", "W-bob", "W-nobody", "W-unknown", "nonsense"):
            paths[resource, worker] = f"/v1/workers/{worker}/{resource}"
    return paths


@pytest.mark.parametrize(("role", "sub"), SEES)
def test_each_role_sees_exactly_its_row_of_the_table_and_all_else_looks_unknown(api, role, sub):
    refusals = set()
    for what, path in _paths(api).items():
        answer = api.get(path, role, sub)
        assert answer.status_code == (200 if what in SEES[role, sub] else 404), what
        if answer.status_code == 404:
            refusals.add((answer.content, tuple((n, v) for n, v in answer.headers.items() if n != "date")))
    assert len(refusals) == 1  # unknown, forbidden and misspelt: one answer, to the byte


def test_a_filter_that_fits_nothing_does_not_tell_a_forbidden_worker_from_an_unknown_one(api):
    query = "?after=0:3&limit=1&fund=JKK"
    forbidden = api.get(f"/v1/workers/W-bob/entries{query}", "worker", "W-alice")
    unknown = api.get(f"/v1/workers/W-unknown/entries{query}", "worker", "W-alice")
    # whether a cursor is of this journal depends on the name alone, never on what is stored
    if api.ledger.journal_of("W-bob") == api.ledger.journal_of("W-unknown"):
        assert (forbidden.status_code, forbidden.content) == (unknown.status_code, unknown.content)
    assert forbidden.status_code in (400, 404)


def test_a_304_is_only_for_who_may_see_the_entry(api):
    journal, index, _ = api.entry_of("W-alice")
    path = f"/v1/entries/{journal}/{index}"
    tag = {"If-None-Match": api.get(path, "worker", "W-alice").headers["etag"]}
    assert api.get(path, "worker", "W-alice", headers=tag).status_code == 304
    assert api.get(path, "worker", "W-bob", headers=tag).status_code == 404
    assert api.get(path, "platform", "gojek", headers=tag).status_code == 200  # a view has a tag of its own
    assert api.get(path, headers=tag).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/workers/W-alice/balances", "/v1/workers/W-alice/entries", "/v1/entries/0/0", "/v1/entries/0/0/proof"),
        *("/log/0/tile/entries/000", "/v1/platforms/gojek/rejected"),
    ],
)
def test_without_a_token_protected_routes_answer_401(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="iuran"')
    assert answer.headers["content-type"] == "application/problem+json"
    answer = api.get(path, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_nothing_is_own_where_nobody_owns_it():
    for role in Role:
        caller = Caller(role, "")
        assert all(may(caller, r, None) == (role is Role.AUDITOR and r is not Resource.ENTRY_VIEW) for r in Resource)


def test_a_subject_fits_its_role():
    assert fits(Role.WORKER, "W-7f3a")
    assert not fits(Role.WORKER, "gojek")
    assert fits(Role.PLATFORM, "gojek")
    assert not fits(Role.PLATFORM, "W-7f3a")
    assert not fits(Role.AUDITOR, "")
