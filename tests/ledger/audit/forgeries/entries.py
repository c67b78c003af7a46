"""Forgeries of what entries say, one entry at a time, by who may write in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tests.ledger.audit.forgeries.table import By, Forger, Forgery, Who
from tests.ledger.audit.tampering import Edit, set_in

Pick = Callable[[Forger], int]
_ROW = 'WHERE journal = JOURNAL AND "index" = %s'


def told(forger: Forger) -> list[dict[str, Any]]:
    """All entries as plain values."""
    return [msgspec.json.decode(leaf) for leaf in forger.leaves()]


def accrual(forger: Forger) -> int:
    """An accrual with postings, neither among the first nor the last entries."""
    return forger.of_kind("accrual")[7]


def refusal(forger: Forger) -> int:
    """The first entry that refuses a record."""
    return forger.of_kind("rejection")[0]


def after(count: str) -> Pick:
    """An entry before which its topic's partition brought a duplicate, or an offset never came."""
    return lambda forger: next(n for n, entry in enumerate(told(forger)) if entry["cause"]["since"][count])


def signed(forger: Forger) -> int:
    """The first gig of the platform that signs all it sends."""
    return next(n for n, entry in enumerate(told(forger)) if "signature" in entry["cause"])


def opening(_: Forger) -> int:
    """Entry 0."""
    return 0


def edit(pick: Pick, change: Edit) -> Callable[[Forger], int]:
    """Change what an entry says, keeping it canonical."""

    def do(forger: Forger) -> int:
        index = pick(forger)
        forger.edit(index, change)
        return index

    return do


def digit(pick: Pick, text: bytes, within: bytes = b"") -> Callable[[Forger], int]:
    """Change one digit of a leaf, behind a text."""

    def do(forger: Forger) -> int:
        index = pick(forger)
        forger.flip(index, text, within)
        return index

    return do


def leaf(pick: Pick, make: Callable[[bytes], bytes]) -> Callable[[Forger], int]:
    """Put other bytes in an entry's place."""

    def do(forger: Forger) -> int:
        index = pick(forger)
        forger.set_leaf(index, make(forger.leaf(index)))
        return index

    return do


def sql(pick: Pick, statement: str, *values: object) -> Callable[[Forger], int]:
    """Run a statement at an entry."""

    def do(forger: Forger) -> int:
        index = pick(forger)
        forger.do(f"{statement} {_ROW}", *values, index)
        return index

    return do


def nowhere(do: Callable[[Forger], int]) -> Callable[[Forger], None]:
    """The same forgery, which makes no entry wrong in itself: what is named is the stretch between two checkpoints."""

    def forge(forger: Forger) -> None:
        do(forger)

    return forge


def swap(forger: Forger) -> int:
    """Two neighbours change places."""
    index = accrual(forger)
    one, other = forger.leaf(index), forger.leaf(index + 1)
    forger.set_leaf(index, other)
    forger.set_leaf(index + 1, one)
    return index


def invent(platform: str) -> Callable[[Forger], int]:
    """A gig that its platform never reported takes the place of one that another did."""

    def change(content: dict[str, Any]) -> None:
        content["cause"]["source"] = f"urn:iuran:platform:{platform}"
        content["cause"]["topic"] = content["cause"]["topic"].replace("gojek", platform)
        content["cause"]["id"] = "G-invented"

    return edit(accrual, change)


