"""What two texts say differently is found with its source; what is unverified is found with its note."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger.domain.period import Span
from ledger.domain.simulation.figures import WHOLE, changes, doubts, figures
from ledger.domain.simulation.trial import ChoiceError, acting_versions, assume, choose, together
from tests.ledger.domain.simulation.trials import shipped
from tests.ledger.domain.worlds import SHIPPED, load, rule, scheme_text


def test_a_changed_rate_is_told_from_to_with_both_sources() -> None:
    versions = load(shipped("US-NY-BCF")).versions
    found = {change.place: change for change in changes(versions[0], versions[1])}
    rate = found["rules › BCF by customer › rate"]
    assert (rate.before, rate.after) == ("0.025", "0.03")
    assert rate.cited_before is not None
    assert rate.cited_after is not None
    assert rate.cited_before.title.startswith("Black Car Fund and tip fee")
    assert rate.cited_after.title.startswith("amNewYork")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_text_differs_from_itself_in_nothing(path: Path) -> None:
    for version in load(path.read_text(encoding="utf-8")).versions:
        assert changes(version, version) == []
        places = [figure.place for figure in figures(version)]
        assert len(places) == len(set(places))


def test_rules_that_only_moved_are_no_change() -> None:
    rules = [rule(fund="A"), rule(fund="B", rate='"0.02"')]
    one, other = (load(scheme_text("\n".join(order))).versions[0] for order in (rules, rules[::-1]))
    assert changes(one, other) == []


def test_lists_in_another_order_are_no_change() -> None:
    text = scheme_text(rule()).replace("include: all", "include: [fare, tip]")
    one, other = (load(own).versions[0] for own in (text, text.replace("[fare, tip]", "[tip, fare]")))
    assert one.digest != other.digest
    assert changes(one, other) == []


def test_schemes_in_force_together_make_one_side() -> None:
    sides = [choose(load(shipped(name)), "in-force") for name in ("ID-BPU", "ID-KP1001")]
    both = together(sides)
    assert both.label == "ID-BPU + ID-KP1001 in force"
    acting = acting_versions(both, Span(date(2026, 3, 1), date(2026, 3, 31)))
    assert [(version.scheme, version.id) for version in acting] == [
        ("ID-KP1001", "2022-12-01"),
        ("ID-BPU", "2026-01-01"),
    ]
    assert together(sides[:1]) is sides[0]
    for wrong in ([sides[0], sides[0]], [sides[0], choose(load(shipped("ID-KP1001")))]):
        with pytest.raises(ChoiceError, match="expected"):
            together(wrong)
    with pytest.raises(ChoiceError, match="in IDR like ID-BPU"):
        together([sides[0], choose(load(shipped("US-NY-BCF")), "in-force")])


def test_new_and_gone_figures_have_no_other_side() -> None:
    one = load(scheme_text(rule(fund="A"))).versions[0]
    other = load(scheme_text(rule(fund="B"))).versions[0]
    found = changes(one, other)
    assert {c.place for c in found if c.before is None and "B by platform" in c.place}
    assert {c.place for c in found if c.after is None and "A by platform" in c.place}
    assert all(c.before is None or c.after is None for c in found)


def test_what_a_scheme_calls_unverified_is_listed_with_note_and_source() -> None:
    first = load(shipped("US-NY-BCF")).versions[0]
    found = {doubt.place: doubt for doubt in doubts(first)}
    assert found[WHOLE].note == "the day from which 2.5 % held was not read"
    assert found["rules › BCF by customer › rounding"].value == "mode: half_up, step: 0.01"
    assert "trip records" in found["rules › BCF by customer › rounding"].source
    verified = load(scheme_text(rule())).versions[0]
    assert doubts(verified) == []


def test_a_side_is_chosen_by_day_by_id_or_as_in_force() -> None:
    document = load(shipped("US-NY-BCF"))
    assert choose(document).label == "US-NY-BCF 2024-01-01"
    assert choose(document, "2020-05-01").label == "US-NY-BCF 2020-01-01"
    assert choose(document, "2020-11-01").label == "US-NY-BCF 2020-11-01"
    assert choose(document, "in-force").label == "US-NY-BCF in force"
    with pytest.raises(ChoiceError, match="expected a day from 2020-01-01 on"):
        choose(document, "2019-12-31")
    with pytest.raises(ChoiceError, match="in-force or one of 2020-01-01"):
        choose(document, "newer")


@pytest.mark.parametrize(
    "word", ["basis=1", "worker.basis", "worker.=1", "worker.nik=3171", "worker.basis=1e9", "platform.gojek=1", "x.y=z"]
)
def test_assumptions_of_another_form_are_refused(word: str) -> None:
    with pytest.raises(ChoiceError, match="assumption"):
        assume([word])
