"""Ten groups of equal size by earnings: exact ranks, nobody lost, nobody twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.simulation.deciles import GROUPS, deciles
from ledger.domain.simulation.tally import Row

PURSE = ("A", "worker", "accrued", "IDR")
ROWS = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9), st.integers(0, 9)), max_size=60).map(
    lambda found: sorted(
        Row(earnings, f"W-{number:03}", 1, ((PURSE, before, after),))
        for number, (earnings, before, after) in enumerate(found)
    )
)


@given(ROWS)
def test_groups_are_equal_ordered_and_whole(rows: list[Row]) -> None:
    groups = deciles(rows, len(rows), "IDR")
    sizes = [group.workers for group in groups]
    assert sum(sizes) == len(rows)
    assert max(sizes, default=1) - min(sizes, default=1) <= 1
    assert len(groups) == min(GROUPS, len(rows))
    assert all(a.earnings_to <= b.earnings_from for a, b in pairwise(groups))
    assert sum(group.earnings for group in groups) == sum(row.earnings for row in rows)
    moved = [sum(getattr(g.paid, what) for g in groups) for what in ("more", "less", "same")]
    changes = [row.amounts[0][2] - row.amounts[0][1] for row in rows]
    assert moved == [sum(c > 0 for c in changes), sum(c < 0 for c in changes), sum(c == 0 for c in changes)]


def test_rows_out_of_order_or_missing_are_refused() -> None:
    one, two = Row(1, "W-1", 1, ()), Row(2, "W-2", 1, ())
    with pytest.raises(ValueError, match="out of order"):
        deciles([two, one], 2, "IDR")
    with pytest.raises(ValueError, match="expected 3 workers, got 2"):
        deciles([one, two], 3, "IDR")
    with pytest.raises(ValueError, match="expected 1 workers"):
        deciles([one, two], 1, "IDR")
