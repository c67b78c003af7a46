"""The column that names the gig which an entry corrects, held against the entry that its reason points to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from contracts.entry import Entry, Kind, Reason, StoredEvent, decode, event_key
from ledger.audit.checks.references import References
from ledger.audit.findings import Findings
from tests.support.exports import made_ledger

LEAVES = made_ledger((3,))[0].leaves
ENTRIES = [decode(leaf) for leaf in LEAVES]
GIG = next(entry for entry in ENTRIES if entry.kind == Kind.ACCRUAL)
KEY = event_key(0, str(GIG.cause.source), str(GIG.cause.id))
WRONG = "column refers_to: expected the key of the gig that the entry corrects, got another"


def correction(gig: int | None) -> Entry:
    """An entry that corrects a gig's own window, or another window where no gig is named."""
    reason = Reason(gig=msgspec.UNSET if gig is None else gig, scheme="ID-JK-PILOT", version="2026-01-01")
    return msgspec.structs.replace(GIG, index=99, kind=Kind.CORRECTION, event=msgspec.UNSET, reason=reason)


def found(entry: Entry, column: bytes | None, there: Sequence[int] | None = None) -> list[str]:
    """What is said of a column; `there`: the entries that can be read, all by default."""

    def leaves_at(indexes: Sequence[int]) -> Mapping[int, bytes]:
        return {index: LEAVES[index] for index in indexes if there is None or index in there}

    findings = Findings(0)
    references = References(0, findings, leaves_at)
    references.check(entry.index, entry, column)
    references.settle()
    return [finding.detail for finding in findings.ordered()]


@pytest.mark.parametrize("column", [KEY, None, bytes(16), event_key(1, str(GIG.cause.source), str(GIG.cause.id))])
def test_a_correction_names_the_gig_that_its_reason_points_to(column: bytes | None) -> None:
    assert found(correction(GIG.index), column) == ([] if column == KEY else [WRONG])
    assert found(correction(None), column) == ([] if column is None else [WRONG])


def test_what_points_to_an_entry_that_is_not_there_names_none() -> None:
    assert found(correction(GIG.index), KEY, there=[]) == [WRONG]
    assert found(correction(GIG.index), None, there=[]) == []


@pytest.mark.parametrize("kind", [Kind.ADJUSTMENT, Kind.REVERSAL])
def test_a_record_that_corrects_a_gig_names_the_one_that_its_event_does(kind: Kind) -> None:
    entry = next(entry for entry in ENTRIES if entry.kind == kind)
    assert isinstance(entry.event, StoredEvent)
    named = msgspec.json.decode(entry.event.data)["gig"]
    key = event_key(0, str(entry.cause.source), named)
    assert found(entry, key) == []
    assert found(entry, None) == found(entry, bytes(16)) == [WRONG]