D, S = Who.DATABASE, By.STORED
ENTRIES: tuple[Forgery, ...] = (
    Forgery(
        "a contribution's amount is changed", D, S, "L1", "balance of .*: expected",
        digit(accrual, b'"amount":', b'"contributions"'), "L1",
    ),
    Forgery("a balance is changed", D, S, "L1", "balance of .*: expected", digit(accrual, b'"accrued":'), "L1"),
    Forgery(
        "a contribution is taken away", D, S, "L1", "balance of",
        edit(accrual, set_in("contributions", to=lambda c: c[1:])), "L1",
    ),
    Forgery(
        "another platform is made to pay", D, S, "L1", "payer",
        edit(accrual, set_in("contributions", 0, "payer", to="platform:grab")), "L2",
    ),
    Forgery(
        "the pay of a gig is changed", D, S, "L2", "tree: expected the root",
        nowhere(digit(accrual, b'"amount":"', b'"components"')), "L2",
    ),
    Forgery(
        "a gig is given to another worker", D, S, "L2", "column worker",
        edit(accrual, set_in("event", "subject", to="W-other")), "L2",
    ),
    Forgery("two entries change places", D, S, "L5", "own index", swap, "L5"),
    Forgery("an entry is deleted", D, S, "L5", "index|row", sql(accrual, "DELETE FROM entries"), "L2"),
    Forgery("an entry says another index", D, S, "L5", "own index", digit(accrual, b'"index":'), "L5"),
    Forgery(
        "an entry says another offset of its record", D, S, "L12", "since|cause",
        digit(accrual, b'"offset":'), "L12",
    ),
    Forgery(
        "a counted duplicate is hidden", D, S, "L12", "since: expected",
        edit(after("duplicates"), set_in("cause", "since", "duplicates", to=0)), "L12",
    ),
    Forgery(
        "a gap is hidden", D, S, "L12", "since: expected",
        edit(after("gap"), set_in("cause", "since", "gap", to=0)), "L12",
    ),
    Forgery(
        "an entry is spelt otherwise, saying the same", D, S, "L4", "canonical",
        leaf(accrual, lambda b: b.replace(b'"index":', b'"index": ')), "L4",
    ),
    Forgery(
        "an entry becomes bytes that are no text", D, S, "L4", "entry",
        leaf(accrual, lambda b: b.replace(b"ride", b"\xff\xfe")), "L4",
    ),
    Forgery("an entry becomes nothing", D, S, "L4", "entry", leaf(accrual, lambda _: b""), "L4"),
    Forgery(
        "an entry becomes a million bytes", D, S, "L4", "at most 65535 bytes",
        leaf(accrual, lambda _: b"[" * 1_000_000), "L2",
    ),
    Forgery("an entry's salt is changed", D, S, "L4", "salt: expected", digit(accrual, b'"salt":"'), "L2"),
    Forgery(
        "entry 0 names other keys", D, S, "L6", "entry 0: expected to name",
        edit(opening, set_in("event", "data", "own", to=["x"])), "L2",
    ),
    Forgery(
        "entry 0 names fewer journals", D, S, "L6", "entry 0",
        edit(opening, set_in("event", "data", "journals", to=1)), "L4",
    ),
    Forgery(
        "a refusal gets another code", D, S, "L12", "refused record",
        edit(refusal, set_in("rejection", "code", to="malformed")), "L2",
    ),
    Forgery(
        "a platform's signed gig is changed", D, S, "L4", "platform signature: expected",
        edit(signed, set_in("event", "time", to="2026-03-02T08:15:30Z")), "L4",
    ),
    Forgery(
        "the signature of a platform that signs all is dropped", D, S, "L4", "platform signature: expected one",
        edit(signed, lambda c: c["cause"].pop("signature")), "L4",
    ),
    Forgery("a gig of that platform is invented", D, S, "L4", "platform signature: expected one", invent("uber"), "L4"),
    Forgery(
        "a gig keeps a signature of another gig", D, S, "L4", "platform signature: expected",
        edit(signed, set_in("cause", "id", to="G-other")), "L4",
    ),
    Forgery(
        "the index of workers says another worker", D, S, "L2", "column worker",
        sql(accrual, "UPDATE entries SET worker = 'W-thief'"),
    ),
    Forgery(
        "a refusal is listed under a worker", D, S, "L2", "column worker",
        sql(refusal, "UPDATE entries SET worker = 'W-thief'"),
    ),
    Forgery(
        "the index of kinds says another kind", D, S, "L2", "column kind",
        sql(accrual, "UPDATE entries SET kind = 1"),
    ),
    Forgery(
        "the index of kinds says one unheard of", D, S, "L2", "column kind",
        sql(accrual, "UPDATE entries SET kind = 77"),
    ),
    Forgery(
        "an event's key is freed, so that it may act again", D, S, "L3", "column event_key",
        sql(accrual, "UPDATE entries SET event_key = NULL"),
    ),
    Forgery(
        "an event's key is another", D, S, "L3", "column event_key",
        sql(accrual, "UPDATE entries SET event_key = %s", "00" * 16),
    ),
    Forgery(
        "a refused record is erased without a trace", D, S, "L12", "refused record",
        sql(refusal, "DELETE FROM rejections"),
    ),
    Forgery(
        "a refused record's bytes are changed", D, S, "L12", "refused record",
        sql(refusal, "UPDATE rejections SET value = value || ' '"),
    ),
    Forgery(
        "a refused record's bytes are gone", D, S, "L12", "refused record",
        sql(refusal, "UPDATE rejections SET value = NULL"),
    ),
    Forgery(
        "a refused record is said to be erased, and kept in its headers", D, S, "L12", "refused record",
        sql(refusal, "UPDATE rejections SET key = NULL, value = NULL, headers = '[[\"aa\", null]]', "
            "erased_at = now(), erased_reason = 'x'"),
    ),
    Forgery(
        "a refused record gets another code", D, S, "L12", "refused record",
        sql(refusal, "UPDATE rejections SET code = 'malformed'"),
    ),
    Forgery(
        "a refused record gets another offset", D, S, "L12", "refused record",
        sql(refusal, 'UPDATE rejections SET "offset" = 4711'),
    ),
    Forgery(
        "a refused record is shown for an entry that refuses nothing", D, S, "L12", "refused record",
        lambda f: (f.do(f'UPDATE rejections SET "index" = 3 {_ROW}', refusal(f)) and 3) or 3,
    ),
)  # fmt: skip
