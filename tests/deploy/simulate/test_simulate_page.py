"""The report opens without a network, says everything in words too, and says what it is about."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from deploy.cli.progress import SILENT
from deploy.simulate import words
from deploy.simulate.page import page
from deploy.simulate.plots import Frame, Series, bars, columns, lines
from deploy.simulate.running import simulate_file
from ledger.domain.simulation.result import Result
from tests.deploy.simulate.simulations import month, new_york, trial

VOID = {"meta", "br", "link", "img"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects what the page would fetch or run, its ids and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.referred: list[str] = []
        self.headings: list[int] = []
        self.tables = self.captions = self.pictures = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        own = dict(attrs)
        if tag in ("script", "iframe", "object", "embed", "img", "link", "base", "form"):
            self.fetched.append((tag, str(own)))
        self.fetched += [
            (tag, name) for name in own if name in ("src", "srcset", "xlink:href") or name.startswith("on")
        ]
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.referred += (own.get("aria-labelledby") or "").split()
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.pictures += tag == "svg"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return new_york(tmp_path_factory.mktemp("new-york"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("jakarta")
    return simulate_file(month(folder / "two.jsonl", 40, 12, 20), trial("ID-PERPRES-OJOL"), SILENT)


@pytest.mark.parametrize("which", ["compared", "alone"])
def test_the_page_is_whole_and_refers_to_nothing_outside(which: str, request: pytest.FixtureRequest) -> None:
    text = page(request.getfixturevalue(which))
    reader = Reader(text)
    assert reader.open == []
    assert reader.fetched == []
    assert not re.search(r"url\(|@import|javascript:", text)
    assert len(reader.ids) == len(set(reader.ids))
    assert set(reader.referred) <= set(reader.ids)
    assert reader.headings[0] == 1
    assert set(reader.headings[1:]) <= {2, 3}
    assert reader.headings[1] == 2
    assert reader.tables == reader.captions > 5
    assert reader.pictures >= 6
    assert text == page(request.getfixturevalue(which))


def test_the_page_says_what_matters_in_words(compared: Result) -> None:
    text = page(compared)
    assert "On these 532 gigs of April 2020, customers would pay USD" in text
    for version in (compared.trial.tried.acting(), compared.trial.against.acting(compared.days.last)):
        assert version.digest in text
    assert "31 of 31 workers are made up" in text
    assert "Unverified figures" in text
    assert "the day from which 2.5 % held was not read" in text
    assert "0.0275" not in text
    assert "W-madeup-" not in text


def test_a_draft_is_called_one_and_owed_by_nobody(alone: Result) -> None:
    text = page(alone)
    assert "ID-PERPRES-OJOL is a draft: it is no law, and nobody owes any of this." in text
    assert "synthetic gigs" in text
    assert "It is held against nothing" in text
    assert "goes beyond a limit of the draft" in text
    assert "(the platform keeps more than 10 % of the fare)" in text
    assert re.search("<h1>Indonesia: draft presidential regulation", text)
    assert "month by month" in text
    assert "W-synth-" not in text


def test_what_schemes_and_files_say_cannot_become_markup(compared: Result) -> None:
    hostile = compared.trial.tried._replace(title="<script>alert(1)</script>", scheme='X"><b>')
    origin = compared.origin._replace(name="<img src=x>")
    text = page(Result(**(vars(compared) | {"trial": compared.trial._replace(tried=hostile), "origin": origin})))
    assert Reader(text).fetched == []


FRAME = Frame("f", "A <title>", "what & why", 330)
AFTER = Series("after", "after", [1, 2, 3], ["1", "2", "3"])


@pytest.mark.parametrize("values", [[0, -250, 9_000_000], [0, 0, 0], [-5, -1, -3], [7, 7, 10**17]])
def test_pictures_are_well_formed_and_stay_within_their_frame(values: list[int]) -> None:
    series = [Series("before", "before", values, [str(v) for v in values]), AFTER]
    labels = ["a", "b", "a label that is much too long"]
    drawn = [bars(FRAME, labels, series), columns(FRAME, labels, series, str), lines(FRAME, labels, series, str)]
    for text in drawn:
        root = ET.fromstring(text)
        _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
        for shape in root.iter("{http://www.w3.org/2000/svg}rect"):
            x, y, w, h = (float(shape.attrib[name]) for name in ("x", "y", "width", "height"))
            assert x >= 0
            assert x + w <= width + 1
            assert y >= 0
            assert y + h <= height + 1
            assert w >= 0
            assert h >= 0
        assert root.find("{http://www.w3.org/2000/svg}title").text == "A <title>"


def test_amounts_are_told_exactly_or_as_rounded(alone: Result) -> None:
    assert words.amount(alone, 16_800 * 100) == "IDR 16,800"
    assert words.amount(alone, 1_234_567_00) == "about IDR 1.23 million"
    assert words.amount(alone, 20_000_000_00) == "IDR 20.0 million"
    assert words.amount(alone, -895_332_000_00) == "about IDR -895 million"
    assert words.brief(alone, 1_500_00) == "1.5k"
    assert words.figure(alone, 1_234_567_50) == "1,234,567.50"
    assert words.average(alone, 100_00, 3) == 33_00
    assert words.signed("0.00") == "0.00"
    assert words.signed("0.10") == "+0.10"
    assert words.signed("-0.10") == "-0.10"
