"""L3 between events: what came twice is found, in one journal and between journals, however alike the digests are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.checks.event_keys import EventKeys, gigs_met_again

# few digests, whose halves are the same more often than the whole
HALVES = st.sampled_from([b"\0" * 8, b"\0" * 7 + b"\1", b"\xff" * 8])
EVENTS = st.lists(st.tuples(st.builds(bytes.__add__, HALVES, HALVES), st.booleans()), max_size=6)


def of(events: list[tuple[bytes, bool]]) -> EventKeys:
    keys = EventKeys()
    for index, (digest, gig) in enumerate(events):
        keys.take(index, digest, gig)
    return keys


@given(EVENTS)
def test_an_event_that_came_before_is_met_again(events: list[tuple[bytes, bool]]) -> None:
    digests = [digest for digest, _ in events]
    again = {(n, digests.index(digest)) for n, digest in enumerate(digests) if digest in digests[:n]}
    assert set(of(events).met_again()) == again


@given(st.lists(EVENTS, max_size=3))
def test_a_gig_of_an_earlier_journal_is_met_again_and_an_act_is_not(journals: list[list[tuple[bytes, bool]]]) -> None:
    gigs = [[(digest, n) for n, (digest, gig) in enumerate(events) if gig] for events in journals]
    first: dict[bytes, tuple[int, int]] = {}
    again = set()
    for journal, told in enumerate(gigs):
        for digest, n in told:
            place = first.setdefault(digest, (journal, n))
            if place[0] != journal:
                again.add((place, (journal, n)))
    assert set(gigs_met_again([(n, of(events)) for n, events in enumerate(journals)])) == again
