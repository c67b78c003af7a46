"""The pure way of a batch: what records become, however they are cut, repeated, spoilt or mixed (L1, L3, L4, L12)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.codec import Record
from contracts.entry import Position
from ledger.errors import InvariantError, KeysTaken
from streams import pipeline
from tests.support.replica import SECRET, Replica
from tests.support.strategies import (
    BAD,
    CONTROL,
    CUTS,
    FEW,
    FEWER,
    GIG_STEPS,
    GIGWISE,
    GOJEK,
    GRAB,
    POOL,
    STORIES,
    VERSIONS,
    Bad,
    Feed,
    Story,
    Told,
    cut,
    gates,
    records_of,
)


def fates_of(replica: Replica, records: Sequence[Record]) -> list[str]:
    """What became of each record, read off the leaves: the entry it caused, or none (a counted duplicate)."""
    found = {}
    for entry in replica.told():
        cause: Any = entry["cause"]
        word = {"accrual": "accrued", "rejection": f"rejected:{entry.get('rejection', {}).get('code')}"}  # type: ignore[attr-defined]
        found[cause["topic"], cause["offset"]] = word.get(str(entry["kind"]), "act")
    return [found.get((record.topic, record.offset), "duplicate") for record in records]


def meaning(entry: dict[str, Any]) -> tuple[object, ...]:
    """What an entry says, apart from where in topic and journal it came."""
    cause = entry["cause"]
    kept = ("kind", "event", "contributions", "balances", "rejection")
    return (cause.get("source"), cause.get("id"), *(json.dumps(entry.get(name), sort_keys=True) for name in kept))


def after(told: Told) -> Replica:
    """The journal that settled these records in one batch."""
    return Replica().settle(told.records)


@FEW
@given(STORIES, CUTS, CUTS, st.lists(st.booleans(), max_size=30))
def test_l4_cutting_forgetting_and_looking_first_never_change_a_byte(
    story: Story, one: list[int], other: list[int], crashes: list[bool]
) -> None:
    records = records_of(story).records
    whole = Replica().settle(records)
    by_one = Replica().settle_all(cut(records, one))
    by_other = Replica()
    for number, batch in enumerate(cut(records, other)):
        if crashes[number : number + 1] == [True]:
            by_other.forget()
        by_other.settle(batch, look_first=bool(number % 2))
    assert by_one.leaves == whole.leaves
    assert by_other.leaves == whole.leaves
    assert by_one.positions == by_other.positions == whole.positions


@FEW
@given(STORIES)
def test_every_record_becomes_what_the_story_says(story: Story) -> None:
    told = records_of(story)
    assert fates_of(after(told), told.records) == told.fates


@FEW
@given(STORIES, CUTS, st.data())
def test_l3_duplicates_anywhere_are_counted_and_add_nothing(story: Story, lengths: list[int], data: Any) -> None:
    plain = after(records_of(story))
    repeated: Story = []
    copies = 0
    gigs: list[int] = []  # numbers of the gigs so far, in the story without copies
    renumbered: dict[int, int] = {}
    for number, step in enumerate(story):
        repeated.append(step)
        if step[0] == "gig":
            renumbered[number] = len(gigs)
            gigs.append(number)
        if gigs and data.draw(st.booleans()):
            repeated.append(("again", data.draw(st.integers(0, len(gigs) - 1))))
            copies += 1
    told = records_of(repeated)
    mixed = Replica().settle_all(cut(told.records, lengths))
    names = {f"G-{at}": f"gig {n}" for n, at in enumerate(gigs)}
    names_mixed = {f"G-{at}": f"gig {n}" for n, at in enumerate(i for i, s in enumerate(repeated) if s[0] == "gig")}

    def without_names(replica: Replica, known: dict[str, str]) -> list[tuple[object, ...]]:
        return [(m[0], known.get(str(m[1]), m[1]), *m[2:]) for m in map(meaning, replica.told())]

    # which gig `again` and `other` speak of depends on how many there are, which copies leave as it was
    assert without_names(mixed, names_mixed) == without_names(plain, names)
    counted = sum(d.outcomes[o] for d in mixed.decisions for o in d.outcomes if o.outcome == "duplicate")
    assert counted == copies + sum(fate == "duplicate" for fate in records_of(story).fates)


@given(st.sampled_from(("time", "data", "subject")))
@FEWER
def test_l3_the_same_id_with_other_content_is_refused_and_leaves_the_id_the_first_contents(member: str) -> None:
    feed = Feed()
    first = feed.gig("G-1", fare="20000")
    changed = {
        "time": feed.gig("G-1", fare="20000", time="2026-03-05T08:15:31Z"),
        "data": feed.gig("G-1", fare="20000", data={"commission": "0"}),
        "subject": feed.gig("G-1", worker="W-two", fare="20000"),
    }[member]
    again = feed.again(first)
    other_platform = feed.gig("G-1", fare="20000", topic=GRAB)
    records = [first, changed._replace(offset=1), again._replace(offset=2), other_platform]
    replica = Replica().settle_all([[r] for r in records])
    assert fates_of(replica, records) == ["accrued", "rejected:equivocation", "duplicate", "accrued"]
    refused: Any = replica.told()[1]
    assert (refused["cause"]["source"], refused["cause"]["id"]) == ("urn:iuran:platform:gojek", "G-1")
    assert replica.written[1].event_key is None
    assert replica.leaves == Replica().settle(records).leaves


@FEW
@given(STORIES, CUTS)
def test_l12_since_and_positions_add_up_to_the_offsets(story: Story, lengths: list[int]) -> None:
    records = records_of(story).records
    replica = Replica().settle_all(cut(records, lengths))
    causes: list[Any] = [entry["cause"] for entry in replica.told()]
    for topic, mine in groupby(sorted(causes, key=lambda c: (c["topic"], c["offset"])), lambda c: c["topic"]):
        came = {record.offset for record in records if record.topic == topic}
        reached = 0
        for cause in mine:
            between = range(reached, cause["offset"])
            since = cause["since"]
            assert since["gap"] == len(set(between) - came), "gap: offsets that never came"
            assert since["duplicates"] == len(set(between) & came), "duplicates: offsets that came and made no entry"
            reached = cause["offset"] + 1
        position = replica.positions[topic]
        assert position.next_offset == max(came) + 1
        assert position.duplicates == len(set(range(reached, position.next_offset)) & came)
        assert position.gap == len(set(range(reached, position.next_offset)) - came)


@FEW
@given(st.lists(GIG_STEPS, min_size=1, max_size=12), st.data(), CUTS)
def test_bad_input_among_good_never_changes_what_the_good_get(gigs: Story, data: Any, lengths: list[int]) -> None:
    plain = after(records_of([("enact", None), ("enact", None), *gigs]))
    story: Story = [("enact", None), ("enact", None)]
    names = {}
    for number, step in enumerate(gigs):
        for bad in data.draw(st.lists(st.integers(0, len(BAD) - 1), max_size=3)):
            story.append(("bad", bad))
        names[f"G-{len(story)}"] = f"G-{number + 2}"
        story.append(step)
    mixed = Replica().settle_all(cut(records_of(story).records, lengths))
    good = [m for m in map(meaning, mixed.told()) if "rejection" not in m]
    good = [m for m in good if json.loads(str(m[2])) != "rejection"]
    assert [(m[0], names.get(str(m[1]), m[1]), *m[2:]) for m in good] == [meaning(e) for e in plain.told()]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_each_kind_of_bad_input_is_one_recorded_rejection(bad: Bad) -> None:
    feed = Feed()
    records = [feed.gig("G-1"), feed.record(GOJEK, bad.value, bad.key, (("h", b"\0"),)), feed.gig("G-2")]
    replica = Replica().settle(records)
    assert fates_of(replica, records) == ["accrued", f"rejected:{bad.code}", "accrued"]
    refused: Any = replica.told()[1]
    assert refused["cause"]["sha256"] == sha256(bad.value or b"").hexdigest()
    assert replica.written[1].refused is not None
    assert replica.written[1].refused[0] == records[1]
    assert b"B-1" not in replica.leaves[1] or refused["cause"]["source"] == "urn:iuran:platform:gojek"


def test_a_scheme_acts_from_the_next_entry_on_and_on_what_came_before_by_a_correction() -> None:
    feed = Feed()
    records = [
        feed.gig("G-1", fare="100"),
        feed.enacted(GIGWISE),
        feed.gig("G-2", fare="100"),
        feed.gig("G-3", topic=GRAB, fare="105"),
    ]
    told: list[Any] = Replica().settle(records).told()
    assert [e["kind"] for e in told] == ["accrual", "scheme", "correction", "accrual", "accrual"]
    assert told[0]["contributions"] == []
    posted = {
        "amount": 1000,
        "fund": "C",
        "payer": "customer:gojek",
        "scheme": "XX-GIGWISE",
        "unit": "IDR",
        "version": "2026-01-01",
        "window": "2026-03-05",
    }
    assert told[2]["contributions"] == [posted | {"platform": "gojek"}]
    assert told[2]["reason"] == {"gig": 0, "scheme": "XX-GIGWISE", "version": "2026-01-01"}
    assert (told[2]["worker"], told[2]["cause"]["part"]) == ("W-one", [1, 2])
    assert told[3]["contributions"] == [posted]
    assert (told[3]["event"]["subject"], told[3]["cause"]["part"]) == ("W-one", [2, 2])
    assert told[4]["balances"] == [{"accrued": 2000 + 1100, "fund": "C", "scheme": "XX-GIGWISE", "unit": "IDR"}]


MONTHS = ("2026-01", "2026-02", "2026-03")


def pool_due(versions: int, month: str, total_minor: int) -> dict[str, int]:
    """What XX-POOL asks of a month's total once its first `versions` versions are enacted, written out by hand."""
    if versions == 0:
        return {}
    if versions == 3 and month == "2026-03":
        return {"B": total_minor * 2 // 100}
    if versions >= 2:
        return {"A": min(total_minor * 3 // 100 // 100 * 100, 90_000), "B": total_minor * 5 // 1000}
    return {"A": min(total_minor // 100 // 100 * 100, 50_000)}


@FEW
@given(
    st.lists(st.tuples(GIG_STEPS, st.integers(0, 9)), min_size=1, max_size=25),
    CUTS,
)
@example([(("gig", (GOJEK, "W-ann", "40000", "2026-03-05", "ID-JK")), n) for n in (0, 9, 1, 9, 2, 9)], [])
def test_l9_revisions_lead_to_the_balances_of_the_last_law_over_the_whole_window(
    steps: list[tuple[Any, int]], lengths: list[int]
) -> None:
    """Versions that reach back: at the worker's next gig all they have becomes that of the versions then in force."""
    feed = Feed()
    records: list[Record] = []
    enacted = 0
    totals: Counter[tuple[str, str]] = Counter()
    posted: dict[tuple[str, str], dict[str, int]] = {}
    for number, ((_, (topic, worker, fare, day, zone)), turn) in enumerate(steps):
        if turn < 3 and enacted == turn:
            records.append(feed.enacted(POOL[enacted]))
            enacted += 1
        gig = feed.gig(f"G-{number}", worker, fare, topic, time=f"{day}T10:00:00Z", data={"zone": zone})
        records.append(gig)
        if zone.startswith("ID-JK"):
            totals[worker, day[:7]] += int(fare) * 100
        for month in MONTHS:
            # what was posted before and is no longer due is taken back: a fund without a line ends at nothing
            posted[worker, month] = pool_due(enacted, month, totals[worker, month])
    replica = Replica().settle_all(cut(records, lengths))
    newest: dict[str, Any] = {e["event"]["subject"]: e for e in replica.told() if e["kind"] == "accrual"}  # type: ignore[index]
    for worker, entry in newest.items():
        expected: Counter[str] = Counter()
        for month in MONTHS:
            expected.update(posted.get((worker, month), {}))
        balances = {row["fund"]: row["accrued"] for row in entry["balances"]}
        assert {f: a for f, a in balances.items() if a} == {f: a for f, a in expected.items() if a}


SPOILT_ACTS = {
    "no JSON": {"text": "{", "sha256": sha256(b"{").hexdigest()},
    "not canonical": {"text": POOL[0].text + " ", "sha256": sha256(POOL[0].text.encode() + b" ").hexdigest()},
    "another digest": {"text": POOL[0].text + " "},
    "another version's text": {"text": POOL[1].text, "sha256": POOL[1].digest},
    "another scheme's text": {"text": GIGWISE.text, "sha256": GIGWISE.digest},
    "a draft": {
        "text": POOL[0].text.replace('"status":"example"', '"status":"draft"'),
        "sha256": sha256(POOL[0].text.replace('"status":"example"', '"status":"draft"').encode()).hexdigest(),
    },
}


@pytest.mark.parametrize("spoilt", SPOILT_ACTS, ids=str)
def test_a_scheme_that_does_not_parse_or_was_changed_is_refused_and_does_not_act(spoilt: str) -> None:
    feed = Feed()
    records = [feed.enacted(POOL[0], **SPOILT_ACTS[spoilt]), feed.gig("G-1")]
    replica = Replica().settle(records)
    assert fates_of(replica, records) == ["rejected:schema_violation", "accrued"]
    told: list[Any] = replica.told()
    assert told[1]["contributions"] == []


@settings(FEW, max_examples=200)
@given(st.sampled_from(VERSIONS), st.data())
def test_any_text_under_a_right_digest_is_enacted_or_refused_and_never_raises(version: Any, data: Any) -> None:
    at = data.draw(st.integers(0, len(version.text) - 1))
    length = data.draw(st.integers(0, 12))
    text = version.text[:at] + data.draw(st.text(max_size=8)) + version.text[at + length :]
    feed = Feed()
    act = feed.enacted(version, text=text or "x", sha256=sha256((text or "x").encode()).hexdigest())
    replica = Replica().settle([act, feed.gig("G-1")])
    assert len(replica.leaves) == 2


@pytest.mark.parametrize("look_first", [False, True])
def test_another_text_under_an_enacted_version_is_refused_the_same_way_however_it_came(look_first: bool) -> None:
    """L4: the id is looked up before the text is judged, or the bytes would depend on what was looked up."""
    feed = Feed()
    changed = POOL[0].text.replace("a share", "no share")
    records = [
        feed.enacted(POOL[0]),
        feed.enacted(POOL[0], text=changed, sha256=sha256(changed.encode()).hexdigest()),
        feed.enacted(POOL[0]),
    ]
    replica = Replica().settle_all([[r] for r in records], look_first)
    assert fates_of(replica, records) == ["act", "rejected:equivocation", "duplicate"]


@pytest.mark.parametrize("look_first", [False, True])
def test_a_balance_never_leaves_the_exact_numbers_and_a_duplicate_stays_one_even_then(look_first: bool) -> None:
    text = GIGWISE.text.replace('"rate":"0.1"', '"rate":"1"')
    feed = Feed()
    enact = feed.enacted(GIGWISE, text=text, sha256=sha256(text.encode()).hexdigest())
    gigs = [feed.gig(f"G-{n}", fare="9999999999999") for n in range(12)]
    again = feed.again(gigs[0])
    records = [enact, *gigs, again, feed.gig("G-small", fare="1"), feed.gig("G-ben", "W-ben")]
    replica = Replica().settle_all([[r] for r in records], look_first)
    fates = fates_of(replica, records)
    accepted = fates[1:13].count("accrued")
    assert fates[1:] == [
        *["accrued"] * accepted,
        *["rejected:amount_out_of_range"] * (12 - accepted),
        "duplicate",
        "accrued",
        "accrued",
    ]
    accrued = [row["accrued"] for e in replica.told() for row in e.get("balances", ())]  # type: ignore[attr-defined]
    assert 0 < accepted < 12
    assert 2**52 < max(accrued) < 2**53
    assert replica.leaves == Replica().settle(records).leaves


_MARCH_GIG: Any = ("gig", (GOJEK, "W-ann", "40000", "2026-03-05", "ID-JK"))
_TAKEN_BACK: Story = [("enact", None), _MARCH_GIG, ("enact", None), ("enact", None), ("enact", None), _MARCH_GIG]


@FEW
@given(STORIES, CUTS)
@example(_TAKEN_BACK, [])
def test_a_decisions_counts_are_those_of_what_it_writes(story: Story, lengths: list[int]) -> None:
    records = records_of(story).records
    replica = Replica().settle_all(cut(records, lengths))
    outcomes: Counter[str] = Counter()
    for decision in replica.decisions:
        told = [json.loads(w.leaf) for w in decision.written]
        assert decision.kinds == Counter(entry["kind"] for entry in told)
        assert [w.leaf_index for w in decision.written] == [entry["index"] for entry in told]
        postings: dict[tuple[str, ...], list[int]] = {}
        for row in (row for entry in told for row in entry.get("contributions", ())):
            key = (row["scheme"], row["fund"], row["payer"].split(":")[0], row["unit"])
            postings.setdefault(key, [0, 0])[row["amount"] < 0] += abs(row["amount"])
        assert decision.postings == postings
        newest = {e["event"]["subject"]: e["index"] for e in told if e["kind"] == "accrual"}
        assert decision.touched == newest
        assert decision.enacted == any(entry["kind"] == "scheme" for entry in told)
        for outcome, count in decision.outcomes.items():
            outcomes[outcome.outcome] += count
    kinds = Counter(e["kind"] for e in replica.told())
    assert outcomes["rejected"] == kinds["rejection"]
    assert outcomes["accrued"] == kinds["accrual"] + kinds["scheme"]
    assert outcomes.total() == len(records)


@FEW
@given(STORIES)
def test_columns_repeat_what_the_leaf_says(story: Story) -> None:
    for written in after(records_of(story)).written:
        entry = json.loads(written.leaf)
        cause = entry["cause"]
        assert (written.kind, written.leaf_index) == (entry["kind"], entry["index"])
        own = entry["event"]["subject"] if "balances" in entry and "event" in entry else None
        assert written.worker == entry.get("worker", own)
        if "event" not in entry:
            assert written.event_key is None
        else:
            digest = sha256(f"0\n{cause['source']}\n{cause['id']}".encode()).digest()
            assert written.event_key == digest[:16]


def test_an_operators_act_stands_alone_in_its_batch() -> None:
    feed = Feed()
    records = [feed.gig("G-1"), feed.gig("G-2"), feed.enacted(POOL[0]), feed.enacted(POOL[1]), feed.gig("G-3")]
    decoded = pipeline.decode_all(records, gates(), 0)
    ends = []
    while decoded:
        ends.append(pipeline.batch_end(decoded))
        decoded = decoded[ends[-1] :]
    assert ends == [2, 1, 1, 1]
    assert pipeline.batch_end([]) == 0


def test_needs_names_each_worker_once_and_those_in_memory_not_at_all() -> None:
    feed = Feed()
    replica = Replica().settle([feed.gig("G-1", "W-ann")])
    assert replica.state is not None
    records = [
        feed.gig("G-2", "W-ben"),
        feed.gig("G-3", "W-ann"),
        feed.gig("G-4", "W-ben"),
        feed.record(GOJEK, b"", b""),
    ]
    wanted = pipeline.needs(pipeline.decode_all(records, gates(), 0), replica.state)
    assert wanted.workers == ["W-ben"]
    assert len(wanted.keys) == len(set(wanted.keys)) == 3
    assert (wanted.firm_keys, wanted.gigs) == ([], [])


def test_l12_an_offset_below_the_position_stops() -> None:
    feed = Feed()
    record = feed.gig("G-1")
    replica = Replica().settle([record])
    with pytest.raises(InvariantError, match="L12"):
        replica.settle([record._replace(value=b"other")])


def test_l11_salts_are_the_journals_own_and_differ_by_cause() -> None:
    feed = Feed()
    records = [feed.gig("G-1"), feed.gig("G-2"), feed.gig("G-1", topic=GRAB), feed.enacted(GIGWISE)]
    salts = [str(entry["salt"]) for entry in Replica().settle(records).told()]
    other = [str(entry["salt"]) for entry in Replica(secret=bytes(32)).settle(records).told()]
    assert len({*salts, *other}) == 8
    assert all(len(bytes.fromhex(salt)) == 16 for salt in salts)
    assert SECRET.hex() not in "".join(salts)


def test_what_may_be_refused_for_what_the_journal_holds_is_looked_up_first() -> None:
    """Or a duplicate, which the unique index can't know from a refusal, would pass for refused (L4)."""
    feed = Feed()
    replica = Replica().settle([feed.enacted(POOL[0])])
    assert replica.state is not None
    changed = POOL[0].text.replace("a share", "no share")
    act = feed.enacted(POOL[0], text=changed, sha256=sha256(changed.encode()).hexdigest())
    wanted = pipeline.needs(pipeline.decode_all([act], gates(), 0), replica.state)
    assert wanted.keys == wanted.firm_keys == [replica.written[0].event_key]
    told = replica.settle([act]).told()
    assert told[1]["rejection"] == {"code": "equivocation"}


def test_a_gig_not_looked_up_is_not_refused_for_what_the_journal_holds() -> None:
    feed = Feed()
    replica = Replica().settle([feed.enacted(GIGWISE), feed.gig("G-1", fare="1")])
    assert replica.state is not None
    held = replica.state.accounts["W-one"]
    held.account.balances = dict.fromkeys(held.account.balances, 2**53 - 1)
    held.near_limit = True
    decoded = pipeline.decode_all([feed.gig("G-2", fare="1000")], gates(), 0)
    with pytest.raises(KeysTaken):
        pipeline.decide(decoded, replica.state, {}, looked_up=False)
    refused = pipeline.decide(decoded, replica.state, {}).written
    assert [written.kind for written in refused] == ["rejection"]
    assert held.account.balances == dict.fromkeys(held.account.balances, 2**53 - 1)


def test_positions_of_topics_that_gave_nothing_stay_as_they_are() -> None:
    feed = Feed()
    replica = Replica().settle([feed.gig("G-1")]).settle([feed.gig("G-1", topic=GRAB)])
    assert replica.decisions[1].positions == {GRAB: Position(1)}
    assert set(replica.positions) == {GOJEK, GRAB}
    assert CONTROL not in replica.positions
