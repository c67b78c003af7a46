"""The operations of a line: each by its key, what it takes and gives, and an example that the reference page prints.

A line has exactly one of them. Whether an operation takes numbers or days, and how many, stands here for the reader;
the JSON Schema and the reference page are generated from the same table.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Operation(NamedTuple):
    """One operation: the type of what its key takes, how many operands (0: as many as you like, from two on)."""

    takes: str
    operands: int
    gives: str
    says: str
    example: str


OPERATIONS: Final[dict[str, Operation]] = {
    "value": Operation(
        "operand",
        1,
        "what it reads",
        "a figure, or what another name reads (to round or to bound it)",
        '{value: "6800"}',
    ),
    "add": Operation("operands", 0, "number", "all of them together", "{add: [time_part, mile_part]}"),
    "subtract": Operation(
        "two operands", 2, "number", "the first less the second", '{subtract: [floor, pay], at_least: "0"}'
    ),
    "times": Operation("operands", 0, "number", "one times the other", '{times: [basis, "0.01"]}'),
    "divide": Operation(
        "two operands",
        2,
        "number",
        "the first by the second, exact; no value where the second is 0",
        "{divide: [net, window.months]}",
    ),
    "least": Operation("operands", 0, "number", "the smallest", "{least: [by_turnover, by_payouts]}"),
    "greatest": Operation("operands", 0, "number", "the largest", "{greatest: [floor, pay]}"),
    "lookup": Operation(
        "table name",
        0,
        "what the table holds",
        "the row that matches; `column:` where it has several",
        "{lookup: rates, column: worker}",
    ),
    "choose": Operation(
        "choices",
        0,
        "what its branches give",
        "the first branch whose conditions hold; `otherwise: nothing` gives no value",
        '{choose: [{when: {net: {to: "500"}}, then: "0"}, {otherwise: full}]}',
    ),
    "posted": Operation(
        "posted",
        0,
        "number",
        "what was posted so far, in the money or hours of the rules",
        "{posted: {fund: CPF, payer: worker, window: month}}",
    ),
    "due": Operation("due", 0, "day", "a day after the window's end", "{due: {months: 1, day: 14, roll: working}}"),
    "starts": Operation(
        "starts",
        0,
        "day",
        "the day from which a choice holds: a month from its first day; a day until `cutoff_day` from the next "
        "month on, "
        "later from the month after; of several names the latest",
        "{starts: worker.opted_in, cutoff_day: 15}",
    ),
    "months_or_part": Operation(
        "two operands",
        2,
        "number",
        "months begun from the first day to the second, 0 if it is not later",
        "{months_or_part: [due_day, remittance.date]}",
    ),
}
COLUMN: Final = "column"
CUTOFF: Final = "cutoff_day"
SIDE_KEYS: Final = {"lookup": (COLUMN,), "starts": (CUTOFF,)}
"""Keys that stand beside an operation's own."""
NUMERIC: Final = ("add", "subtract", "times", "divide", "least", "greatest")
