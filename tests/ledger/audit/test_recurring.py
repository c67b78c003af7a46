"""What recurs is read as if it were read for the first time: the same gigs and postings, the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import canonical
from contracts.codec import stored_gig
from contracts.entry import ContributionRow, encode
from ledger.audit import grammar
from ledger.audit.recomputing import recurring
from ledger.audit.recomputing.recurring import RecurringGigs, RecurringPostings
from ledger.domain.earning import Gig
from ledger.domain.posting import ACCRUED, Contribution
from ledger.intake import gig_of, row_of

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


@pytest.mark.parametrize("accepted_at", ["2026-02-30T08:00:10Z", "2026-03-01T08:00:10", "", "2026-03-01T08:00:60Z"])
def test_what_was_accepted_at_no_instant_is_refused_each_time(accepted_at: str) -> None:
    gigs = RecurringGigs()
    told = {"components": [{"amount": "18500", "kind": "fare"}], "currency": "IDR", "service": "ride"}
    for good in ("2026-03-01T08:00:10Z", "2026-03-01T08:00:10+07:00"):
        assert gigs.gig("gojek", "W-1", 0, canonical.encode({**told, "accepted_at": good}))
        with pytest.raises(ValueError):
            gigs.gig("gojek", "W-1", 0, canonical.encode({**told, "accepted_at": accepted_at}))


PAYERS = st.sampled_from(("worker:W-1", "worker:W-2", "worker:W-", "worker:", "", "platform:gojek", 'worker:W-"'))
SHORT = st.sampled_from(("", "A", "A", "A", 'a"b', "é"))
POSTINGS = st.builds(
    Contribution,
    amount=st.one_of(st.integers(-3, 3), st.just(10**15)),
    payer=PAYERS,
    platform=st.sampled_from(("gojek", "grab", "")),
    state=st.sampled_from((ACCRUED, ACCRUED, "credit")),
    **dict.fromkeys(("fund", "scheme", "unit", "version", "window"), SHORT),
)
PLAIN = grammar.rows(ContributionRow).fullmatch


def text_of(postings: list[Contribution], platform: str = "gojek") -> bytes:
    return encode([row_of(posting, platform) for posting in postings])[1:-1]


@given(st.lists(st.lists(POSTINGS, max_size=2), max_size=3))
def test_postings_are_what_is_written_if_they_are_written_so(several: list[list[Contribution]]) -> None:
    held = RecurringPostings()
    for platform in ("gojek", "grab", "gojek"):
        texts = [text_of(postings, platform) for postings in several]
        for worker in ("W-1", "W-2", "W-"):
            own = f'"payer":"worker:{worker}"'.encode()
            for text in texts:
                for postings, due in zip(several, texts, strict=True):
                    written = held.written(platform, worker.encode(), text)
                    assert (written is None) == (PLAIN(text) is None)
                    assert written is None or held.are(written, worker, postings) == (text == due)
                assert own not in text or held.written(platform, worker.encode(), text.replace(own, b"\0")) is None


def test_postings_that_differ_in_the_workers_name_are_remembered_once() -> None:
    held = RecurringPostings()
    for name in ("W-1", "W-two", "W-1", "W-3"):
        payers = ("platform:gojek", f"worker:{name}", "worker:W-9")
        postings = [Contribution("S", "2026", "F", payer, "2026-03", 5, "IDR", ACCRUED, "gojek") for payer in payers]
        spoilt = [{"amount": 6}, {"payer": f"worker:{name}"}, {"payer": "worker:W-8"}]
        others = [[*postings[:2], postings[2]._replace(**change)] for change in spoilt]
        for another in (postings, postings[::-1], postings[:2], *others):
            written = held.written("gojek", name.encode(), text_of(postings))
            assert written is not None and held.are(written, name, another) == (another == postings)
    assert len(held._known) == 1


def test_strangers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "KNOWN_MAX", 3)
    gigs, held = RecurringGigs(), RecurringPostings()
    posting = Contribution("S", "2026", "F", "worker:W-1", "2026-03", 5, "IDR", ACCRUED, "gojek")
    for n in range(20):
        told = {"components": [{"amount": "1", "kind": f"k{n}"}], "currency": "IDR", "service": "s"}
        assert gigs.gig("gojek", "W-1", 0, canonical.encode(told)).components[0].kind == f"k{n}"
        for postings in ([posting._replace(amount=n)], [posting] * 60):
            written = held.written("gojek", b"W-1", text_of(postings))
            assert written is not None and held.are(written, "W-1", postings)
        assert len(gigs._known) <= 3 and len(held._known) <= 3
        assert all(len(text) <= recurring.TEXT_MAX for _, text in held._known)
