"""What recurs is read as if it were read for the first time: the same gigs and postings, the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import canonical
from contracts.codec import stored_gig
from contracts.entry import ContributionRow, encode
from ledger.audit.recomputing import recurring
from ledger.audit.recomputing.recurring import RecurringGigs, RecurringPostings
from ledger.domain.earning import Gig
from ledger.domain.posting import Contribution
from ledger.intake import gig_of, posting_of, row_of
from tests.ledger.audit.tampering import encode as written

Told = TypeVar("Told")

AMOUNTS = st.sampled_from(("18500", "9000", "-500", "0.5", "01", "9" * 16))
WORDS = st.sampled_from(("fare", "refund", "ride", "Ride", "a]b", "a}b", "distance_m"))
INSTANTS = st.sampled_from(
    ("2026-03-01T08:00:10Z", "2026-03-01T08:00:10.5+07:00", "2026-03-01T08:00:10", "2026-02-30T08:00:10Z", "")
)
QUANTITIES = st.sampled_from((0, 1, 4200, 10**15 - 1, 2**53 - 1, "1.5", "4200", "-1", ""))
DAYS = st.sampled_from(("2026-03-05", "2026-02-30"))
ZONES = st.sampled_from(("ID-JK", "ID-YO", "Jakarta"))
WORK = {"distance_m": QUANTITIES, "engaged_seconds": QUANTITIES}
DATA = st.fixed_dictionaries(
    {
        "components": st.lists(
            st.fixed_dictionaries({"amount": AMOUNTS, "kind": WORDS}, optional={"purpose": WORDS}), max_size=2
        ),
        "currency": st.sampled_from(("IDR", "USD", "ZZZ")),
        "service": WORDS,
    },
    optional={
        **WORK,
        "accepted_at": INSTANTS,
        "commission": AMOUNTS,
        "declared": st.lists(
            st.fixed_dictionaries({"amount": AMOUNTS, "fund": st.just("JKK"), "scheme": st.just("ID-BPU")}), max_size=1
        ),
        "payment_due_on": DAYS,
        "rate": st.sampled_from(("15000.5", "0")),
        "rate_date": DAYS,
        "segments": st.lists(st.fixed_dictionaries({"zone": ZONES}, optional=WORK), max_size=2),
        "vehicle": WORDS,
        "zone": ZONES,
    },
)
LIKELY = DATA.map(
    lambda data: {**data, "components": [{"amount": "18500", "kind": "fare"}], "currency": "IDR", "service": "ride"}
)


def known(read: Callable[[], Told]) -> Told | None:
    """What is read; None where it is refused."""
    try:
        return read()
    except ValueError:
        return None


def first(platform: str, worker: str, at: int, data: bytes) -> Gig:
    return gig_of("urn:iuran:platform:" + platform, worker, at, *stored_gig(data))


@given(st.lists(st.one_of(DATA, LIKELY), max_size=6))
def test_gigs_are_read_as_if_each_were_the_first(several: list[dict[str, Any]]) -> None:
    gigs = RecurringGigs()
    for n, told in enumerate([*several, *several]):
        data = canonical.encode(told)
        own = ("gojek" if n % 3 else "grab", f"W-{n}", n, data)
        assert known(lambda own=own: gigs.gig(*own)) == known(lambda own=own: first(*own))  # type: ignore[misc]


def test_gigs_that_differ_in_what_is_measured_are_remembered_once() -> None:
    gigs = RecurringGigs()
    for n in range(1, 20):
        told = {
            "accepted_at": f"2026-03-01T08:{n:02}:00Z",
            "components": [{"amount": "18500", "kind": "fare"}],
            "currency": "IDR",
            "service": "ride",
            "distance_m": n,
            "engaged_seconds": n * n,
        }
        for left_out in ((), ("accepted_at",), ("distance_m", "engaged_seconds")):
            data = canonical.encode({name: value for name, value in told.items() if name not in left_out})
            assert gigs.gig("gojek", f"W-{n}", n, data) == first("gojek", f"W-{n}", n, data)
    assert len(gigs._known) == 1


PAYERS = st.sampled_from(("worker:W-1", "worker:W-2", "worker:W-", "worker:", "", "platform:gojek", 'worker:W-"'))
SHORT = st.sampled_from(("", "A", 'a"b', "é"))
ROWS = st.builds(
    ContributionRow,
    amount=st.one_of(st.integers(-3, 3), st.sampled_from((10**16, -(2**63), 2**64 - 1))),
    payer=PAYERS,
    platform=st.one_of(st.just(msgspec.UNSET), st.sampled_from(("gojek", "grab", ""))),
    state=st.sampled_from((msgspec.UNSET, "credit", "withheld")),
    **dict.fromkeys(("fund", "scheme", "unit", "version", "window"), SHORT),
)


@given(st.lists(st.lists(ROWS, max_size=3), max_size=3))
def test_postings_are_read_as_if_each_were_the_first(several: list[list[ContributionRow]]) -> None:
    reads = RecurringPostings()
    for rows in [*several, *several]:
        text = encode(rows)[1:-1]
        for platform in ("gojek", "grab"):
            postings = [posting_of(row, platform) for row in rows]
            plain = [row_of(posting, platform) for posting in postings] == rows
            plain = plain and all(abs(row.amount) < 10**15 and row.payer != "worker:" for row in rows)
            for worker in ("W-1", "W-2", "W-"):
                assert reads.postings(platform, worker, text) == (postings if plain else None)
                own = f'"payer":"worker:{worker}"'.encode()
                assert own not in text or reads.postings(platform, worker, text.replace(own, b"\0")) is None


def test_postings_that_differ_in_the_workers_name_are_remembered_once() -> None:
    reads = RecurringPostings()
    for name in ("W-1", "W-two", "W-1", "W-3"):
        payers = ("platform:gojek", f"worker:{name}", "worker:W-9")
        postings = [Contribution("S", "2026", "F", payer, "2026-03", 5, "IDR", "accrued", "gojek") for payer in payers]
        text = encode([row_of(posting, "gojek") for posting in postings])[1:-1]
        assert reads.postings("gojek", name, text) == postings
    assert len(reads._known) == 1
    assert len(reads._rows) == 3


NUMBERS = st.one_of(st.integers(-3, 3), st.integers(-(10**25), 10**25), st.just(-0.0), st.just("1"), st.none())
LOOSE = st.fixed_dictionaries(
    {"amount": NUMBERS, **dict.fromkeys(("fund", "payer", "scheme", "unit", "version", "window"), SHORT)},
    optional={"platform": SHORT, "state": st.sampled_from(("credit", "accrued", "")), "more": SHORT},
)


@given(st.lists(LOOSE, max_size=2), st.sampled_from((b"", b" ", b",", b"}", b"\0")), st.integers(0, 400))
def test_rows_are_read_as_strictly_as_entries_are(rows: list[dict[str, Any]], junk: bytes, at: int) -> None:
    text = written(rows)[1:-1]
    strictly_read(text)
    for rest in (text[at:], text[at + 1 :]):
        strictly_read(text[:at] + junk + rest)


@pytest.mark.parametrize("mark", [b"", b";", b" ,", b",,", b"},", b"\0"])
def test_rows_are_parted_by_a_comma(mark: bytes) -> None:
    row = ContributionRow(amount=5, fund="F", payer="worker:W-1", scheme="S", unit="IDR", version="1", window="2026")
    text = encode([row] * 3)[1:-1]
    strictly_read(text.replace(b'},{"', b"}" + mark + b'{"', 1))
    strictly_read(text + mark)


def strictly_read(text: bytes) -> None:
    try:
        strict = encode(msgspec.json.decode(b"[%b]" % text, type=list[ContributionRow])) == b"[%b]" % text
    except ValueError:
        strict = False
    assert strict or RecurringPostings().postings("gojek", "W-1", text) is None


def test_strangers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "KNOWN_MAX", 3)
    gigs, reads = RecurringGigs(), RecurringPostings()
    for n in range(20):
        told = {"components": [{"amount": "1", "kind": f"k{n}"}], "currency": "IDR", "service": "s"}
        assert gigs.gig("gojek", "W-1", 0, canonical.encode(told)).components[0].kind == f"k{n}"
        row = ContributionRow(amount=n + 1, fund=f"F{n}", payer="worker:W-1", scheme="", unit="", version="", window="")
        assert reads.postings("gojek", "W-1", encode([row])[1:-1]) == [posting_of(row, "gojek")]
        assert len(gigs._known) <= 3 and len(reads._known) <= 3 and len(reads._rows) <= 3
    assert reads.postings("gojek", "W-1", encode([row] * 60)[1:-1]) == [posting_of(row, "gojek")] * 60
    assert all(len(text) <= recurring.TEXT_MAX for _, text in reads._known)
