"""`iuran rejected` as typed, on a real ledger: what was refused is shown safely, published again, and erased."""

from __future__ import annotations

import json

import pytest

from contracts.entry import decode
from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from tests.support.commands import Door
from tests.support.ledgers import found, gig
from tests.support.running import findings

pytestmark = pytest.mark.stack

HOSTILE = b'{"name":"\x1b[31mBudi\x07\xe2\x80\xae"'
UNKNOWN = gig("G-7", "W-01", "1") | {"type": "gig.reversed.v1", "data": {"gig": "G-1"}}


@pytest.fixture(scope="module")
def door(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Door:
    """A ledger that refused hostile bytes, a reversal that came before its gig, and a null byte."""
    folder = tmp_path_factory.mktemp("rejected")
    ledger = found(servers, folder / "home", schemes=())
    ledger.publish(HOSTILE, UNKNOWN, b"\xff\x00")
    ledger.drain()
    return Door(ledger, folder)


def kinds(door: Door) -> list[str]:
    """What each entry from a gig's topic is, over all journals."""
    entries = [decode(leaf) for n in range(door.ledger.settings.journals) for leaf in door.ledger.leaves(n)]
    return sorted(entry.kind for entry in entries if entry.cause.topic.endswith("gojek"))


def test_refused_records_from_their_listing_to_their_erasure(door: Door) -> None:
    listed = json.loads(door.ok("rejected", "list", "--json"))
    assert sorted(one["code"] for one in listed) == ["malformed", "malformed", "unknown_gig"]
    assert all(one["erased"] is None and one["topic"].endswith("gigs.gojek") for one in listed)
    assert not {"value", "key", "headers"} & set(listed[0]), "a listing holds no bytes that strangers sent"
    assert len(json.loads(door.ok("rejected", "list", "--json", "--code", "unknown_gig", "--platform", "gojek"))) == 1
    assert len(door.ok("rejected", "list", "--limit", "2").splitlines()) == 2
    shown = [json.loads(door.ok("rejected", "show", str(o["journal"]), str(o["index"]), "--json")) for o in listed]
    values = {one["value"]: one for one in shown}
    assert "0xff00" in values
    (hostile,) = [one for one in shown if "Budi" in one["value"]]
    place = (str(hostile["journal"]), str(hostile["index"]))
    told = door.ok("rejected", "show", *place)
    assert told.isascii() and told.replace("\n", "").isprintable(), "nothing reaches a terminal as it came"
    assert door.run("rejected", "show", *place, "--raw").stdout_bytes == HOSTILE

    # the gig comes, and the reversal that came before it is published again
    door.ledger.publish(gig("G-1", "W-01", "20000"))
    door.ledger.drain()
    assert kinds(door) == ["accrual", "rejection", "rejection", "rejection"]
    again = json.loads(door.ok("rejected", "replay", "--code", "unknown_gig", "--json"))
    assert len(again) == 1 and again[0]["offset"] > 0
    door.ledger.drain()
    assert kinds(door) == ["accrual", "rejection", "rejection", "rejection", "reversal"]
    door.ok("rejected", "replay", *place)
    door.ok("rejected", "replay", "--code", "unknown_gig")
    door.ledger.drain()
    # what does not fit is refused anew, what was accepted meanwhile is a counted duplicate
    assert kinds(door) == ["accrual", *["rejection"] * 4, "reversal"]
    assert findings(door.ledger) == []

    said = door.ok("rejected", "erase", *place, "--reason", "personal_data")
    assert f"{place[0]}/{place[1]}: erased" in said
    assert f"{hostile['topic']}, partition {hostile['partition']}, offset {hostile['offset']}" in said
    assert "nothing was changed" in door.ok("rejected", "erase", *place, "--reason", "other")
    erased = json.loads(door.ok("rejected", "show", *place, "--json"))
    assert "value" not in erased and erased["erased"]["reason"] == "personal_data"
    assert "(erased: personal_data)" in door.ok("rejected", "list")
    for gone in (("replay", *place), ("show", *place, "--raw")):
        refused = door.run("rejected", *gone)
        assert isinstance(refused.exception, Unfit) and "got one that was erased" in str(refused.exception)
    assert findings(door.ledger) == []
    verified = door.ok("audit", "verify")
    assert "1 refused records are erased" in verified
    assert verified.splitlines()[-1].startswith("verified: 2 journals")
    # all that were malformed: the erased one is left out
    assert len(json.loads(door.ok("rejected", "replay", "--code", "malformed", "--json"))) == 2


def test_wishes_that_can_not_be(door: Door) -> None:
    refusals = {
        ("replay",): "expected either JOURNAL and INDEX, or --code",
        ("replay", "0"): "expected either JOURNAL and INDEX, or --code",
        ("replay", "0", "1", "--code", "malformed"): "expected either JOURNAL and INDEX, or --code",
        ("show", "0", "0"): "expected a refused record, got none",
        ("erase", "0", "0", "--reason", "word"): "expected a refused record, got none",
        ("list", "--platform", "nobody"): "expected a registered one (gojek), got another",
    }
    for arguments, said in refusals.items():
        got = door.run("rejected", *arguments)
        assert isinstance(got.exception, Unfit) and said in str(got.exception), (arguments, got.output)
    assert door.run("rejected", "list", "--code", "disliked").exit_code == 2
