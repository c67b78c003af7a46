"""`deploy/FORGERIES.md`, written from the table: `python -m tests.ledger.audit.forgeries.page` after a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

from ledger.audit.findings import LAWS
from tests.ledger.audit.forgeries.entries import ENTRIES
from tests.ledger.audit.forgeries.exports import EXPORTS, STALE, Spoilt, Stale
from tests.ledger.audit.forgeries.journals import JOURNALS
from tests.ledger.audit.forgeries.receipts import RECEIPTS, Forged
from tests.ledger.audit.forgeries.rotations import ROTATIONS, Resigned
from tests.ledger.audit.forgeries.standing import STANDING, Still
from tests.ledger.audit.forgeries.table import Forgery
from tests.ledger.audit.forgeries.watched import WATCHED, Shown
from tests.ledger.audit.forgeries.witnesses import WITNESSES, Asked

Row = Forgery | Forged | Asked | Spoilt | Resigned | Still | Shown | Stale
PAGE = Path(__file__).parents[4] / "deploy" / "FORGERIES.md"
SECTIONS: tuple[tuple[str, Sequence[Row]], ...] = (
    ("What an entry says", ENTRIES),
    ("A journal as a whole", (*JOURNALS, *STANDING)),
    ("An export", EXPORTS),
    ("Keys that change", ROTATIONS),
    ("A receipt", RECEIPTS),
    ("What a witness is asked to cosign", (*WITNESSES, STALE)),
    ("What a watcher is shown", WATCHED),
)
BEGIN, END = "<!-- begin table -->\n", "<!-- end table -->\n"
COLUMNS = "| | what is done | by | found by | law | Go |\n| --- | --- | --- | --- | --- | --- |\n"


def table() -> str:
    """The rows, numbered through, under their titles, and what the laws say."""
    parts: list[str] = []
    numbers = count(1)
    for title, own in SECTIONS:
        parts.append(f"\n## {title}\n\n{COLUMNS}")
        for row, number in zip(own, numbers, strict=False):
            go = row.go or ("L6, held" if row.rewrites else "-")
            parts.append(f"| {number} | {row.what} | {row.who} | `{row.by}` | {row.law} | {go} |\n")
    laws = sorted({row.law for row in rows()}, key=lambda law: int(law[1:]))
    return "".join((*parts, "\n## The laws\n\n", *(f"- {law} {LAWS[law]}\n" for law in laws), "\n"))


def written(page: str) -> str:
    """The page with its table written anew."""
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


def rows() -> Iterable[Row]:
    """All rows, in the page's order."""
    return (row for _, own in SECTIONS for row in own)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
