"""Founding a ledger and acting on it, on the real servers: each act done again adds nothing (L3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from contracts.currencies import EXPONENTS
from contracts.topics import CHECKPOINTS
from deploy import founding
from deploy.cli.progress import SILENT
from deploy.embedded.stack import Servers
from ledger.domain.language.document import load_document
from ledger.errors import Unfit
from ledger.store import keys
from streams.checkpoints import Checkpoints
from tests.support.deep import check_ledger_deeply
from tests.support.ledgers import SCHEMES, SmallLedger, found, gig

pytestmark = pytest.mark.stack


@pytest.fixture
def small(servers: Servers, tmp_path: Path) -> SmallLedger:
    """A ledger of two journals with one platform and one scheme."""
    return found(servers, tmp_path)


@pytest.fixture(scope="module")
def shared(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> SmallLedger:
    """Another, for tests that do not mind what others have published on it."""
    return found(servers, tmp_path_factory.mktemp("shared"))


def kinds(ledger: SmallLedger) -> list[tuple[int, int, int]]:
    """(journal, kind, how many) of all entries."""
    with psycopg.connect(ledger.url) as connection:
        return connection.execute("SELECT journal, kind, count(*) FROM entries GROUP BY 1, 2 ORDER BY 1, 2").fetchall()


def check(ledger: SmallLedger) -> None:
    """Everything holds."""
    settings = ledger.settings
    secrets = {n: keys.of_settings(settings, settings.ledger).secret(n) for n in range(settings.journals)}
    published = asyncio.run(outside(ledger))
    assert sorted(published) == list(range(settings.journals))
    check_ledger_deeply(ledger.url, secrets=secrets, published=published)
    with psycopg.connect(ledger.url) as connection:
        assert connection.execute("SELECT 1 FROM heads WHERE size <> published_size").fetchall() == []


async def outside(ledger: SmallLedger) -> dict[int, bytes]:
    """The newest checkpoint of each journal on the topic."""
    checkpoints = Checkpoints(ledger.broker, ledger.settings.topic_prefix + CHECKPOINTS)
    newest = {n: await checkpoints.newest(n) for n in range(ledger.settings.journals)}
    return {journal: note for journal, note in newest.items() if note is not None}


@pytest.mark.parametrize("settled", [True, False], ids=["settled between", "twice before anything is settled"])
def test_each_act_done_again_adds_nothing(small: SmallLedger, settled: bool) -> None:
    path = SCHEMES / "US-NY-BCF.yaml"
    versions = load_document(path.read_text(encoding="utf-8"), path.name, EXPONENTS).versions
    for _ in range(2):
        founding.found_ledger(small.settings, SILENT)
        founding.add_platform(small.settings, "grab", SILENT)
        founding.enact(small.settings, versions[0], SILENT)
        if settled:
            small.drain()
    small.drain()
    # one opening, two platforms and two schemes in each journal, and no refusal
    pilot = 1
    assert kinds(small) == [(n, k, c) for n in range(2) for k, c in ((2, 1), (3, pilot + 1), (4, 2))]
    check(small)


def test_what_is_published_is_settled_once_whatever_is_drained_again(shared: SmallLedger) -> None:
    good = [gig(f"G-{n}", f"W-{n:02}", "18500") for n in range(20)]
    shared.publish(*good, b"{", good[3])
    shared.drain()
    before = kinds(shared)
    shared.drain()
    assert kinds(shared) == before
    assert sum(count for _, kind, count in before if kind == 0) == 20
    assert sum(count for _, kind, count in before if kind == 1) == 1
    check(shared)


def test_another_name_or_other_journals_are_refused(shared: SmallLedger) -> None:
    for change in ({"ledger": "other.localhost"}, {"journals": 3}):
        with pytest.raises(Unfit, match="fixed for a ledger's life"):
            founding.found_ledger(shared.settings.model_copy(update=change), SILENT)
    with pytest.raises(Unfit, match="platform: expected"):
        founding.add_platform(shared.settings, "Not A Platform", SILENT)
    check(shared)
