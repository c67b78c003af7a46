"""Each forgery of the table is found on a real stored ledger, by the command, law and words that its row names.

Where a row says that the database alone is not enough, it is shown to be not enough; where the log shows the forgery,
the verifier in Go refuses the log too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.audit import verify
from ledger.audit.elsewhere.outside import Outside
from ledger.audit.findings import Finding
from ledger.audit.recomputing import recompute
from ledger.audit.sources import evidence
from ledger.store import keys
from tests.ledger.audit.conftest import Honest
from tests.ledger.audit.forgeries import page
from tests.ledger.audit.forgeries.entries import ENTRIES
from tests.ledger.audit.forgeries.journals import JOURNALS
from tests.ledger.audit.forgeries.table import By, Forger, Forgery, Who
from tests.ledger.audit.tampering import copied
from tests.support import foreign
from tests.support.exports import laid_out

JOURNAL = 0
TABLE = (*ENTRIES, *JOURNALS)


@contextmanager
def forged(servers: Any, honest: Honest, forgery: Forgery) -> Iterator[tuple[str, Forger, int | None]]:
    """Forge a copy of the ledger; give its address, the forger and the entry that must be named."""
    with copied(servers, honest.ledger.url) as url, psycopg.connect(url, autocommit=True) as connection:
        forger = Forger(connection, JOURNAL, honest)
        yield url, forger, forgery.do(forger)


def found(by: By, url: str, honest: Honest, outside: Outside) -> list[Finding]:
    """What a command's functions find."""
    settings = honest.ledger.settings
    known = {n: keys.of_settings(settings, settings.ledger).secret(n) for n in range(settings.journals)}
    with evidence.frozen(url) as stored:
        if by == By.RECOMPUTED:
            done = recompute.recompute(stored, lambda _: None, known_secrets=known)
            return [finding for one in done for finding in one.findings]
        compared = None if by == By.STORED else outside
        return list(verify.verify(stored, compared, lambda _: None, known_secrets=known).findings)


def go_with_what_is_held(folder: Path, honest: Honest) -> foreign.Verdict:
    """What Go's verifier says to who trusts the ledger's keys and holds the checkpoints that were published."""
    settings, arguments = honest.ledger.settings, []
    trusted = folder / "trusted"
    own = [keys.of_settings(settings, settings.ledger).vkeys(n) for n in range(settings.journals)]
    trusted.write_text("".join(f"{line}\n" for lines in own for line in lines))
    for number, note in honest.outside.before.items():
        (folder / f"held-{number}").write_bytes(note or b"")
        arguments += ["-against", folder / f"held-{number}"]
    return foreign.go("verify-log", "-vkeys", trusted, *arguments, folder)


@pytest.mark.parametrize("forgery", TABLE, ids=lambda forgery: forgery.what)
def test_a_forgery_is_found_as_its_row_says(forgery: Forgery, servers: Any, honest: Honest, tmp_path: Path) -> None:
    outside = honest.outside
    if forgery.who == Who.BROKER:
        outside = Outside(dict.fromkeys(outside.before), dict.fromkeys(outside.after))
    with forged(servers, honest, forgery) as (url, forger, index):
        findings = found(forgery.by, url, honest, outside)
        named = [f for f in findings if f.law == forgery.law and re.search(forgery.says, f.detail)]
        assert named, findings
        if index is not None:
            assert index in {f.index for f in named}
            assert min(f.index for f in findings if f.index is not None and f.journal == forger.journal) == index
        if forgery.by != By.STORED:
            assert found(By.STORED, url, honest, outside) == []
        if foreign.missing_go() is None:
            laid_out(forger.connection, tmp_path)
            told = foreign.go("verify-log", tmp_path)
            assert told.holds == (forgery.go is None), told.last
            assert forgery.go is None or forgery.go in told.laws(), told.last
            if forgery.rewrites:
                assert "L6" in go_with_what_is_held(tmp_path, honest).laws()


def test_the_honest_ledger_is_found_honest_by_all(honest: Honest, tmp_path: Path) -> None:
    for by in (By.STORED, By.COMPARED, By.RECOMPUTED):
        assert found(by, honest.ledger.url, honest, honest.outside) == []
    with psycopg.connect(honest.ledger.url) as connection:
        laid_out(connection, tmp_path)
    if foreign.missing_go() is None:
        assert foreign.go("verify-log", tmp_path).holds
        assert go_with_what_is_held(tmp_path, honest).holds


def test_the_page_says_what_was_seen_to_happen() -> None:
    stands = page.PAGE.read_text(encoding="utf-8")
    assert stands == page.written(stands), "write it anew: see forgeries/page.py"
    rows = list(page.rows())
    assert len({row.what for row in rows}) == len(rows) >= 30
