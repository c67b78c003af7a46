"""The kept file: one run at a time, bound to its trial and its ledger, undone when a run breaks off."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.simulate import kept
from deploy.simulate.journals import Head, Ledger
from ledger.domain.simulation.trial import Stated, assume
from tests.deploy.simulate.simulations import trial
from tests.ledger.domain.worlds import MARCH

DRAFT = trial("ID-PERPRES-OJOL")
LEDGER = Ledger("", "one.localhost", (Head(0, 9, "", "one.localhost/log/0+aa+bb"),))


def test_a_second_run_at_the_same_time_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_BUSY_SECONDS", 0)
    file = kept.place_of(tmp_path, DRAFT)
    first, second = (kept.opened(file, DRAFT, LEDGER) for _ in range(2))
    with first, pytest.raises(kept.KeptBusy, match="expected no other run"), second:
        raise AssertionError("entered twice")


def test_what_was_kept_holds_for_one_trial_and_one_ledger(tmp_path: Path) -> None:
    file = kept.place_of(tmp_path, DRAFT)

    def kept_of(own: object, ledger: Ledger = LEDGER) -> dict[int, int]:
        with kept.opened(file, own, ledger) as (connection, stood):  # type: ignore[arg-type]
            kept.save(connection, tmp_path, kept.Kept({0: 9}, MARCH, MARCH))
            return stood.next

    assert kept_of(DRAFT) == {}
    assert kept_of(DRAFT) == {0: 9}
    for other in (
        DRAFT._replace(assumed=assume(["worker.basis=5"])),
        DRAFT._replace(stated=(Stated("gojek", (("turnover", "5"),), DRAFT.tried.versions[0].start),)),
        trial("ID-PERPRES-OJOL")._replace(tried=DRAFT.tried._replace(as_of=None)),
    ):
        assert kept_of(other) == {}
        assert kept_of(DRAFT) == {}
    assert kept_of(DRAFT, LEDGER._replace(heads=(LEDGER.heads[0]._replace(vkey="another"),))) == {}


def test_a_run_that_breaks_off_is_undone(tmp_path: Path) -> None:
    file = kept.place_of(tmp_path, DRAFT)
    with pytest.raises(RuntimeError), kept.opened(file, DRAFT, LEDGER) as (connection, _):
        kept.save(connection, tmp_path, kept.Kept({0: 9}, MARCH, MARCH))
        raise RuntimeError
    with kept.opened(file, DRAFT, LEDGER) as (_, stood):
        assert stood == kept.Kept({}, None, None)
