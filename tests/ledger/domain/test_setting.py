"""Open parameters set by an act: texts that carry the figure and its source from a day on, and nothing else changed."""

from __future__ import annotations

import json
from datetime import date

import pytest

from ledger.domain.language import parse
from ledger.domain.language.setting import texts_setting
from ledger.domain.language.tree import SchemeError
from ledger.domain.registry import Registry
from ledger.domain.scheme import Version
from tests.ledger.domain.teller import Teller
from tests.ledger.domain.worlds import SHIPPED, gig, load

KOREA = load((SHIPPED / "KR-EI-PLATFORM.yaml").read_text()).versions
NOTICE = ("Notice 2025-7 on expense rates", "https://example.org/7")
TWO = """\
scheme: X-TWO
title: a rate left open, under two texts
status: example
currency: IDR
time_zone: Asia/Jakarta
zones: [ID]
sources: {own: {title: own}, more: {title: more}}
versions:
  - from: 2026-01-01
    source: own
    parameters: {rate: {value: open, at_most: "0.5", source: more}, other: "0.1"}
    measures: {pay: {include: all}}
    lines: {due: {times: [pay, rate, other]}}
    rules:
      - {fund: A, payer: worker, window: month, platforms: each, amount: due, rounding: {mode: down, step: "1"}}
  - from: 2027-01-01
    source: own
    parameters: {rate: open}
    measures: {pay: {include: all}}
    rules:
      - {fund: A, payer: worker, window: month, platforms: each, base: pay, rate: rate,
         rounding: {mode: down, step: "1"}}
"""


def setting(enacted: tuple[Version, ...], day: str, **values: str) -> list[Version]:
    return texts_setting(enacted, values, date.fromisoformat(day), *NOTICE)


def test_a_text_carries_the_figure_and_its_source_and_is_read_back() -> None:
    (made,) = setting(KOREA, "2025-07-01", expense_rate="0.306")
    assert (made.id, made.scheme, made.status) == ("2025-07-01", "KR-EI-PLATFORM", "historic")
    assert parse(made.text, "text") == made
    (parameter,) = made.parameters
    source = next(own for own in made.sources if own.key == parameter.cite.source)
    assert (str(parameter.value), source.title, source.url) == ("153/500", *NOTICE)
    before, after = json.loads(KOREA[0].text), json.loads(made.text)
    assert {key for key in after["version"] if after["version"][key] != before["version"].get(key)} == {
        "from",
        "parameters",
    }


def test_what_was_set_is_posted_and_said_no_longer() -> None:
    law = Registry(KOREA)
    unset, done = Teller(law), Teller(law.enact(setting(KOREA, "2022-03-01", expense_rate="0.306")[0]))
    paid = gig(3_000_000, currency="KRW", zone="KR", occurred_at=1_646_100_000)
    assert unset.gig("G-1", paid) == []
    assert [(said.kind, said.value) for said in unset.said] == [("parameter_unset", "expense_rate")]
    assert [(own.version, own.amount) for own in done.gig("G-1", paid)] == [("2022-03-01", 14_574)] * 2
    assert done.said == []


def test_a_figure_of_the_same_day_is_a_revision_and_a_later_one_a_version() -> None:
    enacted = (*KOREA, *setting(KOREA, "2025-07-01", expense_rate="0.3"))
    (mended,) = setting(enacted, "2025-07-01", expense_rate="0.31")
    (later,) = setting((*enacted, mended), "2026-01-01", expense_rate="0.32")
    assert (mended.id, later.id) == ("2025-07-01.2", "2026-01-01")
    assert "set_2025_07_01" not in later.text
    assert setting((*enacted, mended, later), "2025-07-01", expense_rate="0.31") == [mended]


def test_what_stands_so_already_is_given_as_it_stands() -> None:
    """So that doing it again after a crash announces the very same act."""
    made = setting(KOREA, "2025-07-01", expense_rate="0.306")
    assert setting((*KOREA, *made), "2025-07-01", expense_rate="0.306") == made
    (first,) = setting(KOREA, "2022-01-01", expense_rate="0.306")
    assert first.id == "2022-01-01.2"
    assert setting((*KOREA, first), "2022-01-01", expense_rate="0.306") == [first]


def test_later_texts_that_leave_it_open_are_set_too_until_one_says_a_figure() -> None:
    law = load(TWO).versions
    assert [own.id for own in setting(law, "2026-06-01", rate="0.25")] == ["2026-06-01", "2027-01-01.2"]
    first = setting(law, "2027-02-01", rate="0.4")
    assert [own.id for own in first] == ["2027-02-01"]
    whole = (*law, *first)
    made = setting(whole, "2026-06-01", rate="0.25")
    assert [own.id for own in made] == ["2026-06-01", "2027-01-01.2"]
    again = setting((*whole, *made), "2026-03-01", rate="0.2")
    assert [own.id for own in again] == ["2026-03-01"]
    assert '"more"' not in made[0].text


@pytest.mark.parametrize(
    ("day", "values", "told"),
    [
        ("2025-12-31", {"rate": "0.1"}, "expected a version in force on 2025-12-31, got none"),
        ("2026-01-01", {"fee": "0.1"}, "expected one of its parameters other, rate, got fee"),
        ("2026-01-01", {"other": "0.2"}, "expected a parameter that is left open"),
        ("2026-01-01", {"rate": "0.51"}, "lies outside its own bounds"),
        ("2026-01-01", {"rate": "2%"}, "expected a decimal"),
        ("2026-01-01", {"rate": "-0.1"}, "expected 0 or more"),
    ],
)
def test_what_can_not_be_set_is_refused(day: str, values: dict[str, str], told: str) -> None:
    with pytest.raises((ValueError, SchemeError), match=told):
        setting(load(TWO).versions, day, **values)
