"""A refused record's bytes can be erased once, and nothing else of it, whoever asks the database (L2, L12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import errors as pg

from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from ledger.store import database, rejections
from tests.support.databases import Bare, bare_ledger

pytestmark = pytest.mark.stack

_COLUMNS = 'journal, "index", topic, partition, "offset", timestamp_ms, code, detail, key, value, headers'
_INSERT = f"INSERT INTO rejections ({_COLUMNS}) VALUES (0, %s, 'gigs.gojek', 0, %s, 1, 'malformed', 'x', %s, %s, %s)"
ERASED = "key = NULL, value = NULL, headers = '[]', erased_at = now(), erased_reason = 'personal_data'"


@pytest.fixture
def bare(servers: Servers) -> Iterator[Bare]:
    """A ledger with three refused records, put there by the writer."""
    with bare_ledger(servers) as ledger:
        with database.connect(ledger.url, "writer") as connection:
            for index in range(3):
                connection.execute(_INSERT, (index, index, b"W-1", b'{"name":"Budi"}', '[["aa","bb"]]'))
        yield ledger


def rows(ledger: Bare) -> list[tuple[object, ...]]:
    return ledger.rows(f'SELECT {_COLUMNS} FROM rejections ORDER BY "index"')


def test_the_bytes_go_and_all_else_stays_with_when_who_and_why(bare: Bare) -> None:
    before = rows(bare)
    assert rejections.erase(bare.url, 0, 1, "personal_data")
    after = rows(bare)
    assert [after[0], after[2]] == [before[0], before[2]]
    assert after[1] == (*before[1][:8], None, None, [])
    one = rejections.kept(bare.url, 0, 1)
    (owner,) = bare.rows("SELECT session_user, now()")
    assert one.refused.erased is not None
    assert (one.refused.erased.by, one.refused.erased.reason) == (owner[0], "personal_data")
    assert one.refused.erased.at <= owner[1]
    assert (one.key, one.value, one.headers) == (None, None, [])


def test_erased_once_it_stays_as_it_was_erased(bare: Bare) -> None:
    assert rejections.erase(bare.url, 0, 1, "personal_data")
    stands = bare.rows("SELECT * FROM rejections")
    assert not rejections.erase(bare.url, 0, 1, "other_reason")
    assert bare.rows("SELECT * FROM rejections") == stands
    for again in ("erased_at = NULL", "erased_by = 'nobody'", "erased_reason = 'other'", "value = 'x'", ERASED):
        with pytest.raises(pg.RestrictViolation):
            bare.act(f'UPDATE rejections SET {again} WHERE "index" = 1')


@pytest.mark.parametrize(
    "change",
    [
        "value = 'other'",
        "value = NULL",
        "key = NULL, value = NULL, headers = '[]'",
        "erased_at = now(), erased_reason = 'x'",
        ERASED.replace("value = NULL", "value = 'other'"),
        ERASED.replace("key = NULL", "key = 'other'"),
        ERASED.replace("headers = '[]'", "headers = '[[\"aa\", null]]'"),
        ERASED.replace("'personal_data'", "'Budi Santoso, Jalan Merdeka 17'"),
        ERASED.replace("'personal_data'", "NULL"),
        ERASED + ", code = 'too_large'",
        ERASED + ", detail = ''",
        ERASED + ', "offset" = 99',
        ERASED + ', "index" = 99',
        ERASED + ", topic = 'gigs.grab'",
        ERASED + ", recorded_at = now()",
        ERASED + ", timestamp_ms = 2",
    ],
)
def test_l2_every_other_change_is_refused_to_the_owner_too(bare: Bare, change: str) -> None:
    before = rows(bare)
    with pytest.raises(pg.RestrictViolation):
        bare.act(f'UPDATE rejections SET {change} WHERE "index" = 1')
    with pytest.raises(pg.RestrictViolation):
        bare.act('DELETE FROM rejections WHERE "index" = 1')
    assert rows(bare) == before


def test_when_and_who_are_the_databases_own_words(bare: Bare) -> None:
    told = ERASED.replace("now()", "'2001-01-01T00:00:00Z'") + ", erased_by = 'somebody'"
    bare.act(f'UPDATE rejections SET {told} WHERE "index" = 1')
    query = "SELECT erased_by = session_user, erased_at > now() - interval '1 hour' FROM rejections"
    assert bare.rows(f'{query} WHERE "index" = 1') == [(True, True)]


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_the_processes_can_not_erase(bare: Bare, role: database.Role) -> None:
    with database.connect(bare.url, role) as connection, pytest.raises(pg.InsufficientPrivilege):
        connection.execute(f"UPDATE rejections SET {ERASED}")  # type: ignore[call-overload]


@pytest.mark.parametrize("column", ["erased_at", "erased_by", "erased_reason"])
def test_the_writer_can_not_enter_a_record_as_erased(bare: Bare, column: str) -> None:
    value = "now()" if column == "erased_at" else "'x'"
    with database.connect(bare.url, "writer") as connection, pytest.raises(pg.InsufficientPrivilege):
        connection.execute(  # type: ignore[call-overload]
            f"INSERT INTO rejections ({_COLUMNS}, {column}) "
            f"VALUES (0, 9, 'gigs.gojek', 0, 9, 1, 'malformed', 'x', NULL, NULL, '[]', {value})"
        )


@pytest.mark.parametrize("reason", ["", "Personal", "personal data", "a" * 33, "x\n", "1st"])
def test_a_reason_is_a_word(bare: Bare, reason: str) -> None:
    with pytest.raises(Unfit, match="reason: expected a word"):
        rejections.erase(bare.url, 0, 1, reason)
    assert rejections.kept(bare.url, 0, 1).refused.erased is None


def test_what_was_not_refused_can_not_be_shown_or_erased(bare: Bare) -> None:
    for act in (lambda: rejections.kept(bare.url, 0, 77), lambda: rejections.erase(bare.url, 3, 1, "word")):
        with pytest.raises(Unfit, match="expected a refused record, got none"):
            act()


def test_listed_by_journal_topic_and_code_the_newest_first(bare: Bare) -> None:
    assert [one.leaf_index for one in rejections.listed(bare.url, 2)] == [2, 1]
    assert [one.leaf_index for one in rejections.listed(bare.url, 9, 0, "gigs.gojek", "malformed")] == [2, 1, 0]
    for wanted in ((1, None, None), (None, "gigs.grab", None), (None, None, "too_large")):
        assert rejections.listed(bare.url, 9, *wanted) == []
